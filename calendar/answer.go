package calendar

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
	"kalends/scheduling"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// answerFor is how long after a meeting's end its answer pages live.
const answerFor = 90 * 24 * time.Hour

// Invited is an attendee's place in somebody's meeting, as their answer page shows it.
type Invited struct {
	Owner     *storage.Principal // of the calendar that it is in
	Organizer *storage.Principal // the same, or who planned it there for a team
	Calendar  *ical.Component    // what the attendee may see
	Attendee  string             // address
	Name      string             // as the organizer wrote it; "" for none
	Answer    string             // PARTSTAT
	Cancelled bool

	// Of [Service.Invited] only:
	Dates     []Date           // the next ones, for proposals of another time; empty where there are none
	Conflicts []Date           // when the attendee, who has an account here, is busy with something else meanwhile; at most maxConflicts
	Proposed  []*storage.About // their proposals that wait for the organizer
}

// maxConflicts bounds the list of them.
const maxConflicts = 5

// Invited returns the place of the attendee for whom isFor holds in an object of the owner. NotFound when they are no longer invited,
// the meeting is gone, or was over 90 days ago.
func (s *Service) Invited(ctx context.Context, owner, object int64, isFor func(string) bool) (*Invited, error) {
	var in *Invited
	var o *storage.Object
	var invitee *storage.Principal
	err := s.Store.View(ctx, func(r storage.Reader) error {
		var err error
		if o, in, err = s.invited(ctx, r, owner, object, isFor); err != nil {
			return err
		}
		found, err := r.PrincipalsByAddress(ctx, []string{ical.Address(in.Attendee)})
		if err != nil {
			return fmt.Errorf("look up attendee: %w", err)
		}
		if p := found[ical.Address(in.Attendee)]; p != nil && p.Kind == storage.Person && p.ID != owner {
			invitee = p
		}
		waiting, err := r.WaitingMail(ctx, storage.WaitingQuery{Owner: owner, Object: object})
		if err != nil {
			return err
		}
		for _, m := range waiting {
			if m.About.Method == itip.Counter && ical.Address(m.About.From) == ical.Address(in.Attendee) {
				in.Proposed = append(in.Proposed, &m.About)
			}
		}
		return nil
	})
	if err != nil || in.Cancelled {
		return in, err
	}
	in.Dates = upcoming(in.Calendar, s.Now())
	if invitee != nil && len(in.Dates) > 0 {
		in.Conflicts, err = s.conflicts(ctx, invitee, in.Dates, o.UID)
	}
	return in, err
}

// conflicts returns when somebody here is busy at the dates of a meeting. It tells times only: whoever has the link sees them.
func (s *Service) conflicts(ctx context.Context, who *storage.Principal, dates []Date, uid string) ([]Date, error) {
	floating := principalZone(who)
	if floating == nil {
		floating = time.UTC
	}
	at := func(d Date) (start, end time.Time) {
		if d.AllDay || d.Floating {
			return zone.Instant(d.Start, floating), zone.Instant(d.End, floating)
		}
		return d.Start, d.End
	}
	first, _ := at(dates[0])
	last := first
	for _, d := range dates {
		if start, end := at(d); start.Before(end) && end.After(last) {
			last = end
		}
	}
	if !first.Before(last) {
		return nil, nil
	}
	busy, err := s.busyTimes(ctx, who, first, last, uid)
	if err != nil {
		return nil, err
	}
	var list []Date
	for _, d := range dates {
		start, end := at(d)
		for _, b := range busy {
			if b.Busy == recur.Free || !b.Start.Before(end) || !start.Before(b.End) {
				continue
			}
			c := Date{ID: d.ID, Start: b.Start, End: b.End}
			if c.Start.Before(start) {
				c.Start = start
			}
			if c.End.After(end) {
				c.End = end
			}
			if list = append(list, c); len(list) == maxConflicts {
				return list, nil
			}
		}
	}
	return list, nil
}

var errNotInvited = Errorf(NotFound, "this invitation no longer holds")

func (s *Service) invited(ctx context.Context, r storage.Reader, owner, object int64, isFor func(string) bool) (*storage.Object, *Invited, error) {
	o, err := r.ObjectByID(ctx, owner, object)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil, errNotInvited
	}
	if err != nil {
		return nil, nil, fmt.Errorf("object: %w", err)
	}
	if o.Last < s.Now().Add(-answerFor).UnixMicro() {
		return nil, nil, errNotInvited
	}
	cal, err := parseStored(o)
	if err != nil {
		return nil, nil, err
	}
	whose, err := r.PrincipalByID(ctx, owner)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil, errNotInvited
	}
	if err != nil {
		return nil, nil, fmt.Errorf("principal: %w", err)
	}
	who := &people{}
	if err := who.lookup(ctx, r, addressesIn(cal)); err != nil {
		return nil, nil, err
	}
	in := &Invited{Owner: whose, Organizer: who.of(itip.Organizer(cal))}
	switch {
	case in.Organizer == nil:
		return nil, nil, errNotInvited
	case in.Organizer.ID != owner:
		home, err := r.OrganizedIn(ctx, in.Organizer.ID, o.UID)
		if err != nil {
			return nil, nil, fmt.Errorf("meeting of a team: %w", err)
		}
		if home != owner {
			return nil, nil, errNotInvited
		}
	}
	for _, a := range itip.Attendees(cal, who.same) {
		if isFor(a.Address) {
			in.Attendee = a.Address
		}
	}
	view, ok := itip.View(cal, in.Attendee, itip.Request, itip.Options{Now: s.Now(), Same: who.same})
	if in.Attendee == "" {
		return nil, nil, errNotInvited
	}
	if ok {
		in.Calendar = view.Calendar.Clone()
	} else if in.Calendar = cancelledFor(cal, in.Attendee, who.same); in.Calendar == nil {
		return nil, nil, errNotInvited
	}
	for c := range in.Calendar.Main() {
		in.Cancelled = strings.EqualFold(strings.TrimSpace(c.Value("STATUS")), "CANCELLED")
		for p := range c.All("ATTENDEE") {
			if who.same(p.Value(), in.Attendee) {
				in.Name, in.Answer = p.Param("CN"), strings.ToUpper(p.Param("PARTSTAT"))
			}
		}
		break
	}
	return o, in, nil
}

