package storagetest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"kalends/storage"
)

func testObjects(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	want := h.put(h.cal, "a.ics", nil)
	got, err := s.Object(ctx, h.cal, "a.ics")
	check(t, err)
	diff(t, "Object", got, want)
	got, err = s.ObjectByID(ctx, h.owner, want.ID)
	check(t, err)
	diff(t, "ObjectByID", got, want)

	b := h.put(h.cal, "b.ics", func(o *storage.Object) {
		o.ICS, o.Series, o.Zones, o.ScheduleTag, o.Organizer = bytes.Repeat([]byte("0123456789abcdef"), 4096), nil, "", "", ""
		o.First, o.Last, o.Floating, o.Recurring, o.Busy = storage.MinTime, storage.MaxTime, true, false, 255
	})
	replaced := h.put(h.cal, "a.ics", func(o *storage.Object) { o.UID, o.ICS, o.Component = "other", []byte("new"), "VTODO" })
	if replaced.ID != want.ID || replaced.Seq <= b.Seq {
		t.Errorf("a replaced object has id %d and seq %d, want id %d and a seq after %d", replaced.ID, replaced.Seq, want.ID, b.Seq)
	}
	list, err := s.ObjectsByName(ctx, h.cal, []string{"b.ics", "no.ics", "a.ics"})
	check(t, err)
	slices.SortFunc(list, func(a, b *storage.Object) int { return cmp.Compare(a.Name, b.Name) })
	diff(t, "ObjectsByName", list, []*storage.Object{replaced, b})
	c := h.collection(h.cal)
	if c.LastSeq != replaced.Seq || c.Objects != 2 || c.Bytes != replaced.Size+b.Size {
		t.Errorf("collection: last %d, %d objects, %d bytes; want %d, 2, %d", c.LastSeq, c.Objects, c.Bytes, replaced.Seq, replaced.Size+b.Size)
	}
	h.delete(h.cal, "b.ics")
	c = h.collection(h.cal)
	if c.LastSeq <= replaced.Seq || c.Objects != 1 || c.Bytes != replaced.Size {
		t.Errorf("collection after delete: last %d, %d objects, %d bytes; want above %d, 1, %d", c.LastSeq, c.Objects, c.Bytes, replaced.Seq, replaced.Size)
	}
	for what, err := range map[string]error{
		"Object":             second(s.Object(ctx, h.cal, "b.ics")),
		"ObjectByID":         second(s.ObjectByID(ctx, h.owner, b.ID)),
		"Object elsewhere":   second(s.Object(ctx, storage.Ref{Owner: h.owner, ID: h.inbox.ID}, "a.ics")),
		"ObjectByID of none": second(s.ObjectByID(ctx, h.owner+1, want.ID)),
	} {
		if !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", what, err)
		}
	}
	if list, err := s.ObjectsByName(ctx, h.cal, nil); err != nil || len(list) > 0 {
		t.Errorf("ObjectsByName of none: %v, %v", list, err)
	}
}

func testStream(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	names := []string{"B.ics", "a.ics", "b.ics", "c.ics", "ä.ics"} // in the order of bytes
	for _, i := range []int{2, 4, 0, 3, 1} {
		h.put(h.cal, names[i], nil)
	}
	for _, fields := range []storage.Fields{0, storage.WithICS, storage.WithSeries, storage.WithICS | storage.WithSeries} {
		var got []string
		err := s.Objects(ctx, h.cal, fields, func(o *storage.Object) error {
			got = append(got, o.Name)
			if (len(o.ICS) > 0) != (fields&storage.WithICS != 0) || (len(o.Series) > 0) != (fields&storage.WithSeries != 0) || o.Size == 0 {
				t.Errorf("fields %b: %d bytes of text of %d, %d of series", fields, len(o.ICS), o.Size, len(o.Series))
			}
			return nil
		})
		check(t, err)
		diff(t, "Objects", got, names)
	}
	stop := errors.New("stop")
	n := 0
	if err := s.Objects(ctx, h.cal, 0, func(*storage.Object) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("Objects whose function fails: %v after %d, want its error after 1", err, n)
	}
	// Reading through the same Reader meanwhile is refused, alike on every database; writing waits.
	check(t, s.View(ctx, func(r storage.Reader) error {
		err := r.Objects(ctx, h.cal, 0, func(o *storage.Object) error {
			if _, err := r.Object(ctx, h.cal, o.Name); err == nil {
				t.Error("a busy Reader reads")
			}
			return nil
		})
		if err != nil {
			return err
		}
		_, err = r.Object(ctx, h.cal, "a.ics")
		return err
	}))
	h.locked(func(tx storage.Tx) error {
		return tx.Objects(ctx, h.cal, storage.WithICS, func(o *storage.Object) error {
			old := *o
			o.Seq, o.Zones = o.Seq+1000, "UTC"
			return tx.PutObject(ctx, o, &old)
		})
	})
	if o, err := s.Object(ctx, h.cal, "a.ics"); err != nil || o.Zones != "UTC" || o.UID != "uid-a.ics" {
		t.Errorf("an object rewritten while streaming: %+v, %v", o, err)
	}
	if c := h.collection(h.cal); c.Objects != 5 {
		t.Errorf("rewriting objects leaves %d, want 5", c.Objects)
	}
}

