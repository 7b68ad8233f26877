package itip

import (
	"kalends/ical"
)

// cancelMessage makes the CANCEL for one attendee (RFC 5546 section 3.2.5), from what they knew. STATUS says that
// an event takes place for nobody any more; somebody who is only taken off its list gets none.
func (e *edit) cancelMessage(addr string, was view, n needs) *ical.Component {
	var list []*ical.Component
	add := func(k key, c *ical.Component) {
		seq := max(sequence(c), sequence(e.new().get(k)), sequence(e.new().master))
		list = append(list, e.o.cancelled(c, addr, seq, e.ended(k)))
	}
	if n.all {
		add(key{}, was.master)
	}
	for _, k := range n.cancel {
		if c := was.effective(k); c != nil {
			add(k, c)
		}
	}
	return was.ob.message(Cancel, list)
}

// ended reports whether the instance k takes place for nobody any more.
func (e *edit) ended(k key) bool {
	c := e.new().effective(k)
	return c == nil || isCancelled(c) || isCancelled(e.new().master)
}

// cancelled makes of a component what a CANCEL says about it.
func (o Options) cancelled(c *ical.Component, addr string, seq int, ended bool) *ical.Component {
	k := clean(c, o.Now)
	k.RemoveChildren(func(*ical.Component) bool { return true })
	setSequence(k, seq)
	if p := k.Prop("RECURRENCE-ID"); p != nil {
		p.RemoveParam("RANGE") // with it the later ones would go too
	}
	if ended {
		k.Set(ical.NewProperty("STATUS", "CANCELLED"))
		return k
	}
	k.Remove("STATUS")
	k.RemoveFunc(func(p *ical.Property) bool { return p.Name() == "ATTENDEE" && !o.same(p.Value(), addr) })
	return k
}

// aboveAnyUpdate is how far the SEQUENCE of the CANCEL of the whole is above that of the object: a program of the organizer that raised
// it by one for an update of its own, and came too late with it, does not outrank the end of the meeting.
const aboveAnyUpdate = 2

// cancelAll tells everybody in old that the meeting is off (RFC 6638 section 3.2.1.3). now is what there is instead of
// it: the object itself when it was deleted, so that it takes the next SEQUENCE.
func (o Options) cancelAll(old, now *ical.Component) []Message {
	organizer := Organizer(old)
	if organizer == "" {
		return nil
	}
	ob := read(old)
	if o.silent(ob, nil) {
		return nil
	}
	seq := max(ob.highest(), read(now).highest()) + aboveAnyUpdate
	p := people{o: o}
	seats := ob.seats(&p, organizer)
	made := map[string]*ical.Component{}
	var list []Message
	for id, addr := range p.addrs {
		v := ob.view(seats[id])
		if v.empty() {
			continue
		}
		cal := made[v.id]
		if cal == nil {
			var comps []*ical.Component
			if v.master != nil {
				comps = append(comps, o.cancelled(v.master, addr, seq, true))
			} else {
				for _, k := range v.over {
					comps = append(comps, o.cancelled(ob.over[k], addr, seq, true))
				}
			}
			cal = ob.message(Cancel, comps)
			made[v.id] = cal
		}
		list = append(list, Message{Cancel, organizer, addr, cal})
	}
	return list
}

// NextSequence returns the SEQUENCE of the CANCEL that ends the object, plus one: what
// [Options.LeastSequence] must be when it is brought back (DESIGN.md: undoing a delete).
func NextSequence(cal *ical.Component) int { return read(cal).highest() + aboveAnyUpdate + 1 }

// LeastFor returns the least SEQUENCE of a new meeting's invitation that somebody takes who has this copy of an earlier one with
// the same UID: what was cancelled has to be outranked.
func LeastFor(copy *ical.Component) int {
	ob := read(copy)
	n := ob.highest()
	for _, k := range ob.all() {
		if isCancelled(ob.get(k)) {
			return n + 1
		}
	}
	return n
}
