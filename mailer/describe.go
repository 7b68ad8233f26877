package mailer

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
)

// moment is a time as it is told: a wall clock, and where it hangs.
type moment struct {
	wall  time.Time // Location UTC
	date  bool
	zone  string // how the zone is called, with its offset; "" for none
	short string // the zone's name alone
}

// moment returns a DATE-TIME as it is told to the reader: in its own zone, or, if it is in UTC, in theirs.
func (ev *event) moment(d ical.DateTime) moment {
	switch d.Form {
	case ical.DateForm:
		return moment{wall: d.Wall, date: true}
	case ical.UTCForm:
		at := time.Date(d.Wall.Year(), d.Wall.Month(), d.Wall.Day(), d.Wall.Hour(), d.Wall.Minute(), d.Wall.Second(), 0, time.UTC)
		return instantIn(at, ev.local)
	case ical.ZonedForm:
		loc, ok := ev.zones.Location(d.TZID)
		if !ok {
			return moment{wall: d.Wall, zone: line(d.TZID, 60), short: line(d.TZID, 60)}
		}
		name, ok := ev.zones.Canonical(d.TZID)
		if !ok {
			name = line(d.TZID, 60)
		}
		at := zone.Instant(d.Wall, loc)
		return moment{wall: zone.Wall(at, loc), zone: zoneLabel(name, at.In(loc)), short: name}
	}
	return moment{wall: d.Wall}
}

// instantIn tells an instant in a zone, or in UTC.
func instantIn(at time.Time, loc *time.Location) moment {
	if loc == nil {
		loc = time.UTC
	}
	return moment{wall: zone.Wall(at, loc), zone: zoneLabel(loc.String(), at.In(loc)), short: loc.String()}
}

func zoneLabel(name string, at time.Time) string {
	offset := at.Format("-07:00")
	if name == "UTC" || name == "Etc/UTC" {
		return "UTC"
	}
	return name + ", UTC" + strings.Replace(offset, "-", "−", 1)
}

// span returns the start and end of a component; end is nil where it has none of its own.
func (ev *event) span(c *ical.Component) (start, end *moment) {
	p := c.Prop("DTSTART")
	if p == nil {
		if p = c.Prop("DUE"); p == nil {
			return nil, nil
		}
	}
	d, err := p.DateTime()
	if err != nil {
		return nil, nil
	}
	from := ev.moment(d)
	for _, name := range []string{"DTEND", "DUE"} {
		if e := c.Prop(name); e != nil && e != p {
			if t, err := e.DateTime(); err == nil && (t.Form == ical.DateForm) == from.date {
				to := ev.moment(t)
				return &from, &to
			}
		}
	}
	if v := c.Value("DURATION"); v != "" {
		if dur, err := ical.ParseDuration(v); err == nil {
			end := d
			end.Wall = ical.Duration{Negative: dur.Negative, Days: dur.Days}.Add(d.Wall)
			if end.Form == ical.ZonedForm {
				// The exact part counts on the clock that never jumps (RFC 5545 section 3.3.6).
				loc, _ := ev.zones.Location(d.TZID)
				at := zone.Instant(end.Wall, loc)
				if exact := dur.Time; dur.Negative {
					at = at.Add(-exact)
				} else {
					at = at.Add(exact)
				}
				end.Wall = zone.Wall(at, loc)
			} else {
				end.Wall = ical.Duration{Negative: dur.Negative, Time: dur.Time}.Add(end.Wall)
			}
			to := ev.moment(end)
			return &from, &to
		}
	}
	return &from, nil
}

// when tells the time of a component in full, or shortly for a subject.
func (ev *event) when(l *catalogue, c *ical.Component) string {
	start, end := ev.span(c)
	if start == nil {
		return ""
	}
	return l.span(*start, end)
}

func (l *catalogue) span(start moment, end *moment) string {
	if start.date {
		s := l.Long(start.wall)
		if end != nil {
			// DTEND is the day after the last.
			if last := end.wall.AddDate(0, 0, -1); last.After(start.wall) {
				s += " – " + l.Long(last)
			}
		}
		return s + " (" + l.allDay + ")"
	}
	s := l.Long(start.wall) + ", " + l.Clock(start.wall)
	zone := start.zone
	if zone == "" {
		zone = l.floating
	}
	switch {
	case end == nil || end.wall.Equal(start.wall) && end.zone == start.zone:
	case end.short != start.short:
		return s + " (" + zone + ") – " + l.Long(end.wall) + ", " + l.Clock(end.wall) + " (" + end.zone + ")"
	case sameDay(start.wall, end.wall):
		s += "–" + l.Clock(end.wall)
	default:
		s += " – " + l.Long(end.wall) + ", " + l.Clock(end.wall)
	}
	return s + " (" + zone + ")"
}

// brief tells a start for a subject.
func (l *catalogue) brief(m moment) string {
	if m.date {
		return l.shortDate(l, m.wall)
	}
	return l.shortDate(l, m.wall) + ", " + l.Clock(m.wall)
}

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}

// maxExceptions is how many dates of a series are told one by one.
const maxExceptions = 6

