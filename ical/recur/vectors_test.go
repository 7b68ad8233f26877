package recur

import (
	"bufio"
	"compress/gzip"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"kalends/ical"
)

// vectors gives the lines of testdata/vectors.txt.gz of one kind, split; see make_vectors.py beside it.
func vectors(t testing.TB, kind string) iter.Seq[[]string] {
	t.Helper()
	return vectorsIn(t, "testdata/vectors.txt.gz", kind)
}

func vectorsIn(t testing.TB, file, kind string) iter.Seq[[]string] {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func([]string) bool) {
		defer f.Close()
		lines := bufio.NewScanner(z)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if fields := strings.Fields(lines.Text()); fields[0] == kind && !yield(fields[1:]) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func undelta(t testing.TB, s string) []int64 {
	if s == "-" {
		return nil
	}
	var out []int64
	var sum int64
	for d := range strings.SplitSeq(s, ",") {
		n, err := strconv.ParseInt(d, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
		out = append(out, sum)
	}
	return out
}

func clock(t testing.TB, s string) time.Time {
	layout := "20060102T150405"
	w, err := time.Parse(layout[:len(s)], s)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// difference names the first time two lists differ in.
func difference(got, want []int64) string {
	for i := range max(len(got), len(want)) {
		g, w := "nothing", "nothing"
		if i < len(got) {
			g = fromWall(got[i]).Format("Mon 2006-01-02 15:04:05")
		}
		if i < len(want) {
			w = fromWall(want[i]).Format("Mon 2006-01-02 15:04:05")
		}
		if g != w {
			return "#" + strconv.Itoa(i) + " = " + g + ", want " + w
		}
	}
	return ""
}

// cursorReach is how far a libraryCursor goes at least. Some sparse vectors go on for thousands of years.
const cursorReach = 400 * 365 * daySeconds

func reached(times []int64) []int64 {
	return slices.DeleteFunc(times, func(w int64) bool { return w > times[0]+cursorReach })
}

func TestWallsEqualDateutil(t *testing.T) {
	n := 0
	for v := range vectors(t, "rule") {
		r, err := ParseRule(v[1])
		if err != nil {
			t.Errorf("ParseRule(%s): %v", v[1], err)
			continue
		}
		if weeksAtAnEnd(r) {
			continue
		}
		n++
		want := undelta(t, v[2])
		horizon := want[0] + cursorReach
		want = reached(want)
		var got []int64
		for w := range r.Walls(clock(t, v[0]), time.Time{}) {
			if w.Unix() > horizon {
				break
			}
			got = append(got, w.Unix())
			if len(got) == max(40, len(want)) {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("DTSTART %s %s: %s", v[0], v[1], difference(got, want))
		}
	}
	if n < 2000 {
		t.Errorf("%d vectors, want at least 2000", n)
	}
}

func TestWindowsFarFromStartEqualPlainExpansion(t *testing.T) {
	n := 0
	for v := range vectors(t, "window") {
		n++
		r, err := ParseRule(v[1])
		if err != nil {
			t.Errorf("ParseRule(%s): %v", v[1], err)
			continue
		}
		from, to := clock(t, v[2]), clock(t, v[3])
		want := undelta(t, v[4])
		var got []int64
		for w := range r.Walls(clock(t, v[0]), from) {
			if !w.Before(to) {
				break
			}
			got = append(got, w.Unix())
		}
		if !slices.Equal(got, want) {
			t.Errorf("DTSTART %s %s from %s to %s: %s", v[0], v[1], v[2], v[3], difference(got, want))
		}
	}
	if n < 500 {
		t.Errorf("%d windows, want at least 500", n)
	}
}

// series compiles an object from the lines inside its one VEVENT.
func vevent(t testing.TB, lines ...string) *Series {
	t.Helper()
	return compile(t, "BEGIN:VEVENT\n"+strings.Join(lines, "\n")+"\nEND:VEVENT")
}

func compile(t testing.TB, components ...string) *Series {
	t.Helper()
	s, err := tryCompile(components...)
	if err != nil {
		t.Fatalf("Compile: %v", err)
	}
	return s
}

func tryCompile(components ...string) (*Series, error) {
	cal, err := ical.Parse([]byte(calendar(components...)))
	if err != nil {
		return nil, err
	}
	return Compile(cal, nil)
}

func calendar(components ...string) string {
	return "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//example.com//test//EN\n" + strings.Join(components, "\n") + "\nEND:VCALENDAR\n"
}

func parse(t testing.TB, components ...string) *ical.Component {
	t.Helper()
	cal, err := ical.Parse([]byte(calendar(components...)))
	if err != nil {
		t.Fatal(err)
	}
	return cal
}

// stored is the series after a round trip through bytes.
func stored(t testing.TB, s *Series) *Series {
	t.Helper()
	b, err := s.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	d, err := Decode(b)
	if err != nil {
		t.Fatalf("Decode(MarshalBinary()): %v", err)
	}
	return d
}

func TestSeriesEqualDateutil(t *testing.T) {
	n := 0
	zones := map[string]bool{}
	check := func(v []string, s *Series, want []int64) {
		n++
		end := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // everything excluded
		if len(want) > 0 {
			end = fromWall(want[len(want)-1]).Add(time.Second)
		}
		for what, s := range map[string]*Series{"compiled": s, "stored": stored(t, s)} {
			var got []int64
			for in, err := range s.BetweenMax(time.Time{}, end, nil, 1000) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, in.Start.Unix())
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, %s: %s", strings.Join(v[:len(v)-1], " "), what, difference(got, want))
			}
		}
	}
	list := func(name, param, s string) string {
		if s == "-" {
			return "X-NONE:1"
		}
		return name + param + ":" + s
	}
	for v := range vectors(t, "zone") {
		if r, err := ParseRule(v[2]); err != nil || weeksAtAnEnd(r) {
			continue
		}
		zones[v[0]] = true
		tz := ";TZID=" + v[0]
		s := vevent(t, "UID:1", "DTSTART"+tz+":"+v[1], "RRULE:"+v[2], list("EXDATE", tz, v[3]), list("RDATE", tz, v[4]))
		check(v, s, reached(undelta(t, v[5])))
	}
	for v := range vectors(t, "date") {
		if r, err := ParseRule(v[1]); err != nil || weeksAtAnEnd(r) {
			continue
		}
		s := vevent(t, "UID:1", "DTSTART;VALUE=DATE:"+v[0], "RRULE:"+v[1], list("EXDATE", ";VALUE=DATE", v[2]), list("RDATE", ";VALUE=DATE", v[3]))
		check(v, s, reached(undelta(t, v[4])))
	}
	if n < 1500 || len(zones) < 20 {
		t.Errorf("%d vectors in %d zones, want at least 1500 in 20", n, len(zones))
	}
}
