package calendar_test

import (
	"slices"
	"strings"
	"testing"
	"time"

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

// TestTeamAnswerPages: the links in the mails about a team's meeting lead to it, and what is answered or proposed there, or by people
// here, reaches it. Who does not organize it there gets nowhere.
func TestTeamAnswerPages(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		if err := s.SetDelegates(ctx, s.alice, s.alice, true, []int64{s.bob.ID}); err != nil {
			t.Fatal(err)
		}
		err := s.Patch(ctx, s.alice, target(s.alice, ""), calendar.Edit{Live: func(c *storage.Calendar) error {
			c.Team = true
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		body := strings.ReplaceAll(meeting("m1", "20260106T090000Z", "dora@example.net", "cleo@example.com"), "alice@", "bob@")
		if _, err := s.Put(ctx, calendar.PutRequest{Who: mustFind(s, "bob"), Target: target(s.alice, "m.ics"), Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
		o, _ := s.copy(s.alice, "m1")
		dora := func(a string) bool { return a == "mailto:dora@example.net" }
		in, err := s.Invited(ctx, s.alice.ID, o.ID, dora)
		if err != nil || in.Organizer.Name != "bob" || in.Owner.Name != "alice" || in.Answer != "NEEDS-ACTION" {
			t.Fatalf("Invited: %+v, %v", in, err)
		}
		if err := s.Answer(ctx, s.alice.ID, o.ID, dora, "ACCEPTED", "with pleasure"); err != nil {
			t.Fatal(err)
		}
		if _, text := s.copy(s.alice, "m1"); partStat(text, "dora@example.net") != "ACCEPTED" {
			t.Errorf("after the answer:\n%s", text)
		}
		later := calendar.NewTime{Start: in.Dates[0].Start.Add(24 * time.Hour), End: in.Dates[0].End.Add(24 * time.Hour)}
		if err := s.Propose(ctx, s.alice.ID, o.ID, dora, later); err != nil {
			t.Fatal(err)
		}
		theirs, _ := s.copy(s.cleo, "m1")
		if err := s.ProposeTime(ctx, s.cleo, target(s.cleo, theirs.Name), later); err != nil {
			t.Fatal(err)
		}
		waiting, _, err := s.Held(ctx, s.alice, s.alice, "", 10)
		if err != nil || len(waiting) != 2 {
			t.Fatalf("proposals: %v, %v", waiting, err)
		}
		for i, from := range []string{"mailto:dora@example.net", "mailto:cleo@example.com"} {
			if waiting[i].About.From != from {
				t.Errorf("proposal %d is from %s", i, waiting[i].About.From)
			}
		}
		if _, err := s.AcceptHeld(ctx, s.alice, s.alice, waiting[0].Key); err != nil {
			t.Fatal(err)
		}
		if _, text := s.copy(s.alice, "m1"); !strings.Contains(text, "DTSTART:20260107T090000Z") || !strings.Contains(text, "ORGANIZER:mailto:bob@") {
			t.Errorf("after the proposal was taken:\n%s", text)
		}
		// A copy of a meeting that somebody organizes elsewhere is not theirs to have answered here.
		s.put(s.bob, "c.ics", strings.ReplaceAll(strings.ReplaceAll(meeting("c1", "20260108T090000Z", "dora@example.net", "x"), "alice@", "bob@"), "mailto:x", "mailto:alice@example.com"))
		o, _ = s.copy(s.alice, "c1")
		if _, err := s.Invited(ctx, s.alice.ID, o.ID, dora); kind(err) != calendar.NotFound {
			t.Errorf("by Alice's copy of Bob's meeting: %v", err)
		}
	})
}
