package calendar_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"kalends/calendar"
	"kalends/storage"
)

func TestPutStoresTheBytesAsSent(t *testing.T) {
	each(t, func(s *site) {
		text := event("u1", "DTSTART;TZID=W. Europe Standard Time:20260105T090000", "summary;x-a=\"b:c\":folded\r\n  here")
		res := s.put(s.alice, "a.ics", text)
		if !res.Created || !res.AsSent {
			s.t.Errorf("created %v, as sent %v", res.Created, res.AsSent)
		}
		o, _, err := s.Object(s.t.Context(), s.alice, target(s.alice, "a.ics"))
		if err != nil || string(o.ICS) != text || o.ETag != res.Object.ETag {
			s.t.Errorf("stored %q, %v", o.ICS, err)
		}
		if res = s.put(s.alice, "a.ics", text); res.Created {
			s.t.Error("the second PUT created it again")
		}
	})
}

// Lines that are folded inside a character are folded anew, and the answer says so by having no ETag.
func TestPutOfAFoldInsideACharacter(t *testing.T) {
	each(t, func(s *site) {
		text := event("u1", "DTSTART:20260105T090000Z", "SUMMARY:gr\xc3\r\n \xbcn")
		res := s.put(s.alice, "a.ics", text)
		if _, got := s.copy(s.alice, "u1"); res.AsSent || !strings.Contains(got, "SUMMARY:grün\r\n") {
			s.t.Errorf("as sent %v, stored %q", res.AsSent, got)
		}
	})
}

func TestPutRefuses(t *testing.T) {
	each(t, func(s *site) {
		s.put(s.alice, "a.ics", event("u1", "DTSTART:20260105T090000Z"))
		for _, tt := range []struct {
			about, name, text string
			want              calendar.Kind
		}{
			{"no iCalendar", "b.ics", "hello", calendar.InvalidData},
			{"METHOD", "b.ics", strings.Replace(event("u2", "DTSTART:20260105T090000Z"), "VERSION:2.0", "VERSION:2.0\r\nMETHOD:REQUEST", 1), calendar.InvalidObject},
			{"no UID", "b.ics", strings.Replace(event("", "DTSTART:20260105T090000Z"), "UID:\r\n", "", 1), calendar.InvalidObject},
			{"a UID twice in a calendar", "b.ics", event("u1", "DTSTART:20260105T090000Z"), calendar.UIDConflict},
			{"another UID at the same name", "a.ics", event("u2", "DTSTART:20260105T090000Z"), calendar.UIDConflict},
			{"a component the calendar does not take", "b.ics", strings.ReplaceAll(event("u2", "DTSTART:20260105T090000Z"), "VEVENT", "VTODO"), calendar.UnsupportedComponent},
			{"a VEVENT without start", "b.ics", event("u2", "SUMMARY:x"), calendar.InvalidData},
			{"DTSTART a time, DTEND a date", "b.ics", event("u2", "DTSTART:20260105T090000Z", "DTEND;VALUE=DATE:20260106"), calendar.InvalidData},
			{"a rule that makes no sense", "b.ics", event("u2", "DTSTART:20260105T090000Z", "RRULE:FREQ=NEVER"), calendar.InvalidData},
			{"too large", "b.ics", event("u2", "DTSTART:20260105T090000Z", "DESCRIPTION:"+strings.Repeat("x", 1<<20)), calendar.TooLarge},
			{"too many attendees", "b.ics", event("u2", "DTSTART:20260105T090000Z\r\n"+strings.Repeat("ATTENDEE:mailto:x@example.org\r\n", 1001)+"SUMMARY:x"), calendar.TooManyAttendees},
			{"a bad name", "a/b.ics", event("u2", "DTSTART:20260105T090000Z"), calendar.BadName},
		} {
			if _, err := s.tryPut(s.alice, tt.name, tt.text); kind(err) != tt.want {
				s.t.Errorf("%s: %v (kind %d), want kind %d", tt.about, err, kind(err), tt.want)
			}
		}
		_, err := s.Put(s.t.Context(), calendar.PutRequest{Who: s.alice, Target: calendar.Target{Owner: s.alice, Slug: "none", Name: "a.ics"}, Body: []byte(event("u9", "DTSTART:20260105T090000Z"))})
		if kind(err) != calendar.NoParent {
			s.t.Errorf("no such calendar: %v", err)
		}
		_, err = s.Put(s.t.Context(), calendar.PutRequest{Who: s.bob, Target: target(s.alice, "b.ics"), Body: []byte(event("u9", "DTSTART:20260105T090000Z"))})
		if kind(err) != calendar.Forbidden {
			s.t.Errorf("another's calendar: %v", err)
		}
	})
}

