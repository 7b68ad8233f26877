package mailer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"kalends/ical"
	"kalends/scheduling"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// maxView is the longest calendar text that is kept to tell later what changed.
const maxView = 64 << 10

// Sender composes and sends the mails of the outbox.
type Sender struct {
	Composer  *Composer
	Transport Transport
	Told      storage.MailReader // what recipients know; nil for nothing
	Rates     *Rates             // nil: no limits
	Now       func() time.Time   // nil: time.Now
	// Link returns the page on which the recipient can answer; nil for none.
	Link func(inv *Invitation) string
	// File returns a link by which the recipient can read an attachment of the meeting without an account, "" for none; nil for none at all.
	File func(inv *Invitation, managedID string) string
}

// Handle is the [Handler] of [JobKind].
func (s *Sender) Handle(ctx context.Context, j *storage.Job) error {
	inv, err := DecodeInvitation(j.Payload)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPayload, err)
	}
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	if until := s.Rates.take(now(), j.Owner, j.ID, ical.Mailbox(inv.To)); !until.IsZero() {
		return &Delay{until, "so many mails at once are not sent"}
	}
	if err := s.recall(ctx, j, inv); err != nil {
		return err
	}
	if s.Link != nil && inv.Method == itip.Request {
		inv.Link = s.Link(inv)
	}
	if s.File != nil && inv.Object != 0 {
		inv.File = func(managedID string) string { return s.File(inv, managedID) }
	}
	l, err := s.Composer.Job(j, inv)
	if errors.Is(err, ErrAddress) {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPayload, err)
	}
	if err := s.Transport.Send(ctx, l.From, l.To, l.Message); err != nil {
		return err
	}
	j.Mailed = s.told(j, inv, now())
	return nil
}

// recall fills in what the recipient was told before. It is asked when the mail goes out, because only then it is known which of the earlier
// ones went.
func (s *Sender) recall(ctx context.Context, j *storage.Job, inv *Invitation) error {
	if j.Opens {
		inv.Update = false
	}
	if s.Told == nil || inv.Object == 0 {
		return nil
	}
	if j.Opens && inv.Method == itip.Request && j.Attempt <= 1 {
		return nil // nothing, which saves asking for most mails
	}
	told, err := s.Told.Mailed(ctx, inv.Owner, inv.Object, ical.Address(inv.To))
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("what the recipient knows: %w", err)
	}
	if told.First != s.Composer.JobID(j) {
		inv.Thread = told.First
	}
	if inv.Method == itip.Request && told.Method != itip.Cancel {
		inv.Before = string(told.View)
		inv.Update = !j.Opens || inv.Before != ""
	}
	return nil
}

// told is what the recipient knows once the mail is out.
func (s *Sender) told(j *storage.Job, inv *Invitation, now time.Time) *storage.Mailed {
	if inv.Object == 0 {
		return nil
	}
	m := &storage.Mailed{
		Owner: inv.Owner, Object: inv.Object, Recipient: ical.Address(inv.To), First: s.Composer.JobID(j), Method: inv.Method, At: now,
	}
	switch inv.Method {
	case itip.Request:
		if len(inv.Calendar) <= maxView {
			m.View = []byte(inv.Calendar)
		}
	case itip.Cancel:
		if cal, err := ical.Parse([]byte(inv.Calendar)); err == nil && scheduling.Partial(cal) {
			m.Method = itip.Request // they still have the rest
		}
	}
	return m
}
