package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"kalends/calendar"
	"kalends/ical"
	"kalends/meeting"
	"kalends/storage"
)

// hold has a mail from outside wait for somebody's decision.
func (h *house) hold(to, summary, comment string) {
	h.Helper()
	text := strings.NewReplacer("\n", "\r\n").Replace(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//EN
METHOD:REQUEST
BEGIN:VEVENT
UID:` + strings.ReplaceAll(summary, " ", "-") + `
DTSTAMP:20260114T100000Z
DTSTART:20260120T140000Z
DTEND:20260120T150000Z
SUMMARY:` + summary + `
COMMENT:` + comment + `
ORGANIZER;CN=Erin:mailto:erin@example.org
ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:` + to + `@example.com
ATTENDEE;PARTSTAT=ACCEPTED:mailto:erin@example.org
END:VEVENT
END:VCALENDAR
`)
	cal, err := ical.Parse([]byte(text))
	if err != nil {
		h.Fatal(err)
	}
	who := h.Principal(to)
	out, err := h.web.Calendar.TakeMail(h.Context(), calendar.MailMessage{
		Owner: who.ID, To: "mailto:" + who.Email, Calendar: cal, Author: "mailto:erin@example.org", MessageID: summary,
		Note: storage.Inbound{Key: "key-" + summary[:4], Sender: "erin@example.org", Recipient: who.Email, Subject: summary},
	})
	if err != nil {
		h.Fatal(err)
	}
	if out.State == storage.Settled {
		h.Fatalf("the mail does not wait: %s", out.Text)
	}
}

func TestRequests(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice").get("/requests").has("Nothing waits for you.")
		h.hold("alice", "Fair <i>", "Please come")
		h.hold("alice", "Spam", "Buy")
		b.get("/requests").has("Erin invites you to “Fair <i>”", "Tuesday, 20 January 2026, 15:00 – 16:00", "erin@example.org", "Spam")
		h.as("bob").get("/requests").lacks("Fair", "Spam")
		b.get("/requests")
		key := func(what string) string {
			for _, part := range strings.Split(b.page, "<li>") {
				if strings.Contains(part, what) {
					return regexp.MustCompile(`name="key" value="([^"]+)"`).FindStringSubmatch(part)[1]
				}
			}
			t.Fatalf("no %s", what)
			return ""
		}
		fair, spam := key("Fair"), key("Spam")
		if status := b.send("POST", "/requests", b.form("key", fair, "do", "accept")); status != http.StatusOK {
			t.Fatalf("accepting = %d: %s", status, b.text())
		}
		b.has("It is done.").lacks("Fair")
		b.send("POST", "/requests", b.form("key", spam, "do", "refuse"))
		b.has("It is gone; nothing was done.", "Nothing waits for you.")
		b.send("POST", "/requests", b.form("key", spam, "do", "accept"))
		b.has("It was decided already.")
		b.get("/day/2026-01-20").has("Fair <i>").lacks("Spam")
		if status := b.send("POST", "/requests", b.form("key", spam, "do", "burn")); status != http.StatusForbidden && status != http.StatusBadRequest {
			t.Errorf("another word = %d", status)
		}
	})
}

func TestTrash(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice").get("/trash").has("Nothing was deleted.")
		id := h.make("alice", meeting.NewMeeting{Name: "Planning", Start: at(16, "09:00"), End: at(16, "10:00"), Invited: []meeting.Invited{{Address: "bob@example.com"}}})
		own := h.make("alice", meeting.NewMeeting{Name: "Alone", Start: at(16, "11:00"), End: at(16, "12:00")})
		for _, id := range []string{id, own} {
			b.get("/event/" + id + "/delete")
			b.submit("/event/"+id+"/delete", b.fill("/event/"+id+"/delete"))
		}
		bob := h.as("bob").get("/day/2026-01-16").has("abgesagt")
		bob.get("/trash").lacks("Planning")
		b.get("/trash").has("Planning", "Bringing it back invites again: bob@example.com", "Alone")
		entry := func(what string) string {
			for _, part := range strings.Split(b.page, "<li>") {
				if strings.Contains(part, what) {
					return regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(part)[1]
				}
			}
			t.Fatalf("no %s", what)
			return ""
		}
		planning := entry("Planning")
		b.post("/trash", "id", planning).has("The event is back in your calendar.", "Planning")
		bob.get("/day/2026-01-16").has("Planning").lacks("abgesagt")
		b.get("/trash").lacks("Planning")
		if status := b.send("POST", "/trash", b.form("id", planning)); status != http.StatusNotFound {
			t.Errorf("bringing it back again = %d", status)
		}
		b.get("/trash").send("POST", "/trash/empty", b.form())
		b.has("Tick the box to be sure.", "Alone")
		b.get("/trash").post("/trash/empty", "sure", "yes").has("Nothing was deleted.")
	})
}
