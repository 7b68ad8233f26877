package ical

import (
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// Address returns the form of a CAL-ADDRESS (RFC 5545 section 3.3.3) by which two spellings of the same
// address are equal: blanks and quotes around it gone, a mailto: address percent-decoded and in lower case with its domain
// in ASCII, urn:uuid in lower case. A bare address is taken for a mailto: one. Other URIs, and paths, stay as
// they are.
func Address(v string) string {
	v = strings.TrimSpace(v)
	v = strings.Trim(v, `"'<>`)
	scheme, rest, ok := strings.Cut(v, ":")
	if !ok {
		if i := strings.IndexByte(v, '@'); i > 0 && v[0] != '/' {
			scheme, rest = "mailto", v
		} else {
			return v
		}
	}
	switch scheme = strings.ToLower(scheme); scheme {
	case "mailto":
		rest, _, _ = strings.Cut(rest, "?")
		if strings.IndexByte(rest, '%') >= 0 {
			if d, err := url.PathUnescape(rest); err == nil {
				rest = d
			}
		}
		rest = strings.Trim(strings.TrimSpace(rest), `"'<>`)
		rest = strings.ToLower(rest)
		if i := strings.LastIndexByte(rest, '@'); i > 0 && !ascii(rest[i:]) {
			if a, err := idna.Lookup.ToASCII(rest[i+1:]); err == nil {
				rest = rest[:i+1] + a
			}
		}
		return "mailto:" + rest
	case "urn", "http", "https":
		if scheme == "urn" {
			rest = strings.ToLower(rest)
		}
		return scheme + ":" + rest
	}
	return v
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// Mailbox returns the mail address of a CAL-ADDRESS in the form of [Address], or "" where it is none.
func Mailbox(v string) string {
	m, ok := strings.CutPrefix(Address(v), "mailto:")
	if at := strings.LastIndexByte(m, '@'); !ok || at <= 0 || at == len(m)-1 || strings.ContainsAny(m, " \t\r\n<>,;\"") {
		return ""
	}
	return m
}

// WithoutDetail returns a mail address in the form of [Address] without the +detail of its local part (RFC 5233), and false for
// one that has none.
func WithoutDetail(addr string) (string, bool) {
	local, ok := strings.CutPrefix(addr, "mailto:")
	at := strings.LastIndexByte(local, '@')
	if !ok || at < 0 {
		return addr, false
	}
	plus := strings.IndexByte(local[:at], '+')
	if plus <= 0 {
		return addr, false
	}
	return "mailto:" + local[:plus] + local[at:], true
}
