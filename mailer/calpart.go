package mailer

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
)

// keptExtensions are the X-properties that mean something to the programs that get our mail. All others stay with the
// sender: they are private notes of their program at best, and markup at worst (X-ALT-DESC).
var keptExtensions = map[string]bool{
	"X-MICROSOFT-CDO-ALLDAYEVENT":    true,
	"X-MICROSOFT-CDO-BUSYSTATUS":     true,
	"X-MICROSOFT-CDO-IMPORTANCE":     true,
	"X-MICROSOFT-CDO-INTENDEDSTATUS": true,
	"X-MICROSOFT-DISALLOW-COUNTER":   true,
	"X-MS-OLK-ORIGINALSTART":         true,
	"X-MS-OLK-ORIGINALEND":           true,
	"X-APPLE-STRUCTURED-LOCATION":    true,
	"X-GOOGLE-CONFERENCE":            true,
	"X-WR-TIMEZONE":                  true,
}

// calendarPart returns the iTIP message as it is mailed (RFC 6047 section 2.4): METHOD as in the header, no
// alarms, no private extensions, no parameters of RFC 6638 section 7, every zone defined, the recipient asked for an answer, and the
// ORGANIZER replaced by the reply address unless that is "".
func calendarPart(cal *ical.Component, inv *Invitation, reply string) []byte {
	cal = cal.Clone()
	cal.Set(ical.NewProperty("METHOD", inv.Method))
	if cal.Prop("VERSION") == nil {
		cal.Add(ical.NewProperty("VERSION", "2.0"))
	}
	if cal.Prop("PRODID") == nil {
		cal.Add(ical.NewProperty("PRODID", ical.ProductID))
	}
	private := func(p *ical.Property) bool { return strings.HasPrefix(p.Name(), "X-") && !keptExtensions[p.Name()] }
	cal.RemoveFunc(private)
	cal.RemoveChildren(func(c *ical.Component) bool { return strings.HasPrefix(c.Name(), "X-") })
	for c := range cal.Main() {
		c.RemoveFunc(private)
		c.RemoveChildren(func(k *ical.Component) bool { return k.Name() == "VALARM" || strings.HasPrefix(k.Name(), "X-") })
		for _, p := range c.Props() {
			for _, name := range []string{"SCHEDULE-AGENT", "SCHEDULE-STATUS", "SCHEDULE-FORCE-SEND"} {
				p.RemoveParam(name)
			}
			switch p.Name() {
			case "ATTENDEE":
				if inv.Method == "REQUEST" && ical.Address(p.Value()) == ical.Address(inv.To) {
					p.SetParam("RSVP", "TRUE") // without it Gmail shows no buttons
				}
			case "ORGANIZER":
				if reply != "" {
					replaceOrganizer(p, inv.from(), reply)
				}
			}
		}
	}
	defineZones(cal)
	return cal.Bytes()
}

// replaceOrganizer makes the reply address the ORGANIZER, under the name of the person, whose own
// address stays in EMAIL (RFC 7986 section 6.2).
func replaceOrganizer(p *ical.Property, person Person, reply string) {
	own := ical.Mailbox(p.Value())
	p.SetValue("mailto:" + reply)
	if p.Param("CN") == "" {
		name := line(person.Name, maxName)
		if name == "" {
			name = own
		}
		if name != "" {
			p.SetParam("CN", name)
		}
	}
	if own != "" {
		p.SetParam("EMAIL", own)
	}
	p.RemoveParam("DIR") // would lead back to the address in some programs
	p.RemoveParam("SENT-BY")
}

// defineZones gives cal a VTIMEZONE for every TZID in it and none besides. One that is missing (RFC 7809 lets clients leave
// it out) is made from our zone data.
func defineZones(cal *ical.Component) {
	res := zone.NewResolver(cal)
	var used []string
	var first, last time.Time
	for c := range cal.Main() {
		for _, p := range c.Props() {
			tzid := p.Param("TZID")
			if tzid == "" {
				continue
			}
			if !slices.Contains(used, tzid) {
				used = append(used, tzid)
			}
			if d, err := p.DateTime(); err == nil {
				if first.IsZero() || d.Wall.Before(first) {
					first = d.Wall
				}
				if d.Wall.After(last) {
					last = d.Wall
				}
			}
		}
	}
	defined := make(map[string]bool)
	cal.RemoveChildren(func(c *ical.Component) bool {
		if c.Name() != "VTIMEZONE" {
			return false
		}
		tzid := c.Text("TZID")
		if !slices.Contains(used, tzid) || defined[tzid] {
			return true
		}
		defined[tzid] = true
		return false
	})
	var made []*ical.Component
	for _, tzid := range used {
		if defined[tzid] {
			continue
		}
		name, ok := res.Canonical(tzid)
		if !ok {
			continue // nothing is known about it: the recipient's program is as good as ours
		}
		// Years to spare, since a series may go on after the last time that is written in it.
		v, err := zone.VTimezone(name, first.AddDate(0, 0, -2), last.AddDate(10, 0, 0))
		if err != nil {
			continue
		}
		v.Set(ical.NewText("TZID", tzid))
		made = append(made, v)
	}
	if len(made) == 0 {
		return
	}
	children := cal.Children() // zones stand first, where older programs look for them
	cal.RemoveChildren(func(*ical.Component) bool { return true })
	for _, c := range append(made, children...) {
		cal.AddChild(c)
	}
}

// shortHash returns 80 bits of a hash in a form that can stand in a Message-ID.
func shortHash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:10])
}
