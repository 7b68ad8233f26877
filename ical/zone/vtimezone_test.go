package zone

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"kalends/ical"
	"kalends/internal/cputime"
)

// calendar makes a VCALENDAR of lines ended by \n.
func calendar(t testing.TB, body string) *ical.Component {
	t.Helper()
	text := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Example//Test//EN\n" + body + "END:VCALENDAR\n"
	cal, err := ical.Parse([]byte(strings.ReplaceAll(text, "\n", "\r\n")))
	if err != nil {
		t.Fatalf("Parse: %v\n%s", err, text)
	}
	return cal
}

func vtimezone(t testing.TB, tzid, observances string) *ical.Component {
	t.Helper()
	cal := calendar(t, "BEGIN:VTIMEZONE\nTZID:"+tzid+"\n"+observances+"END:VTIMEZONE\n")
	for v := range cal.Components("VTIMEZONE") {
		return v
	}
	t.Fatal("no VTIMEZONE")
	return nil
}

const outlookBerlin = `BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
`

// oddRules are nobody's: half an hour on 10 May and back on the first Monday after 14 September.
const oddRules = `BEGIN:STANDARD
DTSTART:20000918T010000
TZOFFSETFROM:+0313
TZOFFSETTO:+024330
RRULE:FREQ=YEARLY;BYMONTH=9;BYMONTHDAY=15,16,17,18,19,20,21;BYDAY=MO
TZNAME:ODD
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:20000510T010000
TZOFFSETFROM:+024330
TZOFFSETTO:+0313
RRULE:FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=10
TZNAME:ODDER
END:DAYLIGHT
`

