package zone

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"kalends/ical"
)

// footerYear is the last year whose onsets are listed one by one when the rest follows from a POSIX rule; later if other
// rules last longer.
const footerYear = 2040

// FromVTimezone makes a location of the observances of a VTIMEZONE (RFC 5545 section 3.6.5), named as its TZID. Where it ends in
// one yearly rule for each half of the year, as nearly all do, it is right for ever; else to the year 2100. Before the first
// onset the TZOFFSETFROM of that onset holds. The error says what is wrong; the work is bounded whatever v holds.
func FromVTimezone(v *ical.Component) (*time.Location, error) {
	tzid := trim(v.Text("TZID"))
	loc, err := fromVTimezone(tzid, v)
	if err != nil {
		return nil, fmt.Errorf("VTIMEZONE %.80q: %w", tzid, err)
	}
	return loc, nil
}

func fromVTimezone(tzid string, v *ical.Component) (*time.Location, error) {
	list, err := readObservances(v)
	if err != nil {
		return nil, err
	}
	footer, last := footerOf(list)
	w := work{days: maxDays, onsets: maxOnsets}
	var onsets []onset
	for i := range list {
		if onsets, err = list[i].onsets(onsets, i, last, &w); err != nil {
			return nil, fmt.Errorf("observance %d: %w", i+1, err)
		}
	}
	if len(onsets) == 0 {
		return nil, fmt.Errorf("no rule has an onset before %d", last)
	}
	slices.SortStableFunc(onsets, func(a, b onset) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	if len(tzid) > maxTZID {
		tzid = tzid[:maxTZID]
	}
	return time.LoadLocationFromTZData(strings.ToValidUTF8(tzid, "?"), tzif(list, onsets, footer))
}

// tzif writes a zone file, version 2 (RFC 9636). Go reads only its second, 64-bit half, so the first is empty.
func tzif(list []observance, onsets []onset, footer string) []byte {
	// Type 0 is for the time before the first onset and nothing else, so that Go uses it there.
	first := list[onsets[0].obs]
	types := []zoneType{{offset: first.from, name: abbreviation("", first.from)}}
	kindOf := make([]byte, len(list)) // at most maxObservances + 1 types
	for i := range list {
		o := &list[i]
		t := zoneType{offset: o.to, dst: o.daylight, name: abbreviation(o.name, o.to)}
		k := slices.Index(types[1:], t) + 1
		if k == 0 {
			k = len(types)
			types = append(types, t)
		}
		kindOf[i] = byte(k)
	}
	var times []int64
	var kinds []byte
	for i, on := range onsets {
		if i+1 < len(onsets) && onsets[i+1].at == on.at {
			continue // the later one in the file counts
		}
		k := kindOf[on.obs]
		if n := len(kinds); n > 0 && kinds[n-1] == k {
			continue
		}
		times, kinds = append(times, on.at), append(kinds, k)
	}

	names, at := abbreviations(types)
	header := func(dst []byte, times, types, chars int) []byte {
		dst = append(dst, "TZif2\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
		for _, n := range [...]int{0, 0, 0, times, types, chars} {
			dst = appendUint(dst, uint64(n), 4)
		}
		return dst
	}
	b := make([]byte, 0, 128+9*len(times)+6*len(types)+len(names)+len(footer))
	b = header(b, 0, 1, 1)
	b = append(b, 0, 0, 0, 0, 0, 0, 0) // the one type and the one character that even an empty half needs
	b = header(b, len(times), len(types), len(names))
	for _, t := range times {
		b = appendUint(b, uint64(t), 8)
	}
	b = append(b, kinds...)
	for i, t := range types {
		b = appendUint(b, uint64(t.offset), 4)
		if t.dst {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
		b = append(b, at[i])
	}
	b = append(b, names...)
	b = append(b, '\n')
	b = append(b, footer...)
	return append(b, '\n')
}

type zoneType struct {
	offset int
	dst    bool
	name   string
}

func appendUint(b []byte, n uint64, size int) []byte {
	for size--; size >= 0; size-- {
		b = append(b, byte(n>>(8*size)))
	}
	return b
}

// abbreviations joins the names of the types, each ended by a zero byte, and says where each begins. A zone file has room for 256 bytes;
// names that find none are empty.
func abbreviations(types []zoneType) (names []byte, at []byte) {
	seen := map[string]byte{}
	names = []byte{0}
	for _, t := range types {
		pos, ok := seen[t.name]
		if !ok && len(names)+len(t.name)+1 <= 256 {
			pos = byte(len(names))
			names = append(append(names, t.name...), 0)
			seen[t.name] = pos
		}
		at = append(at, pos)
	}
	return names, at
}

// abbreviation makes a TZNAME fit for a zone file: three to six letters, digits and signs. Anything else, such as Outlook's
// "W. Europe Standard Time", becomes the offset.
func abbreviation(name string, offset int) string {
	if len(name) >= 3 && len(name) <= 6 && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-") == "" {
		return name
	}
	s := formatOffset(offset)
	return strings.TrimSuffix(s[:5], "00") + s[5:]
}
