package recur

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The examples of RFC 7529 section 4.3, and what its section 4.1 says of SKIP.
func TestExamplesOfRFC7529(t *testing.T) {
	for _, tt := range []struct{ name, start, rule, want string }{
		{"Chinese new year", "20130210", "RSCALE=CHINESE;FREQ=YEARLY", "20130210 20140131 20150219 20160208 20170128"},
		{"anniversary in a Hebrew leap month, moved forward", "20140208", "RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=5L;BYMONTHDAY=8;SKIP=FORWARD",
			"20140208 20150227 20160217 20170306 20180223"},
		{"the same by DTSTART alone", "20140208", "RSCALE=HEBREW;FREQ=YEARLY;SKIP=FORWARD", "20140208 20150227 20160217 20170306 20180223"},
		{"moved backward", "20140208", "RSCALE=HEBREW;FREQ=YEARLY;SKIP=BACKWARD", "20140208 20150128 20160217 20170204 20180124"},
		{"left out", "20140208", "RSCALE=HEBREW;FREQ=YEARLY", "20140208 20160217 20190213 20220209"},
		{"every month of it, forward", "20140208", "RSCALE=HEBREW;FREQ=MONTHLY;BYMONTH=5L;SKIP=FORWARD", "20140208 20150227 20160217"},
		{"leap day forward", "20120229", "RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FORWARD", "20120229 20130301 20140301 20150301 20160229"},
		{"leap day backward", "20120229", "RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=BACKWARD", "20120229 20130228 20140228 20150228 20160229"},
		{"leap day left out", "20120229", "RSCALE=GREGORIAN;FREQ=YEARLY", "20120229 20160229 20200229"},
		{"the 31st backward", "20140131", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;COUNT=4", "20140131 20140228 20140331 20140430"},
		{"the 31st forward", "20140131", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD;COUNT=4", "20140131 20140301 20140331 20140501"},
		{"the 31st and the 1st are one day when they meet", "20140101", "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=1,31;SKIP=FORWARD",
			"20140101 20140131 20140201 20140301 20140331 20140401 20140501 20140531"},
		{"the 31st from the end backward", "20120101", "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=-31;SKIP=BACKWARD",
			"20120101 20120131 20120301 20120331 20120501 20120531 20120701 20120801"},
		{"the 31st from the end forward", "20120101", "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=-31;SKIP=FORWARD", "20120101 20120201 20120301 20120401"},
		{"the 29th to the 31st backward are one day in February", "20130129", "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=29,30,31;SKIP=BACKWARD;COUNT=7",
			"20130129 20130130 20130131 20130228 20130329 20130330 20130331"},
		{"day 366 backward", "20121231", "RSCALE=GREGORIAN;FREQ=YEARLY;BYYEARDAY=366;SKIP=BACKWARD", "20121231 20131231 20141231"},
		{"day 366 forward", "20121231", "RSCALE=GREGORIAN;FREQ=YEARLY;BYYEARDAY=366;SKIP=FORWARD", "20121231 20140101 20150101"},
		{"by the day, as a filter", "20140129", "RSCALE=GREGORIAN;FREQ=DAILY;BYMONTHDAY=31;SKIP=FORWARD", "20140129 20140131 20140301 20140331 20140501"},
		{"by the week, as a filter", "20140131", "RSCALE=GREGORIAN;FREQ=WEEKLY;BYDAY=FR,SA;BYMONTHDAY=31;SKIP=FORWARD", "20140131 20140301 20140531"},
		{"by the hour, as a filter", "20140131", "RSCALE=GREGORIAN;FREQ=HOURLY;BYHOUR=0;BYMONTHDAY=31;SKIP=BACKWARD", "20140131 20140228 20140331 20140430"},
		{"Chinese months", "20140131", "RSCALE=CHINESE;FREQ=MONTHLY;BYMONTHDAY=1;COUNT=11",
			"20140131 20140301 20140331 20140429 20140529 20140627 20140727 20140825 20140924 20141024 20141122"},
		{"the last day of each", "20140301", "RSCALE=CHINESE;FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3", "20140301 20140330 20140428"},
		{"first Sunday of Tishri", "20140928", "RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=1;BYDAY=1SU", "20140928 20150920 20161009"},
		{"the first week of the Hebrew year", "20140928", "RSCALE=HEBREW;FREQ=YEARLY;BYWEEKNO=1;BYDAY=SU", "20140928 20150920 20161009 20170924"},
		{"last day of the Hebrew year", "20140924", "RSCALE=HEBREW;FREQ=YEARLY;BYYEARDAY=-1", "20140924 20150913 20161002"},
		{"of days the last", "20140224", "RSCALE=HEBREW;FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1", "20140224 20140225 20140331 20140429"},
		{"a week needs no calendar system", "22000101", "RSCALE=HEBREW;FREQ=WEEKLY", "22000101 22000108"},
		{"UNTIL is Gregorian", "20130210", "RSCALE=CHINESE;FREQ=YEARLY;UNTIL=20150219", "20130210 20140131 20150219"},
		{"the table ends", "20980201", "RSCALE=CHINESE;FREQ=YEARLY", "20980201 20990121 21000209"},
	} {
		want := strings.Fields(tt.want)
		most := len(want)
		if strings.Contains(tt.rule, "COUNT") || strings.Contains(tt.rule, "UNTIL") || tt.name == "the table ends" {
			most++
		}
		if got := daysOf(t, tt.start, tt.rule, most); !slices.Equal(got, want) {
			t.Errorf("%s: %s %s\ngot  %v\nwant %v", tt.name, tt.start, tt.rule, got, want)
		}
	}
}

// drawScaledRule draws a rule with RSCALE, of whole days.
func drawScaledRule(t *rapid.T) string {
	s := scale(rapid.IntRange(0, 2).Draw(t, "scale"))
	parts := []string{"RSCALE=" + s.String(), "FREQ=" + rapid.SampledFrom([]string{"YEARLY", "YEARLY", "MONTHLY", "MONTHLY", "WEEKLY", "DAILY"}).Draw(t, "freq")}
	freq := strings.TrimPrefix(parts[1], "FREQ=")
	sk := skip(rapid.IntRange(0, 2).Draw(t, "skip"))
	parts = append(parts, "SKIP="+skipNames[sk])
	list := func(name string, percent int, item func() string) {
		if rapid.IntRange(0, 99).Draw(t, name+"?") >= percent {
			return
		}
		var s []string
		for range rapid.IntRange(1, 3).Draw(t, name+"#") {
			s = append(s, item())
		}
		parts = append(parts, name+"="+strings.Join(s, ","))
	}
	number := func(most int) func() string {
		return func() string {
			n := rapid.IntRange(1, most).Draw(t, "n")
			if rapid.Bool().Draw(t, "extreme") {
				n = most - rapid.IntRange(0, min(4, most-1)).Draw(t, "less")
			}
			if rapid.IntRange(0, 2).Draw(t, "sign") == 0 {
				n = -n
			}
			return fmt.Sprint(n)
		}
	}
	if rapid.Bool().Draw(t, "interval?") {
		parts = append(parts, fmt.Sprintf("INTERVAL=%d", rapid.IntRange(1, 5).Draw(t, "interval")))
	}
	list("BYMONTH", 40, func() string {
		n := rapid.IntRange(1, 12).Draw(t, "month")
		if s == hebrew && rapid.Bool().Draw(t, "leap") {
			return "5L"
		}
		if s == chinese && rapid.Bool().Draw(t, "leap") && (n < 12 || sk != forward) {
			return fmt.Sprintf("%dL", n)
		}
		return fmt.Sprint(n)
	})
	limits := scaleLimits[s]
	list("BYMONTHDAY", 50, number(int(limits.monthDay)))
	list("BYYEARDAY", 20, number(int(limits.yearDay)))
	numbered := freq == "MONTHLY" || freq == "YEARLY"
	if rapid.IntRange(0, 9).Draw(t, "weekno?") == 0 {
		list("BYWEEKNO", 100, number(int(limits.weekNo)))
		numbered = freq == "MONTHLY"
	}
	list("BYDAY", 30, func() string {
		d := rapid.SampledFrom(weekdayNames[:]).Draw(t, "day")
		if numbered && rapid.Bool().Draw(t, "numbered") {
			d = number(5)() + d
		}
		return d
	})
	list("BYHOUR", 20, func() string { return fmt.Sprint(rapid.IntRange(0, 23).Draw(t, "hour")) })
	list("BYSETPOS", 20, number(4))
	if rapid.Bool().Draw(t, "wkst?") {
		parts = append(parts, "WKST="+rapid.SampledFrom(weekdayNames[:]).Draw(t, "wkst"))
	}
	return strings.Join(parts, ";")
}

// TestScaledEqualsObviousModel holds every rule of years, months, weeks and days against a model that walks all days.
func TestScaledEqualsObviousModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawScaledRule(t)
		r, err := ParseRule(text)
		if err != nil {
			t.Fatalf("ParseRule(%s): %v", text, err)
		}
		start := drawWall(t, 1902, 2085)
		end := start + int64(rapid.SampledFrom([]int{2, 5, 12}).Draw(t, "years"))*366*daySeconds
		p := r.bind(start, maxWall, false, 1)
		if p == nil {
			return
		}
		if force(p); len(p.times) == 0 {
			return
		}
		want := modelWalls(r, start, end)
		compare := func(from int64, want []int64) {
			var got []int64
			c := p.cursor(from)
			for {
				w, ok := c.next()
				if !ok || w >= end {
					break
				}
				got = append(got, w)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%s from %v, start %v: %s", text, fromWall(from), fromWall(start), difference(got, want))
			}
		}
		compare(start, want)
		for range 3 {
			from := start + int64(rapid.IntRange(0, int((end-start)/daySeconds)).Draw(t, "from"))*daySeconds
			i, _ := slices.BinarySearch(want, from)
			compare(from, want[i:])
		}
	})
}

