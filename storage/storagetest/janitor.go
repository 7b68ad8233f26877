package storagetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"kalends/storage"
)

func testLease(t *testing.T, s storage.Store) {
	ctx := t.Context()
	name := fmt.Sprintf("lease%d", serial.Add(1))
	for _, tt := range []struct {
		what, holder string
		now, until   time.Duration
		want         bool
	}{
		{"a free lease", "a", 0, time.Minute, true},
		{"one that another holds", "b", time.Second, 2 * time.Minute, false},
		{"one's own", "a", 2 * time.Second, 3 * time.Minute, true},
		{"one that was renewed", "b", time.Minute, 5 * time.Minute, false},
		{"one that is over", "b", 3 * time.Minute, 5 * time.Minute, true},
		{"one that was lost", "a", 4 * time.Minute, 5 * time.Minute, false},
		{"given back", "b", 4 * time.Minute, 0, true},
		{"one that was given back", "a", 4 * time.Minute, 5 * time.Minute, true},
	} {
		got, err := s.Lease(ctx, name, tt.holder, t0.Add(tt.now), t0.Add(tt.until))
		if err != nil || got != tt.want {
			t.Errorf("%s: Lease = %v, %v; want %v", tt.what, got, err, tt.want)
		}
	}
}

func testPurgeTombstones(t *testing.T, s storage.Store) {
	ctx := t.Context()
	a, b := newHome(t, s), newHome(t, s)
	for _, h := range []*home{a, b} {
		for i := range 5 {
			h.put(h.cal, fmt.Sprintf("%d.ics", i), nil)
		}
		for i := range 4 {
			h.delete(h.cal, fmt.Sprintf("%d.ics", i))
		}
	}
	a.put(a.inbox, "i.ics", nil)
	a.delete(a.inbox, "i.ics")

	if n, err := s.PurgeTombstones(ctx, time.Now().Add(-time.Hour), 3); err != nil || n != 0 {
		t.Fatalf("PurgeTombstones of an hour ago = %d, %v; want none", n, err)
	}
	before := a.collection(a.cal)
	changes, err := s.Changes(ctx, a.cal, before.Floor, 0)
	check(t, err)
	var purged int64
	for range 20 {
		n, err := s.PurgeTombstones(ctx, time.Now().Add(time.Hour), 3)
		check(t, err)
		if n == 0 {
			break
		}
		if n > 3 {
			t.Errorf("PurgeTombstones took %d at once, limit 3", n)
		}
		purged += n
		// Whatever is gone is below the floor, and nothing else is.
		c := a.collection(a.cal)
		left, err := s.Changes(ctx, a.cal, 0, 0)
		check(t, err)
		have := map[string]bool{}
		for _, x := range left {
			have[x.Name] = true
		}
		for _, x := range changes {
			if !have[x.Name] && x.Seq > c.Floor {
				t.Errorf("%s of seq %d is gone, floor is %d", x.Name, x.Seq, c.Floor)
			}
		}
	}
	if purged != 9 {
		t.Errorf("purged %d tombstones, want 9", purged)
	}
	after := a.collection(a.cal)
	if after.Floor != before.LastSeq {
		t.Errorf("floor is %d, want that of the last deletion %d", after.Floor, before.LastSeq)
	}
	before.Floor = after.Floor
	diff(t, "the collection", after, before)
	left, err := s.Changes(ctx, a.cal, 0, 0)
	check(t, err)
	if len(left) != 1 || left[0].Name != "4.ics" {
		t.Errorf("changes after the purge = %+v, want those of 4.ics", left)
	}
	// What is deleted later has a tombstone again.
	a.delete(a.cal, "4.ics")
	if left, err = s.Changes(ctx, a.cal, after.Floor, 0); err != nil || len(left) != 1 || !left[0].Deleted {
		t.Errorf("changes after another deletion = %+v, %v", left, err)
	}
}

