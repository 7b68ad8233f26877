package storage

import (
	"context"
	"time"
)

// Feed lets whoever knows its token read a calendar.
type Feed struct {
	Hash            string // of the token
	Owner, Calendar int64
	Busy            bool // says only when the time is taken
	Label           string
	Created         time.Time
}

// Subscription fills a calendar ([Calendar.Subscribed]) from an address elsewhere.
type Subscription struct {
	Owner, Calendar int64
	URL             string
	Every           time.Duration // between two looks; 0: as the feed says
	Created         time.Time
	Checked         time.Time // the last look
	Fetched         time.Time // the last look that went well
	DueAt           time.Time // the next look; zero for never
	Failures        int       // looks that went wrong since
	LastError       string    // of the last look

	// ETag and LastModified are what the last answer said, for the next request; Digest is of its body.
	ETag, LastModified, Digest string

	Claim int64 // the store's: which claim this is
}

// FeedReader reads feeds and subscriptions, and what import asks for.
type FeedReader interface {
	// FeedByHash returns the feed whose token has that hash. ErrNotFound.
	FeedByHash(ctx context.Context, hash string) (*Feed, error)
	// Feeds returns the feeds of a calendar (0: of all of the owner's), oldest first.
	Feeds(ctx context.Context, owner, calendar int64) ([]*Feed, error)
	// Subscription returns what fills a calendar. ErrNotFound.
	Subscription(ctx context.Context, owner, calendar int64) (*Subscription, error)
	// Subscriptions returns those of an owner (0: of all), oldest first.
	Subscriptions(ctx context.Context, owner int64) ([]*Subscription, error)
	// ObjectsByUIDs returns the objects (not inbox items) of an owner that have one of the UIDs, in any order, without their texts.
	ObjectsByUIDs(ctx context.Context, owner int64, uids []string) ([]*Object, error)
}

// FeedTx changes feeds and subscriptions, in homes that are locked.
type FeedTx interface {
	// PutFeed adds a feed, or changes the one of its hash. ErrConflict when that is another owner's.
	PutFeed(ctx context.Context, f *Feed) error
	// DeleteFeed removes a feed of the owner. ErrNotFound.
	DeleteFeed(ctx context.Context, owner int64, hash string) error
	// PutSubscription adds the subscription of a calendar or replaces it; a claim of it is lost.
	PutSubscription(ctx context.Context, s *Subscription) error
}

// FeedQueue is what the worker uses that fills calendars; each call is a transaction of its own.
type FeedQueue interface {
	// ClaimSubscriptions leases up to limit subscriptions that are due at now until now+lease, longest due first. Several servers never get
	// the same.
	ClaimSubscriptions(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]*Subscription, error)
	// FinishSubscription writes what a look led to: all but URL, Every and Created. ErrConflict when the claim was lost.
	FinishSubscription(ctx context.Context, s *Subscription) error
	// NextSubscription returns when the next one is due, or its lease over. ErrNotFound when none is.
	NextSubscription(ctx context.Context) (time.Time, error)
}
