package recur

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
)

// TestSingle: whatever instance gets a component of its own, it takes place as before, and so do all others; the component is of no other.
func TestSingle(t *testing.T) {
	head := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n"
	event := func(lines string) string {
		return "BEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20260101T000000Z\r\n" + lines + "\r\nEND:VEVENT\r\n"
	}
	for name, text := range map[string]string{
		"a series": event("DTSTART;TZID=Europe/Berlin:20260320T090000\r\nDTEND;TZID=Europe/Berlin:20260320T100000\r\nRRULE:FREQ=DAILY;COUNT=15\r\nEXDATE;TZID=Europe/Berlin:20260322T090000") +
			event("RECURRENCE-ID:20260323T080000Z\r\nDTSTART:20260323T110000Z\r\nDURATION:PT2H"),
		"from a date on": event("DTSTART;TZID=Europe/Berlin:20260320T090000\r\nDTEND;TZID=Europe/Berlin:20260320T100000\r\nRRULE:FREQ=DAILY;COUNT=15\r\nEXDATE;TZID=Europe/Berlin:20260326T090000") +
			event("RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260324T090000\r\nDTSTART;TZID=Europe/Berlin:20260324T140000\r\nDTEND;TZID=Europe/Berlin:20260324T153000") +
			event("RECURRENCE-ID;TZID=Europe/Berlin:20260325T090000\r\nDTSTART;TZID=Europe/Berlin:20260325T200000\r\nDURATION:PT15M"),
		"twice": event("DTSTART:20260320T090000Z\r\nDTEND:20260320T100000Z\r\nRRULE:FREQ=DAILY;COUNT=10") +
			event("RECURRENCE-ID;RANGE=THISANDFUTURE:20260323T090000Z\r\nDTSTART:20260323T140000Z\r\nDTEND:20260323T153000Z") +
			event("RECURRENCE-ID;RANGE=THISANDFUTURE:20260326T090000Z\r\nDTSTART:20260326T070000Z\r\nDTEND:20260326T080000Z"),
		"the last": event("DTSTART;VALUE=DATE:20260320\r\nRRULE:FREQ=DAILY;COUNT=4") +
			event("RECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20260323\r\nDTSTART;VALUE=DATE:20260324"),
	} {
		t.Run(name, func(t *testing.T) {
			read := func() (*ical.Component, *Series) {
				cal, err := ical.Parse([]byte(head + text + "END:VCALENDAR\r\n"))
				if err != nil {
					t.Fatal(err)
				}
				s, err := Compile(cal, zone.NewResolver(cal))
				if err != nil {
					t.Fatal(err)
				}
				return cal, s
			}
			list := func(s *Series) (all []string, components []int) {
				for x, err := range s.Between(time.Time{}, time.Time{}, time.UTC) {
					if err != nil {
						t.Fatal(err)
					}
					all = append(all, fmt.Sprint(x.RecurrenceID.String(), x.Start, x.End))
					components = append(components, x.Component)
				}
				return all, components
			}
			_, s := read()
			want, _ := list(s)
			for i := range want {
				cal, s := read()
				n := 0
				var own *ical.Component
				for x := range s.Between(time.Time{}, time.Time{}, time.UTC) {
					if n == i {
						own = s.Single(cal, x, time.UTC)
						break
					}
					n++
				}
				at := slices.Index(slices.Collect(cal.Main()), own)
				if own == nil || at < 0 || own.Prop("RECURRENCE-ID") == nil || own.Prop("RECURRENCE-ID").HasParam("RANGE") || own.Prop("RRULE") != nil {
					t.Fatalf("instance %d has %v", i, own)
				}
				after, err := Compile(cal, zone.NewResolver(cal))
				if err != nil {
					t.Fatal(err)
				}
				got, components := list(after)
				if !slices.Equal(got, want) {
					t.Errorf("with a component for instance %d:\n%q, want\n%q", i, got, want)
				}
				for k, c := range components {
					if (c == at) != (k == i) {
						t.Errorf("with a component for instance %d, instance %d has component %d of %d", i, k, c, at)
					}
				}
			}
		})
	}
	cal, err := ical.Parse([]byte(head + event("DTSTART:20260320T090000Z") + "END:VCALENDAR\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Compile(cal, zone.NewResolver(cal))
	if err != nil {
		t.Fatal(err)
	}
	for x := range s.Between(time.Time{}, time.Time{}, time.UTC) {
		if c := s.Single(cal, x, time.UTC); c != nil {
			t.Errorf("of what does not recur: %v", c)
		}
	}
}
