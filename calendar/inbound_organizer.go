package calendar

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"kalends/ical"
	"kalends/scheduling"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// fromOrganizer takes in a REQUEST, CANCEL, ADD or DECLINECOUNTER for the owner.
func (u *unit) fromOrganizer(ctx context.Context, owner *storage.Principal, m *MailMessage, msg itip.Message) (MailOutcome, error) {
	if m.IsFor != nil {
		return settled("a %s is no answer", msg.Method), nil
	}
	if u.people.of(msg.From) != nil {
		// Among people here the server delivers by itself. What comes by mail is a forwarded copy, or a forgery.
		return settled("the organizer is here, and needs no mail"), nil
	}
	known := u.copyOf(owner.ID)
	to := ""
	for _, a := range itip.Attendees(msg.Calendar, u.people.same) {
		if u.people.is(owner)(a.Address) {
			to = a.Address
		}
	}
	if msg.Method == itip.Add && known == nil {
		return u.askFor(ctx, owner, m, msg, to)
	}
	if msg.Method != itip.Request && known == nil {
		return settled("a %s about a meeting that is not in the calendar", msg.Method), nil
	}
	if !m.Decided {
		switch author, ok := m.organizerIs(msg, u.people.same); {
		case m.Author == "":
			return held("%s", m.Unverified), nil
		case !ok:
			return held("%s writes for the organizer %s", ical.Mailbox(m.Author), ical.Mailbox(msg.From)), nil
		case to == "" && msg.Method == itip.Request:
			return MailOutcome{State: storage.Asked, Text: "it invites others, and was passed on"}, nil
		case known == nil:
			is, err := u.knows(ctx, owner, m.To, author, msg.From)
			if err != nil {
				return MailOutcome{}, err
			}
			if !is {
				return MailOutcome{State: storage.Asked, Text: "an invitation by " + ical.Mailbox(author) + ", who is not known"}, nil
			}
		}
	}
	if to == "" {
		to = m.To
	}
	msg.To = to
	res, err := u.receive(ctx, owner, msg, false)
	if errors.Is(err, itip.ErrMessage) {
		return held("it cannot be understood: %v", err), nil
	}
	if err != nil {
		return MailOutcome{}, err
	}
	if res.Outcome == itip.Ignored {
		return settled("left alone: %s", res.Reason), nil
	}
	if o := u.copyOf(owner.ID); o != nil {
		// The answer belongs to the thread of the invitation, and its organizer is known from now on.
		err := u.tx.PutMailed(ctx, storage.Mailed{
			Owner: owner.ID, Object: o.ID, Recipient: ical.Address(msg.From), First: m.MessageID, Method: msg.Method, At: u.now,
		})
		if err != nil {
			return MailOutcome{}, err
		}
	}
	return settled("in the calendar"), nil
}

// organizerIs reports whether the verified author is the organizer, or speaks for them: SENT-BY, or the token address
// of a server that takes their answers.
func (m *MailMessage) organizerIs(msg itip.Message, same itip.Same) (author string, ok bool) {
	if m.Author == "" {
		return "", false
	}
	if same(m.Author, msg.From) {
		return m.Author, true
	}
	for c := range msg.Calendar.Main() {
		p := c.Prop("ORGANIZER")
		if p == nil {
			return m.Author, false
		}
		if !(p.HasParam("SENT-BY") && same(p.Param("SENT-BY"), m.Author)) && !(m.Stands != nil && m.Stands(p)) {
			return m.Author, false
		}
	}
	return m.Author, true
}

// knows reports whether an invitation may enter the owner's calendar by itself: from their own domain, or from somebody with whom they
// had a meeting by mail.
func (u *unit) knows(ctx context.Context, owner *storage.Principal, to string, addresses ...string) (bool, error) {
	domain := func(address string) string {
		box := ical.Mailbox(address)
		return strings.ToLower(box[strings.LastIndexByte(box, '@')+1:])
	}
	mine := domain(to)
	for _, a := range addresses {
		if d := domain(a); d != "" && d == mine {
			return true, nil
		}
		is, err := u.tx.Corresponded(ctx, owner.ID, ical.Address(a))
		if err != nil || is {
			return is, err
		}
	}
	return false, nil
}

