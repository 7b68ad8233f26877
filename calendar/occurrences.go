package calendar

import (
	"container/list"
	"sort"
	"sync"
	"time"

	"kalends/ical/recur"
	"kalends/storage"
)

// occurrence is when a recurring event takes place once: microseconds UTC.
type occurrence struct {
	start, end int64
	busy       recur.Busy
}

// touches is the rule for events of RFC 4791 section 9.9: an event without length touches the window that its start lies in.
func (o occurrence) touches(start, end int64) bool {
	return o.start < end && (o.end > start || o.end == o.start && o.start >= start)
}

// occurrenceCache keeps the occurrences of recurring events by year and version of their object, so that looking at a week, or
// at a year for free-busy, expands nothing. It holds no more than its capacity, and forgets what was used
// longest ago.
type occurrenceCache struct {
	mu    sync.Mutex
	items map[yearKey]*list.Element
	order list.List // of *yearItem, the latest used in front
	held  int       // occurrences
}

type yearKey struct {
	seriesKey
	year int
	loc  *time.Location // in which floating times are read
}

type yearItem struct {
	key yearKey
	yearList
}

// yearList is the occurrences that touch a year, by start.
type yearList struct {
	list    []occurrence
	longest int64 // of them, in microseconds
}

const (
	maxOccurrences = 2_000_000 // held, of 24 octets each
	maxCachedYears = 3         // of one look; what spans more is expanded
	maxInYear      = 5_000     // of one event; denser ones are expanded each time
)

func (c *occurrenceCache) get(key yearKey) (yearList, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[key]
	if !ok {
		return yearList{}, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*yearItem).yearList, true
}

func (c *occurrenceCache) put(key yearKey, found yearList) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.items == nil {
		c.items = map[yearKey]*list.Element{}
	}
	if _, ok := c.items[key]; ok {
		return
	}
	c.items[key] = c.order.PushFront(&yearItem{key, found})
	for c.held += weight(found.list); c.held > maxOccurrences; {
		old := c.order.Remove(c.order.Back()).(*yearItem)
		delete(c.items, old.key)
		c.held -= weight(old.list)
	}
}

// weight counts an empty year as something too, because its key is kept.
func weight(list []occurrence) int { return len(list) + 8 }

// occurrences calls fn with the occurrences of a stored recurring event that touch [start, end), until it returns false. ok
// is false when this event and window are not for the cache.
func (s *Service) occurrences(o *storage.Object, start, end time.Time, loc *time.Location, fn func(occurrence) bool) (ok bool, err error) {
	if o.Component != "VEVENT" || o.ID == 0 || start.IsZero() || end.IsZero() || !start.Before(end) {
		return false, nil
	}
	first, last := start.UTC().Year(), end.Add(-time.Microsecond).UTC().Year()
	if last-first >= maxCachedYears || first < 1 || last > 9998 {
		return false, nil
	}
	from, to := start.UnixMicro(), end.UnixMicro()
	for year := first; year <= last; year++ {
		y, cached := s.years.get(yearKey{versionOf(o), year, loc})
		if !cached {
			if y, err = s.expandYear(o, year, loc); err != nil || y.list == nil {
				return false, err
			}
		}
		yearStart := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
		i := sort.Search(len(y.list), func(i int) bool { return y.list[i].start >= from-y.longest })
		for _, x := range y.list[i:] {
			if x.start >= to {
				break
			}
			if year > first && x.start < yearStart {
				continue // was seen in the year before
			}
			if x.touches(from, to) && !fn(x) {
				return true, nil
			}
		}
	}
	return true, nil
}

// expandYear returns the occurrences that touch a year, and keeps them; a nil list when there are too many to keep.
func (s *Service) expandYear(o *storage.Object, year int, loc *time.Location) (y yearList, err error) {
	series, err := s.series.get(o)
	if err != nil {
		return yearList{}, err
	}
	y.list = []occurrence{}
	start, end := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC)
	for inst, err := range series.Between(start, end, loc) {
		if err != nil {
			return yearList{}, err
		}
		if len(y.list) == maxInYear {
			return yearList{}, nil
		}
		x := occurrence{inst.Start.UnixMicro(), inst.End.UnixMicro(), inst.Busy}
		y.list = append(y.list, x)
		y.longest = max(y.longest, x.end-x.start)
	}
	s.years.put(yearKey{versionOf(o), year, loc}, y)
	return y, nil
}
