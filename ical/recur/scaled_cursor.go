package recur

import "slices"

// A scaledCursor expands rules with a calendar system or a SKIP of their own, by the year, month, week or day. Shorter
// ones are the clockCursor's.
type scaledCursor struct {
	p    *plan
	s    *scaled
	from int64

	at, step int64 // the next period: year, month as monthsBefore counts, day the week starts on, or day
	year     scaleYear
	limit    *dayLimit

	// What has been found: midnights, or with BYSETPOS wall times. SKIP may move a day from its period into the
	// one before, so only what lies before safe is in its final order.
	found []int64
	pos   int
	clock int // of times
	times []int32
	safe  int64
	steps int
	done  bool // nothing more will be found
}

var midnight = []int32{0}

func newScaledCursor(p *plan, from int64) *scaledCursor {
	c := &scaledCursor{p: p, s: p.scaled, from: from, step: int64(p.rule.interval), times: p.times, safe: noWall}
	if c.choosing() {
		c.times = midnight
	}
	first, target := dayOf(p.start), dayOf(from)
	known := true
	switch p.rule.freq {
	case Yearly:
		first, _ = c.unit(first)
		target, known = c.unit(target)
	case Monthly:
		first, _ = c.unit(first)
		target, known = c.unit(target)
	case Weekly:
		first = weekStart(first, p.rule.wkst)
		c.step *= 7
		c.limit = &dayLimit{s: c.s}
	default:
		c.limit = &dayLimit{s: c.s}
	}
	periods := (target - first) / c.step
	if periods > 0 && c.limit == nil && c.s.skip != omit {
		periods-- // its last day may have been moved into the period of the target
	}
	c.at = first + periods*c.step
	c.done = from > p.until || !known
	return c
}

// choosing reports whether BYSETPOS chooses among the times of a period; where all days are alike, it has chosen before.
func (c *scaledCursor) choosing() bool { return c.p.rule.bySetPos != nil && c.p.rule.freq < Daily }

// unit gives the year or month that holds a day, as at counts them.
func (c *scaledCursor) unit(day int64) (n int64, known bool) {
	year, ok := c.s.scale.yearOf(day)
	if !ok || c.p.rule.freq == Yearly {
		return int64(year), ok
	}
	y, ok := c.s.scale.year(year)
	month, _ := y.month(int(day-y.first) + 1)
	return c.s.scale.monthsBefore(year) + int64(month), ok
}

func (c *scaledCursor) spent() bool { return c.steps > maxSteps/c.p.share }

func (c *scaledCursor) next() (int64, bool) {
	for {
		for c.pos < len(c.found) && (c.done || c.found[c.pos] < c.safe) {
			if c.found[c.pos] <= c.from-daySeconds {
				c.pos++
				continue
			}
			w := c.found[c.pos] + int64(c.times[c.clock])
			if c.clock++; c.clock == len(c.times) {
				c.clock = 0
				c.pos++
			}
			if w > c.p.until {
				c.done, c.found = true, nil
				return 0, false
			}
			if w >= c.from {
				return w, true
			}
		}
		if c.done || c.spent() {
			return 0, false
		}
		c.steps++
		c.found = c.found[:copy(c.found, c.found[c.pos:])]
		c.pos = 0
		switch c.p.rule.freq {
		case Daily:
			c.expandDays(1)
		case Weekly:
			c.expandDays(7)
		default:
			c.steps += yearCost
			if c.s.weekNos != nil {
				c.steps += weekCost
			}
			c.expandYear()
		}
	}
}

// How many days or weeks it costs to look at a year or at a month: with weekCost, to number its weeks too.
const yearCost, weekCost = 9, 20

// expandDays adds a period of some days.
func (c *scaledCursor) expandDays(length int64) {
	if c.at*daySeconds > c.p.until {
		c.done = true
		return
	}
	before := len(c.found)
	for day := c.at; day < c.at+length; day++ {
		if c.s.weekdays != 0 && c.s.weekdays&(1<<weekday(day)) == 0 {
			continue
		}
		ok, known := c.limit.pass(day)
		if ok {
			c.found = append(c.found, day*daySeconds)
		}
		// The week of DTSTART may begin before the first year that is known.
		c.done = c.done || !known && day >= dayOf(c.p.start)
	}
	c.choose(before)
	c.at += c.step
}

// expandYear adds a period of a year or of a month.
func (c *scaledCursor) expandYear() {
	before := len(c.found)
	first, ok := c.open()
	if !ok || (first-1)*daySeconds > c.p.until {
		c.done = true
		return
	}
	var set daySet
	if c.p.rule.freq == Yearly {
		set = c.s.yearDaysOf(&c.year)
	} else {
		set = c.s.monthDaysOf(&c.year, int(c.at-c.s.scale.monthsBefore(c.year.number)))
	}
	set.each(c.year.first, func(day int64) { c.found = append(c.found, day*daySeconds) })
	c.choose(before)
	if before > 0 && before < len(c.found) && c.found[before] <= c.found[before-1] {
		slices.Sort(c.found)
		c.found = slices.Compact(c.found)
	}
	c.at += c.step
	if c.s.skip != omit {
		first, ok = c.open()
		c.safe = (first - 1) * daySeconds
		c.done = c.done || !ok
	}
}

// open loads the year of the next period, and gives the first day of the period; ok is false when it is not known.
func (c *scaledCursor) open() (first int64, ok bool) {
	n, month := int(c.at), int64(0)
	if c.p.rule.freq == Monthly {
		n = c.s.scale.yearOfMonth(c.at)
	}
	if c.year.months == 0 || c.year.number != n {
		if c.year, ok = c.s.scale.year(n); !ok {
			return 0, false
		}
	}
	if c.p.rule.freq == Monthly {
		month = c.at - c.s.scale.monthsBefore(n)
	}
	return c.year.first + int64(c.year.before[month]), true
}

// choose applies BYSETPOS to the days of one period, found from a place on: they become the times it chooses.
func (c *scaledCursor) choose(from int) {
	if !c.choosing() {
		return
	}
	days := c.found[from:]
	size := len(days) * len(c.p.times)
	var chosen []int64
	for _, pos := range c.p.rule.bySetPos {
		i := int(pos) - 1
		if pos < 0 {
			i = size + int(pos)
		}
		if i >= 0 && i < size {
			chosen = append(chosen, days[i/len(c.p.times)]+int64(c.p.times[i%len(c.p.times)]))
		}
	}
	slices.Sort(chosen)
	c.found = append(c.found[:from], slices.Compact(chosen)...)
}
