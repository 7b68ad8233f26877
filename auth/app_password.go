package auth

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"kalends/storage"
)

// App passwords look like kap-abcd-efgh-…: recognisable, without capitals, easy to type on a telephone. Dashes and blanks do not count.
const (
	appPrefix = "kap"
	appLength = len(appPrefix) + 26 // 128 bits
)

var appEncoding = base32.NewEncoding("abcdefghijkmnpqrstuvwxyz23456789").WithPadding(base32.NoPadding)

// maxAppPasswords bounds the app passwords of one person.
const maxAppPasswords = 100

// AppPasswords makes passwords for single programs. They let in where calendar programs do, not on the web pages, and need no slow
// hash: they are 128 random bits.
type AppPasswords struct {
	Store storage.Store
	Now   func() time.Time // nil: time.Now
}

// Add makes an app password. It is told once and never again. A label that cannot be is an ErrPassword.
func (a *AppPasswords) Add(ctx context.Context, owner *storage.Principal, label string) (string, *storage.AppPassword, error) {
	now := time.Now()
	if a.Now != nil {
		now = a.Now()
	}
	label = strings.TrimSpace(label)
	switch {
	case owner.Kind != storage.Person:
		return "", nil, fmt.Errorf("%w: only people have app passwords", ErrPassword)
	case label == "":
		return "", nil, fmt.Errorf("%w: say which program or device it is for", ErrPassword)
	case len(label) > maxDisplayName || !printable(label):
		return "", nil, fmt.Errorf("%w: the label must be at most %d bytes of text in one line", ErrPassword, maxDisplayName)
	}
	list, err := a.Store.AppPasswords(ctx, owner.ID)
	if err != nil {
		return "", nil, err
	}
	if len(list) >= maxAppPasswords {
		return "", nil, fmt.Errorf("%w: nobody has more than %d; revoke some first", ErrPassword, maxAppPasswords)
	}
	var secret [16]byte
	rand.Read(secret[:])
	text := appPrefix + appEncoding.EncodeToString(secret[:])
	_, _, id := newSecret()
	row := &storage.AppPassword{Owner: owner.ID, ID: id, Hash: hashToken(text), Label: label, Created: now.UTC()}
	if err := a.Store.AddAppPassword(ctx, row); err != nil {
		return "", nil, err
	}
	shown := []string{appPrefix}
	for rest := text[len(appPrefix):]; rest != ""; {
		n := min(len(rest), 5)
		shown, rest = append(shown, rest[:n]), rest[n:]
	}
	return strings.Join(shown, "-"), row, nil
}

// appPassword returns what was typed without dashes and blanks, where it has the form of an app password.
func appPassword(typed string) (string, bool) {
	if len(typed) < appLength || len(typed) > 3*appLength {
		return "", false
	}
	text := strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(typed))
	if len(text) != appLength || !strings.HasPrefix(text, appPrefix) {
		return "", false
	}
	_, err := appEncoding.DecodeString(text[len(appPrefix):])
	return text, err == nil
}

// notesUse is a store that can note when an app password was used.
type notesUse interface {
	UseAppPassword(ctx context.Context, hash string, at time.Time) error
}

// byApp reports whether a password is an app password of p. It is asked for each time, so a revoked one is out at once, and a
// guess costs what any wrong password does. So does one for nobody: the database is asked all the same.
func (b *Basic) byApp(ctx context.Context, p *storage.Principal, password string) (bool, error) {
	text, ok := appPassword(password)
	if !ok {
		return false, nil
	}
	row, err := b.Store.AppPasswordByHash(ctx, hashToken(text))
	if errors.Is(err, storage.ErrNotFound) || err == nil && (p == nil || row.Owner != p.ID) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if now := b.Now(); now.Sub(row.Used) >= usedEvery {
		if s, ok := b.Store.(notesUse); ok {
			if err := s.UseAppPassword(ctx, row.Hash, now); err != nil {
				b.Log.WarnContext(ctx, "use of an app password is not noted", "principal", p.ID, "err", err)
			}
		}
	}
	return true, nil
}

// People returns b for where people sign in themselves: app passwords, which are for programs, do not count there. Failed logins here and
// there slow down both.
func (b *Basic) People() Authenticator { return ownPasswords{b} }

type ownPasswords struct{ b *Basic }

// Authenticate implements [Authenticator].
func (p ownPasswords) Authenticate(ctx context.Context, name, password string, remote netip.Addr) (*storage.Principal, error) {
	return p.b.authenticate(ctx, name, password, remote, false)
}
