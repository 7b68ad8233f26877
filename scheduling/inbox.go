package scheduling

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
)

// ObjectName returns the name under which the server stores an invitation: the percent-encoded UID, so that a client that
// answers before its first sync meets it (see docs/divergences.md). It is at most 255 octets.
func ObjectName(uid string) string {
	name := url.PathEscape(uid)
	if strings.Contains(name, "%") || len(name) > 200 {
		// Names are kept decoded; only what a path segment cannot hold stays encoded.
		name = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f || r == '/' {
				return '_'
			}
			return r
		}, uid)
		if name != uid || len(name) > 200 || name == "." || name == ".." {
			name = hash(uid)
		}
	}
	return name + ".ics"
}

// InboxName returns the name of the inbox item with this number about that UID (RFC 6638 section 4.1).
func InboxName(uid string, seq int64) string {
	return hash(uid) + "-" + strconv.FormatInt(seq, 10) + ".ics"
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:10])
}
