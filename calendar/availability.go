package calendar

import (
	"context"
	"strings"
	"sync"

	"kalends/ical"
	"kalends/scheduling"
	"kalends/storage"
)

// maxAvailability bounds the text of CALDAV:calendar-availability.
const maxAvailability = 100_000

// SetAvailability sets when the owner of an inbox is there (RFC 7953 section 7.2.4): an iCalendar text with VAVAILABILITY and
// VTIMEZONE components, "" for none.
func SetAvailability(c *storage.Calendar, text string) error {
	if strings.TrimSpace(text) == "" {
		c.Availability = ""
		return nil
	}
	if len(text) > maxAvailability {
		return Errorf(TooLarge, "an availability may have at most %d octets", maxAvailability)
	}
	cal, err := ical.Parse([]byte(strings.TrimSpace(text)))
	if err != nil {
		return Errorf(InvalidData, "not valid iCalendar: %w", err)
	}
	for k := range cal.Main() {
		if k.Name() != "VAVAILABILITY" {
			return Errorf(InvalidData, "an availability holds VAVAILABILITY components only, no %s (RFC 7953 section 7.2.4)", k.Name())
		}
	}
	if _, err := scheduling.ParseAvailability(cal); err != nil {
		return Errorf(InvalidData, "%w", err)
	}
	c.Availability = text
	return nil
}

// availabilityCache keeps availabilities that were read, by the version of their object, or of the inbox that has one.
type availabilityCache struct {
	mu sync.Mutex
	m  map[seriesKey][]*scheduling.Availability
}

// maxAvailabilities bounds the cache; a person has one or two.
const maxAvailabilities = 5000

func (c *availabilityCache) get(key seriesKey, text func() ([]byte, error)) ([]*scheduling.Availability, error) {
	c.mu.Lock()
	list, ok := c.m[key]
	c.mu.Unlock()
	if ok {
		return list, nil
	}
	b, err := text()
	if err != nil {
		return nil, err
	}
	cal, err := ical.Parse(b)
	if err != nil {
		return nil, err
	}
	if list, err = scheduling.ParseAvailability(cal); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil || len(c.m) >= maxAvailabilities {
		c.m = map[seriesKey][]*scheduling.Availability{}
	}
	c.m[key] = list
	return list, nil
}

// availabilityOf returns what an object in a calendar says of when its owner is there. Its text is read at the first time.
func (s *Service) availabilityOf(ctx context.Context, r storage.Reader, o *storage.Object) ([]*scheduling.Availability, error) {
	return s.availability.get(versionOf(o), func() ([]byte, error) {
		o, err := r.ObjectByID(ctx, o.Owner, o.ID)
		if err != nil {
			return nil, err
		}
		return o.ICS, nil
	})
}

// inboxAvailability is the same of an inbox.
func (s *Service) inboxAvailability(inbox *storage.Calendar) ([]*scheduling.Availability, error) {
	return s.availability.get(seriesKey{inbox.Owner, inbox.ID, inbox.Seq, ""}, func() ([]byte, error) {
		return []byte(strings.TrimSpace(inbox.Availability)), nil
	})
}
