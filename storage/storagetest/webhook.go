package storagetest

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"kalends/storage"
)

// webhook is one whose every field that its owner writes is set.
func (h *home) webhook(watches ...storage.WebhookWatch) *storage.Webhook {
	h.t.Helper()
	w := &storage.Webhook{
		Owner: h.owner, URL: "https://hooks.example.com/in?x=1", Label: "Tür", Kinds: "event.created event.deleted", State: storage.WebhookOn,
		Created: t0, Secret: []byte{1, 0, 2}, OldSecret: []byte{3}, OldUntil: t0.Add(time.Hour), Watches: watches,
	}
	h.update(func(tx storage.Tx) error {
		owners := []int64{h.owner}
		for _, w := range watches {
			owners = append(owners, w.Owner)
		}
		if err := tx.Lock(h.t.Context(), 1, owners...); err != nil {
			return err
		}
		w.ID = next(h.t, tx, h.owner)
		if err := tx.PutWebhook(h.t.Context(), w, t0); err != nil {
			return err
		}
		return tx.SetWatches(h.t.Context(), w.Key(), watches)
	})
	return w
}

// deliver queues n deliveries of a change in the home to whoever watches, due at a time.
func (h *home) deliver(n int, due time.Time) []*storage.Delivery {
	h.t.Helper()
	var list []*storage.Delivery
	h.locked(func(tx storage.Tx) error {
		list = nil
		ctx := h.t.Context()
		found, err := tx.Watching(ctx, []int64{h.owner})
		if err != nil {
			return err
		}
		var draws []storage.DeliveryDraw
		for _, w := range found {
			draws = append(draws, storage.DeliveryDraw{WebhookKey: w.Webhook, N: int64(n), Due: due})
		}
		last, err := tx.DrawDeliveries(ctx, draws)
		if err != nil {
			return err
		}
		for _, w := range found {
			for i := range n {
				seq := last[w.Webhook] - int64(n) + 1 + int64(i)
				list = append(list, &storage.Delivery{
					Owner: w.Webhook.Owner, Webhook: w.Webhook.ID, Sequence: seq, Message: fmt.Sprintf("msg_%d", seq), About: w.Watch, Changes: 3,
					State: storage.DeliveryReady, Created: t0, DueAt: due, Body: []byte(`{"a":1}`),
				})
			}
		}
		return tx.AddDeliveries(ctx, list)
	})
	return list
}

