package zone

import (
	"sort"
	"time"

	"kalends/ical"
)

// farthest is more than any two readings of one wall clock in one zone lie apart (Apia and Manila went once around, 24 h).
const farthest = 26 * 3600

// Instant gives the instant at which the wall clock of loc shows what wall shows in UTC (its own location is not looked at).
//
// RFC 5545 section 3.3.5: a time that occurs twice means the first of the two; a time that does not occur is read with the
// UTC offset before the gap, so that 02:30 in a gap from 02:00 to 03:00 becomes 03:30.
func Instant(wall time.Time, loc *time.Location) time.Time {
	_, offset := wall.Zone()
	u := wall.Unix() + int64(offset)
	ns := int64(wall.Nanosecond())
	if loc == nil || loc == time.UTC {
		return time.Unix(u, ns).UTC()
	}
	if t := tableOf(loc); t != nil && u < t.until {
		return time.Unix(t.instant(u), ns).In(loc)
	}
	return time.Unix(instant(u, loc), ns).In(loc)
}

// instant walks the periods of loc that may hold the wall time u, the first of them first.
func instant(u int64, loc *time.Location) int64 {
	at := u - farthest
	off, end, more := period(at, loc)
	for more {
		t := u - off
		if t < end {
			return t
		}
		next, nextEnd, nextMore := period(end, loc)
		if u-next < end {
			return t // in the gap
		}
		off, end, more = next, nextEnd, nextMore
	}
	return u - off
}

// period gives the offset at the instant at, and the end of a stretch in which it holds; more is false if it holds for ever.
// The stretch may be shorter than the real one: past the last transition of a zone file Go ends it with the year.
func period(at int64, loc *time.Location) (off, end int64, more bool) {
	t := time.Unix(at, 0).In(loc)
	_, o := t.Zone()
	_, e := t.ZoneBounds()
	if e.IsZero() {
		return int64(o), 0, false
	}
	end = e.Unix()
	if end <= at { // Go takes every such year for one of 365 days
		end = at + 24*3600
	}
	return int64(o), end, true
}

// Wall gives what the wall clock of loc shows at t, as a time in UTC.
func Wall(t time.Time, loc *time.Location) time.Time {
	if loc == nil || loc == time.UTC {
		return t.UTC()
	}
	sec := t.Unix()
	var off int64
	if tab := tableOf(loc); tab != nil && sec < tab.until {
		off = tab.offset(sec)
	} else {
		_, o := t.In(loc).Zone()
		off = int64(o)
	}
	return time.Unix(sec+off, int64(t.Nanosecond())).UTC()
}

// table is a zone as two slices. Go's own look-up parses the rule of the zone anew for every time after its last listed
// transition (2007 for New York), and bounds cost as much again; expanding recurrences asks thousands of times.
type table struct {
	times   []int64 // ascending instants at which the offset changes
	offsets []int64 // offsets[i] holds before times[i]; one more than times
	until   int64   // the table says nothing about instants and wall times from here on
}

// The years a table covers: LMT was in use before, and rules are only guessed at after.
var (
	tableFrom  = time.Date(1800, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	tableUntil = time.Date(2101, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
)

// tableOf returns the table of a location that came from Load, else nil: the tables of locations made from
// VTIMEZONEs would have to be forgotten again.
func tableOf(loc *time.Location) *table {
	v, ok := byLocation.Load(loc)
	if !ok {
		return nil
	}
	z := v.(*loadedZone)
	z.tableOnce.Do(func() { z.table = newTable(z.loc) })
	return z.table
}

func newTable(loc *time.Location) *table {
	t := &table{until: tableUntil - 2*farthest}
	off, end, more := period(tableFrom, loc)
	t.offsets = append(t.offsets, off)
	for more && end < tableUntil {
		at := end
		off, end, more = period(at, loc)
		if off != t.offsets[len(t.offsets)-1] {
			t.times = append(t.times, at)
			t.offsets = append(t.offsets, off)
		}
	}
	return t
}

// at is the index of the period that holds sec.
func (t *table) at(sec int64) int {
	return sort.Search(len(t.times), func(i int) bool { return t.times[i] > sec })
}

func (t *table) offset(sec int64) int64 { return t.offsets[t.at(sec)] }

// instant is the same walk as the function instant.
func (t *table) instant(u int64) int64 {
	for i := t.at(u - farthest); ; i++ {
		at := u - t.offsets[i]
		if i == len(t.times) || at < t.times[i] || u-t.offsets[i+1] < t.times[i] {
			return at
		}
	}
}

// After gives the instant a duration after another, or before it where the duration is negative: its days by the wall clock of loc, then
// the rest as it passes (RFC 5545 section 3.3.6).
func After(t time.Time, d ical.Duration, loc *time.Location) time.Time {
	days, exact := d.Days, d.Time
	if d.Negative {
		days, exact = -days, -exact
	}
	if days != 0 {
		t = Instant(Wall(t, loc).AddDate(0, 0, days), loc)
	}
	return t.Add(exact)
}
