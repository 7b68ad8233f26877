package dav

import (
	"errors"
	"strings"
	"testing"
)

func TestParseDepth(t *testing.T) {
	for _, tt := range []struct {
		in   []string
		want Depth
		ok   bool
	}{
		{nil, DepthOne, true},
		{[]string{""}, DepthOne, true},
		{[]string{"0"}, DepthZero, true},
		{[]string{" 1 "}, DepthOne, true},
		{[]string{"Infinity"}, DepthInfinity, true},
		{[]string{"0", "0"}, DepthZero, true},
		{[]string{"0", "1"}, 0, false},
		{[]string{"2"}, 0, false},
		{[]string{"-1"}, 0, false},
		{[]string{"0, 1"}, 0, false},
	} {
		got, err := ParseDepth(map[string][]string{"Depth": tt.in}, DepthOne)
		if _, bad := errors.AsType[*HeaderError](err); bad == tt.ok || tt.ok && got != tt.want {
			t.Errorf("ParseDepth(%q) = %v, %v, want %v", tt.in, got, err, tt.want)
		}
	}
	for _, d := range []Depth{DepthZero, DepthOne, DepthInfinity} {
		if got, err := ParseDepth(map[string][]string{"Depth": {d.String()}}, DepthZero); got != d || err != nil {
			t.Errorf("ParseDepth(%s) = %v, %v", d, got, err)
		}
	}
}

func TestParseOverwrite(t *testing.T) {
	for _, tt := range []struct {
		in       []string
		want, ok bool
	}{
		{nil, true, true}, {[]string{"T"}, true, true}, {[]string{"f"}, false, true}, {[]string{"no"}, false, false}, {[]string{"T", "F"}, false, false},
	} {
		got, err := ParseOverwrite(map[string][]string{"Overwrite": tt.in})
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("ParseOverwrite(%q) = %v, %v, want %v", tt.in, got, err, tt.want)
		}
	}
}

func TestParsePrefer(t *testing.T) {
	for _, tt := range []struct {
		prefer  []string
		brief   string
		want    Prefer
		applied string
	}{
		{nil, "", Prefer{}, ""},
		{[]string{"return=minimal"}, "", Prefer{Minimal: true}, "return=minimal"},
		{[]string{`Return = "Minimal" ; x=y, depth-noroot`}, "", Prefer{Minimal: true, NoRoot: true}, "return=minimal, depth-noroot"},
		{[]string{"respond-async, wait=10", "return=representation"}, "", Prefer{Representation: true}, "return=representation"},
		{[]string{`foo="a, return=minimal"`}, "", Prefer{}, ""},
		{[]string{`foo="a\", return=minimal"`}, "", Prefer{}, ""},
		{[]string{`foo; return=minimal`}, "", Prefer{}, ""},
		{[]string{"return=representation, return=minimal"}, "", Prefer{Representation: true}, "return=representation"},
		{[]string{"return-minimal"}, "", Prefer{Minimal: true}, "return=minimal"},
		{[]string{"return-representation"}, "", Prefer{Representation: true}, "return=representation"},
		{nil, "t", Prefer{Minimal: true, brief: true}, ""},
		{nil, "T", Prefer{Minimal: true, brief: true}, ""},
		{nil, "f", Prefer{}, ""},
		{[]string{"return=representation"}, "t", Prefer{Representation: true}, "return=representation"},
		{[]string{`",,;=,"`, ",", "=", ";"}, "", Prefer{}, ""},
	} {
		h := map[string][]string{"Prefer": tt.prefer}
		if tt.brief != "" {
			h["Brief"] = []string{tt.brief}
		}
		got := ParsePrefer(h)
		if got != tt.want || got.Applied() != tt.applied {
			t.Errorf("ParsePrefer(%q, Brief %q) = %+v, applied %q, want %+v, %q", tt.prefer, tt.brief, got, got.Applied(), tt.want, tt.applied)
		}
	}
}

func FuzzHeaders(f *testing.F) {
	f.Add(`return=minimal; x="a,b"`, "0", "t")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		h := map[string][]string{"Prefer": {a, b, c}, "Depth": {b}, "Overwrite": {c}, "Brief": {c}}
		p := ParsePrefer(h)
		if p.Minimal && p.Representation || strings.ContainsAny(p.Applied(), "\r\n") {
			t.Fatalf("ParsePrefer(%v) = %+v", h, p)
		}
		_, _ = ParseDepth(h, DepthZero)
		_, _ = ParseOverwrite(h)
	})
}
