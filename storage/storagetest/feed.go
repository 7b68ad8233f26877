package storagetest

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kalends/storage"
)

func testFeeds(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h, other := newHome(t, s), newHome(t, s)
	put := func(h *home, f storage.Feed) *storage.Feed {
		f.Owner = h.owner
		h.locked(func(tx storage.Tx) error { return tx.PutFeed(ctx, &f) })
		return &f
	}
	expect := func(h *home, calendar int64, want ...*storage.Feed) {
		t.Helper()
		got, err := s.Feeds(ctx, h.owner, calendar)
		check(t, err)
		diff(t, "Feeds", got, want)
	}
	a := put(h, storage.Feed{Hash: "aa", Calendar: h.cal.ID, Busy: true, Label: "für alle", Created: t0.Add(time.Second)})
	b := put(h, storage.Feed{Hash: "bb", Calendar: h.inbox.ID, Created: t0})
	theirs := put(other, storage.Feed{Hash: "cc", Calendar: other.cal.ID, Created: t0})
	expect(h, 0, b, a)
	expect(h, h.cal.ID, a)
	expect(other, 0, theirs)
	got, err := s.FeedByHash(ctx, "aa")
	check(t, err)
	diff(t, "FeedByHash", got, a)
	for _, hash := range []string{"dd", "", "a", "a\x00", "\xff"} {
		if _, err := s.FeedByHash(ctx, hash); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("FeedByHash(%q) = %v, want ErrNotFound", hash, err)
		}
	}

	// Another's is neither changed nor removed.
	taken := *theirs
	taken.Owner = h.owner
	if err := s.Update(ctx, func(tx storage.Tx) error {
		check(t, tx.Lock(ctx, 1, h.owner))
		return tx.PutFeed(ctx, &taken)
	}); !errors.Is(err, storage.ErrConflict) {
		t.Errorf("PutFeed of another's = %v, want ErrConflict", err)
	}
	for _, hash := range []string{"cc", "dd"} {
		if err := s.Update(ctx, func(tx storage.Tx) error {
			check(t, tx.Lock(ctx, 1, h.owner))
			return tx.DeleteFeed(ctx, h.owner, hash)
		}); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("DeleteFeed(%s) = %v, want ErrNotFound", hash, err)
		}
	}
	if err := s.Update(ctx, func(tx storage.Tx) error { return tx.PutFeed(ctx, a) }); err == nil {
		t.Error("PutFeed in a home that is not locked went well")
	}
	a.Busy, a.Label = false, ""
	put(h, *a)
	expect(h, h.cal.ID, a)

	h.locked(func(tx storage.Tx) error { return tx.DeleteFeed(ctx, h.owner, "bb") })
	expect(h, 0, a)
	h.locked(func(tx storage.Tx) error { return tx.DeleteCalendar(ctx, h.owner, h.cal.ID, next(t, tx, h.owner)) })
	expect(h, 0)
	remove(t, s, other.owner)
	other.gone = true
	if _, err := s.FeedByHash(ctx, "cc"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("FeedByHash after the owner went = %v, want ErrNotFound", err)
	}
}

