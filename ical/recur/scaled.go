package recur

import "math/bits"

// A scaled is what a plan needs when its rule counts in another calendar system, or moves days and months that are not
// there (RFC 7529 section 4.1), and when it counts weeks of the year. Other plans have none, and take no longer for it.
//
// BYMONTH, BYMONTHDAY and BYYEARDAY name days; SKIP moves those of them that a month or year does not have, first the
// months, then the days; BYDAY, the times and BYSETPOS choose among what is left. Where a rule repeats by weeks or less,
// the named days limit it.
type scaled struct {
	scale      scale
	skip       skip // of months
	skipDays   skip
	months     uint32 // bits of month codes; 0 lets every month pass
	monthDays  uint32 // bits 1 to 31
	fromEnd    uint32 // the same from the end of the month
	yearDays   []int16
	weekNos    []int16
	wkst       int8
	freq       Frequency
	weekdays   uint8
	nth        []weekdayNum
	nthInMonth bool // else in the year
}

// newScaled is nil for a rule, with DTSTART's defaults, that means the same without.
func newScaled(r *Rule) *scaled {
	if !r.usesScale() {
		return nil
	}
	s := &scaled{scale: r.scale, skip: r.skip, yearDays: r.byYearDay, weekNos: r.byWeekNo, wkst: r.wkst, freq: r.freq}
	for _, m := range r.byMonth {
		s.months |= 1 << monthCode(m)
	}
	for _, d := range r.byMonthDay {
		if d > 0 {
			s.monthDays |= 1 << d
		} else {
			s.fromEnd |= 1 << -d
		}
	}
	for _, wd := range r.byDay {
		if wd.n == 0 {
			s.weekdays |= 1 << wd.day
		} else {
			s.nth = append(s.nth, wd)
		}
	}
	s.nthInMonth = r.freq == Monthly || s.months != 0
	// A day that is not there is neither in a month nor in a week: where several parts name it, they never agree.
	byYearDay, byMonthDay, byWeekNo := r.byYearDay != nil, r.byMonthDay != nil, r.byWeekNo != nil
	if s.skipDays = r.skip; byYearDay && (byMonthDay || byWeekNo || s.nthInMonth) || byMonthDay && byWeekNo {
		s.skipDays = omit
	}
	return s
}

// monthCode translates a value of BYMONTH to the code of scaleYear.
func monthCode(m int16) uint8 { return uint8(m&^leapMonth)<<1 | uint8(m/leapMonth) }

// usesScale reports whether it matters to a rule, with DTSTART's defaults, in which calendar system it counts and what it
// does about days that are not there; or whether it counts weeks, about which the library is wrong at both ends of a year:
// it calls 1 and 2 January 2039 week 53 of a year that has 52, and forgets days of December in weeks counted from the end.
func (r *Rule) usesScale() bool {
	if r.byWeekNo != nil {
		return true
	}
	if r.scale != gregorian {
		return r.freq <= Monthly || r.byMonth != nil || r.byMonthDay != nil || r.byYearDay != nil || r.byWeekNo != nil
	}
	beyond := func(list []int16, always int16) bool {
		for _, v := range list {
			if v > always || v < -always {
				return true
			}
		}
		return false
	}
	return r.skip != omit && (beyond(r.byMonthDay, 28) || beyond(r.byYearDay, 365))
}

// A daySet holds days of one year, from its first, 1, on. 0 is the last day before it, and its length and one the first
// day after it: SKIP moves days that far.
type daySet [7]uint64

func (d *daySet) add(day int)      { d[day>>6] |= 1 << (day & 63) }
func (d *daySet) has(day int) bool { return d[day>>6]&(1<<(day&63)) != 0 }

// addRange adds the days from one to another.
func (d *daySet) addRange(from, to int) {
	for from <= to && from&63 != 0 {
		d.add(from)
		from++
	}
	for ; from+63 <= to; from += 64 {
		d[from>>6] = ^uint64(0)
	}
	for ; from <= to; from++ {
		d.add(from)
	}
}

