package itip

import (
	"fmt"
	"strings"

	"kalends/ical"
)

// Receive applies a message of the organizer to the copy of msg.To (nil: there is none yet), and keeps in it
// what is theirs (RFC 6638 section 4.1): alarms, colours, their answer as long as it holds.
//
// REQUEST, ADD and CANCEL change the copy. Older messages are ignored, by SEQUENCE and then DTSTAMP (RFC 5546
// section 2.1.5). PUBLISH and DECLINECOUNTER are noted.
func Receive(copy *ical.Component, msg Message, o Options) (Result, error) {
	res := Result{Copy: copy}
	if err := check(msg.Calendar); err != nil {
		return res, err
	}
	if copy != nil {
		if a, b := uid(copy), uid(msg.Calendar); a != b {
			return res, fmt.Errorf("%w: UID %.60q for a copy with another UID", ErrMessage, b)
		}
		if a, b := Organizer(copy), Organizer(msg.Calendar); a != "" && b != "" && !o.same(a, b) {
			res.Reason = "from another organizer than the copy's"
			return res, nil
		}
	}
	r := receiver{o: o, me: msg.To, copy: read(copy)}
	r.msg = readLike(msg.Calendar, r.copy)
	switch method(msg) {
	case Request:
		return r.request(res), nil
	case Cancel:
		return r.cancel(res), nil
	case Add:
		return r.add(res), nil
	case DeclineCounter, Publish:
		res.Outcome = Noted
		return res, nil
	}
	res.Reason = method(msg) + " is not for an attendee"
	return res, nil
}

func method(msg Message) string {
	if msg.Method != "" {
		return strings.ToUpper(strings.TrimSpace(msg.Method))
	}
	return strings.ToUpper(strings.TrimSpace(msg.Calendar.Value("METHOD")))
}

func uid(cal *ical.Component) string {
	for c := range cal.Main() {
		if u := strings.TrimSpace(c.Value("UID")); u != "" {
			return u
		}
	}
	return ""
}

// check refuses calendars that are no message about one thing.
func check(cal *ical.Component) error {
	if cal == nil {
		return fmt.Errorf("%w: no calendar", ErrMessage)
	}
	var first *ical.Component
	for c := range cal.Main() {
		if first == nil {
			first = c
		}
		if c.Name() != first.Name() || strings.TrimSpace(c.Value("UID")) != strings.TrimSpace(first.Value("UID")) {
			return fmt.Errorf("%w: more than one UID or kind of component", ErrMessage)
		}
	}
	if first == nil || strings.TrimSpace(first.Value("UID")) == "" {
		return fmt.Errorf("%w: nothing with a UID in it", ErrMessage)
	}
	return nil
}

type receiver struct {
	o         Options
	me        string
	copy, msg *object
	anew      bool // something was rescheduled

	anewSeries bool // the series was
}

// older reports whether message component c is older than what the copy has.
func older(c, have *ical.Component) bool {
	if have == nil {
		return false
	}
	if a, b := sequence(c), sequence(have); a != b {
		return a < b
	}
	return stamp(c) < stamp(have)
}

// older is the same for what this server sent: it may begin again with a low SEQUENCE what it has cancelled.
func (r *receiver) older(c, have *ical.Component) bool {
	if r.o.Local && isCancelled(have) {
		return stamp(c) < stamp(have)
	}
	return older(c, have)
}

// late reports whether c is a message of this server that was overtaken only by the CANCEL of an instance, which raises
// SEQUENCE and leaves DTSTAMP: what it says is news, apart from the instances it has.
func (r *receiver) late(c, have *ical.Component) bool {
	return r.o.Local && have != nil && sequence(c) < sequence(have) && stamp(c) > stamp(have)
}

func (r *receiver) request(res Result) Result {
	if r.copy.cal == nil {
		res.Copy, res.Changed, res.ScheduleTag, res.Outcome = r.create(), true, true, Created
		return res
	}
	var ok bool
	if r.msg.master != nil {
		res.Copy, ok = r.replace()
	} else {
		res.Copy, ok = r.instances()
	}
	if !ok {
		res.Copy, res.Reason = r.copy.cal, "older than the copy"
		return res
	}
	res.Changed = res.Copy.String() != r.copy.cal.String()
	if !res.Changed {
		res.Copy, res.Reason = r.copy.cal, "nothing new"
		return res
	}
	res.ScheduleTag = true
	res.Outcome = Updated
	if r.anew {
		res.Outcome = Rescheduled
	}
	return res
}

// create makes the first copy.
func (r *receiver) create() *ical.Component {
	cal := ical.NewCalendar("")
	for v := range r.msg.cal.Components("VTIMEZONE") {
		cal.AddChild(v.Clone())
	}
	for _, k := range r.msg.all() {
		cal.AddChild(incoming(r.msg.get(k)))
	}
	return cal
}

