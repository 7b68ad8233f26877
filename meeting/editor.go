// Package meeting reads and changes meetings and other events as people think of them: all of a series, one instance, or one
// and all that follow; in plain words and in one piece. The JSON API and the web pages do it through here. It decides nothing:
// what it works out is written by package calendar, which checks it.
package meeting

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"kalends/calendar"
	"kalends/storage"
)

// Editor works on meetings for somebody. Its fields are set before first use and not changed after.
type Editor struct {
	Calendar *calendar.Service
	Store    storage.Store
	Now      func() time.Time
}

// Reason says what is wrong with a request beyond what package calendar says.
type Reason int

// The reasons.
const (
	NoReason     Reason = iota
	NoInstance          // the meeting does not repeat like this
	NotOrganizer        // only the organizer may change it
	NotInvited          // there is nothing to answer
)

// Error is what somebody can do something about.
type Error struct {
	Kind   calendar.Kind
	Reason Reason
	Detail string
	Fields []FieldError
}

// FieldError says what is wrong with one field.
type FieldError struct {
	Query   bool   // it says which meeting or instance is meant; else it is of the change
	Field   string // its name; within lists the path to it, such as invited[2].address
	Message string
}

// Error implements error.
func (e *Error) Error() string { return e.Detail }

// Invalid says what is wrong with a field of a change.
func Invalid(field, format string, args ...any) *Error {
	msg := fmt.Sprintf(format, args...)
	return &Error{Kind: calendar.BadRequest, Detail: field + ": " + msg, Fields: []FieldError{{false, field, msg}}}
}

func invalid(field, format string, args ...any) *Error { return Invalid(field, format, args...) }

// invalidQuery says what is wrong with what names an instance.
func invalidQuery(field, format string, args ...any) *Error {
	e := Invalid(field, format, args...)
	e.Fields[0].Query = true
	return e
}

// notThere is the one answer about what is not there and about what one may not know of.
func notThere(what string) error {
	return &Error{Kind: calendar.NotFound, Detail: "there is no such " + what}
}

// NewUID makes a random UID, as RFC 7986 section 5.3 asks.
func NewUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // RFC 9562 section 5.4
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func clip(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
