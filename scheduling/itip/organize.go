package itip

import (
	"maps"
	"slices"
	"strings"

	"kalends/ical"
)

// Organize works out what an organizer's change means: old is the stored object (nil: it is created), new
// the body (nil: it is deleted). It returns what to store and whom to tell (RFC 6638 section 3.2.1).
//
// Messages of one Plan may share a Calendar, which nobody may change.
func Organize(old, new *ical.Component, o Options) (Plan, error) {
	if new == nil {
		return Plan{Messages: o.cancelAll(old, old)}, nil
	}
	if err := Validate(new, o.Same); err != nil {
		return Plan{}, err
	}
	was, is := Organizer(old), Organizer(new)
	switch {
	case is == "" && hasAttendees(new):
		if was != "" {
			return Plan{}, &ChangeError{AllowedOrganizerChange, "a meeting with attendees needs its ORGANIZER"}
		}
		return Plan{Stored: new}, nil
	case is == "":
		return Plan{Stored: new, Messages: o.cancelAll(old, new)}, nil
	case was != "" && !o.same(was, is):
		return Plan{}, &ChangeError{AllowedOrganizerChange, "the ORGANIZER of a meeting cannot be changed"}
	}

	e := edit{o: o, organizer: is, old: read(old), given: new, cal: new}
	e.people.o = o
	forced := e.force()
	if old != nil {
		e.keepOverrides()
		e.keepAnswers()
	}
	e.keepBooks()
	e.settle()
	plan := Plan{Stored: e.cal, Changed: e.cal != new && e.cal.String() != new.String()}
	if !plan.Changed {
		plan.Stored = new
	}
	plan.Messages = e.messages(forced)
	plan.Spread = e.spreads()
	return plan, nil
}

// spreads reports whether the body brought another answer.
func (e *edit) spreads() bool {
	if e.old.cal == nil {
		return false
	}
	for _, k := range e.new().all() {
		c, was := e.new().get(k), e.old.effective(k)
		if was == nil {
			continue
		}
		for a := range c.All("ATTENDEE") {
			if b := e.o.attendeeOf(was, a.Value()); b != nil && PartStat(a) != PartStat(b) {
				return true
			}
		}
	}
	return false
}

func hasAttendees(cal *ical.Component) bool {
	for range attendeeLines(cal) {
		return true
	}
	return false
}

// edit is an organizer's change being worked on.
type edit struct {
	o         Options
	organizer string
	people    people
	old       *object
	given     *ical.Component
	cal       *ical.Component // given itself until something must change
	ob        *object         // of cal
}

// new lays out the body as it stands.
func (e *edit) new() *object {
	if e.ob == nil {
		e.ob = read(e.cal)
	}
	return e.ob
}

// write returns the body for changing.
func (e *edit) write() *object {
	if e.cal == e.given {
		e.cal, e.ob = e.given.Clone(), nil
	}
	return e.new()
}

// touched forgets what was worked out about the body.
func (e *edit) touched() { e.ob = nil }

// force takes SCHEDULE-FORCE-SEND out of the body and returns who is to be told whatever changed (RFC 6638
// section 7.2).
func (e *edit) force() map[int]bool {
	var who map[int]bool
	for _, p := range attendeeLines(e.cal) {
		if strings.EqualFold(p.Param("SCHEDULE-FORCE-SEND"), Request) && byServer(p) {
			if who == nil {
				who = map[int]bool{}
			}
			who[e.people.id(p.Value())] = true
		}
	}
	any := slices.ContainsFunc(slices.Collect(e.cal.Main()), func(c *ical.Component) bool {
		return slices.ContainsFunc(c.Props(), func(p *ical.Property) bool { return p.HasParam("SCHEDULE-FORCE-SEND") })
	})
	if any {
		for c := range e.write().cal.Main() {
			for _, p := range c.Props() {
				p.RemoveParam("SCHEDULE-FORCE-SEND")
			}
		}
	}
	return who
}

