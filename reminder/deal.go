package reminder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"kalends/ical"
	"kalends/ical/personal"
	"kalends/storage"
)

const (
	lateAfter  = 2 * time.Minute // a reminder that is later than this says so
	lateLimit  = 24 * time.Hour  // one that is later than this, and whose instance is over, is not sent
	maxSkipped = 100             // of those judged one by one; a rule of every minute makes many
)

// Due is a reminder to send: what is due of one object, for one person, at one time.
type Due struct {
	At     time.Time
	Late   bool               // it should have gone out before: say so
	User   *storage.Principal // whom to remind
	Object *storage.Object
	Cal    *ical.Component // the object, parsed
	Items  []Item          // at least one
	Zone   *time.Location  // in which the person reads floating times
	Job    int64           // the id that the job will have
	Alarms []string        // keys of the rows
}

// deal carries out the earliest of what is due of one object, in one transaction, and writes when the rest is due. It
// reports whether more is due already.
func (d *Dispatcher) deal(ctx context.Context, k object) (again bool, err error) {
	var sent *Due // what was queued; nil for nothing
	var missed int
	err = d.Store.Update(ctx, func(tx storage.Tx) error {
		again, sent, missed = false, nil, 0
		if err := tx.Lock(ctx, 1, k.owner); err != nil {
			return ignore(err, storage.ErrNotFound) // removed, with its reminders
		}
		rows, err := tx.Reminders(ctx, k.owner, k.id)
		if err != nil || len(rows) == 0 {
			return err
		}
		o, err := tx.ObjectByID(ctx, k.owner, k.id)
		if errors.Is(err, storage.ErrNotFound) {
			return tx.SetReminders(ctx, k.owner, k.id, nil)
		}
		if err != nil {
			return err
		}
		cal, err := ical.Parse(o.ICS)
		if err != nil {
			// It was stored by a version that took it. Nothing can be said of it, now or later.
			d.Log.ErrorContext(ctx, "object of a reminder cannot be read", "owner", k.owner, "object", k.id, "err", err)
			return tx.SetReminders(ctx, k.owner, k.id, nil)
		}
		b := &batch{d: d, now: d.Now(), object: o, cal: cal}
		if err := b.read(ctx, tx, rows); err != nil {
			return err
		}
		missed = b.missed
		if sent, err = b.send(ctx, tx); err != nil {
			return err
		}
		var left []*storage.Reminder
		left, again = b.rows()
		return tx.SetReminders(ctx, k.owner, k.id, left)
	})
	if err != nil {
		return false, err
	}
	if missed > 0 {
		d.Log.WarnContext(ctx, "reminders missed: the server was away for too long", "owner", k.owner, "object", k.id, "count", missed)
	}
	d.Metrics.RemindersMissed(missed)
	if sent != nil {
		d.Metrics.ReminderSent(len(sent.Items), sent.At, d.Now(), sent.Late)
		if d.Queued != nil {
			d.Queued()
		}
	}
	return again, nil
}

func ignore(err, target error) error {
	if errors.Is(err, target) {
		return nil
	}
	return err
}

// batch is the reminders of one object in one transaction.
type batch struct {
	d      *Dispatcher
	now    time.Time
	object *storage.Object
	cal    *ical.Component
	states []*state
	missed int
	in     *storage.Calendar
}

// state is one row with what is next of its alarm.
type state struct {
	plan  *plan
	user  *storage.Principal
	cal   *ical.Component // the object as they have it
	row   *storage.Reminder
	due   time.Time
	items []Item // none: never again
}

// read plans the rows anew. The object may have changed since they were written, the person may have declined, a
// zone may have other rules.
func (b *batch) read(ctx context.Context, tx storage.Tx, rows []*storage.Reminder) error {
	plans := map[int64]*state{} // by person
	for _, r := range rows {
		p, ok := plans[r.ForUser]
		if !ok {
			var err error
			if p, err = b.person(ctx, tx, r.ForUser); err != nil {
				return err
			}
			plans[r.ForUser] = p
		}
		if p == nil || !slices.Contains(p.plan.keys, r.Alarm) {
			continue // the row goes
		}
		s := &state{plan: p.plan, user: p.user, cal: p.cal, row: r}
		s.due, s.items = s.plan.next(r.Alarm, r.FiredThrough)
		b.skip(s)
		b.states = append(b.states, s)
	}
	return nil
}

