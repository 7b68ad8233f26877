package meeting

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"kalends/ical"
	"kalends/ical/zone"
	"kalends/storage"
)

// defaultReminder is the reminder of a meeting for which none is asked.
const defaultReminder = 30

// Years that are taken: what time zones are known for.
const (
	FirstYear = 1900
	LastYear  = 2199
)

// When is a time as it came: an instant, or a date.
type When struct {
	Date bool
	Time time.Time // a date in UTC
}

// ReadWhen reads an instant (RFC 3339) or a date. field names it in the error.
func ReadWhen(field, text string) (When, error) {
	w := When{}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		if t, err = time.Parse(time.DateOnly, text); err != nil {
			return w, invalid(field, "must be an instant such as 2026-03-02T09:00:00+01:00, or for whole days a date such as 2026-03-02")
		}
		w.Date = true
	}
	if y := t.UTC().Year(); y < FirstYear || y > LastYear {
		return w, invalid(field, "must lie in the years %d to %d", FirstYear, LastYear)
	}
	w.Time = t.Truncate(time.Second)
	return w, nil
}

// span is when a meeting takes place, as it is written.
type span struct{ start, end ical.DateTime }

// stamp writes an instant or date in the zone of that name; "" for floating.
func (w When) stamp(name string, loc *time.Location) ical.DateTime {
	switch {
	case w.Date:
		return ical.DateTime{Wall: w.Time, Form: ical.DateForm}
	case name == "":
		return ical.DateTime{Wall: zone.Wall(w.Time, loc), Form: ical.FloatingForm}
	case name == "UTC":
		return ical.DateTime{Wall: w.Time.UTC(), Form: ical.UTCForm}
	}
	return ical.DateTime{Wall: zone.Wall(w.Time, loc), Form: ical.ZonedForm, TZID: name}
}

// ReadZone reads the name of a time zone. UTC in all its spellings is "UTC".
func ReadZone(field, text string) (string, *time.Location, error) {
	name, ok := zone.Canonical(text)
	if !ok {
		return "", nil, invalid(field, "is no IANA time zone such as Europe/Berlin")
	}
	switch name {
	case "Etc/UTC", "UTC", "Etc/GMT", "GMT":
		return "UTC", time.UTC, nil
	}
	loc, ok := zone.Load(name)
	if !ok {
		return "", nil, invalid(field, "is no IANA time zone such as Europe/Berlin")
	}
	return name, loc, nil
}

// addZone gives the calendar the VTIMEZONE of a zone that it now names (RFC 5545 section 3.6.5).
func addZone(cal *ical.Component, d ical.DateTime) error {
	if d.Form != ical.ZonedForm {
		return nil
	}
	for z := range cal.Components("VTIMEZONE") {
		if z.Text("TZID") == d.TZID {
			return nil
		}
	}
	if _, ok := zone.Load(d.TZID); !ok {
		return nil // another program's name, which this calendar had already
	}
	tz, err := zone.VTimezone(d.TZID, d.Wall.AddDate(-1, 0, 0), d.Wall.AddDate(10, 0, 0))
	if err != nil {
		return fmt.Errorf("time zone %s: %w", d.TZID, err)
	}
	cal.AddChild(tz)
	return nil
}

// OneLine checks a text that stands in one line.
func OneLine(field, text string) error {
	if strings.ContainsFunc(text, unicode.IsControl) || !utf8.ValidString(text) {
		return invalid(field, "must be one line of text")
	}
	return nil
}

// setText sets a TEXT property, or removes it.
func setText(c *ical.Component, name, text string) {
	if text == "" {
		c.Remove(name)
		return
	}
	if p := c.Prop(name); p != nil && p.Text() == text {
		return
	}
	c.Set(ical.NewText(name, text))
}

// setLink makes the meeting's link another: a CONFERENCE for programs that know it (RFC 7986 section 5.11), and a URL for
// those that do not. Other conferences and addresses stay.
func setLink(c *ical.Component, to string) {
	old := link(c)
	if old == to {
		return
	}
	gone := func(p *ical.Property) bool {
		return (p.Name() == "CONFERENCE" || p.Name() == "URL") && old != "" && strings.TrimSpace(p.Value()) == old
	}
	c.RemoveFunc(gone)
	if to == "" {
		return
	}
	param := func(name string, values ...string) ical.Param { return ical.Param{Name: name, Values: values} }
	conference := ical.NewProperty("CONFERENCE", to, param("VALUE", "URI"), param("FEATURE", "VIDEO"), param("LABEL", "Join"))
	var rest []*ical.Property
	for p := range c.All("CONFERENCE") {
		rest = append(rest, p)
	}
	c.Remove("CONFERENCE")
	c.Add(conference) // first, so that it is the meeting's link
	for _, p := range rest {
		c.Add(p)
	}
	c.Set(ical.NewProperty("URL", to))
}

