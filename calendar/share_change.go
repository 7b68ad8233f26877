package calendar

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"kalends/auth"
	"kalends/storage"
)

// sharing is a calendar whose shares are changed in a transaction.
type sharing struct {
	u       *unit
	owner   *storage.Principal
	c       *storage.Calendar
	there   map[int64]*storage.Share // the owner's side, by sharee
	changed bool
}

func (u *unit) sharing(ctx context.Context, owner *storage.Principal, c *storage.Calendar) (*sharing, error) {
	list, err := u.tx.Shares(ctx, c.Owner, c.ID)
	if err != nil {
		return nil, err
	}
	s := &sharing{u: u, owner: owner, c: c, there: map[int64]*storage.Share{}}
	for _, sh := range list {
		s.there[sh.Sharee] = sh
	}
	return s, nil
}

// locked makes sure that these homes are locked: errGrew when they are not all.
func (s *sharing) locked(ids ...int64) error {
	grew := false
	for _, id := range ids {
		if !s.u.tx.Locked(id) {
			s.u.people.lock(id)
			grew = true
		}
	}
	if grew {
		return errGrew
	}
	return nil
}

// both returns the sharee's side of a share: all that is known of it.
func (s *sharing) both(ctx context.Context, sh *storage.Share) (*storage.Share, error) {
	if err := s.locked(sh.Sharee); err != nil {
		return nil, err
	}
	full, err := s.u.tx.SharedByID(ctx, sh.Sharee, sh.ID)
	if err != nil {
		return nil, fmt.Errorf("the sharee's side of %d/%d: %w", sh.Owner, sh.Calendar, err)
	}
	return full, nil
}

// put writes both sides. Where the sharee has it in their home, their home's sync tells of it.
func (s *sharing) put(ctx context.Context, sh *storage.Share) error {
	var err error
	if sh.Seq, err = s.u.tx.Next(ctx, sh.Sharee); err != nil {
		return err
	}
	sh.Modified = s.u.now
	s.there[sh.Sharee], s.changed = sh, true
	if err := s.u.tx.PutShare(ctx, sh); err != nil {
		return fmt.Errorf("put share: %w", err)
	}
	if err := s.u.tx.PutShared(ctx, sh); err != nil {
		return fmt.Errorf("put share: %w", err)
	}
	if sh.Alarms == (storage.DefaultAlarms{}) {
		return nil
	}
	return s.u.queueCalendarAlarms(ctx, sh.Owner, sh.Calendar) // whether they ring may be another thing now
}

// invite shares the calendar with one person, through a group or not, or with a group itself.
func (s *sharing) invite(ctx context.Context, sharee, via int64, r ShareRequest, group bool) error {
	if err := s.locked(sharee); err != nil {
		return err
	}
	summary := cmp.Or(r.Summary, s.c.DisplayName, s.c.Slug)
	known := s.there[sharee]
	if known != nil && known.Via == 0 && via != 0 {
		return nil // invited by name: that stands
	}
	var sh *storage.Share
	if known == nil {
		id, err := s.u.shareID(ctx, sharee)
		if err != nil {
			return err
		}
		sh = &storage.Share{
			Owner: s.owner.ID, Calendar: s.c.ID, Sharee: sharee, ID: id, State: storage.ShareInvited, Created: s.u.now, Transparent: true,
			UID: fmt.Sprintf("%d-%d-%d", s.owner.ID, sharee, id), // ids are never used again
		}
	} else {
		var err error
		if sh, err = s.both(ctx, known); err != nil {
			return err
		}
	}
	sh.Via, sh.Privileges, sh.Summary = via, uint32(r.Access.privileges()), summary
	asked := !group && !r.Direct && r.Access != ShareBusy
	switch {
	case !asked && sh.State != storage.ShareAccepted:
		sh.State, sh.DisplayName = storage.ShareAccepted, cmp.Or(sh.DisplayName, summary)
	case asked && sh.State == storage.ShareDeclined:
		sh.State = storage.ShareInvited
	}
	if err := s.put(ctx, sh); err != nil || !asked {
		return err
	}
	return s.tell(ctx, sh, InviteNotice, storage.ShareInvited, summary)
}

// shareID draws a number for a share that leads to nothing else in the sharee's home: their calendars can have any name.
func (u *unit) shareID(ctx context.Context, sharee int64) (int64, error) {
	for {
		id, err := u.tx.Next(ctx, sharee)
		if err != nil {
			return 0, err
		}
		_, err = u.tx.Calendar(ctx, sharee, storage.ShareSlug(id))
		if errors.Is(err, storage.ErrNotFound) {
			return id, nil
		}
		if err != nil {
			return 0, fmt.Errorf("calendar: %w", err)
		}
	}
}

