package storagetest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kalends/storage"
)

// answers are what a transaction reads of all that can be expected, errors among it.
func answers(t *testing.T, tx storage.Tx, h *home, owners []int64) []any {
	t.Helper()
	ctx := t.Context()
	var list []any
	add := func(v any, err error) {
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			t.Error(err)
		}
		list = append(list, v, errors.Is(err, storage.ErrNotFound))
	}
	c, err := tx.Calendar(ctx, h.owner, "calendar")
	add(c, err)
	for _, name := range []string{"a", "b"} {
		o, err := tx.Object(ctx, h.cal, name)
		add(o, err)
	}
	for _, uid := range []string{"shared", "nobody's"} {
		all, err := tx.ObjectsByUID(ctx, owners, uid)
		add(slices.Clip(append([]*storage.Object{}, all...)), err)
	}
	homes, err := tx.HomeCalendars(ctx, owners)
	add(homes, err)
	usage, err := tx.Usages(ctx, owners)
	add(usage, err)
	return list
}

// testExpect: what was expected is answered as it is without, once or again, before writes and after.
func testExpect(t *testing.T, s storage.Store) {
	ctx := t.Context()
	a, b := newHome(t, s), newHome(t, s)
	owners := []int64{a.owner, b.owner}
	slices.Sort(owners)
	for _, h := range []*home{a, b} {
		h.put(h.cal, "a", func(o *storage.Object) { o.UID = "shared" })
	}
	read := func(twice bool, expected ...storage.Expected) (list []any) {
		t.Helper()
		a.update(func(tx storage.Tx) error {
			for _, e := range expected {
				tx.Expect(e)
			}
			if err := tx.Lock(ctx, 1, owners...); err != nil {
				return err
			}
			if twice {
				answers(t, tx, a, owners)
			}
			list = answers(t, tx, a, owners)
			return nil
		})
		return list
	}
	want := read(false)
	whole := storage.Expected{Owner: a.owner, Slug: "calendar", Name: "a", UID: "shared", Usage: true}
	homes, other, none, strange := whole, whole, whole, whole
	homes.Homes = true
	other.Name, other.UID = "b", "nobody's"
	none.Slug = "nothing"
	strange.Slug, strange.Name, strange.UID = "\xff", "\x00", "\xff\x00"
	for what, e := range map[string]storage.Expected{
		"all": whole, "homes too": homes, "what is not there": other, "a calendar that is not there": none, "nothing": {},
		"what nothing can be called": strange, "somebody who is not there": {Owner: 1 << 40, Slug: "calendar", Name: "a", Homes: true},
	} {
		for _, twice := range []bool{false, true} {
			if diff := cmp.Diff(want, read(twice, e)); diff != "" {
				t.Errorf("having expected %s (asked twice: %v) the answers differ:\n%s", what, twice, diff)
			}
		}
	}
	if diff := cmp.Diff(want, read(false, whole, homes)); diff != "" {
		t.Errorf("having expected twice the answers differ:\n%s", diff)
	}

	// What the transaction writes shows in what it reads.
	for what, write := range map[string]func(storage.Tx) error{
		"object": func(tx storage.Tx) error {
			old, err := s.Object(ctx, a.cal, "a")
			check(t, err)
			o := *old
			o.Seq, o.ICS = next(t, tx, a.owner), append(slices.Clone(o.ICS), "more"...)
			return tx.PutObject(ctx, &o, old)
		},
		"calendar": func(tx storage.Tx) error {
			c, err := s.Calendar(ctx, a.owner, "calendar")
			check(t, err)
			c.DisplayName += "more"
			return tx.PutCalendar(ctx, c)
		},
		"mark": func(tx storage.Tx) error { return tx.TouchCalendar(ctx, a.owner, a.cal.ID, next(t, tx, a.owner)) },
	} {
		var got, want []any
		a.update(func(tx storage.Tx) error {
			tx.Expect(homes)
			if err := tx.Lock(ctx, 1, owners...); err != nil {
				return err
			}
			if err := write(tx); err != nil {
				return err
			}
			got = answers(t, tx, a, owners)
			return nil
		})
		want = read(false)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after writing the %s the answers differ from those after the commit:\n%s", what, diff)
		}
	}
}

// testExpectRace: of many who count up what they expected, none counts on what was there before they had the lock.
func testExpectRace(t *testing.T, s storage.Store) {
	const writers, rounds = 12, 5
	ctx := t.Context()
	h, other := newHome(t, s), newHome(t, s)
	h.put(h.cal, "a", func(o *storage.Object) { o.UID, o.Zones = "counted", "0" })
	var wg sync.WaitGroup
	for w := range writers {
		owners := []int64{h.owner}
		if w%2 == 1 {
			owners = append(owners, other.owner)
			slices.Sort(owners)
		}
		wg.Go(func() {
			for range rounds {
				err := s.Update(ctx, func(tx storage.Tx) error {
					tx.Expect(storage.Expected{Owner: h.owner, Slug: "calendar", Name: "a", UID: "counted", Homes: w%4 < 2, Usage: w%3 == 0})
					if err := tx.Lock(ctx, 1, owners...); err != nil {
						return err
					}
					old, err := tx.Object(ctx, h.cal, "a")
					if err != nil {
						return err
					}
					same, err := tx.ObjectsByUID(ctx, owners, "counted")
					if err != nil {
						return err
					}
					if len(same) != 1 || same[0].Seq != old.Seq || same[0].Zones != old.Zones {
						return fmt.Errorf("by its name the object is %d, by its UID there are %d, or it is another", old.Seq, len(same))
					}
					n, err := strconv.Atoi(old.Zones)
					if err != nil {
						return err
					}
					o := *old
					if o.Seq, err = tx.Next(ctx, h.owner); err != nil {
						return err
					}
					o.Zones = strconv.Itoa(n + 1)
					return tx.PutObject(ctx, &o, old)
				})
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	wg.Wait()
	o, err := s.Object(ctx, h.cal, "a")
	check(t, err)
	if want := strconv.Itoa(writers * rounds); o.Zones != want {
		t.Errorf("%s counted to %s", want, o.Zones)
	}
}
