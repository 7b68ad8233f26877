package calendar_test

import (
	"slices"
	"strings"
	"testing"

	"kalends/calendar"
	"kalends/storage"
)

// In the calendar of a team who plans a meeting organizes it: answers to them reach the meeting, by whichever way they come.
func TestTeam(t *testing.T) {
	each(t, func(s *site) {
		ctx := s.t.Context()
		if err := s.SetDelegates(ctx, s.alice, s.alice, true, []int64{s.bob.ID}); err != nil {
			s.t.Fatal(err)
		}
		err := s.Patch(ctx, s.alice, target(s.alice, ""), calendar.Edit{Live: func(c *storage.Calendar) error {
			c.Team = true
			return nil
		}})
		if err != nil {
			s.t.Fatal(err)
		}
		put := func(who *storage.Principal, name, text string) {
			s.t.Helper()
			if _, err := s.Put(ctx, calendar.PutRequest{Who: mustFind(s, who.Name), Target: target(s.alice, name), Body: []byte(text)}); err != nil {
				s.t.Fatalf("PUT %s by %s: %v", name, who.Name, err)
			}
		}
		body := strings.ReplaceAll(meeting("m1", "20260106T090000Z", "cleo@example.com"), "alice@", "bob@")
		body = strings.Replace(body, "ATTENDEE", "ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:dora@example.net\r\nATTENDEE", 1)
		put(s.bob, "m.ics", event("m1", "DTSTART:20260106T090000Z", "DURATION:PT1H", "SUMMARY:Meeting"))
		put(s.bob, "m.ics", body) // which makes it a meeting
		_, own := s.copy(s.alice, "m1")
		if !strings.Contains(own, "ORGANIZER:mailto:bob@example.com") || strings.Contains(own, "SENT-BY") {
			s.t.Errorf("Bob does not organize it:\n%s", own)
		}
		if o, _ := s.copy(s.bob, "m1"); o != nil {
			s.t.Error("Bob has a copy besides")
		}
		if got := s.mails(); !slices.Equal(got, []string{"REQUEST dora@example.net"}) {
			s.t.Errorf("mails %v", got)
		}
		_, copy := s.copy(s.cleo, "m1")
		s.put(s.cleo, "m1.ics", strings.Replace(copy, "PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:cleo", "PARTSTAT=ACCEPTED:mailto:cleo", 1))
		if _, own = s.copy(s.alice, "m1"); partStat(own, "cleo@example.com") != "ACCEPTED" {
			s.t.Errorf("after Cleo's answer:\n%s", own)
		}
		if got := s.inbox(s.alice) + "|" + s.inbox(s.bob); got != "REPLY|" {
			s.t.Errorf("inboxes %q", got)
		}
		// Alice edits it in Bob's name; and Bob's own meeting in his calendar stays his.
		put(s.alice, "m.ics", strings.Replace(own, "SUMMARY:", "LOCATION:Hall\r\nSUMMARY:", 1))
		const signed = `SENT-BY="mailto:alice@example.com"`
		if _, copy = s.copy(s.cleo, "m1"); !strings.Contains(copy, signed) || !strings.Contains(copy, "LOCATION:Hall") {
			s.t.Errorf("Cleo's copy:\n%s", copy)
		}
		s.put(s.bob, "b.ics", strings.ReplaceAll(strings.ReplaceAll(meeting("b1", "20260107T090000Z", "x"), "alice@", "bob@"), "mailto:x", "mailto:alice@example.com"))
		if o, copy := s.copy(s.alice, "b1"); o == nil {
			s.t.Error("Alice is not invited")
		} else {
			s.put(s.alice, o.Name, strings.Replace(copy, "PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:alice", "PARTSTAT=TENTATIVE:mailto:alice", 1))
		}
		if _, own := s.copy(s.bob, "b1"); partStat(own, "alice@example.com") != "TENTATIVE" {
			s.t.Errorf("after Alice's answer:\n%s", own)
		}
		s.delete(s.alice, "m.ics")
		if _, copy = s.copy(s.cleo, "m1"); !strings.Contains(copy, "STATUS:CANCELLED") {
			s.t.Errorf("Cleo's copy:\n%s", copy)
		}
		if home, err := s.Store.OrganizedIn(ctx, s.bob.ID, "m1"); err != nil || home != 0 {
			s.t.Errorf("after it is deleted: in %d, %v", home, err)
		}
	})
}
