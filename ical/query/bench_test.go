package query

import (
	"strings"
	"testing"
)

const weekly = `BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
CREATED:20250101T000000Z
LAST-MODIFIED:20250101T000000Z
DTSTAMP:20250101T000000Z
UID:1@example.com
SUMMARY:Weekly
DESCRIPTION:Nothing in particular
DTSTART;TZID=Europe/Berlin:20200106T090000
DTEND;TZID=Europe/Berlin:20200106T100000
TRANSP:OPAQUE
RRULE:FREQ=WEEKLY;BYDAY=MO
SEQUENCE:0
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT15M
END:VALARM
END:VEVENT`

func BenchmarkMatch(b *testing.B) {
	cal := object(b, weekly)
	s := series(b, cal)
	week := between("20260330", "20260406")
	for _, bb := range []struct {
		name string
		f    *Filter
	}{
		{"range", filter("VEVENT", CompFilter{Range: week})},
		{"text", filter("VEVENT", CompFilter{Props: []PropFilter{{Name: "SUMMARY", Text: &TextMatch{Text: "week"}}}})},
		{"alarm", filter("VEVENT", CompFilter{Comps: []CompFilter{{Name: "VALARM", Range: week}}})},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if ok, err := bb.f.Match(cal, s, nil); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}

func BenchmarkExpand(b *testing.B) {
	for _, bb := range []struct{ name, body string }{
		{"weekly", weekly},
		{"daily", strings.Replace(weekly, "WEEKLY;BYDAY=MO", "DAILY", 1)},
		{"single", strings.Replace(weekly, "RRULE:FREQ=WEEKLY;BYDAY=MO", "X-A:b", 1)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			cal := object(b, bb.body)
			s := series(b, cal)
			d := &Data{Expand: between("20260330", "20260406")}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Apply(cal, s, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
