package calendar

import (
	"context"
	"errors"
	"fmt"

	"kalends/auth"
	"kalends/storage"
)

// DeleteRequest asks for an object, or with an inbox as its collection an inbox item, to be deleted.
type DeleteRequest struct {
	Who    *storage.Principal
	Target Target
	Cond   Condition
	// NoReply: an attendee's deletion sends no answer (Schedule-Reply: F, RFC 6638 section 8.1).
	NoReply bool
	// Quiet leaves scheduling and the trash out.
	Quiet bool
}

// Delete removes an object, with all consequences: the organizer's deletion cancels the meeting, an attendee's
// declines it (RFC 6638 section 3.2.1.3 and 3.2.2.3).
func (s *Service) Delete(ctx context.Context, r DeleteRequest) error {
	if err := s.early(ctx, r.Who, r.Target, false, auth.Unbind); err != nil {
		return err
	}
	who := &people{}
	place := storage.Expected{Owner: r.Target.Owner.ID, Slug: r.Target.Slug, Name: r.Target.Name}
	return s.updateObject(ctx, r.Target.Owner.ID, who, place, func(u *unit) error { return u.delete(ctx, r) })
}

func (u *unit) delete(ctx context.Context, r DeleteRequest) error {
	owner := r.Target.Owner
	cal, err := u.collection(ctx, r.Target)
	if err != nil {
		return err
	}
	old, err := u.tx.Object(ctx, cal.Ref(), r.Target.Name)
	if errors.Is(err, storage.ErrNotFound) {
		old = nil
	} else if err != nil {
		return fmt.Errorf("object: %w", err)
	}
	if err := allow(ctx, u.tx, r.Who, r.Target, cal, auth.Unbind); err != nil {
		return err
	}
	if Visible(r.Who, owner, old) == nil {
		old = nil
	}
	if old == nil {
		return Errorf(NotFound, "there is no object %q in the calendar %q", r.Target.Name, r.Target.path().Slug)
	}
	if err := untouchable(r.Who, owner, old); err != nil {
		return err
	}
	if err := u.holds(ctx, r.Cond, r.Who, owner, cal, old); err != nil {
		return err
	}
	if !r.Quiet && !old.Inbox {
		if err := u.planFor(ctx, nil, owner, cal, old.UID, old.Organizer, true); err != nil {
			return err
		}
	}
	oldCal, err := u.oldMeeting(ctx, old, owner, r.Quiet || old.Inbox || cal.OwnClient)
	if err != nil {
		return err
	}
	if !r.Quiet && cal.Kind == storage.CalendarKind {
		if err := u.trash(ctx, cal, old, r.Who); err != nil {
			return err
		}
	}
	if err := u.remove(ctx, old); err != nil {
		return err
	}
	if oldCal == nil {
		return nil
	}
	if err := u.findCopies(ctx, owner.ID, old.UID); err != nil {
		return err
	}
	plan, err := u.withdrawn(ctx, owner, oldCal, r.NoReply)
	if err != nil {
		return err
	}
	if err := u.noteTeam(ctx, old.UID, 0); err != nil {
		return err
	}
	u.signFor(plan, r.Who, owner)
	return u.deliver(ctx, owner, old, plan)
}
