// Package reminder turns alarms (RFC 5545 section 3.6.6) into reminders that arrive once and on time: Plan finds the next
// due time of each alarm of an object, and a Dispatcher carries out what has become due.
package reminder

import (
	"iter"
	"slices"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
	"kalends/storage"
)

// Options say for whom, and from when on, to plan.
type Options struct {
	Now time.Time
	// Floating is the zone in which dates and floating times are read; nil for UTC.
	Floating *time.Location
	// Existing are the rows that the object has: what they have fired through is not due again.
	Existing []*storage.Reminder
	// Same says that the object is as it was, and only what it depends on is another, such as the rules of a zone: what it has not fired is
	// still due, also where that is in the past now.
	Same bool
	// Owner, Object and Calendar go into the rows.
	Owner, Object, Calendar int64
	// ForUser is the person that is reminded, and Addresses are theirs (ical.Address form): what they declined reminds
	// them of nothing.
	ForUser   int64
	Addresses []string
	// Display makes DISPLAY and AUDIO alarms due as well; EMAIL alarms always are.
	Display bool
	// Alarms are for an event without any VALARM. Any VALARM, also one that says "no alarm" as Apple's do (ACTION:NONE), is the
	// person's own word.
	Alarms storage.DefaultAlarms
}

// Plan returns the reminder rows of an object for one person: for each alarm the least due time that lies
// beyond what it has fired through, over all instances, overrides and repetitions. series may be nil.
//
// An edit makes nothing due in the past: a new alarm, and one that was moved, counts as fired through now. Only what was
// overdue already, because no server was there to send it, stays so. An object that cannot be understood has no reminders.
// The row of an alarm that is never due again stays, without a due time, so that what it has fired through is not forgotten: clocks
// are set back.
func Plan(cal *ical.Component, series *recur.Series, o Options) []*storage.Reminder {
	p := newPlan(cal, series, o)
	if p == nil {
		return nil
	}
	have := map[string]*storage.Reminder{}
	for _, r := range o.Existing {
		if r.ForUser == o.ForUser {
			have[r.Alarm] = r
		}
	}
	rows := make([]*storage.Reminder, 0, len(p.keys))
	for _, key := range p.keys {
		old := have[key]
		through := o.Now
		if old != nil {
			through = later(through, old.FiredThrough)
			if o.Same && !old.DueAt.IsZero() {
				through = old.FiredThrough
			}
			if !old.DueAt.IsZero() && (!old.DueAt.After(o.Now) || old.Attempt > 0) { // overdue, or tried and put off
				through = old.FiredThrough
			}
		}
		if r := p.row(key, through, old); r != nil {
			rows = append(rows, r)
		}
	}
	return rows
}

// row returns the row of an alarm that has fired through a time, or nil for none.
func (p *plan) row(key string, through time.Time, old *storage.Reminder) *storage.Reminder {
	r := &storage.Reminder{
		Owner: p.o.Owner, Object: p.o.Object, Calendar: p.o.Calendar, ForUser: p.o.ForUser,
		Alarm: key, FiredThrough: through,
	}
	if due, items := p.next(key, through); len(items) > 0 {
		r.DueAt = due
		return r
	}
	if old == nil {
		return nil
	}
	return r
}

// Item is one alarm of one instance that is due.
type Item struct {
	Alarm     *ical.Component // the VALARM
	Component *ical.Component // what it belongs to: the master, or the instance's override
	Instance  recur.Instance  // its times are instants, floating ones read in Location
	Location  *time.Location  // of the instance's start
}

// plan is an object with its alarms, made ready to look for due times.
type plan struct {
	o      Options
	series *recur.Series
	res    *zone.Resolver
	keys   []string // in the order of the object
	loud   map[*ical.Component]map[string]*alarm
	main   []*ical.Component

	looked, hopeless int // see maxInstances
}

// newPlan returns nil where nothing can ever be due.
func newPlan(cal *ical.Component, series *recur.Series, o Options) *plan {
	if o.Floating == nil {
		o.Floating = time.UTC
	}
	any := false
	for c := range cal.Main() {
		any = any || c.Component("VALARM") != nil
	}
	if !any && !o.hasDefaults() {
		return nil
	}
	p := &plan{o: o, series: series, res: zone.NewResolver(cal), loud: map[*ical.Component]map[string]*alarm{}}
	if p.series == nil {
		var err error
		if p.series, err = recur.Compile(cal, p.res); err != nil {
			return nil
		}
	}
	known := map[string]bool{}
	for c := range cal.Main() {
		p.main = append(p.main, c)
		if silent(c, o.Addresses) {
			continue
		}
		alarms := map[string]*alarm{}
		timed := c.Prop("DTSTART") != nil || c.Prop("DUE") != nil
		list := readAlarms(c, o.Display, p.res, o.Floating)
		if !any {
			list = o.defaultAlarm(c)
		}
		for _, a := range list {
			if !a.absolute && !timed {
				continue // a task without a date
			}
			key := a.key()
			if !known[key] {
				if len(p.keys) >= maxKeys {
					continue
				}
				known[key] = true
				p.keys = append(p.keys, key)
			}
			alarms[key] = a
		}
		if len(alarms) > 0 {
			p.loud[c] = alarms
		}
	}
	if len(p.keys) == 0 {
		return nil
	}
	return p
}

