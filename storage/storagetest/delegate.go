package storagetest

import (
	"testing"

	"kalends/storage"
)

func testDelegates(t *testing.T, s storage.Store) {
	ctx := t.Context()
	alice, bob := newHome(t, s).owner, newHome(t, s).owner
	extra := person("delegator")
	check(t, s.Update(ctx, func(tx storage.Tx) error { return tx.PutPrincipal(ctx, extra, nil) }))
	cleo := extra.ID
	set := func(of int64, list ...storage.Delegate) {
		check(t, s.Update(ctx, func(tx storage.Tx) error { return tx.SetDelegates(ctx, of, list) }))
	}
	set(alice, storage.Delegate{ID: bob, Write: true}, storage.Delegate{ID: cleo})
	set(cleo, storage.Delegate{ID: bob})
	list, err := s.Delegates(ctx, alice)
	check(t, err)
	diff(t, "Delegates", list, []storage.Delegate{{ID: bob, Write: true}, {ID: cleo}})
	p, err := s.PrincipalByID(ctx, bob)
	check(t, err)
	diff(t, "writes for", p.ActsFor.Principals(true), []int64{alice})
	diff(t, "reads for", p.ActsFor.Principals(false), []int64{cleo})
	if r, w := p.ActsFor.For(alice); !r || !w {
		t.Errorf("Bob for Alice: %v, %v", r, w)
	}
	if r, w := p.ActsFor.For(cleo); !r || w {
		t.Errorf("Bob for Cleo: %v, %v", r, w)
	}
	if r, w := p.ActsFor.For(bob); r || w {
		t.Errorf("Bob for himself: %v, %v", r, w)
	}
	both, err := s.PrincipalsByID(ctx, []int64{cleo, alice, 1 << 40})
	check(t, err)
	if len(both) != 2 {
		t.Errorf("PrincipalsByID: %d", len(both))
	}
	set(alice)
	check(t, s.Update(ctx, func(tx storage.Tx) error { return tx.DeletePrincipal(ctx, cleo) }))
	p, err = s.PrincipalByID(ctx, bob)
	check(t, err)
	diff(t, "after all", p.ActsFor, storage.Delegations(""))
}

func testGroups(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	other := newHome(t, s).owner
	check(t, s.Update(ctx, func(tx storage.Tx) error { return tx.SetMembers(ctx, other, []int64{h.owner}) }))
	members, err := s.GroupMembers(ctx, other)
	check(t, err)
	want, err := s.PrincipalByID(ctx, h.owner)
	check(t, err)
	addresses, err := s.Addresses(ctx, h.owner)
	check(t, err)
	first := ""
	if len(addresses) > 0 {
		first = addresses[0]
	}
	diff(t, "GroupMembers", members, []storage.Member{{Principal: want, Address: first}})
	h.locked(func(tx storage.Tx) error { return tx.SetGroups(ctx, h.owner, 7, []int64{other, other}) })
	h.locked(func(tx storage.Tx) error { return tx.SetGroups(ctx, h.owner, 9, []int64{other}) })
	h.locked(func(tx storage.Tx) error { return tx.SetGroups(ctx, h.owner, 9, nil) })
	list, err := s.GroupMeetings(ctx, other)
	check(t, err)
	diff(t, "GroupMeetings", list, []storage.GroupMeeting{{Owner: h.owner, Object: 7}})
}