func testWebhooks(t *testing.T, s storage.Store) {
	ctx := t.Context()
	alice, bob := newHome(t, s), newHome(t, s)
	watched := func(h *home) (yes bool) {
		h.locked(func(tx storage.Tx) error { yes = tx.Watched(h.owner); return nil })
		return yes
	}
	if watched(alice) {
		t.Error("a home without webhooks is watched")
	}
	all := alice.webhook(storage.WebhookWatch{Owner: alice.owner})
	shared := bob.webhook(storage.WebhookWatch{Owner: alice.owner, Calendar: alice.cal.ID})
	if !watched(alice) || watched(bob) {
		t.Error("Watched")
	}
	got, err := s.Webhook(ctx, alice.owner, all.ID)
	check(t, err)
	diff(t, "a webhook", got, all)
	list, err := s.Webhooks(ctx, bob.owner)
	check(t, err)
	diff(t, "bob's", list, []*storage.Webhook{shared})
	if _, err := s.Webhook(ctx, bob.owner, all.ID+100); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("none: %v", err)
	}
	if n, err := s.Watchers(ctx, alice.cal); n != 1 || err != nil {
		t.Errorf("Watchers = %d, %v", n, err)
	}
	var found []storage.Watching
	alice.locked(func(tx storage.Tx) (err error) { found, err = tx.Watching(ctx, []int64{alice.owner}); return err })
	diff(t, "who watches", found, []storage.Watching{
		{Watch: storage.WebhookWatch{Owner: alice.owner}, Webhook: all.Key(), Kinds: all.Kinds, State: storage.WebhookOn},
		{Watch: shared.Watches[0], Webhook: shared.Key(), Kinds: all.Kinds, State: storage.WebhookOn},
	})

	// Deliveries.
	made := alice.deliver(3, t0)
	if len(made) != 6 || made[0].Sequence != 1 || made[5].Sequence != 3 {
		t.Fatalf("deliveries %+v", made)
	}
	there, err := s.Deliveries(ctx, alice.owner, all.ID, 3, 1)
	check(t, err)
	second := *made[1]
	second.Body = nil
	diff(t, "the second", there, []*storage.Delivery{&second})
	if d, err := s.WebhookDepth(ctx); d.Count != 6 || !d.Due.Equal(t0) || err != nil {
		t.Errorf("WebhookDepth = %+v, %v", d, err)
	}
	alice.locked(func(tx storage.Tx) (err error) { found, err = tx.Watching(ctx, []int64{alice.owner}); return err })
	if found[0].Waiting != 3 {
		t.Errorf("waiting = %d", found[0].Waiting)
	}

	// Changes by its owner, and the end of what it is told.
	all.Label, all.State, all.Reason, all.OldSecret, all.OldUntil, all.Sequence = "", storage.WebhookPaused, "x", nil, time.Time{}, 3
	alice.locked(func(tx storage.Tx) error { return tx.PutWebhook(ctx, all, t0) })
	got, err = s.Webhook(ctx, alice.owner, all.ID)
	check(t, err)
	diff(t, "changed", got, all)
	alice.update(func(tx storage.Tx) error {
		check(t, tx.Lock(ctx, 0, alice.owner))
		if err := tx.SetWatches(ctx, shared.Key(), nil); err == nil {
			t.Error("watches of a home that is not locked were changed")
		}
		return nil
	})
	// A webhook that is off is told nothing more; tests go out.
	bob.locked(func(tx storage.Tx) error {
		last, err := tx.DrawDeliveries(ctx, []storage.DeliveryDraw{{WebhookKey: shared.Key(), N: 1, Due: t0, Test: true}, {WebhookKey: storage.WebhookKey{Owner: bob.owner, ID: 9999}, N: 1}})
		if err != nil || len(last) != 1 || last[shared.Key()] != 4 {
			t.Errorf("drawn %v, %v", last, err)
		}
		check(t, tx.AddDeliveries(ctx, []*storage.Delivery{{Owner: bob.owner, Webhook: shared.ID, Sequence: 4, Message: "m", Test: true, State: storage.DeliveryReady, Created: t0, DueAt: t0}}))
		on, err := tx.CloseWebhook(ctx, shared.Key(), "gone")
		if !on || err != nil {
			t.Errorf("CloseWebhook = %v, %v", on, err)
		}
		if on, err = tx.CloseWebhook(ctx, shared.Key(), "again"); on || err != nil {
			t.Errorf("CloseWebhook again = %v, %v", on, err)
		}
		return nil
	})
	if got, err = s.Webhook(ctx, bob.owner, shared.ID); err != nil || got.State != storage.WebhookOff || got.Reason != "gone" {
		t.Errorf("closed: %+v, %v", got, err)
	}
	there, err = s.Deliveries(ctx, bob.owner, shared.ID, 0, 10)
	check(t, err)
	if len(there) != 4 || there[0].State != storage.DeliveryReady || there[1].State != storage.DeliveryFailed || there[1].Error != "gone" {
		t.Errorf("of a closed webhook: %+v", there[0])
	}
	alice.locked(func(tx storage.Tx) (err error) { found, err = tx.Watching(ctx, []int64{alice.owner}); return err })
	if len(found) != 1 || found[0].State != storage.WebhookPaused {
		t.Errorf("who watches then: %+v", found)
	}
	// Deleting the calendar, the webhook, its owner.
	alice.update(func(tx storage.Tx) error {
		check(t, tx.Lock(ctx, 1, alice.owner, bob.owner))
		return tx.SetWatches(ctx, shared.Key(), []storage.WebhookWatch{{Owner: alice.owner, Calendar: alice.cal.ID}, {Owner: bob.owner, Calendar: 7}, {Owner: bob.owner, Calendar: 7}})
	})
	alice.locked(func(tx storage.Tx) error {
		return tx.DeleteCalendar(ctx, alice.owner, alice.cal.ID, next(t, tx, alice.owner))
	})
	if got, err = s.Webhook(ctx, bob.owner, shared.ID); err != nil || len(got.Watches) != 1 {
		t.Errorf("after the calendar: %+v, %v", got, err)
	}
	alice.locked(func(tx storage.Tx) error { return tx.DeleteWebhook(ctx, all.Key()) })
	if _, err = s.Webhook(ctx, alice.owner, all.ID); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
	if watched(alice) || !watched(bob) {
		t.Error("Watched after the last has gone")
	}
	if n, err := s.PurgeDeliveries(ctx, t0.Add(time.Second), 2); n != 2 || err != nil {
		t.Errorf("PurgeDeliveries = %d, %v", n, err)
	}
	if n, err := s.PurgeDeliveries(ctx, t0, 10); n != 0 || err != nil {
		t.Errorf("PurgeDeliveries of nothing = %d, %v", n, err)
	}
	check(t, s.Update(ctx, func(tx storage.Tx) error { return tx.DeletePrincipal(ctx, bob.owner) }))
	bob.gone = true
	if list, err := s.Deliveries(ctx, bob.owner, shared.ID, 0, 10); len(list) != 0 || err != nil {
		t.Errorf("of who has gone: %v, %v", list, err)
	}
}

