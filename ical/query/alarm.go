package query

import (
	"strconv"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
)

// maxRepeat bounds REPEAT: more would be no reminder.
const maxRepeat = 100_000

// alarmTest asks that one of the triggers rings in the range.
type alarmTest struct {
	rng      TimeRange
	triggers []trigger
}

// trigger is when a VALARM rings, relative to an instance (RFC 5545 section 3.8.6.3), with its repetitions
// (section 3.8.6.2).
type trigger struct {
	offset  ical.Duration
	fromEnd bool
	repeat  int64
	every   int64 // seconds
}

// alarms collects the VALARMs of c that satisfy a filter but for its range. ok is true when a trigger that is a
// time of its own is in the range; triggers relative to instances come in the test.
func (m *matcher) alarms(f *CompFilter, c *ical.Component) (test alarmTest, ok bool) {
	test.rng = *f.Range
	for a := range c.Components("VALARM") {
		if match, _ := m.comp(f, a); !match {
			continue
		}
		p := a.Prop("TRIGGER")
		if p == nil {
			continue
		}
		var t trigger
		t.repeat, t.every = repeats(a)
		offset, err := ical.ParseDuration(p.Value())
		if err != nil {
			if at, err := p.DateTime(); err == nil && t.in(m.instant(at), test.rng) {
				return alarmTest{}, true
			}
			continue
		}
		if timeless(c) {
			continue
		}
		t.offset, t.fromEnd = offset, strings.EqualFold(p.Param("RELATED"), "END")
		test.triggers = append(test.triggers, t)
	}
	return test, false
}

// timeless reports whether a VTODO has nothing that its alarms could be relative to.
func timeless(c *ical.Component) bool {
	return c.Name() == "VTODO" && c.Prop("DTSTART") == nil && c.Prop("DUE") == nil && c.Prop("RECURRENCE-ID") == nil
}

func repeats(alarm *ical.Component) (n, every int64) {
	n, err := strconv.ParseInt(strings.TrimSpace(alarm.Value("REPEAT")), 10, 64)
	if err != nil || n <= 0 {
		return 0, 0
	}
	d, err := ical.ParseDuration(alarm.Value("DURATION"))
	if every = seconds(d); err != nil || d.Negative || every <= 0 {
		return 0, 0
	}
	return min(n, maxRepeat), every
}

// seconds is the length of a duration with days of 24 hours, without its sign.
func seconds(d ical.Duration) int64 { return int64(d.Days)*86400 + int64(d.Time/time.Second) }

// in reports whether a trigger whose first ring is at t rings in the range.
func (t *trigger) in(first time.Time, r TimeRange) bool {
	if t.repeat > 0 && !r.Start.IsZero() && first.Before(r.Start) {
		wait := r.Start.Unix() - first.Unix()
		if r.Start.Nanosecond() > 0 {
			wait++
		}
		n := (wait + t.every - 1) / t.every
		if n > t.repeat {
			return false
		}
		first = time.Unix(first.Unix()+n*t.every, 0)
	}
	return r.Contains(first)
}

// ringing returns a range that holds start or end of every instance whose alarms can pass the tests: all of them, or
// one with anyOf.
func ringing(tests []alarmTest, anyOf bool) (w TimeRange) {
	some := false
	for i := range tests {
		r := tests[i].rng
		for _, t := range tests[i].triggers {
			lo, hi := seconds(t.offset), seconds(t.offset)
			if t.offset.Negative {
				lo, hi = -lo, -hi
			}
			hi += t.repeat * t.every
			v := TimeRange{shift(r.Start, -hi, -slack), shift(r.End, -lo, slack)}
			if some {
				v = w.hull(v)
			}
			w, some = v, true
		}
		if !anyOf {
			break
		}
	}
	return w
}

// shift moves one end of a range, and leaves it open where no calendar reaches.
func shift(t time.Time, secs int64, more time.Duration) time.Time {
	if t.IsZero() {
		return t
	}
	u := t.Unix() + secs
	if u < -62e9 || u > 250e9 {
		return time.Time{}
	}
	return time.Unix(u, int64(t.Nanosecond())).Add(more).UTC()
}

// rings reports whether an instance passes the candidate's alarm tests.
func (m *matcher) rings(c *candidate, anyOf bool, in recur.Instance) (bool, error) {
	if len(c.alarms) == 0 {
		return true, nil
	}
	for i := range c.alarms {
		test := &c.alarms[i]
		if m.checks += len(test.triggers); m.checks > maxChecks {
			return false, recur.ErrTooMany
		}
		if m.ringsIn(test, c.comp, in) == anyOf {
			return anyOf, nil
		}
	}
	return !anyOf, nil
}

func (m *matcher) ringsIn(test *alarmTest, comp *ical.Component, in recur.Instance) bool {
	for i := range test.triggers {
		t := &test.triggers[i]
		at := in.Start
		if t.fromEnd {
			at = in.End
		}
		if at.IsZero() {
			continue
		}
		loc := m.floating
		if t.offset.Days != 0 && !in.Floating {
			if l := m.location(startOf(comp)); l != nil {
				loc = l
			}
		}
		if t.in(zone.After(at, t.offset, loc), test.rng) {
			return true
		}
	}
	return false
}

// startOf is the time on whose clock a component lives; without any it is UTC.
func startOf(comp *ical.Component) ical.DateTime {
	for _, name := range [...]string{"DTSTART", "DUE", "RECURRENCE-ID"} {
		if p := comp.Prop(name); p != nil {
			if d, err := p.DateTime(); err == nil {
				return d
			}
		}
	}
	return ical.DateTime{Form: ical.UTCForm}
}
