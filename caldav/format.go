package caldav

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"kalends/calendar"
	"kalends/dav"
	"kalends/ical"
	"kalends/ical/jcal"
	"kalends/ical/zone"
)

// format is how the asker wants to see iCalendar data.
type format struct {
	json  bool // as jCal (RFC 7265)
	zones zoneWish
}

// zoneWish is what CalDAV-Timezones asks for (RFC 7809 section 7.1).
type zoneWish uint8

const (
	zonesAsStored zoneWish = iota
	zonesWanted            // T: every zone that is named is there
	zonesSpared            // F: those that the time zone service has are not
)

// offers are the media types of calendar data, the one that is stored first.
var offers = []string{"text/calendar", jcal.MediaType}

// format reads what a request that gets calendar data as its answer wants. first is the type where it says nothing.
func (q *request) format(first string) format {
	f := q.zoneFormat()
	q.w.Header().Add("Vary", "Accept, CalDAV-Timezones")
	list := offers
	if first == jcal.MediaType {
		list = []string{offers[1], offers[0]}
	}
	f.json = dav.Accepted(q.r.Header.Values("Accept"), list...) == jcal.MediaType
	return f
}

// zoneFormat reads only what it says about time zones, for calendar data within XML.
func (q *request) zoneFormat() (f format) {
	switch q.r.Header.Get("CalDAV-Timezones") {
	case "T":
		f.zones = zonesWanted
	case "F":
		f.zones = zonesSpared
	}
	return f
}

// plain reports whether the stored octets are what is wanted.
func (f format) plain() bool { return f == format{} }

// of adds to a Content-Type of text/calendar what the format makes of it.
func (f format) of(contentType string) string {
	if f.json {
		return jcal.MediaType + strings.TrimPrefix(contentType, "text/calendar")
	}
	return contentType
}

// text brings a stored text into the format. One that cannot be taken apart stays as it is, and what is returned says so:
// the format it is really in.
func (q *request) text(f format, stored []byte) ([]byte, format) {
	if f.plain() {
		return stored, f
	}
	cal, err := ical.Parse(stored)
	if err == nil {
		var text []byte
		if text, err = f.print(cal, q.h.Now()); err == nil {
			return text, f
		}
	}
	q.h.Log.ErrorContext(q.ctx, "calendar data in another format", "path", q.r.URL.Path, "err", err)
	return stored, format{}
}

// print writes an object in the format. It does not change cal.
func (f format) print(cal *ical.Component, now time.Time) ([]byte, error) {
	switch f.zones {
	case zonesSpared:
		cal = withoutZones(cal)
	case zonesWanted:
		cal = withZones(cal, now)
	}
	if f.json {
		return jcal.Marshal(cal)
	}
	return cal.Bytes(), nil
}

// withoutZones leaves out the time zones that the time zone service has under the same name (RFC 7809 section 3.1.3).
func withoutZones(cal *ical.Component) *ical.Component {
	out := ical.New(cal.Name())
	for _, p := range cal.Props() {
		out.Add(p)
	}
	for k := range cal.Components("") {
		if k.Name() == "VTIMEZONE" {
			if _, ok := zone.Load(k.Text("TZID")); ok {
				continue
			}
		}
		out.AddChild(k)
	}
	return out
}

// withZones adds the time zones that are named and not there.
func withZones(cal *ical.Component, now time.Time) *ical.Component {
	there := map[string]bool{}
	for v := range cal.Components("VTIMEZONE") {
		there[v.Text("TZID")] = true
	}
	var missing []*ical.Component
	first := now
	var names []string
	var walk func(c *ical.Component)
	walk = func(c *ical.Component) {
		for _, p := range c.Props() {
			id := p.Param("TZID")
			if id == "" {
				continue
			}
			if d, err := p.DateTime(); err == nil && d.Wall.Before(first) {
				first = d.Wall
			}
			if !there[id] {
				there[id] = true
				names = append(names, id)
			}
		}
		for k := range c.Components("") {
			walk(k)
		}
	}
	for c := range cal.Main() {
		walk(c)
	}
	zones := zone.NewResolver(cal)
	for _, id := range names {
		name, ok := zones.Canonical(id)
		if !ok {
			continue // of no known zone: read as floating
		}
		v, err := zone.VTimezone(name, first.AddDate(-1, 0, 0), now.AddDate(5, 0, 0))
		if err != nil {
			continue
		}
		v.Set(ical.NewText("TZID", id))
		missing = append(missing, v)
	}
	if len(missing) == 0 {
		return cal
	}
	out := ical.New(cal.Name())
	for _, p := range cal.Props() {
		out.Add(p)
	}
	for _, v := range missing {
		out.AddChild(v)
	}
	for k := range cal.Components("") {
		out.AddChild(k)
	}
	return out
}

// fromJSON turns a body of jCal into iCalendar.
func fromJSON(text []byte) ([]byte, error) {
	cal, err := jcal.Unmarshal(text)
	if err != nil {
		return nil, calendar.Errorf(calendar.InvalidData, "%w", err)
	}
	return cal.Bytes(), nil
}

// contentTypeAttr reads the attribute content-type of an element that asks for calendar data, or holds them
// (RFC 4791 section 9.6).
func contentTypeAttr(e *dav.Element) (json bool, err error) {
	t, ok := e.Attr("content-type")
	switch {
	case !ok, strings.EqualFold(t, "text/calendar"):
		return false, nil
	case strings.EqualFold(t, jcal.MediaType):
		return true, nil
	}
	return false, violates(http.StatusForbidden, dav.C("supported-calendar-data"), "calendar data are %s, not %.60s", strings.Join(offers, " or "), t)
}

// attrs are those of an element that holds calendar data in the format.
func (f format) attrs() []dav.Attr {
	if !f.json {
		return nil
	}
	return []dav.Attr{{Name: dav.Name{Local: "content-type"}, Value: jcal.MediaType}, {Name: dav.Name{Local: "version"}, Value: "2.0"}}
}

// writeTimezone writes CALDAV:calendar-timezone, as jCal where that is asked for.
func writeTimezone(x *render, r *resource, w *dav.Writer) {
	if x.asked != nil {
		if json, err := contentTypeAttr(x.asked.elem); err == nil && json {
			text, f := x.q.text(format{json: true}, []byte(strings.TrimSpace(r.cal.TimeZone)))
			for _, a := range f.attrs() {
				w.Attr(a.Name, a.Value)
			}
			w.TextBytes(text)
			return
		}
	}
	w.Text(r.cal.TimeZone)
}

// timezoneText reads the value of CALDAV:calendar-timezone, in either format.
func timezoneText(e *dav.Element) (string, error) {
	json, err := contentTypeAttr(e)
	if err != nil || !json {
		return e.Text, err
	}
	cal, err := jcal.Unmarshal([]byte(e.Text))
	if err != nil {
		return "", calendar.Errorf(calendar.BadTimeZone, "%w", err)
	}
	return cal.String(), nil
}

// tzdistHref is where package tzdist answers (RFC 7808).
const tzdistHref = "/tzdist"

// jsonEnd ends a stream that jsonHead began.
const jsonEnd = "]]"

// jsonHead is the jCal of a calendar without components, up to where they begin.
func jsonHead(head *ical.Component) ([]byte, error) {
	b, err := jcal.Marshal(head)
	if err != nil {
		return nil, fmt.Errorf("head of a calendar: %w", err)
	}
	return b[:len(b)-len(jsonEnd)], nil
}
