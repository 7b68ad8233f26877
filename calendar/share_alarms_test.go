package calendar_test

import (
	"strings"
	"testing"
	"time"

	"kalends/calendar"
	"kalends/storage"
)

// TestShareeAlarmsByDefault: the alarms by default that a sharee sets in a calendar remind them, and nobody else, of what is in it and of what comes; their
// own word in an object stands above them.
func TestShareeAlarmsByDefault(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		begin := clock.Add(48 * time.Hour)
		at := func(name string, alarms ...string) string {
			lines := []string{"DTSTART:" + begin.Format("20060102T150405Z"), "SUMMARY:" + name}
			for _, a := range alarms {
				lines = append(lines, "BEGIN:VALARM", "ACTION:EMAIL", "TRIGGER:"+a, "END:VALARM")
			}
			return event(name, lines...)
		}
		work := func() {
			t.Helper()
			for {
				jobs, err := s.Store.ClaimJobs(ctx, calendar.JobKinds, clock, time.Minute, 10)
				if err != nil {
					t.Fatal(err)
				}
				if len(jobs) == 0 {
					return
				}
				for _, j := range jobs {
					if err := s.Do(ctx, j); err != nil {
						t.Fatal(err)
					}
					j.State = storage.Done
					if err := s.Store.FinishJob(ctx, j); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		names := map[int64]string{s.alice.ID: "alice", s.bob.ID: "bob", s.cleo.ID: "cleo"}
		expect := func(what, name string, want ...string) {
			t.Helper()
			o, _, err := s.Object(ctx, s.alice, target(s.alice, name+".ics"))
			if err != nil {
				t.Fatal(err)
			}
			rows, err := s.Store.Reminders(ctx, s.alice.ID, o.ID)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range rows {
				if !r.DueAt.IsZero() {
					got = append(got, names[r.ForUser]+" "+begin.Sub(r.DueAt).String())
				}
			}
			if strings.Join(got, ", ") != strings.Join(want, ", ") {
				t.Errorf("%s: %s reminds %q, want %q", what, name, got, want)
			}
		}
		set := func(who *storage.Principal, inv calendar.SharedCalendar, timed storage.DefaultAlarm) {
			t.Helper()
			if err := s.SetAlarms(ctx, who, inv.Target(who, "calendar"), calendar.AlarmsEdit{Timed: &timed}); err != nil {
				t.Fatal(err)
			}
			work()
		}
		s.put(s.alice, "old.ics", at("old"))
		s.put(s.alice, "own.ics", at("own", "-PT1H"))
		bobs := s.share(s.bob, calendar.ShareWrite, true)
		cleos := s.share(s.cleo, calendar.ShareRead, false)
		expect("shared", "old")
		set(s.bob, bobs, "EMAIL -PT20M")
		set(s.cleo, cleos, "EMAIL -PT40M") // who has not accepted yet
		expect("Bob has set one", "old", "bob 20m0s")
		expect("Bob has set one", "own", "alice 1h0m0s", "bob 20m0s")
		s.put(s.alice, "new.ics", at("new"))
		expect("a new event", "new", "bob 20m0s")
		s.put(s.alice, "secret.ics", strings.Replace(at("secret"), "SUMMARY:", "CLASS:PRIVATE\r\nSUMMARY:", 1))
		expect("what Bob may not see", "secret")
		if _, err := s.AnswerShare(ctx, s.cleo, s.cleo, cleos.Share.UID, true, ""); err != nil {
			t.Fatal(err)
		}
		work()
		expect("Cleo accepts", "old", "bob 20m0s", "cleo 40m0s")
		// His own word.
		res, err := s.Put(ctx, calendar.PutRequest{Who: s.bob, Target: target(s.alice, "old.ics"), Body: []byte(at("old", "-PT3M"))})
		if err != nil || res == nil {
			t.Fatal(err)
		}
		expect("Bob sets another in the event", "old", "bob 3m0s", "cleo 40m0s")
		expect("and only there", "own", "alice 1h0m0s", "bob 20m0s", "cleo 40m0s")
		set(s.bob, bobs, "EMAIL -PT10M")
		expect("Bob wants another", "new", "bob 10m0s", "cleo 40m0s")
		// A program sets it as a property of the calendar in the sharee's home.
		err = s.Patch(ctx, s.cleo, cleos.Target(s.cleo, "calendar"), calendar.Edit{Set: []storage.Property{{
			Space: "urn:ietf:params:xml:ns:caldav", Local: "default-alarm-vevent-datetime",
			XML: []byte("<x>BEGIN:VALARM&#13;\nACTION:EMAIL&#13;\nTRIGGER:-PT5M&#13;\nEND:VALARM</x>"),
		}}})
		if err != nil {
			t.Fatal(err)
		}
		work()
		expect("by a program", "new", "bob 10m0s", "cleo 5m0s")
		if c, err := s.Collection(ctx, s.alice, target(s.alice, "")); err != nil || c.Alarms != (storage.DefaultAlarms{}) {
			t.Errorf("Alice's calendar has alarms by default: %+v, %v", c, err)
		}
		// Taken away by Cleo, and by Alice.
		if err := s.DeleteCalendar(ctx, s.cleo, cleos.Target(s.cleo, "calendar"), nil); err != nil {
			t.Fatal(err)
		}
		work()
		expect("Cleo leaves", "new", "bob 10m0s")
		set(s.bob, bobs, "")
		expect("Bob wants none", "new")
		expect("but what he has said in the event", "old", "bob 3m0s")
	})
}
