package itip

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"kalends/ical"
	"kalends/ical/zone"
)

// timing is when a component happens, so that equal times are equal however they are written.
type timing struct {
	start, end key // kind 0: not given
	zone       string
}

// timingOf reads DTSTART, and DTEND, DUE or DURATION.
func (ob *object) timingOf(c *ical.Component) timing {
	var t timing
	var first ical.DateTime
	given := false
	if p := c.Prop("DTSTART"); p != nil {
		if d, err := p.DateTime(); err == nil {
			first, given = d, true
			t.start = ob.point(d)
		}
	}
	switch {
	case c.Prop("DTEND") != nil || c.Prop("DUE") != nil:
		p := c.Prop("DTEND")
		if p == nil {
			p = c.Prop("DUE")
		}
		if d, err := p.DateTime(); err == nil {
			t.end = ob.point(d)
		}
	case given && c.Prop("DURATION") != nil:
		if dur, err := ical.ParseDuration(c.Value("DURATION")); err == nil {
			d := first
			if loc := ob.location(first); loc != nil {
				// Days are nominal, the rest is exact (RFC 5545 section 3.3.6).
				days := dur
				days.Time = 0
				at := zone.Instant(days.Add(first.Wall), loc)
				if dur.Negative {
					at = at.Add(-dur.Time)
				} else {
					at = at.Add(dur.Time)
				}
				t.end = key{'u', at.Unix()}
			} else {
				d.Wall = dur.Add(first.Wall)
				t.end = ob.point(d)
			}
		}
	case given && first.IsDate() && c.Name() == "VEVENT":
		t.end = key{'d', t.start.at + 24*3600}
	case given && c.Name() == "VEVENT":
		t.end = t.start
	}
	// The zone of a series decides about its later instances.
	if given && first.Form == ical.ZonedForm && (c.Prop("RRULE") != nil) {
		t.zone = first.TZID
		if name, ok := ob.res.Canonical(first.TZID); ok {
			t.zone = name
		}
	}
	return t
}

// rescheduled reports whether between old and new the time of instances changed, or instances were added, so that answers
// no longer hold (RFC 6638 section 3.2.8). Fewer instances are no reschedule. exdates says
// whether an EXDATE that is gone counts.
func rescheduled(a *object, old *ical.Component, b *object, new *ical.Component, exdates bool) bool {
	if a.timingOf(old) != b.timingOf(new) {
		return true
	}
	if new.Prop("RECURRENCE-ID") != nil || old.Prop("RECURRENCE-ID") != nil {
		return false
	}
	rules := canonicalRules(old)
	for _, r := range canonicalRules(new) {
		if !slices.ContainsFunc(rules, func(q string) bool { return b.fewer(q, r) }) {
			return true
		}
	}
	if a.master != old || b.master != new {
		return false
	}
	sa, sb := a.recurrence(), b.recurrence()
	for k := range sb.rdates {
		if !sa.rdates[k] && !sb.exdates[k] && !a.generates(k) {
			return true
		}
	}
	if exdates {
		for k := range sa.exdates {
			if !sb.exdates[k] && b.generates(k) {
				return true
			}
		}
	}
	return false
}

// retimed reports whether anything changed that RFC 5546 section 2.1.4 wants a higher SEQUENCE for.
func retimed(a *object, old *ical.Component, b *object, new *ical.Component) bool {
	if rescheduled(a, old, b, new, true) || isCancelled(old) != isCancelled(new) {
		return true
	}
	if old != a.master || new != b.master {
		return false
	}
	sa, sb := a.recurrence(), b.recurrence()
	return !slices.Equal(canonicalRules(old), canonicalRules(new)) ||
		!maps.Equal(sa.rdates, sb.rdates) || !maps.Equal(sa.exdates, sb.exdates)
}

