package scheduling

import (
	"slices"

	"kalends/storage"
)

// DefaultCalendar returns the calendar of a home that a new invitation of that component goes to (RFC 6638 sections 4.3 and 9.2):
// the one its owner chose, else the first that takes the component, else nil.
func DefaultCalendar(home []*storage.Calendar, component string) *storage.Calendar {
	chosen := "calendar"
	for _, c := range home {
		if c.Kind == storage.InboxKind && c.Default != "" {
			chosen = c.Default
		}
	}
	var first *storage.Calendar
	for _, c := range home {
		if c.Kind != storage.CalendarKind || c.Subscribed || len(c.Components) > 0 && !slices.Contains(c.Components, component) {
			continue
		}
		if c.Slug == chosen {
			return c
		}
		if first == nil {
			first = c
		}
	}
	return first
}

// Inbox returns the scheduling inbox of a home, or nil.
func Inbox(home []*storage.Calendar) *storage.Calendar {
	for _, c := range home {
		if c.Kind == storage.InboxKind {
			return c
		}
	}
	return nil
}
