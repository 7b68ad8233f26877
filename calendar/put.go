package calendar

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"kalends/auth"
	"kalends/ical"
	"kalends/scheduling"
	"kalends/storage"
)

// Condition decides, under the lock, whether a request's conditions hold for what is there (nil for nothing). It
// returns the error to answer with when they do not.
type Condition func(current *storage.Object) error

// PutRequest asks for an object to be created or replaced.
type PutRequest struct {
	Who    *storage.Principal
	Target Target
	Body   []byte
	Cond   Condition // nil for none
	// TagMatched says that an If-Schedule-Tag-Match held: what others changed since comes from the
	// stored copy (RFC 6638 section 3.2.10).
	TagMatched bool
	// Quiet leaves scheduling out: import, restore, and calendars whose owner's client sends.
	Quiet bool
}

// PutResult says what became of it.
type PutResult struct {
	Created bool
	// AsSent: the stored bytes are those of the request, so the response may carry ETag
	// (RFC 4791 section 5.3.4).
	AsSent bool
	Object *storage.Object
}

// Put creates or replaces the object at the target, with all consequences, if the condition holds.
func (s *Service) Put(ctx context.Context, r PutRequest) (*PutResult, error) {
	if err := checkName(r.Target.Name); err != nil {
		return nil, err
	}
	p, err := s.check(r.Body)
	if err != nil {
		// The client hears first that the place is wrong, if it is.
		if placeErr := s.checkPlace(ctx, r.Who, r.Target); placeErr != nil {
			return nil, placeErr
		}
		return nil, err
	}
	who := &people{}
	if isScheduled(p.cal) && !r.Quiet {
		if _, err := who.meet(ctx, s.Store, r.Target.Owner, p.cal); err != nil {
			return nil, err
		}
	}
	var res *PutResult
	err = s.update(ctx, r.Target.Owner.ID, who, func(u *unit) error {
		res = &PutResult{}
		return u.put(ctx, r, p, res)
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// checkPlace says whether the target is in a calendar that who may write to.
func (s *Service) checkPlace(ctx context.Context, who *storage.Principal, t Target) error {
	cal, err := collection(ctx, s.Store, t)
	if KindOf(err) == NotFound {
		return Errorf(NoParent, "there is no calendar %q to put it in", t.Slug)
	}
	if err != nil {
		return err
	}
	return allow(who, t, cal.Kind, auth.WriteContent)
}

// meet finds out whose homes a change of this scheduling object by its owner reaches.
func (p *people) meet(ctx context.Context, r storage.Reader, owner *storage.Principal, cal *ical.Component) (grew bool, err error) {
	if err := p.lookup(ctx, r, addressesIn(cal)); err != nil {
		return false, err
	}
	return p.reach(p.partners(cal, owner)), nil
}

// put is Put inside the transaction.
func (u *unit) put(ctx context.Context, r PutRequest, p *parsed, res *PutResult) error {
	owner := r.Target.Owner
	cal, err := collection(ctx, u.tx, r.Target)
	if KindOf(err) == NotFound {
		return Errorf(NoParent, "there is no calendar %q to put it in", r.Target.Slug)
	}
	if err != nil {
		return err
	}
	if err := allow(r.Who, r.Target, cal.Kind, auth.WriteContent); err != nil {
		return err
	}
	if cal.Kind != storage.CalendarKind {
		return Errorf(Forbidden, "objects are not put into the %s", cal.Kind)
	}
	old, err := u.tx.Object(ctx, cal.Ref(), r.Target.Name)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("object: %w", err)
	}
	if err != nil {
		old = nil
	}
	if r.Cond != nil {
		if err := r.Cond(old); err != nil {
			return err
		}
	}
	if len(cal.Components) > 0 && !slices.Contains(cal.Components, p.component) {
		return Errorf(UnsupportedComponent, "this calendar takes %v only, not %s", cal.Components, p.component)
	}
	if old != nil && old.UID != p.uid {
		return &Error{Kind: UIDConflict, Msg: "the object that is replaced has another UID", Path: r.Target.path()}
	}
	oldCal, err := u.oldMeeting(ctx, old, owner, r.Quiet)
	if err != nil {
		return err
	}
	if err := u.findCopies(ctx, owner.ID, p.uid); err != nil {
		return err
	}
	scheduled := isScheduled(p.cal)
	if err := u.checkUnique(ctx, owner, cal, old, p.uid, scheduled, r.Target.Name); err != nil {
		return err
	}

	stored, text := p, r.Body
	if p.reprinted != nil {
		text = p.reprinted
	}
	var plan *scheduling.Outcome
	if !r.Quiet && (scheduled || oldCal != nil) {
		plan, err = u.implicit(ctx, owner, old, oldCal, p, r.TagMatched)
		if err != nil {
			return err
		}
		if plan.Changed {
			if stored, err = u.s.checkComponent(plan.Stored); err != nil {
				return fmt.Errorf("object after scheduling: %w", err)
			}
			text = plan.Stored.Bytes()
		}
	}
	row, err := stored.object(text, u.now)
	if err != nil {
		return err
	}
	if err := u.write(ctx, cal, r.Target.Name, stored, row, old, true); err != nil {
		return err
	}
	if plan != nil {
		if err := u.deliver(ctx, owner, row, plan); err != nil {
			return err
		}
	}
	res.Created, res.AsSent, res.Object = old == nil, p.reprinted == nil && (plan == nil || !plan.Changed), row
	return nil
}

// oldMeeting parses the object that is replaced when it is a scheduling object, and sees that the people
// in it are locked.
func (u *unit) oldMeeting(ctx context.Context, old *storage.Object, owner *storage.Principal, quiet bool) (*ical.Component, error) {
	if old == nil || old.Organizer == "" || quiet {
		return nil, nil
	}
	cal, err := parseStored(old)
	if err != nil {
		return nil, err
	}
	return cal, u.include(ctx, owner, cal)
}

// findCopies reads what has the UID in the homes that are locked.
func (u *unit) findCopies(ctx context.Context, owner int64, uid string) error {
	var err error
	if u.copies, err = u.tx.ObjectsByUID(ctx, u.people.homes(owner), uid); err != nil {
		return fmt.Errorf("objects by UID: %w", err)
	}
	return nil
}

// checkUnique refuses a second object with the UID in one calendar (RFC 4791 section 5.3.2.1), and a second scheduling
// object with it in one home (RFC 6638 section 3.2.4.1).
func (u *unit) checkUnique(ctx context.Context, owner *storage.Principal, cal *storage.Calendar, old *storage.Object, uid string, scheduled bool, name string) error {
	for _, c := range u.copies {
		switch {
		case c.Owner != owner.ID || old != nil && c.ID == old.ID:
		case c.Calendar == cal.ID:
			return &Error{Kind: UIDConflict, Msg: fmt.Sprintf("the calendar has an object with the UID %q already", uid), Path: &Path{owner.Name, cal.Slug, c.Name}}
		case scheduled && c.Organizer != "":
			path := &Path{Owner: owner.Name, Name: c.Name}
			path.Slug = u.slug(ctx, c.Owner, c.Calendar)
			return &Error{Kind: UniqueScheduling, Msg: fmt.Sprintf("another calendar has the meeting with the UID %q already", uid), Path: path}
		}
	}
	return nil
}
