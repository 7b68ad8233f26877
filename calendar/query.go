package calendar

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/query"
	"kalends/ical/recur"
	"kalends/ical/zone"
	"kalends/storage"
)

// Match is an object that a query found.
type Match struct {
	Object *storage.Object
	s      *Service
	cal    *ical.Component
	series *recur.Series
}

// Parsed returns the object's components, parsed at the first call.
func (m *Match) Parsed() (*ical.Component, error) {
	if m.cal == nil {
		var err error
		if m.cal, err = parseStored(m.Object); err != nil {
			return nil, err
		}
	}
	return m.cal, nil
}

// Series returns the object's occurrences: from its row, and of one that does not recur from its text.
func (m *Match) Series() (*recur.Series, error) {
	if m.series != nil {
		return m.series, nil
	}
	var err error
	if len(m.Object.Series) > 0 {
		m.series, err = m.s.series.get(m.Object)
		return m.series, err
	}
	cal, err := m.Parsed()
	if err != nil {
		return nil, err
	}
	m.series, err = recur.Compile(cal, zone.NewResolver(cal))
	return m.series, err
}

// MatchOf returns an object as a Match, for calendar-data of objects that were not queried for.
func (s *Service) MatchOf(o *storage.Object) *Match { return &Match{Object: o, s: s} }

// Query calls fn with the objects of a collection that a filter matches (RFC 4791 section 7.8), ordered by name, with
// their texts. floating is the zone of floating times; nil for the calendar's own. An object that cannot
// be evaluated is left out and logged.
func (s *Service) Query(ctx context.Context, who *storage.Principal, t Target, f *query.Filter, floating *time.Location, fn func(*Match) error) error {
	c, err := s.readable(ctx, s.Store, who, t)
	if err != nil {
		return err
	}
	loc := floating
	if loc == nil {
		loc = CalendarZone(c, principalZone(t.Owner))
	}
	seen := func(list []*storage.Object) ([]*storage.Object, error) {
		return s.SeenBy(ctx, s.Store, who, t.Owner, c, list)
	}
	each := func(o *storage.Object, inBounds bool) error {
		m := s.MatchOf(o)
		ok, err := s.matches(m, f, loc, inBounds)
		if err != nil {
			s.Log.ErrorContext(ctx, "query of object", "owner", o.Owner, "object", o.ID, "err", err)
			return nil
		}
		if !ok {
			return nil
		}
		return fn(m)
	}
	window, ok := f.Window()
	if !ok || c.Kind != storage.CalendarKind {
		return s.pages(ctx, c, seen, func(o *storage.Object) error {
			if c.Kind == storage.CalendarKind && !f.Wants(o.Component) {
				return nil
			}
			return each(o, false)
		})
	}
	q := storage.RangeQuery{
		Owner: c.Owner, Calendars: []int64{c.ID}, Components: []string{window.Component},
		Start: storage.MinTime, End: storage.MaxTime, WallStart: storage.MinTime, WallEnd: storage.MaxTime,
		Fields: storage.WithICS | storage.WithSeries, MaxText: queryText,
	}
	if !window.Start.IsZero() {
		q.Start, q.WallStart = window.Start.UnixMicro(), zone.Wall(window.Start, loc).UnixMicro()
	}
	if !window.End.IsZero() {
		q.End, q.WallEnd = window.End.UnixMicro(), zone.Wall(window.End, loc).UnixMicro()
	}
	objects, err := s.Store.ObjectsInRange(ctx, q)
	if errors.Is(err, storage.ErrTooMuch) {
		return s.inRangeByPages(ctx, c, q, seen, func(o *storage.Object) error { return each(o, window.Exact) })
	}
	if err != nil {
		return fmt.Errorf("objects in range: %w", err)
	}
	if objects, err = seen(objects); err != nil {
		return err
	}
	for _, o := range objects {
		if err := each(o, window.Exact); err != nil {
			return err
		}
	}
	return nil
}

const (
	queryText = 8 << 20 // octets of texts that are read at once
	queryPage = 100     // objects that are read at once where these may be more
)

// viewer makes of objects what somebody sees of them.
type viewer func([]*storage.Object) ([]*storage.Object, error)

// pages calls fn with every object of a collection that is seen. Nothing of the database is held while fn runs, which may wait for a
// slow client.
func (s *Service) pages(ctx context.Context, c *storage.Calendar, seen viewer, fn func(*storage.Object) error) error {
	return s.pagesOf(ctx, c, storage.WithICS|storage.WithSeries, func(list []*storage.Object) error {
		list, err := seen(list)
		for _, o := range list {
			if err == nil {
				err = fn(o)
			}
		}
		return err
	})
}

// pagesOf calls fn with all objects of a collection, many at once. The list is fn's.
func (s *Service) pagesOf(ctx context.Context, c *storage.Calendar, fields storage.Fields, fn func([]*storage.Object) error) error {
	after := ""
	for {
		list, err := s.Store.ObjectsAfter(ctx, c.Ref(), fields, after, queryPage)
		if err != nil {
			return fmt.Errorf("objects: %w", err)
		}
		n := len(list)
		if n > 0 {
			after = list[n-1].Name
		}
		if err := fn(list); err != nil || n < queryPage {
			return err
		}
	}
}

// inRangeByPages is ObjectsInRange for results that are too large to be held.
func (s *Service) inRangeByPages(ctx context.Context, c *storage.Calendar, q storage.RangeQuery, seen viewer, fn func(*storage.Object) error) error {
	q.Fields, q.MaxText = 0, 0
	found, err := s.Store.ObjectsInRange(ctx, q)
	if err != nil {
		return fmt.Errorf("objects in range: %w", err)
	}
	for page := range slices.Chunk(found, queryPage) {
		names := make([]string, len(page))
		for i, o := range page {
			names[i] = o.Name
		}
		list, err := s.Store.ObjectsByName(ctx, c.Ref(), names)
		if err != nil {
			return fmt.Errorf("objects by name: %w", err)
		}
		slices.SortFunc(list, func(a, b *storage.Object) int { return strings.Compare(a.Name, b.Name) })
		if list, err = seen(list); err != nil {
			return err
		}
		for _, o := range list {
			if err := fn(o); err != nil {
				return err
			}
		}
	}
	return nil
}

// matches decides by the stored bounds and recurrence where the filter asks for nothing more, so that
// nothing is parsed.
func (s *Service) matches(m *Match, f *query.Filter, loc *time.Location, exact bool) (bool, error) {
	if exact && len(m.Object.Series) == 0 {
		return true, nil
	}
	if exact {
		w, _ := f.Window()
		found := false
		if ok, err := s.occurrences(m.Object, w.Start, w.End, loc, func(occurrence) bool { found = true; return false }); ok || err != nil {
			return found, err
		}
	}
	series, err := m.Series()
	if err != nil {
		return false, err
	}
	if exact {
		w, _ := f.Window()
		for _, err := range series.Between(w.Start, w.End, loc) {
			return err == nil, err
		}
		return false, nil
	}
	cal, err := m.Parsed()
	if err != nil {
		return false, err
	}
	return f.Match(cal, series, loc)
}
