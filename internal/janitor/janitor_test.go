package janitor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"kalends/storage"
	"kalends/storage/storagetest"
)

var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// house is a home with a calendar and an inbox.
type house struct {
	t                   *testing.T
	s                   storage.Store
	owner               int64
	cal, inbox, notices storage.Ref
}

func newHouse(t *testing.T, s storage.Store, name string) *house {
	t.Helper()
	h := &house{t: t, s: s}
	h.update(func(ctx context.Context, tx storage.Tx) error {
		p := &storage.Principal{Name: name, Kind: storage.Person, Created: now}
		if err := tx.PutPrincipal(ctx, p, []string{"mailto:" + name + "@example.com"}); err != nil {
			return err
		}
		h.owner = p.ID
		for _, kind := range []storage.CollectionKind{storage.CalendarKind, storage.InboxKind, storage.NotificationKind} {
			id, err := tx.Next(ctx, p.ID)
			if err != nil {
				return err
			}
			c := &storage.Calendar{Owner: p.ID, ID: id, Kind: kind, Slug: string(kind), Seq: id, LastSeq: id}
			if err := tx.PutCalendar(ctx, c); err != nil {
				return err
			}
			switch kind {
			case storage.InboxKind:
				h.inbox = c.Ref()
			case storage.NotificationKind:
				h.notices = c.Ref()
			default:
				h.cal = c.Ref()
			}
		}
		return nil
	})
	return h
}

func (h *house) update(fn func(context.Context, storage.Tx) error) {
	h.t.Helper()
	ctx := h.t.Context()
	if err := h.s.Update(ctx, func(tx storage.Tx) error { return fn(ctx, tx) }); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) locked(fn func(context.Context, storage.Tx) error) {
	h.t.Helper()
	h.update(func(ctx context.Context, tx storage.Tx) error {
		if err := tx.Lock(ctx, 8, h.owner); err != nil {
			return err
		}
		return fn(ctx, tx)
	})
}

// put makes an object, an item or a notice, of that age.
func (h *house) put(ref storage.Ref, name string, created time.Time) {
	h.t.Helper()
	component := "VEVENT"
	if ref == h.notices {
		component = ""
	}
	h.locked(func(ctx context.Context, tx storage.Tx) error {
		seq, err := tx.Next(ctx, h.owner)
		if err != nil {
			return err
		}
		return tx.PutObject(ctx, &storage.Object{
			Owner: h.owner, Calendar: ref.ID, ID: seq, Seq: seq, Inbox: ref.Inbox, Name: name, UID: name, Component: component,
			ICS: []byte("x"), ETag: `"x"`, Created: created, Modified: created,
		}, nil)
	})
}

func (h *house) delete(ref storage.Ref, name string) {
	h.t.Helper()
	h.locked(func(ctx context.Context, tx storage.Tx) error {
		o, err := tx.Object(ctx, ref, name)
		if err != nil {
			return err
		}
		seq, err := tx.Next(ctx, h.owner)
		if err != nil {
			return err
		}
		return tx.DeleteObject(ctx, o, seq)
	})
}

