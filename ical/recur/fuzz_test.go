package recur

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
	"kalends/internal/cputime"
)

func FuzzParseRule(f *testing.F) {
	for _, s := range []string{
		"FREQ=DAILY", "freq=weekly;byday=mo, we;wkst=su;", "FREQ=MONTHLY;BYDAY=53MO", "FREQ=HOURLY;INTERVAL=2;BYHOUR=8", "FREQ=SECONDLY;BYHOUR=8;BYMONTH=2;BYMONTHDAY=30",
		"FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO;COUNT=10000", "FREQ=YEARLY;BYMONTH=12;BYDAY=10MO", "FREQ=MONTHLY;INTERVAL=9223372036854775807", "FREQ=DAILY;UNTIL=99991231T235959Z",
		"RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=5L,6;BYMONTHDAY=30,-30;SKIP=FORWARD", "RSCALE=CHINESE;FREQ=MONTHLY;BYDAY=-1MO;BYSETPOS=1;SKIP=BACKWARD",
		"RSCALE=GREGORIAN;FREQ=MINUTELY;BYMONTHDAY=31;SKIP=BACKWARD", "RSCALE=CHINESE;FREQ=WEEKLY;BYYEARDAY=385,-385;BYWEEKNO=55;SKIP=FORWARD",
		"FREQ=YEARLY;BYYEARDAY=-366,366;BYSETPOS=-1", "FREQ=WEEKLY;BYMONTHDAY=31;BYYEARDAY=1;BYWEEKNO=1",
	} {
		f.Add(s, int64(1767603600), int64(2398751999))
	}
	f.Fuzz(func(t *testing.T, s string, start, from int64) {
		r, err := ParseRule(s)
		if err != nil {
			if !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("ParseRule(%q) = %v", s, err)
			}
			return
		}
		start, from = clampWall(start), clampWall(from)
		last, n := int64(minWall-1), 0
		took := cputime.Of(func() {
			for w := range r.Walls(fromWall(start), fromWall(from)) {
				if w.Unix() <= last || w.Unix() < from || w.Unix() < start {
					t.Fatalf("ParseRule(%q).Walls(%d, %d): %v after %v", s, start, from, w, fromWall(last))
				}
				last = w.Unix()
				if n++; n == 50 {
					break
				}
			}
		})
		if took > 2*time.Second {
			t.Fatalf("ParseRule(%q).Walls(%d, %d) took %v", s, start, from, took)
		}
	})
}

// seeds are objects that use every part of the stored form.
func seeds(f *testing.F) [][]byte {
	var list [][]byte
	for _, lines := range []string{
		"DTSTART:20260105T090000Z\nDTEND:20260105T100000Z\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE\nEXDATE:20260107T090000Z\nEXRULE:FREQ=MONTHLY",
		"DTSTART;TZID=Europe/Berlin:20260105T090000\nDURATION:P1DT1H\nRRULE:FREQ=YEARLY;BYWEEKNO=3;UNTIL=20300101T000000Z\nRDATE;VALUE=PERIOD:20260106T000000Z/PT1H",
		"DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=5\nEXDATE;VALUE=DATE:20260227",
		"DTSTART;TZID=W. Europe Standard Time:20260105T090000\nEXDATE;VALUE=DATE:20260106\nRRULE:FREQ=DAILY\nEND:VEVENT\nBEGIN:VEVENT\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260108T080000Z\nDTSTART:20260109T080000Z",
		"RECURRENCE-ID:20260108T080000Z\nDTSTART;TZID=Own:20260109T080000",
		"DTSTART;TZID=Nowhere:20260109T080000",
		"DTSTART;VALUE=DATE:20140208\nRRULE:RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=5L;BYMONTHDAY=8;SKIP=FORWARD\nEXRULE:RSCALE=CHINESE;FREQ=MONTHLY;BYYEARDAY=-385;SKIP=BACKWARD",
	} {
		list = append(list, []byte(calendar(customZone, "BEGIN:VEVENT\n"+lines+"\nEND:VEVENT")))
	}
	return append(list, []byte(calendar("BEGIN:VTODO\nDUE:20260105T090000Z\nRRULE:FREQ=DAILY\nEND:VTODO")), []byte(calendar("BEGIN:VTODO\nEND:VTODO")),
		[]byte(calendar("BEGIN:VFREEBUSY\nDTSTART:20260105T000000Z\nDTEND:20260106T000000Z\nFREEBUSY;FBTYPE=FREE:20260105T090000Z/PT1H\nEND:VFREEBUSY")))
}

// use asks a series everything, and checks what must hold of any.
func use(t *testing.T, s *Series) {
	if d := cputime.Of(func() { askEverything(t, s) }); d > 10*time.Second {
		t.Fatalf("took %v", d)
	}
}

func askEverything(t *testing.T, s *Series) {
	for _, floating := range []*time.Location{nil, time.FixedZone("", 5*3600)} {
		for _, from := range []int64{minWall, 0, 1767603600, 2398751999, maxWall} {
			n, last := 0, time.Time{}.AddDate(-10, 0, 0)
			for in, err := range s.BetweenMax(fromWall(from), fromWall(from+400*daySeconds), floating, 100) {
				if err != nil {
					break
				}
				if in.Start.Before(last) {
					t.Fatalf("%v after %v", in.Start, last)
				}
				last = in.Start
				if n++; n < 3 {
					s.Lookup(in.RecurrenceID, floating)
				}
			}
			s.Next(fromWall(from), floating)
		}
		s.Last(floating)
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cal, err := ical.Parse(data)
		if err != nil {
			return
		}
		s, err := Compile(cal, zone.NewResolver(cal))
		if err != nil {
			return
		}
		use(t, s)
		raw, err := s.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		d, err := Decode(raw)
		if err != nil {
			t.Fatalf("Decode(MarshalBinary()): %v", err)
		}
		again, err := d.MarshalBinary()
		if err != nil || !bytes.Equal(raw, again) {
			t.Fatalf("stored again: %x, %v, first %x", again, err, raw)
		}
		lo, hi := fromWall(1767603600), fromWall(1767603600+400*daySeconds)
		for in, err := range s.BetweenMax(lo, hi, nil, 50) {
			if err != nil {
				break
			}
			if p := in.Start.UnixMicro(); !in.Start.IsZero() && in.Start.Year() < 9999 && (p < s.bounds.First || p >= s.bounds.Last) && s.kind != todo {
				t.Fatalf("instance at %v outside %+v", in.Start, s.bounds)
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, data := range seeds(f) {
		cal, err := ical.Parse(data)
		if err != nil {
			f.Fatal(err)
		}
		s, err := Compile(cal, nil)
		if err != nil {
			f.Fatal(err)
		}
		raw, _ := s.MarshalBinary()
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := Decode(raw)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		use(t, s)
	})
}
