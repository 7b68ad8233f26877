package ical

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Form tells the forms of DATE and DATE-TIME values apart (RFC 5545 sections 3.3.4 and 3.3.5).
type Form uint8

// The forms of a [DateTime].
const (
	DateForm     Form = iota // 20260105
	FloatingForm             // 20260105T090000
	UTCForm                  // 20260105T090000Z
	ZonedForm                // TZID=Europe/Berlin:20260105T090000
)

// DateTime is a DATE or DATE-TIME value.
type DateTime struct {
	Wall time.Time // the wall clock time; its Location is UTC whatever the zone
	Form Form
	TZID string // of a ZonedForm, as it is written
}

const (
	dateLayout = "20060102"
	timeLayout = "20060102T150405"
)

// IsDate reports whether d is a DATE.
func (d DateTime) IsDate() bool { return d.Form == DateForm }

// String returns the value as it is written, without parameters.
func (d DateTime) String() string {
	switch d.Form {
	case DateForm:
		return d.Wall.Format(dateLayout)
	case UTCForm:
		return d.Wall.Format(timeLayout + "Z")
	}
	return d.Wall.Format(timeLayout)
}

// Property returns a property of that name with d as its value and the parameters it needs.
func (d DateTime) Property(name string) *Property {
	p := NewProperty(name, d.String())
	d.setParams(p)
	return p
}

func (d DateTime) setParams(p *Property) {
	p.RemoveParam("VALUE")
	p.RemoveParam("TZID")
	switch d.Form {
	case DateForm:
		p.SetParam("VALUE", "DATE")
	case ZonedForm:
		p.SetParam("TZID", d.TZID)
	}
}

// SetDateTime gives the property the value d and the parameters it needs; other parameters stay.
func (p *Property) SetDateTime(d DateTime) {
	if old, err := p.DateTime(); err == nil && old == d {
		return
	}
	d.setParams(p)
	p.SetValue(d.String())
}

// ParseDateTime reads a DATE or DATE-TIME. A tzid other than "" makes a value without Z a
// ZonedForm. Second 60 is read as 59, because Go's clock has no leap second.
func ParseDateTime(value, tzid string) (DateTime, error) {
	v := strings.TrimSpace(value)
	bad := func() (DateTime, error) {
		return DateTime{}, fmt.Errorf("bad date or date-time %s", excerpt(value))
	}
	d := DateTime{Form: FloatingForm}
	if n := len(v); n == 16 && (v[15] == 'Z' || v[15] == 'z') {
		d.Form, v = UTCForm, v[:15]
	}
	if len(v) != 8 && (len(v) != 15 || v[8] != 'T' && v[8] != 't') {
		return bad()
	}
	num := func(i, j int) int {
		n := 0
		for ; i < j; i++ {
			if v[i] < '0' || v[i] > '9' {
				return math.MinInt32
			}
			n = n*10 + int(v[i]-'0')
		}
		return n
	}
	year, month, day := num(0, 4), num(4, 6), num(6, 8)
	hour, minute, sec := 0, 0, 0
	if len(v) == 8 {
		d.Form = DateForm
	} else {
		hour, minute, sec = num(9, 11), num(11, 13), num(13, 15)
		if sec == 60 {
			sec = 59
		}
		if d.Form != UTCForm && tzid != "" {
			d.Form, d.TZID = ZonedForm, tzid
		}
	}
	if year < 0 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || sec < 0 || sec > 59 {
		return bad()
	}
	d.Wall = time.Date(year, time.Month(month), day, hour, minute, sec, 0, time.UTC)
	if d.Wall.Day() != day {
		return bad()
	}
	return d, nil
}

// DateTime returns the value as a DATE or DATE-TIME.
func (p *Property) DateTime() (DateTime, error) {
	d, err := ParseDateTime(p.value, p.Param("TZID"))
	if err != nil {
		return d, fmt.Errorf("%s: %w", p.name, err)
	}
	return d, nil
}

// DateTimes returns a comma-separated list of DATE or DATE-TIME values. Of VALUE=PERIOD it returns the
// starts (RFC 5545 section 3.8.5.2).
func (p *Property) DateTimes() ([]DateTime, error) {
	if strings.TrimSpace(p.value) == "" {
		return nil, nil
	}
	tzid := p.Param("TZID")
	list := make([]DateTime, 0, 1+strings.Count(p.value, ","))
	for part := range strings.SplitSeq(p.value, ",") {
		if start, _, ok := strings.Cut(part, "/"); ok {
			part = start
		}
		d, err := ParseDateTime(part, tzid)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		list = append(list, d)
	}
	return list, nil
}

// Period is a PERIOD value (RFC 5545 section 3.3.9): from Start to End, or, where HasDuration, for a Duration.
type Period struct {
	Start, End  DateTime
	Duration    Duration
	HasDuration bool
}

