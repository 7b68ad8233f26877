package calendar_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kalends/calendar"
	"kalends/scheduling"
	"kalends/storage"
)

// sent takes all mail that waits as sent.
func (s *site) sent() (list []string) {
	s.t.Helper()
	for {
		jobs, err := s.Store.ClaimJobs(s.t.Context(), []string{scheduling.MailJob}, clock.AddDate(0, 0, 1), 0, 100)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(jobs) == 0 {
			slices.Sort(list)
			return list
		}
		for _, j := range jobs {
			var m scheduling.Mail
			if err := json.Unmarshal(j.Payload, &m); err != nil {
				s.t.Fatal(err)
			}
			list = append(list, fmt.Sprint(m.Method, " ", j.Recipient, " ", j.UID))
			j.State = storage.Done
			if err := s.Store.FinishJob(s.t.Context(), j); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// leaving gives Alice meetings of every kind: two that she organizes are ahead, and one that Bob does.
func (s *site) leaving() {
	s.t.Helper()
	s.put(s.alice, "ahead.ics", meeting("ahead", "20260110T090000Z", "bob@example.com", "zoe@example.net"))
	s.put(s.alice, "series.ics", strings.Replace(meeting("series", "20251201T090000Z", "cleo@example.com", "zoe@example.net"), "DURATION:PT1H", "DURATION:PT1H\r\nRRULE:FREQ=DAILY", 1))
	now := s.Now
	s.Now = func() time.Time { return clock.AddDate(0, -3, 0) }
	s.put(s.alice, "past.ics", meeting("past", "20251110T090000Z", "bob@example.com", "zoe@example.net"))
	s.Now = now
	s.put(s.alice, "alone.ics", event("alone", "DTSTART:20260110T090000Z"))
	s.put(s.bob, "bobs.ics", strings.ReplaceAll(strings.ReplaceAll(meeting("bobs", "20260111T090000Z", "cleo@example.com", "ann@example.com"), "alice@", "bob@"), "ann@", "alice@"))
	if _, text := s.copy(s.alice, "bobs"); text == "" {
		s.t.Fatal("Alice is not invited by Bob")
	}
	if got := s.sent(); fmt.Sprint(got) != "[REQUEST mailto:zoe@example.net ahead REQUEST mailto:zoe@example.net past REQUEST mailto:zoe@example.net series]" {
		s.t.Fatalf("sent: %v", got)
	}
}

// Who leaves cancels what they organize and declines what they are invited to, as far as it is ahead, and everybody hears of it
// although the account is gone.
func TestEndMeetings(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		s.leaving()
		want := calendar.Ahead{Organized: 2, Invited: 1}
		if n, err := s.MeetingsAhead(ctx, s.alice); err != nil || n != want {
			t.Errorf("MeetingsAhead = %+v, %v; want %+v", n, err, want)
		}
		// It is cut off after the first, and goes on.
		cut, stop := context.WithCancel(ctx)
		first, err := s.EndMeetings(cut, s.alice, func(calendar.Ahead) { stop() })
		if !errors.Is(err, context.Canceled) || first.Organized+first.Invited != 1 {
			t.Errorf("cut off: %+v, %v", first, err)
		}
		rest, err := s.EndMeetings(ctx, s.alice, nil)
		if err != nil || rest.Organized+first.Organized != 2 || rest.Invited+first.Invited != 1 {
			t.Errorf("the rest: %+v after %+v, %v", rest, first, err)
		}
		if n, err := s.EndMeetings(ctx, s.alice, nil); err != nil || n.Any() {
			t.Errorf("again: %+v, %v", n, err)
		}
		if err := s.RemovePrincipal(ctx, s.alice); err != nil {
			t.Fatal(err)
		}
		for who, uid := range map[*storage.Principal]string{s.bob: "ahead", s.cleo: "series"} {
			if _, text := s.copy(who, uid); !strings.Contains(text, "STATUS:CANCELLED") {
				t.Errorf("%s of %s:\n%s", uid, who.Name, text)
			}
		}
		if _, text := s.copy(s.bob, "past"); text == "" || strings.Contains(text, "CANCELLED") {
			t.Errorf("what is over:\n%s", text)
		}
		if _, text := s.copy(s.bob, "bobs"); !strings.Contains(text, "PARTSTAT=DECLINED") {
			t.Errorf("Bob's meeting:\n%s", text)
		}
		if got := s.sent(); fmt.Sprint(got) != "[CANCEL mailto:zoe@example.net ahead CANCEL mailto:zoe@example.net series]" {
			t.Errorf("sent after the account is gone: %v", got)
		}
	})
}

// Invitations that did not go out are taken back, and nobody hears of them.
func TestRemoveWithInvitationsUnderWay(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		s.put(s.alice, "ended.ics", meeting("ended", "20260110T090000Z", "zoe@example.net"))
		if _, err := s.EndMeetings(ctx, s.alice, nil); err != nil {
			t.Fatal(err)
		}
		s.put(s.alice, "kept.ics", meeting("kept", "20260110T090000Z", "bob@example.com", "zoe@example.net"))
		if err := s.RemovePrincipal(ctx, s.alice); err != nil {
			t.Fatal(err)
		}
		if got := s.sent(); len(got) > 0 {
			t.Errorf("sent: %v", got)
		}
		if _, text := s.copy(s.bob, "kept"); text == "" || strings.Contains(text, "CANCELLED") {
			t.Errorf("what was not ended:\n%s", text)
		}
	})
}

