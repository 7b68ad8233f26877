package mailer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"kalends/calendar"
	"kalends/ical"
	"kalends/storage"
)

// Receiver is the [Inbox] that takes in calendar mail (RFC 6047): for signed reply addresses, for the server's own mailbox, where bounces
// may come, and for the people here.
//
// A message is acted on when it came to a reply address and is of that address's attendee, or when its author is verified and may
// say what it says. Everything else waits for the owner to decide.
type Receiver struct {
	Calendar *calendar.Service
	Store    storage.Store
	Identity *Identity
	Verifier *Verifier
	Log      *slog.Logger
}

var errUnknownRecipient = &Refusal{Enhanced: [3]int{5, 1, 1}, Text: "there is no such mailbox here"}

// Accept implements [Inbox].
func (r *Receiver) Accept(ctx context.Context, rcpt string) (bool, error) {
	if _, ok := r.Identity.OpenReply(rcpt); ok || r.own(rcpt) {
		return true, nil
	}
	who, _, err := r.person(ctx, rcpt)
	return who != nil, err
}

func (r *Receiver) own(rcpt string) bool { return strings.EqualFold(rcpt, r.Identity.Own.Address) }

// person returns whose the address is, with or without a +detail, and the address as they have it; nil for nobody's.
func (r *Receiver) person(ctx context.Context, rcpt string) (*storage.Principal, string, error) {
	list := personKeys(rcpt)
	if len(list) == 0 {
		return nil, "", nil
	}
	found, err := r.Store.PrincipalsByAddress(ctx, list)
	if err != nil {
		return nil, "", fmt.Errorf("look up recipient: %w", err)
	}
	who, address := firstPerson(found, list)
	return who, address, nil
}

// Deliver implements [Inbox]. What cannot be acted on is noted and taken in all the same: bouncing it would tell a forged sender.
func (r *Receiver) Deliver(ctx context.Context, from, rcpt string, msg []byte) error {
	if r.own(rcpt) {
		r.Log.InfoContext(ctx, "mail to the server itself is not kept")
		return nil
	}
	in, err := Parse(msg)
	if err != nil {
		return &Refusal{Enhanced: [3]int{5, 6, 0}, Text: "the message cannot be read: " + err.Error()}
	}
	m := calendar.MailMessage{MessageID: in.MessageID, Note: storage.Inbound{
		Key: inboundKey(rcpt, msg), Sender: from, Recipient: rcpt, Subject: in.Subject, Message: msg,
		About: storage.About{Author: ical.Mailbox(in.From.Address), Name: in.From.Name},
	}}
	to, token := r.Identity.OpenReply(rcpt)
	if token {
		m.Owner, m.Object, m.To = to.Owner, to.Object, ical.Address(rcpt)
		m.IsFor = func(address string) bool { return r.Identity.Tokens.IsFor(to, address) }
	} else {
		who, address, err := r.person(ctx, rcpt)
		if err != nil {
			return err
		}
		if who == nil {
			return errUnknownRecipient
		}
		m.Owner, m.To = who.ID, address
	}
	out, err := r.take(ctx, in, msg, m, token)
	if err != nil {
		return err
	}
	r.Log.InfoContext(ctx, "mail taken in", "owner", m.Owner, "object", m.Object, "state", string(out.State), "repeat", out.Repeat)
	return nil
}

func inboundKey(rcpt string, msg []byte) string {
	h := sha256.New()
	h.Write([]byte(strings.ToLower(rcpt) + "\n"))
	h.Write(msg)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (r *Receiver) take(ctx context.Context, in *Incoming, msg []byte, m calendar.MailMessage, token bool) (calendar.MailOutcome, error) {
	note := func(state storage.InboundState, text string) (calendar.MailOutcome, error) {
		m.Note.State, m.Note.Outcome = state, text
		return r.Calendar.NoteMail(ctx, m.Owner, m.Note)
	}
	if in.Bounce != nil {
		if !token {
			return note(storage.Settled, "a bounce")
		}
		status := ""
		for _, f := range in.Bounce.Failed {
			if f.Final || f.Status == "" {
				status = FailureStatus(f.Status)
			}
		}
		if status == "" {
			return note(storage.Settled, "a bounce that is not final")
		}
		text, err := r.Calendar.BouncedMail(ctx, m.Owner, m.Object, m.IsFor, status)
		if err != nil {
			return calendar.MailOutcome{}, err
		}
		return note(storage.Settled, text)
	}
	cal, method, err := in.Message()
	switch {
	case errors.Is(err, ErrNoCalendar) && in.TNEF:
		return note(storage.Held, "an Outlook attachment (winmail.dat), which only Outlook can read")
	case errors.Is(err, ErrNoCalendar) && len(in.Parts) > 0:
		return note(storage.Held, "its calendar part cannot be read")
	case errors.Is(err, ErrNoCalendar) && token && in.Automatic:
		return note(storage.Settled, "an automatic answer without a calendar part")
	case errors.Is(err, ErrNoCalendar) && token:
		if err := r.author(ctx, in, msg, &m); err != nil {
			return calendar.MailOutcome{}, err
		}
		return r.Calendar.PassOnMail(ctx, m)
	case errors.Is(err, ErrNoCalendar):
		return note(storage.Settled, "no calendar mail")
	case err != nil:
		return note(storage.Held, err.Error())
	case method == "":
		return note(storage.Settled, "a calendar file without a METHOD")
	}
	cal.Set(ical.NewProperty("METHOD", method)) // in upper case, and where only the header had it
	m.Calendar = cal
	if !token {
		if err := r.author(ctx, in, msg, &m); err != nil {
			return calendar.MailOutcome{}, err
		}
	}
	return r.Calendar.TakeMail(ctx, m)
}

// author fills in who wrote a message, if that can be verified.
func (r *Receiver) author(ctx context.Context, in *Incoming, msg []byte, m *calendar.MailMessage) error {
	from, err := r.Verifier.Author(ctx, msg, in)
	switch {
	case errors.Is(err, ErrNotVerified):
		m.Unverified = err.Error()
	case err != nil:
		return err
	default:
		m.Author = ical.Address(from)
		m.Stands = func(p *ical.Property) bool { return standsFor(p, from) }
	}
	return nil
}

// standsFor reports whether an ORGANIZER is an address of the author's own server that takes answers for one meeting, as
// this server's reply addresses are: in the author's domain with a long detail that no person has, or with EMAIL of the author
// (RFC 7986 section 6.2) and a name that is as long, as iCloud does. Who knows such an address was sent it.
func standsFor(p *ical.Property, author string) bool {
	box := ical.Mailbox(p.Value())
	at := strings.LastIndexByte(box, '@')
	if at >= 40 && strings.IndexByte(box[:at], '.') < 0 && p.Param("EMAIL") != "" && ical.Address(p.Param("EMAIL")) == ical.Address(author) {
		return true
	}
	plus := strings.IndexByte(box, '+')
	if plus <= 0 || at-plus < 20 {
		return false
	}
	a, err := asciiDomain(domainOf(author))
	return err == nil && aligned(domainOf(box), a, false)
}
