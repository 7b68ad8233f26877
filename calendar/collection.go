package calendar

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"kalends/auth"
	"kalends/storage"
)

// Edit is a change of a collection's properties: all of it or nothing.
type Edit struct {
	// Live changes the collection's own properties. It may return an *Error.
	Live func(c *storage.Calendar) error
	// Person changes a principal, in PatchPrincipal. It may return an *Error.
	Person func(p *storage.Principal) error
	// Set and Remove are dead properties; owner and place are filled in.
	Set, Remove []storage.Property
	// Own is what somebody has of their own of a calendar, for whose owner they act, such as what it is called among theirs; User and place are
	// filled in. One without XML is removed. It takes no more than the delegation, and nobody else sees it.
	Own []storage.Property

	also func(ctx context.Context, u *unit, c *storage.Calendar) error // what belongs to a new one; nil for nothing
}

// NewCalendarComponents is what a calendar takes that was made without a list (RFC 4791 section 5.2.3).
var NewCalendarComponents = []string{"VEVENT", "VTODO", "VJOURNAL"}

// maxCollections bounds the collections of one home.
const maxCollections = 1000

// MakeCalendar makes a calendar collection with these properties, or none at all (RFC 4791 section 5.3.1).
func (s *Service) MakeCalendar(ctx context.Context, who *storage.Principal, t Target, edit Edit) error {
	if err := checkName(t.Slug); err != nil {
		return err
	}
	if t.Share != nil {
		return &Error{Kind: Exists, Msg: "there is a calendar already that is shared with you", Path: t.path()}
	}
	if err := s.early(ctx, who, t, true, auth.Bind); err != nil {
		return err
	}
	return s.update(ctx, t.Owner.ID, &people{}, func(u *unit) error {
		if err := allow(ctx, u.tx, who, t, nil, auth.Bind); err != nil {
			return err
		}
		home, err := u.tx.Calendars(ctx, t.Owner.ID)
		if err != nil {
			return fmt.Errorf("calendars: %w", err)
		}
		if slices.ContainsFunc(home, func(c *storage.Calendar) bool { return c.Slug == t.Slug }) {
			return &Error{Kind: Exists, Msg: fmt.Sprintf("there is a collection %q already", t.Slug), Path: t.path()}
		}
		if len(home) >= maxCollections {
			return Errorf(QuotaExceeded, "a home has at most %d collections", maxCollections)
		}
		seq, err := u.tx.Next(ctx, t.Owner.ID)
		if err != nil {
			return err
		}
		c := &storage.Calendar{
			Owner: t.Owner.ID, ID: seq, Kind: storage.CalendarKind, Slug: t.Slug,
			Components: slices.Clone(NewCalendarComponents), Seq: seq, LastSeq: seq, Created: u.now,
		}
		if edit.Live != nil {
			if err := edit.Live(c); err != nil {
				return err
			}
		}
		editAlarms(&c.Alarms, edit)
		if err := u.tx.PutCalendar(ctx, c); err != nil {
			return fmt.Errorf("put calendar: %w", err)
		}
		if edit.also != nil {
			if err := edit.also(ctx, u, c); err != nil {
				return err
			}
		}
		return u.editDead(ctx, t.Owner.ID, c.ID, 0, edit)
	})
}

func (u *unit) editDead(ctx context.Context, owner, calendar, object int64, edit Edit) error {
	for _, list := range []struct {
		props []storage.Property
		do    func(context.Context, storage.Property) error
	}{{edit.Remove, u.tx.DeleteProperty}, {edit.Set, u.tx.PutProperty}} {
		for _, p := range list.props {
			p.Owner, p.Calendar, p.Object = owner, calendar, object
			if err := list.do(ctx, p); err != nil {
				return fmt.Errorf("property %s: %w", p.Local, err)
			}
		}
	}
	if len(edit.Set) == 0 {
		return nil
	}
	n, err := u.tx.CountProperties(ctx, owner, calendar, object)
	if err == nil && n > MaxProperties {
		err = Errorf(QuotaExceeded, "a resource has at most %d properties of its clients' making", MaxProperties)
	}
	return err
}

// MaxProperties bounds the dead properties of one resource.
const MaxProperties = 300