// force makes a plan that needs no calendar system use one all the same.
func force(p *plan) {
	if p.scaled != nil || p.rule.freq > Daily {
		return
	}
	r := *p.rule
	p.scaled = forcedScaled(&r)
	p.library, p.months = false, 0
	p.setTimes()
}

func forcedScaled(r *Rule) *scaled {
	was := r.byYearDay
	if was == nil { // any list makes newScaled take it
		r.byYearDay = []int16{366}
	}
	skipped := r.skip
	if r.skip == omit {
		r.skip = forward
	}
	if was != nil {
		r.byYearDay = append(slices.Clone(was), 366)
	}
	s := newScaled(r)
	r.byYearDay, r.skip = was, skipped
	s.yearDays, s.skip, s.skipDays = was, skipped, skipped
	return s
}

// TestScaledEqualsPlainInGregorian holds the expansion with calendar systems against the one without, for all rules that
// need none.
func TestScaledEqualsPlainInGregorian(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawRuleOf(t, rapid.SampledFrom([]string{"YEARLY", "MONTHLY", "WEEKLY", "DAILY"}).Draw(t, "freq"))
		r, err := ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		start := drawWall(t, 1996, 2024)
		end := start + 40*366*daySeconds
		plain, other := r.bind(start, maxWall, false, 1), r.bind(start, maxWall, false, 1)
		if plain == nil {
			return
		}
		if force(other); len(other.times) == 0 {
			return
		}
		from := start + int64(rapid.IntRange(0, 40*366).Draw(t, "from"))*daySeconds
		a, b := plain.cursor(from), other.cursor(from)
		for range 60 {
			want, okWant := a.next()
			got, okGot := b.next()
			if (okWant && want < end || okGot && got < end) && (got != want || okGot != okWant) {
				t.Fatalf("%s from %v, start %v: got %v, %v, want %v, %v", text, fromWall(from), fromWall(start), fromWall(got), okGot, fromWall(want), okWant)
			}
			if !okWant || want >= end {
				break
			}
		}
	})
}