func TestConditionIsDecidedUnderTheLock(t *testing.T) {
	each(t, func(s *site) {
		s.put(s.alice, "a.ics", event("u1", "DTSTART:20260105T090000Z"))
		refused := errors.New("refused")
		err := s.Delete(s.t.Context(), calendar.DeleteRequest{Who: s.alice, Target: target(s.alice, "a.ics"), Cond: func(o *storage.Object) error {
			if o == nil || o.UID != "u1" {
				s.t.Errorf("condition got %v", o)
			}
			return refused
		}})
		if !errors.Is(err, refused) {
			s.t.Errorf("delete: %v", err)
		}
		if o, _ := s.copy(s.alice, "u1"); o == nil {
			s.t.Error("it is gone")
		}
	})
}

// RFC 6638 section 3.2.1: what the organizer does reaches everybody in the same transaction.
func TestOrganizer(t *testing.T) {
	each(t, func(s *site) {
		res := s.put(s.alice, "m.ics", meeting("m1", "20260106T090000Z", "bob@example.com", "zoe@example.org"))
		if res.AsSent || res.Object.ScheduleTag == "" {
			s.t.Errorf("as sent %v, Schedule-Tag %q", res.AsSent, res.Object.ScheduleTag)
		}
		_, own := s.copy(s.alice, "m1")
		for _, want := range []string{"SCHEDULE-STATUS=1.2:mailto:bob@example.com", "SCHEDULE-STATUS=1.1:mailto:zoe@example.org"} {
			if !strings.Contains(own, want) {
				s.t.Errorf("the organizer's copy lacks %s:\n%s", want, own)
			}
		}
		o, copy := s.copy(s.bob, "m1")
		if o == nil || o.Name != "m1.ics" || o.ScheduleTag == "" || strings.Contains(copy, "SCHEDULE-STATUS") {
			s.t.Fatalf("Bob's copy: %+v\n%s", o, copy)
		}
		if got := s.inbox(s.bob); got != "REQUEST" {
			s.t.Errorf("Bob's inbox: %q", got)
		}
		if got := fmt.Sprint(s.mails()); got != "[REQUEST zoe@example.org]" {
			s.t.Errorf("mails: %s", got)
		}

		// Nothing new, so nobody is told.
		s.put(s.alice, "m.ics", own)
		if got := s.inbox(s.bob) + fmt.Sprint(s.mails()); got != "REQUEST[REQUEST zoe@example.org]" {
			s.t.Errorf("after the same again: %s", got)
		}

		s.put(s.alice, "m.ics", strings.Replace(own, "20260106T090000Z", "20260107T090000Z", 1))
		if _, copy := s.copy(s.bob, "m1"); !strings.Contains(copy, "DTSTART:20260107T090000Z") {
			s.t.Errorf("Bob's copy did not move:\n%s", copy)
		}
		if got := s.inbox(s.bob) + fmt.Sprint(s.mails()); got != "REQUEST REQUEST[REQUEST zoe@example.org]" {
			s.t.Errorf("after the move: %s", got)
		}

		s.delete(s.alice, "m.ics")
		if _, copy := s.copy(s.bob, "m1"); !strings.Contains(copy, "STATUS:CANCELLED") {
			s.t.Errorf("Bob's copy is not cancelled:\n%s", copy)
		}
		if got := s.inbox(s.bob); got != "REQUEST REQUEST CANCEL" {
			s.t.Errorf("Bob's inbox: %q", got)
		}
		if got := s.mails(); len(got) > 0 {
			s.t.Errorf("mails to somebody who was told nothing: %v", got)
		}
	})
}

