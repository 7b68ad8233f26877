package itip

import (
	"fmt"

	"kalends/ical"
)

// TakePublish applies a PUBLISH to what was published before under its UID (nil: nothing), and keeps in it what is its owner's:
// alarms, colours (RFC 5546 section 3.2.1). The newer of two counts, by SEQUENCE and then DTSTAMP. Whether something published is taken into a
// calendar at all is for the caller to decide.
//
// Nobody is invited to what is published: a copy with attendees is a meeting, which a PUBLISH does not change. A CANCEL ends
// what was published, by [Receive].
func TakePublish(copy *ical.Component, msg Message, o Options) (Result, error) {
	res := Result{Copy: copy}
	if err := check(msg.Calendar); err != nil {
		return res, err
	}
	cal := msg.Calendar.Clone()
	for c := range cal.Main() {
		c.Remove("ATTENDEE")
	}
	if copy != nil {
		if a, b := uid(copy), uid(cal); a != b {
			return res, fmt.Errorf("%w: UID %.60q for a copy with another UID", ErrMessage, b)
		}
		if hasAttendees(copy) {
			res.Outcome, res.Reason = Noted, "it is a meeting here"
			return res, nil
		}
		if a, b := Organizer(copy), Organizer(cal); a != b && !o.same(a, b) {
			res.Reason = "published by another than the copy"
			return res, nil
		}
	}
	r := receiver{o: o, me: msg.To, copy: read(copy)}
	r.msg = readLike(cal, r.copy)
	return r.request(res), nil
}
