package calendar

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"kalends/auth"
	"kalends/ical"
	"kalends/scheduling"
	"kalends/scheduling/itip"
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
	// Remind says that the server's own pages or API make the object: everybody who gets it is reminded of it by default. It counts for
	// new objects; others stay as they were made.
	Remind bool
	// Base is the URL of this server as the asker knows it; "" for Service.URL.
	Base string

	// lenient takes MANAGED-IDs that are not known for links: of what comes back from the trash.
	lenient bool
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
	if r.Who == nil || r.Who.ID != r.Target.Owner.ID {
		if err := s.checkPlace(ctx, r.Who, r.Target); err != nil { // before a lock is taken in another's home
			return nil, err
		}
	}
	who := &people{most: s.Limit().Local}
	if isScheduled(p.cal) && !r.Quiet {
		if _, err := who.meet(ctx, s.Store, r.Target.Owner, p.cal); err != nil {
			return nil, err
		}
	}
	var res *PutResult
	place := storage.Expected{
		Owner: r.Target.Owner.ID, Slug: r.Target.Slug, Name: r.Target.Name, UID: p.uid, Usage: s.Limits.Quota > 0,
	}
	err = s.updateObject(ctx, r.Target.Owner.ID, who, place, func(u *unit) error {
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
		return t.noParent()
	}
	if err != nil {
		return err
	}
	a, err := s.AccessTo(ctx, who, t)
	if err != nil || a.To(cal)&(auth.WriteContent|auth.Bind) != 0 {
		return err
	}
	if !a.Sees(cal) {
		return t.noParent()
	}
	return t.allowed(a, cal, auth.WriteContent)
}

// noParent is the answer to who puts something where no calendar is that they may know of: whether there is one must not show.
func (t Target) noParent() error {
	return Errorf(NoParent, "there is no calendar %q to put it in", t.path().Slug)
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
	u.owner = owner
	cal, err := u.collection(ctx, r.Target)
	if KindOf(err) == NotFound {
		return r.Target.noParent()
	}
	if err != nil {
		return err
	}
	access, err := r.Target.reenter(ctx, u.tx, r.Who)
	if err != nil {
		return err
	}
	if !access.Sees(cal) {
		return r.Target.noParent()
	}
	if cal.Kind != storage.CalendarKind {
		return Errorf(Refused, "objects are not put into the %s", cal.Kind)
	}
	old, err := u.tx.Object(ctx, cal.Ref(), r.Target.Name)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("object: %w", err)
	}
	if err != nil {
		old = nil
	}
	if err := untouchable(r.Who, owner, old); err != nil {
		return err
	}
	quiet := r.Quiet || cal.OwnClient
	early := false
	if e, err := u.earlyAnswer(ctx, r, p, old, quiet); err != nil {
		return err
	} else if e != nil {
		r, p, cal, old, early = e.request, e.parsed, e.calendar, e.object, true
	}
	given := p
	if p, err = u.manage(ctx, r, old, p); err != nil {
		return err
	}
	if p != given {
		r.Body = p.reprinted
	}
	managed := p != given
	var own *division
	if !early && outsider(r.Who, owner) {
		if own, err = u.divide(ctx, r, cal, old, p); err != nil {
			return err
		}
	}
	need := auth.WriteContent
	if old == nil {
		need = auth.Bind
	}
	if err := r.Target.allowed(access, cal, need); err != nil {
		return err
	}
	if err := u.holds(ctx, r.Cond, r.Who, owner, cal, old); err != nil {
		return err
	}
	if len(cal.Components) > 0 && !slices.Contains(cal.Components, p.component) {
		return Errorf(UnsupportedComponent, "this calendar takes %s only, not %s", strings.Join(cal.Components, ", "), p.component)
	}
	if old != nil && old.UID != p.uid {
		return &Error{Kind: UIDConflict, Msg: "the object that is replaced has another UID", Path: r.Target.path()}
	}
	if own != nil {
		if own.kept != nil {
			err := u.putOwn(ctx, own, cal, old, res)
			res.AsSent = res.AsSent && !managed
			return err
		}
		p, r.Body = own.shared, own.text
	}
	if !quiet {
		if err := u.planPut(ctx, r.Who, owner, cal, old, p); err != nil {
			return err
		}
	}
	oldCal, err := u.oldMeeting(ctx, old, owner, quiet)
	if err != nil {
		return err
	}
	sent := p
	if early {
		sent = nil
	}
	if !quiet {
		if p, err = u.complete(ctx, r.Who, owner, p, oldCal); err != nil {
			return err
		}
	}
	if err := u.findCopies(ctx, owner.ID, p.uid); err != nil {
		return err
	}
	if err := u.checkUnique(ctx, access, cal, old, p.uid, isScheduled(p.cal)); err != nil {
		return err
	}
	text := r.Body
	if p.reprinted != nil {
		text = p.reprinted
	} else if p != sent && !early {
		text = p.cal.CRLF()
	}
	u.made = r.Remind
	if old != nil {
		u.made = old.Remind
	}
	if own != nil && old != nil {
		if err := u.keepOwn(ctx, own, cal, old.ID); err != nil { // before the reminders are set
			return err
		}
	}
	row, changed, err := u.save(ctx, change{
		who: r.Who, owner: owner, calendar: cal, name: r.Target.Name, old: old, oldCal: oldCal, p: p, text: text, stale: r.TagMatched, quiet: quiet,
	})
	if err != nil {
		return err
	}
	if !quiet && (old == nil || old.Organizer == "") {
		if err := u.noteTeam(ctx, p.uid, owner.ID); err != nil {
			return err
		}
	}
	res.Created, res.AsSent, res.Object = old == nil, p.reprinted == nil && p == sent && !changed && !managed, row
	if own == nil {
		return nil
	}
	if old == nil && own.changes() {
		if err := u.keepOwn(ctx, own, cal, row.ID); err != nil {
			return err
		}
		stored, err := u.s.check(row.ICS)
		if err != nil {
			return fmt.Errorf("object as stored: %w", err)
		}
		if err := u.remind(ctx, cal, stored, row, row); err != nil {
			return err
		}
	}
	res.Object = compose(row, own.had)
	res.AsSent = bytes.Equal(res.Object.ICS, own.body) && !managed
	return nil
}

