package storagetest

import (
	"errors"
	"testing"
	"time"

	"kalends/storage"
)

func testReminders(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	a, b := h.put(h.cal, "a", nil), h.put(h.cal, "b", nil)
	if _, err := s.NextReminder(ctx); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("NextReminder of none: %v, want ErrNotFound", err)
	}
	row := func(o *storage.Object, user int64, alarm string, due time.Time) *storage.Reminder {
		return &storage.Reminder{Owner: h.owner, Object: o.ID, Calendar: o.Calendar, ForUser: user, Alarm: alarm, DueAt: due}
	}
	set := func(o *storage.Object, rows ...*storage.Reminder) {
		t.Helper()
		h.locked(func(tx storage.Tx) error { return tx.SetReminders(ctx, h.owner, o.ID, rows) })
	}
	expect := func(o *storage.Object, rows ...*storage.Reminder) {
		t.Helper()
		got, err := s.Reminders(ctx, h.owner, o.ID)
		check(t, err)
		diff(t, "Reminders", got, rows)
	}
	r1, r2, r3 := row(a, 1, "x", t0), row(a, 1, "y", t0.Add(time.Hour)), row(a, 2, "x", t0.Add(2*time.Hour))
	r1.FiredThrough = t0.Add(-time.Hour)
	set(a, r1, r2, r3)
	set(b, row(b, 1, "x", t0.Add(-time.Minute)))
	expect(a, r1, r2, r3)
	asleep := row(a, 3, "z", time.Time{})
	asleep.FiredThrough = t0
	set(a, r2, asleep, r3)
	expect(a, r2, r3, asleep)
	if at, err := s.NextReminder(ctx); err != nil || !at.Equal(t0.Add(-time.Minute)) {
		t.Errorf("NextReminder: %v, %v; want %v", at, err, t0.Add(-time.Minute))
	}
	set(b)
	expect(b)
	set(a, r3)
	if at, err := s.NextReminder(ctx); err != nil || !at.Equal(r3.DueAt) {
		t.Errorf("NextReminder: %v, %v; want %v", at, err, r3.DueAt)
	}
	h.delete(h.cal, "a")
	expect(a)

	// In the transaction that makes the object.
	h.locked(func(tx storage.Tx) error {
		o := object(h.cal, next(t, tx, h.owner), "c")
		if err := tx.PutObject(ctx, o, nil); err != nil {
			return err
		}
		if err := tx.SetReminders(ctx, h.owner, o.ID, []*storage.Reminder{row(o, 1, "x", t0), row(o, 1, "y", t0)}); err != nil {
			return err
		}
		if err := tx.SetReminders(ctx, h.owner, o.ID, []*storage.Reminder{row(o, 1, "y", t0)}); err != nil {
			return err
		}
		rows, err := tx.Reminders(ctx, h.owner, o.ID)
		if err == nil && (len(rows) != 1 || rows[0].Alarm != "y") {
			t.Errorf("reminders set twice in one transaction: %+v", rows)
		}
		return err
	})
}

