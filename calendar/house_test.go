package calendar_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/ical"
	"kalends/scheduling"
	"kalends/storage"
	"kalends/storage/storagetest"
)

// clock is the time of all tests: a Monday.
var clock = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// site is a service with three people and a room.
type site struct {
	*calendar.Service
	t                testing.TB
	alice, bob, cleo *storage.Principal
}

func each(t *testing.T, fn func(s *site)) {
	storagetest.Each(t, func(t *testing.T, store storage.Store) { fn(newSite(t, store)) })
}

func newSite(t testing.TB, store storage.Store) *site {
	s := &site{t: t, Service: &calendar.Service{
		Store: store, Now: func() time.Time { return clock }, Log: slog.New(slog.DiscardHandler), UpdateHold: 10 * time.Second,
	}}
	d := &auth.Directory{Store: store}
	// One after the other: lists are ordered by id.
	for i, p := range []**storage.Principal{&s.alice, &s.bob, &s.cleo} {
		name := [...]string{"alice", "bob", "cleo"}[i]
		var err error
		if *p, err = d.Add(t.Context(), auth.NewUser{Name: name, DisplayName: strings.ToUpper(name[:1]) + name[1:], Email: name + "@example.com", Kind: "user"}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// event returns an object of one VEVENT; lines is what it holds beside UID, DTSTAMP and its end.
func event(uid string, lines ...string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nBEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\n" +
		strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

// meeting is an event of Alice with these attendees beside her.
func meeting(uid string, start string, attendees ...string) string {
	lines := []string{"DTSTART:" + start, "DURATION:PT1H", "SUMMARY:Meeting", "ORGANIZER:mailto:alice@example.com", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com"}
	for _, a := range attendees {
		lines = append(lines, "ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:"+a)
	}
	return event(uid, lines...)
}

func target(owner *storage.Principal, name string) calendar.Target {
	return calendar.Target{Owner: owner, Slug: "calendar", Name: name}
}

func (s *site) tryPut(owner *storage.Principal, name, text string) (*calendar.PutResult, error) {
	return s.Put(s.t.Context(), calendar.PutRequest{Who: owner, Target: target(owner, name), Body: []byte(text)})
}

func (s *site) put(owner *storage.Principal, name, text string) *calendar.PutResult {
	s.t.Helper()
	res, err := s.tryPut(owner, name, text)
	if err != nil {
		s.t.Fatalf("put %s of %s: %v", name, owner.Name, err)
	}
	return res
}

func (s *site) delete(owner *storage.Principal, name string) {
	s.t.Helper()
	if err := s.Delete(s.t.Context(), calendar.DeleteRequest{Who: owner, Target: target(owner, name)}); err != nil {
		s.t.Fatalf("delete %s of %s: %v", name, owner.Name, err)
	}
}

// copy returns the object with that UID in somebody's calendar, unfolded; "" for none.
func (s *site) copy(owner *storage.Principal, uid string) (*storage.Object, string) {
	s.t.Helper()
	list, err := s.Store.ObjectsByUID(s.t.Context(), []int64{owner.ID}, uid)
	if err != nil {
		s.t.Fatal(err)
	}
	if len(list) == 0 {
		return nil, ""
	}
	if len(list) > 1 {
		s.t.Fatalf("%s has %d objects with the UID %s", owner.Name, len(list), uid)
	}
	return list[0], strings.ReplaceAll(string(list[0].ICS), "\r\n ", "")
}

// inbox returns the methods of somebody's inbox items, in the order they came.
func (s *site) inbox(owner *storage.Principal) string {
	s.t.Helper()
	box, err := s.Store.Calendar(s.t.Context(), owner.ID, "inbox")
	if err != nil {
		s.t.Fatal(err)
	}
	changes, err := s.Store.Changes(s.t.Context(), box.Ref(), 0, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	var list []string
	for _, c := range changes {
		o, err := s.Store.Object(s.t.Context(), box.Ref(), c.Name)
		if err != nil {
			s.t.Fatal(err)
		}
		list = append(list, o.Method)
	}
	return strings.Join(list, " ")
}

// jobs returns "METHOD address" of the mails that wait, oldest first.
func (s *site) mails() []string {
	s.t.Helper()
	jobs, err := s.Store.Jobs(s.t.Context(), []storage.JobState{storage.Ready}, 100)
	if err != nil {
		s.t.Fatal(err)
	}
	var list []string
	for _, j := range jobs {
		if j.Kind != scheduling.MailJob {
			continue
		}
		var m scheduling.Mail
		if err := json.Unmarshal(j.Payload, &m); err != nil {
			s.t.Fatal(err)
		}
		list = append([]string{m.Method + " " + ical.Mailbox(m.To)}, list...)
	}
	return list
}

// work carries out the jobs that are not mail.
func (s *site) work() {
	s.t.Helper()
	for {
		jobs, err := s.Store.ClaimJobs(s.t.Context(), calendar.JobKinds, clock.Add(time.Hour), time.Minute, 10)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(jobs) == 0 {
			return
		}
		for _, j := range jobs {
			if err := s.Do(s.t.Context(), j); err != nil {
				s.t.Fatalf("job %s: %v", j.Kind, err)
			}
			j.State = storage.Done
			if err := s.Store.FinishJob(s.t.Context(), j); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

func kind(err error) calendar.Kind { return calendar.KindOf(err) }
