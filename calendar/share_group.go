package calendar

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"kalends/storage"
)

// alignShares has those who are in a group now be those who are invited, through it, into the calendars that are shared with it: who joined gets the
// invitation that the others got, and who left loses the calendar with its place in their home. What they may do followed the
// membership at once. Each calendar is a transaction of its own, and one that is right already is not touched.
func (s *Service) alignShares(ctx context.Context, group int64) error {
	list, err := s.Store.Shared(ctx, group)
	if err != nil {
		return err
	}
	for _, sh := range list {
		if AccessOf(sh) == ShareBusy {
			continue // nobody is invited to that
		}
		if err := s.alignShare(ctx, sh); err != nil && KindOf(err) != NotFound {
			return fmt.Errorf("share %d/%d with group %d: %w", sh.Owner, sh.Calendar, group, err)
		}
	}
	return nil
}

func (s *Service) alignShare(ctx context.Context, of *storage.Share) error {
	return s.update(ctx, of.Owner, &people{}, func(u *unit) error {
		owner, c, err := u.sharer(ctx, of)
		if err != nil {
			return err
		}
		set, err := u.sharing(ctx, owner, c)
		if err != nil {
			return err
		}
		group := set.there[of.Sharee]
		if group == nil {
			return nil // it was taken back meanwhile
		}
		members, err := u.tx.AllMembersOf(ctx, group.Sharee, 0)
		if err != nil {
			return err
		}
		var left []*storage.Share
		invited := 0
		for _, sh := range set.there {
			if sh.Via != group.Sharee {
				continue
			}
			if slices.Contains(members, sh.Sharee) {
				invited++
			} else {
				left = append(left, sh)
			}
		}
		slices.SortFunc(left, func(a, b *storage.Share) int { return cmp.Compare(a.Sharee, b.Sharee) })
		found, err := u.tx.PrincipalsByID(ctx, members)
		if err != nil {
			return fmt.Errorf("members: %w", err)
		}
		found = slices.DeleteFunc(found, func(p *storage.Principal) bool {
			return p.Kind != storage.Person || p.ID == owner.ID || set.there[p.ID] != nil
		})
		room := max(0, min(maxGroupInvited-invited, MaxShares-len(set.there)+len(left)))
		found = found[:min(len(found), room)]
		ids := make([]int64, 0, len(left)+len(found))
		for _, sh := range left {
			ids = append(ids, sh.Sharee)
		}
		for _, p := range found {
			ids = append(ids, p.ID)
		}
		if err := set.locked(ids...); err != nil {
			return err
		}
		for _, sh := range left {
			if err := set.leaveGroup(ctx, sh); err != nil {
				return err
			}
		}
		for _, p := range found {
			if err := set.invite(ctx, p.ID, group.Sharee, ShareRequest{With: p, Access: AccessOf(group), Summary: group.Summary}, false); err != nil {
				return err
			}
		}
		return set.done(ctx)
	})
}

// leaveGroup takes the calendar from somebody who was invited through a group and is no member any more, unless another group that has it
// still has them.
func (s *sharing) leaveGroup(ctx context.Context, sh *storage.Share) error {
	for _, id := range s.sharees() {
		other := s.there[id]
		if other.Via != 0 || other.Sharee == sh.Via || AccessOf(other) == ShareBusy {
			continue
		}
		members, err := s.u.tx.AllMembersOf(ctx, other.Sharee, 0) // none of a person
		if err != nil {
			return err
		}
		if slices.Contains(members, sh.Sharee) {
			full, err := s.both(ctx, sh)
			if err != nil {
				return err
			}
			full.Via, full.Privileges = other.Sharee, other.Privileges
			return s.put(ctx, full)
		}
	}
	return s.withdraw(ctx, sh)
}

// sharees returns with whom the calendar is shared, in one order.
func (s *sharing) sharees() []int64 {
	ids := make([]int64, 0, len(s.there))
	for id := range s.there {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