// setReminders makes the reminders before the start these. An alarm whose time stays is not touched, nor is one that
// cannot be told in minutes before the start.
func setReminders(c *ical.Component, minutes []int) {
	kept := map[int]bool{}
	c.RemoveChildren(func(a *ical.Component) bool {
		if a.Name() != "VALARM" {
			return false
		}
		n, ok := minutesBefore(a)
		if ok && slices.Contains(minutes, n) {
			kept[n] = true
		}
		return ok && !slices.Contains(minutes, n)
	})
	for _, n := range minutes {
		if kept[n] {
			continue
		}
		kept[n] = true
		a := ical.New("VALARM")
		a.Add(ical.NewProperty("ACTION", "DISPLAY"))
		text := c.Text("SUMMARY")
		if text == "" {
			text = "Reminder"
		}
		a.Add(ical.NewText("DESCRIPTION", text))
		before := ical.DurationOf(time.Duration(n) * time.Minute)
		before.Negative = n > 0
		a.Add(ical.NewProperty("TRIGGER", before.String()))
		c.AddChild(a)
	}
}

// guest is somebody to invite, looked up.
type guest struct {
	Invited
	address string             // as ical.Address writes it
	who     *storage.Principal // nil for somebody outside
}

// setInvited makes those invited exactly these. Lines of people who stay keep what they have, their answers among it.
func setInvited(c *ical.Component, owner *storage.Principal, mine func(string) bool, guests []guest) {
	if len(guests) == 0 {
		c.Remove("ATTENDEE")
		c.Remove("ORGANIZER")
		return
	}
	if c.Prop("ORGANIZER") == nil {
		p := ical.NewProperty("ORGANIZER", "mailto:"+owner.Email)
		if owner.DisplayName != "" {
			p.SetParam("CN", owner.DisplayName)
		}
		c.Add(p)
	}
	byAddress := map[string]guest{}
	for _, g := range guests {
		byAddress[g.address] = g
	}
	have := map[string]bool{}
	self := false
	c.RemoveFunc(func(p *ical.Property) bool {
		if p.Name() != "ATTENDEE" {
			return false
		}
		a := ical.Address(p.Value())
		if mine(a) {
			self = true
			return false
		}
		g, ok := byAddress[a]
		if !ok && p.HasParam("MEMBER") {
			for _, group := range p.ParamValues("MEMBER") { // the members of an invited group are the server's
				_, in := byAddress[ical.Address(group)]
				ok = ok || in
			}
			return !ok
		}
		if !ok || have[a] {
			return true
		}
		have[a] = true
		g.role(p)
		return false
	})
	if !self {
		p := ical.NewProperty("ATTENDEE", "mailto:"+owner.Email)
		if owner.DisplayName != "" {
			p.SetParam("CN", owner.DisplayName)
		}
		p.SetParam("PARTSTAT", "ACCEPTED")
		c.Add(p)
	}
	for _, g := range guests {
		if have[g.address] {
			continue
		}
		have[g.address] = true
		p := ical.NewProperty("ATTENDEE", g.address)
		if box := ical.Mailbox(g.address); box != "" {
			p.SetValue("mailto:" + box)
		}
		if name := g.name(); name != "" {
			p.SetParam("CN", name)
		}
		if g.who != nil && g.who.Kind != storage.Person {
			p.SetParam("CUTYPE", strings.ToUpper(string(g.who.Kind)))
		}
		g.role(p)
		p.SetParam("PARTSTAT", "NEEDS-ACTION")
		p.SetParam("RSVP", "TRUE")
		c.Add(p)
	}
}

func (g guest) name() string {
	if g.who != nil && g.who.DisplayName != "" {
		return g.who.DisplayName
	}
	return g.Name
}

// role writes whether it can do without them. Roles that say the same stay.
func (g guest) role(p *ical.Property) {
	optional := equalWord(p.Param("ROLE"), "OPT-PARTICIPANT") || equalWord(p.Param("ROLE"), "NON-PARTICIPANT")
	switch {
	case g.Optional && !optional:
		p.SetParam("ROLE", "OPT-PARTICIPANT")
	case !g.Optional && optional:
		p.SetParam("ROLE", "REQ-PARTICIPANT")
	}
}

// setSpan writes when a component takes place.
func setSpan(c *ical.Component, s span) {
	for _, x := range []struct {
		name string
		d    ical.DateTime
	}{{"DTSTART", s.start}, {"DTEND", s.end}} {
		if p := c.Prop(x.name); p != nil {
			p.SetDateTime(x.d)
		} else {
			c.Add(x.d.Property(x.name))
		}
	}
	c.Remove("DURATION")
}

// touch notes that a component was changed; retimed also raises its SEQUENCE (RFC 5546 section 2.1.4).
func touch(c *ical.Component, now time.Time, retimed bool) {
	stamp := now.UTC().Format(utcLayout)
	c.Set(ical.NewProperty("DTSTAMP", stamp))
	c.Set(ical.NewProperty("LAST-MODIFIED", stamp))
	if retimed {
		n, err := strconv.Atoi(strings.TrimSpace(c.Value("SEQUENCE")))
		if err != nil || n < 0 || n > 1<<30 {
			n = 0
		}
		c.Set(ical.NewProperty("SEQUENCE", strconv.Itoa(n+1)))
	}
}
