package web

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestFinder compares with the plain way: lines put together by a pattern, all in lower case.
func TestFinder(t *testing.T) {
	unfold := regexp.MustCompile(`\r?\n[ \t]`)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.SampledFrom([]string{"a", "B", "Ä", "ß", "İ", "\u212a", "\r\n", "\n", "\r", " ", "\t", "\xff", "Plan"})).Draw(t, "text"), "")
		words := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "ab", "ä", "bä", "plan", "k", "x", "o'b"}), 1, 3).Draw(t, "words")
		want := true
		for _, w := range words {
			want = want && (strings.Contains(w, "'") || strings.Contains(strings.ToLower(unfold.ReplaceAllString(text, "")), w))
		}
		f := newFinder(words)
		f.mayHold([]byte("left over from the text before"))
		if got := f.mayHold([]byte(text)); got != want {
			t.Fatalf("%q in %q: %v, want %v", words, text, got, want)
		}
	})
}

func BenchmarkFinder(b *testing.B) {
	text := []byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Weekly team\r\n" +
		strings.Repeat("DESCRIPTION:some words that a folded line would have and that go on for l\r\n ong\r\n", 11) + "END:VEVENT\r\n")
	f := newFinder([]string{"planning"})
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		f.mayHold(text)
	}
}
