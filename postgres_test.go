package main

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"kalends/internal/pgtest"
)

// Servers that start together on an empty Postgres migrate it once and make one
// first account between them.
func TestServersStartTogetherOnPostgres(t *testing.T) {
	url := pgtest.URL(t)
	t.Chdir(t.TempDir())
	if status, _, errs := kalends(t, "", "user", "list", "--database", url); status != 1 || !strings.Contains(errs, "run kalends migrate") {
		t.Errorf("user list on an empty database: %d %s", status, errs)
	}
	if status, _, errs := kalends(t, "", "serve", "--listen", "127.0.0.1:0", "--no-migrate", "--database", url); status != 1 || !strings.Contains(errs, "run kalends migrate") {
		t.Errorf("serve --no-migrate on an empty database: %d %s", status, errs)
	}

	servers := make([]*process, 3)
	for i := range servers {
		servers[i] = launch(t, "--listen", "127.0.0.1:0", "--database", url)
	}
	first := 0
	for _, p := range servers {
		p.greet()
		if strings.Contains(p.greeting, "First account") {
			first++
		}
		if status, body := get(t, p.url+"/readyz"); status != 200 {
			t.Errorf("GET /readyz = %d %s", status, body)
		}
		p.signal(syscall.SIGTERM)
		if state, errs := p.wait(); !state.Success() {
			t.Errorf("after SIGTERM: %v\n%s", state, errs)
		}
	}
	if first != 1 {
		t.Errorf("%d servers made a first account, want 1", first)
	}
	if out := ok(t, "user", "list", "--format", "csv", "--database", url); strings.Count(out, "\n") != 2 {
		t.Errorf("accounts:\n%s", out)
	}
	ok(t, "migrate", "--database", url)
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// While the database is away the server says so, and goes on when it is back.
func TestADatabaseThatGoesAndComesBack(t *testing.T) {
	db, err := pgtest.Start(t.Context(), pgtest.Config{})
	if errors.Is(err, pgtest.ErrMissing) {
		pgtest.URL(t) // decides whether that fails or skips the test
	}
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	t.Chdir(t.TempDir())
	p := start(t, "--listen", "127.0.0.1:0", "--database", db.URL("postgres"))
	want := func(path string, status int) {
		t.Helper()
		for end := time.Now().Add(2 * time.Minute); ; {
			got, body := get(t, p.url+path)
			if got == status {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("GET %s = %d %s, want %d", path, got, body, status)
			}
		}
	}
	want("/readyz", 200)
	db.Stop()
	want("/readyz", 503)
	want("/healthz", 200)
	if err := db.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	want("/readyz", 200)
	p.signal(syscall.SIGTERM)
	if state, errs := p.wait(); !state.Success() {
		t.Errorf("after SIGTERM: %v\n%s", state, errs)
	}
}
