package query

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"kalends/ical"
)

// The collations of RFC 4790 and RFC 5051.
const (
	asciiCasemap   = "i;ascii-casemap"
	octet          = "i;octet"
	unicodeCasemap = "i;unicode-casemap"
)

// collationOf returns the collation of a name, or "" when there is none. RFC 4791 section 7.5 makes i;ascii-casemap the
// default, and RFC 4790 section 3.1 names the default "default".
func collationOf(name string) string {
	switch name {
	case "", "default", asciiCasemap:
		return asciiCasemap
	case octet, unicodeCasemap:
		return name
	}
	return ""
}

// fold returns the form of s in which equal texts of the collation are equal octets. Substring search in it never
// starts or ends inside a character, because both sides are valid UTF-8.
func fold(s, collation string) string {
	switch collation {
	case octet:
		return s
	case unicodeCasemap:
		if !isASCII(s) {
			// RFC 5051 section 2: case mapping, then full decomposition.
			return norm.NFKD.String(cases.Fold().String(s))
		}
	}
	return lower(s)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// lower lower-cases the ASCII letters only (RFC 4790 section 9.2).
func lower(s string) string {
	i := 0
	for i < len(s) && (s[i] < 'A' || s[i] > 'Z') {
		i++
	}
	if i == len(s) {
		return s
	}
	b := []byte(s)
	for ; i < len(b); i++ {
		if b[i] >= 'A' && b[i] <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}

// found reports whether the text is in one of the values, before Negate.
func (t *TextMatch) found(values ...string) bool {
	collation := collationOf(t.Collation)
	needle := fold(t.Text, collation)
	for _, v := range values {
		ok := false
		switch v = fold(v, collation); t.MatchType {
		case "equals":
			ok = v == needle
		case "starts-with":
			ok = strings.HasPrefix(v, needle)
		case "ends-with":
			ok = strings.HasSuffix(v, needle)
		default:
			ok = strings.Contains(v, needle)
		}
		if ok {
			return true
		}
	}
	return false
}

// matchProp compares with the decoded value of a property. Of a list of texts, the whole and each element count.
func (t *TextMatch) matchProp(p *ical.Property) bool {
	text := p.Text()
	switch p.Name() {
	case "CATEGORIES", "RESOURCES":
		if t.MatchType != "" && t.MatchType != "contains" && strings.IndexByte(p.Value(), ',') >= 0 {
			return t.found(append(p.Texts(), text)...) != t.Negate
		}
	}
	return t.found(text) != t.Negate
}

// match reports whether a property matches a param-filter (RFC 4791 section 9.7.3).
func (f *ParamFilter) match(p *ical.Property) bool {
	name := strings.ToUpper(f.Name)
	for _, q := range p.Params() {
		if q.Name != name {
			continue
		}
		if f.IsNotDefined {
			return false
		}
		if f.Text == nil || f.Text.found(q.Values...) != f.Text.Negate {
			return true
		}
	}
	return f.IsNotDefined
}
