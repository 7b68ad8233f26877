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
// Recurrences come in the order of their wall times. Starts come nearly so: clocks are set back and forward, and
// RANGE=THISANDFUTURE moves instances. So they wait in buf until nothing that follows can start before them.
type walker struct {
	s        *Series
	floating *time.Location
	lo, hi   int64

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
	slices.SortStableFunc(w.buf, func(a, b found) int { return cmp.Compare(a.start, b.start) })
	from := int64(minWall)
	if lo > minWall*1e6 {
		from = clampWall(floorDiv(lo, 1e6) - s.span - s.ahead - near)
	}
	w.begin(from)
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

// begin sets the sources of recurrences to a wall time.
func (w *walker) begin(from int64) {
	s := w.s
	if s.master == nil {
		w.ended = true
		return
	}
	w.wantStart = s.master.wall >= from
	if len(s.rdates) > 0 {
		w.rdate, _ = slices.BinarySearchFunc(s.rdates, from-s.dateSpan, func(r rdate, t int64) int { return cmp.Compare(r.wall, t) })
	}
	w.rules = w.heads[:0]
	for i := range s.rules {
		h := head{c: s.rules[i].cursor(from)}
		h.step()
		w.rules = append(w.rules, h)
	}
	for i := range s.exrules {
		h := head{c: s.exrules[i].cursor(from - s.dateSpan)}
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
	w.bound = first - s.back
	if loc := s.location(s.master); loc != time.UTC {
		w.bound -= near
	}
	if w.hi < endless && w.bound > floorDiv(w.hi, 1e6)+1 {
		w.ended = true
		return
	}
	if f.it != nil {
		w.insert(f)
	}
}

// recurrence gives the next wall time of the recurrence set that no EXDATE and no EXRULE removes. Several may have
// the same key.
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
		if wall == noWall {
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
		if !s.excluded(key, wall) && !w.ruledOut(wall) {
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

// resolve gives the instance of a recurrence, without an item when an override replaces it, and the instant at which
// the recurrence itself starts.
func (w *walker) resolve(wall, key int64, rd *rdate) (f found, first int64) {
	s := w.s
	it, at := s.master, wall
	if i, overridden := s.findOverride(key); overridden {
		first, _ = s.place(it, wall, 0, 0, w.floating)
		return found{}, first
	} else if o := s.future(i); o != nil {
		first, _ = s.place(it, wall, 0, 0, w.floating)
		f = found{key: key, wall: wall, it: &o.item, over: o}
		f.start, f.end = s.place(&o.item, clampWall(wall+o.wall-o.base), o.days, o.secs, w.floating)
		return f, first
	}
	days, secs := it.days, it.secs
	if rd != nil {
		at = rd.wall
		if rd.period {
			days, secs = rd.days, rd.secs
		}
	}
	f = found{key: key, wall: wall, it: it}
	f.start, f.end = s.place(it, at, days, secs, w.floating)
	if rd != nil && s.location(it) != nil && f.start != key { // the second of two equal wall times
		f.end += key - f.start
		f.start = key
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

// future finds the override with RANGE=THISANDFUTURE that governs instances after the overrides before i.
func (s *Series) future(i int) *override {
	if s.ahead == 0 && s.back == 0 {
		return nil
	}
	for i--; i >= 0; i-- {
		if s.overrides[i].future {
			return &s.overrides[i]
		}
	}
	return nil
}

// keep adds an instance without regard to order, if it touches the window.
func (w *walker) keep(f found) {
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
