package zone

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"kalends/ical"
)

// change is one moment at which a zone changes its offset or the name of its time.
type change struct {
	at       int64
	from, to int
	name     string
	summer   bool // daylight saving time begins or ends
}

func (c *change) wall() time.Time { return time.Unix(c.at+int64(c.from), 0).UTC() }

// daylight: the half of the year with the greater offset, whichever of the two the law calls standard (Dublin's is
// the summer).
func (c *change) daylight() bool { return c.summer && c.to > c.from }

// VTimezone writes the VTIMEZONE (RFC 5545 section 3.6.5) of the IANA zone name, which also becomes its TZID. It is right
// from from to to, and where the zone has a regular yearly rule by then, for ever after: it then ends in one yearly RRULE
// for each half. Zones without one (Casablanca, whose clocks follow the moon, and Cairo, whose last Thursday 24:00 no rule of
// a month expresses) have their onsets listed up to to. Years before 1800 and after 2100 are not looked at.
func VTimezone(name string, from, to time.Time) (*ical.Component, error) {
	loc, ok := Load(name)
	if !ok {
		return nil, fmt.Errorf("time zone %.80q is not in the database", name)
	}
	if to.Before(from) {
		return nil, fmt.Errorf("VTIMEZONE %s: the end %v is before the start %v", name, to, from)
	}
	first, end := max(from.Unix(), tableFrom), min(to.Unix(), tableUntil)
	v := ical.New("VTIMEZONE")
	v.Add(ical.NewText("TZID", name))

	h := historyOf(name, loc)
	all, rules, ruled := h.changes, h.rules, h.ruled
	// The rules end it when they are in force by then or soon after; else it ends with its last change.
	ends := ruled+1 < len(all) && all[ruled].at <= end+2*366*24*3600
	now := -1 // the change in force at first
	for i := range all {
		if all[i].at <= first {
			now = i
		}
	}
	var g groups
	switch {
	case now >= ruled && ends: // the rules alone do
	case now < 0 || all[now].wall().Year() < 1970 && first > 2*24*3600:
		// Programs know nothing of LMT; to them every zone begins in 1970.
		t := time.Unix(first, 0).In(loc)
		abbr, off := t.Zone()
		start := time.Unix(min(0, first-2*24*3600), 0).UTC()
		g.add(change{at: start.Unix() - int64(off), from: off, to: off, name: abbr})
	default:
		g.add(all[now])
	}
	for i := now + 1; i < ruled && (ends || all[i].at <= end); i++ {
		g.add(all[i])
	}
	for _, o := range g.list {
		v.AddChild(o.component(""))
	}
	if ends {
		for i := ruled; i < ruled+2; i++ {
			c := all[i]
			o := group{change: c}
			v.AddChild(o.component(ruleOf(rules, &c).text))
		}
	}
	return v, nil
}

// history is what VTimezone needs of a zone; it takes longer to find than to print.
type history struct {
	changes []change
	rules   []yearlyRule // two or none
	ruled   int          // the first change from which on the rules hold; len(changes) if none
}

// historyOf returns the history of a zone that Load gave out.
func historyOf(name string, loc *time.Location) *history {
	v, ok := loaded.Load(name)
	if !ok {
		return newHistory(name, loc)
	}
	z := v.(*loadedZone)
	z.historyOnce.Do(func() { z.history = newHistory(name, loc) })
	return z.history
}

func newHistory(name string, loc *time.Location) *history {
	h := &history{changes: changes(loc, tableUntil), rules: yearly(archiveIndex().files[name].data)}
	h.ruled = len(h.changes)
	if h.rules != nil {
		h.ruled = ruledFrom(h.changes, h.rules)
	}
	return h
}

// changes lists the changes of loc from 1800 to an instant.
func changes(loc *time.Location, until int64) []change {
	var list []change
	before := time.Unix(tableFrom, 0).In(loc)
	abbr, off := before.Zone()
	_, end, more := period(tableFrom, loc)
	for more && end <= until {
		at := end
		_, end, more = period(at, loc)
		after := time.Unix(at, 0).In(loc)
		name, o := after.Zone()
		if o != off || name != abbr {
			list = append(list, change{at: at, from: off, to: o, name: name, summer: before.IsDST() || after.IsDST()})
		}
		before, abbr, off = after, name, o
	}
	return list
}

// groups gathers changes of one kind into one observance with RDATEs.
type groups struct{ list []*group }

type group struct {
	change
	more []string
}

func (g *groups) add(c change) {
	for _, o := range g.list {
		if o.from == c.from && o.to == c.to && o.name == c.name && o.daylight() == c.daylight() {
			o.more = append(o.more, c.wall().Format("20060102T150405"))
			return
		}
	}
	g.list = append(g.list, &group{change: c})
}

func (o *group) component(rrule string) *ical.Component {
	kind := "STANDARD"
	if o.daylight() {
		kind = "DAYLIGHT"
	}
	c := ical.New(kind)
	c.Add(ical.NewProperty("DTSTART", o.wall().Format("20060102T150405")))
	c.Add(ical.NewProperty("TZOFFSETFROM", formatOffset(o.from)))
	c.Add(ical.NewProperty("TZOFFSETTO", formatOffset(o.to)))
	c.Add(ical.NewText("TZNAME", o.name))
	if rrule != "" {
		c.Add(ical.NewProperty("RRULE", rrule))
	}
	if len(o.more) > 0 {
		c.Add(ical.NewProperty("RDATE", strings.Join(o.more, ",")))
	}
	return c
}

