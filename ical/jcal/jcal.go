// Package jcal reads and writes jCal, iCalendar as JSON (RFC 7265).
//
// What has no place in jCal is lost: folding, letter case of names, and which of properties and components comes
// first in a component. A value that is not what its type says, as programs write now and then, is carried as it stands with
// the type "unknown" (RFC 7265 section 5), so that nothing of it is lost.
//
// The package does no I/O, holds no state, and bounds what it reads.
package jcal

import (
	"errors"
	"fmt"
)

// MediaType is the media type of jCal (RFC 7265 section 7).
const MediaType = "application/calendar+json"

// Limits of what is read and written, the same as those of package ical.
const (
	maxDepth      = 8
	maxComponents = 50_000
	maxProperties = 500_000
	maxParams     = 200
	maxValues     = 50_000 // of one property
	maxName       = 200
)

// ErrSyntax is wrapped by all errors of [Unmarshal].
var ErrSyntax = errors.New("not valid jCal")

func errorf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrSyntax, fmt.Sprintf(format, args...))
}

// unknown is the type of values that are carried as they stand (RFC 7265 section 5).
const unknown = "unknown"

// shape says how the value of a property is built.
type shape uint8

const (
	single     shape = iota
	multiple         // values between commas (RFC 5545 section 3.1.2)
	structured       // fields between semicolons (RFC 7265 section 3.4.1)
)

// kind is the default type of a property and its shape.
type kind struct {
	name  string
	shape shape
}

// known has the properties with a default value type: those of RFC 5545, 7808, 7953, 7986, 9073, 9074 and 9253. Properties
// that must always have VALUE are not in it.
var known = map[string]kind{
	"CALSCALE": {"text", single}, "METHOD": {"text", single}, "PRODID": {"text", single}, "VERSION": {"text", single},

	"ATTACH": {"uri", single}, "CATEGORIES": {"text", multiple}, "CLASS": {"text", single}, "COMMENT": {"text", single},
	"DESCRIPTION": {"text", single}, "GEO": {"float", structured}, "LOCATION": {"text", single},
	"PERCENT-COMPLETE": {"integer", single}, "PRIORITY": {"integer", single}, "RESOURCES": {"text", multiple},
	"STATUS": {"text", single}, "SUMMARY": {"text", single},

	"COMPLETED": {"date-time", single}, "DTEND": {"date-time", single}, "DUE": {"date-time", single},
	"DTSTART": {"date-time", single}, "DURATION": {"duration", single}, "FREEBUSY": {"period", multiple},
	"TRANSP": {"text", single},

	"TZID": {"text", single}, "TZNAME": {"text", single}, "TZOFFSETFROM": {"utc-offset", single},
	"TZOFFSETTO": {"utc-offset", single}, "TZURL": {"uri", single}, "TZUNTIL": {"date-time", single},
	"TZID-ALIAS-OF": {"text", single},

	"ATTENDEE": {"cal-address", single}, "CONTACT": {"text", single}, "ORGANIZER": {"cal-address", single},
	"RECURRENCE-ID": {"date-time", single}, "RELATED-TO": {"text", single}, "URL": {"uri", single}, "UID": {"text", single},

	"EXDATE": {"date-time", multiple}, "RDATE": {"date-time", multiple}, "RRULE": {"recur", single}, "EXRULE": {"recur", single},

	"ACTION": {"text", single}, "REPEAT": {"integer", single}, "TRIGGER": {"duration", single},
	"ACKNOWLEDGED": {"date-time", single}, "PROXIMITY": {"text", single},

	"CREATED": {"date-time", single}, "DTSTAMP": {"date-time", single}, "LAST-MODIFIED": {"date-time", single},
	"SEQUENCE": {"integer", single}, "REQUEST-STATUS": {"text", structured},

	"BUSYTYPE": {"text", single}, "NAME": {"text", single}, "COLOR": {"text", single}, "XML": {"text", single},
	"LOCATION-TYPE": {"text", multiple}, "PARTICIPANT-TYPE": {"text", single}, "RESOURCE-TYPE": {"text", single},
	"CALENDAR-ADDRESS": {"cal-address", single}, "STYLED-DESCRIPTION": {"text", single},
	"CONCEPT": {"uri", single}, "REFID": {"text", single},
}

// isName reports whether s may be the name of a component, property or parameter. BEGIN and END would be something else.
func isName(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return s != "BEGIN" && s != "END"
}
