package storage

import (
	"context"
	"time"
)

// WebhookState says whether anything is sent to a webhook.
type WebhookState string

// The states of a [Webhook].
const (
	WebhookOn     WebhookState = "on"
	WebhookPaused WebhookState = "paused" // by its owner: deliveries are kept until it goes on, but none leaves
	WebhookOff    WebhookState = "off"    // by the server, see Webhook.Reason: nothing is kept for it
)

// Webhook is an address outside that is told of changes in calendars.
type Webhook struct {
	Owner, ID int64 // ID is of the owner's counter
	URL       string
	Label     string
	Kinds     string // of changes, separated by blanks; see package webhook
	State     WebhookState
	Reason    string // why it is off
	Created   time.Time
	// Secret signs, sealed by package webhook. OldSecret signs too, until OldUntil; it is empty where there is none.
	Secret, OldSecret []byte
	OldUntil          time.Time

	Watches []WebhookWatch // what it is told of; its owner reads these with it

	// How it went lately; written by who sends only.
	Sequence     int64     // of the last delivery
	Failures     int64     // in a row
	FailingSince time.Time // the first of them; zero for none
	LastOK       time.Time // zero: never
	Hold         time.Time // nothing is sent before
}

// WebhookKey names a webhook.
type WebhookKey struct{ Owner, ID int64 }

// Key returns the webhook's.
func (h *Webhook) Key() WebhookKey { return WebhookKey{h.Owner, h.ID} }

// WebhookWatch is a calendar, or all of an owner's, that a webhook is told of.
type WebhookWatch struct {
	Owner    int64
	Calendar int64 // 0: all that the owner has
}

// Watching is a webhook as a change finds it.
type Watching struct {
	Watch   WebhookWatch
	Webhook WebhookKey
	Kinds   string
	State   WebhookState
	Waiting int64 // deliveries that wait, counted up to MaxWaiting
}

// DeliveryDraw asks for numbers of a webhook's Sequence.
type DeliveryDraw struct {
	WebhookKey
	N    int64
	Due  time.Time // of the deliveries
	Test bool      // they are tests
}

// MaxWaiting is how many deliveries may wait for one webhook. What would be above is not kept; its Sequence is drawn all the same, so
// that the receiver sees a gap.
const MaxWaiting = 1000

// DeliveryState says what has become of a [Delivery].
type DeliveryState string

// The states of a Delivery.
const (
	DeliveryReady  DeliveryState = "ready" // waits for DueAt
	DeliveryDone   DeliveryState = "done"
	DeliveryFailed DeliveryState = "failed" // is not tried again
)

// Delivery is a message for a webhook.
type Delivery struct {
	Owner, Webhook int64
	Sequence       int64        // numbers the webhook's deliveries from 1, without a gap
	Message        string       // names it to the receiver: a repeat has the same
	About          WebhookWatch // the calendar it tells of; zero for none
	Changes        int          // in it
	Test           bool         // sent although the webhook is paused or off
	State          DeliveryState
	Created, DueAt time.Time
	Body           []byte // empty once it ended

	// Of the last attempt; Tried is zero before the first.
	Attempt int
	Tried   time.Time
	Status  int // of the answer; 0 for none
	Error   string
}

// WebhookReader reads webhooks.
type WebhookReader interface {
	// Webhooks returns an owner's webhooks, oldest first.
	Webhooks(ctx context.Context, owner int64) ([]*Webhook, error)
	// Webhook returns one. ErrNotFound.
	Webhook(ctx context.Context, owner, id int64) (*Webhook, error)
	// Deliveries returns those of a webhook, the latest first, below the sequence given (0: from the latest), at most limit, without
	// their bodies.
	Deliveries(ctx context.Context, owner, webhook, below int64, limit int) ([]*Delivery, error)
	// Watchers returns how many webhooks of others are told of what is in a calendar.
	Watchers(ctx context.Context, cal Ref) (int64, error)
}