func (h *house) changes(ref storage.Ref) string {
	h.t.Helper()
	list, err := h.s.Changes(h.t.Context(), ref, 0, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	var b strings.Builder
	for _, c := range list {
		if c.Deleted {
			b.WriteByte('-')
		}
		b.WriteString(c.Name + " ")
	}
	return strings.TrimSpace(b.String())
}

// TestSweep: what is old goes, what is young stays, and programs see what became of their collections.
func TestSweep(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		ctx := t.Context()
		alice, bob := newHouse(t, s, "alice"), newHouse(t, s, "bob")
		for _, h := range []*house{alice, bob} {
			h.put(h.inbox, "old1.ics", now.Add(-40*day))
			h.put(h.inbox, "old2.ics", now.Add(-31*day))
			h.put(h.inbox, "young.ics", now.Add(-29*day))
			h.put(h.notices, "old.xml", now.Add(-31*day))
			h.put(h.notices, "young.xml", now.Add(-29*day))
			h.put(h.cal, "event.ics", now.Add(-400*day))
			h.put(h.cal, "gone.ics", now.Add(-400*day))
			h.delete(h.cal, "gone.ics") // its tombstone is set up now
		}
		alice.locked(func(ctx context.Context, tx storage.Tx) error {
			for i, age := range []time.Duration{31 * day, 29 * day} {
				err := tx.AddJob(ctx, &storage.Job{Owner: alice.owner, ID: int64(1000 + i), Kind: "test", State: storage.Ready, DueAt: now.Add(-age), Created: now.Add(-age)})
				if err != nil {
					return err
				}
				_, err = tx.AddInbound(ctx, storage.Inbound{Owner: alice.owner, Key: fmt.Sprint(i), Received: now.Add(-age)})
				if err != nil {
					return err
				}
			}
			return tx.SetReminders(ctx, alice.owner, 3, []*storage.Reminder{
				{Owner: alice.owner, Object: 3, Calendar: alice.cal.ID, Alarm: "a", FiredThrough: now.Add(-91 * day)},
				{Owner: alice.owner, Object: 3, Calendar: alice.cal.ID, Alarm: "b", FiredThrough: now.Add(-89 * day)},
			})
		})
		for {
			jobs, err := s.ClaimJobs(ctx, []string{"test"}, now, time.Minute, 10)
			if err != nil {
				t.Fatal(err)
			}
			if len(jobs) == 0 {
				break
			}
			for _, j := range jobs {
				j.State = storage.Done
				if err := s.FinishJob(ctx, j); err != nil {
					t.Fatal(err)
				}
			}
		}

		j := &Janitor{Store: s, Now: func() time.Time { return now }, Pause: func(context.Context, time.Duration) {}}
		got, err := j.Sweep(ctx, "one")
		want := map[string]int64{"inbox": 4, "notices": 2, "jobs": 1, "inbound": 1, "reminders": 1}
		if err != nil || !maps.Equal(got, want) {
			t.Fatalf("Sweep = %v, %v; want %v", got, err, want)
		}
		for _, h := range []*house{alice, bob} {
			if got, want := h.changes(h.inbox), "young.ics -old1.ics -old2.ics"; got != want && got != "young.ics -old2.ics -old1.ics" {
				t.Errorf("the inbox: %s, want %s", got, want)
			}
			if got, want := h.changes(h.notices), "young.xml -old.xml"; got != want {
				t.Errorf("the notices: %s, want %s", got, want)
			}
			if got, want := h.changes(h.cal), "event.ics -gone.ics"; got != want {
				t.Errorf("the calendar: %s, want %s", got, want)
			}
		}

		// Half a year later the tombstones go, those of the inbox items too, and the rest is old as well.
		now := time.Now().Add(181 * day)
		j.Now = func() time.Time { return now }
		got, err = j.Sweep(ctx, "one")
		if err != nil || got["tombstones"] != 8 {
			t.Errorf("Sweep half a year later = %v, %v; want 8 tombstones", got, err)
		}
		for _, h := range []*house{alice, bob} {
			c, err := s.Calendar(ctx, h.owner, "calendar")
			if err != nil {
				t.Fatal(err)
			}
			if got := h.changes(h.cal); got != "event.ics" || c.Floor != c.LastSeq {
				t.Errorf("the calendar half a year later: %s, floor %d, last change %d", got, c.Floor, c.LastSeq)
			}
		}
	})
}

// TestOneAtATime: a server that comes second does nothing, and goes on when the first one has stopped in the middle.
func TestOneAtATime(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		ctx := t.Context()
		h := newHouse(t, s, "alice")
		for i := range 200 {
			h.put(h.inbox, fmt.Sprintf("%d.ics", i), now.Add(-40*day))
		}
		at := now
		clock := func() time.Time { return at }
		second := &Janitor{Store: s, Now: clock, Pause: func(context.Context, time.Duration) {}}
		killed, kill := context.WithCancel(ctx)
		first := &Janitor{Store: s, Now: clock, Pause: func(context.Context, time.Duration) {
			if got, err := second.Sweep(ctx, "second"); err != nil || got != nil {
				t.Errorf("the second while the first works = %v, %v; want nothing", got, err)
			}
			kill()
		}}
		if got, err := first.Sweep(killed, "first"); !errors.Is(err, context.Canceled) || got["inbox"] == 0 || got["inbox"] == 200 {
			t.Fatalf("the first = %v, %v; want it to end in the middle", got, err)
		}
		if got, err := second.Sweep(ctx, "second"); err != nil || got != nil {
			t.Errorf("the second while the lease lasts = %v, %v; want nothing", got, err)
		}
		at = at.Add(lease)
		if got, err := second.Sweep(ctx, "second"); err != nil || got["inbox"] == 0 {
			t.Errorf("the second after the lease = %v, %v; want the rest", got, err)
		}
		if list, err := s.InboxBefore(ctx, now, 10); err != nil || len(list) != 0 {
			t.Errorf("%d items are left, %v", len(list), err)
		}
		// The lease was given back.
		if got, err := (&Janitor{Store: s, Now: clock}).Sweep(ctx, "third"); err != nil || got == nil {
			t.Errorf("a third afterwards = %v, %v; want a round", got, err)
		}
	})
}

