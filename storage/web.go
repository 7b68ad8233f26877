package storage

import (
	"context"
	"time"
)

// Session lets a browser act for its owner.
type Session struct {
	Owner      int64
	ID         string // names it to people; says nothing about the token
	Hash       string // of the token
	Credential int64  // the owner's CredentialVersion when it began: another password ends it
	Agent      string // what the browser calls itself
	Remote     string // the address it began from
	Created    time.Time
	Used       time.Time // the last time, about
	Expires    time.Time
}

// AppPassword is a password of one program of its owner.
type AppPassword struct {
	Owner   int64
	ID      string // names it to people; says nothing about the password
	Hash    string // of the password
	Label   string
	Created time.Time
	Used    time.Time // the last time, about; zero: never
}

// WebReader reads what only the web pages and logins ask for.
type WebReader interface {
	// SessionByHash returns a session, over or not. ErrNotFound.
	SessionByHash(ctx context.Context, hash string) (*Session, error)
	// Sessions returns the sessions of an owner, the newest first.
	Sessions(ctx context.Context, owner int64) ([]*Session, error)
	// AppPasswordByHash returns an app password. ErrNotFound.
	AppPasswordByHash(ctx context.Context, hash string) (*AppPassword, error)
	// AppPasswords returns those of an owner, oldest first.
	AppPasswords(ctx context.Context, owner int64) ([]*AppPassword, error)
	// Settings returns what an owner has set, by name.
	Settings(ctx context.Context, owner int64) (map[string]string, error)
}

// WebStore writes what the web pages keep; each call is a transaction of its own.
type WebStore interface {
	// AddSession adds a session. ErrConflict when its ID or Hash is there.
	AddSession(ctx context.Context, s *Session) error
	// UseSession notes when a session was used, and until when it lasts now.
	UseSession(ctx context.Context, hash string, at, expires time.Time) error
	// RemoveSession ends the owner's session with that ID. ErrNotFound.
	RemoveSession(ctx context.Context, owner int64, id string) error
	// RemoveSessions ends all sessions of an owner but the one with that ID, and returns how many.
	RemoveSessions(ctx context.Context, owner int64, but string) (int64, error)
	// PurgeSessions removes at most limit sessions that were over before a time, and returns how many.
	PurgeSessions(ctx context.Context, before time.Time, limit int) (int64, error)
	// AddAppPassword adds an app password. ErrConflict when its ID or Hash is there.
	AddAppPassword(ctx context.Context, p *AppPassword) error
	// UseAppPassword notes when one was used.
	UseAppPassword(ctx context.Context, hash string, at time.Time) error
	// RemoveAppPassword removes the owner's with that ID. ErrNotFound.
	RemoveAppPassword(ctx context.Context, owner int64, id string) error
	// PutSetting sets a setting; with "" it is removed.
	PutSetting(ctx context.Context, owner int64, name, value string) error
}
