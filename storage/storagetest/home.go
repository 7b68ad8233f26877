package storagetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"kalends/storage"
)

func testHome(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	before, err := s.Home(ctx, h.owner)
	check(t, err)
	if before.Owner != h.owner || before.Seq < h.inbox.ID || before.Floor != 0 {
		t.Errorf("Home(%d) = %+v", h.owner, before)
	}
	if _, err := s.Home(ctx, -5); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Home of nobody: %v, want ErrNotFound", err)
	}

	removals := func() map[string]int64 {
		t.Helper()
		list, err := s.Changes(ctx, storage.HomeRef(h.owner), before.Seq, 0)
		check(t, err)
		seqs := map[string]int64{}
		for _, c := range list {
			if !c.Deleted || c.ID == 0 {
				t.Errorf("change of a home is %+v, want a removal", c)
			}
			seqs[c.Name] = c.Seq
		}
		return seqs
	}
	var other storage.Ref
	var renamed, removed int64
	h.locked(func(tx storage.Tx) error {
		other = storage.Ref{Owner: h.owner, ID: next(t, tx, h.owner)}
		return tx.PutCalendar(ctx, calendar(other, "other", storage.CalendarKind))
	})
	o := h.put(other, "a.ics", nil)
	h.locked(func(tx storage.Tx) error {
		renamed = next(t, tx, h.owner)
		return tx.RenameCalendar(ctx, h.owner, other.ID, "new name", renamed)
	})
	diff(t, "after renaming", removals(), map[string]int64{"other": renamed})
	c, err := s.Calendar(ctx, h.owner, "new name")
	check(t, err)
	if c.ID != other.ID || c.Seq != renamed {
		t.Errorf("renamed calendar is %+v", c)
	}
	diff(t, "object of a renamed calendar", readBack(t, s, other, "a.ics"), o)

	h.locked(func(tx storage.Tx) error {
		removed = next(t, tx, h.owner)
		return tx.DeleteCalendar(ctx, h.owner, other.ID, removed)
	})
	diff(t, "after removing", removals(), map[string]int64{"other": renamed, "new name": removed})
	h.locked(func(tx storage.Tx) error {
		ref := storage.Ref{Owner: h.owner, ID: next(t, tx, h.owner)}
		return tx.PutCalendar(ctx, calendar(ref, "new name", storage.CalendarKind))
	})
	diff(t, "after making one of that name", removals(), map[string]int64{"other": renamed})

	for {
		n, err := s.PurgeTombstones(ctx, time.Now().Add(time.Hour), 100)
		check(t, err)
		if n == 0 {
			break
		}
	}
	after, err := s.Home(ctx, h.owner)
	check(t, err)
	if after.Floor != renamed || after.Seq <= before.Seq {
		t.Errorf("home after purging is %+v, want the floor %d", after, renamed)
	}
	diff(t, "after purging", removals(), map[string]int64{})
}

func readBack(t *testing.T, s storage.Store, ref storage.Ref, name string) *storage.Object {
	t.Helper()
	o, err := s.Object(t.Context(), ref, name)
	check(t, err)
	return o
}

func testObjectIn(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h, other := newHome(t, s), newHome(t, s)
	h.put(h.cal, "a.ics", nil)
	h.put(h.inbox, "i.ics", nil)
	other.put(other.cal, "b.ics", nil)
	for _, tt := range []struct {
		slug, name string
		ref        storage.Ref
		found      bool
	}{
		{"calendar", "a.ics", h.cal, true},
		{"calendar", "b.ics", h.cal, false},
		{"calendar", "bad\x00", h.cal, false},
		{"inbox", "i.ics", h.inbox, true},
		{"inbox", "a.ics", h.inbox, false},
	} {
		c, o, err := s.ObjectIn(ctx, h.owner, tt.slug, tt.name)
		check(t, err)
		if c.Ref() != tt.ref || (o != nil) != tt.found {
			t.Errorf("ObjectIn(%q, %q) = %+v, %+v", tt.slug, tt.name, c, o)
		}
		if o != nil {
			diff(t, "ObjectIn "+tt.name, o, readBack(t, s, tt.ref, tt.name))
			whole, err := s.Calendar(ctx, h.owner, tt.slug)
			check(t, err)
			diff(t, "ObjectIn "+tt.slug, c, whole)
		}
	}
	for _, slug := range []string{"nowhere", "bad\xff"} {
		if _, _, err := s.ObjectIn(ctx, h.owner, slug, "a.ics"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("ObjectIn of no calendar: %v, want ErrNotFound", err)
		}
	}
}

