package reminder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/personal"
	"kalends/storage"
	"kalends/webhook"
)

const (
	lateAfter  = 2 * time.Minute // a reminder that is later than this says so
	lateLimit  = 24 * time.Hour  // one that is later than this, and whose instance is over, is not sent
	maxSkipped = 100             // of those judged one by one; a rule of every minute makes many
	maxTitle   = 300             // octets of what is noted of a missed one
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

// outcome is what came of the reminders of one object.
type outcome struct {
	sent   *Due // what was queued; nil for nothing
	missed int
	again  bool // more is due already
}

// deal carries out the earliest of what is due of each of these objects, in one transaction, and writes when the rest is due. It
// returns those of which more is due already. Many at once share the locks, the reads, and the wait for the disk.
func (d *Dispatcher) deal(ctx context.Context, keys []storage.ObjectKey) (again []storage.ObjectKey, err error) {
	owners, most := ownersOf(keys)
	var results []outcome
	told := 0
	err = d.Store.Update(ctx, func(tx storage.Tx) error {
		results = make([]outcome, len(keys))
		if err := tx.Lock(ctx, most, owners...); err != nil {
			if len(keys) == 1 {
				return ignore(err, storage.ErrNotFound) // removed, with its reminders
			}
			return err
		}
		list, err := tx.Reminded(ctx, keys)
		if err != nil {
			return err
		}
		who, err := gather(ctx, tx, owners, list)
		if err != nil {
			return err
		}
		for i, k := range keys {
			if results[i], err = d.dealOne(ctx, tx, k, list[i], who); err != nil {
				return err
			}
		}
		told, err = who.told.Write(ctx, tx, d.Now().UTC())
		return err
	})
	if err != nil {
		return nil, err
	}
	now, queued := d.Now(), told > 0
	for i, r := range results {
		if r.missed > 0 {
			d.Metrics.RemindersMissed(r.missed)
			d.Log.WarnContext(ctx, "reminders missed: the server was away for too long", "owner", keys[i].Owner, "object", keys[i].Object, "count", r.missed)
		}
		if r.sent != nil {
			d.Metrics.ReminderSent(len(r.sent.Items), r.sent.At, now, r.sent.Late)
			queued = true
		}
		if r.again {
			again = append(again, keys[i])
		}
	}
	if queued && d.Queued != nil {
		d.Queued()
	}
	return again, nil
}

// ownersOf returns the owners of objects, and how many objects one of them has at most.
func ownersOf(keys []storage.ObjectKey) (owners []int64, most int) {
	count := map[int64]int{}
	for _, k := range keys {
		if count[k.Owner]++; count[k.Owner] == 1 {
			owners = append(owners, k.Owner)
		}
		most = max(most, count[k.Owner])
	}
	slices.Sort(owners)
	return owners, most
}

// known is what was read of people and calendars for a batch.
type known struct {
	people    map[int64]*storage.Principal
	addresses map[int64][]string
	homes     map[int64][]*storage.Calendar
	told      webhook.Recorder                                // what webhooks are told of the batch
	sharees   map[storage.Ref]map[int64]storage.DefaultAlarms // of calendars that were asked for
}

func gather(ctx context.Context, tx storage.Tx, owners []int64, list []storage.Reminded) (*known, error) {
	var ids []int64
	for _, r := range list {
		for _, row := range r.Rows {
			ids = append(ids, row.ForUser)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	k := &known{people: make(map[int64]*storage.Principal, len(ids))}
	if len(ids) == 0 {
		return k, nil
	}
	people, err := tx.PrincipalsByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	for _, p := range people {
		k.people[p.ID] = p
	}
	if k.addresses, err = tx.AddressesOf(ctx, ids); err != nil {
		return nil, err
	}
	k.homes, err = tx.HomeCalendars(ctx, owners)
	return k, err
}

// dealOne is deal for one object, whose owner is locked.
func (d *Dispatcher) dealOne(ctx context.Context, tx storage.Tx, k storage.ObjectKey, r storage.Reminded, who *known) (outcome, error) {
	if len(r.Rows) == 0 {
		return outcome{}, nil
	}
	if r.Object == nil {
		return outcome{}, tx.SetReminders(ctx, k.Owner, k.Object, nil)
	}
	cal, err := ical.Parse(r.Object.ICS)
	if err != nil {
		// It was stored by a version that took it. Nothing can be said of it, now or later.
		d.Log.ErrorContext(ctx, "object of a reminder cannot be read", "owner", k.Owner, "object", k.Object, "err", err)
		return outcome{}, tx.SetReminders(ctx, k.Owner, k.Object, nil)
	}
	b := &batch{d: d, now: d.Now(), object: r.Object, cal: cal, known: who}
	if err := b.read(ctx, tx, r.Rows); err != nil {
		return outcome{}, err
	}
	sent, err := b.send(ctx, tx)
	if err != nil {
		return outcome{}, err
	}
	for _, m := range b.lost {
		if err := tx.AddMissed(ctx, m); err != nil {
			return outcome{}, err
		}
	}
	left, again := b.rows()
	if len(left) == len(r.Rows) {
		err = tx.PutReminders(ctx, k.Owner, k.Object, left)
	} else {
		err = tx.SetReminders(ctx, k.Owner, k.Object, left)
	}
	return outcome{sent, b.missed, again}, err
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
	known  *known
	missed int
	lost   []*storage.Missed // those of the missed that are noted
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
	who := b.known.people[id]
	if who == nil {
		return nil, nil
	}
	c := b.calendar()
	cal := b.cal
	o := b.d.Site.For(who, b.known.addresses[id], c, b.object)
	if id != b.object.Owner {
		alarms, err := b.sharee(ctx, tx, id, c)
		if err != nil {
			return nil, err
		}
		if cal, err = b.shared(ctx, tx, who, c, alarms != storage.DefaultAlarms{}); err != nil || cal == nil {
			return nil, err
		}
		o = b.d.Site.ForSharee(who, b.known.addresses[id], c, b.object, alarms)
	}
	o.Now = b.now
	p := newPlan(cal, nil, o)
	if p == nil {
		return nil, nil
	}
	return &state{plan: p, user: who, cal: cal}, nil
}

// calendar returns the collection that the object is in, nil where it is gone.
func (b *batch) calendar() *storage.Calendar {
	for _, c := range b.known.homes[b.object.Owner] {
		if c.ID == b.object.Calendar {
			return c
		}
	}
	return nil
}

// sharee returns the alarms by default that somebody has in a calendar that is shared with them.
func (b *batch) sharee(ctx context.Context, tx storage.Tx, id int64, c *storage.Calendar) (storage.DefaultAlarms, error) {
	if c == nil || !c.Shared {
		return storage.DefaultAlarms{}, nil
	}
	alarms, asked := b.known.sharees[c.Ref()]
	if !asked {
		shares, err := tx.Shares(ctx, c.Owner, c.ID)
		if err != nil {
			return storage.DefaultAlarms{}, err
		}
		alarms = ShareeAlarms(shares)
		if b.known.sharees == nil {
			b.known.sharees = map[storage.Ref]map[int64]storage.DefaultAlarms{}
		}
		b.known.sharees[c.Ref()] = alarms
	}
	return alarms[id], nil
}

// shared returns the object as somebody has it whose calendar it is not, nil where they may not see it any more, or have no alarms there: of
// their own in the object, or by default.
func (b *batch) shared(ctx context.Context, tx storage.Tx, who *storage.Principal, c *storage.Calendar, byDefault bool) (*ical.Component, error) {
	if c == nil || b.d.MayRead == nil || b.object.Privacy != storage.Public {
		return nil, nil
	}
	if may, err := b.d.MayRead(ctx, tx, who, c); err != nil || !may {
		return nil, err
	}
	list, err := tx.PersonalOf(ctx, b.object.Owner, who.ID, []int64{b.object.ID})
	switch {
	case err != nil:
		return nil, err
	case list[b.object.ID] == nil && byDefault:
		return personal.Compose(b.cal, nil), nil
	case list[b.object.ID] == nil:
		return nil, nil
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
		b.note(s)
		if b.missed += len(s.items); b.missed > maxSkipped {
			through = later(through, b.now.Add(-lateLimit-time.Microsecond))
		}
		s.row.FiredThrough = through
		s.due, s.items = s.plan.next(s.row.Alarm, through)
	}
}

// note keeps what is missed, for its person to see.
func (b *batch) note(s *state) {
	for _, it := range s.items {
		if len(b.lost) >= maxSkipped {
			return
		}
		title := it.Component.Text("SUMMARY")
		if len(title) > maxTitle {
			title = title[:maxTitle]
		}
		b.lost = append(b.lost, &storage.Missed{
			Owner: b.object.Owner, Object: b.object.ID, ForUser: s.user.ID, DueAt: s.due, Start: it.Instance.Start, End: it.Instance.End,
			AllDay: it.Instance.AllDay, Summary: strings.ReplaceAll(strings.ToValidUTF8(title, ""), "\x00", ""), Noted: b.now,
		})
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
	if tx.Watched(b.object.Owner) {
		b.known.told.Note(b.told(due))
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

// told is what webhooks of the person are told of a reminder, whether it becomes a mail or not.
func (b *batch) told(due *Due) webhook.Change {
	o, first := b.object, due.Items[0].Instance
	start := first.Start
	if first.AllDay {
		start = start.In(due.Items[0].Location) // its date is that of where it is looked at
	}
	return webhook.Change{
		Kind: webhook.Reminder, Owner: o.Owner, Calendar: o.Calendar, Object: o.ID, Seq: o.Seq, UID: o.UID, Component: o.Component, ETag: o.ETag,
		Privacy: o.Privacy, ForUser: due.User.ID, Due: due.At, Start: start, AllDay: first.AllDay,
	}
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
