package calendar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"kalends/ical"
	"kalends/scheduling"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// implicit finds out what a PUT of a scheduling object leads to (RFC 6638 section 3.2). oldCal is nil for a new
// meeting. Nothing is written.
func (u *unit) implicit(ctx context.Context, owner *storage.Principal, old *storage.Object, oldCal *ical.Component, p *parsed, stale bool) (*scheduling.Outcome, error) {
	o := itip.Options{Now: u.now, Same: u.people.same, Stale: stale, Local: true}
	if err := itip.Validate(p.cal, u.people.same); err != nil {
		return nil, changeError(err)
	}
	mine := u.people.own(owner)
	role, organizer := itip.RoleOf(p.cal, mine)
	if oldCal != nil {
		oldRole, oldOrganizer := itip.RoleOf(oldCal, mine)
		switch {
		case organizer == "":
			role = oldRole
		case !u.people.same(organizer, oldOrganizer) && oldRole == itip.RoleAttendee:
			return nil, Errorf(AttendeeChange, "an attendee cannot change the ORGANIZER")
		case !u.people.same(organizer, oldOrganizer) && oldRole == itip.RoleOrganizer:
			return nil, Errorf(OrganizerChange, "the ORGANIZER of a meeting cannot be changed")
		case role == itip.NotScheduled:
			role = oldRole
		}
	}
	switch role {
	case itip.RoleOrganizer:
		if err := hasWhole(p.cal, oldCal); err != nil {
			return nil, err
		}
		if oldCal == nil {
			var err error
			if o.LeastSequence, err = u.leastSequence(ctx, owner, p); err != nil {
				return nil, err
			}
		}
		plan, err := itip.Organize(oldCal, p.cal, o)
		if err != nil {
			return nil, changeError(err)
		}
		out := &scheduling.Outcome{Stored: plan.Stored, Changed: plan.Changed, Spread: plan.Spread}
		err = u.route(ctx, owner, out, plan.Messages)
		u.markUpdates(out, oldCal)
		return out, err
	case itip.RoleAttendee:
		if oldCal == nil {
			if err := u.isKnown(ctx, p.cal, p.uid, organizer); err != nil {
				return nil, err
			}
		}
		me := ownAddress(p.cal, oldCal, mine)
		plan, err := itip.Attend(oldCal, p.cal, me, o)
		if err != nil {
			return nil, changeError(err)
		}
		out := &scheduling.Outcome{Stored: plan.Stored, Changed: plan.Changed}
		if plan.Reply != nil {
			return out, u.route(ctx, owner, out, []itip.Message{*plan.Reply})
		}
		return out, nil
	}
	return u.unscheduled(owner, p.cal), nil
}

// withdrawn is implicit for a deletion.
func (u *unit) withdrawn(ctx context.Context, owner *storage.Principal, oldCal *ical.Component, noReply bool) (*scheduling.Outcome, error) {
	o := itip.Options{Now: u.now, Same: u.people.same, Local: true}
	mine := u.people.own(owner)
	out := &scheduling.Outcome{}
	switch role, _ := itip.RoleOf(oldCal, mine); role {
	case itip.RoleOrganizer:
		plan, err := itip.Organize(oldCal, nil, o)
		if err != nil {
			return nil, changeError(err)
		}
		return out, u.route(ctx, owner, out, plan.Messages)
	case itip.RoleAttendee:
		if noReply {
			return out, nil
		}
		plan, err := itip.Attend(oldCal, nil, ownAddress(nil, oldCal, mine), o)
		if err != nil {
			return nil, changeError(err)
		}
		if plan.Reply != nil {
			return out, u.route(ctx, owner, out, []itip.Message{*plan.Reply})
		}
	}
	return out, nil
}

// changeError translates what itip refuses.
func changeError(err error) error {
	var c *itip.ChangeError
	if !errors.As(err, &c) {
		return err
	}
	kind := AttendeeChange
	switch c.Precondition {
	case itip.AllowedOrganizerChange:
		kind = OrganizerChange
	case itip.SameOrganizer:
		kind = SameOrganizer
	}
	return &Error{Kind: kind, Msg: c.Msg, Err: err}
}

