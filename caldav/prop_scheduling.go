package caldav

import (
	"strings"

	"kalends/calendar"
	"kalends/dav"
	"kalends/scheduling"
	"kalends/storage"
)

// schedulingProperties are those of RFC 6638.
var schedulingProperties = []*property{
	{name: dav.C("calendar-user-address-set"), on: principalKind, write: writeAddresses},
	{name: dav.C("calendar-user-type"), on: principalKind, write: func(x *render, r *resource, w *dav.Writer) {
		w.Text(userType(r.owner.Kind))
	}},
	{name: dav.C("schedule-inbox-URL"), on: principalKind, hrefs: homeChild("inbox")},
	{name: dav.C("schedule-outbox-URL"), on: principalKind, hrefs: homeChild("outbox")},
	{name: dav.C("schedule-default-calendar-URL"), on: inboxKind,
		hrefs: func(x *render, r *resource) []string {
			c := scheduling.DefaultCalendar(x.home(r.owner), "VEVENT")
			if c == nil {
				return nil
			}
			// Without its last slash: the programs that read it are Apple's, whose own server writes it so.
			return []string{strings.TrimSuffix(collectionHref(r.owner.Name, c.Slug), "/")}
		},
		setOn: inboxKind, set: setDefaultCalendar},
	{name: dav.C("schedule-calendar-transp"), on: calendarKind,
		write: func(x *render, r *resource, w *dav.Writer) {
			if r.cal.Transparent {
				w.RawString("<C:transparent/>")
			} else {
				w.RawString("<C:opaque/>")
			}
		},
		setOn: calendarKind, set: setTransp},
	{name: dav.C("schedule-tag"), on: objectKind,
		has:   func(x *render, r *resource) bool { return r.obj.ScheduleTag != "" },
		write: func(x *render, r *resource, w *dav.Writer) { w.Text(r.obj.ScheduleTag) }},
	// RFC 7953 section 7.2.4; Apple's programs know it by the name that it had before.
	{name: dav.C("calendar-availability"), on: inboxKind, has: hasAvailability, write: writeAvailability, setOn: inboxKind, set: setAvailability},
	{name: dav.CS("calendar-availability"), on: inboxKind, has: hasAvailability, write: writeAvailability, setOn: inboxKind, set: setAvailability},
	// Of the draft that became RFC 6638; the transparency of each calendar says the same. Apple's programs set it on
	// calendars that they make, where it means nothing.
	{name: dav.C("calendar-free-busy-set"), on: inboxKind, dead: true, hrefs: func(x *render, r *resource) (hrefs []string) {
		for _, c := range x.home(r.owner) {
			if c.Kind == storage.CalendarKind && !c.Transparent {
				hrefs = append(hrefs, collectionHref(r.owner.Name, c.Slug))
			}
		}
		return hrefs
	}},
}

// homeChild gives the URL of a fixed collection in the home of a principal that has one.
func homeChild(slug string) func(*render, *resource) []string {
	return func(x *render, r *resource) []string {
		if r.owner.Kind == storage.Group {
			return nil
		}
		return []string{collectionHref(r.owner.Name, slug)}
	}
}

// userType is the CUTYPE of a principal (RFC 6638 section 2.4.2).
func userType(k storage.Kind) string {
	switch k {
	case storage.Room:
		return "ROOM"
	case storage.Resource:
		return "RESOURCE"
	case storage.Group:
		return "GROUP"
	}
	return "INDIVIDUAL"
}

// writeAddresses: of several addresses some programs take the first, most the last, and Apple's the one that is
// marked. So the preferred one is first, marked, and last.
func writeAddresses(x *render, r *resource, w *dav.Writer) {
	list := x.addresses(r.owner)
	href := dav.D("href")
	for i, a := range list {
		if i == 0 {
			w.Start(href, dav.Attr{Name: dav.Name{Local: "preferred"}, Value: "1"})
		} else {
			w.Start(href)
		}
		w.Text(a)
		w.End(href)
	}
	w.Href(principalHref(r.owner))
	if len(list) > 0 {
		w.Start(href, dav.Attr{Name: dav.Name{Local: "preferred"}, Value: "1"})
		w.Text(list[0])
		w.End(href)
	}
}

func hasAvailability(_ *render, r *resource) bool { return r.cal.Availability != "" }

func writeAvailability(_ *render, r *resource, w *dav.Writer) { w.Text(r.cal.Availability) }

func setAvailability(_ *request, c *storage.Calendar, e *dav.Element) error {
	if e == nil {
		return calendar.SetAvailability(c, "")
	}
	return calendar.SetAvailability(c, e.Text)
}

func setTransp(_ *request, c *storage.Calendar, e *dav.Element) error {
	switch {
	case e == nil, e.Has(dav.C("opaque")):
		c.Transparent = false
	case e.Has(dav.C("transparent")):
		c.Transparent = true
	default:
		return calendar.Errorf(calendar.BadRequest, "schedule-calendar-transp holds opaque or transparent (RFC 6638 section 9.1)")
	}
	return nil
}

// setDefaultCalendar reads an href into the home of the inbox (RFC 6638 section 9.2).
func setDefaultCalendar(q *request, c *storage.Calendar, e *dav.Element) error {
	if e == nil {
		c.Default = ""
		return nil
	}
	p, ok := q.placeOf(e.Child(dav.D("href")).Value())
	if !ok || p.kind != collectionPlace || p.name != q.at.name {
		return violates(403, dav.C("valid-schedule-default-calendar-URL"), "the URL must be that of a calendar of this home")
	}
	c.Default = p.slug
	return nil
}
