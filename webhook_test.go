package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestWebhookFromEndToEnd: a webhook is made on the command line, an event comes by CalDAV, the server tells the receiver, and openssl
// finds the signature good. A backup of the database does not hold the secret.
func TestWebhookFromEndToEnd(t *testing.T) {
	t.Chdir(t.TempDir())
	type message struct {
		header http.Header
		body   []byte
	}
	came := make(chan message, 10)
	var status atomic.Int64
	status.Store(http.StatusNoContent)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		came <- message{r.Header, body}
		w.WriteHeader(int(status.Load()))
	}))
	defer srv.Close()
	next := func() message {
		t.Helper()
		select {
		case m := <-came:
			return m
		case <-time.After(2 * time.Minute):
			t.Fatal("no message came")
		}
		return message{}
	}

	if status, _, errs := kalends(t, "correct horse\n", "user", "add", "alice", "--email", "alice@example.com", "--password-stdin"); status != 0 {
		t.Fatal(errs)
	}
	key := strings.Repeat("0123456789abcdef", 3)
	writeFiles(t, "webhook.key", key+"\n", "short.key", "short")
	local := []string{"--webhook-networks", "127.0.0.0/8", "--webhook-key-file", "webhook.key"}
	with := func(args ...string) []string { return append(args, local...) }
	for _, args := range [][]string{
		{"webhook", "add", "alice", srv.URL}, {"webhook", "add", "alice", "https://127.0.0.1/"}, with("webhook", "add", "nobody", srv.URL),
		with("webhook", "add", "alice", srv.URL, "--kind", "event.seen"), with("webhook", "add", "alice", srv.URL, "--calendar", "nowhere"),
		{"webhook", "list", "alice", "--webhook-key-file", "short.key"}, {"webhook", "list", "alice", "--webhook-key-file", "none.key"},
		{"webhook", "list", "alice", "--webhook-networks", "10.0.0.0/99"}, with("webhook", "test", "alice", "whkaeba"), with("webhook", "remove", "alice", "x"),
	} {
		if status, _, errs := kalends(t, "", args...); status == 0 || strings.Count(errs, "\n") != 1 {
			t.Errorf("kalends %s: %d %s", strings.Join(args, " "), status, errs)
		}
	}
	secret := strings.TrimSpace(ok(t, with("webhook", "add", "alice", srv.URL+"/hook?token=hush", "--label", "Lights", "--calendar", "calendar")...))
	if !regexp.MustCompile(`^whsec_[A-Za-z0-9+/]{43}=$`).MatchString(secret) {
		t.Fatalf("standard output is %q, want the secret alone", secret)
	}
	list := ok(t, with("webhook", "list", "alice")...)
	m := regexp.MustCompile(`(?m)^(whk\w+) +127\.0\.0\.1:\d+ +on +0 +- +1 +all +Lights$`).FindStringSubmatch(list)
	if m == nil || strings.Contains(list, "hush") {
		t.Fatalf("the list:\n%s", list)
	}

	p := start(t, with("--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0")...)
	defer func() { p.signal(syscall.SIGTERM); p.wait() }()
	put := func(uid string) {
		t.Helper()
		r := must(http.NewRequest("PUT", p.url+"/dav/calendars/alice/calendar/"+uid+".ics", strings.NewReader(vcalendar(vevent(uid, "SUMMARY:Dentist")))))
		r.SetBasicAuth("alice", "correct horse")
		r.Header.Set("Content-Type", "text/calendar")
		res := must(http.DefaultClient.Do(r))
		res.Body.Close()
		if res.StatusCode != http.StatusCreated {
			t.Fatalf("PUT: %s", res.Status)
		}
	}
	put("a")
	got := next()
	var body struct {
		ID       string
		Sequence int
		Changes  []struct{ Type, UID string }
	}
	if err := json.Unmarshal(got.body, &body); err != nil || body.Sequence != 1 || body.ID != got.header.Get("webhook-id") || body.Changes[0].Type != "event.created" || body.Changes[0].UID != "a" {
		t.Errorf("came %s, %v", got.body, err)
	}
	if strings.Contains(string(got.body), "Dentist") {
		t.Errorf("what is in the event is told: %s", got.body)
	}
	if openssl, err := exec.LookPath("openssl"); err == nil {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil {
			t.Fatal(err)
		}
		c := exec.Command(openssl, "dgst", "-sha256", "-mac", "HMAC", "-macopt", "hexkey:"+hex.EncodeToString(raw), "-binary")
		c.Stdin = strings.NewReader(fmt.Sprintf("%s.%s.%s", got.header.Get("webhook-id"), got.header.Get("webhook-timestamp"), got.body))
		sum, err := c.Output()
		if err != nil {
			t.Fatal(err)
		}
		if want := "v1," + base64.StdEncoding.EncodeToString(sum); got.header.Get("webhook-signature") != want {
			t.Errorf("signature %s, openssl says %s", got.header.Get("webhook-signature"), want)
		}
	}

	ok(t, with("webhook", "test", "alice", m[1])...)
	if got := next(); !strings.Contains(string(got.body), `"type":"webhook.test"`) {
		t.Errorf("as a test came %s", got.body)
	}
	ok(t, with("webhook", "pause", "alice", m[1])...)
	put("b")
	if second := strings.TrimSpace(ok(t, with("webhook", "rotate", "alice", m[1])...)); second == secret || !strings.HasPrefix(second, "whsec_") {
		t.Errorf("rotated: %q", second)
	}
	ok(t, with("webhook", "resume", "alice", m[1])...)
	if got := next(); !strings.Contains(string(got.body), `"uid":"b"`) || strings.Count(got.header.Get("webhook-signature"), "v1,") != 2 {
		t.Errorf("after the pause came %s, signed %s", got.body, got.header.Get("webhook-signature"))
	}

	// How it went is told, and measured.
	deadline := time.Now().Add(2 * time.Minute)
	for {
		out := ok(t, with("webhook", "deliveries", "alice", m[1])...)
		if strings.Count(out, " done ") == 3 {
			if !regexp.MustCompile(`(?m)^2 +\S+ +test +done +1 +\S+ +204 +-$`).MatchString(out) {
				t.Errorf("deliveries:\n%s", out)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("deliveries:\n%s", out)
		}
		<-time.After(20 * time.Millisecond)
	}
	at := regexp.MustCompile(`Metrics +(http://\S+)/metrics\n`).FindStringSubmatch(p.greeting)[1]
	res := must(http.Get(at + "/metrics"))
	text := string(must(io.ReadAll(res.Body)))
	res.Body.Close()
	for _, line := range []string{`kalends_webhook_deliveries_total{outcome="sent"} 3`, "kalends_webhook_waiting 0", "kalends_webhook_oldest_seconds 0"} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("%s is not in the metrics", line)
		}
	}

	// What is stored opens with the key only, and 410 ends it with a mail to its owner.
	for _, file := range []string{"kalends-data/kalends.db", "kalends-data/kalends.db-wal"} {
		if db, err := os.ReadFile(file); err == nil {
			raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
			if strings.Contains(string(db), string(raw)) || strings.Contains(string(db), secret[6:]) || strings.Contains(string(db), key) {
				t.Errorf("%s holds the secret or its key", file)
			}
		}
	}
	status.Store(http.StatusGone)
	put("c")
	next()
	for deadline = time.Now().Add(2 * time.Minute); ; <-time.After(20 * time.Millisecond) {
		mails := must(os.ReadDir("kalends-data/mail"))
		if len(mails) > 0 {
			mail := string(must(os.ReadFile("kalends-data/mail/" + mails[0].Name())))
			if !strings.Contains(mail, "Webhook switched off: Lights") || strings.Contains(mail, "hush") || !strings.Contains(mail, "alice@example.com") {
				t.Errorf("the mail:\n%s", mail)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no mail came")
		}
	}
	if list := ok(t, with("webhook", "list", "alice")...); !strings.Contains(list, "off (gone)") {
		t.Errorf("the list:\n%s", list)
	}
	ok(t, with("webhook", "remove", "alice", m[1])...)
}
