// Package stream cuts streams of iCalendar into calendar objects (RFC 4791 section 4.1), and puts objects together into
// one stream (RFC 5545 section 3.4): files that programs export, feeds, and both at once.
//
// What it cuts out is byte for byte what was there, and one part that is broken spoils no other.
package stream

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"kalends/ical"
)

// Calendar is what a stream holds. Its objects share memory with the data that was read.
type Calendar struct {
	Name        string        // NAME (RFC 7986 section 5.1) or X-WR-CALNAME
	Description string        // DESCRIPTION or X-WR-CALDESC
	Color       string        // X-APPLE-CALENDAR-COLOR, or COLOR
	TimeZone    string        // X-WR-TIMEZONE
	Refresh     time.Duration // REFRESH-INTERVAL (RFC 7986 section 5.7) or X-PUBLISHED-TTL; 0 where it says nothing

	Objects  []*Object // in the order of their first lines
	Problems []Problem // by line

	// Found says that there was a VCALENDAR, and Complete that the last one had its end.
	Found, Complete bool

	data  []byte
	heads []*head
	every map[string]*block  // time zones of all heads, the first of each name
	zones map[zoneKey][]byte // generated ones
	whole bool               // as a whole it is one object
}

// head is one VCALENDAR of the stream.
type head struct {
	prodid, scale []byte // lines
	method        bool
	zones         map[string]*block
}

// Problem is a part of a stream that had to be left out, or repaired.
type Problem struct {
	Line int    // counted from 1
	UID  string // "" where it is not known
	Msg  string
}

// Object is a calendar object: all components with one UID.
type Object struct {
	UID       string
	Component string // VEVENT, …
	Line      int    // its first line in the stream

	cal    *Calendar
	head   *head
	blocks []*block
	noUID  bool     // UID is made of the content
	lines  [][2]int // of Text: number of lines, and the first one's line in the stream (0: not there)
}

// block is a component right inside a VCALENDAR.
type block struct {
	name     string
	raw      []byte
	line     int
	uid, rid string
	sequence int
	stamp    string // LAST-MODIFIED, or DTSTAMP
	year     int    // of DTSTART
	zones    []string
	tzid     string // of a VTIMEZONE
	broken   string // why it cannot be used
}

// calendarComponents are what can begin only right inside a VCALENDAR: where one begins elsewhere, what it stands in has lost its end.
var calendarComponents = map[string]bool{
	"VEVENT": true, "VTODO": true, "VJOURNAL": true, "VFREEBUSY": true, "VAVAILABILITY": true, "VTIMEZONE": true, "VCALENDAR": true,
}

const (
	maxNested = 16  // components inside one another
	maxZones  = 100 // time zones that one object names
)

// Split reads a stream. It takes everything, and says in Problems what it made nothing of.
func Split(data []byte) *Calendar {
	c := &Calendar{data: fromUTF16(data), every: map[string]*block{}}
	r := reader{c: c, src: c.data, byKey: map[string]*Object{}}
	r.src = bytes.TrimPrefix(r.src, []byte("\ufeff"))
	r.read()
	if !c.Found && len(c.Objects) == 0 {
		c.Problems = append(c.Problems, Problem{Line: 1, Msg: "there is no VCALENDAR"})
	}
	for _, o := range c.Objects {
		o.settle()
	}
	slices.SortStableFunc(c.Problems, func(a, b Problem) int { return a.Line - b.Line })
	c.whole = len(c.heads) == 1 && len(c.Objects) == 1 && len(c.Problems) == 0 && !c.heads[0].method && c.Complete
	return c
}

// Whole returns the stream itself where it is one object and can be kept as it is.
func (c *Calendar) Whole() ([]byte, bool) {
	if !c.whole || c.Objects[0].noUID || len(c.Objects[0].missing()) > 0 {
		return nil, false
	}
	return c.data, true
}

// fromUTF16 turns UTF-16 with a byte order mark, which old desktop programs export, into UTF-8.
func fromUTF16(data []byte) []byte {
	if len(data) < 4 || len(data)%2 != 0 {
		return data
	}
	high := 0
	switch {
	case data[0] == 0xff && data[1] == 0xfe:
		high = 1
	case data[0] == 0xfe && data[1] == 0xff:
	default:
		return data
	}
	units := make([]uint16, 0, len(data)/2)
	for i := 2; i < len(data); i += 2 {
		units = append(units, uint16(data[i+high])<<8|uint16(data[i+1-high]))
	}
	return []byte(string(utf16.Decode(units)))
}

type reader struct {
	c     *Calendar
	src   []byte
	pos   int
	at    int // where the current content line begins
	line  int // its number
	count int // lines read

	raw  []byte // the current content line with its line ends
	text string // the same unfolded; of a long one the beginning

	head  *head
	block *block
	start int
	stack []string
	byKey map[string]*Object
}

