package api

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// Ids are opaque to those who use them: the kind, the owner, and the number that the thing has in the owner's home for ever.
const (
	meetingPrefix  = "mtg"
	calendarPrefix = "cal"
)

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

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
	n, ok := readNumbers(b, 2)
	if !ok || makeID(prefix, n[0], n[1]) != id {
		return 0, 0, false
	}
	return n[0], n[1], true
}

// packed is numbers as an opaque text for URLs.
func pack(version byte, numbers ...int64) string {
	b := []byte{version}
	for _, n := range numbers {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// unpack reads what pack wrote.
func unpack(version byte, s string) ([]int64, bool) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) == 0 || b[0] != version {
		return nil, false
	}
	return readNumbers(b[1:], -1)
}

// readNumbers reads count numbers, or with -1 all there are.
func readNumbers(b []byte, count int) ([]int64, bool) {
	var list []int64
	for len(b) > 0 {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return nil, false
		}
		list = append(list, int64(n))
		b = b[size:]
	}
	return list, count < 0 || len(list) == count
}
