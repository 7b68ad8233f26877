package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"time"

	"kalends/storage"
)

const (
	// sessionAge is how long a session lasts that is not used.
	sessionAge = 30 * 24 * time.Hour
	// sessionMost is how long one lasts at the most.
	sessionMost = 180 * 24 * time.Hour
	// sessionUsedEvery is how exactly the last use of a session is noted.
	sessionUsedEvery = 10 * time.Minute
	// maxSessions bounds the sessions of one person: the oldest ends for a new one.
	maxSessions = 50
)

// Sessions lets browsers act for people who have signed in. A session is 128 random bits, of which only the hash is kept. It ends
// with another password.
type Sessions struct {
	Store storage.Store
	Login Authenticator    // says who signs in
	Now   func() time.Time // nil: time.Now
}

func (s *Sessions) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

// SignIn begins a session for whoever the name and password belong to; agent is what their browser calls itself. The errors are those of
// the [Authenticator].
func (s *Sessions) SignIn(ctx context.Context, name, password string, remote netip.Addr, agent string) (string, *storage.Session, *storage.Principal, error) {
	who, err := s.Login.Authenticate(ctx, name, password, remote)
	if err != nil {
		return "", nil, nil, err
	}
	list, err := s.Store.Sessions(ctx, who.ID)
	if err != nil {
		return "", nil, nil, err
	}
	for len(list) >= maxSessions {
		oldest := list[len(list)-1]
		if err := s.Store.RemoveSession(ctx, who.ID, oldest.ID); err != nil && !errors.Is(err, storage.ErrNotFound) {
			return "", nil, nil, err
		}
		list = list[:len(list)-1]
	}
	now := s.now().UTC()
	token, hash, id := newSecret()
	row := &storage.Session{
		Owner: who.ID, ID: id, Hash: hash, Credential: who.CredentialVersion, Agent: oneLine(agent, 300),
		Created: now, Used: now, Expires: now.Add(sessionAge),
	}
	if remote.IsValid() {
		row.Remote = remote.Unmap().WithZone("").String()
	}
	if err := s.Store.AddSession(ctx, row); err != nil {
		return "", nil, nil, err
	}
	return token, row, who, nil
}

// Resume returns whose session has that token. ErrBadCredentials when there is none, it is over, or its owner is gone or has
// another password.
func (s *Sessions) Resume(ctx context.Context, token string) (*storage.Session, *storage.Principal, error) {
	if len(token) != secretLength {
		return nil, nil, ErrBadCredentials
	}
	row, err := s.Store.SessionByHash(ctx, hashToken(token))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil, ErrBadCredentials
	}
	if err != nil {
		return nil, nil, err
	}
	now := s.now()
	if !now.Before(row.Expires) {
		return nil, nil, ErrBadCredentials
	}
	who, err := s.Store.PrincipalByID(ctx, row.Owner)
	if errors.Is(err, storage.ErrNotFound) || err == nil && who.CredentialVersion != row.Credential {
		return nil, nil, ErrBadCredentials
	}
	if err != nil {
		return nil, nil, err
	}
	if now.Sub(row.Used) >= sessionUsedEvery {
		row.Used, row.Expires = now.UTC(), now.Add(sessionAge).UTC()
		if last := row.Created.Add(sessionMost); row.Expires.After(last) {
			row.Expires = last
		}
		if err := s.Store.UseSession(ctx, row.Hash, row.Used, row.Expires); err != nil {
			return nil, nil, err
		}
	}
	return row, who, nil
}

// SignOut ends a session.
func (s *Sessions) SignOut(ctx context.Context, row *storage.Session) error {
	err := s.Store.RemoveSession(ctx, row.Owner, row.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}

// FormToken returns what forms of a session carry, so that no other site can send one: nobody can work it out who does not
// know the session's token.
func FormToken(token string) string {
	sum := sha256.Sum256([]byte("form of session " + token))
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}

// secretLength is that of what newSecret makes.
const secretLength = 22

// newSecret returns 128 random bits as text, their hash, and a name that tells nothing about them.
func newSecret() (secret, hash, id string) {
	var b [16]byte
	rand.Read(b[:])
	secret = base64.RawURLEncoding.EncodeToString(b[:])
	hash = hashToken(secret)
	var n [8]byte
	rand.Read(n[:])
	return secret, hash, hex.EncodeToString(n[:])
}

// oneLine makes a text fit to be shown in one line of at most so many bytes.
func oneLine(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return strings.TrimSpace(s)
}
