package main

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestS10ImportKeepsThePassword: a server that one imports from leads nowhere with the account's password, and cannot make the command read
// without end.
func TestS10ImportKeepsThePassword(t *testing.T) {
	var told, asked atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("Authorization") != "" {
			told.Add(1)
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	defer other.Close()
	to := ""
	var written atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(http.StatusMultiStatus)
		zw := gzip.NewWriter(w)
		io.WriteString(zw, `<multistatus xmlns="DAV:"><!--`)
		blank := []byte(strings.Repeat(" ", 1<<20))
		for r.Context().Err() == nil {
			n, err := zw.Write(blank)
			if written.Add(int64(n)); err != nil {
				return
			}
		}
	}))
	defer srv.Close()
	s, err := connect(srv.URL+"/dav/", "u", "p")
	if err != nil {
		t.Fatal(err)
	}
	for _, to = range []string{other.URL + "/dav/", strings.Replace(other.URL, "127.0.0.1", "localhost", 1), "file:///etc/passwd", "gopher://127.0.0.1/", "/again", "https://"} {
		if list, err := s.calendars(t.Context()); err == nil {
			t.Errorf("through %s there are %d calendars", to, len(list))
		}
	}
	if told.Load() > 0 || asked.Load() == 0 {
		t.Errorf("the other server was asked %d times, %d times with the password", asked.Load(), told.Load())
	}
	to, s.http.most = "", 8<<20
	if _, err := s.calendars(t.Context()); err == nil {
		t.Error("an answer without end was read")
	}
	if n := written.Load(); n > 256<<20 {
		t.Errorf("%d octets of an answer without end were taken", n)
	}
}
