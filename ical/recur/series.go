package recur

import (
	"math"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
)

// A Series is all that happens by one calendar object: its master component with RRULE, RDATE, EXDATE and EXRULE, and
// its overrides (RFC 5545 section 3.8.4.4), or overrides alone (RFC 4791 section 4.1). It is made by Compile from
// iCalendar and by Decode from bytes, never changes, and may be used by several goroutines at once.
//
// What it answers follows RFC 4791 section 9.9 for VEVENT, VTODO, VJOURNAL and VFREEBUSY. Three choices where the
// standards leave one: DTSTART is an instance even when the rule does not produce it; an EXDATE removes an instance
// even when there is an override for it; an override for an instance that the rules do not produce is an instance.
type Series struct {
	kind      kind
	recurring bool
	zones     []zoneRef
	master    *item // nil in a series of overrides alone
	rules     []boundRule
	exrules   []boundRule
	rdates    []rdate    // ascending by wall
	exdates   []int64    // keys, ascending
	exdays    []int64    // day numbers in the master's zone, ascending: EXDATE;VALUE=DATE for a master with times
	overrides []override // ascending by key
	singles   []item     // instances that are part of no recurrence: the periods of a VFREEBUSY
	bounds    Bounds

	moving   bool  // an override has RANGE=THISANDFUTURE
	dateSpan int64 // upper bound of seconds from start to end of RDATEs that are periods
}

// Busy says what an instance does to the free-busy time of the calendar's owner.
type Busy uint8

// The values of FBTYPE (RFC 5545 section 3.2.9).
const (
	Free        Busy = iota
	Occupied         // BUSY
	Tentative        // BUSY-TENTATIVE
	Unavailable      // BUSY-UNAVAILABLE
)

// String gives the value of FBTYPE.
func (b Busy) String() string {
	return [...]string{"FREE", "BUSY", "BUSY-TENTATIVE", "BUSY-UNAVAILABLE"}[min(b, Unavailable)]
}

// An Instance is one happening of a calendar object.
type Instance struct {
	// Component is the place of the component that describes the instance among the object's components other than
	// VTIMEZONE, counted from 0: its master, or an override.
	Component int
	// RecurrenceID names the instance, in the form and zone of the master's DTSTART; of an object without a master, as
	// the override gives it. Its Wall is the zero time when the object does not recur.
	RecurrenceID ical.DateTime
	// Start and End are instants in UTC; of floating and all-day instances, in the zone the caller gave.
	// Of a VTODO with DUE alone both are the due time. Of one without DTSTART and DUE they are what it has of
	// CREATED and COMPLETED, else the zero time.
	Start, End time.Time
	AllDay     bool
	Floating   bool // the instants depend on the caller's zone; so of every all-day instance
	Busy       Busy
}

// Bounds enclose all instances of a series: none touches a window that begins at or after Last or ends at or before
// First. For objects that do not recur the reverse holds too. A series without any instance has First > Last.
type Bounds struct {
	First, Last int64 // µs since 1970 in UTC, or on the wall clock when Floating
	Floating    bool  // every instance floats
	Recurring   bool
	Infinite    bool // there is no last instance; Last is math.MaxInt64
}

// kind is the sort of component, which decides how instances touch a window.
type kind uint8

const (
	noKind kind = iota
	event
	todo
	journal
	freebusy
)

var kindNames = [...]string{"", "VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY"}

// zoneRef is a time zone the object names.
type zoneRef struct {
	tzid string // as the object writes it
	name string // the IANA name, or ""
	data []byte // a zone file when there is no name; empty for a TZID that nobody can resolve
	loc  *time.Location
}

// item is one component, or one period of a VFREEBUSY: when it starts and how long it lasts.
type item struct {
	component int
	form      ical.Form
	zone      int // of a ZonedForm: index into zones
	wall      int64
	days      int64 // nominal days first …
	secs      int64 // … then exact seconds (RFC 5545 section 3.3.6)
	match     match
	busy      Busy
}

// match is a row of the tables in RFC 4791 section 9.9.
type match uint8

const (
	matchSpan         match = iota // start < end of item, end > its start; at one point in time: start <= it
	matchTodoDuration              // VTODO with DTSTART and DURATION: its end belongs to it
	matchTodoDue                   // VTODO with DTSTART and DUE
	matchDue                       // VTODO with DUE alone: from before until it
	matchClosed                    // VTODO with COMPLETED: both ends belong to it
	matchFrom                      // VTODO with CREATED alone: for ever
	matchAlways                    // VTODO with nothing
	matchPublished                 // VFREEBUSY with DTSTART and DTEND: its end belongs to it
	lastMatch
)

