package calendar

import (
	"context"
	"fmt"
	"slices"

	"kalends/auth"
	"kalends/ical"
	"kalends/scheduling"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// ownOrganizer makes the owner of a calendar the organizer of a new meeting that somebody else, who may write there, plans in
// their own name: a secretary's program writes its user's address. A copy of a meeting that the writer organizes
// elsewhere stays as it is.
func (u *unit) ownOrganizer(ctx context.Context, who, owner *storage.Principal, p *parsed, oldCal *ical.Component) (*ical.Component, error) {
	organizer := itip.Organizer(p.cal)
	if oldCal != nil || u.people.acts != nil || who == nil || who.ID == owner.ID || owner.Email == "" || !u.people.is(who)(organizer) {
		return p.cal, nil
	}
	list, err := u.tx.ObjectsByUID(ctx, []int64{who.ID}, p.uid)
	if err != nil {
		return nil, fmt.Errorf("objects by UID: %w", err)
	}
	if len(list) > 0 {
		return p.cal, nil
	}
	cal := p.cal.Clone()
	for c := range cal.Main() {
		if o := c.Prop("ORGANIZER"); o != nil {
			o.SetValue("mailto:" + owner.Email)
			if owner.DisplayName != "" {
				o.SetParam("CN", owner.DisplayName)
			} else {
				o.RemoveParam("CN")
			}
			o.RemoveParam("EMAIL")
		}
	}
	return cal, nil
}

// signFor notes on what is sent, and on the object, who acted for its owner: SENT-BY (RFC 5545 section 3.2.18). What sends nothing
// is not signed, so that a signature alone is no news to anybody.
func (u *unit) signFor(plan *scheduling.Outcome, who, owner *storage.Principal) {
	if who == nil || who.ID == u.people.planner(owner).ID || who.Email == "" || len(plan.Messages) == 0 {
		return
	}
	by := "mailto:" + who.Email
	mine := u.people.is(u.people.planner(owner))
	done := map[*ical.Component]bool{}
	for _, d := range plan.Messages {
		name := "ORGANIZER"
		if d.Method == itip.Reply {
			name = "ATTENDEE"
		}
		for _, cal := range []*ical.Component{d.Calendar, plan.Stored} {
			if cal == nil || done[cal] {
				continue
			}
			done[cal] = true
			if cal == plan.Stored {
				cal = cal.Clone()
				plan.Stored, plan.Changed = cal, true
				done[cal] = true
			}
			for c := range cal.Main() {
				for p := range c.All(name) {
					if mine(ical.Address(p.Value())) && ical.Address(p.Param("SENT-BY")) != ical.Address(by) {
						p.SetParam("SENT-BY", by)
					}
				}
			}
		}
	}
}

// Delegates returns who may read, and who may also change, the calendars of a principal.
func (s *Service) Delegates(ctx context.Context, who, target *storage.Principal, write bool) ([]*storage.Principal, error) {
	if !auth.PrincipalPrivileges(who, target).Has(auth.Read) {
		return nil, Errorf(NotFound, "there is no such resource, or it is not yours to see")
	}
	list, err := s.Store.Delegates(ctx, target.ID)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, d := range list {
		if d.Write == write {
			ids = append(ids, d.ID)
		}
	}
	return s.Store.PrincipalsByID(ctx, ids)
}

// maxDelegates bounds who acts for one principal.
const maxDelegates = 1000

// SetDelegates replaces who may read, or who may also change, the calendars of a principal. Who is given one right
// loses the other.
func (s *Service) SetDelegates(ctx context.Context, who, target *storage.Principal, write bool, ids []int64) error {
	if !auth.PrincipalPrivileges(who, target).Has(auth.WriteProperties) {
		return Errorf(Forbidden, "you may not choose who acts for %s", target.Name)
	}
	if len(ids) > maxDelegates {
		return Errorf(BadRequest, "at most %d people can act for somebody", maxDelegates)
	}
	return s.update(ctx, target.ID, &people{}, func(u *unit) error {
		have, err := u.tx.Delegates(ctx, target.ID)
		if err != nil {
			return err
		}
		list := slices.DeleteFunc(have, func(d storage.Delegate) bool { return d.Write == write || slices.Contains(ids, d.ID) })
		for _, id := range ids {
			if id != target.ID {
				list = append(list, storage.Delegate{ID: id, Write: write})
			}
		}
		return u.tx.SetDelegates(ctx, target.ID, list)
	})
}
