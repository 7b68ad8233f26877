package recur

import "math/bits"

// A dayCursor expands rules of whole days without BYWEEKNO and BYYEARDAY: all that calendar programs let people
// choose. It jumps to any period in constant time and allocates nothing while stepping.
type dayCursor struct {
	p     *plan
	from  int64
	freq  Frequency
	at    int64 // the next period: day number, day number of the week's start, year*12+month-1, or year
	step  int64
	month int // within a year of a yearly rule, the next month; 1 to 13
	year  [13]uint32

	buf   []int64
	pos   int
	steps int
	done  bool
	small [32]int64
}

func newDayCursor(p *plan, from int64) *dayCursor {
	c := &dayCursor{p: p, from: from, freq: p.rule.freq, month: 13}
	c.buf = c.small[:0]
	c.step = int64(p.rule.interval)
	first, target := dayOf(p.start), dayOf(from)
	switch c.freq {
	case Weekly:
		first = weekStart(first, p.rule.wkst)
		c.step *= 7
	case Monthly:
		first, target = monthIndex(first), monthIndex(target)
	case Yearly:
		first, target = monthIndex(first)/12, monthIndex(target)/12
	}
	c.at = first + (target-first)/c.step*c.step
	c.done = from > p.until
	return c
}

func weekStart(day int64, wkst int8) int64 { return day - floorMod(int64(weekday(day))-int64(wkst), 7) }

func monthIndex(day int64) int64 {
	y, m, _ := date(day)
	return int64(y)*12 + int64(m) - 1
}

func (c *dayCursor) spent() bool { return c.steps > maxSteps/c.p.share }

func (c *dayCursor) next() (int64, bool) {
	for {
		for c.pos < len(c.buf) {
			w := c.buf[c.pos]
			c.pos++
			if w > c.p.until {
				c.done, c.pos = true, len(c.buf)
				return 0, false
			}
			if w >= c.from {
				return w, true
			}
		}
		if c.steps++; c.done || c.steps > maxSteps/c.p.share {
			return 0, false
		}
		c.buf, c.pos = c.buf[:0], 0
		switch c.freq {
		case Daily:
			c.fillDay()
		case Weekly:
			c.fillWeek()
		case Monthly:
			c.fillMonth()
		default:
			c.fillYear()
		}
	}
}

// ended notes when a period that starts on the given day lies beyond the rule's end.
func (c *dayCursor) ended(day int64) bool {
	if day*daySeconds > c.p.until {
		c.done = true
	}
	return c.done
}

func (c *dayCursor) addDay(day int64) {
	for _, t := range c.p.times {
		c.buf = append(c.buf, day*daySeconds+int64(t))
	}
}

func (c *dayCursor) fillDay() {
	day := c.at
	if c.ended(day) {
		return
	}
	p := c.p
	if p.months != 0 || p.monthDays|p.lastMonthDays != 0 {
		y, m, d := date(day)
		if p.months != 0 && p.months&(1<<m) == 0 {
			c.at += max(1, ceilDiv(dayNumber(y, m+1, 1)-day, c.step)) * c.step
			return
		}
		if !p.monthDay(d, monthLength(y, m)) {
			c.at += c.step
			return
		}
	}
	c.at += c.step
	if p.weekdays == 0 || p.weekdays&(1<<weekday(day)) != 0 {
		c.addDay(day)
	}
}

// monthDay applies BYMONTHDAY.
func (p *plan) monthDay(day, length int) bool {
	return p.monthDays|p.lastMonthDays == 0 || p.monthDays&(1<<day) != 0 || p.lastMonthDays&(1<<(length+1-day)) != 0
}

func (c *dayCursor) fillWeek() {
	first := c.at
	if c.ended(first) {
		return
	}
	c.at += c.step
	p := c.p
	wd := int(p.rule.wkst)
	for day := first; day < first+7; day++ {
		if p.weekdays == 0 || p.weekdays&(1<<wd) != 0 {
			if p.months == 0 && p.monthDays|p.lastMonthDays == 0 {
				c.addDay(day)
			} else if y, m, d := date(day); (p.months == 0 || p.months&(1<<m) != 0) && p.monthDay(d, monthLength(y, m)) {
				c.addDay(day)
			}
		}
		if wd++; wd == 7 {
			wd = 0
		}
	}
	c.applySetPos()
}

