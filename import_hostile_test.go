package main

import (
	"bytes"
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
	packed := func(text string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		io.WriteString(w, text)
		w.Close()
		return b.Bytes()
	}
	begin, blank := packed(`<multistatus xmlns="DAV:"><!--`), packed(strings.Repeat(" ", 1<<20))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(http.StatusMultiStatus)
		_, err := w.Write(begin)
		for err == nil && r.Context().Err() == nil {
			_, err = w.Write(blank)
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
	var answers, taken atomic.Int64
	s.http.client.Transport = octets{http.DefaultTransport, &answers, &taken}
	to, s.http.most = "", 8<<20
	if _, err := s.calendars(t.Context()); err == nil {
		t.Error("an answer without end was read")
	}
	if n := taken.Load(); n > answers.Load()*8<<20 {
		t.Errorf("%d octets of %d answers without end were taken", n, answers.Load())
	}
}

// octets counts what is taken of answers, unpacked.
type octets struct {
	http.RoundTripper
	answers, taken *atomic.Int64
}

func (c octets) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.RoundTripper.RoundTrip(r)
	if err == nil {
		c.answers.Add(1)
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(res.Body, c), res.Body}
	}
	return res, err
}

func (c octets) Write(p []byte) (int, error) {
	c.taken.Add(int64(len(p)))
	return len(p), nil
}
