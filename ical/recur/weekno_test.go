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
	start := time.Date(2000, 12, 31, 9, 0, 0, 0, time.UTC) // DTSTART is always in the series, so it is the day before
	first := start.AddDate(0, 0, 1)
	type number struct{ week, fromEnd int }
	days := make([]number, 0, 400*366)
	for day := first; day.Year() < 2401; day = day.AddDate(0, 0, 1) {
		year, week := day.ISOWeek()
		_, weeks := time.Date(year, 12, 28, 0, 0, 0, 0, time.UTC).ISOWeek() // 28 December is always in the last
		days = append(days, number{week, week - weeks - 1})
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
		given := make([]bool, len(days))
		for w := range r.Walls(start, first) {
			i := int((w.Unix() - first.Unix()) / daySeconds) // a Duration ends after 292 years
			if i >= len(days) {
				break
			}
			given[i] = true
		}
		for i, day := range days {
			if want := day.week == n || day.fromEnd == n; given[i] != want {
				t.Fatalf("%s has %v: %v, want %v", text, first.AddDate(0, 0, i).Format(time.DateOnly), given[i], want)
			}
		}
	}
}