func testReminderLease(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	o := h.put(h.cal, "a", nil)
	set := func(rows ...storage.Reminder) {
		t.Helper()
		h.locked(func(tx storage.Tx) error {
			var list []*storage.Reminder
			for _, r := range rows {
				list = append(list, &r)
			}
			return tx.SetReminders(ctx, h.owner, o.ID, list)
		})
	}
	get := func() storage.Reminder {
		t.Helper()
		rows, err := s.Reminders(ctx, h.owner, o.ID)
		if err != nil || len(rows) != 1 {
			t.Fatalf("Reminders: %+v, %v", rows, err)
		}
		return *rows[0]
	}
	claim := func(now time.Time, want int) []*storage.Reminder {
		t.Helper()
		rows, err := s.ClaimReminders(ctx, now, time.Minute, 10)
		if err != nil || len(rows) != want {
			t.Fatalf("ClaimReminders: %+v, %v; want %d", rows, err, want)
		}
		return rows
	}
	due := storage.Reminder{Calendar: h.cal.ID, ForUser: 1, Alarm: "x", DueAt: t0}
	set(due)
	claim(t0.Add(-time.Microsecond), 0)
	first := claim(t0, 1)[0]
	if !first.Leased || first.Attempt != 1 || !first.DueAt.Equal(t0) || first.Object != o.ID || first.Calendar != h.cal.ID || first.ForUser != 1 {
		t.Errorf("claimed: %+v", first)
	}
	claim(t0.Add(59*time.Second), 0)
	if at, err := s.NextReminder(ctx); err != nil || !at.Equal(t0.Add(time.Minute)) {
		t.Errorf("NextReminder while leased: %v, %v", at, err)
	}
	// A rewrite that changes nothing about the alarm keeps the lease.
	set(due)
	if r := get(); !r.Leased || r.Attempt != 1 {
		t.Errorf("after a rewrite: %+v", r)
	}
	claim(t0, 0)
	// The lease runs out; the first claimer comes too late, but what it sent is remembered.
	second := claim(t0.Add(time.Minute), 1)[0]
	if second.Attempt != 2 {
		t.Errorf("claimed again: %+v", second)
	}
	late := *first
	late.FiredThrough, late.DueAt = t0, t0.Add(time.Hour)
	if err := s.FinishReminder(ctx, &late); !errors.Is(err, storage.ErrConflict) {
		t.Errorf("FinishReminder after the lease: %v, want ErrConflict", err)
	}
	if r := get(); !r.FiredThrough.Equal(t0) || !r.DueAt.Equal(t0) || !r.Leased {
		t.Errorf("after a late finish: %+v", r)
	}
	// An attempt that failed counts, one that went well starts again.
	failed := *second
	failed.DueAt, failed.LastError = t0.Add(5*time.Minute), "refused\x00\xff"
	check(t, s.FinishReminder(ctx, &failed))
	third := claim(t0.Add(5*time.Minute), 1)[0]
	if third.Attempt != 3 || third.LastError != "refused\uFFFD" {
		t.Errorf("claimed after a failure: %+v", third)
	}
	good := *third
	good.FiredThrough, good.DueAt, good.LastError = t0.Add(5*time.Minute), t0.Add(24*time.Hour), ""
	check(t, s.FinishReminder(ctx, &good))
	if err := s.FinishReminder(ctx, &good); !errors.Is(err, storage.ErrConflict) {
		t.Errorf("FinishReminder twice: %v, want ErrConflict", err)
	}
	fourth := claim(t0.Add(24*time.Hour), 1)[0]
	if fourth.Attempt != 1 || fourth.Claim == first.Claim {
		t.Errorf("claimed after success: %+v", fourth)
	}
	// Another due time takes the lease away. What was fired through never goes back.
	moved := due
	moved.DueAt = t0.Add(48 * time.Hour)
	set(moved)
	if r := get(); r.Leased || !r.DueAt.Equal(moved.DueAt) || !r.FiredThrough.Equal(t0.Add(5*time.Minute)) {
		t.Errorf("after a rewrite with another due time: %+v", r)
	}
	done := *fourth
	done.FiredThrough, done.DueAt = t0.Add(24*time.Hour), time.Time{}
	if err := s.FinishReminder(ctx, &done); !errors.Is(err, storage.ErrConflict) {
		t.Errorf("FinishReminder of what was moved: %v, want ErrConflict", err)
	}
	last := claim(moved.DueAt, 1)[0]
	if !last.FiredThrough.Equal(t0.Add(24 * time.Hour)) {
		t.Errorf("fired through %v is forgotten: %+v", done.FiredThrough, last)
	}
	// Nothing further is due: the row stays, and is never claimed.
	last.FiredThrough, last.DueAt = last.DueAt, time.Time{}
	check(t, s.FinishReminder(ctx, last))
	claim(t0.Add(1000*time.Hour), 0)
	if r := get(); !r.DueAt.IsZero() || r.Leased || !r.FiredThrough.Equal(moved.DueAt) {
		t.Errorf("a row with nothing due: %+v", r)
	}
	if _, err := s.NextReminder(ctx); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("NextReminder with nothing due: %v, want ErrNotFound", err)
	}
}

