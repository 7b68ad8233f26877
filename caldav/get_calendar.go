package caldav

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"kalends/calendar"
	"kalends/ical"
	"kalends/ical/jcal"
	"kalends/storage"
)

// batch is how many texts are read at a time: bounded memory, and no connection to the database waits for a slow client.
const batch = 100

// names lists the members of a collection.
func (q *request) names(res *resource) ([]string, error) {
	var names []string
	err := q.h.Store.Objects(q.ctx, res.cal.Ref(), 0, func(o *storage.Object) error {
		if calendar.Visible(q.who, res.owner, o) != nil {
			names = append(names, o.Name)
		}
		return nil
	})
	return names, err
}

// sendCalendar writes all objects of a calendar as one VCALENDAR. Each time zone comes once: one that differs from
// an equally named one of another object cannot both be there, and the first is kept.
func (q *request) sendCalendar(res *resource, f format) error {
	names, err := q.names(res)
	if err != nil {
		return err
	}
	out := &body{w: q.w, status: http.StatusOK}
	var buf bytes.Buffer
	p := &partWriter{q: q, buf: &buf, format: f, zones: map[string]bool{}}
	if err := p.head(res.cal); err != nil {
		return err
	}
	for len(names) > 0 {
		n := min(batch, len(names))
		list, err := q.h.Store.ObjectsByName(q.ctx, res.cal.Ref(), names[:n])
		if err == nil {
			list, err = q.h.Calendar.SeenBy(q.ctx, q.h.Store, q.who, res.owner, res.cal, list)
		}
		if err != nil {
			if out.sent {
				return q.cut(err)
			}
			return err
		}
		names = names[n:]
		slices.SortFunc(list, func(a, b *storage.Object) int { return strings.Compare(a.Name, b.Name) })
		for _, o := range list {
			p.append(o)
		}
		if buf.Len() > 64<<10 {
			if _, err := out.Write(buf.Bytes()); err != nil {
				return sent(err)
			}
			buf.Reset()
		}
	}
	p.end()
	out.last = true
	_, err = out.Write(buf.Bytes())
	return sent(err)
}

const calendarEnd = "END:VCALENDAR\r\n"

// partWriter writes the components of many objects as one calendar.
type partWriter struct {
	q   *request
	buf *bytes.Buffer
	format
	zones map[string]bool // that are there, by TZID
	parts int
}

// head writes the beginning of a stream of the whole calendar, with the names that programs show.
func (p *partWriter) head(c *storage.Calendar) error {
	head := ical.NewCalendar("")
	for _, n := range [...]struct{ name, text string }{
		{"X-WR-CALNAME", displayName(c)},
		{"X-WR-CALDESC", c.Description},
		{"X-WR-TIMEZONE", c.TimeZoneID},
		{"X-APPLE-CALENDAR-COLOR", c.Color},
	} {
		if n.text != "" {
			head.Add(ical.NewText(n.name, n.text))
		}
	}
	if p.json {
		text, err := jsonHead(head)
		p.buf.Write(text)
		return err
	}
	p.buf.Write(bytes.TrimSuffix(head.Bytes(), []byte(calendarEnd)))
	return nil
}

func (p *partWriter) end() {
	if p.json {
		p.buf.WriteString(jsonEnd)
		return
	}
	p.buf.WriteString(calendarEnd)
}

// append writes the components of one object. One that cannot be read is left out and logged.
func (p *partWriter) append(o *storage.Object) {
	cal, err := ical.Parse(o.ICS)
	if err != nil {
		p.q.h.Log.ErrorContext(p.q.ctx, "object in calendar export", "owner", o.Owner, "object", o.ID, "err", err)
		return
	}
	switch p.format.zones {
	case zonesSpared:
		cal = withoutZones(cal)
	case zonesWanted:
		cal = withZones(cal, p.q.h.Now())
	}
	for c := range cal.Components("VTIMEZONE") {
		if id := c.Text("TZID"); !p.zones[id] {
			p.zones[id] = true
			p.part(c)
		}
	}
	for c := range cal.Main() {
		p.part(c)
	}
}

func (p *partWriter) part(c *ical.Component) {
	if !p.json {
		p.buf.Write(c.Bytes())
		return
	}
	text, err := jcal.Marshal(c)
	if err != nil { // only of what could not be parsed
		p.q.h.Log.ErrorContext(p.q.ctx, "component in calendar export", "err", err)
		return
	}
	if p.parts++; p.parts > 1 {
		p.buf.WriteByte(',')
	}
	p.buf.Write(text)
}

// displayName is what a collection is called: many programs hide one without a name.
func displayName(c *storage.Calendar) string {
	if c.DisplayName != "" {
		return c.DisplayName
	}
	return c.Slug
}
