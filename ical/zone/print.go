package zone

import (
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"time"
)

// The years whose rules are in a [Prints]. Before them hardly anything in a calendar depends on rules; after them they repeat.
var (
	printFrom = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	printTo   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Prints returns a fingerprint of each zone's rules from 1970 to 2100: two versions of the data have different ones for the zones
// in which some wall time is another instant, and equal ones for all others.
func Prints() map[string]string {
	m := make(map[string]string, len(Names()))
	for _, name := range Names() {
		if loc, ok := Load(name); ok {
			m[name] = fingerprint(loc)
		}
	}
	return m
}

func fingerprint(loc *time.Location) string {
	h := fnv.New128a()
	var b [16]byte
	for t := printFrom; t.Before(printTo); {
		_, offset := t.In(loc).Zone()
		binary.BigEndian.PutUint64(b[:8], uint64(t.Unix()))
		binary.BigEndian.PutUint64(b[8:], uint64(offset))
		h.Write(b[:])
		_, end := t.In(loc).ZoneBounds()
		if !end.After(t) {
			break // there is none
		}
		t = end
	}
	return hex.EncodeToString(h.Sum(nil))
}
