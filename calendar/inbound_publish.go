package calendar

import (
	"context"
	"errors"
	"fmt"

	"kalends/ical"
	"kalends/scheduling"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// published takes in a PUBLISH (RFC 5546 section 3.2.1): what somebody wants everybody to know is never added by itself. Where its
// author is verified, it waits for the owner.
func (u *unit) published(ctx context.Context, owner *storage.Principal, m *MailMessage, msg itip.Message) (MailOutcome, error) {
	if m.IsFor != nil {
		return settled("a PUBLISH is no answer"), nil
	}
	old := u.copyOf(owner.ID)
	if old != nil && old.Organizer != "" {
		return settled("published for everybody, of a meeting that is in the calendar"), nil
	}
	if !m.Decided {
		if m.Author == "" {
			return settled("published for everybody, and not added by itself"), nil
		}
		return MailOutcome{State: storage.Asked, Text: "published for everybody by " + ical.Mailbox(m.Author)}, nil
	}
	have, err := parseStored(old)
	if err != nil {
		return MailOutcome{}, err
	}
	msg.Calendar = msg.Calendar.Clone()
	for c := range msg.Calendar.Main() {
		c.RemoveChildren(func(k *ical.Component) bool { return k.Name() == "VALARM" })
	}
	res, err := itip.TakePublish(have, msg, itip.Options{Now: u.now, Same: u.people.same})
	if err != nil {
		return held("it cannot be entered: %v", err), nil
	}
	if !res.Changed {
		return settled("it brings nothing new: %s", res.Reason), nil
	}
	cal := res.Copy
	cal.Remove("METHOD")
	p, err := u.s.checkComponent(cal)
	if err != nil {
		return held("it cannot be entered: %v", err), nil
	}
	home, err := u.home(ctx, owner.ID)
	if err != nil {
		return MailOutcome{}, err
	}
	c := change{owner: owner, p: p, text: cal.Bytes(), quiet: true, old: old}
	if old == nil {
		c.calendar, c.name = scheduling.DefaultCalendar(home, p.component), scheduling.ObjectName(p.uid)
		if u.altNames {
			c.name = scheduling.InboxName(p.uid, u.now.UnixMicro())
		}
	} else {
		c.name = old.Name
		for _, x := range home {
			if x.ID == old.Calendar {
				c.calendar = x
			}
		}
	}
	if c.calendar == nil {
		return held("there is no calendar for it"), nil
	}
	if _, _, err := u.save(ctx, c); err != nil {
		return MailOutcome{}, err
	}
	return settled("entered"), nil
}

// askFor answers an ADD to a series that is not here with a REFRESH (RFC 5546 section 3.2.4), where its organizer is verified and known. An
// organizer is asked once in a while only.
func (u *unit) askFor(ctx context.Context, owner *storage.Principal, m *MailMessage, msg itip.Message, to string) (MailOutcome, error) {
	const what = "an ADD to a meeting that is not in the calendar"
	author, ok := m.organizerIs(msg, u.people.same)
	if !ok || to == "" {
		return settled(what), nil
	}
	if is, err := u.knows(ctx, owner, m.To, author, msg.From); err != nil || !is {
		return settled(what), err
	}
	organizer := ical.Address(msg.From)
	asked, err := u.tx.Mailed(ctx, owner.ID, 0, organizer)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return MailOutcome{}, err
	}
	if asked != nil && u.now.Sub(asked.At) < refreshEvery {
		return settled("%s; it was asked for one just now", what), nil
	}
	ask, err := itip.MakeRefresh(msg.Calendar, to, itip.Options{Now: u.now, Same: u.people.same})
	if err != nil {
		return settled(what), nil
	}
	if err := u.queueRefresh(ctx, owner, &storage.Object{Owner: owner.ID, UID: messageUID(msg.Calendar)}, ask); err != nil {
		return MailOutcome{}, err
	}
	// Under no object: the meeting has none here.
	err = u.tx.PutMailed(ctx, storage.Mailed{Owner: owner.ID, Recipient: organizer, Method: itip.Refresh, At: u.now})
	if err != nil {
		return MailOutcome{}, err
	}
	return settled("%s; it is asked for", what), nil
}

// queueRefresh mails a REFRESH to an organizer outside.
func (u *unit) queueRefresh(ctx context.Context, owner *storage.Principal, o *storage.Object, ask itip.Message) error {
	out := &scheduling.Outcome{}
	if err := u.route(ctx, owner, out, []itip.Message{ask}); err != nil {
		return err
	}
	if len(out.Messages) != 1 || out.Messages[0].Status != scheduling.StatusSent || out.Messages[0].Local != nil {
		return Errorf(Refused, "%s cannot be asked by mail", ical.Mailbox(ask.To))
	}
	if err := u.queueMessage(ctx, scheduling.MailJob, owner, o, out, out.Messages[0]); err != nil {
		return fmt.Errorf("queue REFRESH: %w", err)
	}
	return nil
}
