package reminder

import (
	"context"
	"fmt"
	"time"

	"kalends/ical/zone"
	"kalends/storage"
)

// Person fills in what [Options] need to know of a person: ForUser, Addresses, and Floating, which is the
// person's time zone, else that of the calendar (RFC 4791 section 5.2.2), else fallback.
func (o *Options) Person(ctx context.Context, r storage.Reader, who *storage.Principal, calendarZone string, fallback *time.Location) error {
	addresses, err := r.Addresses(ctx, who.ID)
	if err != nil {
		return fmt.Errorf("addresses of %d: %w", who.ID, err)
	}
	o.ForUser, o.Addresses, o.Floating = who.ID, addresses, Zone(who, calendarZone, fallback)
	return nil
}

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
