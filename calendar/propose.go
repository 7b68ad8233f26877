package calendar

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"kalends/auth"
	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
	"kalends/scheduling"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// Date is when a meeting takes place once.
type Date struct {
	ID               string    // of an instance of a series: its RECURRENCE-ID; "" for a meeting that is none
	Start, End       time.Time // instants; where AllDay or Floating wall clock time, Location UTC
	AllDay, Floating bool

	component int // among those of the object
	id        ical.DateTime
}

// NewTime is another time that an attendee proposes for one date of a meeting.
type NewTime struct {
	Date string // Date.ID
	// Start and End are wall clock time, Location UTC: in the zone of [MeetingZone], of all-day meetings at midnight, End being the day
	// after the last.
	Start, End time.Time
	Comment    string
}

// maxDates bounds the dates of a series for which another time can be proposed.
const maxDates = 12

// Bounds of a proposal.
const (
	maxProposedLength = 31 * 24 * time.Hour
	maxProposedAhead  = 5 * 366 * 24 * time.Hour
)

// upcoming returns the next dates of an event that are not over, at most maxDates.
func upcoming(cal *ical.Component, now time.Time) []Date {
	main := mainOf(cal)
	if main == nil || main.Name() != "VEVENT" {
		return nil
	}
	series, err := recur.Compile(cal, zone.NewResolver(cal))
	if err != nil {
		return nil
	}
	components := 0
	for range cal.Main() {
		components++
	}
	var list []Date
	for inst, err := range series.BetweenMax(now, now.Add(maxProposedAhead), time.UTC, 10*maxDates) {
		if err != nil || len(list) == maxDates {
			break
		}
		if inst.Component < 0 || inst.Component >= components {
			continue
		}
		list = append(list, newDate(inst))
	}
	return list
}

func newDate(inst recur.Instance) Date {
	d := Date{Start: inst.Start, End: inst.End, AllDay: inst.AllDay, Floating: inst.Floating && !inst.AllDay, component: inst.Component, id: inst.RecurrenceID}
	if !inst.RecurrenceID.Wall.IsZero() {
		d.ID = inst.RecurrenceID.String()
	}
	return d
}

// dateOf returns the date of an event with that ID, if it is not over.
func dateOf(cal *ical.Component, id string, now time.Time) (Date, bool) {
	if id == "" {
		list := upcoming(cal, now)
		return append(list, Date{})[0], len(list) > 0 && list[0].ID == ""
	}
	main := mainOf(cal)
	if main == nil || main.Name() != "VEVENT" || main.Prop("DTSTART") == nil || len(id) > 20 {
		return Date{}, false
	}
	named := main.Prop("DTSTART")
	if rid := main.Prop("RECURRENCE-ID"); rid != nil {
		named = rid
	}
	at, err := ical.ParseDateTime(id, named.Param("TZID"))
	if err != nil {
		return Date{}, false
	}
	series, err := recur.Compile(cal, zone.NewResolver(cal))
	if err != nil {
		return Date{}, false
	}
	inst, ok := series.Lookup(at, time.UTC)
	n := 0
	for range cal.Main() {
		n++
	}
	if !ok || inst.Component < 0 || inst.Component >= n || inst.End.Before(now) {
		return Date{}, false
	}
	return newDate(inst), true
}

// MeetingZone returns the zone that a meeting's times are written in, and its name: otherwise where they are in UTC, "" of all-day and
// floating ones.
func MeetingZone(cal *ical.Component, otherwise string) (*time.Location, string) {
	main := mainOf(cal)
	if main == nil {
		return time.UTC, ""
	}
	t := whenOf(cal, main)
	if t.allDay || t.floating {
		return time.UTC, ""
	}
	for _, name := range []string{t.zone, otherwise} {
		if loc, ok := zone.Load(name); ok && name != "" {
			return loc, name
		}
	}
	if f := newTimeForm(cal); f.tzid != "" {
		return f.loc, f.tzid
	}
	return time.UTC, "UTC"
}