// WebhookTx changes webhooks, and queues what they are told. The owners' homes must be locked, but where the methods say otherwise.
type WebhookTx interface {
	// Watched reports whether a webhook is told of anything in the home, which Lock has read with it.
	Watched(owner int64) bool
	// Watching returns who is told of what is in these homes, ordered by webhook. Webhooks that are off are not among them.
	Watching(ctx context.Context, owners []int64) ([]Watching, error)
	// DrawDeliveries draws numbers of Sequences, and returns the last of each; the webhooks are looked at when their delivery is due. Their
	// owners' homes need not be locked: the rows are locked until the transaction ends, in the order of draws, which is that of Owner
	// and ID in all transactions. A webhook that is gone is left out.
	DrawDeliveries(ctx context.Context, draws []DeliveryDraw) (map[WebhookKey]int64, error)
	// AddDeliveries queues deliveries whose Sequence was drawn. Their owners' homes need not be locked.
	AddDeliveries(ctx context.Context, list []*Delivery) error

	// PutWebhook inserts a webhook, or changes what its owner says of it and its secrets. What is only written by who sends stays, but for a
	// webhook that is set to WebhookOn, which begins anew without failures: what waits for it is due at now.
	PutWebhook(ctx context.Context, h *Webhook, now time.Time) error
	// SetWatches replaces what a webhook is told of. The homes of all owners that it is or was told of must be locked.
	SetWatches(ctx context.Context, h WebhookKey, list []WebhookWatch) error
	// DeleteWebhook removes a webhook, what it is told of and its deliveries. It is no error when it is not there.
	DeleteWebhook(ctx context.Context, h WebhookKey) error
	// CloseWebhook switches a webhook off that is on, and gives up what waits for it, but for tests. It reports whether it was on.
	CloseWebhook(ctx context.Context, h WebhookKey, reason string) (bool, error)
}

// ClaimedWebhook is a webhook that has something due, leased to who claimed it.
type ClaimedWebhook struct {
	*Webhook
	Claim int64 // what the others of these methods ask for
}

// DeliveryOutcome is how an attempt ended.
type DeliveryOutcome struct {
	*Delivery       // its State, DueAt, Attempt, Tried, Status and Error are written; its Body goes where it ended
	Claim     int64 // of the webhook

	// Of the webhook.
	Failures     int64
	FailingSince time.Time
	LastOK       time.Time
	Hold         time.Time
}

// WebhookQueue is what who sends uses; each call is a transaction of its own.
type WebhookQueue interface {
	// ClaimWebhooks leases up to limit webhooks that have something due at now, the longest waiting first. Several servers never get the same
	// one.
	ClaimWebhooks(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]ClaimedWebhook, error)
	// NextDelivery returns the first of a webhook's deliveries that is due at now: one with the fewest attempts, of these the lowest Sequence, so
	// that what is refused does not stand before the rest. Of a webhook that is not on or held, it is a test or none. ErrNotFound.
	NextDelivery(ctx context.Context, h WebhookKey, now time.Time) (*Delivery, error)
	// FinishDelivery writes down an attempt. ErrConflict when the lease was lost to another; nothing is written then.
	FinishDelivery(ctx context.Context, o DeliveryOutcome) error
	// ReleaseWebhook gives back a lease: the webhook is looked at again when its next delivery is due, but not before a time. ErrConflict when
	// the lease was lost.
	ReleaseWebhook(ctx context.Context, h ClaimedWebhook, before time.Time) error
	// NextWebhook returns when the next webhook has something due. ErrNotFound when none has.
	NextWebhook(ctx context.Context) (time.Time, error)
	// WebhookDepth returns how many deliveries wait for webhooks that are on, counted up to MaxDepth, and since when the first of them does.
	WebhookDepth(ctx context.Context) (Depth, error)
	// PurgeDeliveries removes at most limit deliveries that were made before a time, sent or not.
	PurgeDeliveries(ctx context.Context, before time.Time, limit int) (int64, error)
}
