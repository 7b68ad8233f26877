package scheduling

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
)

func availability(t *testing.T, text string) []*Availability {
	t.Helper()
	cal, err := ical.Parse([]byte("BEGIN:VCALENDAR\n" + text + "END:VCALENDAR\n"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := ParseAvailability(cal)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// slots shows a day of periods in one character an hour, as RFC 7953 section 4.1 does for two.
func slots(list []Period, day time.Time) string {
	b := []byte(strings.Repeat("F", 24))
	for i := range b {
		at := day.Add(time.Duration(i) * time.Hour)
		for _, p := range list {
			if !p.Start.After(at) && p.End.After(at) {
				b[i] = "FBTU"[p.Busy]
			}
		}
	}
	return string(b)
}

func vav(props string, hours ...string) string {
	s := "BEGIN:VAVAILABILITY\nUID:v\nDTSTAMP:20111005T133225Z\n" + props
	for i, h := range hours {
		s += fmt.Sprintf("BEGIN:AVAILABLE\nUID:a%d\nDTSTAMP:20111005T133225Z\n%sEND:AVAILABLE\n", i, h)
	}
	return s + "END:VAVAILABILITY\n"
}

const montreal = "TZID=America/Montreal"

// TestUnavailable has the examples of RFC 7953 sections 3.1 and 4.1 and the rules of section 4, a day at a time.
func TestUnavailable(t *testing.T) {
	workdays := "DTSTART;" + montreal + ":20111002T090000\nDTEND;" + montreal + ":20111002T170000\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR\n"
	always := vav("DTSTART;"+montreal+":20111002T000000\n", workdays)
	for _, tt := range []struct {
		name, text string
		day        string
		want       string
	}{
		{"Monday to Friday from 9 to 17: a Monday", always, "20111107", "UUUUUUUUUFFFFFFFFUUUUUUU"},
		{"a Sunday", always, "20111106", "UUUUUUUUUUUUUUUUUUUUUUUU"},
		{"before it begins", always, "20111001", "FFFFFFFFFFFFFFFFFFFFFFFF"},
		{"a Friday with other hours", vav("DTSTART;"+montreal+":20111002T000000\nDTEND;"+montreal+":20111202T000000\n",
			"DTSTART;"+montreal+":20111002T090000\nDTEND;"+montreal+":20111002T170000\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH\n",
			"DTSTART;"+montreal+":20111006T090000\nDTEND;"+montreal+":20111006T120000\nRRULE:FREQ=WEEKLY;BYDAY=FR\n"), "20111111", "UUUUUUUUUFFFUUUUUUUUUUUU"},
		{"after its end", vav("DTSTART;"+montreal+":20111002T000000\nDTEND;"+montreal+":20111107T120000\n", workdays), "20111107", "UUUUUUUUUFFFFFFFFFFFFFFF"},
		{"with a duration", vav("DTSTART;"+montreal+":20111107T000000\nDURATION:PT12H\n", workdays), "20111107", "UUUUUUUUUFFFFFFFFFFFFFFF"},
		{"hours beyond its end do not count", vav("DTSTART;"+montreal+":20111107T000000\nDURATION:PT12H\n", workdays) +
			vav("PRIORITY:0\nDTSTART;"+montreal+":20111107T120000\nDURATION:PT12H\n"), "20111107", "UUUUUUUUUFFFUUUUUUUUUUUU"},
		{"no hours at all: a holiday", vav("DTSTART;" + montreal + ":20111107T000000\nDTEND;" + montreal + ":20111108T000000\n"), "20111107", "UUUUUUUUUUUUUUUUUUUUUUUU"},
		{"without start and end", vav("", "DTSTART:20111107T140000Z\nDURATION:PT1H\n"), "20111107", "UUUUUUUUUFUUUUUUUUUUUUUU"},
		{"BUSYTYPE", vav("BUSYTYPE:BUSY\n", workdays), "20111107", "BBBBBBBBBFFFFFFFFBBBBBBB"},
		{"BUSYTYPE tentative", vav("BUSYTYPE:BUSY-TENTATIVE\n", workdays), "20111107", "TTTTTTTTTFFFFFFFFTTTTTTT"},
		{"an exception", vav("", workdays+"EXDATE;"+montreal+":20111107T090000\n"), "20111107", "UUUUUUUUUUUUUUUUUUUUUUUU"},
		{"an override", vav("") + strings.Replace(vav("", workdays, ""), "BEGIN:AVAILABLE\nUID:a1\nDTSTAMP:20111005T133225Z\n",
			"BEGIN:AVAILABLE\nUID:a0\nRECURRENCE-ID;"+montreal+":20111107T090000\nDTSTART;"+montreal+":20111107T130000\nDURATION:PT2H\n", 1), "20111107", "UUUUUUUUUUUUUFFUUUUUUUUU"},
		{"a higher priority decides alone", vav("PRIORITY:9\n", workdays) +
			vav("PRIORITY:1\nDTSTART;"+montreal+":20111107T120000\nDTEND;"+montreal+":20111107T200000\n", "DTSTART;"+montreal+":20111107T180000\nDURATION:PT1H\n"),
			"20111107", "UUUUUUUUUFFFUUUUUUFUUUUU"},
		{"the order of components does not matter", vav("PRIORITY:1\nDTSTART;"+montreal+":20111107T120000\nDTEND;"+montreal+":20111107T200000\n", "DTSTART;"+montreal+":20111107T180000\nDURATION:PT1H\n") +
			vav("PRIORITY:9\n", workdays), "20111107", "UUUUUUUUUFFFUUUUUUFUUUUU"},
		{"no priority is the lowest", vav("PRIORITY:9\nDTSTART;"+montreal+":20111107T120000\nDURATION:PT1H\n") + vav("", workdays), "20111107", "UUUUUUUUUFFFUFFFFUUUUUUU"},
		{"of one priority either is enough", vav("", "DTSTART;"+montreal+":20111107T090000\nDURATION:PT2H\n") +
			vav("", "DTSTART;"+montreal+":20111107T100000\nDURATION:PT3H\n"), "20111107", "UUUUUUUUUFFFFUUUUUUUUUUU"},
		{"a zone of its own", "BEGIN:VTIMEZONE\nTZID:Ours\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:-0500\nTZOFFSETTO:-0500\nEND:STANDARD\nEND:VTIMEZONE\n" +
			vav("", "DTSTART;TZID=Ours:20111107T090000\nDTEND;TZID=Ours:20111107T170000\n"), "20111107", "UUUUUUUUUFFFFFFFFUUUUUUU"},
		// The itinerant worker of section 3.1: Montreal, a week in Los Angeles, Montreal.
		{"in Los Angeles", vav("DTSTART;"+montreal+":20111002T000000\nDTEND;"+montreal+":20111023T030000\n", workdays) +
			vav("DTSTART;TZID=America/Los_Angeles:20111023T000000\nDTEND;TZID=America/Los_Angeles:20111030T000000\n",
				"DTSTART;TZID=America/Los_Angeles:20111023T090000\nDTEND;TZID=America/Los_Angeles:20111023T170000\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR\n") +
			vav("DTSTART;"+montreal+":20111030T030000\n", "DTSTART;"+montreal+":20111030T090000\nDTEND;"+montreal+":20111030T170000\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR\n"),
			"20111024", "UUUUUUUUUUUUFFFFFFFFUUUU"},
	} {
		loc, _ := zone.Load("America/Toronto")
		day, err := time.ParseInLocation("20060102", tt.day, loc)
		if err != nil {
			t.Fatal(err)
		}
		list, err := Unavailable(availability(t, tt.text), day, day.AddDate(0, 0, 1))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := slots(list, day); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestWithAvailability is the simple example of RFC 7953 section 4.1.1, and what overlaps.
func TestWithAvailability(t *testing.T) {
	day := time.Date(2011, 11, 7, 0, 0, 0, 0, time.UTC)
	at := func(from, to int, busy recur.Busy) Period {
		return Period{day.Add(time.Duration(from) * time.Hour), day.Add(time.Duration(to) * time.Hour), busy}
	}
	away := []Period{at(0, 8, recur.Unavailable), at(18, 24, recur.Unavailable)}
	for _, tt := range []struct {
		name string
		busy []Period
		want string
	}{
		{"nothing", nil, "UUUUUUUUFFFFFFFFFFUUUUUU"},
		{"a meeting at noon", []Period{at(12, 14, recur.Occupied)}, "UUUUUUUUFFFFBBFFFFUUUUUU"},
		{"a meeting into the evening", []Period{at(17, 20, recur.Occupied)}, "UUUUUUUUFFFFFFFFFBBBUUUU"},
		{"all day", []Period{at(0, 24, recur.Tentative)}, "TTTTTTTTTTTTTTTTTTTTTTTT"},
		{"tentative and not", []Period{at(5, 7, recur.Occupied), at(6, 9, recur.Tentative)}, "UUUUUBBTTFFFFFFFFFUUUUUU"},
	} {
		list := WithAvailability(Merge(tt.busy, day, day.AddDate(0, 0, 1)), away)
		if got := slots(list, day); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	if got := WithAvailability([]Period{at(1, 2, recur.Occupied)}, nil); len(got) != 1 {
		t.Errorf("without an availability: %v", got)
	}
}

func TestParseAvailabilityRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text string }{
		{"none", "BEGIN:VEVENT\nUID:1\nEND:VEVENT\n"},
		{"a floating start", vav("DTSTART:20111002T000000\n")},
		{"a date", vav("DTSTART;VALUE=DATE:20111002\n")},
		{"no date at all", vav("DTSTART:tomorrow\n")},
		{"an end before the start", vav("DTSTART:20111002T000000Z\nDTEND:20111001T000000Z\n")},
		{"end and duration", vav("DTSTART:20111002T000000Z\nDTEND:20111003T000000Z\nDURATION:P1D\n")},
		{"a duration alone", vav("DURATION:P1D\n")},
		{"a bad duration", vav("DTSTART:20111002T000000Z\nDURATION:1D\n")},
		{"free", vav("BUSYTYPE:FREE\n")},
		{"a priority of 10", vav("PRIORITY:10\n")},
		{"a priority in words", vav("PRIORITY:high\n")},
		{"hours without a start", vav("", "SUMMARY:x\n")},
		{"hours that float", vav("", "DTSTART:20111002T000000\n")},
		{"hours with a bad rule", vav("", "DTSTART:20111002T000000Z\nRRULE:FREQ=SOMETIMES\n")},
		{"too many", strings.Repeat(vav(""), maxAvailabilities+1)},
		{"too many hours", vav("", slicesOf(maxHours+1, "DTSTART:20111002T000000Z\n")...)},
	} {
		cal, err := ical.Parse([]byte("BEGIN:VCALENDAR\n" + tt.text + "END:VCALENDAR\n"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseAvailability(cal); !errors.Is(err, ErrAvailability) {
			t.Errorf("%s: ParseAvailability = %v, want ErrAvailability", tt.name, err)
		}
	}
}

func slicesOf(n int, s string) (list []string) {
	for range n {
		list = append(list, s)
	}
	return list
}

// TestOverlay compares with painting minute by minute.
func TestOverlay(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 53))
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	random := func() (list []Period) {
		for at := rng.IntN(20); at < 100; {
			end := at + 1 + rng.IntN(15)
			list = append(list, Period{day.Add(time.Duration(at) * time.Minute), day.Add(time.Duration(end) * time.Minute), recur.Busy(rng.IntN(4))})
			at = end + rng.IntN(2)*rng.IntN(20)
		}
		return list
	}
	paint := func(canvas []int, list []Period) {
		for _, p := range list {
			for m := int(p.Start.Sub(day) / time.Minute); m < int(p.End.Sub(day)/time.Minute); m++ {
				canvas[m] = 1 + int(p.Busy)
			}
		}
	}
	for range 2000 {
		under, over := random(), random()
		want, got := make([]int, 200), make([]int, 200)
		paint(want, under)
		paint(want, over)
		list := overlay(under, over)
		paint(got, list)
		for i := 1; i < len(list); i++ {
			if list[i].Start.Before(list[i-1].End) {
				t.Fatalf("overlay(%v, %v): %v overlaps", under, over, list)
			}
		}
		for _, p := range list {
			if !p.Start.Before(p.End) {
				t.Fatalf("overlay(%v, %v): %v is empty", under, over, p)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("overlay(%v, %v) = %v\n got %v\nwant %v", under, over, list, got, want)
		}
	}
}
