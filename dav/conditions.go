package dav

import (
	"slices"
	"strings"
	"time"
)

// maxTags bounds the entity tags of one header; a client names the one or few states it knows.
const maxTags = 256

// TagList is the value of If-Match or If-None-Match.
type TagList struct {
	Present bool     // the header is there, be it empty
	Any     bool     // *
	Tags    []string // entity tags with their quotes, and W/ before a weak one
}

// Conditions are the conditional headers of a request (RFC 9110 section 13, RFC 6638 section 3.2.10).
type Conditions struct {
	IfMatch     TagList
	IfNoneMatch TagList

	// IfScheduleTag tells whether If-Schedule-Tag-Match is there, and ScheduleTag holds its value. Apple's programs send
	// it empty for an object that has no tag.
	IfScheduleTag bool
	ScheduleTag   string

	IfModifiedSince   time.Time // zero when absent, or not to be read
	IfUnmodifiedSince time.Time
}

// State is what Conditions are checked against.
type State struct {
	Exists      bool
	ETag        string    // with quotes
	ScheduleTag string    // with quotes; "" for an object that has none
	Modified    time.Time // zero where there is no such date
}

// Outcome is what conditions come to.
type Outcome uint8

const (
	Pass               Outcome = iota
	PreconditionFailed         // 412
	NotModified                // 304, for GET and HEAD only
)

// ParseConditions reads the conditional headers. It forgives what known clients send: \"tag\" (Evolution), tags
// without quotes (Thunderbird: If-Match: nothing), which match no state, and several lines. The error is a
// *HeaderError.
func ParseConditions(h map[string][]string) (Conditions, error) {
	var c Conditions
	var err error
	if c.IfMatch, err = parseTagList(h, "If-Match"); err != nil {
		return Conditions{}, err
	}
	if c.IfNoneMatch, err = parseTagList(h, "If-None-Match"); err != nil {
		return Conditions{}, err
	}
	if _, c.IfScheduleTag = h["If-Schedule-Tag-Match"]; c.IfScheduleTag {
		v, err := single(h, "If-Schedule-Tag-Match")
		if err != nil {
			return Conditions{}, err
		}
		c.ScheduleTag = v
		if tag, rest, ok := cutTag(v); ok && rest == "" {
			c.ScheduleTag = tag
		}
	}
	c.IfModifiedSince = parseDate(h["If-Modified-Since"])
	c.IfUnmodifiedSince = parseDate(h["If-Unmodified-Since"])
	return c, nil
}

// Unconditional reports whether the request had none of the headers.
func (c *Conditions) Unconditional() bool {
	return !c.IfMatch.Present && !c.IfNoneMatch.Present && !c.IfScheduleTag && c.IfModifiedSince.IsZero() && c.IfUnmodifiedSince.IsZero()
}

// Check evaluates the conditions in the order of RFC 9110 section 13.2.2; that on the schedule tag counts as one of
// the first step (RFC 6638 section 3.2.10). Method is that of the request.
func (c *Conditions) Check(method string, s State) Outcome {
	reading := method == "GET" || method == "HEAD"
	if c.IfScheduleTag && !c.scheduleTag(s) {
		return PreconditionFailed
	}
	if c.IfMatch.Present {
		if !s.Exists || !c.IfMatch.Any && (isWeak(s.ETag) || !slices.Contains(c.IfMatch.Tags, s.ETag)) {
			return PreconditionFailed
		}
	} else if !c.IfUnmodifiedSince.IsZero() && s.Exists && s.Modified.Truncate(time.Second).After(c.IfUnmodifiedSince) {
		return PreconditionFailed
	}
	if c.IfNoneMatch.Present {
		if s.Exists && (c.IfNoneMatch.Any || slices.ContainsFunc(c.IfNoneMatch.Tags, func(t string) bool {
			return strings.TrimPrefix(t, "W/") == strings.TrimPrefix(s.ETag, "W/")
		})) {
			if reading {
				return NotModified
			}
			return PreconditionFailed
		}
	} else if reading && !c.IfModifiedSince.IsZero() && s.Exists && !s.Modified.IsZero() &&
		!s.Modified.Truncate(time.Second).After(c.IfModifiedSince) {
		return NotModified
	}
	return Pass
}

// scheduleTag: an empty header passes where the object has no tag, and where there is no object.
func (c *Conditions) scheduleTag(s State) bool {
	if !s.Exists {
		return c.ScheduleTag == ""
	}
	return c.ScheduleTag == s.ScheduleTag
}

func isWeak(tag string) bool { return strings.HasPrefix(tag, "W/") }

// parseTagList reads * or a list of entity tags (RFC 9110 sections 13.1.1 and 13.1.2).
func parseTagList(h map[string][]string, name string) (TagList, error) {
	lines, present := h[name]
	l := TagList{Present: present && len(lines) > 0}
	for _, s := range lines {
		for {
			s = strings.TrimLeft(s, " \t,")
			if s == "" {
				break
			}
			if len(l.Tags) >= maxTags {
				return TagList{}, &HeaderError{name, "names too many entity tags"}
			}
			tag, rest, ok := cutTag(s)
			if !ok {
				return TagList{}, &HeaderError{name, "has an entity tag without closing quote"}
			}
			if s = strings.TrimLeft(rest, " \t"); s != "" && s[0] != ',' {
				return TagList{}, &HeaderError{name, "has no comma between two entity tags"}
			}
			if tag == "*" {
				l.Any = true
			} else {
				l.Tags = append(l.Tags, tag)
			}
		}
	}
	if l.Any && len(l.Tags) > 0 {
		return TagList{}, &HeaderError{name, "has both * and entity tags"}
	}
	return l, nil
}

// cutTag takes one entity tag off s. One without quotes goes up to the next comma or blank and, having none, equals
// no entity tag of ours.
func cutTag(s string) (tag, rest string, ok bool) {
	opaque, weak := s, ""
	if len(s) > 2 && (s[:2] == "W/" || s[:2] == "w/") && (s[2] == '"' || s[2] == '\\') {
		opaque, weak = s[2:], "W/"
	}
	escaped := strings.HasPrefix(opaque, `\"`)
	if escaped {
		opaque = opaque[1:]
	}
	if !strings.HasPrefix(opaque, `"`) {
		if i := strings.IndexAny(s, ", \t"); i >= 0 {
			return s[:i], s[i:], true
		}
		return s, "", true
	}
	end := strings.IndexByte(opaque[1:], '"')
	if end < 0 {
		return "", s, false
	}
	inner, rest := opaque[1:1+end], opaque[end+2:]
	if escaped {
		inner = strings.TrimSuffix(inner, `\`)
	}
	return weak + `"` + inner + `"`, rest, true
}

// parseDate reads an HTTP date in the three forms of RFC 9110 section 5.6.7. One that cannot be read is ignored, as
// its section 13.1.3 wants.
func parseDate(lines []string) time.Time {
	if len(lines) == 1 {
		for _, layout := range []string{"Mon, 02 Jan 2006 15:04:05 GMT", "Monday, 02-Jan-06 15:04:05 GMT", time.ANSIC} {
			if t, err := time.Parse(layout, strings.Trim(lines[0], " \t")); err == nil {
				return t
			}
		}
	}
	return time.Time{}
}
