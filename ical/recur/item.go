package recur

import (
	"fmt"
	"time"

	"kalends/ical"
)

// item reads when a component starts and ends. rid is where it would start without a DTSTART; ok is false when it
// never happens.
func (c *compiler) item(comp *ical.Component, at int, rid *moment) (it item, ok bool, err error) {
	it = item{component: at}
	if c.kind == event {
		it.busy = busyOf(comp)
	}
	start, hasStart, err := c.read(comp, "DTSTART")
	if err != nil {
		return it, false, err
	}
	endName := "DTEND"
	if c.kind == todo {
		endName = "DUE"
	}
	end, hasEnd, err := c.read(comp, endName)
	if err != nil {
		return it, false, err
	}
	var dur ical.Duration
	hasDur := false
	if p := comp.Prop("DURATION"); p != nil && !hasEnd && c.kind != journal {
		if dur, err = ical.ParseDuration(p.Value()); err != nil {
			return it, false, fmt.Errorf("DURATION: %w", err)
		}
		hasDur = true
	}
	switch {
	case hasStart:
	case c.kind == todo && hasEnd:
		start, hasEnd = end, false
		it.match = matchDue
	case rid != nil: // a message that names an instance and no more
		start = *rid
		if c.master != nil {
			it.match, it.days, it.secs = c.master.match, c.master.days, c.master.secs
		}
		it.form, it.zone, it.wall = start.form, start.zone, start.wall
		return it, true, nil
	case c.kind == todo:
		return c.timeless(comp, it)
	default:
		return it, false, nil
	}
	it.form, it.zone, it.wall = start.form, start.zone, start.wall
	switch {
	case it.match == matchDue:
	case hasEnd && c.kind != journal:
		c.setEnd(&it, start, end)
	case hasDur:
		it.setDuration(dur)
		if c.kind == todo {
			it.match = matchTodoDuration
		}
	}
	if it.form == ical.DateForm && c.kind != todo {
		it.days = max(it.days, 1) // RFC 5545 section 3.6.1: a DATE alone is that day
	}
	return it, true, nil
}

// setEnd takes the length from DTEND or DUE: exact, because RFC 5545 section 3.8.5.3 says that all instances of such a
// component last exactly as long; in days when it is about days.
func (c *compiler) setEnd(it *item, start, end moment) {
	if it.form == ical.DateForm {
		it.days = dayOf(end.wall) - dayOf(start.wall)
	} else {
		loc := c.locationOf(start)
		if loc == nil {
			it.secs = end.wall - start.wall
		} else if end.form == ical.DateForm {
			it.secs = toInstant(end.wall, loc) - toInstant(start.wall, loc)
		} else {
			it.secs = c.instant(end, loc) - toInstant(start.wall, loc)
		}
	}
	if c.kind == todo {
		it.match = matchTodoDue
		return
	}
	it.days, it.secs = max(it.days, 0), max(it.secs, 0)
}

func (it *item) setDuration(d ical.Duration) {
	if d.Negative {
		return
	}
	it.days, it.secs = int64(d.Days), int64(d.Time/time.Second)
	if it.form == ical.DateForm { // hours are not allowed there
		it.days, it.secs = it.days+it.secs/daySeconds, 0
	}
}

// timeless is a VTODO with neither DTSTART nor DUE (RFC 4791 section 9.9, the last four rows).
func (c *compiler) timeless(comp *ical.Component, it item) (item, bool, error) {
	done, hasDone, err := c.read(comp, "COMPLETED")
	if err != nil {
		return it, false, err
	}
	made, hasMade, err := c.read(comp, "CREATED")
	if err != nil {
		return it, false, err
	}
	it.form = ical.UTCForm
	switch {
	case hasDone && hasMade:
		a, b := c.instant(done, nil), c.instant(made, nil)
		it.match, it.wall, it.secs = matchClosed, min(a, b), max(a, b)-min(a, b)
	case hasDone:
		it.match, it.wall = matchClosed, c.instant(done, nil)
	case hasMade:
		it.match, it.wall = matchFrom, c.instant(made, nil)
	default:
		it.match = matchAlways
	}
	return it, true, nil
}

// published reads a VFREEBUSY: its periods are the instances, and the whole span as a free one, so that a window
// that touches only that finds the object.
func (c *compiler) published(comp *ical.Component, at int) error {
	start, hasStart, err := c.read(comp, "DTSTART")
	if err != nil {
		return err
	}
	end, hasEnd, err := c.read(comp, "DTEND")
	if err != nil {
		return err
	}
	if hasStart && hasEnd {
		it := item{component: at, form: start.form, zone: start.zone, wall: start.wall}
		c.setEnd(&it, start, end)
		it.match = matchPublished
		c.singles = append(c.singles, it)
	}
	for p := range comp.All("FREEBUSY") {
		periods, err := p.Periods()
		if err != nil {
			return err
		}
		if len(c.singles)+len(periods) > maxDates {
			return fmt.Errorf("%w: more than %d periods in FREEBUSY", ErrUnsupported, maxDates)
		}
		for _, per := range periods {
			it := item{component: at, busy: busyType(p.Param("FBTYPE"))}
			from := c.moment(per.Start)
			it.form, it.zone, it.wall = from.form, from.zone, from.wall
			if per.HasDuration {
				it.setDuration(per.Duration)
			} else {
				c.setEnd(&it, from, c.moment(per.End))
			}
			c.singles = append(c.singles, it)
		}
	}
	return nil
}
