package recur

import (
	"fmt"
	"iter"
	"strings"
	"time"
)

// Frequency is the period a rule is evaluated in.
type Frequency uint8

// The seven frequencies of RFC 5545 section 3.3.10.
const (
	Yearly Frequency = iota
	Monthly
	Weekly
	Daily
	Hourly
	Minutely
	Secondly
)

var frequencyNames = [...]string{"YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"}

func (f Frequency) String() string {
	if int(f) < len(frequencyNames) {
		return frequencyNames[f]
	}
	return fmt.Sprintf("Frequency(%d)", uint8(f))
}

// A Rule is a recurrence rule that has passed the guard: expanding it costs no more than its budget.
type Rule struct {
	raw      string
	freq     Frequency
	interval int
	count    int // 0: none
	until    until
	wkst     int8 // 0 is Monday
	scale    scale
	skip     skip

	// Ascending, without duplicates; nil when the part is absent. Leap months are marked by leapMonth.
	bySecond, byMinute, byHour     []int16
	byMonth, byMonthDay, byYearDay []int16
	byWeekNo, bySetPos             []int16
	byDay                          []weekdayNum

	never bool
}

// weekdayNum is one value of BYDAY: 2TU, -1SU, or MO with n = 0.
type weekdayNum struct {
	n   int8
	day int8 // 0 is Monday
}

// until is the UNTIL part as written; what it means depends on DTSTART (see Series).
type until struct {
	form untilForm
	wall int64 // a clock reading: of UTC for untilUTC
}

type untilForm uint8

const (
	untilNone untilForm = iota
	untilDate
	untilLocal
	untilUTC
)

// String gives the rule as it was written.
func (r *Rule) String() string { return r.raw }

// Frequency gives the FREQ part.
func (r *Rule) Frequency() Frequency { return r.freq }

// Interval gives the INTERVAL part, 1 when absent.
func (r *Rule) Interval() int { return r.interval }

// Count gives the COUNT part, 0 when absent.
func (r *Rule) Count() int { return r.count }

// Until gives the UNTIL part: its clock reading, and whether that is UTC. A date is its last second, because the whole
// day is included.
func (r *Rule) Until() (wall time.Time, utc, ok bool) {
	if r.until.form == untilNone {
		return time.Time{}, false, false
	}
	return fromWall(r.until.last()), r.until.form == untilUTC, true
}

// RScale gives the calendar system in which the rule counts, one of [RScales]: GREGORIAN when the part is absent.
func (r *Rule) RScale() string { return r.scale.String() }

// Skip gives the SKIP part, OMIT when absent (RFC 7529 section 4.1).
func (r *Rule) Skip() string { return skipNames[r.skip] }

// Bounded reports whether the rule has a COUNT or an UNTIL.
func (r *Rule) Bounded() bool { return r.count > 0 || r.until.form != untilNone }

// Never reports whether the rule is known to match no day at all, like the 30th of February.
// A component with such a rule still happens once, at its DTSTART.
func (r *Rule) Never() bool { return r.never }

// last is the last wall time that UNTIL lets pass, taken as a plain clock reading.
func (u until) last() int64 {
	switch u.form {
	case untilNone:
		return maxWall
	case untilDate:
		return u.wall + daySeconds - 1
	default:
		return u.wall
	}
}

// Walls gives the naive wall times of the rule for a DTSTART, ascending, from the given time on (the zero time: all).
// DTSTART always comes first, and counts as first of COUNT, even where the rule does not produce it (RFC 5545 section
// 3.8.5.3). UNTIL is compared as a clock reading. The sequence ends in year 9999 at the latest, or when the budget of
// steps is used up.
func (r *Rule) Walls(start, from time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		s, f := toWall(start), int64(minWall)
		if !from.IsZero() {
			f = toWall(from)
			if from.Nanosecond() > 0 {
				f++
			}
		}
		if s >= f && !yield(fromWall(s)) {
			return
		}
		p := r.bind(s, r.until.last(), true, 1)
		if p == nil {
			return
		}
		c := p.cursor(max(f, s+1))
		for {
			w, ok := c.next()
			if !ok || !yield(fromWall(w)) {
				return
			}
		}
	}
}

// weekdayNames in the order of weekday numbers.
var weekdayNames = [...]string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}

func parseWeekday(s string) (int8, bool) {
	for i, name := range weekdayNames {
		if strings.EqualFold(s, name) {
			return int8(i), true
		}
	}
	return 0, false
}
