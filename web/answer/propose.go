package answer

import (
	"net/url"
	"strings"
	"time"

	"kalends/calendar"
	"kalends/ical/zone"
)

// proposal is the form's part for another time.
func (h *Handler) proposal(in *calendar.Invited) *proposal {
	if len(in.Dates) == 0 {
		return nil
	}
	first := in.Dates[0]
	loc, name := calendar.MeetingZone(in.Calendar, in.Organizer.TimeZone)
	start, end := first.Start, first.End
	if !first.AllDay && !first.Floating {
		start, end = zone.Wall(start, loc), zone.Wall(end, loc)
	}
	p := &proposal{Day: start.Format(time.DateOnly), Zone: name}
	last := end
	if first.AllDay {
		last = end.AddDate(0, 0, -1) // people mean the last day itself
		p.Last = last.Format(time.DateOnly)
	} else {
		p.Start, p.End = start.Format("15:04"), end.Format("15:04")
		if day := end.Format(time.DateOnly); day != p.Day {
			p.Last = day
		}
	}
	if first.ID != "" {
		for _, d := range in.Dates {
			p.Dates = append(p.Dates, choice{d.ID, h.Tell(in, d)})
		}
	}
	return p
}

// newTime reads it back. What ends earlier on the clock than it starts, without another day, ends on the next one.
func newTime(form url.Values) (n calendar.NewTime, ok bool) {
	n.Date = form.Get("date")
	day, err := time.Parse(time.DateOnly, strings.TrimSpace(form.Get("day")))
	if err != nil {
		return n, false
	}
	last := day
	if v := strings.TrimSpace(form.Get("last")); v != "" {
		if last, err = time.Parse(time.DateOnly, v); err != nil {
			return n, false
		}
	}
	if !form.Has("start") && !form.Has("end") {
		n.Start, n.End = day, last.AddDate(0, 0, 1)
		return n, true
	}
	from, ok1 := clock(form.Get("start"))
	until, ok2 := clock(form.Get("end"))
	if !ok1 || !ok2 {
		return n, false
	}
	n.Start, n.End = day.Add(from), last.Add(until)
	if last.Equal(day) && until <= from {
		n.End = n.End.AddDate(0, 0, 1)
	}
	return n, true
}

// clock reads a time of day: HH:MM, with seconds where a browser adds them.
func clock(v string) (time.Duration, bool) {
	v = strings.TrimSpace(v)
	for _, form := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(form, v); err == nil {
			return t.Sub(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)), true
		}
	}
	return 0, false
}
