package caldav_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"kalends/storage"
	"kalends/storage/storagetest"
)

// keys makes the keys of attachments of a test: all a, all b and so on.
func keys() func() string {
	n := -1
	return func() string {
		n++
		return strings.Repeat(string(rune('a'+n%26)), 26)
	}
}

// TestHostileAttachments: what people upload is never shown in place, whatever they call it, and what is too large is not kept.
func TestHostileAttachments(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		h := newHandler(t, s)
		h.Calendar.Limits.AttachmentSize = 1000
		h.OpenLink = func(token string) (int64, int64, func(string) bool, bool) {
			alice, err := s.PrincipalByName(t.Context(), "alice")
			if err != nil {
				t.Fatal(err)
			}
			list, err := s.ObjectsByUID(t.Context(), []int64{alice.ID}, "m")
			if err != nil || len(list) != 1 {
				return 0, 0, nil, false
			}
			return alice.ID, list[0].ID, func(address string) bool { return address == "mailto:"+token }, strings.Contains(token, "@")
		}
		send := func(who, method, path string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(t.Context(), method, path, body)
			if who != "" {
				r.SetBasicAuth(who, who)
			}
			for i := 0; i+1 < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		const object = "/dav/calendars/alice/calendar/m.ics"
		w := send("alice", "PUT", object, strings.NewReader("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:m\r\nDTSTAMP:20260101T000000Z\r\n"+
			"DTSTART:20270101T090000Z\r\nORGANIZER:mailto:alice@example.com\r\nATTENDEE:mailto:alice@example.com\r\nATTENDEE:mailto:eve@example.org\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
		if w.Code != http.StatusCreated {
			t.Fatalf("PUT = %d", w.Code)
		}
		const add = object + "?action=attachment-add"
		path := ""
		for _, tt := range []struct{ disposition, mediaType, name, answered string }{
			{`attachment; filename="a.html"`, "text/html", `attachment; filename="a.html"`, "application/octet-stream"},
			{`attachment; filename="a.svg"`, "image/svg+xml", `attachment; filename="a.svg"`, "application/octet-stream"},
			{`inline; filename="a.txt"`, "text/plain; charset=utf-7", `attachment; filename="a.txt"`, "text/plain"},
			{`attachment; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20x%3Dy.txt`, "text/plain", `attachment; filename="aSet-Cookie: x=y.txt"`, "text/plain"},
			{`attachment; filename="../../../etc/cron.d/x"`, "application/x-sh", `attachment; filename="x"`, "application/octet-stream"},
			{`attachment; filename="C:\\x\\y.exe"`, "application/x-msdownload", `attachment; filename="y.exe"`, "application/octet-stream"},
			{"", "", `attachment; filename="attachment"`, "application/octet-stream"},
			{`attachment; filename="` + strings.Repeat("x", 5000) + `.txt"`, "a/b\x00c", `attachment; filename="` + strings.Repeat("x", 196) + `.txt"`, "application/octet-stream"},
			{`;;;"`, `"`, `attachment; filename="attachment"`, "application/octet-stream"},
		} {
			w := send("alice", "POST", add, strings.NewReader("<script>alert(1)</script>"), "Content-Disposition", tt.disposition, "Content-Type", tt.mediaType)
			if w.Code != http.StatusCreated {
				t.Errorf("POST %.60s = %d %s", tt.disposition, w.Code, w.Body)
				continue
			}
			path = strings.TrimPrefix(w.Header().Get("Location"), "https://cal.example.com")
			w = send("alice", "GET", path, nil)
			head := w.Header()
			if w.Code != 200 || head.Get("Content-Disposition") != tt.name || head.Get("Content-Type") != tt.answered || head.Get("X-Content-Type-Options") != "nosniff" ||
				head.Get("Content-Security-Policy") != "sandbox; default-src 'none'" || head.Get("Set-Cookie") != "" {
				t.Errorf("GET of %.60s = %d %v", tt.disposition, w.Code, head)
			}
		}
		large := strings.Repeat("x", 1001)
		for what, body := range map[string]io.Reader{"too large": strings.NewReader(large), "too large, and no length": io.MultiReader(strings.NewReader(large))} {
			if w := send("alice", "POST", add, body, "Content-Type", "text/plain"); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "max-attachment-size") {
				t.Errorf("%s: %d %s", what, w.Code, w.Body)
			}
		}
		for _, tt := range []struct {
			what, who, method, query string
			status                   int
		}{
			{"by the link of somebody invited", "", "GET", "?link=eve@example.org", 200},
			{"its headers", "", "HEAD", "?link=eve@example.org", 200},
			{"by the link of somebody who is not", "", "GET", "?link=mallory@example.org", 403},
			{"by no link of ours", "", "GET", "?link=x", 403},
			{"without a name", "", "GET", "", 401},
			{"changed by a link", "", "PUT", "?link=eve@example.org", 401},
			{"asked about by a link", "", "PROPFIND", "?link=eve@example.org", 401},
			{"by another's name", "bob", "GET", "", 403},
		} {
			if w := send(tt.who, tt.method, path+tt.query, nil); w.Code != tt.status {
				t.Errorf("%s: %d, want %d", tt.what, w.Code, tt.status)
			}
		}
		if w := send("alice", "DELETE", object, nil); w.Code != http.StatusNoContent {
			t.Fatalf("DELETE = %d", w.Code)
		}
		if w := send("", "GET", path+"?link=eve@example.org", nil); w.Code != 403 {
			t.Errorf("by the link, after the meeting was deleted: %d", w.Code)
		}
	})
}
