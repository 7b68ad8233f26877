package calendar

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"kalends/auth"
	"kalends/ical"
	"kalends/ical/personal"
	"kalends/reminder"
	"kalends/storage"
)

// remind makes the reminder rows those of the object's alarms.
func (u *unit) remind(ctx context.Context, cal *storage.Calendar, p *parsed, row, old *storage.Object) error {
	rows, err := u.plan(ctx, cal, p, row, old)
	if err != nil {
		return err
	}
	if old == nil && len(rows) == 0 {
		return nil
	}
	u.jobs += len(rows)
	if err := u.tx.SetReminders(ctx, row.Owner, row.ID, rows); err != nil {
		return fmt.Errorf("set reminders: %w", err)
	}
	return nil
}

// reminded is who is reminded of what is in their calendars.
type reminded struct {
	who       *storage.Principal
	addresses []string
}

// plan returns the reminder rows of an object: its owner's, and those of whoever has alarms of their own in it.
func (u *unit) plan(ctx context.Context, cal *storage.Calendar, p *parsed, row, old *storage.Object) ([]*storage.Reminder, error) {
	shared := cal.Personal && row.Privacy == storage.Public
	if !shared && cal.Alarms == (storage.DefaultAlarms{}) && !u.s.mayRemind(p.cal, row) {
		who, err := u.remindedOwner(ctx, cal.Owner, false)
		if err != nil || who == nil || !who.saysMore() {
			return nil, err
		}
	}
	var existing []*storage.Reminder
	var err error
	if old != nil {
		if existing, err = u.tx.Reminders(ctx, row.Owner, row.ID); err != nil {
			return nil, fmt.Errorf("reminders: %w", err)
		}
	}
	owner, err := u.remindedOwner(ctx, cal.Owner, true)
	if err != nil {
		return nil, err
	}
	o := u.s.reminderSite().For(owner.who, owner.addresses, cal, row)
	o.Now, o.Existing, o.Same = u.now, existing, u.replans
	rows := reminder.Plan(p.cal, p.series, o)
	if !shared {
		return rows, nil
	}
	others, err := u.planOthers(ctx, cal, p, row, existing)
	return append(rows, others...), err
}

// planOthers returns the rows of those who share the object: by alarms of their own in it, and by those that they have by default in the calendar.
func (u *unit) planOthers(ctx context.Context, cal *storage.Calendar, p *parsed, row *storage.Object, existing []*storage.Reminder) ([]*storage.Reminder, error) {
	list, err := u.tx.PersonalAlarms(ctx, row.Owner, row.ID)
	if err != nil {
		return nil, err
	}
	byDefault, err := u.shareeAlarms(ctx, cal)
	if err != nil || len(list)+len(byDefault) == 0 {
		return nil, err
	}
	ids := slices.Collect(maps.Keys(byDefault))
	mine := make(map[int64]*storage.Personal, len(list))
	for _, m := range list {
		mine[m.User] = m
		ids = append(ids, m.User)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	people, err := u.tx.PrincipalsByID(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("principals: %w", err)
	}
	addresses, err := u.tx.AddressesOf(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("addresses: %w", err)
	}
	var rows []*storage.Reminder
	for _, who := range people {
		var own *ical.Component
		if m := mine[who.ID]; m != nil {
			if own, err = ical.Parse(m.ICS); err != nil {
				continue
			}
		}
		o := u.s.reminderSite().ForSharee(who, addresses[who.ID], cal, row, byDefault[who.ID])
		o.Now, o.Existing, o.Same = u.now, existing, u.replans
		rows = append(rows, reminder.Plan(personal.Compose(p.cal, own), p.series, o)...)
	}
	return rows, nil
}

// shareeAlarms returns the alarms by default of those with whom a calendar is shared, read once for all objects of a transaction.
func (u *unit) shareeAlarms(ctx context.Context, cal *storage.Calendar) (map[int64]storage.DefaultAlarms, error) {
	if !cal.Shared {
		return nil, nil
	}
	if alarms, known := u.sharees[cal.Ref()]; known {
		return alarms, nil
	}
	shares, err := u.tx.Shares(ctx, cal.Owner, cal.ID)
	if err != nil {
		return nil, err
	}
	if u.sharees == nil {
		u.sharees = map[storage.Ref]map[int64]storage.DefaultAlarms{}
	}
	u.sharees[cal.Ref()] = reminder.ShareeAlarms(shares)
	return u.sharees[cal.Ref()], nil
}

// remindedOwner returns the owner of the calendars that are written to, with their addresses.
func (u *unit) remindedOwner(ctx context.Context, owner int64, addresses bool) (*reminded, error) {
	if u.reminded == nil || u.reminded.who.ID != owner {
		who := u.known(owner)
		if who == nil {
			var err error
			if who, err = u.tx.PrincipalByID(ctx, owner); err != nil {
				return nil, fmt.Errorf("principal: %w", err)
			}
		}
		u.reminded = &reminded{who: who}
	}
	if addresses && u.reminded.addresses == nil {
		var err error
		if u.reminded.addresses, err = u.tx.Addresses(ctx, owner); err != nil {
			return nil, fmt.Errorf("addresses of %d: %w", owner, err)
		}
	}
	return u.reminded, nil
}

// known returns a principal that was read already, or nil. Most writes have nothing to remind of, and are not to read one to find that out.
func (u *unit) known(id int64) *storage.Principal {
	if u.owner != nil && u.owner.ID == id {
		return u.owner
	}
	for _, who := range u.people.byAddress {
		if who.ID == id {
			return who
		}
	}
	return nil
}

// saysMore reports whether somebody is reminded of more than the site says.
func (r *reminded) saysMore() bool {
	return r.who.Alarms != (storage.DefaultAlarms{}) || r.who.MailedAlarms == storage.MailAll
}

// reminderSite is how people are reminded who have said nothing themselves.
func (s *Service) reminderSite() reminder.Site {
	return reminder.Site{Display: s.DisplayReminders, Default: s.DefaultReminder, Meetings: s.MeetingReminder, Zone: s.FloatingZone}
}

// mayRemind reports whether the site's settings alone can make an alarm of the object, or its lack of one, a mail.
func (s *Service) mayRemind(cal *ical.Component, row *storage.Object) bool {
	if s.DefaultReminder > 0 || row.Remind && s.MeetingReminder > 0 {
		return true
	}
	for c := range cal.Main() {
		for a := range c.Components("VALARM") {
			if s.DisplayReminders || strings.EqualFold(strings.TrimSpace(a.Value("ACTION")), "EMAIL") {
				return true
			}
		}
	}
	return false
}

// MayRead reports whether somebody may read what is in a collection of somebody else's: whether alarms of theirs in it are still to ring.
func (s *Service) MayRead(ctx context.Context, r storage.Reader, who *storage.Principal, c *storage.Calendar) (bool, error) {
	owner, err := r.PrincipalByID(ctx, c.Owner)
	if err != nil {
		return false, fmt.Errorf("principal: %w", err)
	}
	a, err := auth.Enter(ctx, r, who, owner)
	if err != nil {
		return false, fmt.Errorf("access: %w", err)
	}
	return a.To(c).Has(auth.Read), nil
}
