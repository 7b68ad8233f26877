package storagetest

import (
	"errors"
	"testing"
	"time"

	"kalends/storage"
)

func testPersonal(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h, guest, other := newHome(t, s), newHome(t, s), newHome(t, s)
	a, b := h.put(h.cal, "a.ics", nil), h.put(h.cal, "b.ics", func(o *storage.Object) { o.UID = "b" })
	if h.collection(h.cal).Personal {
		t.Error("a new calendar says that somebody has something of their own in it")
	}
	before := h.collection(h.cal).LastSeq
	put := func(o *storage.Object, user int64, ics string, alarms bool) *storage.Personal {
		t.Helper()
		p := &storage.Personal{Owner: h.owner, Object: o.ID, Calendar: o.Calendar, User: user, Alarms: alarms, ICS: []byte(ics)}
		h.locked(func(tx storage.Tx) error {
			p.Seq = next(t, tx, h.owner)
			return tx.PutPersonal(ctx, p)
		})
		return p
	}
	mine, theirs := put(a, guest.owner, "mine", true), put(a, other.owner, "theirs", false)
	mine2 := put(b, guest.owner, "", false)
	c := h.collection(h.cal)
	if !c.Personal || c.LastSeq != before {
		t.Errorf("collection after PutPersonal: Personal %v, LastSeq %d; want true, %d", c.Personal, c.LastSeq, before)
	}
	of := func(user int64, want ...*storage.Personal) {
		t.Helper()
		got, err := s.PersonalOf(ctx, h.owner, user, []int64{a.ID, b.ID, b.ID + 1000})
		check(t, err)
		m := map[int64]*storage.Personal{}
		for _, p := range want {
			m[p.Object] = p
		}
		diff(t, "PersonalOf", got, m)
	}
	mine2.ICS = []byte{}
	of(guest.owner, mine, mine2)
	of(other.owner, theirs)
	of(h.owner)
	seqs, err := s.PersonalSeqs(ctx, h.cal, guest.owner)
	check(t, err)
	diff(t, "PersonalSeqs", seqs, map[int64]int64{a.ID: mine.Seq, b.ID: mine2.Seq})
	last, err := s.PersonalLast(ctx, h.owner, guest.owner)
	check(t, err)
	diff(t, "PersonalLast", last, map[int64]int64{h.cal.ID: mine2.Seq})
	changed := func(since int64, limit int, want ...int64) {
		t.Helper()
		got, err := s.PersonalChanges(ctx, h.cal, guest.owner, since, limit)
		check(t, err)
		var have []int64
		for _, c := range got {
			have = append(have, c.Seq)
			if c.Deleted || c.ETag == "" || c.Name == "" || c.ID == 0 {
				t.Errorf("PersonalChanges: %+v", c)
			}
		}
		diff(t, "PersonalChanges", have, want)
	}
	changed(0, 0, mine.Seq, mine2.Seq)
	changed(0, 1, mine.Seq)
	changed(mine.Seq, 0, mine2.Seq)
	alarms, err := s.PersonalAlarms(ctx, h.owner, a.ID)
	check(t, err)
	diff(t, "PersonalAlarms", alarms, []*storage.Personal{mine})

	// It is replaced, moves with its object and goes with it.
	mine = put(a, guest.owner, "again", true)
	changed(0, 0, mine2.Seq, mine.Seq)
	to := storage.Ref{Owner: h.owner}
	h.locked(func(tx storage.Tx) error {
		to.ID = next(t, tx, h.owner)
		if err := tx.PutCalendar(ctx, calendar(to, "other", storage.CalendarKind)); err != nil {
			return err
		}
		moved := *a
		moved.Calendar, moved.Seq = to.ID, next(t, tx, h.owner)
		if err := tx.SetPersonal(ctx, h.owner, to.ID); err != nil {
			return err
		}
		return tx.MoveObject(ctx, &moved, a, next(t, tx, h.owner))
	})
	mine.Calendar, theirs.Calendar = to.ID, to.ID
	of(guest.owner, mine, mine2)
	if !h.collection(to).Personal {
		t.Error("SetPersonal is not kept")
	}
	h.delete(to, "a.ics")
	of(guest.owner, mine2)
	h.locked(func(tx storage.Tx) error { return tx.DeleteCalendar(ctx, h.owner, h.cal.ID, next(t, tx, h.owner)) })
	of(guest.owner)
	if err := s.Update(ctx, func(tx storage.Tx) error { return tx.PutPersonal(ctx, mine) }); err == nil {
		t.Error("PutPersonal in a home that is not locked is taken")
	}
}

