package download

import (
	"mime"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"
)

func TestDisposition(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{"plan.txt", `attachment; filename="plan.txt"`},
		{"two words.txt", `attachment; filename="two words.txt"`},
		{"Plän €.pdf", `attachment; filename="Pl_n _.pdf"; filename*=UTF-8''Pl%C3%A4n%20%E2%82%AC.pdf`},
		{"a\r\nSet-Cookie: x=y.txt", `attachment; filename="aSet-Cookie: x=y.txt"`},
		{`a".html; x="`, `attachment; filename="a_.html_ x=_"; filename*=UTF-8''a%22.html%3B%20x%3D%22`},
		{"../../etc/passwd", `attachment; filename="passwd"`},
		{`..\..\boot.ini`, `attachment; filename="boot.ini"`},
		{"\x00\x01", "attachment"},
		{"", "attachment"},
		{"\xff\xfe.txt", `attachment; filename=".txt"`},
	} {
		if got := Disposition(tt.name); got != tt.want {
			t.Errorf("Disposition(%q) = %s, want %s", tt.name, got, tt.want)
		}
	}
}

// FuzzDisposition: whatever the name, the header is one line that other programs read as an attachment, with the name but for what
// cannot be seen.
func FuzzDisposition(f *testing.F) {
	for _, s := range []string{"a.txt", "a\r\nb", `"`, "ä", "%41", "a/b", "\u202egpj.exe", "'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		d := Disposition(name)
		if strings.ContainsFunc(d, func(r rune) bool { return r > 0x7e || unicode.IsControl(r) }) {
			t.Fatalf("Disposition(%q) = %q", name, d)
		}
		kind, params, err := mime.ParseMediaType(d)
		if err != nil || kind != "attachment" || strings.ContainsAny(params["filename"], `/\`) {
			t.Fatalf("Disposition(%q) = %s: read as %s %v, %v", name, d, kind, params, err)
		}
	})
}

func TestServe(t *testing.T) {
	f := File{Name: "x.html", Type: "text/html", Hash: strings.Repeat("ab", 32), Modified: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
	for _, tt := range []struct {
		name, header, value string
		status              int
		body, contentType   string
		of                  string // media type that is said
	}{
		{"HTML is octets", "", "", 200, "<script>alert(1)</script>", "application/octet-stream", "text/html"},
		{"SVG is octets", "", "", 200, "<script>alert(1)</script>", "application/octet-stream", "image/svg+xml"},
		{"XML is octets", "", "", 200, "<script>alert(1)</script>", "application/octet-stream", "text/xml"},
		{"text stays text", "", "", 200, "<script>alert(1)</script>", "text/plain", "Text/Plain"},
		{"a range", "Range", "bytes=1-6", 206, "script", "text/plain", "text/plain"},
		{"the end", "Range", "bytes=-9", 206, "</script>", "text/plain", "text/plain"},
		{"a range that is not there", "Range", "bytes=100-", 416, "invalid range: failed to overlap\n", "text/plain; charset=utf-8", "text/plain"},
		{"not changed", "If-None-Match", `"` + strings.Repeat("ab", 16) + `"`, 304, "", "", "text/plain"},
	} {
		f.Type = tt.of
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/x", nil)
		if tt.header != "" {
			r.Header.Set(tt.header, tt.value)
		}
		Serve(w, r, f, strings.NewReader("<script>alert(1)</script>"))
		if w.Code != tt.status || w.Body.String() != tt.body || w.Header().Get("Content-Type") != tt.contentType {
			t.Errorf("%s: %d %q %q", tt.name, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
		if tt.status >= 400 {
			continue
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'", "Referrer-Policy": "no-referrer",
			"Cache-Control": "private, no-cache", "Content-Disposition": `attachment; filename="x.html"`,
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s: %q, want %q", tt.name, name, got, want)
			}
		}
	}
}
