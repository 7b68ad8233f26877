package recur

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	rrule "github.com/teambition/rrule-go"
	"pgregory.net/rapid"

	"kalends/ical"
	"kalends/ical/zone"
)

// drawRule draws a rule of any shape; bounded or not.
func drawRule(t *rapid.T) string {
	freq := rapid.SampledFrom(frequencyNames[:]).Draw(t, "freq")
	return drawRuleOf(t, freq)
}

func drawRuleOf(t *rapid.T, freq string) string {
	parts := []string{"FREQ=" + freq}
	list := func(name string, lo, hi int, signed bool, most int, percent int) {
		if rapid.IntRange(0, 99).Draw(t, name+"?") >= percent {
			return
		}
		var s []string
		for range rapid.IntRange(1, most).Draw(t, name+"#") {
			n := rapid.IntRange(lo, hi).Draw(t, name)
			if signed && rapid.Bool().Draw(t, "negative") {
				n = -n
			}
			s = append(s, fmt.Sprint(n))
		}
		parts = append(parts, name+"="+strings.Join(s, ","))
	}
	if rapid.Bool().Draw(t, "interval?") {
		parts = append(parts, fmt.Sprintf("INTERVAL=%d", rapid.IntRange(1, 9).Draw(t, "interval")))
	}
	sub := strings.HasSuffix(freq, "TELY") || freq == "HOURLY" || freq == "SECONDLY"
	numbered := freq == "MONTHLY" || freq == "YEARLY"
	list("BYMONTH", 1, 12, false, 3, 20)
	list("BYMONTHDAY", 1, 31, true, 3, 20)
	if freq == "YEARLY" && rapid.IntRange(0, 4).Draw(t, "weekno?") == 0 {
		list("BYWEEKNO", 1, 53, true, 3, 100)
		numbered = false
	} else if freq == "YEARLY" || sub {
		list("BYYEARDAY", 1, 366, true, 3, 15)
	}
	if rapid.IntRange(0, 2).Draw(t, "byday?") == 0 {
		var days []string
		for range rapid.IntRange(1, 3).Draw(t, "byday#") {
			d := rapid.SampledFrom(weekdayNames[:]).Draw(t, "day")
			if numbered && rapid.Bool().Draw(t, "numbered") {
				n := rapid.IntRange(1, 5).Draw(t, "n")
				if rapid.Bool().Draw(t, "negative") {
					n = -n
				}
				d = fmt.Sprint(n) + d
			}
			days = append(days, d)
		}
		parts = append(parts, "BYDAY="+strings.Join(days, ","))
	}
	list("BYHOUR", 0, 23, false, 3, 15)
	list("BYMINUTE", 0, 59, false, 3, 15)
	list("BYSECOND", 0, 59, false, 2, 10)
	list("BYSETPOS", 1, 4, true, 2, 15)
	if rapid.Bool().Draw(t, "wkst?") {
		parts = append(parts, "WKST="+rapid.SampledFrom(weekdayNames[:]).Draw(t, "wkst"))
	}
	return strings.Join(parts, ";")
}

func drawWall(t *rapid.T, lo, hi int) int64 {
	day := dayNumber(rapid.IntRange(lo, hi).Draw(t, "year"), rapid.IntRange(1, 12).Draw(t, "month"), rapid.IntRange(1, 28).Draw(t, "day"))
	day += int64(rapid.IntRange(0, 3).Draw(t, "more days"))
	return day*daySeconds + int64(rapid.SampledFrom([]int{0, 3600, 2*3600 + 1800, 9 * 3600, 9*3600 + 900, 23*3600 + 1800}).Draw(t, "time"))
}

// TestOwnCursorsEqualTheLibrary holds the cursors of our own against rrule-go, and the cursor around rrule-go against
// rrule-go used plainly, from DTSTART and from a window.
func TestOwnCursorsEqualTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawRule(t)
		r, err := ParseRule(text)
		if err != nil {
			t.Fatalf("ParseRule(%s): %v", text, err)
		}
		if weeksAtAnEnd(r) {
			return
		}
		start := drawWall(t, 1996, 2024)
		p := r.bind(start, maxWall, false, 1)
		if p == nil {
			return // the library might never return
		}
		if _, ok := p.cursor(start).next(); !ok {
			return
		}
		// The first week as a whole: the library begins it at DTSTART. So give it the start of the period.
		opt := p.options()
		opt.Dtstart = fromWall(start)
		if p.rule.freq == Weekly && p.rule.bySetPos != nil {
			opt.Dtstart = fromWall(weekStart(dayOf(start), p.rule.wkst)*daySeconds + floorMod(start, daySeconds))
		}
		lib, err := rrule.NewRRule(opt)
		if err != nil {
			t.Fatalf("NewRRule(%s): %v", text, err)
		}
		var want []int64
		next := lib.Iterator()
		for len(want) < 60 {
			// Beyond this a cursor around the library ends.
			w, ok := next()
			if !ok || w.Unix() > start+cursorReach {
				break
			}
			if w.Unix() >= start {
				want = append(want, w.Unix())
			}
		}
		compare := func(from int64, want []int64) {
			var got []int64
			c := p.cursor(from)
			for len(got) < len(want) {
				w, ok := c.next()
				if !ok {
					break
				}
				got = append(got, w)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%s from %v, start %v: %s", text, fromWall(from), fromWall(start), difference(got, want))
			}
		}
		compare(start, want)
		if len(want) > 10 {
			i := rapid.IntRange(1, len(want)-1).Draw(t, "i")
			compare(want[i], want[i:])
			compare(want[i]+1, want[i+1:])
		}
	})
}

