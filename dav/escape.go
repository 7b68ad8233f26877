package dav

import (
	"math/bits"
	"unicode/utf8"
)

// plain marks the bytes that character data holds as they are.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x80; c++ {
		t[c] = true
	}
	t['\t'], t['\n'] = true, true
	t['&'], t['<'], t['>'] = false, false, false
	return t
}()

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// skipPlain gives the index of the first byte of s, from i on, that needs a closer look, or one less than eight bytes
// before the end. It looks at eight bytes at once: a term has a high bit set where a byte is below 0x20, beyond ASCII,
// equal to & or, with bit 1 set, equal to > (which < then is too). A borrow may set more of them, but only above the
// first, and the first byte is the lowest.
func skipPlain[T string | []byte](s T, i int) int {
	for ; len(s)-i >= 8; i += 8 {
		e := s[i : i+8]
		v := uint64(e[0]) | uint64(e[1])<<8 | uint64(e[2])<<16 | uint64(e[3])<<24 |
			uint64(e[4])<<32 | uint64(e[5])<<40 | uint64(e[6])<<48 | uint64(e[7])<<56
		amp, angle := v^(ones*'&'), (v|ones*2)^(ones*'>')
		if hit := (v | (v - ones*0x20) | (amp-ones)&^amp | (angle-ones)&^angle) & highs; hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	return i
}

// appendEscaped appends s as character data, or as an attribute's value in double quotes. CR is escaped because a
// parser would turn it into LF (XML 1.0 section 2.11), and iCalendar lines end in CR LF.
func appendEscaped[T string | []byte](dst []byte, s T, attr bool) []byte {
	start, i := 0, 0
	for i < len(s) {
		if !attr && len(s)-i >= 8 {
			i = skipPlain(s, i)
			if i == len(s) {
				break
			}
		}
		c := s[i]
		if plain[c] && !(attr && (c == '"' || c == '\t' || c == '\n')) {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		size := 1
		switch {
		case c == '\r':
			dst = append(dst, "&#13;"...)
		case c == '&':
			dst = append(dst, "&amp;"...)
		case c == '<':
			dst = append(dst, "&lt;"...)
		case c == '>':
			dst = append(dst, "&gt;"...)
		case c == '"':
			dst = append(dst, "&quot;"...)
		case c == '\t':
			dst = append(dst, "&#9;"...)
		case c == '\n':
			dst = append(dst, "&#10;"...)
		default:
			var r rune
			r, size = utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			dst = appendReference(dst, r)
		}
		i += size
		start = i
	}
	return append(dst, s[start:]...)
}

// appendReference appends &#x…; for r, or for U+FFFD where XML does not allow r (XML 1.0 section 2.2).
func appendReference(dst []byte, r rune) []byte {
	if r < 0x20 || r == 0xfffe || r == 0xffff {
		r = utf8.RuneError
	}
	const digits = "0123456789abcdef"
	dst = append(dst, "&#x"...)
	shift := 4
	for r>>shift >= 16 {
		shift += 4
	}
	for ; shift >= 0; shift -= 4 {
		dst = append(dst, digits[r>>shift&15])
	}
	return append(dst, ';')
}
