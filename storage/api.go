package storage

import (
	"context"
	"time"
)

// Token lets a program act for its owner.
type Token struct {
	Owner   int64
	ID      string // names it to people; says nothing about the token itself
	Hash    string // of the token
	Label   string
	Scopes  string // separated by blanks
	Created time.Time
	Expires time.Time // zero: never
	Used    time.Time // the last time, about; zero: never
}

// Request is a request that its sender may send twice but wants carried out once (the Idempotency-Key header).
type Request struct {
	Owner   int64
	Key     string
	Request string // hash of what was asked
	Ref     string // what its first try chose, such as the UID of a new meeting: further tries use the same
	Created time.Time
	Lease   time.Time // until when who began it is thought to be at it; who begins it has a Lease of their own
	Status  int       // of the answer; 0 while there is none
	Answer  []byte
}

// APIReader reads what only package api asks for.
type APIReader interface {
	// TokenByHash returns a token. ErrNotFound.
	TokenByHash(ctx context.Context, hash string) (*Token, error)
	// Tokens returns the tokens of an owner (0: of all), oldest first.
	Tokens(ctx context.Context, owner int64) ([]*Token, error)
	// HomeSeqs returns the counters of homes: where one is the same as before, nothing in it has changed.
	HomeSeqs(ctx context.Context, owners []int64) (map[int64]int64, error)
}

// APIStore writes what package api keeps; each call is a transaction of its own.
type APIStore interface {
	// AddToken adds a token. ErrConflict when its ID or Hash is there.
	AddToken(ctx context.Context, t *Token) error
	// UseToken notes when a token was used.
	UseToken(ctx context.Context, hash string, at time.Time) error
	// RemoveToken removes the owner's token (0: anybody's) with that ID. ErrNotFound.
	RemoveToken(ctx context.Context, owner int64, id string) error

	// BeginRequest notes that r is being carried out, and returns nil; r.Ref becomes that of an earlier try whose Lease was over at
	// now. Else it returns the one that has the key: with a Status it is done, without one somebody is at it. What was
	// created before the time given counts no more.
	BeginRequest(ctx context.Context, r *Request, now, before time.Time) (*Request, error)
	// EndRequest keeps the answer of a request that was begun with this Lease; with Status 0 it is forgotten.
	EndRequest(ctx context.Context, r *Request) error
	// PurgeAPI removes requests from before a time, and tokens that expired before another, at most limit rows of each. It
	// returns how many went.
	PurgeAPI(ctx context.Context, requests, tokens time.Time, limit int) (int64, error)
}
