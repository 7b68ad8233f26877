package dav

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestCleanPath(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want []string
		dir  bool
	}{
		{"/", nil, true},
		{"/dav/", []string{"dav"}, true},
		{"/dav", []string{"dav"}, false},
		{"/dav/calendars/alice/calendar/a.ics", []string{"dav", "calendars", "alice", "calendar", "a.ics"}, false},
		{"/a%20b/%C3%A9", []string{"a b", "é"}, false},
		{"/a b/é", []string{"a b", "é"}, false},
		{"/alice%40example.com/alice@example.com", []string{"alice@example.com", "alice@example.com"}, false},
		{"/%2e%2e%2e/..a", []string{"...", "..a"}, false},
		{"/%252e%252e/%252f", []string{"%2e%2e", "%2f"}, false}, // decoded once
		{"/%3f%23", []string{"?#"}, false},
		{"/a+b;c=d,e:f", []string{"a+b;c=d,e:f"}, false},
		{"/" + strings.Repeat("x", 255), []string{strings.Repeat("x", 255)}, false},
	} {
		got, dir, err := CleanPath(tt.in)
		if err != nil || !slices.Equal(got, tt.want) || dir != tt.dir {
			t.Errorf("CleanPath(%q) = %q, %v, %v, want %q, %v", tt.in, got, dir, err, tt.want, tt.dir)
		}
	}
	for _, in := range []string{
		"", "*", "dav/", "http://example.com/",
		"//", "/a//b", "/a//", "//example.com/a",
		"/.", "/..", "/a/../b", "/a/./b", "/%2e%2e/a", "/%2E./a", "/a/%2e", "/../",
		"/a%2fb", "/%2F", "/a%5",
		"/%", "/%4", "/%zz", "/a%%41",
		"/%00", "/a\x00", "/a\nb", "/%0d%0a", "/%7f", "/\u0085", "/%c2%80",
		"/\xff", "/%ff", "/%c0%ae%c0%ae", "/%ed%a0%80",
		"/a?b", "/a#b", "/%41?b", "/%41b#c", "/a?%41",
		"/" + strings.Repeat("x", 256), "/" + strings.Repeat("a/", 2048),
	} {
		got, _, err := CleanPath(in)
		if _, ok := errors.AsType[*PathError](err); !ok || got != nil {
			t.Errorf("CleanPath(%.40q) = %q, %v, want a PathError", in, got, err)
		}
	}
}

func TestEscapePath(t *testing.T) {
	for _, tt := range []struct {
		in   []string
		dir  bool
		want string
	}{
		{nil, false, "/"},
		{nil, true, "/"},
		{[]string{"dav", "a b", "é"}, true, "/dav/a%20b/%C3%A9/"},
		{[]string{"AZaz09-._~@"}, false, "/AZaz09-._~@"},
		{[]string{"&<>\"'#?%:;=+,!*()|\\"}, false, "/%26%3C%3E%22%27%23%3F%25%3A%3B%3D%2B%2C%21%2A%28%29%7C%5C"},
	} {
		if got := EscapePath(tt.in, tt.dir); got != tt.want {
			t.Errorf("EscapePath(%q, %v) = %s, want %s", tt.in, tt.dir, got, tt.want)
		}
	}
}

func TestParseHref(t *testing.T) {
	hosts := []string{"cal.example.com:8080", "Example.org"}
	for _, tt := range []struct{ in, want string }{
		{"/a/b%20c", "/a/b%20c"},
		{" \r\n /a/ \n", "/a/"},
		{"http://cal.example.com:8080/a", "/a"},
		{"https://CAL.example.com:8080/a/", "/a/"},
		{"HTTP://example.org/a", "/a"},
		{"http://example.org:80/a", "/a"},
		{"https://example.org:443/a", "/a"},
		{"https://example.org", "/"},
	} {
		seg, dir, err := ParseHref(tt.in, hosts...)
		if got := EscapePath(seg, dir); err != nil || got != tt.want {
			t.Errorf("ParseHref(%q) = %s, %v, want %s", tt.in, got, err, tt.want)
		}
	}
	for _, tt := range []struct {
		in    string
		other bool
	}{
		{"http://example.net/a", true},
		{"http://cal.example.com/a", true},
		{"https://example.org:80/a", true},
		{"http:///a", true},
		{"http://:80/a", true},
		{"ftp://example.org/a", true},
		{"http://example.org.example.net/a", true},
		{"http://alice@example.org/a", false},
		{"http://alice:x@example.net/a", false},
		{"http://example.org/a#b", false},
		{"http://example.org?a", false},
		{"http://example.org/a/../b", false},
		{"//example.org/a", false},
		{"a.ics", false},
		{"mailto:alice@example.org", false},
		{"", false},
	} {
		_, _, err := ParseHref(tt.in, hosts...)
		_, bad := errors.AsType[*PathError](err)
		if errors.Is(err, ErrOtherServer) != tt.other || bad == tt.other {
			t.Errorf("ParseHref(%q) = %v, want another server %v", tt.in, err, tt.other)
		}
	}
}

func TestParseDestination(t *testing.T) {
	seg, dir, err := ParseDestination(map[string][]string{"Destination": {"https://example.org/a/b%20c"}}, "example.org")
	if err != nil || dir || !slices.Equal(seg, []string{"a", "b c"}) {
		t.Errorf("ParseDestination = %q, %v, %v", seg, dir, err)
	}
	for _, h := range []map[string][]string{{}, {"Destination": {""}}, {"Destination": {"/a", "/b"}}, {"Destination": {"/a/.."}}} {
		if _, _, err := ParseDestination(h); err == nil {
			t.Errorf("ParseDestination(%v) gives no error", h)
		} else if _, ok := errors.AsType[*PathError](err); !ok {
			t.Errorf("ParseDestination(%v) = %v, want a PathError", h, err)
		}
	}
	if _, _, err := ParseDestination(map[string][]string{"Destination": {"http://example.net/a"}}, "example.org"); !errors.Is(err, ErrOtherServer) {
		t.Errorf("ParseDestination to another host = %v", err)
	}
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"/", "/dav/a%20b/", "/%2e%2e/", "//", "/%c3%a9", "http://example.org:80/a", "/%", "/a@b:c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		_, _, _ = ParseHref(in, "example.org")
		seg, dir, err := CleanPath(in)
		if err != nil {
			if seg != nil {
				t.Fatalf("CleanPath(%q) gives segments and an error", in)
			}
			return
		}
		for _, s := range seg {
			if s == "" || s == "." || s == ".." || strings.ContainsAny(s, "/\x00\r\n") || len(s) > MaxSegment {
				t.Fatalf("CleanPath(%q) let %q through", in, s)
			}
		}
		out := EscapePath(seg, dir)
		if len(out) > MaxPath {
			return // escaping made it longer than what we take
		}
		seg2, dir2, err := CleanPath(out)
		if err != nil || !slices.Equal(seg, seg2) || dir != dir2 {
			t.Fatalf("%q → %q → %q → %q, %v", in, seg, out, seg2, err)
		}
	})
}
