package api

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
	"kalends/meeting"
	"kalends/storage"
)

// Bounds of lists.
const (
	maxWindow  = 5 * 366 * 24 * time.Hour
	maxPage    = 1000
	maxNamed   = 50      // calendars, people or rooms in one request
	maxOctets  = 8 << 20 // of the texts that a page tells: of one event as often as it tells it
	cursorKind = 1
)

// Window is the time that a request asks about.
type Window struct {
	From string `query:"from" required:"true" doc:"From this instant on." example:"2026-03-01T00:00:00Z" maxLength:"40"`
	To   string `query:"to" required:"true" doc:"Before this instant." example:"2026-04-01T00:00:00Z" maxLength:"40"`
}

func (w Window) read(most time.Duration) (from, to time.Time, err error) {
	for _, x := range []struct {
		field, text string
		at          *time.Time
	}{{"from", w.From, &from}, {"to", w.To, &to}} {
		t, err := meeting.ReadWhen(x.field, x.text)
		if err != nil || t.Date {
			return from, to, invalidQuery(x.field, "must be an instant such as 2026-03-02T09:00:00Z, in the years %d to %d", meeting.FirstYear, meeting.LastYear)
		}
		*x.at = t.Time.UTC()
	}
	if !to.After(from) {
		return from, to, invalidQuery("to", "must be after from")
	}
	if to.Sub(from) > most {
		return from, to, invalidQuery("to", "must be at most %d days after from", int(most.Hours()/24))
	}
	return from, to, nil
}

// DisplayZone is the zone in which a request wants times that have none of their own.
type DisplayZone struct {
	TimeZone string `query:"timeZone" doc:"IANA time zone for all-day and floating events; without it one's own." maxLength:"100"`
}

func (z DisplayZone) read(q *caller) (*time.Location, error) {
	if z.TimeZone == "" {
		_, loc := meeting.ZoneOf(q.who, nil)
		return loc, nil
	}
	_, loc, err := meeting.ReadZone("timeZone", z.TimeZone)
	if err != nil {
		return nil, invalidQuery("timeZone", "is no IANA time zone such as Europe/Berlin")
	}
	return loc, nil
}

// EventPage is a page of what takes place in a time.
type EventPage struct {
	Events []*Meeting `json:"events" nullable:"false" doc:"What takes place, by start."`
	Next   string     `json:"next,omitempty" doc:"Send it as cursor for the next page; without it this is the last."`
}

func (h *Handler) listEvents(ctx context.Context, q *caller, in *struct {
	Window
	DisplayZone
	Calendar []string `query:"calendar" nullable:"false" doc:"Ids or slugs of calendars, separated by commas; without it all of one's own." maxItems:"50"`
	Limit    int      `query:"limit" doc:"How many at most; 100. There are fewer on a page where they are very long." minimum:"1" maximum:"1000"`
	Cursor   string   `query:"cursor" doc:"next of the page before." maxLength:"200"`
}) (*struct{ Body EventPage }, error) {
	from, to, err := in.Window.read(maxWindow)
	if err != nil {
		return nil, err
	}
	here, err := in.DisplayZone.read(q)
	if err != nil {
		return nil, err
	}
	after, err := readCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	if in.Limit == 0 {
		in.Limit = 100
	}
	groups, err := h.named(ctx, q, in.Calendar)
	if err != nil {
		return nil, err
	}
	top := &earliest{limit: min(in.Limit, maxPage) + 1}
	for _, g := range groups {
		if err := h.collect(ctx, q, g, from, to, here, after, top); err != nil {
			return nil, err
		}
	}
	list := top.sorted()
	page := EventPage{Events: []*Meeting{}}
	if n := fitting(list, top.limit-1); n < len(list) {
		list = list[:n]
		page.Next = list[n-1].key.String()
	}
	if page.Events, err = h.render(ctx, q, groups, list, here); err != nil {
		return nil, err
	}
	return &struct{ Body EventPage }{page}, nil
}

// fitting is how many of these events make a page: at least one, where there is one.
func fitting(list []event, most int) int {
	octets := int64(0)
	for i, e := range list[:min(len(list), most)] {
		if octets += e.row.Size; octets > maxOctets && i > 0 {
			return i
		}
	}
	return min(len(list), most)
}

