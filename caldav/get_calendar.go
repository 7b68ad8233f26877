package caldav

import (
	"bytes"
	"net/http"

	"kalends/ical"
	"kalends/storage"
)

// batch is how many texts are read at a time: bounded memory, and no connection to the database waits for a slow client.
const batch = 100

// names lists the members of a collection.
func (q *request) names(res *resource) ([]string, error) {
	var names []string
	err := q.h.Store.Objects(q.ctx, res.cal.Ref(), 0, func(o *storage.Object) error {
		names = append(names, o.Name)
		return nil
	})
	return names, err
}

// sendCalendar writes all objects of a calendar as one VCALENDAR. Each time zone comes once: one that differs from
// an equally named one of another object cannot both be there, and the first is kept.
func (q *request) sendCalendar(res *resource) error {
	names, err := q.names(res)
	if err != nil {
		return err
	}
	out := &body{w: q.w, status: http.StatusOK}
	var buf bytes.Buffer
	buf.Write(calendarHead(res.cal))
	zones := map[string]bool{}
	for len(names) > 0 {
		n := min(batch, len(names))
		list, err := q.h.Store.ObjectsByName(q.ctx, res.cal.Ref(), names[:n])
		if err != nil {
			if out.sent {
				return q.cut(err)
			}
			return err
		}
		names = names[n:]
		for _, o := range list {
			q.appendParts(&buf, o, zones)
		}
		if buf.Len() > 64<<10 {
			if _, err := out.Write(buf.Bytes()); err != nil {
				return sent(err)
			}
			buf.Reset()
		}
	}
	buf.WriteString(calendarEnd)
	out.last = true
	_, err = out.Write(buf.Bytes())
	return sent(err)
}

const calendarEnd = "END:VCALENDAR\r\n"

// calendarHead is the beginning of a stream of the whole calendar, with the names that programs show.
func calendarHead(c *storage.Calendar) []byte {
	head := ical.NewCalendar("")
	for _, p := range [...]struct{ name, text string }{
		{"X-WR-CALNAME", displayName(c)},
		{"X-WR-CALDESC", c.Description},
		{"X-WR-TIMEZONE", c.TimeZoneID},
		{"X-APPLE-CALENDAR-COLOR", c.Color},
	} {
		if p.text != "" {
			head.Add(ical.NewText(p.name, p.text))
		}
	}
	return bytes.TrimSuffix(head.Bytes(), []byte(calendarEnd))
}

// appendParts writes the components of one object. One that cannot be read is left out and logged.
func (q *request) appendParts(buf *bytes.Buffer, o *storage.Object, zones map[string]bool) {
	cal, err := ical.Parse(o.ICS)
	if err != nil {
		q.h.Log.ErrorContext(q.ctx, "object in calendar export", "owner", o.Owner, "object", o.ID, "err", err)
		return
	}
	for c := range cal.Components("VTIMEZONE") {
		if id := c.Text("TZID"); !zones[id] {
			zones[id] = true
			buf.Write(c.Bytes())
		}
	}
	for c := range cal.Main() {
		buf.Write(c.Bytes())
	}
}

// displayName is what a collection is called: many programs hide one without a name.
func displayName(c *storage.Calendar) string {
	if c.DisplayName != "" {
		return c.DisplayName
	}
	return c.Slug
}