// counter makes the COUNTER that proposes another time (RFC 5546 section 3.2.7). view is what the attendee me has of the meeting, zone of
// times in UTC otherwise.
func counter(view *ical.Component, me string, n NewTime, otherwise string, o itip.Options) (itip.Message, error) {
	date, ok := dateOf(view, n.Date, o.Now)
	if !ok {
		return itip.Message{}, Errorf(BadRequest, "the meeting has no such date, or it is over")
	}
	loc, _ := MeetingZone(view, otherwise)
	form := newTimeForm(view)
	at := func(wall time.Time) ical.DateTime {
		switch {
		case date.AllDay:
			return ical.DateTime{Wall: wall, Form: ical.DateForm}
		case date.Floating:
			return ical.DateTime{Wall: wall, Form: ical.FloatingForm}
		}
		return form.at(zone.Instant(wall, loc))
	}
	if date.AllDay {
		const day = 24 * time.Hour
		n.Start, n.End = n.Start.Truncate(day), n.End.Add(day-1).Truncate(day)
	}
	start, end := n.Start, n.End
	if !date.AllDay && !date.Floating {
		start, end = zone.Instant(start, loc), zone.Instant(end, loc)
	}
	switch {
	case !start.Before(end):
		return itip.Message{}, Errorf(BadRequest, "it must end after it starts")
	case end.Sub(start) > maxProposedLength || start.After(o.Now.Add(maxProposedAhead)):
		return itip.Message{}, Errorf(BadRequest, "this is too long, or too far in the future")
	case end.Before(o.Now):
		return itip.Message{}, Errorf(BadRequest, "this is in the past")
	case sameMinute(start, date.Start) && sameMinute(end, date.End):
		return itip.Message{}, Errorf(BadRequest, "this is when it takes place already")
	}
	want := view.Clone()
	want.Remove("METHOD")
	i := 0
	var c *ical.Component
	for k := range want.Main() {
		if i == date.component {
			c = k
		}
		i++
	}
	if date.ID != "" && c.Prop("RECURRENCE-ID") == nil {
		c = c.Clone()
		c.RemoveFunc(func(p *ical.Property) bool {
			switch p.Name() {
			case "RRULE", "RDATE", "EXDATE", "EXRULE":
				return true
			}
			return false
		})
		c.Add(date.id.Property("RECURRENCE-ID"))
		want.AddChild(c)
	}
	c.Set(at(n.Start).Property("DTSTART"))
	c.Remove("DURATION")
	c.Set(at(n.End).Property("DTEND"))
	c.Remove("COMMENT")
	if n.Comment != "" {
		c.Add(ical.NewText("COMMENT", n.Comment))
	}
	msg, err := itip.MakeCounter(view, want, me, o)
	if errors.Is(err, itip.ErrMessage) {
		return msg, Errorf(BadRequest, "this cannot be proposed: %w", err)
	}
	return msg, err
}

// sameMinute compares times as people write them.
func sameMinute(a, b time.Time) bool {
	return a.Truncate(time.Minute).Equal(b.Truncate(time.Minute))
}

// Propose proposes another time on an attendee's answer page. It waits for the organizer to decide; an earlier proposal for the same date is
// replaced.
func (s *Service) Propose(ctx context.Context, owner, object int64, isFor func(string) bool, n NewTime) error {
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
		msg, err := counter(in.Calendar, in.Attendee, n, in.Organizer.TimeZone, itip.Options{Now: u.now, Same: u.people.same})
		if err != nil {
			return err
		}
		return u.proposeTo(ctx, in.Owner, o, msg)
	})
}

// proposeTo brings a COUNTER that was made here to an organizer here: owner has the meeting.
func (u *unit) proposeTo(ctx context.Context, owner *storage.Principal, o *storage.Object, msg itip.Message) error {
	cal, err := parseStored(o)
	if err != nil {
		return err
	}
	if err := u.people.lookup(ctx, u.tx, addressesIn(cal)); err != nil {
		return err
	}
	sum := sha256.Sum256(append(msg.Calendar.Bytes(), u.now.String()...))
	m := MailMessage{Owner: owner.ID, Calendar: msg.Calendar, Note: storage.Inbound{
		Key: hex.EncodeToString(sum[:16]), Sender: ical.Mailbox(msg.From), Recipient: ical.Mailbox(msg.To), About: storage.About{Author: ical.Mailbox(msg.From)},
	}}
	m.about(msg)
	m.aboutMeeting(cal)
	m.Note.About.Verified = true
	out, err := u.counter(ctx, owner, &m, o, cal, msg)
	if err != nil {
		return err
	}
	if out.State == storage.Settled {
		return Errorf(Changed, "the meeting has changed meanwhile; look at it again")
	}
	m.waits(o)
	return u.noteMail(ctx, owner.ID, m.Note, false, &out)
}

