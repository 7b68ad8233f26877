package itip

import (
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
	given := new
	new = o.restorePeople(old, new, Organizer(old))
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

	e := edit{o: o, organizer: is, old: read(old), given: given, cal: new}
	e.people.o = o
	forced := e.force()
	e.mend()
	if old != nil {
		e.keepOverrides()
		e.keepAnswers()
	}
	e.keepBooks()
	e.settle()
	messages := e.messages(forced)
	if len(messages) > 0 {
		asked := e.ask()
		news := old != nil && hasAttendees(old) && (len(forced) == 0 || len(e.messages(nil)) > 0)
		if news && e.raise() || asked {
			messages = e.messages(forced)
		}
	}
	plan := Plan{Stored: e.cal, Changed: e.cal != given && e.cal.String() != given.String()}
	if !plan.Changed {
		plan.Stored = given
	}
	plan.Messages = messages
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
