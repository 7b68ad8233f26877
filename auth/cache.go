package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
	"time"
)

// cacheKey names a principal's credential together with a password that was tried on it. It cannot be turned
// back, nor tried offline, without the key of this process.
type cacheKey [sha256.Size]byte

// keyer makes cache keys.
type keyer struct{ pool sync.Pool }

func newKeyer() *keyer {
	secret := make([]byte, 32)
	rand.Read(secret)
	k := &keyer{}
	k.pool.New = func() any { return &mac{Hash: hmac.New(sha256.New, secret)} }
	return k
}

type mac struct {
	hash.Hash
	head [16]byte
	buf  []byte
}

// key is of fixed-length fields first and the password last, so that no two inputs are alike. name is used
// for nobody (id 0) only.
func (k *keyer) key(id, version int64, name, password string) cacheKey {
	m := k.pool.Get().(*mac)
	defer k.pool.Put(m)
	m.Reset()
	binary.BigEndian.PutUint64(m.head[:8], uint64(id))
	binary.BigEndian.PutUint64(m.head[8:], uint64(version))
	m.buf = append(m.buf[:0], m.head[:]...)
	m.buf = binary.BigEndian.AppendUint32(m.buf, uint32(len(name)))
	m.buf = append(m.buf, name...)
	m.buf = append(m.buf, password...)
	m.Write(m.buf)
	clear(m.buf) // holds the password
	var out cacheKey
	m.Sum(out[:0])
	return out
}

// cache holds the credentials that were verified, in two generations: what is not used while a generation lasts is
// forgotten with the next, so both age and size are bounded.
type cache struct {
	size int
	age  time.Duration

	mu         sync.RWMutex
	young, old map[cacheKey]struct{}
	since      time.Time
}

func newCache(size int, age time.Duration) *cache {
	return &cache{size: size, age: age, young: map[cacheKey]struct{}{}}
}

func (c *cache) has(now time.Time, k cacheKey) bool {
	c.mu.RLock()
	_, young := c.young[k]
	_, old := c.old[k]
	stale := now.Sub(c.since) >= c.age
	c.mu.RUnlock()
	if young && !stale {
		return true
	}
	if !young && !old {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(now)
	_, young = c.young[k]
	if _, old = c.old[k]; !young && !old {
		return false
	}
	c.put(now, k)
	return true
}

func (c *cache) add(now time.Time, k cacheKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.turn(now)
	c.put(now, k)
}

func (c *cache) put(now time.Time, k cacheKey) {
	if _, ok := c.young[k]; ok {
		return
	}
	if len(c.young) >= c.size {
		c.old, c.young, c.since = c.young, make(map[cacheKey]struct{}), now
	}
	c.young[k] = struct{}{}
}

// turn begins a new generation when the young one is as old as it may get.
func (c *cache) turn(now time.Time) {
	switch age := now.Sub(c.since); {
	case age >= 2*c.age:
		c.old, c.young, c.since = nil, make(map[cacheKey]struct{}), now
	case age >= c.age:
		c.old, c.young, c.since = c.young, make(map[cacheKey]struct{}), now
	}
}
