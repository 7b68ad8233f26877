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

// virtual is a day as the model sees it: with all its numbers where it is there, else with the one by which a rule may ask
// for it, and the day that SKIP puts in its place.
type virtual struct {
	month         uint8
	day, back     int // of the month
	yday, yback   int
	week, backWk  int
	target        int64
	real, missing bool // missing: of a leap month that is not there
}

// virtuals lists the days of a year and those that a rule may ask for in vain.
func virtuals(s scale, skip skip, n int, wkst int8, weeks bool) []virtual {
	y, ok := s.year(n)
	if !ok {
		return nil
	}
	var out []virtual
	lengthOf := func(at int) int { return int(y.before[at+1] - y.before[at]) }
	month := func(at int, as uint8, missing bool) {
		first, length := y.first+int64(y.before[at]), lengthOf(at)
		for d := 1; d <= length; d++ {
			yday := int(y.before[at]) + d
			v := virtual{as, d, length + 1 - d, yday, y.length() + 1 - yday, 0, 0, first + int64(d-1), true, missing}
			if weeks {
				week, all := weekOf(s, v.target, wkst)
				v.week, v.backWk = week, all+1-week
			}
			out = append(out, v)
		}
		if skip == omit {
			return
		}
		for d := length + 1; d <= 31; d++ {
			after, before := virtual{month: as, day: d, missing: missing}, virtual{month: as, back: d, missing: missing}
			if skip == forward {
				after.target, before.target = first+int64(length), first
			} else {
				after.target, before.target = first+int64(length)-1, first-1
			}
			out = append(out, after, before)
		}
	}
	for at := range y.months {
		month(at, y.code[at], false)
		leap := y.code[at] | 1
		if y.code[at]&1 == 0 && !slices.Contains(y.code[:y.months], leap) && skip != omit && s.hasLeapMonth(int16(leap>>1)) {
			if skip == forward && at+1 < y.months {
				month(at+1, leap, true)
			} else if skip == backward {
				month(at, leap, true)
			}
		}
	}
	if skip != omit {
		for d := y.length() + 1; d <= 400; d++ {
			after, before := virtual{yday: d}, virtual{yback: d}
			if skip == forward {
				after.target, before.target = y.first+int64(y.length()), y.first
			} else {
				after.target, before.target = y.first+int64(y.length())-1, y.first-1
			}
			out = append(out, after, before)
		}
	}
	return out
}

// weekOf counts weeks by walking: that of a day, and how many its year has.
func weekOf(s scale, day int64, wkst int8) (week, weeks int) {
	// A week belongs to the year that has its fourth day.
	thursday := func(d int64) int64 { return weekStart(d, wkst) + 3 }
	n, ok := s.yearOf(thursday(day))
	if !ok {
		return -1, -1
	}
	same := func(d int64) bool { m, ok := s.yearOf(d); return ok && m == n }
	for d := thursday(day); same(d); d -= 7 {
		week++
	}
	weeks = week - 1
	for d := thursday(day); same(d); d += 7 {
		weeks++
	}
	return week, weeks
}

func inList(list []int16, n, back int) bool {
	for _, v := range list {
		if v > 0 && int(v) == n || v < 0 && int(-v) == back {
			return true
		}
	}
	return false
}

// named reports whether BYMONTH, BYMONTHDAY, BYYEARDAY and BYWEEKNO ask for a day.
func (v virtual) named(r *Rule) bool {
	if r.byMonth != nil && !slices.ContainsFunc(r.byMonth, func(m int16) bool { return monthCode(m) == v.month }) || r.byMonth == nil && v.missing {
		return false
	}
	return (r.byMonthDay == nil || inList(r.byMonthDay, v.day, v.back)) && (r.byYearDay == nil || inList(r.byYearDay, v.yday, v.yback)) &&
		(r.byWeekNo == nil || v.real && inList(r.byWeekNo, v.week, v.backWk)) && (v.real || r.byMonthDay != nil || r.byYearDay != nil)
}