// quiet are the properties whose change concerns nobody else, or which are compared in another way.
var quiet = map[string]bool{
	"DTSTAMP": true, "CREATED": true, "LAST-MODIFIED": true, "SEQUENCE": true, "TRANSP": true,
	"CATEGORIES": true, "COLOR": true, "ACKNOWLEDGED": true, "REQUEST-STATUS": true, "CLASS": true,
	"DTSTART": true, "DTEND": true, "DURATION": true, "DUE": true, "RECURRENCE-ID": true,
	"RRULE": true, "RDATE": true, "EXDATE": true, "EXRULE": true, "UID": true,
	"PERCENT-COMPLETE": true, "COMPLETED": true, "STATUS": true,
}

// face returns what people see of a component, without EXDATE, as one string: two components with the same face need
// no message between them.
func (ob *object) face(c *ical.Component) string {
	f, ok := ob.faces[c]
	if !ok {
		f = ob.makeFace(c)
		if c == ob.master || c.Prop("RECURRENCE-ID") != nil && ob.written(c) {
			if ob.faces == nil {
				ob.faces = map[*ical.Component]string{}
			}
			ob.faces[c] = f
		}
	}
	return f
}

// written reports whether c stands in the object, and was not derived.
func (ob *object) written(c *ical.Component) bool {
	p := c.Prop("RECURRENCE-ID")
	d, err := p.DateTime()
	return err == nil && ob.over[ob.key(d)] == c
}

func (ob *object) makeFace(c *ical.Component) string {
	var lines []string
	for _, p := range c.Props() {
		name := p.Name()
		switch {
		case quiet[name] || strings.HasPrefix(name, "X-") && !shown(name):
			continue
		case name == "ATTENDEE" || name == "ORGANIZER":
			lines = append(lines, person(p))
			continue
		}
		v := strings.TrimSpace(p.Text())
		if v == "" {
			continue
		}
		// PRIORITY:0 is the default (RFC 5545 section 3.8.1.9).
		if name == "PRIORITY" && v == "0" {
			continue
		}
		lines = append(lines, name+":"+v)
	}
	slices.Sort(lines)
	t := ob.timingOf(c)
	var b strings.Builder
	b.WriteString(c.Name())
	for _, k := range [...]key{t.start, t.end} {
		b.WriteByte('\n')
		b.WriteByte(k.kind)
		b.WriteString(strconv.FormatInt(k.at, 10))
	}
	b.WriteString("\n" + t.zone)
	if future(c) {
		b.WriteString("\nTHISANDFUTURE")
	}
	if s := strings.ToUpper(strings.TrimSpace(c.Value("STATUS"))); s != "" && s != "CONFIRMED" && c.Name() != "VTODO" || s == "CANCELLED" {
		b.WriteString("\n" + s)
	}
	for _, r := range canonicalRules(c) {
		b.WriteString("\n" + r)
	}
	if c == ob.master {
		for _, k := range slices.SortedFunc(maps.Keys(ob.recurrence().rdates), compareKeys) {
			b.WriteString("\n+" + strconv.FormatInt(k.at, 10))
		}
	}
	for _, l := range slices.Compact(lines) {
		b.WriteByte('\n')
		b.WriteString(l)
	}
	return b.String()
}

func compareKeys(a, b key) int {
	if a.at != b.at {
		if a.at < b.at {
			return -1
		}
		return 1
	}
	return int(a.kind) - int(b.kind)
}

// person is what others see of an ATTENDEE or ORGANIZER apart from the answer.
func person(p *ical.Property) string {
	s := p.Name() + ":" + ical.Address(p.Value())
	for _, name := range [...]string{"CN", "CUTYPE", "ROLE", "DELEGATED-TO", "DELEGATED-FROM", "SENT-BY"} {
		v := strings.Join(p.ParamValues(name), ",")
		if v == "" || name == "CUTYPE" && strings.EqualFold(v, "INDIVIDUAL") || name == "ROLE" && strings.EqualFold(v, "REQ-PARTICIPANT") {
			continue
		}
		s += ";" + name + "=" + v
	}
	return s
}
