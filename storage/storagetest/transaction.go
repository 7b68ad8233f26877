package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"kalends/storage"
)

func testView(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	h.put(h.cal, "a", nil)
	check(t, s.View(ctx, func(r storage.Reader) error {
		before, err := r.Calendar(ctx, h.owner, "calendar")
		if err != nil {
			return err
		}
		h.put(h.cal, "b", nil)
		h.delete(h.cal, "a")
		after, err := r.Calendar(ctx, h.owner, "calendar")
		if err != nil {
			return err
		}
		diff(t, "a calendar seen twice in a view", after, before)
		list, err := r.Changes(ctx, h.cal, 0, 0)
		if err != nil {
			return err
		}
		if len(list) != 1 || list[0].Name != "a" || list[0].Deleted {
			t.Errorf("a view sees a later change: %+v", list)
		}
		return nil
	}))
	list, err := s.Changes(ctx, h.cal, 0, 0)
	check(t, err)
	if len(list) != 2 {
		t.Errorf("after the view there are %d changes, want 2", len(list))
	}
	want := errors.New("mine")
	if err := s.View(ctx, func(storage.Reader) error { return want }); !errors.Is(err, want) {
		t.Errorf("View returns %v, want the function's error", err)
	}
}

func testRollback(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	kept := h.put(h.cal, "kept", nil)
	work := func(tx storage.Tx) error {
		if err := tx.Lock(ctx, 5, h.owner); err != nil {
			return err
		}
		seq := next(t, tx, h.owner)
		for _, err := range []error{
			tx.PutObject(ctx, object(h.cal, seq, "new"), nil),
			tx.DeleteObject(ctx, kept, next(t, tx, h.owner)),
			tx.PutObject(ctx, object(h.inbox, next(t, tx, h.owner), "in"), nil),
			tx.SetReminders(ctx, h.owner, seq, []*storage.Reminder{{Alarm: "a", DueAt: t0}}),
			tx.AddJob(ctx, &storage.Job{Owner: h.owner, ID: next(t, tx, h.owner), Kind: "rolled back", DueAt: t0}),
			tx.PutProperty(ctx, storage.Property{Owner: h.owner, Calendar: h.cal.ID, Local: "p"}),
		} {
			if err != nil {
				return err
			}
		}
		if _, err := tx.AddInbound(ctx, storage.Inbound{Owner: h.owner, Key: "rolled back"}); err != nil {
			return err
		}
		_, err := tx.Object(ctx, h.cal, "new") // all of it has reached the database
		return err
	}
	before := h.collection(h.cal)
	unchanged := func(what string) {
		t.Helper()
		diff(t, "calendar after "+what, h.collection(h.cal), before)
		changes, err := s.Changes(ctx, h.cal, 0, 0)
		check(t, err)
		in, err := s.Changes(ctx, h.inbox, 0, 0)
		check(t, err)
		reminders, err := s.ClaimReminders(ctx, t0, 0, 10)
		check(t, err)
		jobs, err := s.ClaimJobs(ctx, []string{"rolled back"}, t0, 0, 10)
		check(t, err)
		props, err := s.Properties(ctx, h.owner, h.cal.ID, true)
		check(t, err)
		if len(changes) != 1 || len(in)+len(reminders)+len(jobs)+len(props) != 0 {
			t.Errorf("after %s there are changes %v %v, reminders %v, jobs %v, properties %v", what, changes, in, reminders, jobs, props)
		}
	}
	mine := errors.New("mine")
	err := s.Update(ctx, func(tx storage.Tx) error {
		if err := work(tx); err != nil {
			return err
		}
		return mine
	})
	if !errors.Is(err, mine) {
		t.Errorf("Update returns %v, want the function's error", err)
	}
	unchanged("an error")

	func() {
		defer func() {
			if r := recover(); r != "mine" {
				t.Errorf("a panic became %v", r)
			}
		}()
		_ = s.Update(ctx, func(tx storage.Tx) error {
			if err := work(tx); err != nil {
				return err
			}
			panic("mine")
		})
	}()
	unchanged("a panic")

	// An error of the database that the function hides still ends the transaction.
	err = s.Update(ctx, func(tx storage.Tx) error {
		if err := work(tx); err != nil {
			return err
		}
		_ = tx.PutPrincipal(ctx, &storage.Principal{Name: fmt.Sprintf("user%02d", serial.Load()), Kind: storage.Person}, nil)
		return nil
	})
	if !errors.Is(err, storage.ErrConflict) {
		t.Errorf("Update whose function hid a conflict returns %v, want ErrConflict", err)
	}
	unchanged("a hidden error")

	// A late conflict, at commit.
	err = s.Update(ctx, func(tx storage.Tx) error {
		if err := tx.Lock(ctx, 2, h.owner); err != nil {
			return err
		}
		if err := tx.AddJob(ctx, &storage.Job{Owner: h.owner, ID: next(t, tx, h.owner), Kind: "rolled back", DueAt: t0}); err != nil {
			return err
		}
		o := object(h.cal, next(t, tx, h.owner), "other")
		o.UID = kept.UID
		return tx.PutObject(ctx, o, nil)
	})
	if !errors.Is(err, storage.ErrConflict) {
		t.Errorf("Update with a conflict at commit returns %v, want ErrConflict", err)
	}
	unchanged("a conflict at commit")
}

