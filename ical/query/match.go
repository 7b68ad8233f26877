package query

import (
	"slices"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/recur"
)

// Work one Match may do before it gives up with recur.ErrTooMany.
const (
	maxLooked = 200_000 // instances looked at
	maxChecks = 500_000 // triggers held against the instances
)

// Match reports whether the object matches the filter (RFC 4791 section 9.7). series is the object's, or nil, and then
// it is compiled where a range needs it. Floating times and dates are read in the zone floating, UTC when it is
// nil. The error is recur.ErrTooMany or that of recur.Compile.
func (f *Filter) Match(cal *ical.Component, series *recur.Series, floating *time.Location) (bool, error) {
	m := matcher{clock: newClock(cal, floating), series: series}
	return m.calendar(&f.Comp)
}

// matcher is the state of one Match.
type matcher struct {
	clock
	series *recur.Series
	checks int
}

// calendar matches the filter for VCALENDAR.
func (m *matcher) calendar(f *CompFilter) (bool, error) {
	if f.IsNotDefined {
		return false, nil
	}
	if len(f.Props)+len(f.Comps) == 0 {
		return true, nil
	}
	for i := range f.Props {
		if m.prop(&f.Props[i], m.cal) == f.AnyOf {
			return f.AnyOf, nil
		}
	}
	for i := range f.Comps {
		ok, err := m.main(&f.Comps[i])
		if err != nil {
			return false, err
		}
		if ok == f.AnyOf {
			return f.AnyOf, nil
		}
	}
	return !f.AnyOf, nil
}

// candidate is a component that satisfies its filter but for what only instances can tell.
type candidate struct {
	comp   *ical.Component
	place  int // as in recur.Instance
	alarms []alarmTest
}

// main matches a filter for components that stand in VCALENDAR.
func (m *matcher) main(f *CompFilter) (bool, error) {
	name := strings.ToUpper(f.Name)
	if f.IsNotDefined {
		return m.cal.Component(name) == nil, nil
	}
	var list []candidate
	var one [1]candidate
	list = one[:0]
	place := -1
	for c := range m.cal.Components("") {
		if c.Name() != "VTIMEZONE" {
			place++
		}
		if c.Name() != name {
			continue
		}
		ok, alarms := m.comp(f, c)
		if !ok {
			continue
		}
		switch {
		case f.Range == nil && len(alarms) == 0,
			name == "VFREEBUSY" && f.Range != nil && m.published(c, *f.Range),
			name == available && f.Range != nil && m.available(c, *f.Range):
			return true, nil
		}
		list = append(list, candidate{c, place, alarms})
	}
	if len(list) == 0 || !isMain(name) || name == "VFREEBUSY" {
		return false, nil
	}
	return m.instances(f, list)
}

// published applies the table for VFREEBUSY (RFC 4791 section 9.9). The series knows its periods even where DTSTART and
// DTEND alone decide.
func (m *matcher) published(c *ical.Component, r TimeRange) bool {
	start, _, hasStart := m.property(c, "DTSTART")
	end, _, hasEnd := m.property(c, "DTEND")
	if hasStart && hasEnd {
		return (r.Start.IsZero() || !r.Start.After(end)) && (r.End.IsZero() || r.End.After(start))
	}
	for p := range c.All("FREEBUSY") {
		periods, err := p.Periods()
		if err != nil {
			continue
		}
		for _, per := range periods {
			start, end := m.period(per)
			if r.overlaps(start, end) {
				return true
			}
		}
	}
	return false
}

// available tests the span of a VAVAILABILITY (RFC 7953 section 3.1): a side without a time is open, and one without
// any speaks about all time.
func (m *matcher) available(c *ical.Component, r TimeRange) bool {
	start, from, hasStart := m.property(c, "DTSTART")
	end, _, hasEnd := m.property(c, "DTEND")
	if d, ok := m.duration(c); ok && hasStart && !hasEnd {
		end, hasEnd = m.later(start, d, from), true
	}
	return (!hasEnd || r.Start.IsZero() || r.Start.Before(end)) && (!hasStart || r.End.IsZero() || r.End.After(start))
}

