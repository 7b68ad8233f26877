package mailer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kalends/ical"
	"kalends/internal/cputime"
)

func readReceived(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "testdata", "mail", "received", name+".eml"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseReplies(t *testing.T) {
	for _, tt := range []struct {
		name, from, subject, attendee, partStat string
		parts                                   int
	}{
		{"gmail-reply-accepted", `"Bob" <bob@example.org>`, "Accepted: Planning @ Mon 16 Nov 2026 10:00 - 11:00 (CET) (Alice)", "mailto:bob@example.org", "ACCEPTED", 2},
		{"exchange-reply-declined", `=?utf-8?q?Bob_M=C3=BCller?= <Bob@Example.org>`, "Abgelehnt: Planning", "MAILTO:Bob@Example.org", "DECLINED", 1},
		{"old-outlook-windows-1252", "<bob@example.org>", "Tentative: Besprechung", "MAILTO:bob@example.org", "TENTATIVE", 1},
		{"unlabelled-8bit", "<bob@example.org>", "Tentative", "MAILTO:bob@example.org", "TENTATIVE", 1},
		{"apple-reply-accepted", `"Bob" <bob@example.org>`, "Zusage: „Planning“", "mailto:bob@example.org", "ACCEPTED", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in, err := Parse(readReceived(t, tt.name))
			if err != nil || len(in.Defects) != 0 {
				t.Fatalf("Parse: %v, %q", err, in.Defects)
			}
			if in.From.String() != tt.from || in.Subject != tt.subject || len(in.Parts) != tt.parts || in.MessageID == "" || in.Date.IsZero() {
				t.Errorf("From %s, Subject %q, %d parts, id %s, %v", in.From.String(), in.Subject, len(in.Parts), in.MessageID, in.Date)
			}
			cal, method, err := in.Message()
			if err != nil || method != "REPLY" {
				t.Fatalf("Message: %s, %v", method, err)
			}
			a := cal.Master().Prop("ATTENDEE")
			if a.Value() != tt.attendee || a.Param("PARTSTAT") != tt.partStat {
				t.Errorf("ATTENDEE = %s", a.Line())
			}
			if s := cal.String(); strings.ContainsRune(s, '\ufffd') || strings.Contains(s, "MAILTO") && !strings.Contains(s, "Bob Müller") {
				t.Errorf("text was not decoded:\n%s", s)
			}
		})
	}
}

func TestParseOtherMail(t *testing.T) {
	in, err := Parse(readReceived(t, "gmail-reply-accepted"))
	if err != nil || len(in.AuthenticationResults) != 1 || !strings.HasPrefix(in.AuthenticationResults[0], "mx.example.com;") ||
		strings.ContainsAny(in.AuthenticationResults[0], "\r\n") {
		t.Errorf("Authentication-Results = %q, %v", in.AuthenticationResults, err)
	}
	if len(in.References) != 1 || in.References[0] != "1793520000123456.12.678.kalends@example.com" || in.Text != "Bob has accepted this invitation." {
		t.Errorf("References = %q, Text = %q", in.References, in.Text)
	}
	in, err = Parse(readReceived(t, "exchange-reply-declined"))
	if err != nil || in.Text != "Leider verhindert, Grüße" {
		t.Errorf("Text = %q, %v", in.Text, err)
	}
	in, err = Parse(readReceived(t, "apple-reply-accepted"))
	if err != nil || in.Parts[0].Filename != "Besprechung ü.ics" || !in.Date.Equal(time.Date(2026, 11, 2, 10, 30, 0, 0, time.UTC)) {
		t.Errorf("file name = %+v, date %v, %v", in.Parts, in.Date, err)
	}
	in, err = Parse(readReceived(t, "outlook-tnef"))
	if err != nil || !in.TNEF || len(in.Parts) != 0 || in.Text != "I will be there." {
		t.Errorf("TNEF: %+v, %v", in, err)
	}
	if _, _, err := in.Message(); !errors.Is(err, ErrNoCalendar) {
		t.Errorf("Message of TNEF = %v", err)
	}
	in, err = Parse(readReceived(t, "vacation"))
	if err != nil || in.AutoSubmitted != "auto-replied" || in.Bounce != nil {
		t.Errorf("vacation: %+v, %v", in, err)
	}
}

func TestParseBounce(t *testing.T) {
	in, err := Parse(readReceived(t, "postfix-bounce"))
	if err != nil || in.Bounce == nil || len(in.Defects) != 0 {
		t.Fatalf("Parse = %+v, %v", in, err)
	}
	want := Bounce{MessageID: "1793520000123456.12.678.kalends@example.com", Failed: []FailedRecipient{{
		Address: "bob@example.org", Status: "5.1.1", Final: true,
		Diagnose: "550 5.1.1 <bob@example.org>: Recipient address rejected: User unknown in virtual mailbox table",
	}}}
	if got := *in.Bounce; got.MessageID != want.MessageID || len(got.Failed) != 1 || got.Failed[0] != want.Failed[0] {
		t.Errorf("Bounce = %+v, want %+v", got, want)
	}
	delayed := bytes.Replace(readReceived(t, "postfix-bounce"), []byte("Action: failed"), []byte("Action: delayed"), 1)
	if in, err := Parse(delayed); err != nil || in.Bounce != nil {
		t.Errorf("a delay is no bounce: %+v, %v", in.Bounce, err)
	}
}