// ParsePeriod reads a PERIOD; tzid is as in [ParseDateTime].
func ParsePeriod(value, tzid string) (Period, error) {
	first, second, ok := strings.Cut(strings.TrimSpace(value), "/")
	if !ok {
		return Period{}, fmt.Errorf("bad period %s", excerpt(value))
	}
	var per Period
	var err error
	if per.Start, err = ParseDateTime(first, tzid); err != nil {
		return Period{}, err
	}
	if strings.ContainsAny(second, "Pp") {
		per.HasDuration = true
		per.Duration, err = ParseDuration(second)
	} else {
		per.End, err = ParseDateTime(second, tzid)
	}
	return per, err
}

// Periods returns a comma-separated list of PERIOD values.
func (p *Property) Periods() ([]Period, error) {
	if strings.TrimSpace(p.value) == "" {
		return nil, nil
	}
	tzid := p.Param("TZID")
	var list []Period
	for part := range strings.SplitSeq(p.value, ",") {
		per, err := ParsePeriod(part, tzid)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		list = append(list, per)
	}
	return list, nil
}

// Duration is a DURATION value (RFC 5545 section 3.3.6). Weeks and days are nominal: a day is what the
// wall clock takes for one, 23 to 25 hours where clocks change.
type Duration struct {
	Negative bool
	Days     int           // weeks counted as seven
	Time     time.Duration // hours, minutes and seconds: exact
}

// maxDuration bounds both parts of a Duration: about 270 years.
const maxDays = 100_000

var errDuration = errors.New("bad duration")

// ParseDuration reads a DURATION. Beside the grammar it takes what clients write: weeks with other
// parts, PT2D for P2D, and lower case.
func ParseDuration(value string) (Duration, error) {
	s := strings.ToUpper(strings.TrimSpace(value))
	bad := func() (Duration, error) { return Duration{}, fmt.Errorf("%w %s", errDuration, excerpt(value)) }
	var d Duration
	if s != "" && (s[0] == '+' || s[0] == '-') {
		d.Negative, s = s[0] == '-', s[1:]
	}
	if s == "" || s[0] != 'P' {
		return bad()
	}
	s = s[1:]
	parts := 0
	inTime := false
	for s != "" {
		if s[0] == 'T' {
			inTime, s = true, s[1:]
			continue
		}
		i := 0
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		n, err := strconv.ParseInt(s[:i], 10, 64)
		if err != nil || i == len(s) || n > maxDays*86400 {
			return bad()
		}
		switch unit := s[i]; {
		case unit == 'W' && n <= maxDays/7:
			d.Days += int(n) * 7
		case unit == 'D' && n <= maxDays:
			d.Days += int(n)
		case unit == 'H' && inTime && n <= maxDays*24:
			d.Time += time.Duration(n) * time.Hour
		case unit == 'M' && inTime && n <= maxDays*1440:
			d.Time += time.Duration(n) * time.Minute
		case unit == 'S' && inTime:
			d.Time += time.Duration(n) * time.Second
		default:
			return bad()
		}
		if parts++; parts > 8 || d.Days > maxDays || d.Time > maxDays*24*time.Hour || d.Time < 0 {
			return bad()
		}
		s = s[i+1:]
	}
	if parts == 0 {
		return bad()
	}
	return d, nil
}

// Add returns the wall clock time d after (or before) wall.
func (d Duration) Add(wall time.Time) time.Time {
	if d.Negative {
		return wall.AddDate(0, 0, -d.Days).Add(-d.Time)
	}
	return wall.AddDate(0, 0, d.Days).Add(d.Time)
}

// Exact returns d with days of 24 hours.
func (d Duration) Exact() time.Duration {
	n := time.Duration(d.Days)*24*time.Hour + d.Time
	if d.Negative {
		return -n
	}
	return n
}

// DurationOf returns the exact time t as a Duration, with whole days as days.
func DurationOf(t time.Duration) Duration {
	d := Duration{Negative: t < 0}
	if t < 0 {
		t = -t
	}
	d.Days = int(t / (24 * time.Hour))
	d.Time = t % (24 * time.Hour)
	return d
}

// String returns the value as it is written.
func (d Duration) String() string {
	b := make([]byte, 0, 16)
	if d.Negative {
		b = append(b, '-')
	}
	b = append(b, 'P')
	switch {
	case d.Days != 0 && d.Days%7 == 0 && d.Time == 0:
		return string(append(strconv.AppendInt(b, int64(d.Days/7), 10), 'W'))
	case d.Days != 0:
		b = append(strconv.AppendInt(b, int64(d.Days), 10), 'D')
	case d.Time == 0:
		return string(append(b, "T0S"...))
	}
	if d.Time != 0 {
		b = append(b, 'T')
	}
	for _, u := range []struct {
		n time.Duration
		c byte
	}{{d.Time / time.Hour, 'H'}, {d.Time / time.Minute % 60, 'M'}, {d.Time / time.Second % 60, 'S'}} {
		if u.n != 0 {
			b = append(strconv.AppendInt(b, int64(u.n), 10), u.c)
		}
	}
	return string(b)
}