func testJobs(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	add := func(kind string, due time.Time) *storage.Job {
		j := &storage.Job{
			Owner: h.owner, Kind: kind, Recipient: "bob@example.net", Object: 5, UID: "uid", Payload: []byte{0, 1, 255},
			DueAt: due, Created: due, State: storage.Ready,
		}
		h.locked(func(tx storage.Tx) error {
			j.ID = next(t, tx, h.owner)
			return tx.AddJob(ctx, j)
		})
		return j
	}
	claim := func(kinds []string, now time.Time, want ...*storage.Job) []*storage.Job {
		t.Helper()
		got, err := s.ClaimJobs(ctx, kinds, now, time.Minute, 10)
		check(t, err)
		diff(t, "ClaimJobs", got, want)
		return got
	}
	mail, spread := []string{"mail"}, []string{"spread"}
	if _, err := s.NextJob(ctx, mail); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("NextJob of none: %v, want ErrNotFound", err)
	}
	m2, m1, sp := add("mail", t0.Add(time.Second)), add("mail", t0), add("spread", t0.Add(-time.Second))
	if at, err := s.NextJob(ctx, mail); err != nil || !at.Equal(t0) {
		t.Errorf("NextJob: %v, %v; want %v", at, err, t0)
	}
	if at, err := s.NextJob(ctx, []string{"mail", "spread"}); err != nil || !at.Equal(sp.DueAt) {
		t.Errorf("NextJob of both kinds: %v, %v; want %v", at, err, sp.DueAt)
	}
	claim(nil, t0.Add(time.Hour))
	claim(mail, t0.Add(-1))
	for _, j := range []*storage.Job{m1, m2, sp} {
		j.State, j.Attempt = storage.Leased, 1
	}
	got, err := s.ClaimJobs(ctx, mail, t0.Add(time.Second), time.Minute, 1)
	check(t, err)
	diff(t, "ClaimJobs of one", got, []*storage.Job{m1})
	claim(mail, t0.Add(time.Second), m2)
	claim(mail, t0.Add(time.Second))
	claim(spread, t0, sp)

	m1.State, m1.LastError = storage.Done, ""
	check(t, s.FinishJob(ctx, m1))
	m2.State, m2.LastError, m2.DueAt = storage.Ready, "451 later", t0.Add(time.Hour)
	check(t, s.FinishJob(ctx, m2))
	sp.State, sp.LastError = storage.Failed, "550 no"
	check(t, s.FinishJob(ctx, sp))
	for _, j := range []*storage.Job{m1, m2, sp} {
		if err := s.FinishJob(ctx, j); !errors.Is(err, storage.ErrConflict) {
			t.Errorf("FinishJob twice: %v, want ErrConflict", err)
		}
	}
	if err := s.FinishJob(ctx, &storage.Job{Owner: h.owner, ID: m1.ID, State: "odd"}); err == nil {
		t.Error("FinishJob takes any state")
	}
	list, err := s.Jobs(ctx, []storage.JobState{storage.Failed, storage.Ready}, 0)
	check(t, err)
	diff(t, "Jobs", list, []*storage.Job{m2, sp})
	if list, err := s.Jobs(ctx, nil, 2); err != nil || len(list) != 2 || list[0].ID != m2.ID {
		t.Errorf("Jobs of all states, at most 2: %+v, %v", list, err)
	}
	m2.State, m2.Attempt = storage.Leased, 2
	first := claim(mail, t0.Add(time.Hour), m2)[0]
	m2.Attempt = 3
	second := claim(mail, t0.Add(time.Hour+time.Minute), m2)[0] // the lease ran out
	first.State = storage.Done
	if err := s.FinishJob(ctx, first); !errors.Is(err, storage.ErrConflict) {
		t.Errorf("FinishJob after the lease: %v, want ErrConflict", err)
	}
	second.State = storage.Done
	check(t, s.FinishJob(ctx, second))
}

