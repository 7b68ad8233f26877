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
	each := func(o *storage.Object, inBounds bool) error {
		if o = Visible(who, t.Owner, o); o == nil {
			return nil
		}
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
		return s.pages(ctx, c, func(o *storage.Object) error {
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
		return s.inRangeByPages(ctx, c, q, func(o *storage.Object) error { return each(o, window.Exact) })
	}
	if err != nil {
		return fmt.Errorf("objects in range: %w", err)
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

// pages calls fn with every object of a collection. Nothing of the database is held while fn runs, which may wait for a slow client.
func (s *Service) pages(ctx context.Context, c *storage.Calendar, fn func(*storage.Object) error) error {
	after := ""
	for {
		list, err := s.Store.ObjectsAfter(ctx, c.Ref(), storage.WithICS|storage.WithSeries, after, queryPage)
		if err != nil {
			return fmt.Errorf("objects: %w", err)
		}
		for _, o := range list {
			if err := fn(o); err != nil {
				return err
			}
		}
		if len(list) < queryPage {
			return nil
		}
		after = list[len(list)-1].Name
	}
}

// inRangeByPages is ObjectsInRange for results that are too large to be held.
func (s *Service) inRangeByPages(ctx context.Context, c *storage.Calendar, q storage.RangeQuery, fn func(*storage.Object) error) error {
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
