package mailer

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kalends/calendar"
	"kalends/ical"
)

// TestCorpusOnTheMeeting takes in every file of testdata/mail/received as an answer to bob's reply address of one series, and says
// what each of them does: bob's answers in the order of the organizer's components, and what is noted.
func TestCorpusOnTheMeeting(t *testing.T) {
	want := map[string][2]string{ // file → bob's answers, note
		"apple-reply-accepted":        {"ACCEPTED", ": answered"},
		"gmail-reply-accepted":        {"ACCEPTED", ": answered"},
		"exchange-reply-declined":     {"DECLINED", ": answered"},
		"exchange-reply-instance":     {"NEEDS-ACTION ACCEPTED", ": answered"},
		"nextcloud-reply-accepted":    {"ACCEPTED", ": answered"},
		"old-outlook-windows-1252":    {"TENTATIVE", ": answered"},
		"thunderbird-reply-series":    {"TENTATIVE DECLINED", ": answered"},
		"gmail-reply-tentative":       {"TENTATIVE", ": answered"},
		"gmail-reply-declined":        {"DECLINED", ": answered"},
		"gmail-reply-instance":        {"NEEDS-ACTION DECLINED", ": answered"},
		"gmail-counter":               {"NEEDS-ACTION", "held: bob@example.org proposes another time"},
		"exchange-reply-accepted":     {"ACCEPTED", ": answered"},
		"exchange-reply-tentative":    {"TENTATIVE", ": answered"},
		"apple-reply-tentative":       {"TENTATIVE", ": answered"},
		"apple-reply-declined":        {"DECLINED", ": answered"},
		"apple-reply-instance":        {"NEEDS-ACTION DECLINED", ": answered"},
		"thunderbird-reply-accepted":  {"ACCEPTED", ": answered"},
		"thunderbird-reply-tentative": {"TENTATIVE", ": answered"},
		"thunderbird-reply-declined":  {"DECLINED", ": answered"},
		"nextcloud-reply-tentative":   {"TENTATIVE", ": answered"},
		"nextcloud-reply-declined":    {"DECLINED", ": answered"},
		"nextcloud-reply-instance":    {"NEEDS-ACTION DECLINED", ": answered"},
		"unlabelled-8bit":             {"TENTATIVE", ": answered"},
		"outlook-counter":             {"NEEDS-ACTION", "held: bob@example.org proposes another time"},
		"outlook-tnef":                {"NEEDS-ACTION", "held: an Outlook attachment (winmail.dat), which only Outlook can read"},
		"vacation":                    {"NEEDS-ACTION", ": an automatic answer without a calendar part"},
		"forged-method-mismatch":      {"NEEDS-ACTION", "held: the method in the header is not the one in the calendar"},
		"forged-parts-differ":         {"NEEDS-ACTION", "held: the mail has calendar parts that say different things"},
		"forged-two-calendars":        {"NEEDS-ACTION", "held: its calendar part cannot be read"},
		"forged-two-senders":          {"ACCEPTED", ": answered"}, // whoever writes to the address was sent it; From says nothing
		"forwarded-inside-rfc822":     {"NEEDS-ACTION", ": an answer in words, passed on to alice@example.com"},
		"postfix-bounce":              {"NEEDS-ACTION", ": a bounce; the attendee is marked 5.1"},
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

// TestCorpusOfInvitations takes in every file of testdata/mail/invited: what the programs of organizers outside send about one series, and what becomes
// of bob's copy: the invitation, another time for one date, and the end of it.
func TestCorpusOfInvitations(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "mail", "invited", "*.eml"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	seen := 0
	for _, tt := range []struct{ program, author, why string }{
		{"gmail", "carol@example.org", "request: an invitation by carol@example.org, who is not known"},
		{"exchange", "carol@example.org", "request: an invitation by carol@example.org, who is not known"},
		{"thunderbird", "carol@example.org", "request: an invitation by carol@example.org, who is not known"},
		// The organizer is an address for answers, by which iCloud stands for the author.
		{"apple", "carol@example.org", "request: an invitation by carol@example.org, who is not known"},
		// Its mails are written by the server for its users: that it may is not to be seen, so bob decides each time.
		{"nextcloud", "no-reply@cloud.example.org", "held: no-reply@cloud.example.org writes for the organizer carol@example.org"},
	} {
		t.Run(tt.program, func(t *testing.T) {
			h := newHouse(t, newSQLite(t))
			h.clock = time.Date(2026, 11, 4, 12, 0, 0, 0, time.UTC)
			w := newWorld("example.org", "cloud.example.org")
			r := h.receiver(w)
			uid := ""
			take := func(step string) string {
				t.Helper()
				msg, err := os.ReadFile(filepath.Join("..", "testdata", "mail", "invited", tt.program+"-"+step+".eml"))
				if err != nil {
					t.Fatal(err)
				}
				seen++
				in, err := Parse(msg)
				if err != nil || len(in.Defects) > 0 || in.From.Address != tt.author {
					t.Errorf("%s: from %s, %q, %v", step, in.From.Address, in.Defects, err)
				}
				cal, _, err := in.Message()
				if err != nil {
					t.Fatalf("%s: %v", step, err)
				}
				for c := range cal.Main() {
					uid = c.Value("UID")
				}
				msg = w.sign(t, domainOf(tt.author), msg)
				h.deliver(r, tt.author, "bob@example.com", msg)
				state := h.inboundState("bob@example.com", h.bob.ID, msg)
				if step == "1-request" && state != tt.why || step != "1-request" && tt.program != "nextcloud" && state != ": in the calendar" {
					t.Errorf("%s: noted %q", step, state)
				}
				if !strings.HasPrefix(state, ":") {
					if err := h.accept(h.bob, "bob@example.com", msg); err != nil {
						t.Fatalf("%s: %v", step, err)
					}
				}
				_, text := h.copy(h.bob, uid)
				return text
			}
			text := take("1-request")
			h.contains("the copy", text, ":20261110T140000", ":Seminar", "RRULE:FREQ=WEEKLY", "PARTSTAT=NEEDS-ACTION", "BEGIN:VTIMEZONE")
			if strings.Contains(text, "VALARM") || strings.Contains(text, "METHOD") {
				t.Errorf("the organizer's alarms are bob's:\n%s", text)
			}
			text = take("2-request-instance")
			h.contains("the copy after another time for one date", text, ":20261110T140000", "RECURRENCE-ID", ":20261117T160000", "RRULE:FREQ=WEEKLY")
			// Bob's answer goes to where the organizer's program wants it.
			o, _ := h.copy(h.bob, uid)
			name := o.Name
			_, err := h.Put(t.Context(), calendar.PutRequest{Who: h.bob, Target: calendar.Target{Owner: h.bob, Slug: "calendar", Name: name},
				Body: []byte(strings.ReplaceAll(strings.ReplaceAll(string(o.ICS), "\r\n ", ""), "PARTSTAT=NEEDS-ACTION", "PARTSTAT=ACCEPTED"))})
			if err != nil {
				t.Fatal(err)
			}
			to := "carol@example.org"
			if tt.program == "apple" {
				to = "2_GEZDSMRQGE4TKMJSGI4TEMBRHFJ5WXNV3QK2EXAMPLETOKENABCDEFGHJKMNPQRSTVWXYZ234567ABCDEF@imip.example.net" // in its own letter case
			}
			h.expectMail("bob accepts", "REPLY "+to)
			text = take("3-cancel")
			h.contains("the copy after the CANCEL", text, "STATUS:CANCELLED")
		})
	}
	if seen != len(files) {
		t.Errorf("%d files, %d of them taken in", len(files), seen)
	}
}

// TestStandsFor: whose addresses for answers stand for an author.
func TestStandsFor(t *testing.T) {
	token := "2_" + strings.Repeat("GEZDSMRQ", 8)
	for line, want := range map[string]bool{
		"ORGANIZER;EMAIL=carol@example.org:mailto:" + token + "@imip.example.net":                true,
		"ORGANIZER;EMAIL=Carol@EXAMPLE.org:mailto:" + token + "@imip.example.net":                true,
		"ORGANIZER;EMAIL=mallory@example.net:mailto:" + token + "@imip.example.net":              false,
		"ORGANIZER:mailto:" + token + "@imip.example.net":                                        false,
		"ORGANIZER;EMAIL=carol@example.org:mailto:victim@example.net":                            false,
		"ORGANIZER;EMAIL=carol@example.org:mailto:the.very.long.name.of.a.person.who.is.there@x": false,
		"ORGANIZER:mailto:server+" + strings.Repeat("a", 30) + "@example.org":                    true,
		"ORGANIZER:mailto:server+" + strings.Repeat("a", 30) + "@example.net":                    false,
		"ORGANIZER:mailto:bob+lists@example.org":                                                 false,
	} {
		cal, err := ical.Parse([]byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + line + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := standsFor(cal.Component("VEVENT").Prop("ORGANIZER"), "carol@example.org"); got != want {
			t.Errorf("standsFor(%s) = %v", line, got)
		}
	}
}
