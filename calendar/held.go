package calendar

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"kalends/auth"
	"kalends/ical"
	"kalends/scheduling"
	"kalends/storage"
)

// MaxHeldPage bounds a page of [Service.Held].
const MaxHeldPage = 200

// Held returns mails that wait for the owner to decide, oldest first: who wrote, what about, when, and why it was held (Outcome). next
// leads to the page behind it, "" where there is none; after is such a next, or "". It takes the right to read the owner's inbox.
func (s *Service) Held(ctx context.Context, who, owner *storage.Principal, after string, limit int) (list []*storage.Inbound, next string, err error) {
	if err := s.mayDecide(ctx, who, owner, auth.Read); err != nil {
		return nil, "", err
	}
	if limit <= 0 || limit > MaxHeldPage {
		limit = MaxHeldPage
	}
	q := storage.WaitingQuery{Owner: owner.ID, Limit: limit + 1}
	if after != "" {
		at, key, _ := strings.Cut(after, "-")
		micros, err := strconv.ParseInt(at, 10, 64)
		if err != nil || key == "" || len(key) > maxHeldKey {
			return nil, "", Errorf(BadRequest, "this is no place in the list")
		}
		q.After = &storage.Inbound{Owner: owner.ID, Received: time.UnixMicro(micros).UTC(), Key: key}
	}
	if list, err = s.Store.WaitingMail(ctx, q); err != nil {
		return nil, "", err
	}
	if len(list) > limit {
		list = list[:limit]
		last := list[limit-1]
		next = strconv.FormatInt(last.Received.UnixMicro(), 10) + "-" + last.Key
	}
	return list, next, nil
}

const maxHeldKey = 64

// mayDecide checks privileges on the owner's inbox, where messages to them are delivered (RFC 6638 section 6.1).
func (s *Service) mayDecide(ctx context.Context, who, owner *storage.Principal, need auth.Privilege) error {
	if who != nil && who.ID == owner.ID {
		return nil
	}
	home, err := s.Store.Calendars(ctx, owner.ID)
	if err != nil {
		return fmt.Errorf("calendars: %w", err)
	}
	inbox := scheduling.Inbox(home)
	if inbox == nil {
		return Errorf(NotFound, "%s has no inbox", owner.Name)
	}
	return allow(ctx, s.Store, who, Target{Owner: owner, Slug: inbox.Slug}, inbox, need)
}

// HeldMail returns one mail that waits, with its Message and Calendar. NotFound where none with that key waits.
func (s *Service) HeldMail(ctx context.Context, who, owner *storage.Principal, key string) (*storage.Inbound, error) {
	if err := s.mayDecide(ctx, who, owner, auth.Read); err != nil {
		return nil, err
	}
	return s.heldMail(ctx, owner, key)
}

var errNotHeld = Errorf(NotFound, "nothing with this id waits for a decision; it was decided, or is older than 30 days")

func (s *Service) heldMail(ctx context.Context, owner *storage.Principal, key string) (*storage.Inbound, error) {
	if key == "" || len(key) > maxHeldKey || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errNotHeld
	}
	in, err := s.Store.InboundMail(ctx, owner.ID, key)
	if errors.Is(err, storage.ErrNotFound) || err == nil && in.State == storage.Settled {
		return nil, errNotHeld
	}
	return in, err
}

// AcceptHeld carries out a mail that waits, whoever it is from: records the answer, invites who answered without being invited, enters the
// invitation, takes the proposal. It says in a few words what became of it. It takes the right to remove from the owner's inbox.
func (s *Service) AcceptHeld(ctx context.Context, who, owner *storage.Principal, key string) (string, error) {
	m, err := s.decided(ctx, who, owner, key)
	if err != nil {
		return "", err
	}
	if m.Calendar == nil {
		return "", Errorf(BadRequest, "it has no message that could be carried out; refuse it, and answer by hand")
	}
	out, err := s.TakeMail(ctx, *m)
	if errors.Is(err, storage.ErrConflict) {
		return "", errNotHeld // decided at the same moment
	}
	return out.Text, err
}

// RefuseHeld ends the waiting of a mail without carrying it out. Who proposed another time is told that it stays as it was, with the
// comment (RFC 5546 section 3.2.8); nobody else hears of it, so that strangers learn nothing.
func (s *Service) RefuseHeld(ctx context.Context, who, owner *storage.Principal, key, comment string) error {
	m, err := s.decided(ctx, who, owner, key)
	if err != nil {
		return err
	}
	err = s.dropMail(ctx, *m, comment)
	if errors.Is(err, storage.ErrConflict) {
		return errNotHeld
	}
	return err
}

// decided reads a mail that waits as a message which its owner has decided about.
func (s *Service) decided(ctx context.Context, who, owner *storage.Principal, key string) (*MailMessage, error) {
	if err := s.mayDecide(ctx, who, owner, auth.Unbind); err != nil {
		return nil, err
	}
	in, err := s.heldMail(ctx, owner, key)
	if err != nil {
		return nil, err
	}
	m := &MailMessage{Owner: owner.ID, Object: in.Object, Decided: true, MessageID: in.About.Message, Note: *in}
	if len(in.Calendar) > 0 {
		if m.Calendar, err = ical.Parse(in.Calendar); err != nil {
			return nil, fmt.Errorf("held message %d/%s: %w", owner.ID, key, err)
		}
	}
	// The address that it came to, where it is one of theirs; else it came to a reply address.
	mine, err := s.Store.Addresses(ctx, owner.ID)
	if err != nil {
		return nil, fmt.Errorf("addresses: %w", err)
	}
	for i, a := range mine {
		if i == 0 || a == ical.Address(in.Recipient) {
			m.To = a
		}
	}
	return m, nil
}
