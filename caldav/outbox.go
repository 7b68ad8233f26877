package caldav

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/dav"
	"kalends/ical"
	"kalends/ical/jcal"
	"kalends/ical/zone"
	"kalends/scheduling"
	"kalends/storage"
)

// busyRequest is what a POST to the outbox asks: when somebody is busy.
type busyRequest struct {
	uid, without string
	organizer    *ical.Property // as the answers have it
	attendees    []*ical.Property
	start, end   time.Time
}

// postOutbox answers a request for busy times (RFC 6638 section 5). Invitations are not sent this way: objects in calendars are.
func (q *request) postOutbox(res *resource) error {
	if err := res.need(auth.SendFreeBusy, dav.C("schedule-send-freebusy")); err != nil {
		return err
	}
	text, err := q.readCalendar()
	if err != nil {
		return err
	}
	cal, err := ical.Parse(text)
	if err != nil {
		return calendar.Errorf(calendar.InvalidData, "not valid iCalendar: %w", err)
	}
	b, err := readBusyRequest(cal, q.h.Calendar.Limit().Attendees)
	if err != nil {
		return err
	}
	if err := q.checkOrganizer(b, res.owner); err != nil {
		return err
	}
	asked := make([]string, len(b.attendees))
	for i, a := range b.attendees {
		asked[i] = a.Value()
	}
	people, err := q.calendarUsers(asked)
	if err != nil {
		return err
	}
	q.w.Header().Set("Content-Type", dav.ContentType)
	out := &body{w: q.w, status: http.StatusOK, last: true}
	w := dav.NewWriter(out)
	w.Root(dav.C("schedule-response"))
	f := format{json: q.bodyType == jcal.MediaType}
	for i, a := range b.attendees {
		status, answer, err := q.busy(b, a, people[i], f)
		if err != nil {
			w.Reset()
			w.Close()
			return err
		}
		w.RawString("<C:response><C:recipient>")
		w.Href(a.Value())
		w.RawString("</C:recipient>")
		w.Elem(dav.C("request-status"), scheduling.RequestStatus(status))
		if answer != nil {
			w.Start(calendarDataName, f.attrs()...)
			w.TextBytes(answer)
			w.End(calendarDataName)
		}
		w.RawString("</C:response>")
	}
	w.End(dav.C("schedule-response"))
	return sent(w.Close())
}

// readBusyRequest reads a VFREEBUSY with METHOD:REQUEST (RFC 5546 section 3.3.2).
func readBusyRequest(cal *ical.Component, most int) (*busyRequest, error) {
	if m := cal.Value("METHOD"); !strings.EqualFold(m, "REQUEST") {
		return nil, badMessage("the outbox takes requests for busy times only: METHOD:REQUEST (RFC 6638 section 5)")
	}
	var fb *ical.Component
	for c := range cal.Main() {
		if c.Name() != "VFREEBUSY" || fb != nil {
			return nil, badMessage(
				"the outbox takes one VFREEBUSY; to invite, PUT the event into a calendar (RFC 6638 section 5)")
		}
		fb = c
	}
	if fb == nil {
		return nil, badMessage("there is no VFREEBUSY")
	}
	b := &busyRequest{uid: fb.Text("UID"), without: fb.Text("X-CALENDARSERVER-MASK-UID")}
	if len(b.uid) > maxEcho {
		return nil, badMessage("the UID is longer than %d octets", maxEcho)
	}
	if strings.TrimSpace(fb.Value("ORGANIZER")) == "" {
		return nil, badMessage("the request has no ORGANIZER")
	}
	b.organizer = echo(fb.Prop("ORGANIZER"))
	for a := range fb.All("ATTENDEE") {
		b.attendees = append(b.attendees, echo(a))
	}
	if len(b.attendees) == 0 {
		return nil, badMessage("the request has no ATTENDEE")
	}
	if len(b.attendees) > min(most, maxFound) {
		return nil, calendar.Errorf(calendar.TooManyAttendees, "at most %d attendees can be asked for at once", min(most, maxFound))
	}
	var err error
	zones := zone.NewResolver(cal)
	if b.start, err = instant(fb, "DTSTART", zones); err != nil {
		return nil, err
	}
	if fb.Prop("DTEND") == nil && fb.Prop("DURATION") != nil {
		d, err := ical.ParseDuration(fb.Value("DURATION"))
		if err != nil {
			return nil, calendar.Errorf(calendar.InvalidData, "DURATION: %w", err)
		}
		b.end = d.Add(b.start)
	} else if b.end, err = instant(fb, "DTEND", zones); err != nil {
		return nil, err
	}
	if !b.start.Before(b.end) {
		return nil, badMessage("the request must end after its start")
	}
	return b, nil
}