// person returns the plan for a person, nil where nothing can be due for them.
func (b *batch) person(ctx context.Context, tx storage.Tx, id int64) (*state, error) {
	who, err := tx.PrincipalByID(ctx, id)
	if err != nil {
		return nil, ignore(err, storage.ErrNotFound)
	}
	c, err := b.calendar(ctx, tx)
	if err != nil {
		return nil, err
	}
	cal := b.cal
	if id != b.object.Owner {
		if cal, err = b.shared(ctx, tx, who, c); err != nil || cal == nil {
			return nil, err
		}
	}
	addresses, err := tx.Addresses(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("addresses of %d: %w", id, err)
	}
	o := b.d.Site.For(who, addresses, c, b.object)
	o.Now = b.now
	p := newPlan(cal, nil, o)
	if p == nil {
		return nil, nil
	}
	return &state{plan: p, user: who, cal: cal}, nil
}

// calendar returns the collection that the object is in, nil where it is gone.
func (b *batch) calendar(ctx context.Context, tx storage.Tx) (*storage.Calendar, error) {
	if b.in != nil {
		return b.in, nil
	}
	all, err := tx.Calendars(ctx, b.object.Owner)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if c.ID == b.object.Calendar {
			b.in = c
		}
	}
	return b.in, nil
}

// shared returns the object as somebody has it whose calendar it is not, nil where they may not see it any more.
func (b *batch) shared(ctx context.Context, tx storage.Tx, who *storage.Principal, c *storage.Calendar) (*ical.Component, error) {
	if c == nil || b.d.MayRead == nil || b.object.Privacy != storage.Public {
		return nil, nil
	}
	if may, err := b.d.MayRead(ctx, tx, who, c); err != nil || !may {
		return nil, err
	}
	list, err := tx.PersonalOf(ctx, b.object.Owner, who.ID, []int64{b.object.ID})
	if err != nil || list[b.object.ID] == nil {
		return nil, err
	}
	mine, err := ical.Parse(list[b.object.ID].ICS)
	if err != nil {
		return nil, nil
	}
	return personal.Compose(b.cal, mine), nil
}

// skip passes over what is too late to be sent: each instance is judged by itself.
func (b *batch) skip(s *state) {
	for len(s.items) > 0 && s.due.Before(b.now) {
		limit := s.due.Add(lateLimit)
		for _, it := range s.items {
			limit = later(limit, it.Instance.End)
		}
		if !b.now.After(limit) {
			return
		}
		through := s.due
		if b.missed += len(s.items); b.missed > maxSkipped {
			through = later(through, b.now.Add(-lateLimit-time.Microsecond))
		}
		s.row.FiredThrough = through
		s.due, s.items = s.plan.next(s.row.Alarm, through)
	}
}

// send queues the earliest of what is due: all alarms of one person with that due time at once. It returns what it queued, nil for
// nothing.
func (b *batch) send(ctx context.Context, tx storage.Tx) (*Due, error) {
	var first *state
	for _, s := range b.states {
		if len(s.items) > 0 && !s.due.After(b.now) && (first == nil || s.due.Before(first.due)) {
			first = s
		}
	}
	if first == nil {
		return nil, nil
	}
	due := &Due{
		At: first.due, Late: b.now.Sub(first.due) > lateAfter, User: first.user, Object: b.object, Cal: first.cal,
		Zone: first.plan.o.Floating,
	}
	for _, s := range b.states {
		if len(s.items) == 0 || s.user.ID != first.user.ID || !s.due.Equal(due.At) {
			continue
		}
		due.Items = append(due.Items, s.items...)
		due.Alarms = append(due.Alarms, s.row.Alarm)
		s.row.FiredThrough = due.At
	}
	for _, s := range b.states {
		if s.user.ID == first.user.ID && s.row.FiredThrough.Equal(due.At) {
			s.due, s.items = s.plan.next(s.row.Alarm, due.At)
			b.skip(s)
		}
	}
	var err error
	if due.Job, err = tx.Next(ctx, b.object.Owner); err != nil {
		return nil, err
	}
	j, err := b.d.Compose(ctx, tx, *due)
	if err != nil {
		return nil, fmt.Errorf("compose reminder: %w", err)
	}
	if j == nil {
		return nil, nil
	}
	j.Owner, j.ID, j.Object, j.UID, j.State = b.object.Owner, due.Job, b.object.ID, b.object.UID, storage.Ready
	if j.Kind == "" {
		j.Kind = "mail"
	}
	if j.DueAt.IsZero() {
		j.DueAt = b.now
	}
	if j.Created.IsZero() {
		j.Created = b.now
	}
	return due, tx.AddJob(ctx, j)
}

// rows returns the rows to write, and whether one of them is due already.
func (b *batch) rows() ([]*storage.Reminder, bool) {
	var list []*storage.Reminder
	again := false
	for _, s := range b.states {
		r := *s.row
		r.Calendar = b.object.Calendar
		r.Leased, r.Attempt, r.LastError = false, 0, ""
		r.DueAt = time.Time{}
		if len(s.items) > 0 {
			r.DueAt = s.due
			again = again || !r.DueAt.After(b.now)
		}
		list = append(list, &r)
	}
	return list, again
}
