// Package storage says what Kalends keeps and how it is read and changed; it holds no SQL.
// Package sqlstore implements it for Postgres and SQLite, and package storagetest tests both alike.
//
// All instants are microseconds since 1970 in UTC. Floating and all-day times are wall clock
// microseconds with a flag. Every row of calendar data belongs to an owner (a principal's id), and
// every query names it.
package storage

import (
	"context"
	"errors"
	"time"
)

// Errors that callers tell apart.
var (
	// ErrNotFound: what was asked for is not there.
	ErrNotFound = errors.New("not found")
	// ErrConflict: a unique name, address or UID is taken, or a row is not in the expected state.
	ErrConflict = errors.New("conflict")
	// ErrInvalid: a text to store has a NUL or is no UTF-8.
	ErrInvalid = errors.New("text cannot be stored")
	// ErrTooMuch: the answer is larger than was asked for.
	ErrTooMuch = errors.New("too much at once")
	// ErrUnavailable: the database cannot be reached or is stopping; the same call may succeed later.
	ErrUnavailable = errors.New("database unavailable")
	// ErrNewerSchema: the database was migrated by a newer version of this program.
	ErrNewerSchema = errors.New("database schema is newer than this program")
)

// Store is a database.
type Store interface {
	// Reader's methods on a Store see the latest committed state, each call for itself.
	Reader
	Queue
	Housekeeping
	APIStore
	WebStore
	Watcher
	ZoneStore
	WebhookQueue

	// View runs fn on one unchanging state (REPEATABLE READ, READ ONLY).
	View(ctx context.Context, fn func(Reader) error) error

	// Update runs fn in a transaction (READ COMMITTED) and commits it when fn returns nil. After a deadlock, a
	// serialization failure or SQLITE_BUSY fn runs again, up to a limit, so it touches only tx
	// and what it sets afresh.
	Update(ctx context.Context, fn func(Tx) error) error

	// Migrate brings the schema up to date, under a lock that other servers respect.
	Migrate(ctx context.Context) error
	// Ready returns nil when the database answers and its schema is the one this program needs.
	Ready(ctx context.Context) error
	// Epoch identifies this database's history; restoring a backup draws a new one. Part of sync tokens.
	Epoch(ctx context.Context) (int64, error)
	// Secret returns the server-wide secret of that name, making it (32 random bytes) at first use. All servers on one
	// database see the same.
	Secret(ctx context.Context, name string) ([]byte, error)

	Close() error
}

