package mailer

import (
	"bytes"
	"encoding/base64"
	"flag"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kalends/ical"
	"kalends/scheduling"
	"kalends/storage"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var created = time.Date(2026, 11, 1, 8, 0, 0, 123456000, time.UTC)

func testComposer() *Composer {
	return &Composer{Identity: Identity{
		Own:         mail.Address{Name: "Kalends", Address: "calendar@example.com"},
		Sign:        []string{"example.com"},
		Tokens:      NewTokens([]byte("0123456789abcdef0123456789abcdef")),
		ReplyDomain: "reply.example.com",
	}}
}

const weekly = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//Client 1.0//EN
METHOD:REQUEST
X-WR-CALNAME:Private
BEGIN:VEVENT
UID:planning-1@example.com
DTSTAMP:20261101T080000Z
SEQUENCE:0
DTSTART;TZID=Europe/Paris:20261116T100000
DTEND;TZID=Europe/Paris:20261116T110000
RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;UNTIL=20261218T090000Z
EXDATE;TZID=Europe/Paris:20261130T100000
SUMMARY:Planning
LOCATION:Room 5\, first floor
DESCRIPTION:Agenda:\n1. Numbers\n2. Dates <soon> & "later"
CONFERENCE;VALUE=URI:https://meet.example.com/planning?room=5&x=1
X-MOZ-LASTACK:20261101T080000Z
X-ALT-DESC;FMTTYPE=text/html:<script>alert(1)</script>
ORGANIZER;CN=Alice Ä.;SCHEDULE-STATUS=1.1:mailto:alice@example.com
ATTENDEE;CN=Alice Ä.;PARTSTAT=ACCEPTED:mailto:alice@example.com
ATTENDEE;CN=Bob;PARTSTAT=NEEDS-ACTION;SCHEDULE-AGENT=SERVER:mailto:bob@example.org
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT15M
DESCRIPTION:secret alarm
END:VALARM
END:VEVENT
BEGIN:VEVENT
UID:planning-1@example.com
DTSTAMP:20261101T080000Z
SEQUENCE:0
RECURRENCE-ID;TZID=Europe/Paris:20261202T100000
DTSTART;TZID=Europe/Paris:20261202T140000
DTEND;TZID=Europe/Paris:20261202T150000
SUMMARY:Planning
ORGANIZER;CN=Alice Ä.:mailto:alice@example.com
ATTENDEE;CN=Bob;PARTSTAT=NEEDS-ACTION:mailto:bob@example.org
END:VEVENT
END:VCALENDAR
`

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func invite(method, calendar string) *Invitation {
	return &Invitation{Mail: scheduling.Mail{
		Method: method, From: "mailto:alice@example.com", FromName: "Alice Ä.", To: "mailto:bob@example.org", ToName: "Bob",
		Calendar: crlf(calendar), Owner: 12, Object: 345, UID: "planning-1@example.com",
	}}
}

// mails are one of each kind, by name of their golden file.
func mails(t *testing.T) map[string]func(c *Composer) (*Letter, error) {
	single := `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//Client 1.0//EN
BEGIN:VEVENT
UID:lunch-1@example.com
DTSTAMP:20261101T080000Z
SEQUENCE:1
DTSTART:20261116T113000Z
DURATION:PT1H
SUMMARY:Mittagessen mit Gästen
LOCATION:Kantine
STATUS:CONFIRMED
ORGANIZER;CN=Carol:mailto:carol@example.net
ATTENDEE;CN=Bob;PARTSTAT=NEEDS-ACTION:mailto:bob@example.org
END:VEVENT
END:VCALENDAR
`
	const thread = "1793520000123456.12.600.0123abcd.kalends@example.com"
	compose := func(inv *Invitation) func(c *Composer) (*Letter, error) {
		return func(c *Composer) (*Letter, error) { return composeJob(c, inv) }
	}
	requestDE := invite("REQUEST", single)
	requestDE.From, requestDE.FromName, requestDE.Language, requestDE.TimeZone = "mailto:carol@example.net", "Carol", "de-AT", "Europe/Vienna"
	requestDE.Link = "https://calendar.example.com/answer/abc"

	updated := invite("REQUEST", strings.NewReplacer(
		"SEQUENCE:0", "SEQUENCE:1", "20261116T100000", "20261116T090000", "20261116T110000", "20261116T103000",
		"Room 5\\, first floor", "Room 7", "SUMMARY:Planning", "SUMMARY:Planning of 2027").Replace(weekly))
	updated.Update, updated.Before, updated.Thread = true, crlf(weekly), thread

	cancel := invite("CANCEL", strings.Replace(weekly, "METHOD:REQUEST", "METHOD:CANCEL", 1))
	cancel.Thread = thread
	instance := weekly[:strings.Index(weekly, "BEGIN:VEVENT")] + weekly[strings.LastIndex(weekly, "BEGIN:VEVENT"):]
	cancelOne := invite("CANCEL", strings.Replace(instance, "SUMMARY:Planning", "SUMMARY:Planning\nSTATUS:CANCELLED\nCOMMENT:Alice is ill.", 1))
	cancelOne.Language = "de"

	reply := invite("REPLY", `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Kalends//Kalends//EN
METHOD:REPLY
BEGIN:VEVENT
UID:kickoff-9@example.net
DTSTAMP:20261101T080000Z
SEQUENCE:2
DTSTART;VALUE=DATE:20261116
DTEND;VALUE=DATE:20261119
SUMMARY:Kick-off
COMMENT:See you there.
ORGANIZER;CN=Carol:mailto:carol@example.net
ATTENDEE;CN=Alice Ä.;PARTSTAT=ACCEPTED:mailto:alice@example.com
END:VEVENT
END:VCALENDAR
`)
	reply.To, reply.ToName = "mailto:carol@example.net", "Carol"

	from := func(method, more string) *Invitation {
		inv := *reply
		inv.Method, inv.Thread = method, thread
		inv.Calendar = strings.NewReplacer("METHOD:REPLY", "METHOD:"+method, "PARTSTAT=ACCEPTED", more).Replace(reply.Calendar)
		return &inv
	}
	counter := from("COUNTER", "PARTSTAT=TENTATIVE")
	counter.Calendar = strings.ReplaceAll(counter.Calendar, "202611", "202612")
	refresh := from("REFRESH", "PARTSTAT=NEEDS-ACTION")
	declined, tentative := from("REPLY", "PARTSTAT=DECLINED"), from("REPLY", "PARTSTAT=TENTATIVE")
	declined.Language = "de"
	declineCounter := invite("DECLINECOUNTER", strings.NewReplacer("METHOD:REQUEST", "METHOD:DECLINECOUNTER", "SEQUENCE:0", "SEQUENCE:0\nCOMMENT:The room is taken then.").Replace(weekly))
	declineCounter.Thread = thread

	event := strings.Replace(single, "DTSTART:20261116T113000Z", "DTSTART;TZID=Europe/Vienna:20261116T123000", 1)
	cal, err := ical.Parse([]byte(crlf(event)))
	if err != nil {
		t.Fatal(err)
	}
	remind := func(language string, late bool) func(c *Composer) (*Letter, error) {
		return func(c *Composer) (*Letter, error) {
			start := time.Date(2026, 11, 16, 11, 30, 0, 0, time.UTC)
			row := &storage.Reminder{Owner: 12, Object: 345, ForUser: 12, Alarm: "alarm-1"}
			return c.Reminder(Reminder{
				To: Person{"mailto:alice@example.com", "Alice Ä."}, Calendar: cal, Instance: cal.Master(),
				Start: start, End: start.Add(time.Hour), Due: start.Add(-15 * time.Minute), Late: late, Language: language,
				MessageID: c.ReminderID(row, start.Add(-15*time.Minute)), Date: start.Add(-15 * time.Minute),
			})
		}
	}
	notice := func(kind string, n scheduling.Notice, change func(n *scheduling.Notice)) func(c *Composer) (*Letter, error) {
		n.Kind, n.To, n.ToName, n.Owner, n.Object, n.Title = kind, "mailto:alice@example.com", "Alice Ä.", 12, 345, "Planning"
		n.From, n.FromName, n.TimeZone = "mailto:bob@example.org", "Bob", "Europe/Paris"
		change(&n)
		return func(c *Composer) (*Letter, error) {
			original := []byte(crlf("From: Bob <bob@example.org>\nTo: " + "reply+abc@reply.example.com\nSubject: Re: Invitation: Planning\nMessage-ID: <words@mail.example.org>\n\nI come, but ten minutes late.\n\nGruß, Bob\n"))
			in, err := Parse(original)
			if err != nil {
				return nil, err
			}
			m, from, err := c.Notice(&n, in, original)
			if err != nil {
				return nil, err
			}
			m.MessageID, m.Date = c.JobID(&storage.Job{Owner: 12, ID: 678, Created: created}), created
			return letter(m, from)
		}
	}
	answered := func(partstat, more string) string {
		return crlf(strings.NewReplacer("METHOD:REQUEST", "METHOD:REPLY", "CN=Bob;PARTSTAT=NEEDS-ACTION", "CN=Bob;PARTSTAT="+partstat, "LOCATION:Room 5\\, first floor\n", more).Replace(weekly[:strings.LastIndex(weekly, "BEGIN:VEVENT")] + "END:VCALENDAR\n"))
	}
	return map[string]func(c *Composer) (*Letter, error){
		"notice-words":   notice(scheduling.WordsNotice, scheduling.Notice{Calendar: crlf(weekly), Unverified: true, Key: "k"}, func(*scheduling.Notice) {}),
		"notice-comment": notice(scheduling.CommentNotice, scheduling.Notice{Calendar: answered("ACCEPTED", "COMMENT:I bring <b>cake</b>.\n")}, func(*scheduling.Notice) {}),
		"notice-crasher": notice(scheduling.CrasherNotice, scheduling.Notice{Calendar: answered("TENTATIVE", "")}, func(n *scheduling.Notice) { n.From, n.FromName = "mailto:mallory@example.net", "" }),
		"notice-proposal-de": notice(scheduling.ProposalNotice, scheduling.Notice{Language: "de", Before: crlf(single),
			Calendar: crlf(strings.NewReplacer("20261116T113000Z", "20261117T130000Z", "LOCATION:Kantine\n", "COMMENT:Da habe ich Zeit.\n").Replace(single))},
			func(n *scheduling.Notice) { n.Title, n.TimeZone = "Mittagessen mit Gästen", "Europe/Vienna" }),
		"request":            compose(invite("REQUEST", weekly)),
		"request-foreign-de": compose(requestDE),
		"request-update":     compose(updated),
		"cancel":             compose(cancel),
		"cancel-instance-de": compose(cancelOne),
		"reply-accepted":     compose(reply),
		"reply-declined-de":  compose(declined),
		"reply-tentative":    compose(tentative),
		"counter":            compose(counter),
		"declinecounter":     compose(declineCounter),
		"refresh":            compose(refresh),
		"reminder":           remind("en", false),
		"reminder-late-de":   remind("de", true),
	}
}

func composeJob(c *Composer, inv *Invitation) (*Letter, error) {
	m, from, err := c.Invitation(inv)
	if err != nil {
		return nil, err
	}
	m.MessageID, m.Date = c.JobID(&storage.Job{Owner: 12, ID: 678, Created: created}), created
	return letter(m, from)
}

func TestGoldenMails(t *testing.T) {
	for name, compose := range mails(t) {
		t.Run(name, func(t *testing.T) {
			got, err := compose(testComposer())
			if err != nil {
				t.Fatal(err)
			}
			again, err := compose(testComposer())
			if err != nil || !bytes.Equal(got.Message, again.Message) {
				t.Errorf("composing again gives other bytes (%v)", err)
			}
			checkWire(t, got.Message)
			file := filepath.Join("..", "testdata", "mail", "sent", name+".eml")
			if *update {
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, got.Message, 0o644); err != nil {
					t.Fatal(err)
				}
				// What a reader sees is kept beside it, for reviews.
				_, parts := open(t, got.Message)
				var readable strings.Builder
				for _, p := range parts {
					readable.WriteString("== " + p.contentType + "\n" + strings.ReplaceAll(string(p.body), "\r\n", "\n") + "\n")
				}
				if err := os.WriteFile(strings.TrimSuffix(file, ".eml")+".txt", []byte(readable.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Message, want) {
				t.Errorf("%s differs from what is composed now:\n%s", file, got.Message)
			}
		})
	}
}

// checkWire looks for what no mail may have on the wire (RFC 5322 section 2.1.1).
func checkWire(t *testing.T, msg []byte) {
	t.Helper()
	for i, l := range bytes.SplitAfter(msg, []byte("\n")) {
		if len(l) > 0 && !bytes.HasSuffix(l, []byte("\r\n")) {
			t.Errorf("line %d does not end in CRLF: %.80q", i+1, l)
		}
		if len(l) > 1000 {
			t.Errorf("line %d has %d octets", i+1, len(l)-2)
		}
		if bytes.ContainsFunc(l, func(r rune) bool { return r > 0x7e || r < ' ' && r != '\r' && r != '\n' && r != '\t' }) {
			t.Errorf("line %d is not ASCII: %.80q", i+1, l)
		}
	}
}

type mimePart struct {
	path, contentType, disposition string
	params                         map[string]string
	body                           []byte
}

// open takes a message apart by the standard library, which is not what made it.
func open(t *testing.T, msg []byte) (mail.Header, []mimePart) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(msg))
	if err != nil {
		t.Fatal(err)
	}
	var parts []mimePart
	var walk func(path, contentType, encoding, disposition string, body io.Reader)
	walk = func(path, contentType, encoding, disposition string, body io.Reader) {
		mt, params, err := mime.ParseMediaType(contentType)
		if err != nil {
			t.Fatalf("%s: %v", contentType, err)
		}
		if strings.HasPrefix(mt, "multipart/") {
			r := multipart.NewReader(body, params["boundary"])
			for {
				p, err := r.NextRawPart()
				if err == io.EOF {
					return
				}
				if err != nil {
					t.Fatalf("%s: %v", mt, err)
				}
				walk(path+mt+"/", p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p.Header.Get("Content-Disposition"), p)
			}
		}
		switch encoding {
		case "base64":
			body = base64.NewDecoder(base64.StdEncoding, body)
		case "quoted-printable":
			body = quotedprintable.NewReader(body)
		default:
			t.Errorf("%s is encoded as %q", mt, encoding)
		}
		b, err := io.ReadAll(body)
		if err != nil {
			t.Fatalf("%s: %v", mt, err)
		}
		parts = append(parts, mimePart{path, mt, disposition, params, b})
	}
	walk("", m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), "", m.Body)
	return m.Header, parts
}

func TestStructureOfAnInvitation(t *testing.T) {
	l, err := composeJob(testComposer(), invite("REQUEST", weekly))
	if err != nil {
		t.Fatal(err)
	}
	h, parts := open(t, l.Message)
	var got []string
	for _, p := range parts {
		got = append(got, p.path+p.contentType)
	}
	want := "multipart/mixed/multipart/alternative/text/plain multipart/mixed/multipart/alternative/text/html " +
		"multipart/mixed/multipart/alternative/text/calendar multipart/mixed/application/ics"
	if strings.Join(got, " ") != want {
		t.Fatalf("structure = %q, want %q", got, want)
	}
	calendar, file := parts[2], parts[3]
	if calendar.params["method"] != "REQUEST" || strings.ToLower(calendar.params["charset"]) != "utf-8" || calendar.params["component"] != "VEVENT" {
		t.Errorf("parameters of text/calendar = %v", calendar.params)
	}
	if !bytes.Equal(calendar.body, file.body) || file.params["name"] != "invite.ics" || !strings.Contains(file.disposition, "invite.ics") {
		t.Errorf("the attachment is not the calendar: %v %s", file.params, file.disposition)
	}
	for header, want := range map[string]string{
		"Auto-Submitted": "auto-generated", "Mime-Version": "1.0", "Date": "Sun, 01 Nov 2026 08:00:00 +0000",
		"Message-Id": "<1793520000123456.12.678.6e340b9c.kalends@example.com>", "From": `=?utf-8?b?QWxpY2Ugw4Qu?= <alice@example.com>`,
		"To": `"Bob" <bob@example.org>`, "Content-Language": "en",
	} {
		if h.Get(header) != want {
			t.Errorf("%s = %q, want %q", header, h.Get(header), want)
		}
	}
	cal, err := ical.Parse(calendar.body)
	if err != nil {
		t.Fatal(err)
	}
	if cal.Value("METHOD") != "REQUEST" || cal.Component("VTIMEZONE") == nil || cal.Component("VTIMEZONE").Text("TZID") != "Europe/Paris" {
		t.Errorf("METHOD %q, VTIMEZONE %v", cal.Value("METHOD"), cal.Component("VTIMEZONE"))
	}
	text := string(calendar.body)
	for _, no := range []string{"VALARM", "X-MOZ", "X-ALT-DESC", "X-WR-CALNAME", "SCHEDULE-", "secret"} {
		if strings.Contains(text, no) {
			t.Errorf("the calendar part holds %s", no)
		}
	}
	ev := cal.Master()
	organizer := ev.Prop("ORGANIZER")
	if organizer.Param("EMAIL") != "alice@example.com" || organizer.Param("CN") != "Alice Ä." {
		t.Errorf("ORGANIZER = %s", organizer.Line())
	}
	// The same address in three places: ORGANIZER, Reply-To and the envelope sender.
	address := strings.TrimPrefix(organizer.Value(), "mailto:")
	reply, err := h.AddressList("Reply-To")
	if err != nil || reply[0].Address != address || l.From != address {
		t.Errorf("ORGANIZER %s, Reply-To %v, envelope %s", address, reply, l.From)
	}
	c := testComposer()
	r, ok := c.OpenReply(address)
	if !ok || r.Owner != 12 || r.Object != 345 || !c.Tokens.IsFor(r, "MAILTO:Bob@Example.ORG") || c.Tokens.IsFor(r, "mailto:alice@example.com") {
		t.Errorf("OpenReply(%s) = %+v, %v", address, r, ok)
	}
	for a := range ev.All("ATTENDEE") {
		if bob := a.Value() == "mailto:bob@example.org"; bob != (a.Param("RSVP") == "TRUE") {
			t.Errorf("RSVP of %s", a.Line())
		}
	}
}

func TestIdentity(t *testing.T) {
	for _, tt := range []struct {
		name, organizer       string
		sign, inbound         []string
		tokens                bool
		from, replyTo, orgWas string // replyTo: "" none, "token" a signed one
	}{
		{"we sign for the organizer and take in their mail", "alice@example.com", []string{"example.com"}, []string{"EXAMPLE.com"}, true,
			`"Alice" <alice@example.com>`, "", "alice@example.com"},
		{"we sign for the organizer only", "alice@example.com", []string{"example.com"}, nil, true,
			`"Alice" <alice@example.com>`, "token", "token"},
		{"we take in the organizer's mail only", "alice@example.com", nil, []string{"example.com"}, true,
			`"Alice via Kalends" <calendar@example.com>`, "alice@example.com", "alice@example.com"},
		{"neither", "alice@example.net", []string{"example.com"}, []string{"example.com"}, true,
			`"Alice via Kalends" <calendar@example.com>`, "token", "token"},
		{"no mail comes in", "alice@example.net", nil, nil, false,
			`"Alice via Kalends" <calendar@example.com>`, "alice@example.net", "alice@example.net"},
		{"a subdomain is another domain", "alice@sub.example.com", []string{"example.com"}, []string{"example.com"}, true,
			`"Alice via Kalends" <calendar@example.com>`, "token", "token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := testComposer()
			c.Sign, c.Inbound = tt.sign, tt.inbound
			if !tt.tokens {
				c.Tokens = nil
			}
			inv := invite("REQUEST", strings.ReplaceAll(weekly, "alice@example.com", tt.organizer))
			inv.From, inv.FromName = "mailto:"+tt.organizer, "Alice"
			l, err := composeJob(c, inv)
			if err != nil {
				t.Fatal(err)
			}
			h, parts := open(t, l.Message)
			cal, err := ical.Parse(parts[2].body)
			if err != nil {
				t.Fatal(err)
			}
			name := func(s string) string {
				if _, ok := c.OpenReply(s); ok {
					return "token"
				}
				return s
			}
			replyTo := ""
			if list, err := h.AddressList("Reply-To"); err == nil {
				replyTo = name(list[0].Address)
			}
			organizer := name(ical.Mailbox(cal.Master().Value("ORGANIZER")))
			if h.Get("From") != tt.from || replyTo != tt.replyTo || organizer != tt.orgWas {
				t.Errorf("From %s, Reply-To %s, ORGANIZER %s; want %s, %s, %s", h.Get("From"), replyTo, organizer, tt.from, tt.replyTo, tt.orgWas)
			}
		})
	}
}

func TestReplyAddressIsStable(t *testing.T) {
	c := testComposer()
	one, _ := c.replyAddress("mailto:alice@example.com", 12, 345, "mailto:bob@example.org")
	two, _ := c.replyAddress("mailto:ALICE@example.com", 12, 345, "MAILTO:bob@EXAMPLE.org")
	other, _ := c.replyAddress("mailto:alice@example.com", 12, 345, "mailto:carol@example.org")
	if one == "" || one != two || one == other {
		t.Errorf("reply addresses %s, %s, %s", one, two, other)
	}
}
