package recur

import "slices"

// A plan is a rule bound to its DTSTART: what RFC 5545 section 3.3.10 takes from DTSTART is filled in, lists have
// become masks, and a COUNT has become the time of its last occurrence, so that any cursor can start anywhere.
type plan struct {
	rule  *Rule // with DTSTART's defaults filled in
	start int64
	until int64 // inclusive

	months        uint16 // bit m; 0 lets every month pass
	monthDays     uint32 // bits 1 to 31
	lastMonthDays uint32 // the same from the end of the month
	weekdays      uint8  // bits 0 (Monday) to 6
	nth           []weekdayNum
	hours         uint32
	minutes       uint64
	seconds       uint64
	yearDays      *yearDayMask

	times   []int32 // seconds of the day, or of the hour or minute for shorter periods; ascending
	library bool
	scaled  *scaled // nil for rules that count in plain Gregorian days and months
	share   int     // the rules that share maxSteps
}

// yearDayMask holds BYYEARDAY, from either end of the year.
type yearDayMask struct{ first, last [6]uint64 }

func (m *yearDayMask) has(day, length int) bool {
	back := length + 1 - day
	return m.first[day>>6]&(1<<(day&63)) != 0 || m.last[back>>6]&(1<<(back&63)) != 0
}

// bind prepares the rule for a DTSTART and the last wall time its UNTIL allows. It is nil when the rule produces
// nothing. counted says that DTSTART is the first of COUNT even when the rule does not produce it; share is the number of rules
// that share one budget.
func (r *Rule) bind(start, last int64, counted bool, share int) *plan {
	if r.never || last < start || !r.timesReachable(start) || r.scale != gregorian && r.checkStart(dayOf(start)) != nil {
		return nil
	}
	p := &plan{rule: r.withDefaults(start), start: start, until: min(last, maxWall), share: max(share, 1)}
	r = p.rule
	p.scaled = newScaled(r)
	p.library = p.scaled == nil && r.freq <= Daily && (len(r.byYearDay) > 0 || r.freq == Yearly && len(r.bySetPos) > 0)
	p.masks()
	p.setTimes()
	if len(p.times) == 0 { // BYSETPOS chooses none
		return nil
	}
	if r.count > 0 && !p.bindCount(counted) {
		return nil
	}
	return p
}

// bindCount finds the last occurrence of a rule with COUNT, or the last that the budget reaches. It reports whether there
// is any besides DTSTART.
func (p *plan) bindCount(counted bool) bool {
	left := p.rule.count
	c := p.cursor(p.start)
	w, ok := c.next()
	if !ok {
		return false
	}
	if counted && w != p.start {
		left--
	}
	if left == 0 {
		return false
	}
	for ; left > 1; left-- {
		next, ok := c.next()
		if !ok {
			break
		}
		w = next
	}
	p.until = w
	return true
}

// withDefaults fills in what the rule leaves to DTSTART.
func (r *Rule) withDefaults(start int64) *Rule {
	c := *r
	day := dayOf(start)
	month, monthDay := c.scale.monthAndDay(day)
	if c.byWeekNo == nil && c.byYearDay == nil && c.byMonthDay == nil && c.byDay == nil {
		switch c.freq {
		case Yearly:
			if c.byMonth == nil {
				c.byMonth = []int16{month}
			}
			c.byMonthDay = []int16{monthDay}
		case Monthly:
			c.byMonthDay = []int16{monthDay}
		case Weekly:
			c.byDay = []weekdayNum{{day: int8(weekday(day))}}
		}
	}
	// A week number says which week, not which day of it. Here python-dateutil takes all seven days.
	if c.freq == Yearly && c.byWeekNo != nil && c.byYearDay == nil && c.byMonthDay == nil && c.byDay == nil {
		c.byDay = []weekdayNum{{day: int8(weekday(day))}}
	}
	second := int16(floorMod(start, 60))
	minute := int16(floorMod(start, 3600) / 60)
	hour := int16(floorMod(start, daySeconds) / 3600)
	if c.byHour == nil && c.freq < Hourly {
		c.byHour = []int16{hour}
	}
	if c.byMinute == nil && c.freq < Minutely {
		c.byMinute = []int16{minute}
	}
	if c.bySecond == nil && c.freq < Secondly {
		c.bySecond = []int16{second}
	}
	return &c
}

