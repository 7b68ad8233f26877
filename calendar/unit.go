package calendar

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kalends/ical"
	"kalends/scheduling"
	"kalends/storage"
	"kalends/webhook"
)

// unit is one transaction that changes calendars: what every kind of change does with each object, it
// does here. A retry of the transaction begins with a new unit.
type unit struct {
	s      *Service
	tx     storage.Tx
	now    time.Time
	people *people
	homes  map[int64][]*storage.Calendar // of the people who get something delivered
	copies []*storage.Object             // of the meeting, in all homes that are locked
	jobs   int                           // queued
	used   map[int64]int64               // octets in the homes that were asked for, with what was written

	taken map[int64]bool // attachments that were counted into used

	owner    *storage.Principal                              // of the calendar that is asked to be changed, where it is known
	made     bool                                            // by the server's own pages or API: so are the copies that are delivered
	replans  bool                                            // objects stay as they are, only what they depend on is another
	reminded *reminded                                       // the owner of the calendar written to last
	sharees  map[storage.Ref]map[int64]storage.DefaultAlarms // alarms by default of those with whom calendars are shared, as far as they were asked for

	told    webhook.Recorder // what webhooks are told of it
	replies []reply          // of rooms, which wait until the invitation is delivered

	// altNames: the usual name of a copy was taken by another object, so copies get one that is free.
	altNames bool
}

// errGrew ends a transaction that found it must lock more homes than it has.
var errGrew = errors.New("more homes to lock")

// tries bounds how often a transaction may find that. Each time the set grows by what a concurrent
// change brought in.
const tries = 8

// update runs fn in a transaction that holds the locks of the owner and of the people here, and again
// with more people as long as fn returns errGrew.
func (s *Service) update(ctx context.Context, owner int64, who *people, fn func(u *unit) error) error {
	return s.updateObject(ctx, owner, who, storage.Expected{}, fn)
}

// updateObject is update for a change that begins by reading what is expected: then that, and what a meeting needs of its people's homes,
// comes with the locks.
func (s *Service) updateObject(ctx context.Context, owner int64, who *people, e storage.Expected, fn func(u *unit) error) error {
	altNames := false
	who.most = s.Limit().Local
	for range tries {
		jobs := 0
		err := s.Store.Update(ctx, func(tx storage.Tx) error {
			u := &unit{s: s, tx: tx, now: s.Now().UTC(), people: who, altNames: altNames}
			homes := who.homes(owner)
			if e.Owner != 0 {
				e.Homes = len(homes) > 1
				tx.Expect(e)
			}
			if err := tx.Lock(ctx, 4, homes...); err != nil {
				return fmt.Errorf("lock: %w", err)
			}
			err := fn(u)
			if err == nil {
				err = u.tell(ctx)
			}
			jobs = u.jobs
			return err
		})
		if errors.Is(err, errGrew) {
			continue
		}
		if errors.Is(err, storage.ErrConflict) && !altNames {
			altNames = true
			continue
		}
		if err == nil && jobs > 0 {
			s.woken()
		}
		return err
	}
	return Errorf(Unavailable, "the meeting is being changed by too many at once; try again")
}

// include makes sure that the homes which a change of this meeting by its owner reaches are locked too: errGrew
// when they are not.
func (u *unit) include(ctx context.Context, owner *storage.Principal, cal *ical.Component) error {
	if _, err := u.people.meet(ctx, u.tx, owner, cal); err != nil {
		return err
	}
	for _, id := range u.people.reached {
		if !u.tx.Locked(id) {
			return errGrew
		}
	}
	return nil
}

// write stores an object: row has the columns that depend on its text (see parsed.object), to which it
// gives place, id, and history from old (nil for a new one). The reminders follow.
//
// A scheduling object gets a new Schedule-Tag where newTag is set, else it keeps its tag (RFC 6638 section 3.2.10).
func (u *unit) write(ctx context.Context, cal *storage.Calendar, name string, p *parsed, row, old *storage.Object, newTag bool) error {
	seq, err := u.tx.Next(ctx, cal.Owner)
	if err != nil {
		return fmt.Errorf("next: %w", err)
	}
	row.Owner, row.Calendar, row.Name, row.Seq = cal.Owner, cal.ID, name, seq
	if old != nil {
		row.ID, row.Created, row.Remind = old.ID, old.Created, old.Remind
	} else {
		row.ID, row.Remind = seq, u.made
	}
	if row.Organizer != "" {
		if row.ScheduleTag = scheduling.Tag(seq); !newTag && old != nil && old.ScheduleTag != "" {
			row.ScheduleTag = old.ScheduleTag
		}
	}
	if err := u.quota(ctx, cal, row, old); err != nil {
		return err
	}
	if err := u.tx.PutObject(ctx, row, old); err != nil {
		return fmt.Errorf("put object %d/%d/%s: %w", row.Owner, row.Calendar, row.Name, err)
	}
	if err := u.refer(ctx, p.cal, row, old); err != nil {
		return err
	}
	u.noteWritten(p.cal, row, old)
	return u.remind(ctx, cal, p, row, old)
}