// incoming is a component of a message as it may stand in a copy: the organizer's alarms are not the attendee's.
func incoming(c *ical.Component) *ical.Component {
	c = c.Clone()
	c.RemoveChildren(func(k *ical.Component) bool { return k.Name() == "VALARM" })
	c.Remove("REQUEST-STATUS")
	stripParams(c)
	return c
}

// replace takes a message with a master, which is the attendee's whole view, in place of the copy.
func (r *receiver) replace() (*ical.Component, bool) {
	have := r.copy.master
	late := r.late(r.msg.master, have)
	switch {
	case have == nil:
		// A series and an instance do not share their SEQUENCE, so that what was made later is told by DTSTAMP. Others than this
		// server may leave that as it was when they raise SEQUENCE.
		for _, k := range r.copy.keys {
			c := r.copy.over[k]
			if stamp(r.msg.master) < stamp(c) && (r.o.Local || older(r.msg.master, c)) {
				return nil, false
			}
		}
	case isCancelled(have) && r.o.Local:
		// The organizer may have begun again with a new object, whose SEQUENCE is low.
		if stamp(r.msg.master) < stamp(have) || stamp(r.msg.master) == stamp(have) && sequence(r.msg.master) < sequence(have) {
			return nil, false
		}
		late = false
	case older(r.msg.master, have) && !late:
		return r.newerOverrides()
	}

	master := r.merge(have, r.msg.master)
	r.anewSeries = r.anew
	declined := r.declined(late)
	skip := map[key]bool{}
	if len(declined) > 0 {
		sortKeys(declined)
		r.msg.addExdates(master, declined)
		for _, k := range declined {
			skip[k] = true
		}
	}
	if late {
		setSequence(master, sequence(have))
	}
	same := have != nil && r.unchanged(have, r.msg.master) && !r.dropsDates()
	if same {
		keepRevision(master, have)
	}
	list := []*ical.Component{master}
	for _, k := range r.msg.keys {
		if skip[k] {
			continue
		}
		c := r.msg.over[k]
		if mine := r.copy.over[k]; mine != nil && !r.o.Local && older(c, mine) {
			list = append(list, mine.Clone())
			continue
		}
		n := r.merge(r.copy.effective(k), c)
		if mine := r.copy.over[k]; same && mine != nil && r.unchanged(mine, c) {
			keepRevision(n, mine)
		}
		if r.copy.over[k] == nil && r.anewSeries {
			// What was answered for the series does not hold for this instance either.
			if a, b := r.o.attendeeOf(n, r.me), r.o.attendeeOf(c, r.me); a != nil {
				copyParams(a, b, []string{"PARTSTAT", "RSVP", "DELEGATED-TO"})
			}
		}
		list = append(list, n)
	}
	list = append(list, r.kept(master, skip)...)
	return r.compose(list), true
}

// unchanged reports whether c, the message's component for have, tells nothing new in a message that nothing overtakes.
func (r *receiver) unchanged(have, c *ical.Component) bool {
	return r.o.Local && r.o.InOrder && isCancelled(have) == isCancelled(c) && r.copy.face(have) == r.msg.face(c)
}

// dropsDates reports whether the message takes instances out of the series, or brings some back without naming them.
func (r *receiver) dropsDates() bool {
	was, is := r.copy.recurrence().exdates, r.msg.recurrence().exdates
	for k := range is {
		if !was[k] {
			return true
		}
	}
	for k := range was {
		if !is[k] && r.msg.over[k] == nil {
			return true
		}
	}
	return false
}

// keepRevision leaves c the revision that have was.
func keepRevision(c, have *ical.Component) {
	for _, name := range [...]string{"SEQUENCE", "DTSTAMP"} {
		if p := have.Prop(name); p != nil {
			c.Set(p.Clone())
		} else {
			c.Remove(name)
		}
	}
}

// newerOverrides takes from a message whose master is old the overrides that are not.
func (r *receiver) newerOverrides() (*ical.Component, bool) {
	if r.o.Local {
		return nil, false
	}
	list := []*ical.Component{r.copy.master.Clone()}
	took := false
	for _, k := range r.copy.keys {
		if c := r.msg.over[k]; c != nil && !older(c, r.copy.over[k]) {
			list = append(list, r.merge(r.copy.over[k], c))
			took = true
		} else {
			list = append(list, r.copy.over[k].Clone())
		}
	}
	if !took {
		return nil, false
	}
	return r.compose(list), true
}

