package storagetest

import (
	"slices"
	"testing"

	"kalends/storage"
)

func testGrants(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h, other := newHome(t, s), newHome(t, s)
	bob, team, whole := newHome(t, s), newHome(t, s), newHome(t, s)
	check(t, s.Update(ctx, func(tx storage.Tx) error {
		if err := tx.SetMembers(ctx, team.owner, []int64{bob.owner}); err != nil {
			return err
		}
		return tx.SetMembers(ctx, whole.owner, []int64{team.owner})
	}))
	set := func(h *home, calendar int64, list ...storage.Grant) {
		t.Helper()
		h.locked(func(tx storage.Tx) error { return tx.SetGrants(ctx, h.owner, calendar, list) })
	}
	const high = 1 << 31
	set(h, 0, storage.Grant{Grantee: whole.owner, Privileges: 1}, storage.Grant{Grantee: storage.Everybody, Privileges: 2})
	set(h, h.cal.ID, storage.Grant{Grantee: bob.owner, Privileges: high}, storage.Grant{Grantee: storage.Authenticated, Privileges: 4},
		storage.Grant{Owner: 99, Calendar: 99, Grantee: other.owner, Privileges: 8})
	set(other, other.cal.ID, storage.Grant{Grantee: bob.owner, Privileges: 16})
	g := func(h *home, calendar, grantee int64, privileges uint32) storage.Grant {
		return storage.Grant{Owner: h.owner, Calendar: calendar, Grantee: grantee, Privileges: privileges}
	}
	cal := h.cal.ID
	expect := func(what string, fn func() ([]storage.Grant, error), want ...storage.Grant) {
		t.Helper()
		list, err := fn()
		check(t, err)
		diff(t, what, list, want)
	}
	of := func(h *home) func() ([]storage.Grant, error) {
		return func() ([]storage.Grant, error) { return s.Grants(ctx, h.owner) }
	}
	to := func(who int64) func() ([]storage.Grant, error) {
		return func() ([]storage.Grant, error) { return s.GrantsTo(ctx, who) }
	}
	theirs := func(who int64) func() ([]storage.Grant, error) {
		return func() ([]storage.Grant, error) { return s.GrantsFor(ctx, h.owner, who) }
	}
	everybody, throughGroup := g(h, 0, storage.Everybody, 2), g(h, 0, whole.owner, 1)
	anyone := g(h, cal, storage.Authenticated, 4)
	inCal := []storage.Grant{g(h, cal, bob.owner, high), g(h, cal, other.owner, 8)}
	slices.SortFunc(inCal, func(a, b storage.Grant) int { return int(a.Grantee - b.Grantee) })
	expect("Grants", of(h), everybody, throughGroup, anyone, inCal[0], inCal[1])
	expect("GrantsFor bob", theirs(bob.owner), everybody, throughGroup, anyone, g(h, cal, bob.owner, high))
	expect("GrantsFor somebody", theirs(1<<40), everybody, anyone)
	expect("GrantsFor Everybody", theirs(storage.Everybody), everybody)
	bobs := []storage.Grant{throughGroup, g(h, cal, bob.owner, high), g(other, other.cal.ID, bob.owner, 16)}
	slices.SortFunc(bobs, func(a, b storage.Grant) int {
		if a.Owner != b.Owner {
			return int(a.Owner - b.Owner)
		}
		return int(a.Calendar - b.Calendar)
	})
	expect("GrantsTo bob", to(bob.owner), bobs...)
	expect("GrantsTo the group", to(whole.owner), throughGroup)

	// Replaced, and gone with the collection, the grantee and the owner.
	set(h, cal, storage.Grant{Grantee: bob.owner, Privileges: 3})
	expect("Grants after a change", of(h), everybody, throughGroup, g(h, cal, bob.owner, 3))
	expect("GrantsTo one who lost them", to(other.owner))
	h.locked(func(tx storage.Tx) error { return tx.DeleteCalendar(ctx, h.owner, cal, next(t, tx, h.owner)) })
	expect("Grants without the calendar", of(h), everybody, throughGroup)
	remove(t, s, whole.owner, other.owner)
	whole.gone, other.gone = true, true
	expect("Grants without the group", of(h), everybody)
	expect("GrantsTo after the owner went", to(bob.owner))
	if err := s.Update(ctx, func(tx storage.Tx) error { return tx.SetGrants(ctx, h.owner, 0, nil) }); err == nil {
		t.Error("SetGrants in a home that is not locked went well")
	}
}

// testNesting: groups in groups, in a circle too.
func testNesting(t *testing.T, s storage.Store) {
	ctx := t.Context()
	var ids []int64
	for range storage.MaxNesting + 3 {
		ids = append(ids, newHome(t, s).owner)
	}
	alone := newHome(t, s).owner
	check(t, s.Update(ctx, func(tx storage.Tx) error {
		for i, id := range ids { // each is in the next, and the last in the first
			if err := tx.SetMembers(ctx, ids[(i+1)%len(ids)], []int64{id}); err != nil {
				return err
			}
		}
		return nil
	}))
	expect := func(what string, fn func() ([]int64, error), want ...int64) {
		t.Helper()
		got, err := fn()
		check(t, err)
		slices.Sort(want)
		diff(t, what, got, want)
	}
	first := ids[0]
	expect("AllGroupsOf", func() ([]int64, error) { return s.AllGroupsOf(ctx, first) }, slices.Clone(ids[1:1+storage.MaxNesting])...)
	expect("AllMembersOf", func() ([]int64, error) { return s.AllMembersOf(ctx, first, 0) }, slices.Clone(ids[3:])...)
	expect("AllMembersOf, few", func() ([]int64, error) { return s.AllMembersOf(ctx, first, 2) }, ids[3], ids[4])
	expect("AllGroupsOf nobody's", func() ([]int64, error) { return s.AllGroupsOf(ctx, alone) })
	expect("AllMembersOf nobody", func() ([]int64, error) { return s.AllMembersOf(ctx, alone, 10) })
}
