package recur

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkWeek asks for one week, some years after DTSTART, of a series read from its stored form.
func BenchmarkWeek(b *testing.B) {
	for _, rule := range []string{
		"FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "FREQ=MONTHLY;BYDAY=2TU", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
		"FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "FREQ=WEEKLY;COUNT=2000", "FREQ=HOURLY", "FREQ=MINUTELY;BYHOUR=9",
		"RSCALE=HEBREW;FREQ=YEARLY", "RSCALE=CHINESE;FREQ=YEARLY", "RSCALE=HEBREW;FREQ=MONTHLY;SKIP=BACKWARD", "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=31;SKIP=FORWARD",
	} {
		raw, err := vevent(b, "UID:1", "DTSTART;TZID=Europe/Berlin:20060102T090000", "DURATION:PT1H", "RRULE:"+rule).MarshalBinary()
		if err != nil {
			b.Fatal(err)
		}
		s, err := Decode(raw)
		if err != nil {
			b.Fatal(err)
		}
		for _, years := range []int{1, 10, 20} {
			from := time.Date(2006+years, 1, 2, 0, 0, 0, 0, time.UTC)
			to := from.AddDate(0, 0, 7)
			b.Run(fmt.Sprintf("%s/+%dy", rule, years), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					for _, err := range s.Between(from, to, nil) {
						if err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	raw, err := vevent(b, "UID:1", "DTSTART;TZID=Europe/Berlin:20060102T090000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR",
		"EXDATE;TZID=Europe/Berlin:20060104T090000").MarshalBinary()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ReportMetric(float64(len(raw)), "bytes/series")
	for b.Loop() {
		if _, err := Decode(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseRule(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseRule("FREQ=WEEKLY;BYDAY=MO,WE,FR;UNTIL=20271231T235959Z"); err != nil {
			b.Fatal(err)
		}
	}
}
