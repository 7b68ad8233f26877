package itip

import (
	"strconv"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
)

// key names an instance by what its RECURRENCE-ID means, not by how it is written: an instant, or for floating and
// all-day times the wall time. The zero key is the master.
type key struct {
	kind byte // 'd' a date, 'f' floating, 'u' an instant; 0 the master
	at   int64
}

// object is a calendar object laid out for looking at: the master and the overrides by their instances. It does
// not change what it looks at. A nil component gives an empty object.
type object struct {
	cal    *ical.Component
	res    *zone.Resolver
	master *ical.Component
	over   map[key]*ical.Component
	keys   []key // of over, in order
	ranges []key // those with RANGE=THISANDFUTURE
	start  ical.DateTime
	timed  bool    // start is known: of the master, or the RECURRENCE-ID of the first override
	like   *object // whose form instances are read in, where there is no master here
	set    *recurrence
	faces  map[*ical.Component]string
	views  map[string]view
}

// read lays out cal. Where two components name the same instance, or two are masters, the last
// counts, as it would after two messages.
func read(cal *ical.Component) *object { return readLike(cal, nil) }

// readLike lays out a message about the object like, which may be nil: where it has only overrides, their
// RECURRENCE-IDs are read as instances of that object.
func readLike(cal *ical.Component, like *object) *object {
	ob := &object{cal: cal, res: zone.NewResolver(cal), over: map[key]*ical.Component{}}
	if cal == nil {
		return ob
	}
	for c := range cal.Main() {
		if c.Prop("RECURRENCE-ID") == nil {
			ob.master = c
		}
	}
	if ob.master != nil {
		ob.start, ob.timed = startOf(ob.master)
	} else if like != nil && like.timed {
		ob.like = like
	}
	for c := range cal.Main() {
		p := c.Prop("RECURRENCE-ID")
		if p == nil {
			continue
		}
		d, err := p.DateTime()
		if err != nil {
			continue // not an instance of anything
		}
		if !ob.timed {
			ob.start, ob.timed = d, true
		}
		k := ob.key(d)
		if ob.over[k] == nil {
			ob.keys = append(ob.keys, k)
		}
		ob.over[k] = c
		if future(c) {
			ob.ranges = append(ob.ranges, k)
		}
	}
	return ob
}

// startOf returns DTSTART, or DUE where a VTODO has only that.
func startOf(c *ical.Component) (ical.DateTime, bool) {
	for _, name := range [...]string{"DTSTART", "DUE"} {
		if p := c.Prop(name); p != nil {
			if d, err := p.DateTime(); err == nil {
				return d, true
			}
		}
	}
	return ical.DateTime{}, false
}

// location returns where the wall time of d is read; nil for dates and floating times, and for zones nobody knows.
func (ob *object) location(d ical.DateTime) *time.Location {
	switch d.Form {
	case ical.UTCForm:
		return time.UTC
	case ical.ZonedForm:
		if loc, ok := ob.res.Location(d.TZID); ok {
			return loc
		}
	}
	return nil
}

// point is what d means by itself.
func (ob *object) point(d ical.DateTime) key {
	if d.IsDate() {
		return key{'d', d.Wall.Unix()}
	}
	if loc := ob.location(d); loc != nil {
		return key{'u', zone.Instant(d.Wall, loc).Unix()}
	}
	return key{'f', d.Wall.Unix()}
}

// key is the instance that d means as RECURRENCE-ID, EXDATE or RDATE of this object. Programs write them in
// another form than DTSTART; then d is read in the form of DTSTART.
func (ob *object) key(d ical.DateTime) key {
	if ob.like != nil {
		return ob.like.keyIn(ob, d)
	}
	if !ob.timed {
		return ob.point(d)
	}
	loc := ob.location(ob.start)
	switch {
	case ob.start.IsDate():
		d = ical.DateTime{Form: ical.DateForm, Wall: d.Wall.Truncate(24 * time.Hour)}
	case d.IsDate():
		at := ob.start
		clock := at.Wall.Sub(at.Wall.Truncate(24 * time.Hour))
		at.Wall = d.Wall.Add(clock)
		d = at
	case loc == nil && ob.location(d) != nil && d.Form != ical.UTCForm:
		d = ical.DateTime{Form: ical.FloatingForm, Wall: d.Wall}
	case loc != nil && ob.location(d) == nil:
		d = ical.DateTime{Form: ob.start.Form, TZID: ob.start.TZID, Wall: d.Wall}
	}
	return ob.point(d)
}

