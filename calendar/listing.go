package calendar

import (
	"container/list"
	"context"
	"fmt"
	"sync"

	"kalends/storage"
)

// listingCache keeps what is in collections, without texts, by the change it was read at. Many programs ask for all ETags of a calendar
// at each sync, and mostly nothing has changed.
type listingCache struct {
	mu    sync.Mutex
	items map[storage.Ref]*list.Element
	order list.List // of *listing, the latest used in front
	held  int       // objects
}

type listing struct {
	ref     storage.Ref
	seq     int64
	objects []storage.Object
}

// maxListed bounds the objects that are held, of about 400 octets each.
const maxListed = 200_000

func (c *listingCache) get(ref storage.Ref, seq int64) ([]storage.Object, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[ref]
	if !ok || e.Value.(*listing).seq != seq {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*listing).objects, true
}

func (c *listingCache) put(l *listing) {
	if len(l.objects) > maxListed/4 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.items == nil {
		c.items = map[storage.Ref]*list.Element{}
	}
	if e, ok := c.items[l.ref]; ok {
		if e.Value.(*listing).seq >= l.seq {
			return
		}
		c.drop(e)
	}
	c.items[l.ref] = c.order.PushFront(l)
	for c.held += len(l.objects) + 1; c.held > maxListed; {
		c.drop(c.order.Back())
	}
}

func (c *listingCache) drop(e *list.Element) {
	l := c.order.Remove(e).(*listing)
	delete(c.items, l.ref)
	c.held -= len(l.objects) + 1
}

// Listing returns all objects of a collection, ordered by name, without their texts and recurrences, as they were when the
// collection was at c.LastSeq or later. The slice is shared: it is not to be changed. Whoever calls it has checked
// that everything in the collection may be seen.
func (s *Service) Listing(ctx context.Context, c *storage.Calendar) ([]storage.Object, error) {
	objects, _, err := s.listing(ctx, c)
	return objects, err
}

// listing is Listing, with the LastSeq that the collection was at.
func (s *Service) listing(ctx context.Context, c *storage.Calendar) (objects []storage.Object, seq int64, err error) {
	if objects, ok := s.listings.get(c.Ref(), c.LastSeq); ok {
		return objects, c.LastSeq, nil
	}
	l := &listing{ref: c.Ref()}
	err = s.Store.View(ctx, func(r storage.Reader) error {
		l.objects = l.objects[:0]
		now, err := r.Calendar(ctx, c.Owner, c.Slug)
		if err != nil {
			return fmt.Errorf("collection %d/%s: %w", c.Owner, c.Slug, err)
		}
		l.seq = now.LastSeq
		return r.Objects(ctx, c.Ref(), 0, func(o *storage.Object) error {
			l.objects = append(l.objects, *o)
			return nil
		})
	})
	if err != nil {
		return nil, 0, err
	}
	s.listings.put(l)
	return l.objects, l.seq, nil
}
