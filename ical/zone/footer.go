package zone

import (
	"fmt"
	"strings"
	"time"
)

// footerOf gives the POSIX TZ string (RFC 9636 section 3.3) that continues the observances after the year last, or "" when they
// have none: two endless yearly rules that hand over to each other, and nothing else that lasts so long.
func footerOf(list []observance) (footer string, last int) {
	last = footerYear
	var ends []*observance
	for i := range list {
		o := &list[i]
		last = max(last, o.start.Year()+1)
		for _, d := range o.dates {
			last = max(last, d.Year()+1)
		}
		for j := range o.rules {
			switch r := &o.rules[j]; {
			case r.infinite():
				ends = append(ends, o)
			case r.count > 0:
				last = max(last, o.start.Year()+r.count*r.interval)
			default:
				last = max(last, r.until.Year()+1)
			}
		}
	}
	if last > lastYear || len(ends) != 2 || len(ends[0].rules) != 1 || len(ends[1].rules) != 1 {
		return "", lastYear
	}
	if footer = posixString(ends[0], ends[1]); footer == "" {
		return "", lastYear
	}
	return footer, last
}

func posixString(std, dst *observance) string {
	if std.to > dst.to {
		std, dst = dst, std
	}
	if std.to == dst.to || std.to != dst.from || std.from != dst.to {
		return ""
	}
	toDST, ok1 := posixRule(dst)
	toStd, ok2 := posixRule(std)
	if !ok1 || !ok2 {
		return ""
	}
	return posixZone(std) + posixZone(dst) + "," + toDST + "," + toStd
}

func posixZone(o *observance) string {
	return "<" + abbreviation(o.name, o.to) + ">" + posixTime(-o.to)
}

func posixTime(sec int) string {
	s := formatOffset(sec)
	t := strings.TrimPrefix(s[:3], "+") + ":" + s[3:5]
	if len(s) > 5 {
		t += ":" + s[5:]
	}
	return t
}

// posixRule writes the onset of an observance as Mm.w.d/time or Jn/time.
func posixRule(o *observance) (string, bool) {
	month, ok := o.rules[0].oneMonth(o.start)
	// Go reckons the year of a rule in UTC, so a rule near New Year may be taken for the wrong one.
	if !ok || month == time.January || month == time.December {
		return "", false
	}
	sec := o.start.Hour()*3600 + o.start.Minute()*60 + o.start.Second()
	if day, ok := o.rules[0].oneDay(o.start, month); ok {
		n := time.Date(2001, month, day, 0, 0, 0, 0, time.UTC).YearDay() // J never counts 29 February
		return fmt.Sprintf("J%d/%s", n, posixTime(sec)), true
	}
	week, day, shift, ok := o.rules[0].oneWeek(month)
	if !ok {
		return "", false
	}
	// The Saturday from the 24th to the 30th is the day before the last Sunday: its 23:00 is that Sunday's -1:00.
	return fmt.Sprintf("M%d.%d.%d/%s", month, week, (day-shift+7)%7, posixTime(sec+shift*24*3600)), true
}

// oneMonth gives the month of a rule that has a single one in every year.
func (r *rule) oneMonth(start time.Time) (month time.Month, ok bool) {
	if r.interval != 1 {
		return 0, false
	}
	if !r.anyMonth {
		return start.Month(), true
	}
	for m, set := range r.months {
		if set && month != 0 {
			return 0, false
		}
		if set {
			month = time.Month(m)
		}
	}
	return month, true
}

// oneDay gives the day of the month of a rule that has a single one by number.
func (r *rule) oneDay(start time.Time, month time.Month) (day int, ok bool) {
	if len(r.days) > 0 {
		return 0, false
	}
	day = start.Day()
	if r.anyDay {
		days := r.setDays()
		if len(days) != 1 || r.lastDays != [32]bool{} {
			return 0, false
		}
		day = days[0]
	}
	return day, day <= daysIn(2001, month)
}

// oneWeek sees whether the rule means one weekday among seven following days of the month: those of a week (5 is the last)
// moved by up to three days.
func (r *rule) oneWeek(month time.Month) (week, day, shift int, ok bool) {
	if len(r.days) != 1 {
		return 0, 0, 0, false
	}
	n, day := r.days[0].n, int(r.days[0].day)
	switch {
	case !r.anyDay && n >= 1 && n <= 4:
		return n, day, 0, true
	case !r.anyDay && n == -1:
		return 5, day, 0, true
	case !r.anyDay || n != 0 || r.lastDays != [32]bool{}:
		return 0, 0, 0, false
	}
	days := r.setDays()
	if len(days) != 7 || days[6]-days[0] != 6 {
		return 0, 0, 0, false
	}
	if last := daysIn(2001, month) - 6; month != time.February && days[0] > 22 {
		return 5, day, days[0] - last, true
	}
	week = min((days[0]+2)/7+1, 4)
	shift = days[0] - (7*week - 6)
	return week, day, shift, shift <= 3 // in February the 25th is not 3 days from anything that every year has
}

// setDays lists the days of BYMONTHDAY that count from the start of the month.
func (r *rule) setDays() []int {
	var days []int
	for d, set := range r.monthDays {
		if set {
			days = append(days, d)
		}
	}
	return days
}
