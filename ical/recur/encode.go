package recur

import (
	"encoding/binary"

	"kalends/ical"
)

// The stored form: a version, then fields in a fixed order, integers as varints, lists with their length first and
// ascending times as differences. Rules are stored as their parts, zones as IANA names, so that a newer zone database
// takes effect; only a zone of the object's own brings its data along.
//
// A new version gets a new number, and Decode keeps reading the old ones. Version 2 says of each rule in which calendar system
// it counts and what it skips; a series without such rules is still written as version 1, which older servers read.
const (
	version       = 1
	versionScaled = 2
)

const (
	flagRecurring = 1 << iota
	flagMaster
	flagFloating
	flagInfinite
)

// MarshalBinary gives the series as bytes that Decode reads. It never fails.
func (s *Series) MarshalBinary() ([]byte, error) {
	e := encoder{b: make([]byte, 0, 128), scaled: s.scaled()}
	if e.scaled {
		e.b = append(e.b, versionScaled)
	} else {
		e.b = append(e.b, version)
	}
	flags := uint64(0)
	for i, set := range [...]bool{s.recurring, s.master != nil, s.bounds.Floating, s.bounds.Infinite} {
		if set {
			flags |= 1 << i
		}
	}
	e.uint(flags)
	e.uint(uint64(s.kind))
	e.int(s.bounds.First)
	if !s.bounds.Infinite {
		e.int(s.bounds.Last)
	}
	e.uint(uint64(len(s.zones)))
	for _, z := range s.zones {
		e.str(z.tzid)
		if z.name == z.tzid {
			e.uint(0)
			continue
		}
		e.uint(1)
		e.str(z.name)
		e.str(string(z.data))
	}
	if s.master != nil {
		e.item(s.master)
		e.rules(s.rules)
		e.rules(s.exrules)
		e.uint(uint64(len(s.rdates)))
		wall := s.master.wall
		for _, r := range s.rdates {
			e.int(r.wall - wall)
			e.int(r.key - r.wall)
			wall = r.wall
			if !r.period {
				e.uint(0)
				continue
			}
			e.uint(1)
			e.int(r.days)
			e.int(r.secs)
		}
		e.ascending(s.exdates)
		e.ascending(s.exdays)
	}
	e.uint(uint64(len(s.overrides)))
	for i := range s.overrides {
		o := &s.overrides[i]
		e.item(&o.item)
		e.int(o.key - o.wall)
		e.int(o.base - o.wall)
		if s.master != nil {
			e.bool(o.future)
			continue
		}
		e.uint(uint64(o.rid.Form))
		e.int(toWall(o.rid.Wall) - o.wall)
		e.str(o.rid.TZID)
	}
	e.uint(uint64(len(s.singles)))
	for i := range s.singles {
		e.item(&s.singles[i])
	}
	return e.b, nil
}

// scaled reports whether a rule has an RSCALE or SKIP other than the default.
func (s *Series) scaled() bool {
	for _, list := range [...][]boundRule{s.rules, s.exrules} {
		for i := range list {
			if r := list[i].rule; r.scale != gregorian || r.skip != omit {
				return true
			}
		}
	}
	return false
}

type encoder struct {
	b      []byte
	scaled bool
}

func (e *encoder) uint(v uint64) { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) int(v int64)   { e.b = binary.AppendVarint(e.b, v) }

func (e *encoder) str(s string) {
	e.uint(uint64(len(s)))
	e.b = append(e.b, s...)
}

func (e *encoder) bool(v bool) {
	if v {
		e.uint(1)
	} else {
		e.uint(0)
	}
}

func (e *encoder) ascending(list []int64) {
	e.uint(uint64(len(list)))
	prev := int64(0)
	for _, v := range list {
		e.int(v - prev)
		prev = v
	}
}

func (e *encoder) item(it *item) {
	e.uint(uint64(it.component))
	e.uint(uint64(it.form) | uint64(it.match)<<2 | uint64(it.busy)<<6)
	if it.form == ical.ZonedForm {
		e.uint(uint64(it.zone))
	}
	e.int(it.wall)
	e.int(it.days)
	e.int(it.secs)
}

// rules writes bound rules: their parts, and the end that COUNT or UNTIL came to.
func (e *encoder) rules(list []boundRule) {
	e.uint(uint64(len(list)))
	for i := range list {
		b := &list[i]
		r := b.rule
		e.uint(uint64(r.freq) | uint64(r.wkst)<<3)
		if e.scaled {
			e.uint(uint64(r.scale) | uint64(r.skip)<<4)
		}
		e.uint(uint64(r.interval))
		e.bool(b.infinite)
		if !b.infinite {
			e.int(b.until - b.start)
			e.bool(b.untilInstant != noWall)
			if b.untilInstant != noWall {
				e.int(b.untilInstant - b.until)
			}
		}
		parts := uint64(0)
		for i, list := range r.lists() {
			if *list != nil {
				parts |= 1 << i
			}
		}
		if r.byDay != nil {
			parts |= 1 << len(r.lists())
		}
		e.uint(parts)
		for _, list := range r.lists() {
			if *list != nil {
				e.uint(uint64(len(*list)))
				for _, v := range *list {
					e.int(int64(v))
				}
			}
		}
		if r.byDay != nil {
			e.uint(uint64(len(r.byDay)))
			for _, wd := range r.byDay {
				e.int(int64(wd.n)*8 + int64(wd.day))
			}
		}
	}
}

// lists names the number lists of a rule in their stored order.
func (r *Rule) lists() [8]*[]int16 {
	return [8]*[]int16{&r.byMonth, &r.byMonthDay, &r.byYearDay, &r.byWeekNo, &r.byHour, &r.byMinute, &r.bySecond, &r.bySetPos}
}

// listLimits are the values each of them may hold; negative ones too where signed. The guard holds them to less.
var listLimits = [8]struct {
	lo, hi int64
	signed bool
}{{1, leapMonth + 12, false}, {1, 31, true}, {1, 385, true}, {1, 55, true}, {0, 23, false}, {0, 59, false}, {0, 59, false}, {1, 366, true}}