func testWebhookClaims(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	const lease = time.Minute
	w := h.webhook(storage.WebhookWatch{Owner: h.owner})
	claim := func(now time.Time) []storage.ClaimedWebhook {
		t.Helper()
		list, err := s.ClaimWebhooks(ctx, now, lease, 10)
		check(t, err)
		return list
	}
	nextAt := func(want time.Time) {
		t.Helper()
		at, err := s.NextWebhook(ctx)
		if want.IsZero() && !errors.Is(err, storage.ErrNotFound) || !want.IsZero() && (err != nil || !at.Equal(want)) {
			t.Errorf("NextWebhook = %v, %v; want %v", at, err, want)
		}
	}
	nextAt(time.Time{})
	due := t0.Add(time.Minute)
	h.deliver(2, due)
	nextAt(due)
	if list := claim(t0); len(list) != 0 {
		t.Fatalf("claimed too early: %v", list)
	}
	list := claim(due)
	if len(list) != 1 || list[0].ID != w.ID || list[0].URL != w.URL || !bytes.Equal(list[0].Secret, w.Secret) {
		t.Fatalf("claimed %+v", list)
	}
	first := list[0]
	nextAt(due.Add(lease))
	if list := claim(due.Add(lease - time.Second)); len(list) != 0 {
		t.Fatal("claimed twice")
	}
	d, err := s.NextDelivery(ctx, w.Key(), due)
	check(t, err)
	if d.Sequence != 1 || string(d.Body) != `{"a":1}` {
		t.Fatalf("next %+v", d)
	}
	// The server that holds it is killed: another gets it, with the same message. What the first says counts no more.
	second := claim(due.Add(lease))[0]
	again, err := s.NextDelivery(ctx, w.Key(), due)
	check(t, err)
	diff(t, "once more", again, d)
	d.State, d.Attempt, d.Status, d.Tried = storage.DeliveryDone, 1, 204, due
	outcome := storage.DeliveryOutcome{Delivery: d, Claim: first.Claim, LastOK: due}
	if err := s.FinishDelivery(ctx, outcome); !errors.Is(err, storage.ErrConflict) {
		t.Errorf("FinishDelivery without the lease: %v", err)
	}
	if err := s.ReleaseWebhook(ctx, first, time.Time{}); !errors.Is(err, storage.ErrConflict) {
		t.Errorf("ReleaseWebhook without the lease: %v", err)
	}
	outcome.Claim = second.Claim
	check(t, s.FinishDelivery(ctx, outcome))
	got, err := s.Deliveries(ctx, h.owner, w.ID, 2, 1)
	check(t, err)
	d.Body = nil
	diff(t, "finished", got, []*storage.Delivery{d})

	// The second fails; a third is queued while the webhook is leased and held.
	d, err = s.NextDelivery(ctx, w.Key(), due)
	check(t, err)
	hold := due.Add(time.Hour)
	d.Attempt, d.Tried, d.Status, d.Error, d.DueAt = 1, due, 503, "503", due.Add(2*time.Hour)
	check(t, s.FinishDelivery(ctx, storage.DeliveryOutcome{Delivery: d, Claim: second.Claim, Failures: 1, FailingSince: due, LastOK: due, Hold: hold}))
	h.deliver(1, due)
	if _, err := s.NextDelivery(ctx, w.Key(), due); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("a delivery of a webhook that is held: %v", err)
	}
	check(t, s.ReleaseWebhook(ctx, second, time.Time{}))
	nextAt(hold)
	held, err := s.Webhook(ctx, h.owner, w.ID)
	check(t, err)
	if held.Failures != 1 || !held.FailingSince.Equal(due) || !held.Hold.Equal(hold) || !held.LastOK.Equal(due) {
		t.Errorf("held: %+v", held)
	}
	// A test goes out all the same, and of what is paused too.
	h.locked(func(tx storage.Tx) error {
		_, err := tx.DrawDeliveries(ctx, []storage.DeliveryDraw{{WebhookKey: w.Key(), N: 1, Due: due, Test: true}})
		check(t, err)
		check(t, tx.AddDeliveries(ctx, []*storage.Delivery{{Owner: h.owner, Webhook: w.ID, Sequence: 4, Message: "test", Test: true, State: storage.DeliveryReady, Created: t0.Add(time.Hour), DueAt: due}}))
		held.State = storage.WebhookPaused
		return tx.PutWebhook(ctx, held, due)
	})
	third := claim(due)
	if len(third) != 1 {
		t.Fatalf("claimed %v", third)
	}
	if d, err = s.NextDelivery(ctx, w.Key(), due); err != nil || !d.Test {
		t.Fatalf("a test: %+v, %v", d, err)
	}
	d.State = storage.DeliveryFailed
	check(t, s.FinishDelivery(ctx, storage.DeliveryOutcome{Delivery: d, Claim: third[0].Claim, Failures: 1, FailingSince: due, Hold: hold}))
	check(t, s.ReleaseWebhook(ctx, third[0], time.Time{}))
	nextAt(time.Time{})
	h.deliver(1, due)
	nextAt(time.Time{}) // kept, as it is paused
	// On again: what waits is due at once.
	held.State = storage.WebhookOn
	h.locked(func(tx storage.Tx) error { return tx.PutWebhook(ctx, held, due) })
	nextAt(due)
	fourth := claim(due)[0]
	if fourth.Failures != 0 || !fourth.Hold.IsZero() {
		t.Errorf("begun anew: %+v", fourth)
	}
	for range 3 {
		d, err := s.NextDelivery(ctx, w.Key(), due)
		check(t, err)
		d.State = storage.DeliveryFailed
		check(t, s.FinishDelivery(ctx, storage.DeliveryOutcome{Delivery: d, Claim: fourth.Claim}))
	}
	h.deliver(1, due)
	check(t, s.ReleaseWebhook(ctx, fourth, due.Add(time.Second)))
	nextAt(due.Add(time.Second))
	if n, err := s.PurgeDeliveries(ctx, t0.Add(24*time.Hour), 100); n != 6 || err != nil {
		t.Errorf("PurgeDeliveries = %d, %v", n, err)
	}
	last := claim(due.Add(time.Second))
	check(t, s.ReleaseWebhook(ctx, last[0], time.Time{}))
	nextAt(time.Time{})
}

