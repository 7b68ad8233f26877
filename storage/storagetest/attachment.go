package storagetest

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"kalends/storage"
)

// attach makes a whole attachment of so many octets.
func (h *home) attach(key string, size int, created time.Time) *storage.Attachment {
	h.t.Helper()
	a := &storage.Attachment{
		Owner: h.owner, Key: key, Name: "Plän.txt", Type: "text/plain", Size: int64(size), Hash: "hash-" + key, Created: created, Unused: created,
	}
	ctx := h.t.Context()
	h.locked(func(tx storage.Tx) error {
		a.ID = next(h.t, tx, h.owner)
		if err := tx.AddAttachment(ctx, a); err != nil {
			return err
		}
		if err := tx.AddAttachmentChunk(ctx, a.Owner, a.ID, 0, []byte(strings.Repeat("x", size))); err != nil {
			return err
		}
		return tx.FinishAttachment(ctx, a)
	})
	return a
}

// refer makes an object refer to just these.
func (h *home) refer(o *storage.Object, now time.Time, list ...*storage.Attachment) {
	h.t.Helper()
	keys := []storage.AttachmentKey{}
	for _, a := range list {
		keys = append(keys, storage.AttachmentKey{ID: a.ID, Key: a.Key})
	}
	h.locked(func(tx storage.Tx) error { return tx.SetAttachments(h.t.Context(), h.owner, o.ID, keys, now) })
}

// attached returns those of the attachments that are there.
func (h *home) attached(list ...*storage.Attachment) map[int64]*storage.Attachment {
	h.t.Helper()
	keys := []storage.AttachmentKey{}
	for _, a := range list {
		keys = append(keys, storage.AttachmentKey{ID: a.ID, Key: a.Key})
	}
	got, err := h.s.Attachments(h.t.Context(), h.owner, keys)
	check(h.t, err)
	return got
}