// counter takes in another proposal for a meeting of the owner (RFC 5546 section 3.2.7): it waits for them to decide, and
// stands in their inbox. Once they have decided, the meeting is changed.
func (u *unit) counter(ctx context.Context, owner *storage.Principal, m *MailMessage, o *storage.Object, cal *ical.Component, msg itip.Message) (MailOutcome, error) {
	list, err := itip.ReadCounter(cal, msg, itip.Options{Now: u.now, Same: u.people.same})
	if err != nil {
		return held("it cannot be understood: %v", err), nil
	}
	if len(list) == 0 {
		return settled("a proposal that is out of date, or by somebody who is not invited"), nil
	}
	if m.Decided {
		if err := u.rewrite(ctx, owner, o, cal, adopt(cal, msg.Calendar, list)); err != nil {
			return MailOutcome{}, err
		}
		return settled("the proposal was taken"), nil
	}
	m.Note.About.Was = whenOf(cal, list[0].Now).start
	if err := u.supersede(ctx, owner, o, m); err != nil {
		return MailOutcome{}, err
	}
	if err := u.notifyOf(ctx, owner, o, scheduling.ProposalNotice, msg, alone(cal, list[0].Now)); err != nil {
		return MailOutcome{}, err
	}
	home, err := u.home(ctx, owner.ID)
	if err != nil {
		return MailOutcome{}, err
	}
	what := "other details"
	if list[0].Moves {
		what = "another time"
	}
	return held("%s proposes %s", ical.Mailbox(msg.From), what), u.putInbox(ctx, owner, home, o.UID, o.Component, msg)
}

// supersede ends the waiting of an earlier proposal by the same attendee for the same date.
func (u *unit) supersede(ctx context.Context, owner *storage.Principal, o *storage.Object, m *MailMessage) error {
	list, err := u.tx.WaitingMail(ctx, storage.WaitingQuery{Owner: owner.ID, Object: o.ID})
	if err != nil {
		return err
	}
	for _, in := range list {
		a, b := &in.About, &m.Note.About
		if in.Key == m.Note.Key || a.Method != itip.Counter || !u.people.same(a.From, b.From) || !a.Was.Equal(b.Was) {
			continue
		}
		if err := u.tx.SettleInbound(ctx, owner.ID, in.Key, "replaced by a newer proposal"); err != nil {
			return err
		}
	}
	return nil
}

// dropMail is the inside of [Service.RefuseHeld].
func (s *Service) dropMail(ctx context.Context, m MailMessage, comment string) error {
	var msg itip.Message
	var readErr error = itip.ErrMessage
	if m.Calendar != nil {
		msg, readErr = itip.ReadMessage(m.Calendar)
	}
	return s.update(ctx, m.Owner, &people{}, func(u *unit) error {
		if readErr == nil {
			if m.Note.About.From != "" {
				msg.From = m.Note.About.From
			}
			if err := u.unnotify(ctx, m.Owner, msg.From, messageUID(msg.Calendar)); err != nil {
				return err
			}
		}
		if readErr == nil && msg.Method == itip.Counter {
			if err := u.declineCounter(ctx, m, msg, comment); err != nil {
				return err
			}
		}
		return u.tx.SettleInbound(ctx, m.Owner, m.Note.Key, "refused by the owner")
	})
}

func (u *unit) declineCounter(ctx context.Context, m MailMessage, msg itip.Message, comment string) error {
	uid := messageUID(msg.Calendar)
	if err := u.findCopies(ctx, m.Owner, uid); err != nil {
		return err
	}
	o := u.copyOf(m.Owner)
	if o == nil {
		return nil
	}
	cal, err := parseStored(o)
	if err != nil {
		return err
	}
	if err := u.people.lookup(ctx, u.tx, append(addressesIn(cal), msg.From)); err != nil {
		return err
	}
	owner, err := u.tx.PrincipalByID(ctx, m.Owner)
	if err != nil {
		return fmt.Errorf("principal: %w", err)
	}
	if err := u.actFor(ctx, owner, o.UID, itip.Organizer(cal)); err != nil {
		return err
	}
	no, err := itip.MakeDeclineCounter(cal, msg, comment, itip.Options{Now: u.now, Same: u.people.same})
	if err != nil || !u.people.own(owner)(itip.Organizer(cal)) {
		return nil // they are not invited any more, or it was never for this person
	}
	out := &scheduling.Outcome{}
	if err := u.route(ctx, owner, out, []itip.Message{no}); err != nil {
		return err
	}
	return u.deliver(ctx, owner, o, out)
}
