package zone

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"kalends/ical"
)

// Bounds on one VTIMEZONE. Whole histories, as Apple's calendars send them, have some 60 observances and 200 onsets.
const (
	maxObservances = 100
	maxOnsets      = 4000
	maxDays        = 200_000 // days looked at in expanding all rules
	maxOffset      = 24 * 3600
	firstYear      = 1900 // rules without COUNT are expanded from the start of this year
	lastYear       = 2100 // to the end of this one
)

// observance is a STANDARD or DAYLIGHT sub-component (RFC 5545 section 3.6.5).
type observance struct {
	daylight bool
	from, to int // TZOFFSETFROM and TZOFFSETTO, seconds
	name     string
	start    time.Time // wall clock before the onset, in UTC as all wall times here
	rules    []rule
	dates    []time.Time // RDATE
}

// onset is one moment at which an observance begins.
type onset struct {
	at  int64 // instant
	obs int   // index of the observance
}

// work counts what expanding a VTIMEZONE may still cost.
type work struct{ days, onsets int }

var errTooMuch = errors.New("rules give too many onsets")

// readObservances reads the observances of a VTIMEZONE, in order.
func readObservances(v *ical.Component) ([]observance, error) {
	var list []observance
	for _, c := range v.Children() {
		if c.Name() != "STANDARD" && c.Name() != "DAYLIGHT" {
			continue
		}
		if len(list) == maxObservances {
			return nil, fmt.Errorf("more than %d observances", maxObservances)
		}
		o, err := readObservance(c)
		if err != nil {
			return nil, fmt.Errorf("%s %d: %w", c.Name(), len(list)+1, err)
		}
		list = append(list, o)
	}
	if len(list) == 0 {
		return nil, errors.New("no STANDARD and no DAYLIGHT")
	}
	return list, nil
}

func readObservance(c *ical.Component) (o observance, err error) {
	o.daylight = c.Name() == "DAYLIGHT"
	o.name = c.Text("TZNAME")
	if o.to, err = parseOffset(c.Value("TZOFFSETTO")); err != nil {
		return o, fmt.Errorf("TZOFFSETTO: %w", err)
	}
	o.from = o.to
	if c.Prop("TZOFFSETFROM") != nil { // required, but without it there is only one sensible reading
		if o.from, err = parseOffset(c.Value("TZOFFSETFROM")); err != nil {
			return o, fmt.Errorf("TZOFFSETFROM: %w", err)
		}
	}
	start := c.Prop("DTSTART")
	if start == nil {
		return o, errors.New("no DTSTART")
	}
	d, err := start.DateTime()
	if err != nil {
		return o, fmt.Errorf("DTSTART: %w", err)
	}
	o.start = o.wall(d)
	rdates := 0
	for p := range c.All("RDATE") {
		if rdates += strings.Count(p.Value(), ",") + 1; rdates > maxOnsets {
			return o, errTooMuch
		}
		dates, err := p.DateTimes()
		if err != nil {
			return o, fmt.Errorf("RDATE: %w", err)
		}
		for _, d := range dates {
			o.dates = append(o.dates, o.wall(d))
		}
	}
	for p := range c.All("RRULE") {
		r, err := parseRule(p.Value())
		if err != nil {
			return o, fmt.Errorf("RRULE: %w", err)
		}
		if len(o.rules) == 4 {
			return o, errors.New("more than 4 RRULEs")
		}
		o.rules = append(o.rules, r)
	}
	return o, nil
}

// wall takes a time of the observance as RFC 5545 section 3.6.5 wants it, in the local time before the onset. Some
// programs write UTC instead.
func (o *observance) wall(d ical.DateTime) time.Time {
	if d.Form == ical.UTCForm {
		return d.Wall.Add(time.Duration(o.from) * time.Second)
	}
	return d.Wall
}

// onsets appends the onsets of the observance, those of its rules up to the end of year last.
func (o *observance) onsets(list []onset, index, last int, w *work) ([]onset, error) {
	add := func(wall time.Time) bool {
		list = append(list, onset{at: wall.Unix() - int64(o.from), obs: index})
		w.onsets--
		return w.onsets >= 0
	}
	if len(o.rules) == 0 && !add(o.start) {
		return nil, errTooMuch
	}
	// With a rule DTSTART counts only if the rule has it too: Outlook starts every rule in 16010101 and others in 19700101,
	// and neither means that the zone changed on that New Year's Day.
	for i := range o.rules {
		if !o.rules[i].expand(o.start, int64(o.from), last, w, add) {
			return nil, errTooMuch
		}
	}
	for _, d := range o.dates {
		if !add(d) {
			return nil, errTooMuch
		}
	}
	return list, nil
}

// parseOffset reads a UTC offset (RFC 5545 section 3.3.14): "+0100", "-123456"; also without a sign and with colons.
func parseOffset(s string) (int, error) {
	t := strings.ReplaceAll(strings.TrimSpace(s), ":", "")
	sign := 1
	switch {
	case strings.HasPrefix(t, "-"):
		sign, t = -1, t[1:]
	case strings.HasPrefix(t, "+"):
		t = t[1:]
	}
	if !isDigits(t) || len(t) != 4 && len(t) != 6 {
		return 0, fmt.Errorf("%.20q is no UTC offset", s)
	}
	sec := atoi(t[:2])*3600 + atoi(t[2:4])*60 + atoi(t[4:])
	if atoi(t[2:4]) > 59 || atoi(t[4:]) > 59 || sec > maxOffset {
		return 0, fmt.Errorf("UTC offset %q is out of range", s)
	}
	return sign * sec, nil
}
