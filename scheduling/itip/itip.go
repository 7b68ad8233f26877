// Package itip holds the rules of scheduling as pure functions: the messages of RFC 5546 (iTIP), and
// what RFC 6638 says a server does with the objects of organizers and attendees.
//
// Nothing here does I/O or reads a clock. Components given to a function are not changed; what
// comes back shares no memory with them that a later change could reach, except where a
// component comes back as it was given (Changed is false then).
//
// # Who decides about an answer
//
// Every REQUEST carries an attendee's whole view of the meeting, so the newest one is enough to make
// a copy right. An answer belongs to the time it was given for: it stands as long as nothing was
// rescheduled (RFC 6638 section 3.2.8), and the organizer's side, the attendee's side and the reader
// of replies all ask the same function whether something was. So an answer and an update that
// cross each other end the same on both sides, in whatever order they arrive.
package itip

import (
	"errors"
	"time"

	"kalends/ical"
)

// Methods of RFC 5546 section 1.4.
const (
	Publish        = "PUBLISH"
	Request        = "REQUEST"
	Reply          = "REPLY"
	Add            = "ADD"
	Cancel         = "CANCEL"
	Refresh        = "REFRESH"
	Counter        = "COUNTER"
	DeclineCounter = "DECLINECOUNTER"
)

// Message is one iTIP message to one person.
type Message struct {
	Method   string          // upper case
	From, To string          // as [ical.Address] writes them
	Calendar *ical.Component // VCALENDAR with METHOD and the VTIMEZONEs it names, without VALARM
}

// Same reports whether two calendar user addresses mean one person. The caller knows aliases.
type Same func(a, b string) bool

// Options is what the functions cannot know from the objects.
type Options struct {
	// Now becomes the DTSTAMP of messages (RFC 6638 section 3.2.5). It is needed.
	Now time.Time
	// Same compares addresses; nil compares their forms by [ical.Address].
	Same Same
	// Past says that nobody is to be told: the meeting is over, or the change is an import.
	// Messages are not made; everything else is done. A meeting that Now shows to be over needs no flag.
	Past bool
	// Stale says that the body may be older than the stored copy in what belongs to others:
	// it came with an If-Schedule-Tag-Match that held (RFC 6638 section 3.2.10).
	Stale bool
	// LeastSequence is the least SEQUENCE for an object that is created: one more than that of the
	// CANCEL that ended an earlier object with this UID, else 0.
	LeastSequence int
	// Local says that a message was made by this server, for Receive and TakeReply. Such messages say all, and exactly.
	Local bool
	// InOrder says that a message of this server is received in the transaction that made it: nothing made before can come after
	// it. What it says nothing new about then keeps its SEQUENCE and DTSTAMP in the copy.
	InOrder bool
}

func (o Options) same(a, b string) bool {
	a, b = ical.Address(a), ical.Address(b)
	return a == b || o.Same != nil && o.Same(a, b)
}

// Plan is what follows from an organizer's change.
type Plan struct {
	Stored   *ical.Component // what to store; nil after a delete
	Changed  bool            // Stored is not what was sent
	Messages []Message       // of one recipient at most one CANCEL, before at most one REQUEST
	// Spread says that the body brought another answer, of which the attendees' copies are to hear by
	// [SpreadPartStat].
	Spread bool
}

// AttendPlan is what follows from an attendee's change of their own copy.
type AttendPlan struct {
	Stored  *ical.Component // what to store; nil after a delete
	Changed bool            // Stored is not what was sent
	Reply   *Message        // nil: nothing to tell
}

// Outcome says what a message did.
type Outcome uint8

// The outcomes of a message.
const (
	Ignored     Outcome = iota // nothing; see Result.Reason
	Created                    // there was no copy
	Updated                    // the copy was changed, not in its time
	Rescheduled                // its time was changed, and it is to be answered anew
	Cancelled                  // the whole of it was cancelled
	CancelledIn                // some instances were cancelled
	Answered                   // an attendee's answer was recorded
	Noted                      // a message for people: COUNTER, DECLINECOUNTER, REFRESH, PUBLISH
)

// Result is what a message does to a copy.
type Result struct {
	Copy    *ical.Component // the copy as it is now to be stored; nil when there is none
	Changed bool            // Copy is not what was given
	// ScheduleTag says that more changed than answers and delivery status, so that the Schedule-Tag must
	// change too (RFC 6638 section 3.2.10).
	ScheduleTag bool
	Outcome     Outcome
	Reason      string // why it was ignored or held, for logs and people
	// Crasher is the address of somebody who answered without being invited (RFC 5546 section 3.2.3).
	// Nothing was changed; the organizer decides ([Admit]).
	Crasher string
	Added   []string // who became an attendee by delegation and is owed a REQUEST ([View])
	Answers []Answer // what a REPLY changed
}

// Answer is one answer that a REPLY brought.
type Answer struct {
	Attendee     string // address
	RecurrenceID string // as it is written in the copy; "" for the whole
	Old, New     string // PARTSTAT
	Comment      string
}

// Preconditions of RFC 6638 section 3.2.4, by their element names.
const (
	AllowedOrganizerChange = "allowed-organizer-scheduling-object-change"
	AllowedAttendeeChange  = "allowed-attendee-scheduling-object-change"
	SameOrganizer          = "same-organizer-in-all-components"
)

// ChangeError is a change that RFC 6638 section 3.2.4 has the server refuse.
type ChangeError struct {
	Precondition string // the element in the namespace urn:ietf:params:xml:ns:caldav
	Msg          string
}

func (e *ChangeError) Error() string { return e.Msg }

// ErrNotAllowed is what every *[ChangeError] is, for errors.Is.
var ErrNotAllowed = errors.New("change not allowed")

// Is implements errors.Is.
func (e *ChangeError) Is(target error) bool { return target == ErrNotAllowed }

// ErrMessage is wrapped by errors about a message that cannot be understood.
var ErrMessage = errors.New("bad iTIP message")
