package caldav_test

import (
	"net/http"
	"strings"
	"testing"

	"kalends/storage/storagetest"
)

// TestOutboxEcho: what an answer repeats of a request has the line ends of the answer, and no request makes the answers long
// (RFC 5545 section 3.1).
func TestOutboxEcho(t *testing.T) {
	h := newHandler(t, storagetest.SQLite(t))
	ask := func(organizer, attendee string) string {
		body := strings.Join([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "METHOD:REQUEST", "BEGIN:VFREEBUSY", "UID:f", "DTSTAMP:20260101T000000Z",
			"DTSTART:20260120T000000Z", "DTEND:20260121T000000Z", "ORGANIZER" + organizer + ":mailto:alice@example.com", "ATTENDEE" + attendee + ":mailto:bob@example.com",
			"END:VFREEBUSY", "END:VCALENDAR", ""}, "\n")
		status, answer, ok := send(h, "POST", "/dav/calendars/alice/outbox/", body, nil)
		if !ok || status != http.StatusOK {
			t.Fatalf("POST = %d %s", status, answer)
		}
		_, answer, _ = strings.Cut(answer, "<C:calendar-data>")
		answer, _, _ = strings.Cut(answer, "</C:calendar-data>")
		return answer
	}
	answer := ask(";CN=Alice", ";CN=Bob")
	if strings.Count(answer, "\n") != strings.Count(answer, "&#13;\n") || !strings.Contains(answer, "ATTENDEE;CN=Bob:mailto:bob@example.com&#13;\n") {
		t.Errorf("lines without CR LF, or no CN:\n%s", answer)
	}
	long := ";CN=" + strings.Repeat("x", 100_000)
	if answer := ask(long, long); len(answer) > 1000 || !strings.Contains(answer, "ORGANIZER:mailto:alice@example.com") {
		t.Errorf("%d octets of answer to a long name:\n%.2000s", len(answer), answer)
	}
}
