package recur

import "slices"

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
