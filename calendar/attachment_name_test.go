package calendar_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"kalends/calendar"
)

func TestFileName(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{"plan.txt", "plan.txt"},
		{"/etc/passwd", "passwd"},
		{`C:\plans\a.doc`, "a.doc"},
		{"..", "attachment"},
		{"", "attachment"},
		{"a\r\nX: y", "aX: y"},
		{"\u202etxt.exe", "txt.exe"},
		{"a\u2028b", "ab"},
		{"a\x00b\xff", "ab"},
		{strings.Repeat("ä", 150) + ".pdf", strings.Repeat("ä", 98) + ".pdf"},
	} {
		if got := calendar.FileName(tt.name); got != tt.want {
			t.Errorf("FileName(%q) = %q, want %q", tt.name, got, tt.want)
		}
	}
	for _, tt := range []struct{ header, want string }{
		{"text/plain; charset=utf-8", "text/plain"}, {"", "application/octet-stream"}, {"x", "application/octet-stream"},
		{"text/plain\r\nX: y", "application/octet-stream"}, {"TEXT/HTML", "text/html"}, {"a/b/c", "application/octet-stream"},
	} {
		if got := calendar.MediaType(tt.header); got != tt.want {
			t.Errorf("MediaType(%q) = %q, want %q", tt.header, got, tt.want)
		}
	}
}

// FuzzFileName: whatever somebody calls a file, its name is one of a file, short, and nothing in it is invisible. Made again it is the same.
func FuzzFileName(f *testing.F) {
	for _, s := range []string{"a.txt", "../x", "a\r\nb", strings.Repeat("ä", 300), ". .", "x." + strings.Repeat("y", 300), "\u202e", "a" + strings.Repeat(" ", 300) + ".b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name := calendar.FileName(s)
		if name == "" || len(name) > 200 || !utf8.ValidString(name) || strings.ContainsAny(name, "/\\") || strings.ContainsFunc(name, unicode.IsControl) || name == ".." {
			t.Fatalf("FileName(%q) = %q", s, name)
		}
		if again := calendar.FileName(name); again != name {
			t.Fatalf("FileName(%q) = %q, and of that %q", s, name, again)
		}
	})
}
