package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"kalends/storage"
)

// Scope is what a token allows. Each includes those before it.
type Scope uint8

// The scopes of tokens.
const (
	NoScope       Scope = iota
	FreeBusyScope       // see when people and rooms are busy
	ReadScope           // and read calendars
	WriteScope          // and change them
)

var scopeNames = [...]string{"nothing", "freebusy", "read", "write"}

func (s Scope) String() string {
	if int(s) < len(scopeNames) {
		return scopeNames[s]
	}
	return scopeNames[0]
}

// ParseScope reads the name of a scope.
func ParseScope(name string) (Scope, bool) {
	for i, n := range scopeNames[1:] {
		if n == strings.ToLower(strings.TrimSpace(name)) {
			return Scope(i + 1), true
		}
	}
	return NoScope, false
}

// tokenPrefix makes tokens recognisable to those who look for secrets in what should hold none.
const tokenPrefix = "kal_"

// maxTokens bounds the tokens of one principal.
const maxTokens = 100

// Tokens makes and verifies the tokens by which programs act for people. A token is 128 random bits, of which only the hash is
// kept; they need no slow hash, and no throttle.
type Tokens struct {
	Store storage.Store
	Now   func() time.Time // nil: time.Now
}

func (t *Tokens) now() time.Time {
	if t.Now == nil {
		return time.Now()
	}
	return t.Now()
}

// ErrToken is what a refused new token is.
var ErrToken = errors.New("bad token")

// Add makes a token for a principal. It is told once and never again.
func (t *Tokens) Add(ctx context.Context, owner *storage.Principal, scope Scope, label string, expires time.Time) (string, *storage.Token, error) {
	now := t.now()
	label = strings.TrimSpace(label)
	switch {
	case owner.Kind == storage.Group:
		return "", nil, fmt.Errorf("%w: a group has no calendars of its own", ErrToken)
	case scope < FreeBusyScope || scope > WriteScope:
		return "", nil, fmt.Errorf("%w: the scope is freebusy, read or write", ErrToken)
	case len(label) > maxDisplayName || !printable(label):
		return "", nil, fmt.Errorf("%w: the label must be at most %d bytes of text in one line", ErrToken, maxDisplayName)
	case !expires.IsZero() && !expires.After(now):
		return "", nil, fmt.Errorf("%w: it would have expired already", ErrToken)
	}
	list, err := t.Store.Tokens(ctx, owner.ID)
	if err != nil {
		return "", nil, err
	}
	if len(list) >= maxTokens {
		return "", nil, fmt.Errorf("%w: nobody has more than %d; revoke some first", ErrToken, maxTokens)
	}
	var secret [16]byte
	rand.Read(secret[:])
	token := tokenPrefix + base64.RawURLEncoding.EncodeToString(secret[:])
	hash := hashToken(token)
	row := &storage.Token{
		Owner: owner.ID, ID: hash[:10], Hash: hash, Label: label, Scopes: scope.String(), Created: now.UTC(), Expires: expires.UTC(),
	}
	if expires.IsZero() {
		row.Expires = time.Time{}
	}
	if err := t.Store.AddToken(ctx, row); err != nil {
		return "", nil, err
	}
	return token, row, nil
}

// hashToken returns the hash by which a token is found. Finding it by its hash tells nothing by the time it takes.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// usedEvery is how exactly the last use of a token is noted.
const usedEvery = time.Hour

// Authenticate returns whose token it is and what it allows. ErrBadCredentials when it is none, has expired, or its owner is gone.
func (t *Tokens) Authenticate(ctx context.Context, token string) (*storage.Principal, Scope, error) {
	if !strings.HasPrefix(token, tokenPrefix) || len(token) > 64 {
		return nil, NoScope, ErrBadCredentials
	}
	row, err := t.Store.TokenByHash(ctx, hashToken(token))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, NoScope, ErrBadCredentials
	}
	if err != nil {
		return nil, NoScope, err
	}
	now := t.now()
	if !row.Expires.IsZero() && !now.Before(row.Expires) {
		return nil, NoScope, ErrBadCredentials
	}
	who, err := t.Store.PrincipalByID(ctx, row.Owner)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, NoScope, ErrBadCredentials
	}
	if err != nil {
		return nil, NoScope, err
	}
	if now.Sub(row.Used) >= usedEvery {
		if err := t.Store.UseToken(ctx, row.Hash, now); err != nil {
			return nil, NoScope, err
		}
	}
	scope := NoScope
	for s := range strings.FieldsSeq(row.Scopes) {
		if n, ok := ParseScope(s); ok {
			scope = max(scope, n)
		}
	}
	if scope == NoScope {
		return nil, NoScope, ErrBadCredentials
	}
	return who, scope, nil
}
