package caldav

import (
	"net/http"

	"kalends/auth"
)

// davHeader lists what is supported (RFC 4918 section 10.1): classes 1 and 3, RFC 3744, 5689, 4791, 7809, 6638, 7953, 8607.
// Programs that know calendar-auto-schedule go by it; calendar-schedule is the older name, without which Evolution asks nobody's
// outbox for busy times.
var davHeader = []string{"1, 3, access-control, extended-mkcol, calendar-access, calendar-no-timezone, calendar-availability, calendar-schedule, calendar-auto-schedule, calendar-proxy, calendarserver-principal-search, calendarserver-sharing, calendar-managed-attachments"}

// options handles OPTIONS (RFC 4918 section 9.1, RFC 4791 section 5.1): what there is to be done with just this resource.
func (q *request) options() error {
	k := q.at.kind
	res, err := q.find(q.at)
	switch {
	case err == nil:
		k = res.kind
	case k == principalKind || k == proxyKind || k == homeKind || statusOf(q, err) != http.StatusNotFound:
		return err
	case k == collectionPlace || k == memberPlace:
		// What could be made there, if the asker may.
		parent := q.at
		parent.kind, parent.obj = homeKind, ""
		if k == memberPlace {
			parent.kind = collectionPlace
		}
		if in, e := q.find(parent); e != nil || !in.may.Has(auth.Bind) {
			return err
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
