package calendar

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"kalends/auth"
	"kalends/storage"
)

// MoveRequest asks for an object to be copied or moved (RFC 4918 sections 9.8 and 9.9).
type MoveRequest struct {
	Who       *storage.Principal
	From, To  Target
	Cond      Condition // on the source
	Overwrite bool
}

// Copy puts the object's text at another place, with all consequences of a PUT there. It reports whether the place was empty.
func (s *Service) Copy(ctx context.Context, r MoveRequest) (created bool, err error) {
	src, err := s.source(ctx, r)
	if err != nil {
		return false, err
	}
	return s.copyFrom(ctx, r, src)
}

// copyFrom is Copy of a source that was read.
func (s *Service) copyFrom(ctx context.Context, r MoveRequest, src *storage.Object) (created bool, err error) {
	if r.From.Owner.ID == r.To.Owner.ID && r.From.Slug == r.To.Slug && r.From.Name == r.To.Name {
		if err := r.overwrite(src); err != nil {
			return false, err
		}
		return false, Errorf(Refused, "source and destination are the same (RFC 4918 section 9.8.5)")
	}
	body, copies, err := s.copyAttachments(ctx, r, src)
	if err != nil {
		return false, err
	}
	res, err := s.Put(ctx, PutRequest{Who: r.Who, Target: r.To, Body: body, Cond: r.overwrite, Quiet: true})
	if err != nil {
		for _, a := range copies {
			s.discard(ctx, a)
		}
		return false, err
	}
	return res.Created, nil
}

// source reads what is copied or moved.
func (s *Service) source(ctx context.Context, r MoveRequest) (*storage.Object, error) {
	cal, err := collection(ctx, s.Store, r.From)
	if err != nil {
		return nil, err
	}
	if err := allow(ctx, s.Store, r.Who, r.From, cal, auth.Read); err != nil {
		return nil, err
	}
	if cal.Kind == storage.NotificationKind {
		return nil, Errorf(Refused, "notices stay where they are")
	}
	src, err := s.Store.Object(ctx, cal.Ref(), r.From.Name)
	if err == nil {
		if src, err = s.seenBy(ctx, s.Store, r.Who, r.From.Owner, cal, src); err == nil && src == nil {
			err = storage.ErrNotFound
		}
	}
	if err != nil {
		return nil, notFound(err, r.From)
	}
	if r.Cond != nil {
		if err := r.Cond(src); err != nil {
			return nil, err
		}
	}
	return src, nil
}

func (r MoveRequest) overwrite(current *storage.Object) error {
	if current != nil && !r.Overwrite {
		return Errorf(Changed, "there is something at the destination, and Overwrite is F")
	}
	return nil
}

// Move gives an object another place. Between calendars of one owner nothing is sent, and id, alarms and
// Schedule-Tag stay; what is overwritten is deleted with all consequences. To another owner it is a PUT and a DELETE.
func (s *Service) Move(ctx context.Context, r MoveRequest) (created bool, err error) {
	if r.From.Owner.ID != r.To.Owner.ID {
		// Both halves are asked for before the first is done.
		from, err := collection(ctx, s.Store, r.From)
		if err != nil {
			return false, err
		}
		if err := allow(ctx, s.Store, r.Who, r.From, from, auth.Unbind); err != nil {
			return false, err
		}
		src, err := s.source(ctx, r)
		if err != nil {
			return false, err
		}
		if err := untouchable(r.Who, r.From.Owner, src); err != nil {
			return false, err
		}
		if created, err = s.copyFrom(ctx, r, src); err != nil {
			return created, err
		}
		// What was changed since it was copied would be lost.
		return created, s.Delete(ctx, DeleteRequest{Who: r.Who, Target: r.From, Quiet: true, Cond: func(current *storage.Object) error {
			if current.ETag != src.ETag {
				return Errorf(Changed, "it was changed while it was moved: it is in both places now")
			}
			return nil
		}})
	}
	if err := checkName(r.To.Name); err != nil {
		return false, err
	}
	if err := s.early(ctx, r.Who, r.From, false, auth.Unbind); err != nil {
		return false, err
	}
	err = s.update(ctx, r.From.Owner.ID, &people{}, func(u *unit) error {
		created = false
		return u.move(ctx, r, &created)
	})
	return created, err
}

func (u *unit) move(ctx context.Context, r MoveRequest, created *bool) error {
	owner := r.From.Owner
	from, err := collection(ctx, u.tx, r.From)
	if err != nil {
		return err
	}
	if err := allow(ctx, u.tx, r.Who, r.From, from, auth.Unbind); err != nil {
		return err
	}
	to, err := collection(ctx, u.tx, r.To)
	if KindOf(err) == NotFound {
		return r.To.noParent()
	}
	if err != nil {
		return err
	}
	switch err := allow(ctx, u.tx, r.Who, r.To, to, auth.Bind); {
	case KindOf(err) == NotFound:
		return r.To.noParent()
	case err != nil:
		return err
	}
	if from.Kind != storage.CalendarKind || to.Kind != storage.CalendarKind {
		return Errorf(Refused, "objects are moved between calendars only")
	}
	src, err := u.tx.Object(ctx, from.Ref(), r.From.Name)
	if err == nil && Visible(r.Who, owner, src) == nil {
		err = storage.ErrNotFound
	}
	if err != nil {
		return notFound(err, r.From)
	}
	if err := untouchable(r.Who, owner, src); err != nil {
		return err
	}
	if err := u.holds(ctx, r.Cond, r.Who, owner, from, src); err != nil {
		return err
	}
	dst, err := u.tx.Object(ctx, to.Ref(), r.To.Name)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("object: %w", err)
	}
	if err != nil {
		dst = nil
	}
	if dst != nil && dst.ID == src.ID {
		return Errorf(Refused, "source and destination are the same (RFC 4918 section 9.9.4)")
	}
	if err := r.overwrite(dst); err != nil {
		return err
	}
	if !takes(to, src.Component) {
		return Errorf(UnsupportedComponent, "the calendar %q takes %s only, not %s", to.Slug, strings.Join(to.Components, ", "), src.Component)
	}
	if dst != nil {
		if err := u.delete(ctx, DeleteRequest{Who: r.Who, Target: r.To}); err != nil {
			return err
		}
	}
	if err := u.findCopies(ctx, owner.ID, src.UID); err != nil {
		return err
	}
	for _, c := range u.copies {
		if c.Owner == owner.ID && c.Calendar == to.ID && c.ID != src.ID && (dst == nil || c.ID != dst.ID) {
			return &Error{Kind: UIDConflict, Msg: fmt.Sprintf("the calendar has an object with the UID %q already", src.UID), Path: &Path{owner.Name, to.Slug, c.Name}}
		}
	}
	gone, err := u.tx.Next(ctx, owner.ID)
	if err != nil {
		return err
	}
	moved := *src
	moved.Calendar, moved.Name = to.ID, r.To.Name
	if moved.Seq, err = u.tx.Next(ctx, owner.ID); err != nil {
		return err
	}
	*created = dst == nil
	if from.Personal {
		if err := u.tx.SetPersonal(ctx, owner.ID, to.ID); err != nil {
			return err
		}
	}
	if err := u.tx.MoveObject(ctx, &moved, src, gone); err != nil {
		return fmt.Errorf("move object: %w", err)
	}
	u.noteMoved(&moved, src, gone)
	return nil
}
