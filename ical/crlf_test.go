package ical

import (
	"strings"
	"testing"
)

// TestCRLF: lines that were read with LF alone, folds included, are printed with CR LF; what has it stays.
func TestCRLF(t *testing.T) {
	for _, text := range []string{
		"BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:a\n b\nEND:VEVENT\nEND:VCALENDAR\n",
		"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\nSUMMARY:a\r\n b\nEND:VEVENT\r\nEND:VCALENDAR\n",
		"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:a\r\n b\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
	} {
		cal, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		want := strings.ReplaceAll(strings.ReplaceAll(text, "\r", ""), "\n", "\r\n")
		if got := string(cal.CRLF()); got != want {
			t.Errorf("CRLF of %q = %q, want %q", text, got, want)
		}
	}
}
