package calendar

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
	"kalends/storage"
)

// What the cache answers is what expansion answers, for windows within a year and across its ends.
func TestOccurrencesAreThoseOfTheSeries(t *testing.T) {
	berlin, _ := zone.Load("Europe/Berlin")
	r := rand.New(rand.NewPCG(1, 1))
	s := &Service{}
	for i, lines := range []string{
		"DTSTART:20240105T093000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY",
		"DTSTART;TZID=Europe/Berlin:20240101T230000\r\nDTEND;TZID=Europe/Berlin:20240102T013000\r\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE,SU\r\nEXDATE;TZID=Europe/Berlin:20241229T230000",
		"DTSTART;VALUE=DATE:20231230\r\nDTEND;VALUE=DATE:20240103\r\nRRULE:FREQ=MONTHLY",
		"DTSTART:20240105T093000\r\nRRULE:FREQ=DAILY;INTERVAL=3",
		"DTSTART:20240101T000000Z\r\nDURATION:PT5M\r\nRRULE:FREQ=DAILY\r\nRDATE;VALUE=PERIOD:20241220T000000Z/P40D",
		"DTSTART:20240101T000000Z\r\nDURATION:PT5M\r\nRRULE:FREQ=HOURLY", // too dense to keep
	} {
		cal, err := ical.Parse([]byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20240101T000000Z\r\n" + lines + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		series, err := recur.Compile(cal, zone.NewResolver(cal))
		if err != nil {
			t.Fatal(err)
		}
		o := &storage.Object{Owner: 1, ID: int64(i + 1), Seq: 1, Component: "VEVENT"}
		if o.Series, err = series.MarshalBinary(); err != nil {
			t.Fatal(err)
		}
		used := 0
		for range 400 {
			start := time.Date(2023, 11, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.IntN(900*24)) * time.Hour)
			end := start.Add(time.Duration(1+r.IntN(1<<uint(r.IntN(14)))) * time.Hour)
			var want, got []string
			for inst, err := range series.Between(start, end, berlin) {
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, fmt.Sprint(inst.Start.UnixMicro(), inst.End.UnixMicro(), inst.Busy))
			}
			ok, err := s.occurrences(o, start, end, berlin, func(x occurrence) bool {
				got = append(got, fmt.Sprint(x.start, x.end, x.busy))
				return true
			})
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				continue
			}
			used++
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%s\n%v to %v: got %v, want %v", lines, start, end, got, want)
			}
		}
		if dense := i == 5; dense != (used < 100) { // of a dense one, those before it begins
			t.Errorf("%s: the cache served %d windows", lines, used)
		}
	}
	s.years.held = maxOccurrences
	s.years.put(yearKey{year: 1}, yearList{})
	if len(s.years.items) != 0 && s.years.held > maxOccurrences {
		t.Errorf("the cache holds %d", s.years.held)
	}
}
