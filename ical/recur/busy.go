package recur

import (
	"strings"

	"kalends/ical"
)

// busyOf says how an event counts for free-busy time: cancelled and transparent ones do not (RFC 4791 section 7.10).
// Outlook's own property only adds what the standard ones cannot say, because programs that change TRANSP leave it as
// it was.
func busyOf(comp *ical.Component) Busy {
	status := strings.ToUpper(strings.TrimSpace(comp.Value("STATUS")))
	transp := strings.ToUpper(strings.TrimSpace(comp.Value("TRANSP")))
	if status == "CANCELLED" || transp == "TRANSPARENT" {
		return Free
	}
	switch strings.ToUpper(strings.TrimSpace(comp.Value("X-MICROSOFT-CDO-BUSYSTATUS"))) {
	case "FREE":
		if transp == "" {
			return Free
		}
	case "TENTATIVE":
		return Tentative
	case "OOF":
		return Unavailable
	}
	if status == "TENTATIVE" {
		return Tentative
	}
	return Occupied
}

// busyType reads FBTYPE; BUSY is the default, and what unknown values mean (RFC 5545 section 3.2.9).
func busyType(fbtype string) Busy {
	switch strings.ToUpper(fbtype) {
	case "FREE":
		return Free
	case "BUSY-TENTATIVE":
		return Tentative
	case "BUSY-UNAVAILABLE":
		return Unavailable
	}
	return Occupied
}
