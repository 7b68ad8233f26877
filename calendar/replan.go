package calendar

import (
	"bytes"
	"context"
	"fmt"

	"kalends/ical"
	"kalends/storage"
)

// replanPage is how many objects of one owner are looked at in one transaction: others wait for it as for some writes.
const replanPage = 50

// replan sets the reminders of objects of one owner anew, and with bounds also what is stored of when they are: because what they
// depend on has changed, not they themselves. Their versions stay. It returns how many objects got other bounds.
func (s *Service) replan(ctx context.Context, owner int64, ids []int64, bounds bool) (moved int, err error) {
	keys := make([]storage.ObjectKey, len(ids))
	for i, id := range ids {
		keys[i] = storage.ObjectKey{Owner: owner, Object: id}
	}
	n := 0
	err = s.update(ctx, owner, &people{}, func(u *unit) error {
		moved, n = 0, 0
		u.replans = true
		list, err := u.tx.Reminded(ctx, keys)
		if err != nil {
			return err
		}
		home, err := u.tx.Calendars(ctx, owner)
		if err != nil {
			return fmt.Errorf("calendars: %w", err)
		}
		in := make(map[int64]*storage.Calendar, len(home))
		for _, c := range home {
			in[c.ID] = c
		}
		who, err := u.remindedOwner(ctx, owner, true)
		if err != nil {
			return err
		}
		for _, r := range list {
			if r.Object == nil || in[r.Object.Calendar] == nil {
				continue
			}
			cal, err := ical.Parse(r.Object.ICS)
			if err != nil {
				continue // it is served as it is
			}
			p, err := s.checkComponent(cal)
			if err != nil {
				s.Log.WarnContext(ctx, "object cannot be planned anew", "owner", owner, "object", r.Object.ID, "err", err)
				continue
			}
			if bounds {
				other, err := u.rebound(ctx, who.who, p, r.Object)
				if err != nil {
					return err
				}
				if other {
					moved++
				}
			}
			before := u.jobs
			if err := u.remind(ctx, in[r.Object.Calendar], p, r.Object, r.Object); err != nil {
				return err
			}
			n += u.jobs - before
		}
		return nil
	})
	if KindOf(err) == NotFound {
		return 0, nil // the owner is gone
	}
	return moved, err
}

// rebound stores anew when an object is, if that is another time now.
func (u *unit) rebound(ctx context.Context, owner *storage.Principal, p *parsed, o *storage.Object) (bool, error) {
	if err := u.people.lookup(ctx, u.tx, addressesIn(p.cal)); err != nil {
		return false, err
	}
	row, err := u.row(p, o.ICS, owner)
	if err != nil {
		return false, nil // it was stored by a version that took it
	}
	if row.First == o.First && row.Last == o.Last && row.Floating == o.Floating && row.Recurring == o.Recurring && row.Busy == o.Busy &&
		row.Zones == o.Zones && bytes.Equal(row.Series, o.Series) {
		return false, nil
	}
	now := *o
	now.First, now.Last, now.Floating, now.Recurring, now.Busy, now.Zones, now.Series = row.First, row.Last, row.Floating, row.Recurring, row.Busy, row.Zones, row.Series
	if err := u.tx.PutObject(ctx, &now, o); err != nil {
		return false, fmt.Errorf("put object %d/%d: %w", o.Owner, o.ID, err)
	}
	return true, nil
}
