package feed

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// rendered is the text of a feed. It is kept compressed, as most programs take it.
type rendered struct {
	tag  string
	gzip []byte
	size int64 // uncompressed
	used int64 // when, by the cache's count
}

// writeTo writes it uncompressed.
func (t *rendered) writeTo(w io.Writer) error {
	r, err := gzip.NewReader(bytes.NewReader(t.gzip))
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return err
}

// Bounds of what is kept in memory.
const (
	maxCached   = 64 << 20 // octets of texts
	maxSeen     = 50_000   // feeds
	maxRenderer = 2        // feeds made at once
	renderTime  = time.Minute
)

// cache keeps the texts of feeds as long as nothing in them changes: they are asked for every few minutes, by many programs, and
// anybody who knows the address may ask as often as they like.
type cache struct {
	mu    sync.Mutex
	texts map[string]*rendered // by hash of the token
	bytes int
	count int64
	seen  map[string]seen

	flights singleflight.Group
	once    sync.Once
	slots   chan struct{}
}

// seen is since when a feed is known to be as it is.
type seen struct {
	tag string
	at  time.Time
}

// since returns the time for Last-Modified: when this server first saw the feed as it is. That is later than the change, never
// earlier, so nobody misses one. It is not settled while another change could happen in the same second.
func (c *cache) since(key, tag string, now time.Time) (at time.Time, settled bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.seen[key]
	if !ok || s.tag != tag {
		if c.seen == nil || len(c.seen) >= maxSeen {
			c.seen = map[string]seen{}
		}
		s = seen{tag, now.UTC()}
		c.seen[key] = s
	}
	return s.at.Truncate(time.Second), now.Sub(s.at) >= 2*time.Second
}

// get returns the text of a feed, made by fn unless it is there. Those who ask for one at once wait for one.
func (c *cache) get(ctx context.Context, key, tag string, fn func(context.Context) (*rendered, error)) (*rendered, error) {
	c.mu.Lock()
	t := c.texts[key]
	if t != nil && t.tag == tag {
		c.count++
		t.used = c.count
		c.mu.Unlock()
		return t, nil
	}
	c.mu.Unlock()
	c.once.Do(func() { c.slots = make(chan struct{}, maxRenderer) })
	done := c.flights.DoChan(key+tag, func() (any, error) {
		// Whoever asked first may go away; the others still want it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renderTime)
		defer cancel()
		select {
		case c.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		defer func() { <-c.slots }()
		t, err := fn(ctx)
		if err == nil {
			c.put(key, t)
		}
		return t, err
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case res := <-done:
		if res.Err != nil {
			return nil, res.Err
		}
		return res.Val.(*rendered), nil
	}
}

func (c *cache) put(key string, t *rendered) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.texts == nil {
		c.texts = map[string]*rendered{}
	}
	if old := c.texts[key]; old != nil {
		c.bytes -= len(old.gzip)
	}
	c.count++
	t.used = c.count
	c.texts[key] = t
	for c.bytes += len(t.gzip); c.bytes > maxCached; {
		oldest := key
		for k, e := range c.texts {
			if e.used < c.texts[oldest].used {
				oldest = k
			}
		}
		c.bytes -= len(c.texts[oldest].gzip)
		delete(c.texts, oldest)
		if len(c.texts) == 0 {
			break
		}
	}
}
