package calendar

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"kalends/ical"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// MailReply is an iMIP answer that came to a signed reply address (RFC 6047). The address names the object and its
// attendee, and whoever can write to it was sent it, so it is as good as the attendee's answer link.
type MailReply struct {
	Owner, Object int64                     // from the reply address
	IsFor         func(address string) bool // whether the reply address was made for this attendee
	Calendar      *ical.Component
	Note          storage.Inbound // for dedupe and audit; its Owner and Outcome are filled in
}

// TakeMail applies an answer that came by mail, once however often the mail comes. The outcome is one word or sentence for
// the log and the audit: answered, repeat, or why it was left alone. An error is temporary: the mail is to come again.
func (s *Service) TakeMail(ctx context.Context, r MailReply) (outcome string, err error) {
	msg, readErr := itip.ReadMessage(r.Calendar)
	who := &people{}
	err = s.update(ctx, r.Owner, who, func(u *unit) error {
		outcome, err = u.takeMail(ctx, r, msg, readErr)
		if err != nil {
			return err
		}
		in := r.Note
		in.Owner, in.Received, in.Outcome = r.Owner, u.now, outcome
		first, err := u.tx.AddInbound(ctx, in)
		if err != nil {
			return fmt.Errorf("note mail: %w", err)
		}
		if !first {
			outcome = "repeat"
			return errRepeat
		}
		return nil
	})
	if errors.Is(err, errRepeat) {
		return outcome, nil
	}
	if errors.Is(err, storage.ErrNotFound) {
		return "the calendar is gone", nil
	}
	return outcome, err
}

var errRepeat = errors.New("mail was taken in before")

func (u *unit) takeMail(ctx context.Context, r MailReply, msg itip.Message, readErr error) (string, error) {
	if readErr != nil {
		return "not understood: " + readErr.Error(), nil
	}
	if msg.Method != itip.Reply {
		return "a " + msg.Method + " is not an answer", nil
	}
	o, err := u.tx.ObjectByID(ctx, r.Owner, r.Object)
	if errors.Is(err, storage.ErrNotFound) {
		return "the meeting is gone", nil
	}
	if err != nil {
		return "", fmt.Errorf("object: %w", err)
	}
	cal, err := parseStored(o)
	if err != nil {
		return "", err
	}
	if err := u.people.lookup(ctx, u.tx, addressesIn(cal)); err != nil {
		return "", err
	}
	attendee := ""
	for _, a := range itip.Attendees(cal, u.people.same) {
		if r.IsFor(a.Address) {
			attendee = a.Address
		}
	}
	switch {
	case attendee == "":
		return "the sender is no longer invited", nil
	case !u.people.same(msg.From, attendee):
		return "the answer is for another person than its address", nil
	}
	uid := ""
	for c := range msg.Calendar.Main() {
		uid = strings.TrimSpace(c.Text("UID"))
		break
	}
	if uid != o.UID {
		return "the answer is about another meeting than its address", nil
	}
	owner, err := u.tx.PrincipalByID(ctx, r.Owner)
	if err != nil {
		return "", fmt.Errorf("principal: %w", err)
	}
	u.copies = []*storage.Object{o}
	msg.From, msg.To = attendee, itip.Organizer(cal)
	res, err := u.receive(ctx, owner, msg, false)
	if errors.Is(err, itip.ErrMessage) {
		return "not understood: " + err.Error(), nil
	}
	if err != nil {
		return "", err
	}
	if res.Outcome == itip.Ignored {
		return "left alone: " + res.Reason, nil
	}
	return "answered", nil
}
