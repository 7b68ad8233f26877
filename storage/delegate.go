package storage

import (
	"context"
	"strconv"
	"strings"
)

// Delegations says for whom somebody acts, as text: the ids of principals, each with r (may read) or w (may also
// change), separated by commas.
type Delegations string

// For returns what the delegate may do for the principal with that id.
func (d Delegations) For(principal int64) (read, write bool) {
	for id, w := range d.each {
		if id == principal {
			read, write = true, write || w
		}
	}
	return read, write
}

// Principals returns the ids of those for whom one may write, or for whom one may only read.
func (d Delegations) Principals(write bool) []int64 {
	var list []int64
	for id, w := range d.each {
		if w == write {
			list = append(list, id)
		}
	}
	return list
}

func (d Delegations) each(yield func(int64, bool) bool) {
	for s := range strings.SplitSeq(string(d), ",") {
		if s == "" {
			continue
		}
		id, err := strconv.ParseInt(s[:len(s)-1], 10, 64)
		if err == nil && !yield(id, s[len(s)-1] == 'w') {
			return
		}
	}
}

// Delegate is somebody who acts for a principal.
type Delegate struct {
	ID    int64
	Write bool // not only read
}

// Booking says how a room or resource answers invitations, and whose.
type Booking struct {
	Answer Answer
	Days   int64 // how many days ahead it can be booked, at the most; 0 for DefaultBookingDays
	Group  int64 // only members of this group may book; 0 for everybody
}

// DefaultBookingDays is how far ahead a room can be booked for which nothing else was said.
const DefaultBookingDays = 400

// Answer is how a room or resource answers.
type Answer string

// The ways to answer. Busy times are always declined, but for manual.
const (
	AnswerAuto      Answer = "" // accept what is free
	AnswerTentative Answer = "tentative"
	AnswerManual    Answer = "manual" // somebody answers for it
)

// Member is somebody in a group, with the calendar user address that is preferred; "" for none.
type Member struct {
	*Principal
	Address string
}

// GroupMeeting is an object of an organizer to which a group was invited.
type GroupMeeting struct{ Owner, Object int64 }

// SchedulingReader reads what only scheduling asks for.
type SchedulingReader interface {
	// Delegates returns who acts for a principal, ordered by id.
	Delegates(ctx context.Context, principal int64) ([]Delegate, error)
	// PrincipalsByID returns those of the principals that are there, by name.
	PrincipalsByID(ctx context.Context, ids []int64) ([]*Principal, error)
	// GroupMembers returns the direct members of a group, by name.
	GroupMembers(ctx context.Context, group int64) ([]Member, error)
	// GroupMeetings returns the objects that SetGroups noted for the group. Some may be gone since.
	GroupMeetings(ctx context.Context, group int64) ([]GroupMeeting, error)
}

// SchedulingTx writes what only scheduling needs.
type SchedulingTx interface {
	// SetDelegates replaces who acts for a principal.
	SetDelegates(ctx context.Context, principal int64, list []Delegate) error
	// SetGroups notes which groups an object of the owner invites. The home must be locked.
	SetGroups(ctx context.Context, owner, object int64, groups []int64) error
}
