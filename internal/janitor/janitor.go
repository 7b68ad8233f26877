// Package janitor removes what nobody needs any more: tombstones, old inbox items, what the queues have done, reminders that
// are never due again. One server at a time does it, in batches so small that nobody has to wait for one.
package janitor

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"time"

	"kalends/storage"
)

// Keep says how long things are kept. The zero value of a field means its default.
type Keep struct {
	// Tombstones: a program that was away for longer synchronises from the beginning. 180 days.
	Tombstones time.Duration
	// Inbox: most programs remove items themselves once they have seen them, and notices of sharing. 30 days.
	Inbox time.Duration
	// Jobs that ended. 30 days.
	Jobs time.Duration
	// Inbound is mail taken in: for audit, and for its owner to decide about. 30 days.
	Inbound time.Duration
	// Mailed is what people were told last, also of meetings once a year. 400 days.
	Mailed time.Duration
	// Reminders that are never due again, and those that it was too late for. 90 days.
	Reminders time.Duration
	// Trash is what people deleted. 30 days.
	Trash time.Duration
	// Attachments that no event refers to. A day longer than the trash, so that what is brought back has them. 31 days.
	Attachments time.Duration
	// Requests of the API that might come twice, and tokens after they expired. 7 days.
	Requests time.Duration
	// Deliveries are messages to webhooks, sent or not. 7 days.
	Deliveries time.Duration
}

const day = 24 * time.Hour

func (k Keep) withDefaults() Keep {
	for _, d := range []struct {
		field *time.Duration
		days  time.Duration
	}{{&k.Tombstones, 180}, {&k.Inbox, 30}, {&k.Jobs, 30}, {&k.Inbound, 30}, {&k.Mailed, 400}, {&k.Reminders, 90}, {&k.Trash, 30}, {&k.Attachments, 31}, {&k.Requests, 7}, {&k.Deliveries, 7}} {
		if *d.field <= 0 {
			*d.field = d.days * day
		}
	}
	return k
}

// How the work is portioned: a batch grows and shrinks until it takes about as long as others may be kept waiting, and
// between batches there is time for them.
const (
	defaultEvery = time.Hour
	lease        = 2 * time.Minute
	aim          = 15 * time.Millisecond // for one batch
	firstBatch   = 64
	largestBatch = 1000
)

// Janitor is a worker. Any number of servers may have one.
type Janitor struct {
	Store storage.Store
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: no log
	Keep  Keep
	Every time.Duration // between rounds; 0: an hour

	// Crowded is the number of objects of one calendar above which the log warns, once a day; 0: never.
	Crowded int
	counted time.Time

	// Pause waits between batches; nil waits as long as the batch took.
	Pause func(ctx context.Context, took time.Duration)
}

// leaseName is that of the one lease there is.
const leaseName = "janitor"

