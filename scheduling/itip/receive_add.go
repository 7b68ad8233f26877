package itip

import (
	"maps"
	"slices"
	"time"

	"kalends/ical"
)

// add applies an ADD (RFC 5546 section 3.2.4): its components are further instances of the series, or small series of them,
// which a copy holds as RDATEs.
func (r *receiver) add(res Result) Result {
	if r.copy.master == nil || isCancelled(r.copy.master) {
		res.Reason = "ADD to a meeting that is not here; a REFRESH may bring it"
		return res
	}
	cal := r.copy.cal.Clone()
	ob := read(cal)
	var added, list []*ical.Component
	for c := range r.msg.cal.Main() {
		one, ok := r.added(c)
		if !ok {
			res.Reason = "ADD of more instances than can be listed; a REFRESH may bring them"
			return res
		}
		added = append(added, one...)
	}
	for _, c := range added {
		d, ok := startOf(c)
		if !ok {
			res.Reason = "ADD without a time; a REFRESH may bring it"
			return res
		}
		if p := c.Prop("RECURRENCE-ID"); p != nil {
			if rd, err := p.DateTime(); err == nil {
				d = rd
			}
		}
		k := ob.keyIn(r.msg, d)
		if older(c, ob.master) || ob.over[k] != nil && older(c, ob.over[k]) {
			continue
		}
		if !ob.generates(k) {
			ob.master.Add(ob.dateTime(k).Property("RDATE"))
		}
		ob.removeExdate(ob.master, k)
		n := r.merge(ob.over[k], c)
		n.Remove("RECURRENCE-ID")
		n.Add(ob.dateTime(k).Property("RECURRENCE-ID"))
		if have := ob.over[k]; have != nil {
			cal.RemoveChildren(func(x *ical.Component) bool { return x == have })
		}
		cal.AddChild(n)
		list = append(list, n)
		ob = read(cal)
	}
	if len(list) == 0 {
		res.Reason = "older than the copy"
		return res
	}
	addZones(cal, r.msg, list)
	res.Copy, res.Changed, res.ScheduleTag, res.Outcome = cal, true, true, Updated
	return res
}

// maxAdded bounds how many instances a rule in an ADD may stand for.
const maxAdded = 100

// added returns the instances that a component of an ADD stands for, and false where they are without end or too many.
func (r *receiver) added(c *ical.Component) ([]*ical.Component, bool) {
	if c.Prop("RRULE") == nil && c.Prop("RDATE") == nil {
		return []*ical.Component{c}, true
	}
	cal := ical.NewCalendar("")
	for v := range r.msg.cal.Components("VTIMEZONE") {
		cal.AddChild(v)
	}
	cal.AddChild(c.Clone())
	ob := read(cal)
	s := ob.recurrence()
	if ob.master == nil || !ob.timed || s.odd || len(s.rdates) > maxAdded {
		return nil, false
	}
	keys := map[key]bool{ob.point(ob.start): true}
	maps.Copy(keys, s.rdates)
	for _, rule := range s.rules {
		if !rule.Bounded() {
			return nil, false
		}
		for w := range rule.Walls(ob.start.Wall, time.Time{}) {
			d := ob.start
			d.Wall = w
			if !ob.beforeUntil(rule, d) {
				break
			}
			if keys[ob.point(d)] = true; len(keys) > maxAdded {
				return nil, false
			}
		}
	}
	var list []*ical.Component
	for _, k := range slices.SortedFunc(maps.Keys(keys), compareKeys) {
		if !s.exdates[k] {
			list = append(list, ob.derive(k))
		}
	}
	return list, true
}
