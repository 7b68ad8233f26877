package recur

import (
	"encoding/binary"
	"slices"
	"time"
)

// derive works out how far instances reach, which tells a walk where to begin and when to stop.
func (s *Series) derive() {
	s.span, s.dateSpan, s.ahead, s.back = 0, 0, 0, 0
	if s.master == nil {
		return
	}
	s.span = length(s.master.days, s.master.secs)
	for i := range s.overrides {
		o := &s.overrides[i]
		if !o.future {
			continue
		}
		s.span = max(s.span, length(o.days, o.secs))
		s.ahead = max(s.ahead, o.wall-o.base+2*near)
		s.back = max(s.back, o.base-o.wall+2*near)
	}
	for i := range s.rdates {
		if r := &s.rdates[i]; r.period {
			s.dateSpan = max(s.dateSpan, length(r.days, r.secs))
		}
	}
}

// length bounds the seconds that nominal days and exact seconds can last.
func length(days, secs int64) int64 {
	n := max(days, 0)*daySeconds + max(secs, 0) + 1
	if days != 0 {
		n += near
	}
	return n
}

// findBounds encloses every instance. EXDATEs are not taken into account.
func (s *Series) findBounds() Bounds {
	b := Bounds{First: endless, Last: -endless, Floating: true, Recurring: s.recurring}
	any, mixed := false, false
	see := func(it *item) {
		any = true
		if s.floats(it) {
			mixed = true
		} else {
			b.Floating = false
		}
	}
	if s.master != nil {
		see(s.master)
	}
	for i := range s.overrides {
		see(&s.overrides[i].item)
	}
	for i := range s.singles {
		see(&s.singles[i])
	}
	if !any {
		b.Floating = false
		return b
	}
	mixed = mixed && !b.Floating

	add := func(it *item, start, end, slack int64) {
		lo, hi := it.match.touch(start, end)
		if mixed && s.floats(it) {
			slack += near
		}
		b.First = min(b.First, saturate(lo, -slack*1e6))
		b.Last = max(b.Last, saturate(hi, slack*1e6))
	}
	for i := range s.singles {
		it := &s.singles[i]
		start, end := s.place(it, it.wall, it.days, it.secs, time.UTC)
		add(it, start, end, 0)
	}
	for i := range s.overrides {
		o := &s.overrides[i]
		start, end := s.place(&o.item, o.wall, o.days, o.secs, time.UTC)
		add(&o.item, start, end, 0)
	}
	if m := s.master; m != nil {
		slack := int64(0)
		if s.ahead > 0 || s.back > 0 {
			slack = max(s.ahead, s.back) + s.span
		}
		at := func(wall, days, secs, slack int64) {
			start, end := s.place(m, wall, days, secs, time.UTC)
			add(m, start, end, slack)
		}
		// DTSTART, unless an override or an EXDATE has its place and it would widen bounds that must be exact.
		if key := s.key(m.wall); len(s.rules) > 0 || len(s.rdates) > 0 || !s.replaced(key, m.wall) {
			at(m.wall, m.days, m.secs, slack)
		}
		for i := range s.rdates {
			r := &s.rdates[i]
			if r.period {
				at(r.wall, r.days, r.secs, slack+near)
			} else {
				at(r.wall, m.days, m.secs, slack+near)
			}
		}
		for i := range s.rules {
			r := &s.rules[i]
			more := slack
			if loc := s.location(m); loc != time.UTC && (r.rule.freq >= Hourly || len(r.times) > 1) {
				more += near // around a change of clocks the last to start may not be the last to end
			}
			switch last, ok := r.last(); {
			case r.infinite:
				b.Infinite = true
				at(m.wall, m.days, m.secs, more)
			case ok:
				at(m.wall, m.days, m.secs, more)
				at(last, m.days, m.secs, more)
			}
		}
	}
	if b.Infinite || b.Last == endless {
		b.Infinite, b.Last = true, endless
	}
	return b
}

func (s *Series) replaced(key, wall int64) bool {
	_, overridden := s.findOverride(key)
	return overridden || s.excluded(key, wall)
}

// zoneFile writes a zone of the object's own as a zone file (RFC 9636) that holds for the series: from before its first
// instance until after its last, at most to 2100. Go's locations do not tell what they were made from.
func zoneFile(loc *time.Location, b Bounds) []byte {
	first := max(b.First/1e6, minWall) - 400*daySeconds
	last := min(b.Last/1e6, zoneHorizon) + 400*daySeconds
	if b.First > b.Last {
		first, last = 0, 0
	}
	type change struct {
		at     int64
		offset int
	}
	var changes []change
	t := time.Unix(first, 0).In(loc)
	_, offset := t.Zone()
	offsets := []int{offset}
	for len(changes) < 1000 {
		_, end := t.ZoneBounds()
		if end.IsZero() || end.Unix() > last {
			break
		}
		if !end.After(t) { // Go ends a leap year too early once past the listed changes
			end = t.Add(24 * time.Hour)
		}
		t = end
		if _, o := t.Zone(); o != offset {
			offset = o
			changes = append(changes, change{end.Unix(), o})
			if !slices.Contains(offsets, o) && len(offsets) < 255 {
				offsets = append(offsets, o)
			}
		}
	}
	header := func(dst []byte, times, types int) []byte {
		dst = append(dst, "TZif2\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
		for _, n := range [...]int{0, 0, 0, times, types, 2} {
			dst = binary.BigEndian.AppendUint32(dst, uint32(n))
		}
		return dst
	}
	// Go reads the second half only; the first is empty but for the one type it must have.
	dst := append(header(nil, 0, 1), 0, 0, 0, 0, 0, 0, '-', 0)
	dst = header(dst, len(changes), len(offsets))
	for _, c := range changes {
		dst = binary.BigEndian.AppendUint64(dst, uint64(c.at))
	}
	for _, c := range changes {
		dst = append(dst, byte(max(0, slices.Index(offsets, c.offset))))
	}
	for _, o := range offsets {
		dst = append(binary.BigEndian.AppendUint32(dst, uint32(int32(o))), 0, 0)
	}
	return append(dst, '-', 0, '\n', '\n')
}

// zoneHorizon is 2100-01-01.
const zoneHorizon = 4102444800