// TestTakenOver: who lost the lease in the middle of the work stops.
func TestTakenOver(t *testing.T) {
	s := storagetest.SQLite(t)
	h := newHouse(t, s, "alice")
	for i := range 200 {
		h.put(h.inbox, fmt.Sprintf("%d.ics", i), now.Add(-40*day))
	}
	at := now
	j := &Janitor{Store: s, Now: func() time.Time { return at }}
	j.Pause = func(ctx context.Context, _ time.Duration) {
		at = at.Add(2 * lease) // as after a long sleep of the machine
		if ok, err := s.Lease(ctx, leaseName, "another", at, at.Add(lease)); err != nil || !ok {
			t.Errorf("Lease = %v, %v", ok, err)
		}
	}
	if _, err := j.Sweep(t.Context(), "one"); err == nil || !strings.Contains(err.Error(), "taken over") {
		t.Errorf("Sweep = %v, want that another server has taken over", err)
	}
}

// TestRun: the worker does a round at once, and stops when it is told to.
func TestRun(t *testing.T) {
	s := storagetest.SQLite(t)
	h := newHouse(t, s, "alice")
	h.put(h.inbox, "old.ics", now.Add(-40*day))
	ctx, cancel := context.WithCancel(t.Context())
	var log strings.Builder
	j := &Janitor{
		Store: s, Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Pause: func(context.Context, time.Duration) {}, Keep: Keep{Requests: day},
	}
	done := make(chan error, 1)
	j.Log = slog.New(notify{slog.NewTextHandler(&log, nil), cancel})
	go func() { done <- j.Run(ctx) }()
	if err := <-done; err != nil {
		t.Errorf("Run = %v", err)
	}
	if !strings.Contains(log.String(), "removed=map[inbox:1]") {
		t.Errorf("the log: %s", log.String())
	}
}

// notify ends a test with the first line of the log.
type notify struct {
	slog.Handler
	then func()
}

func (n notify) Handle(ctx context.Context, r slog.Record) error {
	defer n.then()
	return n.Handler.Handle(ctx, r)
}

func TestBatchAfter(t *testing.T) {
	for _, tt := range []struct {
		n    int
		took time.Duration
		want int
	}{
		{64, 0, 128},
		{64, time.Millisecond, 128},
		{100, aim, 100},
		{800, aim / 2, largestBatch},
		{1000, 10 * aim, 100},
		{100, time.Second, 8},
		{8, time.Minute, 8},
	} {
		if got := batchAfter(tt.n, tt.took); got != tt.want {
			t.Errorf("batchAfter(%d, %v) = %d, want %d", tt.n, tt.took, got, tt.want)
		}
	}
}

func TestCrowdedCalendarsAreWarnedOfOnceADay(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		h, small := newHouse(t, s, "alice"), newHouse(t, s, "bob")
		for i := range 4 {
			h.put(h.cal, fmt.Sprintf("%d.ics", i), now)
		}
		for i := range 2 {
			small.put(small.cal, fmt.Sprintf("%d.ics", i), now)
		}
		var log strings.Builder
		at := now
		j := &Janitor{Store: s, Now: func() time.Time { return at }, Log: slog.New(slog.NewTextHandler(&log, nil)), Crowded: 3}
		sweep := func() (lines int) {
			t.Helper()
			log.Reset()
			if _, err := j.Sweep(t.Context(), "one"); err != nil {
				t.Fatal(err)
			}
			return strings.Count(log.String(), "\n")
		}
		if n := sweep(); n != 1 || !strings.Contains(log.String(), fmt.Sprintf("owner=%d calendar=%d objects=4", h.owner, h.cal.ID)) {
			t.Errorf("%d lines: %s", n, log.String())
		}
		if at = at.Add(time.Hour); sweep() != 0 {
			t.Errorf("an hour later: %s", log.String())
		}
		if at = at.Add(day); sweep() != 1 {
			t.Errorf("a day later: %s", log.String())
		}
		if j.Crowded, at = 4, at.Add(day); sweep() != 0 {
			t.Errorf("of calendars that are not over it: %s", log.String())
		}
	})
}
