package caldav

import (
	"io"
	"mime"
	"net/http"
	"strings"

	"kalends/calendar"
	"kalends/dav"
	"kalends/ical/jcal"
)

// put handles PUT of a calendar object resource (RFC 4791 section 5.3.2).
func (q *request) put() error {
	switch {
	case q.at.kind == deepPlace:
		return calendar.Errorf(calendar.NoParent, "there is no collection to put it in")
	case q.at.kind == collectionPlace && !q.at.dir, q.at.kind == noPlace:
		return refuse(http.StatusForbidden, "objects are put into calendars only")
	case q.at.kind != memberPlace || q.at.dir:
		return q.notAllowed(q.kindThere())
	}
	t, err := q.target(q.at)
	if err != nil {
		return err
	}
	c, err := q.conditions()
	if err != nil {
		return err
	}
	text, err := q.readCalendar()
	if err != nil {
		return err
	}
	prefer := q.prefer()
	res, err := q.h.Calendar.Put(q.ctx, calendar.PutRequest{
		Who: q.who, Target: t, Body: text, Cond: c.onObject(), TagMatched: c.tagMatched(), Base: q.base(),
	})
	if err != nil {
		if prefer.Representation && calendar.KindOf(err) == calendar.Changed {
			return q.current(err)
		}
		return err
	}
	return q.stored(res, prefer)
}

// kindThere says what is at a place that a method has no meaning for, as far as its Allow header needs it.
func (q *request) kindThere() kind {
	if q.at.kind&(collectionPlace|memberPlace) == 0 {
		return q.at.kind
	}
	if res, err := q.find(q.at); err == nil {
		return res.kind
	}
	return q.at.kind
}

// stored answers a PUT, or a POST that made an object.
func (q *request) stored(res *calendar.PutResult, prefer dav.Prefer) error {
	h := q.w.Header()
	status := http.StatusNoContent
	if res.Created {
		status = http.StatusCreated
	}
	if prefer.Representation { // RFC 8144 section 3.1
		h.Set("Content-Location", objectHref(q.at.name, q.at.slug, res.Object.Name))
		if !res.Created {
			status = http.StatusOK
		}
		return q.sendObject(status, res.Object, q.bodyType)
	}
	if res.AsSent && q.bodyType == "" { // RFC 4791 section 5.3.4
		h.Set("ETag", res.Object.ETag)
	}
	if res.Object.ScheduleTag != "" {
		h.Set("Schedule-Tag", res.Object.ScheduleTag)
	}
	if res.Created {
		h.Set("Content-Length", "0")
	}
	q.w.WriteHeader(status)
	return nil
}

// current answers a PUT whose condition failed with what is there, as asked (RFC 8144 section 3.2).
func (q *request) current(failed error) error {
	res, err := q.find(q.at)
	if err != nil {
		return failed
	}
	q.w.Header().Set("Content-Location", res.url())
	return q.sendObject(http.StatusPreconditionFailed, res.obj, q.bodyType)
}

// readCalendar reads a body that must be iCalendar, or jCal, which it turns into iCalendar.
func (q *request) readCalendar() ([]byte, error) {
	if err := q.plainBody(); err != nil {
		return nil, err
	}
	if err := q.checkType(); err != nil {
		return nil, err
	}
	limit := q.h.Calendar.Limit().ObjectSize
	tooLarge := calendar.Errorf(calendar.TooLarge, "an object may have at most %d octets", limit)
	if q.r.ContentLength > limit {
		return nil, tooLarge
	}
	var text []byte
	var err error
	if n := q.r.ContentLength; n > 0 {
		text = make([]byte, n)
		_, err = io.ReadFull(q.r.Body, text)
	} else {
		text, err = io.ReadAll(io.LimitReader(q.r.Body, limit+1))
	}
	if err != nil {
		return nil, bodyError(err)
	}
	if int64(len(text)) > limit {
		return nil, tooLarge
	}
	if q.bodyType == jcal.MediaType {
		return fromJSON(text)
	}
	return text, nil
}

// checkType takes text/calendar, and what programs send that do not know what they send. A charset other than UTF-8 is
// not converted: the octets that a client PUTs are those it GETs.
func (q *request) checkType() error {
	h := q.r.Header.Get("Content-Type")
	switch h {
	case "", "text/calendar", "text/calendar; charset=utf-8":
		return nil
	}
	t, params, err := mime.ParseMediaType(h)
	if err != nil && t == "" {
		return refuse(http.StatusBadRequest, "the Content-Type cannot be read")
	}
	switch t {
	case "text/calendar":
	case jcal.MediaType:
		q.bodyType = t
	case "application/octet-stream", "text/plain", "application/x-www-form-urlencoded":
		return nil
	default:
		return calendar.Errorf(calendar.UnsupportedData, "only %s is stored here, not %.60s", strings.Join(offers, " or "), t)
	}
	if c := params["charset"]; c != "" && !strings.EqualFold(c, "utf-8") && !strings.EqualFold(c, "utf8") && !strings.EqualFold(c, "us-ascii") {
		return calendar.Errorf(calendar.InvalidData, "iCalendar is stored in UTF-8 only, not in %.30s (RFC 5545 section 3.1.4)", c)
	}
	return nil
}
