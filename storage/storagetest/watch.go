package storagetest

import (
	"strconv"
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

func testWaitingReminders(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	h.locked(func(tx storage.Tx) error {
		at := func(alarm string, due time.Time) *storage.Reminder {
			return &storage.Reminder{Owner: h.owner, Object: 1, ForUser: h.owner, Calendar: h.cal.ID, Alarm: alarm, DueAt: due}
		}
		return tx.SetReminders(ctx, h.owner, 1, []*storage.Reminder{
			at("a", t0.Add(-2*time.Hour)), at("b", t0.Add(-time.Hour)), at("c", t0.Add(time.Minute)), at("d", t0.Add(time.Hour)), at("e", time.Time{}),
		})
	})
	expect := func(what string, after, through time.Time, failed bool, limit int, want ...string) []*storage.Reminder {
		t.Helper()
		list, err := s.WaitingReminders(ctx, after, through, failed, limit)
		check(t, err)
		var got []string
		for _, m := range list {
			got = append(got, m.Alarm)
		}
		diff(t, what, got, want)
		return list
	}
	expect("late", time.Time{}, t0, false, 10, "a", "b")
	expect("the first that is late", time.Time{}, t0, false, 1, "a")
	expect("due next", t0, t0.Add(time.Hour), false, 10, "c", "d")
	expect("failed, before anything was tried", time.Time{}, t0.Add(time.Hour), true, 10)
	list, err := s.ClaimReminders(ctx, t0, time.Hour, 1)
	check(t, err)
	list[0].DueAt, list[0].LastError = t0.Add(10*time.Minute), "no answer"
	check(t, s.FinishReminder(ctx, list[0]))
	got := expect("failed", time.Time{}, t0.Add(time.Hour), true, 10, "a")
	if got[0].LastError != "no answer" || got[0].Attempt != 1 || !got[0].DueAt.Equal(t0.Add(10*time.Minute)) {
		t.Errorf("the one that failed is %+v", got[0])
	}
	expect("late after one was put off", time.Time{}, t0, false, 10, "b")
}

func testUsage(t *testing.T, s storage.Store) {
	ctx := t.Context()
	small, large := newHome(t, s), newHome(t, s)
	for i, name := range []string{"a", "b", "c"} {
		large.put(large.cal, name, func(o *storage.Object) { o.UID = strconv.Itoa(i) })
	}
	small.put(small.cal, "a", nil)
	list, err := s.LargestHomes(ctx, 1)
	check(t, err)
	if len(list) != 1 || list[0].Owner != large.owner || list[0].Objects != 3 || list[0].Bytes <= 0 {
		t.Errorf("LargestHomes(1) = %+v, want the one of %d", list, large.owner)
	}
	list, err = s.LargestHomes(ctx, 10)
	check(t, err)
	whole, err := s.WholeUsage(ctx)
	check(t, err)
	if len(list) != 2 || whole != (storage.HomeUsage{Calendars: list[0].Calendars + list[1].Calendars, Objects: 4, Bytes: list[0].Bytes + list[1].Bytes}) {
		t.Errorf("WholeUsage = %+v, of %+v", whole, list)
	}
}
