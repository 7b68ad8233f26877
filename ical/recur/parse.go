package recur

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

const (
	maxRuleLength = 8192
	// MaxInterval is the largest INTERVAL accepted: 27 years of days, and far more than any calendar program writes.
	MaxInterval = 10_000
	// MaxCount is the largest COUNT accepted, the same as the instances of one answer (CALDAV:max-instances).
	MaxCount = 10_000
	// maxTimesPerDay bounds BYHOUR × BYMINUTE × BYSECOND: one time every five minutes.
	maxTimesPerDay = 288
)

// ParseRule reads the value of an RRULE or EXRULE property (RFC 5545 section 3.3.10). It takes what clients really
// send: any case, blanks, empty parts, a trailing semicolon, X- parts. The error is a *RuleError that names the part.
func ParseRule(s string) (*Rule, error) {
	if len(s) > maxRuleLength {
		return nil, unsupported("", "", "longer than %d bytes", maxRuleLength)
	}
	r := &Rule{raw: s, interval: 1}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(s, ";") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		name = strings.ToUpper(strings.TrimSpace(name))
		value = strings.TrimSpace(value)
		if strings.HasPrefix(name, "X-") {
			continue
		}
		if !ok {
			return nil, syntaxError("", "", "%q is not NAME=value", shorten(part))
		}
		if seen[name] {
			return nil, syntaxError(shorten(name), value, "given twice")
		}
		seen[name] = true
		if err := r.set(name, value); err != nil {
			return nil, err
		}
	}
	if !seen["FREQ"] {
		return nil, syntaxError("FREQ", "", "missing; one of %s", strings.Join(frequencyNames[:], ", "))
	}
	if r.skip != omit && !seen["RSCALE"] {
		return nil, syntaxError("SKIP", skipNames[r.skip], "needs RSCALE, be it GREGORIAN (RFC 7529 section 4.1)")
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return r, nil
}

// set reads one part.
func (r *Rule) set(name, value string) (err error) {
	switch name {
	case "FREQ":
		i := slices.Index(frequencyNames[:], strings.ToUpper(value))
		if i < 0 {
			return syntaxError(name, value, "must be one of %s", strings.Join(frequencyNames[:], ", "))
		}
		r.freq = Frequency(i)
	case "INTERVAL":
		r.interval, err = parseLimited(name, value, MaxInterval)
	case "COUNT":
		r.count, err = parseLimited(name, value, MaxCount)
	case "UNTIL":
		r.until, err = parseUntil(value)
	case "WKST":
		day, ok := parseWeekday(value)
		if !ok {
			return syntaxError(name, value, "must be one of %s", strings.Join(weekdayNames[:], ", "))
		}
		r.wkst = day
	case "BYSECOND":
		r.bySecond, err = parseList(name, value, 0, 60, false)
		// 60 is for leap seconds, which no calendar program shows (RFC 5545 section 3.3.5).
		for i, v := range r.bySecond {
			r.bySecond[i] = min(v, 59)
		}
		r.bySecond = slices.Compact(r.bySecond)
	case "BYMINUTE":
		r.byMinute, err = parseList(name, value, 0, 59, false)
	case "BYHOUR":
		r.byHour, err = parseList(name, value, 0, 23, false)
	case "BYMONTH":
		r.byMonth, err = parseMonths(value)
	case "BYMONTHDAY":
		r.byMonthDay, err = parseList(name, value, 1, 31, true)
	case "BYYEARDAY":
		r.byYearDay, err = parseList(name, value, 1, 385, true)
	case "BYWEEKNO":
		r.byWeekNo, err = parseList(name, value, 1, 55, true)
	case "BYSETPOS":
		r.bySetPos, err = parseList(name, value, 1, 366, true)
	case "BYDAY":
		r.byDay, err = parseDays(value)
	case "RSCALE":
		i := slices.Index(RScales, strings.ToUpper(value))
		if i < 0 {
			return unsupportedScale(value, "must be one of %s", strings.Join(RScales, ", "))
		}
		r.scale = scale(i)
	case "SKIP":
		i := slices.Index(skipNames[:], strings.ToUpper(value))
		if i < 0 {
			return syntaxError(name, value, "must be one of %s", strings.Join(skipNames[:], ", "))
		}
		r.skip = skip(i)
	case "BYEASTER":
		return unsupported(name, value, "not part of RFC 5545")
	default:
		return syntaxError(shorten(name), value, "unknown part")
	}
	return err
}

