package feed

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
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
	"kalends/storage"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// pagePolicy lets the page do nothing but look as it should.
var pagePolicy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// Bounds of one page.
const (
	pageDays  = 35
	pageItems = 2000
	pageOctet = 16 << 20 // of the objects that are read for it
	firstYear = 1900
	lastYear  = 2199
)

// page is five weeks of a feed, for people to read.
type page struct {
	Lang        *pageWords
	Style       template.CSS
	Title, Zone string
	Subscribe   template.URL // webcal:
	File        string
	Prev, Next  string // dates
	Days        []*pageDay
	Full        bool
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
		Lang: pageLanguage(r), Style: template.CSS(pageStyle), Title: v.name(), Zone: loc.String(),
		File: Path(token), Subscribe: template.URL("webcal://" + (&url.URL{Host: r.Host}).String()[2:] + Path(token)),
		Prev: from.AddDate(0, 0, -pageDays).Format(time.DateOnly), Next: to.Format(time.DateOnly),
	}
	if err := h.fill(ctx, p, v, from, to, today, loc); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	head := w.Header()
	head.Set("Content-Security-Policy", pagePolicy)
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Content-Language", p.Lang.tag)
	head.Set("Vary", "Accept-Language")
	head.Set("Cache-Control", "private, no-cache")
	if r.Method == http.MethodHead {
		return nil
	}
	_, _ = w.Write(b.Bytes()) // whoever went away needs no answer
	return nil
}

// fill puts in what takes place in [from, to), days of the wall clock in loc.
func (h *Handler) fill(ctx context.Context, p *page, v *view, from, to, today time.Time, loc *time.Location) error {
	start, end := zone.Instant(from, loc), zone.Instant(to, loc)
	rows, err := h.Store.ObjectsInRange(ctx, storage.RangeQuery{
		Owner: v.feed.Owner, Calendars: []int64{v.feed.Calendar}, Components: []string{"VEVENT"}, Start: start.UnixMicro(), End: end.UnixMicro(),
		WallStart: from.UnixMicro(), WallEnd: to.UnixMicro(), Fields: storage.WithICS, MaxText: pageOctet,
	})
	if err != nil {
		return fmt.Errorf("events: %w", err)
	}
	days := map[time.Time]*pageDay{}
	n := 0
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
			if n++; n > pageItems {
				p.Full = true
				break
			}
			c := components[max(in.Component, 0)]
			place(days, p.Lang, c, in, from, to, loc)
		}
	}
	for at, d := range days {
		slices.SortFunc(d.Items, func(a, b *pageItem) int {
			return cmp.Or(a.from.Compare(b.from), strings.Compare(a.Title, b.Title))
		})
		d.Date, d.Name = at.Format(time.DateOnly), p.Lang.day(at)
		if at.Equal(today) {
			d.Name = p.Lang.today + ", " + d.Name
		}
		p.Days = append(p.Days, d)
	}
	slices.SortFunc(p.Days, func(a, b *pageDay) int { return strings.Compare(a.Date, b.Date) })
	return nil
}

// place puts an instance on each day that it touches.
func place(days map[time.Time]*pageDay, l *pageWords, c *ical.Component, in recur.Instance, from, to time.Time, loc *time.Location) {
	start, end := zone.Wall(in.Start, loc), zone.Wall(in.End, loc)
	first := start.Truncate(24 * time.Hour)
	last := first
	if end.After(start) {
		last = end.Add(-time.Second).Truncate(24 * time.Hour)
	}
	title := c.Text("SUMMARY")
	switch {
	case title == busyText && c.Prop("LOCATION") == nil:
		title = l.busy
	case strings.TrimSpace(title) == "":
		title = l.untitled
	}
	for day := first; !day.After(last); day = day.AddDate(0, 0, 1) {
		if day.Before(from) {
			day = from
			if day.After(last) {
				return
			}
		}
		if !day.Before(to) {
			return
		}
		it := &pageItem{from: start, Title: title, Location: c.Text("LOCATION"), Tentative: strings.EqualFold(c.Value("STATUS"), "TENTATIVE")}
		switch {
		case in.AllDay || day.After(first) && day.Before(last):
			it.from, it.Time = day, l.allDay
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
	}
}

// pageWords is what the page says in one language.
type pageWords struct {
	tag                                                     string
	today, allDay, busy, untitled                           string
	Subscribe, Download, Earlier, Later, Empty, Times, More string
	Tentative                                               string
	days                                                    [7]string
	months                                                  [12]string
	form                                                    string // of a day: weekday, number, month, year
}

func (l *pageWords) day(t time.Time) string {
	return fmt.Sprintf(l.form, l.days[t.Weekday()], t.Day(), l.months[t.Month()-1], t.Year())
}

// Tag is the BCP 47 language.
func (l *pageWords) Tag() string { return l.tag }

var pageLanguages = []*pageWords{
	{
		tag: "en", today: "Today", allDay: "all day", busy: "Busy", untitled: "Untitled", Subscribe: "Subscribe", Download: "Download",
		Earlier: "Earlier", Later: "Later", Empty: "Nothing in these five weeks.", Times: "Times are those of", More: "There is more than can be shown here.", Tentative: "tentative",
		days:   [7]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
		months: [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
		form:   "%s, %d %s %d",
	},
	{
		tag: "de", today: "Heute", allDay: "ganztägig", busy: "Belegt", untitled: "Ohne Titel", Subscribe: "Abonnieren", Download: "Herunterladen",
		Earlier: "Früher", Later: "Später", Empty: "Nichts in diesen fünf Wochen.", Times: "Die Zeiten sind die von", More: "Es gibt mehr, als hier gezeigt werden kann.", Tentative: "vorläufig",
		days:   [7]string{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
		months: [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
		form:   "%s, %d. %s %d",
	},
}

// pageLanguage is the first language of the browser that there is.
func pageLanguage(r *http.Request) *pageWords {
	for tag := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ = strings.Cut(tag, ";")
		tag, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		for _, l := range pageLanguages {
			if l.tag == tag {
				return l
			}
		}
	}
	return pageLanguages[0]
}
