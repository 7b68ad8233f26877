package httpserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kalends/internal/obs"
)

// clock is a time that tests set.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// pair makes a certificate for host in dir and returns the names of its files.
func pair(t *testing.T, dir, host string, now time.Time) (cert, key string) {
	t.Helper()
	cert, key = filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	if err := writeSelfSigned(dir, cert, key, []string{host}, now); err != nil {
		t.Fatal(err)
	}
	return cert, key
}

func names(t *testing.T, c *Certificate) []string {
	t.Helper()
	got, err := c.get(nil)
	if err != nil {
		t.Fatal(err)
	}
	return got.Leaf.DNSNames
}

func TestACertificateIsReadAgainWhenItChanges(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	clock := &clock{time.Now()}
	cert, key := pair(t, dir, "one.example.com", clock.t)
	var out log
	c, err := LoadCertificate(cert, key, clock.now, obs.NewLogger(&out, slog.LevelInfo, false))
	if err != nil {
		t.Fatal(err)
	}
	want := func(when, host string) {
		t.Helper()
		if got := names(t, c); !slices.Contains(got, host) {
			t.Errorf("%s the certificate is for %v, want %s", when, got, host)
		}
	}
	want("at first", "one.example.com")

	// The new certificate is there, its key not yet: the old pair stays in use.
	newCert, newKey := pair(t, other, "two.example.com", clock.t)
	if err := os.Rename(newCert, cert); err != nil {
		t.Fatal(err)
	}
	want("before it is looked at again", "one.example.com")
	clock.t = clock.t.Add(recheck)
	want("with only half of the new pair", "one.example.com")
	if err := os.Rename(newKey, key); err != nil {
		t.Fatal(err)
	}
	clock.t = clock.t.Add(recheck)
	want("with the new pair", "two.example.com")

	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	clock.t = clock.t.Add(recheck)
	want("without the file", "two.example.com")
	if n := strings.Count(out.String(), "level=WARN"); n != 2 {
		t.Errorf("%d warnings, want 2:\n%s", n, out.String())
	}
}

func TestABadPairIsOneClearLine(t *testing.T) {
	one, two, now := t.TempDir(), t.TempDir(), time.Now()
	cert, key := pair(t, one, "one.example.com", now)
	_, otherKey := pair(t, two, "two.example.com", now)
	text := filepath.Join(one, "text")
	if err := os.WriteFile(text, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	oldCert, oldKey := pair(t, t.TempDir(), "old.example.com", now.AddDate(-4, 0, 0))
	for _, tt := range []struct{ name, cert, key, want string }{
		{"another's key", cert, otherKey, "do not work together: private key does not match public key"},
		{"no file", filepath.Join(one, "none"), key, "none is not there"},
		{"no certificate in it", text, key, "do not work together: "},
		{"a folder", one, key, "is a directory"},
		{"an old one", oldCert, oldKey, "ended on "},
	} {
		_, err := LoadCertificate(tt.cert, tt.key, time.Now, quiet())
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: LoadCertificate = %v, want … %s", tt.name, err, tt.want)
		}
	}
}

func TestTheSelfSignedCertificateIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	clock := &clock{time.Now()}
	open := func(hosts ...string) *Certificate {
		t.Helper()
		c, err := SelfSigned(dir, hosts, clock.now, quiet())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := open("cal.example.com", "0.0.0.0", "192.0.2.7")
	have := first.Names()
	for _, want := range []string{"localhost", "127.0.0.1", "::1", "cal.example.com", "192.0.2.7"} {
		if !slices.Contains(have, want) {
			t.Errorf("the certificate is for %v, without %s", have, want)
		}
	}
	if life := first.current.Leaf.NotAfter.Sub(first.current.Leaf.NotBefore); life > 825*24*time.Hour {
		t.Errorf("it lives %v, Apple's programs take 825 days", life)
	}
	if fi, err := os.Stat(filepath.Join(dir, "self-signed.key")); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the key file: %v, %v", fi.Mode(), err)
	}
	if fi, err := os.Stat(dir); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", fi.Mode(), err)
	}
	if again := open("cal.example.com"); again.Fingerprint() != first.Fingerprint() {
		t.Error("it was made again at the next start")
	}
	other := open("calendar.example.org")
	if other.Fingerprint() == first.Fingerprint() || !slices.Contains(other.Names(), "calendar.example.org") {
		t.Errorf("a new host is not in it: %v", other.Names())
	}
	// A crash while writing: the key of one, the certificate of another.
	if err := os.WriteFile(filepath.Join(dir, "self-signed.key"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	whole := open("calendar.example.org")

	// A server that runs for years makes a new one before the old one ends.
	clock.t = clock.t.AddDate(0, 0, 794)
	if got, _ := whole.get(nil); got.Leaf.NotAfter.Before(clock.t) {
		t.Error("it ended before 794 days")
	}
	clock.t = clock.t.AddDate(0, 0, 10)
	got, _ := whole.get(nil)
	if got.Leaf.NotAfter.Sub(clock.t) < 700*24*time.Hour {
		t.Errorf("a month before its end it was not made anew: until %v, now %v", got.Leaf.NotAfter, clock.t)
	}
}

func TestHTTPSWithHTTP2(t *testing.T) {
	c, err := SelfSigned(t.TempDir(), []string{"127.0.0.1"}, time.Now, quiet())
	if err != nil {
		t.Fatal(err)
	}
	l, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	started, finish := make(chan struct{}), make(chan struct{})
	s := &Server{
		Listener: l, TLS: c.TLSConfig(), Log: quiet(), Grace: 10 * time.Second, Request: 30 * time.Second, Stall: 30 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				close(started)
				<-finish
			}
			body, _ := io.ReadAll(r.Body)
			io.WriteString(w, r.Proto+" "+string(body))
		}),
	}
	ctx, stop := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- s.Run(ctx) }()

	roots := x509.NewCertPool()
	roots.AddCert(c.current.Leaf)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	client := &http.Client{Transport: transport}
	post := func(path string) string {
		resp, err := client.Post("https://"+addr+path, "text/plain", strings.NewReader("hello"))
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return err.Error()
		}
		return string(body)
	}
	if got := post("/"); got != "HTTP/2.0 hello" {
		t.Errorf("POST over TLS = %q", got)
	}
	old := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, NextProtos: []string{"http/1.1"}}}
	resp, err := (&http.Client{Transport: old}).Get("https://" + addr + "/healthz")
	if err != nil || resp.ProtoMajor != 1 || resp.StatusCode != 200 {
		t.Errorf("HTTP/1.1 over TLS: %v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
	if _, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 was taken")
	}
	// A stop lets the running stream finish.
	answer := make(chan string)
	go func() { answer <- post("/slow") }()
	<-started
	stop()
	close(finish)
	if got := <-answer; got != "HTTP/2.0 hello" {
		t.Errorf("the request that ran at the stop got %q", got)
	}
	transport.CloseIdleConnections()
	old.CloseIdleConnections()
	if err := <-result; err != nil {
		t.Errorf("Run = %v", err)
	}
}

func TestHTTPLeadsToHTTPS(t *testing.T) {
	for _, tt := range []struct {
		method, host, uri, port string
		status                  int
		location                string
	}{
		{"GET", "cal.example.com", "/dav/?a=b", "443", 301, "https://cal.example.com/dav/?a=b"},
		{"PROPFIND", "Cal.Example.COM:80", "/.well-known/caldav", "443", 308, "https://cal.example.com/.well-known/caldav"},
		{"GET", "evil.example.net", "/x", "8443", 301, "https://cal.example.com:8443/x"},
	} {
		a := NewACME(t.TempDir(), []string{"cal.example.com"}, "", "")
		r, err := http.NewRequest(tt.method, "http://h"+tt.uri, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = tt.host
		w := &answer{header: http.Header{}}
		a.HTTPHandler([]string{"cal.example.com"}, tt.port).ServeHTTP(w, r)
		if w.status != tt.status || w.header.Get("Location") != tt.location {
			t.Errorf("%s http://%s%s = %d %s, want %d %s", tt.method, tt.host, tt.uri, w.status, w.header.Get("Location"), tt.status, tt.location)
		}
	}
}

type answer struct {
	header http.Header
	status int
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return len(p), nil }