// named finds the calendars of a request, by home: one's own where none is named.
func (h *Handler) named(ctx context.Context, q *caller, names []string) ([]*group, error) {
	if len(names) > maxNamed {
		return nil, invalidQuery("calendar", "at most %d can be named", maxNamed)
	}
	byOwner := map[int64]*group{}
	var groups []*group
	enter := func(owner int64) (*group, error) {
		if g := byOwner[owner]; g != nil {
			return g, nil
		}
		p, err := h.editor.Visit(ctx, q.who, owner)
		if err != nil {
			return nil, err
		}
		g := &group{Place: p}
		byOwner[owner] = g
		groups = append(groups, g)
		return g, nil
	}
	if len(names) == 0 {
		g, err := enter(q.who.ID)
		if err != nil {
			return nil, err
		}
		for _, c := range g.Home {
			if c.Kind == storage.CalendarKind {
				g.calendars = append(g.calendars, c)
			}
		}
		return groups, nil
	}
	for _, name := range names {
		missing := invalidQuery("calendar", "there is no calendar %q", clip(name, 64))
		missing.problem = kinds[calendar.NotFound]
		owner, number, isID := meeting.ParseCalendarID(name)
		if !isID {
			owner = q.who.ID
		}
		g, err := enter(owner)
		if calendar.KindOf(err) == calendar.NotFound {
			return nil, missing
		}
		if err != nil {
			return nil, err
		}
		c := g.ByID(number)
		if !isID {
			c = g.BySlug(name)
		}
		if c == nil {
			return nil, missing
		}
		if !slices.Contains(g.calendars, c) {
			g.calendars = append(g.calendars, c)
		}
	}
	return groups, nil
}

// group is calendars of one home.
type group struct {
	*meeting.Place
	calendars []*storage.Calendar
}

// collect offers everything that takes place in calendars of one owner. It reads no texts.
func (h *Handler) collect(ctx context.Context, q *caller, g *group, from, to time.Time, here *time.Location, after *eventKey, top *earliest) error {
	if len(g.calendars) == 0 {
		return nil
	}
	ids := make([]int64, len(g.calendars))
	for i, c := range g.calendars {
		ids[i] = c.ID
	}
	start := from
	if after != nil && after.start > from.UnixMicro() {
		// What starts before was told on pages before.
		start = time.UnixMicro(after.start).UTC()
	}
	rows, err := h.Store.ObjectsInRange(ctx, storage.RangeQuery{
		Owner: g.Owner.ID, Calendars: ids, Components: []string{"VEVENT"},
		Start: start.UnixMicro(), End: to.UnixMicro(), WallStart: zone.Wall(start, here).UnixMicro(), WallEnd: zone.Wall(to, here).UnixMicro(),
		Fields: storage.WithSeries,
	})
	if err != nil {
		return fmt.Errorf("objects in range: %w", err)
	}
	offer := func(row *storage.Object, x meeting.Occurrence) {
		key := eventKey{x.Start.UnixMicro(), row.Owner, row.ID, idKey(x.RecurrenceID)}
		if after == nil || key.compare(*after) > 0 {
			top.offer(event{key, row, x})
		}
	}
	for _, row := range calendar.VisibleOf(q.who, g.Owner, rows) {
		if len(row.Series) == 0 {
			x := meeting.Occurrence{Instance: recur.Instance{Start: time.UnixMicro(row.First).UTC(), End: time.UnixMicro(row.Last).UTC()}}
			if row.Floating {
				x.Start, x.End = zone.Instant(x.Start, here).UTC(), zone.Instant(x.End, here).UTC()
			}
			offer(row, x)
			continue
		}
		series, err := h.Calendar.MatchOf(row).Series()
		if err != nil {
			h.Log.ErrorContext(ctx, "series of object", "owner", row.Owner, "object", row.ID, "err", err)
			continue
		}
		for x, err := range series.Between(start, to, here) {
			if err != nil {
				return calendar.Errorf(calendar.TooManyMatches, "too much takes place in this time; ask for less of it")
			}
			if top.full() && x.Start.UnixMicro() > top.worst() {
				break // instances come by start
			}
			offer(row, meeting.Occurrence{Instance: x, Recurring: series.Recurring()})
		}
	}
	return nil
}

func idKey(d ical.DateTime) int64 {
	if d.Wall.IsZero() {
		return 0
	}
	return d.Wall.UnixMicro()
}

