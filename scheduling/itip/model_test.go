package itip

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kalends/ical"
)

// TestCopiesConverge drives an organizer and three attendees by random scripts. Messages wait, overtake each other and
// arrive twice; the organizer's program writes over what it has not seen, as far as Schedule-Tag lets it. When all has
// arrived, every copy must agree with the organizer's.
func TestCopiesConverge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t)
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			m.tick()
			m.act()
		}
		m.settle()
		m.agree()
	})
}

// TestAlign loses messages to attendees, and brings every copy to the organizer's state by Align alone.
func TestAlign(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t)
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			m.tick()
			m.act()
			if len(m.queue) > 0 && m.pick(3, "lose") == 0 {
				if i := m.pick(len(m.queue), "lost"); m.queue[i].Method != Reply {
					m.note("lost: %s to %s", m.queue[i].Method, short(m.queue[i].To))
					m.queue = slices.Delete(m.queue, i, i+1)
				}
			}
		}
		for _, msg := range slices.Clone(m.queue) {
			if msg.Method == Reply {
				m.arrive(msg)
			}
		}
		m.now = m.now.Add(time.Minute)
		o := Options{Now: m.now}
		for _, name := range crowd {
			me := address(name)
			res, err := Align(m.copies[me], m.copies[organizerAddr], me, o)
			if err != nil {
				m.fail("Align: %v", err)
			}
			m.note("%s aligned: %s %s", name, outcomes[res.Outcome], res.Reason)
			m.copies[me] = res.Copy
			again, err := Align(res.Copy, m.copies[organizerAddr], me, o)
			if err != nil || again.Changed {
				m.fail("Align again: %v %v\n%v\n%v", err, again.Outcome, res.Copy, again.Copy)
			}
		}
		m.agree()
	})
}

var crowd = []string{"bob", "carol", "dave"}

const organizerAddr = "mailto:alice@example.com"

type model struct {
	*rapid.T
	now    time.Time
	copies map[string]*ical.Component
	base   *ical.Component // the organizer's object after their own last change: what a slow program works on
	queue  []Message
	sent   []Message
	log    []string
	mail   bool // answers overtake each other, as by mail
}

func newModel(t *rapid.T) *model {
	m := &model{T: t, now: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC), copies: map[string]*ical.Component{}}
	m.mail = rapid.Bool().Draw(t, "mail")
	cal := ical.NewCalendar("")
	c := ical.New("VEVENT")
	c.Add(ical.NewProperty("UID", "model@example.com"))
	c.Add(ical.NewProperty("DTSTAMP", "20260105T070000Z"))
	c.Add(ical.NewProperty("ORGANIZER", organizerAddr))
	c.Add(ical.NewProperty("ATTENDEE", organizerAddr, ical.Param{Name: "PARTSTAT", Values: []string{"ACCEPTED"}}))
	for _, a := range crowd[:rapid.IntRange(1, 3).Draw(t, "attendees")] {
		c.Add(ical.NewProperty("ATTENDEE", address(a)))
	}
	c.Add(ical.NewProperty("DTSTART", "20260601T100000Z"))
	c.Add(ical.NewProperty("DURATION", "PT1H"))
	if rapid.IntRange(0, 4).Draw(t, "recurs") > 0 {
		c.Add(ical.NewProperty("RRULE", "FREQ=DAILY;COUNT=5"))
	}
	c.Add(ical.NewProperty("SUMMARY", "s0"))
	cal.AddChild(c)
	m.organize(nil, cal, false)
	return m
}

func (m *model) note(format string, args ...any) {
	m.log = append(m.log, m.now.Format("15:04 ")+fmt.Sprintf(format, args...))
}

func (m *model) fail(format string, args ...any) {
	m.Helper()
	m.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(m.log, "\n"))
}

func (m *model) pick(n int, label string) int { return rapid.IntRange(0, n-1).Draw(m.T, label) }

// tick moves the clock: by nothing, where two changes share their DTSTAMP, or further.
func (m *model) tick() {
	m.now = m.now.Add([]time.Duration{0, time.Second, time.Minute}[m.pick(3, "tick")])
}

