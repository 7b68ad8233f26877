package itip

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"kalends/ical"
)

// again stores the organizer's object as it is, and with an alarm: nobody is told.
func (m *model) again() {
	old := m.copies[organizerAddr]
	if old == nil {
		return
	}
	for i := range 2 {
		cal := old.Clone()
		if i == 1 {
			for c := range cal.Main() {
				alarm := ical.New("VALARM")
				alarm.Add(ical.NewProperty("TRIGGER", "-PT5M"))
				c.AddChild(alarm)
				c.Set(ical.NewProperty("X-MOZ-LASTACK", "20260101T000000Z"))
				c.Set(ical.NewProperty("TRANSP", "TRANSPARENT"))
			}
		}
		plan, err := Organize(old, cal, Options{Now: m.now})
		if err != nil || len(plan.Messages) > 0 || plan.Changed {
			m.fail("for nothing: %v, changed %v, %d messages\nstored\n%v\nwas\n%v", err, plan.Changed, len(plan.Messages), plan.Stored, old)
		}
	}
}

func (m *model) organizerEdits() {
	stale := m.pick(3, "stale") == 0
	from := m.copies[organizerAddr]
	if from == nil {
		m.note("alice begins again")
		m.create()
		return
	}
	if stale {
		from = m.base
	}
	cal := from.Clone()
	ob := read(cal)
	c := ob.master
	switch what := m.pick(13, "edit"); what {
	case 12: // this and all later instances, with the same people
		if !m.ranges {
			break
		}
		o := m.instance(ob)
		if o == nil || who(o) != who(c) {
			break
		}
		p := o.Prop("RECURRENCE-ID")
		if future(o) {
			p.RemoveParam("RANGE")
			break
		}
		p.SetParam("RANGE", "THISANDFUTURE")
		o.Set(ical.NewProperty("SUMMARY", "f"+m.now.Format("150405")))
	case 0:
		c.Set(ical.NewProperty("SUMMARY", "s"+m.now.Format("150405")))
	case 1:
		c.Set(m.at("DTSTART", m.pick(3, "hour")))
		// Programs drop the overrides of a series that moves.
		cal.RemoveChildren(func(k *ical.Component) bool { return k != c })
		c.Remove("EXDATE")
	case 2:
		who := crowd[m.pick(len(crowd), "who")]
		m.toggle(c, who)
		for x := range cal.Main() {
			if in := (Options{}).attendeeOf(c, address(who)) != nil; future(x) && in != ((Options{}).attendeeOf(x, address(who)) != nil) {
				m.toggle(x, who)
			}
		}
	case 3, 4:
		if o := m.instance(ob); o != nil {
			o.Set(ical.NewProperty("SUMMARY", "i"+m.now.Format("150405")))
		}
	case 5:
		if o := m.instance(ob); o != nil {
			d, _ := o.Prop("DTSTART").DateTime()
			step := time.Hour
			if d.IsDate() {
				step *= 24
			}
			d.Wall = d.Wall.Add(time.Duration(m.pick(3, "shift")) * step)
			o.Prop("DTSTART").SetDateTime(d)
		}
	case 6:
		if o := m.instance(ob); o != nil && !future(o) {
			m.toggle(o, crowd[m.pick(len(crowd), "who")])
		}
	case 7:
		k := m.key(ob)
		if ob.isInstance(k) {
			over := ob.over[k]
			cal.RemoveChildren(func(x *ical.Component) bool { return x == over })
			ob.addExdates(c, []key{k})
		} else {
			ob.removeExdate(c, k)
		}
	case 8:
		if c.Prop("RRULE") != nil {
			c.Set(ical.NewProperty("RRULE", fmt.Sprintf("FREQ=DAILY;COUNT=%d", 3+m.pick(5, "count"))))
			cal.RemoveChildren(func(x *ical.Component) bool {
				k := x.Prop("RECURRENCE-ID")
				if k == nil {
					return false
				}
				d, _ := k.DateTime()
				return !read(cal).generates(ob.key(d))
			})
		}
	case 9:
		if o := m.instance(ob); o != nil {
			o.Set(ical.NewProperty("STATUS", []string{"CANCELLED", "CONFIRMED"}[m.pick(2, "status")]))
		}
	case 10:
		if c.Prop("RRULE") == nil {
			break
		}
		p := m.at("RDATE", 30)
		if c.Value("RDATE") == p.Value() {
			k := ob.key(must(p.DateTime()))
			over := ob.over[k]
			cal.RemoveChildren(func(x *ical.Component) bool { return x == over })
			ob.removeExdate(c, k)
			c.Remove("RDATE")
		} else {
			c.Set(p)
		}
	case 11:
		if m.pick(4, "end") > 0 {
			break
		}
		m.note("alice deletes the meeting")
		stored := m.copies[organizerAddr]
		plan, err := Organize(stored, nil, Options{Now: m.now, Local: true})
		if err != nil {
			m.fail("Organize: %v", err)
		}
		m.copies[organizerAddr], m.base, m.least = nil, nil, NextSequence(stored)
		m.send(plan.Messages...)
		return
	}
	m.note("alice edits (stale %v): %s", stale, diff(from, cal))
	m.organize(m.copies[organizerAddr], cal, stale)
}