// render reads the texts of a page's events, by calendar, and tells them.
func (h *Handler) render(ctx context.Context, q *caller, groups []*group, list []event, here *time.Location) ([]*Meeting, error) {
	out := []*Meeting{}
	read := map[objectID]*meeting.Object{}
	for _, g := range groups {
		for _, c := range g.calendars {
			var names []string
			for _, e := range list {
				if e.row.Owner == c.Owner && e.row.Calendar == c.ID && !slices.Contains(names, e.row.Name) {
					names = append(names, e.row.Name)
				}
			}
			if len(names) == 0 {
				continue
			}
			rows, err := h.rows(ctx, q, g, c, names)
			if err != nil {
				return nil, err
			}
			for _, row := range rows {
				o, err := meeting.ReadObject(row, g.Mine, here)
				if err != nil {
					h.Log.ErrorContext(ctx, "event", "owner", row.Owner, "object", row.ID, "err", err)
					continue
				}
				read[objectID{row.Owner, row.ID}] = o
			}
		}
	}
	for _, e := range list {
		o := read[objectID{e.row.Owner, e.row.ID}]
		if o == nil {
			continue // it was deleted meanwhile
		}
		if o.Row.Seq != e.row.Seq { // it was changed meanwhile, and is told as it is now where it still takes place
			series, err := o.Series()
			if err != nil {
				continue
			}
			x, ok := series.Lookup(e.at.RecurrenceID, here)
			if e.at.Recurring && !ok {
				continue
			}
			if e.at.Recurring {
				e.at.Instance = x
			}
		}
		var m *Meeting
		if e.at.Recurring {
			m = o.Instance(e.at)
		} else {
			m = o.Meeting()
		}
		if m != nil {
			out = append(out, m)
		}
	}
	return out, nil
}

type objectID struct{ owner, id int64 }

// rows reads objects of a calendar with their texts; those of others as the caller sees them.
func (h *Handler) rows(ctx context.Context, q *caller, g *group, c *storage.Calendar, names []string) ([]*storage.Object, error) {
	if g.Owner.ID == q.who.ID {
		return h.Store.ObjectsByName(ctx, c.Ref(), names)
	}
	if !g.Access.To(c).Has(auth.Read) {
		return nil, nil
	}
	return h.Calendar.ObjectsByName(ctx, q.who, g.Target(c, ""), names)
}

// event is one thing on a page.
type event struct {
	key eventKey
	row *storage.Object
	at  meeting.Occurrence
}

// eventKey orders events, and says where a page ended.
type eventKey struct{ start, owner, id, instance int64 }

func (k eventKey) compare(o eventKey) int {
	return cmp.Or(cmp.Compare(k.start, o.start), cmp.Compare(k.owner, o.owner), cmp.Compare(k.id, o.id), cmp.Compare(k.instance, o.instance))
}

func (k eventKey) String() string { return pack(cursorKind, k.start, k.owner, k.id, k.instance) }

func readCursor(text string) (*eventKey, error) {
	if text == "" {
		return nil, nil
	}
	n, ok := unpack(cursorKind, strings.TrimSpace(text))
	if !ok || len(n) != 4 {
		return nil, invalidQuery("cursor", "is not next of a page before")
	}
	return &eventKey{n[0], n[1], n[2], n[3]}, nil
}

// earliest keeps the first events of all that are offered.
type earliest struct {
	limit int
	heap  []event // the last of them on top
}

func (e *earliest) Len() int           { return len(e.heap) }
func (e *earliest) Less(i, j int) bool { return e.heap[i].key.compare(e.heap[j].key) > 0 }
func (e *earliest) Swap(i, j int)      { e.heap[i], e.heap[j] = e.heap[j], e.heap[i] }
func (e *earliest) Push(x any)         { e.heap = append(e.heap, x.(event)) }
func (e *earliest) Pop() any {
	x := e.heap[len(e.heap)-1]
	e.heap = e.heap[:len(e.heap)-1]
	return x
}

func (e *earliest) full() bool   { return len(e.heap) >= e.limit }
func (e *earliest) worst() int64 { return e.heap[0].key.start }

func (e *earliest) offer(x event) {
	if !e.full() {
		heap.Push(e, x)
	} else if x.key.compare(e.heap[0].key) < 0 {
		e.heap[0] = x
		heap.Fix(e, 0)
	}
}

func (e *earliest) sorted() []event {
	slices.SortFunc(e.heap, func(a, b event) int { return a.key.compare(b.key) })
	return e.heap
}