func testLarge(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	const n = 1500
	body := bytes.Repeat([]byte("x"), 3000)
	h.locked(func(tx storage.Tx) error {
		for i := range n {
			o := object(h.cal, next(t, tx, h.owner), fmt.Sprint(i))
			o.ICS = body
			if err := tx.PutObject(ctx, o, nil); err != nil {
				return err
			}
			if err := tx.SetReminders(ctx, h.owner, o.ID, []*storage.Reminder{{Alarm: "a"}}); err != nil {
				return err
			}
		}
		return nil
	})
	c := h.collection(h.cal)
	if c.Objects != n || c.Bytes != n*3000 {
		t.Errorf("%d objects of %d bytes, want %d of %d", c.Objects, c.Bytes, n, n*3000)
	}
	// The same name again and again in one transaction: the last one stays.
	h.locked(func(tx storage.Tx) error {
		var old *storage.Object
		id := next(t, tx, h.owner)
		for i := range 5 {
			o := object(h.cal, id, "again")
			o.Seq, o.Zones = next(t, tx, h.owner), fmt.Sprint(i)
			if err := tx.PutObject(ctx, o, old); err != nil {
				return err
			}
			if i == 2 {
				if err := tx.DeleteObject(ctx, o, next(t, tx, h.owner)); err != nil {
					return err
				}
				old = nil
				continue
			}
			old = o
		}
		return nil
	})
	if o, err := s.Object(ctx, h.cal, "again"); err != nil || o.Zones != "4" {
		t.Errorf("an object written five times: %+v, %v", o, err)
	}
	if c := h.collection(h.cal); c.Objects != n+1 {
		t.Errorf("%d objects, want %d", c.Objects, n+1)
	}
}

func testContext(t *testing.T, s storage.Store) {
	h := newHome(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Calendars(ctx, h.owner); !errors.Is(err, context.Canceled) {
		t.Errorf("Calendars: %v, want context.Canceled", err)
	}
	if err := s.Update(ctx, func(tx storage.Tx) error { return tx.Lock(ctx, 1, h.owner) }); !errors.Is(err, context.Canceled) {
		t.Errorf("Update: %v, want context.Canceled", err)
	}
	// The lock is free again after a transaction whose context ended within.
	ctx, cancel = context.WithCancel(t.Context())
	err := s.Update(ctx, func(tx storage.Tx) error {
		if err := tx.Lock(ctx, 1, h.owner); err != nil {
			return err
		}
		cancel()
		_, err := tx.Calendars(ctx, h.owner)
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Update: %v, want context.Canceled", err)
	}
	h.put(h.cal, "a", nil)
}