// Patch changes properties of a collection, of an object (dead ones only), or with an empty Slug of the home.
func (s *Service) Patch(ctx context.Context, who *storage.Principal, t Target, edit Edit) error {
	if t.Share != nil && t.Name == "" {
		return s.patchShare(ctx, who, t, edit)
	}
	if edit.onlyOwn() {
		return s.patchOwn(ctx, who, t, edit)
	}
	if err := s.early(ctx, who, t, t.Slug == "", auth.WriteProperties); err != nil {
		return err
	}
	return s.update(ctx, t.Owner.ID, &people{}, func(u *unit) error {
		if t.Slug == "" {
			if err := allow(ctx, u.tx, who, t, nil, auth.WriteProperties); err != nil {
				return err
			}
			if err := u.editHomeAlarms(ctx, t.Owner.ID, edit); err != nil {
				return err
			}
			return u.editDead(ctx, t.Owner.ID, storage.HomeProps, 0, edit)
		}
		c, err := collection(ctx, u.tx, t)
		if err != nil {
			return err
		}
		if err := allow(ctx, u.tx, who, t, c, auth.WriteProperties); err != nil {
			return err
		}
		if t.Name != "" {
			o, err := u.tx.Object(ctx, c.Ref(), t.Name)
			if err != nil {
				return notFound(err, t)
			}
			return u.editDead(ctx, t.Owner.ID, c.ID, o.ID, edit)
		}
		if err := u.editOwn(ctx, who, t, c, edit); err != nil {
			return err
		}
		if edit.Live != nil {
			if err := edit.Live(c); err != nil {
				return err
			}
			if c.Default != "" {
				if err := u.checkDefault(ctx, c); err != nil {
					return err
				}
			}
		}
		if c.Kind == storage.CalendarKind && editAlarms(&c.Alarms, edit) {
			if err := u.queueAlarms(ctx, t.Owner.ID); err != nil {
				return err
			}
		}
		// What the home's sync tells of.
		if c.Seq, err = u.tx.Next(ctx, t.Owner.ID); err != nil {
			return err
		}
		if err := u.tx.PutCalendar(ctx, c); err != nil {
			return fmt.Errorf("put calendar: %w", err)
		}
		return u.editDead(ctx, t.Owner.ID, c.ID, 0, edit)
	})
}

// maxOwn bounds what somebody has of their own of a calendar.
const maxOwn = 10

// onlyOwn reports whether nothing else is changed.
func (e *Edit) onlyOwn() bool {
	return len(e.Own) > 0 && e.Live == nil && e.Person == nil && len(e.Set)+len(e.Remove) == 0
}

// patchOwn is Patch for what somebody has of their own of a calendar.
func (s *Service) patchOwn(ctx context.Context, who *storage.Principal, t Target, edit Edit) error {
	if err := s.early(ctx, who, t, false, auth.Read); err != nil {
		return err
	}
	return s.update(ctx, t.Owner.ID, &people{}, func(u *unit) error {
		c, err := collection(ctx, u.tx, t)
		if err != nil {
			return err
		}
		if err := allow(ctx, u.tx, who, t, c, auth.Read); err != nil {
			return err
		}
		return u.editOwn(ctx, who, t, c, edit)
	})
}

func (u *unit) editOwn(ctx context.Context, who *storage.Principal, t Target, c *storage.Calendar, edit Edit) error {
	if len(edit.Own) == 0 {
		return nil
	}
	if read, _ := who.ActsFor.For(t.Owner.ID); !read || c.Kind != storage.CalendarKind || t.Name != "" || len(edit.Own) > maxOwn {
		return Errorf(Refused, "what a calendar is called and looks like is for its owner to say, and for who acts for them to see otherwise")
	}
	own := edit.Own
	edit.Set, edit.Remove = nil, nil
	for _, p := range own {
		p.User = who.ID
		if len(p.XML) == 0 {
			edit.Remove = append(edit.Remove, p)
		} else {
			edit.Set = append(edit.Set, p)
		}
	}
	return u.editDead(ctx, t.Owner.ID, c.ID, 0, edit)
}

// checkDefault sees that an inbox names a calendar that invitations to meetings can go to (RFC 6638 section 9.2.1,
// valid-schedule-default-calendar-URL).
func (u *unit) checkDefault(ctx context.Context, inbox *storage.Calendar) error {
	c, err := u.tx.Calendar(ctx, inbox.Owner, inbox.Default)
	if errors.Is(err, storage.ErrNotFound) || err == nil && (c.Kind != storage.CalendarKind || c.Subscribed || !takes(c, "VEVENT")) {
		return Errorf(BadDefaultCalendar, "schedule-default-calendar-URL must name a calendar of this home that takes events and can be written to")
	}
	return err
}

// PatchPrincipal changes properties of a principal.
func (s *Service) PatchPrincipal(ctx context.Context, who, target *storage.Principal, edit Edit) error {
	if !auth.PrincipalPrivileges(who, target).Has(auth.WriteProperties) {
		return Errorf(Forbidden, "you may not change this")
	}
	return s.update(ctx, target.ID, &people{}, func(u *unit) error {
		if edit.Person != nil {
			if err := u.editPerson(ctx, target.ID, edit); err != nil {
				return err
			}
		}
		return u.editDead(ctx, target.ID, storage.PrincipalProps, 0, edit)
	})
}