// keyIn is key for a time d written in another object, whose time zones it means.
func (ob *object) keyIn(from *object, d ical.DateTime) key {
	p := from.point(d)
	if p.kind != 'u' || ob.start.IsDate() {
		return ob.key(d)
	}
	return ob.key(ical.DateTime{Form: ical.UTCForm, Wall: time.Unix(p.at, 0).UTC()})
}

// get returns the component written for k, or nil.
func (ob *object) get(k key) *ical.Component {
	if k == (key{}) {
		return ob.master
	}
	return ob.over[k]
}

// all returns the keys of all components, the master first.
func (ob *object) all() []key {
	if ob.master == nil {
		return ob.keys
	}
	return append([]key{{}}, ob.keys...)
}

// effective returns what holds for the instance k: its override, or what the master makes of
// it where it is an instance; else nil.
func (ob *object) effective(k key) *ical.Component {
	if c := ob.get(k); c != nil {
		return c
	}
	if ob.master != nil && ob.isInstance(k) {
		return ob.derive(k)
	}
	return nil
}

// dateTime writes the instance k in the form of DTSTART.
func (ob *object) dateTime(k key) ical.DateTime {
	d := ical.DateTime{Form: ob.start.Form, TZID: ob.start.TZID, Wall: time.Unix(k.at, 0).UTC()}
	switch k.kind {
	case 'd':
		d.Form, d.TZID = ical.DateForm, ""
	case 'f':
		if d.Form == ical.UTCForm || d.Form == ical.DateForm {
			d.Form, d.TZID = ical.FloatingForm, ""
		}
	case 'u':
		if loc := ob.location(ob.start); loc != nil {
			d.Wall = zone.Wall(d.Wall, loc)
		} else {
			d.Form, d.TZID = ical.UTCForm, ""
		}
	}
	return d
}

// base returns what the instance k is made of where it has no override of its own: the last override before it with
// RANGE=THISANDFUTURE (RFC 5545 section 3.2.13) and the instance that one is for, else the master and its start.
func (ob *object) base(k key) (*ical.Component, ical.DateTime) {
	var last key
	for _, x := range ob.ranges {
		if c := ob.over[x]; c != nil && future(c) && !isCancelled(c) && compareKeys(x, k) < 0 && (last.kind == 0 || compareKeys(last, x) < 0) {
			last = x
		}
	}
	if last.kind == 0 {
		return ob.master, ob.start
	}
	return ob.over[last], ob.dateTime(last)
}

// future reports whether an override stands for all later instances, too.
func future(c *ical.Component) bool {
	p := c.Prop("RECURRENCE-ID")
	return p != nil && strings.EqualFold(p.Param("RANGE"), "THISANDFUTURE")
}

// derive returns the instance k as an override that says what the master says (RFC 5545 section 3.8.4.4), or an override for
// all instances from an earlier one on.
func (ob *object) derive(k key) *ical.Component {
	at := ob.dateTime(k)
	from, first := ob.base(k)
	c := from.Clone()
	c.RemoveFunc(func(p *ical.Property) bool {
		switch p.Name() {
		case "RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID":
			return true
		}
		return false
	})
	moveTo(ob, c, first, at, k)
	rid := at.Property("RECURRENCE-ID")
	c.Add(rid)
	return c
}

