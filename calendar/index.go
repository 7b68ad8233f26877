package calendar

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"kalends/ical"
	"kalends/scheduling"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// object returns the row of a validated object: its text, and all that queries ask of it without
// parsing it.
func (p *parsed) object(text []byte, now time.Time) (*storage.Object, error) {
	o := &storage.Object{
		UID: p.uid, Component: p.component, ICS: text, Size: int64(len(text)), ETag: etag(text),
		Created: now, Modified: now, Zones: p.zoneNames(), Privacy: privacyOf(p.cal),
	}
	if len(text) > 0 && isScheduled(p.cal) {
		o.Organizer = itip.Organizer(p.cal)
	}
	if p.available != nil { // it touches all the time that it speaks about; the hours are looked up when they are asked for
		o.First, o.Last = storage.MinTime, storage.MaxTime
		start, end := scheduling.Bounds(p.available)
		if !start.IsZero() {
			o.First = start.UnixMicro()
		}
		if !end.IsZero() {
			o.Last = end.UnixMicro()
		}
		return o, nil
	}
	b := p.series.Bounds()
	o.First, o.Last = max(b.First, storage.MinTime), min(b.Last, storage.MaxTime)
	o.Floating, o.Recurring = b.Floating, b.Recurring
	if b.Infinite {
		o.Last = storage.MaxTime
	}
	if b.First > b.Last { // no instance at all: no window is touched
		o.First, o.Last = storage.MaxTime, storage.MinTime
	}
	if p.simple() {
		for inst, err := range p.series.Between(time.Time{}, time.Time{}, time.UTC) {
			if err == nil {
				o.Busy = uint8(inst.Busy)
			}
			break
		}
		return o, nil
	}
	var err error
	if o.Series, err = p.series.MarshalBinary(); err != nil {
		return nil, Errorf(InvalidData, "%w", err)
	}
	return o, nil
}

// simple reports whether the bounds and one Busy say all there is to know of its occurrences.
func (p *parsed) simple() bool {
	n := 0
	for c := range p.cal.Main() {
		if n++; c.Prop("RECURRENCE-ID") != nil {
			return false
		}
	}
	return n == 1 && !p.series.Recurring() && p.component != "VFREEBUSY" && p.component != "VAVAILABILITY"
}

// isScheduled reports whether it is a scheduling object resource: with an organizer and attendees
// (RFC 6638 section 3.2).
func isScheduled(cal *ical.Component) bool {
	organizer, attendee := false, false
	for c := range cal.Main() {
		organizer = organizer || c.Prop("ORGANIZER") != nil
		attendee = attendee || c.Prop("ATTENDEE") != nil
	}
	return organizer && attendee
}

// etag is strong: equal for equal bytes only (RFC 9110 section 8.8.3).
func etag(text []byte) string {
	sum := sha256.Sum256(text)
	var b [34]byte
	b[0], b[33] = '"', '"'
	hex.Encode(b[1:33], sum[:16])
	return string(b[:])
}

// zoneNames lists the IANA zones the object names, so that a new zone database can find what it moves.
func (p *parsed) zoneNames() string {
	var names []string
	for c := range p.cal.Main() {
		for _, q := range c.Props() {
			if id := q.Param("TZID"); id != "" {
				if name, ok := p.zones.Canonical(id); ok && !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}
