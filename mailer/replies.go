package mailer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"time"

	"kalends/calendar"
	"kalends/ical"
	"kalends/storage"
)

// Replies is the [Inbox] that takes in answers to signed reply addresses (RFC 6047 section 2.3).
type Replies struct {
	Calendar *calendar.Service
	Identity *Identity
	Log      *slog.Logger
}

// Accept implements [Inbox].
func (r *Replies) Accept(_ context.Context, rcpt string) (bool, error) {
	_, ok := r.Identity.OpenReply(rcpt)
	return ok, nil
}

// Deliver implements [Inbox]. What is no answer that can be acted on is noted and taken in all the same: bouncing it would tell a
// forged sender.
func (r *Replies) Deliver(ctx context.Context, from, rcpt string, msg []byte) error {
	to, ok := r.Identity.OpenReply(rcpt)
	if !ok {
		return &Refusal{Enhanced: [3]int{5, 1, 1}, Text: "there is no such mailbox here"}
	}
	in, err := Parse(msg)
	if err != nil {
		return &Refusal{Enhanced: [3]int{5, 6, 0}, Text: "the message cannot be read: " + err.Error()}
	}
	cal, method, err := in.Message()
	if err == nil && method == "" {
		err = ErrNoCalendar
	}
	if err != nil {
		r.Log.InfoContext(ctx, "mail without an answer", "owner", to.Owner, "object", to.Object, "bounce", in.Bounce != nil,
			"two_texts", errors.Is(err, ErrAmbiguous), "other_method", errors.Is(err, ErrMethod))
		return nil
	}
	cal.Set(ical.NewProperty("METHOD", method)) // in upper case, and where only the header had it
	sum := sha256.Sum256(append([]byte(rcpt+"\n"), msg...))
	outcome, err := r.Calendar.TakeMail(ctx, calendar.MailReply{
		Owner: to.Owner, Object: to.Object, Calendar: cal,
		IsFor: func(address string) bool { return r.Identity.Tokens.IsFor(to, address) },
		Note: storage.Inbound{
			Key: hex.EncodeToString(sum[:16]), Sender: from, Subject: in.Subject, Message: msg, Received: time.Time{},
		},
	})
	if err != nil {
		return err
	}
	r.Log.InfoContext(ctx, "mail taken in", "owner", to.Owner, "object", to.Object, "outcome", outcome)
	return nil
}