func testAttachments(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h, other := newHome(t, s), newHome(t, s)
	later := t0.Add(time.Hour)

	// One that is not whole is not there, and nothing can refer to it.
	part := &storage.Attachment{Owner: h.owner, Key: "part", Name: "p", Type: "text/plain", Created: t0.AddDate(0, 0, -2)}
	h.locked(func(tx storage.Tx) error {
		part.ID = next(t, tx, h.owner)
		return tx.AddAttachment(ctx, part)
	})
	o, o2 := h.put(h.cal, "a.ics", nil), h.put(h.cal, "b.ics", nil)
	h.refer(o, t0, part)
	if got := h.attached(part); len(got) != 0 {
		t.Errorf("half an attachment: %v", got)
	}

	a, b := h.attach("aaa", 100, t0), h.attach("bbb", 50, t0)
	diff(t, "a new one", h.attached(a)[a.ID], a)
	byKey, err := s.AttachmentsByKey(ctx, h.owner, []string{"bbb", "part", "aaa", "none", "aaa"})
	check(t, err)
	diff(t, "by key", byKey, map[string]*storage.Attachment{"aaa": a, "bbb": b})
	for _, of := range []struct {
		owner int64
		keys  []string
	}{{other.owner, []string{"aaa"}}, {h.owner, nil}} {
		if none, err := s.AttachmentsByKey(ctx, of.owner, of.keys); err != nil || len(none) != 0 {
			t.Errorf("AttachmentsByKey(%d, %v) = %v, %v", of.owner, of.keys, none, err)
		}
	}
	octets, err := s.AttachmentChunk(ctx, h.owner, a.ID, 0)
	check(t, err)
	if len(octets) != 100 {
		t.Errorf("%d octets", len(octets))
	}
	for _, of := range [][3]int64{{h.owner, a.ID, 1}, {other.owner, a.ID, 0}} {
		if _, err := s.AttachmentChunk(ctx, of[0], of[1], of[2]); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("AttachmentChunk%v: %v", of, err)
		}
	}
	wrong := *a
	wrong.Key = "guessed"
	if got := h.attached(&wrong); len(got) != 0 {
		t.Errorf("by a wrong key: %v", got)
	}
	base, err := s.Usage(ctx, h.owner)
	check(t, err)

	// Only what an object refers to counts; a wrong key refers to nothing.
	h.refer(o, t0, a, b)
	h.refer(o2, t0, a, &wrong)
	used := func(what string, want int64) {
		t.Helper()
		u, err := s.Usage(ctx, h.owner)
		check(t, err)
		if u.Attachments != want || u.Objects != base.Objects || u.Total() != u.Objects+want {
			t.Errorf("%s: usage %+v, want %d of attachments", what, u, want)
		}
	}
	used("two", 150)
	if got := h.attached(a)[a.ID]; !got.Unused.IsZero() {
		t.Errorf("unused since %v while in use", got.Unused)
	}
	uses, err := s.AttachmentUses(ctx, h.owner, a.ID, 10)
	check(t, err)
	if len(uses) != 2 || uses[0].ID != o.ID || len(uses[0].ICS) == 0 {
		t.Errorf("uses: %v", uses)
	}
	if uses, err = s.AttachmentUses(ctx, h.owner, a.ID, 1); len(uses) != 1 || err != nil {
		t.Errorf("uses with a limit: %d, %v", len(uses), err)
	}
	if uses, err = s.AttachmentUses(ctx, other.owner, a.ID, 10); len(uses) != 0 || err != nil {
		t.Errorf("uses by another: %d, %v", len(uses), err)
	}
	h.refer(o, later, b)
	used("a is still the other's", 150)
	h.refer(o2, later)
	used("a is nobody's", 50)
	if got := h.attached(a)[a.ID]; !got.Unused.Equal(later) {
		t.Errorf("unused since %v, want %v", got.Unused, later)
	}
	h.refer(o2, later, a)
	used("a is back", 150)

	// A calendar goes, and with it what its objects referred to.
	h.locked(func(tx storage.Tx) error { return tx.DeleteCalendar(ctx, h.owner, h.cal.ID, next(t, tx, h.owner)) })
	if u, err := s.Usage(ctx, h.owner); u.Attachments != 0 || err != nil {
		t.Errorf("after the calendar went: %+v, %v", u, err)
	}
	if got := h.attached(a, b); len(got) != 2 || got[a.ID].Unused.IsZero() {
		t.Errorf("what is left: %v", got)
	}

	testDroppedAttachments(t, s)
}