// parseLimited reads a positive number. One that is too large is unsupported, not a fault of syntax.
func parseLimited(name, value string, limit int) (int, error) {
	digits := strings.TrimPrefix(value, "+")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, syntaxError(name, value, "must be a number from 1 to %d", limit)
	}
	n, err := strconv.Atoi(digits)
	switch {
	case err != nil || n > limit:
		return 0, unsupported(name, value, "must be at most %d", limit)
	case n < 1:
		return 0, syntaxError(name, value, "must be a number from 1 to %d", limit)
	}
	return n, nil
}

// parseList reads a comma-separated list of numbers, and with both signs also -hi to -lo.
func parseList(name, value string, lo, hi int, signs bool) ([]int16, error) {
	var list []int16
	for item := range strings.SplitSeq(value, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue // a trailing comma
		}
		n, err := strconv.Atoi(item)
		a := n
		if signs && n < 0 {
			a = -n
		}
		if err != nil || a < lo || a > hi {
			if signs {
				return nil, syntaxError(name, item, "must be %d to %d or %d to %d", lo, hi, -hi, -lo)
			}
			return nil, syntaxError(name, item, "must be %d to %d", lo, hi)
		}
		list = append(list, int16(n))
	}
	if list == nil {
		return nil, syntaxError(name, value, "has no value")
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// parseMonths reads BYMONTH: numbers, of leap months with an L after them (RFC 7529 section 4.2).
func parseMonths(value string) ([]int16, error) {
	var plain, leap []string
	for item := range strings.SplitSeq(value, ",") {
		item = strings.TrimSpace(item)
		if number, ok := strings.CutSuffix(strings.ToUpper(item), "L"); ok && number != "" {
			leap = append(leap, number)
		} else if item != "" {
			plain = append(plain, item)
		}
	}
	var list []int16
	for i, items := range [...][]string{plain, leap} {
		if len(items) == 0 && (i == 1 || len(leap) > 0) {
			continue
		}
		months, err := parseList("BYMONTH", strings.Join(items, ","), 1, 12, false)
		if err != nil {
			return nil, err
		}
		for _, m := range months {
			list = append(list, m+int16(i)*leapMonth)
		}
	}
	return list, nil
}

func parseDays(value string) ([]weekdayNum, error) {
	var list []weekdayNum
	for item := range strings.SplitSeq(value, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		bad := func() error {
			return syntaxError("BYDAY", item, "must be MO, TU, WE, TH, FR, SA or SU, with a number from 1 to 53 or -53 to -1 before it or none")
		}
		if len(item) < 2 {
			return nil, bad()
		}
		day, ok := parseWeekday(item[len(item)-2:])
		if !ok {
			return nil, bad()
		}
		wd := weekdayNum{day: day}
		if num := strings.TrimSpace(item[:len(item)-2]); num != "" {
			n, err := strconv.Atoi(num)
			if err != nil || n == 0 || n < -53 || n > 53 {
				return nil, bad()
			}
			wd.n = int8(n)
		}
		list = append(list, wd)
	}
	if list == nil {
		return nil, syntaxError("BYDAY", value, "has no value")
	}
	slices.SortFunc(list, compareDays)
	return slices.Compact(list), nil
}

func compareDays(a, b weekdayNum) int {
	return cmp.Or(cmp.Compare(a.n, b.n), cmp.Compare(a.day, b.day))
}

// parseUntil reads a DATE or a DATE-TIME (RFC 5545 sections 3.3.4 and 3.3.5).
func parseUntil(value string) (until, error) {
	v := strings.ToUpper(value)
	bad := syntaxError("UNTIL", value, "must be a date (20261231), a time (20261231T090000) or a time in UTC (20261231T080000Z)")
	clock, utc := strings.CutSuffix(v, "Z")
	day, tod, timed := strings.Cut(clock, "T")
	if len(day) != 8 || (timed && len(tod) != 6) || (utc && !timed) || strings.Trim(day+tod, "0123456789") != "" {
		return until{}, bad
	}
	num := func(s string) int { n, _ := strconv.Atoi(s); return n }
	y, m, d := num(day[:4]), num(day[4:6]), num(day[6:])
	if y < 1 || m < 1 || m > 12 || d < 1 || d > monthLength(y, m) {
		return until{}, bad
	}
	u := until{form: untilDate, wall: dayNumber(y, m, d) * daySeconds}
	if !timed {
		return u, nil
	}
	h, mi, s := num(tod[:2]), num(tod[2:4]), num(tod[4:])
	if h > 23 || mi > 59 || s > 60 {
		return until{}, bad
	}
	u.form = untilLocal
	if utc {
		u.form = untilUTC
	}
	u.wall += int64(h)*3600 + int64(mi)*60 + int64(min(s, 59))
	return u, nil
}
