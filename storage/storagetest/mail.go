package storagetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"kalends/storage"
)

// queued adds a mail job and returns it.
func (h *home) queued(merge string, opens bool, payload string) *storage.Job {
	h.t.Helper()
	j := &storage.Job{Owner: h.owner, Kind: "mail-" + fmt.Sprint(h.owner), Merge: merge, Opens: opens, Recipient: "mailto:bob@example.net",
		Object: 5, UID: "uid", Payload: []byte(payload), DueAt: t0, Created: t0, State: storage.Ready}
	h.locked(func(tx storage.Tx) error {
		j.ID = next(h.t, tx, h.owner)
		return tx.AddJob(h.t.Context(), j)
	})
	return j
}

func (h *home) claimed(now time.Time, want int) []*storage.Job {
	h.t.Helper()
	list, err := h.s.ClaimJobs(h.t.Context(), []string{"mail-" + fmt.Sprint(h.owner)}, now, time.Minute, 100)
	if err != nil || len(list) != want {
		h.t.Fatalf("ClaimJobs: %d jobs, %v; want %d", len(list), err, want)
	}
	return list
}

func testFinishJobs(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	for i := range 5 {
		h.queued("", false, fmt.Sprint(i))
	}
	jobs := h.claimed(t0, 5)
	told := storage.Mailed{Owner: h.owner, Object: 5, Recipient: "mailto:bob@example.net", First: "a@example.com", Method: "REQUEST", View: []byte("v"), At: t0}
	for i, j := range jobs {
		j.State, j.Mailed = storage.Done, &told
		if i == 1 {
			j.State, j.LastError = storage.Failed, "550"
		}
	}
	jobs[2].State = storage.Ready
	jobs[2].DueAt = t0.Add(time.Hour)
	lost := *jobs[3]
	lost.Attempt = 9
	odd := *jobs[4]
	odd.State = "odd"
	errs := s.FinishJobs(ctx, []*storage.Job{jobs[0], jobs[1], jobs[2], &lost, &odd})
	for i, err := range errs {
		if (err != nil) != (i >= 3) || i == 3 && !errors.Is(err, storage.ErrConflict) {
			t.Errorf("FinishJobs: error %d is %v", i, err)
		}
	}
	m, err := s.Mailed(ctx, h.owner, 5, told.Recipient)
	check(t, err)
	diff(t, "Mailed", m, &told)
	if errs := s.FinishJobs(ctx, jobs[3:]); errs[0] != nil || errs[1] != nil {
		t.Errorf("FinishJobs of the rest: %v", errs)
	}
	if errs := s.FinishJobs(ctx, nil); len(errs) != 0 {
		t.Errorf("FinishJobs of none: %v", errs)
	}
	left := h.claimed(t0.Add(time.Hour), 1)
	if left[0].ID != jobs[2].ID {
		t.Errorf("waiting: %+v", left[0])
	}

	// One of many crosses with a newer one under its Merge: it is done, and the others are what they are.
	h.queued("m", true, "old")
	crossing := h.claimed(t0.Add(time.Minute), 1)[0]
	h.queued("m", false, "new")
	crossing.State = storage.Ready
	left[0].State = storage.Done
	for i, err := range s.FinishJobs(ctx, []*storage.Job{crossing, left[0]}) {
		if err != nil {
			t.Errorf("FinishJobs while a newer one waits: %d: %v", i, err)
		}
	}
	if got := h.claimed(t0.Add(3*time.Minute), 1)[0]; string(got.Payload) != "new" {
		t.Errorf("left: %s", got.Payload)
	}
}

func testWithdraw(t *testing.T, s storage.Store) {
	h := newHome(t, s)
	withdraw := func(merge string, withdrawn, unseen bool) {
		t.Helper()
		h.locked(func(tx storage.Tx) error {
			w, u, err := tx.WithdrawJob(t.Context(), h.owner, merge)
			if w != withdrawn || u != unseen {
				t.Errorf("WithdrawJob(%q) = %v, %v; want %v, %v", merge, w, u, withdrawn, unseen)
			}
			return err
		})
	}
	withdraw("m", false, false)
	withdraw("", false, false)
	h.queued("", true, "without a key")
	h.queued("m", true, "first")
	h.queued("m", false, "merged")
	list, err := s.Jobs(t.Context(), []storage.JobState{storage.Ready}, 0)
	check(t, err)
	if len(list) != 2 || !list[0].Opens || string(list[0].Payload) != "merged" {
		t.Errorf("merged: %+v", list)
	}
	withdraw("m", true, true)
	withdraw("m", false, false)
	h.queued("m", false, "an update")
	withdraw("m", true, false)
	h.queued("m", true, "tried")
	for _, j := range h.claimed(t0, 2) {
		withdraw("m", false, false) // while it is being sent
		j.State, j.DueAt = storage.Ready, t0.Add(time.Hour)
		check(t, s.FinishJob(t.Context(), j))
	}
	withdraw("m", true, false)
}