func testMerge(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h, other := newHome(t, s), newHome(t, s)
	kinds := []string{"merge"}
	add := func(h *home, merge, payload string, due time.Time) {
		t.Helper()
		h.locked(func(tx storage.Tx) error {
			return tx.AddJob(ctx, &storage.Job{
				Owner: h.owner, ID: next(t, tx, h.owner), Kind: "merge", Merge: merge, Payload: []byte(payload), DueAt: due, Created: t0,
			})
		})
	}
	claim := func(want ...string) []*storage.Job {
		t.Helper()
		list, err := s.ClaimJobs(ctx, kinds, t0.Add(time.Hour), time.Minute, 10)
		check(t, err)
		var got []string
		for _, j := range list {
			got = append(got, string(j.Payload))
		}
		diff(t, "payloads claimed", got, want)
		return list
	}
	add(h, "m", "1", t0)
	add(h, "m", "2", t0.Add(time.Minute)) // keeps the due time of the first
	add(h, "n", "3", t0.Add(time.Second))
	add(other, "m", "4", t0.Add(2*time.Second))
	add(h, "", "5", t0.Add(3*time.Second))
	add(h, "", "6", t0.Add(4*time.Second))
	list := claim("2", "3", "4", "5", "6")
	if !list[0].DueAt.Equal(t0) {
		t.Errorf("a merged job is due at %v, want %v", list[0].DueAt, t0)
	}
	// The first is being sent: a new one waits beside it, and says all when the first has to be tried again.
	add(h, "m", "7", t0.Add(5*time.Second))
	again := list[0]
	again.State, again.DueAt, again.LastError = storage.Ready, t0.Add(time.Minute), "451"
	check(t, s.FinishJob(ctx, again))
	for _, j := range list[1:] {
		j.State = storage.Done
		check(t, s.FinishJob(ctx, j))
	}
	list = claim("7")
	list[0].State = storage.Ready // with none beside it, it waits again
	check(t, s.FinishJob(ctx, list[0]))
	add(h, "m", "8", t0)
	add(h, "d", "9", t0)
	h.locked(func(tx storage.Tx) error {
		if err := tx.DropJobs(ctx, h.owner, ""); err != nil { // means none
			return err
		}
		return tx.DropJobs(ctx, h.owner, "d")
	})
	// Several in one transaction.
	h.locked(func(tx storage.Tx) error {
		for _, p := range []string{"a", "b", "c"} {
			j := &storage.Job{Owner: h.owner, ID: next(t, tx, h.owner), Kind: "merge", Merge: "q", Payload: []byte(p), DueAt: t0.Add(9 * time.Second)}
			if err := tx.AddJob(ctx, j); err != nil {
				return err
			}
		}
		return nil
	})
	for _, j := range claim("8", "c") {
		j.State = storage.Done
		check(t, s.FinishJob(ctx, j))
	}
}

func testInbound(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h, other := newHome(t, s), newHome(t, s)
	for i, tt := range []struct {
		owner int64
		key   string
		want  bool
	}{{h.owner, "k", true}, {h.owner, "k", false}, {other.owner, "k", true}, {h.owner, "l", true}} {
		check(t, s.Update(ctx, func(tx storage.Tx) error {
			got, err := tx.AddInbound(ctx, storage.Inbound{
				Owner: tt.owner, Key: tt.key, Received: t0, Sender: "bob@example.net", Subject: "Re", Outcome: "accepted", Message: []byte("m"),
			})
			if got != tt.want {
				t.Errorf("%d: AddInbound(%d, %s) = %v, want %v", i, tt.owner, tt.key, got, tt.want)
			}
			return err
		}))
	}
}