// keepAnswers brings into a body that is older than the stored object what others and the server wrote there
// since (RFC 6638 section 3.2.10): PARTSTAT, SCHEDULE-STATUS, and delegates. Of any body it mends only an answer that
// is gone without a reason: what was rescheduled is reset later. Other answers are taken, because an
// organizer's program may have had them by mail.
func (e *edit) keepAnswers() {
	for _, k := range e.new().all() {
		was := e.old.effective(k)
		if was == nil {
			continue
		}
		c := e.new().get(k)
		for a := range was.All("ATTENDEE") {
			if e.o.same(a.Value(), e.organizer) {
				continue
			}
			now := e.o.attendeeOf(c, a.Value())
			if !e.o.Stale {
				if now != nil && byServer(now) && PartStat(now) == "NEEDS-ACTION" && PartStat(a) != "NEEDS-ACTION" {
					setPartStat(e.o.attendeeOf(e.write().get(k), a.Value()), PartStat(a))
				}
				continue
			}
			if now == nil {
				// A delegate came by an answer that the body does not know yet.
				from := a.Param("DELEGATED-FROM")
				d := e.o.attendeeOf(c, from)
				if from != "" && d != nil && !d.HasParam("DELEGATED-TO") {
					c = e.write().get(k)
					c.Add(a.Clone())
				}
				continue
			}
			if sameParams(a, now, answerParams) {
				continue
			}
			c = e.write().get(k)
			copyParams(e.o.attendeeOf(c, a.Value()), a, answerParams)
		}
	}
}

// answerParams are the parameters of an ATTENDEE that an answer or its delivery writes.
var answerParams = []string{"PARTSTAT", "SCHEDULE-STATUS", "DELEGATED-TO", "DELEGATED-FROM", paramSequence, paramStamp}

func sameParams(a, b *ical.Property, names []string) bool {
	for _, n := range names {
		if n == "PARTSTAT" && PartStat(a) == PartStat(b) {
			continue
		}
		if !slices.Equal(a.ParamValues(n), b.ParamValues(n)) {
			return false
		}
	}
	return true
}

func copyParams(to, from *ical.Property, names []string) {
	for _, n := range names {
		if n == "PARTSTAT" && PartStat(to) == PartStat(from) {
			continue
		}
		if v := from.ParamValues(n); v != nil {
			to.SetParam(n, v...)
		} else {
			to.RemoveParam(n)
		}
	}
}

// keepOverrides puts back stored overrides that differ from their master only in answers, where the body has lost
// them: the answer for an instance is the attendee's, and stands until the instance is gone.
func (e *edit) keepOverrides() {
	if e.old.master == nil || e.new().master == nil {
		return
	}
	for _, k := range e.old.keys {
		c := e.old.over[k]
		if e.new().over[k] != nil || !e.new().isInstance(k) || !e.old.isInstance(k) || isCancelled(c) {
			continue
		}
		was := e.old.derive(k)
		if e.old.face(c) != e.old.face(was) || !e.o.answersDiffer(c, was, e.organizer) {
			continue
		}
		add := e.new().derive(k)
		if rescheduled(e.old, c, e.new(), add, false) {
			continue
		}
		for p := range add.All("ATTENDEE") {
			if a := e.o.attendeeOf(c, p.Value()); a != nil {
				copyParams(p, a, answerParams)
			}
		}
		e.write().cal.AddChild(add)
		e.touched()
	}
}

// answersDiffer reports whether an attendee, not the organizer, has another PARTSTAT in a than in b.
func (o Options) answersDiffer(a, b *ical.Component, organizer string) bool {
	for p := range a.All("ATTENDEE") {
		if q := o.attendeeOf(b, p.Value()); q != nil && PartStat(p) != PartStat(q) && !o.same(p.Value(), organizer) {
			return true
		}
	}
	return false
}

// keepBooks puts back what orders answers where a client dropped the parameters it does not know.
func (e *edit) keepBooks() {
	if e.old.cal == nil || !e.old.hasBooks() {
		return
	}
	names := []string{paramSequence, paramStamp}
	for _, k := range e.new().all() {
		was := e.old.get(k)
		if was == nil {
			continue
		}
		for a := range was.All("ATTENDEE") {
			if !a.HasParam(paramStamp) {
				continue
			}
			now := e.o.attendeeOf(e.new().get(k), a.Value())
			if now == nil || sameParams(a, now, names) {
				continue
			}
			copyParams(e.o.attendeeOf(e.write().get(k), a.Value()), a, names)
		}
	}
}

