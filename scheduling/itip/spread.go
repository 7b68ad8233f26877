package itip

import (
	"slices"

	"kalends/ical"
)

// SpreadPartStat brings the answers that the organizer knows into the copy of the attendee me, quietly: no message, no
// SEQUENCE, no Schedule-Tag. It reports whether the copy changed; the one given stays as it is.
//
// It goes to the one who answered, too: the organizer's object is the record of all answers, and the copy's own gives way to it. That
// settles what an answer and an update that crossed have left. An answer still on its way comes back when it has
// arrived. Components for which the copy is behind the organizer are left alone, because an update is on its way.
func SpreadPartStat(copy, organizer *ical.Component, me string, o Options) (*ical.Component, bool) {
	if copy == nil || organizer == nil || uid(copy) != uid(organizer) {
		return copy, false
	}
	ob := read(organizer)
	in := map[key]bool{}
	for _, k := range ob.all() {
		in[k] = o.attendeeOf(ob.get(k), me) != nil
	}
	v := ob.view(in)
	cal := copy.Clone()
	co := read(cal)
	if isCancelled(co.master) {
		return copy, false
	}
	keys := co.all()
	for _, k := range v.over {
		if co.over[k] == nil {
			keys = append(slices.Clip(keys), k)
		}
	}
	if v.master == nil && co.master != nil {
		return copy, false
	}
	changed := o.bringBack(cal, co, v, me)
	if changed {
		co = read(cal)
	}
	for _, k := range keys {
		c := v.effective(k)
		if c == nil {
			continue
		}
		have := co.get(k)
		made := have == nil
		if made {
			if co.master == nil || !co.isInstance(k) {
				continue
			}
			have = co.derive(k)
		}
		if rescheduled(co, have, v.ob, c, false) || !o.copyAnswers(have, c, me) {
			continue
		}
		if made && co.face(have) != v.ob.face(c) {
			continue
		}
		changed = true
		if made {
			cal.AddChild(have)
		}
	}
	if !changed {
		return copy, false
	}
	return cal, true
}

// bringBack takes out of the copy the EXDATEs of instances that the attendee, by the organizer's record, takes part in. Such an
// instance was cancelled and is on again; had they removed it themselves, they would have declined it.
func (o Options) bringBack(cal *ical.Component, co *object, v view, me string) bool {
	if co.master == nil || !byServer(co.master.Prop("ORGANIZER")) {
		return false
	}
	changed := false
	for k := range co.recurrence().exdates {
		if !co.generates(k) {
			continue
		}
		c := v.effective(k)
		if c == nil || o.attendeeOf(c, me) == nil {
			continue
		}
		switch PartStat(o.attendeeOf(c, me)) {
		case "NEEDS-ACTION", "DECLINED", "DELEGATED":
			continue
		}
		co.removeExdate(read(cal).master, k)
		changed = true
	}
	return changed
}

// copyAnswers writes the answers of c, the organizer's, into have, and reports whether any was another.
func (o Options) copyAnswers(have, c *ical.Component, me string) bool {
	changed := false
	own := o.attendeeOf(have, me)
	agent := have.Prop("ORGANIZER")
	for p := range c.All("ATTENDEE") {
		line := o.attendeeOf(have, p.Value())
		switch {
		case line == nil:
			if p.HasParam("DELEGATED-FROM") {
				have.Add(forCopy(p))
				changed = true
			}
			continue
		case PartStat(line) == PartStat(p) && slices.Equal(line.ParamValues("DELEGATED-TO"), p.ParamValues("DELEGATED-TO")) &&
			slices.Equal(line.ParamValues("DELEGATED-FROM"), p.ParamValues("DELEGATED-FROM")):
			continue
		case line == own && agent != nil && !byServer(agent):
			continue
		}
		copyParams(line, p, []string{"PARTSTAT", "RSVP", "DELEGATED-TO", "DELEGATED-FROM"})
		changed = true
	}
	// Delegates come with an answer, and go with the next one.
	have.RemoveFunc(func(p *ical.Property) bool {
		gone := p.Name() == "ATTENDEE" && p.HasParam("DELEGATED-FROM") && o.attendeeOf(c, p.Value()) == nil
		changed = changed || gone
		return gone
	})
	return changed
}

// forCopy is an ATTENDEE of the organizer's object as it stands in an attendee's.
func forCopy(p *ical.Property) *ical.Property {
	c := ical.New("VEVENT")
	c.Add(p.Clone())
	stripParams(c)
	return c.Prop("ATTENDEE")
}
