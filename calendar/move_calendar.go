package calendar

import (
	"context"
	"fmt"

	"kalends/auth"
	"kalends/scheduling"
	"kalends/storage"
)

// MoveCalendar gives a calendar another name in its home (RFC 4918 section 9.9). Nothing in it changes, and nothing is sent.
// There must be nothing at the destination: to move a calendar over another would delete all that is in it.
func (s *Service) MoveCalendar(ctx context.Context, r MoveRequest) error {
	if err := checkName(r.To.Slug); err != nil {
		return err
	}
	if r.From.Share != nil {
		return Errorf(Refused, "a calendar that is shared with you keeps its URL; give it another name")
	}
	if r.To.Share != nil {
		return Errorf(Refused, "there is a calendar already that is shared with you")
	}
	if r.From.Owner.ID != r.To.Owner.ID {
		return Errorf(Refused, "a calendar stays in its home; make a new one there and move the objects")
	}
	if err := s.early(ctx, r.Who, r.From, true, auth.Unbind|auth.Bind); err != nil {
		return err
	}
	owner := r.From.Owner.ID
	return s.update(ctx, owner, &people{}, func(u *unit) error {
		c, err := collection(ctx, u.tx, r.From)
		if err != nil {
			return err
		}
		if err := allow(ctx, u.tx, r.Who, r.From, nil, auth.Unbind|auth.Bind); err != nil {
			return err
		}
		if c.Kind != storage.CalendarKind {
			return Errorf(Refused, "the %s of a home stays where it is", c.Kind)
		}
		if r.Cond != nil {
			if err := r.Cond(nil); err != nil {
				return err
			}
		}
		if c.Slug == r.To.Slug {
			return Errorf(Refused, "source and destination are the same (RFC 4918 section 9.9.4)")
		}
		home, err := u.tx.Calendars(ctx, owner)
		if err != nil {
			return fmt.Errorf("calendars: %w", err)
		}
		for _, o := range home {
			if o.Slug != r.To.Slug {
				continue
			}
			if !r.Overwrite {
				return Errorf(Changed, "there is something at the destination, and Overwrite is F")
			}
			return Errorf(Refused, "there is a collection %q already; delete it first", r.To.Slug)
		}
		seq, err := u.tx.Next(ctx, owner)
		if err != nil {
			return err
		}
		if err := u.tx.RenameCalendar(ctx, owner, c.ID, r.To.Slug, seq); err != nil {
			return fmt.Errorf("rename calendar: %w", err)
		}
		return u.followDefault(ctx, home, c.ID, r.To.Slug)
	})
}

// followDefault lets invitations go on coming into a calendar whose name changes.
func (u *unit) followDefault(ctx context.Context, home []*storage.Calendar, id int64, slug string) error {
	inbox, chosen := scheduling.Inbox(home), scheduling.DefaultCalendar(home, "VEVENT")
	if inbox == nil || chosen == nil || chosen.ID != id {
		return nil
	}
	var err error
	if inbox.Seq, err = u.tx.Next(ctx, inbox.Owner); err != nil {
		return err
	}
	inbox.Default = slug
	if err := u.tx.PutCalendar(ctx, inbox); err != nil {
		return fmt.Errorf("put inbox: %w", err)
	}
	return nil
}
