package storagetest

import (
	"errors"
	"testing"
	"time"

	"kalends/storage"
)

func testShares(t *testing.T, s storage.Store) {
	ctx := t.Context()
	alice, bob, team := newHome(t, s), newHome(t, s), newHome(t, s)
	check(t, s.Update(ctx, func(tx storage.Tx) error { return tx.SetMembers(ctx, team.owner, []int64{bob.owner}) }))
	at := time.Unix(1_800_000_000, 0).UTC()
	both := func(fn func(tx storage.Tx) error) {
		t.Helper()
		check(t, s.Update(ctx, func(tx storage.Tx) error {
			if err := tx.Lock(ctx, 4, alice.owner, bob.owner, team.owner); err != nil {
				return err
			}
			return fn(tx)
		}))
	}
	sh := &storage.Share{
		Owner: alice.owner, Calendar: alice.cal.ID, Sharee: bob.owner, Privileges: 1 << 31, State: storage.ShareInvited,
		UID: "u", Summary: "Theirs", Created: at, Modified: at,
	}
	both(func(tx storage.Tx) error {
		sh.ID = next(t, tx, bob.owner)
		sh.Seq = sh.ID
		if err := tx.PutShare(ctx, sh); err != nil {
			return err
		}
		return tx.PutShared(ctx, sh)
	})
	calendar := func(h *home) *storage.Calendar {
		t.Helper()
		c, err := s.CalendarByID(ctx, h.owner, h.cal.ID)
		check(t, err)
		return c
	}
	expect := func(what string, owners, sharees []*storage.Share) {
		t.Helper()
		list, err := s.Shares(ctx, alice.owner, alice.cal.ID)
		check(t, err)
		diff(t, "Shares "+what, list, owners)
		list, err = s.Shares(ctx, alice.owner, 0)
		check(t, err)
		diff(t, "all Shares "+what, list, owners)
		list, err = s.Shared(ctx, bob.owner)
		check(t, err)
		diff(t, "Shared "+what, list, sharees)
		if got := calendar(alice).Shared; got != (len(owners) > 0) {
			t.Errorf("Shared of the calendar %s = %v", what, got)
		}
	}
	known := func() *storage.Share { // what the owner's side knows
		k := *sh
		k.Seq, k.DisplayName, k.Color, k.Transparent = 0, "", "", false
		return &k
	}
	expect("invited", []*storage.Share{known()}, []*storage.Share{sh})
	granted := func(what string, want ...storage.Grant) {
		t.Helper()
		list, err := s.GrantsFor(ctx, alice.owner, bob.owner)
		check(t, err)
		diff(t, "GrantsFor "+what, list, want)
		list, err = s.GrantsAmong(ctx, []int64{bob.owner, alice.owner}, bob.owner)
		check(t, err)
		diff(t, "GrantsAmong "+what, list, want)
		list, err = s.Grants(ctx, alice.owner)
		check(t, err)
		diff(t, "Grants "+what, list, want)
		list, err = s.GrantsTo(ctx, bob.owner)
		check(t, err)
		diff(t, "GrantsTo "+what, list, want)
	}
	granted("one who was only invited")

	sh.State, sh.DisplayName, sh.Color, sh.Transparent = storage.ShareAccepted, "Mine", "#FF0000FF", true
	sh.Alarms.Timed, sh.Alarms.Day = "NONE", "EMAIL -PT15H"
	both(func(tx storage.Tx) error {
		if err := tx.PutShare(ctx, sh); err != nil {
			return err
		}
		return tx.PutShared(ctx, sh)
	})
	expect("accepted", []*storage.Share{known()}, []*storage.Share{sh})
	granted("one who accepted", storage.Grant{Owner: alice.owner, Calendar: alice.cal.ID, Grantee: bob.owner, Privileges: 1 << 31, Shared: true})
	got, err := s.SharedByID(ctx, bob.owner, sh.ID)
	check(t, err)
	diff(t, "SharedByID", got, sh)
	if _, err := s.SharedByID(ctx, bob.owner, sh.ID+1); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("SharedByID of none: %v", err)
	}
	if _, err := s.CalendarByID(ctx, bob.owner, 1<<40); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("CalendarByID of none: %v", err)
	}

	// Through a group: the right is the group's, and ends with the membership.
	viaGroup := &storage.Share{
		Owner: alice.owner, Calendar: alice.cal.ID, Sharee: team.owner, Privileges: 4, State: storage.ShareAccepted, UID: "g", Created: at, Modified: at,
	}
	both(func(tx storage.Tx) error {
		viaGroup.ID = next(t, tx, team.owner)
		viaGroup.Seq = viaGroup.ID
		sh.Via = team.owner
		for _, x := range []*storage.Share{sh, viaGroup} {
			if err := tx.PutShare(ctx, x); err != nil {
				return err
			}
			if err := tx.PutShared(ctx, x); err != nil {
				return err
			}
		}
		return nil
	})
	granted("a member", storage.Grant{Owner: alice.owner, Calendar: alice.cal.ID, Grantee: team.owner, Privileges: 4, Shared: true})

	// Away, with a tombstone and the properties.
	both(func(tx storage.Tx) error {
		err := tx.PutProperty(ctx, storage.Property{Owner: bob.owner, Calendar: sh.ID, Space: "x", Local: "y", XML: []byte("<y/>")})
		if err == nil {
			err = tx.DeleteShare(ctx, sh)
		}
		if err == nil {
			err = tx.BuryShared(ctx, sh, next(t, tx, bob.owner))
		}
		if err == nil {
			err = tx.DeleteShared(ctx, sh)
		}
		if err == nil {
			err = tx.DeleteShare(ctx, viaGroup)
		}
		if err == nil {
			err = tx.DeleteShared(ctx, viaGroup)
		}
		return err
	})
	expect("removed", nil, nil)
	props, err := s.Properties(ctx, bob.owner, sh.ID, false)
	check(t, err)
	if len(props) > 0 {
		t.Errorf("properties after DeleteShared = %v", props)
	}
	gone, err := s.Changes(ctx, storage.HomeRef(bob.owner), sh.ID, 0)
	check(t, err)
	if len(gone) != 1 || gone[0].Name != storage.ShareSlug(sh.ID) || !gone[0].Deleted {
		t.Errorf("Changes of the sharee's home = %v", gone)
	}

	// With the calendar, the sharee and the sharer.
	both(func(tx storage.Tx) error {
		if err := tx.PutShare(ctx, sh); err != nil {
			return err
		}
		return tx.PutShared(ctx, sh)
	})
	remove(t, s, bob.owner)
	bob.gone = true
	expect("without the sharee", nil, nil)
	if err := s.Update(ctx, func(tx storage.Tx) error { return tx.PutShare(ctx, sh) }); err == nil {
		t.Error("PutShare in a home that is not locked went well")
	}
}
