package storage

import (
	"context"
	"time"
)

// Watcher is what who looks after a server wants to know. It costs little however much there is.
type Watcher interface {
	// QueueDepths returns what waits in the queues at now.
	QueueDepths(ctx context.Context, now time.Time) (QueueDepths, error)
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
