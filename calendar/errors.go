package calendar

import (
	"errors"
	"fmt"

	"kalends/auth"
	"kalends/storage"
)

// Kind says what is wrong with a request. Each protocol translates it in one place: package caldav to a
// status and a precondition, package api to a problem document.
type Kind int

// The kinds. The comments name the precondition of the RFC where there is one.
const (
	Internal             Kind = iota
	NotFound                  // no such resource
	NoParent                  // the collection it would be in is not there (RFC 4918 section 9.7.1)
	Forbidden                 // DAV:need-privileges (RFC 3744 section 7.1.1)
	Refused                   // not here, for another reason than privileges
	NotAllowed                // the method has no meaning there
	Exists                    // DAV:resource-must-be-null (RFC 4791 section 5.3.1.1)
	Changed                   // a condition of the request does not hold
	BadRequest                // what was sent makes no sense
	BadLocation               // CALDAV:calendar-collection-location-ok (RFC 4791 section 5.3.1.1)
	BadName                   // the name cannot be one of a resource
	UnsupportedData           // CALDAV:supported-calendar-data (RFC 4791 section 5.3.2.1)
	InvalidData               // CALDAV:valid-calendar-data
	InvalidObject             // CALDAV:valid-calendar-object-resource
	UnsupportedComponent      // CALDAV:supported-calendar-component
	UIDConflict               // CALDAV:no-uid-conflict, with the other's href
	TooLarge                  // CALDAV:max-resource-size
	TooEarly                  // CALDAV:min-date-time
	TooLate                   // CALDAV:max-date-time
	TooManyInstances          // CALDAV:max-instances
	TooManyAttendees          // CALDAV:max-attendees-per-instance
	UniqueScheduling          // CALDAV:unique-scheduling-object-resource (RFC 6638 section 3.2.4.1), with the href
	SameOrganizer             // CALDAV:same-organizer-in-all-components (RFC 6638 section 3.2.4.2)
	OrganizerChange           // CALDAV:allowed-organizer-scheduling-object-change (RFC 6638 section 3.2.4.3)
	AttendeeChange            // CALDAV:allowed-attendee-scheduling-object-change (RFC 6638 section 3.2.4.4)
	OrganizerNotAllowed       // CALDAV:organizer-allowed, of the draft that became RFC 6638, which names nothing for it
	AttendeeNotAllowed        // CALDAV:attendee-allowed, of that draft too
	DefaultCalendar           // CALDAV:default-calendar-needed (RFC 6638 section 9.2)
	BadDefaultCalendar        // CALDAV:valid-schedule-default-calendar-URL (RFC 6638 section 9.2)
	QuotaExceeded             // DAV:quota-not-exceeded (RFC 4331 section 6)
	BadTimeZone               // CALDAV:valid-calendar-data of a time zone (RFC 4791 section 5.2.2)
	BadSyncToken              // DAV:valid-sync-token (RFC 6578 section 3.2)
	TooManyMatches            // DAV:number-of-matches-within-limits (RFC 4791 section 7.8)
	BadAction                 // CALDAV:valid-action-parameter (RFC 8607 section 3.11)
	BadInstance               // CALDAV:valid-rid-parameter
	BadManagedIDParam         // CALDAV:valid-managed-id-parameter: in the query of a POST
	BadManagedID              // CALDAV:valid-managed-id: in an object
	AttachmentTooLarge        // CALDAV:max-attachment-size
	TooManyAttachments        // CALDAV:max-attachments-per-resource
	Unavailable               // try again
	numKinds
)

// NumKinds is how many kinds there are, so that a test can ask a translator for each.
const NumKinds = int(numKinds)

// Error is an error that its cause's author can act on. Msg is shown to the client; Err is logged only.
type Error struct {
	Kind Kind
	Msg  string
	Path *Path          // of a resource in conflict; nil for none
	Need auth.Privilege // with Forbidden: what is missing on the resource at Path; 0 where the refusal has another reason
	Err  error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Msg + ": " + e.Err.Error()
	}
	return e.Msg
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an *[Error]. An error among the arguments of %w is kept for the log.
func Errorf(kind Kind, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Msg: err.Error(), Err: errors.Unwrap(err)}
}

// KindOf returns the kind of an error: that of the *[Error] in it, or what a storage error means.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, storage.ErrNotFound):
		return NotFound
	case errors.Is(err, storage.ErrUnavailable):
		return Unavailable
	}
	return Internal
}

// Path names a resource in a home.
type Path struct {
	Owner string // name of the principal
	Slug  string // of the collection; "" for the home itself
	Name  string // of the object; "" for the collection itself
}
