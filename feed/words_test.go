package feed

import (
	"testing"

	"kalends/internal/words/wordstest"
)

// TestWords: every text of the page is there in every language.
func TestWords(t *testing.T) {
	wordstest.Check(t, book, wordstest.Source{Pages: "page.html", Tables: []string{"missing", "later"}}, 12)
}
