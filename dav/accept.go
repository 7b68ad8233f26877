package dav

import (
	"strconv"
	"strings"
)

// Accepted chooses, of the media types that can be sent, the one that the values of an Accept header like best; of those
// they like the same, the first (RFC 9110 section 12.5.1). Without the header all are welcome. It gives "" when none
// is.
func Accepted(accept []string, offers ...string) string {
	best, bestQ := "", 0
	for _, o := range offers {
		if q := quality(accept, o); q > bestQ {
			best, bestQ = o, q
		}
	}
	return best
}

// quality is the weight of a media type in thousandths: that of the most specific range it falls into.
func quality(accept []string, offer string) int {
	kind, _, _ := strings.Cut(offer, "/")
	found, specific, q := false, 0, 0
	for _, line := range accept {
		for part := range strings.SplitSeq(line, ",") {
			media, params, _ := strings.Cut(part, ";")
			media = strings.ToLower(strings.TrimSpace(media))
			if media == "" {
				continue
			}
			found = true
			s := 0
			switch media {
			case offer:
				s = 3
			case kind + "/*":
				s = 2
			case "*/*", "*":
				s = 1
			}
			if s > specific {
				specific, q = s, weight(params)
			}
		}
	}
	if !found {
		return 1000
	}
	return q
}

// weight reads the parameter q (RFC 9110 section 12.4.2). One that cannot be read counts as none.
func weight(params string) int {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(f >= 0 && f <= 1) {
			return 1000
		}
		return int(f*1000 + 0.5)
	}
	return 1000
}
