package recur

import (
	"time"

	"kalends/ical"
	"kalends/ical/zone"
)

// Next gives the first instance that starts after a time.
func (s *Series) Next(after time.Time, floating *time.Location) (Instance, bool) {
	t := micros(after)
	for span := int64(40 * daySeconds); ; span *= 16 {
		// What RANGE=THISANDFUTURE has moved is collected for a whole window before the first of it is known.
		end, last := saturate(t, span*1e6), false
		if last = !s.moving || end > maxWall*1e6; last {
			end = endless
		}
		w := s.walk(t, end, floating)
		for f, ok := w.next(); ok; f, ok = w.next() {
			if f.start*1e6 > t && f.it.match != matchAlways {
				return w.instance(f), true
			}
		}
		if last || w.spent {
			return Instance{}, false
		}
	}
}

// Last gives the end of the last instance, and false when there is none or no last one.
func (s *Series) Last(floating *time.Location) (time.Time, bool) {
	b := s.bounds
	if b.Infinite || b.First > b.Last {
		return time.Time{}, false
	}
	for span := int64(daySeconds + 2*near); ; span *= 8 {
		lo := b.Last - span*1e6
		w := s.walk(lo, endless, floating)
		last, any := int64(0), false
		for f, ok := w.next(); ok; f, ok = w.next() {
			last, any = max(last, f.end), true
		}
		switch {
		case any:
			return time.Unix(last, 0).UTC(), true
		case w.spent:
			return time.UnixMicro(b.Last).UTC(), true
		case lo < b.First:
			return time.Time{}, false
		}
	}
}

// Lookup finds the instance that a RECURRENCE-ID names; it may be written in another zone than DTSTART. It is
// false when the rules produce no such instance and no override has it.
func (s *Series) Lookup(rid ical.DateTime, floating *time.Location) (Instance, bool) {
	w := s.newWalker(floating)
	loc, wall := s.named(rid), toWall(rid.Wall)
	if s.master == nil {
		key := wall
		if loc != nil {
			key = toInstant(wall, loc)
		}
		return s.lookupOverride(w, key)
	}
	key, base := s.identify(rid.Form, loc, wall)
	if in, ok := s.lookupOverride(w, key); ok {
		return in, true
	}
	if s.excluded(key, base) {
		return Instance{}, false
	}
	s.segments(func(seg segment, _ bool) bool {
		w.seg = seg
		return key >= seg.before
	})
	w.seg.from, w.seg.to = base-near, base+near
	w.begin(w.seg)
	for {
		at, k, rd, ok := w.recurrence()
		if !ok {
			return Instance{}, false
		}
		if k == key {
			f, _ := w.resolve(at, k, rd)
			return w.instance(f), true
		}
	}
}

func (s *Series) lookupOverride(w *walker, key int64) (Instance, bool) {
	i, ok := s.findOverride(key)
	if !ok {
		return Instance{}, false
	}
	o := &s.overrides[i]
	f := found{key: key, wall: o.base, it: &o.item, over: o}
	f.start, f.end = s.place(&o.item, o.wall, o.days, o.secs, w.floating)
	return w.instance(f), true
}

// named is the zone of a value from outside the object, nil when it floats.
func (s *Series) named(d ical.DateTime) *time.Location {
	switch d.Form {
	case ical.UTCForm:
		return time.UTC
	case ical.ZonedForm:
		for i := range s.zones {
			if s.zones[i].tzid == d.TZID {
				return s.zones[i].loc
			}
		}
		if name, ok := zone.Canonical(d.TZID); ok {
			loc, _ := zone.Load(name)
			return loc
		}
	}
	return nil
}

// identify gives key and wall time, as the master has them, of an instance that is named by a time of some form, with
// loc nil when it floats.
func (s *Series) identify(form ical.Form, loc *time.Location, wall int64) (key, base int64) {
	m := s.master
	home := s.location(m)
	switch {
	case m.form == ical.DateForm: // by date, whatever else is said
		wall = dayOf(wall) * daySeconds
		return wall, wall
	case form == ical.DateForm: // the master's time on that day
		wall = dayOf(wall)*daySeconds + floorMod(m.wall, daySeconds)
		return s.key(wall), wall
	case home == nil:
		return wall, wall
	case loc == nil || loc == home:
		return s.key(wall), wall
	}
	key = toInstant(wall, loc)
	return key, wallAt(key, home)
}
