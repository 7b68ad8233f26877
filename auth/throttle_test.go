package auth

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

var t0 = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

// fail makes n logins of person from addr that fail, and returns how many were let through.
func fail(th *throttle, now time.Time, person, addr string, n int) int {
	through := 0
	for range n {
		if a, wait := th.begin(now, person, netip.MustParseAddr(addr)); wait == 0 {
			th.failed(now, a)
			through++
		}
	}
	return through
}

func TestS7Throttle(t *testing.T) {
	th := newThrottle()
	if n := fail(th, t0, "alice", "192.0.2.1", 100); n != 10 {
		t.Errorf("%d failures of one person from one address got through, want 10", n)
	}
	if _, wait := th.begin(t0, "alice", netip.MustParseAddr("192.0.2.1")); wait < 29*time.Second || wait > 31*time.Second {
		t.Errorf("begin asks to wait %v, want 30s", wait)
	}
	if n := fail(th, t0, "bob", "192.0.2.1", 1); n != 1 {
		t.Error("somebody else at the same address is refused after 10 failures of another")
	}
	if n := fail(th, t0, "alice", "198.51.100.7", 1); n != 1 {
		t.Error("the person is refused at another address")
	}
	if n := fail(th, t0.Add(time.Minute), "alice", "192.0.2.1", 100); n != 2 {
		t.Errorf("a minute later %d more failures got through, want 2", n)
	}
	if n := fail(th, t0.Add(24*time.Hour), "alice", "192.0.2.1", 100); n != 10 {
		t.Errorf("a day later %d failures got through, want 10: the bucket is full again, not fuller", n)
	}
}

func TestS7ThrottleAddress(t *testing.T) {
	th := newThrottle()
	n := 0
	for i := range 500 {
		n += fail(th, t0, fmt.Sprint("user", i), "192.0.2.1", 1)
	}
	if n != 60 {
		t.Errorf("%d names could be tried from one address, want 60", n)
	}
	n = 0
	for i := range 500 {
		n += fail(th, t0, fmt.Sprint("user", i), fmt.Sprintf("2001:db8:0:1::%x", i), 1)
	}
	if n != 60 {
		t.Errorf("%d names could be tried from one IPv6 /64, want 60", n)
	}
	if fail(th, t0, "alice", "::ffff:192.0.2.1", 1) != 0 {
		t.Error("an IPv4-mapped address is not taken for the IPv4 address")
	}
	if fail(th, t0, "alice", "2001:db8:0:2::1", 1) != 1 {
		t.Error("another /64 is refused")
	}
}

func TestS7ThrottleDoesNotLockOut(t *testing.T) {
	th := newThrottle()
	home := netip.MustParseAddr("203.0.113.9")
	a, wait := th.begin(t0, "alice", home)
	if wait > 0 {
		t.Fatal("refused at first")
	}
	th.succeeded(t0, a)
	n := 0
	for i := range 300 {
		n += fail(th, t0, "alice", fmt.Sprintf("192.0.%d.%d", i/256, i%256), 1)
	}
	if n != 100 {
		t.Errorf("%d guesses from many addresses got through, want 100", n)
	}
	if _, wait := th.begin(t0, "alice", home); wait > 0 {
		t.Errorf("from where she logged in before, she must wait %v because of guesses from elsewhere", wait)
	}
	if _, wait := th.begin(t0, "alice", netip.MustParseAddr("198.51.100.1")); wait <= 0 || wait > time.Minute {
		t.Errorf("from a new address she must wait %v, want a moment", wait)
	}
}

func TestS7ThrottleSuccessCostsNothing(t *testing.T) {
	th := newThrottle()
	addr := netip.MustParseAddr("192.0.2.1")
	for range 1000 {
		a, wait := th.begin(t0, "alice", addr)
		if wait > 0 {
			t.Fatal("logins that succeed are throttled")
		}
		th.succeeded(t0, a)
	}
	if len(th.pair.m)+len(th.address.m)+len(th.person.m) != 0 {
		t.Errorf("full buckets are kept: %d %d %d", len(th.pair.m), len(th.address.m), len(th.person.m))
	}
}

func TestS7ThrottleGuessesAtOnce(t *testing.T) {
	th := newThrottle()
	var under []attempt
	for range 100 {
		if a, wait := th.begin(t0, "alice", netip.MustParseAddr("192.0.2.1")); wait == 0 {
			under = append(under, a)
		}
	}
	if len(under) != 10 {
		t.Errorf("%d guesses at once were let through, want 10", len(under))
	}
	under = nil
	for i := range 1000 { // of as many persons: they all pass, but are paid for
		if a, wait := th.begin(t0, fmt.Sprint(i), netip.MustParseAddr("192.0.2.2")); wait == 0 {
			under = append(under, a)
		}
	}
	for _, a := range under {
		th.failed(t0, a)
	}
	if _, wait := th.begin(t0, "bob", netip.MustParseAddr("192.0.2.2")); wait < time.Minute || wait > 3*time.Minute {
		t.Errorf("after 1,000 failures at once the address must wait %v, want about two minutes", wait)
	}
}

func TestS7ThrottleClockStepsBack(t *testing.T) {
	th := newThrottle()
	fail(th, t0, "alice", "192.0.2.1", 100)
	back := t0.Add(-time.Hour)
	if _, wait := th.begin(back, "alice", netip.MustParseAddr("192.0.2.1")); wait > time.Minute {
		t.Errorf("after the clock went back an hour she must wait %v, want 30s", wait)
	}
}

func TestS7ThrottleMemory(t *testing.T) {
	th := newThrottle()
	for i := range 3 * maxBuckets {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		if at, wait := th.begin(t0, fmt.Sprint(i), a); wait == 0 {
			th.failed(t0, at)
			th.succeeded(t0, at)
		}
	}
	for name, n := range map[string]int{"pair": len(th.pair.m), "address": len(th.address.m), "person": len(th.person.m), "known": len(th.known), "old": len(th.old)} {
		if n > maxBuckets {
			t.Errorf("%s holds %d entries, want at most %d", name, n, maxBuckets)
		}
	}
}
