package web

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"kalends/ical"
	"kalends/meeting"
	"kalends/storage"
)

// search finds events by words in their title, place, notes or people.
func (h *Handler) search(v *visit) error {
	q := strings.TrimSpace(v.r.URL.Query().Get("q"))
	if len(q) > 200 {
		q = strings.ToValidUTF8(q[:200], "")
	}
	ctx := v.r.Context()
	list, err := v.shelves(ctx)
	if err != nil {
		return err
	}
	page := &searchView{frame: v.frame("search", v.today(), list), Query: q}
	page.Title, page.SearchText = v.t("Search"), q
	if words := strings.Fields(strings.ToLower(q)); len(words) > 0 {
		if page.Days, page.Full, err = v.find(ctx, list, words); err != nil {
			return err
		}
	}
	return v.render(http.StatusOK, "search", page)
}

type searchView struct {
	frame
	Query string
	Days  []agendaDay
	Full  bool
}

// Bounds of a search.
const (
	maxFound  = 200
	maxLooked = 50_000 // objects
)

var errEnough = errors.New("enough")

// find looks through the calendars, and returns one instance of each event found: the next, else the last.
func (v *visit) find(ctx context.Context, list []*shelf, words []string) ([]agendaDay, bool, error) {
	var found []*item
	looked, full := 0, false
	finder := newFinder(words)
	now := v.Now()
	for _, s := range list {
		if !s.On {
			continue
		}
		err := v.Calendar.Objects(ctx, v.who, s.place.Target(s.row, ""), storage.WithICS, func(row *storage.Object) error {
			if looked++; looked > maxLooked || len(found) >= maxFound {
				full = true
				return errEnough
			}
			if row.Component != "VEVENT" || !finder.mayHold(row.ICS) {
				return nil
			}
			copied := *row
			copied.ICS = slices.Clone(row.ICS)
			o, err := meeting.ReadObject(&copied, s.place.Mine, v.loc)
			if err != nil || !holds(o, words) {
				return nil
			}
			series, err := o.Series()
			if err != nil {
				return nil
			}
			x, ok := series.Next(now, v.loc)
			if !ok {
				for last, err := range series.BetweenMax(time.Time{}, now, v.loc, 3000) {
					if err != nil {
						break
					}
					x, ok = last, true
				}
			}
			if !ok {
				return nil
			}
			if i := v.item(s, o, meeting.Occurrence{Instance: x, Recurring: series.Recurring()}); i != nil {
				found = append(found, i)
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			return nil, false, err
		}
	}
	slices.SortStableFunc(found, func(a, b *item) int { return a.Start.Compare(b.Start) })
	days, more := v.byDay(found, time.Time{}, time.Time{})
	return days, full || more, nil
}

// A finder looks for words in texts, before they are parsed.
type finder struct {
	words [][]byte // in lower case, of letters and digits only: as they are, they stand in every text that holds them
	text  []byte
}

func newFinder(words []string) *finder {
	f := &finder{}
	for _, w := range words {
		if !strings.ContainsFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			f.words = append(f.words, []byte(w))
		}
	}
	return f
}

// mayHold reports whether a text may hold the words once its folded lines are put together (RFC 5545 section 3.1). False is certain.
func (f *finder) mayHold(ics []byte) bool {
	f.text = f.text[:0]
	plain := true // ASCII only
	for {
		i := bytes.IndexByte(ics, '\n')
		if i < 0 || i+1 >= len(ics) {
			break
		}
		if next := ics[i+1]; next != ' ' && next != '\t' {
			f.text, ics = append(f.text, ics[:i+1]...), ics[i+1:]
			continue
		}
		f.text, ics = append(f.text, bytes.TrimSuffix(ics[:i], []byte{'\r'})...), ics[i+2:]
	}
	f.text = append(f.text, ics...)
	for i, c := range f.text {
		if c >= utf8.RuneSelf {
			plain = false
			break
		}
		if 'A' <= c && c <= 'Z' {
			f.text[i] = c + 'a' - 'A'
		}
	}
	text := f.text
	if !plain {
		text = bytes.ToLower(text)
	}
	for _, w := range f.words {
		if !bytes.Contains(text, w) {
			return false
		}
	}
	return true
}

// holds reports whether all the words, in lower case, are in what people read of an event.
func holds(o *meeting.Object, words []string) bool {
	var text strings.Builder
	for _, c := range o.Main {
		for _, name := range []string{"SUMMARY", "LOCATION", "DESCRIPTION"} {
			text.WriteString(c.Text(name) + "\n")
		}
		for _, name := range []string{"ATTENDEE", "ORGANIZER"} {
			for p := range c.All(name) {
				text.WriteString(p.Param("CN") + " " + ical.Mailbox(p.Value()) + "\n")
			}
		}
	}
	all := strings.ToLower(text.String())
	for _, w := range words {
		if !strings.Contains(all, w) {
			return false
		}
	}
	return true
}
