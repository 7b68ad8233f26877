package recur

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
)

// Limits of one object; the error of Compile names the one that is exceeded.
const (
	maxDates     = 10_000 // RDATE, and EXDATE: values
	maxOverrides = 10_000
	maxRules     = 8 // RRULE and EXRULE together; RFC 5545 section 3.8.5.3 advises against more than one
)

// compiler is the state of one Compile.
type compiler struct {
	*Series
	res   *zone.Resolver
	zoneI map[string]int
}

// moment is a date or time with its zone looked up.
type moment struct {
	form ical.Form
	zone int
	wall int64
}

// Compile works out the series of a calendar object. res resolves its TZIDs and may be nil. The error says which
// component and property is wrong; errors.Is tells ErrUnsupported from faults of syntax. A rule that never produces
// anything is no error: then DTSTART is the only instance.
func Compile(cal *ical.Component, res *zone.Resolver) (*Series, error) {
	if res == nil {
		res = zone.NewResolver(cal)
	}
	c := &compiler{Series: &Series{}, res: res, zoneI: map[string]int{}}
	if err := c.compile(cal); err != nil {
		return nil, err
	}
	return c.Series, nil
}

func (c *compiler) compile(cal *ical.Component) error {
	var master *ical.Component
	var overrides []*ical.Component
	var places []int // of the overrides
	masterAt, i := 0, -1
	for comp := range cal.Main() {
		i++
		k := kind(max(0, slices.Index(kindNames[:], comp.Name())))
		switch {
		case k == noKind:
			continue
		case c.kind != noKind && c.kind != k:
			return fmt.Errorf("object mixes %s and %s", kindNames[c.kind], comp.Name())
		}
		c.kind = k
		switch {
		case k == freebusy:
			if err := c.published(comp, i); err != nil {
				return fmt.Errorf("%s: %w", comp.Name(), err)
			}
		case comp.Prop("RECURRENCE-ID") != nil:
			overrides, places = append(overrides, comp), append(places, i)
		case master != nil:
			return fmt.Errorf("object has two %s without RECURRENCE-ID", comp.Name())
		default:
			master, masterAt = comp, i
		}
	}
	if len(overrides) > maxOverrides {
		return fmt.Errorf("%w: more than %d components with RECURRENCE-ID", ErrUnsupported, maxOverrides)
	}
	if master != nil {
		if err := c.compileMaster(master, masterAt, len(overrides) > 0); err != nil {
			return fmt.Errorf("%s: %w", master.Name(), err)
		}
	}
	for i, comp := range overrides {
		if err := c.override(comp, places[i]); err != nil {
			return fmt.Errorf("%s with RECURRENCE-ID %.20q: %w", comp.Name(), comp.Value("RECURRENCE-ID"), err)
		}
	}
	c.finish()
	return nil
}

// finish sorts what was collected and derives the rest.
func (c *compiler) finish() {
	// The last of two overrides for one instance counts, and an EXDATE removes both.
	slices.SortStableFunc(c.overrides, func(a, b override) int { return cmp.Compare(a.key, b.key) })
	kept := c.overrides[:0]
	for i, o := range c.overrides {
		if i+1 < len(c.overrides) && c.overrides[i+1].key == o.key || c.master != nil && c.excluded(o.key, o.base) {
			continue
		}
		kept = append(kept, o)
	}
	c.overrides = kept
	c.recurring = c.recurring || len(c.overrides) > 0
	c.derive()
	c.bounds = c.findBounds()
	for i := range c.zones {
		if z := &c.zones[i]; z.loc != nil && z.name == "" {
			z.data = zoneFile(z.loc, c.bounds)
		}
	}
}

// moment looks up the zone of a value.
func (c *compiler) moment(d ical.DateTime) moment {
	m := moment{form: d.Form, wall: toWall(d.Wall)}
	if d.Form != ical.ZonedForm {
		return m
	}
	i, ok := c.zoneI[d.TZID]
	if !ok {
		ref := zoneRef{tzid: d.TZID}
		if loc, known := c.res.Location(d.TZID); known {
			ref.loc = loc
			ref.name, _ = c.res.Canonical(d.TZID)
		}
		i = len(c.zones)
		c.zones = append(c.zones, ref)
		c.zoneI[d.TZID] = i
	}
	m.zone = i
	return m
}