// testDroppedAttachments is about what no object refers to.
func testDroppedAttachments(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	o := h.put(h.cal, "a.ics", nil)
	kept := h.attach("kept", 1000, t0)
	h.refer(o, t0, kept)
	old, mid, last := h.attach("old", 100, t0), h.attach("mid", 100, t0.Add(time.Minute)), h.attach("last", 100, t0.Add(2*time.Minute))
	h.locked(func(tx storage.Tx) error { return tx.TrimAttachments(ctx, h.owner, 250) })
	if got := h.attached(kept, old, mid, last); len(got) != 3 || got[old.ID] != nil {
		t.Errorf("trimmed to 250 octets: %v", got)
	}
	if _, err := s.AttachmentChunk(ctx, h.owner, old.ID, 0); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("its octets: %v", err)
	}
	begun := &storage.Attachment{Owner: h.owner, Key: "k", Name: "n", Type: "t/t", Created: t0}
	h.locked(func(tx storage.Tx) error {
		begun.ID = next(t, tx, h.owner)
		return tx.AddAttachment(ctx, begun)
	})
	purge := func(unused, unfinished time.Time, limit int) (n int64) {
		t.Helper()
		for { // other tests leave some too
			k, err := s.PurgeAttachments(ctx, unused, unfinished, limit)
			check(t, err)
			if k == 0 {
				return n
			}
			n += k
		}
	}
	purge(t0.Add(30*time.Second), t0, 10)
	h.locked(func(tx storage.Tx) error { return tx.FinishAttachment(ctx, mid) })
	err := s.Update(ctx, func(tx storage.Tx) error {
		if err := tx.Lock(ctx, 0, h.owner); err != nil {
			return err
		}
		return tx.FinishAttachment(ctx, old)
	})
	if !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("FinishAttachment of one that was removed: %v", err)
	}
	if got := h.attached(kept, mid, last); len(got) != 3 {
		t.Errorf("purged too early: %v", got)
	}
	if n := purge(t0.Add(90*time.Second), t0.Add(time.Second), 1); n < 1 {
		t.Errorf("purged %d", n)
	}
	if got := h.attached(kept, mid, last); len(got) != 2 || got[mid.ID] != nil {
		t.Errorf("purged: %v", got)
	}
	drop := h.attach("drop", 10, t0)
	h.locked(func(tx storage.Tx) error { return tx.DropAttachment(ctx, h.owner, drop.ID) })
	h.locked(func(tx storage.Tx) error { return tx.DropAttachment(ctx, h.owner, kept.ID) })
	if got := h.attached(drop, kept); len(got) != 1 || got[kept.ID] == nil {
		t.Errorf("dropped: %v", got)
	}
	h.locked(func(tx storage.Tx) error { return tx.EmptyAttachments(ctx, h.owner) })
	if got := h.attached(kept, last); len(got) != 1 || got[kept.ID] == nil {
		t.Errorf("emptied: %v", got)
	}
	for what, fn := range map[string]func(tx storage.Tx) error{
		"AddAttachment":      func(tx storage.Tx) error { return tx.AddAttachment(ctx, begun) },
		"AddAttachmentChunk": func(tx storage.Tx) error { return tx.AddAttachmentChunk(ctx, h.owner, 1, 0, nil) },
		"FinishAttachment":   func(tx storage.Tx) error { return tx.FinishAttachment(ctx, kept) },
		"SetAttachments":     func(tx storage.Tx) error { return tx.SetAttachments(ctx, h.owner, o.ID, nil, t0) },
		"TrimAttachments":    func(tx storage.Tx) error { return tx.TrimAttachments(ctx, h.owner, 0) },
		"DropAttachment":     func(tx storage.Tx) error { return tx.DropAttachment(ctx, h.owner, 1) },
		"EmptyAttachments":   func(tx storage.Tx) error { return tx.EmptyAttachments(ctx, h.owner) },
	} {
		if err := s.Update(ctx, fn); err == nil {
			t.Errorf("%s without the lock", what)
		}
	}
}

// testAttachmentRace: of two who take away the last use and give a new one at once, the attachment ends as whoever came last left it.
func testAttachmentRace(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	o, o2 := h.put(h.cal, "a.ics", nil), h.put(h.cal, "b.ics", nil)
	a := h.attach("race", 10, t0)
	keys := []storage.AttachmentKey{{ID: a.ID, Key: a.Key}}
	h.refer(o, t0, a)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			object, list := o.ID, keys[:0]
			if i%2 == 1 {
				object, list = o2.ID, keys
			}
			err := s.Update(ctx, func(tx storage.Tx) error {
				if err := tx.Lock(ctx, 0, h.owner); err != nil {
					return err
				}
				return tx.SetAttachments(ctx, h.owner, object, list, t0)
			})
			if err != nil {
				t.Errorf("SetAttachments: %v", err)
			}
		})
	}
	wg.Wait()
	if got := h.attached(a)[a.ID]; got == nil || !got.Unused.IsZero() {
		t.Errorf("after all: %+v, want it in use by b.ics", got)
	}
	if uses, err := s.AttachmentUses(ctx, h.owner, a.ID, 10); err != nil || len(uses) != 1 || uses[0].ID != o2.ID {
		t.Errorf("uses: %v, %v", uses, err)
	}
}