func TestFromVTimezone(t *testing.T) {
	observance := func(kind, start, from, to, more string) string {
		return fmt.Sprintf("BEGIN:%s\nDTSTART:%s\nTZOFFSETFROM:%s\nTZOFFSETTO:%s\n%sEND:%[1]s\n", kind, start, from, to, more)
	}
	type at struct {
		instant string
		offset  int
	}
	tests := []struct {
		name, observances string
		want              []at
	}{
		{"Outlook's rules from 1601", outlookBerlin, []at{
			{"1601-01-02T00:00:00Z", 3600}, {"1899-07-01T00:00:00Z", 3600}, {"1900-07-01T00:00:00Z", 7200}, {"2026-03-29T00:59:59Z", 3600}, {"2026-03-29T01:00:00Z", 7200},
			{"2026-10-25T00:59:59Z", 7200}, {"2026-10-25T01:00:00Z", 3600}, {"2040-12-01T00:00:00Z", 3600}, {"2041-07-01T00:00:00Z", 7200},
			{"2500-01-01T00:00:00Z", 3600}, {"2500-07-01T00:00:00Z", 7200}}},
		{"seconds, days of the month, and no end", oddRules, []at{
			{"1990-07-01T00:00:00Z", 9810}, {"2000-05-09T22:16:29Z", 9810}, {"2000-05-09T22:16:30Z", 11580}, {"2000-09-17T21:46:59Z", 11580}, {"2000-09-17T21:47:00Z", 9810},
			{"2077-05-09T22:16:29Z", 9810}, {"2077-05-09T22:16:30Z", 11580}, {"2077-09-19T21:46:59Z", 11580}, {"2077-09-19T21:47:00Z", 9810}}},
		{"one offset", observance("STANDARD", "19700101T000000", "+0530", "+0530", ""), []at{
			{"1950-01-01T00:00:00Z", 19800}, {"2026-01-01T00:00:00Z", 19800}}},
		{"DAYLIGHT alone, without an end", observance("DAYLIGHT", "20200329T020000", "+0100", "+0200", ""), []at{
			{"2020-03-29T00:59:59Z", 3600}, {"2030-01-01T00:00:00Z", 7200}}},
		{"a list of dates", observance("DAYLIGHT", "20250426T000000", "+0200", "+0300", "RDATE:20260424T000000,20270430T000000\n") +
			observance("STANDARD", "20251031T000000", "+0300", "+0200", "RDATE;VALUE=DATE-TIME:20261030T000000\n"), []at{
			{"2025-07-01T00:00:00Z", 10800}, {"2025-12-01T00:00:00Z", 7200}, {"2026-04-23T21:59:59Z", 7200}, {"2026-04-23T22:00:00Z", 10800},
			{"2026-10-29T20:59:59Z", 10800}, {"2026-10-29T21:00:00Z", 7200}, {"2028-01-01T00:00:00Z", 10800}}},
		{"UNTIL in UTC, then new rules", observance("DAYLIGHT", "19870405T020000", "-0500", "-0400", "RRULE:FREQ=YEARLY;BYMONTH=4;BYDAY=1SU;UNTIL=20060402T070000Z\n") +
			observance("STANDARD", "19671029T020000", "-0400", "-0500", "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU;UNTIL=20061029T060000Z\n") +
			observance("DAYLIGHT", "20070311T020000", "-0500", "-0400", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU\n") +
			observance("STANDARD", "20071104T020000", "-0400", "-0500", "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU\n"), []at{
			{"2006-04-02T06:59:59Z", -18000}, {"2006-04-02T07:00:00Z", -14400}, {"2006-10-29T06:00:00Z", -18000}, {"2007-03-11T06:59:59Z", -18000},
			{"2007-03-11T07:00:00Z", -14400}, {"2007-11-04T06:00:00Z", -18000}, {"2090-07-01T00:00:00Z", -14400}}},
		{"UNTIL in local time and as a date", observance("DAYLIGHT", "20000326T020000", "+0100", "+0200", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;UNTIL=20020331T020000\n") +
			observance("STANDARD", "20001029T030000", "+0200", "+0100", "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU;UNTIL=20021027\n"), []at{
			{"2002-07-01T00:00:00Z", 7200}, {"2002-12-01T00:00:00Z", 3600}, {"2003-07-01T00:00:00Z", 3600}}},
		{"COUNT, INTERVAL, lower case and a trailing semicolon", observance("DAYLIGHT", "20000326T020000", "+0100", "+0200", "RRULE:freq=yearly;interval=2;bymonth=3;byday=-1su;count=2;wkst=su;\n") +
			observance("STANDARD", "20001029T030000", "+0200", "+0100", "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU;X-WHY=1\n"), []at{
			{"2000-07-01T00:00:00Z", 7200}, {"2001-07-01T00:00:00Z", 3600}, {"2002-07-01T00:00:00Z", 7200}, {"2004-07-01T00:00:00Z", 3600}}},
		{"DTSTART that its own rule does not have", observance("DAYLIGHT", "20240101T020000", "-0500", "-0400", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU\n") +
			observance("STANDARD", "20240101T020000", "-0400", "-0500", "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU\n"), []at{
			{"2024-02-01T00:00:00Z", -18000}, {"2024-07-01T00:00:00Z", -14400}, {"2024-12-01T00:00:00Z", -18000}}},
		{"days counted from the end of the month", observance("DAYLIGHT", "20000331T020000", "+0100", "+0200", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1\n") +
			observance("STANDARD", "20001029T030000", "+0200", "+0100", "RRULE:FREQ=YEARLY;BYMONTH=10\n"), []at{
			{"2024-02-29T00:59:59Z", 3600}, {"2024-02-29T01:00:00Z", 7200}, {"2025-02-28T01:00:00Z", 7200}, {"2025-10-29T00:59:59Z", 7200}, {"2025-10-29T01:00:00Z", 3600}}},
		{"no TZOFFSETFROM", "BEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETTO:+0300\nEND:STANDARD\n", []at{{"2026-01-01T00:00:00Z", 10800}}},
		{"offsets with colons and without sign", observance("STANDARD", "19700101T000000", "03:30", "0330", ""), []at{{"2026-01-01T00:00:00Z", 12600}}},
		{"DTSTART in UTC", observance("STANDARD", "20000101T000000Z", "+0100", "+0200", ""), []at{
			{"1999-12-31T23:59:59Z", 3600}, {"2000-01-01T00:00:00Z", 7200}}},
		{"a zone of the south", observance("STANDARD", "20080406T030000", "+1100", "+1000", "RRULE:FREQ=YEARLY;BYMONTH=4;BYDAY=1SU\n") +
			observance("DAYLIGHT", "20081005T020000", "+1000", "+1100", "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=1SU\n"), []at{
			{"2026-01-01T00:00:00Z", 39600}, {"2026-07-01T00:00:00Z", 36000}, {"2090-01-01T00:00:00Z", 39600}, {"2090-07-01T00:00:00Z", 36000}}},
		{"onsets next to New Year, past the list", observance("STANDARD", "20000101T000000", "+1100", "+1000", "RRULE:FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1\n") +
			observance("DAYLIGHT", "20000701T000000", "+1000", "+1100", "RRULE:FREQ=YEARLY;BYMONTH=7;BYMONTHDAY=1\n"), []at{
			{"2050-12-31T12:59:59Z", 39600}, {"2050-12-31T13:00:00Z", 36000}, {"2051-06-30T14:00:00Z", 39600}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			loc, err := FromVTimezone(vtimezone(t, "Test Zone", tt.observances))
			if err != nil {
				t.Fatal(err)
			}
			if loc.String() != "Test Zone" {
				t.Errorf("the location is named %q", loc)
			}
			for _, w := range tt.want {
				x, err := time.Parse(time.RFC3339, w.instant)
				if err != nil {
					t.Fatal(err)
				}
				if _, off := x.In(loc).Zone(); off != w.offset {
					t.Errorf("offset at %s = %d, want %d", w.instant, off, w.offset)
				}
			}
		})
	}
}

func TestFromVTimezoneRefuses(t *testing.T) {
	std := func(more string) string {
		return "BEGIN:STANDARD\nDTSTART:20000101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\n" + more + "END:STANDARD\n"
	}
	tests := []struct{ name, observances, want string }{
		{"nothing", "", "no STANDARD"},
		{"something else", "BEGIN:VALARM\nEND:VALARM\n", "no STANDARD"},
		{"itself inside", "BEGIN:VTIMEZONE\nTZID:Test Zone\n" + std("") + "END:VTIMEZONE\n", "no STANDARD"},
		{"no DTSTART", "BEGIN:STANDARD\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nEND:STANDARD\n", "DTSTART"},
		{"no TZOFFSETTO", "BEGIN:STANDARD\nDTSTART:20000101T000000\nEND:STANDARD\n", "TZOFFSETTO"},
		{"25 hours", strings.Replace(std(""), "TO:+0100", "TO:+2500", 1), "out of range"},
		{"75 minutes", strings.Replace(std(""), "TO:+0100", "TO:+0175", 1), "out of range"},
		{"an offset of words", strings.Replace(std(""), "TO:+0100", "TO:one hour", 1), "no UTC offset"},
		{"a DTSTART of words", strings.Replace(std(""), "20000101T000000", "yesterday", 1), "DTSTART"},
		{"every second", std("RRULE:FREQ=SECONDLY\n"), "SECONDLY"},
		{"every day", std("RRULE:FREQ=DAILY\n"), "DAILY"},
		{"no FREQ", std("RRULE:BYMONTH=3\n"), "FREQ"},
		{"BYSETPOS", std("RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=SU;BYSETPOS=-1\n"), "BYSETPOS"},
		{"BYSECOND", std("RRULE:FREQ=YEARLY;BYSECOND=1,2,3\n"), "BYSECOND"},
		{"weekdays of no month", std("RRULE:FREQ=YEARLY;BYDAY=SU\n"), "BYMONTH"},
		{"month 13", std("RRULE:FREQ=YEARLY;BYMONTH=13\n"), "13"},
		{"day 32", std("RRULE:FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=32\n"), "32"},
		{"week 53", std("RRULE:FREQ=YEARLY;BYMONTH=1;BYDAY=53MO\n"), "53"},
		{"week 0", std("RRULE:FREQ=YEARLY;BYMONTH=1;BYDAY=0MO\n"), "0"},
		{"no weekday", std("RRULE:FREQ=YEARLY;BYMONTH=1;BYDAY=XX\n"), "XX"},
		{"INTERVAL 0", std("RRULE:FREQ=YEARLY;INTERVAL=0\n"), "INTERVAL"},
		{"COUNT -1", std("RRULE:FREQ=YEARLY;COUNT=-1\n"), "COUNT"},
		{"UNTIL of words", std("RRULE:FREQ=YEARLY;UNTIL=later\n"), "UNTIL"},
		{"a rule that never comes", std("RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31\n"), "no rule has an onset"},
		{"an RDATE of words", std("RDATE:soon\n"), "RDATE"},
		{"five rules", std(strings.Repeat("RRULE:FREQ=YEARLY\n", 5)), "RRULEs"},
		{"every day of the year", std("RRULE:FREQ=YEARLY;BYMONTH=1,2,3,4,5,6,7,8,9,10,11,12;BYDAY=MO,TU,WE,TH,FR,SA,SU\n"), "too many"},
		{"10,000 observances", strings.Repeat(std(""), 10_000), "more than 100"},
		{"10,000 dates", std("RDATE:20000101T000000" + strings.Repeat(",20000101T000000", 10_000) + "\n"), "too many"},
		{"100 rules without an onset since 1900", strings.Repeat(strings.Replace(std("RRULE:FREQ=YEARLY;BYMONTH=1,2,3,4,5,6,7,8,9,10,11,12;BYDAY=5MO;BYMONTHDAY=1\n"), "2000", "1900", 1), 100), "too many"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			loc, err := FromVTimezone(vtimezone(t, "Test Zone", tt.observances))
			if err == nil {
				t.Fatalf("FromVTimezone gives %v", loc)
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "Test Zone") {
				t.Errorf("error %q does not say %q", err, tt.want)
			}
			if len(err.Error()) > 300 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

// Each zone written as VTIMEZONE and read back is the same zone, in the range asked for, and after it where a yearly rule ends it.
func TestVTimezoneRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 65))
	ruled := 0
	for _, name := range Names() {
		loc, _ := Load(name)
		for _, from := range []int{1800, 1900, 1969, 1970, 1999, 2026} {
			from := time.Date(from, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rng.Int64N(int64(360 * 24 * time.Hour))))
			to := from.AddDate(1+rng.IntN(2090-from.Year()), 0, 0)
			v, err := VTimezone(name, from, to)
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := ical.Parse([]byte("BEGIN:VCALENDAR\r\n" + v.String() + "END:VCALENDAR\r\n"))
			if err != nil {
				t.Fatalf("%v in\n%v", err, v)
			}
			custom, err := FromVTimezone(parsed.Component("VTIMEZONE"))
			if err != nil {
				t.Fatalf("%v in\n%v", err, v)
			}
			compare := func(at time.Time) {
				x, y := at.In(loc), at.In(custom)
				xname, xoff := x.Zone()
				yname, yoff := y.Zone()
				if xoff != yoff || xname != yname && len(xname) <= 6 {
					t.Fatalf("%s from %v to %v: at %v %s %d, want %s %d\n%v", name, from, to, at.UTC(), yname, yoff, xname, xoff, v)
				}
			}
			compare(from)
			compare(to)
			for range 60 {
				compare(from.Add(time.Duration(rng.Int64N(int64(to.Sub(from)/time.Second))) * time.Second))
			}
			for at := from; ; { // both sides of every change
				_, end := at.In(loc).ZoneBounds()
				if end.IsZero() || end.After(to) {
					break
				}
				compare(end.Add(-time.Second))
				compare(end)
				at = end.Add(24 * time.Hour)
			}
			if !strings.Contains(v.String(), "RRULE") {
				continue
			}
			ruled++
			for range 60 {
				compare(to.AddDate(rng.IntN(200), 0, rng.IntN(366)))
			}
		}
	}
	if ruled < 500 {
		t.Errorf("only %d with a yearly rule", ruled)
	}
}

func TestVTimezoneText(t *testing.T) {
	from, to := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC)
	const daylight = "BEGIN:DAYLIGHT\nDTSTART:19960331T020000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nTZNAME:CEST\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\nEND:DAYLIGHT\n"
	const standard = "BEGIN:STANDARD\nDTSTART:19961027T030000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nTZNAME:CET\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\nEND:STANDARD\n"
	tests := []struct{ zone, want string }{
		{"Europe/Berlin", daylight + standard},
		{"Asia/Kolkata", "BEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0530\nTZOFFSETTO:+0530\nTZNAME:IST\nEND:STANDARD\n"},
		{"UTC", "BEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0000\nTZNAME:UTC\nEND:STANDARD\n"},
		{"Africa/Cairo", "BEGIN:STANDARD\nDTSTART:20251031T000000\nTZOFFSETFROM:+0300\nTZOFFSETTO:+0200\nTZNAME:EET\nRDATE:20261030T000000,20271029T000000\nEND:STANDARD\n" +
			"BEGIN:DAYLIGHT\nDTSTART:20260424T000000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0300\nTZNAME:EEST\nRDATE:20270430T000000\nEND:DAYLIGHT\n"},
	}
	for _, tt := range tests {
		v, err := VTimezone(tt.zone, from, to)
		if err != nil {
			t.Fatal(err)
		}
		want := "BEGIN:VTIMEZONE\nTZID:" + tt.zone + "\n" + tt.want + "END:VTIMEZONE\n"
		if got := strings.ReplaceAll(v.String(), "\r\n", "\n"); got != want {
			t.Errorf("VTimezone(%s) =\n%swant\n%s", tt.zone, got, want)
		}
	}
	for _, name := range []string{"", "Local", "W. Europe Standard Time", "europe/berlin"} {
		if v, err := VTimezone(name, from, to); err == nil {
			t.Errorf("VTimezone(%q) = %v", name, v)
		}
	}
	if v, err := VTimezone("UTC", to, from); err == nil {
		t.Errorf("VTimezone(UTC, to, from) = %v", v)
	}
}

func FuzzFromVTimezone(f *testing.F) {
	f.Add("BEGIN:VTIMEZONE\nTZID:x\n" + outlookBerlin + "END:VTIMEZONE\n")
	f.Add("BEGIN:VTIMEZONE\nTZID:x\n" + oddRules + "END:VTIMEZONE\n")
	f.Add("BEGIN:VTIMEZONE\nTZID:x\nBEGIN:STANDARD\nDTSTART:99991231T235959\nTZOFFSETFROM:-2400\nTZOFFSETTO:+2400\nRDATE:00010101T000000\nEND:STANDARD\nEND:VTIMEZONE\n")
	for _, name := range []string{"Africa/Casablanca", "America/Nuuk", "Asia/Gaza", "Europe/London"} {
		v, err := VTimezone(name, time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(v.String())
	}
	f.Fuzz(func(t *testing.T, s string) {
		cal, err := ical.Parse([]byte("BEGIN:VCALENDAR\r\n" + s + "END:VCALENDAR\r\n"))
		if err != nil {
			return
		}
		for v := range cal.Components("VTIMEZONE") {
			var loc *time.Location
			var err error
			if d := cputime.Of(func() { loc, err = FromVTimezone(v) }); d > 2*time.Second {
				t.Errorf("took %v", d)
			}
			if (err == nil) != (loc != nil) {
				t.Fatalf("FromVTimezone = %v, %v", loc, err)
			}
			if err != nil {
				continue
			}
			match(loc)
			for y := 0; y < 2300; y += 100 {
				Instant(time.Date(y, 6, 1, 2, 30, 0, 0, time.UTC), loc)
			}
		}
	})
}

func BenchmarkFromVTimezone(b *testing.B) {
	v := vtimezone(b, "x", outlookBerlin)
	b.Run("Outlook", func(b *testing.B) {
		for b.Loop() {
			FromVTimezone(v)
		}
	})
	hostile := vtimezone(b, "x", strings.Repeat("BEGIN:STANDARD\nDTSTART:19000101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nRRULE:FREQ=YEARLY;BYMONTH=1,2,3,4,5,6,7,8,9,10,11,12;BYDAY=5MO;BYMONTHDAY=1\nEND:STANDARD\n", 100))
	b.Run("hostile", func(b *testing.B) {
		for b.Loop() {
			FromVTimezone(hostile)
		}
	})
}

func BenchmarkVTimezone(b *testing.B) {
	from, to := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC)
	for b.Loop() {
		VTimezone("America/New_York", from, to)
	}
}