// withdrawFrom takes the calendar back from somebody, and from the members of a group that were invited as such; from all with 0.
func (s *sharing) withdrawFrom(ctx context.Context, sharee int64) error {
	var list []*storage.Share
	for _, sh := range s.there {
		if sharee == 0 || sh.Sharee == sharee || sh.Via == sharee {
			list = append(list, sh)
		}
	}
	slices.SortFunc(list, func(a, b *storage.Share) int { return cmp.Compare(a.Sharee, b.Sharee) })
	ids := make([]int64, len(list))
	for i, sh := range list {
		ids[i] = sh.Sharee
	}
	if err := s.locked(ids...); err != nil {
		return err
	}
	for _, sh := range list {
		if err := s.withdraw(ctx, sh); err != nil {
			return err
		}
	}
	return nil
}

// withdraw ends one share. Who had the calendar is told; who has not answered finds nothing to answer any more.
func (s *sharing) withdraw(ctx context.Context, known *storage.Share) error {
	sh, err := s.both(ctx, known)
	if err != nil {
		return err
	}
	if sh.State == storage.ShareAccepted {
		if err := s.u.leaveHome(ctx, sh); err != nil {
			return err
		}
		if err := s.tell(ctx, sh, InviteNotice, ShareDeleted, cmp.Or(sh.DisplayName, sh.Summary)); err != nil {
			return err
		}
	} else if err := s.u.untell(ctx, sh.Sharee, sh.UID+noticeSuffix); err != nil {
		return err
	}
	if err := s.u.tx.DeleteShare(ctx, sh); err != nil {
		return fmt.Errorf("delete share: %w", err)
	}
	if err := s.u.tx.DeleteShared(ctx, sh); err != nil {
		return fmt.Errorf("delete share: %w", err)
	}
	delete(s.there, sh.Sharee)
	s.changed = true
	return nil
}

// leaveHome notes in the sharee's home that the calendar is not there any more.
func (u *unit) leaveHome(ctx context.Context, sh *storage.Share) error {
	seq, err := u.tx.Next(ctx, sh.Sharee)
	if err != nil {
		return err
	}
	if err := u.tx.BuryShared(ctx, sh, seq); err != nil {
		return fmt.Errorf("bury share: %w", err)
	}
	return nil
}

// done lets the programs of the owner look at the calendar's properties again.
func (s *sharing) done(ctx context.Context) error {
	if !s.changed {
		return nil
	}
	return s.u.touchProperties(ctx, s.c)
}

// touchProperties notes that a collection's own properties have changed.
func (u *unit) touchProperties(ctx context.Context, c *storage.Calendar) error {
	seq, err := u.tx.Next(ctx, c.Owner)
	if err != nil {
		return err
	}
	now, err := u.tx.CalendarByID(ctx, c.Owner, c.ID)
	if err != nil {
		return fmt.Errorf("calendar: %w", err)
	}
	now.Seq = seq
	if err := u.tx.PutCalendar(ctx, now); err != nil {
		return fmt.Errorf("put calendar: %w", err)
	}
	return nil
}

// AnswerShare accepts or declines an invitation into a calendar, and the other way round later. sharee is who was invited; who answers is
// that, or somebody who may make calendars in their home. name is what the calendar is called there; "" for what the invitation says. Who shares it
// is told. It returns the calendar's slug in the sharee's home, where it was accepted.
func (s *Service) AnswerShare(ctx context.Context, who, sharee *storage.Principal, uid string, accept bool, name string) (slug string, err error) {
	if len(name) > 1000 {
		return "", Errorf(BadRequest, "a name has at most 1000 octets")
	}
	if err := s.early(ctx, who, Target{Owner: sharee}, true, auth.Bind); err != nil {
		return "", err
	}
	find := func(r storage.Reader) (*storage.Share, error) {
		list, err := r.Shared(ctx, sharee.ID)
		if err != nil {
			return nil, err
		}
		for _, sh := range list {
			if sh.UID == uid {
				return sh, nil
			}
		}
		return nil, Errorf(NotFound, "there is no such invitation; it may have been taken back")
	}
	sh, err := find(s.Store)
	if err != nil {
		return "", err
	}
	locked := &people{}
	locked.lock(sharee.ID)
	err = s.update(ctx, sh.Owner, locked, func(u *unit) error {
		slug = ""
		if err := allow(ctx, u.tx, who, Target{Owner: sharee}, nil, auth.Bind); err != nil {
			return err
		}
		sh, err := find(u.tx)
		if err != nil {
			return err
		}
		if sh.State == storage.ShareAccepted && AccessOf(sh) == ShareBusy {
			return Errorf(Refused, "of this calendar you may see the busy times only; there is nothing to accept")
		}
		was := sh.State
		if accept {
			sh.State, sh.DisplayName = storage.ShareAccepted, cmp.Or(sh.DisplayName, name, sh.Summary)
			slug = sh.Slug()
		} else {
			sh.State = storage.ShareDeclined
		}
		owner, c, err := u.sharer(ctx, sh)
		if err != nil {
			return err
		}
		set, err := u.sharing(ctx, owner, c)
		if err != nil {
			return err
		}
		if err := set.put(ctx, sh); err != nil {
			return err
		}
		if was == storage.ShareAccepted && !accept {
			if err := u.leaveHome(ctx, sh); err != nil {
				return err
			}
		}
		return set.tell(ctx, sh, ReplyNotice, sh.State, cmp.Or(name, sh.Summary))
	})
	return slug, err
}

