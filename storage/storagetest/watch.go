package storagetest

import (
	"testing"
	"time"

	"kalends/storage"
)

func testQueueDepths(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	depths := func(want storage.QueueDepths) {
		t.Helper()
		got, err := s.QueueDepths(ctx, t0)
		check(t, err)
		diff(t, "QueueDepths", got, want)
	}
	depths(storage.QueueDepths{Jobs: map[string]storage.Depth{}})
	add := func(kind string, due time.Time) {
		h.locked(func(tx storage.Tx) error {
			return tx.AddJob(ctx, &storage.Job{Owner: h.owner, ID: next(t, tx, h.owner), Kind: kind, DueAt: due, Created: t0, State: storage.Ready})
		})
	}
	add("mail", t0.Add(time.Minute))
	add("mail", t0.Add(-time.Minute))
	add("spread", t0)
	jobs, err := s.ClaimJobs(ctx, []string{"spread"}, t0, time.Hour, 1)
	check(t, err)
	h.locked(func(tx storage.Tx) error {
		at := func(alarm string, due time.Time) *storage.Reminder {
			return &storage.Reminder{Owner: h.owner, Object: 1, ForUser: h.owner, Calendar: h.cal.ID, Alarm: alarm, DueAt: due}
		}
		return tx.SetReminders(ctx, h.owner, 1, []*storage.Reminder{
			at("a", t0.Add(-2)), at("b", t0), at("c", t0.Add(time.Microsecond)), at("d", time.Time{}),
		})
	})
	// One that is leased waits too, and its reminder is being dealt with.
	want := storage.QueueDepths{
		Jobs:    map[string]storage.Depth{"mail": {Count: 2, Due: t0.Add(-time.Minute)}, "spread": {Count: 1, Due: t0}},
		Overdue: 2,
	}
	depths(want)
	_, err = s.ClaimReminders(ctx, t0, time.Hour, 1)
	check(t, err)
	want.Overdue = 1
	depths(want)
	jobs[0].State = storage.Done
	check(t, s.FinishJob(ctx, jobs[0]))
	delete(want.Jobs, "spread")
	depths(want)
}
