package mailer

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"kalends/ical"
)

func eventOf(t *testing.T, local string, lines ...string) *event {
	t.Helper()
	cal, err := ical.Parse([]byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	ev, err := newEvent(cal, local)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

func TestWhen(t *testing.T) {
	for _, tt := range []struct {
		name, local, lines, en, de string
	}{
		{"in a zone", "", "DTSTART;TZID=Europe/Paris:20260716T100000|DTEND;TZID=Europe/Paris:20260716T113000",
			"Thursday, 16 July 2026, 10:00–11:30 (Europe/Paris, UTC+02:00)", "Donnerstag, 16. Juli 2026, 10:00–11:30 (Europe/Paris, UTC+02:00)"},
		{"a Windows zone", "", "DTSTART;TZID=Romance Standard Time:20260116T100000|DURATION:PT45M",
			"Friday, 16 January 2026, 10:00–10:45 (Europe/Paris, UTC+01:00)", ""},
		{"UTC in the reader's zone", "America/New_York", "DTSTART:20260716T020000Z|DTEND:20260716T030000Z",
			"Wednesday, 15 July 2026, 22:00–23:00 (America/New_York, UTC−04:00)", ""},
		{"UTC and no zone known", "", "DTSTART:20260716T020000Z", "Thursday, 16 July 2026, 02:00 (UTC)", ""},
		{"a zone that does not exist", "", "DTSTART;TZID=Moon/Tycho:20260716T020000", "Thursday, 16 July 2026, 02:00 (Moon/Tycho)", ""},
		{"local zone that does not exist", "../../etc/passwd", "DTSTART:20260716T020000Z", "Thursday, 16 July 2026, 02:00 (UTC)", ""},
		{"floating", "Europe/Paris", "DTSTART:20260716T020000", "Thursday, 16 July 2026, 02:00 (in the time zone where you are)", ""},
		{"over midnight", "", "DTSTART;TZID=Europe/Paris:20260716T220000|DTEND;TZID=Europe/Paris:20260717T020000",
			"Thursday, 16 July 2026, 22:00 – Friday, 17 July 2026, 02:00 (Europe/Paris, UTC+02:00)", ""},
		{"a flight", "", "DTSTART;TZID=Europe/Paris:20260716T100000|DTEND;TZID=America/New_York:20260716T120000",
			"Thursday, 16 July 2026, 10:00 (Europe/Paris, UTC+02:00) – Thursday, 16 July 2026, 12:00 (America/New_York, UTC−04:00)", ""},
		{"one day", "", "DTSTART;VALUE=DATE:20260716", "Thursday, 16 July 2026 (all day)", "Donnerstag, 16. Juli 2026 (ganztägig)"},
		{"one day with an end", "", "DTSTART;VALUE=DATE:20260716|DTEND;VALUE=DATE:20260717", "Thursday, 16 July 2026 (all day)", ""},
		{"three days", "", "DTSTART;VALUE=DATE:20260716|DURATION:P3D", "Thursday, 16 July 2026 – Saturday, 18 July 2026 (all day)", ""},
		{"exact hours over a change of clocks", "", "DTSTART;TZID=Europe/Paris:20261024T220000|DURATION:PT12H",
			"Saturday, 24 October 2026, 22:00 – Sunday, 25 October 2026, 09:00 (Europe/Paris, UTC+02:00)", ""},
		{"a nominal day over a change of clocks", "", "DTSTART;TZID=Europe/Paris:20261024T220000|DURATION:P1D",
			"Saturday, 24 October 2026, 22:00 – Sunday, 25 October 2026, 22:00 (Europe/Paris, UTC+02:00)", ""},
		{"no time", "", "SUMMARY:x", "", ""},
		{"a broken time", "", "DTSTART:tomorrow", "", ""},
	} {
		ev := eventOf(t, tt.local, strings.Split(tt.lines, "|")...)
		if got := ev.when(&english, ev.main); got != tt.en {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.en)
		}
		if got := ev.when(&german, ev.main); tt.de != "" && got != tt.de {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.de)
		}
	}
}

