package itip

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
)

// recurrence is what RRULE, RDATE and EXDATE of a master say.
type recurrence struct {
	rules   []*recur.Rule
	odd     bool // a rule could not be read; any instance is taken for one then
	rdates  map[key]bool
	exdates map[key]bool
	periods map[key]ical.Period // RDATE;VALUE=PERIOD by start
}

func (ob *object) recurrence() *recurrence {
	if ob.set != nil {
		return ob.set
	}
	s := &recurrence{rdates: map[key]bool{}, exdates: map[key]bool{}, periods: map[key]ical.Period{}}
	ob.set = s
	if ob.master == nil {
		return s
	}
	for p := range ob.master.All("RRULE") {
		r, err := recur.ParseRule(p.Value())
		if err != nil {
			s.odd = true
			continue
		}
		s.rules = append(s.rules, r)
	}
	s.odd = s.odd || ob.master.Prop("EXRULE") != nil
	for p := range ob.master.All("RDATE") {
		if strings.EqualFold(p.Param("VALUE"), "PERIOD") || strings.Contains(p.Value(), "/") {
			pers, err := p.Periods()
			if err != nil {
				continue
			}
			for _, per := range pers {
				k := ob.key(per.Start)
				s.rdates[k] = true
				s.periods[k] = per
			}
			continue
		}
		ob.addDates(s.rdates, p)
	}
	for p := range ob.master.All("EXDATE") {
		ob.addDates(s.exdates, p)
	}
	return s
}

func (ob *object) addDates(set map[key]bool, p *ical.Property) {
	list, err := p.DateTimes()
	if err != nil {
		return
	}
	for _, d := range list {
		set[ob.key(d)] = true
	}
}

// recurs reports whether the master has more than the one instance at DTSTART.
func (ob *object) recurs() bool {
	s := ob.recurrence()
	return len(s.rules) > 0 || len(s.rdates) > 0 || s.odd
}

// isInstance reports whether the master has the instance k, which an override may replace.
func (ob *object) isInstance(k key) bool {
	return !ob.recurrence().exdates[k] && ob.generates(k)
}

// generates is isInstance without a look at EXDATE.
func (ob *object) generates(k key) bool {
	if ob.master == nil || !ob.timed || k.kind == 0 {
		return false
	}
	s := ob.recurrence()
	if ob.point(ob.start) == k || s.rdates[k] {
		return true
	}
	if k.kind != ob.point(ob.start).kind {
		return false
	}
	at := ob.dateTime(k).Wall
	for _, r := range s.rules {
		// Around a change of clocks two wall times mean one instant, at most some hours apart.
		n := 0
		for w := range r.Walls(ob.start.Wall, at.Add(-3*time.Hour)) {
			d := ob.start
			d.Wall = w
			if p := ob.point(d); p == k {
				return ob.beforeUntil(r, d)
			}
			if n++; w.After(at.Add(3*time.Hour)) || n > 50_000 {
				break
			}
		}
	}
	return s.odd
}

// beforeUntil applies an UNTIL in UTC, which Walls compares as a clock reading.
func (ob *object) beforeUntil(r *recur.Rule, d ical.DateTime) bool {
	until, utc, ok := r.Until()
	if loc := ob.location(d); ok && utc && loc != nil {
		return !zone.Instant(d.Wall, loc).After(until)
	}
	return true
}

