package query

import (
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
)

// slack is more than zones and changes of clocks can move a time.
const slack = 28 * time.Hour

// clock turns the times of one object into instants.
type clock struct {
	cal      *ical.Component
	floating *time.Location
	zones    *zone.Resolver
	tzid     string // the last that was looked up …
	loc      *time.Location
}

func newClock(cal *ical.Component, floating *time.Location) clock {
	if floating == nil {
		floating = time.UTC
	}
	return clock{cal: cal, floating: floating}
}

func (c *clock) resolver() *zone.Resolver {
	if c.zones == nil {
		c.zones = zone.NewResolver(c.cal)
	}
	return c.zones
}

// location returns the zone of a time, nil when it floats, as a time of an unknown zone does.
func (c *clock) location(d ical.DateTime) *time.Location {
	switch d.Form {
	case ical.UTCForm:
		return time.UTC
	case ical.ZonedForm:
		if c.loc == nil || c.tzid != d.TZID {
			loc, ok := c.resolver().Location(d.TZID)
			if !ok {
				return nil
			}
			c.tzid, c.loc = d.TZID, loc
		}
		return c.loc
	}
	return nil
}

// instant returns the instant of a time, of floating ones and dates in the floating zone.
func (c *clock) instant(d ical.DateTime) time.Time {
	loc := c.location(d)
	if loc == nil {
		loc = c.floating
	}
	if loc == time.UTC {
		return d.Wall
	}
	return zone.Instant(d.Wall, loc)
}

// property returns the first property of that name as an instant.
func (c *clock) property(comp *ical.Component, name string) (t time.Time, d ical.DateTime, ok bool) {
	p := comp.Prop(name)
	if p == nil {
		return t, d, false
	}
	d, err := p.DateTime()
	if err != nil {
		return t, d, false
	}
	return c.instant(d), d, true
}

// span returns when a component itself starts and ends, without regard to recurrence (RFC 5545 section 3.6.1 for what
// stands in place of a missing end). ok is false when it says nothing of that.
func (c *clock) span(comp *ical.Component) (start, end time.Time, ok bool) {
	endName := "DTEND"
	switch comp.Name() {
	case "VTODO":
		endName = "DUE"
	case "VJOURNAL":
		endName = ""
	}
	start, from, ok := c.property(comp, "DTSTART")
	if endName != "" {
		if t, _, has := c.property(comp, endName); has {
			if !ok {
				return t, t, true
			}
			return start, t, true
		}
	}
	if !ok {
		return start, end, false
	}
	if d, has := c.duration(comp); has {
		return start, c.later(start, d, from), true
	}
	if from.IsDate() && comp.Name() != "VTODO" {
		return start, c.later(start, ical.Duration{Days: 1}, from), true
	}
	return start, start, true
}

// later is after by the clock on which the start of the duration stands.
func (c *clock) later(t time.Time, d ical.Duration, from ical.DateTime) time.Time {
	loc := c.location(from)
	if loc == nil {
		loc = c.floating
	}
	return zone.After(t, d, loc)
}

func (c *clock) period(per ical.Period) (start, end time.Time) {
	start = c.instant(per.Start)
	if per.HasDuration {
		return start, c.later(start, per.Duration, per.Start)
	}
	return start, c.instant(per.End)
}

func (c *clock) duration(comp *ical.Component) (d ical.Duration, ok bool) {
	p := comp.Prop("DURATION")
	if p == nil || comp.Name() == "VJOURNAL" || comp.Name() == "VFREEBUSY" {
		return d, false
	}
	d, err := ical.ParseDuration(p.Value())
	return d, err == nil && !d.Negative
}

// prop matches a prop-filter (RFC 4791 section 9.7.2).
func (c *clock) prop(f *PropFilter, comp *ical.Component) bool {
	name := strings.ToUpper(f.Name)
	seen := false
	for p := range comp.All(name) {
		if f.IsNotDefined {
			return false
		}
		seen = true
		if f.Range != nil && !c.timeIn(p, *f.Range) {
			continue
		}
		if f.rest(p) {
			return true
		}
	}
	if f.IsNotDefined {
		return true
	}
	return !seen && f.Range != nil && len(f.Params) == 0 && c.effectiveEnd(name, comp, *f.Range)
}

// rest matches all but the range.
func (f *PropFilter) rest(p *ical.Property) bool {
	if f.Text == nil && len(f.Params) == 0 {
		return true
	}
	if f.Text != nil && f.Text.matchProp(p) == f.AnyOf {
		return f.AnyOf
	}
	for i := range f.Params {
		if f.Params[i].match(p) == f.AnyOf {
			return f.AnyOf
		}
	}
	return !f.AnyOf
}

// timeIn reports whether one of a property's times is in the range (RFC 4791 section 9.9); a date is its midnight.
func (c *clock) timeIn(p *ical.Property, r TimeRange) bool {
	list, err := p.DateTimes()
	if err != nil {
		return false
	}
	for _, d := range list {
		if r.Contains(c.instant(d)) {
			return true
		}
	}
	return false
}

// effectiveEnd tests the DTEND of a VEVENT or the DUE of a VTODO that gives a DURATION instead (RFC 4791 section 9.9).
func (c *clock) effectiveEnd(name string, comp *ical.Component, r TimeRange) bool {
	if !(name == "DTEND" && comp.Name() == "VEVENT" || name == "DUE" && comp.Name() == "VTODO") {
		return false
	}
	if _, ok := c.duration(comp); !ok {
		return false
	}
	_, end, ok := c.span(comp)
	return ok && r.Contains(end)
}
