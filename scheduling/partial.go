package scheduling

import "kalends/ical"

// Partial reports whether a message is about single instances of a series only.
func Partial(cal *ical.Component) bool {
	any := false
	for c := range cal.Main() {
		if c.Prop("RECURRENCE-ID") == nil {
			return false
		}
		any = true
	}
	return any
}
