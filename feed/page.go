package feed

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"kalends/calendar"
	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
	"kalends/internal/sheet"
	"kalends/internal/words"
	"kalends/storage"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

var pages = sheet.New(pageText, pageStyle, false)

// Bounds of one page.
const (
	pageDays  = 35
	pageItems = 2000     // lines
	pageLine  = 300      // octets of a title or a place
	pageOctet = 16 << 20 // of the objects that are read for it
	firstYear = 1900
	lastYear  = 2199
)

// page is five weeks of a feed, for people to read.
type page struct {
	Lang        *words.Voice
	Title, Zone string
	Subscribe   template.URL // webcal:
	File        string
	Prev, Next  string // dates
	Days        []*pageDay
	Full        bool
	Problem     string // there is nothing else but the title
}

type pageDay struct {
	Date  string // for machines
	Name  string
	Items []*pageItem
}

type pageItem struct {
	from            time.Time
	Time            string
	Title, Location string
	Tentative       bool
}

// serveHTML answers the address of a feed without .ics: the same events that the feed shows, by day, from ?from=2026-01-05 or from today.
func (h *Handler) serveHTML(w http.ResponseWriter, r *http.Request, token string) error {
	ctx := r.Context()
	f, cal, owner, err := h.Calendar.Published(ctx, token)
	if err != nil {
		return err
	}
	v := &view{feed: f, calendar: cal, owner: owner}
	if v.mine, err = h.Store.Addresses(ctx, owner.ID); err != nil {
		return fmt.Errorf("addresses: %w", err)
	}
	home, ok := zone.Load(owner.TimeZone)
	if !ok {
		home = nil
	}
	loc := calendar.CalendarZone(cal, home)
	if loc == nil {
		loc = time.UTC
	}
	today := zone.Wall(h.Now(), loc).Truncate(24 * time.Hour)
	from := today
	if at, err := time.Parse(time.DateOnly, r.URL.Query().Get("from")); err == nil && at.Year() >= firstYear && at.Year() <= lastYear {
		from = at
	}
	to := from.AddDate(0, 0, pageDays)
	p := &page{
		Lang: book.Accepted(r.Header.Get("Accept-Language")), Title: v.name(), Zone: loc.String(),
		File: Path(token), Subscribe: subscribe(r.Host, token),
		Prev: from.AddDate(0, 0, -pageDays).Format(time.DateOnly), Next: to.Format(time.DateOnly),
	}
	if err := h.fill(ctx, p, v, from, to, today, loc); err != nil {
		return err
	}
	return p.write(w, http.StatusOK)
}

func (p *page) write(w http.ResponseWriter, status int) error {
	w.Header().Set("Vary", "Accept-Language")
	w.Header().Set("Cache-Control", "private, no-cache")
	return pages.Write(w, status, p.Lang.Language, p.Title, p)
}

// What is said of requests that do not do.
const (
	missing = "There is no such calendar here. Its owner may have taken this address back."
	later   = "That did not work just now. Please try again in a minute."
)

// refuseHTML tells people what a feed says in plain text to programs.
func (h *Handler) refuseHTML(w http.ResponseWriter, r *http.Request, status int) {
	l := book.Accepted(r.Header.Get("Accept-Language"))
	p := &page{Lang: l, Title: l.T("Calendar"), Problem: l.T(later)}
	if status == http.StatusNotFound {
		p.Problem = l.T(missing)
	}
	if err := p.write(w, status); err != nil {
		h.Log.ErrorContext(r.Context(), "feed", "err", err)
		refuse(w, http.StatusInternalServerError, "internal error")
	}
}

// subscribe is the address by which a program on the reader's device takes the feed; the feed itself where the request does not say what this
// server is called, as HTTP/1.0 allows.
func subscribe(host, token string) template.URL {
	if host == "" {
		return template.URL(Path(token))
	}
	u := url.URL{Scheme: "webcal", Host: host, Path: Path(token)}
	return template.URL(u.String())
}

