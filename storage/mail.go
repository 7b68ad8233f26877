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

// About says what a mail that waits is about. All of it is what the mail claims, but for Verified.
type About struct {
	Method   string `json:"method,omitempty"` // of iTIP, upper case; "" where it has no message that can be read
	From     string `json:"from,omitempty"`   // who speaks, as ical.Address writes it: the attendee who answers, the organizer who invites
	Name     string `json:"name,omitempty"`   // their name; "" for none
	Author   string `json:"author,omitempty"` // mailbox of who wrote the mail, which may be somebody else
	Verified bool   `json:"verified,omitempty"`
	Message  string `json:"message,omitempty"` // its Message-ID, without angle brackets

	Summary  string    `json:"summary,omitempty"`
	Location string    `json:"location,omitempty"`
	Start    time.Time `json:"start,omitzero"` // zero for none; where AllDay or Floating it is wall clock time, Location UTC
	End      time.Time `json:"end,omitzero"`
	AllDay   bool      `json:"all_day,omitempty"`
	Floating bool      `json:"floating,omitempty"`
	TimeZone string    `json:"time_zone,omitempty"` // IANA name of the zone that the times were written in; "" for UTC, or none
	Recurs   bool      `json:"recurs,omitempty"`    // Start and End are those of the first instance
	Instance bool      `json:"instance,omitempty"`  // it is about one instance of a series
	Was      time.Time `json:"was,omitzero"`        // of a proposal: when it starts as things are, like Start
	Answer   string    `json:"answer,omitempty"`    // PARTSTAT
	Comment  string    `json:"comment,omitempty"`
}

// WaitingQuery says which waiting mails are wanted.
type WaitingQuery struct {
	Owner  int64    // 0 for everybody's
	Object int64    // about this object of the owner; 0 for any
	After  *Inbound // of which Received, Owner and Key count: what comes after it; nil for the beginning
	Limit  int      // 0 for all
}

// MailReader reads what package mailer keeps.
type MailReader interface {
	// Mailed returns what the recipient was told last about an object. ErrNotFound.
	Mailed(ctx context.Context, owner, object int64, recipient string) (*Mailed, error)
	// Corresponded reports whether the owner and the address had mail about any object.
	Corresponded(ctx context.Context, owner int64, address string) (bool, error)
	// InboundMail returns a mail that was taken in. ErrNotFound.
	InboundMail(ctx context.Context, owner int64, key string) (*Inbound, error)
	// WaitingMail returns mails that wait for a decision, oldest first, without Message and Calendar.
	WaitingMail(ctx context.Context, q WaitingQuery) ([]*Inbound, error)
}

// MailTx changes what package mailer keeps.
type MailTx interface {
	// WithdrawJob removes the owner's ready job with that Merge. It reports whether there was one, and whether it was the first
	// to its recipient ([Job.Opens]) and never tried, so that they know of nothing. The home must be locked.
	WithdrawJob(ctx context.Context, owner int64, merge string) (withdrawn, unseen bool, err error)
	// PutMailed notes what somebody was told. An earlier First stays, and so does an earlier View where m has none.
	PutMailed(ctx context.Context, m Mailed) error
	// SettleInbound ends the waiting of a mail, and forgets what only matters while it waits. ErrConflict when it does not wait.
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