func TestS8ParseForgeries(t *testing.T) {
	for name, want := range map[string]error{
		"forged-method-mismatch": ErrMethod, "forged-two-calendars": ErrNoCalendar, "forged-parts-differ": ErrAmbiguous,
		"forwarded-inside-rfc822": ErrNoCalendar,
	} {
		in, err := Parse(readReceived(t, name))
		if err != nil {
			t.Errorf("%s: Parse = %v", name, err)
			continue
		}
		if _, _, err := in.Message(); !errors.Is(err, want) {
			t.Errorf("%s: Message = %v, want %v", name, err, want)
		}
	}
	in, err := Parse(readReceived(t, "forged-two-senders"))
	if err != nil || in.From.Address != "" || len(in.Defects) != 1 {
		t.Errorf("two From: %+v, %v", in, err)
	}
}

// TestS8ParseBombs holds the inputs that take other programs seconds or their stack (FIELD.md S8, LIBRARIES.md).
func TestS8ParseBombs(t *testing.T) {
	nested := func(depth int) []byte {
		var b strings.Builder
		b.WriteString("From: bob@example.org\r\nMIME-Version: 1.0\r\n")
		for i := range depth {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		}
		b.WriteString("Content-Type: text/plain\r\n\r\nx\r\n")
		return []byte(b.String())
	}
	wide := func(n int) []byte {
		return []byte("From: bob@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
			strings.Repeat("--b\r\nContent-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", n) + "--b--\r\n")
	}
	same := []byte("From: bob@example.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		strings.Repeat("--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n", 5000))
	for name, tt := range map[string]struct {
		msg  []byte
		want error
	}{
		"nested 5,000 deep":     {nested(5000), ErrTooComplex},
		"nested 50,000 deep":    {nested(50_000), ErrTooComplex},
		"1,000 parts":           {wide(1000), ErrTooComplex},
		"one boundary for all":  {same, nil},
		"40 MB":                 {append(wide(1), make([]byte, 40<<20)...), ErrTooComplex},
		"a header of 30 MB":     {[]byte("From: bob@example.org\r\nX: " + strings.Repeat("x", 30<<20) + "\r\n\r\n"), errAny},
		"300,000 header fields": {[]byte(strings.Repeat("X: y\r\n", 300_000) + "\r\n"), errAny},
		"a calendar of 5 MB": {[]byte("From: bob@example.org\r\nContent-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\n" +
			strings.Repeat("X-A:b\r\n", 1<<20) + "END:VCALENDAR\r\n"), nil},
		"References of 200 kB": {[]byte("From: bob@example.org\r\nReferences:" + strings.Repeat(" <a@b>", 30_000) + "\r\n\r\n"), nil},
		"encoded words":        {[]byte("From: bob@example.org\r\nSubject: " + strings.Repeat("=?utf-8?q?=", 20_000) + "\r\n\r\n"), nil},
		"empty":                {nil, nil},
		"no header":            {[]byte("\r\n\r\n"), nil},
		"a From line first":    {[]byte("From bob Mon Nov  2 10:20:00 2026\nFrom: bob@example.org\n\nx"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			var in *Incoming
			var err error
			if took := cputime.Of(func() { in, err = Parse(tt.msg) }); took > 2*time.Second {
				t.Errorf("Parse took %v", took)
			}
			if tt.want == errAny && err == nil || tt.want != errAny && !errors.Is(err, tt.want) {
				t.Errorf("Parse = %v, want %v", err, tt.want)
			}
			if in == nil || len(in.References) > 50 || len(in.Defects) > maxDefects || len(in.Parts) > maxParts {
				t.Errorf("Parse = %+v", in)
			}
		})
	}
}

var errAny = errors.New("some error")

// TestParseReadsWhatComposeWrites takes every mail we send.
func TestParseReadsWhatComposeWrites(t *testing.T) {
	for name, compose := range mails(t) {
		l, err := compose(testComposer())
		if err != nil {
			t.Fatal(err)
		}
		in, err := Parse(l.Message)
		if err != nil || len(in.Defects) != 0 || in.AutoSubmitted != "auto-generated" {
			t.Errorf("%s: %+v, %v", name, in, err)
		}
		cal, method, err := in.Message()
		if strings.HasPrefix(name, "reminder") || strings.HasPrefix(name, "notice-") {
			if !errors.Is(err, ErrNoCalendar) {
				t.Errorf("%s: Message = %v", name, err)
			}
			continue
		}
		if err != nil || len(in.Parts) != 2 || method != strings.ToUpper(strings.SplitN(name, "-", 2)[0]) || cal.Master() == nil && !strings.Contains(name, "instance") {
			t.Errorf("%s: %s, %v", name, method, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "mail", "*", "*.eml"))
	if err != nil || len(files) == 0 {
		f.Fatal("no mails to begin with")
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		in, err := Parse(msg)
		if in == nil {
			t.Fatal("Parse returns nil")
		}
		if err != nil {
			return
		}
		for _, p := range in.Parts {
			if len(p.Text) > 3*maxCalendarPart {
				t.Fatalf("a part of %d octets", len(p.Text))
			}
		}
		cal, _, err := in.Message()
		if err != nil {
			return
		}
		if _, err := ical.Parse(cal.Bytes()); err != nil {
			t.Fatalf("what Message returns cannot be read again: %v", err)
		}
	})
}
