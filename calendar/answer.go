package calendar

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"kalends/ical"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// answerFor is how long after a meeting's end its answer pages live.
const answerFor = 90 * 24 * time.Hour

// Invited is an attendee's place in somebody's meeting, as their answer page shows it.
type Invited struct {
	Organizer *storage.Principal
	Calendar  *ical.Component // what the attendee may see
	Attendee  string          // address
	Name      string          // as the organizer wrote it; "" for none
	Answer    string          // PARTSTAT
	Cancelled bool
}

// Invited returns the place of the attendee for whom isFor holds in an object of the owner. NotFound when they are no longer invited,
// the meeting is gone, or was over 90 days ago.
func (s *Service) Invited(ctx context.Context, owner, object int64, isFor func(string) bool) (*Invited, error) {
	var in *Invited
	err := s.Store.View(ctx, func(r storage.Reader) error {
		var err error
		_, in, err = s.invited(ctx, r, owner, object, isFor)
		return err
	})
	return in, err
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
	organizer, err := r.PrincipalByID(ctx, owner)
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
	in := &Invited{Organizer: organizer}
	for _, a := range itip.Attendees(cal, who.same) {
		if isFor(a.Address) {
			in.Attendee = a.Address
		}
	}
	view, ok := itip.View(cal, in.Attendee, itip.Request, itip.Options{Now: s.Now(), Same: who.same})
	if in.Attendee == "" || !who.is(organizer)(itip.Organizer(cal)) || !ok {
		return nil, nil, errNotInvited
	}
	in.Calendar = view.Calendar.Clone()
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
		_, err = u.receive(ctx, in.Organizer, itip.Message{Method: itip.Reply, From: in.Attendee, To: itip.Organizer(cal), Calendar: cal}, true)
		return err
	})
}