func testObjectsAfter(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	var want []string
	for i := range 25 {
		want = append(want, h.put(h.cal, fmt.Sprintf("%02d.ics", i), nil).Name)
	}
	var got []string
	for after := ""; ; {
		list, err := s.ObjectsAfter(ctx, h.cal, storage.WithICS, after, 10)
		check(t, err)
		if len(list) == 0 {
			break
		}
		if len(list) > 10 {
			t.Fatalf("ObjectsAfter gave %d objects, asked for 10", len(list))
		}
		for _, o := range list {
			if len(o.ICS) == 0 {
				t.Errorf("%s came without its text", o.Name)
			}
			got = append(got, o.Name)
		}
		after = list[len(list)-1].Name
	}
	diff(t, "pages", got, want)

	q := storage.RangeQuery{
		Owner: h.owner, Calendars: []int64{h.cal.ID}, Start: storage.MinTime, End: storage.MaxTime, WallStart: storage.MinTime,
		WallEnd: storage.MaxTime, Fields: storage.WithICS, MaxText: 1,
	}
	if _, err := s.ObjectsInRange(ctx, q); !errors.Is(err, storage.ErrTooMuch) {
		t.Errorf("ObjectsInRange with MaxText 1: %v, want ErrTooMuch", err)
	}
	q.MaxText = 1 << 20
	list, err := s.ObjectsInRange(ctx, q)
	check(t, err)
	if len(list) != len(want) {
		t.Errorf("ObjectsInRange with room gave %d, want %d", len(list), len(want))
	}
}

func testAddressesOf(t *testing.T, s storage.Store) {
	ctx := t.Context()
	a, b := newHome(t, s), newHome(t, s)
	list, err := s.Addresses(ctx, b.owner)
	check(t, err)
	h := newHome(t, s)
	h.update(func(tx storage.Tx) error {
		p := person("home of three")
		p.ID, p.Name = h.owner, fmt.Sprintf("three%d", h.owner)
		return tx.PutPrincipal(ctx, p, []string{"mailto:3@example.com", "mailto:1@example.com", "mailto:2@example.com"})
	})
	own, err := s.Addresses(ctx, a.owner)
	check(t, err)
	got, err := s.AddressesOf(ctx, []int64{a.owner, b.owner, h.owner, -1})
	check(t, err)
	diff(t, "AddressesOf", got, map[int64][]string{
		a.owner: own, b.owner: list, h.owner: {"mailto:3@example.com", "mailto:1@example.com", "mailto:2@example.com"},
	})
	got, err = s.AddressesOf(ctx, nil)
	check(t, err)
	diff(t, "AddressesOf nobody", got, map[int64][]string{})
}

func testCountProperties(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	o := h.put(h.cal, "a.ics", nil)
	h.locked(func(tx storage.Tx) error {
		for i := range 3 {
			p := storage.Property{Owner: h.owner, Calendar: h.cal.ID, Object: o.ID, Space: "urn:example", Local: fmt.Sprint("p", i), XML: []byte("<p/>")}
			if err := tx.PutProperty(ctx, p); err != nil {
				return err
			}
		}
		n, err := tx.CountProperties(ctx, h.owner, h.cal.ID, o.ID)
		if err == nil && n != 3 {
			t.Errorf("CountProperties in the transaction = %d, want 3", n)
		}
		return err
	})
	n, err := s.CountProperties(ctx, h.owner, h.cal.ID, 0)
	check(t, err)
	if n != 0 {
		t.Errorf("CountProperties of the calendar = %d, want 0", n)
	}
}
