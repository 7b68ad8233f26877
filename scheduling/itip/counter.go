package itip

import (
	"fmt"

	"kalends/ical"
)

// ReadMessage reads a VCALENDAR that came as a message, by mail or otherwise: its method, and whom it says it is
// from and to. Both are claims. What real programs leave out is forgiven: ORGANIZER of a REPLY (To is
// empty then), PRODID, DTSTART; METHOD may be in lower case.
func ReadMessage(cal *ical.Component) (Message, error) {
	if err := check(cal); err != nil {
		return Message{}, err
	}
	m := Message{Calendar: cal}
	m.Method = method(m)
	attendee := ""
	for _, p := range attendeeLines(cal) {
		if attendee == "" || p.HasParam("DELEGATED-TO") {
			attendee = ical.Address(p.Value())
		}
	}
	switch m.Method {
	case Reply, Refresh, Counter:
		if attendee == "" {
			return Message{}, fmt.Errorf("%w: %s without ATTENDEE", ErrMessage, m.Method)
		}
		m.From, m.To = attendee, Organizer(cal)
	case Request, Add, Cancel, DeclineCounter, Publish:
		if m.From = Organizer(cal); m.From == "" && m.Method != Publish {
			return Message{}, fmt.Errorf("%w: %s without ORGANIZER", ErrMessage, m.Method)
		}
	default:
		return Message{}, fmt.Errorf("%w: METHOD %.20q", ErrMessage, m.Method)
	}
	return m, nil
}

// MakeRefresh asks the organizer for the meeting as it is (RFC 5546 section 3.2.6).
func MakeRefresh(copy *ical.Component, me string, o Options) (Message, error) {
	organizer := Organizer(copy)
	if organizer == "" {
		return Message{}, fmt.Errorf("%w: REFRESH without ORGANIZER", ErrMessage)
	}
	ob := read(copy)
	for _, k := range ob.all() {
		mine := o.attendeeOf(ob.get(k), me)
		if mine == nil {
			continue
		}
		c := ical.New(ob.get(k).Name())
		c.Add(ical.NewProperty("UID", ob.get(k).Value("UID")))
		if p := ob.get(k).Prop("ORGANIZER"); p != nil {
			c.Add(p.Clone())
		}
		c.Add(mine.Clone())
		stripParams(c)
		setStamp(c, o.Now)
		return Message{Refresh, ical.Address(mine.Value()), organizer, ob.message(Refresh, []*ical.Component{c})}, nil
	}
	return Message{}, fmt.Errorf("%w: REFRESH by somebody who is not invited", ErrMessage)
}

// TakeRefresh answers a REFRESH with the view of who asks, which is sent as REQUEST. It reports false where they are not
// invited.
func TakeRefresh(organizer *ical.Component, msg Message, o Options) (Message, bool) {
	if check(msg.Calendar) != nil || organizer == nil || uid(organizer) != uid(msg.Calendar) {
		return Message{}, false
	}
	return View(organizer, msg.From, Request, o)
}

// MakeCounter proposes another time or other details to the organizer (RFC 5546 section 3.2.7): proposal is the
// attendee's copy as they would like it.
func MakeCounter(copy, proposal *ical.Component, me string, o Options) (Message, error) {
	organizer := Organizer(copy)
	if organizer == "" || uid(copy) != uid(proposal) {
		return Message{}, fmt.Errorf("%w: COUNTER to no meeting", ErrMessage)
	}
	old := read(copy)
	ob := readLike(proposal, old)
	from := ical.Address(me)
	var list []*ical.Component
	for _, k := range ob.all() {
		c := ob.get(k)
		was := old.effective(k)
		mine := o.attendeeOf(c, me)
		if was == nil || mine == nil || old.face(was) == ob.face(c) {
			continue
		}
		from = ical.Address(mine.Value())
		n := clean(c, o.Now)
		setSequence(n, sequence(was))
		list = append(list, n)
	}
	if len(list) == 0 {
		return Message{}, fmt.Errorf("%w: COUNTER that proposes nothing", ErrMessage)
	}
	return Message{Counter, from, organizer, ob.message(Counter, list)}, nil
}

// Proposal is one change that a COUNTER asks for.
type Proposal struct {
	Attendee     string
	RecurrenceID string          // as it is written in the COUNTER; "" for the whole
	Now          *ical.Component // what the organizer has
	Wanted       *ical.Component // what is proposed
	Moves        bool            // the time is another
	Comment      string
}

// ReadCounter says what a COUNTER proposes against the organizer's object (RFC 5546 section 3.2.7). Nothing is changed by it: the
// organizer answers by a change of the object, or by [MakeDeclineCounter].
func ReadCounter(organizer *ical.Component, msg Message, o Options) ([]Proposal, error) {
	if err := check(msg.Calendar); err != nil {
		return nil, err
	}
	if organizer == nil || uid(organizer) != uid(msg.Calendar) {
		return nil, fmt.Errorf("%w: COUNTER to no meeting", ErrMessage)
	}
	ob := read(organizer)
	mo := readLike(msg.Calendar, ob)
	var list []Proposal
	for _, k := range mo.all() {
		c, now := mo.get(k), ob.effective(k)
		if now == nil || msg.From != "" && o.attendeeOf(now, msg.From) == nil || sequence(c) < sequence(now) {
			continue
		}
		p := Proposal{Attendee: ical.Address(msg.From), Now: now, Wanted: c, Comment: c.Text("COMMENT")}
		if id := c.Prop("RECURRENCE-ID"); id != nil {
			p.RecurrenceID = id.Value()
		}
		a, b := ob.timingOf(now), mo.timingOf(c)
		p.Moves = a.start != b.start || a.end != b.end
		list = append(list, p)
	}
	return list, nil
}

// MakeDeclineCounter refuses a COUNTER (RFC 5546 section 3.2.8).
func MakeDeclineCounter(organizer *ical.Component, counter Message, comment string, o Options) (Message, error) {
	if err := check(counter.Calendar); err != nil {
		return Message{}, err
	}
	if organizer == nil || uid(organizer) != uid(counter.Calendar) || counter.From == "" {
		return Message{}, fmt.Errorf("%w: COUNTER to no meeting", ErrMessage)
	}
	ob := read(organizer)
	mo := readLike(counter.Calendar, ob)
	var list []*ical.Component
	for _, k := range mo.all() {
		c := ob.effective(k)
		if c == nil || o.attendeeOf(c, counter.From) == nil {
			continue
		}
		n := o.cancelled(c, counter.From, sequence(c), false)
		if comment != "" {
			n.Set(ical.NewText("COMMENT", comment))
		}
		list = append(list, n)
	}
	if len(list) == 0 {
		return Message{}, fmt.Errorf("%w: COUNTER to no meeting", ErrMessage)
	}
	return Message{DeclineCounter, Organizer(organizer), ical.Address(counter.From), ob.message(DeclineCounter, list)}, nil
}
