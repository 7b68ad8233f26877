package itip

import (
	"maps"
	"slices"

	"kalends/ical"
)

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
	id := was.id + "/" + is.id
	n, ok := m.needs[id]
	if !ok {
		n = m.e.o.compare(was, is)
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
		message(Request, "request "+is.id, func() *ical.Component { return is.calendar(Request, m.e.o.Now) })
	}
	return list
}

// compare says what somebody with one view must be told to have the other.
func (o Options) compare(was, is view) needs {
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
		if was.ob.face(was.master) != is.ob.face(is.master) || o.staysAway(was.master) != o.staysAway(is.master) {
			n.request = true
		}
		// Instances that fall away with a changed rule or start need no word of their own.
		if !rescheduled(was.ob, was.master, is.ob, is.master, false) {
			for k := range excluded(is) {
				if was.covers(k) {
					gone[k] = true
				}
			}
		}
		for k := range excluded(was) {
			if !is.excluded(k) && is.covers(k) {
				n.request = true
			}
		}
	}
	for _, k := range is.over {
		before := was.effective(k)
		if before == nil || was.ob.face(before) != is.ob.face(is.ob.over[k]) || o.staysAway(before) != o.staysAway(is.ob.over[k]) {
			n.request = true
		}
	}
	for _, k := range was.over {
		if future(was.ob.over[k]) && !is.has(k) && is.master != nil {
			n.request = true // later instances are as they were
		}
		if is.has(k) || gone[k] {
			continue
		}
		now := is.effective(k)
		switch {
		case now == nil && is.master == nil:
			gone[k] = true
		case now == nil:
			n.request = true
		case was.ob.face(was.ob.over[k]) != is.ob.face(now), o.staysAway(was.ob.over[k]) != o.staysAway(now):
			n.request = true
		}
	}
	if is.master != nil && len(gone) > maxCancels {
		n.request = true // whose EXDATEs say it
		return n
	}
	n.cancel = slices.SortedFunc(maps.Keys(gone), compareKeys)
	return n
}

// staysAway reports whether the organizer will not be there. Nobody sends that as an answer, so it is news that the others are told of
// (RFC 6638 section 3.2.1.2); answers of attendees reach them by [SpreadPartStat].
func (o Options) staysAway(c *ical.Component) bool {
	p := c.Prop("ORGANIZER")
	if p == nil {
		return false
	}
	a := o.attendeeOf(c, p.Value())
	return a != nil && PartStat(a) == "DECLINED"
}

// maxCancels bounds how many instances one CANCEL names. Each has the list of attendees.
const maxCancels = 50

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
