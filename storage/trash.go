package storage

import (
	"context"
	"time"
)

// Trashed is an object that somebody deleted, kept so that this can be undone.
type Trashed struct {
	Owner, ID    int64 // ID is that of the object, which no other of the owner's ever gets
	Calendar     int64 // it was in; that may be gone too
	Slug         string
	CalendarName string
	Name         string // of the object
	UID          string
	Component    string
	By           int64 // principal who deleted it
	Deleted      time.Time
	ICS          []byte
}

// TrashReader reads what people deleted.
type TrashReader interface {
	// Trash returns what was deleted in the calendars of an owner, the latest first and of one time by descending id, after the entry
	// given (zero: from the latest), at most limit.
	Trash(ctx context.Context, owner int64, after TrashMark, limit int) ([]*Trashed, error)
	// TrashedUID returns the entries with a UID, the latest first, at most MaxTrashedUID.
	TrashedUID(ctx context.Context, owner int64, uid string) ([]*Trashed, error)
	// Trashed returns one entry. ErrNotFound.
	Trashed(ctx context.Context, owner, id int64) (*Trashed, error)
}

// MaxTrashedUID bounds how many entries of one UID are looked at.
const MaxTrashedUID = 10

// TrashMark is a place in a list of what was deleted.
type TrashMark struct {
	Deleted time.Time
	ID      int64
}

// TrashTx writes it. The owner's home must be locked.
type TrashTx interface {
	// AddTrash keeps an object that is deleted. Of one owner at most so many octets are kept: the oldest go.
	AddTrash(ctx context.Context, t *Trashed, most int64) error
	// TrashCalendar keeps all objects of a calendar that is deleted, as AddTrash does.
	TrashCalendar(ctx context.Context, c *Calendar, by int64, deleted time.Time, most int64) error
	// RemoveTrash removes one entry; it is no error when it is not there.
	RemoveTrash(ctx context.Context, owner, id int64) error
	// EmptyTrash removes all of an owner, and returns how many entries there were.
	EmptyTrash(ctx context.Context, owner int64) (int64, error)
}