func (m *model) act() {
	switch m.pick(10, "action") {
	case 0, 1, 2:
		m.organizerEdits()
	case 3, 4, 5:
		m.attendeeEdits(crowd[m.pick(len(crowd), "who")])
	case 6:
		m.again()
	case 7:
		if len(m.sent) > 0 {
			if msg := m.sent[m.pick(len(m.sent), "dup")]; msg.Method != Reply || m.mail {
				m.arrive(msg)
			}
		}
	default:
		m.next()
	}
}

// next delivers one waiting message, any that may overtake those before it.
func (m *model) next() {
	if len(m.queue) == 0 {
		return
	}
	i := m.pick(len(m.queue), "message")
	for j := range i {
		if m.ordered(m.queue[j], m.queue[i]) {
			i = j
			break
		}
	}
	msg := m.queue[i]
	m.queue = slices.Delete(m.queue, i, i+1)
	m.sent = append(m.sent, msg)
	m.arrive(msg)
}

// ordered reports whether b may not overtake a. Answers overtake each other only by mail. REQUESTs of a series
// overtake each other; CANCELs, which leave no trace to compare with, do not.
func (m *model) ordered(a, b Message) bool {
	switch {
	case a.To != b.To || a.From != b.From:
		return false
	case a.Method == Reply:
		return !m.mail
	}
	return a.Method == Cancel || b.Method == Cancel || a.Calendar.Master() == nil || b.Calendar.Master() == nil || m.copies[a.To] == nil
}

func (m *model) arrive(msg Message) {
	o := Options{Now: m.now, Local: true}
	take := Receive
	if msg.Method == Reply {
		take = TakeReply
		o.Local = !m.mail
	}
	before := m.copies[msg.To]
	res, err := take(before, msg, o)
	if err != nil {
		m.fail("%s to %s: %v", msg.Method, msg.To, err)
	}
	if res.Changed == (res.Copy == before) {
		m.fail("Changed is %v for\n%v\n%v", res.Changed, before, res.Copy)
	}
	m.copies[msg.To] = res.Copy
	m.note("%s of %s to %s arrives: %s %s", msg.Method, stampOf(msg), short(msg.To), outcomes[res.Outcome], res.Reason)
	if msg.Method == Reply && res.Changed {
		m.spread()
	}
}

func stampOf(msg Message) string {
	for c := range msg.Calendar.Main() {
		return c.Value("DTSTAMP")[9:13]
	}
	return ""
}

func (m *model) spread() {
	for _, a := range crowd {
		if c := m.copies[address(a)]; c != nil {
			m.copies[address(a)], _ = SpreadPartStat(c, m.copies[organizerAddr], address(a), Options{Now: m.now})
		}
	}
}

func (m *model) send(list ...Message) {
	m.queue = append(m.queue, list...)
	for _, msg := range list {
		m.note("  %s %s > %s", msg.Method, short(msg.From), short(msg.To))
	}
}

func (m *model) organize(old, new *ical.Component, stale bool) {
	plan, err := Organize(old, new, Options{Now: m.now, Stale: stale, Local: true})
	if err != nil {
		m.fail("Organize: %v\n%v", err, new)
	}
	m.copies[organizerAddr], m.base = plan.Stored, plan.Stored
	m.send(plan.Messages...)
	if plan.Spread {
		m.spread()
	}
}

