package storage

import (
	"context"
	"time"
)

// Watcher is what who looks after a server wants to know. It costs little however much there is.
type Watcher interface {
	// QueueDepths returns what waits in the queues at now.
	QueueDepths(ctx context.Context, now time.Time) (QueueDepths, error)
	// WaitingReminders returns reminders that wait and are looked at next after one time and not after another, the first first, at most
	// limit. With failed it returns only those that the last try did not bring out: their DueAt is when the next try is.
	WaitingReminders(ctx context.Context, after, through time.Time, failed bool, limit int) ([]*Reminder, error)
	// LargestHomes returns what the homes hold that hold the most, the largest first, at most limit. It reads a row for each calendar.
	LargestHomes(ctx context.Context, limit int) ([]HomeUsage, error)
	// WholeUsage returns what all homes hold, with Owner 0. It reads a row for each calendar.
	WholeUsage(ctx context.Context) (HomeUsage, error)
}

// MaxDepth is up to where waiting rows are counted.
const MaxDepth = 100_000

// QueueDepths says what waits. Numbers end at MaxDepth.
type QueueDepths struct {
	// Jobs are the outbox rows that are not done, by kind, the oldest of them first; those that failed for good are not among them.
	Jobs map[string]Depth
	// Overdue are the reminders that are due and not leased.
	Overdue int64
}

// Depth is how much waits, and since when the first of it is due.
type Depth struct {
	Count int64
	Due   time.Time
}

// HomeUsage is what a home holds.
type HomeUsage struct {
	Owner     int64
	Calendars int64
	Objects   int64
	Bytes     int64 // of calendar data

	Attachments int64 // octets of the attachments that an object refers to
}
