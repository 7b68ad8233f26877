package itip

import (
	"strings"
	"testing"
	"time"

	"kalends/ical"
)

// A message that nothing can overtake leaves what it says nothing new about as it was.
func TestInOrder(t *testing.T) {
	now := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	series := `BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:o@example.com
DTSTAMP:20260105T080000Z
DTSTART:20260701T100000Z
RRULE:FREQ=DAILY;COUNT=4
ORGANIZER:mailto:alice@example.com
ATTENDEE:mailto:bob@example.com
END:VEVENT
BEGIN:VEVENT
UID:o@example.com
DTSTAMP:20260105T080000Z
RECURRENCE-ID:20260702T100000Z
DTSTART:20260702T120000Z
ORGANIZER:mailto:alice@example.com
ATTENDEE:mailto:bob@example.com
END:VEVENT
END:VCALENDAR
`
	parse := func(text string) *ical.Component {
		cal, err := ical.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return cal
	}
	o := Options{Now: now, Local: true, InOrder: true}
	send := func(old, new, copy *ical.Component) (*ical.Component, *ical.Component) {
		t.Helper()
		o.Now = o.Now.Add(time.Minute)
		plan, err := Organize(old, new, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range plan.Messages {
			res, err := Receive(copy, m, o)
			if err != nil {
				t.Fatal(err)
			}
			copy = res.Copy
		}
		return plan.Stored, copy
	}
	revisions := func(cal *ical.Component) string {
		var list []string
		for c := range cal.Main() {
			list = append(list, c.Value("SEQUENCE"))
		}
		return strings.Join(list, ",")
	}
	stored, copy := send(nil, parse(series), nil)
	for _, step := range []struct{ name, from, to, stored, copy string }{
		{"the instance is moved", "20260702T120000Z", "20260702T130000Z", "1,1", ",1"},
		{"the series is renamed", "COUNT=4\n", "COUNT=4\nSUMMARY:Series\n", "2,2", "2,2"},
		{"another instance is taken out", "COUNT=4\n", "COUNT=4\nEXDATE:20260703T100000Z\n", "3,3", "2,2"},
	} {
		text := strings.Replace(strings.ReplaceAll(stored.String(), "\r\n", "\n"), step.from, step.to, 1)
		stored, copy = send(stored, parse(text), copy)
		if a, b := revisions(stored), revisions(copy); a != step.stored || b != step.copy {
			t.Errorf("%s: SEQUENCE %q at the organizer's and %q at the attendee's, want %q and %q", step.name, a, b, step.stored, step.copy)
		}
	}
	if !strings.Contains(copy.String(), "EXDATE:20260703T100000Z") || !strings.Contains(copy.String(), "20260702T130000Z") {
		t.Errorf("the attendee has\n%s", copy)
	}
}
