package caldav

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kalends/dav"
	"kalends/ical"
	"kalends/ical/jcal"
	"kalends/scheduling"
	"kalends/storage"
)

// Busy times by GET, as CalConnect's "Freebusy Read URL" has it: of people who want to have them public /freebusy/NAME, and for who has
// an account freebusy in everybody's home, where no calendar is called so.
const (
	freeBusyPlace   = "freebusy"
	defaultBusySpan = 42 * 24 * time.Hour // what programs show
	maxPublicSpan   = 366 * 24 * time.Hour
)

func freeBusyHref(name string) string { return dav.EscapePath([]string{freeBusyPlace, name}, false) }

// kalendsName is the name of a property of our own.
func kalendsName(local string) dav.Name { return dav.Name{Space: "urn:x-kalends", Local: local} }

// publicBusyProperties let people choose, and tell them the address.
var publicBusyProperties = []*property{
	{name: kalendsName("public-free-busy"), on: principalKind, has: hasHome,
		write: func(_ *render, r *resource, w *dav.Writer) {
			if r.owner.PublicBusy {
				w.Text("T")
			} else {
				w.Text("F")
			}
		},
		setOn: principalKind, setPerson: func(p *storage.Principal, e *dav.Element) error {
			if p.Kind == storage.Group {
				return refuse(http.StatusForbidden, "groups have no busy times")
			}
			switch {
			case e == nil, e.Value() == "F":
				p.PublicBusy = false
			case e.Value() == "T":
				p.PublicBusy = true
			default:
				return refuse(http.StatusConflict, "public-free-busy is T or F")
			}
			return nil
		}},
	{name: kalendsName("free-busy-URL"), on: principalKind,
		has:   func(_ *render, r *resource) bool { return r.owner.PublicBusy },
		hrefs: func(_ *render, r *resource) []string { return []string{freeBusyHref(r.owner.Name)} }},
}

func hasHome(_ *render, r *resource) bool { return r.owner.Kind != storage.Group }

// publicBusy answers anybody's GET of /freebusy/NAME. Who has no public busy times is not there.
func (q *request) publicBusy(segments []string) error {
	if q.r.Method != "GET" && q.r.Method != "HEAD" {
		return &refusal{status: http.StatusMethodNotAllowed, msg: "busy times can only be read", allow: "GET, HEAD"}
	}
	nothing := refuse(http.StatusNotFound, "there are no public busy times here")
	if len(segments) != 2 {
		return nothing
	}
	name := segments[1]
	for _, suffix := range [...]string{".ifb", ".vfb", ".ics"} { // some programs want one
		name = strings.TrimSuffix(name, suffix)
	}
	p, err := q.h.Store.PrincipalByName(q.ctx, name)
	if errors.Is(err, storage.ErrNotFound) || err == nil && (!p.PublicBusy || p.Kind == storage.Group) {
		return nothing
	}
	if err != nil {
		return fmt.Errorf("public busy times: %w", err)
	}
	return q.busyTimes(p, func(start, end time.Time) ([]scheduling.Period, error) {
		return q.h.Calendar.PublicBusy(q.ctx, p, start, end)
	}, "max-age=60")
}

// homeBusy answers GET of freebusy in a home: what a POST to one's own outbox tells of the home's owner.
func (q *request) homeBusy() error {
	owner, err := q.owner(q.at)
	if err != nil {
		return err
	}
	if owner.Kind == storage.Group {
		return errNothing
	}
	return q.busyTimes(owner, func(start, end time.Time) ([]scheduling.Period, error) {
		return q.h.Calendar.AttendeeBusy(q.ctx, q.who, owner, start, end, "")
	}, "private, no-cache")
}

// busyTimes sends a VFREEBUSY for the span that the query asks for. cache is the Cache-Control of the answer.
func (q *request) busyTimes(p *storage.Principal, busy func(start, end time.Time) ([]scheduling.Period, error), cache string) error {
	query, err := url.ParseQuery(q.r.URL.RawQuery)
	if err != nil {
		return refuse(http.StatusBadRequest, "the query cannot be read")
	}
	start, end, err := busySpan(query, q.h.Now())
	if err != nil {
		return err
	}
	periods, err := busy(start, end)
	if err != nil {
		return err
	}
	var organizer *ical.Property
	if p.Email != "" {
		organizer = ical.NewProperty("ORGANIZER", "mailto:"+p.Email)
	}
	f := q.format("")
	switch query.Get("format") {
	case "":
	case "text/calendar":
		f.json = false
	case jcal.MediaType:
		f.json = true
	default:
		return refuse(http.StatusNotAcceptable, "format is text/calendar or %s", jcal.MediaType)
	}
	reply := scheduling.FreeBusyReply("PUBLISH", start, end, q.h.Now().UTC(), periods, organizer, nil, busyUID(p.ID, start, end))
	text, err := f.print(reply, q.h.Now())
	if err != nil {
		return err
	}
	h := q.w.Header()
	h.Set("Content-Type", f.of(calendarType+"; component=VFREEBUSY; method=PUBLISH"))
	h.Set("Cache-Control", cache)
	return q.write(http.StatusOK, text)
}

// busyUID is the same for the same question (RFC 5546 section 3.3.1 wants a UID).
func busyUID(owner int64, start, end time.Time) string {
	var b [24]byte
	for i, n := range [...]int64{owner, start.Unix(), end.Unix()} {
		binary.BigEndian.PutUint64(b[8*i:], uint64(n))
	}
	return fmt.Sprintf("%x", sha256.Sum256(b[:]))[:32]
}

// busySpan reads start, end and period. Without them it is the six weeks from today.
func busySpan(query url.Values, now time.Time) (start, end time.Time, err error) {
	for name, values := range query {
		if len(values) > 1 {
			return start, end, refuse(http.StatusBadRequest, "the parameter %.20q occurs more than once", name)
		}
	}
	start = now.UTC().Truncate(24 * time.Hour)
	if v := query.Get("start"); v != "" {
		if start, err = busyTime(v); err != nil {
			return start, end, refuse(http.StatusBadRequest, "start: %v", err)
		}
	}
	end = start.Add(defaultBusySpan)
	switch v, p := query.Get("end"), query.Get("period"); {
	case v != "" && p != "":
		return start, end, refuse(http.StatusBadRequest, "end and period exclude each other")
	case v != "":
		if end, err = busyTime(v); err != nil {
			return start, end, refuse(http.StatusBadRequest, "end: %v", err)
		}
	case p != "":
		d, err := ical.ParseDuration(p)
		if err != nil {
			return start, end, refuse(http.StatusBadRequest, "period: %v", err)
		}
		end = d.Add(start)
	}
	switch {
	case !start.Before(end):
		return start, end, refuse(http.StatusBadRequest, "the end must be after the start")
	case end.Sub(start) > maxPublicSpan:
		return start, end, refuse(http.StatusBadRequest, "at most a year can be asked for")
	}
	return start, end, nil
}

// busyTime reads a time in the manner of RFC 3339 or iCalendar, or a day.
func busyTime(v string) (time.Time, error) {
	for _, layout := range [...]string{time.RFC3339, "2006-01-02", "20060102T150405Z0700", "20060102"} {
		if t, err := time.Parse(layout, v); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errors.New("expected a time such as 2026-01-20T09:00:00Z, or a day")
}
