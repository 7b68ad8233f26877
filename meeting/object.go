package meeting

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
	"kalends/storage"
)

// Object is a stored meeting, parsed.
type Object struct {
	Row   *storage.Object
	Cal   *ical.Component
	Main  []*ical.Component // without time zones
	zones *zone.Resolver
	// mine reports whether an address is of the owner of the calendar.
	mine func(address string) bool
	// here is the zone in which floating and all-day times are read.
	here *time.Location
}

// ReadObject parses a stored meeting. mine says which addresses are of the owner of its calendar, here is the zone of floating and all-day times.
func ReadObject(row *storage.Object, mine func(string) bool, here *time.Location) (*Object, error) {
	cal, err := ical.Parse(row.ICS)
	if err != nil {
		return nil, fmt.Errorf("stored object %d/%d: %w", row.Owner, row.ID, err)
	}
	o := &Object{Row: row, mine: mine, here: here}
	o.set(cal)
	return o, nil
}

func (o *Object) set(cal *ical.Component) {
	o.Cal, o.zones, o.Main = cal, zone.NewResolver(cal), slices.Collect(cal.Main())
}

// Series works out when the meeting takes place.
func (o *Object) Series() (*recur.Series, error) { return recur.Compile(o.Cal, o.zones) }

// location is the zone of a date or time.
func (o *Object) location(d ical.DateTime) *time.Location {
	switch d.Form {
	case ical.UTCForm:
		return time.UTC
	case ical.ZonedForm:
		if loc, ok := o.zones.Location(d.TZID); ok {
			return loc
		}
	}
	return o.here
}

// instant is when a date or time is.
func (o *Object) instant(d ical.DateTime) time.Time { return zone.Instant(d.Wall, o.location(d)) }

// text is how a date or time is told.
func (o *Object) text(d ical.DateTime) string {
	if d.IsDate() {
		return d.Wall.Format(time.DateOnly)
	}
	return o.instant(d).In(o.location(d)).Format(time.RFC3339)
}

// Times are the start and the end of a component. The end has the form of the start.
func Times(c *ical.Component) (start, end ical.DateTime, ok bool) {
	p := c.Prop("DTSTART")
	if p == nil {
		return start, end, false
	}
	start, err := p.DateTime()
	if err != nil {
		return start, end, false
	}
	end = start
	if p := c.Prop("DTEND"); p != nil {
		if d, err := p.DateTime(); err == nil && d.IsDate() == start.IsDate() {
			return start, d, true
		}
	}
	if d, err := ical.ParseDuration(c.Value("DURATION")); err == nil {
		end.Wall = d.Add(start.Wall)
	} else if start.IsDate() {
		end.Wall = start.Wall.AddDate(0, 0, 1) // RFC 5545 section 3.6.1
	}
	return start, end, true
}

// Occurrence is one instance of a series, or with a zero RecurrenceID what does not repeat.
type Occurrence struct {
	recur.Instance
	Recurring bool
}

// Meeting tells the meeting as a whole: its first instance and how it repeats.
func (o *Object) Meeting() *Meeting {
	c := o.Cal.Master()
	if c == nil {
		if len(o.Main) == 0 {
			return nil
		}
		c = o.Main[0]
	}
	m := o.component(c)
	start, end, _ := Times(c)
	m.Start, m.End = o.text(start), o.text(end)
	if text := c.Value("RRULE"); text != "" {
		m.Recurrence = recurrenceOf(text, start, o.location(start))
	}
	m.Recurring = m.Recurrence != nil || c.Prop("RDATE") != nil || c.Prop("RECURRENCE-ID") != nil || len(o.Main) > 1
	if m.Recurring { // a rule may leave one instance, as before the first that was split off
		if series, err := o.Series(); err == nil {
			m.Recurring = series.Recurring()
		}
	}
	return m
}

// Instance tells one instance.
func (o *Object) Instance(x Occurrence) *Meeting {
	if x.Component < 0 || x.Component >= len(o.Main) {
		return nil
	}
	c := o.Main[x.Component]
	m := o.component(c)
	start, _, _ := Times(c)
	loc := o.location(start)
	if x.AllDay {
		m.Start, m.End = zone.Wall(x.Start, o.here).Format(time.DateOnly), zone.Wall(x.End, o.here).Format(time.DateOnly)
	} else {
		m.Start, m.End = x.Start.In(loc).Format(time.RFC3339), x.End.In(loc).Format(time.RFC3339)
	}
	if m.Recurring = x.Recurring; x.Recurring && !x.RecurrenceID.Wall.IsZero() {
		m.Instance = o.text(x.RecurrenceID)
	}
	return m
}

