package main

import (
	"regexp"
	"strings"
	"testing"
)

func TestMailIn(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "migrate")
	ok(t, "user", "add", "bob", "--email", "bob@example.com")
	mail := strings.ReplaceAll(`From: carol@example.org
To: bob@example.com
Subject: Lunch
Message-ID: <1@example.org>
MIME-Version: 1.0
Content-Type: text/calendar; method=REQUEST

BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//EN
METHOD:REQUEST
BEGIN:VEVENT
UID:lunch
DTSTAMP:20260101T000000Z
DTSTART:20380105T110000Z
SUMMARY:Lunch
ORGANIZER:mailto:carol@example.org
ATTENDEE;RSVP=TRUE:mailto:bob@example.com
END:VEVENT
END:VCALENDAR
`, "\n", "\r\n")
	check := func(stdin string, status int, args ...string) {
		t.Helper()
		got, _, errs := kalends(t, stdin, append([]string{"mail-in", "--log-level", "error"}, args...)...)
		if got != status || (status == 0) != (errs == "") {
			t.Errorf("mail-in %v: status %d, want %d: %s", args, got, status, errs)
		}
	}
	// Signed by nobody, so it waits.
	signed := "Authentication-Results: mx.example.com; dkim=pass header.d=example.org\r\n" + mail
	check(signed, 0, "--rcpt", "<bob@example.com>", "--mail-authserv-id", "mx.example.com")
	check(signed, 0, "--rcpt", "bob@example.com", "--mail-authserv-id", "mx.example.com")
	check(mail, 0, "--rcpt", "bob@example.com", "--mail-authserv-id", "mx.example.com")
	check(mail, 67, "--rcpt", "nobody@example.com")
	check(strings.Repeat("x", maxMailIn+1), 65, "--rcpt", "bob@example.com")
	check(mail, 75, "--rcpt", "bob@example.com", "--database", "postgres://kalends@127.0.0.1:1/kalends")

	out := ok(t, "held", "list")
	ids := regexp.MustCompile(`(?m)^(bob/[0-9a-f]{32}) +\S+ +carol@example.org +request +Lunch +(\S+) `).FindAllStringSubmatch(out, -1)
	if len(ids) != 2 || !strings.Contains(out, "carol@example.org, who is not known") || !strings.Contains(out, "is not verified") {
		t.Fatalf("waiting:\n%s", out)
	}
	for _, m := range ids {
		if show := ok(t, "held", "show", "--raw", m[1]); !strings.Contains(show, "SUMMARY:Lunch") {
			t.Errorf("show:\n%s", show)
		}
		if show := ok(t, "held", "show", m[1]); !regexp.MustCompile(`When: +2038-01-05T11:00:00Z\n`).MatchString(show) || !regexp.MustCompile(`Subject: +Lunch\n`).MatchString(show) {
			t.Errorf("show:\n%s", show)
		}
		if m[2] == "an" { // invitation, verified
			ok(t, "held", "accept", m[1])
		} else {
			ok(t, "held", "refuse", m[1])
		}
		if status, _, errs := kalends(t, "", "held", "refuse", m[1]); status != 1 || !strings.Contains(errs, "does not wait") {
			t.Errorf("drop twice: %d %s", status, errs)
		}
	}
	if out := ok(t, "held", "list", "bob"); strings.Count(out, "\n") != 1 {
		t.Errorf("still waiting:\n%s", out)
	}
	for _, args := range []string{"held accept x", "held accept nobody/x", "held list nobody", "held show bob/x", "held show bob/x --raw", "held refuse bob/x"} {
		if status, _, errs := kalends(t, "", strings.Fields(args)...); status != 1 || strings.Count(errs, "\n") != 1 {
			t.Errorf("kalends %s: %d %s", args, status, errs)
		}
	}
}
