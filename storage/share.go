package storage

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ShareState is where an invitation into a calendar stands.
type ShareState string

// The states of a Share.
const (
	ShareInvited  ShareState = "invited"
	ShareAccepted ShareState = "accepted"
	ShareDeclined ShareState = "declined"
)

// Share is a calendar that its owner shares with a person or group by an invitation. Accepted, it grants Privileges, and the calendar is in
// the sharee's home too. It is kept on both sides: the owner's has what both know, the sharee's also what is the sharee's own.
type Share struct {
	Owner, Calendar int64
	Sharee          int64
	// Via is the group that the calendar is shared with, of which the sharee is a member; 0 for the sharee themselves. Rights come from the
	// group's share then: they end with the membership.
	Via        int64
	Privileges uint32 // bits of auth.Privilege
	State      ShareState
	UID        string // of the invitation
	Summary    string // what the owner calls the calendar in it
	Created    time.Time
	Modified   time.Time

	// ID names the share in the sharee's home. It is drawn from the sharee's counter, and no calendar there has it: the dead properties of the
	// sharee's own are kept under it.
	ID int64
	// Alarms are the sharee's alarms by default in the calendar. Both sides have them: reminders are planned where the objects are.
	Alarms DefaultAlarms
	// Of the sharee's side only:
	Seq         int64  // of the last change of what the sharee sees of it, other than in the calendar; of the sharee's counter
	DisplayName string // "" for what the owner calls it
	Description string // "" for the owner's
	Color       string // "" for none, as the next two
	ColorName   string
	Order       string
	TimeZone    string // with TimeZoneID; "" for the owner's
	TimeZoneID  string
	Transparent bool // it takes none of the sharee's time
}

// sharePrefix begins the slugs of calendars that others share.
const sharePrefix = "shared-"

// Slug returns the name of the calendar in the sharee's home.
func (s *Share) Slug() string { return ShareSlug(s.ID) }

// ShareSlug returns the slug of the share with that ID.
func ShareSlug(id int64) string { return fmt.Sprintf("%s%d", sharePrefix, id) }

// ShareID reads what [ShareSlug] wrote.
func ShareID(slug string) (int64, bool) {
	digits, ok := strings.CutPrefix(slug, sharePrefix)
	if !ok {
		return 0, false
	}
	id, err := strconv.ParseInt(digits, 10, 64)
	return id, err == nil && id > 0 && ShareSlug(id) == slug
}

// ShareReader reads who shares what with whom.
type ShareReader interface {
	// Shares returns those of a calendar of the owner's (0: of all), in any state, ordered by (calendar, sharee). Of what is the sharee's own only the
	// alarms are in them.
	Shares(ctx context.Context, owner, calendar int64) ([]*Share, error)
	// Shared returns what others share with a person or group, in any state, ordered by ID.
	Shared(ctx context.Context, sharee int64) ([]*Share, error)
	// SharedByID returns one of these. ErrNotFound.
	SharedByID(ctx context.Context, sharee, id int64) (*Share, error)
	// CalendarByID returns a collection of a home. ErrNotFound.
	CalendarByID(ctx context.Context, owner, id int64) (*Calendar, error)
}

// ShareTx changes it.
type ShareTx interface {
	// PutShare inserts or updates the owner's side, by (Owner, Calendar, Sharee), and sets Shared of the calendar. The owner's home must be
	// locked.
	PutShare(ctx context.Context, s *Share) error
	// PutShared inserts or updates the sharee's side, by (Sharee, ID), and sets Shared of the sharee's notification collection. Of an accepted one
	// a tombstone of its slug goes. The sharee's home must be locked.
	PutShared(ctx context.Context, s *Share) error
	// BuryShared leaves a tombstone of seq for a share that was in the sharee's home. The sharee's home must be locked.
	BuryShared(ctx context.Context, s *Share, seq int64) error
	// DeleteShare removes the owner's side.
	DeleteShare(ctx context.Context, s *Share) error
	// DeleteShared removes the sharee's side with its properties.
	DeleteShared(ctx context.Context, s *Share) error
}
