package calendar_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kalends/calendar"
	"kalends/storage"
)

// TestDefaultAlarms: who says what of events without an alarm, and that it holds for what is there already.
func TestDefaultAlarms(t *testing.T) {
	each(t, func(s *site) {
		t, ctx := s.t, s.t.Context()
		s.MeetingReminder = 30 * time.Minute
		target := func(name string) calendar.Target {
			return calendar.Target{Owner: s.alice, Slug: "calendar", Name: name}
		}
		put := func(name string, made bool, lines ...string) {
			t.Helper()
			r := calendar.PutRequest{Who: s.alice, Target: target(name), Body: []byte(event(name, lines...)), Remind: made}
			if _, err := s.Put(ctx, r); err != nil {
				t.Fatal(err)
			}
		}
		const timed, day = "DTSTART:20260601T100000Z", "DTSTART;VALUE=DATE:20260602"
		alarm := func(action string) []string {
			return []string{timed, "BEGIN:VALARM", "ACTION:" + action, "TRIGGER:-PT5M", "DESCRIPTION:x", "END:VALARM"}
		}
		put("client", false, timed)
		put("server", true, timed)
		put("day", true, day)
		put("email", true, alarm("EMAIL")...)
		put("display", true, alarm("DISPLAY")...)
		put("none", true, timed, "BEGIN:VALARM", "ACTION:NONE", "TRIGGER;VALUE=DATE-TIME:19760401T005545Z", "END:VALARM")
		names := []string{"client", "server", "day", "email", "display", "none"}
		want := func(what, want string) {
			t.Helper()
			s.work()
			var got []string
			for _, name := range names {
				o, _, err := s.Object(ctx, s.alice, target(name))
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(o.ICS), "VALARM") != (name == "email" || name == "display" || name == "none") {
					t.Errorf("an alarm by default is written into %s", name)
				}
				rows, err := s.Store.Reminders(ctx, s.alice.ID, o.ID)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range rows {
					got = append(got, name+" "+r.DueAt.UTC().Format("02T1504"))
				}
			}
			if fmt.Sprint(got) != "["+want+"]" {
				t.Errorf("%s: %v, want [%s]", what, got, want)
			}
		}
		set := func(slug string, e calendar.AlarmsEdit) {
			t.Helper()
			if err := s.SetAlarms(ctx, s.alice, calendar.Target{Owner: s.alice, Slug: slug}, e); err != nil {
				t.Fatal(err)
			}
		}
		lead := func(a storage.DefaultAlarm) *storage.DefaultAlarm { return &a }
		want("nothing said", "server 01T0930 email 01T0955")
		set("", calendar.AlarmsEdit{Timed: lead("EMAIL -PT1H"), Day: lead("EMAIL -PT15H")})
		want("the person says an hour", "client 01T0900 server 01T0900 day 01T0900 email 01T0955")
		set("calendar", calendar.AlarmsEdit{Timed: lead(storage.NoAlarm)})
		want("the calendar says none", "day 01T0900 email 01T0955")
		mailed := storage.MailAll
		set("", calendar.AlarmsEdit{Mailed: &mailed})
		set("calendar", calendar.AlarmsEdit{Timed: lead("DISPLAY -PT2H"), Day: lead(storage.NoAlarm)})
		want("all alarms are mailed", "client 01T0800 server 01T0800 email 01T0955 display 01T0955")
		mailed = storage.MailEmail
		set("", calendar.AlarmsEdit{Mailed: &mailed})
		want("only those of kind EMAIL", "email 01T0955")

		// As Apple's programs say it: a property of the home, and of a calendar.
		prop := func(slug, name, text string) {
			t.Helper()
			p := storage.Property{Space: "urn:ietf:params:xml:ns:caldav", Local: "default-alarm-vevent-" + name}
			edit := calendar.Edit{Remove: []storage.Property{p}}
			if text != "" {
				p.XML = []byte(`<C:default-alarm-vevent-` + name + ` xmlns:C="urn:ietf:params:xml:ns:caldav">` + strings.TrimSpace(text) + `</C:default-alarm-vevent-` + name + `>`)
				edit = calendar.Edit{Set: []storage.Property{p}}
			}
			if err := s.Patch(ctx, s.alice, calendar.Target{Owner: s.alice, Slug: slug}, edit); err != nil {
				t.Fatal(err)
			}
		}
		prop("calendar", "datetime", "")
		prop("calendar", "date", "")
		want("what the calendar says is removed", "client 01T0900 server 01T0900 day 01T0900 email 01T0955")
		prop("", "datetime", "BEGIN:VALARM\nX-WR-ALARMUID:1\nUID:1\nTRIGGER:-PT10M\nDESCRIPTION:x\nACTION:DISPLAY\nEND:VALARM\nBEGIN:VALARM\nTRIGGER:-PT45M\nACTION:EMAIL\nEND:VALARM")
		want("the home has a mail", "client 01T0915 server 01T0915 day 01T0900 email 01T0955")
		prop("", "datetime", " ")
		prop("", "date", "BEGIN:VALARM\nTRIGGER;VALUE=DATE-TIME:19760401T005545Z\nACTION:NONE\nEND:VALARM")
		want("none wanted", "email 01T0955")
		for _, bad := range []storage.DefaultAlarm{"EMAIL", "EMAIL soon", "PROCEDURE -PT5M", "EMAIL -P1000D"} {
			if err := s.SetAlarms(ctx, s.alice, calendar.Target{Owner: s.alice}, calendar.AlarmsEdit{Timed: &bad}); calendar.KindOf(err) != calendar.BadRequest {
				t.Errorf("SetAlarms(%q): %v, want BadRequest", bad, err)
			}
		}
		if err := s.SetAlarms(ctx, s.bob, calendar.Target{Owner: s.alice}, calendar.AlarmsEdit{Timed: lead("")}); err == nil {
			t.Error("bob sets alice's alarms")
		}
	})
}

// TestDefaultAlarmOfAnInvitation: whoever is invited by the server's own pages or API is reminded too.
func TestDefaultAlarmOfAnInvitation(t *testing.T) {
	each(t, func(s *site) {
		t, ctx := s.t, s.t.Context()
		s.MeetingReminder = 30 * time.Minute
		for _, made := range []bool{false, true} {
			uid := fmt.Sprint("m", made)
			r := calendar.PutRequest{Who: s.alice, Target: calendar.Target{Owner: s.alice, Slug: "calendar", Name: uid}, Body: []byte(meeting(uid, "20260601T100000Z", "bob@example.com")), Remind: made}
			if _, err := s.Put(ctx, r); err != nil {
				t.Fatal(err)
			}
			for _, who := range []*storage.Principal{s.alice, s.bob} {
				list, err := s.Store.ObjectsByUID(ctx, []int64{who.ID}, uid)
				if err != nil || len(list) != 1 {
					t.Fatal(list, err)
				}
				rows, err := s.Store.Reminders(ctx, who.ID, list[0].ID)
				if err != nil || list[0].Remind != made || len(rows) == 1 != made {
					t.Errorf("made by the server: %v; %s's copy: Remind %v, %d reminders, %v", made, who.Name, list[0].Remind, len(rows), err)
				}
			}
		}
	})
}
