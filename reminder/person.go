package reminder

import (
	"time"

	"kalends/ical/zone"
	"kalends/storage"
)

// Zone returns the zone in which a person reads floating times and dates of a calendar.
func Zone(who *storage.Principal, calendarZone string, fallback *time.Location) *time.Location {
	for _, name := range []string{who.TimeZone, calendarZone} {
		if name == "" {
			continue
		}
		if loc, ok := zone.Load(name); ok {
			return loc
		}
	}
	if fallback != nil {
		return fallback
	}
	return time.UTC
}
