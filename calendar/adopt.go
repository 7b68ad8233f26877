package calendar

import (
	"time"

	"kalends/ical"
	"kalends/ical/zone"
	"kalends/scheduling/itip"
)

// proposed are the properties that a COUNTER can change.
var proposed = []string{"DTSTART", "DTEND", "DURATION", "DUE", "LOCATION"}

// adopt returns the meeting with what the message proposes. Times are written as the meeting's are: in its zone, whatever the attendee's
// program wrote them in.
func adopt(cal, message *ical.Component, list []itip.Proposal) *ical.Component {
	cal = cal.Clone()
	form := newTimeForm(cal)
	zones := zone.NewResolver(message)
	for _, p := range list {
		var target *ical.Component
		id := p.Now.Prop("RECURRENCE-ID")
		for c := range cal.Main() {
			have := c.Prop("RECURRENCE-ID")
			if (id == nil) == (have == nil) && (id == nil || id.Value() == have.Value()) {
				target = c
			}
		}
		if target == nil {
			target = p.Now.Clone()
			cal.AddChild(target)
		}
		for _, name := range proposed {
			switch w := p.Wanted.Prop(name); {
			case w == nil && (name == "DTEND" || name == "DURATION"):
				target.Remove(name)
			case w == nil:
			case name == "DTSTART" || name == "DTEND" || name == "DUE":
				target.Set(form.convert(w, zones))
			default:
				target.Set(w.Clone())
			}
		}
	}
	return cal
}

// timeForm is how a calendar object writes its times.
type timeForm struct {
	tzid string // "" for UTC
	loc  *time.Location
}

// newTimeForm returns the form of an object's start.
func newTimeForm(cal *ical.Component) timeForm {
	if main := mainOf(cal); main != nil {
		for _, name := range []string{"DTSTART", "DUE"} {
			if p := main.Prop(name); p != nil {
				if loc, ok := zone.NewResolver(cal).Location(p.Param("TZID")); ok && p.Param("TZID") != "" {
					return timeForm{p.Param("TZID"), loc}
				}
				break
			}
		}
	}
	return timeForm{loc: time.UTC}
}

// at writes an instant.
func (f timeForm) at(t time.Time) ical.DateTime {
	if f.tzid == "" {
		return ical.DateTime{Wall: t.UTC(), Form: ical.UTCForm}
	}
	return ical.DateTime{Wall: zone.Wall(t, f.loc), Form: ical.ZonedForm, TZID: f.tzid}
}

// convert returns a time of another calendar, with its zones, in this form. Dates and floating times stay what they are, and what cannot be
// read does too.
func (f timeForm) convert(p *ical.Property, zones *zone.Resolver) *ical.Property {
	d, err := p.DateTime()
	if err != nil {
		return p.Clone()
	}
	switch d.Form {
	case ical.UTCForm:
		return f.at(d.Wall).Property(p.Name())
	case ical.ZonedForm:
		if loc, ok := zones.Location(d.TZID); ok {
			return f.at(zone.Instant(d.Wall, loc)).Property(p.Name())
		}
	}
	return p.Clone()
}
