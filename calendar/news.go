package calendar

import (
	"slices"
	"strings"

	"kalends/ical"
	"kalends/scheduling"
	"kalends/scheduling/itip"
)

// news returns what a request says that the copy did not: an inbox item tells of a change (RFC 6638 section 4.1), and of a series of
// which one instance is new people want to see that one. All of it where it is all new, or nothing is.
func news(m itip.Message, old *ical.Component) *ical.Component {
	if old == nil || m.Method != itip.Request {
		return m.Calendar
	}
	have := map[string]string{}
	for c := range old.Main() {
		have[instanceOf(c)] = said(c)
	}
	drop := map[*ical.Component]bool{}
	n := 0
	for c := range m.Calendar.Main() {
		n++
		switch was, ok := have[instanceOf(c)]; {
		case ok && was == said(c):
			drop[c] = true
		case c.Prop("RECURRENCE-ID") == nil:
			return m.Calendar // a series without its exceptions would say what is not so
		}
	}
	if len(drop) == 0 || len(drop) == n {
		return m.Calendar
	}
	return without(m.Calendar, drop)
}

// without returns a calendar without some of its components.
func without(cal *ical.Component, drop map[*ical.Component]bool) *ical.Component {
	rest := ical.New(cal.Name())
	for _, p := range cal.Props() {
		rest.Add(p)
	}
	for _, c := range cal.Children() {
		if !drop[c] {
			rest.AddChild(c)
		}
	}
	return rest
}

// instanceOf names a component of an object, as it is written.
func instanceOf(c *ical.Component) string {
	p := c.Prop("RECURRENCE-ID")
	if p == nil {
		return ""
	}
	return p.Param("TZID") + ":" + p.Value()
}

// said is what an organizer says in a component, without what changes by itself or is its reader's own.
func said(c *ical.Component) string {
	var lines []string
	for _, p := range c.Props() {
		switch p.Name() {
		case "DTSTAMP", "LAST-MODIFIED", "CREATED", "SEQUENCE", "TRANSP", "COMMENT":
			continue
		case "ATTENDEE", "ORGANIZER":
			lines = append(lines, p.Name()+":"+ical.Address(p.Value()))
			continue
		}
		if strings.HasPrefix(p.Name(), "X-") {
			continue
		}
		lines = append(lines, p.Line())
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// withoutDeclined takes out of a request what its recipient has declined and thrown away: it does not come back before
// it is rescheduled, which asks them anew. The Calendar is nil when nothing is left.
func withoutDeclined(m itip.Message, old *ical.Component, mine func(string) bool) itip.Message {
	declined := func(c *ical.Component) bool {
		for p := range c.All("ATTENDEE") {
			if mine(ical.Address(p.Value())) {
				return itip.PartStat(p) == "DECLINED"
			}
		}
		return false
	}
	kept := map[string]bool{}
	if old != nil {
		for c := range old.Main() {
			kept[c.Value("RECURRENCE-ID")] = true
		}
	}
	drop := map[*ical.Component]bool{}
	all := true
	for c := range m.Calendar.Main() {
		switch {
		case !declined(c) || kept[c.Value("RECURRENCE-ID")]:
			all = false
		case c.Prop("RECURRENCE-ID") == nil:
			// The series; what of it was not declined is to be seen in it.
		default:
			drop[c] = true
		}
		if c.Prop("RECURRENCE-ID") == nil && !declined(c) {
			return m // an instance left out of the series would come back as the series has it
		}
	}
	if all {
		m.Calendar = nil
		return m
	}
	if len(drop) == 0 || kept[""] {
		return m
	}
	m.Calendar = without(m.Calendar, drop)
	return m
}

// whole makes a CANCEL that ends all its reader had of a meeting one of the whole meeting, where it names the instances that they
// had (RFC 5546 section 3.2.5): programs look for the series or the event by it.
func whole(m itip.Message) *ical.Component {
	if m.Method != itip.Cancel || !scheduling.Partial(m.Calendar) {
		return m.Calendar
	}
	cal := ical.New(m.Calendar.Name())
	for _, p := range m.Calendar.Props() {
		cal.Add(p)
	}
	main := false
	for _, c := range m.Calendar.Children() {
		if c.Prop("RECURRENCE-ID") == nil {
			cal.AddChild(c)
			continue
		}
		if !strings.EqualFold(c.Value("STATUS"), "CANCELLED") {
			return m.Calendar // they are taken off it; it goes on
		}
		if !main {
			c = c.Clone()
			c.Remove("RECURRENCE-ID")
			cal.AddChild(c)
		}
		main = true
	}
	return cal
}
