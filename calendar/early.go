package calendar

import (
	"context"
	"fmt"
	"strings"

	"kalends/ical"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// early is an answer to a meeting that the server has stored already under a name its client does not know yet.
type early struct {
	request  PutRequest
	parsed   *parsed
	calendar *storage.Calendar
	object   *storage.Object
}

// earlyAnswer recognises what Thunderbird sends when somebody accepts an invitation from their mail before the first sync: a new
// object, with If-None-Match: *, with SCHEDULE-AGENT=CLIENT on the ORGANIZER, that is the copy the server has but for their own
// PARTSTAT. It is the answer to that copy, whatever the two are named: see docs/divergences.md. nil for anything else.
func (u *unit) earlyAnswer(ctx context.Context, r PutRequest, p *parsed, old *storage.Object, quiet bool) (*early, error) {
	if quiet || !clientSends(p.cal) || !isScheduled(p.cal) {
		return nil, nil
	}
	list, err := u.tx.ObjectsByUID(ctx, []int64{r.Target.Owner.ID}, p.uid)
	if err != nil {
		return nil, fmt.Errorf("objects by UID: %w", err)
	}
	for _, twin := range list {
		if twin.Organizer == "" || old != nil && old.ID != twin.ID {
			continue
		}
		// The condition is one that asks for a new object, or that holds.
		if r.Cond != nil && r.Cond(nil) != nil && r.Cond(twin) != nil {
			return nil, nil
		}
		have, err := parseStored(twin)
		if err != nil || clientSends(have) {
			return nil, nil
		}
		mine := u.people.is(r.Target.Owner)
		role, organizer := itip.RoleOf(have, mine)
		if role != itip.RoleAttendee || !u.people.same(organizer, itip.Organizer(p.cal)) {
			return nil, nil
		}
		if !answered(p.cal, mine) {
			return nil, nil
		}
		body := p.cal.Clone()
		for c := range body.Main() {
			if o := c.Prop("ORGANIZER"); o != nil {
				o.RemoveParam("SCHEDULE-AGENT")
			}
		}
		if _, err := itip.Attend(have, body, ownAddress(body, have, mine), itip.Options{Now: u.now, Same: u.people.same, Local: true}); err != nil {
			return nil, nil // more differs than the answer
		}
		e := &early{request: r, object: twin}
		if e.parsed, err = u.s.checkComponent(body); err != nil {
			return nil, nil
		}
		home, err := u.tx.Calendars(ctx, twin.Owner)
		if err != nil {
			return nil, fmt.Errorf("calendars: %w", err)
		}
		for _, c := range home {
			if c.ID == twin.Calendar {
				e.calendar = c
			}
		}
		if e.calendar == nil || e.calendar.OwnClient {
			return nil, nil
		}
		e.request.Target.Slug, e.request.Target.Name, e.request.Cond, e.request.Body = e.calendar.Slug, twin.Name, nil, body.Bytes()
		return e, nil
	}
	return nil, nil
}

// clientSends reports whether an attendee's program says that it answers by itself (RFC 6638 section 7.1).
func clientSends(cal *ical.Component) bool {
	any := false
	for c := range cal.Main() {
		if o := c.Prop("ORGANIZER"); o != nil {
			if !strings.EqualFold(o.Param("SCHEDULE-AGENT"), "CLIENT") {
				return false
			}
			any = true
		}
	}
	return any
}

// answered reports whether the person has said in the object whether they come.
func answered(cal *ical.Component, mine func(string) bool) bool {
	for c := range cal.Main() {
		for a := range c.All("ATTENDEE") {
			if mine(ical.Address(a.Value())) && itip.PartStat(a) != "NEEDS-ACTION" {
				return true
			}
		}
	}
	return false
}
