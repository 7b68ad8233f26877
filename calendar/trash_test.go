package calendar_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"kalends/calendar"
	"kalends/scheduling"
	"kalends/storage"
)

// trashed lists what somebody deleted: names, the latest first.
func (s *site) trashed(owner *storage.Principal) (list []calendar.Deleted, names string) {
	s.t.Helper()
	list, next, err := s.Trash(s.t.Context(), owner, owner, "", 0)
	if err != nil || next != "" {
		s.t.Fatalf("trash: %v, next %q", err, next)
	}
	for _, d := range list {
		names += d.Name + " "
	}
	return list, strings.TrimSpace(names)
}

func (s *site) restore(owner *storage.Principal, id int64) *calendar.PutResult {
	s.t.Helper()
	res, err := s.Restore(s.t.Context(), owner, owner, id)
	if err != nil {
		s.t.Fatalf("restore: %v", err)
	}
	return res
}

// TestMadeAnewUnderItsUID: who was told elsewhere that a meeting is off takes it again only with a SEQUENCE above that, wherever copies of it are left.
func TestMadeAnewUnderItsUID(t *testing.T) {
	each(t, func(s *site) {
		sequence := func(text string) int {
			t.Helper()
			m := regexp.MustCompile(`(?m)^SEQUENCE:(\d+)`).FindStringSubmatch(text)
			if m == nil {
				return 0
			}
			n, err := strconv.Atoi(m[1])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		mailed := func(method string) int { // the highest SEQUENCE of the mails that wait
			t.Helper()
			jobs, err := s.Store.Jobs(t.Context(), []storage.JobState{storage.Ready}, 100)
			if err != nil {
				t.Fatal(err)
			}
			n := -1
			for _, j := range jobs {
				var m scheduling.Mail
				if j.Kind == scheduling.MailJob && json.Unmarshal(j.Payload, &m) == nil && m.Method == method {
					n = max(n, sequence(m.Calendar))
				}
			}
			return n
		}
		first := meeting("m", "20260210T090000Z", "dave@example.org")
		s.put(s.alice, "m.ics", first)
		for _, hour := range []string{"10", "11", "12"} { // rescheduled, so that the SEQUENCE rises
			s.put(s.alice, "m.ics", strings.Replace(first, "T090000Z", "T"+hour+"0000Z", 1))
		}
		_, text := s.copy(s.alice, "m")
		before := sequence(text)
		settle := func() {
			t.Helper()
			for {
				jobs, err := s.Store.ClaimJobs(t.Context(), []string{scheduling.MailJob}, clock.Add(time.Hour), time.Minute, 10)
				if err != nil {
					t.Fatal(err)
				}
				if len(jobs) == 0 {
					return
				}
				for _, j := range jobs {
					j.State = storage.Done
					if err := s.Store.FinishJob(t.Context(), j); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		settle()
		s.delete(s.alice, "m.ics")
		cancelled := mailed("CANCEL")
		if before < 3 || cancelled <= before {
			t.Fatalf("SEQUENCE %d, and %d of the CANCEL", before, cancelled)
		}
		settle()
		s.put(s.alice, "again.ics", first)
		_, text = s.copy(s.alice, "m")
		if got := mailed("REQUEST"); got <= cancelled || sequence(text) != got {
			t.Errorf("made anew it is mailed with SEQUENCE %d and stored with %d; the CANCEL had %d", got, sequence(text), cancelled)
		}
		// Another's trash, another UID and what is nobody's meeting change nothing.
		s.put(s.bob, "b.ics", strings.NewReplacer("alice@", "bob@", "UID:m", "UID:b").Replace(first))
		if _, text = s.copy(s.bob, "b"); sequence(text) != 0 {
			t.Errorf("a new meeting begins with SEQUENCE %d", sequence(text))
		}
	})
}

func TestUndoOfADelete(t *testing.T) {
	each(t, func(s *site) {
		text := event("e1", "DTSTART;TZID=Europe/Berlin:20260106T100000", "DURATION:PT1H", "SUMMARY:Dentist", "X-MINE:kept")
		s.put(s.alice, "e1.ics", text)
		s.delete(s.alice, "e1.ics")
		list, names := s.trashed(s.alice)
		if names != "e1.ics" {
			s.t.Fatalf("trash: %q", names)
		}
		d := list[0]
		if d.Summary != "Dentist" || !d.Start.Equal(time.Date(2026, 1, 6, 9, 0, 0, 0, time.UTC)) || d.AllDay || d.Recurring || d.Invites != nil ||
			d.By != s.alice.ID || d.Slug != "calendar" || !d.Deleted.Equal(clock) {
			s.t.Errorf("entry: %+v", d)
		}
		if _, _, err := s.Trash(s.t.Context(), s.bob, s.alice, "", 0); calendar.KindOf(err) != calendar.Refused {
			s.t.Errorf("Bob looks into Alice's trash: %v", err)
		}
		if _, err := s.Restore(s.t.Context(), s.bob, s.alice, d.ID); calendar.KindOf(err) != calendar.Refused {
			s.t.Errorf("Bob restores what is Alice's: %v", err)
		}
		if res := s.restore(s.alice, d.ID); !res.Created || !res.AsSent || string(res.Object.ICS) != text || res.Object.Name != "e1.ics" {
			s.t.Errorf("restored: %+v", res)
		}
		if _, err := s.Restore(s.t.Context(), s.alice, s.alice, d.ID); calendar.KindOf(err) != calendar.NotFound {
			s.t.Errorf("a second time: %v", err)
		}
		if _, names := s.trashed(s.alice); names != "" {
			s.t.Errorf("trash afterwards: %q", names)
		}
	})
}

func TestUndoFindsAPlace(t *testing.T) {
	each(t, func(s *site) {
		// The name is another event's by now.
		s.put(s.alice, "a.ics", event("one", "DTSTART:20260106T090000Z"))
		s.delete(s.alice, "a.ics")
		s.put(s.alice, "a.ics", event("two", "DTSTART:20260106T090000Z"))
		list, _ := s.trashed(s.alice)
		if res := s.restore(s.alice, list[0].ID); res.Object.Name == "a.ics" || res.Object.UID != "one" {
			s.t.Errorf("restored as %s", res.Object.Name)
		}
		// The event is there again.
		s.put(s.alice, "b.ics", event("three", "DTSTART:20260106T090000Z"))
		s.delete(s.alice, "b.ics")
		s.put(s.alice, "c.ics", event("three", "DTSTART:20260106T090000Z"))
		list, _ = s.trashed(s.alice)
		if _, err := s.Restore(s.t.Context(), s.alice, s.alice, list[0].ID); calendar.KindOf(err) != calendar.UIDConflict {
			s.t.Errorf("what is there again: %v", err)
		}
		if n, err := s.EmptyTrash(s.t.Context(), s.alice, s.alice); n != 1 || err != nil {
			s.t.Errorf("EmptyTrash = %d, %v", n, err)
		}
		// The calendar is gone with all that was in it: it comes back by name.
		work := calendar.Target{Owner: s.alice, Slug: "work"}
		err := s.MakeCalendar(s.t.Context(), s.alice, work, calendar.Edit{Live: func(c *storage.Calendar) error { c.DisplayName = "Work"; return nil }})
		if err != nil {
			s.t.Fatal(err)
		}
		for i := range 3 {
			work.Name = fmt.Sprintf("w%d.ics", i)
			if _, err := s.Put(s.t.Context(), calendar.PutRequest{Who: s.alice, Target: work, Body: []byte(event(work.Name, "DTSTART;VALUE=DATE:20260106", "RRULE:FREQ=DAILY"))}); err != nil {
				s.t.Fatal(err)
			}
		}
		work.Name = ""
		if err := s.DeleteCalendar(s.t.Context(), s.alice, work, nil); err != nil {
			s.t.Fatal(err)
		}
		list, names := s.trashed(s.alice)
		if names != "w2.ics w1.ics w0.ics" || !list[0].AllDay || !list[0].Recurring || list[0].CalendarName != "Work" {
			s.t.Fatalf("trash: %q", names)
		}
		for _, d := range list {
			s.restore(s.alice, d.ID)
		}
		c, err := s.Store.Calendar(s.t.Context(), s.alice.ID, "work")
		if err != nil || c.DisplayName != "Work" {
			s.t.Fatalf("the calendar: %+v, %v", c, err)
		}
		if o, _ := s.copy(s.alice, "w1.ics"); o == nil || o.Calendar != c.ID {
			s.t.Errorf("restored: %+v", o)
		}
	})
}

// TestUndoInvitesAgain: what DESIGN.md says of undoing a delete that sent CANCEL.
func TestUndoInvitesAgain(t *testing.T) {
	each(t, func(s *site) {
		s.put(s.alice, "m.ics", meeting("m1", "20260106T090000Z", "bob@example.com", "guest@example.org"))
		_, copy := s.copy(s.bob, "m1")
		s.put(s.bob, "m1.ics", strings.Replace(copy, "PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bob", "PARTSTAT=ACCEPTED:mailto:bob", 1))
		s.work()
		s.delete(s.alice, "m.ics")
		list, _ := s.trashed(s.alice)
		if len(list) != 1 || !slices.Equal(list[0].Invites, []string{"mailto:bob@example.com", "mailto:guest@example.org"}) {
			s.t.Fatalf("trash: %+v", list)
		}
		if _, names := s.trashed(s.bob); names != "" {
			s.t.Errorf("what the organizer took from Bob's calendar is in Bob's trash: %q", names)
		}
		before := len(s.mails())
		res := s.restore(s.alice, list[0].ID)
		if o, copy := s.copy(s.bob, "m1"); o == nil || partStat(copy, "bob@example.com") != "NEEDS-ACTION" || strings.Contains(copy, "STATUS:CANCELLED") {
			s.t.Errorf("Bob's copy:\n%s", copy)
		}
		if !strings.Contains(string(res.Object.ICS), "SEQUENCE:3") { // the CANCEL had 2
			s.t.Errorf("Alice's object:\n%s", res.Object.ICS)
		}
		if mails := s.mails(); len(mails) <= before-1 || !slices.Contains(mails, "REQUEST guest@example.org") {
			s.t.Errorf("mails: %v", mails)
		}
		// What is over tells nobody, and keeps its answers.
		past := strings.Replace(meeting("m2", "20251201T090000Z", "bob@example.com"), "PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bob", "PARTSTAT=ACCEPTED:mailto:bob", 1)
		s.put(s.alice, "p.ics", past)
		s.delete(s.alice, "p.ics")
		list, _ = s.trashed(s.alice)
		if list[0].Invites != nil {
			s.t.Errorf("a past meeting invites %v", list[0].Invites)
		}
		if res := s.restore(s.alice, list[0].ID); partStat(string(res.Object.ICS), "bob@example.com") != "ACCEPTED" {
			s.t.Errorf("a past meeting:\n%s", res.Object.ICS)
		}
	})
}

// TestUndoOfAnAttendee: who deleted their copy, which declined, comes back with the answer they had.
func TestUndoOfAnAttendee(t *testing.T) {
	each(t, func(s *site) {
		s.put(s.alice, "m.ics", meeting("m1", "20260106T090000Z", "bob@example.com"))
		_, copy := s.copy(s.bob, "m1")
		s.put(s.bob, "m1.ics", strings.Replace(copy, "PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bob", "PARTSTAT=ACCEPTED:mailto:bob", 1))
		s.delete(s.bob, "m1.ics")
		if _, own := s.copy(s.alice, "m1"); partStat(own, "bob@example.com") != "DECLINED" {
			s.t.Fatalf("Alice's object after Bob's delete:\n%s", own)
		}
		list, _ := s.trashed(s.bob)
		if len(list) != 1 || list[0].Invites != nil {
			s.t.Fatalf("Bob's trash: %+v", list)
		}
		s.restore(s.bob, list[0].ID)
		if _, copy := s.copy(s.bob, "m1"); partStat(copy, "bob@example.com") != "ACCEPTED" {
			s.t.Errorf("Bob's copy:\n%s", copy)
		}
		if _, own := s.copy(s.alice, "m1"); partStat(own, "bob@example.com") != "ACCEPTED" {
			s.t.Errorf("Alice's object:\n%s", own)
		}
	})
}

func TestTrashIsPaged(t *testing.T) {
	each(t, func(s *site) {
		for i := range 5 {
			name := fmt.Sprintf("e%d.ics", i)
			s.put(s.alice, name, event(name, "DTSTART:20260106T090000Z"))
			s.delete(s.alice, name)
		}
		var got []string
		for after, n := "", 0; ; n++ {
			list, next, err := s.Trash(s.t.Context(), s.alice, s.alice, after, 2)
			if err != nil || n > 5 {
				s.t.Fatal(err)
			}
			for _, d := range list {
				got = append(got, d.Name)
			}
			if after = next; next == "" {
				break
			}
		}
		if fmt.Sprint(got) != "[e4.ics e3.ics e2.ics e1.ics e0.ics]" {
			s.t.Errorf("pages: %v", got)
		}
		if _, _, err := s.Trash(s.t.Context(), s.alice, s.alice, "x", 2); calendar.KindOf(err) != calendar.BadRequest {
			s.t.Errorf("a mark of nobody's: %v", err)
		}
	})
}

// TestLongTrash: a page of the trash holds no more than fits into memory, however long what was deleted is, and all of it is found page by page.
func TestLongTrash(t *testing.T) {
	each(t, func(s *site) {
		long := strings.Repeat("x", 900_000)
		for i := range 24 {
			name := fmt.Sprintf("%02d", i)
			s.put(s.alice, name+".ics", event(name, "DTSTART:20260106T090000Z", "SUMMARY:"+name+long))
			s.delete(s.alice, name+".ics")
		}
		seen, after, pages := 0, "", 0
		for ; ; pages++ {
			list, next, err := s.Trash(t.Context(), s.alice, s.alice, after, 200)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range list {
				if want := fmt.Sprintf("%02dx", 23-seen); !strings.HasPrefix(d.Summary, want) || len(d.Summary) > 1000 || d.ICS != nil {
					t.Errorf("entry %d begins with %.4q, its title has %d octets, its text %d", seen, d.Summary, len(d.Summary), len(d.ICS))
				}
				seen++
			}
			if after = next; after == "" || pages > 9 {
				break
			}
		}
		if seen != 24 || after != "" || pages != 1 { // and the first
			t.Errorf("%d entries, then %q, after %d pages", seen, after, pages+1)
		}
	})
}
