package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"kalends/ical/zone"
)

// frame is what the views of the calendar have in common: the way through time, and the calendars beside.
type frame struct {
	base
	View              string
	Heading           string
	Badge             string    // beside it, in small
	Date              time.Time // midnight of the day it is about, as wall time in UTC
	Now               time.Time // wall time
	Prev, Next, Today string    // links
	PrevName          string
	NextName          string
	Tabs              []tab
	Shelves           []*shelf
	ViewZone          string
	Mini              miniMonth
	NewLink           string // link to make an event on the day
	Full              bool   // there is more than is shown
}

type tab struct {
	Name, Key, Href string
	Here            bool
}

const dateForm = time.DateOnly

// today is the day it is where the person is.
func (v *visit) today() time.Time { return dayOf(zone.Wall(v.Now(), v.loc)) }

// Years in which pages are made.
const (
	firstYear = 1900
	lastYear  = 2199
)

// date reads the day that a path names; today for none.
func (v *visit) date() (time.Time, error) {
	text := v.r.PathValue("date")
	if text == "" {
		return v.today(), nil
	}
	t, err := time.Parse(dateForm, text)
	if err != nil || t.Year() < firstYear || t.Year() > lastYear {
		return t, notThere
	}
	return t, nil
}

// weekday is the first day of the week.
func (v *visit) weekday() time.Weekday {
	if n, err := strconv.Atoi(v.settings["firstday"]); err == nil && n >= 0 && n < 7 {
		return time.Weekday(n)
	}
	return v.lang.First
}

// weekStart is the first day of the week of a day.
func (v *visit) weekStart(t time.Time) time.Time {
	return t.AddDate(0, 0, -((int(t.Weekday()) - int(v.weekday()) + 7) % 7))
}

var viewWords = map[string]string{"day": "Day", "week": "Week", "month": "Month", "agenda": "Agenda"}

func (v *visit) frame(view string, date time.Time, list []*shelf) frame {
	f := frame{base: v.base(""), View: view, Date: date, Now: zone.Wall(v.Now(), v.loc), Shelves: list, ViewZone: v.zone}
	f.Colors = "/colors.css?v=" + colorVersion(list)
	for _, x := range []struct{ view, key string }{{"day", "d"}, {"week", "w"}, {"month", "m"}, {"agenda", "a"}} {
		f.Tabs = append(f.Tabs, tab{v.t(viewWords[x.view]), x.key, v.link("/" + x.view + "/" + date.Format(dateForm)), x.view == view})
	}
	at := view
	if view == "search" {
		at = "day"
	}
	f.Today = v.link("/" + at)
	f.NewLink = v.link("/event/new", "date", date.Format(dateForm))
	f.Mini = v.miniMonth(date, at)
	return f
}

// walk sets the links to the time before and after.
func (v *visit) walk(f *frame, prev, next time.Time, prevName, nextName string) {
	f.Prev, f.Next = v.link("/"+f.View+"/"+prev.Format(dateForm)), v.link("/"+f.View+"/"+next.Format(dateForm))
	f.PrevName, f.NextName = prevName, nextName
}

// remember keeps the view for the next visit.
func (v *visit) remember(view string) error {
	if v.settings["view"] == view || v.r.Header.Get("Sec-Purpose") != "" {
		return nil
	}
	return v.Store.PutSetting(v.r.Context(), v.who.ID, "view", view)
}

// miniMonth is the month at the side.
type miniMonth struct {
	Name    string
	Letters []string
	Names   []string
	Weeks   [][]miniDay
}

type miniDay struct {
	Number      int
	Href, Name  string
	Here, Today bool
	Other       bool // of another month
}

func (v *visit) miniMonth(date time.Time, view string) miniMonth {
	first := time.Date(date.Year(), date.Month(), 1, 0, 0, 0, 0, time.UTC)
	day, today := v.weekStart(first), v.today()
	m := miniMonth{Name: v.lang.Month(date)}
	for range 6 {
		var week []miniDay
		for range 7 {
			if len(m.Letters) < 7 {
				m.Letters, m.Names = append(m.Letters, v.lang.Letter(day)), append(m.Names, v.lang.Day(day))
			}
			week = append(week, miniDay{
				Number: day.Day(), Href: v.link("/" + view + "/" + day.Format(dateForm)), Name: v.lang.Long(day),
				Here: day.Equal(date), Today: day.Equal(today), Other: day.Month() != date.Month(),
			})
			day = day.AddDate(0, 0, 1)
		}
		m.Weeks = append(m.Weeks, week)
		if day.Month() != date.Month() {
			break
		}
	}
	return m
}

// monthView is a month as weeks of seven days.
type monthView struct {
	frame
	Days  []dayHead
	Weeks []week
}

// week is seven days and what takes place in them, each piece in a lane.
type week struct {
	Number int // ISO 8601, where the week begins on Monday
	Days   []monthDay
	Bars   []bar
	Lanes  int
}

