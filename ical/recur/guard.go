package recur

import (
	"fmt"
	"slices"
)

// check is the guard: it refuses the combinations that RFC 5545 section 3.3.10 forbids and those that cost without
// bound, and notices rules that match no day. What it lets pass is safe for the expansion behind it.
// It runs on rules from text and on decoded ones alike.
func (r *Rule) check() error {
	if r.count > 0 && r.until.form != untilNone {
		return syntaxError("", "", "COUNT and UNTIL exclude each other")
	}
	if err := r.checkRanges(); err != nil {
		return err
	}
	if err := r.checkDays(); err != nil {
		return err
	}
	if len(r.byWeekNo) > 0 && r.freq >= Hourly {
		return unsupported("BYWEEKNO", "", "allowed with FREQ=YEARLY only, not with FREQ=%v", r.freq)
	}
	if n := r.timesPerDay(); n > maxTimesPerDay {
		return unsupported("BYHOUR, BYMINUTE, BYSECOND", "", "give more than %d times in one period", maxTimesPerDay)
	}
	r.never = r.scale == gregorian && r.skip == omit && !r.monthDaysPossible()
	return nil
}

// checkRanges holds the lists to what the calendar system has.
func (r *Rule) checkRanges() error {
	for _, m := range r.byMonth {
		switch number := m &^ leapMonth; {
		case number < 1 || number > 12:
			return syntaxError("BYMONTH", fmt.Sprint(number), "must be 1 to 12")
		case m == number:
		case r.scale == gregorian:
			return unsupported("BYMONTH", fmt.Sprintf("%dL", number), "leap months need RSCALE=HEBREW or RSCALE=CHINESE (RFC 7529 section 4.2)")
		case !r.scale.hasLeapMonth(number):
			return syntaxError("BYMONTH", fmt.Sprintf("%dL", number), "the leap month of RSCALE=HEBREW is 5L")
		case number == 12 && r.skip == forward:
			return unsupported("BYMONTH", "12L", "SKIP=FORWARD would lead into another year")
		}
	}
	limits := scaleLimits[r.scale]
	if err := r.checkLimit("BYMONTHDAY", r.byMonthDay, limits.monthDay); err != nil {
		return err
	}
	if err := r.checkLimit("BYYEARDAY", r.byYearDay, limits.yearDay); err != nil {
		return err
	}
	return r.checkLimit("BYWEEKNO", r.byWeekNo, limits.weekNo)
}

func (r *Rule) checkLimit(part string, list []int16, most int16) error {
	for _, v := range list {
		if max(v, -v) > most {
			return syntaxError(part, fmt.Sprint(v), "must be 1 to %d or -%d to -1 with RSCALE=%v", most, most, r.scale)
		}
	}
	return nil
}

// checkStart refuses a DTSTART on a day of which the calendar system of the rule is not known.
func (r *Rule) checkStart(day int64) error {
	if _, ok := r.scale.yearOf(day); ok {
		return nil
	}
	first, _ := chineseYear(firstChineseYear)
	last, _ := chineseYear(lastChineseYear)
	date := func(day int64) string { return fromWall(day * daySeconds).Format("2006-01-02") }
	return unsupportedScale(r.scale.String(), "needs a DTSTART from %s to %s, where its months are known for sure",
		date(first.first), date(last.first+int64(last.length())-1))
}

// checkDays holds BYDAY's numbers to the frequencies and ranges where they mean something.
func (r *Rule) checkDays() error {
	for _, wd := range r.byDay {
		if wd.n == 0 {
			continue
		}
		n := max(wd.n, -wd.n)
		switch {
		case r.freq != Monthly && r.freq != Yearly:
			return syntaxError("BYDAY", "", "a number before the weekday is allowed with FREQ=MONTHLY and FREQ=YEARLY only, not with FREQ=%v", r.freq)
		case r.freq == Yearly && len(r.byWeekNo) > 0:
			return syntaxError("BYDAY", "", "no number before the weekday is allowed together with BYWEEKNO")
		case r.freq == Monthly && n > 5:
			return syntaxError("BYDAY", "", "the number before the weekday must be 1 to 5 or -5 to -1 with FREQ=MONTHLY")
		case len(r.byMonth) > 0 && n > 5:
			return syntaxError("BYDAY", "", "the number before the weekday must be 1 to 5 or -5 to -1 with BYMONTH")
		}
	}
	return nil
}

// timesPerDay counts the times the rule gives one period of at least a day, or one hour or minute for shorter ones.
func (r *Rule) timesPerDay() int {
	n := 1
	if r.freq < Hourly {
		n *= max(1, len(r.byHour))
	}
	if r.freq < Minutely {
		n *= max(1, len(r.byMinute))
	}
	if r.freq < Secondly {
		n *= max(1, len(r.bySecond))
	}
	return n
}

// monthDaysPossible reports whether BYMONTHDAY names a day that some month of BYMONTH has.
func (r *Rule) monthDaysPossible() bool {
	if len(r.byMonthDay) == 0 || len(r.byMonth) == 0 {
		return true
	}
	longest := 0
	for _, m := range r.byMonth {
		longest = max(longest, monthLength(2000, int(m)))
	}
	return slices.ContainsFunc(r.byMonthDay, func(d int16) bool { return max(int(d), -int(d)) <= longest })
}

// timesReachable reports whether a rule of a frequency below a day ever reaches the hours, minutes and seconds it
// filters by: steps of INTERVAL from the start reach exactly the times that differ from it by a multiple of
// gcd(INTERVAL, one day) modulo a day.
func (r *Rule) timesReachable(start int64) bool {
	var unit int64
	switch r.freq {
	case Hourly:
		unit = 3600
	case Minutely:
		unit = 60
	case Secondly:
		unit = 1
	default:
		return true
	}
	perDay := daySeconds / unit
	step := gcd(int64(r.interval), perDay)
	for at := floorMod(floorDiv(start, unit), step); at < perDay; at += step {
		sec := at * unit
		if listed(r.byHour, sec/3600) &&
			(r.freq < Minutely || listed(r.byMinute, sec/60%60)) &&
			(r.freq < Secondly || listed(r.bySecond, sec%60)) {
			return true
		}
	}
	return false
}

// listed reports whether v passes a filter; an absent list lets everything pass.
func listed(list []int16, v int64) bool {
	return len(list) == 0 || slices.Contains(list, int16(v))
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
