// Package davtest plays transcripts of HTTP against a live handler. A transcript is a txtar file in which
// requests and answers take turns:
//
//	RFC 4791 section 5.3.2: If-None-Match: * creates once and never overwrites.
//
//	-- alice PUT /a.ics --
//	If-None-Match: *
//
//	BEGIN:VCALENDAR
//	…
//	-- 201 --
//	Etag: "1-1"
//
// A path that does not begin with /dav/, /freebusy or /.well-known is one in the user's default calendar; /- is the site's root.
// The user nobody sends no credentials; everybody's password is their name. A body that begins with < is XML: the
// prefixes D, C, CS and A need not be declared. One that begins with BEGIN: is text/calendar, and its lines get CR LF.
//
// Answers are compared as a whole but for Date and Content-Length, which would only repeat themselves. XML is
// shown with a line for each element that holds others, without the declarations of the fixed prefixes, and CR LF as a line
// end. go test -update rewrites the answers.
package davtest

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the answers in transcripts")

// Files returns the transcripts that match a pattern; none is an error.
func Files(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts match %s (%v)", pattern, err)
	}
	return files
}

// Play plays one transcript against a handler that is in its first state.
func Play(t *testing.T, file string, h http.Handler) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	defer server.Close()
	p := &player{t: t, url: server.URL, client: server.Client()}
	p.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	out := p.play(txtar.Parse(text))
	if *update && !t.Failed() {
		if err := os.WriteFile(file, txtar.Format(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

type player struct {
	t      *testing.T
	url    string
	client *http.Client
}

// play sends the requests of a transcript and returns it with the answers that came.
func (p *player) play(a *txtar.Archive) *txtar.Archive {
	out := &txtar.Archive{Comment: a.Comment}
	for i := 0; i < len(a.Files); i++ {
		req := a.Files[i]
		if isAnswer(req.Name) {
			p.t.Fatalf("%s follows an answer", req.Name)
		}
		name, data := p.send(req)
		out.Files = append(out.Files, req, txtar.File{Name: name, Data: data})
		var want txtar.File
		if i+1 < len(a.Files) && isAnswer(a.Files[i+1].Name) {
			i++
			want = a.Files[i]
		}
		if *update {
			continue
		}
		if want.Name != name || !bytes.Equal(bytes.TrimSpace(want.Data), bytes.TrimSpace(data)) {
			p.t.Errorf("%s\ngot  -- %s --\n%s\nwant -- %s --\n%s", req.Name, name, data, want.Name, want.Data)
		}
	}
	return out
}

// isAnswer reports whether a section is an answer: its name is a status.
func isAnswer(name string) bool {
	return len(name) == 3 && strings.Trim(name, "0123456789") == ""
}

// send sends a request and shows the answer.
func (p *player) send(f txtar.File) (status string, shown []byte) {
	parts := strings.Fields(f.Name)
	if len(parts) != 3 {
		p.t.Fatalf("section %q is not USER METHOD PATH", f.Name)
	}
	user, method, path := parts[0], parts[1], parts[2]
	header, body := splitMessage(string(f.Data))
	if user == "nobody" {
		user = ""
	}
	switch {
	case path == "/-":
		path = "/"
	case !strings.HasPrefix(path, "/dav/") && path != "/dav" && !strings.HasPrefix(path, "/.well-known") && !strings.HasPrefix(path, "/freebusy"):
		path = "/dav/calendars/" + user + "/calendar" + path
	}
	kind := ""
	switch {
	case strings.HasPrefix(body, "<"):
		kind, body = "application/xml; charset=utf-8", declare(body)
	case strings.HasPrefix(body, "BEGIN:"):
		kind, body = "text/calendar; charset=utf-8", strings.ReplaceAll(body, "\n", "\r\n")
	}
	r, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatalf("%s: %v", f.Name, err)
	}
	for _, l := range header {
		k, v, _ := strings.Cut(l, ":")
		r.Header.Add(k, strings.ReplaceAll(strings.TrimSpace(v), "$host", p.url))
	}
	if kind != "" && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", kind)
	}
	if user != "" {
		r.SetBasicAuth(user, user)
	}
	res, err := p.client.Do(r)
	if err != nil {
		p.t.Fatalf("%s: %v", f.Name, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatalf("%s: %v", f.Name, err)
	}
	return fmt.Sprint(res.StatusCode), p.show(res, answer)
}

// splitMessage takes header lines and body apart. Data that begins with a body has no header.
func splitMessage(s string) (header []string, body string) {
	s = strings.TrimLeft(s, "\n")
	for s != "" {
		line, rest, _ := strings.Cut(s, "\n")
		if line == "" {
			return header, rest
		}
		if strings.HasPrefix(line, "<") || strings.HasPrefix(line, "BEGIN:") {
			return header, s
		}
		header = append(header, line)
		s = rest
	}
	return header, ""
}

// show prints an answer as transcripts have it.
func (p *player) show(res *http.Response, body []byte) []byte {
	var b bytes.Buffer
	var names []string
	for k := range res.Header {
		if k != "Date" && k != "Content-Length" {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	for _, k := range names {
		for _, v := range res.Header[k] {
			fmt.Fprintf(&b, "%s: %s\n", k, v)
		}
	}
	if len(body) > 0 {
		b.WriteString("\n")
		text := string(body)
		if strings.Contains(res.Header.Get("Content-Type"), "xml") {
			text = indent(text)
		}
		b.WriteString(strings.ReplaceAll(text, "\r\n", "\n"))
		if !strings.HasSuffix(text, "\n") {
			b.WriteString("\n")
		}
	}
	return bytes.ReplaceAll(b.Bytes(), []byte(p.url), []byte("$host"))
}
