package itip

import (
	"maps"
	"slices"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
)

// people numbers the persons of one meeting, however their addresses are written.
type people struct {
	o     Options
	addrs []string // the address by which each was first met
	ids   map[string]int
}

func (p *people) id(addr string) int {
	addr = ical.Address(addr)
	if n, ok := p.ids[addr]; ok {
		return n
	}
	if p.ids == nil {
		p.ids = map[string]int{}
	}
	n := len(p.addrs)
	if p.o.Same != nil {
		if i := slices.IndexFunc(p.addrs, func(a string) bool { return p.o.Same(a, addr) }); i >= 0 {
			n = i
		}
	}
	if n == len(p.addrs) {
		p.addrs = append(p.addrs, addr)
	}
	p.ids[addr] = n
	return n
}

// seats says in which components the server schedules which person, by number; the organizer has none.
func (ob *object) seats(p *people, organizer string) map[int]map[key]bool {
	list := map[int]map[key]bool{}
	for _, k := range ob.all() {
		for a := range ob.get(k).All("ATTENDEE") {
			if !byServer(a) || strings.TrimSpace(a.Value()) == "" || p.o.same(a.Value(), organizer) {
				continue
			}
			id := p.id(a.Value())
			if list[id] == nil {
				list[id] = map[key]bool{}
			}
			list[id][k] = true
		}
	}
	return list
}

// view is what one attendee may know of a meeting (RFC 6638 section 3.2.6): the master when they are in it, the overrides
// they are in, and an EXDATE for each instance that they are not in. A cancelled instance is
// in no view, and a cancelled master means an empty one.
type view struct {
	ob     *object
	master *ical.Component
	over   []key
	in     map[key]bool // the same as a set
	out    map[key]bool // overrides they are not in, as EXDATE
	id     string       // tells views of one object apart, so that equal ones are made once
}

func (ob *object) view(in map[key]bool) view {
	b := make([]byte, 0, len(ob.keys)+1)
	for _, k := range ob.all() {
		if in[k] {
			b = append(b, '1')
		} else {
			b = append(b, '0')
		}
	}
	v, ok := ob.views[string(b)]
	if !ok {
		v = ob.makeView(in)
		if ob.views == nil {
			ob.views = map[string]view{}
		}
		ob.views[string(b)] = v
	}
	return v
}

func (ob *object) makeView(in map[key]bool) view {
	v := view{ob: ob, in: map[key]bool{}, out: map[key]bool{}}
	if isCancelled(ob.master) {
		return v
	}
	if in[key{}] {
		v.master = ob.master
	}
	for _, k := range ob.keys {
		if in[k] && !isCancelled(ob.over[k]) {
			v.over = append(v.over, k)
			v.in[k] = true
		} else {
			v.out[k] = true
		}
	}
	id := make([]byte, 0, len(ob.keys)+1)
	if v.master != nil {
		id = append(id, 'm')
	}
	for _, k := range ob.keys {
		if v.in[k] {
			id = append(id, '1')
		} else {
			id = append(id, '0')
		}
	}
	v.id = string(id)
	return v
}

func (v view) empty() bool { return v.master == nil && len(v.over) == 0 }

func (v view) has(k key) bool { return v.in[k] }

// excluded reports whether the master of the view has an EXDATE for k.
func (v view) excluded(k key) bool {
	return v.master != nil && (v.out[k] || v.ob.recurrence().exdates[k] && !v.has(k))
}

// effective is what holds for k in the view, or nil.
func (v view) effective(k key) *ical.Component {
	if k == (key{}) {
		return v.master
	}
	if v.has(k) {
		return v.ob.over[k]
	}
	if v.master == nil || v.out[k] || !v.ob.isInstance(k) {
		return nil
	}
	return v.ob.derive(k)
}

// covers is effective(k) != nil, without making anything.
func (v view) covers(k key) bool {
	return v.has(k) || v.master != nil && (k == (key{}) || !v.out[k] && v.ob.isInstance(k))
}

// calendar prints the view as a message.
func (v view) calendar(method string, now time.Time) *ical.Component {
	var list []*ical.Component
	if v.master != nil {
		c := clean(v.master, now)
		v.ob.addExdates(c, slices.SortedFunc(maps.Keys(v.out), compareKeys))
		list = append(list, c)
	}
	for _, k := range v.over {
		list = append(list, clean(v.ob.over[k], now))
	}
	return v.ob.message(method, list)
}

