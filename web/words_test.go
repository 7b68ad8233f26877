package web

import (
	"testing"

	"kalends/calendar"
	"kalends/internal/words/wordstest"
)

// TestWords: every text of pages and code is there in every language, with the same things to fill in.
func TestWords(t *testing.T) {
	wordstest.Check(t, book, wordstest.Source{
		Pages: "pages/*.html", Types: []string{"problem"}, Ignore: []string{"words_"},
		Tables: []string{
			"fieldProblems", "notices", "kinds", "answerWords", "scopeWords", "requestWords", "feedProblems", "shareWords", "shareStates",
			"kindWords", "hookKindWords", "hookFailureWords", "hookProblems", "viewWords", "importWords", "laterText", "awayText", "unexpectedText", "mayRead", "mayChange", "maySeeBusy", "mayDoOthers",
		},
	}, 150)
}

// TestKinds sees that people are told something about every kind of error there is.
func TestKinds(t *testing.T) {
	for k := range calendar.NumKinds {
		if calendar.Kind(k) == calendar.Internal {
			continue
		}
		if p, ok := kinds[calendar.Kind(k)]; !ok || p.status < 400 || p.text == "" {
			t.Errorf("kind %d has no row in kinds", k)
		}
	}
	if extra := len(kinds) - calendar.NumKinds + 1; extra != 0 {
		t.Errorf("kinds has %d rows too many", extra)
	}
}
