package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"kalends/storage"
	"kalends/storage/storagetest"
)

// asked is a store that notes what it is asked.
type asked struct {
	storage.Store
	list []string
}

func (a *asked) PrincipalByName(ctx context.Context, name string) (*storage.Principal, error) {
	a.list = append(a.list, "name")
	return a.Store.PrincipalByName(ctx, name)
}

func (a *asked) PrincipalsByAddress(ctx context.Context, addresses []string) (map[string]*storage.Principal, error) {
	a.list = append(a.list, "address")
	return a.Store.PrincipalsByAddress(ctx, addresses)
}

func (a *asked) AppPasswordByHash(ctx context.Context, hash string) (*storage.AppPassword, error) {
	a.list = append(a.list, "app password")
	return a.Store.AppPasswordByHash(ctx, hash)
}

// TestS7UnknownNamesCostTheSame: who is refused learns nothing from what it took: a name that nobody has is hashed and looked up like
// one that somebody has, whatever the password looks like, also when guesses are throttled.
func TestS7UnknownNamesCostTheSame(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		people(t, s)
		store := &asked{Store: s}
		l := newLogin(store)
		apps := &AppPasswords{Store: s, Now: l.clock.Now}
		alice, err := s.PrincipalByName(t.Context(), "alice")
		if err != nil {
			t.Fatal(err)
		}
		of, _, err := apps.Add(t.Context(), alice, "Telephone")
		if err != nil {
			t.Fatal(err)
		}
		guess := "kap-" + strings.Repeat("a", 26)
		from := 0
		for _, tt := range []struct{ what, password string }{{"a word", "guess"}, {"the form of an app password", guess}, {"somebody else's app password", of}} {
			for _, names := range [][]string{{"bob", "nobody", "blue"}, {"bob@example.com", "nobody@example.com"}} {
				want := ""
				for _, name := range names {
					from++
					remote := netip.AddrFrom4([4]byte{192, 0, 2, byte(from)})
					got := ""
					for range 12 { // ten, and then throttled
						store.list = nil
						_, n, err := l.try(t, name, tt.password, remote)
						got += fmt.Sprintln(n, store.list, errors.Is(err, ErrBadCredentials), errors.Is(err, ErrThrottled))
					}
					if want == "" {
						want = got
					}
					if got != want {
						t.Errorf("%s for %s takes\n%s\nand for %s\n%s", tt.what, names[0], want, name, got)
					}
					if strings.Count(got, "true") != 12 {
						t.Errorf("%s for %s: %s", tt.what, name, got)
					}
				}
			}
		}
	})
}
