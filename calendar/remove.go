package calendar

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"kalends/scheduling"
	"kalends/storage"
)

// RemovePrincipal removes a principal with everything that is theirs. Who had calendars of theirs finds them gone, with a notice, at the next synchronisation
// of the home, and those who shared calendars with them, or with the group, find it in the calendar's list.
// Cancellations and answers of theirs that wait to be sent still are: see [Service.EndMeetings], which comes before where their meetings end with them.
func (s *Service) RemovePrincipal(ctx context.Context, who *storage.Principal) error {
	locked := &people{}
	given, err := s.Store.Shares(ctx, who.ID, 0)
	if err != nil {
		return err
	}
	for _, sh := range given {
		locked.lock(sh.Sharee)
	}
	got, err := s.Store.Shared(ctx, who.ID)
	if err != nil {
		return err
	}
	for _, sh := range got {
		locked.lock(sh.Owner)
		if who.Kind != storage.Group {
			continue
		}
		list, err := s.Store.Shares(ctx, sh.Owner, sh.Calendar)
		if err != nil {
			return err
		}
		for _, x := range list {
			if x.Via == who.ID {
				locked.lock(x.Sharee)
			}
		}
	}
	return s.update(ctx, who.ID, locked, func(u *unit) error {
		given, err := u.tx.Shares(ctx, who.ID, 0)
		if err != nil {
			return err
		}
		got, err := u.tx.Shared(ctx, who.ID)
		if err != nil {
			return err
		}
		both := slices.Concat(given, got)
		slices.SortFunc(both, func(a, b *storage.Share) int {
			return cmp.Or(cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.Calendar, b.Calendar))
		})
		both = slices.CompactFunc(both, func(a, b *storage.Share) bool { return a.Owner == b.Owner && a.Calendar == b.Calendar })
		for _, sh := range both {
			if err := u.endShares(ctx, sh, who.ID); err != nil {
				return err
			}
		}
		if err := u.tx.DeletePrincipal(ctx, who.ID, scheduling.MailJob, scheduling.DeliverJob); err != nil {
			return fmt.Errorf("remove principal: %w", err)
		}
		return nil
	})
}

// endShares ends those of a calendar that somebody has a part in who is removed: all where it is theirs.
func (u *unit) endShares(ctx context.Context, sh *storage.Share, who int64) error {
	owner, c, err := u.sharer(ctx, sh)
	if KindOf(err) == NotFound {
		return nil // what is left of it goes with the principal
	}
	if err != nil {
		return err
	}
	set, err := u.sharing(ctx, owner, c)
	if err != nil {
		return err
	}
	if owner.ID == who {
		return set.withdrawFrom(ctx, 0)
	}
	if err := set.withdrawFrom(ctx, who); err != nil {
		return err
	}
	if err := set.locked(owner.ID); err != nil {
		return err
	}
	return set.done(ctx)
}
