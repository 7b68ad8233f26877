package caldav

import (
	"fmt"
	"net/http"
	"strconv"

	"kalends/auth"
	"kalends/dav"
	"kalends/storage"
)

const welcome = `This is the address of a calendar server.
Put it into a calendar program (CalDAV), with your name and password.
`

// get handles GET and HEAD: an object as it is stored, a calendar as one iCalendar stream.
func (q *request) get() error {
	switch q.at.kind {
	case siteRoot:
		q.w.Header().Set("Location", rootHref)
		q.w.WriteHeader(http.StatusFound)
		return nil
	case davRoot:
		q.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, err := q.w.Write([]byte(welcome))
		return sent(err)
	case memberPlace:
		return q.getObject()
	}
	res, err := q.find(q.at)
	if err != nil {
		if q.at.kind == collectionPlace && q.at.slug == freeBusyPlace && statusOf(q, err) == http.StatusNotFound {
			return q.homeBusy()
		}
		return err
	}
	if res.kind != calendarKind {
		return q.notAllowed(res.kind)
	}
	return q.getCalendar(res)
}

// sent makes an error of writing the answer one that nothing can be said of any more.
func sent(err error) error {
	if err != nil {
		return fmt.Errorf("%w: %w", errSent, err)
	}
	return nil
}

// getObject serves the stored octets (RFC 4791 section 5.3.4).
func (q *request) getObject() error {
	res, err := q.find(q.at)
	if err != nil {
		return err
	}
	done, err := q.unchanged(stateOf(res.obj))
	if done || err != nil {
		return err
	}
	if res.kind == noticeKind {
		return q.sendNotice(res.obj)
	}
	return q.sendObject(http.StatusOK, res.obj, "")
}

// sendObject answers with an object in the format that is wanted, which is of the type first where the request says
// nothing.
func (q *request) sendObject(status int, o *storage.Object, first string) error {
	text, f := q.text(q.format(first), o.ICS)
	q.objectHeaders(o)
	q.w.Header().Set("Content-Type", f.of(contentType(o)))
	return q.write(status, text)
}

// objectHeaders describes an object that is sent or told of.
func (q *request) objectHeaders(o *storage.Object) {
	h := q.w.Header()
	h.Set("ETag", o.ETag)
	if o.ScheduleTag != "" {
		h.Set("Schedule-Tag", o.ScheduleTag)
	}
	h.Set("Content-Type", contentType(o))
	h.Set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
}

// contentType names the component, by which some programs choose what to fetch (RFC 5545 section 8.1).
func contentType(o *storage.Object) string {
	t := calendarType
	if o.Component != "" {
		t += "; component=" + o.Component
	}
	if o.Method != "" {
		t += "; method=" + o.Method
	}
	return t
}

const calendarType = "text/calendar; charset=utf-8"

// unchanged answers a conditional GET that needs no body (RFC 9110 section 13), and reports whether it did.
func (q *request) unchanged(s dav.State) (done bool, err error) {
	c, err := q.conditions()
	if err != nil || c.none() {
		return false, err
	}
	switch c.Check(q.r.Method, s) {
	case dav.NotModified:
		h := q.w.Header()
		h.Set("ETag", s.ETag)
		if !s.Modified.IsZero() {
			h.Set("Last-Modified", s.Modified.UTC().Format(http.TimeFormat))
		}
		q.w.WriteHeader(http.StatusNotModified)
		return true, nil
	case dav.PreconditionFailed:
		return true, refuse(http.StatusPreconditionFailed, "%s", c.why(s))
	}
	if !c.evalIf(s) {
		return true, refuse(http.StatusPreconditionFailed, "the condition of the If header does not hold")
	}
	return false, nil
}

// write sends a whole answer.
func (q *request) write(status int, b []byte) error {
	q.w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	q.w.WriteHeader(status)
	_, err := q.w.Write(b)
	return sent(err)
}

// getCalendar serves a whole calendar as one iCalendar stream (RFC 4791 leaves it open; programs subscribe to it).
func (q *request) getCalendar(res *resource) error {
	if err := res.need(auth.Read, dav.D("read")); err != nil {
		return err
	}
	done, err := q.unchanged(dav.State{Exists: true, ETag: collectionETag(res)})
	if done || err != nil {
		return err
	}
	h := q.w.Header()
	h.Set("ETag", collectionETag(res))
	f := q.format("")
	h.Set("Content-Type", f.of(calendarType))
	if q.r.Method == "HEAD" {
		q.w.WriteHeader(http.StatusOK)
		return nil
	}
	return q.sendCalendar(res, f)
}

// collectionETag changes with everything in a calendar and of it, and of its sharee's own where it is somebody else's.
func collectionETag(r *resource) string {
	c := r.cal
	b := make([]byte, 0, 64)
	b = append(b, '"')
	b = strconv.AppendInt(b, c.ID, 10)
	b = append(b, '-')
	b = strconv.AppendInt(b, max(c.LastSeq, c.Seq), 10)
	if r.share != nil {
		b = append(b, "-s"...)
		b = strconv.AppendInt(b, r.share.Seq, 10)
	}
	return string(append(b, '"'))
}
