package query

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
)

// expand returns the object with its instances in the range as components of their own (RFC 4791 section 9.6.5):
// in UTC, or as dates or floating times where they are such, each of a recurring object with a RECURRENCE-ID,
// without recurrence properties and time zones.
func expand(cal *ical.Component, series *recur.Series, r TimeRange, floating *time.Location) (*ical.Component, error) {
	x := expander{clock: newClock(cal, floating)}
	if series == nil {
		var err error
		if series, err = recur.Compile(cal, x.resolver()); err != nil {
			return nil, err
		}
	}
	x.recurring = series.Recurring()
	x.templates = x.room[:0]
	out := ical.New(cal.Name())
	for _, p := range cal.Props() {
		out.Add(p)
	}
	for c := range cal.Main() {
		x.templates = append(x.templates, template{comp: c})
		if !isMain(c.Name()) { // nobody knows when it is
			out.AddChild(x.plain(c))
		}
	}
	for in, err := range series.Between(r.Start, r.End, x.floating) {
		if err != nil {
			return nil, err
		}
		if in.Component < 0 || in.Component >= len(x.templates) {
			continue // the series is of another version of the object
		}
		t := &x.templates[in.Component]
		if t.comp.Name() == "VFREEBUSY" { // its periods are instances, but no components
			if !t.ready {
				t.ready = true
				out.AddChild(x.plain(t.comp))
			}
			continue
		}
		if !t.ready {
			x.prepare(t)
		}
		if x.size += t.size; x.size > maxExpanded {
			return nil, fmt.Errorf("%w to return %d octets", recur.ErrTooMany, x.size)
		}
		out.AddChild(x.instance(t, in))
	}
	return out, nil
}

// maxExpanded bounds the octets of an expansion, about: 10,000 instances of an object of 1 MiB would be 10 GB.
const maxExpanded = 32 << 20

type expander struct {
	clock
	recurring bool
	size      int
	templates []template // by recur.Instance.Component
	room      [2]template
}

// template is a component prepared for its instances.
type template struct {
	comp  *ical.Component
	ready bool

	// own says that the component gives the times of its one instance itself.
	own     bool
	master  bool
	parts   []part
	hasEnd  bool // with DTEND, DUE or DURATION
	nominal ical.Duration
	inner   []*ical.Component
	size    int // in octets, about
}

// part is a property that each instance has.
type part struct {
	role role
	prop *ical.Property // as it is in the instance, or the model of what it will be
}

type role uint8

const (
	shared role = iota
	startRole
	endRole
	durationRole
	idRole
)

// prepare reads a component once for all its instances.
func (x *expander) prepare(t *template) {
	t.ready = true
	t.size = size(t.comp)
	rid := t.comp.Prop("RECURRENCE-ID")
	t.master = rid == nil
	t.own = !x.recurring || rid != nil && !isFuture(rid)
	t.parts = make([]part, 0, len(t.comp.Props())+1)
	endName := "DTEND"
	if t.comp.Name() == "VTODO" {
		endName = "DUE"
	}
	idAt := -1 // after DTSTART, unless the component has its own place for it
	for _, p := range t.comp.Props() {
		pt := part{shared, p}
		switch name := p.Name(); name {
		case "RRULE", "RDATE", "EXDATE", "EXRULE":
			continue
		case "RECURRENCE-ID":
			if p != rid {
				continue
			}
			pt.role = idRole
		case "DTSTART", endName:
			if name == endName {
				t.hasEnd = true
			}
			switch {
			case t.own:
				pt.prop = x.inUTC(p)
			case name == "DTSTART":
				pt.role = startRole
			default:
				pt.role = endRole
			}
		case "DURATION":
			t.hasEnd = true
			if d, ok := x.duration(t.comp); ok && t.comp.Prop("DTSTART") != nil {
				pt.role, t.nominal = durationRole, d
			}
		default:
			pt.prop = x.inUTC(p)
		}
		t.parts = append(t.parts, pt)
		if p.Name() == "DTSTART" {
			idAt = len(t.parts)
		}
	}
	if x.recurring && rid == nil {
		if idAt < 0 {
			idAt = len(t.parts)
		}
		t.parts = slices.Insert(t.parts, idAt, part{role: idRole})
	}
	for k := range t.comp.Components("") {
		t.inner = append(t.inner, x.plain(k))
	}
}

// instance makes the component of one instance.
func (x *expander) instance(t *template, in recur.Instance) *ical.Component {
	length := in.End.Sub(in.Start)
	start := ical.DateTime{Wall: in.Start, Form: ical.UTCForm}
	if in.Floating {
		start.Form = ical.FloatingForm
		start.Wall = zone.Wall(in.Start, x.floating)
		if in.AllDay {
			start.Form = ical.DateForm
			start.Wall = midnight(start.Wall)
		}
		// The master's own time, which a change of clocks in the zone of the moment cannot touch.
		if id := in.RecurrenceID; t.master && !id.Wall.IsZero() {
			start.Wall = id.Wall
		}
	}
	first := stamp(start)
	out := ical.New(t.comp.Name())
	for i := range t.parts {
		switch pt := &t.parts[i]; pt.role {
		case shared:
			out.Add(pt.prop)
		case startRole:
			out.Add(timed("DTSTART", first, pt.prop, start.IsDate()))
		case endRole:
			out.Add(timed(pt.prop.Name(), stamp(endOf(start, length)), pt.prop, start.IsDate()))
		case durationRole:
			out.Add(t.length(pt.prop, in, length))
		case idRole:
			switch {
			case in.RecurrenceID.Wall.IsZero():
			case t.master && !in.Floating:
				out.Add(timed("RECURRENCE-ID", first, nil, false)) // the same instant
			default:
				id := x.utc(in.RecurrenceID)
				out.Add(timed("RECURRENCE-ID", stamp(id), nil, id.IsDate()))
			}
		}
	}
	if !t.own && !t.hasEnd && length > 0 && !in.AllDay && t.comp.Name() == "VEVENT" {
		out.Add(timed("DTEND", stamp(endOf(start, length)), nil, false)) // of an RDATE that is a period
	}
	for _, k := range t.inner {
		out.AddChild(k)
	}
	return out
}

