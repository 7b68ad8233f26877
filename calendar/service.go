// Package calendar is the one way to change a calendar. It validates, stores, indexes, schedules and
// sets reminders, all in one transaction: CalDAV, JSON, web pages, incoming mail and import all
// write through [Service], so none can leave a step out.
package calendar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"kalends/auth"
	"kalends/storage"
)

// Limits bound what is stored and answered. The zero value of a field means its default.
type Limits struct {
	ObjectSize int64 // octets of one object; 1 MiB
	Attendees  int   // of one object; 1,000
	Instances  int   // of one bounded recurrence rule, and in one object's answer; 10,000
	Outside    int   // recipients outside for one meeting; 100
	Local      int   // attendees here that are reached in the transaction; 100
	Quota      int64 // octets of all objects and attachments of one owner; 0 for no limit
	// AttachmentSize is in octets of one attachment; 10 MiB. Attachments are those of one object; 20.
	AttachmentSize int64
	Attachments    int
	Trash          int64 // octets of what an owner deleted that are kept, the latest; 256 MiB
}

// Default limits (DESIGN.md, Bounds).
const (
	DefaultObjectSize = 1 << 20
	DefaultAttendees  = 1000
	DefaultInstances  = 10_000
	DefaultOutside    = 100
	DefaultLocal      = 100
	DefaultTrash      = 256 << 20

	DefaultAttachmentSize = 10 << 20
	DefaultAttachments    = 20
)

// WithDefaults returns l with its defaults filled in.
func (l Limits) WithDefaults() Limits {
	set := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	if l.ObjectSize == 0 {
		l.ObjectSize = DefaultObjectSize
	}
	if l.Trash == 0 {
		l.Trash = DefaultTrash
	}
	if l.AttachmentSize == 0 {
		l.AttachmentSize = DefaultAttachmentSize
	}
	set(&l.Attachments, DefaultAttachments)
	set(&l.Attendees, DefaultAttendees)
	set(&l.Instances, DefaultInstances)
	set(&l.Outside, DefaultOutside)
	set(&l.Local, DefaultLocal)
	return l
}

// Service changes and reads calendars. Its fields are set before first use and not changed after.
type Service struct {
	Store  storage.Store
	Now    func() time.Time
	Log    *slog.Logger
	Limits Limits

	// DisplayReminders makes DISPLAY and AUDIO alarms reminder mails too; EMAIL alarms always are.
	DisplayReminders bool
	// DefaultReminder is how long before its start people are reminded of a timed event without any alarm; 0 for never.
	DefaultReminder time.Duration
	// MeetingReminder is the same for what was put with PutRequest.Remind; 0 for as DefaultReminder says.
	MeetingReminder time.Duration
	// FloatingZone is where people are who have set no zone; nil for UTC. Their all-day and floating events are
	// reminded of in it.
	FloatingZone *time.Location
	// UpdateHold is how long an update to people outside waits for further edits to merge with.
	UpdateHold time.Duration
	// URL is the beginning of the URLs of attachments, https://cal.example.com, where a request does not say it; "" for none.
	URL string
	// NewKey makes what nobody can guess in the names of attachments: 26 letters a to z and digits 2 to 7. Nil for random ones.
	NewKey func() string
	// Wake is called after a commit that queued work: the hint, while polling is the guarantee. May be nil.
	Wake func()

	series seriesCache
	// availability holds what was read of when people are there.
	availability availabilityCache
	years        occurrenceCache

	listings listingCache
}

// Target is a collection or, with a Name, an object in a home.
type Target struct {
	Owner *storage.Principal
	Slug  string
	Name  string
	// Access is what the asker may do in the owner's home, where the caller knows; else it is asked for. Changes ask again.
	Access *auth.Access
	// Calendar is the collection where the caller has just read it, as its owner has it; nil where not. Changes read it again.
	Calendar *storage.Calendar
	// Share is set where the target was named in the home of somebody with whom the collection is shared: see [Service.Shared]. Owner and Slug are
	// the sharer's all the same.
	Share  *storage.Share
	Sharee *storage.Principal // whose home that is
}

// path names the target as the asker knows it.
func (t Target) path() *Path {
	if t.Share != nil {
		return &Path{t.Sharee.Name, t.Share.Slug(), t.Name}
	}
	return &Path{t.Owner.Name, t.Slug, t.Name}
}

// Limit returns the limits with defaults.
func (s *Service) Limit() Limits { return s.Limits.WithDefaults() }

// collection reads the target's collection, with a clear error when it is not there.
func collection(ctx context.Context, r storage.Reader, t Target) (*storage.Calendar, error) {
	cal, err := r.Calendar(ctx, t.Owner.ID, t.Slug)
	if err != nil {
		return nil, noCollection(err, t)
	}
	return cal, nil
}

func noCollection(err error, t Target) error {
	if errors.Is(err, storage.ErrNotFound) {
		return Errorf(NotFound, "there is no calendar %q", t.path().Slug)
	}
	return fmt.Errorf("collection %d/%s: %w", t.Owner.ID, t.Slug, err)
}

func (s *Service) woken() {
	if s.Wake != nil {
		s.Wake()
	}
}
