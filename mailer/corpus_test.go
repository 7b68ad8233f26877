package mailer

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kalends/ical"
)

// TestCorpusOnTheMeeting takes in every file of testdata/mail/received as an answer to bob's reply address of one series, and says
// what each of them does: bob's answers in the order of the organizer's components, and what is noted.
func TestCorpusOnTheMeeting(t *testing.T) {
	want := map[string][2]string{ // file → bob's answers, note
		"apple-reply-accepted":     {"ACCEPTED", ": answered"},
		"gmail-reply-accepted":     {"ACCEPTED", ": answered"},
		"exchange-reply-declined":  {"DECLINED", ": answered"},
		"exchange-reply-instance":  {"NEEDS-ACTION ACCEPTED", ": answered"},
		"nextcloud-reply-accepted": {"ACCEPTED", ": answered"},
		"old-outlook-windows-1252": {"TENTATIVE", ": answered"},
		"thunderbird-reply-series": {"TENTATIVE DECLINED", ": answered"},
		"unlabelled-8bit":          {"TENTATIVE", ": answered"},
		"outlook-counter":          {"NEEDS-ACTION", "held: bob@example.org proposes another time"},
		"outlook-tnef":             {"NEEDS-ACTION", "held: an Outlook attachment (winmail.dat), which only Outlook can read"},
		"vacation":                 {"NEEDS-ACTION", ": an automatic answer without a calendar part"},
		"forged-method-mismatch":   {"NEEDS-ACTION", "held: the method in the header is not the one in the calendar"},
		"forged-parts-differ":      {"NEEDS-ACTION", "held: the mail has calendar parts that say different things"},
		"forged-two-calendars":     {"NEEDS-ACTION", "held: its calendar part cannot be read"},
		"forged-two-senders":       {"ACCEPTED", ": answered"}, // whoever writes to the address was sent it; From says nothing
		"forwarded-inside-rfc822":  {"NEEDS-ACTION", ": an answer in words, passed on to alice@example.com"},
		"postfix-bounce":           {"NEEDS-ACTION", ": a bounce; the attendee is marked 5.1"},
	}
	files, err := filepath.Glob(filepath.Join("..", "testdata", "mail", "received", "*.eml"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".eml")
		t.Run(name, func(t *testing.T) {
			w, ok := want[name]
			if !ok {
				t.Fatal("say in this test what the file does")
			}
			h := newHouse(t, newSQLite(t))
			h.clock = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
			text := weekly[:strings.LastIndex(weekly, "BEGIN:VEVENT")] + "END:VCALENDAR\n"
			h.put(h.alice, "planning-1@example.com", strings.Replace(crlf(text), "METHOD:REQUEST\r\n", "", 1))
			h.expectMail("the invitation", "REQUEST bob@example.org")
			msg, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := h.receiver(newWorld()).Deliver(t.Context(), "", h.last().from, msg); err != nil {
				t.Fatal(err)
			}
			o, _ := h.copy(h.alice, "planning-1@example.com")
			cal, err := ical.Parse(o.ICS)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for c := range cal.Main() {
				for p := range c.All("ATTENDEE") {
					if ical.Mailbox(p.Value()) == "bob@example.org" {
						got = append(got, p.Param("PARTSTAT"))
					}
				}
			}
			if !slices.Equal(got, strings.Fields(w[0])) {
				t.Errorf("bob answers %q, want %s", got, w[0])
			}
			if note := h.inboundState(h.last().from, h.alice.ID, msg); note != w[1] {
				t.Errorf("noted %q, want %q", note, w[1])
			}
		})
	}
	if len(files) != len(want) {
		t.Errorf("%d files, %d expectations", len(files), len(want))
	}
}
