package itip

import (
	"iter"

	"kalends/ical"
)

// Role is what the owner of a copy is in a meeting.
type Role uint8

// The roles.
const (
	NotScheduled Role = iota
	RoleOrganizer
	RoleAttendee
)

// RoleOf says what part the person of whom isMe is true has in the object, and who its organizer is (RFC 6638 section 3.1).
// isMe is asked with addresses in the form of [ical.Address].
func RoleOf(cal *ical.Component, isMe func(addr string) bool) (Role, string) {
	org := Organizer(cal)
	if org == "" {
		return NotScheduled, ""
	}
	if isMe(org) {
		return RoleOrganizer, org
	}
	for c := range cal.Main() {
		for p := range c.All("ATTENDEE") {
			if isMe(ical.Address(p.Value())) {
				return RoleAttendee, org
			}
		}
	}
	return NotScheduled, org
}

// Organizer returns the address of the object's organizer in the form of [ical.Address], or "".
func Organizer(cal *ical.Component) string {
	if cal == nil {
		return ""
	}
	for c := range cal.Main() {
		if p := c.Prop("ORGANIZER"); p != nil && p.Value() != "" {
			return ical.Address(p.Value())
		}
	}
	return ""
}

// Attendee is one person's part in an object.
type Attendee struct {
	Address string           // in the form of [ical.Address]
	Lines   []*ical.Property // their ATTENDEE properties, one for each component that names them
	Master  bool             // the master, or the only component, names them
}

// Attendees returns who is named as ATTENDEE in any component, each once, in the order of first mention.
// same may be nil.
func Attendees(cal *ical.Component, same Same) []Attendee {
	o := Options{Same: same}
	var list []Attendee
	index := map[string]int{}
	for c, p := range attendeeLines(cal) {
		addr := ical.Address(p.Value())
		i, ok := index[addr]
		if !ok {
			i = len(list)
			if same != nil {
				for j := range list {
					if o.same(list[j].Address, addr) {
						i = j
						break
					}
				}
			}
			index[addr] = i
		}
		if i == len(list) {
			list = append(list, Attendee{Address: addr})
		}
		list[i].Lines = append(list[i].Lines, p)
		list[i].Master = list[i].Master || c.Prop("RECURRENCE-ID") == nil
	}
	return list
}

func attendeeLines(cal *ical.Component) iter.Seq2[*ical.Component, *ical.Property] {
	return func(yield func(*ical.Component, *ical.Property) bool) {
		if cal == nil {
			return
		}
		for c := range cal.Main() {
			for p := range c.All("ATTENDEE") {
				if !yield(c, p) {
					return
				}
			}
		}
	}
}

// Validate checks what RFC 6638 section 3.2.4.2 asks of every scheduling object: the same ORGANIZER in all
// components that have one. The error is a *[ChangeError].
func Validate(cal *ical.Component, same Same) error {
	o := Options{Same: same}
	org := Organizer(cal)
	if org == "" {
		return nil
	}
	for c := range cal.Main() {
		p := c.Prop("ORGANIZER")
		if p != nil && !o.same(p.Value(), org) {
			return &ChangeError{SameOrganizer, "all components of a meeting must have the same ORGANIZER"}
		}
	}
	return nil
}