type dayHead struct {
	Name, Short, Letter string
	Number              int
	Date                string
	Href, New           string
	Long                string
	Today, Past, Other  bool
}

type monthDay struct {
	dayHead
	Column int
	More   int // how many are not shown
}

// bar is a piece of an event within a week.
type bar struct {
	*item
	Column, Span, Lane int
	Before, After      bool // it goes on beyond the week
	Spoken             string
	Clock              string
}

// monthLanes is how many pieces a day shows.
const monthLanes = 5

func (v *visit) dayHead(day, now time.Time, view string) dayHead {
	return dayHead{
		Name: v.lang.Day(day), Short: v.lang.Short(day), Letter: v.lang.Letter(day), Number: day.Day(), Date: day.Format(dateForm),
		Href: v.link("/" + view + "/" + day.Format(dateForm)), New: v.link("/event/new", "date", day.Format(dateForm)), Long: v.lang.Long(day),
		Today: day.Equal(dayOf(now)), Past: day.Before(dayOf(now)),
	}
}

// opened returns what every view begins with: the day it is opened at, and the calendars.
func (v *visit) opened(ctx context.Context) (time.Time, []*shelf, error) {
	date, err := v.date()
	if err != nil {
		return date, nil, err
	}
	list, err := v.shelves(ctx)
	return date, list, err
}

func (h *Handler) month(v *visit) error {
	ctx := v.r.Context()
	date, list, err := v.opened(ctx)
	if err != nil {
		return err
	}
	page := &monthView{frame: v.frame("month", date, list)}
	first := time.Date(date.Year(), date.Month(), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1)
	start, end := v.weekStart(first), v.weekStart(last).AddDate(0, 0, 7)
	items, full, err := v.items(ctx, list, start, end)
	if err != nil {
		return err
	}
	page.Full = full
	page.Title = v.lang.Month(date)
	page.Heading = page.Title
	v.walk(&page.frame, first.AddDate(0, -1, 0), first.AddDate(0, 1, 0), v.lang.Month(first.AddDate(0, -1, 0)), v.lang.Month(first.AddDate(0, 1, 0)))
	for day := start; day.Before(end); day = day.AddDate(0, 0, 7) {
		w := v.lay(items, day, 7, monthLanes, page.Now)
		for i := range w.Days {
			w.Days[i].Other = day.AddDate(0, 0, i).Month() != date.Month()
		}
		if day.Weekday() == time.Monday {
			_, w.Number = day.ISOWeek()
		}
		page.Weeks = append(page.Weeks, w)
	}
	for i := range 7 {
		page.Days = append(page.Days, v.dayHead(start.AddDate(0, 0, i), page.Now, "day"))
	}
	if err := v.remember("month"); err != nil {
		return err
	}
	return v.render(http.StatusOK, "month", page)
}