// length returns the DURATION of an instance: as it was where it still says the same, else in exact time.
func (t *template) length(p *ical.Property, in recur.Instance, length time.Duration) *ical.Property {
	exact := time.Duration(seconds(t.nominal)) * time.Second
	if length == exact || in.AllDay || in.Floating && t.nominal.Days > 0 {
		return p
	}
	return ical.NewProperty("DURATION", ical.DurationOf(length).String())
}

// endOf returns the end of what starts then: by the clock for floating times, in whole days for dates.
func endOf(start ical.DateTime, length time.Duration) ical.DateTime {
	if start.Form == ical.DateForm {
		start.Wall = start.Wall.AddDate(0, 0, int(length.Round(24*time.Hour)/(24*time.Hour)))
	} else {
		start.Wall = start.Wall.Add(length)
	}
	return start
}

var dateParams = []ical.Param{{Name: "VALUE", Values: []string{"DATE"}}}

// timed makes a property of a time, with the parameters of its model that say nothing of the time's form.
func timed(name, value string, model *ical.Property, date bool) *ical.Property {
	var params []ical.Param
	if date {
		params = dateParams[:1:1]
	}
	if model != nil {
		for _, q := range model.Params() {
			if q.Name != "VALUE" && q.Name != "TZID" {
				params = append(params, q)
			}
		}
	}
	return ical.NewProperty(name, value, params...)
}

// stamp is d.String without the work for what time.Format allows besides.
func stamp(d ical.DateTime) string {
	year, month, day := d.Wall.Date()
	if year < 0 || year > 9999 {
		return d.String()
	}
	b := make([]byte, 0, 16)
	b = append(b, byte('0'+year/1000), byte('0'+year/100%10))
	for _, n := range [...]int{year % 100, int(month), day} {
		b = append(b, byte('0'+n/10), byte('0'+n%10))
	}
	if d.Form == ical.DateForm {
		return string(b)
	}
	hour, minute, sec := d.Wall.Clock()
	b = append(b, 'T')
	for _, n := range [...]int{hour, minute, sec} {
		b = append(b, byte('0'+n/10), byte('0'+n%10))
	}
	if d.Form == ical.UTCForm {
		b = append(b, 'Z')
	}
	return string(b)
}

// utc returns a zoned time in UTC; one of an unknown zone floats.
func (c *clock) utc(d ical.DateTime) ical.DateTime {
	if d.Form != ical.ZonedForm {
		return d
	}
	loc := c.location(d)
	if loc == nil {
		return ical.DateTime{Wall: d.Wall, Form: ical.FloatingForm}
	}
	return ical.DateTime{Wall: zone.Instant(d.Wall, loc).UTC(), Form: ical.UTCForm}
}

// inUTC returns a property without TZID, with its times in UTC.
func (c *clock) inUTC(p *ical.Property) *ical.Property {
	if !p.HasParam("TZID") {
		return p
	}
	var params []ical.Param
	for _, q := range p.Params() {
		if q.Name != "TZID" {
			params = append(params, q)
		}
	}
	var parts []string
	if periods, err := p.Periods(); err == nil {
		for _, per := range periods {
			end := c.utc(per.End).String()
			if per.HasDuration {
				end = per.Duration.String()
			}
			parts = append(parts, c.utc(per.Start).String()+"/"+end)
		}
	} else if list, err := p.DateTimes(); err == nil {
		for _, d := range list {
			parts = append(parts, c.utc(d).String())
		}
	} else {
		parts = append(parts, p.Value())
	}
	return ical.NewProperty(p.Name(), strings.Join(parts, ","), params...)
}

// plain returns a component without any TZID, with its times in UTC; itself where there is none.
func (c *clock) plain(comp *ical.Component) *ical.Component {
	if !zoned(comp) {
		return comp
	}
	out := ical.New(comp.Name())
	for _, p := range comp.Props() {
		out.Add(c.inUTC(p))
	}
	for k := range comp.Components("") {
		out.AddChild(c.plain(k))
	}
	return out
}

// size is about how many octets a component takes.
func size(comp *ical.Component) int {
	n := 2*len(comp.Name()) + 16
	for _, p := range comp.Props() {
		n += len(p.Name()) + len(p.Value()) + 16
		for _, q := range p.Params() {
			n += len(q.Name) + 2
			for _, v := range q.Values {
				n += len(v) + 3
			}
		}
	}
	for k := range comp.Components("") {
		n += size(k)
	}
	return n
}

func zoned(comp *ical.Component) bool {
	for _, p := range comp.Props() {
		if p.HasParam("TZID") {
			return true
		}
	}
	for k := range comp.Components("") {
		if zoned(k) {
			return true
		}
	}
	return false
}

func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}