// testDeliveryRace has changes in two homes queue for one webhook while a sender takes from it: every number is drawn once, and each
// delivery is taken.
func testDeliveryRace(t *testing.T, s storage.Store) {
	ctx := t.Context()
	a, b := newHome(t, s), newHome(t, s)
	w := a.webhook(storage.WebhookWatch{Owner: a.owner}, storage.WebhookWatch{Owner: b.owner, Calendar: b.cal.ID})
	const each = 25
	var writers sync.WaitGroup
	for _, h := range []*home{a, b} {
		writers.Go(func() {
			for range each {
				h.deliver(1, t0)
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	seen := map[int64]bool{}
	drain := func() {
		list, err := s.ClaimWebhooks(ctx, t0, time.Hour, 10)
		check(t, err)
		for _, c := range list {
			for {
				d, err := s.NextDelivery(ctx, c.Key(), t0)
				if errors.Is(err, storage.ErrNotFound) {
					break
				}
				check(t, err)
				if seen[d.Sequence] {
					t.Errorf("delivery %d came twice", d.Sequence)
				}
				seen[d.Sequence] = true
				d.State = storage.DeliveryDone
				check(t, s.FinishDelivery(ctx, storage.DeliveryOutcome{Delivery: d, Claim: c.Claim}))
			}
			check(t, s.ReleaseWebhook(ctx, c, time.Time{}))
		}
	}
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		drain()
	}
	drain()
	if len(seen) != 2*each || !seen[1] || !seen[2*each] {
		t.Errorf("%d deliveries of %d", len(seen), 2*each)
	}
	if got, err := s.Webhook(ctx, a.owner, w.ID); err != nil || got.Sequence != 2*each {
		t.Errorf("the last is %+v, %v", got, err)
	}
}