// moveTo moves DTSTART, DTEND and DUE of c, which is a copy of what stands for the instance first, to the instance at.
func moveTo(ob *object, c *ical.Component, first, at ical.DateTime, k key) {
	if per, ok := ob.recurrence().periods[k]; ok && c.Prop("DTEND") != nil {
		if per.HasDuration {
			c.Remove("DTEND")
			c.Set(ical.NewProperty("DURATION", per.Duration.String()))
		} else {
			c.Set(per.End.Property("DTEND"))
		}
	}
	for _, name := range [...]string{"DTSTART", "DTEND", "DUE"} {
		p := c.Prop(name)
		if p == nil {
			continue
		}
		d, err := p.DateTime()
		if err != nil {
			continue
		}
		if _, ok := ob.recurrence().periods[k]; ok && name == "DTEND" {
			continue
		}
		la, lb := ob.location(first), ob.location(d)
		if la != nil && lb != nil && first == ob.start && (first.Form != d.Form || first.TZID != d.TZID) {
			gap := zone.Instant(d.Wall, lb).Sub(zone.Instant(first.Wall, la))
			d.Wall = zone.Wall(zone.Instant(at.Wall, ob.location(at)).Add(gap), lb)
		} else {
			d.Wall = at.Wall.Add(d.Wall.Sub(first.Wall))
		}
		p.SetDateTime(d)
	}
}

// sequence returns SEQUENCE, 0 where it is missing or no number (RFC 5545 section 3.8.7.4).
func sequence(c *ical.Component) int {
	if c == nil {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSpace(c.Value("SEQUENCE")))
	if err != nil || n < 0 || n > maxSequence {
		return 0
	}
	return n
}

// maxSequence is far from where an INTEGER ends (RFC 5545 section 3.3.8), so that one more is always one.
const maxSequence = 1 << 30

func setSequence(c *ical.Component, n int) {
	if n == sequence(c) && (n == 0 || c.Prop("SEQUENCE") != nil) {
		return
	}
	c.Set(ical.NewProperty("SEQUENCE", strconv.Itoa(min(n, maxSequence))))
}

// stamp returns DTSTAMP in seconds, and LAST-MODIFIED or 0 where it is missing.
func stamp(c *ical.Component) int64 {
	if c == nil {
		return 0
	}
	for _, name := range [...]string{"DTSTAMP", "LAST-MODIFIED"} {
		if p := c.Prop(name); p != nil {
			if d, err := p.DateTime(); err == nil {
				return d.Wall.Unix()
			}
		}
	}
	return 0
}

func setStamp(c *ical.Component, now time.Time) { c.Set(stampProperty("DTSTAMP", now)) }

func stampProperty(name string, t time.Time) *ical.Property {
	return ical.DateTime{Wall: t.UTC().Truncate(time.Second), Form: ical.UTCForm}.Property(name)
}

func isCancelled(c *ical.Component) bool {
	return c != nil && strings.EqualFold(strings.TrimSpace(c.Value("STATUS")), "CANCELLED")
}

// attendeeOf returns the ATTENDEE of c that is this person, or nil.
func (o Options) attendeeOf(c *ical.Component, addr string) *ical.Property {
	if c == nil || addr == "" {
		return nil
	}
	for p := range c.All("ATTENDEE") {
		if p.Value() == addr { // mostly written the same; a list of hundreds is walked for each of them
			return p
		}
	}
	addr = ical.Address(addr)
	for p := range c.All("ATTENDEE") {
		if ical.Address(p.Value()) == addr {
			return p
		}
	}
	if o.Same == nil {
		return nil
	}
	for p := range c.All("ATTENDEE") {
		if o.Same(ical.Address(p.Value()), addr) {
			return p
		}
	}
	return nil
}

// PartStat returns the PARTSTAT of an ATTENDEE, NEEDS-ACTION where it is missing (RFC 5545 section 3.2.12).
func PartStat(p *ical.Property) string {
	if p == nil {
		return "NEEDS-ACTION"
	}
	if s := strings.ToUpper(strings.TrimSpace(p.Param("PARTSTAT"))); s != "" {
		return s
	}
	return "NEEDS-ACTION"
}

func setPartStat(p *ical.Property, s string) {
	if PartStat(p) != s {
		p.SetParam("PARTSTAT", s)
	}
}

// byServer reports whether scheduling for this ATTENDEE or ORGANIZER is the server's (RFC 6638 section 7.1). An
// unknown value means NONE.
func byServer(p *ical.Property) bool {
	if p == nil {
		return false
	}
	a := p.Param("SCHEDULE-AGENT")
	return a == "" || strings.EqualFold(a, "SERVER")
}
