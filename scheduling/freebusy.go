// Package scheduling holds the rules of RFC 6638 (calendar scheduling over CalDAV): who gets which message, what
// lands in which calendar and inbox, status and tags, and free-busy. It decides; package calendar
// writes. The messages themselves are in package itip.
package scheduling

import (
	"cmp"
	"slices"
	"time"

	"kalends/ical"
	"kalends/ical/recur"
)

// Period is a time in which somebody is not free.
type Period struct {
	Start, End time.Time
	Busy       recur.Busy
}

// Merge clips periods to [start, end), and joins those of one kind that overlap or touch. The result is ordered by kind
// and start (RFC 4791 section 7.10: the server should coalesce).
func Merge(list []Period, start, end time.Time) []Period {
	kept := list[:0]
	for _, p := range list {
		if p.Start.Before(start) {
			p.Start = start
		}
		if p.End.After(end) {
			p.End = end
		}
		if p.Busy != recur.Free && p.Start.Before(p.End) {
			kept = append(kept, p)
		}
	}
	slices.SortFunc(kept, func(a, b Period) int {
		return cmp.Or(cmp.Compare(a.Busy, b.Busy), a.Start.Compare(b.Start), a.End.Compare(b.End))
	})
	out := kept[:0]
	for _, p := range kept {
		if n := len(out); n > 0 && out[n-1].Busy == p.Busy && !p.Start.After(out[n-1].End) {
			if p.End.After(out[n-1].End) {
				out[n-1].End = p.End
			}
			continue
		}
		out = append(out, p)
	}
	return out
}

const utcLayout = "20060102T150405Z"

// fbTypes are the values of FBTYPE (RFC 5545 section 3.2.9).
var fbTypes = map[recur.Busy]string{recur.Occupied: "BUSY", recur.Tentative: "BUSY-TENTATIVE", recur.Unavailable: "BUSY-UNAVAILABLE"}

// FreeBusyReply returns a VCALENDAR with one VFREEBUSY of these (merged) periods, each as start and duration as in the examples of RFC
// 4791 section 7.10. method is "" for that report, REPLY for the answer to an outbox POST (RFC 6638 section 5); organizer, attendee and
// uid belong to the latter, and may be nil and "".
func FreeBusyReply(method string, start, end, now time.Time, periods []Period, organizer, attendee *ical.Property, uid string) *ical.Component {
	cal := ical.NewCalendar(method)
	fb := ical.New("VFREEBUSY")
	if uid != "" {
		fb.Add(ical.NewText("UID", uid))
	}
	fb.Add(ical.NewProperty("DTSTAMP", now.UTC().Format(utcLayout)))
	fb.Add(ical.NewProperty("DTSTART", start.UTC().Format(utcLayout)))
	fb.Add(ical.NewProperty("DTEND", end.UTC().Format(utcLayout)))
	for _, p := range []*ical.Property{organizer, attendee} {
		if p != nil {
			fb.Add(p)
		}
	}
	for _, kind := range []recur.Busy{recur.Occupied, recur.Tentative, recur.Unavailable} {
		var b []byte
		for _, p := range periods {
			if p.Busy != kind {
				continue
			}
			if len(b) > 0 {
				b = append(b, ',')
			}
			b = p.Start.UTC().AppendFormat(b, utcLayout)
			b = append(b, '/')
			b = append(b, ical.DurationOf(p.End.Sub(p.Start)).String()...)
		}
		if len(b) > 0 {
			fb.Add(ical.NewProperty("FREEBUSY", string(b), ical.Param{Name: "FBTYPE", Values: []string{fbTypes[kind]}}))
		}
	}
	cal.AddChild(fb)
	return cal
}