func testJobsByHand(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	a, b := h.queued("m", false, "a"), h.queued("", false, "b")
	for _, j := range h.claimed(t0, 2) {
		if err := s.RetryJob(ctx, h.owner, j.ID, t0); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("RetryJob of a leased job: %v", err)
		}
		if err := s.DropJob(ctx, h.owner, j.ID); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("DropJob of a leased job: %v", err)
		}
		j.State, j.LastError = storage.Failed, "550"
		check(t, s.FinishJob(ctx, j))
	}
	check(t, s.RetryJob(ctx, h.owner, a.ID, t0.Add(time.Minute)))
	if got := h.claimed(t0.Add(time.Minute), 1)[0]; got.ID != a.ID || got.Attempt != 2 {
		t.Errorf("retried: %+v", got)
	} else {
		got.State = storage.Failed
		check(t, s.FinishJob(ctx, got))
	}
	h.queued("m", false, "newer")
	if err := s.RetryJob(ctx, h.owner, a.ID, t0); !errors.Is(err, storage.ErrConflict) {
		t.Errorf("RetryJob while a newer one waits: %v, want ErrConflict", err)
	}
	check(t, s.DropJob(ctx, h.owner, b.ID))
	if err := s.DropJob(ctx, h.owner, b.ID); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("DropJob twice: %v", err)
	}
}

func testMailed(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	bob := "mailto:bob@example.net"
	known := func(want bool) {
		t.Helper()
		if got, err := s.Corresponded(ctx, h.owner, bob); err != nil || got != want {
			t.Errorf("Corresponded = %v, %v; want %v", got, err, want)
		}
	}
	if _, err := s.Mailed(ctx, h.owner, 5, bob); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Mailed of none: %v", err)
	}
	known(false)
	for _, tt := range []struct{ put, want storage.Mailed }{
		{storage.Mailed{Method: "REQUEST", View: []byte("one"), At: t0}, storage.Mailed{Method: "REQUEST", View: []byte("one"), At: t0}},
		{storage.Mailed{First: "1@x", Method: "REQUEST", View: []byte("two"), At: t0}, storage.Mailed{First: "1@x", Method: "REQUEST", View: []byte("two"), At: t0}},
		{storage.Mailed{First: "2@x", Method: "CANCEL", At: t0.Add(1000)}, storage.Mailed{First: "1@x", Method: "CANCEL", View: []byte("two"), At: t0.Add(1000)}},
	} {
		for _, m := range []*storage.Mailed{&tt.put, &tt.want} {
			m.Owner, m.Object, m.Recipient = h.owner, 5, bob
		}
		check(t, s.Update(ctx, func(tx storage.Tx) error { return tx.PutMailed(ctx, tt.put) }))
		got, err := s.Mailed(ctx, h.owner, 5, bob)
		check(t, err)
		diff(t, "Mailed", got, &tt.want)
	}
	known(true)
}

