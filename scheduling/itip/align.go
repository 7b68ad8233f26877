package itip

import (
	"kalends/ical"
)

// Align brings the copy of the attendee me (nil: none) to what the organizer's object says now (nil: it is gone): as if all
// messages between them had been made and had arrived, in whatever state the copy is. A server that delivers later than the change, or
// again, or not in order, does so by Align; messages are then for inbox and mail only.
//
// A copy that agrees already stays as it is.
func Align(copy, organizer *ical.Component, me string, o Options) (Result, error) {
	res := Result{Copy: copy}
	o.Local = true
	if copy == nil && organizer == nil {
		res.Reason = "no meeting"
		return res, nil
	}
	ob, co := read(organizer), read(copy)
	in := map[key]bool{}
	for _, k := range ob.all() {
		in[k] = o.attendeeOf(ob.get(k), me) != nil
	}
	v := ob.view(in)
	if v.empty() {
		return o.alignGone(res, ob, co), nil
	}
	if copy != nil {
		if uid(copy) != uid(organizer) {
			return res, ErrMessage
		}
		if o.agrees(v, co, me) {
			cal, changed := SpreadPartStat(copy, organizer, me, o)
			res.Copy, res.Changed, res.Reason = cal, changed, "nothing new"
			if changed {
				res.Outcome, res.Reason = Answered, ""
			}
			return res, nil
		}
		// The copy may hold what no message would mend: what it says is no newer than what is true now.
		copy = copy.Clone()
		for c := range copy.Main() {
			if stamp(c) > o.Now.Unix() {
				setStamp(c, o.Now)
			}
			if n := sequence(ob.master); v.master != nil && c.Prop("RECURRENCE-ID") == nil && sequence(c) > n {
				setSequence(c, n)
			}
		}
		if v.master == nil {
			keep := read(copy)
			copy.RemoveChildren(func(c *ical.Component) bool {
				if c.Name() == "VTIMEZONE" {
					return false
				}
				for _, k := range keep.keys {
					if keep.over[k] == c {
						return !v.has(k)
					}
				}
				return true
			})
			if len(read(copy).keys) == 0 {
				copy = nil
			} else {
				for c := range copy.Main() {
					setSequence(c, 0)
				}
			}
		}
	}
	was := res.Copy
	msg := Message{Request, Organizer(organizer), ical.Address(me), v.calendar(Request, o.Now)}
	got, err := Receive(copy, msg, o)
	if err != nil || got.Outcome == Ignored {
		return res, err
	}
	cal, _ := SpreadPartStat(got.Copy, organizer, me, o)
	got.Copy, got.Changed = cal, true
	if was != nil && got.Outcome == Created {
		got.Outcome = Updated
	}
	return got, nil
}

// alignGone cancels a copy of somebody who is in no part of the meeting any more.
func (o Options) alignGone(res Result, ob, co *object) Result {
	if co.cal == nil {
		res.Reason = "not invited"
		return res
	}
	cal := co.cal.Clone()
	changed := false
	for c := range cal.Main() {
		if isCancelled(c) {
			continue
		}
		changed = true
		c.Set(ical.NewProperty("STATUS", "CANCELLED"))
		setSequence(c, max(sequence(c), ob.highest())+1)
		setStamp(c, o.Now)
	}
	if !changed {
		res.Reason = "nothing new"
		return res
	}
	res.Copy, res.Changed, res.ScheduleTag, res.Outcome = cal, true, true, Cancelled
	return res
}

// agrees reports whether a copy shows what the view does, answers aside.
func (o Options) agrees(v view, co *object, me string) bool {
	if isCancelled(co.master) {
		return false
	}
	keys := map[key]bool{}
	for _, k := range append(co.all(), v.over...) {
		keys[k] = true
	}
	for k := range excluded(v) {
		keys[k] = true
	}
	for k := range co.recurrence().exdates {
		keys[k] = true
	}
	if (v.master == nil) != (co.master == nil) {
		return false
	}
	for k := range keys {
		want, have := v.effective(k), co.effective(k)
		if isCancelled(have) {
			have = nil
		}
		if want != nil && have == nil && co.recurrence().exdates[k] && PartStat(o.attendeeOf(want, me)) == "DECLINED" {
			continue // taken out by the attendee
		}
		if (want == nil) != (have == nil) || want != nil && v.ob.face(want) != co.face(have) {
			return false
		}
	}
	return true
}
