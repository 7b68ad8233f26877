package tzdist

import (
	"fmt"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
)

// truncate cuts the onsets outside of [start, end) from a VTIMEZONE of the zone (RFC 7808 section 3.9). It then
// begins with an observance at start that has what holds there, and says by TZUNTIL where it ends.
func truncate(v *ical.Component, tzid string, start, end time.Time, hasStart, hasEnd bool) {
	loc, ok := zone.Load(tzid)
	if !ok {
		return
	}
	if hasEnd {
		v.Add(ical.NewProperty("TZUNTIL", end.Format("20060102T150405Z"))) // RFC 7808 section 7.1
	} else {
		end = latest
	}
	if !hasStart {
		start = time.Time{}
	}
	kept := v.Children()
	v.RemoveChildren(func(*ical.Component) bool { return true })
	if hasStart {
		v.AddChild(observanceAt(stateAt(loc, start)))
	}
	for _, c := range kept {
		if cut(c, loc, start, end) {
			v.AddChild(c)
		}
	}
	if len(v.Children()) == 0 { // it ends before its first change
		v.AddChild(observanceAt(stateAt(loc, earliest)))
	}
}

// cut removes onsets from an observance, and reports whether any is left.
func cut(c *ical.Component, loc *time.Location, start, end time.Time) bool {
	from, to := offset(c.Value("TZOFFSETFROM")), offset(c.Value("TZOFFSETTO"))
	within := func(wall time.Time) bool {
		at := wall.Add(-from)
		return !at.Before(start) && at.Before(end)
	}
	var onsets []string
	for _, name := range [...]string{"DTSTART", "RDATE"} {
		for p := range c.All(name) {
			times, err := p.DateTimes()
			if err != nil {
				continue
			}
			for _, t := range times {
				if within(t.Wall) {
					onsets = append(onsets, t.String())
				}
			}
		}
	}
	if c.Prop("RRULE") != nil && len(onsets) == 0 {
		// The rule began earlier; it goes on from its first onset within.
		first := c.Prop("DTSTART")
		began, err := first.DateTime()
		if err != nil || began.Wall.Add(-from).After(start) {
			return false
		}
		for _, s := range shifts(loc, start, earlier(end, start.AddDate(2, 0, 0)))[1:] {
			if s.from == int(from/time.Second) && s.to == int(to/time.Second) {
				onsets = append(onsets, s.at.Add(from).Format("20060102T150405"))
				break
			}
		}
	}
	if len(onsets) == 0 {
		return false
	}
	c.Set(ical.NewProperty("DTSTART", onsets[0]))
	c.Remove("RDATE")
	if len(onsets) > 1 {
		c.Add(ical.NewProperty("RDATE", strings.Join(onsets[1:], ",")))
	}
	return true
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// observanceAt is one observance with a single onset.
func observanceAt(s shift) *ical.Component {
	kind := "STANDARD"
	if s.daylight {
		kind = "DAYLIGHT"
	}
	c := ical.New(kind)
	c.Add(ical.NewProperty("DTSTART", s.at.Add(time.Duration(s.from)*time.Second).Format("20060102T150405")))
	c.Add(ical.NewProperty("TZOFFSETFROM", formatOffset(s.from)))
	c.Add(ical.NewProperty("TZOFFSETTO", formatOffset(s.to)))
	c.Add(ical.NewText("TZNAME", s.name))
	return c
}

// formatOffset writes a UTC-OFFSET (RFC 5545 section 3.3.14).
func formatOffset(sec int) string {
	sign := '+'
	if sec < 0 {
		sign, sec = '-', -sec
	}
	s := fmt.Sprintf("%c%02d%02d", sign, sec/3600, sec/60%60)
	if sec%60 != 0 {
		s += fmt.Sprintf("%02d", sec%60)
	}
	return s
}

// offset reads what formatOffset and package zone write.
func offset(s string) time.Duration {
	var h, m, sec int
	if len(s) < 5 {
		return 0
	}
	if n, err := fmt.Sscanf(s[1:], "%02d%02d%02d", &h, &m, &sec); n < 2 && err != nil {
		return 0
	}
	d := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(sec)*time.Second
	if s[0] == '-' {
		return -d
	}
	return d
}
