package recur

import "math/bits"

// A clockCursor expands FREQ=HOURLY, MINUTELY and SECONDLY. It steps over days, hours and minutes that the filters
// exclude instead of through them, which the library behind [libraryCursor] cannot: there such rules may never return.
type clockCursor struct {
	p     *plan
	from  int64
	unit  int64
	first int64 // the period of DTSTART, in units
	at    int64 // the next period, in units
	step  int64

	day   int64 // the day dayOK speaks of
	dayOK bool
	limit *dayLimit // of a plan with scaled

	base  int64 // start of the period whose times are being given
	pos   int
	steps int
	done  bool
}

func newClockCursor(p *plan, from int64) *clockCursor {
	c := &clockCursor{p: p, from: from, unit: 1, step: int64(p.rule.interval), day: noWall, pos: len(p.times)}
	switch p.rule.freq {
	case Hourly:
		c.unit = 3600
	case Minutely:
		c.unit = 60
	}
	c.first = floorDiv(p.start, c.unit)
	c.at = c.first
	if k := (floorDiv(from, c.unit) - c.first) / c.step; k > 0 {
		c.at += k * c.step
	}
	c.done = from > p.until
	if p.scaled != nil {
		c.limit = &dayLimit{s: p.scaled}
	}
	return c
}

func (c *clockCursor) spent() bool { return c.steps > maxSteps/c.p.share }

func (c *clockCursor) next() (int64, bool) {
	for {
		for c.pos < len(c.p.times) {
			w := c.base + int64(c.p.times[c.pos])
			c.pos++
			if w > c.p.until {
				c.done, c.pos = true, len(c.p.times)
				return 0, false
			}
			if w >= c.from {
				return w, true
			}
		}
		if c.steps++; c.done || c.steps > maxSteps/c.p.share {
			return 0, false
		}
		c.advance()
	}
}

// advance looks at one period: it takes it, or jumps to where the filter that excludes it lets go.
func (c *clockCursor) advance() {
	p, wall := c.p, c.at*c.unit
	if wall > p.until {
		c.done = true
		return
	}
	day := dayOf(wall)
	if day != c.day && !c.enter(day) {
		return
	}
	sec := wall - day*daySeconds
	hour, minute, second := uint(sec/3600), uint(sec/60%60), uint(sec%60)
	switch {
	case !c.dayOK:
		c.jump((day + 1) * daySeconds)
	case p.hours != 0 && p.hours&(1<<hour) == 0:
		c.jump(wall - sec%3600 + toNext(uint64(p.hours), hour, 24)*3600)
	case c.unit < 3600 && p.minutes != 0 && p.minutes&(1<<minute) == 0:
		c.jump(wall - sec%60 + toNext(p.minutes, minute, 60)*60)
	case c.unit < 60 && p.seconds != 0 && p.seconds&(1<<second) == 0:
		c.jump(wall + toNext(p.seconds, second, 60))
	default:
		c.base, c.pos = wall, 0
		c.at += c.step
	}
}

// enter looks at a new day as a whole. It is false when it has gone elsewhere.
func (c *clockCursor) enter(day int64) bool {
	p := c.p
	c.day = day
	if c.limit != nil {
		ok, known := c.limit.pass(day)
		c.dayOK = ok && (p.weekdays == 0 || p.weekdays&(1<<weekday(day)) != 0)
		c.done = c.done || !known
		return known
	}
	y, m, d := date(day)
	if p.months != 0 && p.months&(1<<m) == 0 {
		c.day = noWall
		c.jump(dayNumber(y, m+1, 1) * daySeconds)
		return false
	}
	c.dayOK = (p.weekdays == 0 || p.weekdays&(1<<weekday(day)) != 0) &&
		p.monthDay(d, monthLength(y, m)) &&
		(p.yearDays == nil || p.yearDays.has(int(day-dayNumber(y, 1, 1))+1, yearLength(y)))
	return true
}

// toNext is the distance from a place in a mask of the given size to the next set bit, or to the mask's end.
func toNext(mask uint64, at, size uint) int64 {
	if rest := mask >> (at + 1); rest != 0 {
		return int64(bits.TrailingZeros64(rest)) + 1
	}
	return int64(size - at)
}

// jump goes to the first period that starts at or after the given time, which is after the present one.
func (c *clockCursor) jump(wall int64) {
	c.at += max(1, ceilDiv(ceilDiv(wall, c.unit)-c.at, c.step)) * c.step
}
