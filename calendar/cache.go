package calendar

import (
	"container/list"
	"fmt"
	"sync"

	"kalends/ical/recur"
	"kalends/storage"
)

// seriesCache keeps decoded recurrences by the version of their object. It holds no more than its
// capacity of encoded octets, and forgets what was used longest ago.
type seriesCache struct {
	mu    sync.Mutex
	items map[seriesKey]*list.Element
	order list.List // of *seriesItem, the latest used in front
	bytes int
}

// A seriesKey is a version of an object. The tag is there since the number alone comes again after a transaction that failed.
type seriesKey struct {
	owner, id, seq int64
	etag           string // "" of a collection
}

func versionOf(o *storage.Object) seriesKey { return seriesKey{o.Owner, o.ID, o.Seq, o.ETag} }

type seriesItem struct {
	key    seriesKey
	series *recur.Series
	bytes  int
}

const seriesCacheBytes = 32 << 20

func (c *seriesCache) get(o *storage.Object) (*recur.Series, error) {
	key := versionOf(o)
	c.mu.Lock()
	if e, ok := c.items[key]; ok {
		c.order.MoveToFront(e)
		c.mu.Unlock()
		return e.Value.(*seriesItem).series, nil
	}
	c.mu.Unlock()
	series, err := recur.Decode(o.Series)
	if err != nil {
		return nil, fmt.Errorf("recurrence of object %d/%d: %w", o.Owner, o.ID, err)
	}
	if key.id == 0 {
		return series, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.items == nil {
		c.items = map[seriesKey]*list.Element{}
	}
	if _, ok := c.items[key]; !ok {
		item := &seriesItem{key, series, len(o.Series) + 512}
		c.items[key] = c.order.PushFront(item)
		for c.bytes += item.bytes; c.bytes > seriesCacheBytes; {
			last := c.order.Back()
			old := c.order.Remove(last).(*seriesItem)
			delete(c.items, old.key)
			c.bytes -= old.bytes
		}
	}
	return series, nil
}