// exceptions tells the dates of a series that do not take place, or at another time.
func (ev *event) exceptions(l *catalogue) string {
	var list []string
	more := 0
	add := func(s string) {
		if len(list) < maxExceptions {
			list = append(list, s)
		} else {
			more++
		}
	}
	for p := range ev.main.All("EXDATE") {
		dates, err := p.DateTimes()
		if err != nil {
			continue
		}
		for _, d := range dates {
			add(l.brief(ev.moment(d)))
		}
	}
	for c := range ev.cal.Main() {
		p := c.Prop("RECURRENCE-ID")
		if p == nil || c == ev.main {
			continue
		}
		d, err := p.DateTime()
		start, _ := ev.span(c)
		if err != nil || start == nil {
			continue
		}
		was := ev.moment(d)
		switch {
		case strings.EqualFold(c.Value("STATUS"), "CANCELLED"):
			add(l.brief(was))
		case !was.wall.Equal(start.wall) || was.short != start.short:
			add(l.brief(was) + " → " + l.brief(*start))
		default:
			add(l.brief(was) + " (" + l.changed + ")")
		}
	}
	s := strings.Join(list, "; ")
	if more > 0 {
		s += " " + fmt.Sprintf(l.more, more)
	}
	return s
}

var ruleDays = map[string]time.Weekday{"SU": 0, "MO": 1, "TU": 2, "WE": 3, "TH": 4, "FR": 5, "SA": 6}

// ruleWords tells a recurrence rule in words, if it is one of those that people make; of others it says that there is one.
func (ev *event) ruleWords(l *catalogue) string {
	raw := ev.main.Value("RRULE")
	if raw == "" {
		if ev.main.Prop("RDATE") != nil {
			return l.rule.custom
		}
		return ""
	}
	parts := make(map[string]string)
	for part := range strings.SplitSeq(strings.ToUpper(raw), ";") {
		if name, value, ok := strings.Cut(part, "="); ok {
			parts[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	words, ok := l.ruleBody(parts)
	scale, known := l.rule.scales[parts["RSCALE"]]
	if !ok || !known {
		return l.rule.custom
	}
	words += scale
	if n, err := strconv.Atoi(parts["COUNT"]); err == nil && n > 0 {
		words += fmt.Sprintf(l.rule.times, n)
	} else if until := parts["UNTIL"]; until != "" {
		d, err := ical.ParseDateTime(until, "")
		if err != nil {
			return l.rule.custom
		}
		if start := ev.main.Prop("DTSTART"); d.Form == ical.UTCForm && start != nil {
			// UNTIL is in UTC, the reader's day is that of the zone of the series.
			if loc, ok := ev.zones.Location(start.Param("TZID")); ok {
				d.Wall = zone.Wall(d.Wall, loc)
			}
		}
		words += fmt.Sprintf(l.rule.until, strings.TrimSpace(l.Long(d.Wall)))
	}
	return words
}

func (l *catalogue) ruleBody(parts map[string]string) (string, bool) {
	for _, rare := range []string{"BYHOUR", "BYMINUTE", "BYSECOND", "BYYEARDAY", "BYWEEKNO"} {
		if parts[rare] != "" {
			return "", false
		}
	}
	phrase, ok := l.rule.every[parts["FREQ"]]
	if !ok {
		return "", false
	}
	interval := 1
	if v := parts["INTERVAL"]; v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return "", false
		}
		interval = n
	}
	words := phrase[0]
	if interval > 1 {
		words = fmt.Sprintf(phrase[1], interval)
	}
	days, setpos, monthdays := parts["BYDAY"], parts["BYSETPOS"], parts["BYMONTHDAY"]
	switch parts["FREQ"] {
	case "WEEKLY", "DAILY":
		if setpos != "" || monthdays != "" || parts["BYMONTH"] != "" {
			return "", false
		}
		if days == "" {
			return words, true
		}
		if interval == 1 && days == "MO,TU,WE,TH,FR" {
			return l.rule.workdays, true
		}
		var names []string
		for d := range strings.SplitSeq(days, ",") {
			wd, ok := ruleDays[strings.TrimSpace(d)]
			if !ok {
				return "", false
			}
			names = append(names, l.Weekdays[wd])
		}
		return words + fmt.Sprintf(l.rule.on, l.list(names)), true
	case "MONTHLY":
		if parts["BYMONTH"] != "" || days != "" && monthdays != "" {
			return "", false
		}
		if monthdays != "" {
			return l.monthDays(words, monthdays)
		}
		if days != "" {
			return l.nthDays(words, days, setpos)
		}
		return words, setpos == ""
	case "YEARLY":
		return words, days == "" && setpos == "" && !strings.Contains(parts["BYMONTH"], ",") && !strings.Contains(monthdays, ",")
	}
	return words, days == "" && setpos == "" && monthdays == "" && parts["BYMONTH"] == ""
}

func (l *catalogue) monthDays(words, days string) (string, bool) {
	var names []string
	for d := range strings.SplitSeq(days, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(d))
		switch {
		case err != nil || n < -1 || n == 0 || n > 31:
			return "", false
		case n == -1:
			names = append(names, l.rule.lastDay)
		default:
			names = append(names, l.rule.dayOfMonth(n))
		}
	}
	return words + fmt.Sprintf(l.rule.onDay, l.list(names)), true
}

func (l *catalogue) nthDays(words, days, setpos string) (string, bool) {
	var names []string
	for d := range strings.SplitSeq(days, ",") {
		d = strings.TrimSpace(d)
		if len(d) < 2 {
			return "", false
		}
		wd, ok := ruleDays[d[len(d)-2:]]
		nth := d[:len(d)-2]
		if nth == "" {
			nth = setpos
		} else if setpos != "" {
			return "", false
		}
		n, err := strconv.Atoi(nth)
		if !ok || err != nil || l.rule.ordinals[n] == "" || setpos != "" && strings.Contains(days, ",") {
			return "", false
		}
		names = append(names, l.rule.nth(l, l.rule.ordinals[n], wd))
	}
	return words + fmt.Sprintf(l.rule.onThe, l.list(names)), true
}

// parseHTTPS returns the URL in its normal form if it is an absolute https one without user name, else "".
func parseHTTPS(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Opaque != "" {
		return ""
	}
	return u.String()
}