// RFC 6638 section 3.2.2: what an attendee answers reaches the organizer, and quietly the others.
func TestAttendee(t *testing.T) {
	each(t, func(s *site) {
		s.put(s.alice, "m.ics", meeting("m1", "20260106T090000Z", "bob@example.com", "cleo@example.com"))
		before, _ := s.copy(s.alice, "m1")
		o, copy := s.copy(s.bob, "m1")
		answer := strings.Replace(copy, "PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bob", "PARTSTAT=ACCEPTED:mailto:bob", 1)
		if answer == copy {
			s.t.Fatalf("Bob's copy cannot be answered:\n%s", copy)
		}
		s.put(s.bob, o.Name, answer)
		after, own := s.copy(s.alice, "m1")
		if line := attendee(own, "bob@example.com"); !strings.Contains(line, "PARTSTAT=ACCEPTED") {
			s.t.Errorf("the organizer's copy: %s", line)
		}
		if before.ScheduleTag != after.ScheduleTag || before.ETag == after.ETag {
			s.t.Errorf("Schedule-Tag %s to %s, ETag %s to %s: RFC 6638 section 3.2.10", before.ScheduleTag, after.ScheduleTag, before.ETag, after.ETag)
		}
		if got := s.inbox(s.alice); got != "REPLY" {
			s.t.Errorf("Alice's inbox: %q", got)
		}
		if _, cleos := s.copy(s.cleo, "m1"); strings.Contains(attendee(cleos, "bob@example.com"), "ACCEPTED") {
			s.t.Error("Cleo knows before the job ran")
		}
		tag, _ := s.copy(s.cleo, "m1")
		s.work()
		o, cleos := s.copy(s.cleo, "m1")
		if !strings.Contains(attendee(cleos, "bob@example.com"), "PARTSTAT=ACCEPTED") {
			s.t.Errorf("Cleo's copy: %s", attendee(cleos, "bob@example.com"))
		}
		if o.ScheduleTag != tag.ScheduleTag || s.inbox(s.cleo) != "REQUEST" {
			s.t.Errorf("the spread was not quiet: tag %s to %s, inbox %q", tag.ScheduleTag, o.ScheduleTag, s.inbox(s.cleo))
		}

		if _, err := s.tryPut(s.bob, "m1.ics", strings.Replace(copy, "DTSTART:20260106T090000Z", "DTSTART:20260108T090000Z", 1)); kind(err) != calendar.AttendeeChange {
			s.t.Errorf("an attendee moves the meeting: %v", err)
		}
		s.delete(s.cleo, "m1.ics")
		if _, own := s.copy(s.alice, "m1"); !strings.Contains(attendee(own, "cleo@example.com"), "PARTSTAT=DECLINED") {
			s.t.Errorf("after Cleo's DELETE: %s", attendee(own, "cleo@example.com"))
		}
	})
}

// What the organizer says of answers, which came to their client, reaches the attendees quietly.
func TestAnswersInTheOrganizersBodyAreSpread(t *testing.T) {
	each(t, func(s *site) {
		s.put(s.alice, "m.ics", meeting("m1", "20260106T090000Z", "bob@example.com", "cleo@example.com"))
		_, own := s.copy(s.alice, "m1")
		s.put(s.alice, "m.ics", strings.Replace(own, "PARTSTAT=ACCEPTED:mailto:alice", "PARTSTAT=DECLINED:mailto:alice", 1))
		s.work()
		_, bobs := s.copy(s.bob, "m1")
		if line := attendee(bobs, "alice@example.com"); !strings.Contains(line, "PARTSTAT=DECLINED") {
			s.t.Errorf("Bob's copy: %s", line)
		}
	})
}

// attendee returns the ATTENDEE line of an address.
func attendee(text, address string) string {
	for line := range strings.SplitSeq(text, "\r\n") {
		if strings.HasPrefix(line, "ATTENDEE") && strings.HasSuffix(line, address) {
			return line
		}
	}
	return ""
}

