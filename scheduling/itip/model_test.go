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

// TestCopiesConverge drives an organizer, three attendees and a room by random scripts, with a meeting in UTC, in a zone around its
// change of clocks, of whole days, or floating. Messages wait, overtake each other and arrive twice; changes share a second; the
// organizer's program writes over what it has not seen, as far as Schedule-Tag lets it, attendees' programs over anything. Attendees
// throw copies away, and organizers the meeting, to make it anew. Or all happens in one transaction each, but for one attendee who is
// reached by jobs, in any order. When all has arrived, every copy must agree with the organizer's.
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

// crowd are those who may be invited; the last is a room, which answers by itself.
var crowd = []string{"bob", "carol", "dave", "eve", "room"}

const persons = 4 // of the crowd

const organizerAddr = "mailto:alice@example.com"

type model struct {
	*rapid.T
	now    time.Time
	copies map[string]*ical.Component
	base   *ical.Component // the organizer's object after their own last change: what a slow program works on
	queue  []Message
	sent   []Message
	log    []string
	mail   bool      // answers overtake each other, as by mail
	once   bool      // messages are received in the transaction that made them; only dave is reached by jobs, and answers are spread by them
	held   []Message // what the room says in such a transaction
	form   ical.Form
	ranges bool                       // the organizer uses RANGE=THISANDFUTURE; else attendees delegate, and remove instances
	least  int                        // SEQUENCE of a meeting that is made anew
	seen   map[string]*ical.Component // what an attendee's program read last
}

// at writes a time of the meeting: hours after nine of the day it begins on; in whole days the same number of days.
func (m *model) at(name string, hours int) *ical.Property {
	d := ical.DateTime{Form: m.form, Wall: time.Date(2026, 3, 26, 9, 0, 0, 0, time.UTC)}
	switch m.form {
	case ical.DateForm:
		d.Wall = d.Wall.Truncate(24*time.Hour).AddDate(0, 0, hours)
	case ical.ZonedForm:
		d.TZID = "Europe/Berlin"
		fallthrough
	default:
		d.Wall = d.Wall.Add(time.Duration(hours) * time.Hour)
	}
	return d.Property(name)
}

func newModel(t *rapid.T) *model {
	m := &model{T: t, now: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC), copies: map[string]*ical.Component{}, seen: map[string]*ical.Component{}}
	m.mail = rapid.Bool().Draw(t, "mail")
	m.once = !m.mail && rapid.Bool().Draw(t, "once")
	m.ranges = rapid.Bool().Draw(t, "ranges")
	m.form = []ical.Form{ical.UTCForm, ical.ZonedForm, ical.DateForm, ical.FloatingForm}[m.pick(4, "form")]
	m.create()
	return m
}

// create makes the meeting.
func (m *model) create() {
	cal := ical.NewCalendar("")
	c := ical.New("VEVENT")
	c.Add(ical.NewProperty("UID", "model@example.com"))
	c.Add(ical.NewProperty("DTSTAMP", "20260105T070000Z"))
	c.Add(ical.NewProperty("ORGANIZER", organizerAddr))
	c.Add(ical.NewProperty("ATTENDEE", organizerAddr, ical.Param{Name: "PARTSTAT", Values: []string{"ACCEPTED"}}))
	for _, a := range crowd[:rapid.IntRange(1, len(crowd)).Draw(m.T, "attendees")] {
		c.Add(ical.NewProperty("ATTENDEE", address(a)))
	}
	c.Add(m.at("DTSTART", 1))
	if m.form == ical.DateForm {
		c.Add(ical.NewProperty("DURATION", "P1D"))
	} else {
		c.Add(ical.NewProperty("DURATION", "PT1H"))
	}
	if rapid.IntRange(0, 4).Draw(m.T, "recurs") > 0 {
		c.Add(ical.NewProperty("RRULE", "FREQ=DAILY;COUNT=5"))
	}
	c.Add(ical.NewProperty("SUMMARY", "s"+m.now.Format("150405")))
	cal.AddChild(c)
	m.organize(nil, cal, false)
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
		m.attendeeEdits(crowd[m.pick(persons, "who")])
	case 6:
		m.again()
	case 7:
		if len(m.sent) > 0 {
			// What arrives where there is nothing is news: a server keeps to the order then, as with CANCELs.
			if msg := m.sent[m.pick(len(m.sent), "dup")]; msg.Method == Reply && m.mail || msg.Method != Reply && m.copies[msg.To] != nil {
				m.arrive(msg)
			}
		}
	default:
		m.next()
	}
}

