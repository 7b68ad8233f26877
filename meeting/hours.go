package meeting

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"kalends/calendar"
	"kalends/ical"
	"kalends/ical/zone"
	"kalends/scheduling"
	"kalends/storage"
)

// WorkHours are when somebody works each week; none where there are no Days.
type WorkHours struct {
	Days       []string // as in [Weekdays]
	Start, End string   // on each of these days, as in 09:00
}

// hoursSetting keeps WorkHours as they were set: what is made of them for others does not say that it came from them.
const hoursSetting = "hours"

// WorkingHours returns the working hours that the owner of an inbox, nil for none, has set. other says that they are there at times that a
// program has set in another form (RFC 7953).
func (h *Editor) WorkingHours(ctx context.Context, inbox *storage.Calendar) (set WorkHours, other bool, err error) {
	if inbox == nil || inbox.Availability == "" {
		return set, false, nil
	}
	settings, err := h.Store.Settings(ctx, inbox.Owner)
	if err != nil {
		return set, false, err
	}
	days, times, ok := strings.Cut(settings[hoursSetting], " ")
	if start, end, two := strings.Cut(times, "-"); ok && two {
		set = WorkHours{strings.Split(days, ","), start, end}
	}
	return set, len(set.Days) == 0, nil
}

// SetWorkingHours makes the working hours, in that IANA time zone, the time in which others see somebody as there (RFC 7953).
func (h *Editor) SetWorkingHours(ctx context.Context, who *storage.Principal, inZone string, set WorkHours) error {
	text, setting := "", ""
	if len(set.Days) > 0 {
		start, err1 := time.Parse("15:04", set.Start)
		end, err2 := time.Parse("15:04", set.End)
		if err1 != nil || err2 != nil || !end.After(start) {
			return Invalid("workingHours", "must have a start before their end, both as in 09:00")
		}
		for _, d := range set.Days {
			if !slices.Contains(Weekdays, d) {
				return Invalid("workingHours.days", "must be names of days such as monday")
			}
		}
		var err error
		if text, err = h.availability(inZone, set.Days, start, end); err != nil {
			return err
		}
		days := slices.DeleteFunc(slices.Clone(Weekdays), func(d string) bool { return !slices.Contains(set.Days, d) })
		setting = strings.Join(days, ",") + " " + start.Format("15:04") + "-" + end.Format("15:04")
	}
	home, err := h.Visit(ctx, who, who.ID)
	if err != nil {
		return err
	}
	inbox := scheduling.Inbox(home.Home)
	if inbox == nil {
		return notThere("inbox")
	}
	err = h.Calendar.Patch(ctx, who, home.Target(inbox, ""), calendar.Edit{Live: func(c *storage.Calendar) error { return calendar.SetAvailability(c, text) }})
	if err != nil {
		return err
	}
	return h.Store.PutSetting(ctx, who.ID, hoursSetting, setting)
}

// availability writes working hours as a VAVAILABILITY: the rest of the time one is not there.
func (h *Editor) availability(name string, days []string, start, end time.Time) (string, error) {
	if _, ok := zone.Load(name); !ok {
		name = "UTC"
	}
	now := h.Now().UTC()
	tz, err := zone.VTimezone(name, now.AddDate(-1, 0, 0), now.AddDate(10, 0, 0))
	if err != nil {
		return "", fmt.Errorf("time zone %s: %w", name, err)
	}
	// The first day on which it holds must be one of the days.
	monday := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	var codes []string
	first := -1
	for i, d := range Weekdays {
		if slices.Contains(days, d) {
			codes = append(codes, []string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}[i])
			if first < 0 {
				first = i
			}
		}
	}
	day := monday.AddDate(0, 0, first)
	at := func(t time.Time) ical.DateTime {
		d := ical.DateTime{Wall: day.Add(time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute), Form: ical.ZonedForm, TZID: name}
		if name == "UTC" {
			d.Form, d.TZID = ical.UTCForm, ""
		}
		return d
	}
	stamp := now.Format("20060102T150405Z")
	cal := ical.NewCalendar("")
	if name != "UTC" {
		cal.AddChild(tz)
	}
	a := ical.New("VAVAILABILITY")
	a.Add(ical.NewText("UID", NewUID()))
	a.Add(ical.NewProperty("DTSTAMP", stamp))
	k := ical.New("AVAILABLE")
	k.Add(ical.NewText("UID", NewUID()))
	k.Add(ical.NewProperty("DTSTAMP", stamp))
	k.Add(at(start).Property("DTSTART"))
	k.Add(at(end).Property("DTEND"))
	k.Add(ical.NewProperty("RRULE", "FREQ=WEEKLY;BYDAY="+strings.Join(codes, ",")))
	a.AddChild(k)
	cal.AddChild(a)
	return cal.String(), nil
}