// cancelledFor returns what an attendee may still know of a meeting that is off, nil where they had no part in it.
func cancelledFor(cal *ical.Component, attendee string, same itip.Same) *ical.Component {
	for c := range cal.Main() {
		if !strings.EqualFold(strings.TrimSpace(c.Value("STATUS")), "CANCELLED") {
			continue
		}
		for p := range c.All("ATTENDEE") {
			if same(p.Value(), attendee) {
				out := alone(cal, c)
				for k := range out.Main() {
					k.RemoveChildren(func(a *ical.Component) bool { return a.Name() == "VALARM" })
				}
				return out
			}
		}
	}
	return nil
}

// Answer records what an attendee answers on their page: ACCEPTED, TENTATIVE or DECLINED for all that they are invited to, with a comment.
func (s *Service) Answer(ctx context.Context, owner, object int64, isFor func(string) bool, partStat, comment string) error {
	switch partStat {
	case "ACCEPTED", "TENTATIVE", "DECLINED":
	default:
		return Errorf(BadRequest, "%.20q is no answer", partStat)
	}
	return s.update(ctx, owner, &people{}, func(u *unit) error {
		o, in, err := s.invited(ctx, u.tx, owner, object, isFor)
		if err != nil {
			return err
		}
		if in.Cancelled {
			return errNotInvited
		}
		if err := u.people.lookup(ctx, u.tx, addressesIn(in.Calendar)); err != nil {
			return err
		}
		if comment != "" {
			if err := u.noticeOfAnswer(ctx, o, in, partStat, comment); err != nil {
				return err
			}
		}
		if done, err := u.answerOwn(ctx, o, in, partStat, comment); done || err != nil {
			return err
		}
		cal := in.Calendar
		cal.Set(ical.NewProperty("METHOD", itip.Reply))
		for c := range cal.Main() {
			var mine *ical.Property
			for p := range c.All("ATTENDEE") {
				if mine == nil && u.people.same(p.Value(), in.Attendee) {
					mine = p.Clone()
				}
			}
			c.Remove("ATTENDEE")
			if mine == nil {
				continue
			}
			mine.SetParam("PARTSTAT", partStat)
			mine.RemoveParam("RSVP")
			c.Add(mine)
			c.Remove("COMMENT")
			if comment != "" {
				c.Add(ical.NewText("COMMENT", comment))
			}
		}
		u.copies = []*storage.Object{o}
		_, err = u.receive(ctx, in.Owner, itip.Message{Method: itip.Reply, From: in.Attendee, To: itip.Organizer(cal), Calendar: cal}, true)
		return err
	})
}

// noticeOfAnswer mails the organizer what an attendee wrote on their page.
func (u *unit) noticeOfAnswer(ctx context.Context, o *storage.Object, in *Invited, partStat, comment string) error {
	cal := in.Calendar.Clone()
	for c := range cal.Main() {
		for p := range c.All("ATTENDEE") {
			if u.people.same(p.Value(), in.Attendee) {
				p.SetParam("PARTSTAT", partStat)
			}
		}
		c.Set(ical.NewText("COMMENT", comment))
	}
	return u.notifyOf(ctx, in.Owner, o, scheduling.CommentNotice, itip.Message{Method: itip.Reply, From: in.Attendee, Calendar: cal}, nil)
}

// answerOwn answers in the calendar of an attendee who has an account here, as if they had done it in a calendar program; the rest follows.
// It reports false where they have none, or the meeting is not in it.
func (u *unit) answerOwn(ctx context.Context, organizer *storage.Object, in *Invited, partStat, comment string) (bool, error) {
	who := u.people.of(in.Attendee)
	if who == nil || who.ID == in.Owner.ID || who.Kind != storage.Person {
		return false, nil
	}
	if u.people.reach([]string{in.Attendee}); !u.tx.Locked(who.ID) {
		return false, errGrew
	}
	if err := u.findCopies(ctx, in.Owner.ID, organizer.UID); err != nil {
		return false, err
	}
	old := u.copyOf(who.ID)
	if old == nil || old.Organizer == "" {
		return false, nil
	}
	oldCal, err := parseStored(old)
	if err != nil {
		return false, err
	}
	cal := oldCal.Clone()
	for c := range cal.Main() {
		for p := range c.All("ATTENDEE") {
			if u.people.is(who)(p.Value()) {
				p.SetParam("PARTSTAT", partStat)
				p.RemoveParam("RSVP")
			}
		}
		c.Remove("COMMENT")
		if comment != "" {
			c.Add(ical.NewText("COMMENT", comment))
		}
	}
	p, err := u.s.checkComponent(cal)
	if err != nil {
		return false, err
	}
	home, err := u.home(ctx, who.ID)
	if err != nil {
		return false, err
	}
	for _, c := range home {
		if c.ID == old.Calendar && !c.OwnClient {
			_, _, err = u.save(ctx, change{who: who, owner: who, calendar: c, name: old.Name, old: old, oldCal: oldCal, p: p, text: cal.CRLF()})
			return true, err
		}
	}
	return false, nil
}
