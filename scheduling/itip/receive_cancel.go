package itip

import (
	"slices"
	"strings"
	"time"

	"kalends/ical"
)

// cancel applies a CANCEL (RFC 5546 section 3.2.5). A cancelled meeting stays, with STATUS:CANCELLED, until its owner
// removes it; a cancelled instance becomes an EXDATE where there is a series.
func (r *receiver) cancel(res Result) Result {
	if r.copy.cal == nil {
		res.Reason = "no copy to cancel"
		return res
	}
	if !r.concerned() {
		res.Reason = "it takes others off the list"
		return res
	}
	if c := r.msg.master; c != nil {
		return r.cancelAll(res, c)
	}
	cal := r.copy.cal.Clone()
	ob := read(cal)
	done := false
	for _, k := range r.msg.keys {
		c := r.msg.over[k]
		if future(c) && ob.master != nil {
			if ob.point(ob.start) == k {
				return r.cancelAll(res, c)
			}
			if !older(c, ob.master) && r.cutOff(ob, k, c) {
				done = true
				ob = read(cal)
			}
			continue
		}
		if r.cancelInstance(ob, k, c) {
			done = true
			ob = read(cal)
		}
	}
	if !done {
		res.Reason = "older than the copy, or not in it"
		return res
	}
	if cal.String() == r.copy.cal.String() {
		res.Reason = "nothing new"
		return res
	}
	res.Copy, res.Changed, res.ScheduleTag, res.Outcome = cal, true, true, CancelledIn
	if ob.master == nil && !slices.ContainsFunc(ob.keys, func(k key) bool { return !isCancelled(ob.over[k]) }) {
		res.Outcome = Cancelled
	}
	return res
}

// concerned reports whether a CANCEL is for this attendee: it ends something for everybody, or names them,
// or names nobody.
func (r *receiver) concerned() bool {
	named := false
	for _, k := range r.msg.all() {
		c := r.msg.get(k)
		if isCancelled(c) || r.o.attendeeOf(c, r.me) != nil {
			return true
		}
		named = named || c.Prop("ATTENDEE") != nil
	}
	return !named
}

// cancelAll cancels everything in the copy that is not newer than the message. Overrides that are newer
// stay without their master: somebody taken off a series may be invited to some of it.
func (r *receiver) cancelAll(res Result, c *ical.Component) Result {
	if m := r.copy.master; m != nil && older(c, m) {
		res.Reason = "older than the copy"
		return res
	}
	cal := r.copy.cal.Clone()
	ob := read(cal)
	newer := map[*ical.Component]bool{}
	for _, k := range ob.keys {
		o := ob.over[k]
		if r.survives(o, c) {
			newer[o] = true
			continue
		}
		r.markCancelled(o, c)
	}
	if ob.master != nil {
		r.markCancelled(ob.master, c)
	} else if len(newer) == len(ob.keys) {
		res.Reason = "older than the copy"
		return res
	}
	if len(newer) > 0 {
		cal.RemoveChildren(func(k *ical.Component) bool { return k.Name() != "VTIMEZONE" && !newer[k] })
	}
	if cal.String() == r.copy.cal.String() {
		res.Reason = "nothing new"
		return res
	}
	res.Copy, res.Changed, res.ScheduleTag, res.Outcome = cal, true, true, Cancelled
	if len(newer) > 0 {
		res.Outcome = CancelledIn
	}
	return res
}

// survives reports whether the override o is newer than the CANCEL c of the whole. One that takes somebody off the list of a
// series has no STATUS, and a REQUEST made together with it keeps them on some of its instances.
func (r *receiver) survives(o, c *ical.Component) bool {
	switch {
	case isCancelled(o):
		return false
	case r.o.Local:
		// In the same second that REQUEST is the later message; then the series is gone already, and the CANCEL came twice.
		return stamp(o) > stamp(c) || stamp(o) == stamp(c) && !isCancelled(c) && r.copy.master == nil
	}
	return stamp(o) >= stamp(c) && sequence(o) >= sequence(c)
}

func (r *receiver) markCancelled(have, c *ical.Component) {
	if !isCancelled(have) {
		have.Set(ical.NewProperty("STATUS", "CANCELLED"))
	}
	setSequence(have, max(sequence(have), sequence(c)))
	if stamp(c) > stamp(have) {
		setStamp(have, time.Unix(stamp(c), 0))
	}
	if p := c.Prop("COMMENT"); p != nil && have.Value("COMMENT") != p.Value() {
		have.Set(p.Clone())
	}
}

// cancelInstance takes the instance k out of the copy ob.
func (r *receiver) cancelInstance(ob *object, k key, c *ical.Component) bool {
	have := ob.over[k]
	if have != nil && older(c, have) {
		return false
	}
	if ob.master == nil {
		if have == nil {
			return false
		}
		r.markCancelled(have, c)
		return true
	}
	if have == nil && (!ob.isInstance(k) || isCancelled(ob.master) || r.o.Local && older(c, ob.master) || stamp(c) < stamp(ob.master) && sequence(c) < sequence(ob.master)) {
		return false
	}
	ob.cal.RemoveChildren(func(x *ical.Component) bool { return x == have })
	if ob.generates(k) {
		ob.addExdates(ob.master, []key{k})
	}
	if r.o.Local && !r.o.InOrder {
		setSequence(ob.master, max(sequence(ob.master), sequence(c))) // against what was made before and comes later
	}
	return true
}

// cutOff ends the series of the copy before the instance k (RFC 5546 section 3.2.5 with RANGE=THISANDFUTURE).
func (r *receiver) cutOff(ob *object, k key, c *ical.Component) bool {
	last := ical.DateTime{Form: ical.UTCForm, Wall: time.Unix(k.at-1, 0).UTC()}
	switch k.kind {
	case 'd':
		last = ical.DateTime{Form: ical.DateForm, Wall: time.Unix(k.at, 0).UTC().AddDate(0, 0, -1)}
	case 'f':
		last.Form = ical.FloatingForm
	}
	for p := range ob.master.All("RRULE") {
		core, _, _ := limit(strings.ToUpper(p.Value()))
		if ob.fewer(p.Value(), core+";UNTIL="+last.String()) {
			p.SetValue(core + ";UNTIL=" + last.String())
		}
	}
	for _, p := range slices.Collect(ob.master.All("RDATE")) {
		list, err := p.DateTimes()
		if err != nil || strings.Contains(p.Value(), "/") {
			continue
		}
		var rest []string
		for _, d := range list {
			if compareKeys(ob.key(d), k) < 0 {
				rest = append(rest, d.String())
			}
		}
		if len(rest) == 0 {
			ob.master.RemoveFunc(func(q *ical.Property) bool { return q == p })
		} else if len(rest) < len(list) {
			p.SetValue(strings.Join(rest, ","))
		}
	}
	later := map[*ical.Component]bool{}
	for _, o := range ob.keys {
		if compareKeys(o, k) >= 0 {
			later[ob.over[o]] = true
		}
	}
	ob.cal.RemoveChildren(func(x *ical.Component) bool { return later[x] })
	setSequence(ob.master, max(sequence(ob.master), sequence(c)))
	return true
}
