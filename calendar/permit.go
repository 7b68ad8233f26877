package calendar

import (
	"context"

	"kalends/ical"
	"kalends/scheduling"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// hasWhole refuses a meeting of which its organizer would have single instances only: the series they are of is theirs as well, and
// nobody could answer for it, change it or end it. oldCal is what is replaced, nil for nothing.
func hasWhole(cal, oldCal *ical.Component) error {
	if oldCal != nil && scheduling.Partial(oldCal) || !scheduling.Partial(cal) {
		return nil
	}
	return Errorf(OrganizerNotAllowed, "these are single instances of a series; its organizer has to store the series too")
}

// isKnown refuses a copy that an attendee's program makes up of a meeting whose organizer is here and does not have it: the answers
// would reach nobody, and an update never comes. A copy whose owner's program sends the answers (RFC 6638 section 7.1) may have come by
// another way; so may one of an organizer elsewhere.
func (u *unit) isKnown(ctx context.Context, cal *ical.Component, uid, organizer string) error {
	q := u.people.of(organizer)
	if q == nil || q.Kind == storage.Group || !serverAnswers(cal) {
		return nil
	}
	if have := u.copyOf(q.ID); have != nil && have.Organizer != "" && u.people.is(q)(have.Organizer) {
		return nil
	}
	if home, err := u.tx.OrganizedIn(ctx, q.ID, uid); err != nil || home != 0 {
		return err
	}
	return Errorf(AttendeeNotAllowed, "%s has no such meeting; who organizes it has to invite you", organizer)
}

// unscheduled says in a copy of somebody else's meeting in which the owner of the calendar takes no part that the server does nothing about
// it: SCHEDULE-AGENT=NONE, and 5.3 (RFC 6638 sections 3.2.9 and 7.1). It concerns organizers here only; of others the server cannot know
// whom they mean. An invitation ends it.
func (u *unit) unscheduled(owner *storage.Principal, cal *ical.Component) *scheduling.Outcome {
	out := &scheduling.Outcome{Stored: cal}
	organizer := itip.Organizer(cal)
	q := u.people.of(organizer)
	if q == nil || q.ID == owner.ID || q.Kind == storage.Group || !serverAnswers(cal) {
		return out
	}
	out.Stored, out.Changed = cal.Clone(), true
	for c := range out.Stored.Main() {
		if o := c.Prop("ORGANIZER"); o != nil {
			o.SetParam("SCHEDULE-AGENT", "NONE")
			o.SetParam("SCHEDULE-STATUS", scheduling.StatusNoService)
		}
	}
	return out
}

// serverAnswers reports whether the server sends an attendee's answers to the organizer of their copy.
func serverAnswers(cal *ical.Component) bool {
	for c := range cal.Main() {
		if o := c.Prop("ORGANIZER"); o != nil {
			return byServer(o)
		}
	}
	return false
}