// lay lays pieces of events into the lanes of some days. Long ones come first, so that they make straight bars.
func (v *visit) lay(items []*item, start time.Time, days, lanes int, now time.Time) week {
	w := week{}
	for i := range days {
		w.Days = append(w.Days, monthDay{dayHead: v.dayHead(start.AddDate(0, 0, i), now, "day"), Column: i + 1})
	}
	end := start.AddDate(0, 0, days)
	var pieces []bar
	for _, it := range items {
		from, to := dayOf(it.Start), it.LastDay()
		if !from.Before(end) || to.Before(start) {
			continue
		}
		b := bar{item: it, Before: from.Before(start), After: !to.Before(end)}
		first, last := 0, days-1
		if !b.Before {
			first = int(from.Sub(start).Hours() / 24)
		}
		if !b.After {
			last = int(to.Sub(start).Hours() / 24)
		}
		b.Column, b.Span = first+1, last-first+1
		b.Spoken = v.spoken(it)
		if it.Timed() && !b.Before {
			b.Clock = v.lang.Clock(it.Start)
		}
		pieces = append(pieces, b)
	}
	slices.SortStableFunc(pieces, func(a, b bar) int {
		return cmp.Or(a.Column-b.Column, b.Span-a.Span, boolInt(a.Timed())-boolInt(b.Timed()), a.Start.Compare(b.Start))
	})
	taken := make([][]bool, days)
	for _, b := range pieces {
		lane := 0
		for ; ; lane++ {
			free := true
			for d := b.Column - 1; d < b.Column-1+b.Span; d++ {
				free = free && (lane >= len(taken[d]) || !taken[d][lane])
			}
			if free {
				break
			}
		}
		for d := b.Column - 1; d < b.Column-1+b.Span; d++ {
			for len(taken[d]) <= lane {
				taken[d] = append(taken[d], false)
			}
			taken[d][lane] = true
			if lane >= lanes {
				w.Days[d].More++
			}
		}
		if lane < lanes {
			b.Lane = lane + 1
			w.Lanes = max(w.Lanes, b.Lane)
			w.Bars = append(w.Bars, b)
		}
	}
	return w
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// spoken tells an event whole, for those who do not see where it is drawn.
func (v *visit) spoken(i *item) string {
	parts := []string{v.when(i)}
	if i.Location != "" {
		parts = append(parts, i.Location)
	}
	parts = append(parts, i.Shelf.Name)
	for _, m := range []struct {
		is   bool
		text string
	}{{i.Cancelled, "cancelled"}, {i.Declined, "declined"}, {i.Asked, "not answered yet"}, {i.Tentative, "tentative"}, {i.Recurring, "repeats"}} {
		if m.is {
			parts = append(parts, v.t(m.text))
		}
	}
	return strings.Join(parts, ", ")
}

// when tells when an event takes place.
func (v *visit) when(i *item) string {
	l := v.lang
	switch {
	case i.AllDay && i.OneDay():
		return l.Long(i.Start) + ", " + l.T("all day")
	case i.AllDay:
		return l.Long(i.Start) + " – " + l.Long(i.LastDay())
	case i.OneDay() && i.End.Equal(i.Start):
		return l.Long(i.Start) + ", " + l.Clock(i.Start)
	case i.OneDay() || i.End.Sub(i.Start) < 24*time.Hour:
		return l.Long(i.Start) + ", " + l.Clock(i.Start) + " – " + l.Clock(i.End)
	}
	return l.Long(i.Start) + ", " + l.Clock(i.Start) + " – " + l.Long(i.End) + ", " + l.Clock(i.End)
}

// agendaDay is a day in a list.
type agendaDay struct {
	dayHead
	Items []agendaItem
}

type agendaItem struct {
	*item
	Time string
}

type agendaView struct {
	frame
	Days []agendaDay
}

// agendaDays is how much an agenda shows.
const agendaDays = 28

func (h *Handler) agenda(v *visit) error {
	ctx := v.r.Context()
	date, list, err := v.opened(ctx)
	if err != nil {
		return err
	}
	page := &agendaView{frame: v.frame("agenda", date, list)}
	end := date.AddDate(0, 0, agendaDays)
	items, full, err := v.items(ctx, list, date, end)
	if err != nil {
		return err
	}
	days, more := v.byDay(items, date, end)
	page.Days, page.Full = days, full || more
	last := end.AddDate(0, 0, -1)
	page.Heading = v.lang.Brief(date) + " – " + v.lang.Brief(last) + " " + strconv.Itoa(last.Year())
	page.Title = v.t("Agenda") + ", " + page.Heading
	v.walk(&page.frame, date.AddDate(0, 0, -agendaDays), end, v.t("4 weeks earlier"), v.t("4 weeks later"))
	if err := v.remember("agenda"); err != nil {
		return err
	}
	return v.render(http.StatusOK, "agenda", page)
}

// byDay lists events under their days within [from, to), each day they touch; with zero times under their first day. full says that there
// are more lines than fit.
func (v *visit) byDay(items []*item, from, to time.Time) (list []agendaDay, full bool) {
	lines := 0
	now := zone.Wall(v.Now(), v.loc)
	days := map[time.Time]*agendaDay{}
	put := func(day time.Time, it *item) {
		if lines++; lines > maxItems {
			full = true
			return
		}
		d := days[day]
		if d == nil {
			d = &agendaDay{dayHead: v.dayHead(day, now, "day")}
			days[day] = d
		}
		a := agendaItem{item: it}
		first, last := day.Equal(dayOf(it.Start)), day.Equal(it.LastDay())
		switch {
		case it.AllDay || !first && !last:
			a.Time = v.t("all day")
		case first && last:
			if a.Time = v.lang.Clock(it.Start); it.End.After(it.Start) {
				a.Time += "–" + v.lang.Clock(it.End)
			}
		case first:
			a.Time = v.lang.T("from %s", v.lang.Clock(it.Start))
		default:
			a.Time = v.lang.T("until %s", v.lang.Clock(it.End))
		}
		d.Items = append(d.Items, a)
	}
	for _, it := range items {
		if from.IsZero() {
			put(dayOf(it.Start), it)
			continue
		}
		for day := later(dayOf(it.Start), from); !day.After(it.LastDay()) && day.Before(to); day = day.AddDate(0, 0, 1) {
			put(day, it)
		}
	}
	if d := days[dayOf(now)]; d == nil && !from.IsZero() && !dayOf(now).Before(from) && dayOf(now).Before(to) {
		days[dayOf(now)] = &agendaDay{dayHead: v.dayHead(dayOf(now), now, "day")}
	}
	for _, d := range days {
		slices.SortStableFunc(d.Items, func(a, b agendaItem) int {
			return cmp.Or(boolInt(b.Time == v.t("all day"))-boolInt(a.Time == v.t("all day")), a.Start.Compare(b.Start))
		})
		list = append(list, *d)
	}
	slices.SortFunc(list, func(a, b agendaDay) int { return strings.Compare(a.Date, b.Date) })
	return list, full
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
