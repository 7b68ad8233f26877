package feed

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/stream"
	"kalends/ical/zone"
	"kalends/storage"
)

// view is a feed of a calendar.
type view struct {
	feed     *storage.Feed
	calendar *storage.Calendar
	owner    *storage.Principal
	mine     []string // addresses of the owner
	refresh  time.Duration
}

// rendering is raised whenever the same calendar would give another text than before.
const rendering = 2

// tag stands for everything the text of the feed is made of.
func (v *view) tag(epoch int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %s %d %d %d %d %t %d %s", rendering, zone.Version(), v.feed.Hash, epoch, v.calendar.ID, v.calendar.Seq,
		v.calendar.LastSeq, v.feed.Busy, v.refresh, v.owner.DisplayName))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:15]))
}

// writer puts a feed's text together.
type writer struct {
	v    *view
	buf  bytes.Buffer
	zip  *gzip.Writer
	size counter
	join *stream.Joiner
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func newWriter(v *view) *writer {
	w := &writer{v: v}
	w.zip = gzip.NewWriter(&w.buf)
	w.size.w = w.zip
	w.join = stream.NewJoiner(&w.size, v.head()...)
	return w
}

var rgb = regexp.MustCompile(`^#[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?$`)

// name is what the feed is called. A busy one does not tell what the calendar is about.
func (v *view) name() string {
	if v.feed.Busy {
		return cmp.Or(v.owner.DisplayName, v.calendar.Slug)
	}
	return cmp.Or(v.calendar.DisplayName, v.owner.DisplayName, v.calendar.Slug)
}

// head is what the feed says of itself: its name, and how often to look (RFC 7986 sections 5.1 and 5.7), each also as programs
// knew it before.
func (v *view) head() []*ical.Property {
	name := v.name()
	every := ical.Duration{Time: v.refresh}.String()
	props := []*ical.Property{
		ical.NewText("NAME", name), ical.NewText("X-WR-CALNAME", name),
		ical.NewProperty("REFRESH-INTERVAL", every, ical.Param{Name: "VALUE", Values: []string{"DURATION"}}),
		ical.NewProperty("X-PUBLISHED-TTL", every),
	}
	if d := v.calendar.Description; d != "" && !v.feed.Busy {
		props = append(props, ical.NewText("DESCRIPTION", d), ical.NewText("X-WR-CALDESC", d))
	}
	if id := v.calendar.TimeZoneID; id != "" {
		props = append(props, ical.NewProperty("X-WR-TIMEZONE", id))
	}
	if c := v.calendar.Color; rgb.MatchString(c) {
		props = append(props, ical.NewProperty("X-APPLE-CALENDAR-COLOR", c[:7]))
	}
	return props
}

// errObject says that an object could not be read.
var errObject = errors.New("object cannot be read")

func (w *writer) add(o *storage.Object) error {
	if w.v.feed.Busy && o.Component != "VEVENT" || o.Component == "VFREEBUSY" || o.Component == "VAVAILABILITY" {
		return nil
	}
	cal, err := ical.Parse(o.ICS)
	if err != nil {
		return fmt.Errorf("%w: %w", errObject, err)
	}
	if !w.v.show(cal, o) {
		return nil
	}
	return w.join.Add(cal)
}

func (w *writer) close() (*rendered, error) {
	if err := w.join.Close(); err != nil {
		return nil, err
	}
	if err := w.zip.Close(); err != nil {
		return nil, err
	}
	return &rendered{gzip: bytes.Clone(w.buf.Bytes()), size: w.size.n}, nil
}

// class is what a component may show: all, when it is, or nothing; the stricter the larger.
type class int

const (
	public class = iota
	timesOnly
	hidden
)

// classOf reads CLASS. A value that nobody knows counts as PRIVATE (RFC 5545 section 3.8.1.3).
func classOf(c *ical.Component) class {
	switch strings.ToUpper(strings.TrimSpace(c.Value("CLASS"))) {
	case "", "PUBLIC":
		return public
	case "CONFIDENTIAL":
		return timesOnly
	}
	return hidden
}

// free reports whether a component takes none of the owner's time.
func (v *view) free(c *ical.Component) bool {
	return strings.EqualFold(strings.TrimSpace(c.Value("TRANSP")), "TRANSPARENT") ||
		strings.EqualFold(strings.TrimSpace(c.Value("STATUS")), "CANCELLED") || v.declined(c)
}

// declined reports whether the owner was invited and does not come.
func (v *view) declined(c *ical.Component) bool {
	for p := range c.All("ATTENDEE") {
		if ps := strings.ToUpper(p.Param("PARTSTAT")); ps != "DECLINED" && ps != "DELEGATED" {
			continue
		}
		a := ical.Address(p.Value())
		for _, m := range v.mine {
			if m == a {
				return true
			}
		}
	}
	return false
}

// show leaves of an object what the feed shows of it, false for nothing:
//
//   - never alarms, who organizes or is invited (their addresses are not the owner's to publish), and files inside the object;
//   - nothing of what is PRIVATE, of what is CONFIDENTIAL only when it is, and nothing of what the owner has declined;
//   - in a busy feed only when something is that takes time.
//
// An instance that is not shown is taken out of its series, else the series would show it as it was.
func (v *view) show(cal *ical.Component, o *storage.Object) bool {
	master := cal.Master()
	var except []*ical.Property // for the master
	gone := map[*ical.Component]bool{}
	least := public // an instance that says nothing of its own is as its series
	if master != nil {
		least = classOf(master)
	}
	for c := range cal.Main() {
		cl := max(classOf(c), least)
		if v.feed.Busy && v.free(c) || v.declined(c) || cl == hidden && !v.feed.Busy {
			if id := c.Prop("RECURRENCE-ID"); id != nil {
				if cl == hidden && !v.feed.Busy && strings.EqualFold(id.Param("RANGE"), "THISANDFUTURE") {
					return false // what the series says of later instances is not true, and what is true is private
				}
				except = append(except, id)
			}
			gone[c] = true
			continue
		}
		v.trim(c, o, v.feed.Busy || cl == timesOnly)
	}
	cal.RemoveChildren(func(c *ical.Component) bool { return gone[c] })
	if master != nil && !gone[master] {
		for _, p := range except {
			ex := ical.NewProperty("EXDATE", p.Value(), only(p.Params(), "TZID", "VALUE")...)
			master.Add(ex)
		}
	}
	for range cal.Main() {
		return true
	}
	return false
}

// times are the properties that say when something is.
var times = map[string]bool{
	"UID": true, "DTSTAMP": true, "DTSTART": true, "DTEND": true, "DUE": true, "DURATION": true, "RRULE": true, "RDATE": true, "EXDATE": true,
	"EXRULE": true, "RECURRENCE-ID": true, "SEQUENCE": true, "TRANSP": true, "LAST-MODIFIED": true, "STATUS": true,
}

// unshown are never shown.
var unshown = map[string]bool{"ATTENDEE": true, "ORGANIZER": true, "REQUEST-STATUS": true, "CLASS": true}

// busyText stands for what is not told.
const busyText = "Busy"

// trim removes what the feed does not show of a component.
func (v *view) trim(c *ical.Component, o *storage.Object, blurred bool) {
	c.RemoveChildren(func(*ical.Component) bool { return true }) // alarms, and who takes part (RFC 9073)
	for _, p := range c.Props() {
		if blurred && times[p.Name()] {
			for _, q := range p.Params() {
				switch q.Name {
				case "TZID", "VALUE", "RANGE":
				default:
					p.RemoveParam(q.Name)
				}
			}
		}
	}
	c.RemoveFunc(func(p *ical.Property) bool {
		switch {
		case blurred:
			return !times[p.Name()]
		case p.Name() == "ATTACH":
			return !strings.HasPrefix(p.Value(), "https://") && !strings.HasPrefix(p.Value(), "http://")
		}
		return unshown[p.Name()] || strings.HasPrefix(p.Name(), "X-MOZ-")
	})
	if blurred {
		c.Set(ical.NewText("SUMMARY", busyText))
	}
	if v.feed.Busy {
		// The UID may tell who made the event, or what it is.
		sum := sha256.Sum256([]byte(v.feed.Hash + "\x00" + o.UID))
		c.Set(ical.NewText("UID", hex.EncodeToString(sum[:16])))
	}
	// RFC 5545 section 3.6.1 wants a DTSTAMP; without METHOD it says when it was changed last (section 3.8.7.2).
	if c.Prop("DTSTAMP") == nil {
		c.Add(ical.NewProperty("DTSTAMP", o.Modified.UTC().Format("20060102T150405Z")))
	}
	if c.Prop("LAST-MODIFIED") == nil {
		c.Add(ical.NewProperty("LAST-MODIFIED", o.Modified.UTC().Format("20060102T150405Z")))
	}
	if c.Prop("SEQUENCE") == nil {
		c.Add(ical.NewProperty("SEQUENCE", "0"))
	}
}

// only returns the parameters of these names.
func only(list []ical.Param, names ...string) []ical.Param {
	var out []ical.Param
	for _, p := range list {
		for _, n := range names {
			if p.Name == n {
				out = append(out, p)
			}
		}
	}
	return out
}
