package mailer

import (
	"time"

	"kalends/ical"
)

// Summary is what a mail would say about a meeting, for a page.
type Summary struct {
	Lang, Title string
	Rows        []SummaryRow
	NotesLabel  string
	Notes       string
}

// SummaryRow is one fact. Href is an https URL, "" for none.
type SummaryRow struct{ Label, Value, Href string }

// Summarize tells a meeting in a language, with times in UTC told in the zone local ("" for none).
func Summarize(cal *ical.Component, language, local string) (Summary, error) {
	ev, err := newEvent(cal, local)
	if err != nil {
		return Summary{}, err
	}
	l := catalogueFor(language)
	s := Summary{Lang: l.Tag, Title: ev.title(l), NotesLabel: l.notes, Notes: paragraphs(ev.main.Text("DESCRIPTION"), maxDescription)}
	for _, r := range ev.rows(l, nil) {
		s.Rows = append(s.Rows, SummaryRow{r.Label, r.Value, r.Href})
	}
	return s, nil
}

// TellTime tells when something takes place, in a zone; nil for wall clock time, whose Location is UTC, in none. end may be zero.
func TellTime(language string, loc *time.Location, start, end time.Time, allDay bool) string {
	at := func(t time.Time) moment {
		if loc == nil || allDay {
			return moment{wall: t, date: allDay}
		}
		return instantIn(t, loc)
	}
	from := at(start)
	if end.IsZero() {
		return catalogueFor(language).span(from, nil)
	}
	to := at(end)
	return catalogueFor(language).span(from, &to)
}