func (d *daySet) meet(other *daySet) {
	for i := range d {
		d[i] &= other[i]
	}
}

// each gives the days in order, as day numbers.
func (d *daySet) each(first int64, do func(day int64)) {
	for i, word := range d {
		for ; word != 0; word &= word - 1 {
			do(first - 1 + int64(i*64+bits.TrailingZeros64(word)))
		}
	}
}

// monthsOf gives the places of the months that BYMONTH names in a year, after SKIP, as a mask.
func (s *scaled) monthsOf(y *scaleYear) uint16 {
	if s.months == 0 {
		return 1<<y.months - 1
	}
	var mask uint16
	wanted, missing := s.months, s.months
	for i, code := range y.code[:y.months] {
		missing &^= 1 << code
		if wanted&(1<<code) != 0 {
			mask |= 1 << i
		}
	}
	if s.skip == omit || missing == 0 {
		return mask
	}
	for i, code := range y.code[:y.months] { // only leap months can be missing; their neighbours are there
		if s.skip == backward && missing&(1<<(code+1)) != 0 || s.skip == forward && code > 0 && missing&(1<<(code-1)) != 0 {
			mask |= 1 << i
		}
	}
	return mask
}

// addMonth adds the days that BYMONTHDAY names in a month, after SKIP, or all.
func (s *scaled) addMonth(set *daySet, y *scaleYear, at int) {
	before, length := int(y.before[at]), int(y.before[at+1]-y.before[at])
	if s.monthDays|s.fromEnd == 0 {
		set.addRange(before+1, before+length)
		return
	}
	for days := s.monthDays; days != 0; days &= days - 1 {
		s.place(set, before, length, bits.TrailingZeros32(days))
	}
	for days := s.fromEnd; days != 0; days &= days - 1 {
		s.place(set, before, length, -bits.TrailingZeros32(days))
	}
}

// place adds one day of a span, counted from its end when negative, or what SKIP puts in its place.
func (s *scaled) place(set *daySet, before, length, day int) {
	if day < 0 {
		day = max(length+1+day, 0) // 0: before the span begins
	} else {
		day = min(day, length+1)
	}
	switch {
	case day >= 1 && day <= length:
	case s.skipDays == omit:
		return
	case day == 0 && s.skipDays == forward:
		day = 1
	case day > length && s.skipDays == backward:
		day = length
	}
	set.add(before + day)
}

// days gives the days of a year that BYMONTH, BYMONTHDAY, BYYEARDAY and BYWEEKNO name.
func (s *scaled) days(y *scaleYear) daySet {
	var set daySet
	if s.months == 0 && s.monthDays|s.fromEnd == 0 {
		set.addRange(0, y.length()+1)
		if s.yearDays == nil {
			set = daySet{}
			set.addRange(1, y.length())
		}
	} else {
		months := s.monthsOf(y)
		for at := range y.months {
			if months&(1<<at) != 0 {
				s.addMonth(&set, y, at)
			}
		}
	}
	s.narrow(&set, y)
	return set
}

// narrow applies BYYEARDAY and BYWEEKNO.
func (s *scaled) narrow(set *daySet, y *scaleYear) {
	if s.yearDays != nil {
		var named daySet
		for _, d := range s.yearDays {
			s.place(&named, 0, y.length(), int(d))
		}
		set.meet(&named)
	}
	if s.weekNos != nil {
		named := s.weeks(y)
		set.meet(&named)
	}
}

// firstWeek is the day on which week 1 of the year that begins on the given day starts: the first week with four days in
// it (RFC 5545 section 3.3.10).
func (s *scaled) firstWeek(first int64) int64 {
	start := weekStart(first, s.wkst)
	if first-start > 3 {
		start += 7
	}
	return start
}

