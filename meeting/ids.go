package meeting

import "kalends/internal/ids"

// ID is the id of a meeting.
func ID(owner, number int64) string { return ids.Make(ids.Meeting, owner, number) }

// CalendarID is the id of a calendar.
func CalendarID(owner, number int64) string { return ids.Make(ids.Calendar, owner, number) }

// ParseID reads the id of a meeting.
func ParseID(id string) (owner, number int64, ok bool) { return ids.Read(ids.Meeting, id) }

// ParseCalendarID reads the id of a calendar.
func ParseCalendarID(id string) (owner, number int64, ok bool) { return ids.Read(ids.Calendar, id) }
