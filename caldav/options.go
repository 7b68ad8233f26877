package caldav

import (
	"net/http"

	"kalends/calendar"
)

// davHeader lists what is supported (RFC 4918 section 10.1): classes 1 and 3, RFC 3744, 5689, 4791, 6638.
var davHeader = []string{"1, 3, access-control, extended-mkcol, calendar-access, calendar-auto-schedule, calendarserver-principal-search"}

// options handles OPTIONS (RFC 4918 section 9.1, RFC 4791 section 5.1): what there is to be done with just this resource.
func (q *request) options() error {
	k := q.at.kind
	res, err := q.find(q.at)
	switch {
	case err == nil:
		k = res.kind
	case k == principalKind || k == homeKind || statusOf(q, err) != http.StatusNotFound:
		return err
	case k == collectionPlace || k == memberPlace:
		// What could be made there, if the place is in the asker's own home.
		if q.at.name != q.who.Name {
			return err
		}
		if k == memberPlace {
			t := calendar.Target{Owner: q.who, Slug: q.at.slug}
			if _, err := q.h.Calendar.Collection(q.ctx, q.who, t); err != nil {
				return err
			}
		}
	default:
		return err
	}
	h := q.w.Header()
	h["DAV"] = davHeader
	h.Set("Allow", allowed[k])
	h.Set("Content-Length", "0")
	q.w.WriteHeader(http.StatusOK)
	return nil
}

// statusOf is the status that an error is answered with.
func statusOf(q *request, err error) int {
	e, _ := q.refusalOf(err)
	return e.status
}
