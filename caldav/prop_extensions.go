package caldav

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"kalends/calendar"
	"kalends/dav"
	"kalends/ical"
	"kalends/storage"
)

// extensionProperties are those of calendarserver.org and of Apple.
var extensionProperties = []*property{
	{name: dav.CS("getctag"), on: calendarKind | inboxKind | notificationKind, write: writeToken},
	{name: dav.CS("notification-URL"), on: principalKind, hrefs: homeChild("notification")},
	{name: dav.CS("email-address-set"), on: principalKind, write: func(x *render, r *resource, w *dav.Writer) {
		for _, a := range x.addresses(r.owner) {
			if m := ical.Mailbox(a); m != "" {
				w.Elem(dav.CS("email-address"), m)
			}
		}
	}},
	{name: dav.CS("record-type"), on: principalKind | proxyKind, write: func(x *render, r *resource, w *dav.Writer) {
		switch {
		case r.kind == proxyKind && r.write:
			w.Text("write-delegate-group")
			return
		case r.kind == proxyKind:
			w.Text("read-delegate-group")
			return
		}
		w.Text(groupOf(r.owner.Kind))
	}},
	{name: dav.A("calendar-color"), on: calendarKind,
		has:   func(x *render, r *resource) bool { return r.cal.Color != "" },
		write: func(x *render, r *resource, w *dav.Writer) { w.Text(r.cal.Color) },
		attrs: func(r *resource) []dav.Attr {
			if r.cal.ColorName == "" {
				return nil
			}
			return []dav.Attr{{Name: symbolicColor, Value: r.cal.ColorName}}
		},
		setOn: calendarKind, set: func(_ *request, c *storage.Calendar, e *dav.Element) (err error) {
			if c.Color, err = textValue(e, 100); err != nil {
				return err
			}
			if c.ColorName, _ = e.Attr(symbolicColor.Local); len(c.ColorName) > 100 {
				return calendar.Errorf(calendar.BadRequest, "symbolic-color has at most 100 octets")
			}
			return nil
		}},
	// Apple's programs order the inbox too.
	{name: dav.A("calendar-order"), on: calendarKind, dead: true,
		has:   func(x *render, r *resource) bool { return r.cal.Order != "" },
		write: func(x *render, r *resource, w *dav.Writer) { w.Text(r.cal.Order) },
		setOn: calendarKind, set: func(_ *request, c *storage.Calendar, e *dav.Element) (err error) {
			c.Order, err = textValue(e, 100)
			return err
		}},
}

// symbolicColor is an attribute of calendar-color: what Apple's programs call the colour.
var symbolicColor = dav.Name{Local: "symbolic-color"}

// defaultAlarms are what Apple's programs give to events without an alarm. They set them on the home, and on calendars; the
// server only keeps them.
var defaultAlarms = func() (list []*property) {
	for _, n := range []string{"vevent-datetime", "vevent-date", "vtodo-datetime", "vtodo-date"} {
		list = append(list, &property{name: dav.C("default-alarm-" + n), dead: true, check: checkAlarms})
	}
	return list
}()

// checkAlarms takes VALARMs, or nothing at all.
func checkAlarms(e *dav.Element) error {
	text := strings.TrimSpace(e.Text)
	if text == "" {
		return nil
	}
	cal, err := ical.Parse([]byte("BEGIN:VCALENDAR\r\n" + text + "\r\nEND:VCALENDAR\r\n"))
	if err != nil {
		return calendar.Errorf(calendar.InvalidData, "%s is no VALARM: %w", e.Local, err)
	}
	for c := range cal.Components("") {
		if c.Name() != "VALARM" || c.Prop("ACTION") == nil || c.Prop("TRIGGER") == nil {
			return calendar.Errorf(calendar.InvalidData, "%s holds VALARMs only, each with ACTION and TRIGGER", e.Local)
		}
	}
	if len(cal.Props()) > 0 {
		return calendar.Errorf(calendar.InvalidData, "%s holds VALARMs only", e.Local)
	}
	return nil
}

// resourceID names a resource for as long as it lives, wherever it is moved within its home (RFC 5842 section 3.1). It is made
// of what never changes and is never used again, so nothing needs to be stored.
func (x *render) resourceID(r *resource) string {
	epoch, err := x.q.h.Store.Epoch(x.q.ctx)
	x.fail(err)
	ids := [4]int64{epoch, r.owner.ID}
	switch {
	case r.kind == principalKind:
		ids[2] = 3
	case r.kind == proxyKind:
		ids[2], ids[3] = 4, 0
		if r.write {
			ids[3] = 1
		}
	case r.obj != nil:
		ids[2], ids[3] = 1, r.obj.ID
		if r.kind == itemKind {
			ids[2] = 2
		}
	case r.cal != nil:
		ids[3] = r.cal.ID
	}
	var b [32]byte
	for i, id := range ids {
		binary.BigEndian.PutUint64(b[8*i:], uint64(id))
	}
	sum := sha256.Sum256(b[:])
	u := sum[:16]
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80 // RFC 9562 section 5.8: version 8
	return strings.ToLower(fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:]))
}
