package storagetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"kalends/storage"
)

func testTrash(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h, other := newHome(t, s), newHome(t, s)
	const most = 1000
	text := strings.Repeat("x", 100)
	entry := func(owner, id int64, age time.Duration) *storage.Trashed {
		return &storage.Trashed{Owner: owner, ID: id, Calendar: 7, Slug: "work", CalendarName: "Wörk", Name: fmt.Sprintf("%d.ics", id), UID: "u",
			Component: "VEVENT", By: 3, Deleted: t0.Add(-age), ICS: []byte(text)}
	}
	add := func(list ...*storage.Trashed) {
		t.Helper()
		for _, e := range list {
			hh := h
			if e.Owner == other.owner {
				hh = other
			}
			hh.locked(func(tx storage.Tx) error { return tx.AddTrash(ctx, e, most) })
		}
	}
	old, a, b, theirs := entry(h.owner, 900, 40*24*time.Hour), entry(h.owner, 902, time.Hour), entry(h.owner, 901, time.Hour), entry(other.owner, 900, 0)
	add(old, a, b, theirs)
	list, err := s.Trash(ctx, h.owner, storage.TrashMark{}, 2)
	check(t, err)
	diff(t, "the latest two", list, []*storage.Trashed{a, b})
	list, err = s.Trash(ctx, h.owner, storage.TrashMark{Deleted: a.Deleted, ID: a.ID}, 10)
	check(t, err)
	diff(t, "after the first", list, []*storage.Trashed{b, old})
	list, err = s.TrashedUID(ctx, h.owner, "u")
	check(t, err)
	diff(t, "of one UID", list, []*storage.Trashed{a, b, old})
	for _, none := range []string{"x", "", "\x00"} {
		if list, err = s.TrashedUID(ctx, h.owner, none); err != nil || len(list) > 0 {
			t.Errorf("TrashedUID(%q) = %v, %v", none, list, err)
		}
	}
	one, err := s.Trashed(ctx, h.owner, 901)
	check(t, err)
	diff(t, "one", one, b)
	if _, err := s.Trashed(ctx, h.owner, 7); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("none: %v", err)
	}
	if n, err := s.PurgeTrash(ctx, t0.AddDate(0, 0, -30), 10); n != 1 || err != nil {
		t.Errorf("PurgeTrash = %d, %v", n, err)
	}
	h.locked(func(tx storage.Tx) error { return tx.RemoveTrash(ctx, h.owner, 902) })
	list, err = s.Trash(ctx, h.owner, storage.TrashMark{}, 10)
	check(t, err)
	diff(t, "what is left", list, []*storage.Trashed{b})

	// Of one owner the latest so many octets are kept.
	for i := range int64(15) {
		add(entry(h.owner, 1000+i, 0))
	}
	if list, err = s.Trash(ctx, h.owner, storage.TrashMark{}, 100); len(list) != most/len(text) || err != nil || list[len(list)-1].ID != 1005 {
		t.Errorf("%d entries of 100 octets, %v", len(list), err)
	}
	var n int64
	h.locked(func(tx storage.Tx) (err error) { n, err = tx.EmptyTrash(ctx, h.owner); return err })
	if list, err = s.Trash(ctx, h.owner, storage.TrashMark{}, 10); n != 10 || len(list) != 0 || err != nil {
		t.Errorf("EmptyTrash = %d; left %d, %v", n, len(list), err)
	}
	if list, err = s.Trash(ctx, other.owner, storage.TrashMark{}, 10); len(list) != 1 || err != nil {
		t.Errorf("another's: %d, %v", len(list), err)
	}

	// A whole calendar.
	for i := range 12 {
		h.put(h.cal, fmt.Sprintf("%02d.ics", i), func(o *storage.Object) { o.UID, o.ICS, o.Size = fmt.Sprint(i), []byte(text), int64(len(text)) })
	}
	c := h.collection(h.cal)
	h.locked(func(tx storage.Tx) error {
		if err := tx.TrashCalendar(ctx, c, h.owner, t0, most); err != nil {
			return err
		}
		return tx.DeleteCalendar(ctx, h.owner, c.ID, next(t, tx, h.owner))
	})
	list, err = s.Trash(ctx, h.owner, storage.TrashMark{}, 100)
	check(t, err)
	if len(list) != 10 || list[0].Name != "11.ics" || list[9].Name != "02.ics" || list[0].Slug != c.Slug || list[0].Calendar != c.ID || string(list[0].ICS) != text || !list[0].Deleted.Equal(t0) {
		t.Errorf("of a calendar: %d entries, %+v", len(list), list[0])
	}
}
