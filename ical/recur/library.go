package recur

import (
	"time"

	rrule "github.com/teambition/rrule-go"
)

// A libraryCursor expands the general case, rules with BYYEARDAY or a BYSETPOS over years, by rrule-go, in
// naive wall time.
//
// The library steps through periods until one matches or the year 9999 is over, and cannot be interrupted. So it
// never runs in the years asked for: the Gregorian calendar repeats every 400 years, and the dates are moved into the
// last repetition, 9600 to 9999, where the library's own end bounds it to 400 years, a few milliseconds.
type libraryCursor struct {
	p      *plan
	from   int64
	at     int64 // the start of the next period to give the library, a day number
	shift  int64 // seconds the dates now running are ahead
	iter   rrule.Next
	cycles int
	done   bool
	out    bool
}

// maxCycles bounds one cursor to the cycle it starts in and one more, so at least 400 years, when the object has no
// other rule.
const maxCycles = 2

func newLibraryCursor(p *plan, from int64) *libraryCursor {
	c := &libraryCursor{p: p, from: from, done: from > p.until}
	c.at = c.align(dayOf(from), false)
	return c
}

// align finds the start of the last period of the rule that begins on or before the day, or with after set, the first
// that begins on or after it. The first period is that of DTSTART.
func (c *libraryCursor) align(day int64, after bool) int64 {
	step, first := int64(c.p.rule.interval), dayOf(c.p.start)
	steps := func(a, b int64) int64 { // periods from a to b in whole multiples of INTERVAL
		if after {
			return max(0, ceilDiv(b-a, step)) * step
		}
		return max(0, floorDiv(b-a, step)) * step
	}
	switch c.p.rule.freq {
	case Yearly:
		a, b := monthIndex(first)/12, monthIndex(day)
		if after {
			b += 11
		}
		return dayNumber(int(a+steps(a, b/12)), 1, 1)
	case Monthly:
		a, b := monthIndex(first), monthIndex(day)
		if _, _, d := date(day); after && d > 1 {
			b++
		}
		n := a + steps(a, b)
		return dayNumber(int(n/12), int(n%12)+1, 1)
	case Weekly:
		first = weekStart(first, c.p.rule.wkst)
		step *= 7
	}
	return first + steps(first, day)
}

func (c *libraryCursor) spent() bool { return c.out }

func (c *libraryCursor) next() (int64, bool) {
	for !c.done {
		if c.iter == nil && !c.startCycle() {
			break
		}
		t, ok := c.call()
		if !ok {
			c.iter = nil
			continue
		}
		w := t.Unix() - c.shift
		if w > c.p.until {
			break
		}
		if w >= c.from {
			return w, true
		}
	}
	c.done = true
	return 0, false
}

// call asks the library for one occurrence. The guard keeps away all that is known to make it panic; should anything
// be left, the rule ends there.
func (c *libraryCursor) call() (t time.Time, ok bool) {
	defer func() {
		if recover() != nil {
			t, ok, c.done, c.out = time.Time{}, false, true, true
		}
	}()
	return c.iter()
}

// startCycle builds the library's rule for the rest of the 400 years in which the next period lies.
func (c *libraryCursor) startCycle() bool {
	if c.at*daySeconds > c.p.until {
		return false
	}
	if c.cycles++; c.cycles > max(1, maxCycles/c.p.share) {
		return false
	}
	year, _, _ := date(c.at)
	ahead := int64((9999 - year) / 400)
	c.shift = ahead * cycleDays * daySeconds
	opt := c.p.options()
	opt.Dtstart = fromWall(c.at*daySeconds + c.shift)
	rule, err := rrule.NewRRule(opt)
	if err != nil { // the guard is stricter than the library
		c.out = true
		return false
	}
	c.iter = rule.Iterator()
	c.at = c.align(dayNumber(10000, 1, 1)-ahead*cycleDays, true)
	return true
}

// options translates a bound rule. COUNT and UNTIL are applied outside.
func (p *plan) options() rrule.ROption {
	r := p.rule
	opt := rrule.ROption{
		Freq:     rrule.Frequency(r.freq),
		Interval: r.interval,
		Wkst:     libraryWeekdays[r.wkst],
		// Without it the library stops after 292 years.
		Until:      time.Date(10001, 1, 1, 0, 0, 0, 0, time.UTC),
		Bysetpos:   ints(r.bySetPos),
		Bymonth:    ints(r.byMonth),
		Bymonthday: ints(r.byMonthDay),
		Byyearday:  ints(r.byYearDay),
		Byweekno:   ints(r.byWeekNo),
		Byhour:     ints(r.byHour),
		Byminute:   ints(r.byMinute),
		Bysecond:   ints(r.bySecond),
	}
	// The library wants days that satisfy both the plain and the numbered weekdays, RFC 5545 either.
	// Where both are given, a plain one becomes all its numbers.
	spread := 0
	if p.nth != nil && p.weekdays != 0 {
		spread = 53
		if r.freq == Monthly || len(r.byMonth) > 0 {
			spread = 5
		}
	}
	for _, wd := range r.byDay {
		day := libraryWeekdays[wd.day]
		switch {
		case wd.n != 0:
			opt.Byweekday = append(opt.Byweekday, day.Nth(int(wd.n)))
		case spread == 0:
			opt.Byweekday = append(opt.Byweekday, day)
		default:
			for n := 1; n <= spread; n++ {
				opt.Byweekday = append(opt.Byweekday, day.Nth(n))
			}
		}
	}
	return opt
}

var libraryWeekdays = [7]rrule.Weekday{rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU}

func ints(list []int16) []int {
	if list == nil {
		return nil
	}
	out := make([]int, len(list))
	for i, v := range list {
		out[i] = int(v)
	}
	return out
}
