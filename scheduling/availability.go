package scheduling

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
)

// Availability is one VAVAILABILITY (RFC 7953 section 3.1): a time in which its owner is there in some hours, and else is not.
type Availability struct {
	start, end time.Time  // zero where it has none
	busy       recur.Busy // outside of the hours
	priority   int        // 1 before 9 before 0
	hours      []*recur.Series
}

// Limits of one object.
const (
	maxAvailabilities = 100
	maxHours          = 200
)

// ErrAvailability is wrapped by all errors of [ParseAvailability].
var ErrAvailability = errors.New("not a valid VAVAILABILITY")

func availabilityError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrAvailability, fmt.Sprintf(format, args...))
}

// ParseAvailability reads the VAVAILABILITY components of an object. Times are in UTC or in a zone (RFC 7953 section 3.1).
func ParseAvailability(cal *ical.Component) ([]*Availability, error) {
	zones := zone.NewResolver(cal)
	var list []*Availability
	hours := 0
	for c := range cal.Components("VAVAILABILITY") {
		if len(list) == maxAvailabilities {
			return nil, availabilityError("there are more than %d", maxAvailabilities)
		}
		a := &Availability{}
		var err error
		if a.start, a.end, err = span(c, zones); err != nil {
			return nil, err
		}
		if !a.end.IsZero() && !a.start.Before(a.end) {
			return nil, availabilityError("it ends before it starts")
		}
		if a.busy, err = busyType(c); err != nil {
			return nil, err
		}
		if p := c.Prop("PRIORITY"); p != nil {
			if a.priority, err = strconv.Atoi(strings.TrimSpace(p.Value())); err != nil || a.priority < 0 || a.priority > 9 {
				return nil, availabilityError("PRIORITY is not from 0 to 9")
			}
		}
		if a.hours, err = hoursOf(c, cal, zones); err != nil {
			return nil, err
		}
		if hours += len(a.hours); hours > maxHours {
			return nil, availabilityError("there are more than %d AVAILABLE", maxHours)
		}
		list = append(list, a)
	}
	if len(list) == 0 {
		return nil, availabilityError("there is none")
	}
	return list, nil
}

// span reads DTSTART, and DTEND or DURATION.
func span(c *ical.Component, zones *zone.Resolver) (start, end time.Time, err error) {
	from, err := moment(c, "DTSTART", zones)
	if err != nil {
		return start, end, err
	}
	until, err := moment(c, "DTEND", zones)
	if err != nil {
		return start, end, err
	}
	d := c.Prop("DURATION")
	switch {
	case d == nil:
		return from.at, until.at, nil
	case c.Prop("DTEND") != nil:
		return start, end, availabilityError("it has both DTEND and DURATION")
	case c.Prop("DTSTART") == nil:
		return start, end, availabilityError("it has DURATION and no DTSTART")
	}
	length, err := ical.ParseDuration(d.Value())
	if err != nil {
		return start, end, availabilityError("%v", err)
	}
	return from.at, zone.Instant(length.Add(from.wall), from.loc).UTC(), nil
}

// moment is an instant with the wall clock that shows it.
type instant struct {
	at, wall time.Time
	loc      *time.Location
}

func moment(c *ical.Component, name string, zones *zone.Resolver) (instant, error) {
	p := c.Prop(name)
	if p == nil {
		return instant{}, nil
	}
	d, err := p.DateTime()
	if err != nil {
		return instant{}, availabilityError("%v", err)
	}
	switch d.Form {
	case ical.UTCForm:
		return instant{d.Wall, d.Wall, time.UTC}, nil
	case ical.ZonedForm:
		loc, _ := zones.Location(d.TZID)
		return instant{zone.Instant(d.Wall, loc).UTC(), d.Wall, loc}, nil
	}
	return instant{}, availabilityError("%s is neither in UTC nor in a time zone (RFC 7953 section 3.1)", name)
}

// busyType reads BUSYTYPE (RFC 7953 section 3.2). What is not known counts as the default.
func busyType(c *ical.Component) (recur.Busy, error) {
	switch strings.ToUpper(strings.TrimSpace(c.Value("BUSYTYPE"))) {
	case "BUSY":
		return recur.Occupied, nil
	case "BUSY-TENTATIVE":
		return recur.Tentative, nil
	case "FREE":
		return 0, availabilityError("BUSYTYPE cannot be FREE (RFC 7953 section 3.2)")
	}
	return recur.Unavailable, nil
}

// hoursOf compiles the AVAILABLE components: those with one UID are a recurrence with its exceptions, as of an event.
func hoursOf(c, cal *ical.Component, zones *zone.Resolver) ([]*recur.Series, error) {
	var order []string
	byUID := map[string]*ical.Component{}
	for k := range c.Components("AVAILABLE") {
		for _, name := range [...]string{"DTSTART", "DTEND", "RECURRENCE-ID"} {
			if _, err := moment(k, name, zones); err != nil {
				return nil, err
			}
		}
		if k.Prop("DTSTART") == nil {
			return nil, availabilityError("an AVAILABLE has no DTSTART")
		}
		uid := k.Text("UID")
		object := byUID[uid]
		if object == nil {
			object = ical.New("VCALENDAR")
			for v := range cal.Components("VTIMEZONE") {
				object.AddChild(v)
			}
			byUID[uid] = object
			order = append(order, uid)
		}
		event := ical.New("VEVENT")
		for _, p := range k.Props() {
			switch p.Name() {
			case "UID", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID":
				event.Add(p)
			}
		}
		object.AddChild(event)
	}
	var list []*recur.Series
	for _, uid := range order {
		s, err := recur.Compile(byUID[uid], zones)
		if err != nil {
			return nil, fmt.Errorf("%w: AVAILABLE: %w", ErrAvailability, err)
		}
		list = append(list, s)
	}
	return list, nil
}