// ownAddress returns the ATTENDEE address in the object that is the owner's.
func ownAddress(cal, old *ical.Component, mine func(string) bool) string {
	for _, c := range []*ical.Component{cal, old} {
		if c == nil {
			continue
		}
		for k := range c.Main() {
			for p := range k.All("ATTENDEE") {
				if a := ical.Address(p.Value()); mine(a) {
					return a
				}
			}
		}
	}
	return ""
}

// leastSequence is the SEQUENCE that a meeting made anew under the UID of a cancelled one must reach for its invitations to count: above that
// of the copies here, and for who is elsewhere above that of the CANCEL which went to them when the organizer deleted it (RFC 5546 section 2.1.4).
func (u *unit) leastSequence(ctx context.Context, owner *storage.Principal, p *parsed) (int, error) {
	least := 0
	for _, c := range u.copies {
		if cal, err := parseStored(c); err == nil {
			least = max(least, itip.LeastFor(cal))
		}
	}
	if !u.invitesOutside(p.cal) {
		return least, nil
	}
	deleted, err := u.tx.TrashedUID(ctx, owner.ID, p.uid)
	if err != nil {
		return 0, err
	}
	mine := u.people.own(owner)
	for _, d := range deleted {
		cal, err := ical.Parse(d.ICS)
		if err != nil {
			continue
		}
		if role, _ := itip.RoleOf(cal, mine); role == itip.RoleOrganizer {
			least = max(least, itip.NextSequence(cal))
		}
	}
	return least, nil
}

// invitesOutside reports whether somebody is invited who is not here.
func (u *unit) invitesOutside(cal *ical.Component) bool {
	for c := range cal.Main() {
		for p := range c.All("ATTENDEE") {
			if u.people.of(p.Value()) == nil && ical.Mailbox(p.Value()) != "" {
				return true
			}
		}
	}
	return false
}

// route finds each message's way and notes its SCHEDULE-STATUS on the object to be stored
// (RFC 6638 section 3.2.9). Local recipients get 1.2, because delivery is part of this transaction; mail gets 1.1, because
// it is durably queued by it.
func (u *unit) route(ctx context.Context, owner *storage.Principal, out *scheduling.Outcome, messages []itip.Message) error {
	limits := u.s.Limit()
	outside := 0
	for _, m := range messages {
		d := scheduling.Delivery{Message: m}
		switch who := u.people.of(m.To); {
		case who != nil && who.ID == owner.ID:
			continue
		case who != nil && who.Kind == storage.Group:
			d.Status = scheduling.StatusNoService
		case who != nil:
			if d.Local, d.Status = who, scheduling.StatusDelivered; !u.tx.Locked(who.ID) {
				d.Status = scheduling.StatusSent // a job will bring it
			}
		case ical.Mailbox(m.To) == "":
			d.Status = scheduling.StatusInvalid
		case outside >= limits.Outside:
			d.Status = scheduling.StatusNoService
		default:
			outside++
			d.Status = scheduling.StatusSent
		}
		if out.Stored != nil && itip.SetStatus(out.Stored, m.To, d.Status, u.people.same) {
			out.Changed = true
		}
		out.Messages = append(out.Messages, d)
	}
	return nil
}

// markUpdates tells the requests to people who were invited before from first ones.
func (u *unit) markUpdates(out *scheduling.Outcome, old *ical.Component) {
	if old == nil {
		return
	}
	invited := itip.Attendees(old, u.people.same)
	for i := range out.Messages {
		d := &out.Messages[i]
		d.Update = d.Method == itip.Request && slices.ContainsFunc(invited, func(a itip.Attendee) bool { return u.people.same(a.Address, d.To) })
	}
}

