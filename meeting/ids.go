package meeting

import (
	"encoding/base32"
	"encoding/binary"
	"strings"
)

// Ids are opaque to those who use them: the kind, the owner, and the number that the thing has in the owner's home for ever.
const (
	meetingPrefix  = "mtg"
	calendarPrefix = "cal"
)

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// ID is the id of a meeting.
func ID(owner, number int64) string { return makeID(meetingPrefix, owner, number) }

// CalendarID is the id of a calendar.
func CalendarID(owner, number int64) string { return makeID(calendarPrefix, owner, number) }

// ParseID reads the id of a meeting.
func ParseID(id string) (owner, number int64, ok bool) { return readID(meetingPrefix, id) }

// ParseCalendarID reads the id of a calendar.
func ParseCalendarID(id string) (owner, number int64, ok bool) { return readID(calendarPrefix, id) }

func makeID(prefix string, owner, number int64) string {
	var b []byte
	b = binary.AppendUvarint(b, uint64(owner))
	b = binary.AppendUvarint(b, uint64(number))
	return prefix + idEncoding.EncodeToString(b)
}

// readID reads what makeID wrote, and nothing else: there is one spelling of each id.
func readID(prefix, id string) (owner, number int64, ok bool) {
	rest, ok := strings.CutPrefix(id, prefix)
	if !ok || len(rest) > 32 {
		return 0, 0, false
	}
	b, err := idEncoding.DecodeString(rest)
	if err != nil {
		return 0, 0, false
	}
	var n [2]int64
	for i := range n {
		v, size := binary.Uvarint(b)
		if size <= 0 {
			return 0, 0, false
		}
		n[i], b = int64(v), b[size:]
	}
	if makeID(prefix, n[0], n[1]) != id {
		return 0, 0, false
	}
	return n[0], n[1], true
}
