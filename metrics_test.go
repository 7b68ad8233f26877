package main

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestMetricsAreOnTheirOwnAddress: and nowhere without the setting.
func TestMetricsAreOnTheirOwnAddress(t *testing.T) {
	t.Chdir(t.TempDir())
	get := func(url string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	plain := start(t, "--listen", "127.0.0.1:0", "--data", "plain")
	if status, body := get(plain.url + "/metrics"); status == 200 || strings.Contains(body, "kalends_") || strings.Contains(plain.greeting, "Metrics") {
		t.Errorf("without the setting GET /metrics: %d %s", status, body)
	}
	p := start(t, "--listen", "127.0.0.1:0", "--data", "measured", "--metrics-listen", "127.0.0.1:0")
	m := regexp.MustCompile(`Metrics +(http://\S+)/metrics\n`).FindStringSubmatch(p.greeting)
	if m == nil {
		t.Fatalf("no address of metrics in\n%s", p.greeting)
	}
	if status, body := get(p.url + "/metrics"); status == 200 || strings.Contains(body, "kalends_") {
		t.Errorf("GET /metrics on the main address: %d %s", status, body)
	}
	if status, _ := get(m[1] + "/dav/"); status != 404 {
		t.Errorf("GET /dav/ on the address of metrics: %d, want 404", status)
	}
	get(p.url + "/dav/")
	status, body := get(m[1] + "/metrics")
	if status != 200 {
		t.Fatalf("GET /metrics: %d %s", status, body)
	}
	for _, want := range []string{
		"kalends_storage_up 1", `kalends_http_requests_total{method="GET",status="`, "kalends_reminder_lateness_seconds_count 0",
		"kalends_reminders_overdue 0", "kalends_storage_statements_total ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(body, "\n"+want) {
			t.Errorf("metrics have no %q in\n%s", want, body)
		}
	}
	if strings.Contains(body, `"/`) || strings.Contains(body, "admin") {
		t.Error("metrics hold more than numbers")
	}
}