// A meeting is in one calendar of a home only (RFC 6638 section 3.2.4.1), another object may be in several.
func TestUIDInTwoCalendars(t *testing.T) {
	each(t, func(s *site) {
		ctx := s.t.Context()
		two := calendar.Target{Owner: s.alice, Slug: "two"}
		if err := s.MakeCalendar(ctx, s.alice, two, calendar.Edit{}); err != nil {
			s.t.Fatal(err)
		}
		two.Name = "x.ics"
		for _, tt := range []struct {
			text string
			want calendar.Kind
		}{{event("u1", "DTSTART:20260105T090000Z"), -1}, {meeting("m1", "20260106T090000Z", "bob@example.com"), calendar.UniqueScheduling}} {
			s.put(s.alice, "a.ics", tt.text)
			_, err := s.Put(ctx, calendar.PutRequest{Who: s.alice, Target: two, Body: []byte(tt.text)})
			if tt.want < 0 && err != nil || tt.want >= 0 && kind(err) != tt.want {
				s.t.Errorf("second calendar: %v", err)
			}
			s.delete(s.alice, "a.ics")
			_ = s.Delete(ctx, calendar.DeleteRequest{Who: s.alice, Target: two})
		}
	})
}

func TestMoveSendsNothingAndKeepsTheScheduleTag(t *testing.T) {
	each(t, func(s *site) {
		ctx := s.t.Context()
		if err := s.MakeCalendar(ctx, s.alice, calendar.Target{Owner: s.alice, Slug: "two"}, calendar.Edit{}); err != nil {
			s.t.Fatal(err)
		}
		before := s.put(s.alice, "m.ics", meeting("m1", "20260106T090000Z", "bob@example.com"))
		to := calendar.Target{Owner: s.alice, Slug: "two", Name: "n.ics"}
		created, err := s.Move(ctx, calendar.MoveRequest{Who: s.alice, From: target(s.alice, "m.ics"), To: to})
		if err != nil || !created {
			s.t.Fatalf("move: created %v, %v", created, err)
		}
		o, _, err := s.Object(ctx, s.alice, to)
		if err != nil || o.ID != before.Object.ID || o.ScheduleTag != before.Object.ScheduleTag {
			s.t.Errorf("moved: %+v, %v", o, err)
		}
		if got := s.inbox(s.bob); got != "REQUEST" {
			s.t.Errorf("Bob's inbox: %q", got)
		}
		res, err := s.Sync(ctx, s.alice, target(s.alice, ""), "", 0)
		if err != nil || len(res.Changes) != 0 {
			s.t.Errorf("the old calendar still has %v, %v", res, err)
		}
	})
}

func TestSyncShowsEveryChangeOnce(t *testing.T) {
	each(t, func(s *site) {
		ctx := s.t.Context()
		at := target(s.alice, "")
		first, err := s.Sync(ctx, s.alice, at, "", 0)
		if err != nil {
			s.t.Fatal(err)
		}
		s.put(s.alice, "a.ics", event("a", "DTSTART:20260105T090000Z"))
		s.put(s.alice, "b.ics", event("b", "DTSTART:20260105T090000Z"))
		s.put(s.alice, "a.ics", event("a", "DTSTART:20260105T100000Z"))
		s.delete(s.alice, "b.ics")
		show := func(r *calendar.SyncResult) string {
			var b strings.Builder
			for _, c := range r.Changes {
				fmt.Fprintf(&b, "%s:%v ", c.Name, c.Deleted)
			}
			return b.String()
		}
		res, err := s.Sync(ctx, s.alice, at, first.Token.String(), 0)
		if err != nil || show(res) != "a.ics:false b.ics:true " {
			s.t.Errorf("sync: %s, %v", show(res), err)
		}
		page, err := s.Sync(ctx, s.alice, at, first.Token.String(), 1)
		if err != nil || !page.More || show(page) != "a.ics:false " {
			s.t.Errorf("page: %s, %v", show(page), err)
		}
		if page, err = s.Sync(ctx, s.alice, at, page.Token.String(), 1); err != nil || page.More || show(page) != "b.ics:true " {
			s.t.Errorf("second page: %s, %v", show(page), err)
		}
		for _, bad := range []string{"x", "data:,1_1_1_1", "data:,99_1_0", fmt.Sprintf("data:,%d_99_0", first.Token.Calendar), fmt.Sprintf("data:,%d_1_999999", first.Token.Calendar)} {
			if _, err := s.Sync(ctx, s.alice, at, bad, 0); kind(err) != calendar.BadSyncToken {
				s.t.Errorf("token %q: %v", bad, err)
			}
		}
	})
}