// next delivers one waiting message, any that may overtake those before it.
func (m *model) next() {
	if m.once && m.pick(2, "spread") == 0 {
		m.spread()
		return
	}
	if len(m.queue) == 0 {
		return
	}
	i := m.pick(len(m.queue), "message")
	for j := range i {
		if !m.once && m.ordered(m.queue[j], m.queue[i]) {
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

const late = "mailto:dave@example.com" // who is reached by jobs

func (m *model) arrive(msg Message) {
	o := Options{Now: m.now, Local: true, InOrder: m.once}
	take := Receive
	switch {
	case msg.Method == Reply:
		take = TakeReply
		o.Local = !m.mail
	case m.once && msg.To == late:
		o.InOrder = false
		take = func(copy *ical.Component, msg Message, o Options) (Result, error) {
			return Align(copy, m.copies[organizerAddr], msg.To, o)
		}
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
	if msg.Method == Reply && res.Changed && !m.once {
		m.spread()
	}
	for _, a := range res.Added {
		if req, ok := View(res.Copy, a, Request, Options{Now: m.now}); ok {
			m.send(req)
		}
	}
	if msg.To == address(crowd[persons]) && res.Changed {
		m.roomAnswers(msg.To)
	}
}

// roomAnswers accepts what starts on an even hour or day.
func (m *model) roomAnswers(room string) {
	old := m.copies[room]
	cal := old.Clone()
	for c := range cal.Main() {
		if a := (Options{}).attendeeOf(c, room); a != nil && PartStat(a) == "NEEDS-ACTION" && !isCancelled(c) {
			d, _ := c.Prop("DTSTART").DateTime()
			setPartStat(a, []string{"ACCEPTED", "DECLINED"}[(d.Wall.Hour()+d.Wall.Day())%2])
		}
	}
	plan, err := Attend(old, cal, room, Options{Now: m.now})
	if err != nil {
		m.fail("Attend of the room: %v\nold\n%v\nnew\n%v", err, old, cal)
	}
	m.copies[room] = plan.Stored
	if plan.Reply != nil {
		m.send(*plan.Reply)
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
	for _, msg := range list {
		m.note("  %s %s > %s", msg.Method, short(msg.From), short(msg.To))
		switch {
		case !m.once || msg.To == late:
			m.queue = append(m.queue, msg)
		case msg.From == address(crowd[persons]):
			m.held = append(m.held, msg)
		default:
			m.arrive(msg)
		}
	}
	for len(m.held) > 0 {
		msg := m.held[0]
		m.held = m.held[1:]
		m.arrive(msg)
	}
}

func (m *model) organize(old, new *ical.Component, stale bool) {
	plan, err := Organize(old, new, Options{Now: m.now, Stale: stale, Local: true, LeastSequence: m.least})
	if err != nil {
		m.fail("Organize: %v\n%v", err, new)
	}
	m.copies[organizerAddr], m.base = plan.Stored, plan.Stored
	m.send(plan.Messages...)
	if plan.Spread {
		m.spread()
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
			answer := PartStat((Options{}).attendeeOf(want, me))
			away := answer == "DECLINED" || answer == "DELEGATED"
			if away && co.cal == nil {
				continue // thrown away
			}
			if isCancelled(co.master) || isCancelled(got) {
				got = nil
			}
			if got == nil && want != nil && k != (key{}) && away && (co.master == nil || co.recurrence().exdates[k]) {
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
			for k := range ob.recurrence().rdates {
				add(k)
			}
		}
	}
	return list
}