// TestHoursEqualDays: the same rule by the hour, with the one hour that the days have.
func TestHoursEqualDays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		daily := drawScaledRule(t)
		if !strings.Contains(daily, "FREQ=DAILY") || strings.Contains(daily, "BYWEEKNO") || strings.Contains(daily, "BYSETPOS") || strings.Contains(daily, "INTERVAL") ||
			strings.Contains(daily, "BYHOUR") {
			return
		}
		start := drawWall(t, 1902, 2085)
		hourly := strings.Replace(daily, "FREQ=DAILY", fmt.Sprintf("FREQ=HOURLY;BYHOUR=%d", floorMod(start, daySeconds)/3600), 1)
		var lists [2][]time.Time
		for i, text := range []string{daily, hourly} {
			r, err := ParseRule(text)
			if err != nil {
				t.Fatal(err)
			}
			for w := range r.Walls(fromWall(start), time.Time{}) {
				if len(lists[i]) == 100 || w.Unix() > start+100*366*daySeconds {
					break
				}
				lists[i] = append(lists[i], w)
			}
		}
		if !slices.Equal(lists[0], lists[1]) {
			t.Fatalf("%s from %v\ngot  %v\nwant %v", hourly, fromWall(start), lists[1], lists[0])
		}
	})
}

// TestStoredForm: a series says what its rules count in; one that needs nothing of it is stored as ever, so that servers
// of both versions read it, and what older ones stored stays readable.
func TestStoredForm(t *testing.T) {
	s := vevent(t, "UID:1", "DTSTART:20260105T090000Z", "RRULE:FREQ=MONTHLY;BYMONTH=1,12")
	raw, _ := s.MarshalBinary()
	if raw[0] != version {
		t.Errorf("stored as version %d, want %d", raw[0], version)
	}
	again := vevent(t, "UID:1", "DTSTART:20260105T090000Z", "RRULE:RSCALE=GREGORIAN;SKIP=OMIT;FREQ=MONTHLY;BYMONTH=1,12")
	if b, _ := again.MarshalBinary(); string(b) != string(raw) {
		t.Errorf("RSCALE=GREGORIAN is stored as %x, without it as %x", b, raw)
	}
	// As the version before RSCALE stored FREQ=WEEKLY;BYDAY=MO,WE from 2026-01-05 09:00 UTC, with an hour's length.
	old, err := hex.DecodeString("010b018090f48a89e8a306000042a0f6db950d00a03801020101f002011201000100020004000000000000")
	if err != nil {
		t.Fatal(err)
	}
	d, err := Decode(old)
	if err != nil {
		t.Fatalf("Decode of what was stored before: %v", err)
	}
	if got, want := show(t, d, "20260105", "20260113", nil), "0105T0900/0105T1000#0 0107T0900/0107T1000#0 0112T0900/0112T1000#0"; got != want {
		t.Errorf("what was stored before: got %s, want %s", got, want)
	}
	s = vevent(t, "UID:1", "DTSTART:20140208T090000Z", "RRULE:RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=5L,6;SKIP=BACKWARD")
	raw, _ = s.MarshalBinary()
	if raw[0] != versionScaled {
		t.Errorf("stored as version %d, want %d", raw[0], versionScaled)
	}
	if d, err = Decode(raw); err != nil || d.rules[0].rule.scale != hebrew || d.rules[0].rule.skip != backward || !slices.Equal(d.rules[0].rule.byMonth, []int16{6, 5 | leapMonth}) {
		t.Errorf("decoded rule %+v, %v", d, err)
	}
	for i := range raw { // none of its parts can be made wrong without an error, or a series that is safe
		for _, v := range []byte{0, 1, 0x13, 0x7f, 0xff} {
			bad := slices.Clone(raw)
			bad[i] = v
			if d, err := Decode(bad); err == nil {
				d.Next(time.Unix(0, 0), nil)
				d.Last(nil)
			}
		}
	}
}
