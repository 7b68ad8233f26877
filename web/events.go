package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/ical/zone"
	"kalends/meeting"
	"kalends/scheduling"
	"kalends/storage"
)

// Bounds of one page.
const (
	maxItems = 4000     // instances of events, and lines of a list
	maxText  = 24 << 20 // octets of the objects that are read for them
	maxLine  = 300      // octets of a title or a place
)

// shelf is a calendar that somebody may read.
type shelf struct {
	ID      string
	Name    string
	Whose   string // of whom it is; "" for one's own
	Color   string // #rrggbb
	Class   string // of the style sheet with the colours
	On      bool   // whether it is shown
	Write   bool
	Default bool

	place *meeting.Place
	row   *storage.Calendar
	share *storage.Share // by which one has a calendar of somebody else; nil for none
}

// colorForm is #RRGGBB; Apple's programs set an alpha after it.
var colorForm = regexp.MustCompile(`^#[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?$`)

// palette are the colours of calendars that have none.
var palette = []string{"#2f6fde", "#1f9d61", "#c2571a", "#8e4ec6", "#c2255c", "#0b8a9e", "#8a6d0b", "#5c677d"}

// colorOf is the colour of a calendar, which is the n-th of its kind.
func colorOf(c *storage.Calendar, n int) string {
	if colorForm.MatchString(c.Color) {
		return strings.ToLower(c.Color[:7])
	}
	return palette[n%len(palette)]
}

