package caldav

import (
	"errors"
	"net/http"

	"kalends/calendar"
	"kalends/dav"
	"kalends/storage"
)

// copyMove handles COPY and MOVE of objects (RFC 4918 sections 9.8 and 9.9) within and between calendars.
func (q *request) copyMove() error {
	if q.at.kind != memberPlace || q.at.dir {
		res, err := q.find(q.at)
		if err != nil {
			return err
		}
		switch {
		case res.kind == calendarKind && q.r.Method == "MOVE":
			return q.moveCalendar(res)
		case res.kind == calendarKind:
			return refuse(http.StatusForbidden, "calendars are not copied; make a new one and copy the objects")
		}
		return q.notAllowed(res.kind)
	}
	segments, dir, err := dav.ParseDestination(q.r.Header, q.hosts()...)
	if err != nil {
		return destinationError(err)
	}
	to := locate(segments, dir)
	switch {
	case to.kind == collectionPlace && !dir, to.kind == homeKind, to.kind == noPlace, to.kind == principalKind:
		return violates(http.StatusForbidden, dav.C("calendar-collection-location-ok"), "objects live in calendars only")
	case to.kind == deepPlace:
		return calendar.Errorf(calendar.NoParent, "there is no collection at the destination")
	case to.kind != memberPlace || to.dir:
		return refuse(http.StatusForbidden, "the destination cannot be an object")
	}
	overwrite, err := dav.ParseOverwrite(q.r.Header)
	if err != nil {
		return err
	}
	c, err := q.conditions()
	if err != nil {
		return err
	}
	from, err := q.target(q.at)
	if err != nil {
		return err
	}
	dest, err := q.target(to)
	if err != nil {
		return err
	}
	r := calendar.MoveRequest{Who: q.who, From: from, To: dest, Cond: c.onObject(), Overwrite: overwrite}
	move := q.h.Calendar.Copy
	if q.r.Method == "MOVE" {
		move = q.h.Calendar.Move
	}
	created, err := move(q.ctx, r)
	if err != nil {
		return err
	}
	status := http.StatusNoContent
	if created {
		status = http.StatusCreated
		q.w.Header().Set("Location", objectHref(to.name, to.slug, to.obj))
		q.w.Header().Set("Content-Length", "0")
	}
	q.w.WriteHeader(status)
	return nil
}

// moveCalendar gives a calendar another URL in its home. A collection is moved with all that is in it (RFC 4918 section 9.9.3).
func (q *request) moveCalendar(res *resource) error {
	if d, err := dav.ParseDepth(q.r.Header, dav.DepthInfinity); err != nil {
		return err
	} else if d != dav.DepthInfinity {
		return refuse(http.StatusBadRequest, "a collection is moved with Depth: infinity only (RFC 4918 section 9.9.2)")
	}
	segments, dir, err := dav.ParseDestination(q.r.Header, q.hosts()...)
	if err != nil {
		return destinationError(err)
	}
	to := locate(segments, dir)
	switch to.kind {
	case collectionPlace:
	case memberPlace, deepPlace, noPlace:
		return calendar.Errorf(calendar.BadLocation, "calendars live directly in a home (RFC 4791 section 4.2)")
	default:
		return refuse(http.StatusForbidden, "the destination cannot be a calendar")
	}
	overwrite, err := dav.ParseOverwrite(q.r.Header)
	if err != nil {
		return err
	}
	c, err := q.conditions()
	if err != nil {
		return err
	}
	dest, err := q.target(to)
	if err != nil {
		return err
	}
	from := res.target("")
	r := calendar.MoveRequest{Who: q.who, From: from, To: dest, Overwrite: overwrite}
	if !c.none() {
		r.Cond = func(*storage.Object) error { return c.onCollection(res) }
	}
	if err := q.h.Calendar.MoveCalendar(q.ctx, r); err != nil {
		return err
	}
	q.w.Header().Set("Location", collectionHref(to.name, to.slug))
	q.w.Header().Set("Content-Length", "0")
	q.w.WriteHeader(http.StatusCreated)
	return nil
}

func destinationError(err error) error {
	if errors.Is(err, dav.ErrOtherServer) {
		return &refusal{status: http.StatusBadGateway, msg: "the Destination is on another server", err: err}
	}
	return err
}
