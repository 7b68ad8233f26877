package caldav

import (
	"net/http"

	"kalends/auth"
	"kalends/calendar"
	"kalends/dav"
	"kalends/scheduling"
	"kalends/storage"
)

// freeBusyQuery handles the free-busy-query report (RFC 4791 section 7.10). Its answer is iCalendar, not a multistatus.
func (q *request) freeBusyQuery(root *dav.Element, res *resource) error {
	depth, err := dav.ParseDepth(q.r.Header, dav.DepthZero)
	if err != nil {
		return err
	}
	e := root.Child(dav.C("time-range"))
	if e == nil {
		return refuse(http.StatusBadRequest, "a free-busy-query has a time-range (RFC 4791 section 9.11)")
	}
	r, err := wholeRange(e)
	if err != nil {
		return err
	}
	if err := res.need(auth.ReadFreeBusy, dav.C("read-free-busy")); err != nil {
		return err
	}
	b := calendar.BusyQuery{Owner: res.owner, Start: r.Start, End: r.End}
	var home []*storage.Calendar
	switch {
	case res.kind == calendarKind:
		b.Calendars = []*storage.Calendar{res.cal}
	case depth != dav.DepthZero:
		var err error
		if home, err = q.h.Store.Calendars(q.ctx, res.owner.ID); err != nil {
			return err
		}
		for _, c := range home {
			if c.Kind == storage.CalendarKind && !c.Transparent && res.access.To(c).Has(auth.ReadFreeBusy) {
				b.Calendars = append(b.Calendars, c)
			}
		}
	}
	periods, err := q.h.Calendar.HomeBusy(q.ctx, home, b)
	if err != nil {
		return err
	}
	answer := scheduling.FreeBusyReply("", r.Start, r.End, q.h.Now().UTC(), periods, nil, nil, "")
	f := q.format("")
	text, err := f.print(answer, q.h.Now())
	if err != nil {
		return err
	}
	q.w.Header().Set("Content-Type", f.of(calendarType))
	return q.write(http.StatusOK, text)
}