// again stores the organizer's object as it is, and with an alarm: nobody is told.
func (m *model) again() {
	old := m.copies[organizerAddr]
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
	if stale {
		from = m.base
	}
	cal := from.Clone()
	ob := read(cal)
	c := ob.master
	switch what := m.pick(10, "edit"); what {
	case 0:
		c.Set(ical.NewProperty("SUMMARY", "s"+m.now.Format("1504")))
	case 1:
		c.Set(ical.NewProperty("DTSTART", fmt.Sprintf("20260601T%02d0000Z", 9+m.pick(3, "hour"))))
		// Programs drop the overrides of a series that moves.
		cal.RemoveChildren(func(k *ical.Component) bool { return k != c })
		c.Remove("EXDATE")
	case 2:
		m.toggle(c, crowd[m.pick(3, "who")])
	case 3, 4:
		if o := m.instance(ob); o != nil {
			o.Set(ical.NewProperty("SUMMARY", "i"+m.now.Format("1504")))
		}
	case 5:
		if o := m.instance(ob); o != nil {
			d, _ := o.Prop("DTSTART").DateTime()
			d.Wall = d.Wall.Add(time.Duration(m.pick(3, "shift")) * time.Hour)
			o.Prop("DTSTART").SetDateTime(d)
		}
	case 6:
		if o := m.instance(ob); o != nil {
			m.toggle(o, crowd[m.pick(3, "who")])
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
	}
	m.note("alice edits (stale %v): %s", stale, diff(from, cal))
	m.organize(m.copies[organizerAddr], cal, stale)
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
	cal := old.Clone()
	ob := read(cal)
	answer := []string{"ACCEPTED", "TENTATIVE", "DECLINED"}[m.pick(3, "answer")]
	switch m.pick(6, "what") {
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
		if k := m.key(ob); ob.master != nil && ob.master.Prop("RRULE") != nil && ob.isInstance(k) {
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
	if err != nil {
		m.fail("Attend of %s: %v\nold\n%v\nnew\n%v", name, err, old, cal)
	}
	m.note("%s edits: %s", name, diff(old, cal))
	m.copies[me] = plan.Stored
	if plan.Reply != nil {
		m.send(*plan.Reply)
	}
}

// diff names the lines that one calendar has and the other has not.
func diff(a, b *ical.Component) string {
	x, y := strings.Split(show(a), "\n"), strings.Split(show(b), "\n")
	var out []string
	for _, l := range x {
		if !slices.Contains(y, l) {
			out = append(out, "-"+l)
		}
	}
	for _, l := range y {
		if !slices.Contains(x, l) {
			out = append(out, "+"+l)
		}
	}
	return strings.Join(out, " ")
}

func (m *model) settle() {
	for len(m.queue) > 0 {
		m.now = m.now.Add(time.Minute)
		m.next()
	}
	m.spread()
}

// agree compares every attendee's copy with what the organizer's object says they see.
func (m *model) agree() {
	organizer := read(m.copies[organizerAddr])
	for _, name := range crowd {
		me := address(name)
		in := map[key]bool{}
		for _, k := range organizer.all() {
			in[k] = (Options{}).attendeeOf(organizer.get(k), me) != nil
		}
		v := organizer.view(in)
		co := read(m.copies[me])
		for _, k := range allKeys(organizer, co) {
			want, got := v.effective(k), co.effective(k)
			if isCancelled(co.master) || isCancelled(got) {
				got = nil
			}
			if got == nil && want != nil && k != (key{}) && co.recurrence().exdates[k] &&
				PartStat((Options{}).attendeeOf(want, me)) == "DECLINED" {
				continue // taken out of their calendar by the attendee
			}
			if a, b := face(organizer, want), face(co, got); a != b {
				m.fail("%s disagrees in %v\n-- organizer --\n%s\n-- copy --\n%s\norganizer's\n%s\ncopy\n%s", name, k, a, b, show(organizer.cal), show(co.cal))
			}
		}
	}
}

func face(ob *object, c *ical.Component) string {
	if c == nil {
		return "none"
	}
	s := ob.face(c)
	var answers []string
	for p := range c.All("ATTENDEE") {
		answers = append(answers, p.Value()+" "+PartStat(p))
	}
	slices.Sort(answers)
	return s + "\n" + strings.Join(answers, "\n")
}

func allKeys(obs ...*object) []key {
	seen := map[key]bool{{}: true}
	list := []key{{}}
	add := func(k key) {
		if !seen[k] {
			seen[k] = true
			list = append(list, k)
		}
	}
	for _, ob := range obs {
		for _, k := range ob.keys {
			add(k)
		}
		if ob.timed && ob.master != nil && ob.recurs() {
			for i := range 8 {
				d := ob.start
				d.Wall = d.Wall.AddDate(0, 0, i)
				add(ob.key(d))
			}
		}
	}
	return list
}
