package itip

import (
	"maps"
	"slices"
	"strings"

	"kalends/ical"
)

// Attend works out what an attendee's change of their own copy means (RFC 6638 section 3.2.2): old is the stored copy
// (nil: it is created), new the body (nil: it is deleted), me any of the attendee's addresses.
//
// Of the body only what is theirs is taken; the rest stays as it was. A body that moves the meeting, changes its
// recurrence, its organizer or its UID, or leaves out the attendee, gets a *[ChangeError].
func Attend(old, new *ical.Component, me string, o Options) (AttendPlan, error) {
	a := attend{o: o, me: me, old: read(old), replies: map[key]*ical.Component{}}
	switch {
	case new == nil:
		a.decline()
		return AttendPlan{Reply: a.reply(old)}, nil
	case old == nil:
		return a.create(new)
	}
	given := new
	new = o.restorePeople(old, new, me)
	a.new = readLike(new, a.old)
	if err := a.check(); err != nil {
		return AttendPlan{}, err
	}
	a.out = read(old.Clone())
	a.apply()
	plan := AttendPlan{Stored: a.out.cal, Changed: a.out.cal.String() != given.String()}
	if !plan.Changed {
		plan.Stored = given
	}
	if !o.silent(a.old, a.out) {
		plan.Reply = a.reply(a.out.cal)
	}
	return plan, nil
}

type attend struct {
	o       Options
	me      string
	old     *object
	new     *object
	out     *object // what will be stored
	replies map[key]*ical.Component
	forced  bool
}

func refuse(msg string) error { return &ChangeError{AllowedAttendeeChange, msg} }

// create takes a copy that the attendee's own program made, of an invitation that reached it another way (RFC 6638
// section 3.2.2.2).
func (a *attend) create(new *ical.Component) (AttendPlan, error) {
	if err := Validate(new, a.o.Same); err != nil {
		return AttendPlan{}, err
	}
	a.out = read(new)
	plan := AttendPlan{Stored: new}
	if a.takeForce(a.out) {
		plan.Stored, plan.Changed = new.Clone(), true
		a.out = read(plan.Stored)
		a.dropForce()
	}
	for _, k := range a.out.all() {
		c := a.out.get(k)
		if mine := a.o.attendeeOf(c, a.me); mine != nil && (a.forced || PartStat(mine) != "NEEDS-ACTION") {
			a.replies[k] = c
		}
	}
	if !a.o.silent(a.out, nil) {
		plan.Reply = a.reply(plan.Stored)
	}
	return plan, nil
}

// takeForce notes SCHEDULE-FORCE-SEND=REPLY on ORGANIZER (RFC 6638 section 7.2), and reports whether there is any to remove.
func (a *attend) takeForce(ob *object) bool {
	any := false
	for _, k := range ob.all() {
		for _, p := range ob.get(k).Props() {
			if v := p.Param("SCHEDULE-FORCE-SEND"); v != "" {
				any = true
				a.forced = a.forced || p.Name() == "ORGANIZER" && strings.EqualFold(v, Reply)
			}
		}
	}
	return any
}

func (a *attend) dropForce() {
	for _, k := range a.out.all() {
		for _, p := range a.out.get(k).Props() {
			p.RemoveParam("SCHEDULE-FORCE-SEND")
		}
	}
}

// check refuses what RFC 6638 section 3.2.2.1 does not allow, as far as it can be seen without its instance.
func (a *attend) check() error {
	was, is := Organizer(a.old.cal), Organizer(a.new.cal)
	if is == "" || was != "" && !a.o.same(was, is) {
		return refuse("an attendee cannot change the ORGANIZER of a meeting")
	}
	if err := Validate(a.new.cal, a.o.Same); err != nil {
		return err
	}
	if a.old.answers() != a.new.answers() {
		return refuse("an attendee cannot change who answers for them: SCHEDULE-AGENT of the ORGANIZER")
	}
	if uid(a.old.cal) != uid(a.new.cal) {
		return refuse("the UID of a meeting cannot be changed")
	}
	a.restoreID()
	for _, k := range a.new.all() {
		c := a.new.get(k)
		was := a.old.effective(k)
		if was == nil {
			// What they removed themselves does not come back either: it could have been cancelled since.
			return refuse("an attendee cannot add what is no instance of the meeting")
		}
		if was.Name() != c.Name() {
			return refuse("the kind of a meeting cannot be changed")
		}
		x, y := a.old.timingOf(was), a.new.timingOf(c)
		if x.start != y.start || x.end != y.end {
			return refuse("an attendee cannot change DTSTART, DTEND, DUE or DURATION of a meeting")
		}
		if a.o.attendeeOf(was, a.me) != nil && a.o.attendeeOf(c, a.me) == nil {
			return refuse("an attendee cannot remove their own ATTENDEE property")
		}
		if k != (key{}) {
			continue
		}
		if !slices.Equal(canonicalRules(was), canonicalRules(c)) {
			return refuse("an attendee cannot change the RRULE of a meeting")
		}
		for d := range a.new.recurrence().rdates {
			if !a.old.recurrence().rdates[d] {
				return refuse("an attendee cannot change the RDATE of a meeting")
			}
		}
	}
	return nil
}

