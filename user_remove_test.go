package main

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"kalends/calendar"
	"kalends/storage/sqlstore"
)

// onDatabase runs fn on the database of kalends-data, or that of the address.
func onDatabase(t *testing.T, fn func(s *calendar.Service), address ...string) {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), append(address, "sqlite:kalends-data/kalends.db")[0])
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	fn(&calendar.Service{Store: store, Now: time.Now, Log: slog.New(slog.DiscardHandler), URL: "https://cal.example.com"})
}

// TestRemoveWithMeetings: who goes does not leave others waiting for them.
func TestRemoveWithMeetings(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"alice", "bob"} {
		ok(t, "user", "add", name, "--email", name+"@example.com")
	}
	put := func(owner, uid string, attendees ...string) {
		t.Helper()
		text := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nBEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20990101T090000Z\r\nORGANIZER:mailto:" + owner + "@example.com\r\n"
		for _, a := range attendees {
			text += "ATTENDEE:mailto:" + a + "\r\n"
		}
		onDatabase(t, func(s *calendar.Service) {
			who, err := s.Store.PrincipalByName(t.Context(), owner)
			if err == nil {
				_, err = s.Put(t.Context(), calendar.PutRequest{
					Who: who, Target: calendar.Target{Owner: who, Slug: "calendar", Name: uid + ".ics"}, Body: []byte(text + "END:VEVENT\r\nEND:VCALENDAR\r\n"),
				})
			}
			if err != nil {
				t.Fatal(err)
			}
		})
	}
	put("alice", "hers", "alice@example.com", "bob@example.com", "zoe@example.net")
	put("bob", "his", "bob@example.com", "alice@example.com")
	bobs := func() string {
		t.Helper()
		return strings.ReplaceAll(ok(t, "export", "--user", "bob"), "\r\n ", "")
	}
	const ask = "Of their meetings that are still ahead 1 will be cancelled and 1 declined. (--keep-meetings leaves them as they are.)\nRemove alice"
	if status, out, errs := kalends(t, "no\n", "user", "remove", "alice"); status != 1 || !strings.HasPrefix(out, ask) || !strings.Contains(errs, "was not removed") {
		t.Errorf("asked: %d %s %s", status, out, errs)
	}
	if status, out, _ := kalends(t, "no\n", "user", "remove", "alice", "--keep-meetings"); status != 1 || !strings.HasPrefix(out, "2 of their meetings with others are still ahead. These stay") {
		t.Errorf("asked about leaving them: %d %s", status, out)
	}
	if text := bobs(); strings.Contains(text, "CANCELLED") || strings.Contains(text, "DECLINED") {
		t.Errorf("before anything was done:\n%s", text)
	}
	if out := ok(t, "user", "remove", "alice", "--yes"); out != "Removed alice. Of the meetings that were still ahead 1 was cancelled and 1 declined.\n" {
		t.Errorf("removed: %s", out)
	}
	if text := bobs(); strings.Count(text, "STATUS:CANCELLED") != 1 || strings.Count(text, "PARTSTAT=DECLINED") != 1 {
		t.Errorf("Bob's calendar:\n%s", text)
	}
	// Left as they are.
	ok(t, "user", "add", "cleo", "--email", "cleo@example.com")
	put("cleo", "kept", "cleo@example.com", "bob@example.com")
	if out := ok(t, "user", "remove", "cleo", "--yes", "--keep-meetings"); out != "Removed cleo.\n" {
		t.Errorf("removed: %s", out)
	}
	if text := bobs(); !strings.Contains(text, "UID:kept") || strings.Count(text, "STATUS:CANCELLED") != 1 {
		t.Errorf("Bob's calendar:\n%s", text)
	}
}
