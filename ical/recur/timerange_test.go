package recur

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestTimeRangeTables holds Between and Bounds of objects that do not recur against the tables of RFC 4791 section 9.9,
// written down as they stand there. Times are drawn so close together that they often meet.
func TestTimeRangeTables(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
		draw := func(name string) time.Time {
			return base.Add(time.Duration(rapid.IntRange(-3, 3).Draw(t, name)) * time.Second)
		}
		utc := func(t time.Time) string { return t.Format("20060102T150405Z") }
		start, end := draw("start"), draw("end")
		if !start.Before(end) {
			start, end = end, start.Add(time.Second)
		}
		le := func(a, b time.Time) bool { return !a.After(b) }
		lt := time.Time.Before
		has := func(name string) bool { return rapid.Bool().Draw(t, "has "+name) }

		var lines []string
		var want bool
		switch kind := rapid.SampledFrom(kindNames[1:]).Draw(t, "kind"); kind {
		case "VEVENT":
			s := draw("DTSTART")
			lines = append(lines, "DTSTART:"+utc(s))
			switch rapid.IntRange(0, 3).Draw(t, "form") {
			case 0: // DTEND, which must be later than DTSTART
				e := s.Add(time.Duration(rapid.IntRange(1, 4).Draw(t, "length")) * time.Second)
				lines = append(lines, "DTEND:"+utc(e))
				want = lt(start, e) && lt(s, end)
			case 1:
				n := rapid.IntRange(1, 4).Draw(t, "length")
				lines = append(lines, fmt.Sprintf("DURATION:PT%dS", n))
				want = lt(start, s.Add(time.Duration(n)*time.Second)) && lt(s, end)
			case 2:
				lines = append(lines, "DURATION:PT0S")
				want = le(start, s) && lt(s, end)
			case 3:
				want = le(start, s) && lt(s, end)
			}
			lines = wrap(kind, lines)
		case "VTODO":
			hasStart, hasDue, hasDuration := has("DTSTART"), has("DUE"), false
			hasDone, hasMade := has("COMPLETED"), has("CREATED")
			s, due, done, made := draw("DTSTART"), draw("DUE"), draw("COMPLETED"), draw("CREATED")
			length := time.Duration(rapid.IntRange(0, 3).Draw(t, "DURATION")) * time.Second
			if hasStart {
				lines = append(lines, "DTSTART:"+utc(s))
				if hasDuration = !hasDue && has("DURATION"); hasDuration {
					lines = append(lines, fmt.Sprintf("DURATION:PT%dS", length/time.Second))
				}
			}
			if hasDue {
				lines = append(lines, "DUE:"+utc(due))
			}
			if hasDone {
				lines = append(lines, "COMPLETED:"+utc(done))
			}
			if hasMade {
				lines = append(lines, "CREATED:"+utc(made))
			}
			switch {
			case hasDuration:
				want = le(start, s.Add(length)) && (lt(s, end) || le(s.Add(length), end))
			case hasStart && hasDue:
				want = (lt(start, due) || le(start, s)) && (lt(s, end) || le(due, end))
			case hasStart:
				want = le(start, s) && lt(s, end)
			case hasDue:
				want = lt(start, due) && le(due, end)
			case hasDone && hasMade:
				want = (le(start, made) || le(start, done)) && (le(made, end) || le(done, end))
			case hasDone:
				want = le(start, done) && le(done, end)
			case hasMade:
				want = lt(made, end)
			default:
				want = true
			}
			lines = wrap(kind, lines)
		case "VJOURNAL":
			if has("DTSTART") {
				s := draw("DTSTART")
				lines = append(lines, "DTSTART:"+utc(s))
				want = le(start, s) && lt(s, end)
			}
			lines = wrap(kind, lines)
		case "VFREEBUSY":
			if has("DTSTART") {
				s, e := draw("DTSTART"), draw("DTEND")
				if e.Before(s) {
					s, e = e, s
				}
				lines = append(lines, "DTSTART:"+utc(s), "DTEND:"+utc(e))
				want = le(start, e) && lt(s, end)
			} else {
				for range rapid.IntRange(0, 3).Draw(t, "periods") {
					s := draw("period")
					e := s.Add(time.Duration(rapid.IntRange(1, 3).Draw(t, "length")) * time.Second)
					lines = append(lines, "FREEBUSY:"+utc(s)+"/"+utc(e))
					want = want || lt(start, e) && lt(s, end)
				}
			}
			lines = wrap(kind, lines)
		}

		s, err := tryCompile(lines...)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := s.MarshalBinary()
		if s, err = Decode(raw); err != nil {
			t.Fatal(err)
		}
		got := false
		for _, err := range s.Between(start, end, nil) {
			if err != nil {
				t.Fatal(err)
			}
			got = true
		}
		if got != want {
			t.Fatalf("window %s to %s matches: %v, want %v\n%s", utc(start), utc(end), got, want, strings.Join(lines, "\n"))
		}
		// The bounds alone must say the same, which is what an index over them relies on.
		b := s.Bounds()
		byBounds := b.First < end.UnixMicro() && b.Last > start.UnixMicro()
		if want && !byBounds || byBounds && !want && s.Component() != "VFREEBUSY" {
			t.Fatalf("bounds %+v, window %s to %s: %v, want %v\n%s", b, utc(start), utc(end), byBounds, want, strings.Join(lines, "\n"))
		}
	})
}

func wrap(kind string, lines []string) []string {
	return append(append([]string{"BEGIN:" + kind, "UID:1"}, lines...), "END:"+kind)
}

func TestTimeRangeOfDates(t *testing.T) {
	for _, tt := range []struct {
		kind, lines, from, to string
		want                  bool
	}{
		{"VEVENT", "DTSTART;VALUE=DATE:20260105", "20260105T235959", "20260106", true},
		{"VEVENT", "DTSTART;VALUE=DATE:20260105", "20260106", "20260107", false},
		{"VEVENT", "DTSTART;VALUE=DATE:20260105", "20260104", "20260105", false},
		{"VEVENT", "DTSTART;VALUE=DATE:20260105", "20260104", "20260105T000001", true},
		{"VEVENT", "DTSTART;VALUE=DATE:20260105\nDURATION:P2D", "20260106T120000", "20260107", true},
		{"VJOURNAL", "DTSTART;VALUE=DATE:20260105", "20260105T120000", "20260107", true},
		{"VJOURNAL", "DTSTART;VALUE=DATE:20260105", "20260106", "20260107", false},
		// The tables know no length for dates of a task: DUE is the midnight it begins with.
		{"VTODO", "DUE;VALUE=DATE:20260105", "20260104", "20260105", true},
		{"VTODO", "DUE;VALUE=DATE:20260105", "20260105", "20260106", false},
		{"VTODO", "DTSTART;VALUE=DATE:20260105\nDUE;VALUE=DATE:20260107", "20260106T120000", "20260106T130000", true},
	} {
		s := compile(t, wrap(tt.kind, []string{tt.lines})...)
		if got := show(t, s, tt.from, tt.to, nil) != ""; got != tt.want {
			t.Errorf("%s %q from %s to %s = %v, want %v", tt.kind, tt.lines, tt.from, tt.to, got, tt.want)
		}
	}
}
