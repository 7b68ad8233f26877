package recur

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"kalends/ical"
)

const (
	// MaxInstances is how many instances Between gives at most.
	MaxInstances = 10_000
	// maxScan bounds the recurrences one walk looks at, given or not.
	maxScan = 200_000
)

// Between gives the instances that touch the window [start, end) as RFC 4791 section 9.9 defines it, in order of their
// start. A zero start or end leaves the window open on that side. Floating times are read in the zone floating, UTC
// when it is nil. The last element has ErrTooMany when there are more than MaxInstances.
func (s *Series) Between(start, end time.Time, floating *time.Location) iter.Seq2[Instance, error] {
	return s.BetweenMax(start, end, floating, MaxInstances)
}

// BetweenMax is Between with a limit of the caller's.
func (s *Series) BetweenMax(start, end time.Time, floating *time.Location, limit int) iter.Seq2[Instance, error] {
	return func(yield func(Instance, error) bool) {
		lo, hi := -endless, endless
		if !start.IsZero() {
			lo = micros(start)
		}
		if !end.IsZero() {
			hi = micros(end)
		}
		if lo >= hi || !s.bounds.meet(lo, hi) {
			return
		}
		w := s.walk(lo, hi, floating)
		for n := 0; ; n++ {
			f, ok := w.next()
			switch {
			case !ok:
				if w.spent {
					yield(Instance{}, ErrTooMany)
				}
				return
			case n >= limit:
				yield(Instance{}, ErrTooMany)
				return
			case !yield(w.instance(f), nil):
				return
			}
		}
	}
}

// micros keeps years that no calendar has from overflowing.
func micros(t time.Time) int64 {
	sec := min(max(t.Unix(), minWall-near), maxWall+near)
	return sec*1e6 + int64(t.Nanosecond()/1e3)
}

// meet tells whether a window may hold instances at all; floating bounds may lie near to either side.
func (b Bounds) meet(lo, hi int64) bool {
	slack := int64(0)
	if b.Floating {
		slack = near * 1e6
	}
	return saturate(b.First, -slack) < hi && saturate(b.Last, slack) > lo && b.First <= b.Last
}

// saturate adds without overflow, and leaves what is endless alone.
func saturate(a, b int64) int64 {
	if a == endless || a == -endless {
		return a
	}
	return a + b
}

// found is an instance on its way out.
type found struct {
	start, end int64
	key, wall  int64
	it         *item
	over       *override // nil for instances of the master
	single     bool
}

// walker merges DTSTART, RDATEs, rules and overrides into one ascending stream.
//
// Recurrences come in the order of their wall times. Starts come nearly so, because clocks are set back and forward, so
// they wait in buf until nothing that follows can start before them. Overrides, and what RANGE=THISANDFUTURE moves from
// its place, except by the last of them, are all in buf from the beginning.
type walker struct {
	s        *Series
	floating *time.Location
	lo, hi   int64

	seg       segment
	wantStart bool
	rdate     int
	rules, ex []head

	buf     []found
	taken   int
	bound   int64 // nothing to come starts before
	ended   bool
	spent   bool
	scanned int
	one     [4]found
	heads   [2]head
}

// head is a cursor with the time it stands on.
type head struct {
	c    cursor
	wall int64
	ok   bool
}

func (h *head) step() { h.wall, h.ok = h.c.next() }

// A segment is a run of recurrences that look alike: those before the first override with RANGE=THISANDFUTURE, or
// those that such an override governs.
type segment struct {
	it            *item
	over          *override // nil in the first
	shift         int64     // seconds on the wall clock
	after, before int64     // keys, both exclusive
	from, to      int64     // wall times that hold all of these keys
}

// segments cuts the recurrence set at the overrides with RANGE=THISANDFUTURE.
func (s *Series) segments(yield func(seg segment, last bool) bool) {
	seg := segment{it: s.master, after: -endless, from: minWall}
	if s.moving {
		for i := range s.overrides {
			o := &s.overrides[i]
			if !o.future {
				continue
			}
			seg.before, seg.to = o.key, o.base+near
			if !yield(seg, false) {
				return
			}
			seg = segment{it: &o.item, over: o, shift: o.wall - o.base, after: o.key, from: o.base - near}
		}
	}
	seg.before, seg.to = endless, maxWall
	yield(seg, true)
}

// narrow leaves of a segment the wall times whose instances can touch the window.
func (w *walker) narrow(seg segment) segment {
	if w.lo > minWall*1e6 {
		seg.from = max(seg.from, floorDiv(w.lo, 1e6)-seg.it.length()-seg.shift-2*near)
	}
	if w.hi < maxWall*1e6 {
		seg.to = min(seg.to, ceilDiv(w.hi, 1e6)+seg.it.inverted()-seg.shift+2*near)
	}
	return seg
}