// sharer returns who shares a calendar, and the calendar.
func (u *unit) sharer(ctx context.Context, sh *storage.Share) (*storage.Principal, *storage.Calendar, error) {
	owner, err := u.tx.PrincipalByID(ctx, sh.Owner)
	if err != nil {
		return nil, nil, fmt.Errorf("sharer: %w", err)
	}
	c, err := u.tx.CalendarByID(ctx, sh.Owner, sh.Calendar)
	if err != nil {
		return nil, nil, fmt.Errorf("shared calendar: %w", err)
	}
	return owner, c, nil
}

// leaveShare takes a calendar of somebody else out of the home of a sharee, who declines it by that. The calendar stays as it is.
func (s *Service) leaveShare(ctx context.Context, who *storage.Principal, t Target, cond Condition) error {
	if cond != nil {
		if err := cond(nil); err != nil {
			return err
		}
	}
	_, err := s.AnswerShare(ctx, who, t.Sharee, t.Share.UID, false, "")
	return err
}

// patchShare changes what is the sharee's own of a shared calendar: no privilege in the calendar is needed for that.
func (s *Service) patchShare(ctx context.Context, who *storage.Principal, t Target, edit Edit) error {
	home := Target{Owner: t.Sharee}
	if err := s.early(ctx, who, home, true, auth.WriteProperties); err != nil {
		return err
	}
	return s.update(ctx, t.Sharee.ID, &people{}, func(u *unit) error {
		if err := allow(ctx, u.tx, who, home, nil, auth.WriteProperties); err != nil {
			return err
		}
		sh, err := u.tx.SharedByID(ctx, t.Sharee.ID, t.Share.ID)
		if err != nil {
			return noCollection(err, home)
		}
		alarms := sh.Alarms
		editAlarms(&sh.Alarms, edit)
		if edit.Live != nil {
			c, err := u.tx.CalendarByID(ctx, sh.Owner, sh.Calendar)
			if err != nil {
				return noCollection(err, home)
			}
			seen := Shown(sh, c)
			before := *seen
			if err := edit.Live(seen); err != nil {
				return err
			}
			sh.Color, sh.ColorName, sh.Order, sh.Transparent, sh.Alarms = seen.Color, seen.ColorName, seen.Order, seen.Transparent, seen.Alarms
			if seen.DisplayName != before.DisplayName {
				sh.DisplayName = seen.DisplayName
			}
			if seen.Description != before.Description {
				sh.Description = seen.Description
			}
			if seen.TimeZone != before.TimeZone || seen.TimeZoneID != before.TimeZoneID {
				sh.TimeZone, sh.TimeZoneID = seen.TimeZone, seen.TimeZoneID
			}
		}
		if sh.Alarms != alarms {
			if err := u.shareAlarms(ctx, sh); err != nil {
				return err
			}
		}
		if sh.Seq, err = u.tx.Next(ctx, t.Sharee.ID); err != nil {
			return err
		}
		if err := u.tx.PutShared(ctx, sh); err != nil {
			return fmt.Errorf("put share: %w", err)
		}
		return u.editDead(ctx, t.Sharee.ID, sh.ID, 0, edit)
	})
}

// shareAlarms tells the owner's side of a share which alarms by default its sharee has now, and has what is in the calendar planned anew.
func (u *unit) shareAlarms(ctx context.Context, sh *storage.Share) error {
	if !u.tx.Locked(sh.Owner) {
		u.people.lock(sh.Owner)
		return errGrew
	}
	if err := u.tx.PutShare(ctx, sh); err != nil {
		return fmt.Errorf("put share: %w", err)
	}
	if err := u.tx.SetPersonal(ctx, sh.Owner, sh.Calendar); err != nil {
		return err
	}
	return u.queueCalendarAlarms(ctx, sh.Owner, sh.Calendar)
}
