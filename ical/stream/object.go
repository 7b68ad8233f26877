package stream

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
)

// settle leaves of components that say the same thing twice the newer one: files that were put together from several
// hold such.
func (o *Object) settle() {
	at := map[string]int{}
	kept := o.blocks[:0]
	for _, b := range o.blocks {
		i, twice := at[b.rid]
		if !twice {
			at[b.rid] = len(kept)
			kept = append(kept, b)
			continue
		}
		old := kept[i]
		if b.newer(old) {
			kept[i] = b
		}
		if fingerprint(b.raw) != fingerprint(old.raw) {
			o.cal.Problems = append(o.cal.Problems, Problem{b.line, o.UID, "the " + b.name + " is there twice; the newer one is taken"})
		}
	}
	o.blocks = kept
}

// newer reports whether b is what became of old (RFC 5546 section 2.1.5).
func (b *block) newer(old *block) bool {
	return cmp.Or(cmp.Compare(b.sequence, old.sequence), cmp.Compare(b.stamp, old.stamp)) >= 0
}

// zones lists the time zones that the object names.
func (o *Object) zones() []string {
	var list []string
	for _, b := range o.blocks {
		for _, z := range b.zones {
			if len(list) < maxZones && !slices.Contains(list, z) {
				list = append(list, z)
			}
		}
	}
	return list
}

// find returns the stream's VTIMEZONE of that name: that of the object's own VCALENDAR before those of others.
func (o *Object) find(tzid string) *block {
	if b := o.head.zones[tzid]; b != nil {
		return b
	}
	return o.cal.every[tzid]
}

// missing lists the time zones that the object names, the stream does not define, and we know.
func (o *Object) missing() []string {
	return slices.DeleteFunc(o.zones(), func(z string) bool {
		_, known := zone.Canonical(z)
		return !known || o.find(z) != nil
	})
}

type zoneKey struct {
	tzid string
	year int
}

// generated returns a VTIMEZONE for a name that the stream does not define; nil where we do not know it either.
func (o *Object) generated(tzid string) []byte {
	year := 9999
	for _, b := range o.blocks {
		if b.year > 0 {
			year = min(year, b.year)
		}
	}
	if year == 9999 {
		year = 2000
	}
	year = min(max(year, 1970), 2100)
	key := zoneKey{tzid, year}
	if raw, ok := o.cal.zones[key]; ok {
		return raw
	}
	if o.cal.zones == nil || len(o.cal.zones) > 1000 {
		o.cal.zones = map[zoneKey][]byte{}
	}
	o.cal.zones[key] = zoneText(tzid, year)
	return o.cal.zones[key]
}

// zoneText returns a VTIMEZONE under that name, from a year on; nil where the name says nothing.
func zoneText(tzid string, year int) []byte {
	name, ok := zone.Canonical(tzid)
	if !ok {
		return nil
	}
	from := time.Date(year-1, 1, 1, 0, 0, 0, 0, time.UTC)
	tz, err := zone.VTimezone(name, from, from.AddDate(20, 0, 0))
	if err != nil {
		return nil
	}
	if name != tzid {
		tz.Set(ical.NewText("TZID", tzid))
	}
	return tz.Bytes()
}

// Text returns the object as a VCALENDAR of its own, with the time zones that it names.
func (o *Object) Text() []byte {
	n := 256
	for _, b := range o.blocks {
		n += len(b.raw) + 64
	}
	out := make([]byte, 0, n+1024)
	o.lines = o.lines[:0]
	add := func(raw []byte, line int) {
		before := len(out)
		out = appendLines(out, raw)
		o.lines = append(o.lines, [2]int{bytes.Count(out[before:], []byte{'\n'}), line})
	}
	add([]byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"), 0)
	if o.head.prodid != nil {
		add(o.head.prodid, 0)
	} else {
		add([]byte("PRODID:"+ical.ProductID), 0)
	}
	if o.head.scale != nil {
		add(o.head.scale, 0)
	}
	for _, z := range o.zones() {
		if b := o.find(z); b != nil {
			add(b.raw, b.line)
		} else if raw := o.generated(z); raw != nil {
			add(raw, 0)
		}
	}
	for _, b := range o.blocks {
		raw, line := b.raw, b.line
		if o.noUID {
			r := reader{src: raw}
			r.next() // BEGIN
			add(raw[:r.pos], line)
			add([]byte("UID:"+o.UID), 0)
			raw, line = raw[r.pos:], line+r.count
		}
		add(raw, line)
	}
	add([]byte("END:VCALENDAR"), 0)
	return out
}

// StreamLine returns the line of the stream that a line of Text is from: for messages of a parser.
func (o *Object) StreamLine(line int) int {
	for _, part := range o.lines {
		if line <= part[0] {
			if part[1] == 0 {
				break
			}
			return part[1] + line - 1
		}
		line -= part[0]
	}
	return o.Line
}

// appendLines appends lines, each ended by CRLF. Empty ones go.
func appendLines(dst, raw []byte) []byte {
	for len(raw) > 0 {
		i := bytes.IndexByte(raw, '\n')
		line := raw
		if i >= 0 {
			line, raw = raw[:i], raw[i+1:]
		} else {
			raw = nil
		}
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if len(line) == 0 {
			continue
		}
		dst = append(append(dst, line...), '\r', '\n')
	}
	return dst
}