func (c *dayCursor) applySetPos() {
	if pos := c.p.rule.bySetPos; pos != nil {
		c.buf = append(c.buf[:0], choose(c.buf, pos)...)
	}
}

func (c *dayCursor) fillMonth() {
	y, m := int(c.at/12), int(c.at%12)+1
	first := dayNumber(y, m, 1)
	if c.ended(first) {
		return
	}
	c.at += c.step
	if c.p.months != 0 && c.p.months&(1<<m) == 0 {
		return
	}
	c.addMonth(first, c.p.monthMask(y, m, first))
	c.applySetPos()
}

func (c *dayCursor) addMonth(first int64, mask uint32) {
	for ; mask != 0; mask &= mask - 1 {
		c.addDay(first + int64(bits.TrailingZeros32(mask)) - 1)
	}
}

// fillYear gives the next month of a year, so that a year of dense lists is never held at once.
func (c *dayCursor) fillYear() {
	if c.month > 12 {
		if c.ended(dayNumber(int(c.at), 1, 1)) {
			return
		}
		c.month = 1
		if c.p.months == 0 && c.p.nth != nil {
			c.setYear()
		}
	}
	y, m := int(c.at), c.month
	if c.month++; c.month > 12 {
		c.at += c.step
	}
	if c.p.months != 0 && c.p.months&(1<<m) == 0 {
		return
	}
	first := dayNumber(y, m, 1)
	c.addMonth(first, c.p.monthMask(y, m, first)&c.yearMask(m))
}

// setYear marks the days that numbered weekdays name when they count from the ends of the year, and the plain ones.
func (c *dayCursor) setYear() {
	c.year = [13]uint32{}
	y := int(c.at)
	first := dayNumber(y, 1, 1)
	for _, wd := range c.p.nth {
		if d := nthWeekday(wd, weekday(first), yearLength(y)); d > 0 {
			_, m, md := date(first + int64(d) - 1)
			c.year[m] |= 1 << md
		}
	}
	for m := 1; m <= 12; m++ {
		c.year[m] |= weekdayMask(c.p.weekdays, weekday(dayNumber(y, m, 1)))
	}
}

func (c *dayCursor) yearMask(m int) uint32 {
	if c.p.months == 0 && c.p.nth != nil {
		return c.year[m]
	}
	return ^uint32(0)
}

// nthWeekday gives the day, counted from 1, that a numbered weekday names in a span of days which starts on the given
// weekday; 0 when there is none.
func nthWeekday(wd weekdayNum, firstWeekday, length int) int {
	d := 1 + (int(wd.day)-firstWeekday+7)%7
	if wd.n > 0 {
		d += (int(wd.n) - 1) * 7
	} else {
		d += (length-d)/7*7 + (int(wd.n)+1)*7
	}
	if d < 1 || d > length {
		return 0
	}
	return d
}

// weekdayMask gives the days of a month (up to 31) that fall on some weekdays, when its first day falls on first.
func weekdayMask(weekdays uint8, first int) uint32 {
	const everySeventh = 1<<1 | 1<<8 | 1<<15 | 1<<22 | 1<<29
	var mask uint32
	for ; weekdays != 0; weekdays &= weekdays - 1 {
		mask |= everySeventh << ((bits.TrailingZeros8(weekdays) - first + 7) % 7)
	}
	return mask
}

// monthMask gives the days of a month that pass BYMONTHDAY and BYDAY.
func (p *plan) monthMask(y, m int, first int64) uint32 {
	length := monthLength(y, m)
	mask := uint32(uint64(1)<<(length+1) - 2)
	if p.monthDays|p.lastMonthDays != 0 {
		days := p.monthDays
		for back := p.lastMonthDays; back != 0; back &= back - 1 {
			if d := length + 1 - bits.TrailingZeros32(back); d > 0 {
				days |= 1 << d
			}
		}
		mask &= days
	}
	if p.rule.freq == Yearly && p.months == 0 && p.nth != nil {
		return mask // BYDAY counts within the year: see setYear
	}
	if p.weekdays != 0 || p.nth != nil {
		wd := weekday(first)
		days := weekdayMask(p.weekdays, wd)
		for _, n := range p.nth {
			if d := nthWeekday(n, wd, length); d > 0 {
				days |= 1 << d
			}
		}
		mask &= days
	}
	return mask
}