func (c *compiler) locationOf(m moment) *time.Location {
	return c.location(&item{form: m.form, zone: m.zone})
}

// instant is the instant of a moment; of a floating one, as if it stood where the other clock hangs.
func (c *compiler) instant(m moment, other *time.Location) int64 {
	loc := c.locationOf(m)
	if loc == nil {
		loc = other
	}
	if loc == nil {
		return m.wall
	}
	return toInstant(m.wall, loc)
}

// read gives the moment of a property, ok false when it is absent.
func (c *compiler) read(comp *ical.Component, name string) (m moment, ok bool, err error) {
	p := comp.Prop(name)
	if p == nil {
		return m, false, nil
	}
	d, err := p.DateTime()
	if err != nil {
		return m, false, err
	}
	return c.moment(d), true, nil
}

func (c *compiler) compileMaster(comp *ical.Component, at int, overridden bool) error {
	it, ok, err := c.item(comp, at, nil)
	if err != nil || !ok {
		return err
	}
	if it.timeless() {
		c.singles = append(c.singles, it) // nothing it could recur from
		return nil
	}
	c.master = &it
	if err := c.dates(comp); err != nil {
		return err
	}
	total := 0
	for _, name := range [...]string{"RRULE", "EXRULE"} {
		var texts []string
		for p := range comp.All(name) {
			if text := strings.TrimSpace(p.Value()); text != "" {
				texts = append(texts, text)
			}
		}
		if total += len(texts); total > maxRules {
			return fmt.Errorf("%w: more than %d RRULE and EXRULE", ErrUnsupported, maxRules)
		}
		for _, text := range texts {
			if err := c.rule(name, text, len(texts)); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	c.recurring = len(c.rules) > 0 || len(c.rdates) > 0 || overridden
	return nil
}

// rule binds one of several RRULEs or EXRULEs to the master, and drops it when it produces nothing.
func (c *compiler) rule(name, value string, share int) error {
	r, err := ParseRule(value)
	if err != nil {
		return err
	}
	m := c.master
	if err := r.checkStart(dayOf(m.wall)); err != nil {
		return err
	}
	if m.form == ical.DateForm {
		if r.freq >= Hourly {
			return unsupported("FREQ", r.freq.String(), "needs a DTSTART with a time of day")
		}
		r = r.withoutTime()
	}
	if r.freq == Secondly && !r.Bounded() {
		return unsupported("FREQ", "SECONDLY", "needs a COUNT, or an UNTIL that allows at most %d instances", MaxCount)
	}
	b := boundRule{untilInstant: noWall, infinite: !r.Bounded()}
	last := r.until.last()
	if loc := c.location(m); r.until.form == untilUTC && loc != nil && loc != time.UTC {
		b.untilInstant, b.loc = r.until.wall, loc
		last = clampWall(r.until.wall + near)
	}
	if b.plan = r.bind(m.wall, last, name == "RRULE", share); b.plan == nil {
		return nil
	}
	from := m.wall
	if name == "RRULE" {
		from++ // DTSTART is there anyway
	}
	cur := b.cursor(from)
	if _, ok := cur.next(); !ok {
		return nil
	}
	if r.freq == Secondly && r.count == 0 {
		for n := 2; ; n++ {
			if _, ok := cur.next(); !ok {
				break
			}
			if n > MaxCount {
				return unsupported("FREQ", "SECONDLY", "gives more than %d instances", MaxCount)
			}
		}
	}
	if name == "RRULE" {
		c.rules = append(c.rules, b)
	} else {
		c.exrules = append(c.exrules, b)
	}
	return nil
}

// dates reads RDATE (RFC 5545 section 3.8.5.2) and EXDATE (section 3.8.5.1).
func (c *compiler) dates(comp *ical.Component) error {
	for p := range comp.All("RDATE") {
		err := c.eachDate(p, len(c.rdates), func(d ical.DateTime, per *ical.Period) { c.addDate(d, per) })
		if err != nil {
			return err
		}
	}
	slices.SortStableFunc(c.rdates, func(a, b rdate) int {
		// Of two for one instance the one with its own length comes first, and stays.
		return cmp.Or(cmp.Compare(a.wall, b.wall), cmp.Compare(a.key, b.key), boolCompare(b.period, a.period))
	})
	c.rdates = slices.CompactFunc(c.rdates, func(a, b rdate) bool { return a.key == b.key })
	for p := range comp.All("EXDATE") {
		err := c.eachDate(p, len(c.exdates)+len(c.exdays), func(d ical.DateTime, _ *ical.Period) {
			if d.IsDate() && c.master.form != ical.DateForm {
				c.exdays = append(c.exdays, dayOf(toWall(d.Wall)))
				return
			}
			key, _ := c.instance(d)
			c.exdates = append(c.exdates, key)
		})
		if err != nil {
			return err
		}
	}
	slices.Sort(c.exdates)
	c.exdates = slices.Compact(c.exdates)
	slices.Sort(c.exdays)
	c.exdays = slices.Compact(c.exdays)
	return nil
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// eachDate goes through the values of one property; there were n before.
func (c *compiler) eachDate(p *ical.Property, n int, do func(ical.DateTime, *ical.Period)) error {
	if n+strings.Count(p.Value(), ",")+1 > maxDates {
		return fmt.Errorf("%w: more than %d values of %s", ErrUnsupported, maxDates, p.Name())
	}
	if strings.Contains(p.Value(), "/") {
		periods, err := p.Periods()
		if err != nil {
			return err
		}
		for i := range periods {
			do(periods[i].Start, &periods[i])
		}
		return nil
	}
	list, err := p.DateTimes()
	if err != nil {
		return err
	}
	for _, d := range list {
		do(d, nil)
	}
	return nil
}

func (c *compiler) addDate(d ical.DateTime, per *ical.Period) {
	m := c.master
	var r rdate
	if d.IsDate() && m.form != ical.DateForm { // the master's time on that day
		r.wall = toWall(d.Wall) + floorMod(m.wall, daySeconds)
		r.key = c.key(r.wall)
	} else {
		r.key, r.wall = c.instance(d)
	}
	if per != nil && m.form != ical.DateForm {
		it := item{form: m.form, zone: m.zone, wall: r.wall}
		if per.HasDuration {
			it.setDuration(per.Duration)
		} else {
			from := c.moment(per.Start)
			c.setEnd(&it, from, c.moment(per.End))
		}
		r.period, r.days, r.secs = true, max(it.days, 0), max(it.secs, 0)
	}
	c.rdates = append(c.rdates, r)
}

// instance gives key and wall time, in the master's zone, of the instance that a RECURRENCE-ID, EXDATE or RDATE means.
// It may be written in another zone than DTSTART.
func (c *compiler) instance(d ical.DateTime) (key, wall int64) {
	m := c.moment(d)
	return c.Series.identify(m.form, c.locationOf(m), m.wall)
}

// override reads a component with RECURRENCE-ID.
func (c *compiler) override(comp *ical.Component, at int) error {
	p := comp.Prop("RECURRENCE-ID")
	d, err := p.DateTime()
	if err != nil {
		return err
	}
	rid := c.moment(d)
	o := override{future: strings.EqualFold(p.Param("RANGE"), "THISANDFUTURE")}
	if c.master != nil {
		o.key, o.base = c.instance(d)
	} else {
		o.rid, o.future = d, false
		o.key, o.base = c.instant(rid, nil), rid.wall
	}
	it, ok, err := c.item(comp, at, &rid)
	if err != nil || !ok {
		return err
	}
	o.item = it
	o.future = o.future && !it.timeless()
	c.overrides = append(c.overrides, o)
	return nil
}
