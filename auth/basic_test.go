package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kalends/storage"
	"kalends/storage/storagetest"
)

var home = netip.MustParseAddr("203.0.113.9")

// clock is a clock that tests set.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ns.Store(t0.UnixNano())
	return c
}

func (c *clock) Now() time.Time       { return time.Unix(0, c.ns.Load()).UTC() }
func (c *clock) add(by time.Duration) { c.ns.Add(int64(by)) }

// login is a Basic on a store, with a clock, that counts the hashes it computes.
type login struct {
	*Basic
	*clock
	hashes atomic.Int64
}

func newLogin(s storage.Reader) *login {
	l := &login{clock: newClock()}
	l.Basic = &Basic{Store: s, Now: l.clock.Now}
	l.verify = func(encoded, password string) bool {
		l.hashes.Add(1)
		return Verify(encoded, password)
	}
	l.init()
	l.dummy = cheap.nobodys()
	return l
}

// try logs in and returns what happened, and how many hashes it took.
func (l *login) try(t testing.TB, name, password string, from netip.Addr) (*storage.Principal, int64, error) {
	t.Helper()
	before := l.hashes.Load()
	p, err := l.Authenticate(t.Context(), name, password, from)
	if (p == nil) == (err == nil) {
		t.Errorf("Authenticate(%q) = %v, %v: want one of them", name, p, err)
	}
	return p, l.hashes.Load() - before, err
}

// people adds alice, bob without a password, and a room with one.
func people(t testing.TB, s storage.Store) *Directory {
	t.Helper()
	d := &Directory{Store: s, Now: func() time.Time { return t0 }, params: cheap}
	err := d.Import(t.Context(), []NewUser{
		{Name: "alice", Password: "wonder", Email: "Alice@Example.com"},
		{Name: "bob", Email: "bob@example.com"},
		{Name: "blue", Password: "roomy", Kind: "room"},
		{Name: "dave@example.net", Password: "mailname"},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAuthenticate(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		people(t, s)
		l := newLogin(s)
		for i, tt := range []struct {
			name, password, want string
			hashes               int64
		}{
			{"alice", "wonder", "alice", 1},
			{"alice", "wonder", "alice", 0},
			{" Alice ", "wonder", "alice", 0},
			{"alice@example.com", "wonder", "alice", 0},
			{"ALICE@EXAMPLE.COM", "wonder", "alice", 0},
			{"dave@example.net", "mailname", "dave@example.net", 1},
			{"blue", "roomy", "blue", 1},
			// All that is refused for its name or password takes one hash.
			{"alice", "Wonder", "", 1},
			{"alice@example.com", "x", "", 1},
			{"bob", "anything", "", 1},
			{"nobody", "wonder", "", 1},
			{"nobody@example.com", "wonder", "", 1},
			{"alice/../bob", "wonder", "", 1},
			{"ali\x00ce", "wonder", "", 1},
			{"al\xffice", "wonder", "", 1},
			// And these, which say nothing about who is here, none.
			{"", "wonder", "", 0},
			{"alice", "", "", 0},
			{"bob", "", "", 0},
			{"alice", strings.Repeat("x", maxPassword+1), "", 0},
			{strings.Repeat("a", 10_000), "wonder", "", 0},
		} {
			p, n, err := l.try(t, tt.name, tt.password, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))
			got := ""
			if p != nil {
				got = p.Name
			} else if !errors.Is(err, ErrBadCredentials) {
				t.Errorf("Authenticate(%.30q, %.30q) = %v, want ErrBadCredentials", tt.name, tt.password, err)
			}
			if got != tt.want || n != tt.hashes {
				t.Errorf("Authenticate(%.30q, %.30q) = %q with %d hashes, want %q with %d", tt.name, tt.password, got, n, tt.want, tt.hashes)
			}
		}
	})
}

func TestS7ChangedPasswordHoldsOnEveryServerAtOnce(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		d := people(t, s)
		one, two := newLogin(s), newLogin(s)
		for _, l := range []*login{one, two} {
			if _, _, err := l.try(t, "alice", "wonder", home); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.SetPassword(t.Context(), "ALICE@example.com", "land"); err != nil {
			t.Fatal(err)
		}
		for i, l := range []*login{one, two} {
			if _, _, err := l.try(t, "alice", "wonder", home); !errors.Is(err, ErrBadCredentials) {
				t.Errorf("server %d takes the old password: %v", i+1, err)
			}
			if _, _, err := l.try(t, "alice", "land", home); err != nil {
				t.Errorf("server %d refuses the new password: %v", i+1, err)
			}
		}
		// And the same password set again, to end what was cached.
		if err := d.SetPassword(t.Context(), "alice", "land"); err != nil {
			t.Fatal(err)
		}
		if _, n, err := one.try(t, "alice", "land", home); err != nil || n != 1 {
			t.Errorf("after the password was set again: %v with %d hashes, want 1", err, n)
		}
		if err := d.Remove(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := one.try(t, "alice", "land", home); !errors.Is(err, ErrBadCredentials) {
			t.Errorf("somebody who was removed is let in: %v", err)
		}
	})
}

func TestCacheForgets(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		people(t, s)
		l := newLogin(s)
		l.try(t, "alice", "wonder", home)
		for range 10 { // used every 20 minutes it stays
			l.add(20 * time.Minute)
			if _, n, _ := l.try(t, "alice", "wonder", home); n != 0 {
				t.Error("a credential in use was forgotten")
			}
		}
		l.add(61 * time.Minute)
		if _, n, _ := l.try(t, "alice", "wonder", home); n != 1 {
			t.Error("a credential was remembered for more than an hour without use")
		}
		for i := range 3 * cacheSize {
			var k cacheKey
			copy(k[:], fmt.Sprint(i))
			l.verified.add(l.clock.Now(), k)
		}
		if n := len(l.verified.young) + len(l.verified.old); n > 2*cacheSize {
			t.Errorf("the cache holds %d entries", n)
		}
	})
}