// maxText is how much of a content line is looked at: names, parameters and the values that matter here are short.
const maxText = 4096

// next reads the next content line that is not blank.
func (r *reader) next() bool {
	for r.pos < len(r.src) {
		r.at, r.line = r.pos, r.count+1
		text := r.physical()
		if len(bytes.TrimLeft(text, " \t")) == 0 {
			continue
		}
		if !r.folded() {
			r.text = string(text[:min(len(text), maxText)])
		} else {
			b := append(make([]byte, 0, 256), text[:min(len(text), maxText)]...)
			for r.folded() {
				if more := r.physical()[1:]; len(b) < maxText {
					b = append(b, more[:min(len(more), maxText-len(b))]...)
				}
			}
			r.text = string(b)
		}
		r.raw = r.src[r.at:r.pos]
		return true
	}
	return false
}

// folded reports whether the next line continues the current one. Empty lines between them, which some programs put there, are
// passed over.
func (r *reader) folded() bool {
	pos, lines := r.pos, 0
	for pos < len(r.src) && (r.src[pos] == '\n' || r.src[pos] == '\r' && pos+1 < len(r.src) && r.src[pos+1] == '\n') {
		pos += 1 + bytes.IndexByte(r.src[pos:], '\n')
		lines++
	}
	if pos == len(r.src) || r.src[pos] != ' ' && r.src[pos] != '\t' {
		return false
	}
	r.pos, r.count = pos, r.count+lines
	return true
}

func (r *reader) physical() []byte {
	r.count++
	rest := r.src[r.pos:]
	i := bytes.IndexByte(rest, '\n')
	if i < 0 {
		r.pos = len(r.src)
		return bytes.TrimSuffix(rest, []byte("\r"))
	}
	r.pos += i + 1
	return bytes.TrimSuffix(rest[:i], []byte("\r"))
}

func (r *reader) problem(line int, uid, format string, args ...any) {
	r.c.Problems = append(r.c.Problems, Problem{line, uid, fmt.Sprintf(format, args...)})
}

// read goes through the stream line by line.
func (r *reader) read() {
	for r.next() {
		name, value := cut(r.text)
		switch name {
		case "BEGIN":
			r.begin(strings.ToUpper(strings.TrimSpace(value)))
		case "END":
			r.end(strings.ToUpper(strings.TrimSpace(value)))
		default:
			switch {
			case r.block != nil && len(r.stack) == 1:
				r.property(name, value)
			case r.block != nil:
				r.zonesOf()
			case r.head != nil:
				r.header(name, value)
			}
		}
	}
	if r.block != nil {
		r.cutOff()
	}
	r.c.Complete = r.c.Found && r.head == nil
}

// cut splits a content line into its name in upper case and what follows the first colon outside quotes.
func cut(line string) (name, value string) {
	i := strings.IndexAny(line, ":;")
	if i < 0 {
		return "", ""
	}
	name = strings.ToUpper(line[:i])
	for quoted := false; i < len(line); i++ {
		switch {
		case line[i] == '"':
			quoted = !quoted
		case line[i] == ':' && !quoted:
			return name, line[i+1:]
		}
	}
	return name, ""
}

func (r *reader) begin(name string) {
	if calendarComponents[name] && r.block != nil {
		r.cutOff()
	}
	switch {
	case r.block != nil:
		if r.stack = append(r.stack, name); len(r.stack) > maxNested {
			r.block.broken = fmt.Sprintf("components are nested more than %d deep", maxNested)
			r.stack = r.stack[:maxNested]
		}
	case name == "VCALENDAR":
		r.head = &head{zones: map[string]*block{}}
		r.c.heads = append(r.c.heads, r.head)
		r.c.Found = true
	default:
		if r.head == nil { // some files have lost the lines around their components
			r.head = &head{zones: map[string]*block{}}
			r.c.heads = append(r.c.heads, r.head)
		}
		r.block, r.start, r.stack = &block{name: name, line: r.line}, r.at, append(r.stack[:0], name)
	}
}

// cutOff gives up on a component that has no end.
func (r *reader) cutOff() {
	r.problem(r.block.line, r.block.uid, "the %s has no END", r.block.name)
	r.block = nil
}

func (r *reader) end(name string) {
	switch {
	case r.block == nil:
		if name == "VCALENDAR" {
			r.head = nil
		}
	case name == "VCALENDAR":
		r.cutOff()
		r.head = nil
	case r.stack[len(r.stack)-1] != name:
		if r.block.broken == "" {
			r.block.broken = fmt.Sprintf("line %d: END:%.20s where END:%.20s is expected", r.line, name, r.stack[len(r.stack)-1])
		}
		if name == r.block.name {
			r.done()
		}
	default:
		if r.stack = r.stack[:len(r.stack)-1]; len(r.stack) == 0 {
			r.done()
		}
	}
}