// Reader reads. Slices and structs that it returns are the caller's.
type Reader interface {
	MailReader
	SchedulingReader
	GrantReader
	HomeReader
	APIReader
	WebReader
	FeedReader
	PersonalReader
	ReminderReader
	ShareReader
	TeamReader
	TrashReader
	AttachmentReader
	WebhookReader

	// PrincipalByName returns the principal with that login name (compared in lower case), with its
	// credential. ErrNotFound.
	PrincipalByName(ctx context.Context, name string) (*Principal, error)
	// PrincipalByID is the same by id. ErrNotFound.
	PrincipalByID(ctx context.Context, id int64) (*Principal, error)
	// PrincipalsByAddress returns the principals that have one of the calendar user addresses
	// (ical.Address form), keyed by address. Unknown addresses are left out.
	PrincipalsByAddress(ctx context.Context, addresses []string) (map[string]*Principal, error)
	// Principals lists principals by name, of the kinds given (none: all), whose name, display name or address
	// contains search ("": all; case-insensitive), after the name given, at most limit.
	Principals(ctx context.Context, q PrincipalQuery) ([]*Principal, error)
	// Addresses returns a principal's calendar user addresses, the preferred one first.
	Addresses(ctx context.Context, principal int64) ([]string, error)
	// Members returns the ids of a group's direct members, ascending.
	Members(ctx context.Context, group int64) ([]int64, error)
	// GroupsOf returns the ids of the groups a principal is directly in, ascending.
	GroupsOf(ctx context.Context, principal int64) ([]int64, error)

	// Calendars returns all collections of a home, ordered by id (the order of their making).
	Calendars(ctx context.Context, owner int64) ([]*Calendar, error)
	// Calendar returns the collection of that slug in a home. ErrNotFound.
	Calendar(ctx context.Context, owner int64, slug string) (*Calendar, error)
	// HomeCalendars returns the collections of several homes at once, keyed by owner.
	HomeCalendars(ctx context.Context, owners []int64) (map[int64][]*Calendar, error)

	// Object returns one object of a calendar, or one item of an inbox, with its text. ErrNotFound.
	Object(ctx context.Context, cal Ref, name string) (*Object, error)
	// ObjectByID is the same by id. ErrNotFound.
	ObjectByID(ctx context.Context, owner, id int64) (*Object, error)
	// ObjectsByName returns those of the named objects that are there, in any order.
	ObjectsByName(ctx context.Context, cal Ref, names []string) ([]*Object, error)
	// ObjectsByUID returns the objects (not inbox items) with that UID in any calendar of the owners.
	ObjectsByUID(ctx context.Context, owners []int64, uid string) ([]*Object, error)
	// Objects yields every object of a collection in the order of names, without holding all in memory. fn's error ends it and is
	// returned. The Object may be reused after fn returns. In a View or an Update fn must not read through the same Reader: the
	// connection is busy (writes of a Tx wait, and are fine).
	Objects(ctx context.Context, cal Ref, fields Fields, fn func(*Object) error) error
	// ObjectsInRange returns the objects of these calendars of one owner whose occurrence bounds touch
	// the window: exact for those that do not recur, a superset for those that do. Ordered by (calendar, name). ErrTooMuch.
	ObjectsInRange(ctx context.Context, q RangeQuery) ([]*Object, error)
	// Changes returns what changed in a collection after since, ordered by seq, at most limit (0: all): for each name only
	// its latest state. Tombstones are Changes with Deleted set.
	Changes(ctx context.Context, cal Ref, since int64, limit int) ([]Change, error)

	// Properties returns the dead properties of a collection's own and, with members, of everything in it.
	Properties(ctx context.Context, owner, calendar int64, members bool) ([]Property, error)

	// OwnProperties returns what a user has of their own of the collections of some homes, as HomeProperties does.
	OwnProperties(ctx context.Context, user int64, owners []int64) ([]Property, error)
	// HomeProperties returns the dead properties of a home (Calendar is HomeProps) and of the collections in it, none of what is
	// in these.
	HomeProperties(ctx context.Context, owner int64) ([]Property, error)

	// Reminders returns the reminder rows of one object.
	Reminders(ctx context.Context, owner, object int64) ([]*Reminder, error)
	// Jobs returns outbox rows, newest first, of the states given (none: all), at most limit.
	Jobs(ctx context.Context, states []JobState, limit int) ([]*Job, error)
}

