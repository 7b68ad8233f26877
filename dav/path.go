package dav

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What CleanPath takes at most, in bytes: a path as it is written, and a segment after decoding.
const (
	MaxPath    = 4 << 10
	MaxSegment = 255
)

// PathError says why a path, href or Destination is refused: a 400.
type PathError struct{ Msg string }

func (e *PathError) Error() string { return e.Msg }

// ErrOtherServer says that a Destination or href leads to another server: a 502 for COPY and MOVE (RFC 4918
// sections 9.8.5 and 9.9.4).
var ErrOtherServer = errors.New("the URL leads to another server")

// CleanPath takes an absolute path apart, as it stands in a request line or an href. Each segment is decoded once;
// characters that should have been escaped are taken as they are, since Apple's programs send some so. The path / has
// no segments. Dir tells of a slash at the end.
//
// A path that could mean two things is refused, not tidied: . and .. and empty segments, an escaped slash, control
// characters, broken UTF-8, a query, a fragment. The error is a *PathError.
func CleanPath(escaped string) (segments []string, dir bool, err error) {
	if len(escaped) > MaxPath {
		return nil, false, &PathError{fmt.Sprintf("the path is longer than %d bytes", MaxPath)}
	}
	if escaped == "" || escaped[0] != '/' {
		return nil, false, &PathError{"the path does not begin with a slash"}
	}
	if escaped == "/" {
		return nil, true, nil
	}
	rest := escaped[1:]
	if dir = rest[len(rest)-1] == '/'; dir {
		rest = rest[:len(rest)-1]
	}
	segments = make([]string, 0, strings.Count(rest, "/")+1)
	for raw := range strings.SplitSeq(rest, "/") {
		s, err := cleanSegment(raw)
		if err != nil {
			return nil, false, err
		}
		segments = append(segments, s)
	}
	return segments, dir, nil
}

func cleanSegment(raw string) (string, error) {
	s := raw
	if i := strings.IndexByte(raw, '%'); i >= 0 {
		b := make([]byte, i, len(raw))
		copy(b, raw)
		for ; i < len(raw); i++ {
			c := raw[i]
			if c == '%' {
				if i+2 >= len(raw) || unhex(raw[i+1]) > 15 || unhex(raw[i+2]) > 15 {
					return "", &PathError{"the path has a % that is not followed by two hexadecimal digits"}
				}
				if c = unhex(raw[i+1])<<4 | unhex(raw[i+2]); c == '/' {
					return "", &PathError{"the path has an escaped slash (%2F) in a segment"}
				}
				i += 2
			} else if c == '?' || c == '#' {
				return "", &PathError{"the path has a query or a fragment"}
			}
			b = append(b, c)
		}
		s = string(b)
		raw = raw[:strings.IndexByte(raw, '%')] // what the loop did not see
	}
	switch {
	case strings.ContainsAny(raw, "?#"):
		return "", &PathError{"the path has a query or a fragment"}
	case s == "":
		return "", &PathError{"the path has an empty segment (//)"}
	case s == "." || s == "..":
		return "", &PathError{"the path has a segment . or .."}
	case len(s) > MaxSegment:
		return "", &PathError{fmt.Sprintf("the path has a segment longer than %d bytes", MaxSegment)}
	case !utf8.ValidString(s):
		return "", &PathError{"the path is not UTF-8"}
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", &PathError{"the path has a control character"}
	}
	return s, nil
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// EscapePath is the one spelling in which we send a path: unreserved characters (RFC 3986 section 2.3) and @ stand as
// they are, all else is escaped, in upper-case digits.
func EscapePath(segments []string, dir bool) string {
	n := 1
	for _, s := range segments {
		n += len(s) + 9
	}
	b := make([]byte, 0, n)
	for _, s := range segments {
		b = AppendSegment(append(b, '/'), s)
	}
	if dir || len(segments) == 0 {
		b = append(b, '/')
	}
	return string(b)
}

// AppendSegment appends one segment, spelled as EscapePath does.
func AppendSegment(dst []byte, segment string) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(segment) {
		switch c := segment[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '-', c == '.', c == '_', c == '~', c == '@':
			dst = append(dst, c)
		default:
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

// ParseHref takes the text of an href apart: an absolute path, or an http or https URL of one of our hosts (each
// "name" or "name:port", such as the request's Host; schemes are not compared, since a proxy may end TLS before us).
// The error is a *PathError or ErrOtherServer.
func ParseHref(text string, hosts ...string) (segments []string, dir bool, err error) {
	text = strings.Trim(text, " \t\r\n")
	if strings.HasPrefix(text, "/") {
		return CleanPath(text) // //host/path is refused there, for its empty segment
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return nil, false, &PathError{"neither an absolute path nor an http or https URL"}
	}
	scheme = strings.ToLower(scheme)
	if scheme != "http" && scheme != "https" {
		return nil, false, ErrOtherServer
	}
	authority, path := rest, "/"
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	if strings.Contains(authority, "@") {
		return nil, false, &PathError{"the URL holds a user name"}
	}
	for _, h := range hosts {
		if sameHost(authority, h, scheme) {
			return CleanPath(path)
		}
	}
	return nil, false, ErrOtherServer
}

// sameHost compares without case and without the port that the scheme implies. The scheme behind host is not known:
// it may leave out either default port.
func sameHost(authority, host, scheme string) bool {
	port := ":80"
	if scheme == "https" {
		port = ":443"
	}
	bare := strings.TrimSuffix(authority, port)
	return bare != "" && (strings.EqualFold(bare, strings.TrimSuffix(host, port)) || strings.EqualFold(authority, host))
}

// ParseDestination reads the Destination header (RFC 4918 section 10.3), which must be there, once.
func ParseDestination(h map[string][]string, hosts ...string) (segments []string, dir bool, err error) {
	v := h["Destination"]
	if len(v) != 1 || strings.Trim(v[0], " \t") == "" {
		return nil, false, &PathError{"the Destination header is missing or given twice"}
	}
	segments, dir, err = ParseHref(v[0], hosts...)
	if err != nil {
		err = fmt.Errorf("header Destination: %w", err)
	}
	return segments, dir, err
}