// maxEcho bounds what of a request stands in each of its answers, in octets.
const maxEcho = 1000

// echo is an ORGANIZER or ATTENDEE of a request as it stands in the answers: as it was sent, with its CN (RFC 6638 appendix B.5), or where
// that is long without any parameters.
func echo(p *ical.Property) *ical.Property {
	e := ical.NewProperty(p.Name(), strings.TrimSpace(p.Value()), p.Params()...)
	if len(e.Line()) > maxEcho {
		return ical.NewProperty(e.Name(), e.Value())
	}
	return e
}

// badMessage: the request is no iTIP message that the outbox takes (RFC 6638 section 5.2.1).
func badMessage(format string, args ...any) error {
	return violates(http.StatusForbidden, dav.C("valid-scheduling-message"), format, args...)
}

func instant(c *ical.Component, name string, zones *zone.Resolver) (time.Time, error) {
	p := c.Prop(name)
	if p == nil {
		return time.Time{}, badMessage("the request has no %s", name)
	}
	d, err := p.DateTime()
	if err != nil {
		return time.Time{}, calendar.Errorf(calendar.InvalidData, "%w", err)
	}
	loc := time.UTC
	if d.Form == ical.ZonedForm {
		loc, _ = zones.Location(d.TZID)
	}
	return zone.Instant(d.Wall, loc).UTC(), nil
}

// checkOrganizer: one asks in one's own name (RFC 6638 section 5.2.2). Evolution makes an address of the
// login name where it knows none.
func (q *request) checkOrganizer(b *busyRequest, owner *storage.Principal) error {
	users, err := q.calendarUsers([]string{b.organizer.Value()})
	if err != nil {
		return err
	}
	if u := users[0]; u != nil && u.ID == owner.ID || ical.Address(b.organizer.Value()) == ical.Address("mailto:"+owner.Name) {
		return nil
	}
	return violates(http.StatusForbidden, dav.C("valid-organizer"), "the ORGANIZER is not the owner of this outbox")
}

// calendarUsers finds the principals of calendar user addresses: nil for those that are nobody's here.
func (q *request) calendarUsers(addresses []string) ([]*storage.Principal, error) {
	users := make([]*storage.Principal, len(addresses))
	ask := make([]string, len(addresses))
	for i, a := range addresses {
		ask[i] = ical.Address(a)
		p, ok := q.placeOf(a)
		if !ok || p.kind != principalKind {
			continue
		}
		r, err := q.find(p)
		if err == nil {
			users[i] = r.owner
		} else if statusOf(q, err) != http.StatusNotFound {
			return nil, err
		}
	}
	found, err := q.h.Store.PrincipalsByAddress(q.ctx, slices.Compact(slices.Sorted(slices.Values(ask))))
	if err != nil {
		return nil, fmt.Errorf("principals by address: %w", err)
	}
	for i, a := range ask {
		if users[i] == nil {
			users[i] = found[a]
		}
	}
	return users, nil
}

// busy says when one attendee is busy, or with a status why that is not known.
func (q *request) busy(b *busyRequest, attendee *ical.Property, p *storage.Principal, f format) (status string, answer []byte, err error) {
	if p == nil || p.Kind == storage.Group {
		return scheduling.StatusInvalid, nil, nil
	}
	periods, err := q.h.Calendar.AttendeeBusy(q.ctx, q.who, p, b.start, b.end, b.without)
	if e, ok := errors.AsType[*calendar.Error](err); ok && e.Kind == calendar.Forbidden {
		return scheduling.StatusForbidden, nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	reply := scheduling.FreeBusyReply("REPLY", b.start, b.end, q.h.Now().UTC(), periods, b.organizer, attendee, b.uid)
	if answer, err = f.print(reply, q.h.Now()); err != nil {
		return "", nil, err
	}
	return "2.0", answer, nil
}
