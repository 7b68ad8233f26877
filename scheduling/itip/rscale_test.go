package itip

import (
	"slices"
	"testing"

	"kalends/ical"
)

func TestRulesWithCalendarSystems(t *testing.T) {
	rules := func(text string) []string {
		c := ical.New("VEVENT")
		c.Add(ical.NewProperty("RRULE", text))
		return canonicalRules(c)
	}
	for _, tt := range []struct {
		a, b  string
		equal bool
	}{
		{"FREQ=MONTHLY;BYMONTHDAY=31", "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=31", true},
		{"FREQ=MONTHLY;BYMONTHDAY=31", "rscale=gregorian;skip=omit;freq=monthly;bymonthday=31", true},
		{"FREQ=MONTHLY;BYMONTHDAY=31", "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=31;SKIP=BACKWARD", false},
		{"RSCALE=HEBREW;FREQ=YEARLY;SKIP=OMIT", "RSCALE=HEBREW;FREQ=YEARLY", true},
		{"RSCALE=HEBREW;FREQ=YEARLY", "FREQ=YEARLY", false},
		{"RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=6,5L", "FREQ=YEARLY;BYMONTH=5l,6;RSCALE=HEBREW", true},
	} {
		if got := slices.Equal(rules(tt.a), rules(tt.b)); got != tt.equal {
			t.Errorf("%s and %s: equal %v, want %v: %q, %q", tt.a, tt.b, got, tt.equal, rules(tt.a), rules(tt.b))
		}
	}
	// What is equal can still be read, so that an end can be compared with another.
	for _, text := range []string{"RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;COUNT=12", "RSCALE=HEBREW;FREQ=YEARLY;COUNT=3"} {
		cal, err := ical.Parse([]byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20140208T090000Z\r\nRRULE:" + text + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		ob := read(cal)
		list := canonicalRules(ob.master)
		if _, ok := ob.lastWall(list[0]); !ok {
			t.Errorf("lastWall(%s) knows no end", list[0])
		}
	}
}