// testLeavingPersonal: somebody who goes takes along what was theirs in the calendars of others.
func testLeavingPersonal(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h, guest := newHome(t, s), newHome(t, s)
	a := h.put(h.cal, "a.ics", nil)
	h.locked(func(tx storage.Tx) error {
		p := &storage.Personal{Owner: h.owner, Object: a.ID, Calendar: a.Calendar, User: guest.owner, Seq: next(t, tx, h.owner), Alarms: true, ICS: []byte("x")}
		if err := tx.PutPersonal(ctx, p); err != nil {
			return err
		}
		return tx.AddMissed(ctx, &storage.Missed{Owner: h.owner, Object: a.ID, ForUser: guest.owner, DueAt: t0, Noted: t0})
	})
	guest.update(func(tx storage.Tx) error { return tx.DeletePrincipal(ctx, guest.owner) })
	guest.gone = true
	alarms, err := s.PersonalAlarms(ctx, h.owner, a.ID)
	check(t, err)
	missed, err := s.Missed(ctx, guest.owner, false, 10)
	check(t, err)
	if len(alarms) != 0 || len(missed) != 0 {
		t.Errorf("left are %d alarms, %d missed; want none", len(alarms), len(missed))
	}
}

func testMissed(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h, other := newHome(t, s), newHome(t, s)
	at := func(hours int) *storage.Missed {
		due := t0.Add(time.Duration(hours) * time.Hour)
		return &storage.Missed{
			Owner: h.owner, Object: 7, ForUser: other.owner, DueAt: due, Start: due.Add(time.Minute), End: due.Add(time.Hour), AllDay: hours == 2,
			Summary: "Zoë's lunch", Noted: t0,
		}
	}
	list := []*storage.Missed{at(1), at(2), at(3)}
	h.locked(func(tx storage.Tx) error {
		for _, m := range append(list, at(1)) { // one comes twice
			if err := tx.AddMissed(ctx, m); err != nil {
				return err
			}
		}
		return nil
	})
	read := func(unseen bool, limit int, want ...*storage.Missed) {
		t.Helper()
		got, err := s.Missed(ctx, other.owner, unseen, limit)
		check(t, err)
		diff(t, "Missed", got, want)
	}
	read(true, 0, list[2], list[1], list[0])
	read(true, 1, list[2])
	var n int64
	check(t, s.Update(ctx, func(tx storage.Tx) (err error) { n, err = tx.SeeMissed(ctx, other.owner, list[1].DueAt); return err }))
	if n != 2 {
		t.Errorf("SeeMissed = %d, want 2", n)
	}
	list[0].Seen, list[1].Seen = true, true
	read(true, 0, list[2])
	read(false, 0, list[2], list[1], list[0])
	h.locked(func(tx storage.Tx) error { return tx.AddMissed(ctx, at(1)) })
	read(true, 0, list[2]) // what was seen stays so
	for _, want := range []int64{2, 1, 0} {
		if n, err := s.PurgeMissed(ctx, t0.Add(time.Microsecond), 2); err != nil || n != want {
			t.Errorf("PurgeMissed = %d, %v; want %d", n, err, want)
		}
	}
}