func TestBusy(t *testing.T) {
	each(t, func(s *site) {
		s.put(s.alice, "a.ics", event("a", "DTSTART:20260105T090000Z", "DTEND:20260105T100000Z"))
		s.put(s.alice, "b.ics", event("b", "DTSTART:20260105T093000Z", "DTEND:20260105T103000Z"))
		s.put(s.alice, "c.ics", event("c", "DTSTART:20260105T120000Z", "DTEND:20260105T130000Z", "TRANSP:TRANSPARENT"))
		s.put(s.alice, "d.ics", event("d", "DTSTART:20260101T150000Z", "DTEND:20260101T160000Z", "RRULE:FREQ=DAILY", "STATUS:TENTATIVE"))
		list, err := s.AttendeeBusy(s.t.Context(), s.bob, s.alice, clock, clock.AddDate(0, 0, 1), "")
		if err != nil {
			s.t.Fatal(err)
		}
		var got []string
		for _, p := range list {
			got = append(got, fmt.Sprintf("%s-%s %d", p.Start.Format("02T15:04"), p.End.Format("02T15:04"), p.Busy))
		}
		if want := "05T09:00-05T10:30 1,05T15:00-05T16:00 2"; strings.Join(got, ",") != want {
			s.t.Errorf("busy %v, want %s", got, want)
		}
	})
}

func TestQuota(t *testing.T) {
	each(t, func(s *site) {
		s.Limits.Quota = 400
		s.put(s.alice, "a.ics", event("a", "DTSTART:20260105T090000Z"))
		big := event("b", "DTSTART:20260105T090000Z", "DESCRIPTION:"+strings.Repeat("x", 300))
		if _, err := s.tryPut(s.alice, "b.ics", big); kind(err) != calendar.QuotaExceeded {
			s.t.Errorf("put: %v", err)
		}
		s.put(s.alice, "a.ics", event("a", "DTSTART:20260105T090000Z", "SUMMARY:x"))
	})
}

// An all-day event's reminder is due by the clock of the person, not in UTC.
func TestReminderOfAnAllDayEvent(t *testing.T) {
	each(t, func(s *site) {
		loc, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			s.t.Fatal(err)
		}
		s.FloatingZone = loc
		res := s.put(s.alice, "a.ics", event("a", "DTSTART;VALUE=DATE:20260110", "BEGIN:VALARM", "ACTION:EMAIL", "TRIGGER:PT9H", "END:VALARM"))
		rows, err := s.Store.Reminders(s.t.Context(), s.alice.ID, res.Object.ID)
		if err != nil || len(rows) != 1 || !rows[0].DueAt.Equal(time.Date(2026, 1, 10, 9, 0, 0, 0, loc)) {
			s.t.Errorf("reminders %+v, %v", rows, err)
		}
	})
}

// A listing is that of the change it is asked for, or later, however often it was read before.
func TestListing(t *testing.T) {
	each(t, func(s *site) {
		names := func() string {
			c, err := s.Store.Calendar(s.t.Context(), s.alice.ID, "calendar")
			if err != nil {
				s.t.Fatal(err)
			}
			var list []string
			for range 2 {
				objects, err := s.Listing(s.t.Context(), c)
				if err != nil {
					s.t.Fatal(err)
				}
				list = nil
				for _, o := range objects {
					list = append(list, o.Name+o.ETag)
				}
			}
			return strings.Join(list, " ")
		}
		if got := names(); got != "" {
			s.t.Errorf("empty: %s", got)
		}
		b := s.put(s.alice, "b.ics", event("b", "DTSTART:20260105T090000Z"))
		a := s.put(s.alice, "a.ics", event("a", "DTSTART:20260105T090000Z"))
		if got, want := names(), "a.ics"+a.Object.ETag+" b.ics"+b.Object.ETag; got != want {
			s.t.Errorf("two: %s, want %s", got, want)
		}
		a = s.put(s.alice, "a.ics", event("a", "DTSTART:20260106T090000Z"))
		s.delete(s.alice, "b.ics")
		if got, want := names(), "a.ics"+a.Object.ETag; got != want {
			s.t.Errorf("one: %s, want %s", got, want)
		}
	})
}