// modelWalls expands a rule in the slowest way: day by day, through years of all their days.
func modelWalls(r *Rule, start, end int64) []int64 {
	r = r.withDefaults(start)
	startDay, endDay := dayOf(start), dayOf(end)
	first, _ := r.scale.yearOf(startDay)
	last, ok := r.scale.yearOf(endDay)
	if !ok {
		last = lastChineseYear
	}
	named := map[int64]bool{} // for weeks and days
	type period struct{ days map[int64]bool }
	var periods []period
	months := 0
	for n := first - 1; n <= last+1; n++ {
		list := virtuals(r.scale, r.skip, n, r.wkst, r.byWeekNo != nil)
		if list == nil {
			continue
		}
		y, _ := r.scale.year(n)
		fits := func(v virtual, month int) bool { // BYDAY
			if len(r.byDay) == 0 {
				return true
			}
			for _, wd := range r.byDay {
				if weekday(v.target) != int(wd.day) {
					continue
				}
				if wd.n == 0 {
					return true
				}
				from, to := y.first, y.first+int64(y.length())
				if r.freq == Monthly || r.byMonth != nil {
					if v.target < from || v.target >= to {
						continue
					}
					at, _ := y.month(int(v.target-y.first) + 1)
					// of a month that is asked for, itself or in place of another
					if r.freq == Monthly && at != month || !slices.ContainsFunc(list, func(o virtual) bool {
						return o.real && o.target == v.target && (r.byMonth == nil && !o.missing || slices.ContainsFunc(r.byMonth, func(m int16) bool { return monthCode(m) == o.month }))
					}) {
						continue
					}
					from, to = y.first+int64(y.before[at]), y.first+int64(y.before[at+1])
				}
				if v.target < from || v.target >= to {
					continue
				}
				nth, back := 0, 0
				for d := v.target; d >= from; d -= 7 {
					nth++
				}
				for d := v.target; d < to; d += 7 {
					back++
				}
				if int(wd.n) == nth || int(-wd.n) == back {
					return true
				}
			}
			return false
		}
		whole := period{map[int64]bool{}}
		byMonth := make([]period, y.months)
		for i := range byMonth {
			byMonth[i].days = map[int64]bool{}
		}
		for _, v := range list {
			if !v.named(r) {
				continue
			}
			named[v.target] = true
			if fits(v, -1) && r.freq == Yearly {
				whole.days[v.target] = true
			}
			if r.freq != Monthly || v.month == 0 {
				continue
			}
			at := slices.Index(y.code[:y.months], v.month)
			if v.missing {
				at = slices.Index(y.code[:y.months], v.month-1)
				if r.skip == forward {
					at++
				}
			}
			if fits(v, at) {
				byMonth[at].days[v.target] = true
			}
		}
		switch {
		case r.freq == Yearly && n >= first:
			periods = append(periods, whole)
		case r.freq == Monthly && n >= first:
			if n == first {
				months, _ = y.month(int(startDay-y.first) + 1)
			}
			periods = append(periods, byMonth[months:]...)
			months = 0
		}
	}
	if r.freq == Weekly || r.freq == Daily {
		length := map[Frequency]int64{Weekly: 7, Daily: 1}[r.freq]
		from := startDay
		if r.freq == Weekly {
			from = weekStart(from, r.wkst)
		}
		for ; from <= endDay; from += length {
			p := period{map[int64]bool{}}
			for d := from; d < from+length; d++ {
				if named[d] && (r.byDay == nil || slices.ContainsFunc(r.byDay, func(wd weekdayNum) bool { return weekday(d) == int(wd.day) })) {
					p.days[d] = true
				}
			}
			periods = append(periods, p)
		}
	}
	var out []int64
	for i := 0; i < len(periods); i += r.interval {
		var walls []int64
		for d := range periods[i].days {
			for _, h := range r.byHour {
				for _, m := range r.byMinute {
					for _, s := range r.bySecond {
						walls = append(walls, d*daySeconds+int64(h)*3600+int64(m)*60+int64(s))
					}
				}
			}
		}
		slices.Sort(walls)
		if r.bySetPos != nil {
			walls = choose(walls, r.bySetPos)
		}
		out = append(out, walls...)
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return slices.DeleteFunc(out, func(w int64) bool { return w < start || w >= end })
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
		end := start + int64(rapid.SampledFrom([]int{2, 6, 20}).Draw(t, "years"))*366*daySeconds
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
		for _, n := range r.byWeekNo {
			if n := max(n, -n); n < 2 || n > 51 {
				return // the library counts the weeks of the year before wrong, now and then
			}
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
