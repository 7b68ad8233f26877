package calendar

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"kalends/auth"
	"kalends/ical"
	"kalends/storage"
)

// Feed is what a feed holds, for a calendar that shows it.
type Feed struct {
	Target  Target // the calendar
	Objects iter.Seq2[ImportObject, error]
	// Keep are UIDs whose objects stay as they are: the feed has them, but they could not be read.
	Keep   map[string]bool
	Report func(Imported) // may be nil
}

// Fill makes a calendar hold what a feed holds: what is the same is not written, so that programs see real changes only. Alarms
// of others are left out, nothing in it is a meeting of ours, and nothing is sent.
func (s *Service) Fill(ctx context.Context, f Feed) (ImportTotals, error) {
	cal, err := collection(ctx, s.Store, f.Target)
	if err != nil {
		return ImportTotals{}, err
	}
	if !cal.Subscribed {
		return ImportTotals{}, Errorf(Forbidden, "the calendar %q is not filled from a feed", cal.Slug)
	}
	m := &importer{s: s, Import: Import{Target: f.Target, Objects: f.Objects, Report: f.Report}, fill: true, check: s.checkFeed, seen: map[string]bool{}}
	totals, err := m.run(ctx)
	if err != nil {
		return totals, err
	}
	var gone []*storage.Object
	err = s.Store.Objects(ctx, cal.Ref(), 0, func(o *storage.Object) error {
		if !m.seen[o.UID] && !f.Keep[o.UID] {
			copied := *o
			gone = append(gone, &copied)
		}
		return nil
	})
	if err != nil {
		return totals, fmt.Errorf("objects: %w", err)
	}
	for len(gone) > 0 {
		n := min(len(gone), importObjects)
		if err := s.removeAll(ctx, m, gone[:n]); err != nil {
			return totals, err
		}
		for _, o := range gone[:n] {
			totals[ImportRemoved]++
			if f.Report != nil {
				f.Report(Imported{Outcome: ImportRemoved, UID: o.UID, Name: o.Name})
			}
		}
		gone = gone[n:]
	}
	return totals, nil
}

// removeAll deletes objects in one transaction.
func (s *Service) removeAll(ctx context.Context, m *importer, list []*storage.Object) error {
	jobs := 0
	err := s.Store.Update(ctx, func(tx storage.Tx) error {
		u := &unit{s: s, tx: tx, now: s.Now().UTC(), people: &people{}}
		if err := tx.Lock(ctx, len(list), m.Target.Owner.ID); err != nil {
			return fmt.Errorf("lock: %w", err)
		}
		if _, err := m.calendar(ctx, u); err != nil {
			return err
		}
		names := make([]string, len(list))
		for i, o := range list {
			names[i] = o.Name
		}
		there, err := tx.ObjectsByName(ctx, list[0].Ref(), names)
		if err != nil {
			return fmt.Errorf("objects by name: %w", err)
		}
		for _, o := range there {
			if err := u.remove(ctx, o); err != nil {
				return err
			}
		}
		err = u.tell(ctx)
		jobs = u.jobs
		return err
	})
	if err == nil && jobs > 0 {
		s.woken()
	}
	return err
}

// checkFeed is check for an object of a feed: without its alarms, which are its author's.
func (s *Service) checkFeed(text []byte) (*parsed, error) {
	p, err := s.check(text)
	if err != nil {
		return nil, err
	}
	n := 0
	for c := range p.cal.Main() {
		n += c.RemoveChildren(func(k *ical.Component) bool { return k.Name() == "VALARM" })
	}
	if n > 0 {
		p.reprinted = p.cal.CRLF()
	}
	return p, nil
}

// Subscribe makes a calendar that is filled from an address, and returns it; edit gives it its properties. The caller has seen
// that the address may be asked. See package subscription, which does the asking.
func (s *Service) Subscribe(ctx context.Context, who *storage.Principal, t Target, edit Edit, sub storage.Subscription) (*storage.Calendar, error) {
	var made *storage.Calendar
	live := edit.Live
	edit.Live = func(c *storage.Calendar) error {
		c.Subscribed, c.Transparent = true, true // what others do is not what keeps its owner busy
		if live != nil {
			if err := live(c); err != nil {
				return err
			}
		}
		made = c
		return nil
	}
	edit.also = func(ctx context.Context, u *unit, c *storage.Calendar) error {
		sub.Owner, sub.Calendar, sub.Created = c.Owner, c.ID, u.now
		if sub.DueAt.IsZero() {
			sub.DueAt = u.now
		}
		return u.tx.PutSubscription(ctx, &sub)
	}
	return made, s.MakeCalendar(ctx, who, t, edit)
}

// ChangeSubscription changes from where and how often a calendar is filled, or when that is looked at next. edit gets the subscription as it is; a
// look that is under way counts no more. It takes the right to change properties of the calendar.
func (s *Service) ChangeSubscription(ctx context.Context, who *storage.Principal, t Target, edit func(*storage.Subscription) error) error {
	if err := s.early(ctx, who, t, false, auth.WriteProperties); err != nil {
		return err
	}
	return s.update(ctx, t.Owner.ID, &people{}, func(u *unit) error {
		c, err := collection(ctx, u.tx, t)
		if err != nil {
			return err
		}
		if err := allow(ctx, u.tx, who, t, c, auth.WriteProperties); err != nil {
			return err
		}
		sub, err := u.tx.Subscription(ctx, c.Owner, c.ID)
		if errors.Is(err, storage.ErrNotFound) {
			return Errorf(NotFound, "the calendar %q is not filled from a feed", c.Slug)
		}
		if err != nil {
			return err
		}
		if err := edit(sub); err != nil {
			return err
		}
		sub.Owner, sub.Calendar = c.Owner, c.ID
		return u.tx.PutSubscription(ctx, sub)
	})
}
