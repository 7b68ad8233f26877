package storagetest

import (
	"errors"
	"strings"
	"testing"

	"kalends/storage"
)

func testLock(t *testing.T, s storage.Store) {
	ctx := t.Context()
	a, b := newHome(t, s), newHome(t, s)
	var all []int64
	h := a
	for range 3 {
		h.update(func(tx storage.Tx) error {
			if tx.Locked(a.owner) {
				t.Error("a home is locked before Lock")
			}
			if err := tx.Lock(ctx, 2, b.owner, a.owner, b.owner); err != nil {
				return err
			}
			if !tx.Locked(a.owner) || !tx.Locked(b.owner) || tx.Locked(a.owner+b.owner+1) {
				t.Error("Locked does not say what Lock was given")
			}
			for range 40 { // more than were drawn
				all = append(all, next(t, tx, a.owner))
			}
			if err := tx.Lock(ctx, 1, a.owner); err == nil {
				t.Error("a second Lock is allowed")
			}
			return nil
		})
	}
	for i := range all[1:] {
		if all[i+1] <= all[i] {
			t.Fatalf("Next is not ascending: %v", all)
		}
	}
	many := []*home{a, b}
	for range 12 {
		many = append(many, newHome(t, s))
	}
	h.update(func(tx storage.Tx) error {
		var owners []int64
		for i := range many {
			owners = append(owners, many[len(many)-1-i].owner)
		}
		if err := tx.Lock(ctx, 3, owners...); err != nil {
			return err
		}
		for _, o := range owners {
			if !tx.Locked(o) || next(t, tx, o)+1 != next(t, tx, o) {
				t.Errorf("home %d of many is not locked, or its values do not follow each other", o)
			}
		}
		return nil
	})
	for _, owners := range [][]int64{{1 << 40}, {a.owner, 1 << 40}} {
		err := s.Update(ctx, func(tx storage.Tx) error { return tx.Lock(ctx, 1, owners...) })
		if !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("Lock(%v): %v, want ErrNotFound", owners, err)
		}
	}
	o := object(a.cal, 999, "x")
	for what, fn := range map[string]func(storage.Tx) error{
		"Next":           func(tx storage.Tx) error { _, err := tx.Next(ctx, a.owner); return err },
		"PutCalendar":    func(tx storage.Tx) error { return tx.PutCalendar(ctx, calendar(a.cal, "x", storage.CalendarKind)) },
		"DeleteCalendar": func(tx storage.Tx) error { return tx.DeleteCalendar(ctx, a.owner, a.cal.ID, 1) },
		"TouchCalendar":  func(tx storage.Tx) error { return tx.TouchCalendar(ctx, a.owner, a.cal.ID, 9) },
		"PutObject":      func(tx storage.Tx) error { return tx.PutObject(ctx, o, nil) },
		"DeleteObject":   func(tx storage.Tx) error { return tx.DeleteObject(ctx, o, 9) },
		"MoveObject":     func(tx storage.Tx) error { return tx.MoveObject(ctx, o, o, 9) },
		"PutProperty":    func(tx storage.Tx) error { return tx.PutProperty(ctx, storage.Property{Owner: a.owner}) },
		"DeleteProperty": func(tx storage.Tx) error { return tx.DeleteProperty(ctx, storage.Property{Owner: a.owner}) },
		"SetReminders":   func(tx storage.Tx) error { return tx.SetReminders(ctx, a.owner, 1, nil) },
		"AddJob":         func(tx storage.Tx) error { return tx.AddJob(ctx, &storage.Job{Owner: a.owner, ID: 9}) },
		"DropJobs":       func(tx storage.Tx) error { return tx.DropJobs(ctx, a.owner, "m") },
	} {
		if err := s.Update(ctx, fn); err == nil {
			t.Errorf("%s without the lock is allowed", what)
		}
	}
}

