package auth

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// A limit allows burst failures at once and one more every period. Failures beyond it, of logins that were under
// way at the same time, are remembered up to debt.
type limit struct {
	burst, debt float64
	period      time.Duration
}

// What may fail before it is refused. The limit by person is soft: it is there to slow down a guess from very many
// addresses, and addresses from which the person has logged in before are exempt from it, so that nobody can lock
// somebody out of the devices they use.
var (
	pairLimit    = limit{10, 0, 30 * time.Second}  // one person from one address
	addressLimit = limit{60, 60, 2 * time.Second}  // one address, all persons
	personLimit  = limit{100, 0, 10 * time.Second} // one person, all addresses
)

// throttle counts failed logins in buckets that refill with time. Its memory is bounded.
type throttle struct {
	mu      sync.Mutex
	pair    buckets
	address buckets
	person  buckets
	known   map[uint64]struct{} // pairs that logged in; oldKnown is the generation before
	old     map[uint64]struct{}
	seed    maphash.Seed
}

// maxBuckets bounds each table of a throttle.
const maxBuckets = 1 << 16

func newThrottle() *throttle {
	return &throttle{
		pair:    buckets{limit: pairLimit, m: map[uint64]bucket{}},
		address: buckets{limit: addressLimit, m: map[uint64]bucket{}},
		person:  buckets{limit: personLimit, m: map[uint64]bucket{}},
		known:   map[uint64]struct{}{},
		seed:    maphash.MakeSeed(),
	}
}

// An attempt is a login that a throttle has let through.
type attempt struct {
	pair, address, person uint64
	noAddress             bool
}

// network returns what stands for a client's address: a host's IPv4 address, or the /64 that a host with IPv6
// has for itself.
func network(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// begin lets a login for the person through, or returns how long to wait before the next try.
func (t *throttle) begin(now time.Time, person string, remote netip.Addr) (attempt, time.Duration) {
	remote = network(remote)
	a := attempt{
		pair:      maphash.Comparable(t.seed, pairKey{person, remote}),
		address:   maphash.Comparable(t.seed, remote),
		person:    maphash.String(t.seed, person),
		noAddress: !remote.IsValid(),
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	wait := t.pair.wait(now, a.pair)
	if !a.noAddress {
		wait = max(wait, t.address.wait(now, a.address))
	}
	if !t.isKnown(a.pair) {
		wait = max(wait, t.person.wait(now, a.person))
	}
	if wait > 0 {
		return a, wait
	}
	// Taken now and given back on success: many guesses at once do not get past the limit together. The other two
	// are charged after a failure, or a crowd behind one address could not log in at once.
	t.pair.charge(now, a.pair, 1)
	return a, 0
}

type pairKey struct {
	person string
	remote netip.Addr
}

// succeeded gives back what begin took, and remembers that this person logs in from there.
func (t *throttle) succeeded(now time.Time, a attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pair.charge(now, a.pair, -1)
	if t.isKnown(a.pair) {
		return
	}
	if len(t.known) >= maxBuckets {
		t.old, t.known = t.known, make(map[uint64]struct{})
	}
	t.known[a.pair] = struct{}{}
}

// undecided gives back what begin took: the password was not looked at.
func (t *throttle) undecided(now time.Time, a attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pair.charge(now, a.pair, -1)
}

// failed charges the address and the person.
func (t *throttle) failed(now time.Time, a attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !a.noAddress {
		t.address.charge(now, a.address, 1)
	}
	t.person.charge(now, a.person, 1)
}

// isKnown moves pairs that are in use to the younger generation.
func (t *throttle) isKnown(pair uint64) bool {
	if _, ok := t.known[pair]; ok {
		return true
	}
	if _, ok := t.old[pair]; !ok {
		return false
	}
	delete(t.old, pair)
	t.known[pair] = struct{}{}
	return true
}

// bucket held left at that time.
type bucket struct {
	left float64
	at   time.Time
}

type buckets struct {
	limit limit
	m     map[uint64]bucket
}

func (b *buckets) left(now time.Time, key uint64) float64 {
	k, ok := b.m[key]
	if !ok {
		return b.limit.burst
	}
	gained := max(0, float64(now.Sub(k.at))/float64(b.limit.period)) // the clock may step back
	return min(k.left+gained, b.limit.burst)
}

// wait returns how long it takes until the bucket holds one.
func (b *buckets) wait(now time.Time, key uint64) time.Duration {
	left := b.left(now, key)
	if left >= 1 {
		return 0
	}
	return time.Duration((1-left)*float64(b.limit.period)) + 1
}

// charge takes n out.
func (b *buckets) charge(now time.Time, key uint64, n float64) {
	left := min(max(b.left(now, key)-n, -b.limit.debt), b.limit.burst)
	if left >= b.limit.burst {
		delete(b.m, key)
		return
	}
	if _, ok := b.m[key]; !ok && len(b.m) >= maxBuckets {
		b.makeRoom(now)
	}
	b.m[key] = bucket{left, now}
}

// makeRoom removes buckets that are full again, and an eighth of the others where all are in use: a flood from
// that many addresses is not stopped by remembering them all.
func (b *buckets) makeRoom(now time.Time) {
	for k := range b.m {
		if b.left(now, k) >= b.limit.burst {
			delete(b.m, k)
		}
	}
	for k := range b.m { // in random order
		if len(b.m) <= maxBuckets*7/8 {
			break
		}
		delete(b.m, k)
	}
}