// walk starts a walk over the instances that occupy any of the µs in [lo, hi).
func (s *Series) walk(lo, hi int64, floating *time.Location) *walker {
	w := s.newWalker(floating)
	w.lo, w.hi = lo, hi
	for i := range s.singles {
		it := &s.singles[i]
		start, end := s.place(it, it.wall, it.days, it.secs, floating)
		w.keep(found{start: start, end: end, it: it, single: true})
	}
	for i := range s.overrides {
		o := &s.overrides[i]
		start, end := s.place(&o.item, o.wall, o.days, o.secs, floating)
		w.keep(found{start: start, end: end, key: o.key, wall: o.base, it: &o.item, over: o})
	}
	if s.master == nil {
		w.ended = true
	} else {
		s.segments(func(seg segment, last bool) bool {
			if seg = w.narrow(seg); seg.from > seg.to {
				w.ended = last
				return true
			}
			w.begin(seg)
			for !last {
				wall, key, rd, ok := w.recurrence()
				if !ok {
					return !w.spent
				}
				if f, _ := w.resolve(wall, key, rd); f.it != nil {
					w.keep(f)
				}
			}
			return true
		})
		w.ended = w.ended || w.spent
	}
	slices.SortStableFunc(w.buf, func(a, b found) int { return cmp.Compare(a.start, b.start) })
	if s.moving { // around a change of clocks two wall times may mean one instance
		w.buf = slices.CompactFunc(w.buf, func(a, b found) bool { return a.key == b.key && a.start == b.start && !a.single && !b.single })
	}
	return w
}

func (s *Series) newWalker(floating *time.Location) *walker {
	if floating == nil {
		floating = time.UTC
	}
	w := &walker{s: s, floating: floating}
	w.buf = w.one[:0]
	return w
}

// begin sets the sources of recurrences to a segment.
func (w *walker) begin(seg segment) {
	s := w.s
	w.seg = seg
	w.wantStart = s.master.wall >= seg.from
	first := seg.from
	if len(s.rdates) > 0 {
		if seg.over == nil {
			first -= s.dateSpan
		}
		w.rdate, _ = slices.BinarySearchFunc(s.rdates, first, func(r rdate, t int64) int { return cmp.Compare(r.wall, t) })
	}
	w.rules, w.ex = w.heads[:0], nil
	for i := range s.rules {
		h := head{c: s.rules[i].cursor(seg.from)}
		h.step()
		w.rules = append(w.rules, h)
	}
	for i := range s.exrules {
		h := head{c: s.exrules[i].cursor(first)}
		h.step()
		w.ex = append(w.ex, h)
	}
}

// next gives the next instance.
func (w *walker) next() (found, bool) {
	for {
		if w.taken < len(w.buf) && (w.ended || w.buf[w.taken].start < w.bound) {
			f := w.buf[w.taken]
			if w.taken++; w.taken > 1000 && w.taken > len(w.buf)/2 {
				w.buf = append(w.buf[:0], w.buf[w.taken:]...)
				w.taken = 0
			}
			return f, true
		}
		if w.ended {
			return found{}, false
		}
		w.advance()
	}
}

// advance looks at one recurrence and puts it into buf if it is wanted.
func (w *walker) advance() {
	s := w.s
	wall, key, rd, ok := w.recurrence()
	if !ok {
		w.ended = true
		return
	}
	f, first := w.resolve(wall, key, rd)
	w.bound = first - 2*near
	if s.location(s.master) == time.UTC && s.location(w.seg.it) == time.UTC {
		w.bound = first
	}
	if f.it != nil {
		w.insert(f)
	}
}

// recurrence gives the next wall time of the segment that no EXDATE and no EXRULE removes. Several may have the same
// key.
func (w *walker) recurrence() (wall, key int64, rd *rdate, ok bool) {
	s := w.s
	for {
		if w.scanned++; w.scanned > maxScan {
			w.spent = true
			return 0, 0, nil, false
		}
		wall, rd = noWall, nil
		if w.rdate < len(s.rdates) {
			rd = &s.rdates[w.rdate]
			wall = rd.wall
		}
		if w.wantStart && s.master.wall < wall {
			wall, rd = s.master.wall, nil
		}
		for i := range w.rules {
			if h := &w.rules[i]; h.ok && h.wall < wall {
				wall, rd = h.wall, nil
			}
		}
		if wall > w.seg.to {
			for i := range w.rules {
				w.spent = w.spent || w.rules[i].c.spent()
			}
			return 0, 0, nil, false
		}
		if rd != nil {
			w.rdate++
			key = rd.key
		} else {
			w.wantStart = w.wantStart && s.master.wall != wall
			for i := range w.rules {
				if h := &w.rules[i]; h.ok && h.wall == wall {
					h.step()
				}
			}
			key = s.key(wall)
		}
		if key > w.seg.after && key < w.seg.before && !s.excluded(key, wall) && !w.ruledOut(wall) {
			return wall, key, rd, true
		}
	}
}

