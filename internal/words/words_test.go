package words_test

import (
	"strings"
	"testing"
	"time"

	"kalends/internal/words"
)

func TestFor(t *testing.T) {
	for tag, want := range map[string]string{"de-AT": "de", "DE_de": "de", " de": "de", "en-US": "en", "fr": "en", "": "en", "den": "en", "-": "en"} {
		if got := words.For(tag).Tag; got != want {
			t.Errorf("For(%q) = %s, want %s", tag, got, want)
		}
	}
}

func TestAccepted(t *testing.T) {
	for header, want := range map[string]string{
		"": "en", "de": "de", "de-AT,en;q=0.5": "de", "fr, de;q=0.8": "de", "fr;q=1 , EN-gb;q=0.9, de": "en", "*": "en", ",,,;;,": "en", "den, fr": "en",
		strings.Repeat("fr,", 9) + "de": "de", strings.Repeat("fr,", 10) + "de": "en",
	} {
		if got := words.Accepted(header).Tag; got != want {
			t.Errorf("Accepted(%q) = %s, want %s", header, got, want)
		}
	}
}

// TestDays: what is written of a day in each language, and that nothing of a language is left out.
func TestDays(t *testing.T) {
	day := time.Date(2026, 3, 1, 9, 5, 0, 0, time.UTC) // a Sunday
	for l, want := range map[*words.Language][]string{
		words.English: {"Sunday, 1 March 2026", "Sunday, 1 March", "1 Mar", "March 2026", "Sunday", "Sun", "S", "09:05", "1 Mar 2026, 10:05"},
		words.German:  {"Sonntag, 1. März 2026", "Sonntag, 1. März", "1. März", "März 2026", "Sonntag", "So", "S", "09:05", "1. März 2026, 10:05"},
	} {
		got := []string{l.Long(day), l.Medium(day), l.Brief(day), l.Month(day), l.Day(day), l.Short(day), l.Letter(day), l.Clock(day),
			l.Moment(day, time.FixedZone("", 3600))}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: got %q, want %q", l.Tag, got[i], want[i])
			}
		}
		if got := l.Moment(time.Time{}, time.UTC); got != "–" {
			t.Errorf("%s: no instant is %q", l.Tag, got)
		}
	}
	for _, l := range words.Languages() {
		for i := range 7 {
			if d := day.AddDate(0, 0, i); l.Day(d) == "" || l.Short(d) == "" || l.Letter(d) == "" {
				t.Errorf("%s has no name for %s", l.Tag, d.Weekday())
			}
		}
		for m := range 12 {
			if l.Months[m] == "" || l.ShortMonths[m] == "" {
				t.Errorf("%s has no name for month %d", l.Tag, m+1)
			}
		}
		if l.Tag == "" || l.Self == "" {
			t.Errorf("a language has no name: %+v", l)
		}
	}
}

func TestBook(t *testing.T) {
	b := words.NewBook(map[string]words.Texts{"de": words.Together(words.Texts{"Yes": "Ja"}, words.Texts{"one day": "ein Tag", "%d days": "%d Tage"})})
	en, de := b.For("fr"), b.Accepted("de-CH")
	for got, want := range map[string]string{
		en.T("Yes"): "Yes", de.T("Yes"): "Ja", de.T("No"): "No", de.T("100%"): "100%", en.N(1, "one day", "%d days"): "one day",
		en.N(2, "one day", "%d days"): "2 days", de.N(1, "one day", "%d days"): "ein Tag", de.N(0, "one day", "%d days"): "0 Tage",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if n := len(b.Voices()); n != len(words.Languages()) || b.Voices()[0] != en {
		t.Errorf("%d voices, the first %s", n, b.Voices()[0].Tag)
	}
}