func (ob *object) hasBooks() bool {
	for _, p := range attendeeLines(ob.cal) {
		if p.HasParam(paramStamp) {
			return true
		}
	}
	return false
}

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
		anew := was == nil || rescheduled(e.old, was, e.new(), c, true)
		least := sequence(was)
		switch {
		case was == nil:
			least = e.old.highest()
			if e.old.master != nil {
				least = sequence(e.old.master)
			}
			least++
		case retimed(e.old, was, e.new(), c), k == (key{}) && e.narrowed():
			least++
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

// silent reports whether nobody is to be told.
func (o Options) silent(a, b *object) bool {
	if o.Past {
		return true
	}
	over := false
	for _, ob := range [...]*object{a, b} {
		if ob == nil || ob.cal == nil {
			continue
		}
		if !ob.isOver(o.Now) {
			return false
		}
		over = true
	}
	return over
}

// messages compares each attendee's view before and after (RFC 6638 sections 3.2.1.2 and 3.2.6).
func (e *edit) messages(forced map[int]bool) []Message {
	if e.o.silent(e.old, e.new()) {
		return nil
	}
	before := map[int]map[key]bool{}
	if was := Organizer(e.old.cal); was != "" {
		before = e.old.seats(&e.people, was)
	}
	after := e.new().seats(&e.people, e.organizer)
	m := &maker{e: e, made: map[string]*ical.Component{}, needs: map[string]needs{}}
	var list []Message
	for id, addr := range e.people.addrs {
		if before[id] == nil && after[id] == nil {
			continue
		}
		list = m.tell(list, addr, e.old.view(before[id]), e.new().view(after[id]), forced[id])
	}
	return list
}

// maker makes the messages of one change; equal ones once.
type maker struct {
	e     *edit
	made  map[string]*ical.Component
	needs map[string]needs
}

// needs is what the difference between two views calls for.
type needs struct {
	request bool
	all     bool  // CANCEL of the whole
	cancel  []key // CANCEL of instances
}

func (m *maker) tell(list []Message, addr string, was, is view, force bool) []Message {
	if was.empty() && is.empty() {
		return list
	}
	id := was.id() + "/" + is.id()
	n, ok := m.needs[id]
	if !ok {
		n = compare(was, is)
		m.needs[id] = n
	}
	message := func(method, key string, make func() *ical.Component) {
		cal := m.made[key]
		if cal == nil {
			cal = make()
			if key != "" {
				m.made[key] = cal
			}
		}
		list = append(list, Message{method, m.e.organizer, addr, cal})
	}
	// A CANCEL that takes one person off the list names only that person.
	if n.all || len(n.cancel) > 0 {
		shared := "cancel " + id
		if n.all && !m.e.ended(key{}) || slices.ContainsFunc(n.cancel, func(k key) bool { return !m.e.ended(k) }) {
			shared = ""
		}
		message(Cancel, shared, func() *ical.Component {
			return m.e.cancelMessage(addr, was, n)
		})
	}
	if n.request || force && !is.empty() {
		message(Request, "request "+is.id(), func() *ical.Component { return is.calendar(Request, m.e.o.Now) })
	}
	return list
}

// compare says what somebody with one view must be told to have the other.
func compare(was, is view) needs {
	var n needs
	switch {
	case is.empty() && was.master != nil:
		n.all = true
		return n
	case is.empty():
		n.cancel = was.over
		return n
	case was.empty(), was.master == nil && is.master != nil:
		n.request = true
		return n
	case was.master != nil && is.master == nil:
		n.all, n.request = true, true
		return n
	}
	gone := map[key]bool{}
	if is.master != nil {
		if was.ob.face(was.master) != is.ob.face(is.master) {
			n.request = true
		}
		// Instances that fall away with a changed rule or start need no word of their own.
		if !rescheduled(was.ob, was.master, is.ob, is.master, false) {
			for k := range excluded(is) {
				if was.effective(k) != nil {
					gone[k] = true
				}
			}
		}
		for k := range excluded(was) {
			if !is.excluded(k) && is.effective(k) != nil {
				n.request = true
			}
		}
	}
	for _, k := range is.over {
		before := was.effective(k)
		if before == nil || was.ob.face(before) != is.ob.face(is.ob.over[k]) {
			n.request = true
		}
	}
	for _, k := range was.over {
		if is.has(k) || gone[k] {
			continue
		}
		now := is.effective(k)
		switch {
		case now == nil && is.master == nil:
			gone[k] = true
		case now == nil:
			n.request = true
		case was.ob.face(was.ob.over[k]) != is.ob.face(now):
			n.request = true
		}
	}
	n.cancel = slices.SortedFunc(maps.Keys(gone), compareKeys)
	return n
}

// excluded returns all EXDATEs of the master of a view.
func excluded(v view) map[key]bool {
	set := map[key]bool{}
	for k := range v.out {
		set[k] = true
	}
	for k := range v.ob.recurrence().exdates {
		if !v.has(k) {
			set[k] = true
		}
	}
	return set
}
