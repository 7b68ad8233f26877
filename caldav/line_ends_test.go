package caldav_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"kalends/storage"
	"kalends/storage/storagetest"
)

// TestLineEnds: an organizer's program that ends lines with LF alone gets its own text back, as long as nothing in it changed. What the
// server writes, an attendee's copy, the message in the inbox, and the meeting once it was rewritten, ends all lines with CR LF (RFC 5545
// section 3.1).
func TestLineEnds(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		h := newHandler(t, s)
		ask := func(who, method, path, body string, want int) string {
			t.Helper()
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.Header.Set("Depth", "1")
			r.SetBasicAuth(who, who)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want {
				t.Fatalf("%s %s = %d %s, want %d", method, path, w.Code, w.Body, want)
			}
			return w.Body.String()
		}
		lines := func(what, text string) {
			t.Helper()
			if strings.Count(text, "\n") != strings.Count(text, "\r\n") || !strings.Contains(text, "SUMMARY:folded and long") {
				t.Errorf("%s: %q", what, text)
			}
		}
		plain := strings.ReplaceAll(event("plain", 9), "\r\n", "\n")
		ask("alice", "PUT", calendarPath+"plain.ics", plain, http.StatusCreated)
		if got := ask("alice", "GET", calendarPath+"plain.ics", "", http.StatusOK); got != plain {
			t.Errorf("the octets as sent: %q, want %q", got, plain)
		}
		meeting := regexp.MustCompile("SUMMARY:.*").ReplaceAllString(plain, "ORGANIZER:mailto:alice@example.com\nATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@example.com\nSUMMARY:fol\n ded and long")
		meeting = strings.ReplaceAll(meeting, "UID:plain", "UID:meeting")
		ask("alice", "PUT", calendarPath+"meeting.ics", meeting, http.StatusCreated)
		unfold := strings.NewReplacer("\r\n ", "").Replace
		lines("the organizer's", unfold(ask("alice", "GET", calendarPath+"meeting.ics", "", http.StatusOK)))
		for _, in := range []string{"calendar", "inbox"} {
			list := ask("bob", "PROPFIND", "/dav/calendars/bob/"+in+"/", `<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>`, http.StatusMultiStatus)
			href := regexp.MustCompile(`[^>]*\.ics`).FindString(list)
			lines(in, unfold(ask("bob", "GET", href, "", http.StatusOK)))
		}
	})
}
