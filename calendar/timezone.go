package calendar

import (
	"strings"
	"sync"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
	"kalends/storage"
)

// zoneTexts keeps locations made of CALDAV:calendar-timezone texts, of which a site has few.
var zoneTexts struct {
	sync.Mutex
	m map[string]*time.Location
}

// ZoneOf returns the location of an iCalendar text with one VTIMEZONE (RFC 4791 section 5.2.2). Equal texts give
// the same location.
func ZoneOf(text string) (*time.Location, error) {
	zoneTexts.Lock()
	loc := zoneTexts.m[text]
	zoneTexts.Unlock()
	if loc != nil {
		return loc, nil
	}
	cal, tzid, err := zoneText(text)
	if err != nil {
		return nil, err
	}
	loc, ok := zone.NewResolver(cal).Location(tzid)
	if !ok {
		return nil, Errorf(BadTimeZone, "the VTIMEZONE %q cannot be understood", tzid)
	}
	zoneTexts.Lock()
	defer zoneTexts.Unlock()
	if zoneTexts.m == nil || len(zoneTexts.m) > 1000 {
		zoneTexts.m = map[string]*time.Location{}
	}
	zoneTexts.m[text] = loc
	return loc, nil
}

func zoneText(text string) (*ical.Component, string, error) {
	if len(text) > 100_000 {
		return nil, "", Errorf(BadTimeZone, "the time zone is too large")
	}
	cal, err := ical.Parse([]byte(strings.TrimSpace(text)))
	if err != nil {
		return nil, "", Errorf(BadTimeZone, "not valid iCalendar: %w", err)
	}
	var tz *ical.Component
	for c := range cal.Components("") {
		if c.Name() != "VTIMEZONE" || tz != nil {
			return nil, "", Errorf(BadTimeZone, "expected one VTIMEZONE and nothing else (RFC 4791 section 5.2.2)")
		}
		tz = c
	}
	if tz == nil || tz.Text("TZID") == "" {
		return nil, "", Errorf(BadTimeZone, "there is no VTIMEZONE with a TZID")
	}
	return cal, tz.Text("TZID"), nil
}

// SetTimeZone sets a calendar's time zone from the text a client sent (RFC 4791 section 5.2.2), and its id with it.
func SetTimeZone(c *storage.Calendar, text string) error {
	if strings.TrimSpace(text) == "" {
		c.TimeZone, c.TimeZoneID = "", ""
		return nil
	}
	if _, err := ZoneOf(text); err != nil {
		return err
	}
	cal, tzid, err := zoneText(text)
	if err != nil {
		return err
	}
	c.TimeZone, c.TimeZoneID = text, ""
	if name, ok := zone.NewResolver(cal).Canonical(tzid); ok {
		c.TimeZoneID = name
	}
	return nil
}

// SetTimeZoneID sets a calendar's time zone by name (RFC 7809 section 5.2): the text of the zone is made from it.
func SetTimeZoneID(c *storage.Calendar, id string, now time.Time) error {
	id = strings.TrimSpace(id)
	if id == "" {
		c.TimeZone, c.TimeZoneID = "", ""
		return nil
	}
	name, ok := zone.Canonical(id)
	if !ok {
		return Errorf(BadTimeZone, "there is no time zone %q (RFC 7809 section 5.2)", id)
	}
	text, err := ZoneText(name, now)
	if err != nil {
		return err
	}
	c.TimeZone, c.TimeZoneID = text, name
	return nil
}

// ZoneText returns a VCALENDAR with the VTIMEZONE of that IANA zone, from the last years on.
func ZoneText(name string, now time.Time) (string, error) {
	tz, err := zone.VTimezone(name, now.AddDate(-5, 0, 0), now.AddDate(5, 0, 0))
	if err != nil {
		return "", Errorf(BadTimeZone, "time zone %q: %w", name, err)
	}
	cal := ical.NewCalendar("")
	cal.AddChild(tz)
	return cal.String(), nil
}