func testCalendars(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h, other := newHome(t, s), newHome(t, s)
	want := calendar(h.cal, "calendar", storage.CalendarKind)
	got, err := s.Calendar(ctx, h.owner, "calendar")
	check(t, err)
	diff(t, "Calendar", got, want)

	o := h.put(h.cal, "a.ics", nil)
	h.locked(func(tx storage.Tx) error {
		c, err := tx.Calendar(ctx, h.owner, "calendar")
		if err != nil {
			return err
		}
		c.Slug, c.Components, c.Color, c.Transparent, c.TimeZone = "private", nil, "", false, ""
		c.OwnClient, c.Team = true, true
		c.Seq = next(t, tx, h.owner)
		c.LastSeq, c.Floor, c.Bytes, c.Objects = 1, 99, 1, 77 // not written
		want = c
		return tx.PutCalendar(ctx, c)
	})
	want.LastSeq, want.Floor, want.Bytes, want.Objects = o.Seq, 0, o.Size, 1
	got, err = s.Calendar(ctx, h.owner, "private")
	check(t, err)
	diff(t, "Calendar after a change", got, want)

	h.locked(func(tx storage.Tx) error {
		seq := next(t, tx, h.owner)
		want.LastSeq = seq
		if err := tx.TouchCalendar(ctx, h.owner, h.cal.ID, seq); err != nil {
			return err
		}
		return tx.TouchCalendar(ctx, h.owner, h.cal.ID, seq-1) // never back
	})
	diff(t, "Calendar after a touch", h.collection(h.cal), want)

	err = s.Update(ctx, func(tx storage.Tx) error {
		if err := tx.Lock(ctx, 1, h.owner); err != nil {
			return err
		}
		return tx.PutCalendar(ctx, calendar(storage.Ref{Owner: h.owner, ID: next(t, tx, h.owner)}, "private", storage.CalendarKind))
	})
	if !errors.Is(err, storage.ErrConflict) {
		t.Errorf("second calendar of a slug: %v, want ErrConflict", err)
	}
	if _, err := s.Calendar(ctx, h.owner, "calendar"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Calendar of the old slug: %v, want ErrNotFound", err)
	}
	homes, err := s.HomeCalendars(ctx, []int64{other.owner, h.owner, 1 << 40})
	check(t, err)
	var slugs []string
	for _, o := range []int64{h.owner, other.owner, 1 << 40} {
		for _, c := range homes[o] {
			slugs = append(slugs, c.Slug)
		}
	}
	diff(t, "HomeCalendars", slugs, []string{"private", "inbox", "calendar", "inbox"})
}

func testDeleteCalendar(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	var second storage.Ref
	h.locked(func(tx storage.Tx) error {
		second = storage.Ref{Owner: h.owner, ID: next(t, tx, h.owner)}
		return tx.PutCalendar(ctx, calendar(second, "second", storage.CalendarKind))
	})
	gone := h.put(h.cal, "a.ics", nil)
	kept := h.put(second, "a.ics", nil)
	h.put(h.cal, "b.ics", nil)
	h.delete(h.cal, "b.ics")
	h.locked(func(tx storage.Tx) error {
		for _, o := range []*storage.Object{gone, kept} {
			m := &storage.Reminder{Calendar: o.Calendar, Alarm: "a", DueAt: t0}
			if err := tx.SetReminders(ctx, h.owner, o.ID, []*storage.Reminder{m}); err != nil {
				return err
			}
			for _, id := range []int64{0, o.ID} {
				p := storage.Property{Owner: h.owner, Calendar: o.Calendar, Object: id, Space: "urn:x", Local: "p", XML: []byte("<p/>")}
				if err := tx.PutProperty(ctx, p); err != nil {
					return err
				}
			}
		}
		return nil
	})
	h.locked(func(tx storage.Tx) error { return tx.DeleteCalendar(ctx, h.owner, h.cal.ID, next(t, tx, h.owner)) })
	for _, tt := range []struct {
		ref  storage.Ref
		o    *storage.Object
		want int
	}{{h.cal, gone, 0}, {second, kept, 1}} {
		changes, err := s.Changes(ctx, tt.ref, 0, 0)
		check(t, err)
		reminders, err := s.Reminders(ctx, h.owner, tt.o.ID)
		check(t, err)
		props, err := s.Properties(ctx, h.owner, tt.ref.ID, true)
		check(t, err)
		if len(changes) != tt.want || len(reminders) != tt.want || len(props) != 2*tt.want {
			t.Errorf("calendar %d has %d changes, %d reminders and %d properties, want %d, %d and %d", tt.ref.ID,
				len(changes), len(reminders), len(props), tt.want, tt.want, 2*tt.want)
		}
	}
	if _, err := s.Calendar(ctx, h.owner, "calendar"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Calendar after it was deleted: %v, want ErrNotFound", err)
	}
}