func testSubscriptions(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h, other := newHome(t, s), newHome(t, s)
	if _, err := s.NextSubscription(ctx); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("NextSubscription of none = %v, want ErrNotFound", err)
	}
	if _, err := s.Subscription(ctx, h.owner, h.cal.ID); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Subscription of none = %v, want ErrNotFound", err)
	}
	put := func(h *home, sub storage.Subscription) *storage.Subscription {
		h.locked(func(tx storage.Tx) error { return tx.PutSubscription(ctx, &sub) })
		return &sub
	}
	expect := func(what string, owner int64, want ...*storage.Subscription) {
		t.Helper()
		got, err := s.Subscriptions(ctx, owner)
		check(t, err)
		diff(t, what, got, want)
	}
	mine := put(h, storage.Subscription{
		Owner: h.owner, Calendar: h.cal.ID, URL: "https://example.com/a.ics", Every: 90 * time.Minute, Created: t0.Add(time.Second), Checked: t0.Add(2 * time.Second),
		Fetched: t0.Add(3 * time.Second), DueAt: t0.Add(time.Hour), Failures: 2, LastError: "nicht erreichbar: ü", ETag: `W/"x"`, LastModified: "then", Digest: "d1",
	})
	theirs := put(other, storage.Subscription{Owner: other.owner, Calendar: other.cal.ID, URL: "https://example.net/b.ics", Created: t0, DueAt: t0.Add(2 * time.Hour)})
	expect("Subscriptions", h.owner, mine)
	expect("all Subscriptions", 0, theirs, mine)
	got, err := s.Subscription(ctx, h.owner, h.cal.ID)
	check(t, err)
	diff(t, "Subscription", got, mine)

	next := func(want time.Time) {
		t.Helper()
		if at, err := s.NextSubscription(ctx); err != nil || !at.Equal(want) {
			t.Errorf("NextSubscription = %v, %v; want %v", at, err, want)
		}
	}
	claim := func(now time.Time, limit int, want ...*storage.Subscription) []*storage.Subscription {
		t.Helper()
		list, err := s.ClaimSubscriptions(ctx, now, time.Minute, limit)
		check(t, err)
		for _, w := range want {
			w.Claim++
		}
		diff(t, "ClaimSubscriptions", list, want)
		return list
	}
	next(mine.DueAt)
	claim(t0, 10)
	claim(mine.DueAt, 10, mine)
	next(mine.DueAt.Add(time.Minute)) // the lease
	claim(mine.DueAt, 10)
	lost := *mine
	claim(mine.DueAt.Add(time.Minute), 10, mine) // whoever had it is gone
	if err := s.FinishSubscription(ctx, &lost); !errors.Is(err, storage.ErrConflict) {
		t.Errorf("FinishSubscription of a lost claim = %v, want ErrConflict", err)
	}
	mine.Checked, mine.Fetched, mine.DueAt, mine.Failures = t0.Add(4*time.Hour), t0.Add(5*time.Hour), t0.Add(6*time.Hour), 0
	mine.LastError, mine.ETag, mine.LastModified, mine.Digest = "", `"y"`, "later", "d2"
	check(t, s.FinishSubscription(ctx, mine))
	got, err = s.Subscription(ctx, h.owner, h.cal.ID)
	check(t, err)
	diff(t, "Subscription after a look", got, mine)
	next(theirs.DueAt)
	claim(t0.Add(6*time.Hour), 1, theirs)
	theirs.DueAt, theirs.LastError = time.Time{}, "bad \x00\xff text" // never again
	check(t, s.FinishSubscription(ctx, theirs))
	theirs.LastError = "bad \uFFFD text"
	expect("Subscriptions with bytes that are no text", other.owner, theirs)
	next(mine.DueAt)
	claim(t0.Add(6*time.Hour), 10, mine)

	// What is replaced while somebody looks is not overwritten by what they saw.
	before := *mine
	mine.URL, mine.DueAt, mine.ETag = "https://example.org/c.ics", t0, ""
	put(h, *mine)
	if err := s.FinishSubscription(ctx, &before); !errors.Is(err, storage.ErrConflict) {
		t.Errorf("FinishSubscription of what was replaced = %v, want ErrConflict", err)
	}
	mine.Claim++
	expect("Subscriptions after one was replaced", h.owner, mine)
	if err := s.Update(ctx, func(tx storage.Tx) error { return tx.PutSubscription(ctx, mine) }); err == nil {
		t.Error("PutSubscription in a home that is not locked went well")
	}
	h.locked(func(tx storage.Tx) error { return tx.DeleteCalendar(ctx, h.owner, h.cal.ID, 9) })
	expect("Subscriptions without the calendar", 0, theirs)
	remove(t, s, other.owner)
	other.gone = true
	expect("Subscriptions without the owner", 0)
}

// testClaimSubscriptions: several claimers share them out.
func testClaimSubscriptions(t *testing.T, s storage.Store) {
	const rows, claimers, limit = 60, 6, 4
	ctx := t.Context()
	h := newHome(t, s)
	h.locked(func(tx storage.Tx) error {
		for i := range rows {
			err := tx.PutSubscription(ctx, &storage.Subscription{Owner: h.owner, Calendar: int64(i + 1), Created: t0, DueAt: t0.Add(time.Duration(i%7) * time.Second)})
			if err != nil {
				return err
			}
		}
		return nil
	})
	var wg sync.WaitGroup
	var mu sync.Mutex
	taken := map[int64]int{}
	for range claimers {
		wg.Go(func() {
			for none := 0; none < 3; {
				list, err := s.ClaimSubscriptions(ctx, t0.Add(time.Minute), time.Hour, limit)
				if err != nil || len(list) > limit {
					t.Errorf("ClaimSubscriptions: %d of at most %d, %v", len(list), limit, err)
					return
				}
				if len(list) == 0 {
					none++
				}
				mu.Lock()
				for _, sub := range list {
					taken[sub.Calendar]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for id, n := range taken {
		if n != 1 {
			t.Errorf("subscription %d was taken %d times", id, n)
		}
	}
	if len(taken) != rows {
		t.Errorf("%d subscriptions were taken, want %d", len(taken), rows)
	}
}

func testUIDs(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h, other := newHome(t, s), newHome(t, s)
	var want []string
	for _, name := range []string{"a", "b", "c"} {
		h.put(h.cal, name, nil)
	}
	h.put(h.inbox, "d", nil)
	other.put(other.cal, "a", nil)
	list, err := s.ObjectsByUIDs(ctx, h.owner, []string{"uid-a", "uid-c", "uid-d", "uid-x", "\x00", strings.Repeat("x", 500)})
	check(t, err)
	for _, o := range list {
		want = append(want, o.Name)
		if o.Owner != h.owner || len(o.ICS) > 0 || o.ETag == "" {
			t.Errorf("ObjectsByUIDs gave %d/%s with %d octets and the ETag %s", o.Owner, o.Name, len(o.ICS), o.ETag)
		}
	}
	slices.Sort(want)
	diff(t, "ObjectsByUIDs", want, []string{"a", "c"})
	if list, err := s.ObjectsByUIDs(ctx, h.owner, nil); err != nil || len(list) > 0 {
		t.Errorf("ObjectsByUIDs of none: %v, %v", list, err)
	}
}
