package itip

import (
	"strings"

	"kalends/ical"
)

// mend makes an organizer's body say once, and everywhere, who takes part: all components get the ORGANIZER (RFC 6638 section
// 3.1), and who is named twice in one is named once.
func (e *edit) mend() {
	var organizer *ical.Property
	missing, twice := false, false
	for c := range e.cal.Main() {
		p := c.Prop("ORGANIZER")
		missing = missing || p == nil
		if organizer == nil {
			organizer = p
		}
		twice = twice || len(e.repeated(c)) > 0
	}
	if !missing && !twice {
		return
	}
	for c := range e.write().cal.Main() {
		if c.Prop("ORGANIZER") == nil {
			p := organizer.Clone()
			p.RemoveParam("SCHEDULE-STATUS")
			c.Add(p)
		}
		if drop := e.repeated(c); len(drop) > 0 {
			c.RemoveFunc(func(p *ical.Property) bool { return drop[p] })
		}
	}
	e.touched()
}

// repeated returns the ATTENDEEs of c that name somebody again. Of several the first that has an answer stays, else
// the first.
func (e *edit) repeated(c *ical.Component) map[*ical.Property]bool {
	var drop map[*ical.Property]bool
	kept := map[int]*ical.Property{}
	for p := range c.All("ATTENDEE") {
		if strings.TrimSpace(p.Value()) == "" {
			continue
		}
		id := e.people.id(p.Value())
		have := kept[id]
		if have == nil {
			kept[id] = p
			continue
		}
		if drop == nil {
			drop = map[*ical.Property]bool{}
		}
		if PartStat(have) == "NEEDS-ACTION" && PartStat(p) != "NEEDS-ACTION" {
			kept[id], p = p, have
		}
		drop[p] = true
	}
	return drop
}

// ask sees that who has not answered is asked to when people are told: programs leave RSVP out, and some readers of mail then offer
// no answer (RFC 5545 section 3.2.17 has FALSE for its default). An RSVP that is given stays. It reports whether anything changed.
func (e *edit) ask() bool {
	asked := false
	for _, k := range e.new().all() {
		for a := range e.new().get(k).All("ATTENDEE") {
			if !byServer(a) || PartStat(a) != "NEEDS-ACTION" || a.HasParam("RSVP") || strings.EqualFold(a.Param("ROLE"), "NON-PARTICIPANT") ||
				strings.TrimSpace(a.Value()) == "" || e.o.same(a.Value(), e.organizer) {
				continue
			}
			e.o.lineOf(e.write().get(k), a).SetParam("RSVP", "TRUE")
			asked = true
		}
	}
	return asked
}

// raise gives a revision that people are told of a SEQUENCE of its own, above all that were before it, where the organizer's
// program has not. RFC 5546 section 2.1.4 asks for it when the time changes, and leaves other changes to the organizer: a program that goes by
// SEQUENCE alone takes nothing else for news. It reports whether anything changed.
func (e *edit) raise() bool {
	least := e.old.highest() + 1
	raised := false
	for _, k := range e.new().all() {
		if sequence(e.new().get(k)) < least {
			setSequence(e.write().get(k), least)
			raised = true
		}
	}
	return raised
}

// restorePeople gives a completed task back its ORGANIZER and ATTENDEEs, where a program has lost both, and notes that me has
// completed it: nobody takes people off a task by doing it. It returns new itself where there is nothing to do.
func (o Options) restorePeople(old, new *ical.Component, me string) *ical.Component {
	if old == nil || new == nil || Organizer(old) == "" || Organizer(new) != "" || hasAttendees(new) {
		return new
	}
	was := read(old)
	out := new.Clone()
	ob := read(out)
	for _, k := range ob.all() {
		if c, had := ob.get(k), was.effective(k); had == nil || c.Name() != "VTODO" || c.Prop("COMPLETED") == nil {
			return new
		}
	}
	for _, k := range ob.all() {
		c := ob.get(k)
		for _, p := range was.effective(k).Props() {
			if p.Name() == "ORGANIZER" || p.Name() == "ATTENDEE" {
				c.Add(p.Clone())
			}
		}
		if mine := o.attendeeOf(c, me); mine != nil {
			setPartStat(mine, "COMPLETED")
		}
	}
	return out
}