func TestRuleWords(t *testing.T) {
	const odd = "by a rule that your calendar program shows"
	for _, tt := range []struct{ rule, en, de string }{
		{"FREQ=DAILY", "every day", "jeden Tag"},
		{"freq=daily;interval=3;count=5", "every 3 days, 5 times", "alle 3 Tage, 5-mal"},
		{"FREQ=WEEKLY", "every week", "jede Woche"},
		{"FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "every day from Monday to Friday", "jeden Tag von Montag bis Freitag"},
		{"FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH,SA;WKST=MO", "every 2 weeks on Tuesday, Thursday and Saturday", "alle 2 Wochen am Dienstag, Donnerstag und Samstag"},
		{"FREQ=MONTHLY", "every month", "jeden Monat"},
		{"FREQ=MONTHLY;BYMONTHDAY=15", "every month on day 15", "jeden Monat am 15."},
		{"FREQ=MONTHLY;BYMONTHDAY=1,-1", "every month on day 1 and the last day", "jeden Monat am 1. und letzten Tag"},
		{"FREQ=MONTHLY;BYDAY=2TU", "every month on the second Tuesday", "jeden Monat am zweiten Dienstag"},
		{"FREQ=MONTHLY;BYDAY=FR;BYSETPOS=-1", "every month on the last Friday", "jeden Monat am letzten Freitag"},
		{"FREQ=MONTHLY;BYDAY=1MO,3MO", "every month on the first Monday and third Monday", ""},
		{"FREQ=YEARLY;UNTIL=20301231", "every year, until Tuesday, 31 December 2030", "jedes Jahr, bis Dienstag, 31. Dezember 2030"},
		{"FREQ=YEARLY;BYMONTH=7;BYMONTHDAY=16", "every year", ""},
		{"FREQ=WEEKLY;UNTIL=20260731T223000Z", "every week, until Saturday, 1 August 2026", ""},
		{"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", odd, "nach einer Regel, die Ihr Kalenderprogramm anzeigt"},
		{"FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", odd, ""},
		{"FREQ=DAILY;BYHOUR=9,17", odd, ""},
		{"FREQ=MONTHLY;BYDAY=9TU", odd, ""},
		{"FREQ=MONTHLY;BYMONTHDAY=99", odd, ""},
		{"FREQ=SECONDLY", odd, ""},
		{"FREQ=WEEKLY;BYDAY=%s%d", odd, ""},
		{"FREQ=DAILY;INTERVAL=0", odd, ""},
		{"RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=31;SKIP=BACKWARD", "every month on day 31", "jeden Monat am 31."},
		{"RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=5L;BYMONTHDAY=8;SKIP=FORWARD;COUNT=3", "every year, by the Hebrew calendar, 3 times", "jedes Jahr, nach dem jüdischen Kalender, 3-mal"},
		{"FREQ=MONTHLY;BYMONTHDAY=15;RSCALE=chinese", "every month on day 15, by the Chinese calendar", "jeden Monat am 15., nach dem chinesischen Kalender"},
		{"RSCALE=ETHIOPIC;FREQ=YEARLY", odd, ""},
		{"FREQ=DAILY;UNTIL=never", odd, ""},
		{"nonsense", odd, ""},
	} {
		ev := eventOf(t, "", "DTSTART;TZID=Europe/Paris:20260716T100000", "RRULE:"+tt.rule)
		if got := ev.ruleWords(&english); got != tt.en {
			t.Errorf("%s: %q, want %q", tt.rule, got, tt.en)
		}
		if got := ev.ruleWords(&german); tt.de != "" && got != tt.de {
			t.Errorf("%s: %q, want %q", tt.rule, got, tt.de)
		}
	}
}

func TestManyExceptionsAreCut(t *testing.T) {
	lines := []string{"DTSTART;VALUE=DATE:20260101", "RRULE:FREQ=DAILY"}
	for i := range 28 {
		lines = append(lines, fmt.Sprintf("EXDATE;VALUE=DATE:202602%02d", i+1))
	}
	ev := eventOf(t, "", lines...)
	if got := ev.exceptions(&english); !strings.HasSuffix(got, "; Fri 6 Feb 2026 and 22 more") {
		t.Errorf("exceptions = %q", got)
	}
}

func TestPeopleAreCut(t *testing.T) {
	lines := []string{"ORGANIZER;CN=Alice:mailto:alice@example.com", "ATTENDEE:MAILTO:ALICE@example.com"}
	for i := range 1000 {
		lines = append(lines, fmt.Sprintf("ATTENDEE:mailto:user%03d@example.com", i))
	}
	names := shorten(&english, eventOf(t, "", lines...).people(&english))
	if len(names) != maxPeople+1 || names[0] != "Alice (organizer)" || names[1] != "user000@example.com" || names[maxPeople] != "and 976 more" {
		t.Errorf("people = %q", names)
	}
}

func TestScheduleStatus(t *testing.T) {
	for want, err := range map[string]error{"1.1": nil, "3.7": fmt.Errorf("x: %w", ErrAddress), "5.1": errors.New("no")} {
		if got := ScheduleStatus(err); got != want {
			t.Errorf("ScheduleStatus(%v) = %s, want %s", err, got, want)
		}
	}
}

// TestZonesAreDefined: a VTIMEZONE for each TZID, those that are there kept as they are, those that nothing uses gone.
func TestZonesAreDefined(t *testing.T) {
	cal, err := ical.Parse([]byte(crlf(`BEGIN:VCALENDAR
BEGIN:VTIMEZONE
TZID:Custom
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0130
TZOFFSETTO:+0130
END:STANDARD
END:VTIMEZONE
BEGIN:VTIMEZONE
TZID:Unused
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0100
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
DTSTART;TZID=Custom:20260716T100000
DTEND;TZID=W. Europe Standard Time:20260716T110000
EXDATE;TZID=America/Sao_Paulo:20260717T100000,20260718T100000
RDATE;TZID=No/Such:20260717T100000
END:VEVENT
END:VCALENDAR
`)))
	if err != nil {
		t.Fatal(err)
	}
	defineZones(cal)
	var got []string
	for v := range cal.Components("VTIMEZONE") {
		got = append(got, v.Text("TZID"))
	}
	if want := "W. Europe Standard Time,America/Sao_Paulo,Custom"; strings.Join(got, ",") != want {
		t.Errorf("VTIMEZONEs = %q, want %s", got, want)
	}
	if last := cal.Children()[3]; last.Name() != "VEVENT" {
		t.Errorf("the last child is %s", last.Name())
	}
}
