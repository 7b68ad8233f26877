package zone

import (
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxTZID bounds what is looked at as a name; the longest real ones are Windows' display names, near 70 bytes.
const maxTZID = 200

// Canonical gives the IANA zone that a TZID stands for by its spelling alone. Links are followed: US/Eastern is
// America/New_York. It knows the names of the database in any letter case, with blanks or quotes around them and with the
// prefixes that calendar programs put before them; Windows' names, also in the forms Exchange and Outlook make of
// them; and whole-hour offsets such as UTC+2. "Customized Time Zone" and its like say nothing and are not known.
func Canonical(tzid string) (iana string, ok bool) {
	if name, ok := exact(tzid); ok {
		return name, true
	}
	if len(tzid) > maxTZID {
		return "", false
	}
	s := trim(tzid)
	if s == "" {
		return "", false
	}
	for _, try := range [...]func(string) (string, bool){folded, lastParts, windows, etc, display} {
		if name, ok := try(s); ok {
			if name, ok := exact(name); ok {
				return name, true
			}
		}
	}
	return "", false
}

// exact takes s for a name of the database and follows its link.
func exact(s string) (string, bool) {
	f, ok := archiveIndex().files[s]
	if !ok {
		return "", false
	}
	if f.link != "" {
		return f.link, true
	}
	return s, true
}

// trim takes off what programs leave around a TZID: blanks, quotes, a backslash before the quote.
func trim(s string) string { return strings.Trim(s, " \t\r\n\"'\\;") }

// otherNames are names that the database no longer has, or that programs write for a zone of it; in lower case.
var otherNames = map[string]string{
	"z":                          "Etc/UTC",
	"utc time":                   "Etc/UTC",
	"us/pacific-new":             "America/Los_Angeles", // gone from the database in 2020b
	"kamchatka standard time":    "Asia/Kamchatka",      // these five are Windows', gone from CLDR
	"mid-atlantic standard time": "Etc/GMT+2",
	"armenian standard time":     "Asia/Yerevan",
	"mexico standard time":       "America/Mexico_City",
	"mexico standard time 2":     "America/Chihuahua",
}

// foldedNames is every name of the database in lower case.
var foldedNames = sync.OnceValue(func() map[string]string {
	ix := archiveIndex()
	m := make(map[string]string, len(ix.names))
	for _, name := range ix.names {
		m[strings.ToLower(name)] = name
	}
	return m
})

// folded looks s up without regard to letter case, and with blanks for the underscores of "America/New York".
func folded(s string) (string, bool) {
	s = strings.ToLower(s)
	if name, ok := foldedNames()[s]; ok {
		return name, true
	}
	if name, ok := otherNames[s]; ok {
		return name, true
	}
	if strings.Contains(s, "/") && strings.Contains(s, " ") {
		name, ok := foldedNames()[strings.ReplaceAll(s, " ", "_")]
		return name, ok
	}
	return "", false
}

// lastParts tries the last three, two and one parts of a path: Mozilla, libical, Evolution, KDE and Cyrus write
// "/mozilla.org/20050126_1/Europe/Berlin", Outlook's libraries "tzone://Microsoft/Utc".
func lastParts(s string) (string, bool) {
	if !strings.HasPrefix(s, "/") && strings.Count(s, "/") < 2 {
		return "", false
	}
	parts := strings.Split(s, "/")
	for n := min(3, len(parts)); n > 0; n-- {
		if name, ok := folded(strings.Join(parts[len(parts)-n:], "/")); ok {
			return name, true
		}
	}
	return "", false
}

// windows knows Windows' names, also with the number that Exchange appends to the second version of a zone in one object
// ("GMT Standard Time 1"), and the names of the summer half.
func windows(s string) (string, bool) {
	s = strings.ToLower(strings.Join(strings.Fields(s), " "))
	if name, ok := windowsNames[s]; ok {
		return name, true
	}
	if base, number, ok := cutLast(s, " "); ok && isDigits(number) {
		s = base
		if name, ok := windowsNames[s]; ok {
			return name, true
		}
	}
	for _, summer := range [...]string{" daylight time", " summer time"} {
		if base, ok := strings.CutSuffix(s, summer); ok {
			name, ok := windowsNames[base+" standard time"]
			return name, ok
		}
	}
	return "", false
}

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// etc gives the Etc zone of a whole-hour offset. The signs of the Etc names are the other way round: UTC+2 is Etc/GMT-2.
// "GMT+2" too is meant as UTC+2, by Apple as by Java; the database itself has no such name but GMT+0.
func etc(s string) (string, bool) {
	off, ok := fixedOffset(s)
	if !ok {
		return "", false
	}
	return etcName(off)
}

func etcName(off int) (string, bool) {
	if off == 0 {
		return "Etc/UTC", true
	}
	hours := off / 3600
	if off%3600 != 0 || hours < -12 || hours > 14 {
		return "", false
	}
	sign := "-"
	if hours < 0 {
		sign, hours = "+", -hours
	}
	return "Etc/GMT" + sign + strconv.Itoa(hours), true
}

// fixedOffset reads "UTC", "UTC+2", "GMT+0530", "GMT-05:00", "+0100"; the result is in seconds, at most 18 hours.
func fixedOffset(s string) (int, bool) {
	s = strings.ToUpper(trim(s))
	if s == "UTC" || s == "GMT" {
		return 0, true
	}
	s = strings.TrimPrefix(strings.TrimPrefix(s, "UTC"), "GMT")
	if s == "" {
		return 0, false
	}
	sign := 1
	switch s[0] {
	case '-':
		sign = -1
	case '+':
	default:
		return 0, false
	}
	s = s[1:]
	h, m, colon := strings.Cut(strings.Replace(s, ".", ":", 1), ":")
	if !colon && len(s) == 4 {
		h, m, colon = s[:2], s[2:], true
	}
	if !isDigits(h) || len(h) > 2 || colon && (!isDigits(m) || len(m) != 2) {
		return 0, false
	}
	off := atoi(h)*3600 + atoi(m)*60
	if off > 18*3600 || atoi(m) > 59 {
		return 0, false
	}
	return sign * off, true
}

// atoi reads a short run of digits; the callers have looked at it.
func atoi(s string) int {
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}

// formatOffset writes an offset as iCalendar does (RFC 5545 section 3.3.14).
func formatOffset(off int) string {
	sign := byte('+')
	if off < 0 {
		sign, off = '-', -off
	}
	b := []byte{sign, 0, 0, 0, 0, 0, 0}
	h, m, s := off/3600, off/60%60, off%60
	b[1], b[2], b[3], b[4], b[5], b[6] = byte('0'+h/10), byte('0'+h%10), byte('0'+m/10), byte('0'+m%10), byte('0'+s/10), byte('0'+s%10)
	if s == 0 {
		b = b[:5]
	}
	return string(b)
}

// standardOffset is the lower of a zone's offsets in January and July of a year: what Windows shows before its cities.
func standardOffset(loc *time.Location, year int) int {
	_, jan := time.Date(year, 1, 15, 0, 0, 0, 0, loc).Zone()
	_, jul := time.Date(year, 7, 15, 0, 0, 0, 0, loc).Zone()
	return min(jan, jul)
}