func testZones(t *testing.T, s storage.Store) {
	ctx := t.Context()
	prints, err := s.ZonePrints(ctx)
	check(t, err)
	diff(t, "ZonePrints of a new database", prints, map[string]string{})
	want := map[string]string{}
	for i := range 700 {
		want["Zone/"+time.Duration(i).String()] = "print"
	}
	check(t, s.PutZonePrints(ctx, want))
	want = map[string]string{"Europe/Berlin": "a", "Europe/Vienna": "b"}
	check(t, s.PutZonePrints(ctx, want))
	prints, err = s.ZonePrints(ctx)
	check(t, err)
	diff(t, "ZonePrints", prints, want)
	check(t, s.PutZonePrints(ctx, nil))

	for _, v := range []int64{0, 5, 3} {
		if v != 0 {
			check(t, s.SetMark(ctx, "mark", v))
		}
		if got, err := s.Mark(ctx, "mark"); err != nil || got != v {
			t.Errorf("Mark = %d, %v; want %d", got, err, v)
		}
	}

	h := newHome(t, s)
	a := h.put(h.cal, "a.ics", func(o *storage.Object) { o.Zones, o.Floating = "Europe/Berlin Europe/Vienna", false })
	b := h.put(h.cal, "b.ics", func(o *storage.Object) { o.UID, o.Zones, o.Floating = "b", "", true })
	h.locked(func(tx storage.Tx) error {
		return tx.SetReminders(ctx, h.owner, b.ID, []*storage.Reminder{
			{Owner: h.owner, Object: b.ID, Calendar: b.Calendar, ForUser: h.owner, Alarm: "1", DueAt: t0}, {Owner: h.owner, Object: b.ID, ForUser: h.owner, Alarm: "2"},
		})
	})
	za := storage.Zoned{Owner: h.owner, Object: a.ID, Zones: "Europe/Berlin Europe/Vienna"}
	zb := storage.Zoned{Owner: h.owner, Object: b.ID, Floating: true, Reminds: true}
	page := func(object int64, limit int, more bool, want ...storage.Zoned) {
		t.Helper()
		got, rest, err := s.ZonedObjects(ctx, h.owner, object, limit)
		check(t, err)
		diff(t, "ZonedObjects", got, want)
		if rest != more {
			t.Errorf("ZonedObjects says more = %v, want %v", rest, more)
		}
	}
	page(0, 10, false, za, zb)
	page(0, 1, true, za)
	page(a.ID, 10, false, zb)
	page(b.ID, 10, false)
	if _, err := s.ObjectByID(ctx, h.owner, b.ID+1); !errors.Is(err, storage.ErrNotFound) {
		t.Fatal(err)
	}
}

func testReminded(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h, other := newHome(t, s), newHome(t, s)
	a, b := h.put(h.cal, "a.ics", nil), other.put(other.cal, "b.ics", nil)
	row := func(o *storage.Object, alarm string) *storage.Reminder {
		return &storage.Reminder{Owner: o.Owner, Object: o.ID, Calendar: o.Calendar, ForUser: o.Owner, Alarm: alarm, DueAt: t0, FiredThrough: t0.Add(-time.Hour)}
	}
	h.locked(func(tx storage.Tx) error {
		if err := tx.SetReminders(ctx, h.owner, a.ID, []*storage.Reminder{row(a, "1"), row(a, "2")}); err != nil {
			return err
		}
		return tx.SetReminders(ctx, h.owner, 999, []*storage.Reminder{{Owner: h.owner, Object: 999, ForUser: h.owner, Alarm: "1", DueAt: t0}})
	})
	changed := row(a, "2")
	changed.DueAt = t0.Add(time.Hour)
	h.locked(func(tx storage.Tx) error { return tx.PutReminders(ctx, h.owner, a.ID, []*storage.Reminder{changed}) })
	got, err := s.Reminded(ctx, []storage.ObjectKey{{Owner: other.owner, Object: b.ID}, {Owner: h.owner, Object: a.ID}, {Owner: h.owner, Object: 999}, {Owner: h.owner, Object: 1000}})
	check(t, err)
	if len(got) != 4 {
		t.Fatalf("Reminded returns %d", len(got))
	}
	changed.Claim = 1 // another due time ends a claim
	diff(t, "Reminded", got[0], storage.Reminded{Object: b})
	diff(t, "Reminded", got[1], storage.Reminded{Object: a, Rows: []*storage.Reminder{row(a, "1"), changed}})
	if got[2].Object != nil || len(got[2].Rows) != 1 || got[3].Object != nil || got[3].Rows != nil {
		t.Errorf("Reminded of what is gone: %+v, %+v", got[2], got[3])
	}
	if none, err := s.Reminded(ctx, nil); err != nil || len(none) != 0 {
		t.Errorf("Reminded of nothing: %v, %v", none, err)
	}
	if err := s.Update(ctx, func(tx storage.Tx) error { return tx.PutReminders(ctx, h.owner, a.ID, []*storage.Reminder{changed}) }); err == nil {
		t.Error("PutReminders in a home that is not locked is taken")
	}
}