func testUID(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h, other := newHome(t, s), newHome(t, s)
	a := h.put(h.cal, "a.ics", func(o *storage.Object) { o.UID = "same" })
	err := s.Update(ctx, func(tx storage.Tx) error {
		if err := tx.Lock(ctx, 1, h.owner); err != nil {
			return err
		}
		o := object(h.cal, next(t, tx, h.owner), "b.ics")
		o.UID = "same"
		return tx.PutObject(ctx, o, nil)
	})
	if !errors.Is(err, storage.ErrConflict) {
		t.Errorf("second object of a UID: %v, want ErrConflict", err)
	}
	b := other.put(other.cal, "c.ics", func(o *storage.Object) { o.UID = "same" })
	h.put(h.inbox, "d.ics", func(o *storage.Object) { o.UID = "same" }) // not found by UID
	list, err := s.ObjectsByUID(ctx, []int64{other.owner, h.owner}, "same")
	check(t, err)
	diff(t, "ObjectsByUID", list, []*storage.Object{a, b})
	// In one transaction, an object may be replaced by one of another name.
	h.locked(func(tx storage.Tx) error {
		if err := tx.DeleteObject(ctx, a, next(t, tx, h.owner)); err != nil {
			return err
		}
		o := object(h.cal, next(t, tx, h.owner), "b.ics")
		o.UID = "same"
		return tx.PutObject(ctx, o, nil)
	})
}

func testInbox(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	want := h.put(h.inbox, "a.ics", nil)
	h.put(h.inbox, "b.ics", func(o *storage.Object) { o.UID = want.UID }) // no rule about UIDs here
	got, err := s.Object(ctx, h.inbox, "a.ics")
	check(t, err)
	diff(t, "Object of the inbox", got, want)
	h.delete(h.inbox, "b.ics")
	changes, err := s.Changes(ctx, h.inbox, 0, 0)
	check(t, err)
	if len(changes) != 2 || changes[0].Name != "a.ics" || !changes[1].Deleted {
		t.Errorf("Changes of the inbox: %+v", changes)
	}
	if c := h.collection(h.inbox); c.Objects != 1 || c.Bytes != want.Size || c.LastSeq != changes[1].Seq {
		t.Errorf("inbox: %+v", c)
	}
	n := 0
	check(t, s.Objects(ctx, h.inbox, storage.WithICS, func(o *storage.Object) error {
		n++
		if !o.Inbox || o.Method != "REQUEST" {
			t.Errorf("inbox item: %+v", o)
		}
		return nil
	}))
	if n != 1 {
		t.Errorf("Objects of the inbox gives %d, want 1", n)
	}
	if list, err := s.Changes(ctx, h.cal, 0, 0); err != nil || len(list) > 0 {
		t.Errorf("inbox items show in the calendar: %v %v", list, err)
	}
}

