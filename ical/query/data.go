package query

import (
	"slices"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/recur"
)

// Identity reports whether there is nothing to do, so that the stored bytes can be served. A nil Data is one.
func (d *Data) Identity() bool {
	return d == nil || d.Expand == nil && d.LimitRecurrence == nil && d.LimitFreeBusy == nil && d.Comp.whole()
}

// Apply returns what the calendar-data asks for of an object: the object itself where that is everything. The result
// shares parts with cal, so neither may be changed afterwards. series is the object's, or nil, and then it is compiled
// where it is needed. Dates are read in the zone floating, UTC when it is nil.
//
// An expansion to more than recur.MaxInstances fails with recur.ErrTooMany; other errors are those of recur.Compile.
func (d *Data) Apply(cal *ical.Component, series *recur.Series, floating *time.Location) (*ical.Component, error) {
	if d.Identity() {
		return cal, nil
	}
	var err error
	switch {
	case d.Expand != nil:
		cal, err = expand(cal, series, *d.Expand, floating)
	case d.LimitRecurrence != nil:
		cal, err = limitRecurrence(cal, series, *d.LimitRecurrence, floating)
	}
	if err != nil {
		return nil, err
	}
	if d.LimitFreeBusy != nil {
		cal = limitFreeBusy(cal, *d.LimitFreeBusy, floating)
	}
	if !d.Comp.whole() {
		cal = d.Comp.choose(cal)
	}
	return cal, nil
}

// whole reports whether a selection leaves nothing out.
func (s *CompSelect) whole() bool {
	return s == nil || s.AllProps && s.AllComps && len(s.Props) == 0 ||
		!s.AllProps && !s.AllComps && len(s.Props)+len(s.Comps) == 0
}

// choose returns the selected part of c (RFC 4791 sections 9.6.1 to 9.6.4), in its order.
func (s *CompSelect) choose(c *ical.Component) *ical.Component {
	if s.whole() {
		return c
	}
	out := ical.New(c.Name())
	for _, p := range c.Props() {
		i := slices.IndexFunc(s.Props, func(sel PropSelect) bool { return strings.EqualFold(sel.Name, p.Name()) })
		switch {
		case i >= 0 && s.Props[i].NoValue:
			out.Add(ical.NewProperty(p.Name(), "", p.Params()...))
		case i >= 0 || s.AllProps:
			out.Add(p)
		}
	}
	for k := range c.Components("") {
		if s.AllComps {
			out.AddChild(k)
			continue
		}
		i := slices.IndexFunc(s.Comps, func(sel *CompSelect) bool { return sel != nil && strings.EqualFold(sel.Name, k.Name()) })
		if i >= 0 {
			out.AddChild(s.Comps[i].choose(k))
		}
	}
	return out
}

// with returns c with other children, which it may share with c.
func with(c *ical.Component, children []*ical.Component) *ical.Component {
	out := ical.New(c.Name())
	for _, p := range c.Props() {
		out.Add(p)
	}
	for _, k := range children {
		out.AddChild(k)
	}
	return out
}

// limitRecurrence leaves out the overrides that do not touch the range, neither as they are nor as they were before
// (RFC 4791 section 9.6.6).
func limitRecurrence(cal *ical.Component, series *recur.Series, r TimeRange, floating *time.Location) (*ical.Component, error) {
	l := limiter{clock: newClock(cal, floating), rng: r}
	for c := range cal.Main() {
		if p := c.Prop("RECURRENCE-ID"); p == nil {
			l.master = c
		} else if isFuture(p) {
			if d, err := p.DateTime(); err == nil {
				l.futures = append(l.futures, l.instant(d))
			}
			l.overrides++
		} else {
			l.overrides++
		}
	}
	if l.overrides == 0 {
		return cal, nil
	}
	if series == nil {
		var err error
		if series, err = recur.Compile(cal, l.resolver()); err != nil {
			return nil, err
		}
	}
	touched := make(map[int]bool)
	for in, err := range series.Between(r.Start, r.End, l.floating) {
		if err != nil {
			return cal, nil // more instances than can be looked at: all overrides
		}
		touched[in.Component] = true
	}
	place := -1
	var keep []*ical.Component
	for c := range cal.Components("") {
		if c.Name() != "VTIMEZONE" {
			place++
			if p := c.Prop("RECURRENCE-ID"); p != nil && !touched[place] && !l.original(c, p) {
				continue
			}
		}
		keep = append(keep, c)
	}
	return with(cal, keep), nil
}

type limiter struct {
	clock
	rng       TimeRange
	master    *ical.Component
	overrides int
	futures   []time.Time // RECURRENCE-IDs with RANGE=THISANDFUTURE
}

// original reports whether the instances that an override replaces would have touched the range.
func (l *limiter) original(c *ical.Component, rid *ical.Property) bool {
	d, err := rid.DateTime()
	if err != nil {
		return true
	}
	start := l.instant(d)
	if isFuture(rid) && start.Before(l.rng.Start) {
		// It governs the range unless a later one does.
		return !slices.ContainsFunc(l.futures, func(t time.Time) bool { return t.After(start) && !t.After(l.rng.Start) })
	}
	end := start
	if l.master != nil {
		if a, b, ok := l.span(l.master); ok && b.After(a) {
			if d.IsDate() {
				days := (b.Sub(a) + 12*time.Hour) / (24 * time.Hour)
				end = l.later(start, ical.Duration{Days: int(days)}, d)
			} else {
				end = start.Add(b.Sub(a))
			}
		}
		if c.Name() == "VTODO" && end.Equal(l.rng.Start) {
			return true // the end of a task belongs to it (section 9.9)
		}
	} else if d.IsDate() {
		end = l.later(start, ical.Duration{Days: 1}, d)
	}
	return l.rng.overlaps(start, end)
}

// limitFreeBusy leaves out the periods of FREEBUSY that do not touch the range (RFC 4791 section 9.6.7).
func limitFreeBusy(cal *ical.Component, r TimeRange, floating *time.Location) *ical.Component {
	if cal.Component("VFREEBUSY") == nil {
		return cal
	}
	c := newClock(cal, floating)
	children := cal.Children()
	for i, k := range children {
		if k.Name() == "VFREEBUSY" && k.Prop("FREEBUSY") != nil {
			children[i] = c.limitPeriods(k, r)
		}
	}
	return with(cal, children)
}

func (c *clock) limitPeriods(comp *ical.Component, r TimeRange) *ical.Component {
	out := ical.New(comp.Name())
	for _, p := range comp.Props() {
		if p.Name() == "FREEBUSY" {
			if p = c.periodsIn(p, r); p == nil {
				continue
			}
		}
		out.Add(p)
	}
	for k := range comp.Components("") {
		out.AddChild(k)
	}
	return out
}

// periodsIn returns a FREEBUSY with the periods that touch the range, nil without any. What cannot be read stays.
func (c *clock) periodsIn(p *ical.Property, r TimeRange) *ical.Property {
	periods, err := p.Periods()
	if err != nil {
		return p
	}
	var kept []string
	i := 0
	for text := range strings.SplitSeq(p.Value(), ",") {
		if i == len(periods) {
			break
		}
		per := periods[i]
		i++
		if start, end := c.period(per); r.overlaps(start, end) {
			kept = append(kept, text)
		}
	}
	switch {
	case len(kept) == 0:
		return nil
	case len(kept) == len(periods):
		return p
	}
	return ical.NewProperty(p.Name(), strings.Join(kept, ","), p.Params()...)
}