// withoutTime is the rule for a DTSTART of type DATE, where the parts for times of day must be ignored (RFC 5545
// section 3.3.10).
func (r *Rule) withoutTime() *Rule {
	c := *r
	c.byHour, c.byMinute, c.bySecond = nil, nil, nil
	return &c
}

func (p *plan) masks() {
	r := p.rule
	if p.scaled == nil {
		for _, m := range r.byMonth {
			p.months |= 1 << m
		}
	}
	for _, d := range r.byMonthDay {
		if d > 0 {
			p.monthDays |= 1 << d
		} else {
			p.lastMonthDays |= 1 << -d
		}
	}
	for _, wd := range r.byDay {
		if wd.n == 0 {
			p.weekdays |= 1 << wd.day
		} else {
			p.nth = append(p.nth, wd)
		}
	}
	for _, h := range r.byHour {
		p.hours |= 1 << h
	}
	for _, m := range r.byMinute {
		p.minutes |= 1 << m
	}
	for _, s := range r.bySecond {
		p.seconds |= 1 << s
	}
	if r.byYearDay != nil && p.scaled == nil {
		p.yearDays = new(yearDayMask)
		for _, d := range r.byYearDay {
			if d > 0 {
				p.yearDays.first[d>>6] |= 1 << (d & 63)
			} else {
				p.yearDays.last[-d>>6] |= 1 << (-d & 63)
			}
		}
	}
}

// setTimes multiplies out the times of one period. Where all periods have the same times, BYSETPOS is applied here.
func (p *plan) setTimes() {
	r := p.rule
	hours, minutes, seconds := r.byHour, r.byMinute, r.bySecond
	zero := []int16{0}
	switch r.freq {
	case Hourly:
		hours = zero
	case Minutely:
		hours, minutes = zero, zero
	case Secondly:
		hours, minutes, seconds = zero, zero, zero
	}
	p.times = make([]int32, 0, len(hours)*len(minutes)*len(seconds))
	for _, h := range hours {
		for _, m := range minutes {
			for _, s := range seconds {
				p.times = append(p.times, int32(h)*3600+int32(m)*60+int32(s))
			}
		}
	}
	if r.freq >= Daily && !p.library && r.bySetPos != nil {
		p.times = choose(p.times, r.bySetPos)
	}
}

// choose applies BYSETPOS to the ascending occurrences of one period.
func choose[T int32 | int64](set []T, positions []int16) []T {
	out := make([]T, 0, len(positions))
	for _, pos := range positions {
		i := int(pos) - 1
		if pos < 0 {
			i = len(set) + int(pos)
		}
		if i >= 0 && i < len(set) {
			out = append(out, set[i])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// A cursor gives the wall times of a plan in ascending order.
type cursor interface {
	next() (wall int64, ok bool)
	// spent reports whether the cursor ended because its budget was used up, not because the rule ended.
	spent() bool
}

// maxSteps is the budget in periods looked at, shared by the cursors of one object: about 10 ms. It is 680 years of days.
const maxSteps = 250_000

// cursor starts at the first occurrence that is not before from.
func (p *plan) cursor(from int64) cursor {
	from = max(from, p.start)
	switch {
	case p.library:
		return newLibraryCursor(p, from)
	case p.rule.freq >= Hourly:
		return newClockCursor(p, from)
	case p.scaled != nil:
		return newScaledCursor(p, from)
	default:
		return newDayCursor(p, from)
	}
}

// last finds the last occurrence up to the plan's end, in steps that grow backwards from it.
func (p *plan) last() (int64, bool) {
	span := int64(p.rule.interval) * [...]int64{366 * daySeconds, 31 * daySeconds, weekSeconds, daySeconds, 3600, 60, 1}[p.rule.freq]
	for {
		from := max(p.start, p.until-span)
		c := p.cursor(from)
		found, any := int64(0), false
		for {
			w, ok := c.next()
			if !ok {
				break
			}
			found, any = w, true
		}
		if any || from == p.start {
			return found, any
		}
		span *= 4
	}
}