// declined returns the instances that the attendee has taken out of their own copy, and which stay out: those with an
// EXDATE in the copy and none in the message.
//
// A message of this server knows of the answer that taking an instance out is. Where it does not yet, the
// instance shows again, until [SpreadPartStat] brings the answer. Other organizers are not relied upon to say so; they bring an instance back
// by naming it, or with a reschedule.
func (r *receiver) declined(late bool) []key {
	if r.copy.master == nil || isCancelled(r.copy.master) {
		return nil
	}
	anew := r.resets(r.copy.master, r.msg.master)
	var list []key
	for k := range r.copy.recurrence().exdates {
		c := r.msg.over[k]
		if r.msg.recurrence().exdates[k] || r.copy.over[k] != nil || c == nil && !r.msg.generates(k) {
			continue
		}
		keep := late || c == nil && !anew && !r.o.Local
		if !keep {
			if c == nil {
				c = r.msg.master
			}
			keep = PartStat(r.o.attendeeOf(c, r.me)) == "DECLINED"
		}
		if keep {
			list = append(list, k)
		}
	}
	return list
}

// kept returns the overrides of the copy that the message has not, and that stay.
func (r *receiver) kept(master *ical.Component, skip map[key]bool) []*ical.Component {
	if r.copy.master == nil || isCancelled(r.copy.master) {
		return nil
	}
	anew := rescheduled(r.copy, r.copy.master, r.msg, r.msg.master, false)
	bare := len(r.msg.keys) == 0 && !r.o.Local && !anew
	var list []*ical.Component
	for _, k := range r.copy.keys {
		c := r.copy.over[k]
		if r.msg.over[k] != nil || skip[k] || !r.msg.isInstance(k) {
			continue
		}
		// Programs send a changed series without its overrides, and those later, each by itself.
		if bare || !r.o.Local && sequence(c) > sequence(r.msg.master) {
			list = append(list, c.Clone())
			continue
		}
		// An answer for one instance that the organizer did not know of yet.
		if !r.copy.isInstance(k) {
			continue
		}
		now := r.msg.derive(k)
		mine, my := r.o.attendeeOf(c, r.me), r.o.attendeeOf(master, r.me)
		if mine == nil || my == nil || r.copy.face(c) != r.copy.face(r.copy.derive(k)) || rescheduled(r.copy, c, r.msg, now, false) {
			continue
		}
		if PartStat(mine) != PartStat(my) && PartStat(mine) != "NEEDS-ACTION" || personalText(c) != personalText(r.copy.derive(k)) {
			list = append(list, r.merge(c, now))
		}
	}
	return list
}

// instances takes a message of overrides only: instances that the attendee is invited to.
func (r *receiver) instances() (*ical.Component, bool) {
	master := r.copy.master
	if isCancelled(master) {
		master = nil // they were taken off the series, and are now invited to some of it
	}
	if master != nil {
		master = master.Clone()
	}
	took := map[key]*ical.Component{}
	for _, k := range r.msg.keys {
		c := r.msg.over[k]
		have := r.copy.over[k]
		if have != nil && r.older(c, have) || have == nil && r.copy.master != nil && stamp(c) < stamp(r.copy.master) && (r.o.Local || sequence(c) < sequence(r.copy.master)) {
			continue
		}
		own := have
		if own == nil && master != nil {
			if r.copy.recurrence().exdates[k] && PartStat(r.o.attendeeOf(c, r.me)) == "DECLINED" {
				continue
			}
			r.copy.removeExdate(master, k)
			own = r.copy.effective(k)
		}
		took[k] = r.merge(own, c)
		if have != nil && r.unchanged(have, c) {
			keepRevision(took[k], have)
		}
	}
	if len(took) == 0 {
		return nil, false
	}
	var list []*ical.Component
	if master != nil {
		list = append(list, master)
	}
	for _, k := range r.copy.keys {
		if c := took[k]; c != nil {
			list = append(list, c)
			delete(took, k)
		} else if master != nil || !isCancelled(r.copy.over[k]) || r.copy.master == nil {
			list = append(list, r.copy.over[k].Clone())
		}
	}
	for _, k := range r.msg.keys {
		if c := took[k]; c != nil {
			list = append(list, c)
		}
	}
	return r.compose(list), true
}

// compose makes the new copy of these components: with the VCALENDAR of the old, and the time zones of the message.
func (r *receiver) compose(list []*ical.Component) *ical.Component {
	cal := r.copy.cal.Clone()
	named := map[string]bool{}
	for v := range r.msg.cal.Components("VTIMEZONE") {
		named[v.Text("TZID")] = true
	}
	cal.RemoveChildren(func(c *ical.Component) bool {
		return c.Name() != "VTIMEZONE" || named[c.Text("TZID")]
	})
	for v := range r.msg.cal.Components("VTIMEZONE") {
		cal.AddChild(v.Clone())
	}
	used := map[string]bool{}
	for _, c := range list {
		cal.AddChild(c)
		for _, p := range c.Props() {
			if id := p.Param("TZID"); id != "" {
				used[id] = true
			}
		}
	}
	cal.RemoveChildren(func(c *ical.Component) bool { return c.Name() == "VTIMEZONE" && !used[c.Text("TZID")] })
	addZones(cal, r.copy, list)
	return cal
}
