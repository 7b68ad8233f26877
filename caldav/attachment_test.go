package caldav_test

import "strings"

// keys makes the keys of attachments of a test: all a, all b and so on.
func keys() func() string {
	n := -1
	return func() string {
		n++
		return strings.Repeat(string(rune('a'+n%26)), 26)
	}
}
