package dav

import (
	"strings"
)

// HeaderError says which header cannot be read, and why: a 400.
type HeaderError struct{ Header, Msg string }

func (e *HeaderError) Error() string { return "the header " + e.Header + " " + e.Msg }

// Depth is the value of the Depth header.
type Depth int8

const (
	DepthZero     Depth = 0
	DepthOne      Depth = 1
	DepthInfinity Depth = -1
)

// String is the value as it stands in the header.
func (d Depth) String() string {
	switch d {
	case DepthZero:
		return "0"
	case DepthOne:
		return "1"
	}
	return "infinity"
}

// ParseDepth reads the Depth header (RFC 4918 section 10.2), or gives def where there is none. Headers are taken in a
// map with canonical names, such as http.Header.
func ParseDepth(h map[string][]string, def Depth) (Depth, error) {
	v, err := single(h, "Depth")
	if err != nil {
		return def, err
	}
	switch strings.ToLower(v) {
	case "":
		return def, nil
	case "0":
		return DepthZero, nil
	case "1":
		return DepthOne, nil
	case "infinity":
		return DepthInfinity, nil
	}
	return def, &HeaderError{"Depth", "is none of 0, 1 and infinity"}
}

// ParseOverwrite reads the Overwrite header (RFC 4918 section 10.6), which is true where there is none.
func ParseOverwrite(h map[string][]string) (bool, error) {
	v, err := single(h, "Overwrite")
	if err != nil {
		return false, err
	}
	switch strings.ToUpper(v) {
	case "", "T":
		return true, nil
	case "F":
		return false, nil
	}
	return false, &HeaderError{"Overwrite", "is neither T nor F"}
}

// single gives the value of a header that may come once, or more than once alike.
func single(h map[string][]string, name string) (string, error) {
	var v string
	for i, s := range h[name] {
		s = strings.Trim(s, " \t")
		if i > 0 && s != v {
			return "", &HeaderError{name, "is given twice"}
		}
		v = s
	}
	return v, nil
}

// Prefer holds the preferences we honour (RFC 7240, RFC 8144).
type Prefer struct {
	Minimal        bool // return=minimal, return-minimal (older Apple programs), or Brief: t (Microsoft, Apple)
	Representation bool // return=representation
	NoRoot         bool // depth-noroot

	brief bool // Minimal comes from Brief, which no Preference-Applied answers
}

// ParsePrefer reads Prefer and Brief. Preferences are wishes: what cannot be read is as if it were not there, and of
// two that contradict each other the first counts (RFC 7240 section 2).
func ParsePrefer(h map[string][]string) Prefer {
	var p Prefer
	decided := false
	for _, line := range h["Prefer"] {
		for item := range splitQuoted(line, ',') {
			item, _, _ = cutQuoted(item, ';') // parameters
			name, value, _ := strings.Cut(item, "=")
			name = strings.ToLower(strings.Trim(name, " \t"))
			value = strings.ToLower(strings.Trim(value, " \t\""))
			if n, v, ok := strings.Cut(name, "-"); ok && n == "return" && value == "" {
				name, value = n, v
			}
			switch {
			case name == "depth-noroot":
				p.NoRoot = true
			case name == "return" && !decided:
				decided = true
				p.Minimal, p.Representation = value == "minimal", value == "representation"
			}
		}
	}
	if v := h["Brief"]; !decided && len(v) > 0 && strings.EqualFold(strings.Trim(v[0], " \t"), "t") {
		p.Minimal, p.brief = true, true
	}
	return p
}

// Applied gives the Preference-Applied header (RFC 7240 section 3) for those of the honoured preferences that the
// client named, or "".
func (p Prefer) Applied() string {
	var list []string
	switch {
	case p.Minimal && !p.brief:
		list = append(list, "return=minimal")
	case p.Representation:
		list = append(list, "return=representation")
	}
	if p.NoRoot {
		list = append(list, "depth-noroot")
	}
	return strings.Join(list, ", ")
}

// splitQuoted iterates over the parts of s between separators that stand outside quoted strings.
func splitQuoted(s string, sep byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for more := true; more; {
			var part string
			part, s, more = cutQuoted(s, sep)
			if !yield(part) {
				return
			}
		}
	}
}

func cutQuoted(s string, sep byte) (before, after string, found bool) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == sep && !quoted:
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}
