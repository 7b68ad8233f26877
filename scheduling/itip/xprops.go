package itip

import (
	"slices"
	"strings"

	"kalends/ical"
)

// private reports whether a property belongs to its owner's program, or is their own business.
func private(p *ical.Property) bool {
	switch p.Name() {
	case "REQUEST-STATUS", "ACKNOWLEDGED", "COLOR":
		return true
	}
	return hasPrefix(p.Name(), "X-MOZ-", "X-LIC-", "X-EVOLUTION-", "X-KDE-", "X-KALENDS-", "X-CALENDARSERVER-",
		"X-APPLE-TRAVEL-", "X-APPLE-DEFAULT-ALARM", "X-APPLE-NEEDS-REPLY")
}

// unsent reports whether a property of the organizer's object goes into no message. Under X- programs keep what they like, so
// only what is known to be meant for others goes out; nobody is told of what only their organizer's program knows.
func unsent(p *ical.Property) bool {
	return private(p) || strings.HasPrefix(p.Name(), "X-") && !shown(p.Name()) && !hasPrefix(p.Name(), "X-MICROSOFT-", "X-MS-OLK-")
}

// shown are the properties under X- that people see: a text with its looks, the place, and where to dial in. A change of one is news.
func shown(name string) bool {
	return slices.Contains([]string{"X-ALT-DESC", "X-APPLE-STRUCTURED-LOCATION", "X-APPLE-DROPBOX"}, name) ||
		hasPrefix(name, "X-GOOGLE-CONFERENCE", "X-GOOGLE-HANGOUT", "X-MICROSOFT-SKYPETEAMS", "X-MICROSOFT-ONLINEMEETING")
}

func hasPrefix(name string, list ...string) bool {
	return slices.ContainsFunc(list, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}
