// Package housetest makes the house that tests of handlers act in: people in a database, a clock that the test moves, and the
// service that all changes of calendars go through. What one package alone needs it adds to a type of its own around a [House].
package housetest

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"kalends/auth"
	"kalends/calendar"
	"kalends/storage"
)

// Start is the time at which the tests of a house begin: a Thursday.
var Start = time.Date(2026, 1, 15, 10, 0, 0, 0, time.UTC)

// House is a server without its handlers.
type House struct {
	testing.TB
	Store     storage.Store
	Now       func() time.Time // the house's time, for all that is in it
	Log       *slog.Logger     // warnings and worse, into the test's log
	Directory *auth.Directory
	Service   *calendar.Service
}

// New returns a house in which these people live, in this order. Their passwords are hashed as cheaply as can be; see [House.Add].
func New(t testing.TB, s storage.Store, now func() time.Time, people ...auth.NewUser) *House {
	t.Helper()
	h := &House{TB: t, Store: s, Now: now, Log: Log(t)}
	h.Directory = &auth.Directory{Store: s, Now: now}
	h.Service = &calendar.Service{Store: s, Now: now, Log: h.Log}
	for _, n := range people {
		h.Add(n)
	}
	return h
}

// Add adds somebody. A password is brought along as a hash of another program's, in a thousandth of the time that our own takes.
func (h *House) Add(n auth.NewUser) *storage.Principal {
	h.Helper()
	if n.Password != "" {
		hash, err := bcrypt.GenerateFromPassword([]byte(n.Password), bcrypt.MinCost)
		if err != nil {
			h.Fatal(err)
		}
		n.Password, n.PasswordHash = "", string(hash)
	}
	p, err := h.Directory.Add(h.Context(), n)
	if err != nil {
		h.Fatalf("add %s: %v", n.Name, err)
	}
	return p
}

// Principal returns who has that name.
func (h *House) Principal(name string) *storage.Principal {
	h.Helper()
	p, err := h.Store.PrincipalByName(h.Context(), name)
	if err != nil {
		h.Fatalf("%s: %v", name, err)
	}
	return p
}

// Change changes what is noted of somebody: their time zone, their language.
func (h *House) Change(name string, edit func(p *storage.Principal)) {
	h.Helper()
	p := h.Principal(name)
	edit(p)
	err := h.Store.Update(h.Context(), func(tx storage.Tx) error {
		return tx.PutPrincipal(h.Context(), p, []string{"mailto:" + p.Email})
	})
	if err != nil {
		h.Fatalf("change %s: %v", name, err)
	}
}

// Names lets in whoever gives their name as password. It implements [auth.Authenticator].
type Names struct{ Reader storage.Reader }

// Authenticate implements [auth.Authenticator].
func (n Names) Authenticate(ctx context.Context, name, password string, _ netip.Addr) (*storage.Principal, error) {
	p, err := n.Reader.PrincipalByName(ctx, name)
	if err != nil || name != password {
		return nil, auth.ErrBadCredentials
	}
	return p, nil
}

var _ auth.Authenticator = Names{}

// Log returns a logger that writes warnings and worse into the test's log.
func Log(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(writer{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

type writer struct{ t testing.TB }

func (w writer) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}
