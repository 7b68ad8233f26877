package zone

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"kalends/ical"
)

// rule is a recurrence rule of an observance. Only the yearly ones by which clocks are changed are read: a day of a month, by
// number or by weekday. Package recur, which knows them all, builds on this one.
type rule struct {
	months    [13]bool // BYMONTH; none means that of DTSTART
	anyMonth  bool     // BYMONTH was given
	days      []weekday
	monthDays [32]bool // BYMONTHDAY from the start of the month
	lastDays  [32]bool // and from its end, 1 the last
	anyDay    bool     // BYMONTHDAY was given
	interval  int
	count     int // 0: without end
	until     time.Time
	untilUTC  bool // until is an instant, not a wall time
}

// weekday is a part of BYDAY: n 0 means every one of the month.
type weekday struct {
	n   int
	day time.Weekday
}

func (r *rule) infinite() bool { return r.count == 0 && r.until.IsZero() }

// parseRule reads the value of RRULE.
func parseRule(s string) (rule, error) {
	r := rule{interval: 1}
	if len(s) > 1000 {
		return r, errors.New("too long")
	}
	yearly := false
	for part := range strings.SplitSeq(strings.ToUpper(strings.TrimSpace(s)), ";") {
		if part == "" {
			continue
		}
		key, value, _ := strings.Cut(part, "=")
		var err error
		switch key {
		case "FREQ":
			if value != "YEARLY" {
				return r, fmt.Errorf("FREQ=%.20s in a time zone; only YEARLY is understood", value)
			}
			yearly = true
		case "INTERVAL":
			r.interval, err = number(value, 1, 1000)
		case "COUNT":
			r.count, err = number(value, 1, 1_000_000)
		case "UNTIL":
			err = r.readUntil(value)
		case "BYMONTH":
			r.anyMonth = true
			err = each(value, func(v string) error {
				n, err := number(v, 1, 12)
				if err == nil {
					r.months[n] = true
				}
				return err
			})
		case "BYMONTHDAY":
			r.anyDay = true
			err = each(value, func(v string) error {
				from := &r.monthDays
				if strings.HasPrefix(v, "-") {
					from, v = &r.lastDays, v[1:]
				}
				n, err := number(v, 1, 31)
				if err == nil {
					from[n] = true
				}
				return err
			})
		case "BYDAY":
			err = each(value, r.readDay)
		case "WKST": // changes nothing for these rules
		default:
			if !strings.HasPrefix(key, "X-") {
				return r, fmt.Errorf("%.20s is not understood in a time zone", key)
			}
		}
		if err != nil {
			return r, fmt.Errorf("%s: %w", key, err)
		}
	}
	switch {
	case !yearly:
		return r, errors.New("no FREQ")
	case (len(r.days) > 0 || r.anyDay) && !r.anyMonth:
		return r, errors.New("days without BYMONTH are not understood in a time zone")
	}
	return r, nil
}

func each(list string, f func(string) error) error {
	for v := range strings.SplitSeq(list, ",") {
		if err := f(strings.TrimSpace(v)); err != nil {
			return err
		}
	}
	return nil
}

func number(s string, low, high int) (int, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(s, "+"))
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("%.20q is not a number from %d to %d", s, low, high)
	}
	return n, nil
}

func (r *rule) readUntil(s string) error {
	d, err := ical.ParseDateTime(s, "")
	if err != nil {
		return err
	}
	r.until, r.untilUTC = d.Wall, d.Form == ical.UTCForm
	if d.Form == ical.DateForm {
		r.until = r.until.Add(24*time.Hour - time.Second)
	}
	return nil
}

var weekdays = [...]string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}

func (r *rule) readDay(s string) error {
	for i, name := range weekdays {
		n, ok := strings.CutSuffix(s, name)
		if !ok {
			continue
		}
		d := weekday{day: time.Weekday(i)}
		if n != "" {
			var err error
			if d.n, err = number(n, -5, 5); err != nil {
				return err
			}
			if d.n == 0 {
				return errors.New("there is no day 0")
			}
		}
		if len(r.days) == 14 {
			return errors.New("too many days")
		}
		r.days = append(r.days, d)
		return nil
	}
	return fmt.Errorf("%.20q is no weekday", s)
}

// expand calls add with each wall time of the rule from start on, in order, to the end of year last, until add says
// false or the work is used up; then it says false too. A rule that starts before firstYear, as all of Outlook's do, is
// taken up there: nobody changed clocks by the season before 1900.
func (r *rule) expand(start time.Time, from int64, last int, w *work, add func(time.Time) bool) bool {
	count, y := r.count, start.Year()
	if count == 0 && y < firstYear {
		y += (firstYear - y + r.interval - 1) / r.interval * r.interval
	}
	hour, minute, second := start.Clock()
	_, startMonth, startDay := start.Date()
	for ; y <= last; y += r.interval {
		w.days--
		for m := time.January; m <= time.December; m++ {
			if r.anyMonth && !r.months[m] || !r.anyMonth && m != startMonth {
				continue
			}
			first := time.Date(y, m, 1, hour, minute, second, 0, time.UTC)
			length := daysIn(y, m)
			if w.days -= length; w.days < 0 {
				return false
			}
			weekday := first.Weekday()
			for day := 1; day <= length; day, weekday = day+1, (weekday+1)%7 {
				if !r.matches(day, length, weekday, startDay) {
					continue
				}
				t := first.Add(time.Duration(day-1) * 24 * time.Hour)
				if t.Before(start) {
					continue
				}
				if r.ended(t, from) {
					return true
				}
				if !add(t) {
					return false
				}
				if count--; count == 0 {
					return true
				}
			}
		}
	}
	return true
}

func (r *rule) ended(t time.Time, from int64) bool {
	if r.until.IsZero() {
		return false
	}
	if r.untilUTC {
		return t.Unix()-from > r.until.Unix()
	}
	return t.After(r.until)
}

func (r *rule) matches(day, length int, wd time.Weekday, startDay int) bool {
	if !r.anyDay && len(r.days) == 0 {
		return day == startDay
	}
	if r.anyDay && !r.monthDays[day] && !r.lastDays[length-day+1] {
		return false
	}
	if len(r.days) == 0 {
		return true
	}
	for _, d := range r.days {
		if d.day == wd && (d.n == 0 || d.n == (day-1)/7+1 || -d.n == (length-day)/7+1) {
			return true
		}
	}
	return false
}

func daysIn(y int, m time.Month) int {
	switch m {
	case time.April, time.June, time.September, time.November:
		return 30
	case time.February:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}
