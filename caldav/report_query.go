package caldav

import (
	"net/http"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/dav"
	"kalends/ical/query"
	"kalends/ical/zone"
)

// calendarQuery handles the calendar-query report (RFC 4791 section 7.8).
//
// Of a calendar all members are searched whatever Depth says: programs leave it out, where the RFC's default would
// give nothing. Of a home all calendars are searched with Depth 1 or infinity.
func (q *request) calendarQuery(root *dav.Element, res *resource) error {
	depth, err := dav.ParseDepth(q.r.Header, dav.DepthZero)
	if err != nil {
		return err
	}
	f, err := parseFilter(root.Child(dav.C("filter")))
	if err != nil {
		return err
	}
	floating, err := queryZone(root)
	if err != nil {
		return err
	}
	x, err := q.reportRender(root)
	if err != nil {
		return err
	}
	if x.data != nil {
		x.data.floating = floating
	}
	if err := res.need(auth.Read, dav.D("read")); err != nil {
		return err
	}
	prefer := q.prefer()
	return q.multistatus(prefer.Minimal, func(ms *dav.Multistatus) error {
		x.ms = ms
		switch {
		case res.obj != nil:
			return x.queryObject(res, f, floating)
		case res.kind != homeKind:
			return x.query(res, f, floating)
		case depth == dav.DepthZero:
			return nil
		}
		for _, c := range x.home(res.owner) {
			if r := q.collection(res.access, c); r.kind == calendarKind && r.may.Has(auth.Read) {
				if err := x.query(r, f, floating); err != nil {
					return err
				}
			}
		}
		for _, r := range x.sharedIn(res) {
			if err := x.query(r, f, floating); err != nil {
				return err
			}
		}
		return x.err
	})
}

// query writes the members of a collection that the filter matches.
func (x *render) query(r *resource, f *query.Filter, floating *time.Location) error {
	t := r.target("")
	if r.share == nil {
		t.Calendar = r.cal
	}
	m := *r
	return x.q.h.Calendar.Query(x.q.ctx, x.q.who, t, f, floating, func(match *calendar.Match) error {
		m.kind = r.kind
		m.setMember(match.Object)
		if x.data != nil {
			x.data.match = match
		}
		return x.resource(&m)
	})
}

func (x *render) queryObject(r *resource, f *query.Filter, floating *time.Location) error {
	m := x.q.h.Calendar.MatchOf(r.obj)
	cal, err := m.Parsed()
	if err != nil {
		return err
	}
	series, err := m.Series()
	if err != nil {
		return err
	}
	if floating == nil {
		floating = calendar.CalendarZone(r.cal, nil)
	}
	if ok, err := f.Match(cal, series, floating); err != nil || !ok {
		return err
	}
	return x.resource(r)
}

// queryZone reads the zone of floating times in a query: CALDAV:timezone (RFC 4791 section 9.8) or CALDAV:timezone-id
// (RFC 7809 section 5.1); nil when there is none.
func queryZone(root *dav.Element) (*time.Location, error) {
	if e := root.Child(dav.C("timezone-id")); e != nil {
		name, ok := zone.Canonical(e.Value())
		if ok {
			if loc, ok := zone.Load(name); ok {
				return loc, nil
			}
		}
		return nil, violates(http.StatusForbidden, dav.C("valid-timezone"), "there is no time zone %.60q", e.Value())
	}
	if e := root.Child(dav.C("timezone")); e != nil {
		loc, err := calendar.ZoneOf(e.Text)
		if err != nil {
			return nil, violates(http.StatusForbidden, dav.C("valid-calendar-data"), "timezone: %v", err)
		}
		return loc, nil
	}
	return nil, nil
}