func testMove(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	var second storage.Ref
	h.locked(func(tx storage.Tx) error {
		second = storage.Ref{Owner: h.owner, ID: next(t, tx, h.owner)}
		return tx.PutCalendar(ctx, calendar(second, "second", storage.CalendarKind))
	})
	old := h.put(h.cal, "a.ics", nil)
	h.put(second, "z.ics", nil)
	h.delete(second, "z.ics")
	h.locked(func(tx storage.Tx) error {
		m := &storage.Reminder{Calendar: h.cal.ID, Alarm: "a", ForUser: h.owner, DueAt: t0}
		if err := tx.SetReminders(ctx, h.owner, old.ID, []*storage.Reminder{m}); err != nil {
			return err
		}
		return tx.PutProperty(ctx, storage.Property{Owner: h.owner, Calendar: h.cal.ID, Object: old.ID, Local: "p", XML: []byte("<p/>")})
	})
	var moved storage.Object
	h.locked(func(tx storage.Tx) error {
		moved = *old
		moved.Calendar, moved.Name, moved.ETag = second.ID, "z.ics", `"moved"`
		seq := next(t, tx, h.owner)
		moved.Seq = next(t, tx, h.owner)
		return tx.MoveObject(ctx, &moved, old, seq)
	})
	got, err := s.Object(ctx, second, "z.ics")
	check(t, err)
	diff(t, "moved object", got, &moved)
	from, err := s.Changes(ctx, h.cal, 0, 0)
	check(t, err)
	to, err := s.Changes(ctx, second, 0, 0)
	check(t, err)
	if len(from) != 1 || !from[0].Deleted || from[0].Name != "a.ics" || len(to) != 1 || to[0].Deleted || to[0].ID != old.ID {
		t.Errorf("changes after a move: %+v and %+v", from, to)
	}
	a, b := h.collection(h.cal), h.collection(second)
	if a.Objects != 0 || a.Bytes != 0 || a.LastSeq != moved.Seq-1 || b.Objects != 1 || b.Bytes != moved.Size || b.LastSeq != moved.Seq {
		t.Errorf("collections after a move: %+v and %+v", a, b)
	}
	rows, err := s.Reminders(ctx, h.owner, old.ID)
	check(t, err)
	if len(rows) != 1 || rows[0].Calendar != second.ID {
		t.Errorf("reminders after a move: %+v", rows)
	}
	props, err := s.Properties(ctx, h.owner, second.ID, true)
	check(t, err)
	if len(props) != 1 || props[0].Object != old.ID {
		t.Errorf("properties after a move: %+v", props)
	}
	// Two objects of one UID change places by way of a third name, in one transaction.
	x := h.put(h.cal, "x.ics", func(o *storage.Object) { o.UID = moved.UID })
	h.locked(func(tx storage.Tx) error {
		steps := []struct {
			from *storage.Object
			ref  storage.Ref
			name string
		}{{&moved, second, "tmp.ics"}, {x, h.cal, "tmp.ics"}}
		for _, st := range steps {
			o := *st.from
			o.Calendar, o.Name, o.Seq = st.ref.ID, st.name, next(t, tx, h.owner)
			if err := tx.MoveObject(ctx, &o, st.from, next(t, tx, h.owner)); err != nil {
				return err
			}
		}
		return nil
	})
}

func testChanges(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	expect := func(since int64, want ...string) {
		t.Helper()
		list, err := s.Changes(ctx, h.cal, since, 0)
		check(t, err)
		var got []string
		last := since
		for _, c := range list {
			name := c.Name
			if c.Deleted {
				name = "-" + name
			} else if c.ID == 0 || c.ETag == "" || c.UID == "" || c.Size == 0 || c.Created.IsZero() || c.Modified.IsZero() || c.Component == "" || c.ScheduleTag == "" {
				t.Errorf("a change lacks something: %+v", c)
			}
			got = append(got, name)
			if c.Seq <= last {
				t.Errorf("changes are not in order: %+v", list)
			}
			last = c.Seq
		}
		diff(t, fmt.Sprintf("Changes after %d", since), got, want)
	}
	a := h.put(h.cal, "a", nil)
	b := h.put(h.cal, "b", nil)
	expect(0, "a", "b")
	expect(a.Seq, "b")
	expect(b.Seq)
	a2 := h.put(h.cal, "a", nil)
	expect(a.Seq, "b", "a")
	expect(b.Seq, "a")
	h.delete(h.cal, "b")
	expect(0, "a", "-b")
	expect(a2.Seq, "-b")
	b2 := h.put(h.cal, "b", nil)
	expect(0, "a", "b")
	expect(a2.Seq, "b")
	h.delete(h.cal, "b")
	h.delete(h.cal, "a")
	expect(b2.Seq, "-b", "-a")
}