// Run works until ctx ends.
func (j *Janitor) Run(ctx context.Context) error {
	every := j.Every
	if every <= 0 {
		every = defaultEvery
	}
	holder := rand.Text()
	log := j.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	for {
		removed, err := j.round(ctx, holder)
		switch {
		case err != nil && ctx.Err() == nil:
			log.WarnContext(ctx, "housekeeping", "err", err, "removed", removed)
		case len(removed) > 0:
			log.InfoContext(ctx, "housekeeping", "removed", removed)
		}
		timer := time.NewTimer(every)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// round does all that is to be done, if nobody else is at it.
func (j *Janitor) round(ctx context.Context, holder string) (removed map[string]int64, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return j.Sweep(ctx, holder)
}

// Sweep removes all that is old, if no other holder is at it, and tells how many rows of what went.
func (j *Janitor) Sweep(ctx context.Context, holder string) (map[string]int64, error) {
	now := time.Now
	if j.Now != nil {
		now = j.Now
	}
	w := &sweep{Janitor: j, holder: holder, now: now, removed: map[string]int64{}}
	if ok, err := w.hold(ctx); err != nil || !ok {
		return nil, err
	}
	keep, at := j.Keep.withDefaults(), now()
	before := func(d time.Duration) time.Time { return at.Add(-d) }
	var never time.Time
	for _, c := range []chore{
		{"tombstones", func(ctx context.Context, n int) (int64, error) {
			return j.Store.PurgeTombstones(ctx, before(keep.Tombstones), n)
		}},
		{"inbox", func(ctx context.Context, n int) (int64, error) {
			return j.items(ctx, before(keep.Inbox), n, j.Store.InboxBefore, func(o *storage.Object) time.Time { return o.Created })
		}},
		{"notices", func(ctx context.Context, n int) (int64, error) {
			return j.items(ctx, before(keep.Inbox), n, j.Store.NoticesBefore, func(o *storage.Object) time.Time { return o.Modified })
		}},
		{"jobs", func(ctx context.Context, n int) (int64, error) {
			return j.Store.PurgeMail(ctx, before(keep.Jobs), never, never, n)
		}},
		{"inbound", func(ctx context.Context, n int) (int64, error) {
			return j.Store.PurgeMail(ctx, never, before(keep.Inbound), never, n)
		}},
		{"mailed", func(ctx context.Context, n int) (int64, error) {
			return j.Store.PurgeMail(ctx, never, never, before(keep.Mailed), n)
		}},
		{"reminders", func(ctx context.Context, n int) (int64, error) {
			return j.Store.PurgeReminders(ctx, before(keep.Reminders), n)
		}},
		{"missed", func(ctx context.Context, n int) (int64, error) {
			return j.Store.PurgeMissed(ctx, before(keep.Reminders), n)
		}},
		{"trash", func(ctx context.Context, n int) (int64, error) { return j.Store.PurgeTrash(ctx, before(keep.Trash), n) }},
		{"attachments", func(ctx context.Context, n int) (int64, error) {
			return j.Store.PurgeAttachments(ctx, before(keep.Attachments), before(day), n)
		}},
		{"requests", func(ctx context.Context, n int) (int64, error) {
			return j.Store.PurgeAPI(ctx, before(keep.Requests), before(keep.Requests), n)
		}},
		{"deliveries", func(ctx context.Context, n int) (int64, error) {
			return j.Store.PurgeDeliveries(ctx, before(keep.Deliveries), n)
		}},
		{"sessions", func(ctx context.Context, n int) (int64, error) { return j.Store.PurgeSessions(ctx, at, n) }},
	} {
		if err := w.carryOut(ctx, c); err != nil {
			return w.removed, err
		}
	}
	if err := j.count(ctx, at); err != nil {
		return w.removed, err
	}
	// What is left of the lease is given back, so that another server need not wait when this one stops.
	_, err := j.Store.Lease(ctx, leaseName, holder, now(), now())
	return w.removed, err
}

// mostCrowds bounds the lines that one day's warning takes.
const mostCrowds = 20

// count warns of calendars that became so large that programs will be slow with them.
func (j *Janitor) count(ctx context.Context, now time.Time) error {
	if j.Crowded <= 0 || j.Log == nil || now.Sub(j.counted) < day {
		return nil
	}
	list, err := j.Store.CalendarsOver(ctx, int64(j.Crowded), mostCrowds)
	if err != nil {
		return err
	}
	j.counted = now
	for _, c := range list {
		j.Log.WarnContext(ctx, "a calendar is very large; programs that download it all will be slow", "owner", c.Owner, "calendar", c.ID,
			"objects", c.Objects, "limit.calendar_objects", j.Crowded)
	}
	return nil
}

// chore removes at most so many rows of one kind.
type chore struct {
	name string
	do   func(ctx context.Context, limit int) (int64, error)
}

// sweep is one round.
type sweep struct {
	*Janitor
	holder  string
	now     func() time.Time
	until   time.Time // of the lease
	removed map[string]int64
}

// hold keeps the lease, which is renewed when half of it is over.
func (w *sweep) hold(ctx context.Context) (bool, error) {
	at := w.now()
	if w.until.Sub(at) > lease/2 {
		return true, nil
	}
	ok, err := w.Store.Lease(ctx, leaseName, w.holder, at, at.Add(lease))
	if ok {
		w.until = at.Add(lease)
	}
	return ok, err
}

// carryOut does a chore batch by batch until nothing is left of it.
func (w *sweep) carryOut(ctx context.Context, c chore) error {
	for n := firstBatch; ; {
		ok, err := w.hold(ctx)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%s: another server has taken over", c.name)
		}
		start := time.Now() // not w.now: this is about how long the database takes
		gone, err := c.do(ctx, n)
		took := time.Since(start)
		if gone > 0 {
			w.removed[c.name] += gone
		}
		if err != nil || gone == 0 {
			return err
		}
		n = batchAfter(n, took)
		w.pause(ctx, took)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// batchAfter is the size of the next batch, after one of n that took so long.
func batchAfter(n int, took time.Duration) int {
	scale := float64(aim) / float64(max(took, time.Microsecond))
	return min(max(int(float64(n)*math.Min(scale, 2)), 8), largestBatch)
}

func (w *sweep) pause(ctx context.Context, took time.Duration) {
	if w.Pause != nil {
		w.Pause(ctx, took)
		return
	}
	timer := time.NewTimer(max(took, time.Millisecond))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// items deletes old items of one owner's inbox or notifications, as their programs would: each change is seen by the next synchronisation.
// since is when an item came.
func (j *Janitor) items(ctx context.Context, before time.Time, limit int, find func(context.Context, time.Time, int) ([]*storage.Object, error), since func(*storage.Object) time.Time) (int64, error) {
	list, err := find(ctx, before, min(limit, 200)) // their texts are read once more under the lock
	if err != nil || len(list) == 0 {
		return 0, err
	}
	// Items are of one owner; a home has one inbox, and one collection of notices.
	ref := list[0].Ref()
	names := make([]string, len(list))
	for i, o := range list {
		names[i] = o.Name
	}
	var n int64
	err = j.Store.Update(ctx, func(tx storage.Tx) error {
		n = 0
		if err := tx.Lock(ctx, len(names), ref.Owner); err != nil {
			return err
		}
		there, err := tx.ObjectsByName(ctx, ref, names)
		if err != nil {
			return err
		}
		for _, o := range there {
			if !since(o).Before(before) {
				continue // made anew meanwhile
			}
			seq, err := tx.Next(ctx, ref.Owner)
			if err != nil {
				return err
			}
			if err := tx.DeleteObject(ctx, o, seq); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("old items of %d: %w", ref.Owner, err)
	}
	if n == 0 {
		n = int64(len(list)) // all went meanwhile; others may be left
	}
	return n, nil
}