// component tells what does not depend on the instance.
func (o *Object) component(c *ical.Component) *Meeting {
	m := &Meeting{
		ID: ID(o.Row.Owner, o.Row.ID), UID: o.Row.UID, Calendar: CalendarID(o.Row.Owner, o.Row.Calendar),
		ETag: o.Row.ETag, Name: c.Text("SUMMARY"), Description: c.Text("DESCRIPTION"), Location: c.Text("LOCATION"),
		Link: link(c), Attachments: attachments(c), Reminders: []int{}, Invited: []Invited{}, Busy: !equalWord(c.Value("TRANSP"), "TRANSPARENT"),
		Status: "confirmed", Privacy: "public", Updated: o.Row.Modified.UTC().Format(time.RFC3339),
	}
	switch start, _, _ := Times(c); start.Form {
	case ical.DateForm:
		m.AllDay = true
	case ical.FloatingForm:
		m.Floating = true
	case ical.UTCForm:
		m.TimeZone = "UTC"
	case ical.ZonedForm:
		if name, ok := o.zones.Canonical(start.TZID); ok {
			m.TimeZone = name
		} else {
			m.Floating = true
			if _, ok := o.zones.Location(start.TZID); ok { // rules of its own, without a name
				m.Floating, m.TimeZone = false, start.TZID
			}
		}
	}
	for status, word := range statuses {
		if equalWord(c.Value("STATUS"), word) {
			m.Status = status
		}
	}
	for privacy, word := range classes {
		if equalWord(c.Value("CLASS"), word) {
			m.Privacy = privacy
		}
	}
	if p := c.Prop("ORGANIZER"); p != nil {
		m.Organizer = &Person{Address: ShowAddress(p.Value()), Name: p.Param("CN")}
	}
	for p := range c.All("ATTENDEE") {
		mine := o.mine(ical.Address(p.Value()))
		if mine {
			m.Answer = answerOf(p)
		}
		if org := c.Prop("ORGANIZER"); mine && org != nil && o.mine(ical.Address(org.Value())) {
			continue // who invites is not invited
		}
		m.Invited = append(m.Invited, Invited{
			Address: ShowAddress(p.Value()), Name: p.Param("CN"), Answer: answerOf(p), Kind: kindOf(p),
			Optional: equalWord(p.Param("ROLE"), "OPT-PARTICIPANT") || equalWord(p.Param("ROLE"), "NON-PARTICIPANT"),
		})
	}
	for a := range c.Components("VALARM") {
		if n, ok := minutesBefore(a); ok && !slices.Contains(m.Reminders, n) {
			m.Reminders = append(m.Reminders, n)
		}
	}
	return m
}

var statuses = map[string]string{"confirmed": "CONFIRMED", "tentative": "TENTATIVE", "cancelled": "CANCELLED"}

// classes are the values of CLASS (RFC 5545 section 3.8.1.3).
var classes = map[string]string{"public": "PUBLIC", "confidential": "CONFIDENTIAL", "private": "PRIVATE"}

func equalWord(value, word string) bool { return strings.EqualFold(strings.TrimSpace(value), word) }

// answerOf reads PARTSTAT (RFC 5545 section 3.2.12).
func answerOf(p *ical.Property) string {
	switch s := strings.ToLower(p.Param("PARTSTAT")); s {
	case "accepted", "declined", "tentative", "delegated":
		return s
	}
	return "needs-action"
}

// kindOf reads CUTYPE (RFC 5545 section 3.2.3).
func kindOf(p *ical.Property) string {
	switch s := strings.ToLower(p.Param("CUTYPE")); s {
	case "room", "resource", "group":
		return s
	}
	return "person"
}

// ShowAddress is a calendar user address as people write it.
func ShowAddress(value string) string {
	if box := ical.Mailbox(value); box != "" {
		return box
	}
	return strings.TrimSpace(value)
}

// link is the first address of the web among CONFERENCE (RFC 7986 section 5.11) and URL.
func link(c *ical.Component) string {
	for _, name := range []string{"CONFERENCE", "URL"} {
		for p := range c.All(name) {
			if v := strings.TrimSpace(p.Value()); IsLink(v) {
				return v
			}
		}
	}
	return ""
}

// IsLink reports whether a text is an address that a page may make a link of.
func IsLink(v string) bool {
	u, err := url.Parse(v)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil &&
		!strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '"' || r == '<' || r == '>' })
}

// minutesBefore reads an alarm that is due some minutes before the start; false for any other.
func minutesBefore(a *ical.Component) (int, bool) {
	t := a.Prop("TRIGGER")
	switch strings.ToUpper(strings.TrimSpace(a.Value("ACTION"))) {
	case "DISPLAY", "EMAIL", "AUDIO":
	default:
		return 0, false
	}
	if t == nil || equalWord(t.Param("RELATED"), "END") || equalWord(t.Param("VALUE"), "DATE-TIME") {
		return 0, false
	}
	d, err := ical.ParseDuration(t.Value())
	exact := d.Exact()
	if err != nil || exact > 0 || exact%time.Minute != 0 || -exact > MaxMinutes*time.Minute {
		return 0, false
	}
	return int(-exact / time.Minute), true
}