func TestS7GuessingIsThrottled(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		people(t, s)
		l := newLogin(s)
		if _, _, err := l.try(t, "alice", "wonder", home); err != nil {
			t.Fatal(err)
		}
		evil := netip.MustParseAddr("192.0.2.66")
		for _, name := range []string{"alice", "nobody"} { // nothing tells them apart
			var err error
			tries := 0
			for ; tries < 100; tries++ {
				if _, _, err = l.try(t, name, fmt.Sprint("guess", tries), evil); !errors.Is(err, ErrBadCredentials) {
					break
				}
			}
			wait, ok := RetryAfter(err)
			if tries != 10 || !errors.Is(err, ErrThrottled) || !ok || wait <= 0 || wait > time.Minute {
				t.Errorf("%s: %d guesses, then %v (wait %v); want 10, then throttled for half a minute", name, tries, err, wait)
			}
		}
		if _, n, err := l.try(t, "alice", "wonder", evil); err != nil || n != 0 {
			t.Errorf("what was verified is refused where others guess: %v (a household behind one address)", err)
		}
		if _, _, err := l.try(t, "blue", "roomy", evil); err != nil {
			t.Errorf("somebody else at that address is refused: %v", err)
		}
		l.add(24 * time.Hour)
		if _, _, err := l.try(t, "alice", "wonder", home); err != nil {
			t.Errorf("a day later: %v", err)
		}
	})
}

func TestOnePasswordIsHashedOnceAtATime(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		people(t, s)
		l := newLogin(s)
		gate, started := make(chan struct{}), make(chan struct{}, 100)
		l.verify = func(encoded, password string) bool {
			l.hashes.Add(1)
			started <- struct{}{}
			<-gate
			return Verify(encoded, password)
		}
		var wg sync.WaitGroup
		errs := make([]error, 20)
		login := func(i int) {
			wg.Go(func() { _, errs[i] = l.Authenticate(t.Context(), "alice", "wonder", home) })
		}
		login(0)
		<-started
		for i := 1; i < len(errs); i++ {
			login(i)
		}
		// One that gives up does not take the others with it.
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := l.Authenticate(gone, "alice", "wonder", home); err == nil {
			t.Error("a cancelled login succeeds")
		}
		close(gate)
		wg.Wait()
		for i, err := range errs {
			if err != nil {
				t.Errorf("login %d: %v", i, err)
			}
		}
		if n := l.hashes.Load(); n != 1 {
			t.Errorf("%d hashes for one password", n)
		}
		if len(l.flights) != 0 {
			t.Errorf("%d flights are left", len(l.flights))
		}
	})
}

// A login that finds the queue full is told so, and not charged.
func TestBusy(t *testing.T) {
	l := newLogin(nil)
	for range cap(l.turns) {
		l.turns <- struct{}{}
	}
	for i := range maxQueue * cap(l.turns) {
		var k cacheKey
		copy(k[:], fmt.Sprint(i))
		l.flights[k] = &flight{done: make(chan struct{})}
	}
	_, err := l.check(t.Context(), cacheKey{}, "", "secret", "1/", home)
	if wait, ok := RetryAfter(err); !errors.Is(err, ErrBusy) || !ok || wait != BusyRetryAfter {
		t.Errorf("with a full queue: %v, want ErrBusy", err)
	}
	if len(l.throttle.pair.m) != 0 {
		t.Error("a login that was not looked at was charged")
	}
}

func TestS7LogsNoSecrets(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		people(t, s)
		var out bytes.Buffer
		l := newLogin(s)
		l.Log = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		l.try(t, "alice", "s3cret-guess", home)
		l.try(t, "alice@example.com", "s3cret-guess", home)
		l.try(t, "s3cret-as-name", "s3cret-guess", home)
		for range 20 {
			l.try(t, "alice", "s3cret-guess", home)
		}
		if got := out.String(); !strings.Contains(got, "login failed") || strings.Contains(got, "s3cret") || strings.Contains(got, "example.com") {
			t.Errorf("log:\n%s", got)
		}
	})
}

func TestStoreFailureIsNoBadPassword(t *testing.T) {
	l := newLogin(broken{})
	for _, name := range []string{"alice", "alice@example.com"} {
		if _, _, err := l.try(t, name, "wonder", home); !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("Authenticate(%s) = %v, want ErrUnavailable", name, err)
		}
	}
}

type broken struct{ storage.Reader }

func (broken) PrincipalByName(context.Context, string) (*storage.Principal, error) {
	return nil, storage.ErrUnavailable
}

func (broken) PrincipalsByAddress(context.Context, []string) (map[string]*storage.Principal, error) {
	return nil, storage.ErrUnavailable
}

// fixed is a directory of one, so that the benchmark is of the cache and not of a database.
type fixed struct {
	storage.Reader
	p *storage.Principal
}

func (f fixed) PrincipalByName(context.Context, string) (*storage.Principal, error) { return f.p, nil }

func BenchmarkAuthenticateHit(b *testing.B) {
	hash, _ := HashPassword("wonder")
	l := newLogin(fixed{p: &storage.Principal{ID: 1, Name: "alice", PasswordHash: hash, CredentialVersion: 1}})
	if _, _, err := l.try(b, "alice", "wonder", home); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := l.Authenticate(b.Context(), "alice", "wonder", home); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	hash, _ := HashPassword("wonder")
	for b.Loop() {
		Verify(hash, "wonder")
	}
}