// answers reports whether the server answers the organizer of a copy (RFC 6638 section 7.1).
func (ob *object) answers() bool {
	for _, k := range ob.all() {
		if p := ob.get(k).Prop("ORGANIZER"); p != nil {
			return byServer(p)
		}
	}
	return true
}

// restoreID finds for a component of the body that has lost its RECURRENCE-ID the instance it is, where the stored copy has instances
// only: the one that is left, or of several the one with its time.
func (a *attend) restoreID() {
	if a.old.master != nil || a.new.master == nil || a.new.recurs() {
		return
	}
	var left []key
	for _, k := range a.old.keys {
		if a.new.over[k] == nil {
			left = append(left, k)
		}
	}
	if len(left) > 1 {
		at := a.new.timingOf(a.new.master)
		left = slices.DeleteFunc(left, func(k key) bool { return a.old.timingOf(a.old.over[k]) != at })
	}
	if len(left) != 1 {
		return
	}
	a.new.over[left[0]], a.new.master = a.new.master, nil
	a.new.keys = append(a.new.keys, left[0])
	sortKeys(a.new.keys)
}

// apply brings what is the attendee's own into the stored copy, and collects what the organizer is to learn.
func (a *attend) apply() {
	a.takeForce(a.new)
	for _, k := range a.new.all() {
		out := a.out.get(k)
		if out == nil {
			out = a.out.derive(k)
			a.out.cal.AddChild(out)
		}
		// What was cancelled is nothing to answer.
		off := isCancelled(out) || isCancelled(a.out.master)
		if tell := a.take(out, a.new.get(k)); !off && (tell || a.forced && a.o.attendeeOf(out, a.me) != nil) {
			a.replies[k] = out
		}
	}
	a.removed()
	if a.replies[key{}] == nil {
		return
	}
	a.stillOut()
	// The answer to a series is none to the overrides that have their own, so these say what that is. Of those not
	// named the organizer's side knows that the attendee had not heard of them.
	for _, k := range a.out.keys {
		c := a.out.over[k]
		if a.o.attendeeOf(c, a.me) != nil && a.replies[k] == nil && !isCancelled(c) {
			a.replies[k] = c
		}
	}
}

// removed takes the instances out that the attendee has removed from their copy: by EXDATE, or, where there is no series,
// by leaving the component out. Removing is declining (RFC 6638 section 3.2.2.1).
func (a *attend) removed() {
	var keys []key
	if a.new.master != nil && a.old.master != nil {
		for k := range a.new.recurrence().exdates {
			if !a.old.recurrence().exdates[k] && a.new.over[k] == nil && (a.old.generates(k) || a.old.over[k] != nil) {
				keys = append(keys, k)
			}
		}
		sortKeys(keys)
		a.out.addExdates(a.out.master, keys)
	} else if a.old.master == nil {
		for _, k := range a.old.keys {
			if a.new.over[k] == nil {
				keys = append(keys, k)
			}
		}
	}
	for _, k := range keys {
		was := a.old.effective(k)
		if over := a.out.over[k]; over != nil {
			a.out.cal.RemoveChildren(func(c *ical.Component) bool { return c == over })
		}
		a.declineOne(k, was, false)
	}
}

// maxStillOut bounds how many instances [attend.stillOut] answers for.
const maxStillOut = 50

// stillOut declines what the attendee has taken out of a series that they had declined as a whole, and now answer in another way.
// Which EXDATEs are theirs and which the organizer's, the organizer's side can tell.
func (a *attend) stillOut() {
	was, is := a.o.attendeeOf(a.old.master, a.me), a.o.attendeeOf(a.out.master, a.me)
	if was == nil || is == nil || PartStat(was) != "DECLINED" || PartStat(is) == "DECLINED" {
		return
	}
	keys := slices.SortedFunc(maps.Keys(a.old.recurrence().exdates), compareKeys)
	for _, k := range keys[:min(len(keys), maxStillOut)] {
		if a.old.over[k] == nil && a.replies[k] == nil && a.old.generates(k) {
			a.declineOne(k, a.out.derive(k), false)
		}
	}
}

