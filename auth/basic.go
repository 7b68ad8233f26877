package auth

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"kalends/ical"
	"kalends/storage"
)

// Bounds of [Basic].
const (
	cacheSize = 100_000          // credentials in one generation of the cache
	cacheAge  = 30 * time.Minute // of a generation: an unused entry lives 30 to 60 minutes
	hashWait  = 5 * time.Second  // how long a login waits for its turn
	maxQueue  = 128              // logins that wait, for each core
)

// Basic verifies names and passwords (RFC 7617). Clients send them with every request, so what was verified is kept for
// a while: see [Basic.Authenticate]. It must not be copied after first use.
type Basic struct {
	Store storage.Reader
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: no log

	once     sync.Once
	keys     *keyer
	verified *cache
	throttle *throttle
	turns    chan struct{} // holds one for each hash under way
	dummy    string
	verify   func(encoded, password string) bool // Verify, or a test's

	mu      sync.Mutex
	flights map[cacheKey]*flight
}

var _ Authenticator = (*Basic)(nil)

// flight is one verification that everybody with the same name and password waits for.
type flight struct {
	done chan struct{} // closed when ok and err are set
	ok   bool
	err  error
}

func (b *Basic) init() {
	b.once.Do(func() {
		if b.Now == nil {
			b.Now = time.Now
		}
		if b.Log == nil {
			b.Log = slog.New(slog.DiscardHandler)
		}
		if b.verify == nil {
			b.verify = Verify
		}
		b.keys = newKeyer()
		b.verified = newCache(cacheSize, cacheAge)
		b.throttle = newThrottle()
		b.turns = make(chan struct{}, runtime.NumCPU())
		b.flights = map[cacheKey]*flight{}
		b.dummy = defaultParams.nobodys()
	})
}

// Authenticate returns the principal with that name, or with that mail address, whose password it is.
//
// The principal is read from the store each time, so a removed one is out at once, and the cache's key holds the
// version of the credential, so a changed password is effective at once on every server. What is not in the cache is hashed,
// at most once at a time for the same name and password, and on no more cores than there are. Names that do not exist take the same
// work as wrong passwords. App passwords count as well. Refused logins are logged at Info without what was typed.
func (b *Basic) Authenticate(ctx context.Context, name, password string, remote netip.Addr) (*storage.Principal, error) {
	return b.authenticate(ctx, name, password, remote, true)
}

func (b *Basic) authenticate(ctx context.Context, name, password string, remote netip.Addr, apps bool) (*storage.Principal, error) {
	b.init()
	if len(password) > maxPassword || password == "" || len(name) > maxAddress || name == "" {
		return nil, ErrBadCredentials
	}
	name = strings.ToLower(strings.TrimSpace(name))
	p, err := findPrincipal(ctx, b.Store, name)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	if apps {
		if ok, err := b.byApp(ctx, p, password); ok || err != nil {
			return p, err
		}
	}
	var id, version int64
	who, encoded, unknown := name, "", name
	if p != nil {
		id, version, encoded = p.ID, p.CredentialVersion, p.PasswordHash
		who, unknown = strconv.FormatInt(id, 10)+"/", "" // no name has a slash
	}
	key := b.keys.key(id, version, unknown, password)
	if encoded != "" && b.verified.has(b.Now(), key) {
		return p, nil
	}
	ok, err := b.check(ctx, key, encoded, password, who, remote)
	switch {
	case err != nil:
		b.Log.InfoContext(ctx, "login refused", "principal", id, "remote", remote, "err", err)
		return nil, err
	case !ok || encoded == "":
		b.Log.InfoContext(ctx, "login failed", "principal", id, "remote", remote)
		return nil, ErrBadCredentials
	}
	return p, nil
}

// check verifies a password that is not in the cache, or joins who does already. An empty encoded stands for
// somebody who is not there or has no password.
func (b *Basic) check(ctx context.Context, key cacheKey, encoded, password, who string, remote netip.Addr) (bool, error) {
	b.mu.Lock()
	f := b.flights[key]
	if f == nil {
		if encoded != "" && b.verified.has(b.Now(), key) { // by a flight that has landed since
			b.mu.Unlock()
			return true, nil
		}
		a, wait := b.throttle.begin(b.Now(), who, remote)
		if wait > 0 {
			b.mu.Unlock()
			return false, &ThrottledError{RetryAfter: wait}
		}
		if len(b.flights) >= maxQueue*cap(b.turns) {
			b.mu.Unlock()
			b.throttle.undecided(b.Now(), a)
			return false, ErrBusy
		}
		f = &flight{done: make(chan struct{})}
		b.flights[key] = f
		// It goes on when this client hangs up: others may wait for it, and the next try finds it done.
		go b.fly(f, key, encoded, password, a)
	}
	b.mu.Unlock()
	select {
	case <-f.done:
		return f.ok, f.err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (b *Basic) fly(f *flight, key cacheKey, encoded, password string, a attempt) {
	defer func() {
		b.mu.Lock()
		delete(b.flights, key)
		b.mu.Unlock()
		close(f.done)
	}()
	patience := time.NewTimer(hashWait)
	defer patience.Stop()
	select {
	case b.turns <- struct{}{}:
	case <-patience.C:
		b.throttle.undecided(b.Now(), a)
		f.err = ErrBusy
		return
	}
	defer func() { <-b.turns }()
	if encoded == "" {
		b.verify(b.dummy, password)
	} else {
		f.ok = b.verify(encoded, password)
	}
	if now := b.Now(); f.ok {
		b.verified.add(now, key)
		b.throttle.succeeded(now, a)
	} else {
		b.throttle.failed(now, a)
	}
}

// findPrincipal returns the principal of a login name: an address where it holds an @, because a principal whose
// name does has it for an address too. ErrNotFound.
func findPrincipal(ctx context.Context, r storage.Reader, name string) (*storage.Principal, error) {
	if !strings.Contains(name, "@") {
		return r.PrincipalByName(ctx, name)
	}
	addr := ical.Address("mailto:" + name)
	found, err := r.PrincipalsByAddress(ctx, []string{addr})
	if err != nil {
		return nil, err
	}
	if p := found[addr]; p != nil {
		return p, nil
	}
	return nil, storage.ErrNotFound
}
