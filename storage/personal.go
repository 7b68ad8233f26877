package storage

import (
	"context"
	"time"
)

// Personal is what is one person's own in an object of somebody else's calendar that is shared with them.
type Personal struct {
	Owner, Object, Calendar int64 // of the object
	User                    int64 // whose it is
	Seq                     int64 // of its last change, of the owner's counter; it changes nothing that others see
	Alarms                  bool  // there is a VALARM in ICS
	ICS                     []byte
}

// PersonalReader reads what people have of their own in shared calendars. Where [Calendar].Personal is not set there is nothing.
type PersonalReader interface {
	// PersonalOf returns a user's own parts of these objects of one owner, by object.
	PersonalOf(ctx context.Context, owner, user int64, objects []int64) (map[int64]*Personal, error)
	// PersonalSeqs returns the Seq of a user's own parts in a collection, by object.
	PersonalSeqs(ctx context.Context, cal Ref, user int64) (map[int64]int64, error)
	// PersonalLast returns the greatest Seq of a user's own parts in the collections of an owner, by collection.
	PersonalLast(ctx context.Context, owner, user int64) (map[int64]int64, error)
	// PersonalChanges returns the objects whose own parts of a user changed after since, ordered by the Seq of these, which the changes bear,
	// at most limit (0: all).
	PersonalChanges(ctx context.Context, cal Ref, user, since int64, limit int) ([]Change, error)
	// PersonalAlarms returns the own parts with alarms that anybody has of an object, ordered by user, at most MaxPersonalAlarms.
	PersonalAlarms(ctx context.Context, owner, object int64) ([]*Personal, error)
	// Missed returns the reminders of a user that it was too late for, the latest first, at most limit; with unseen only those
	// that were not marked as seen.
	Missed(ctx context.Context, user int64, unseen bool, limit int) ([]*Missed, error)
}

// MaxPersonalAlarms bounds how many people are reminded of one object of somebody else.
const MaxPersonalAlarms = 1000

// ObjectKey names an object.
type ObjectKey struct{ Owner, Object int64 }

// Reminded is an object with its reminder rows.
type Reminded struct {
	Object *Object // nil where it is gone
	Rows   []*Reminder
}

// ReminderReader reads what a dispatcher of reminders needs, of many objects at once.
type ReminderReader interface {
	// Reminded returns objects, with their texts, and their reminder rows, in the order of the keys.
	Reminded(ctx context.Context, keys []ObjectKey) ([]Reminded, error)
}

// ReminderTx writes them. The owner's home must be locked.
type ReminderTx interface {
	// PutReminders is SetReminders for some of the rows of an object: the others stay as they are.
	PutReminders(ctx context.Context, owner, object int64, rows []*Reminder) error
}

// PersonalTx writes them. The owner's home must be locked.
type PersonalTx interface {
	// PutPersonal inserts or replaces somebody's own part of an object, and sets Personal of its collection.
	PutPersonal(ctx context.Context, p *Personal) error
	// SetPersonal sets Personal of a collection, for objects that are moved into it.
	SetPersonal(ctx context.Context, owner, calendar int64) error
	// AddMissed notes a reminder that it was too late for. What was noted before stays as it is.
	AddMissed(ctx context.Context, m *Missed) error
	// SeeMissed marks what a user missed up to a time as seen, and returns how many there were.
	SeeMissed(ctx context.Context, user int64, through time.Time) (int64, error)
}

// Missed is a reminder that was not sent, because the server was away until it was too late.
type Missed struct {
	Owner, Object int64
	ForUser       int64
	DueAt         time.Time
	Start, End    time.Time // of the instance
	AllDay        bool
	Summary       string
	Noted         time.Time
	Seen          bool
}

// Zoned is an object as far as time zones move it.
type Zoned struct {
	Owner, Object int64
	Zones         string // as in Object
	Floating      bool
	Reminds       bool // it has reminders that are due some time
}

// ZoneStore is what is asked when the rules of time zones have changed; each call is a transaction of its own.
type ZoneStore interface {
	// ZonePrints returns the fingerprints of time zones by which the database was computed; none in a new database.
	ZonePrints(ctx context.Context) (map[string]string, error)
	// PutZonePrints replaces them.
	PutZonePrints(ctx context.Context, prints map[string]string) error
	// Mark returns a number that SetMark stored under a name; 0 for none.
	Mark(ctx context.Context, name string) (int64, error)
	SetMark(ctx context.Context, name string, value int64) error
	// ZonedObjects returns objects that a time zone may move, ordered by (owner, object), those after one, at most limit. more says that there are
	// others behind them.
	ZonedObjects(ctx context.Context, owner, object int64, limit int) (list []Zoned, more bool, err error)
}
