package calendar_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/storage"
)

// add adds somebody of a kind.
func (s *site) add(name, kind string) *storage.Principal {
	s.t.Helper()
	d := &auth.Directory{Store: s.Store}
	p, err := d.Add(s.t.Context(), auth.NewUser{Name: name, DisplayName: strings.ToUpper(name[:1]) + name[1:], Email: name + "@example.com", Kind: kind})
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// booking changes how a room answers.
func (s *site) booking(room *storage.Principal, b storage.Booking) {
	s.t.Helper()
	err := s.Store.Update(s.t.Context(), func(tx storage.Tx) error {
		p, err := tx.PrincipalByID(s.t.Context(), room.ID)
		if err != nil {
			return err
		}
		addresses, err := tx.Addresses(s.t.Context(), room.ID)
		if err != nil {
			return err
		}
		p.Booking = b
		return tx.PutPrincipal(s.t.Context(), p, addresses)
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// partStat returns the PARTSTATs that somebody has in a copy, one for each component, "-" for none.
func partStat(text, address string) string {
	var list []string
	for _, c := range strings.Split(text, "BEGIN:VEVENT")[1:] {
		line := attendee(c, address)
		v := "-"
		if _, rest, ok := strings.Cut(line, "PARTSTAT="); ok {
			v, _, _ = strings.Cut(strings.ReplaceAll(rest, ";", ":"), ":")
		}
		list = append(list, v)
	}
	return strings.Join(list, " ")
}

// Thunderbird accepts from the mail before its first sync (see docs/divergences.md).
func TestAcceptBeforeTheFirstSync(t *testing.T) {
	each(t, func(s *site) {
		s.put(s.alice, "m.ics", meeting("m1", "20260106T090000Z", "bob@example.com"))
		for i, name := range []string{"m1.ics", "another.ics"} {
			_, copy := s.copy(s.bob, "m1")
			want := []string{"ACCEPTED", "TENTATIVE"}[i]
			body := strings.Replace(copy, "\nORGANIZER", "\nORGANIZER;SCHEDULE-AGENT=CLIENT", 1)
			line := attendee(body, "bob@example.com")
			body = strings.Replace(body, line, "ATTENDEE;PARTSTAT="+want+":mailto:bob@example.com", 1)
			ifNoneMatch := errors.New("exists")
			res, err := s.Put(s.t.Context(), calendar.PutRequest{Who: s.bob, Target: target(s.bob, name), Body: []byte(body), Cond: func(o *storage.Object) error {
				if o != nil {
					return ifNoneMatch
				}
				return nil
			}})
			if err != nil {
				s.t.Fatalf("put %s: %v", name, err)
			}
			if res.Created || res.AsSent || res.Object.Name != "m1.ics" {
				s.t.Errorf("put %s: created %v, as sent %v, stored as %s", name, res.Created, res.AsSent, res.Object.Name)
			}
			o, copy := s.copy(s.bob, "m1")
			if strings.Contains(copy, "SCHEDULE-AGENT") || partStat(copy, "bob@example.com") != want || o.Name != "m1.ics" {
				s.t.Errorf("Bob's copy:\n%s", copy)
			}
			if _, own := s.copy(s.alice, "m1"); partStat(own, "bob@example.com") != want {
				s.t.Errorf("Alice's copy:\n%s", own)
			}
		}
		// What is another change than an answer is no early answer.
		_, copy := s.copy(s.bob, "m1")
		body := strings.Replace(copy, "\nORGANIZER", "\nORGANIZER;SCHEDULE-AGENT=CLIENT", 1)
		body = strings.Replace(body, "20260106T090000Z", "20260107T090000Z", 1)
		if _, err := s.tryPut(s.bob, "other.ics", body); kind(err) != calendar.UIDConflict {
			s.t.Errorf("another time: %v", err)
		}
	})
}

func TestDismissedAlarmTellsNobody(t *testing.T) {
	each(t, func(s *site) {
		s.put(s.alice, "m.ics", meeting("m1", "20260106T090000Z", "bob@example.com"))
		before, _ := s.copy(s.alice, "m1")
		for _, line := range []string{"X-MOZ-LASTACK:20260106T085000Z", "ACKNOWLEDGED:20260106T085100Z"} {
			_, copy := s.copy(s.bob, "m1")
			s.put(s.bob, "m1.ics", strings.Replace(copy, "END:VEVENT", line+"\r\nEND:VEVENT", 1))
			if _, copy := s.copy(s.bob, "m1"); !strings.Contains(copy, line) {
				s.t.Errorf("%s is lost:\n%s", line, copy)
			}
		}
		after, _ := s.copy(s.alice, "m1")
		if s.inbox(s.alice) != "" || before.ETag != after.ETag || len(s.mails()) > 0 {
			s.t.Errorf("inbox %q, ETag %s to %s, mails %v", s.inbox(s.alice), before.ETag, after.ETag, s.mails())
		}
	})
}

// A meeting that was declined and thrown away does not come back for a new title; for a new time it does.
func TestDeclinedMeetingStaysAway(t *testing.T) {
	each(t, func(s *site) {
		s.put(s.alice, "m.ics", meeting("m1", "20260106T090000Z", "bob@example.com"))
		s.delete(s.bob, "m1.ics")
		_, own := s.copy(s.alice, "m1")
		s.put(s.alice, "m.ics", strings.Replace(own, "SUMMARY:Meeting", "SUMMARY:Talk", 1))
		if o, _ := s.copy(s.bob, "m1"); o != nil || s.inbox(s.bob) != "REQUEST" {
			s.t.Errorf("it is back: %v, inbox %q", o, s.inbox(s.bob))
		}
		_, own = s.copy(s.alice, "m1")
		s.put(s.alice, "m.ics", strings.Replace(own, "20260106T090000Z", "20260107T090000Z", 1))
		if o, copy := s.copy(s.bob, "m1"); o == nil || partStat(copy, "bob@example.com") != "NEEDS-ACTION" {
			s.t.Error("it is not back after it was rescheduled")
		}
	})
}

func TestRoom(t *testing.T) {
	each(t, func(s *site) {
		room := s.add("blue", "room")
		const at = "blue@example.com"
		answer := func(uid string) string {
			_, own := s.copy(s.alice, uid)
			return partStat(own, at)
		}
		res := s.put(s.alice, "a.ics", meeting("a", "20260106T090000Z", at, "bob@example.com"))
		if got := answer("a"); got != "ACCEPTED" || !strings.Contains(string(res.Object.ICS), "ACCEPTED;") && partStat(string(res.Object.ICS), at) == "" {
			s.t.Errorf("free: %s", got)
		}
		if res.AsSent {
			s.t.Error("the answer of the room is not in what was sent")
		}
		if o, _, err := s.Object(s.t.Context(), s.alice, target(s.alice, "a.ics")); err != nil || o.ETag != res.Object.ETag {
			s.t.Errorf("stored %v, %v; returned ETag %s", o, err, res.Object.ETag)
		}
		s.work()
		if _, copy := s.copy(s.bob, "a"); partStat(copy, at) != "ACCEPTED" {
			s.t.Errorf("Bob does not know:\n%s", copy)
		}
		s.put(s.alice, "b.ics", meeting("b", "20260106T093000Z", at))
		if got := answer("b"); got != "DECLINED" {
			s.t.Errorf("busy: %s", got)
		}
		// Touching is not overlapping, and what was declined takes no time.
		s.put(s.alice, "c.ics", meeting("c", "20260106T100000Z", at))
		if got := answer("c"); got != "ACCEPTED" {
			s.t.Errorf("after it: %s", got)
		}
		// Moved to a free time, and what it left is free again.
		_, own := s.copy(s.alice, "b")
		s.put(s.alice, "b.ics", strings.Replace(own, "20260106T093000Z", "20260106T120000Z", 1))
		if got := answer("b"); got != "ACCEPTED" {
			s.t.Errorf("moved: %s", got)
		}
		s.delete(s.alice, "a.ics")
		s.put(s.alice, "d.ics", meeting("d", "20260106T090000Z", at))
		if got := answer("d"); got != "ACCEPTED" {
			s.t.Errorf("after the other was deleted: %s", got)
		}
		// TRANSP is about the organizer.
		s.put(s.alice, "e.ics", strings.Replace(meeting("e", "20260108T090000Z", at), "SUMMARY", "TRANSP:TRANSPARENT\r\nSUMMARY", 1))
		s.put(s.alice, "f.ics", meeting("f", "20260108T090000Z", at))
		if got := answer("e") + " " + answer("f"); got != "ACCEPTED DECLINED" {
			s.t.Errorf("a transparent event and another: %s", got)
		}
		s.booking(room, storage.Booking{Answer: storage.AnswerTentative})
		s.put(s.alice, "g.ics", meeting("g", "20260109T090000Z", at))
		s.booking(room, storage.Booking{Answer: storage.AnswerManual})
		s.put(s.alice, "h.ics", meeting("h", "20260109T110000Z", at))
		s.booking(room, storage.Booking{Days: 10})
		s.put(s.alice, "i.ics", meeting("i", "20260114T110000Z", at))
		s.put(s.alice, "j.ics", meeting("j", "20260117T110000Z", at))
		s.booking(room, storage.Booking{Group: s.add("staff", "group").ID})
		s.put(s.alice, "k.ics", meeting("k", "20260115T110000Z", at))
		if got := answer("g") + " " + answer("h") + " " + answer("i") + " " + answer("j") + " " + answer("k"); got != "TENTATIVE NEEDS-ACTION ACCEPTED DECLINED DECLINED" {
			s.t.Errorf("tentative, manual, in 9 days, in 12 days, not in the group: %s", got)
		}
	})
}

func TestRoomAnswersASeriesByInstance(t *testing.T) {
	each(t, func(s *site) {
		s.add("blue", "room")
		const at = "blue@example.com"
		s.put(s.alice, "a.ics", meeting("a", "20260113T090000Z", at))
		series := strings.Replace(meeting("w", "20260106T090000Z", at), "SUMMARY", "RRULE:FREQ=WEEKLY;COUNT=4\r\nSUMMARY", 1)
		s.put(s.alice, "w.ics", series)
		_, own := s.copy(s.alice, "w")
		if got := partStat(own, at); got != "ACCEPTED DECLINED" || !strings.Contains(own, "RECURRENCE-ID:20260113T090000Z") {
			s.t.Errorf("the series: %s\n%s", got, own)
		}
		list, err := s.AttendeeBusy(s.t.Context(), s.bob, mustFind(s, "blue"), clock, clock.AddDate(0, 2, 0), "")
		if err != nil || len(list) != 4 {
			s.t.Errorf("the room is busy %v, %v", list, err)
		}
		// All instances are taken: the series is declined.
		s.put(s.alice, "x.ics", strings.Replace(series, "UID:w", "UID:x", 1))
		if _, own := s.copy(s.alice, "x"); partStat(own, at) != "DECLINED" {
			s.t.Errorf("the same again: %s", partStat(own, at))
		}
		// A series without end cannot be booked: nobody could say that it is free.
		s.put(s.alice, "y.ics", strings.Replace(strings.Replace(series, "UID:w", "UID:y", 1), ";COUNT=4", "", 1))
		if _, own := s.copy(s.alice, "y"); partStat(own, at) != "DECLINED" {
			s.t.Errorf("for ever: %s", partStat(own, at))
		}
		if list, err = s.AttendeeBusy(s.t.Context(), s.bob, mustFind(s, "blue"), clock, clock.AddDate(0, 2, 0), ""); err != nil || len(list) != 4 {
			s.t.Errorf("the room is busy %v, %v", list, err)
		}
	})
}

func mustFind(s *site, name string) *storage.Principal {
	s.t.Helper()
	p, err := s.Store.PrincipalByName(s.t.Context(), name)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// Fifty people want the room at once; one gets it.
func TestRoomIsNeverBookedTwice(t *testing.T) {
	each(t, func(s *site) {
		s.add("blue", "room")
		var people []*storage.Principal
		for i := range 50 {
			people = append(people, s.add(fmt.Sprintf("p%02d", i), "user"))
		}
		var wg sync.WaitGroup
		for i, p := range people {
			wg.Go(func() {
				text := strings.ReplaceAll(meeting(fmt.Sprintf("u%d", i), "20260106T090000Z", "blue@example.com"), "alice@", p.Name+"@")
				if _, err := s.tryPut(p, "m.ics", text); err != nil {
					s.t.Errorf("put of %s: %v", p.Name, err)
				}
			})
		}
		wg.Wait()
		got := map[string]int{}
		for i, p := range people {
			_, own := s.copy(p, fmt.Sprintf("u%d", i))
			got[partStat(own, "blue@example.com")]++
		}
		if got["ACCEPTED"] != 1 || got["DECLINED"] != 49 {
			s.t.Errorf("answers: %v", got)
		}
		list, err := s.AttendeeBusy(s.t.Context(), s.bob, mustFind(s, "blue"), clock, clock.AddDate(0, 0, 7), "")
		if err != nil || len(list) != 1 || list[0].End.Sub(list[0].Start) != time.Hour {
			s.t.Errorf("the room is busy %v, %v", list, err)
		}
	})
}

func TestGroup(t *testing.T) {
	each(t, func(s *site) {
		ctx := s.t.Context()
		team := s.add("team", "group")
		change := func(add, remove []int64) {
			s.t.Helper()
			if err := s.ChangeGroup(ctx, team, add, remove); err != nil {
				s.t.Fatal(err)
			}
			s.work()
		}
		change([]int64{s.alice.ID, s.bob.ID}, nil)
		s.put(s.alice, "m.ics", meeting("m1", "20260106T090000Z", "team@example.com"))
		s.put(s.alice, "old.ics", meeting("old", "20260102T090000Z", "team@example.com"))
		_, own := s.copy(s.alice, "m1")
		if line := attendee(own, "bob@example.com"); !strings.Contains(line, `MEMBER="mailto:team@example.com"`) || strings.Count(own, "alice@example.com") != 2 {
			s.t.Errorf("the organizer's copy:\n%s", own)
		}
		if !strings.Contains(attendee(own, "team@example.com"), "CUTYPE=GROUP") {
			s.t.Errorf("the group: %s", attendee(own, "team@example.com"))
		}
		if o, _ := s.copy(s.bob, "m1"); o == nil {
			s.t.Fatal("Bob has no copy")
		}
		change([]int64{s.cleo.ID}, nil)
		if o, copy := s.copy(s.cleo, "m1"); o == nil || partStat(copy, "cleo@example.com") != "NEEDS-ACTION" {
			s.t.Error("Cleo joined, and has no copy")
		}
		if o, _ := s.copy(s.cleo, "old"); o != nil {
			s.t.Error("Cleo got a meeting that is over")
		}
		if got := s.inbox(s.bob); got != "REQUEST REQUEST" {
			s.t.Logf("Bob's inbox: %s", got) // he learns that Cleo comes too
		}
		change(nil, []int64{s.bob.ID})
		if _, copy := s.copy(s.bob, "m1"); !strings.Contains(copy, "STATUS:CANCELLED") {
			s.t.Errorf("Bob left, and still has:\n%s", copy)
		}
		// Whom the organizer takes out stays out.
		_, own = s.copy(s.alice, "m1")
		s.put(s.alice, "m.ics", strings.Replace(own, attendee(own, "cleo@example.com")+"\r\n", "", 1))
		if _, own = s.copy(s.alice, "m1"); attendee(own, "cleo@example.com") != "" {
			s.t.Error("Cleo is back")
		}
		// With the group go its members.
		s.put(s.alice, "n.ics", meeting("n", "20260107T090000Z", "team@example.com", "bob@example.com"))
		_, own = s.copy(s.alice, "n")
		s.put(s.alice, "n.ics", strings.Replace(own, attendee(own, "team@example.com")+"\r\n", "", 1))
		if _, own = s.copy(s.alice, "n"); attendee(own, "cleo@example.com") != "" || attendee(own, "bob@example.com") == "" {
			s.t.Errorf("without the group:\n%s", own)
		}
	})
}

func TestDelegate(t *testing.T) {
	each(t, func(s *site) {
		ctx := s.t.Context()
		body := strings.ReplaceAll(meeting("m1", "20260106T090000Z", "cleo@example.com"), "alice@", "bob@")
		try := func(name, text string) error {
			_, err := s.Put(ctx, calendar.PutRequest{Who: mustFind(s, "bob"), Target: target(s.alice, name), Body: []byte(text)})
			return err
		}
		if err := try("m.ics", body); kind(err) != calendar.Forbidden {
			s.t.Errorf("without a right: %v", err)
		}
		set := func(write bool, ids ...int64) {
			s.t.Helper()
			if err := s.SetDelegates(ctx, s.alice, s.alice, write, ids); err != nil {
				s.t.Fatal(err)
			}
		}
		if err := s.SetDelegates(ctx, s.bob, s.alice, true, []int64{s.bob.ID}); kind(err) != calendar.Forbidden {
			s.t.Errorf("Bob takes the right himself: %v", err)
		}
		set(false, s.bob.ID)
		if err := try("m.ics", body); kind(err) != calendar.Forbidden {
			s.t.Errorf("who may read writes: %v", err)
		}
		set(true, s.bob.ID)
		if list, err := s.Delegates(ctx, s.alice, s.alice, false); err != nil || len(list) != 0 {
			s.t.Errorf("who may write is not among those who read only: %v, %v", list, err)
		}
		if err := try("m.ics", body); err != nil {
			s.t.Fatalf("with the right: %v", err)
		}
		_, own := s.copy(s.alice, "m1")
		const signed = `SENT-BY="mailto:bob@example.com":mailto:alice@example.com`
		if !strings.Contains(own, signed) {
			s.t.Errorf("the organizer:\n%s", own)
		}
		if o, copy := s.copy(s.cleo, "m1"); o == nil || !strings.Contains(copy, signed) {
			s.t.Errorf("Cleo's copy:\n%s", copy)
		}
		// Cleo's answer comes to Alice's calendar, and Bob answers in Alice's name.
		_, copy := s.copy(s.cleo, "m1")
		s.put(s.cleo, "m1.ics", strings.Replace(copy, "PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:cleo", "PARTSTAT=ACCEPTED:mailto:cleo", 1))
		if _, own := s.copy(s.alice, "m1"); partStat(own, "cleo@example.com") != "ACCEPTED" {
			s.t.Errorf("after Cleo's answer:\n%s", own)
		}
		s.put(s.cleo, "n.ics", strings.ReplaceAll(strings.ReplaceAll(meeting("n", "20260107T090000Z", "x"), "alice@", "cleo@"), "mailto:x", "mailto:alice@example.com"))
		_, copy = s.copy(s.alice, "n")
		if err := try("n.ics", strings.Replace(copy, "PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:alice", "PARTSTAT=ACCEPTED:mailto:alice", 1)); err != nil {
			s.t.Fatal(err)
		}
		if _, own := s.copy(s.cleo, "n"); partStat(own, "alice@example.com") != "ACCEPTED" {
			s.t.Errorf("after Bob's answer for Alice:\n%s", own)
		}
	})
}

// Somebody here is met by any spelling of their address, with a +detail too.
func TestAddresses(t *testing.T) {
	each(t, func(s *site) {
		text := meeting("m1", "20260106T090000Z", "cleo@example.com")
		text = strings.Replace(text, "mailto:cleo@example.com", "MAILTO:Bob%2BWork@Example.COM", 1)
		s.put(s.alice, "m.ics", text)
		_, copy := s.copy(s.bob, "m1")
		if !strings.Contains(copy, "Bob%2BWork") {
			s.t.Fatalf("bob has not:\n%s", copy)
		}
		s.put(s.bob, "m1.ics", strings.Replace(copy, "PARTSTAT=NEEDS-ACTION", "PARTSTAT=ACCEPTED", 1))
		if _, own := s.copy(s.alice, "m1"); partStat(own, "Bob%2BWork@Example.COM") != "ACCEPTED" || len(s.mails()) > 0 {
			s.t.Errorf("alice has not heard of it, or by mail:\n%s", own)
		}
	})
}

// Of many attendees some are left to jobs, which bring the meeting to all.
func TestManyAttendees(t *testing.T) {
	each(t, func(s *site) {
		s.Limits.Local = 1
		s.add("blue", "room")
		s.put(s.alice, "m.ics", meeting("m1", "20260106T090000Z", "bob@example.com", "cleo@example.com", "blue@example.com"))
		_, own := s.copy(s.alice, "m1")
		here := 0
		for _, p := range []*storage.Principal{s.bob, s.cleo} {
			o, _ := s.copy(p, "m1")
			if status := strings.Contains(attendee(own, p.Email), "SCHEDULE-STATUS=1.2"); (o != nil) != status {
				s.t.Errorf("%s has a copy: %v, but the status is %s", p.Name, o != nil, attendee(own, p.Email))
			}
			if o != nil {
				here++
			}
		}
		if here > 1 || partStat(own, "blue@example.com") != "ACCEPTED" {
			s.t.Errorf("%d have it at once:\n%s", here, own)
		}
		s.work()
		for _, p := range []*storage.Principal{s.bob, s.cleo} {
			if o, copy := s.copy(p, "m1"); o == nil || partStat(copy, "blue@example.com") != "ACCEPTED" {
				s.t.Errorf("%s has not: %v\n%s", p.Name, o, copy)
			}
		}
		s.delete(s.alice, "m.ics")
		s.work()
		for _, p := range []*storage.Principal{s.bob, s.cleo} {
			if _, copy := s.copy(p, "m1"); !strings.Contains(copy, "STATUS:CANCELLED") {
				s.t.Errorf("%s still goes:\n%s", p.Name, copy)
			}
		}
	})
}

// A calendar whose owner's program sends invitations and answers sends nothing itself.
func TestOwnClient(t *testing.T) {
	each(t, func(s *site) {
		err := s.Patch(s.t.Context(), s.alice, target(s.alice, ""), calendar.Edit{Live: func(c *storage.Calendar) error { c.OwnClient = true; return nil }})
		if err != nil {
			s.t.Fatal(err)
		}
		res := s.put(s.alice, "m.ics", meeting("m1", "20260106T090000Z", "bob@example.com", "zoe@example.org"))
		s.delete(s.alice, "m.ics")
		if o, _ := s.copy(s.bob, "m1"); o != nil || len(s.mails()) > 0 || !res.AsSent {
			s.t.Errorf("sent: %v, %v, as sent %v", o, s.mails(), res.AsSent)
		}
	})
}

func TestDeletingACalendarCancelsAndDeclines(t *testing.T) {
	each(t, func(s *site) {
		ctx := s.t.Context()
		two := calendar.Target{Owner: s.alice, Slug: "two"}
		if err := s.MakeCalendar(ctx, s.alice, two, calendar.Edit{}); err != nil {
			s.t.Fatal(err)
		}
		for name, text := range map[string]string{
			"m.ics": meeting("m1", "20260106T090000Z", "bob@example.com", "zoe@example.org"),
			"o.ics": meeting("old", "20260102T090000Z", "bob@example.com", "zoe@example.org"),
		} {
			two.Name = name
			if _, err := s.Put(ctx, calendar.PutRequest{Who: s.alice, Target: two, Body: []byte(text)}); err != nil {
				s.t.Fatal(err)
			}
		}
		s.put(s.bob, "n.ics", strings.ReplaceAll(strings.ReplaceAll(meeting("n", "20260107T090000Z", "x"), "alice@", "bob@"), "mailto:x", "mailto:alice@example.com"))
		if _, err := s.Move(ctx, calendar.MoveRequest{Who: s.alice, From: target(s.alice, "n.ics"), To: calendar.Target{Owner: s.alice, Slug: "two", Name: "n.ics"}}); err != nil {
			s.t.Fatal(err)
		}
		two.Name = ""
		if err := s.DeleteCalendar(ctx, s.alice, two, nil); err != nil {
			s.t.Fatal(err)
		}
		if _, copy := s.copy(s.bob, "m1"); !strings.Contains(copy, "STATUS:CANCELLED") {
			s.t.Errorf("Bob's copy:\n%s", copy)
		}
		if _, own := s.copy(s.bob, "n"); partStat(own, "alice@example.com") != "DECLINED" {
			s.t.Errorf("Bob's meeting:\n%s", own)
		}
		if o, _ := s.copy(s.bob, "old"); o != nil {
			s.t.Error("a meeting that was over when it was made is known to others")
		}
	})
}
