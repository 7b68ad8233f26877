package storagetest

import (
	"testing"

	"kalends/storage"
)

func testTeam(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h, other := newHome(t, s), newHome(t, s)
	expect := func(organizer int64, uid string, want int64) {
		t.Helper()
		got, err := s.OrganizedIn(ctx, organizer, uid)
		check(t, err)
		if got != want {
			t.Errorf("OrganizedIn(%d, %q) = %d, want %d", organizer, uid, got, want)
		}
	}
	set := func(uid string, home int64) {
		t.Helper()
		h.locked(func(tx storage.Tx) error { return tx.SetOrganized(ctx, h.owner, uid, home) })
	}
	expect(h.owner, "a", 0)
	set("a", other.owner)
	set("b", other.owner)
	expect(h.owner, "a", other.owner)
	expect(other.owner, "a", 0)
	expect(h.owner, "\x00", 0)
	set("a", h.owner)
	set("b", 0)
	expect(h.owner, "a", h.owner)
	expect(h.owner, "b", 0)
	err := s.Update(ctx, func(tx storage.Tx) error {
		if err := tx.Lock(ctx, 1, other.owner); err != nil {
			return err
		}
		return tx.SetOrganized(ctx, h.owner, "a", 0)
	})
	if err == nil {
		t.Error("SetOrganized without the organizer's lock is taken")
	}
}
