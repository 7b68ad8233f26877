package mailer

import "kalends/ical"

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
	s := Summary{Lang: l.tag, Title: ev.title(l), NotesLabel: l.notes, Notes: paragraphs(ev.main.Text("DESCRIPTION"), maxDescription)}
	for _, r := range ev.rows(l, nil) {
		s.Rows = append(s.Rows, SummaryRow{r.Label, r.Value, r.Href})
	}
	return s, nil
}
