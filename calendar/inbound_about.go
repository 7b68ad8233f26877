package calendar

import (
	"strings"
	"time"
	"unicode/utf8"

	"kalends/ical"
	"kalends/ical/zone"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// Longest texts that are kept for a list of waiting mails, in octets; the message holds all.
const (
	maxAbout        = 300
	maxAboutComment = 4000
)

// about fills in what a message that waits is about, for lists. What the mail says of its author is there already.
func (m *MailMessage) about(msg itip.Message) {
	a := &m.Note.About
	a.Method, a.From, a.Message = msg.Method, msg.From, m.MessageID
	a.Name = shorten(commonName(msg.Calendar, msg.From), maxAbout)
	main := mainOf(msg.Calendar)
	if main == nil {
		return
	}
	a.Summary, a.Location = shorten(main.Text("SUMMARY"), maxAbout), shorten(main.Text("LOCATION"), maxAbout)
	a.Comment = shorten(main.Text("COMMENT"), maxAboutComment)
	a.Recurs = main.Prop("RRULE") != nil || main.Prop("RDATE") != nil
	a.Instance = main.Prop("RECURRENCE-ID") != nil
	for p := range main.All("ATTENDEE") {
		if ical.Address(p.Value()) == msg.From {
			a.Answer = itip.PartStat(p)
		}
	}
	t := whenOf(msg.Calendar, main)
	a.Start, a.End, a.AllDay, a.Floating, a.TimeZone = t.start, t.end, t.allDay, t.floating, t.zone
}

// aboutMeeting fills in what an attendee's message left out, from the meeting that it is about.
func (m *MailMessage) aboutMeeting(cal *ical.Component) {
	a, main := &m.Note.About, mainOf(cal)
	if main == nil {
		return
	}
	if a.Summary == "" {
		a.Summary = shorten(main.Text("SUMMARY"), maxAbout)
	}
	if a.Location == "" {
		a.Location = shorten(main.Text("LOCATION"), maxAbout)
	}
	if a.Start.IsZero() {
		t := whenOf(cal, main)
		a.Start, a.End, a.AllDay, a.Floating, a.TimeZone = t.start, t.end, t.allDay, t.floating, t.zone
	}
}

// mainOf returns the component that a message is about: the master, or the only or first instance.
func mainOf(cal *ical.Component) *ical.Component {
	if c := cal.Master(); c != nil {
		return c
	}
	for c := range cal.Main() {
		return c
	}
	return nil
}

// span is when a component happens: instants, or where allDay or floating wall clock time with Location UTC.
type span struct {
	start, end       time.Time
	allDay, floating bool
	zone             string // IANA name of the zone that they are written in; "" for UTC, or none
}

// whenOf returns it as far as they can be read; end may be zero.
func whenOf(cal, c *ical.Component) (t span) {
	p := c.Prop("DTSTART")
	if p == nil {
		if p = c.Prop("DUE"); p == nil {
			return t
		}
	}
	start, err := p.DateTime()
	if err != nil {
		return t
	}
	zones := zone.NewResolver(cal)
	loc, known := time.UTC, true
	if start.Form == ical.ZonedForm {
		if loc, known = zones.Location(start.TZID); known {
			t.zone, _ = zones.Canonical(start.TZID)
		}
	}
	t.allDay = start.Form == ical.DateForm
	t.floating = start.Form == ical.FloatingForm || !known
	at := func(d ical.DateTime) time.Time {
		switch {
		case t.allDay || t.floating:
			return d.Wall
		case d.Form == ical.ZonedForm:
			if l, ok := zones.Location(d.TZID); ok {
				return zone.Instant(d.Wall, l).UTC()
			}
		case d.Form == ical.UTCForm:
			return d.Wall
		}
		return zone.Instant(d.Wall, loc).UTC()
	}
	t.start = at(start)
	for _, name := range []string{"DTEND", "DUE"} {
		if e := c.Prop(name); e != nil && e != p {
			if d, err := e.DateTime(); err == nil {
				t.end = at(d)
				return t
			}
		}
	}
	if d, err := ical.ParseDuration(c.Value("DURATION")); err == nil {
		// Days are counted on the wall, the rest exactly (RFC 5545 section 3.3.6).
		days := start
		days.Wall = ical.Duration{Negative: d.Negative, Days: d.Days}.Add(start.Wall)
		t.end = ical.Duration{Negative: d.Negative, Time: d.Time}.Add(at(days))
	} else if t.allDay {
		t.end = t.start.AddDate(0, 0, 1)
	}
	return t
}

// shorten cuts text at a character, and takes out what no text holds.
func shorten(s string, most int) string {
	s = strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", ""))
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}

// waits completes the note of a mail that waits.
func (m *MailMessage) waits(o *storage.Object) {
	m.Note.Calendar = m.Calendar.Bytes()
	if o != nil {
		m.Note.Object = o.ID
	}
}
