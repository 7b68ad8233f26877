package dav

import (
	"slices"
	"strings"
)

// maxIf bounds the conditions of one If header.
const maxIf = 256

// If is a parsed If header (RFC 4918 section 10.4). It is true when one of its lists is true as a whole.
type If struct{ Lists []IfList }

// IfList holds conditions on one resource, which must all be true.
type IfList struct {
	Resource   string // the URL of the tag as sent, to be read with ParseHref; "" for the request's own
	Conditions []IfCondition
}

// IfCondition asks for a state token or an entity tag; one of both is set.
type IfCondition struct {
	Not   bool
	Token string // without < and >
	ETag  string // with quotes
}

// ParseIf reads the If header, and gives nil where there is none. The error is a *HeaderError.
func ParseIf(h map[string][]string) (*If, error) {
	if len(h["If"]) == 0 {
		return nil, nil
	}
	p := ifParser{s: strings.Join(h["If"], " ")}
	f, msg := p.header()
	if msg != "" {
		return nil, &HeaderError{"If", msg}
	}
	return f, nil
}

type ifParser struct {
	s string
	n int // conditions so far
}

// next skips blanks and tells what comes; 0 at the end.
func (p *ifParser) next() byte {
	if p.s = strings.TrimLeft(p.s, " \t\r\n"); p.s == "" {
		return 0
	}
	return p.s[0]
}

// header reads either untagged lists or tagged ones, and gives a message where it cannot.
func (p *ifParser) header() (*If, string) {
	f := &If{}
	resource := ""
	for i := 0; ; i++ {
		switch p.next() {
		case 0:
			if i == 0 {
				return nil, "is empty"
			}
			return f, ""
		case '<':
			if i > 0 && resource == "" {
				return nil, "mixes lists with and without a resource"
			}
			var ok bool
			if resource, ok = p.coded(); !ok {
				return nil, "has a URL that is empty or without closing >"
			}
			if p.next() != '(' {
				return nil, "has a resource without a list"
			}
		case '(':
			list, msg := p.list()
			if msg != "" {
				return nil, msg
			}
			f.Lists = append(f.Lists, IfList{resource, list})
		default:
			return nil, "has something other than a list or a resource where one must begin"
		}
	}
}

// coded reads <URL>.
func (p *ifParser) coded() (string, bool) {
	end := strings.IndexByte(p.s, '>')
	if end < 0 {
		return "", false
	}
	url := strings.Trim(p.s[1:end], " \t")
	p.s = p.s[end+1:]
	return url, url != ""
}

// list reads ( conditions ).
func (p *ifParser) list() ([]IfCondition, string) {
	p.s = p.s[1:]
	var list []IfCondition
	for {
		if p.n++; p.n > maxIf {
			return nil, "has too many conditions"
		}
		var c IfCondition
		if p.next() == 'N' || p.next() == 'n' {
			if len(p.s) < 3 || !strings.EqualFold(p.s[:3], "Not") {
				return nil, "has a word other than Not in a list"
			}
			c.Not = true
			p.s = p.s[3:]
		}
		switch p.next() {
		case '<':
			var ok bool
			if c.Token, ok = p.coded(); !ok {
				return nil, "has a state token that is empty or without closing >"
			}
		case '[':
			p.s = p.s[1:]
			p.next()
			tag, rest, ok := cutTag(p.s)
			p.s = rest
			if !ok || p.next() != ']' || !strings.HasSuffix(tag, `"`) {
				return nil, "has an entity tag without quotes or closing ]"
			}
			p.s = p.s[1:]
			c.ETag = tag
		case ')':
			if len(list) == 0 || c.Not {
				return nil, "has an empty list or a Not without condition"
			}
			p.s = p.s[1:]
			return list, ""
		case 0:
			return nil, "has a list without closing )"
		default:
			return nil, "has something other than a state token or an entity tag in a list"
		}
		list = append(list, c)
	}
}

// Eval evaluates the header. Etag gives the entity tag of a resource as tagged ("" for the request's own), or "" when
// it has none; token tells whether a state token holds there, and may be nil. We have no locks, so lock tokens hold
// nowhere unless token says so; DAV:no-lock never does (RFC 4918 section 10.4.8). The one state token we know is a
// sync token (RFC 6578 section 5). A nil If is true.
func (f *If) Eval(etag func(resource string) string, token func(resource, token string) bool) bool {
	if f == nil {
		return true
	}
	return slices.ContainsFunc(f.Lists, func(l IfList) bool {
		for _, c := range l.Conditions {
			var holds bool
			switch {
			case c.ETag != "": // strong comparison
				holds = !isWeak(c.ETag) && c.ETag == etag(l.Resource)
			case c.Token == "DAV:no-lock" || token == nil:
			default:
				holds = token(l.Resource, c.Token)
			}
			if holds == c.Not {
				return false
			}
		}
		return true
	})
}