func testWaitingMail(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h, other := newHome(t, s), newHome(t, s)
	held := &storage.Inbound{Owner: h.owner, Key: "k", Received: t0, Sender: "bob@example.net", Recipient: "alice@example.com", Subject: "Re",
		State: storage.Held, Outcome: "not verified", Message: []byte{0, 255}, Object: 7, Calendar: []byte("BEGIN\xff"),
		About: storage.About{Method: "COUNTER", From: "mailto:bob@example.net", Name: "B\x00ö", Start: t0, Was: t0.Add(time.Hour), AllDay: true}}
	asked := *held
	asked.Owner, asked.Key, asked.State, asked.Received = other.owner, "q", storage.Asked, t0.Add(time.Second)
	second := *held
	second.Key, second.Object, second.About, second.Calendar = "l", 8, storage.About{}, []byte{}
	settled := *held
	settled.Key, settled.State = "s", storage.Settled
	check(t, s.Update(ctx, func(tx storage.Tx) error {
		for _, in := range []storage.Inbound{*held, asked, second, settled} {
			if _, err := tx.AddInbound(ctx, in); err != nil {
				return err
			}
		}
		return nil
	}))
	got, err := s.InboundMail(ctx, h.owner, "k")
	check(t, err)
	diff(t, "InboundMail", got, held)
	if _, err := s.InboundMail(ctx, other.owner, "k"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("InboundMail of another: %v", err)
	}
	waiting := func(q storage.WaitingQuery, want ...string) []*storage.Inbound {
		t.Helper()
		list, err := s.WaitingMail(ctx, q)
		check(t, err)
		var keys []string
		list = slices.DeleteFunc(list, func(in *storage.Inbound) bool { return in.Owner != h.owner && in.Owner != other.owner })
		for _, in := range list {
			keys = append(keys, in.Key)
		}
		diff(t, "WaitingMail", keys, want)
		return list
	}
	waiting(storage.WaitingQuery{}, "k", "l", "q")
	list := waiting(storage.WaitingQuery{Owner: h.owner}, "k", "l")
	short := *held
	short.Message, short.Calendar = nil, nil
	diff(t, "in a list", list[0], &short)
	waiting(storage.WaitingQuery{Owner: h.owner, Object: 8}, "l")
	waiting(storage.WaitingQuery{Owner: h.owner, Limit: 1}, "k")
	waiting(storage.WaitingQuery{Owner: h.owner, After: list[0], Limit: 1}, "l")
	waiting(storage.WaitingQuery{Owner: h.owner, After: list[1]})
	waiting(storage.WaitingQuery{After: list[1], Limit: 1}, "q")
	check(t, s.Update(ctx, func(tx storage.Tx) error { return tx.SettleInbound(ctx, h.owner, "k", "accepted") }))
	waiting(storage.WaitingQuery{}, "l", "q")
	for _, key := range []string{"k", "none"} {
		err := s.Update(ctx, func(tx storage.Tx) error { return tx.SettleInbound(ctx, h.owner, key, "again") })
		if !errors.Is(err, storage.ErrConflict) {
			t.Errorf("SettleInbound of %s: %v, want ErrConflict", key, err)
		}
	}
	if got, err := s.InboundMail(ctx, h.owner, "k"); err != nil || got.Outcome != "accepted" || len(got.Calendar) > 0 || got.About != (storage.About{}) || len(got.Message) == 0 {
		t.Errorf("settled: %+v, %v", got, err)
	}
	if got, err := s.InboundMail(ctx, h.owner, "s"); err != nil || got.About != (storage.About{}) {
		t.Errorf("what never waited: %+v, %v", got, err)
	}
}

func testPurgeMail(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	h.queued("", false, "ends")
	done := h.claimed(t0, 1)[0]
	done.State = storage.Done
	check(t, s.FinishJob(ctx, done))
	waits := h.queued("", false, "waits")
	check(t, s.Update(ctx, func(tx storage.Tx) error {
		if _, err := tx.AddInbound(ctx, storage.Inbound{Owner: h.owner, Key: "k", Received: t0}); err != nil {
			return err
		}
		return tx.PutMailed(ctx, storage.Mailed{Owner: h.owner, Object: 1, Recipient: "mailto:bob@example.net", At: t0})
	}))
	if _, err := s.PurgeMail(ctx, time.Time{}, time.Time{}, time.Time{}, 10); err != nil {
		t.Errorf("PurgeMail of nothing: %v", err)
	}
	if _, err := s.PurgeMail(ctx, t0, t0, t0, 1000); err != nil {
		t.Errorf("PurgeMail of what is older: %v", err)
	}
	if _, err := s.InboundMail(ctx, h.owner, "k"); err != nil {
		t.Errorf("purged too early: %v", err)
	}
	end := t0.Add(time.Second)
	if n, err := s.PurgeMail(ctx, end, end, end, 1000); err != nil || n < 3 {
		t.Errorf("PurgeMail = %d, %v; want 3 at least", n, err)
	}
	if _, err := s.InboundMail(ctx, h.owner, "k"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("inbound is still there: %v", err)
	}
	if _, err := s.Mailed(ctx, h.owner, 1, "mailto:bob@example.net"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("mailed is still there: %v", err)
	}
	if list, err := s.Jobs(ctx, nil, 1); err != nil || len(list) != 1 || list[0].ID != waits.ID {
		t.Errorf("jobs left: %+v, %v", list, err)
	}
}
