package itip

import (
	"kalends/ical"
)

// settle resets answers to what was rescheduled (RFC 6638 section 3.2.8) and sees to SEQUENCE (section 3.2.5).
func (e *edit) settle() {
	if e.old.cal == nil || !hasAttendees(e.old.cal) {
		if e.o.LeastSequence > 0 && hasAttendees(e.cal) {
			for _, k := range e.new().all() {
				if sequence(e.new().get(k)) < e.o.LeastSequence {
					setSequence(e.write().get(k), e.o.LeastSequence)
				}
			}
		}
		return
	}
	for _, k := range e.new().all() {
		c := e.new().get(k)
		was := e.old.effective(k)
		anew := was == nil || rescheduled(e.old, was, e.new(), c, true) || isCancelled(was) && !isCancelled(c) ||
			k == (key{}) && e.reinstated()
		least := sequence(was)
		switch {
		case was == nil:
			least = e.old.highest()
			if e.old.master != nil {
				least = sequence(e.old.master)
			}
			least++
		case anew, retimed(e.old, was, e.new(), c), k == (key{}) && e.narrowed():
			least++
			if k == (key{}) && (e.old.recurs() || e.new().recurs()) {
				// A CANCEL of instances is no older than what it cancels, and no newer than the series.
				least = max(least, e.old.highest(), e.new().highest())
			}
		}
		if sequence(c) < least {
			c = e.write().get(k)
			setSequence(c, least)
		}
		if !anew {
			continue
		}
		for a := range c.All("ATTENDEE") {
			if byServer(a) && !e.o.same(a.Value(), e.organizer) && PartStat(a) != "NEEDS-ACTION" {
				setPartStat(e.o.lineOf(e.write().get(k), a), "NEEDS-ACTION")
			}
		}
	}
}

// reinstated reports whether an instance that was cancelled by an override happens again as the series says, which is
// the same as an EXDATE that is gone.
func (e *edit) reinstated() bool {
	for _, k := range e.old.keys {
		if isCancelled(e.old.over[k]) && e.new().over[k] == nil && e.new().isInstance(k) {
			return true
		}
	}
	return false
}

// narrowed reports whether an instance of the series is one for fewer people than before. The CANCEL that tells
// them has the SEQUENCE of the series, so that no REQUEST made before brings it back.
func (e *edit) narrowed() bool {
	for _, k := range e.new().keys {
		c, was := e.new().over[k], e.old.effective(k)
		if was == nil || isCancelled(was) {
			continue
		}
		if isCancelled(c) {
			return true
		}
		for a := range was.All("ATTENDEE") {
			if e.o.attendeeOf(c, a.Value()) == nil {
				return true
			}
		}
	}
	return false
}

// lineOf finds in c, a copy of the component of a, the same ATTENDEE.
func (o Options) lineOf(c *ical.Component, a *ical.Property) *ical.Property {
	for p := range c.All("ATTENDEE") {
		if p == a || p.Value() == a.Value() && PartStat(p) == PartStat(a) {
			return p
		}
	}
	return o.attendeeOf(c, a.Value())
}

func (ob *object) highest() int {
	n := 0
	for _, k := range ob.all() {
		n = max(n, sequence(ob.get(k)))
	}
	return n
}
