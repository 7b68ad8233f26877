package reminder

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
	"kalends/internal/cputime"
	"kalends/storage"
)

const testNow = "20260105T080000Z"

func at(t testing.TB, s string) time.Time {
	t.Helper()
	d, err := ical.ParseDateTime(s, "")
	if err != nil || d.Form != ical.UTCForm {
		t.Fatalf("bad time %q", s)
	}
	return d.Wall
}

// calendar makes a VCALENDAR of components written with newlines; a line of its own that begins with a minus is short for an EMAIL
// alarm with that trigger.
func calendar(t testing.TB, text string) *ical.Component {
	t.Helper()
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example.com//test//EN\r\n")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case strings.HasPrefix(line, "!"):
			fmt.Fprintf(&b, "BEGIN:VALARM\r\nACTION:EMAIL\r\nTRIGGER%s\r\nSUMMARY:x\r\nEND:VALARM\r\n", line[1:])
		default:
			b.WriteString(line + "\r\n")
		}
	}
	b.WriteString("END:VCALENDAR\r\n")
	cal, err := ical.Parse([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return cal
}

// event wraps lines into a VEVENT.
func event(lines string) string {
	return "BEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\n" + lines + "\nEND:VEVENT\n"
}

func alarmText(lines string) string {
	return "\nBEGIN:VALARM\n" + lines + "\nEND:VALARM\n"
}

// dues returns the due times of an object's alarms that follow from on, n of them at most, in the way the dispatcher goes through
// them.
func dues(t testing.TB, cal *ical.Component, o Options, from time.Time, n int) []string {
	t.Helper()
	p := newPlan(cal, nil, o)
	if p == nil {
		return nil
	}
	through := map[string]time.Time{}
	for _, k := range p.keys {
		through[k] = from
	}
	var list []string
	for len(list) < n {
		var best time.Time
		found := false
		for _, k := range p.keys {
			if due, items := p.next(k, through[k]); len(items) > 0 && (!found || due.Before(best)) {
				best, found = due, true
			}
		}
		if !found {
			break
		}
		for _, k := range p.keys {
			through[k] = best
		}
		list = append(list, best.UTC().Format("20060102T150405Z"))
	}
	return list
}

func TestDueTimes(t *testing.T) {
	berlin, _ := zone.Load("Europe/Berlin")
	for _, tt := range []struct {
		name, text string
		want       string // up to four due times
	}{
		{"before the start", event("DTSTART:20260105T100000Z\nDTEND:20260105T110000Z\n!:-PT15M"), "20260105T094500Z"},
		{"at the start", event("DTSTART:20260105T100000Z\n!:PT0S"), "20260105T100000Z"},
		{"after the start", event("DTSTART:20260105T100000Z\n!:PT5M"), "20260105T100500Z"},
		{"before the end", event("DTSTART:20260105T100000Z\nDTEND:20260105T120000Z\n!;RELATED=END:-PT10M"), "20260105T115000Z"},
		{"at the end that a duration gives", event("DTSTART:20260105T100000Z\nDURATION:PT90M\n!;RELATED=END:PT0S"), "20260105T113000Z"},
		{"absolute", event("DTSTART:20260105T100000Z\n!;VALUE=DATE-TIME:20260105T083000Z"), "20260105T083000Z"},
		{"absolute without VALUE", event("DTSTART:20260105T100000Z\n!:20260105T083000Z"), "20260105T083000Z"},
		{"absolute goes off once in a series", event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY\n!;VALUE=DATE-TIME:20260107T083000Z"), "20260107T083000Z"},
		{"past", event("DTSTART:20260105T100000Z\n!:-PT3H"), ""},
		{"event is past", event("DTSTART:20250105T100000Z\n!:-PT15M"), ""},
		{"two alarms", event("DTSTART:20260105T100000Z\n!:-PT15M\n!:-PT1H"), "20260105T090000Z 20260105T094500Z"},
		{"the same alarm three times", event("DTSTART:20260105T100000Z\n!:-PT15M\n!:-PT15M\n!:-PT15M"), "20260105T094500Z"},
		{"repeated", event("DTSTART:20260105T100000Z" + alarmText("ACTION:EMAIL\nTRIGGER:-PT30M\nREPEAT:2\nDURATION:PT10M")),
			"20260105T093000Z 20260105T094000Z 20260105T095000Z"},
		{"repeated without a duration", event("DTSTART:20260105T100000Z" + alarmText("ACTION:EMAIL\nTRIGGER:-PT30M\nREPEAT:2")), "20260105T093000Z"},
		{"repeated across instances", event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY;COUNT=2" + alarmText("ACTION:EMAIL\nTRIGGER:PT23H\nREPEAT:2\nDURATION:PT1H")),
			"20260106T090000Z 20260106T100000Z 20260106T110000Z 20260107T090000Z"},
		{"series", event("DTSTART:20260101T100000Z\nRRULE:FREQ=WEEKLY\n!:-PT15M"), "20260108T094500Z 20260115T094500Z 20260122T094500Z 20260129T094500Z"},
		{"series without an instance", event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20260106T100000Z\n!:-PT15M"), "20260105T094500Z 20260107T094500Z"},
		{"a series that is over", event("DTSTART:20250101T100000Z\nRRULE:FREQ=DAILY;COUNT=30\n!:-PT15M"), ""},
		{"a week before, next year's birthday", event("DTSTART;VALUE=DATE:19700120\nRRULE:FREQ=YEARLY\n!:-P1W"), "20260112T230000Z 20270112T230000Z 20280112T230000Z 20290112T230000Z"},
		{"all-day, the evening before", event("DTSTART;VALUE=DATE:20260107\n!:-PT6H"), "20260106T170000Z"},
		{"all-day, in the morning", event("DTSTART;VALUE=DATE:20260107\n!:PT9H"), "20260107T080000Z"},
		{"floating", event("DTSTART:20260107T090000\n!:-PT1H"), "20260107T070000Z"},
		{"a day before is nominal: clocks go forward on 29 March", event("DTSTART;TZID=Europe/Berlin:20260329T120000\n!:-P1D"), "20260328T110000Z"},
		{"24 hours are exact", event("DTSTART;TZID=Europe/Berlin:20260329T120000\n!:-PT24H"), "20260328T100000Z"},
		{"an hour before, in the gap", event("DTSTART;TZID=Europe/Berlin:20260329T033000\n!:-PT1H"), "20260329T003000Z"},
		{"a day before falls into the gap", event("DTSTART;TZID=Europe/Berlin:20260330T023000\n!:-P1D"), "20260329T013000Z"},
		{"series over the change of clocks", event("DTSTART;TZID=Europe/Berlin:20260327T090000\nRRULE:FREQ=DAILY;COUNT=4\n!:-PT30M"),
			"20260327T073000Z 20260328T073000Z 20260329T063000Z 20260330T063000Z"},
		{"series of days over the change of clocks, a day before", event("DTSTART;VALUE=DATE:20260328\nRRULE:FREQ=DAILY;COUNT=3\n!:-P1D"),
			"20260326T230000Z 20260327T230000Z 20260328T230000Z"},
		{"Windows' name of a zone", event("DTSTART;TZID=W. Europe Standard Time:20260105T100000\n!:-PT15M"), "20260105T084500Z"},
		{"an instance that moved", event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY;COUNT=3\n!:-PT15M") +
			event("RECURRENCE-ID:20260106T100000Z\nDTSTART:20260106T150000Z\n!:-PT15M"), "20260105T094500Z 20260106T144500Z 20260107T094500Z"},
		{"an instance with an alarm of its own", event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY;COUNT=3\n!:-PT15M") +
			event("RECURRENCE-ID:20260106T100000Z\nDTSTART:20260106T100000Z\n!:-PT1H"), "20260105T094500Z 20260106T090000Z 20260107T094500Z"},
		{"an instance without one", event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY;COUNT=3\n!:-PT15M") +
			event("RECURRENCE-ID:20260106T100000Z\nDTSTART:20260106T100000Z"), "20260105T094500Z 20260107T094500Z"},
		{"only an instance far away has one", event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY") +
			event("RECURRENCE-ID:20360106T100000Z\nDTSTART:20360106T100000Z\n!:-PT1H"), "20360106T090000Z"},
		{"instances alone", event("RECURRENCE-ID:20260106T100000Z\nDTSTART:20260106T110000Z\n!:-PT1H"), "20260106T100000Z"},
		{"this and all that follow moved", event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY;COUNT=3\n!:-PT15M") +
			event("RECURRENCE-ID;RANGE=THISANDFUTURE:20260106T100000Z\nDTSTART:20260106T120000Z\n!:-PT30M"), "20260105T094500Z 20260106T113000Z 20260107T113000Z"},
		{"cancelled", event("DTSTART:20260105T100000Z\nSTATUS:CANCELLED\n!:-PT15M"), ""},
		{"a cancelled instance", event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY;COUNT=3\n!:-PT15M") +
			event("RECURRENCE-ID:20260106T100000Z\nDTSTART:20260106T100000Z\nSTATUS:cancelled\n!:-PT15M"), "20260105T094500Z 20260107T094500Z"},
		{"declined", event("DTSTART:20260105T100000Z\nATTENDEE;PARTSTAT=DECLINED:MAILTO:Alice@example.com\n!:-PT15M"), ""},
		{"declined by another", event("DTSTART:20260105T100000Z\nATTENDEE;PARTSTAT=DECLINED:mailto:bob@example.com\n!:-PT15M"), "20260105T094500Z"},
		{"a declined series with one instance accepted", event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY\nATTENDEE;PARTSTAT=declined:mailto:alice@example.com\n!:-PT15M") +
			event("RECURRENCE-ID:20260107T100000Z\nDTSTART:20260107T100000Z\nATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com\n!:-PT15M"), "20260107T094500Z"},
		{"acknowledged", event("DTSTART:20260105T100000Z" + alarmText("ACTION:EMAIL\nTRIGGER:-PT15M\nACKNOWLEDGED:20260105T094500Z")), ""},
		{"acknowledged until tomorrow", event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY;COUNT=3" + alarmText("ACTION:EMAIL\nTRIGGER:-PT15M\nACKNOWLEDGED:20260106T094501Z")), "20260107T094500Z"},
		{"dismissed in Thunderbird", event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY;COUNT=2\nX-MOZ-LASTACK:20260105T094600Z\n!:-PT15M"), "20260106T094500Z"},
		{"snoozed", event("DTSTART:20260105T100000Z" + alarmText("UID:a\nACTION:EMAIL\nTRIGGER:-PT15M\nACKNOWLEDGED:20260105T094500Z") +
			alarmText("ACTION:EMAIL\nTRIGGER;VALUE=DATE-TIME:20260105T095500Z\nRELATED-TO;RELTYPE=SNOOZE:a")), "20260105T095500Z"},
		{"Apple's mark for none", event("DTSTART:20260105T100000Z" + alarmText("ACTION:NONE\nTRIGGER;VALUE=DATE-TIME:19760401T005545Z")), ""},
		{"set off by a place", event("DTSTART:20260105T100000Z" + alarmText("ACTION:EMAIL\nTRIGGER:-PT15M\nPROXIMITY:ARRIVE")), ""},
		{"display is another's", event("DTSTART:20260105T100000Z" + alarmText("ACTION:DISPLAY\nTRIGGER:-PT15M")), ""},
		{"action in lower case", event("DTSTART:20260105T100000Z" + alarmText("ACTION:email\nTRIGGER:-pt15m")), "20260105T094500Z"},
		{"no trigger", event("DTSTART:20260105T100000Z" + alarmText("ACTION:EMAIL")), ""},
		{"broken trigger", event("DTSTART:20260105T100000Z\n!:soon\n!:P\n!:-PT15M"), "20260105T094500Z"},
		{"task with a due time", "BEGIN:VTODO\nUID:1\nDUE:20260105T100000Z\n!:-PT15M\nEND:VTODO", "20260105T094500Z"},
		{"task, before the due time", "BEGIN:VTODO\nUID:1\nDTSTART:20260104T100000Z\nDUE:20260106T100000Z\n!;RELATED=END:-PT15M\nEND:VTODO", "20260106T094500Z"},
		{"task that is done", "BEGIN:VTODO\nUID:1\nDUE:20260105T100000Z\nSTATUS:COMPLETED\n!:-PT15M\nEND:VTODO", ""},
		{"task done to 100 per cent", "BEGIN:VTODO\nUID:1\nDUE:20260105T100000Z\nPERCENT-COMPLETE:100\n!:-PT15M\nEND:VTODO", ""},
		{"task without a date", "BEGIN:VTODO\nUID:1\nCREATED:20260101T000000Z\n!:-PT15M\n!;VALUE=DATE-TIME:20260105T083000Z\nEND:VTODO", "20260105T083000Z"},
		{"journal", "BEGIN:VJOURNAL\nUID:1\nDTSTART:20260105T100000Z\n!:-PT15M\nEND:VJOURNAL", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{Now: at(t, testNow), Floating: berlin, Addresses: []string{"mailto:alice@example.com"}}
			got := strings.Join(dues(t, calendar(t, tt.text), o, o.Now, 4), " ")
			if got != tt.want {
				t.Errorf("due at %s, want %s", got, tt.want)
			}
		})
	}
}

func TestDisplayBySetting(t *testing.T) {
	cal := calendar(t, event("DTSTART:20260105T100000Z"+alarmText("ACTION:DISPLAY\nTRIGGER:-PT15M")+alarmText("ACTION:AUDIO\nTRIGGER:-PT15M")+alarmText("ACTION:PROCEDURE\nTRIGGER:-PT5M")))
	o := Options{Now: at(t, testNow), Display: true}
	if got := dues(t, cal, o, o.Now, 4); len(got) != 1 || got[0] != "20260105T094500Z" {
		t.Errorf("with Display: due at %v, want once at 09:45", got)
	}
}

func TestPlan(t *testing.T) {
	now := at(t, testNow)
	o := Options{Now: now, Owner: 7, Object: 11, Calendar: 5, ForUser: 7}
	weekly := calendar(t, event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY\n!:-PT15M"))
	rows := Plan(weekly, nil, o)
	if len(rows) != 1 {
		t.Fatalf("Plan makes %d rows, want 1", len(rows))
	}
	first := *rows[0]
	if want := (storage.Reminder{Owner: 7, Object: 11, Calendar: 5, ForUser: 7, Alarm: first.Alarm, FiredThrough: now, DueAt: at(t, "20260105T094500Z")}); first != want {
		t.Errorf("Plan = %+v, want %+v", first, want)
	}
	with := func(now string, change func(*storage.Reminder), cal *ical.Component) *storage.Reminder {
		t.Helper()
		r := first
		if change != nil {
			change(&r)
		}
		o := o
		o.Now, o.Existing = at(t, now), []*storage.Reminder{&r}
		rows := Plan(cal, nil, o)
		if len(rows) != 1 || rows[0].Alarm != first.Alarm {
			t.Fatalf("Plan = %v, want the same row", rows)
		}
		return rows[0]
	}
	expect := func(what string, r *storage.Reminder, due string) {
		t.Helper()
		if got := r.DueAt.UTC().Format("20060102T150405Z"); got != due {
			t.Errorf("%s: due at %s, want %s", what, got, due)
		}
	}
	expect("rewritten before it is due", with("20260105T090000Z", nil, weekly), "20260105T094500Z")
	expect("rewritten while it is overdue", with("20260105T100000Z", nil, weekly), "20260105T094500Z")
	expect("rewritten after it was tried and put off", with("20260105T094600Z", func(r *storage.Reminder) {
		r.DueAt, r.Attempt = at(t, "20260105T094700Z"), 1
	}, weekly), "20260105T094500Z")
	expect("rewritten after it has fired", with("20260105T094600Z", func(r *storage.Reminder) {
		r.FiredThrough, r.DueAt = r.DueAt, at(t, "20260106T094500Z")
	}, weekly), "20260106T094500Z")
	expect("rewritten after the clock was set back", with("20260105T084600Z", func(r *storage.Reminder) {
		r.FiredThrough, r.DueAt = r.DueAt, at(t, "20260106T094500Z")
	}, weekly), "20260106T094500Z")
	once := calendar(t, event("DTSTART:20260105T100000Z\n!:-PT15M"))
	r := with("20260105T084600Z", func(r *storage.Reminder) { r.FiredThrough, r.DueAt = r.DueAt, time.Time{} }, once)
	if !r.DueAt.IsZero() || !r.FiredThrough.Equal(first.DueAt) {
		t.Errorf("the clock was set back after the last time: %+v, want it to stay fired", r)
	}
	moved := calendar(t, event("DTSTART:20260105T092000Z\n!:-PT15M"))
	r = with("20260105T091000Z", nil, moved)
	if !r.DueAt.IsZero() || !r.FiredThrough.Equal(at(t, "20260105T091000Z")) {
		t.Errorf("moved so that it would have been due before: %+v, want never", r)
	}
	expect("moved later after it has fired", with("20260105T095000Z", func(r *storage.Reminder) {
		r.FiredThrough, r.DueAt = r.DueAt, time.Time{}
	}, calendar(t, event("DTSTART:20260105T120000Z\n!:-PT15M"))), "20260105T114500Z")

	if rows := Plan(calendar(t, event("DTSTART:20260105T081000Z\n!:-PT30M")), nil, o); len(rows) != 0 {
		t.Errorf("an event made ten minutes before its start, with an alarm 30 minutes before: %v, want none", rows)
	}
	o.Existing = []*storage.Reminder{&first}
	if rows := Plan(calendar(t, event("DTSTART:20260105T100000Z")), nil, o); len(rows) != 0 {
		t.Errorf("without its alarm: %v, want none", rows)
	}
	other := first
	other.ForUser, other.FiredThrough = 8, at(t, "20300101T000000Z")
	o.Existing = []*storage.Reminder{&other}
	if rows := Plan(weekly, nil, o); len(rows) != 1 || !rows[0].DueAt.Equal(first.DueAt) {
		t.Errorf("another person's row changes mine: %v", rows)
	}
}

// A client that draws its alarms new UIDs, writes them in another order, or writes the trigger another way, keeps the rows.
func TestKeyIsStable(t *testing.T) {
	o := Options{Now: at(t, testNow)}
	a := Plan(calendar(t, event("DTSTART:20260105T100000Z"+alarmText("UID:1\nX-WR-ALARMUID:1\nACTION:EMAIL\nTRIGGER:-PT1H")+"!:-PT5M")), nil, o)
	b := Plan(calendar(t, event("DTSTART:20260105T130000Z\n!:-PT5M"+alarmText("ACTION:Email\nDESCRIPTION:x\nTRIGGER;RELATED=START:-PT60M\nUID:2"))), nil, o)
	if len(a) != 2 || len(b) != 2 || a[0].Alarm != b[1].Alarm || a[1].Alarm != b[0].Alarm || a[0].Alarm == a[1].Alarm {
		t.Errorf("keys = %v and %v", a, b)
	}
}

func TestPlanIsBounded(t *testing.T) {
	var many strings.Builder
	for i := range 500 {
		fmt.Fprintf(&many, "\n!:-PT%dM", i)
	}
	var overrides strings.Builder
	for i := range 400 {
		day := at(t, testNow).AddDate(0, 0, i).Format("20060102")
		overrides.WriteString(event(fmt.Sprintf("RECURRENCE-ID:%sT100000Z\nDTSTART:%sT100000Z\n!:-PT%dM", day, day, i)))
	}
	for name, text := range map[string]string{
		"many alarms":                 event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY" + many.String()),
		"many alarms in instances":    event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY") + overrides.String(),
		"all instances removed":       event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY\nEXRULE:FREQ=DAILY" + many.String()),
		"every second of a long rule": event("DTSTART:20260105T100000Z\nRRULE:FREQ=SECONDLY" + many.String()),
		"every minute, a year before": event("DTSTART:20260105T100000Z\nRRULE:FREQ=MINUTELY\n!:-P365D\n!:P365D\n!:-P9999W\n!:P9999W"),
		"acknowledged for ever":       event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY\nX-MOZ-LASTACK:99991231T000000Z" + many.String()),
		"repeated without end":        event("DTSTART:20260105T100000Z\nRRULE:FREQ=MINUTELY" + alarmText("ACTION:EMAIL\nTRIGGER:-PT1M\nREPEAT:2147483647\nDURATION:P9999D") + alarmText("ACTION:EMAIL\nTRIGGER:-PT1M\nREPEAT:2147483647\nDURATION:PT1S")),
		"at the end of time":          event("DTSTART:99991231T235959Z\n!:P9999W\n!:-PT1S"),
		"before all time":             event("DTSTART:00010101T000000Z\nRRULE:FREQ=DAILY\n!:-P9999W"),
	} {
		t.Run(name, func(t *testing.T) {
			cal := calendar(t, text)
			var rows []*storage.Reminder
			if d := cputime.Of(func() { rows = Plan(cal, nil, Options{Now: at(t, testNow)}) }); d > 2*time.Second {
				t.Errorf("Plan took %v", d)
			} else {
				t.Logf("%d rows in %v", len(rows), d)
			}
			if len(rows) > maxKeys {
				t.Errorf("Plan makes %d rows", len(rows))
			}
		})
	}
}

func FuzzPlan(f *testing.F) {
	f.Add("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY", ":-PT15M", "2", "PT1M")
	f.Add("DTSTART;TZID=Europe/Berlin:20260105T100000\nRRULE:FREQ=MONTHLY;BYDAY=-1FR", ";RELATED=END:P1D", "0", "")
	f.Add("DUE;VALUE=DATE:20260105", ";VALUE=DATE-TIME:20260105T083000", "9", "P9W")
	f.Fuzz(func(t *testing.T, lines, trigger, repeat, duration string) {
		text := "BEGIN:VCALENDAR\n" + event(lines+alarmText("ACTION:EMAIL\nTRIGGER"+trigger+"\nREPEAT:"+repeat+"\nDURATION:"+duration)) + "END:VCALENDAR\n"
		cal, err := ical.Parse([]byte(text))
		if err != nil {
			return
		}
		now := at(t, testNow)
		var rows []*storage.Reminder
		if d := cputime.Of(func() { rows = Plan(cal, nil, Options{Now: now}) }); d > time.Second {
			t.Errorf("Plan took %v", d)
		}
		for _, r := range rows {
			if !r.DueAt.After(now) {
				t.Errorf("due at %v, which is past", r.DueAt)
			}
			// Fired through its due time, the next is later.
			p := newPlan(cal, nil, Options{Now: now})
			if due, items := p.next(r.Alarm, r.DueAt); len(items) > 0 && !due.After(r.DueAt) {
				t.Errorf("due at %v again", due)
			}
		}
	})
}

func BenchmarkPlan(b *testing.B) {
	cal := calendar(b, event("DTSTART;TZID=Europe/Berlin:20200106T100000\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE\n!:-PT15M\n!:-P1D"))
	o := Options{Now: at(b, testNow)}
	b.ReportAllocs()
	for b.Loop() {
		Plan(cal, nil, o)
	}
}
