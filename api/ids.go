package api

import (
	"encoding/base64"
	"encoding/binary"
)

// pack writes numbers as an opaque text for URLs.
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
	return readNumbers(b[1:])
}

func readNumbers(b []byte) ([]int64, bool) {
	var list []int64
	for len(b) > 0 {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return nil, false
		}
		list = append(list, int64(n))
		b = b[size:]
	}
	return list, true
}