// ProposeTime proposes another time for a meeting in the target's calendar to which its owner is invited: to an organizer here, whose
// decision it waits for, or by mail to one outside (RFC 5546 section 3.2.7). The copy stays as it is until the organizer decides.
func (s *Service) ProposeTime(ctx context.Context, who *storage.Principal, t Target, n NewTime) error {
	return s.toOrganizer(ctx, who, t, func(u *unit, o *storage.Object, cal *ical.Component, organizer string) error {
		me := ownAddress(cal, nil, u.people.is(t.Owner))
		msg, err := counter(cal, me, n, t.Owner.TimeZone, itip.Options{Now: u.now, Same: u.people.same})
		if err != nil {
			return err
		}
		boss := u.people.of(organizer)
		if boss == nil {
			out := &scheduling.Outcome{}
			if err := u.route(ctx, t.Owner, out, []itip.Message{msg}); err != nil {
				return err
			}
			if len(out.Messages) != 1 || out.Messages[0].Status != scheduling.StatusSent {
				return Errorf(Refused, "%s cannot be reached by mail", ical.Mailbox(organizer))
			}
			return u.deliver(ctx, t.Owner, o, out)
		}
		if u.people.reach([]string{organizer}) || !u.tx.Locked(boss.ID) {
			return errGrew
		}
		if err := u.findCopies(ctx, t.Owner.ID, o.UID); err != nil {
			return err
		}
		theirs := u.copyOf(boss.ID)
		if theirs == nil {
			host, err := u.hostOf(ctx, boss, o.UID)
			if err != nil {
				return err
			}
			if host != nil { // it is in the calendar of a team
				boss, theirs = host, u.copyOf(host.ID)
			}
		}
		if theirs == nil || theirs.Organizer == "" {
			return Errorf(NotFound, "the organizer has removed this meeting")
		}
		return u.proposeTo(ctx, boss, theirs, msg)
	})
}

// AskAgain asks an organizer outside for a meeting in the target's calendar as it is (REFRESH, RFC 5546 section 3.2.6). It can be
// asked once in ten minutes.
func (s *Service) AskAgain(ctx context.Context, who *storage.Principal, t Target) error {
	return s.toOrganizer(ctx, who, t, func(u *unit, o *storage.Object, cal *ical.Component, organizer string) error {
		if u.people.of(organizer) != nil {
			return Errorf(Refused, "the organizer is here: the meeting is as they have it")
		}
		told, err := u.tx.Mailed(ctx, t.Owner.ID, o.ID, ical.Address(organizer))
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		if told != nil && told.Method == itip.Refresh && u.now.Sub(told.At) < refreshEvery {
			return Errorf(Refused, "the organizer was asked just now; ask again in %d minutes", int((refreshEvery-u.now.Sub(told.At))/time.Minute)+1)
		}
		ask, err := itip.MakeRefresh(cal, ownAddress(cal, nil, u.people.is(t.Owner)), itip.Options{Now: u.now, Same: u.people.same})
		if err != nil {
			return fmt.Errorf("make REFRESH: %w", err)
		}
		if err := u.queueRefresh(ctx, t.Owner, o, ask); err != nil {
			return err
		}
		return u.tx.PutMailed(ctx, storage.Mailed{Owner: t.Owner.ID, Object: o.ID, Recipient: ical.Address(organizer), Method: itip.Refresh, At: u.now})
	})
}

// toOrganizer runs fn on a meeting to whose owner somebody else is the organizer, for who may answer it.
func (s *Service) toOrganizer(ctx context.Context, who *storage.Principal, t Target, fn func(u *unit, o *storage.Object, cal *ical.Component, organizer string) error) error {
	if err := s.early(ctx, who, t, false, auth.WriteContent); err != nil {
		return err
	}
	return s.update(ctx, t.Owner.ID, &people{}, func(u *unit) error {
		c, err := collection(ctx, u.tx, t)
		if err != nil {
			return err
		}
		if err := allow(ctx, u.tx, who, t, c, auth.WriteContent); err != nil {
			return err
		}
		o, err := u.tx.Object(ctx, c.Ref(), t.Name)
		if errors.Is(err, storage.ErrNotFound) {
			return Errorf(NotFound, "there is no such meeting")
		}
		if err != nil {
			return fmt.Errorf("object: %w", err)
		}
		if err := untouchable(who, t.Owner, o); err != nil {
			return err
		}
		cal, err := parseStored(o)
		if err != nil {
			return err
		}
		if err := u.people.lookup(ctx, u.tx, addressesIn(cal)); err != nil {
			return err
		}
		role, organizer := itip.RoleOf(cal, u.people.is(t.Owner))
		if o.Organizer == "" || role != itip.RoleAttendee || organizer == "" || strings.EqualFold(mainOf(cal).Value("STATUS"), "CANCELLED") {
			return Errorf(Refused, "%s is not invited to this by somebody else", t.Owner.Name)
		}
		return fn(u, o, cal, organizer)
	})
}
