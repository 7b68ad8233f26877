package recur

import (
	"encoding/binary"
	"slices"
	"time"
)

// derive works out what a walk must know of the exceptions.
func (s *Series) derive() {
	s.moving, s.dateSpan = false, 0
	for i := range s.overrides {
		s.moving = s.moving || s.overrides[i].future
	}
	for i := range s.rdates {
		if r := &s.rdates[i]; r.period {
			s.dateSpan = max(s.dateSpan, length(r.days, r.secs))
		}
	}
}

// inverted is how long before its start an item ends: a VTODO with DUE before DTSTART. RFC 4791 section 9.9 makes it
// match from one to the other.
func (it *item) inverted() int64 {
	if n := -(it.days*daySeconds + it.secs); n > 0 {
		return n + near
	}
	return 0
}

func (it *item) length() int64 { return length(it.days, it.secs) }

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
	if s.master != nil {
		b.Infinite = s.boundMaster(add)
	}
	if b.Infinite || b.Last == endless {
		b.Infinite, b.Last = true, endless
	}
	return b
}

// boundMaster adds the instances of the master, each or their first and last, and reports whether there is no last.
func (s *Series) boundMaster(add func(it *item, start, end, slack int64)) (infinite bool) {
	m := s.master
	at := func(it *item, wall, days, secs, slack int64) {
		start, end := s.place(it, clampWall(wall), days, secs, time.UTC)
		add(it, start, end, slack)
	}
	for i := range s.rdates {
		if r := &s.rdates[i]; r.period {
			at(m, r.wall, r.days, r.secs, near)
		}
	}
	if len(s.rules) == 0 && len(s.rdates) == 0 {
		// Bounds must be exact here, so what replaces DTSTART must not leave its place in them.
		if !s.replaced(s.key(m.wall), m.wall) {
			at(m, m.wall, m.days, m.secs, 0)
		}
		return false
	}
	first, last, slack := m.wall, m.wall, int64(0)
	for i := range s.rdates {
		first, last = min(first, s.rdates[i].wall), max(last, s.rdates[i].wall)
		slack = near // the second of two equal wall times
	}
	for i := range s.rules {
		r := &s.rules[i]
		if s.location(m) != time.UTC && (r.rule.freq >= Hourly || len(r.times) > 1) {
			slack = near // around a change of clocks the last to start may not be the last to end
		}
		infinite = infinite || r.infinite
		if end, ok := r.last(); ok && !r.infinite {
			last = max(last, end)
		}
	}
	if infinite {
		last = maxWall
	}
	s.segments(func(seg segment, _ bool) bool {
		if from, to := max(first, seg.from), min(last, seg.to); from <= to {
			if s.moving {
				slack = 2 * near
			}
			at(seg.it, from+seg.shift, seg.it.days, seg.it.secs, slack)
			at(seg.it, to+seg.shift, seg.it.days, seg.it.secs, slack)
		}
		return true
	})
	return infinite
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