// shelves returns the calendars that somebody may read: their own, then those of others, in the order that they gave them.
func (v *visit) shelves(ctx context.Context) ([]*shelf, error) {
	own, err := v.editor.Visit(ctx, v.who, v.who.ID)
	if err != nil {
		return nil, err
	}
	hidden := strings.Fields(v.settings["hidden"])
	var list []*shelf
	add := func(p *meeting.Place, c *storage.Calendar, share *storage.Share) {
		if c.Kind != storage.CalendarKind || len(c.Components) > 0 && !slices.Contains(c.Components, "VEVENT") {
			return
		}
		s := &shelf{
			ID: meeting.CalendarID(c.Owner, c.ID), Name: cmp.Or(c.DisplayName, c.Slug), Color: colorOf(c, len(list)), place: p, row: c, share: share,
			Write: p.Access.To(c).Has(auth.WriteContent|auth.Bind) && !c.Subscribed,
		}
		if c.DisplayName == "" && c.Slug == auth.CalendarSlug {
			s.Name = v.t("Calendar")
		}
		s.Class = "k" + strconv.Itoa(len(list))
		s.On = !slices.Contains(hidden, s.ID)
		if p.Owner.ID != v.who.ID {
			s.Whose = cmp.Or(p.Owner.DisplayName, p.Owner.Name)
		}
		list = append(list, s)
	}
	for _, c := range own.Home {
		add(own, c, nil)
	}
	if d := scheduling.DefaultCalendar(own.Home, "VEVENT"); d != nil {
		for _, s := range list {
			s.Default = s.row.ID == d.ID
		}
	}
	shared, err := v.Calendar.SharedWith(ctx, v.who)
	if err != nil {
		return nil, err
	}
	places := map[int64]*meeting.Place{}
	for _, s := range shared {
		if !s.Access.To(s.Calendar).Has(auth.Read) {
			continue
		}
		p := places[s.Owner.ID]
		if p == nil {
			p = &meeting.Place{Owner: s.Owner, Access: s.Access}
			if p.Addresses, err = v.Store.Addresses(ctx, s.Owner.ID); err != nil {
				return nil, err
			}
			places[s.Owner.ID] = p
		}
		p.Home = append(p.Home, s.Calendar)
		add(p, s.Calendar, s.Share)
	}
	acted, err := v.actedFor(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range acted {
		for _, c := range p.Home {
			id := meeting.CalendarID(c.Owner, c.ID)
			if !p.Access.To(c).Has(auth.Read) || slices.ContainsFunc(list, func(s *shelf) bool { return s.ID == id }) {
				continue
			}
			add(p, c, nil)
		}
	}
	slices.SortStableFunc(list, func(a, b *shelf) int {
		return cmp.Or(cmp.Compare(min(len(a.Whose), 1), min(len(b.Whose), 1)), calendar.ByOrder(a.row, b.row))
	})
	return list, nil
}

// item is one instance of an event as a view shows it.
type item struct {
	Shelf     *shelf
	ID        string // of the meeting
	Instance  string // "" for what does not repeat
	Href      string
	Title     string
	Location  string
	AllDay    bool
	Start     time.Time // wall time of the view, in UTC
	End       time.Time // the same; of all-day events the first day after
	From, To  time.Time // the instants
	Tentative bool      // not sure: by its status or by one's answer
	Declined  bool
	Asked     bool // an invitation without an answer
	Cancelled bool
	Write     bool
	Recurring bool
	ETag      string
}

// Timed reports whether it has a time and does not take a day or more.
func (i *item) Timed() bool { return !i.AllDay && i.End.Sub(i.Start) < 24*time.Hour }

// OneDay reports whether it is of one day.
func (i *item) OneDay() bool { return i.LastDay().Equal(dayOf(i.Start)) }

// LastDay is the last day it touches.
func (i *item) LastDay() time.Time {
	if !i.End.After(i.Start) {
		return dayOf(i.Start)
	}
	return dayOf(i.End.Add(-time.Second))
}

func dayOf(t time.Time) time.Time { return t.Truncate(24 * time.Hour) }

// Marks are the classes of the style sheet for what is special about it.
func (i *item) Marks() string {
	s := i.Shelf.Class
	for _, m := range []struct {
		is   bool
		name string
	}{{i.Tentative, "tent"}, {i.Declined || i.Cancelled, "off"}, {i.Asked, "asked"}, {i.AllDay || !i.OneDay(), "bar"}} {
		if m.is {
			s += " " + m.name
		}
	}
	return s
}

// items returns what takes place in [from, to), days of the wall clock, in the calendars that are shown: by start. full says that there was
// more than fits.
func (v *visit) items(ctx context.Context, list []*shelf, from, to time.Time) (out []*item, full bool, err error) {
	start, end := zone.Instant(from, v.loc), zone.Instant(to, v.loc)
	byOwner := map[int64][]*shelf{}
	var owners []int64
	for _, s := range list {
		if !s.On {
			continue
		}
		if byOwner[s.row.Owner] == nil {
			owners = append(owners, s.row.Owner)
		}
		byOwner[s.row.Owner] = append(byOwner[s.row.Owner], s)
	}
	for _, owner := range owners {
		shelves := map[int64]*shelf{}
		var ids []int64
		for _, s := range byOwner[owner] {
			shelves[s.row.ID] = s
			ids = append(ids, s.row.ID)
		}
		p := byOwner[owner][0].place
		rows, err := v.Store.ObjectsInRange(ctx, storage.RangeQuery{
			Owner: owner, Calendars: ids, Components: []string{"VEVENT"}, Start: start.UnixMicro(), End: end.UnixMicro(),
			WallStart: from.UnixMicro(), WallEnd: to.UnixMicro(), Fields: storage.WithICS | storage.WithSeries, MaxText: maxText,
		})
		if err != nil {
			return nil, false, fmt.Errorf("events of %d: %w", owner, err)
		}
		for _, row := range calendar.VisibleOf(v.who, p.Owner, rows) {
			o, err := meeting.ReadObject(row, p.Mine, v.loc)
			if err == nil {
				var more bool
				out, more, err = v.expand(out, shelves[row.Calendar], o, start, end)
				full = full || more
			}
			if err != nil {
				v.Log.WarnContext(ctx, "event is not shown", "owner", row.Owner, "object", row.ID, "err", err)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *item) int {
		return cmp.Or(a.Start.Compare(b.Start), -a.End.Compare(b.End), cmp.Compare(a.Title, b.Title))
	})
	return out, full, nil
}

// expand adds the instances of one event.
func (v *visit) expand(out []*item, s *shelf, o *meeting.Object, start, end time.Time) ([]*item, bool, error) {
	series, err := o.Series()
	if err != nil {
		return out, false, err
	}
	for x, err := range series.Between(start, end, v.loc) {
		if err != nil {
			return out, true, nil
		}
		if len(out) >= maxItems {
			return out, true, nil
		}
		if i := v.item(s, o, meeting.Occurrence{Instance: x, Recurring: series.Recurring()}); i != nil {
			out = append(out, i)
		}
	}
	return out, false, nil
}

// item tells one instance.
func (v *visit) item(s *shelf, o *meeting.Object, x meeting.Occurrence) *item {
	if x.Component < 0 || x.Component >= len(o.Main) {
		return nil
	}
	c := o.Main[x.Component]
	m := o.Instance(x)
	if m == nil {
		return nil
	}
	i := &item{
		Shelf: s, ID: m.ID, Title: inLine(m.Name), Location: inLine(m.Location), AllDay: x.AllDay, From: x.Start, To: x.End,
		Start: zone.Wall(x.Start, v.loc), End: zone.Wall(x.End, v.loc), Instance: m.Instance, ETag: m.ETag, Recurring: x.Recurring,
		Tentative: m.Status == "tentative" || m.Answer == "tentative", Declined: m.Answer == "declined", Cancelled: m.Status == "cancelled",
	}
	if i.Title == "" {
		i.Title = v.t("(no title)")
	}
	organized := o.Organized()
	i.Asked = m.Answer == "needs-action" && !organized
	i.Write = s.Write && organized && c.Name() == "VEVENT"
	if i.End.Before(i.Start) { // clocks went back meanwhile
		i.End = i.Start.Add(x.End.Sub(x.Start))
	}
	i.Href = v.link("/event/"+m.ID, "instance", m.Instance)
	return i
}

// inLine shortens a text to what stands in a line; the page of the event has all of it.
func inLine(s string) string {
	if len(s) <= maxLine {
		return s
	}
	return strings.ToValidUTF8(s[:maxLine], "") + "…"
}

// colors is a style sheet: a class for each calendar.
func (h *Handler) colors(v *visit) error {
	list, err := v.shelves(v.r.Context())
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/css; charset=utf-8")
	if v.r.URL.Query().Get("v") == colorVersion(list) {
		v.w.Header().Set("Cache-Control", "private, max-age=86400")
	}
	v.w.Write([]byte(colorSheet(list))) // nobody is left to hear of an error
	return nil
}

func colorSheet(list []*shelf) string {
	var b strings.Builder
	for _, s := range list {
		fmt.Fprintf(&b, ".%s{--k:%s}\n", s.Class, s.Color) // both are ours, or have been checked
	}
	return b.String()
}

// colorVersion is the same as long as the colours are.
func colorVersion(list []*shelf) string {
	sum := uint64(14695981039346656037) // FNV-1a
	for _, c := range []byte(colorSheet(list)) {
		sum = (sum ^ uint64(c)) * 1099511628211
	}
	return strconv.FormatUint(sum, 36)
}

// setShown takes which calendars are shown: those in the form are, of those that it lists.
func (h *Handler) setShown(v *visit) error {
	list, err := v.shelves(v.r.Context())
	if err != nil {
		return err
	}
	var hidden []string
	for _, s := range list {
		on := slices.Contains(v.r.PostForm["on"], s.ID)
		if !slices.Contains(v.r.PostForm["listed"], s.ID) {
			on = s.On
		}
		if !on && len(hidden) < 200 {
			hidden = append(hidden, s.ID)
		}
	}
	if err := v.Store.PutSetting(v.r.Context(), v.who.ID, "hidden", strings.Join(hidden, " ")); err != nil {
		return err
	}
	if v.r.Header.Get("X-Requested-With") == "fetch" {
		v.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return v.redirect(ownPath(v.value("to")))
}
