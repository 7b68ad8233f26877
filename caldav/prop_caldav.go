package caldav

import (
	"slices"
	"strconv"
	"strings"

	"kalends/calendar"
	"kalends/dav"
	"kalends/ical/recur"
	"kalends/storage"
)

// caldavProperties are those of RFC 4791 and 7809.
var caldavProperties = []*property{
	{name: dav.C("calendar-description"), on: calendarKind,
		has:   func(x *render, r *resource) bool { return r.cal.Description != "" },
		write: func(x *render, r *resource, w *dav.Writer) { w.Text(r.cal.Description) },
		setOn: calendarKind, set: func(_ *request, c *storage.Calendar, e *dav.Element) (err error) {
			c.Description, err = textValue(e, 100_000)
			return err
		}},
	{name: dav.C("calendar-timezone"), on: calendarKind | inboxKind,
		has:   func(x *render, r *resource) bool { return r.cal.TimeZone != "" },
		write: writeTimezone,
		setOn: calendarKind | inboxKind, set: func(_ *request, c *storage.Calendar, e *dav.Element) error {
			if e == nil {
				return calendar.SetTimeZone(c, "")
			}
			text, err := timezoneText(e)
			if err != nil {
				return err
			}
			return calendar.SetTimeZone(c, text)
		}},
	{name: dav.C("calendar-timezone-id"), on: calendarKind | inboxKind,
		has:   func(x *render, r *resource) bool { return r.cal.TimeZoneID != "" },
		write: func(x *render, r *resource, w *dav.Writer) { w.Text(r.cal.TimeZoneID) },
		setOn: calendarKind | inboxKind, set: func(q *request, c *storage.Calendar, e *dav.Element) error {
			id, err := textValue(e, 1000)
			if err != nil {
				return err
			}
			if err := calendar.SetTimeZoneID(c, id, q.h.Now()); err != nil {
				if calendar.KindOf(err) == calendar.BadTimeZone { // RFC 7809 section 3.1.5
					return violates(403, dav.C("valid-timezone"), "there is no time zone %.60q", id)
				}
				return err
			}
			return nil
		}},
	{name: dav.C("supported-calendar-component-set"), on: calendarKind | inboxKind | outboxKind,
		write: func(x *render, r *resource, w *dav.Writer) { writeComponents(w, componentsOf(r)) },
		// Protected once the calendar is there (RFC 4791 section 5.2.3).
		setOn: collectionPlace, set: setComponents},
	// An empty set says that any combination can be made into a calendar.
	{name: dav.C("supported-calendar-component-sets"), on: homeKind, write: nothing},
	{name: dav.C("supported-calendar-data"), on: calendarKind | inboxKind | outboxKind, write: func(x *render, r *resource, w *dav.Writer) {
		w.RawString(`<C:calendar-data content-type="text/calendar" version="2.0"/><C:calendar-data content-type="application/calendar+json" version="2.0"/>`)
	}},
	{name: dav.C("supported-collation-set"), on: calendarKind | inboxKind, write: func(x *render, r *resource, w *dav.Writer) {
		w.RawString("<C:supported-collation>i;ascii-casemap</C:supported-collation><C:supported-collation>i;octet</C:supported-collation>" +
			"<C:supported-collation>i;unicode-casemap</C:supported-collation>")
	}},
	{name: dav.C("supported-rscale-set"), on: calendarKind | inboxKind, write: func(x *render, r *resource, w *dav.Writer) { // RFC 7529
		for _, s := range recur.RScales {
			w.RawString("<C:supported-rscale>" + s + "</C:supported-rscale>")
		}
	}},
	{name: dav.C("max-resource-size"), on: calendarKind | inboxKind, write: func(x *render, r *resource, w *dav.Writer) {
		writeInt(w, x.q.h.Calendar.Limit().ObjectSize)
	}},
	{name: dav.C("max-instances"), on: calendarKind | inboxKind, write: func(x *render, r *resource, w *dav.Writer) {
		writeInt(w, int64(x.q.h.Calendar.Limit().Instances))
	}},
	{name: dav.C("max-attendees-per-instance"), on: calendarKind | inboxKind, write: func(x *render, r *resource, w *dav.Writer) {
		writeInt(w, int64(x.q.h.Calendar.Limit().Attendees))
	}},
	// RFC 8607 section 6. Attachments are on this server, and their URLs say which that is: the property is there and empty.
	{name: dav.C("managed-attachments-server-URL"), on: homeKind, write: nothing},
	{name: dav.C("max-attachment-size"), on: homeKind | calendarKind, write: func(x *render, r *resource, w *dav.Writer) {
		writeInt(w, x.q.h.Calendar.Limit().AttachmentSize)
	}},
	{name: dav.C("max-attachments-per-resource"), on: homeKind | calendarKind, write: func(x *render, r *resource, w *dav.Writer) {
		writeInt(w, int64(x.q.h.Calendar.Limit().Attachments))
	}},
	// What four digits of a year can say (RFC 5545 section 3.3.4).
	{name: dav.C("min-date-time"), on: calendarKind | inboxKind, write: func(x *render, r *resource, w *dav.Writer) { w.Text("00010101T000000Z") }},
	{name: dav.C("max-date-time"), on: calendarKind | inboxKind, write: func(x *render, r *resource, w *dav.Writer) { w.Text("99991231T235959Z") }},
	// RFC 7809 section 5.1.
	{name: dav.C("timezone-service-set"), on: homeKind, hrefs: func(*render, *resource) []string { return []string{tzdistHref} }},
	// No property, for all that it stands among them in reports (RFC 4791 section 9.6): nobody has it or can set it.
	{name: calendarDataName},
	{name: dav.C("calendar-home-set"), on: principalKind, hrefs: func(x *render, r *resource) []string {
		if r.owner.Kind == storage.Group {
			return nil
		}
		return []string{homeHref(r.owner.Name)}
	}},
}

func writeInt(w *dav.Writer, n int64) { w.RawString(strconv.FormatInt(n, 10)) }

// componentsOf lists what a collection takes.
func componentsOf(r *resource) []string {
	switch {
	case r.kind == inboxKind:
		return []string{"VEVENT", "VTODO", "VFREEBUSY"}
	case r.kind == outboxKind:
		return []string{"VFREEBUSY"}
	case len(r.cal.Components) == 0:
		return knownComponents
	}
	return r.cal.Components
}

// knownComponents are those that a calendar can be made for.
var knownComponents = []string{"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY"}

func writeComponents(w *dav.Writer, list []string) {
	for _, c := range list {
		w.Empty(dav.C("comp"), dav.Attr{Name: dav.Name{Local: "name"}, Value: c})
	}
}

// setComponents reads CALDAV:supported-calendar-component-set of a calendar that is being made. It is kept as it was
// set: Apple's programs make calendars for events and calendars for tasks.
func setComponents(_ *request, c *storage.Calendar, e *dav.Element) error {
	if e == nil {
		return nil
	}
	c.Components = nil
	for _, k := range e.Children {
		if !k.Is(dav.C("comp")) {
			continue
		}
		name, _ := k.Attr("name")
		name = strings.ToUpper(strings.TrimSpace(name))
		if !slices.Contains(knownComponents, name) {
			return calendar.Errorf(calendar.UnsupportedComponent, "a calendar cannot take components of the kind %.40q", name)
		}
		if !slices.Contains(c.Components, name) {
			c.Components = append(c.Components, name)
		}
	}
	if len(c.Components) == 0 {
		return calendar.Errorf(calendar.UnsupportedComponent, "supported-calendar-component-set names no component")
	}
	return nil
}