// fill puts in what takes place in [from, to), days of the wall clock in loc.
func (h *Handler) fill(ctx context.Context, p *page, v *view, from, to, today time.Time, loc *time.Location) error {
	start, end := zone.Instant(from, loc), zone.Instant(to, loc)
	rows, err := h.Store.ObjectsInRange(ctx, storage.RangeQuery{
		Owner: v.feed.Owner, Calendars: []int64{v.feed.Calendar}, Components: []string{"VEVENT"}, Start: start.UnixMicro(), End: end.UnixMicro(),
		WallStart: from.UnixMicro(), WallEnd: to.UnixMicro(), Fields: storage.WithICS, MaxText: pageOctet,
	})
	if errors.Is(err, storage.ErrTooMuch) {
		p.Full = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("events: %w", err)
	}
	days := map[time.Time]*pageDay{}
	left := pageItems
	for _, o := range rows {
		cal, err := ical.Parse(o.ICS)
		if err != nil || !v.show(cal, o) {
			continue // what cannot be read is counted and logged with the feed itself
		}
		series, err := recur.Compile(cal, zone.NewResolver(cal))
		if err != nil {
			continue
		}
		components := slices.Collect(cal.Main())
		for in, err := range series.Between(start, end, loc) {
			if err != nil || in.Component >= len(components) {
				break
			}
			if left <= 0 {
				p.Full = true
				break
			}
			c := components[max(in.Component, 0)]
			left -= place(days, p.Lang, c, in, from, to, loc)
		}
	}
	for at, d := range days {
		slices.SortFunc(d.Items, func(a, b *pageItem) int {
			return cmp.Or(a.from.Compare(b.from), strings.Compare(a.Title, b.Title))
		})
		d.Date, d.Name = at.Format(time.DateOnly), p.Lang.Long(at)
		if at.Equal(today) {
			d.Name = p.Lang.T("Today") + ", " + d.Name
		}
		p.Days = append(p.Days, d)
	}
	slices.SortFunc(p.Days, func(a, b *pageDay) int { return strings.Compare(a.Date, b.Date) })
	return nil
}

// place puts an instance on each day that it touches, and returns how many these are: at most pageDays.
func place(days map[time.Time]*pageDay, l *words.Voice, c *ical.Component, in recur.Instance, from, to time.Time, loc *time.Location) (lines int) {
	start, end := zone.Wall(in.Start, loc), zone.Wall(in.End, loc)
	first := start.Truncate(24 * time.Hour)
	last := first
	if end.After(start) {
		last = end.Add(-time.Second).Truncate(24 * time.Hour)
	}
	title, location := clip(c.Text("SUMMARY")), clip(c.Text("LOCATION"))
	switch {
	case title == busyText && c.Prop("LOCATION") == nil:
		title = l.T("Busy")
	case strings.TrimSpace(title) == "":
		title = l.T("Untitled")
	}
	for day := first; !day.After(last); day = day.AddDate(0, 0, 1) {
		if day.Before(from) {
			day = from
			if day.After(last) {
				return lines
			}
		}
		if !day.Before(to) {
			return lines
		}
		it := &pageItem{from: start, Title: title, Location: location, Tentative: strings.EqualFold(c.Value("STATUS"), "TENTATIVE")}
		switch {
		case in.AllDay || day.After(first) && day.Before(last):
			it.from, it.Time = day, l.T("all day")
		case day.After(first):
			it.from, it.Time = day, "– "+end.Format("15:04")
		case last.After(first), !end.After(start):
			it.Time = start.Format("15:04")
		default:
			it.Time = start.Format("15:04") + " – " + end.Format("15:04")
		}
		if days[day] == nil {
			days[day] = &pageDay{}
		}
		days[day].Items = append(days[day].Items, it)
		lines++
	}
	return lines
}

// clip shortens a text to what fits into a line.
func clip(s string) string {
	if len(s) <= pageLine {
		return s
	}
	return strings.ToValidUTF8(s[:pageLine], "") + "…"
}

// book is what the page says.
var book = words.NewBook(map[string]words.Texts{"de": {
	"Today": "Heute", "all day": "ganztägig", "Busy": "Belegt", "Untitled": "Ohne Titel", "tentative": "vorläufig",
	"Subscribe": "Abonnieren", "Download": "Herunterladen", "Earlier": "Früher", "Later": "Später",
	"Nothing in these five weeks.":          "Nichts in diesen fünf Wochen.",
	"Times are those of %s.":                "Die Zeiten sind die von %s.",
	"There is more than can be shown here.": "Es gibt mehr, als hier gezeigt werden kann.",
	"Calendar":                              "Kalender",
	missing:                                 "Hier gibt es diesen Kalender nicht. Wem er gehört, hat diese Adresse vielleicht zurückgenommen.",
	later:                                   "Das hat gerade nicht geklappt. Bitte versuchen Sie es in einer Minute noch einmal.",
}})