// comp matches a component with all of a filter but its range. The alarms returned must ring for some instance.
func (m *matcher) comp(f *CompFilter, c *ical.Component) (ok bool, alarms []alarmTest) {
	if len(f.Props)+len(f.Comps) == 0 {
		return true, nil
	}
	for i := range f.Props {
		if m.prop(&f.Props[i], c) == f.AnyOf {
			return f.AnyOf, nil
		}
	}
	for i := range f.Comps {
		k := &f.Comps[i]
		if k.Range == nil {
			if m.child(k, c) == f.AnyOf {
				return f.AnyOf, nil
			}
			continue
		}
		switch test, ok := m.alarms(k, c); {
		case ok == f.AnyOf && len(test.triggers) == 0:
			return f.AnyOf, nil
		case len(test.triggers) > 0:
			alarms = append(alarms, test)
		}
	}
	return !f.AnyOf || len(alarms) > 0, alarms
}

// child matches a filter without a range for components inside c.
func (m *matcher) child(f *CompFilter, c *ical.Component) bool {
	for k := range c.Components(strings.ToUpper(f.Name)) {
		if f.IsNotDefined {
			return false
		}
		if ok, alarms := m.comp(f, k); ok && len(alarms) == 0 {
			return true
		}
	}
	return f.IsNotDefined
}

// instances reports whether an instance of one of the candidates is in the range of f and rings as it should.
func (m *matcher) instances(f *CompFilter, list []candidate) (bool, error) {
	if m.series == nil {
		s, err := recur.Compile(m.cal, m.resolver())
		if err != nil {
			return false, err
		}
		m.series = s
	}
	var window TimeRange // holds every instance that can decide
	var latest time.Time // none that starts later can ring
	some, cut := false, true
	for i := range list {
		c := &list[i]
		w, ok := m.window(f, c)
		if !ok {
			c.comp = nil
			continue
		}
		ring := ringing(c.alarms, f.AnyOf)
		cut = cut && len(c.alarms) > 0 && !ring.End.IsZero()
		if ring.End.After(latest) {
			latest = ring.End
		}
		if some {
			w = window.hull(w)
		}
		window, some = w, true
	}
	if !some {
		return false, nil
	}
	for in, err := range m.series.BetweenMax(window.Start, window.End, m.floating, maxLooked) {
		if err != nil {
			return false, err
		}
		if cut && in.Start.After(latest) {
			break
		}
		i, found := slices.BinarySearchFunc(list, in.Component, func(c candidate, place int) int { return c.place - place })
		if !found || list[i].comp == nil {
			continue
		}
		if ok, err := m.rings(&list[i], f.AnyOf, in); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// window returns a range that holds every instance of the candidate that can decide. It is part of the range of f,
// so whatever touches it touches that.
func (m *matcher) window(f *CompFilter, c *candidate) (w TimeRange, ok bool) {
	if f.Range != nil {
		w = *f.Range
	} else {
		w = ringing(c.alarms, f.AnyOf)
	}
	rid := c.comp.Prop("RECURRENCE-ID")
	if rid == nil || isFuture(rid) {
		return w, true
	}
	// Of a single override only its own time matters, so that an endless series need not be walked.
	start, end, ok := m.span(c.comp)
	if !ok {
		return w, true
	}
	if end.Before(start) {
		start, end = end, start
	}
	return w.within(TimeRange{start.Add(-slack), end.Add(slack)})
}

// isFuture reports whether a RECURRENCE-ID stands for all later instances too (RFC 5545 section 3.2.13).
func isFuture(rid *ical.Property) bool { return strings.EqualFold(rid.Param("RANGE"), "THISANDFUTURE") }