// excluded applies EXDATE.
func (s *Series) excluded(key, wall int64) bool {
	if len(s.exdates) > 0 {
		if _, found := slices.BinarySearch(s.exdates, key); found {
			return true
		}
	}
	if len(s.exdays) > 0 {
		_, found := slices.BinarySearch(s.exdays, dayOf(wall))
		return found
	}
	return false
}

// ruledOut applies EXRULE. Walls must come in ascending order.
func (w *walker) ruledOut(wall int64) bool {
	for i := range w.ex {
		h := &w.ex[i]
		for h.ok && h.wall < wall && w.scanned <= maxScan {
			h.step()
			w.scanned++
		}
		if h.ok && h.wall == wall {
			return true
		}
	}
	return false
}

// resolve gives the instance of a recurrence of the segment, without an item when an override replaces it, and the
// instant at which it would start.
func (w *walker) resolve(wall, key int64, rd *rdate) (f found, first int64) {
	s, it := w.s, w.seg.it
	days, secs := it.days, it.secs
	if rd != nil && rd.period && w.seg.over == nil {
		days, secs = rd.days, rd.secs
	}
	f = found{key: key, wall: wall, it: it, over: w.seg.over}
	f.start, f.end = s.place(it, clampWall(wall+w.seg.shift), days, secs, w.floating)
	if rd != nil && w.seg.over == nil && s.location(it) != nil && f.start != key { // the second of two equal wall times
		f.end += key - f.start
		f.start = key
	}
	if _, overridden := s.findOverride(key); overridden {
		return found{}, f.start
	}
	return f, f.start
}

// findOverride finds the override of a key, or the place where it would be.
func (s *Series) findOverride(key int64) (int, bool) {
	if len(s.overrides) == 0 {
		return 0, false
	}
	return slices.BinarySearchFunc(s.overrides, key, func(o override, k int64) int { return cmp.Compare(o.key, k) })
}

// keep adds an instance without regard to order, if it touches the window.
func (w *walker) keep(f found) {
	if f.it.match == matchAlways { // its start is the zero time
		f.start, f.end = minWall, minWall
	}
	if lo, hi := f.it.match.touch(f.start, f.end); lo < w.hi && hi > w.lo {
		w.buf = append(w.buf, f)
	}
}

// insert adds an instance of the master where it belongs, if it touches the window and is not there yet.
func (w *walker) insert(f found) {
	if lo, hi := f.it.match.touch(f.start, f.end); lo >= w.hi || hi <= w.lo {
		return
	}
	i := len(w.buf)
	for i > w.taken && w.buf[i-1].start > f.start {
		i--
	}
	for j := i - 1; j >= w.taken && w.buf[j].start == f.start; j-- {
		if w.buf[j].key == f.key && !w.buf[j].single {
			return
		}
	}
	w.buf = slices.Insert(w.buf, i, f)
}

// instance fills in what the caller sees.
func (w *walker) instance(f found) Instance {
	s := w.s
	in := Instance{Component: f.it.component, Busy: f.it.busy, AllDay: f.it.form == ical.DateForm, Floating: s.floats(f.it)}
	in.Start, in.End = time.Unix(f.start, 0).UTC(), time.Unix(f.end, 0).UTC()
	switch {
	case f.it.match == matchAlways:
		in.Start, in.End = time.Time{}, time.Time{}
	case f.it.match == matchFrom:
		in.End = time.Time{}
	case in.Floating:
		in.Start, in.End = in.Start.In(w.floating), in.End.In(w.floating)
	}
	switch {
	case f.single || !s.recurring:
	case s.master == nil:
		in.RecurrenceID = f.over.rid
	default:
		in.RecurrenceID = ical.DateTime{Wall: fromWall(f.wall), Form: s.master.form}
		if s.master.form == ical.ZonedForm {
			in.RecurrenceID.TZID = s.zones[s.master.zone].tzid
		}
	}
	return in
}
