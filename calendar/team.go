package calendar

import (
	"context"
	"fmt"
	"slices"

	"kalends/scheduling/itip"
	"kalends/storage"
)

// In the calendar of a team (storage.Calendar.Team) who plans a meeting is its organizer, not the calendar's owner. The object is in
// the owner's home; storage.TeamReader says where answers to the organizer find it.

// planPut is planFor for a PUT.
func (u *unit) planPut(ctx context.Context, who, owner *storage.Principal, cal *storage.Calendar, old *storage.Object, p *parsed) error {
	organizer, exists := itip.Organizer(p.cal), old != nil && old.Organizer != ""
	if exists {
		organizer = old.Organizer
	}
	err := u.planFor(ctx, who, owner, cal, p.uid, organizer, exists)
	if err != nil || u.people.acts == nil {
		return err
	}
	return u.include(ctx, owner, p.cal)
}

// planFor lets the organizer of a meeting in somebody else's calendar be the one for whom the server schedules: somebody who plans it
// there now, where the calendar is a team's, or who did before. It is called before the homes that a change reaches are asked for.
func (u *unit) planFor(ctx context.Context, who, owner *storage.Principal, cal *storage.Calendar, uid, organizer string, exists bool) error {
	u.people.acts = nil
	if organizer == "" || !cal.Team {
		return nil
	}
	if err := u.people.lookup(ctx, u.tx, []string{organizer}); err != nil {
		return err
	}
	q := u.people.of(organizer)
	if q == nil || q.ID == owner.ID || q.Kind == storage.Group {
		return nil
	}
	if exists {
		return u.actFor(ctx, owner, uid, organizer)
	}
	if who == nil || who.ID != q.ID {
		return nil // a copy of somebody's meeting
	}
	list, err := u.tx.ObjectsByUID(ctx, []int64{q.ID}, uid)
	if err != nil {
		return fmt.Errorf("objects by UID: %w", err)
	}
	if len(list) == 0 {
		u.people.acts = q
	}
	return nil
}

// actFor lets somebody else be the organizer of a meeting in the owner's home where they planned it there.
func (u *unit) actFor(ctx context.Context, owner *storage.Principal, uid, organizer string) error {
	u.people.acts = nil
	q := u.people.of(organizer)
	if q == nil || q.ID == owner.ID {
		return nil
	}
	home, err := u.tx.OrganizedIn(ctx, q.ID, uid)
	if err == nil && home == owner.ID {
		u.people.acts = q
	}
	return err
}

// noteTeam keeps or forgets where the meeting is.
func (u *unit) noteTeam(ctx context.Context, uid string, home int64) error {
	if u.people.acts == nil {
		return nil
	}
	return u.tx.SetOrganized(ctx, u.people.acts.ID, uid, home)
}

// hostOf returns who has the organizer's object of a meeting that is in a team's calendar, and sees that their home is locked; nil where
// there is none.
func (u *unit) hostOf(ctx context.Context, organizer *storage.Principal, uid string) (*storage.Principal, error) {
	id, err := u.tx.OrganizedIn(ctx, organizer.ID, uid)
	if err != nil || id == 0 {
		return nil, err
	}
	if !u.tx.Locked(id) {
		if i, found := slices.BinarySearch(u.people.reached, id); !found {
			u.people.reached = slices.Insert(u.people.reached, i, id)
		}
		return nil, errGrew
	}
	host, err := u.tx.PrincipalByID(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("principal: %w", err)
	}
	return host, nil
}

// planner returns who schedules what the owner's home has: the owner, or who planned it there for a team.
func (p *people) planner(owner *storage.Principal) *storage.Principal {
	if p.acts != nil {
		return p.acts
	}
	return owner
}

// own is is for whoever schedules: the owner's addresses, and those of the organizer who planned a meeting in the owner's calendar.
func (p *people) own(owner *storage.Principal) func(string) bool {
	mine := p.is(owner)
	if p.acts == nil {
		return mine
	}
	theirs := p.is(p.acts)
	return func(address string) bool { return theirs(address) || mine(address) }
}
