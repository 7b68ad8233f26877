package recur

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
)

// Decode reads what MarshalBinary wrote. It parses no iCalendar. Whatever the bytes are, the error is ErrCorrupt or
// the series is safe to use.
func Decode(b []byte) (*Series, error) {
	d := &decoder{b: b}
	s := d.series()
	if d.err == nil && len(d.b) > 0 {
		d.fail("bytes left over")
	}
	if d.err != nil {
		return nil, d.err
	}
	return s, nil
}

type decoder struct {
	b      []byte
	scaled bool // version 2
	err    error
}

func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrCorrupt, what)
	}
	d.b = nil
}

func (d *decoder) uint(most uint64) uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || v > most {
		d.fail("bad number")
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int(lo, hi int64) int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 || v < lo || v > hi {
		d.fail("bad number")
		return 0
	}
	d.b = d.b[n:]
	return v
}

// wide is more than any two times can lie apart.
const wide = 2 * (maxWall - minWall)

// wall reads a time given as its distance from another.
func (d *decoder) wall(from int64) int64 {
	v := from + d.int(-wide, wide)
	if v < minWall-near || v > maxWall+near {
		d.fail("time out of range")
		return 0
	}
	return v
}

func (d *decoder) str(most int) string {
	n := int(d.uint(uint64(most)))
	if n > len(d.b) {
		d.fail("cut short")
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

func (d *decoder) bool() bool { return d.uint(1) == 1 }

// count reads the length of a list, of which each element takes at least size bytes: no list is made longer than the
// bytes that are there.
func (d *decoder) count(most, size int) int {
	n := int(d.uint(uint64(most)))
	if n*size > len(d.b) {
		d.fail("cut short")
		return 0
	}
	return n
}

const maxZoneData = 1 << 16

func (d *decoder) series() *Series {
	if len(d.b) == 0 || d.b[0] != version && d.b[0] != versionScaled {
		d.fail("unknown version")
		return nil
	}
	d.scaled = d.b[0] == versionScaled
	d.b = d.b[1:]
	s := new(Series)
	flags := d.uint(flagRecurring | flagMaster | flagFloating | flagInfinite)
	s.recurring = flags&flagRecurring != 0
	s.kind = kind(d.uint(uint64(freebusy)))
	s.bounds = Bounds{Recurring: s.recurring, Floating: flags&flagFloating != 0, Infinite: flags&flagInfinite != 0, Last: endless}
	s.bounds.First = d.int(-endless, endless)
	if !s.bounds.Infinite {
		s.bounds.Last = d.int(-endless, endless)
	}
	d.zones(s)
	if flags&flagMaster != 0 {
		d.master(s)
	}
	for range d.count(maxOverrides, 8) {
		o := override{item: d.item(s)}
		o.key, o.base = d.wall(o.wall), d.wall(o.wall)
		if s.master != nil {
			if o.future = d.bool(); o.future && o.timeless() {
				d.fail("range without time")
			}
		} else {
			o.rid.Form = ical.Form(d.uint(uint64(ical.ZonedForm)))
			o.rid.Wall = fromWall(d.wall(o.wall))
			o.rid.TZID = d.str(maxRuleLength)
		}
		if n := len(s.overrides); n > 0 && s.overrides[n-1].key >= o.key {
			d.fail("overrides out of order")
		}
		s.overrides = append(s.overrides, o)
	}
	for range d.count(maxDates, 5) {
		s.singles = append(s.singles, d.item(s))
	}
	if d.err != nil {
		return nil
	}
	s.derive()
	return s
}

func (d *decoder) zones(s *Series) {
	for range d.count(maxOverrides, 2) {
		z := zoneRef{tzid: d.str(maxRuleLength)}
		z.name = z.tzid
		if d.uint(1) == 1 {
			z.name = d.str(256)
			z.data = []byte(d.str(maxZoneData))
		}
		switch {
		case z.name != "":
			// A name that this version's database has lost floats, as an unknown TZID does.
			if loc, ok := zone.Load(z.name); ok {
				z.loc = loc
			}
		case len(z.data) > 0:
			loc, err := time.LoadLocationFromTZData("", z.data)
			if err != nil {
				d.fail("bad zone data")
				return
			}
			z.loc = loc
		}
		s.zones = append(s.zones, z)
	}
}

func (d *decoder) item(s *Series) item {
	var it item
	it.component = int(d.uint(1 << 30))
	bits := d.uint(1<<8 - 1)
	it.form = ical.Form(bits & 3)
	it.busy = Busy(bits >> 6)
	if it.match = match(bits >> 2 & 15); it.match >= lastMatch {
		d.fail("unknown match")
		it.match = 0
	}
	if it.form == ical.ZonedForm {
		if it.zone = int(d.uint(1 << 30)); it.zone >= len(s.zones) {
			d.fail("unknown zone")
			it.form = ical.UTCForm
		}
	}
	it.wall = d.wall(0)
	it.days = d.int(-wide/daySeconds, wide/daySeconds)
	it.secs = d.int(-wide, wide)
	return it
}

func (d *decoder) master(s *Series) {
	m := d.item(s)
	if m.timeless() {
		d.fail("master without time")
	}
	s.master = &m
	s.rules = d.rules(s)
	s.exrules = d.rules(s)
	if len(s.rules)+len(s.exrules) > maxRules {
		d.fail("too many rules")
	}
	wall := m.wall
	for range d.count(maxDates, 3) {
		r := rdate{wall: d.wall(wall)}
		if len(s.rdates) > 0 && r.wall < wall {
			d.fail("dates out of order")
		}
		r.key = r.wall + d.int(-2*near, 2*near)
		wall = r.wall
		if r.period = d.bool(); r.period {
			r.days, r.secs = d.int(0, wide/daySeconds), d.int(0, wide)
		}
		s.rdates = append(s.rdates, r)
	}
	s.exdates = d.ascending()
	s.exdays = d.ascending()
}

func (d *decoder) ascending() []int64 {
	n := d.count(maxDates, 1)
	if n == 0 {
		return nil
	}
	list := make([]int64, 0, n)
	prev := int64(0)
	for i := range n {
		v := d.wall(prev)
		if i > 0 && v <= prev {
			d.fail("dates out of order")
		}
		list = append(list, v)
		prev = v
	}
	return list
}

// rules reads bound rules through the same guard as ParseRule's.
func (d *decoder) rules(s *Series) []boundRule {
	var list []boundRule
	n := d.count(maxRules, 3)
	for range n {
		r := new(Rule)
		bits := d.uint(1<<6 - 1)
		r.freq, r.wkst = Frequency(bits&7), int8(bits>>3)
		if d.scaled {
			bits := d.uint(uint64(forward)<<4 | uint64(chinese))
			if r.scale, r.skip = scale(bits&15), skip(bits>>4); r.scale > chinese || r.skip > forward {
				d.fail("bad rule")
				return nil
			}
		}
		r.interval = int(d.uint(MaxInterval))
		if r.freq > Secondly || r.wkst > 6 || r.interval < 1 {
			d.fail("bad rule")
			return nil
		}
		b := boundRule{untilInstant: noWall}
		last := int64(maxWall)
		if b.infinite = d.bool(); !b.infinite {
			last = d.wall(s.master.wall)
			if d.bool() {
				b.untilInstant = d.wall(last)
				if b.loc = s.location(s.master); b.loc == nil {
					b.loc = time.UTC
				}
			}
		}
		d.lists(r)
		if d.err != nil {
			return nil
		}
		if err := r.check(); err != nil || r.freq >= Hourly && s.master.form == ical.DateForm {
			d.fail("refused rule")
			return nil
		}
		if b.plan = r.bind(s.master.wall, last, false, n); b.plan == nil {
			continue
		}
		list = append(list, b)
	}
	return list
}

func (d *decoder) lists(r *Rule) {
	lists := r.lists()
	parts := d.uint(1<<(len(lists)+1) - 1)
	for i, list := range lists {
		if parts&(1<<i) == 0 {
			continue
		}
		limit := listLimits[i]
		for range d.count(1000, 1) {
			v := d.int(-limit.hi, limit.hi)
			if a := max(v, -v); a < limit.lo || v < 0 && !limit.signed {
				d.fail("bad list")
			}
			*list = append(*list, int16(v))
		}
		if !ascends(*list) {
			d.fail("bad list")
		}
	}
	if parts&(1<<len(lists)) == 0 {
		return
	}
	for range d.count(1000, 1) {
		v := d.int(-53*8, 53*8+6)
		wd := weekdayNum{n: int8(floorDiv(v, 8)), day: int8(floorMod(v, 8))}
		if wd.day > 6 {
			d.fail("bad list")
		}
		if n := len(r.byDay); n > 0 && compareDays(r.byDay[n-1], wd) >= 0 {
			d.fail("bad list")
		}
		r.byDay = append(r.byDay, wd)
	}
	if r.byDay == nil {
		d.fail("bad list")
	}
}

func ascends(list []int16) bool {
	return len(list) > 0 && slices.IsSorted(list) && len(slices.Compact(slices.Clone(list))) == len(list)
}