// addExdates adds the instances to a master as EXDATE where they are not yet.
func (ob *object) addExdates(master *ical.Component, keys []key) {
	set := map[key]bool{}
	for p := range master.All("EXDATE") {
		ob.addDates(set, p)
	}
	var forms []*ical.Property
	var values [][]string
	for _, k := range keys {
		if set[k] {
			continue
		}
		set[k] = true
		p := ob.dateTime(k).Property("EXDATE")
		i := slices.IndexFunc(forms, func(q *ical.Property) bool { return slices.EqualFunc(p.Params(), q.Params(), equalParam) })
		if i < 0 {
			i = len(forms)
			forms, values = append(forms, p), append(values, nil)
		}
		values[i] = append(values[i], p.Value())
	}
	for i, p := range forms {
		p.SetValue(strings.Join(values[i], ","))
		master.Add(p)
	}
}

func equalParam(a, b ical.Param) bool { return a.Name == b.Name && slices.Equal(a.Values, b.Values) }

// message wraps components as a VCALENDAR with the VTIMEZONEs they name (RFC 5546 section 3.1.1).
func (ob *object) message(method string, list []*ical.Component) *ical.Component {
	cal := ical.NewCalendar(method)
	addZones(cal, ob, list)
	for _, c := range list {
		cal.AddChild(c)
	}
	return cal
}

// addZones adds to cal the VTIMEZONEs that the components name and it does not have: as they stand in the
// object, else made from the zone the name means.
func addZones(cal *ical.Component, from *object, list []*ical.Component) {
	have := map[string]bool{}
	for v := range cal.Components("VTIMEZONE") {
		have[v.Text("TZID")] = true
	}
	for _, c := range list {
		for _, p := range c.Props() {
			id := p.Param("TZID")
			if id == "" || have[id] {
				continue
			}
			have[id] = true
			if v := from.vtimezone(id); v != nil {
				insertZone(cal, v)
			}
		}
	}
}

// insertZone adds v before the other components where there are only time zones before, else last.
func insertZone(cal, v *ical.Component) {
	rest := cal.Children()
	rest = slices.DeleteFunc(rest, func(c *ical.Component) bool { return c.Name() == "VTIMEZONE" })
	if len(rest) == 0 {
		cal.AddChild(v)
		return
	}
	cal.RemoveChildren(func(c *ical.Component) bool { return c.Name() != "VTIMEZONE" })
	cal.AddChild(v)
	for _, c := range rest {
		cal.AddChild(c)
	}
}

func (ob *object) vtimezone(id string) *ical.Component {
	if ob.cal == nil {
		return nil
	}
	for v := range ob.cal.Components("VTIMEZONE") {
		if v.Text("TZID") == id {
			return v.Clone()
		}
	}
	name, ok := ob.res.Canonical(id)
	if !ok || !ob.timed {
		return nil
	}
	v, err := zone.VTimezone(name, ob.start.Wall.AddDate(-1, 0, 0), ob.start.Wall.AddDate(5, 0, 0))
	if err != nil {
		return nil
	}
	v.Set(ical.NewText("TZID", id))
	return v
}

// Where the organizer's copy keeps what orders an attendee's answers by mail: SEQUENCE and DTSTAMP of the last
// REPLY, on the ATTENDEE of the component it was for. Cyrus keeps the same under these names.
const (
	paramSequence = "X-SEQUENCE"
	paramStamp    = "X-DTSTAMP"
)

// stripParams removes from ATTENDEE and ORGANIZER what concerns only the copy it stands in (RFC 6638 sections 7.1 to 7.3).
func stripParams(c *ical.Component) {
	for _, p := range c.Props() {
		if p.Name() != "ATTENDEE" && p.Name() != "ORGANIZER" {
			continue
		}
		for _, name := range [...]string{"SCHEDULE-AGENT", "SCHEDULE-STATUS", "SCHEDULE-FORCE-SEND", paramSequence, paramStamp} {
			p.RemoveParam(name)
		}
	}
}

// clean copies a component for a message: without alarms and private things, and with a DTSTAMP of its
// own (RFC 6638 section 3.2.5).
func clean(c *ical.Component, now time.Time) *ical.Component {
	c = c.Clone()
	c.RemoveChildren(func(k *ical.Component) bool { return k.Name() == "VALARM" })
	c.RemoveFunc(unsent)
	stripParams(c)
	setStamp(c, now)
	return c
}

// View returns the REQUEST, or another message of the organizer, that shows one attendee all they may see
// of the meeting. It reports false where they are in no part of it.
func View(organizer *ical.Component, attendee, method string, o Options) (Message, bool) {
	ob := read(organizer)
	in := map[key]bool{}
	for _, k := range ob.all() {
		in[k] = o.attendeeOf(ob.get(k), attendee) != nil
	}
	v := ob.view(in)
	if v.empty() {
		return Message{}, false
	}
	return Message{method, Organizer(organizer), ical.Address(attendee), v.calendar(method, o.Now)}, true
}