// quota refuses what would make what is kept of the owner larger than allowed (RFC 4331 section 6). What shrinks is taken.
func (u *unit) quota(ctx context.Context, cal *storage.Calendar, row, old *storage.Object) error {
	more := row.Size
	if old != nil {
		more -= old.Size
	}
	return u.charge(ctx, cal.Owner, more)
}

// charge counts so many octets more against an owner's quota. What is used in all homes that the change reaches is read at once, before
// anything is written, so that all writes are one trip.
func (u *unit) charge(ctx context.Context, owner, more int64) error {
	max := u.s.Limits.Quota
	used, known := u.used[owner]
	switch {
	case max == 0, more <= 0 && !known:
		return nil
	case !known:
		all, err := u.tx.Usages(ctx, u.people.homes(owner))
		if err != nil {
			return err
		}
		if u.used == nil {
			u.used = make(map[int64]int64, len(all))
		}
		for o, usage := range all {
			if _, known := u.used[o]; !known {
				u.used[o] = usage.Total()
			}
		}
		used = u.used[owner]
	}
	if used += more; more > 0 && used > max {
		return Errorf(QuotaExceeded, "this would take %d octets of the %d that are allowed", used, max)
	}
	u.used[owner] = used
	return nil
}

// remove deletes an object with all that hangs on it.
func (u *unit) remove(ctx context.Context, o *storage.Object) error {
	seq, err := u.tx.Next(ctx, o.Owner)
	if err != nil {
		return fmt.Errorf("next: %w", err)
	}
	if err := u.tx.DeleteObject(ctx, o, seq); err != nil {
		return fmt.Errorf("delete object %d/%d/%s: %w", o.Owner, o.Calendar, o.Name, err)
	}
	if err := u.charge(ctx, o.Owner, -o.Size); err != nil {
		return err
	}
	u.noteRemoved(o, seq)
	return u.refer(ctx, nil, nil, o)
}

// queue adds a job of the owner.
func (u *unit) queue(ctx context.Context, j *storage.Job) error {
	id, err := u.tx.Next(ctx, j.Owner)
	if err != nil {
		return fmt.Errorf("next: %w", err)
	}
	j.ID, j.State, j.Created = id, storage.Ready, u.now
	if j.DueAt.IsZero() {
		j.DueAt = u.now
	}
	u.jobs++
	if err := u.tx.AddJob(ctx, j); err != nil {
		return fmt.Errorf("add job %s: %w", j.Kind, err)
	}
	return nil
}

// parseStored reads the text of a stored object.
func parseStored(o *storage.Object) (*ical.Component, error) {
	if o == nil {
		return nil, nil
	}
	cal, err := ical.Parse(o.ICS)
	if err != nil {
		return nil, fmt.Errorf("stored object %d/%d/%s: %w", o.Owner, o.Calendar, o.Name, err)
	}
	return cal, nil
}

// home returns the collections of somebody the change reaches; those of all are read at once.
func (u *unit) home(ctx context.Context, id int64) ([]*storage.Calendar, error) {
	if u.homes[id] == nil {
		var err error
		if u.homes, err = u.tx.HomeCalendars(ctx, u.people.homes(id)); err != nil {
			return nil, fmt.Errorf("home calendars: %w", err)
		}
	}
	return u.homes[id], nil
}

// collection is the function of that name. Where others are reached too, the collections of all are read at once, and before
// anything is written, so that all writes are one trip.
func (u *unit) collection(ctx context.Context, t Target) (*storage.Calendar, error) {
	if len(u.people.homes(t.Owner.ID)) == 1 {
		return collection(ctx, u.tx, t)
	}
	home, err := u.home(ctx, t.Owner.ID)
	if err != nil {
		return nil, err
	}
	for _, c := range home {
		if c.Slug == t.Slug {
			return c, nil
		}
	}
	return collection(ctx, u.tx, t)
}

// collectionOf returns a collection by its id; nil where it is not there.
func (u *unit) collectionOf(ctx context.Context, owner, id int64) (*storage.Calendar, error) {
	list, err := u.tx.Calendars(ctx, owner)
	if err != nil {
		return nil, fmt.Errorf("calendars: %w", err)
	}
	for _, c := range list {
		if c.ID == id {
			return c, nil
		}
	}
	return nil, nil
}