func (u *unit) editPerson(ctx context.Context, id int64, edit Edit) error {
	p, err := u.tx.PrincipalByID(ctx, id)
	if err != nil {
		return fmt.Errorf("principal: %w", err)
	}
	addresses, err := u.tx.Addresses(ctx, id)
	if err != nil {
		return fmt.Errorf("addresses: %w", err)
	}
	if err := edit.Person(p); err != nil {
		return err
	}
	if err := u.tx.PutPrincipal(ctx, p, addresses); err != nil {
		return fmt.Errorf("put principal: %w", err)
	}
	return nil
}

// neededIn refuses to take c out of a home when it is the last calendar for events there (RFC 6638 section 9.2, default-calendar-needed).
func neededIn(home []*storage.Calendar, c *storage.Calendar) error {
	if c.Subscribed || !takes(c, "VEVENT") || slices.ContainsFunc(home, func(o *storage.Calendar) bool {
		return o.ID != c.ID && o.Kind == storage.CalendarKind && !o.Subscribed && takes(o, "VEVENT")
	}) {
		return nil
	}
	return Errorf(DefaultCalendar, "this is the last calendar for events, and invitations need one (RFC 6638 section 9.2)")
}

// DeleteCalendar removes a calendar with everything in it. Meetings in it are cancelled or declined
// first, each as if it were deleted by itself. Whom it was shared with loses it too. A calendar of somebody else is only taken out of the
// sharee's home in which t names it.
func (s *Service) DeleteCalendar(ctx context.Context, who *storage.Principal, t Target, cond Condition) error {
	if t.Share != nil {
		return s.leaveShare(ctx, who, t, cond)
	}
	c, err := collection(ctx, s.Store, t)
	if err != nil {
		return err
	}
	a, err := s.Access(ctx, who, t.Owner)
	if err != nil {
		return err
	}
	if !a.Sees(c) {
		return t.allowed(a, c, auth.Unbind)
	}
	if err := t.allowed(a, nil, auth.Unbind); err != nil {
		return err
	}
	if c.Kind != storage.CalendarKind {
		return Errorf(Refused, "the %s of a home cannot be deleted", c.Kind)
	}
	if cond != nil {
		if err := cond(nil); err != nil {
			return err
		}
	}
	home, err := s.Store.Calendars(ctx, t.Owner.ID)
	if err != nil {
		return fmt.Errorf("calendars: %w", err)
	}
	if err := neededIn(home, c); err != nil { // before any meeting is cancelled
		return err
	}
	var meetings []string
	err = s.Store.Objects(ctx, c.Ref(), 0, func(o *storage.Object) error {
		if o.Organizer != "" {
			meetings = append(meetings, o.Name)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("objects: %w", err)
	}
	for _, name := range meetings {
		err := s.Delete(ctx, DeleteRequest{Who: t.Owner, Target: Target{Owner: t.Owner, Slug: t.Slug, Name: name}})
		if err != nil && KindOf(err) != NotFound {
			return err
		}
	}
	return s.update(ctx, t.Owner.ID, &people{}, func(u *unit) error {
		c, err := collection(ctx, u.tx, t)
		if err != nil {
			return err
		}
		if err := allow(ctx, u.tx, who, t, nil, auth.Unbind); err != nil {
			return err
		}
		home, err := u.tx.Calendars(ctx, t.Owner.ID)
		if err != nil {
			return fmt.Errorf("calendars: %w", err)
		}
		if err := neededIn(home, c); err != nil {
			return err
		}
		if c.Shared {
			sh, err := u.sharing(ctx, t.Owner, c)
			if err != nil {
				return err
			}
			if err := sh.withdrawFrom(ctx, 0); err != nil {
				return err
			}
		}
		seq, err := u.tx.Next(ctx, t.Owner.ID)
		if err != nil {
			return err
		}
		by := int64(0)
		if who != nil {
			by = who.ID
		}
		if !c.Subscribed { // what comes from elsewhere is there still
			if err := u.tx.TrashCalendar(ctx, c, by, u.now, u.s.Limit().Trash); err != nil {
				return fmt.Errorf("trash of calendar %d: %w", c.ID, err)
			}
		}
		if err := u.noteCalendarRemoved(ctx, c, seq); err != nil {
			return err
		}
		if err := u.tx.DeleteCalendar(ctx, t.Owner.ID, c.ID, seq); err != nil {
			return fmt.Errorf("delete calendar: %w", err)
		}
		return nil
	})
}

// takes reports whether a calendar takes objects of that component.
func takes(c *storage.Calendar, component string) bool {
	return len(c.Components) == 0 || slices.Contains(c.Components, component)
}

func notFound(err error, t Target) error {
	if errors.Is(err, storage.ErrNotFound) {
		return Errorf(NotFound, "there is no object %q in %q", t.Name, t.path().Slug)
	}
	return err
}

// Modified is when a collection changed last, as far as it is known.
func Modified(c *storage.Calendar) time.Time { return c.Created }
