package dav

import "testing"

func TestAccepted(t *testing.T) {
	const ics, json = "text/calendar", "application/calendar+json"
	for _, tt := range []struct {
		name   string
		accept []string
		want   string
	}{
		{"no header", nil, ics},
		{"an empty header", []string{""}, ics},
		{"anything", []string{"*/*"}, ics},
		{"one", []string{json}, json},
		{"both alike", []string{json + ", " + ics}, ics},
		{"weights", []string{"text/calendar;q=0.2, application/calendar+json;q=0.5"}, json},
		{"weights in two lines", []string{"text/calendar; q=0.2", "application/calendar+json"}, json},
		{"a range of one kind", []string{"application/*"}, json},
		{"the specific one counts", []string{"*/*;q=1, text/calendar;q=0.1"}, json},
		{"refused", []string{"text/calendar;q=0, */*"}, json},
		{"none fits", []string{"image/png"}, ""},
		{"all refused", []string{"*/*;q=0"}, ""},
		{"letter case and blanks", []string{" Text/Calendar ; Q=0.3 , APPLICATION/CALENDAR+JSON ; q = 0.1"}, ics},
		{"parameters", []string{"text/calendar;charset=utf-8;q=0.1, application/calendar+json;q=0.2"}, json},
		{"a weight that is none", []string{"text/calendar;q=NaN, application/calendar+json;q=5"}, ics},
		{"commas alone", []string{",,;q=1,"}, ics},
	} {
		if got := Accepted(tt.accept, ics, json); got != tt.want {
			t.Errorf("%s: Accepted(%q) = %q, want %q", tt.name, tt.accept, got, tt.want)
		}
	}
}
