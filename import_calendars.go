package main

import (
	"fmt"
	"slices"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/ical"
	"kalends/internal/vdir"
	"kalends/storage"
)

// make makes a calendar for a collection.
func (im *importRun) make(slug string, c *collection) (*storage.Calendar, error) {
	t := calendar.Target{Owner: im.owner, Slug: slug}
	said := im.said(c)
	err := im.service.MakeCalendar(im.ctx, im.owner, t, calendar.Edit{Live: func(cal *storage.Calendar) error {
		cal.DisplayName, cal.Color = c.name, c.color
		if cal.DisplayName == "" {
			cal.DisplayName = slug
		}
		if len(c.components) > 0 {
			cal.Components = c.components
		}
		said(cal)
		return nil
	}})
	if err != nil {
		return nil, fmt.Errorf("make the calendar %s: %w", slug, err)
	}
	im.made[slug] = true
	return im.service.Collection(im.ctx, im.owner, t)
}

// isFresh reports whether a calendar is as an account has it on its first day.
func isFresh(c *storage.Calendar) bool {
	return c.Objects == 0 && c.Description == "" && c.Color == "" && slices.Contains([]string{auth.CalendarSlug, auth.TasksSlug}, c.Slug)
}

// dress makes a calendar that the account began with what the collection's was.
func (im *importRun) dress(target *storage.Calendar, c *collection) error {
	t := calendar.Target{Owner: im.owner, Slug: target.Slug}
	said := im.said(c)
	err := im.service.Patch(im.ctx, im.owner, t, calendar.Edit{Live: func(cal *storage.Calendar) error {
		if c.name != "" && (c.more != nil || c.name != c.slug) { // else it is only the folder's
			cal.DisplayName = c.name
		}
		if c.color != "" {
			cal.Color = c.color
		}
		said(cal)
		return nil
	}})
	if err != nil {
		return fmt.Errorf("set the calendar %s: %w", target.Slug, err)
	}
	return nil
}

// said reads what is said of a calendar beside its name and colour, and returns what sets one to it. What makes no sense is left out and told.
func (im *importRun) said(c *collection) func(*storage.Calendar) {
	p := c.more
	if p == nil {
		return func(*storage.Calendar) {}
	}
	bad := func(err error) bool {
		if err != nil {
			im.report(c.path, 1, "", vdir.PropertiesFile+": "+oneLine(err.Error()))
		}
		return err != nil
	}
	text := func(s string, most int) string { return clipText(ical.Unescape(ical.Escape(s)), most) } // without control characters
	want := storage.Calendar{Description: text(p.Description, maxDescription), Order: text(p.Order, 100), Transparent: p.Free, Team: p.Team}
	switch {
	case p.TimeZone != "":
		bad(calendar.SetTimeZoneID(&want, p.TimeZone, time.Now()))
	case p.TimeZoneText != "":
		bad(calendar.SetTimeZone(&want, p.TimeZoneText))
	}
	if a := storage.DefaultAlarm(p.TimedAlarm); !bad(calendar.CheckDefaultAlarm(a)) {
		want.Alarms.Timed = a
	}
	if a := storage.DefaultAlarm(p.DayAlarm); !bad(calendar.CheckDefaultAlarm(a)) {
		want.Alarms.Day = a
	}
	return func(cal *storage.Calendar) {
		cal.Description, cal.Order, cal.Transparent, cal.Team, cal.Alarms = want.Description, want.Order, want.Transparent, want.Team, want.Alarms
		if want.TimeZone != "" {
			cal.TimeZone, cal.TimeZoneID = want.TimeZone, want.TimeZoneID
		}
	}
}

// maxDescription bounds what a calendar is said to be for, in octets.
const maxDescription = 10_000

// kinds are those of the components that a calendar can take; nil for all.
func kinds(p *vdir.Properties) []string {
	return slices.DeleteFunc(slices.Clone(p.Components), func(c string) bool {
		return !slices.Contains([]string{"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY"}, c)
	})
}

// file finds a file of an event.
func (c *collection) file(managedID string) *calendar.ImportFile {
	f, ok := c.attached[managedID]
	if !ok {
		return nil
	}
	return &calendar.ImportFile{Size: f.Size, Open: f.Open}
}

// lost tells of a file that could not be taken.
func (im *importRun) lost(o calendar.ImportObject, name string, err error) {
	from := o.From.(imported)
	im.report(from.file.path, from.object.Line, from.object.UID, "the file "+name+" is left out, the event is not: "+oneLine(err.Error()))
}