// weeks gives the days of a year that lie in the weeks of BYWEEKNO. Those at its ends may lie in weeks of the year before
// or after. A week that the year does not have is left out, whatever SKIP says.
func (s *scaled) weeks(y *scaleYear) daySet {
	var set daySet
	begin := s.firstWeek(y.first)
	next := s.firstWeek(y.first + int64(y.length()))
	count := (next - begin) / 7
	named := func(no, count int64) bool {
		for _, n := range s.weekNos {
			if int64(n) == no || int64(n)+count+1 == no {
				return true
			}
		}
		return false
	}
	add := func(from, to int64) {
		set.addRange(max(int(from-y.first)+1, 1), min(int(to-y.first), y.length()))
	}
	if prev, ok := s.scale.year(y.number - 1); ok && begin > y.first {
		if n := (begin - s.firstWeek(prev.first)) / 7; named(n, n) {
			add(y.first, begin)
		}
	}
	for no := int64(1); no <= count; no++ {
		if named(no, count) {
			add(begin+7*(no-1), begin+7*no)
		}
	}
	if after, ok := s.scale.year(y.number + 1); ok && next < y.first+int64(y.length()) {
		if n := (s.firstWeek(after.first+int64(after.length())) - next) / 7; named(1, n) {
			add(next, next+7)
		}
	}
	return set
}

// chooseWeekdays applies BYDAY to a period: a year, or the month at one place of it. A number before the weekday
// counts within the month or year; days that SKIP moved out of it have none.
func (s *scaled) chooseWeekdays(set *daySet, y *scaleYear, month int) {
	if s.weekdays == 0 && s.nth == nil {
		return
	}
	var fit daySet
	for weekdays := s.weekdays; weekdays != 0; weekdays &= weekdays - 1 {
		wd := bits.TrailingZeros8(weekdays)
		for day := (wd - weekday(y.first-1) + 7) % 7; day <= y.length()+1; day += 7 {
			fit.add(day)
		}
	}
	span := func(before, length int) {
		for _, wd := range s.nth {
			if d := nthWeekday(wd, weekday(y.first+int64(before)), length); d > 0 {
				fit.add(before + d)
			}
		}
	}
	switch {
	case s.nth == nil:
	case !s.nthInMonth:
		span(0, y.length())
	default:
		months := s.monthsOf(y)
		for at := range y.months {
			if months&(1<<at) != 0 && (month < 0 || month == at) {
				span(int(y.before[at]), int(y.before[at+1]-y.before[at]))
			}
		}
	}
	set.meet(&fit)
}

// yearDaysOf gives the days of a period of FREQ=YEARLY.
func (s *scaled) yearDaysOf(y *scaleYear) daySet {
	set := s.days(y)
	s.chooseWeekdays(&set, y, -1)
	return set
}

// monthDaysOf gives the days of a period of FREQ=MONTHLY.
func (s *scaled) monthDaysOf(y *scaleYear, at int) daySet {
	var set daySet
	if s.monthsOf(y)&(1<<at) == 0 {
		return set
	}
	s.addMonth(&set, y, at)
	s.narrow(&set, y)
	s.chooseWeekdays(&set, y, at)
	return set
}

// A dayLimit tells whether days are among those that a rule names. It keeps the last year it was asked about.
type dayLimit struct {
	s   *scaled
	y   scaleYear
	set daySet
}

// pass reports whether the rule lets a day pass; known is false when the calendar system is not known on that day.
func (l *dayLimit) pass(day int64) (ok, known bool) {
	if at := day - l.y.first; l.y.months == 0 || at < 0 || at >= int64(l.y.length()) {
		n, ok := l.s.scale.yearOf(day)
		if !ok {
			return false, false
		}
		l.load(n)
	}
	return l.set.has(int(day-l.y.first) + 1), true
}

func (l *dayLimit) load(n int) {
	l.y, _ = l.s.scale.year(n)
	l.set = l.s.days(&l.y)
	if l.s.skip == omit {
		return
	}
	if prev, ok := l.s.scale.year(n - 1); ok {
		if set := l.s.days(&prev); set.has(prev.length() + 1) {
			l.set.add(1)
		}
	}
	if next, ok := l.s.scale.year(n + 1); ok {
		if set := l.s.days(&next); set.has(0) {
			l.set.add(l.y.length())
		}
	}
}
