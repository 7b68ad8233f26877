package stream

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"kalends/ical"
	"kalends/ical/zone"
)

// Joiner writes calendar objects as one VCALENDAR. Each time zone is written once; where two objects mean different things by one
// name, the second gets another.
type Joiner struct {
	w     io.Writer
	buf   []byte
	zones map[string]*joined
	err   error
}

// joined is a time zone that was written.
type joined struct {
	iana  string   // what its name stands for; "" where the rules say what it is
	print string   // of its rules
	texts []string // that were found to be this one
}

// NewJoiner begins a VCALENDAR with these properties beside VERSION, PRODID and CALSCALE.
func NewJoiner(w io.Writer, props ...*ical.Property) *Joiner {
	j := &Joiner{w: w, zones: map[string]*joined{}}
	head := ical.NewCalendar("")
	head.Add(ical.NewProperty("CALSCALE", "GREGORIAN"))
	for _, p := range props {
		head.Add(p)
	}
	j.write(bytes.TrimSuffix(head.Bytes(), []byte("END:VCALENDAR\r\n")))
	return j
}

func (j *Joiner) write(b []byte) {
	if j.err == nil {
		_, j.err = j.w.Write(b)
	}
}

// Add writes an object. It may change it.
func (j *Joiner) Add(cal *ical.Component) error {
	j.buf = j.buf[:0]
	res := zone.NewResolver(cal)
	for _, id := range zonesIn(cal) {
		j.zone(cal, res, id)
	}
	for c := range cal.Main() {
		j.buf = appendLines(j.buf, c.Bytes())
	}
	j.write(j.buf)
	return j.err
}

// Close ends the VCALENDAR; it does not close the writer.
func (j *Joiner) Close() error {
	j.write([]byte("END:VCALENDAR\r\n"))
	return j.err
}

// zone sees that a time zone the object names is written.
func (j *Joiner) zone(cal *ical.Component, res *zone.Resolver, id string) {
	var tz *ical.Component
	for c := range cal.Components("VTIMEZONE") {
		if strings.TrimSpace(c.Text("TZID")) == id {
			tz = c
			break
		}
	}
	text := ""
	if tz != nil {
		text = string(tz.Bytes())
	}
	known := j.zones[id]
	if known != nil && slices.Contains(known.texts, text) {
		return
	}
	iana, _ := res.Canonical(id)
	if tz == nil {
		raw := zoneText(id, 1970)
		if raw == nil {
			return // floating, as in the object alone
		}
		tz, _ = ical.Parse([]byte("BEGIN:VCALENDAR\r\n" + string(raw) + "END:VCALENDAR\r\n"))
		if tz = tz.Component("VTIMEZONE"); tz == nil {
			return
		}
	}
	print := zonePrint(tz)
	name := id
	for n := 2; ; n++ {
		known := j.zones[name]
		if known == nil {
			break
		}
		if iana != "" && iana == known.iana || print == known.print {
			if name != id {
				rename(cal, id, name)
			} else if len(known.texts) < 100 {
				known.texts = append(known.texts, text)
			}
			return
		}
		name = fmt.Sprintf("%s (%d)", id, n)
	}
	z := &joined{iana: iana, print: print}
	if name == id {
		z.texts = []string{text}
	} else {
		rename(cal, id, name)
		tz.Set(ical.NewText("TZID", name))
	}
	j.zones[name] = z
	j.buf = appendLines(j.buf, tz.Bytes())
}

// zonePrint is the part of a VTIMEZONE that counts.
func zonePrint(tz *ical.Component) string {
	var b strings.Builder
	for c := range tz.Components("") {
		b.WriteString(c.Name())
		var lines []string
		for _, p := range c.Props() {
			switch p.Name() {
			case "DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "RRULE", "RDATE", "EXDATE", "EXRULE":
				lines = append(lines, p.Line())
			}
		}
		slices.Sort(lines)
		b.WriteString(strings.Join(lines, "\n"))
	}
	return b.String()
}

// zonesIn lists the time zones that an object names, in order.
func zonesIn(cal *ical.Component) []string {
	var list []string
	each(cal, func(p *ical.Property) {
		if id := strings.TrimSpace(p.Param("TZID")); id != "" && !slices.Contains(list, id) {
			list = append(list, id)
		}
	})
	return list
}

func rename(cal *ical.Component, from, to string) {
	each(cal, func(p *ical.Property) {
		if strings.TrimSpace(p.Param("TZID")) == from {
			p.SetParam("TZID", to)
		}
	})
}

// each calls fn with the properties of an object's components and of those inside them.
func each(c *ical.Component, fn func(*ical.Property)) {
	for k := range c.Components("") {
		if k.Name() == "VTIMEZONE" {
			continue
		}
		for _, p := range k.Props() {
			fn(p)
		}
		each(k, fn)
	}
}