// Bounds is the time that a list speaks about; zero where it has no start, or no end.
func Bounds(list []*Availability) (start, end time.Time) {
	for i, a := range list {
		if i == 0 || a.start.Before(start) {
			start = a.start
		}
		if i == 0 || !end.IsZero() && (a.end.IsZero() || a.end.After(end)) {
			end = a.end
		}
	}
	return start, end
}

// Unavailable returns when somebody with these availabilities is not there in [start, end): ordered, without overlaps
// (RFC 7953 section 4). What has a higher priority decides alone wherever it says anything; those of one priority are read
// together, so that one is available when any of them says so.
func Unavailable(list []*Availability, start, end time.Time) ([]Period, error) {
	list = slices.Clone(list)
	// 0 is no priority, the lowest; 1 is the highest (RFC 5545 section 3.8.1.9).
	rank := func(a *Availability) int { return (a.priority + 9) % 10 }
	slices.SortStableFunc(list, func(a, b *Availability) int { return cmp.Compare(rank(b), rank(a)) })
	var line []Period // what is known so far; gaps are free
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].priority == list[0].priority {
			n++
		}
		var free []Period
		for _, a := range list[:n] {
			whole := Period{later(a.start, start), earlier(a.end, end), a.busy}
			if !whole.Start.Before(whole.End) {
				continue
			}
			line = overlay(line, []Period{whole})
			for _, h := range a.hours {
				for in, err := range h.Between(whole.Start, whole.End, time.UTC) {
					if err != nil {
						return nil, fmt.Errorf("availability: %w", err)
					}
					p := Period{later(in.Start, whole.Start), earlier(in.End, whole.End), recur.Free}
					if p.Start.Before(p.End) {
						free = append(free, p)
					}
				}
			}
		}
		line = overlay(line, join(free))
		list = list[n:]
	}
	kept := line[:0]
	for _, p := range line {
		if p.Busy != recur.Free {
			kept = append(kept, p)
		}
	}
	return kept, nil
}

// WithAvailability adds to (merged) busy times those in which somebody is not there. What happens in such a time counts for what it
// is (RFC 7953 section 4, the last step).
func WithAvailability(busy, unavailable []Period) []Period {
	if len(unavailable) == 0 {
		return busy
	}
	line := overlay(nil, unavailable)
	for _, kind := range [...]recur.Busy{recur.Unavailable, recur.Tentative, recur.Occupied} {
		var of []Period
		for _, p := range busy {
			if p.Busy == kind {
				of = append(of, p)
			}
		}
		if len(of) == 0 {
			continue
		}
		slices.SortFunc(of, func(a, b Period) int { return a.Start.Compare(b.Start) })
		line = overlay(line, join(of))
	}
	return line
}

// join makes ordered periods without overlaps of those of one kind.
func join(list []Period) []Period {
	slices.SortFunc(list, func(a, b Period) int { return a.Start.Compare(b.Start) })
	out := list[:0]
	for _, p := range list {
		if n := len(out); n > 0 && !p.Start.After(out[n-1].End) {
			if p.End.After(out[n-1].End) {
				out[n-1].End = p.End
			}
			continue
		}
		out = append(out, p)
	}
	return out
}

// overlay lays periods over others; both are ordered and without overlaps, and so is the result. It takes time in proportion
// to their number.
func overlay(under, over []Period) []Period {
	if len(over) == 0 {
		return under
	}
	out := make([]Period, 0, len(under)+2*len(over))
	i := 0
	var rest Period // what is left of under[i-1] to the right of what was laid over it
	for _, o := range over {
		if rest.Start.Before(rest.End) {
			if rest.Start.Before(o.Start) {
				out = append(out, Period{rest.Start, earlier(rest.End, o.Start), rest.Busy})
			}
			rest.Start = later(rest.Start, o.End)
		}
		for ; i < len(under) && under[i].Start.Before(o.End); i++ {
			u := under[i]
			if u.Start.Before(o.Start) {
				out = append(out, Period{u.Start, earlier(u.End, o.Start), u.Busy})
			}
			rest = Period{later(u.Start, o.End), u.End, u.Busy}
		}
		out = append(out, o)
	}
	if rest.Start.Before(rest.End) {
		out = append(out, rest)
	}
	return append(out, under[i:]...)
}

// later and earlier take the zero time for no bound.
func later(a, b time.Time) time.Time {
	if a.IsZero() || a.Before(b) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || a.After(b) {
		return b
	}
	return a
}