func testProperties(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	p := func(calendar, object, user int64, local, xml string) storage.Property {
		return storage.Property{Owner: h.owner, Calendar: calendar, Object: object, User: user, Space: "urn:example", Local: local, XML: []byte(xml)}
	}
	put := func(list ...storage.Property) {
		h.locked(func(tx storage.Tx) error {
			for _, x := range list {
				if err := tx.PutProperty(ctx, x); err != nil {
					return err
				}
			}
			return nil
		})
	}
	put(p(h.cal.ID, 0, 0, "a", "<a/>"), p(h.cal.ID, 7, 0, "b", "<b/>"), p(h.cal.ID, 0, 5, "a", "<a>5</a>"), p(h.cal.ID, 0, 0, "c", ""),
		p(storage.HomeProps, 0, 0, "h", "<h/>"), p(storage.PrincipalProps, 0, 0, "p", "<p/>"))
	put(p(h.cal.ID, 0, 0, "a", "<a>new</a>"))
	h.locked(func(tx storage.Tx) error {
		if err := tx.DeleteProperty(ctx, p(h.cal.ID, 0, 0, "c", "")); err != nil {
			return err
		}
		return tx.DeleteProperty(ctx, p(h.cal.ID, 0, 0, "never", ""))
	})
	for _, tt := range []struct {
		calendar int64
		members  bool
		want     []storage.Property
	}{
		{h.cal.ID, false, []storage.Property{p(h.cal.ID, 0, 0, "a", "<a>new</a>"), p(h.cal.ID, 0, 5, "a", "<a>5</a>")}},
		{h.cal.ID, true, []storage.Property{p(h.cal.ID, 0, 0, "a", "<a>new</a>"), p(h.cal.ID, 0, 5, "a", "<a>5</a>"), p(h.cal.ID, 7, 0, "b", "<b/>")}},
		{storage.HomeProps, false, []storage.Property{p(storage.HomeProps, 0, 0, "h", "<h/>")}},
		{storage.PrincipalProps, false, []storage.Property{p(storage.PrincipalProps, 0, 0, "p", "<p/>")}},
	} {
		got, err := s.Properties(ctx, h.owner, tt.calendar, tt.members)
		check(t, err)
		diff(t, "Properties", got, tt.want)
	}
	got, err := s.HomeProperties(ctx, h.owner)
	check(t, err)
	diff(t, "HomeProperties", got, []storage.Property{
		p(storage.HomeProps, 0, 0, "h", "<h/>"), p(h.cal.ID, 0, 0, "a", "<a>new</a>"), p(h.cal.ID, 0, 5, "a", "<a>5</a>"),
	})
	other := newHome(t, s)
	theirs := storage.Property{Owner: other.owner, Calendar: other.cal.ID, User: 5, Space: "s", Local: "a", XML: []byte("<a/>")}
	other.locked(func(tx storage.Tx) error { return tx.PutProperty(ctx, theirs) })
	got, err = s.OwnProperties(ctx, 5, []int64{h.owner, other.owner})
	check(t, err)
	diff(t, "OwnProperties", got, []storage.Property{p(h.cal.ID, 0, 5, "a", "<a>5</a>"), theirs})
	got, err = s.OwnProperties(ctx, 5, []int64{other.owner})
	check(t, err)
	diff(t, "OwnProperties of one home", got, []storage.Property{theirs})
	for _, owners := range [][]int64{nil, {h.owner + 1000}} {
		if got, err := s.OwnProperties(ctx, 5, owners); err != nil || len(got) != 0 {
			t.Errorf("OwnProperties of %v: %v, %v", owners, got, err)
		}
	}
}

func testInvalidText(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	h.put(h.cal, "a.ics", nil)
	for _, bad := range []string{"a\x00", "\xff", "a\xc3("} {
		for what, err := range map[string]error{
			"PrincipalByName": second(s.PrincipalByName(ctx, bad)),
			"Calendar":        second(s.Calendar(ctx, h.owner, bad)),
			"Object":          second(s.Object(ctx, h.cal, bad)),
		} {
			if !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%s(%q): %v, want ErrNotFound", what, bad, err)
			}
		}
		if list, err := s.ObjectsByName(ctx, h.cal, []string{bad, "a.ics"}); err != nil || len(list) != 1 {
			t.Errorf("ObjectsByName(%q, a.ics) gives %d (%v), want 1", bad, len(list), err)
		}
		if list, err := s.ObjectsByUID(ctx, []int64{h.owner}, bad); err != nil || len(list) != 0 {
			t.Errorf("ObjectsByUID(%q) gives %d (%v), want 0", bad, len(list), err)
		}
		if list, err := s.PrincipalsByAddress(ctx, []string{bad}); err != nil || len(list) != 0 {
			t.Errorf("PrincipalsByAddress(%q) gives %d (%v), want 0", bad, len(list), err)
		}
		err := s.Update(ctx, func(tx storage.Tx) error {
			if err := tx.Lock(ctx, 1, h.owner); err != nil {
				return err
			}
			return tx.PutObject(ctx, object(h.cal, next(t, tx, h.owner), bad), nil)
		})
		if !errors.Is(err, storage.ErrInvalid) {
			t.Errorf("PutObject(%q): %v, want ErrInvalid", bad, err)
		}
	}
	odd := []string{"%", "_", `'"\`, "ä", "a\u0308", strings.Repeat("x", 500), " ", "\n", "A.ICS", "💥"}
	for _, name := range odd {
		h.put(h.cal, name, nil)
		if o, err := s.Object(ctx, h.cal, name); err != nil || o.Name != name {
			t.Errorf("Object(%q): %v", name, err)
		}
	}
	if list, err := s.ObjectsByName(ctx, h.cal, odd); err != nil || len(list) != len(odd) {
		t.Errorf("ObjectsByName gives %d of %d odd names (%v)", len(list), len(odd), err)
	}
}

func second[T any](_ T, err error) error { return err }
