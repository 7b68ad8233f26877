package caldav

import (
	"errors"
	"net/http"

	"kalends/calendar"
	"kalends/dav"
)

// mkcalendar handles MKCALENDAR (RFC 4791 section 5.3.1).
func (q *request) mkcalendar() error {
	root, err := q.optionalXML()
	if err != nil {
		return err
	}
	if root != nil && !root.Is(dav.C("mkcalendar")) {
		return refuse(http.StatusBadRequest, "the body is a %.60s, not a CALDAV:mkcalendar", root.Local)
	}
	return q.make(root, func(cs *changes) error {
		return q.multistatus(false, func(ms *dav.Multistatus) error { // RFC 4791 section 5.3.1: 207
			ms.Begin(collectionHref(q.at.name, q.at.slug))
			cs.write(ms)
			ms.End()
			return nil
		})
	})
}

// mkcol handles the extended MKCOL (RFC 5689), by which a calendar can be made too. Plain collections have no place here.
func (q *request) mkcol() error {
	root, err := q.optionalXML()
	if err != nil {
		return err
	}
	if root != nil && !root.Is(dav.D("mkcol")) {
		return refuse(http.StatusUnsupportedMediaType, "the body is a %.60s, not a DAV:mkcol (RFC 5689 section 3)", root.Local)
	}
	if q.at.kind&(collectionPlace|memberPlace|deepPlace) == 0 {
		return q.notAllowed(q.at.kind)
	}
	if !wantsCalendar(root) {
		if q.at.kind == collectionPlace {
			if res, err := q.find(q.at); err == nil {
				return q.notAllowed(res.kind) // RFC 4918 section 9.3.1
			}
		}
		return violates(http.StatusForbidden, dav.D("valid-resourcetype"), "only calendars can be made here: resourcetype must hold DAV:collection and CALDAV:calendar")
	}
	err = q.make(root, func(cs *changes) error { // RFC 5689 section 3.5
		return q.propResponse(http.StatusForbidden, dav.D("mkcol-response"), cs.write)
	})
	if calendar.KindOf(err) == calendar.Exists {
		if res, err := q.find(q.at); err == nil {
			return q.notAllowed(res.kind)
		}
	}
	return err
}

// wantsCalendar looks for the type of a calendar among the properties to be set.
func wantsCalendar(root *dav.Element) bool {
	if root == nil {
		return false
	}
	for set := range root.All(dav.D("set")) {
		if t := set.Child(dav.D("prop")).Child(dav.D("resourcetype")); t != nil {
			return t.Has(dav.D("collection")) && t.Has(dav.C("calendar"))
		}
	}
	return false
}

// make makes a calendar with the properties that root sets, or none at all: then failed tells which could not be set.
func (q *request) make(root *dav.Element, failed func(*changes) error) error {
	if err := q.checkLocation(); err != nil {
		return err
	}
	t, err := q.target(q.at)
	if err != nil {
		return err
	}
	c, err := q.conditions()
	if err != nil {
		return err
	}
	if !c.none() {
		if res, err := q.find(q.at); err == nil {
			if err := c.onCollection(res); err != nil {
				return err
			}
		} else if err := c.check(dav.State{}); err != nil {
			return err
		}
	}
	cs, err := q.readChanges(root)
	if err != nil {
		return err
	}
	cs.check(calendarKind | collectionPlace)
	err = q.h.Calendar.MakeCalendar(q.ctx, q.who, t, cs.edit())
	h := q.w.Header()
	h.Set("Cache-Control", "no-cache") // RFC 4791 section 5.3.1
	if errors.Is(err, errProperty) {
		return failed(cs)
	}
	if err != nil {
		return err
	}
	h.Set("Location", collectionHref(q.at.name, q.at.slug))
	h.Set("Content-Length", "0")
	q.w.WriteHeader(http.StatusCreated)
	return nil
}

// checkLocation says where calendars can be made: directly in a home (RFC 4791 section 5.3.1.1).
func (q *request) checkLocation() error {
	switch q.at.kind {
	case collectionPlace:
		return nil
	case memberPlace, deepPlace:
		parent := q.at
		parent.kind, parent.obj = collectionPlace, ""
		if q.at.kind == memberPlace {
			if _, err := q.find(parent); err != nil {
				if statusOf(q, err) == http.StatusNotFound {
					return calendar.Errorf(calendar.NoParent, "there is no collection to make it in")
				}
				return err
			}
		}
		return calendar.Errorf(calendar.BadLocation, "calendars are not made inside others (RFC 4791 section 4.2)")
	case noPlace:
		return calendar.Errorf(calendar.BadLocation, "calendars are made in a calendar home, such as %s", homeHref(q.who.Name))
	}
	return calendar.Errorf(calendar.Exists, "there is a collection already; calendars are made in a calendar home, such as %s", homeHref(q.who.Name))
}
