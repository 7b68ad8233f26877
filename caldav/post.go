package caldav

import (
	"crypto/rand"
	"errors"
	"net/http"
	"strings"

	"kalends/auth"
	"kalends/calendar"
	"kalends/dav"
)

// addMember is the query of the URL that makes a new member (RFC 5995 section 3.2).
const addMember = "add-member"

// post handles POST to the outbox (RFC 6638 section 5), to an object for its attachments (RFC 8607), to the add-member URL of a calendar (RFC 5995), and what sharing calendars POSTs.
func (q *request) post() error {
	res, err := q.find(q.at)
	if err != nil {
		// Of what one may do nothing with, only the outbox shows that it is there.
		if e, ok := errors.AsType[*calendar.Error](err); ok && e.Kind == calendar.Forbidden && q.at.kind == collectionPlace {
			e.Need = auth.SendFreeBusy
		}
		return err
	}
	switch {
	case res.kind == objectKind && strings.Contains(q.r.URL.RawQuery, "action="):
		return q.postAttachment()
	case res.kind == objectKind:
		return refuse(http.StatusForbidden, "an object is changed by PUT; its attachments by POST to %s?action=attachment-add (RFC 8607)", res.url())
	case res.kind == outboxKind:
		return q.postOutbox(res)
	case res.kind == calendarKind && q.r.URL.RawQuery == addMember:
		return q.postMember(res)
	case res.kind == calendarKind && q.isXML():
		return q.postShare(res)
	case res.kind == homeKind && q.isXML():
		return q.postReply(res)
	case res.kind == calendarKind:
		return refuse(http.StatusForbidden, "to add an object POST it to %s?%s", res.href, addMember)
	}
	return q.notAllowed(res.kind)
}

// postMember makes an object under a name of our choice, which Location tells.
func (q *request) postMember(res *resource) error {
	if err := res.need(auth.Bind, dav.D("bind")); err != nil {
		return err
	}
	text, err := q.readCalendar()
	if err != nil {
		return err
	}
	c, err := q.conditions()
	if err != nil {
		return err
	}
	if c.IfMatch.Present || c.IfScheduleTag {
		if err := c.onCollection(res); err != nil {
			return err
		}
	}
	name := q.newName()
	prefer := q.prefer()
	put, err := q.h.Calendar.Put(q.ctx, calendar.PutRequest{
		Who: q.who, Target: res.target(name), Body: text, Base: q.base(),
	})
	if err != nil {
		return err
	}
	q.w.Header().Set("Location", string(dav.AppendSegment([]byte(res.href), name)))
	return q.stored(put, prefer)
}

// newName makes a name for an object that comes without one.
func (q *request) newName() string {
	if q.h.NewName != nil {
		return q.h.NewName()
	}
	return strings.ToLower(rand.Text()) + ".ics"
}
