package calendar

import (
	"context"
	"fmt"
	"slices"
	"time"

	"kalends/ical"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// Ahead counts the meetings of somebody that are not over, and of which others would hear nothing if the account just went.
type Ahead struct {
	Organized int // meetings in their calendars that they, or somebody who plans there for a team, invite others to
	Invited   int // meetings of others that they have not declined
}

// Any reports whether there are any.
func (a Ahead) Any() bool { return a.Organized+a.Invited > 0 }

func (a *Ahead) add(organizes bool) {
	if organizes {
		a.Organized++
	} else {
		a.Invited++
	}
}

// Bounds of looking for meetings that are ahead.
const (
	aheadPage  = 500            // objects of which only the columns are read
	aheadTexts = 32             // of which the texts are, too
	aheadSlack = 24 * time.Hour // floating times are in whatever zone
)

// MeetingsAhead counts somebody's meetings that are not over.
func (s *Service) MeetingsAhead(ctx context.Context, who *storage.Principal) (Ahead, error) {
	var n Ahead
	err := s.meetingsAhead(ctx, who, func(_ *storage.Calendar, _ *storage.Object, organizes bool) error {
		n.add(organizes)
		return nil
	})
	return n, err
}

// EndMeetings cancels the meetings that somebody organizes and declines those that they are invited to, as far as they are not over, each as if
// it were deleted by itself, in a transaction of its own: what was done stays done after an error, and who calls it again goes on there. told,
// which may be nil, hears after each how many are done. Calendars whose owner's program schedules are left alone.
func (s *Service) EndMeetings(ctx context.Context, who *storage.Principal, told func(Ahead)) (Ahead, error) {
	var n Ahead
	err := s.meetingsAhead(ctx, who, func(c *storage.Calendar, o *storage.Object, organizes bool) error {
		switch err := s.Delete(ctx, DeleteRequest{Who: who, Target: Target{Owner: who, Slug: c.Slug, Name: o.Name}}); {
		case KindOf(err) == NotFound:
			return nil // somebody else was faster
		case err != nil:
			return fmt.Errorf("end the meeting %d/%d: %w", o.Owner, o.ID, err)
		}
		n.add(organizes)
		if told != nil {
			told(n)
		}
		return nil
	})
	return n, err
}

// meetingsAhead calls fn for each meeting in somebody's calendars that is not over and of whose end others are told. fn may delete it.
func (s *Service) meetingsAhead(ctx context.Context, who *storage.Principal, fn func(c *storage.Calendar, o *storage.Object, organizes bool) error) error {
	home, err := s.Store.Calendars(ctx, who.ID)
	if err != nil {
		return fmt.Errorf("calendars: %w", err)
	}
	over := s.Now().Add(-aheadSlack).UnixMicro()
	for _, c := range home {
		if c.Kind != storage.CalendarKind || c.OwnClient || c.Subscribed {
			continue
		}
		for after := ""; ; {
			list, err := s.Store.ObjectsAfter(ctx, c.Ref(), 0, after, aheadPage)
			if err != nil {
				return fmt.Errorf("objects: %w", err)
			}
			if len(list) == 0 {
				break
			}
			after = list[len(list)-1].Name
			var names []string
			for _, o := range list {
				if o.Organizer != "" && o.Method != published && o.Last >= over {
					names = append(names, o.Name)
				}
			}
			for part := range slices.Chunk(names, aheadTexts) {
				if err := s.someAhead(ctx, who, c, part, fn); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// someAhead is meetingsAhead for some objects of a calendar.
func (s *Service) someAhead(ctx context.Context, who *storage.Principal, c *storage.Calendar, names []string, fn func(c *storage.Calendar, o *storage.Object, organizes bool) error) error {
	list, err := s.Store.ObjectsByName(ctx, c.Ref(), names)
	if err != nil {
		return fmt.Errorf("objects by name: %w", err)
	}
	texts := make([]*ical.Component, len(list))
	var addresses []string
	for i, o := range list {
		if texts[i], err = parseStored(o); err != nil {
			s.Log.WarnContext(ctx, "meeting is left as it is", "owner", o.Owner, "object", o.ID, "err", err)
			continue
		}
		addresses = append(addresses, addressesIn(texts[i])...)
	}
	p := &people{}
	if err := p.lookup(ctx, s.Store, addresses); err != nil {
		return err
	}
	for i, o := range list {
		if texts[i] == nil {
			continue
		}
		p.acts = nil
		if q := p.of(o.Organizer); c.Team && q != nil && q.ID != who.ID { // of a team's calendar alone it is asked who planned it
			home, err := s.Store.OrganizedIn(ctx, q.ID, o.UID)
			if err != nil {
				return err
			}
			if home == who.ID {
				p.acts = q
			}
		}
		if ends, organizes := p.endsFor(who, texts[i], s.Now().UTC()); ends {
			if err := fn(c, o, organizes); err != nil {
				return err
			}
		}
	}
	return nil
}

// endsFor reports whether anybody is told when somebody deletes a meeting in their calendar, and whether that is because they organize it.
func (p *people) endsFor(who *storage.Principal, cal *ical.Component, now time.Time) (ends, organizes bool) {
	mine := p.own(who)
	o := itip.Options{Now: now, Same: p.same, Local: true}
	switch role, _ := itip.RoleOf(cal, mine); role {
	case itip.RoleOrganizer:
		plan, err := itip.Organize(cal, nil, o)
		return err == nil && slices.ContainsFunc(plan.Messages, func(m itip.Message) bool { return p.of(m.To) == nil || p.of(m.To).ID != who.ID }), true
	case itip.RoleAttendee:
		plan, err := itip.Attend(cal, nil, ownAddress(nil, cal, mine), o)
		return err == nil && plan.Reply != nil, false
	}
	return false, false
}
