package answer

import (
	"testing"

	"kalends/internal/words/wordstest"
)

// TestWords: every text of the page is there in every language.
func TestWords(t *testing.T) {
	wordstest.Check(t, book, wordstest.Source{
		Pages:  "page.html",
		Tables: []string{"answers", "unknown", "gone", "broken", "foreign", "later", "changed", "badTime"},
	}, 30)
}
