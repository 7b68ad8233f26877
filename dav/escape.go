package dav

import "unicode/utf8"

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

// special8 tells whether one of eight bytes needs a closer look. It may say so of a plain byte (tab, line feed), never
// the other way round: each term has a high bit set where the byte is below 0x20, beyond ASCII, or equal to & < >.
func special8(v uint64) bool {
	amp, lt, gt := v^(ones*'&'), v^(ones*'<'), v^(ones*'>')
	return (v|(v-ones*0x20)|(amp-ones)&^amp|(lt-ones)&^lt|(gt-ones)&^gt)&highs != 0
}

// appendEscaped appends s as character data, or as an attribute's value in double quotes. CR is escaped because a
// parser would turn it into LF (XML 1.0 section 2.11), and iCalendar lines end in CR LF.
func appendEscaped[T string | []byte](dst []byte, s T, attr bool) []byte {
	start, i := 0, 0
	for i < len(s) {
		if i+8 <= len(s) && !attr {
			v := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
				uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
			if !special8(v) {
				i += 8
				continue
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