// canonicalRules returns the RRULEs of a master so that equal ones are equal: upper case, parts and lists sorted, defaults gone.
func canonicalRules(c *ical.Component) []string {
	var list []string
	for p := range c.All("RRULE") {
		var parts []string
		text := strings.ToUpper(strings.ReplaceAll(p.Value(), " ", ""))
		skips := strings.Contains(text, "SKIP=BACKWARD") || strings.Contains(text, "SKIP=FORWARD") // SKIP needs RSCALE
		for part := range strings.SplitSeq(text, ";") {
			name, value, _ := strings.Cut(part, "=")
			switch {
			case name == "", name == "INTERVAL" && value == "1", name == "WKST" && value == "MO":
				continue
			case name == "SKIP" && value == "OMIT", name == "RSCALE" && value == "GREGORIAN" && !skips: // RFC 7529 section 4.1
				continue
			case strings.HasPrefix(name, "BY"):
				items := strings.Split(value, ",")
				for i, s := range items {
					items[i] = strings.TrimPrefix(s, "+")
				}
				slices.Sort(items)
				part = name + "=" + strings.Join(slices.Compact(items), ",")
			}
			parts = append(parts, part)
		}
		slices.Sort(parts)
		list = append(list, strings.Join(parts, ";"))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// limit takes COUNT and UNTIL out of a canonical rule.
func limit(rule string) (core, count, until string) {
	var parts []string
	for part := range strings.SplitSeq(rule, ";") {
		if v, ok := strings.CutPrefix(part, "COUNT="); ok {
			count = v
		} else if v, ok := strings.CutPrefix(part, "UNTIL="); ok {
			until = v
		} else {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ";"), count, until
}

// fewer reports whether the rule b, with the same DTSTART, has only instances that the rule a has.
func (ob *object) fewer(a, b string) bool {
	if a == b {
		return true
	}
	coreA, countA, untilA := limit(a)
	coreB, _, _ := limit(b)
	if coreA != coreB {
		return false
	}
	if countA == "" && untilA == "" {
		return true
	}
	endA, ok := ob.lastWall(a)
	if !ok {
		return false
	}
	endB, ok := ob.lastWall(b)
	return ok && !endB.After(endA)
}

// maxWalls bounds how many instances are counted through to find the last one.
const maxWalls = 10_000

// lastWall returns the last wall time of a rule with an end.
func (ob *object) lastWall(rule string) (time.Time, bool) {
	_, count, until := limit(rule)
	if n, err := strconv.Atoi(count); count != "" && (err != nil || n > maxWalls) || count == "" && until == "" {
		return time.Time{}, false
	}
	r, err := recur.ParseRule(rule)
	if err != nil {
		return time.Time{}, false
	}
	if count == "" {
		// The end itself serves as well as the last instance before it.
		end, utc, ok := r.Until()
		if loc := ob.location(ob.start); utc && loc != nil {
			end = zone.Wall(end, loc)
		}
		return end, ok
	}
	var last time.Time
	n := 0
	for w := range r.Walls(ob.start.Wall, time.Time{}) {
		last = w
		if n++; n > maxWalls {
			return time.Time{}, false
		}
	}
	return last, n > 0
}

// isOver reports whether the whole object lies before now. Floating times end last west of Greenwich. A task that is due waits to be
// done: it is never over.
func (ob *object) isOver(now time.Time) bool {
	if ob.cal == nil || now.IsZero() {
		return false
	}
	any := false
	for _, k := range ob.all() {
		c := ob.get(k)
		if c.Name() == "VTODO" {
			return false
		}
		t := ob.timingOf(c)
		if t.end.kind == 0 || !ob.before(t.end, now) {
			return false
		}
		any = true
	}
	if ob.master == nil {
		return any
	}
	s := ob.recurrence()
	if s.odd {
		return false
	}
	t := ob.timingOf(ob.master)
	length := t.end.at - t.start.at
	for k := range s.rdates {
		end := key{k.kind, k.at + length}
		if per, ok := s.periods[k]; ok {
			if per.HasDuration {
				end.at = k.at + int64(per.Duration.Exact()/time.Second)
			} else {
				end = ob.point(per.End)
			}
		}
		if !ob.before(end, now) {
			return false
		}
	}
	for _, rule := range canonicalRules(ob.master) {
		last, ok := ob.lastWall(rule)
		if !ok {
			return false
		}
		d := ob.start
		d.Wall = last
		p := ob.point(d)
		if !ob.before(key{p.kind, p.at + length}, now) {
			return false
		}
	}
	return any
}

// before reports whether the moment k has passed everywhere.
func (ob *object) before(k key, now time.Time) bool {
	at := k.at
	if k.kind != 'u' {
		at += 12 * 3600
	}
	return at <= now.Unix()
}