// done takes a component that has ended.
func (r *reader) done() {
	b := r.block
	r.block = nil
	b.raw = r.src[r.start:r.pos]
	switch {
	case b.broken != "":
		r.problem(b.line, b.uid, "%s", b.broken)
	case b.name == "VTIMEZONE":
		if r.head.zones[b.tzid] == nil {
			r.head.zones[b.tzid] = b
		}
		if r.c.every[b.tzid] == nil {
			r.c.every[b.tzid] = b
		}
	case !calendarComponents[b.name]:
		r.problem(b.line, b.uid, "a %.40s is no part of a calendar that can be kept", b.name)
	default:
		r.add(b)
	}
}

func (r *reader) add(b *block) {
	o := &Object{UID: b.uid, Component: b.name, Line: b.line, cal: r.c, head: r.head}
	if o.UID == "" {
		o.UID, o.noUID = "kalends-"+fingerprint(b.raw), true
	}
	key := o.Component + "\x00" + o.UID
	if known := r.byKey[key]; known != nil {
		o = known
	} else {
		r.byKey[key] = o
		r.c.Objects = append(r.c.Objects, o)
	}
	o.blocks = append(o.blocks, b)
}

// fingerprint is of a component's content without what says only when it was written.
func fingerprint(raw []byte) string {
	h := sha256.New()
	r := reader{src: raw}
	for r.next() {
		switch name, _ := cut(r.text); name {
		case "DTSTAMP", "LAST-MODIFIED", "CREATED":
		default:
			h.Write(bytes.TrimSpace(r.raw))
			h.Write([]byte{'\n'})
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// property notes what matters of a property of a component.
func (r *reader) property(name, value string) {
	b := r.block
	switch name {
	case "UID":
		if b.uid == "" {
			b.uid = strings.TrimSpace(ical.Unescape(value))
		}
	case "TZID":
		b.tzid = strings.TrimSpace(ical.Unescape(value))
	case "RECURRENCE-ID":
		b.rid = strings.TrimSpace(value)
	case "SEQUENCE":
		b.sequence, _ = strconv.Atoi(strings.TrimSpace(value))
	case "LAST-MODIFIED":
		b.stamp = strings.TrimSpace(value)
	case "DTSTAMP":
		if b.stamp == "" {
			b.stamp = strings.TrimSpace(value)
		}
	case "DTSTART":
		if v := strings.TrimSpace(value); len(v) >= 8 {
			b.year, _ = strconv.Atoi(v[:4])
		}
	}
	r.zonesOf()
}

// zonesOf notes the time zone that the current line names.
func (r *reader) zonesOf() {
	_, rest, ok := cutFold(r.text, ";TZID=")
	if !ok {
		return
	}
	if strings.HasPrefix(rest, `"`) {
		rest, _, _ = strings.Cut(rest[1:], `"`)
	} else if i := strings.IndexAny(rest, ":;,"); i >= 0 {
		rest = rest[:i]
	}
	if rest = strings.TrimSpace(rest); rest != "" && len(r.block.zones) < maxZones && !slices.Contains(r.block.zones, rest) {
		r.block.zones = append(r.block.zones, rest)
	}
}

// cutFold is strings.Cut for a separator of ASCII letters in any case.
func cutFold(s, sep string) (before, after string, found bool) {
	for i := 0; ; i++ {
		k := strings.IndexByte(s[i:], sep[0])
		if k < 0 || i+k+len(sep) > len(s) {
			return s, "", false
		}
		i += k
		if strings.EqualFold(s[i:i+len(sep)], sep) {
			return s[:i], s[i+len(sep):], true
		}
	}
}

// header notes what matters of a property of the VCALENDAR.
func (r *reader) header(name, value string) {
	first := func(p *string) {
		if *p == "" {
			*p = strings.TrimSpace(ical.Unescape(value))
		}
	}
	switch name {
	case "PRODID":
		r.head.prodid = r.raw
	case "CALSCALE":
		r.head.scale = r.raw
	case "METHOD":
		r.head.method = true
	case "NAME", "X-WR-CALNAME":
		first(&r.c.Name)
	case "DESCRIPTION", "X-WR-CALDESC":
		first(&r.c.Description)
	case "X-APPLE-CALENDAR-COLOR", "COLOR":
		first(&r.c.Color)
	case "X-WR-TIMEZONE":
		first(&r.c.TimeZone)
	case "REFRESH-INTERVAL", "X-PUBLISHED-TTL":
		if d, err := ical.ParseDuration(strings.TrimSpace(value)); err == nil && r.c.Refresh == 0 && !d.Negative {
			r.c.Refresh = time.Duration(min(d.Days, 366))*24*time.Hour + min(d.Time, 366*24*time.Hour)
		}
	}
}