// timeless reports whether the item is a VTODO with neither DTSTART nor DUE, which cannot recur.
func (it *item) timeless() bool {
	return it.match == matchClosed || it.match == matchFrom || it.match == matchAlways
}

// override is a component with RECURRENCE-ID.
type override struct {
	item
	key    int64 // which instance, see Series.key
	base   int64 // the wall time of that instance as the master has it
	future bool  // RANGE=THISANDFUTURE
	rid    ical.DateTime
}

// rdate is one value of RDATE.
type rdate struct {
	wall, key  int64
	period     bool // it has its own length
	days, secs int64
}

// boundRule is a rule bound to the master's DTSTART. Of an UNTIL in UTC, the plan ends a little late and instants are
// compared, because around a change of clocks no one wall time says the same.
type boundRule struct {
	*plan
	untilInstant int64 // noWall when there is none
	loc          *time.Location
	infinite     bool
}

// near is more than a wall time can differ from its instant, and more than a clock can be set forward or back.
const near = 26 * 3600

// ruleCursor is a cursor that compares UNTIL as an instant.
type ruleCursor struct {
	cursor
	rule *boundRule
}

func (b *boundRule) cursor(from int64) cursor {
	c := b.plan.cursor(from)
	if b.untilInstant == noWall {
		return c
	}
	return &ruleCursor{c, b}
}

func (c *ruleCursor) next() (int64, bool) {
	for {
		w, ok := c.cursor.next()
		if !ok || w < c.rule.untilInstant-near || toInstant(w, c.rule.loc) <= c.rule.untilInstant {
			return w, ok
		}
	}
}

func toInstant(wall int64, loc *time.Location) int64 {
	if loc == time.UTC {
		return wall
	}
	return zone.Instant(fromWall(wall), loc).Unix()
}

func wallAt(instant int64, loc *time.Location) int64 {
	if loc == time.UTC {
		return instant
	}
	return zone.Wall(fromWall(instant), loc).Unix()
}

// location is where the clock of an item hangs: nil when it floats.
func (s *Series) location(it *item) *time.Location {
	switch it.form {
	case ical.UTCForm:
		return time.UTC
	case ical.ZonedForm:
		return s.zones[it.zone].loc
	}
	return nil
}

func (s *Series) floats(it *item) bool { return s.location(it) == nil }

// place gives the instants at which an item starts and ends when its wall time is the given one.
func (s *Series) place(it *item, wall, days, secs int64, floating *time.Location) (start, end int64) {
	loc := s.location(it)
	if loc == nil {
		loc = floating
	}
	start = toInstant(wall, loc)
	if days == 0 {
		return start, start + secs
	}
	if it.form != ical.DateForm {
		wall = wallAt(start, loc) // it differs when start lies in a gap
	}
	return start, toInstant(clampWall(wall+days*daySeconds), loc) + secs
}

func clampWall(w int64) int64 { return min(max(w, minWall), maxWall) }

// key identifies an instance of the master by its instant, or by its wall time when the master floats.
func (s *Series) key(wall int64) int64 {
	if loc := s.location(s.master); loc != nil {
		return toInstant(wall, loc)
	}
	return wall
}

// touch gives the half-open interval of µs that an item occupies for the tables of RFC 4791 section 9.9: it matches a
// window [a, b) when lo < b and hi > a. The tables differ in < and <=, which a µs more or less expresses.
func (m match) touch(start, end int64) (lo, hi int64) {
	lo, hi = start*1e6, end*1e6
	switch m {
	case matchSpan:
		hi = max(hi, lo+1)
	case matchTodoDuration:
		hi++
		if end <= start {
			lo--
		}
	case matchTodoDue:
		if end <= start {
			lo, hi = hi-1, lo+1
		}
	case matchDue:
		lo--
	case matchClosed:
		lo--
		hi++
	case matchFrom:
		hi = endless
	case matchAlways:
		lo, hi = -endless, endless
	case matchPublished:
		hi++
	}
	return lo, hi
}

const endless = int64(math.MaxInt64)

// Bounds gives the interval that holds all instances.
func (s *Series) Bounds() Bounds { return s.bounds }

// Recurring reports whether the object has recurrences or overrides, so that its instances need a RECURRENCE-ID.
func (s *Series) Recurring() bool { return s.recurring }

// Component gives the name of the object's components, VEVENT for example, or "" when it has none that happens.
func (s *Series) Component() string { return kindNames[s.kind] }

// Zones lists the IANA zones whose rules the series depends on; they are looked up anew at every Decode.
func (s *Series) Zones() []string {
	var names []string
	for i := range s.zones {
		if s.zones[i].name != "" {
			names = append(names, s.zones[i].name)
		}
	}
	return names
}