// Whom a large meeting is brought by jobs, hears of its end by them too, after the account is gone.
func TestEndLargeMeeting(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		s.Limits.Local = 1
		s.put(s.alice, "large.ics", meeting("large", "20260110T090000Z", "bob@example.com", "cleo@example.com"))
		s.work()
		if n, err := s.EndMeetings(ctx, s.alice, nil); err != nil || n.Organized != 1 {
			t.Fatalf("EndMeetings = %+v, %v", n, err)
		}
		if err := s.RemovePrincipal(ctx, s.alice); err != nil {
			t.Fatal(err)
		}
		s.work()
		for _, who := range []*storage.Principal{s.bob, s.cleo} {
			if _, text := s.copy(who, "large"); !strings.Contains(text, "STATUS:CANCELLED") {
				t.Errorf("copy of %s:\n%s", who.Name, text)
			}
		}
	})
}

// A team's meeting ends with the team's calendar, whoever planned it; a copy in it is only a copy.
func TestEndTeamMeetings(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		team := calendar.Edit{Live: func(c *storage.Calendar) error { c.Team = true; return nil }}
		if err := s.Patch(ctx, s.bob, target(s.bob, ""), team); err != nil {
			t.Fatal(err)
		}
		if err := s.Share(ctx, s.bob, target(s.bob, ""), []calendar.ShareRequest{{With: s.alice, Access: calendar.ShareWrite, Direct: true}}); err != nil {
			t.Fatal(err)
		}
		_, err := s.Put(ctx, calendar.PutRequest{Who: s.alice, Target: target(s.bob, "t.ics"), Body: []byte(meeting("t", "20260110T090000Z", "cleo@example.com"))})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := s.MeetingsAhead(ctx, s.bob); err != nil || n != (calendar.Ahead{Organized: 1}) {
			t.Errorf("MeetingsAhead of the team = %+v, %v", n, err)
		}
		if n, err := s.EndMeetings(ctx, s.bob, nil); err != nil || n.Organized != 1 {
			t.Errorf("EndMeetings of the team = %+v, %v", n, err)
		}
		if _, text := s.copy(s.cleo, "t"); !strings.Contains(text, "STATUS:CANCELLED") {
			t.Errorf("Cleo's copy:\n%s", text)
		}
	})
}