// silent reports whether a component reminds of nothing: it is cancelled, done, declined by the person, or not of a sort
// that has alarms.
func silent(c *ical.Component, addresses []string) bool {
	switch c.Name() {
	case "VTODO":
		if c.Prop("COMPLETED") != nil || strings.TrimSpace(c.Value("PERCENT-COMPLETE")) == "100" {
			return true
		}
	case "VEVENT":
	default:
		return true
	}
	switch strings.ToUpper(strings.TrimSpace(c.Value("STATUS"))) {
	case "CANCELLED", "COMPLETED":
		return true
	}
	if len(addresses) == 0 {
		return false
	}
	for a := range c.All("ATTENDEE") {
		if strings.EqualFold(a.Param("PARTSTAT"), "DECLINED") && slices.Contains(addresses, ical.Address(a.Value())) {
			return true
		}
	}
	return false
}

// Bounds of the searches in one plan.
const (
	maxInstances = 100_000 // looked at
	maxHopeless  = 2       // searches that used up what recur allows them
	maxItems     = 100     // due at the same time
)

// next returns the least time after through at which the alarm of that key is due, and all that is due then: nothing for
// never.
func (p *plan) next(key string, through time.Time) (time.Time, []Item) {
	var best time.Time
	var items []Item
	offer := func(due time.Time, a *alarm, it func() Item) {
		if !due.After(through) || !due.After(a.acked) || len(items) > 0 && due.After(best) || due.Year() > 9999 {
			return
		}
		if len(items) == 0 || due.Before(best) {
			best, items = due, items[:0]
		}
		if len(items) < maxItems {
			items = append(items, it())
		}
	}
	var t *alarm
	forever := false // the rule itself brings this alarm again and again
	var last time.Time
	for _, c := range p.main {
		a := p.loud[c][key]
		if a == nil {
			continue
		}
		if a.absolute {
			// Once, whatever the recurrence.
			a.times(time.Time{}, time.Time{}, p.o.Floating, func(due time.Time) bool {
				offer(due, a, func() Item { return p.about(c, a, due) })
				return true
			})
			continue
		}
		t = a
		if c.Prop("RECURRENCE-ID") == nil || c.Prop("RECURRENCE-ID").HasParam("RANGE") {
			forever = true
		}
		last = later(last, p.latest(c))
	}
	if t == nil {
		return best, items
	}
	// All alarms of one key have the same trigger, so one window does: what ends before from cannot be due any more.
	ahead, behind := t.reach()
	from := clamp(through.Add(-ahead))
	to := farthest
	if !forever {
		to = clamp(last)
	}
	for inst, err := range p.between(from, to) {
		if err != nil {
			break
		}
		if len(items) > 0 && inst.Start.Add(behind).After(best) {
			break
		}
		c := p.component(inst)
		a := p.loud[c][key]
		if a == nil {
			continue
		}
		loc := p.locationOf(c, inst)
		a.times(inst.Start, inst.End, loc, func(due time.Time) bool {
			offer(due, a, func() Item { return Item{a.comp, c, inst, loc} })
			return !due.After(through) || len(items) == 0
		})
	}
	return best, items
}

// between is the series' Between within the bounds of the plan.
func (p *plan) between(from, to time.Time) iter.Seq2[recur.Instance, error] {
	return func(yield func(recur.Instance, error) bool) {
		if p.hopeless >= maxHopeless {
			return
		}
		for inst, err := range p.series.Between(from, to, p.o.Floating) {
			if p.looked++; p.looked > maxInstances {
				err = recur.ErrTooMany
			}
			if err != nil {
				p.hopeless++
			}
			if !yield(inst, err) || err != nil {
				return
			}
		}
	}
}

var (
	earliest = time.Date(1, 1, 3, 0, 0, 0, 0, time.UTC)
	farthest = time.Date(9999, 12, 30, 0, 0, 0, 0, time.UTC)
)

func clamp(t time.Time) time.Time {
	if t.Before(earliest) {
		return earliest
	}
	if t.After(farthest) {
		return farthest
	}
	return t
}

// latest returns a time after which no instance of this override starts.
func (p *plan) latest(c *ical.Component) time.Time {
	var t time.Time
	for _, name := range []string{"DTSTART", "DUE", "RECURRENCE-ID"} {
		if prop := c.Prop(name); prop != nil {
			if d, err := prop.DateTime(); err == nil {
				t = later(t, instant(d, p.res, p.o.Floating))
			}
		}
	}
	return t.Add(48 * time.Hour)
}

// about returns the item of an absolute alarm: of the instance of c that is on or comes next then, else with the
// alarm's time for its times.
func (p *plan) about(c *ical.Component, a *alarm, due time.Time) Item {
	it := Item{Alarm: a.comp, Component: c, Location: p.o.Floating, Instance: recur.Instance{Start: due, End: due}}
	for inst, err := range p.between(clamp(due.Add(-366*24*time.Hour)), farthest) {
		if err != nil {
			break
		}
		if p.component(inst) == c {
			it.Instance, it.Location = inst, p.locationOf(c, inst)
			if !inst.End.Before(due) {
				break
			}
		}
	}
	return it
}

// component returns what describes an instance.
func (p *plan) component(inst recur.Instance) *ical.Component {
	if inst.Component < 0 || inst.Component >= len(p.main) {
		return nil
	}
	return p.main[inst.Component]
}

// locationOf returns the zone in which the days before an instance are counted.
func (p *plan) locationOf(c *ical.Component, inst recur.Instance) *time.Location {
	if inst.AllDay || inst.Floating {
		return p.o.Floating
	}
	for _, name := range []string{"DTSTART", "DUE"} {
		if prop := c.Prop(name); prop != nil {
			if d, err := prop.DateTime(); err == nil {
				return location(d, p.res, p.o.Floating)
			}
		}
	}
	return p.o.Floating
}