func testChangesPaged(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	want := map[string]bool{} // deleted?
	for i := range 30 {
		name := fmt.Sprintf("%02d", i%17)
		h.put(h.cal, name, nil)
		want[name] = false
		if i%4 == 0 {
			h.delete(h.cal, name)
			want[name] = true
		}
	}
	for _, limit := range []int{1, 2, 7, 17, 100} {
		got := map[string]bool{}
		for since := int64(0); ; {
			list, err := s.Changes(ctx, h.cal, since, limit)
			check(t, err)
			if len(list) == 0 {
				break
			}
			if len(list) > limit {
				t.Fatalf("Changes gives %d, more than %d", len(list), limit)
			}
			for _, c := range list {
				if _, ok := got[c.Name]; ok {
					t.Errorf("limit %d: %s twice", limit, c.Name)
				}
				got[c.Name] = c.Deleted
				since = c.Seq
			}
		}
		diff(t, fmt.Sprintf("changes in pages of %d", limit), got, want)
	}
}

// testRange holds the classes of durations against the plain condition.
func testRange(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	refs := []storage.Ref{h.cal, {Owner: h.owner, ID: 77}, {Owner: h.owner, ID: 78}}
	rnd := rand.New(rand.NewPCG(1, 2))
	const day = int64(24 * time.Hour / time.Microsecond)
	lengths := []int64{0, 1, day / 24, day, 26 * day / 24, 26*day/24 + 1, 8 * day, 8*day + 1, 64 * day, 65 * day, 512 * day, 513 * day, 4000 * day, -5}
	var all []*storage.Object
	h.locked(func(tx storage.Tx) error {
		for i := range 400 {
			seq := next(t, tx, h.owner)
			o := object(refs[rnd.IntN(len(refs))], seq, fmt.Sprintf("%03d", i))
			o.First = rnd.Int64N(2000)*day + rnd.Int64N(3) - 1
			o.Last = o.First + lengths[rnd.IntN(len(lengths))]
			switch rnd.IntN(20) {
			case 0:
				o.Last = storage.MaxTime
			case 1:
				o.First = storage.MinTime
			case 2:
				o.First, o.Last = storage.MinTime, storage.MaxTime
			}
			o.Floating = rnd.IntN(3) == 0
			o.Component = []string{"VEVENT", "VTODO", "VJOURNAL"}[rnd.IntN(3)]
			all = append(all, o)
			if err := tx.PutObject(ctx, o, nil); err != nil {
				return err
			}
		}
		return nil
	})
	windows := [][2]int64{{storage.MinTime, storage.MaxTime}, {500 * day, storage.MaxTime}, {storage.MinTime, 500 * day}, {storage.MinTime, 0}}
	for range 60 {
		from := rnd.Int64N(2200)*day - 100*day + rnd.Int64N(3) - 1
		windows = append(windows, [2]int64{from, from + lengths[1+rnd.IntN(len(lengths)-2)]})
	}
	for i, w := range windows {
		q := storage.RangeQuery{
			Owner: h.owner, Calendars: []int64{refs[0].ID, 78}, Start: w[0], End: w[1], WallStart: w[0], WallEnd: w[1], Fields: storage.WithSeries,
		}
		if w[0] != storage.MinTime && w[1] != storage.MaxTime {
			q.WallStart, q.WallEnd = w[0]+3*day/24, w[1]+3*day/24
		}
		if i%2 == 1 {
			q.Components = []string{"VEVENT", "VTODO"}
		}
		var want []*storage.Object
		for _, o := range all {
			start, end := q.Start, q.End
			if o.Floating {
				start, end = q.WallStart, q.WallEnd
			}
			if slices.Contains(q.Calendars, o.Calendar) && o.First < end && o.Last > start &&
				(q.Components == nil || slices.Contains(q.Components, o.Component)) {
				c := *o
				c.ICS = nil
				want = append(want, &c)
			}
		}
		slices.SortFunc(want, func(a, b *storage.Object) int {
			return cmp.Or(cmp.Compare(a.Calendar, b.Calendar), cmp.Compare(a.Name, b.Name))
		})
		got, err := s.ObjectsInRange(ctx, q)
		check(t, err)
		diff(t, fmt.Sprintf("ObjectsInRange(%+v)", q), got, want)
	}
	if got, err := s.ObjectsInRange(ctx, storage.RangeQuery{Owner: h.owner, End: storage.MaxTime}); err != nil || len(got) > 0 {
		t.Errorf("ObjectsInRange of no calendars: %v, %v", got, err)
	}
}