// Tx reads and writes in one transaction.
//
// Writes that return nothing but an error may be carried out later, at the next read or at commit, many in
// one round trip; an error of theirs then appears there and ends the transaction. So a caller checks what it
// must know under the lock, before it writes. What is passed to a write is not changed before the transaction ends.
//
// Calendar data (all but principals, credentials and members) is only written in homes that are locked, or made in this transaction; else the
// write is refused.
type Tx interface {
	Reader
	MailTx
	SchedulingTx
	GrantTx
	FeedTx
	PersonalTx
	ReminderTx
	ShareTx
	TeamTx
	TrashTx
	AttachmentTx
	WebhookTx

	// Expect says before Lock what is read next. Lock then reads it as well, in its own round trip and when it holds the locks, and keeps each
	// answer for the first call that asks for it, until the transaction writes. What is answered is the same without it.
	Expect(e Expected)
	// Lock takes the write locks of these owners' homes, in ascending order, and must come before anything
	// is read that the write depends on. It may be called once in a transaction. n is how many Next the caller expects
	// for each. ErrNotFound when a home is not there.
	Lock(ctx context.Context, n int, owners ...int64) error
	// Locked reports whether the owner's home is locked by this transaction.
	Locked(owner int64) bool
	// Next draws the next value of the owner's counter, for a change or a new id. The home must be locked.
	Next(ctx context.Context, owner int64) (int64, error)

	// PutPrincipal inserts (ID 0, which it sets, together with a home that has no calendars yet) or updates a
	// principal and replaces its addresses (the first is the preferred one). ErrConflict when the name or an address is
	// another's.
	PutPrincipal(ctx context.Context, p *Principal, addresses []string) error
	// SetCredential stores a password hash and raises the credential's version.
	SetCredential(ctx context.Context, principal int64, hash string) error
	// DeletePrincipal removes a principal, everything it owns and what was granted to it. Jobs of the kinds in keep that wait, and that nothing can
	// take the place of (they have no Merge), are left, with what is noted of earlier mails about the same objects. ErrNotFound.
	DeletePrincipal(ctx context.Context, id int64, keep ...string) error
	// SetMembers replaces a group's direct members.
	SetMembers(ctx context.Context, group int64, members []int64) error

	// PutCalendar inserts or updates a collection by (Owner, ID). LastSeq, Floor and Bytes are kept by the
	// other methods and not written on update. A tombstone of its slug goes.
	PutCalendar(ctx context.Context, c *Calendar) error
	// RenameCalendar gives a collection another slug, which must be free, and leaves a tombstone of seq under the old one.
	RenameCalendar(ctx context.Context, owner, id int64, slug string, seq int64) error
	// DeleteCalendar removes a collection with its objects, reminders, tombstones, properties and grants, and leaves a tombstone of
	// seq in the home.
	DeleteCalendar(ctx context.Context, owner, id, seq int64) error
	// TouchCalendar raises a collection's LastSeq to seq.
	TouchCalendar(ctx context.Context, owner, id, seq int64) error

	// PutObject inserts or replaces the object with o's (Owner, Calendar, Name); o.ID and o.Seq are set by the caller (from Next).
	// It removes a tombstone of the name, raises the collection's LastSeq to o.Seq and counts bytes: old is what
	// was there, nil for none. Where o.Inbox, the row is an inbox item.
	PutObject(ctx context.Context, o, old *Object) error
	// DeleteObject removes an object with its reminders and properties, leaves a tombstone of seq, and raises the collection's LastSeq.
	DeleteObject(ctx context.Context, o *Object, seq int64) error
	// MoveObject gives an object another calendar of its owner and name, keeping its id, reminders and properties: a tombstone
	// of seq stays behind, and o, with its new Calendar, Name and Seq, is written.
	MoveObject(ctx context.Context, o, old *Object, seq int64) error

	// PutProperty inserts or replaces a dead property.
	PutProperty(ctx context.Context, p Property) error
	// DeleteProperty removes one; it is no error when it is not there.
	DeleteProperty(ctx context.Context, p Property) error

	// SetReminders makes the rows of one object exactly these, keyed by (ForUser, Alarm): others of the object are removed. A row
	// that keeps its DueAt keeps its lease, and FiredThrough never goes back. A row with a zero DueAt is kept and never due, so an alarm
	// that has fired for the last time is passed too.
	SetReminders(ctx context.Context, owner, object int64, rows []*Reminder) error

	// AddJob queues an effect to carry out after commit. j.ID is set by the caller (from Next). With a non-empty Merge, a job of the same owner and
	// Merge that is still ready takes the new one's payload and keeps its due time.
	AddJob(ctx context.Context, j *Job) error
	// DropJobs removes the owner's ready jobs with that Merge.
	DropJobs(ctx context.Context, owner int64, merge string) error

	// AddInbound notes a mail taken in; false when the key was noted before (a repeat).
	AddInbound(ctx context.Context, in Inbound) (bool, error)
}

// Queue is what dispatchers use; each call is a transaction of its own.
type Queue interface {
	MailQueue
	FeedQueue

	// ClaimJobs leases up to limit ready jobs of these kinds, or leased ones whose lease is over, that are due at now, oldest first:
	// state leased until now+lease, Attempt raised. Several servers never get the same row.
	ClaimJobs(ctx context.Context, kinds []string, now time.Time, lease time.Duration, limit int) ([]*Job, error)
	// FinishJob sets the outcome of a leased job (by Owner, ID, Attempt): State done, failed, or ready again at DueAt, with LastError. ErrConflict when the lease
	// was lost to another.
	FinishJob(ctx context.Context, j *Job) error
	// NextJob returns when the next job of these kinds is due. ErrNotFound when none waits.
	NextJob(ctx context.Context, kinds []string) (time.Time, error)

	// ClaimReminders, FinishReminder and NextReminder do the same for reminders. FinishReminder writes DueAt (zero: none further; the row
	// stays, for its FiredThrough), FiredThrough, which never goes back, and LastError ("" starts Attempt at 0 again). ErrConflict when the lease was
	// lost, to another or because SetReminders gave the row another due time; FiredThrough is noted even then.
	//
	// A row may be claimed whose DueAt is not after its FiredThrough: SetReminders and FinishReminder crossed. Nothing is sent for it, only
	// its next due time computed.
	ClaimReminders(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]*Reminder, error)
	FinishReminder(ctx context.Context, r *Reminder) error
	NextReminder(ctx context.Context) (time.Time, error)
}