// yearlyRule is one half of the rule at the end of a zone file.
type yearlyRule struct {
	rule
	text     string // as RRULE
	from, to int
	clock    int // seconds after midnight
}

// yearly reads the two rules in the footer of a zone file, or gives nil when there is none or it cannot be said as an RRULE.
func yearly(data string) []yearlyRule {
	footer := strings.TrimSuffix(data, "\n")
	footer = footer[strings.LastIndexByte(footer, '\n')+1:]
	parts := strings.Split(footer, ",")
	if len(parts) != 3 {
		return nil
	}
	std, dst, ok := posixOffsets(parts[0])
	if !ok {
		return nil
	}
	toDST, ok1 := monthRule(parts[1], std, dst)
	toStd, ok2 := monthRule(parts[2], dst, std)
	if !ok1 || !ok2 {
		return nil
	}
	return []yearlyRule{toDST, toStd}
}

// posixOffsets reads "CET-1CEST" and "<-03>3<-02>2:30".
func posixOffsets(s string) (std, dst int, ok bool) {
	rest, ok := afterName(s)
	if !ok {
		return 0, 0, false
	}
	i := strings.IndexFunc(rest, func(r rune) bool { return r != '-' && r != '+' && r != ':' && (r < '0' || r > '9') })
	if i < 0 {
		return 0, 0, false
	}
	if std, ok = posixSeconds(rest[:i]); !ok {
		return 0, 0, false
	}
	if rest, ok = afterName(rest[i:]); !ok {
		return 0, 0, false
	}
	if rest == "" {
		return -std, -std + 3600, true
	}
	dst, ok = posixSeconds(rest)
	return -std, -dst, ok
}

func afterName(s string) (string, bool) {
	if strings.HasPrefix(s, "<") {
		_, rest, ok := strings.Cut(s, ">")
		return rest, ok
	}
	rest := strings.TrimLeft(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
	return rest, len(rest) < len(s)
}

// posixSeconds reads [+-]h[h[h]][:mm[:ss]].
func posixSeconds(s string) (int, bool) {
	sign := 1
	if strings.HasPrefix(s, "-") {
		sign = -1
	}
	s = strings.TrimLeft(s, "+-")
	sec, unit := 0, 3600
	for part := range strings.SplitSeq(s, ":") {
		n, err := strconv.Atoi(part)
		if err != nil || unit == 0 {
			return 0, false
		}
		sec += n * unit
		unit /= 60
	}
	return sign * sec, true
}

// monthRule turns Mm.w.d/time into an RRULE. The time may lie before or after the day (24:00 is the next midnight), and
// then the weekday and the days of the month move along.
func monthRule(s string, from, to int) (yearlyRule, bool) {
	when, clock, hasClock := strings.Cut(s, "/")
	sec := 2 * 3600
	if hasClock {
		var ok bool
		if sec, ok = posixSeconds(clock); !ok {
			return yearlyRule{}, false
		}
	}
	var month, week, day int
	if n, err := fmt.Sscanf(when, "M%d.%d.%d", &month, &week, &day); n != 3 || err != nil ||
		month < 1 || month > 12 || week < 1 || week > 5 || day < 0 || day > 6 {
		return yearlyRule{}, false
	}
	shift := 0
	for ; sec < 0; sec += 24 * 3600 {
		shift--
	}
	for ; sec >= 24*3600; sec -= 24 * 3600 {
		shift++
	}
	day = ((day+shift)%7 + 7) % 7
	length := daysIn(2001, time.Month(month))
	first := 7*(week-1) + 1 + shift // of the seven days that the weekday may fall on
	if week == 5 {
		first = length - 6 + shift
	}
	by := ""
	switch {
	case shift == 0 && week == 5:
		by = "BYDAY=-1" + weekdays[day]
	case shift == 0:
		by = fmt.Sprintf("BYDAY=%d%s", week, weekdays[day])
	case first < 1 || first+6 > length || week == 5 && month == 2:
		return yearlyRule{}, false
	default:
		for i := range 7 {
			by += fmt.Sprintf(",%d", first+i)
		}
		by = "BYMONTHDAY=" + by[1:] + ";BYDAY=" + weekdays[day]
	}
	y := yearlyRule{text: fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d;%s", month, by), from: from, to: to, clock: sec}
	var err error
	y.rule, err = parseRule(y.text)
	return y, err == nil
}

// ruleOf gives the rule that c is an onset of, or nil.
func ruleOf(rules []yearlyRule, c *change) *yearlyRule {
	wall := c.wall()
	for i := range rules {
		r := &rules[i]
		if r.from == c.from && r.to == c.to && r.months[wall.Month()] &&
			wall.Hour()*3600+wall.Minute()*60+wall.Second() == r.clock &&
			r.matches(wall.Day(), daysIn(wall.Year(), wall.Month()), wall.Weekday(), wall.Day()) {
			return r
		}
	}
	return nil
}

// ruledFrom is the index of the first change from which on all are onsets of the two rules, in turn and without a gap of
// a year; the length of all when even the last is not.
func ruledFrom(all []change, rules []yearlyRule) int {
	i := len(all)
	for i > 0 {
		c := &all[i-1]
		r := ruleOf(rules, c)
		if r == nil {
			break
		}
		if i < len(all) {
			next := &all[i]
			if next.from != c.to || next.at-c.at > 340*24*3600 || ruleOf(rules, next).text == r.text {
				break
			}
		}
		i--
	}
	return i
}