// declineOne answers for the instance that was describes; with later also for those that it stands for by RANGE=THISANDFUTURE.
func (a *attend) declineOne(k key, was *ical.Component, later bool) {
	mine := a.o.attendeeOf(was, a.me)
	if mine == nil || isCancelled(was) || PartStat(mine) == "DECLINED" || PartStat(mine) == "DELEGATED" {
		return
	}
	c := was.Clone()
	if p := c.Prop("RECURRENCE-ID"); p != nil && !later {
		p.RemoveParam("RANGE")
	}
	setPartStat(a.o.attendeeOf(c, a.me), "DECLINED")
	a.replies[k] = c
}

// decline answers for a copy that is deleted (RFC 6638 section 3.2.2.4).
func (a *attend) decline() {
	if isCancelled(a.old.master) || a.o.silent(a.old, nil) {
		return
	}
	for _, k := range a.old.all() {
		a.declineOne(k, a.old.get(k), true)
	}
}

// take brings the own things of c into out, and reports whether the organizer cares.
func (a *attend) take(out, c *ical.Component) bool {
	tell := a.takeAnswer(out, c)
	todo := out.Name() == "VTODO"
	names := map[string]bool{}
	own := func(p *ical.Property) bool {
		switch p.Name() {
		case "LAST-MODIFIED", "COMMENT":
			return true
		case "PERCENT-COMPLETE", "COMPLETED", "STATUS":
			return todo
		}
		return isPersonal(p)
	}
	for _, x := range [...]*ical.Component{out, c} {
		for _, p := range x.Props() {
			// What a program adds under a name of its own stays with it; what the organizer sent under one stays too.
			if own(p) || x == c && strings.HasPrefix(p.Name(), "X-") && !shown(p.Name()) && out.Prop(p.Name()) == nil {
				names[p.Name()] = true
			}
		}
	}
	if todo && isCancelled(out) {
		delete(names, "STATUS")
	}
	list := make([]string, 0, len(names))
	for n := range names {
		list = append(list, n)
	}
	slices.Sort(list)
	for _, n := range list {
		if !replaceAll(out, c, n) {
			continue
		}
		if todo && progress[n] {
			tell = tell || a.o.attendeeOf(out, a.me) != nil
		}
	}
	replaceAlarms(out, c)
	return tell
}

// replaceAll gives out the properties of that name that c has, and reports whether they were others.
func replaceAll(out, c *ical.Component, name string) bool {
	lines := func(x *ical.Component) (list []string) {
		for p := range x.All(name) {
			list = append(list, p.Line())
		}
		return list
	}
	if slices.Equal(lines(out), lines(c)) {
		return false
	}
	out.Remove(name)
	for p := range c.All(name) {
		out.Add(p.Clone())
	}
	return true
}

func replaceAlarms(out, c *ical.Component) {
	text := func(x *ical.Component) string {
		var b strings.Builder
		for k := range x.Components("VALARM") {
			b.WriteString(k.String())
		}
		return b.String()
	}
	if text(out) == text(c) {
		return
	}
	out.RemoveChildren(func(k *ical.Component) bool { return k.Name() == "VALARM" })
	for k := range c.Components("VALARM") {
		out.AddChild(k.Clone())
	}
}

// takeAnswer brings the attendee's own ATTENDEE of c into out: PARTSTAT, RSVP, delegation, and parameters of their
// program. It reports whether the answer is another one.
func (a *attend) takeAnswer(out, c *ical.Component) bool {
	mine, theirs := a.o.attendeeOf(out, a.me), a.o.attendeeOf(c, a.me)
	if mine == nil || theirs == nil {
		return false
	}
	tell := PartStat(mine) != PartStat(theirs)
	if tell {
		setPartStat(mine, PartStat(theirs))
	}
	names := []string{"RSVP", "DELEGATED-TO"}
	for _, q := range theirs.Params() {
		if strings.HasPrefix(q.Name, "X-") {
			names = append(names, q.Name)
		}
	}
	for _, n := range names {
		if slices.Equal(mine.ParamValues(n), theirs.ParamValues(n)) {
			continue
		}
		copyParams(mine, theirs, []string{n})
		tell = tell || n == "DELEGATED-TO"
	}
	// Whom they delegate to joins the meeting (RFC 5546 section 2.1.2).
	for _, to := range theirs.ParamValues("DELEGATED-TO") {
		p := a.o.attendeeOf(c, to)
		if p == nil || a.o.attendeeOf(out, to) != nil || !a.o.same(p.Param("DELEGATED-FROM"), a.me) {
			continue
		}
		p = p.Clone()
		setPartStat(p, "NEEDS-ACTION")
		out.Add(p)
		tell = true
	}
	return tell
}
