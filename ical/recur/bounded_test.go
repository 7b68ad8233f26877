package recur

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"kalends/internal/cputime"
)

// TestNothingRunsWithoutBound is case S1 of what must be tried against a calendar server: each object is compiled,
// stored, read, and asked for a far week, for everything, for the next instance and for the last.
func TestNothingRunsWithoutBound(t *testing.T) {
	rule := func(r string) string { return "DTSTART:20260105T090000Z\nDURATION:PT1H\nRRULE:" + r }
	dense := "BYMONTH=" + numbers(1, 12) + ";BYMONTHDAY=" + numbers(1, 31) + ";BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=" + numbers(0, 23) + ";BYMINUTE=" + numbers(0, 11)
	var manyDates strings.Builder
	for i := range 9999 {
		fmt.Fprintf(&manyDates, "%sZ,", layout(1767603600+int64(i)*86400))
	}
	dates := strings.TrimSuffix(manyDates.String(), ",")
	var manyOverrides strings.Builder
	manyOverrides.WriteString(rule("FREQ=DAILY"))
	for i := range 9999 {
		fmt.Fprintf(&manyOverrides, "\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID:%[1]sZ\nDTSTART:%[1]sZ", layout(1767603600+int64(i)*86400))
	}
	overrides := manyOverrides.String()
	heavy := rule("FREQ=YEARLY;BYWEEKNO=53;BYMONTH=1;BYDAY=FR;BYSETPOS=1;COUNT=10000")
	for range maxRules - 1 {
		heavy += "\nRRULE:FREQ=DAILY;BYMONTHDAY=31;BYDAY=MO;COUNT=10000"
	}
	for _, tt := range []struct{ name, lines string }{
		{"endless minutes", rule("FREQ=MINUTELY")},
		{"endless minutes in a zone", "DTSTART;TZID=Europe/Berlin:20260105T090000\nRRULE:FREQ=MINUTELY"},
		{"seconds", rule("FREQ=SECONDLY;COUNT=10000")},
		{"seconds far between", rule("FREQ=SECONDLY;BYHOUR=8;BYMONTH=2;BYMONTHDAY=29;BYMINUTE=3;BYSECOND=7;COUNT=10000")},
		{"seconds never", rule("FREQ=SECONDLY;BYHOUR=8;BYMONTH=2;BYMONTHDAY=30;COUNT=10")},
		{"UNTIL=9999", rule("FREQ=DAILY;UNTIL=99991231T235959Z")},
		{"dense yearly", rule("FREQ=YEARLY;" + dense)},
		{"dense yearly with BYSETPOS", rule("FREQ=YEARLY;" + dense + ";BYSETPOS=1,-1,100,366")},
		{"dense yearly with BYYEARDAY", rule("FREQ=YEARLY;BYYEARDAY=" + numbers(1, 59) + ";" + dense)},
		{"dense monthly", rule("FREQ=MONTHLY;" + dense + ";BYSETPOS=" + numbers(1, 59))},
		{"31 February", rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31")},
		{"month lengths and leap years", rule("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO;INTERVAL=9")},
		{"never by library", rule("FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6")},
		{"never by weekday", rule("FREQ=DAILY;INTERVAL=7;BYDAY=TU")},
		{"never by hour", rule("FREQ=HOURLY;INTERVAL=2;BYHOUR=8")},
		{"never by minute", rule("FREQ=MINUTELY;INTERVAL=60;BYMINUTE=7")},
		{"a day that no Hebrew month has", rule("RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=30")},
		{"the same by the minute", rule("RSCALE=HEBREW;FREQ=MINUTELY;BYMONTH=4;BYMONTHDAY=30")},
		{"the same by the week, far between", rule("RSCALE=HEBREW;FREQ=WEEKLY;INTERVAL=55;BYMONTH=4;BYMONTHDAY=30")},
		{"a day of the year and a week that never meet", rule("RSCALE=HEBREW;FREQ=MONTHLY;BYMONTHDAY=1;BYYEARDAY=200;BYWEEKNO=1,55")},
		{"a place that no year has", rule("RSCALE=HEBREW;FREQ=YEARLY;SKIP=FORWARD;BYMONTH=5L;BYDAY=MO;BYSETPOS=300")},
		{"dense yearly with SKIP", rule("RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=BACKWARD;" + dense)},
		{"dense yearly with SKIP and BYSETPOS", rule("RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=BACKWARD;" + dense + ";BYSETPOS=1,-1,100,366")},
		{"days far between", rule("RSCALE=HEBREW;FREQ=DAILY;INTERVAL=385;SKIP=FORWARD;BYMONTH=5L;BYMONTHDAY=30;BYDAY=MO")},
		{"all excluded by EXRULE", rule("FREQ=MINUTELY") + "\nEXRULE:FREQ=MINUTELY"},
		{"nearly all excluded by EXRULE", rule("FREQ=HOURLY") + "\nEXRULE:FREQ=HOURLY;BYMONTH=1,2,3,4,5,6,7,8,9,10,11"},
		{"all excluded by EXDATE", rule("FREQ=DAILY;COUNT=9999") + "\nEXDATE:" + dates},
		{"many RDATE", "DTSTART:20260105T090000Z\nRDATE:" + dates},
		{"many overrides", overrides},
		{"many overrides with RANGE", strings.ReplaceAll(overrides, "RECURRENCE-ID:", "RECURRENCE-ID;RANGE=THISANDFUTURE:")},
		{"many heavy rules", heavy},
		{"instances that last for ever", "DTSTART:20260105T090000Z\nDTEND:99990101T000000Z\nRRULE:FREQ=DAILY"},
	} {
		limit := 50 * time.Millisecond * slowdown
		within := func(what string, do func()) {
			if d := cputime.Of(do); d > limit {
				t.Errorf("%s: %s took %v", tt.name, what, d)
			} else if testing.Verbose() {
				t.Logf("%s: %s took %v", tt.name, what, d)
			}
		}
		cal := parse(t, "BEGIN:VEVENT\nUID:1\n"+tt.lines+"\nEND:VEVENT")
		var s *Series
		var err error
		within("Compile", func() { s, err = Compile(cal, nil) })
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		within("store and read", func() { s = stored(t, s) })
		week := at(t, "20460101")
		within("a week", func() {
			for range s.Between(week, week.AddDate(0, 0, 7), nil) {
			}
		})
		n := 0
		within("everything", func() {
			for range s.Between(time.Time{}, time.Time{}, nil) {
				n++
			}
		})
		if n > MaxInstances+1 {
			t.Errorf("%s: %d instances", tt.name, n)
		}
		within("Next", func() { s.Next(week, nil) })
		within("Last", func() { s.Last(nil) })
		within("Lookup", func() { s.Lookup(s.recurrenceID(week.Unix()), nil) })
	}
}

func TestTooMany(t *testing.T) {
	s := vevent(t, "UID:1", "DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY")
	n, last := 0, error(nil)
	for _, err := range s.BetweenMax(time.Time{}, time.Time{}, nil, 10) {
		if err != nil {
			last = err
			continue
		}
		n++
	}
	if n != 10 || last != ErrTooMany {
		t.Errorf("%d instances, %v; want 10 and ErrTooMany", n, last)
	}
	n, last = 0, nil
	for _, err := range s.BetweenMax(time.Time{}, at(t, "20260115"), nil, 10) {
		n++
		last = err
	}
	if n != 10 || last != nil {
		t.Errorf("exactly the limit: %d, %v", n, last)
	}
	for range s.Between(time.Time{}, time.Time{}, nil) {
		break // stopping early must be possible
	}
	for range s.Between(at(t, "20260115"), at(t, "20260110"), nil) {
		t.Error("an instance in a window that ends before it begins")
	}
}