// deliver carries out what route decided: messages into calendars and inboxes here, and mail into the outbox. row is
// the sender's object.
func (u *unit) deliver(ctx context.Context, owner *storage.Principal, row *storage.Object, out *scheduling.Outcome) error {
	for _, d := range out.Messages {
		var err error
		switch {
		case d.Local != nil && u.tx.Locked(d.Local.ID):
			_, err = u.receiveBy(ctx, d.Local, d.Message, true, inOrder)
		case d.Local != nil:
			err = u.queueMessage(ctx, scheduling.DeliverJob, owner, row, out, d)
		case d.Status == scheduling.StatusSent:
			err = u.queueMessage(ctx, scheduling.MailJob, owner, row, out, d)
		}
		if err != nil {
			return fmt.Errorf("deliver %s of %d/%d: %w", d.Method, row.Owner, row.ID, err)
		}
	}
	if out.Spread {
		if err := u.queueSpread(ctx, row); err != nil {
			return err
		}
	}
	return u.sendReplies(ctx)
}

// inOrder applies a message in the transaction that made it.
func inOrder(copy *ical.Component, m itip.Message, o itip.Options) (itip.Result, error) {
	o.InOrder = true
	if m.Method == itip.Reply {
		return itip.TakeReply(copy, m, o)
	}
	return itip.Receive(copy, m, o)
}

// queueSpread leaves it to the outbox to tell the attendees' calendars what the organizer's copy knows of the answers.
func (u *unit) queueSpread(ctx context.Context, organizer *storage.Object) error {
	return u.queue(ctx, &storage.Job{
		Owner: organizer.Owner, Kind: scheduling.SpreadJob, Merge: "spread " + organizer.UID, Object: organizer.ID, UID: organizer.UID,
	})
}

// queueMessage leaves a message to the outbox.
func (u *unit) queueMessage(ctx context.Context, kind string, owner *storage.Principal, row *storage.Object, out *scheduling.Outcome, d scheduling.Delivery) error {
	j := &storage.Job{Owner: row.Owner, Kind: kind, Recipient: d.To, Object: row.ID, UID: row.UID, DueAt: u.now}
	if kind == scheduling.MailJob {
		j.Merge = "mail " + d.To + " " + row.UID
		switch d.Method {
		case itip.Cancel:
			// A request that waits is taken back. Who has not heard of the meeting hears nothing now; and who is left out of some
			// instances gets a new request for the rest, behind the CANCEL.
			withdrawn, unseen, err := u.tx.WithdrawJob(ctx, row.Owner, j.Merge)
			if err != nil {
				return err
			}
			if withdrawn && scheduling.Partial(d.Calendar) && out.Stored != nil {
				if m, ok := itip.View(out.Stored, d.To, itip.Request, itip.Options{Now: u.now, Same: u.people.same}); ok {
					rest := scheduling.Delivery{Message: m, Update: !unseen, Status: d.Status}
					if err := u.queueMessage(ctx, kind, owner, row, out, rest); err != nil {
						return err
					}
				}
			}
			if unseen {
				return nil
			}
			j.Merge = ""
		case itip.Request:
			j.Opens = !d.Update
			if d.Update {
				j.DueAt = u.now.Add(u.s.UpdateHold)
			}
		default:
			j.Merge = ""
		}
	}
	owner = u.people.planner(owner)
	m := scheduling.Mail{
		Method: d.Method, From: d.From, FromName: owner.DisplayName, To: d.To, ToName: commonName(d.Calendar, d.To),
		Calendar: string(d.Calendar.CRLF()), Owner: row.Owner, Object: row.ID, UID: row.UID,
		Language: owner.Language, TimeZone: owner.TimeZone, Update: d.Update,
	}
	var err error
	if j.Payload, err = json.Marshal(m); err != nil {
		return err
	}
	return u.queue(ctx, j)
}

// commonName returns the CN of the person with that address in a message.
func commonName(cal *ical.Component, address string) string {
	for c := range cal.Main() {
		for _, name := range []string{"ATTENDEE", "ORGANIZER"} {
			for p := range c.All(name) {
				if ical.Address(p.Value()) == address && p.Param("CN") != "" {
					return p.Param("CN")
				}
			}
		}
	}
	return ""
}