// who names the attendees of a component.
func who(c *ical.Component) string {
	var list []string
	for p := range c.All("ATTENDEE") {
		list = append(list, p.Value())
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func must(d ical.DateTime, err error) ical.DateTime {
	if err != nil {
		panic(err)
	}
	return d
}

func (m *model) key(ob *object) key {
	d := ob.start
	d.Wall = d.Wall.AddDate(0, 0, m.pick(5, "instance"))
	return ob.key(d)
}

// instance returns the override for some instance, made where there is none.
func (m *model) instance(ob *object) *ical.Component {
	k := m.key(ob)
	if c := ob.over[k]; c != nil {
		return c
	}
	if ob.master.Prop("RRULE") == nil || !ob.isInstance(k) {
		return nil
	}
	c := ob.derive(k)
	ob.cal.AddChild(c)
	return c
}

func (m *model) toggle(c *ical.Component, name string) {
	if (Options{}).attendeeOf(c, address(name)) == nil {
		c.Add(ical.NewProperty("ATTENDEE", address(name)))
		return
	}
	c.RemoveFunc(func(p *ical.Property) bool { return p.Name() == "ATTENDEE" && p.Value() == address(name) })
}

func (m *model) attendeeEdits(name string) {
	me := address(name)
	old := m.copies[me]
	if old == nil {
		return
	}
	if m.mail {
		m.now = m.now.Add(time.Second) // of two answers of one second nothing tells which is the later one
	}
	body := old
	if was := m.seen[name]; was != nil && m.pick(3, "body") == 0 {
		body = was
	}
	cal := body.Clone()
	ob := read(cal)
	answer := []string{"ACCEPTED", "TENTATIVE", "DECLINED"}[m.pick(3, "answer")]
	switch m.pick(8, "what") {
	case 7:
		if name == "eve" || m.ranges {
			return
		}
		for c := range cal.Main() {
			a := (Options{}).attendeeOf(c, me)
			if a == nil {
				continue
			}
			a.SetParam("PARTSTAT", "DELEGATED")
			a.SetParam("DELEGATED-TO", address("eve"))
			if (Options{}).attendeeOf(c, address("eve")) == nil {
				c.Add(ical.NewProperty("ATTENDEE", address("eve"), ical.Param{Name: "DELEGATED-FROM", Values: []string{me}}))
			}
		}
	case 6:
		if m.overtaken(me) {
			return // what comes late would make it again as it was
		}
		cal = nil
	case 0, 1:
		if a := (Options{}).attendeeOf(ob.master, me); a != nil {
			a.SetParam("PARTSTAT", answer)
		}
	case 2, 3:
		if ob.master != nil {
			if c := m.instance(ob); c != nil {
				if a := (Options{}).attendeeOf(c, me); a != nil {
					a.SetParam("PARTSTAT", answer)
				}
			}
		} else if len(ob.keys) > 0 {
			c := ob.over[ob.keys[m.pick(len(ob.keys), "which")]]
			if a := (Options{}).attendeeOf(c, me); a != nil {
				a.SetParam("PARTSTAT", answer)
			}
		}
	case 4:
		if k := m.key(ob); !m.ranges && ob.master != nil && ob.master.Prop("RRULE") != nil && ob.isInstance(k) {
			over := ob.over[k]
			cal.RemoveChildren(func(x *ical.Component) bool { return x == over })
			ob.addExdates(ob.master, []key{k})
		}
	case 5:
		for c := range cal.Main() {
			c.Set(ical.NewProperty("X-MOZ-LASTACK", m.now.Format("20060102T150405Z")))
		}
	}
	plan, err := Attend(old, cal, me, Options{Now: m.now})
	if errors.Is(err, ErrNotAllowed) && body != old {
		m.note("%s is refused: %v", name, err)
		m.seen[name] = old
		return
	}
	if err != nil {
		m.fail("Attend of %s: %v\nold\n%v\nnew\n%v", name, err, old, cal)
	}
	m.note("%s edits: %s", name, diff(old, cal))
	m.copies[me], m.seen[name] = plan.Stored, plan.Stored
	if plan.Reply != nil {
		m.send(*plan.Reply)
	}
}

// overtaken reports whether a message to somebody still waits that is older than their copy.
func (m *model) overtaken(who string) bool {
	n := read(m.copies[who]).highest()
	return slices.ContainsFunc(m.queue, func(msg Message) bool { return msg.To == who && read(msg.Calendar).highest() <= n })
}
