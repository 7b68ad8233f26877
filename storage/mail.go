package storage

import (
	"context"
	"time"
)

// Mailed is what was mailed last to somebody outside about an object of an owner. It is there from the first mail that somebody
// took responsibility for, or from the invitation by mail that made the object.
type Mailed struct {
	Owner, Object int64
	Recipient     string    // ical.Address
	First         string    // Message-ID of the first mail about it, without angle brackets
	Method        string    // of the last
	View          []byte    // the iCalendar text that they were told last: what an update is compared with
	At            time.Time // of the last
}

// InboundState says whether a mail taken in waits for its owner.
type InboundState string

// The states of an [Inbound].
const (
	Settled InboundState = ""        // nothing is left to do
	Held    InboundState = "held"    // not to be acted on before the owner decides
	Asked   InboundState = "request" // an invitation by somebody whom the owner does not know
)

// MailReader reads what package mailer keeps.
type MailReader interface {
	// Mailed returns what the recipient was told last about an object. ErrNotFound.
	Mailed(ctx context.Context, owner, object int64, recipient string) (*Mailed, error)
	// Corresponded reports whether the owner and the address had mail about any object.
	Corresponded(ctx context.Context, owner int64, address string) (bool, error)
	// InboundMail returns a mail that was taken in. ErrNotFound.
	InboundMail(ctx context.Context, owner int64, key string) (*Inbound, error)
	// WaitingMail returns the mails that wait for a decision, of one owner (0: of all), oldest first, at most limit, without their Message.
	WaitingMail(ctx context.Context, owner int64, limit int) ([]*Inbound, error)
}

// MailTx changes what package mailer keeps.
type MailTx interface {
	// WithdrawJob removes the owner's ready job with that Merge. It reports whether there was one, and whether it was the first
	// to its recipient ([Job.Opens]) and never tried, so that they know of nothing. The home must be locked.
	WithdrawJob(ctx context.Context, owner int64, merge string) (withdrawn, unseen bool, err error)
	// PutMailed notes what somebody was told. An earlier First stays, and so does an earlier View where m has none.
	PutMailed(ctx context.Context, m Mailed) error
	// SettleInbound ends the waiting of a mail. ErrConflict when it does not wait.
	SettleInbound(ctx context.Context, owner int64, key, outcome string) error
}

// MailQueue is what the outbox needs beside Queue's other methods; each call is a transaction of its own.
type MailQueue interface {
	// FinishJobs is FinishJob for many in one transaction, which also notes the Mailed of those that are done. The errors stand at the
	// places of their jobs.
	FinishJobs(ctx context.Context, jobs []*Job) []error
	// RetryJob makes a failed or waiting job due at now. ErrNotFound when there is none such, ErrConflict when a newer one takes its place.
	RetryJob(ctx context.Context, owner, id int64, now time.Time) error
	// DropJob removes a job that is not being carried out. ErrNotFound.
	DropJob(ctx context.Context, owner, id int64) error
	// PurgeMail removes, at most limit rows of each kind, jobs that ended, mail taken in and what was mailed from before these times. It returns
	// how many went.
	PurgeMail(ctx context.Context, jobs, inbound, mailed time.Time, limit int) (int64, error)
}
