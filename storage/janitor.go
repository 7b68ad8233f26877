package storage

import (
	"context"
	"time"
)

// Housekeeping is what a janitor needs. Each call is a transaction of its own, short enough for others to wait for.
type Housekeeping interface {
	// Lease takes the lease of that name for a holder until a time, or keeps it. False when another holds it at now.
	Lease(ctx context.Context, name, holder string, now, until time.Time) (bool, error)
	// PurgeTombstones removes at most limit tombstones, all of one collection, that were set up before a time, and raises the
	// collection's Floor: older tokens are no longer good. It returns how many; 0 when none is left in any collection.
	PurgeTombstones(ctx context.Context, before time.Time, limit int) (int64, error)
	// InboxBefore returns at most limit inbox items, all of one owner, that came before a time, without their texts; none when none is left of
	// any owner.
	InboxBefore(ctx context.Context, before time.Time, limit int) ([]*Object, error)
	// NoticesBefore is InboxBefore for notices of sharing ([NotificationKind]) that were written before a time. An invitation that waits for its answer is
	// none of them.
	NoticesBefore(ctx context.Context, before time.Time, limit int) ([]*Object, error)
	// PurgeReminders removes at most limit reminder rows that are never due again and fired through a time before.
	PurgeReminders(ctx context.Context, before time.Time, limit int) (int64, error)
	// CalendarsOver returns the calendars that hold more than so many objects, the fullest first, at most limit. It reads an index
	// of all objects.
	CalendarsOver(ctx context.Context, objects int64, limit int) ([]Crowd, error)
	// PurgeTrash removes at most limit objects that were deleted before a time for good.
	PurgeTrash(ctx context.Context, before time.Time, limit int) (int64, error)
	// PurgeMissed removes at most limit missed reminders that were noted before a time.
	PurgeMissed(ctx context.Context, before time.Time, limit int) (int64, error)
	// PurgeAttachments removes at most limit attachments, all of one owner, that no object has referred to since before unused, or that
	// were begun before unfinished and are not whole. It returns how many; 0 when none is left of any owner.
	PurgeAttachments(ctx context.Context, unused, unfinished time.Time, limit int) (int64, error)
}

// Crowd is how many objects a calendar holds.
type Crowd struct {
	Ref
	Objects int64
}
