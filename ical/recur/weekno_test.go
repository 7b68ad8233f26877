package recur

import (
	"fmt"
	"testing"
	"time"
)

// weeksAtAnEnd reports whether a rule names weeks that may lie in two years. About those dateutil, and the library after it,
// are wrong: they call 1 and 2 January 2039 week 53 of 2038, which has 52, and forget the days of December that are in a first
// week counted from the end. TestWeekNumbers and the models know better.
func weeksAtAnEnd(r *Rule) bool {
	for _, n := range r.byWeekNo {
		if n := max(n, -n); n < 2 || n > 51 {
			return true
		}
	}
	return false
}

// TestWeekNumbers holds BYWEEKNO, from either end, for each day of 400 years against the weeks of ISO 8601, which are those of
// RFC 5545 with WKST=MO, as Go's time package counts them.
func TestWeekNumbers(t *testing.T) {
	from, to := time.Date(2001, 1, 1, 9, 0, 0, 0, time.UTC), time.Date(2401, 1, 1, 9, 0, 0, 0, time.UTC)
	weeks := func(year int) int { // 28 December is always in the last
		_, n := time.Date(year, 12, 28, 0, 0, 0, 0, time.UTC).ISOWeek()
		return n
	}
	for n := -53; n <= 53; n++ {
		if n == 0 {
			continue
		}
		text := fmt.Sprintf("FREQ=YEARLY;BYWEEKNO=%d;BYDAY=MO,TU,WE,TH,FR,SA,SU", n)
		r, err := ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		next := from
		for w := range r.Walls(from.AddDate(0, 0, -1), from) { // not from DTSTART, which is always in the series
			for ; next.Before(w) && next.Before(to); next = next.AddDate(0, 0, 1) {
				if year, week := next.ISOWeek(); week == n || week == weeks(year)+1+n {
					t.Fatalf("%s leaves out %v", text, next.Format(time.DateOnly))
				}
			}
			if !w.Before(to) {
				break
			}
			if year, week := w.ISOWeek(); week != n && week != weeks(year)+1+n || !w.Equal(next) {
				t.Fatalf("%s gives %v, in week %d of %d", text, w.Format(time.DateOnly), week, weeks(year))
			}
			next = w.AddDate(0, 0, 1)
		}
		if next.Before(to) {
			t.Errorf("%s ends after %v", text, next.Format(time.DateOnly))
		}
	}
}
