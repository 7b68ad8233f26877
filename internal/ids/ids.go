// Package ids writes the numbers of things as the opaque ids by which programs name them.
package ids

import (
	"encoding/base32"
	"encoding/binary"
	"strings"
)

// The kinds of ids are told apart by how they begin.
const (
	Meeting  = "mtg"
	Calendar = "cal"
	Webhook  = "whk"
)

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Make returns the id of a thing: its kind, its owner, and the number that it has in the owner's home for ever.
func Make(kind string, owner, number int64) string {
	var b []byte
	b = binary.AppendUvarint(b, uint64(owner))
	b = binary.AppendUvarint(b, uint64(number))
	return kind + encoding.EncodeToString(b)
}

// Read reads what Make wrote, and nothing else: there is one spelling of each id.
func Read(kind, id string) (owner, number int64, ok bool) {
	rest, ok := strings.CutPrefix(id, kind)
	if !ok || len(rest) > 32 {
		return 0, 0, false
	}
	b, err := encoding.DecodeString(rest)
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
	if Make(kind, n[0], n[1]) != id {
		return 0, 0, false
	}
	return n[0], n[1], true
}
