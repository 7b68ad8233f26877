package recur

import (
	"slices"
	"strings"
	"time"

	"kalends/ical"
)

// Single returns the component of cal that describes the instance x and no other, and adds it where there is none (RFC 5545 section 3.8.4.4). x is
// an instance of s, which was compiled from cal as it is now. Where an override describes all later instances as well (RANGE=THISANDFUTURE, section
// 3.2.13), these stay as they are. It returns nil for what does not recur.
func (s *Series) Single(cal *ical.Component, x Instance, floating *time.Location) *ical.Component {
	main := slices.Collect(cal.Main())
	if x.RecurrenceID.Wall.IsZero() || x.Component < 0 || x.Component >= len(main) {
		return nil
	}
	c := main[x.Component]
	p := c.Prop("RECURRENCE-ID")
	if p == nil {
		var first time.Time
		if start := c.Prop("DTSTART"); start != nil {
			if d, err := start.DateTime(); err == nil {
				first = d.Wall
			}
		}
		return derive(cal, c, first, x.RecurrenceID)
	}
	if !strings.EqualFold(p.Param("RANGE"), "THISANDFUTURE") {
		return c
	}
	id, err := p.DateTime()
	if err != nil {
		return c
	}
	anchor, ok := s.Lookup(id, floating)
	if !ok {
		return c
	}
	if !anchor.RecurrenceID.Wall.Equal(x.RecurrenceID.Wall) {
		return derive(cal, c, anchor.RecurrenceID.Wall, x.RecurrenceID)
	}
	for next, err := range s.Between(x.Start, time.Time{}, floating) {
		if err != nil {
			break
		}
		if next.Component == x.Component && next.RecurrenceID.Wall.After(x.RecurrenceID.Wall) {
			derive(cal, c, x.RecurrenceID.Wall, next.RecurrenceID).Prop("RECURRENCE-ID").SetParam("RANGE", "THISANDFUTURE")
			break
		}
	}
	p.RemoveParam("RANGE")
	return c
}

// derive adds a component for the instance id that says what c says of the instance whose RECURRENCE-ID is first.
func derive(cal, c *ical.Component, first time.Time, id ical.DateTime) *ical.Component {
	c = c.Clone()
	for _, name := range []string{"RRULE", "RDATE", "EXDATE", "EXRULE"} {
		c.Remove(name)
	}
	for _, name := range []string{"DTSTART", "DTEND", "DUE"} {
		if p := c.Prop(name); p != nil {
			if d, err := p.DateTime(); err == nil {
				d.Wall = d.Wall.Add(id.Wall.Sub(first))
				p.SetDateTime(d)
			}
		}
	}
	c.Set(id.Property("RECURRENCE-ID"))
	cal.AddChild(c)
	return c
}