// change is an object as it is to be, and as it was.
type change struct {
	who      *storage.Principal // who changes it; nil for the server itself
	owner    *storage.Principal
	calendar *storage.Calendar
	name     string
	old      *storage.Object // nil for a new one
	oldCal   *ical.Component // where old is a scheduling object
	p        *parsed
	text     []byte
	stale    bool
	quiet    bool
}

// save writes an object with all that follows from it. It returns what is stored in the end, and whether scheduling made that
// another text. The copies of its UID were found.
func (u *unit) save(ctx context.Context, c change) (*storage.Object, bool, error) {
	stored, text := c.p, c.text
	var plan *scheduling.Outcome
	if !c.quiet && (isScheduled(c.p.cal) || c.oldCal != nil) {
		var err error
		plan, err = u.implicit(ctx, c.owner, c.old, c.oldCal, c.p, c.stale)
		if err != nil {
			return nil, false, err
		}
		u.signFor(plan, c.who, c.owner)
		if plan.Changed {
			if stored, err = u.s.checkComponent(plan.Stored); err != nil {
				return nil, false, fmt.Errorf("object after scheduling: %w", err)
			}
			text = plan.Stored.CRLF()
		}
	}
	row, err := u.row(stored, text, c.owner)
	if err != nil {
		return nil, false, err
	}
	if err := u.write(ctx, c.calendar, c.name, stored, row, c.old, true); err != nil {
		return nil, false, err
	}
	if plan == nil {
		return row, false, nil
	}
	u.replaceCopy(row)
	if err := u.noteGroups(ctx, c.owner, row, stored.cal, c.oldCal); err != nil {
		return nil, false, err
	}
	if err := u.deliver(ctx, c.owner, row, plan); err != nil {
		return nil, false, err
	}
	for _, last := range u.copies {
		if last.Owner == row.Owner && last.ID == row.ID && last != row {
			return last, true, nil // a room has answered
		}
	}
	return row, plan.Changed, nil
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

// published marks in storage.Object.Method what came by a subscription: it is nobody's copy of a meeting.
const published = itip.Publish

// findCopies reads what has the UID in the homes that are locked.
func (u *unit) findCopies(ctx context.Context, owner int64, uid string) error {
	var err error
	if u.copies, err = u.tx.ObjectsByUID(ctx, u.people.homes(owner), uid); err != nil {
		return fmt.Errorf("objects by UID: %w", err)
	}
	u.copies = slices.DeleteFunc(u.copies, func(o *storage.Object) bool { return o.Method == published })
	return nil
}

// checkUnique refuses a second object with the UID in one calendar (RFC 4791 section 5.3.2.1), and a second scheduling
// object with it in one home (RFC 6638 section 3.2.4.1).
//
// Where somebody else's other calendar has it, who may not read that calendar is not told which one it is.
func (u *unit) checkUnique(ctx context.Context, access *auth.Access, cal *storage.Calendar, old *storage.Object, uid string, scheduled bool) error {
	owner := access.Owner
	for _, c := range u.copies {
		switch {
		case c.Owner != owner.ID || old != nil && c.ID == old.ID:
		case c.Calendar == cal.ID:
			return &Error{Kind: UIDConflict, Msg: fmt.Sprintf("the calendar has an object with the UID %q already", uid), Path: &Path{owner.Name, cal.Slug, c.Name}}
		case scheduled && c.Organizer != "":
			e := Errorf(UniqueScheduling, "another calendar has the meeting with the UID %q already", uid)
			in, err := u.collectionOf(ctx, c.Owner, c.Calendar)
			if err != nil {
				return err
			}
			if in != nil && access.To(in).Has(auth.Read) {
				e.Path = &Path{owner.Name, in.Slug, c.Name}
			}
			return e
		}
	}
	return nil
}