// modelled is an instance of the slow obvious model.
type modelled struct {
	start, end int64
	component  int
	key        int64
}

// TestSeriesEqualsObviousModel holds windows, Next and Lookup of random series against a model that expands everything
// from the start, applies the exceptions one after the other, sorts and filters.
func TestSeriesEqualsObviousModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tzid := rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Africa/Cairo"}).Draw(t, "zone")
		loc, _ := zone.Load(tzid)
		start := drawWall(t, 2010, 2026)
		freq := rapid.SampledFrom([]string{"DAILY", "WEEKLY", "MONTHLY", "YEARLY", "HOURLY"}).Draw(t, "freq")
		rule := drawRuleOf(t, freq)
		if rapid.Bool().Draw(t, "count?") {
			rule += fmt.Sprintf(";COUNT=%d", rapid.IntRange(1, 40).Draw(t, "count"))
		}
		exrule := ""
		if rapid.IntRange(0, 4).Draw(t, "exrule?") == 0 {
			exrule = drawRuleOf(t, freq)
		}
		r, err := ParseRule(rule)
		if err != nil {
			t.Fatal(err)
		}
		// The model's walls: far enough for every window below.
		horizon := start + 8*366*daySeconds
		walls := []int64{start}
		for w := range r.Walls(fromWall(start), time.Time{}) {
			if w.Unix() > horizon || len(walls) > 3000 {
				horizon = min(horizon, w.Unix()-1)
				break
			}
			if w.Unix() != start {
				walls = append(walls, w.Unix())
			}
		}
		known := slices.Clone(walls)
		length := int64(rapid.SampledFrom([]int{0, 1800, 3600, 30 * 3600, 40 * daySeconds}).Draw(t, "length"))
		lines := []string{"BEGIN:VEVENT", "UID:1", "DTSTART;TZID=" + tzid + ":" + layout(start), fmt.Sprintf("DURATION:PT%dS", length), "RRULE:" + rule}
		pick := func(what string) int64 { return known[rapid.IntRange(0, min(len(known)-1, 50)).Draw(t, what)] }
		instant := func(w int64) int64 { return zone.Instant(fromWall(w), loc).Unix() }

		for range rapid.IntRange(0, 3).Draw(t, "rdates") {
			w := pick("rdate") + int64(rapid.SampledFrom([]int{0, 3600, 86400, -5 * 86400}).Draw(t, "rdate offset"))
			walls = append(walls, w)
			lines = append(lines, "RDATE;TZID="+tzid+":"+layout(w))
		}
		excluded := map[int64]bool{}
		for range rapid.IntRange(0, 3).Draw(t, "exdates") {
			w := pick("exdate")
			excluded[instant(w)] = true
			lines = append(lines, "EXDATE:"+layout(instant(w))+"Z")
		}
		if exrule != "" {
			x, err := ParseRule(exrule)
			if err != nil {
				t.Fatal(err)
			}
			gone := map[int64]bool{}
			if p := x.bind(start, maxWall, false, 1); p != nil {
				c := p.cursor(start)
				for range 100_000 {
					w, ok := c.next()
					if !ok || w > horizon {
						break
					}
					gone[w] = true
				}
			}
			walls = slices.DeleteFunc(walls, func(w int64) bool { return gone[w] })
			lines = append(lines, "EXRULE:"+exrule)
		}
		lines = append(lines, "END:VEVENT")

		type change struct {
			base, wall, length int64
			future             bool
		}
		changes := map[int64]change{} // by key
		component := map[int64]int{}
		for i := range rapid.IntRange(0, 3).Draw(t, "overrides") {
			c := change{base: pick("recurrence-id"), length: int64(rapid.SampledFrom([]int{0, 900, 7200}).Draw(t, "new length"))}
			c.wall = c.base + int64(rapid.SampledFrom([]int{0, 5400, -7200, 9 * 86400, -20 * 86400, 400 * 86400}).Draw(t, "moved"))
			c.future = rapid.Bool().Draw(t, "future")
			rng := ""
			if c.future {
				rng = ";RANGE=THISANDFUTURE"
			}
			changes[instant(c.base)] = c
			component[instant(c.base)] = i + 1
			lines = append(lines, "BEGIN:VEVENT", "UID:1", "RECURRENCE-ID"+rng+";TZID="+tzid+":"+layout(c.base),
				"DTSTART;TZID="+tzid+":"+layout(c.wall), fmt.Sprintf("DURATION:PT%dS", c.length), "END:VEVENT")
		}

		var model []modelled
		for key, c := range changes {
			if !excluded[key] {
				model = append(model, modelled{instant(c.wall), instant(c.wall) + c.length, component[key], key})
			} else {
				delete(changes, key)
			}
		}
		seen := map[int64]bool{}
		for _, w := range walls {
			key := instant(w)
			if _, changed := changes[key]; changed || excluded[key] || seen[key] {
				continue
			}
			seen[key] = true
			m := modelled{key, key + length, 0, key}
			best := int64(-1 << 62)
			for k, c := range changes {
				if c.future && k < key && k > best {
					best = k
					at := instant(w + c.wall - c.base)
					m = modelled{at, at + c.length, component[k], key}
				}
			}
			model = append(model, m)
		}
		slices.SortFunc(model, func(a, b modelled) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.key, b.key)) })

		s, err := tryCompile(strings.Join(lines, "\n"))
		if err != nil {
			t.Fatalf("Compile: %v\n%s", err, strings.Join(lines, "\n"))
		}
		raw, _ := s.MarshalBinary()
		if s, err = Decode(raw); err != nil {
			t.Fatal(err)
		}
		b := s.Bounds()
		for _, m := range model {
			if m.start*1e6 < b.First || max(m.end*1e6, m.start*1e6+1) > b.Last {
				t.Fatalf("instance %v-%v outside bounds %+v\n%s", fromWall(m.start), fromWall(m.end), b, strings.Join(lines, "\n"))
			}
		}
		for range 4 {
			lo := start - 30*daySeconds + int64(rapid.IntRange(0, 6*366*24).Draw(t, "window"))*3600
			hi := min(lo+int64(rapid.SampledFrom([]int{1, 3600, daySeconds, weekSeconds, 90 * daySeconds}).Draw(t, "size")), horizon-500*daySeconds)
			if hi <= lo {
				continue
			}
			var want, got []modelled
			for _, m := range model {
				if m.start < hi && (m.end > lo || m.start == m.end && m.start >= lo) {
					want = append(want, m)
				}
			}
			for in, err := range s.Between(fromWall(lo), fromWall(hi), nil) {
				if err != nil {
					t.Fatal(err)
				}
				key := instant(in.RecurrenceID.Wall.Unix())
				if !s.Recurring() {
					key = instant(start)
				}
				got = append(got, modelled{in.Start.Unix(), in.End.Unix(), in.Component, key})
			}
			if !slices.IsSortedFunc(got, func(a, b modelled) int { return cmp.Compare(a.start, b.start) }) {
				t.Fatalf("not in order: %v", got)
			}
			slices.SortFunc(got, func(a, b modelled) int { return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.key, b.key)) })
			if !slices.Equal(got, want) {
				t.Fatalf("window %v to %v:\ngot  %v\nwant %v\n%s", fromWall(lo), fromWall(hi), got, want, strings.Join(lines, "\n"))
			}
			var next int64 = -1
			for _, m := range model {
				if m.start > lo {
					next = m.start
					break
				}
			}
			if in, ok := s.Next(fromWall(lo), nil); next >= 0 && next < horizon-500*daySeconds && (!ok || in.Start.Unix() != next) {
				t.Fatalf("Next(%v) = %v, %v, want %v\n%s", fromWall(lo), in.Start, ok, fromWall(next), strings.Join(lines, "\n"))
			}
			for _, in := range got {
				f, ok := s.Lookup(s.recurrenceID(in.key), nil)
				if !ok || f.Start.Unix() != in.start || f.Component != in.component {
					t.Fatalf("Lookup(%v) = %v, %v, want %v\n%s", fromWall(in.key), f, ok, in, strings.Join(lines, "\n"))
				}
			}
		}
	})
}

func layout(wall int64) string { return fromWall(wall).Format("20060102T150405") }

// recurrenceID names an instance by its instant, in UTC.
func (s *Series) recurrenceID(key int64) ical.DateTime {
	return ical.DateTime{Wall: fromWall(key), Form: ical.UTCForm}
}