func testInboxBefore(t *testing.T, s storage.Store) {
	ctx := t.Context()
	a, b := newHome(t, s), newHome(t, s)
	at := func(days int) func(*storage.Object) {
		return func(o *storage.Object) { o.Created = t0.AddDate(0, 0, days) }
	}
	b.put(b.inbox, "b.ics", at(2))
	first := a.put(a.inbox, "1.ics", at(1))
	second := a.put(a.inbox, "2.ics", at(3))
	a.put(a.inbox, "3.ics", at(9))
	a.put(a.cal, "no-item.ics", at(0))

	list, err := s.InboxBefore(ctx, t0.AddDate(0, 0, 5), 10)
	check(t, err)
	for _, o := range []*storage.Object{first, second} {
		o.ICS, o.Series = nil, nil
	}
	if len(list) == 2 && list[0].Name == "2.ics" {
		list[0], list[1] = list[1], list[0]
	}
	diff(t, "items of the owner with the oldest", list, []*storage.Object{first, second})
	if list, err = s.InboxBefore(ctx, t0.AddDate(0, 0, 5), 1); err != nil || len(list) != 1 {
		t.Errorf("InboxBefore with limit 1 = %d items, %v", len(list), err)
	}
	if list, err = s.InboxBefore(ctx, t0, 10); err != nil || len(list) != 0 {
		t.Errorf("InboxBefore of what is older = %d items, %v", len(list), err)
	}
}

func testNoticesBefore(t *testing.T, s storage.Store) {
	ctx := t.Context()
	a, b, sharer := newHome(t, s), newHome(t, s), newHome(t, s)
	box := func(h *home) storage.Ref {
		t.Helper()
		c := &storage.Calendar{Owner: h.owner, Kind: storage.NotificationKind, Slug: "notification"}
		h.locked(func(tx storage.Tx) error {
			c.ID = next(t, tx, h.owner)
			c.Seq, c.LastSeq = c.ID, c.ID
			return tx.PutCalendar(ctx, c)
		})
		return c.Ref()
	}
	at := func(days int) func(*storage.Object) {
		return func(o *storage.Object) { o.Component, o.Created, o.Modified = "", t0, t0.AddDate(0, 0, days) }
	}
	notices := box(a)
	a.put(a.cal, "no-notice.xml", at(0))
	a.put(notices, "old.xml", at(1))
	a.put(notices, "open.xml", at(1))
	a.put(notices, "answered.xml", at(2))
	a.put(notices, "young.xml", at(9))
	b.put(box(b), "young.xml", at(7))
	for i, sh := range []storage.Share{{UID: "open", State: storage.ShareInvited}, {UID: "answered", State: storage.ShareAccepted}} {
		sh.Owner, sh.Calendar, sh.Sharee, sh.Created, sh.Modified = sharer.owner, sharer.cal.ID+int64(i), a.owner, t0, t0
		a.locked(func(tx storage.Tx) error {
			sh.ID = next(t, tx, a.owner)
			return tx.PutShared(ctx, &sh)
		})
	}
	names := func(days, limit int) []string {
		t.Helper()
		list, err := s.NoticesBefore(ctx, t0.AddDate(0, 0, days), limit)
		check(t, err)
		var names []string
		for _, o := range list {
			if o.Ref() != notices || len(o.ICS) > 0 {
				t.Errorf("NoticesBefore returns %+v", o)
			}
			names = append(names, o.Name)
		}
		slices.Sort(names)
		return names
	}
	diff(t, "old notices", names(5, 10), []string{"answered.xml", "old.xml"})
	diff(t, "one old notice", len(names(5, 1)), 1)
	diff(t, "older notices", len(names(0, 10)), 0)
}

func testPurgeReminders(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	o := h.put(h.cal, "a.ics", nil)
	h.locked(func(tx storage.Tx) error {
		row := func(alarm string, due, fired time.Time) *storage.Reminder {
			return &storage.Reminder{Owner: h.owner, Object: o.ID, Calendar: h.cal.ID, ForUser: h.owner, Alarm: alarm, DueAt: due, FiredThrough: fired}
		}
		return tx.SetReminders(ctx, h.owner, o.ID, []*storage.Reminder{
			row("long over", time.Time{}, t0.AddDate(0, 0, -90)),
			row("over", time.Time{}, t0.AddDate(0, 0, -60)),
			row("just over", time.Time{}, t0),
			row("still due", t0.AddDate(0, 0, 1), t0.AddDate(0, 0, -90)),
		})
	})
	for _, want := range []int64{1, 1, 0} {
		if n, err := s.PurgeReminders(ctx, t0.AddDate(0, 0, -30), 1); err != nil || n != want {
			t.Errorf("PurgeReminders = %d, %v; want %d", n, err, want)
		}
	}
	rows, err := s.Reminders(ctx, h.owner, o.ID)
	check(t, err)
	if len(rows) != 2 || rows[0].Alarm != "just over" || rows[1].Alarm != "still due" {
		t.Errorf("reminders left: %+v", rows)
	}
}
