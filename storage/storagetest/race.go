package storagetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"kalends/storage"
)

// testWriters: fifty writers count up shared and own objects, while readers follow with sync tokens. No count
// may be lost, and at the end every reader knows the last state of every object.
func testWriters(t *testing.T, s storage.Store) {
	const writers, rounds, shared = 50, 6, 5
	ctx := t.Context()
	h := newHome(t, s)
	count := func(name string, remove bool) error {
		return s.Update(ctx, func(tx storage.Tx) error {
			if err := tx.Lock(ctx, 1, h.owner); err != nil {
				return err
			}
			old, err := tx.Object(ctx, h.cal, name)
			if err != nil && !errors.Is(err, storage.ErrNotFound) {
				return err
			}
			seq, err := tx.Next(ctx, h.owner)
			if err != nil {
				return err
			}
			if remove && old != nil {
				return tx.DeleteObject(ctx, old, seq)
			}
			o := object(h.cal, seq, name)
			n := 0
			if old != nil {
				o.ID = old.ID
				if n, err = strconv.Atoi(old.Zones); err != nil {
					return err
				}
			}
			o.Zones = strconv.Itoa(n + 1)
			o.ETag = fmt.Sprintf(`"%d"`, seq)
			return tx.PutObject(ctx, o, old)
		})
	}
	type state struct {
		etag    string
		deleted bool
	}
	following, stop := context.WithCancel(ctx)
	var readers, all sync.WaitGroup
	seen := make([]map[string]state, 3)
	for i := range seen {
		seen[i] = map[string]state{}
		readers.Go(func() {
			token := int64(0)
			for last := false; ; {
				last = following.Err() != nil
				err := s.View(ctx, func(r storage.Reader) error {
					list, err := r.Changes(ctx, h.cal, token, 7*i)
					for _, c := range list {
						seen[i][c.Name] = state{c.ETag, c.Deleted}
						token = c.Seq
						last = false
					}
					return err
				})
				if err != nil {
					t.Errorf("Changes: %v", err)
					return
				}
				if last {
					return
				}
			}
		})
	}
	for w := range writers {
		all.Go(func() {
			for i := range rounds {
				if err := count(fmt.Sprintf("shared%d", (w+i)%shared), false); err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
				if err := count(fmt.Sprintf("own%d", w), i%3 == 2); err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	all.Wait()
	stop()
	readers.Wait()
	total := 0
	want := map[string]state{}
	for w := range writers {
		want[fmt.Sprintf("own%d", w)] = state{deleted: true}
	}
	check(t, s.Objects(ctx, h.cal, 0, func(o *storage.Object) error {
		n, err := strconv.Atoi(o.Zones)
		total += n
		want[o.Name] = state{etag: o.ETag}
		return err
	}))
	if total != writers*rounds {
		t.Errorf("%d counts were written, %d are there", writers*rounds, total)
	}
	for i := range seen {
		if len(seen[i]) != len(want) {
			t.Errorf("reader %d knows %d objects, want %d", i, len(seen[i]), len(want))
		}
		for name, st := range want {
			if seen[i][name] != st {
				t.Errorf("reader %d has %s as %+v, want %+v", i, name, seen[i][name], st)
			}
		}
	}
}

// testCondition: of many that replace the same state, as If-Match does, one wins each round.
func testCondition(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	changed := errors.New("changed")
	for range 5 {
		etag := ""
		if o, err := s.Object(ctx, h.cal, "a"); err == nil {
			etag = o.ETag
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for range 12 {
			wg.Go(func() {
				err := s.Update(ctx, func(tx storage.Tx) error {
					if err := tx.Lock(ctx, 1, h.owner); err != nil {
						return err
					}
					old, err := tx.Object(ctx, h.cal, "a")
					switch {
					case errors.Is(err, storage.ErrNotFound) && etag == "":
						old = nil
					case err != nil:
						return err
					case old.ETag != etag:
						return changed
					}
					seq, err := tx.Next(ctx, h.owner)
					if err != nil {
						return err
					}
					o := object(h.cal, seq, "a")
					if old != nil {
						o.ID = old.ID
					}
					return tx.PutObject(ctx, o, old)
				})
				if err == nil {
					mu.Lock()
					won++
					mu.Unlock()
				} else if !errors.Is(err, changed) {
					t.Errorf("Update: %v", err)
				}
			})
		}
		wg.Wait()
		if won != 1 {
			t.Errorf("%d replaced the same state, want 1", won)
		}
	}
}

// testClaimers: eight claimers share out jobs and reminders.
func testClaimers(t *testing.T, s storage.Store) {
	const rows, claimers, limit = 400, 8, 7
	ctx := t.Context()
	h := newHome(t, s)
	h.locked(func(tx storage.Tx) error {
		for i := range rows {
			id := next(t, tx, h.owner)
			due := t0.Add(time.Duration(i%10) * time.Second)
			if err := tx.AddJob(ctx, &storage.Job{Owner: h.owner, ID: id, Kind: "claim", DueAt: due}); err != nil {
				return err
			}
			if err := tx.SetReminders(ctx, h.owner, id, []*storage.Reminder{{Alarm: "a", DueAt: due}}); err != nil {
				return err
			}
		}
		return nil
	})
	now := t0.Add(time.Minute)
	for what, claim := range map[string]func() ([]int64, error){
		"job": func() (ids []int64, err error) {
			list, err := s.ClaimJobs(ctx, []string{"claim"}, now, time.Hour, limit)
			for _, j := range list {
				ids = append(ids, j.ID)
			}
			return ids, err
		},
		"reminder": func() (ids []int64, err error) {
			list, err := s.ClaimReminders(ctx, now, time.Hour, limit)
			for _, r := range list {
				ids = append(ids, r.Object)
			}
			return ids, err
		},
	} {
		var wg sync.WaitGroup
		var mu sync.Mutex
		taken := map[int64]int{}
		for range claimers {
			wg.Go(func() {
				for none := 0; none < 3; {
					ids, err := claim()
					if err != nil {
						t.Errorf("claim %s: %v", what, err)
						return
					}
					if len(ids) > limit {
						t.Errorf("claimed %d of kind %s, more than %d", len(ids), what, limit)
					}
					if len(ids) == 0 {
						none++ // others may hold the rest locked for a moment
					}
					mu.Lock()
					for _, id := range ids {
						taken[id]++
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		for id, n := range taken {
			if n != 1 {
				t.Errorf("%s %d was taken %d times", what, id, n)
			}
		}
		if len(taken) != rows {
			t.Errorf("%d of kind %s were taken, want %d", len(taken), what, rows)
		}
	}
}

// testDeadlock: transactions lock the same homes, named in any order.
func testDeadlock(t *testing.T, s storage.Store) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var homes []*home
	for range 12 {
		homes = append(homes, newHome(t, s))
	}
	var wg sync.WaitGroup
	for w := range 12 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), 7))
			for range 8 {
				order := rnd.Perm(len(homes))
				if w%2 == 0 {
					order = order[:3] // few are locked one by one
				}
				var owners []int64
				for _, i := range order {
					owners = append(owners, homes[i].owner)
				}
				err := s.Update(ctx, func(tx storage.Tx) error {
					if err := tx.Lock(ctx, 1, owners...); err != nil {
						return err
					}
					for _, i := range order {
						seq, err := tx.Next(ctx, homes[i].owner)
						if err != nil {
							return err
						}
						if err := tx.PutObject(ctx, object(homes[i].cal, seq, fmt.Sprintf("%d-%d", w, seq)), nil); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	wg.Wait()
	var total int64
	for _, h := range homes {
		total += h.collection(h.cal).Objects
	}
	if want := int64(6*8*3 + 6*8*12); total != want {
		t.Errorf("%d objects were written, want %d", total, want)
	}
}
