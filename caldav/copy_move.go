package caldav

import (
	"errors"
	"net/http"

	"kalends/calendar"
	"kalends/dav"
)

// copyMove handles COPY and MOVE of objects (RFC 4918 sections 9.8 and 9.9) within and between calendars.
func (q *request) copyMove() error {
	if q.at.kind != memberPlace || q.at.dir {
		res, err := q.find(q.at)
		if err != nil {
			return err
		}
		if res.kind == calendarKind {
			return refuse(http.StatusForbidden, "calendars are not copied or moved; make a new one and move the objects")
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

func destinationError(err error) error {
	if errors.Is(err, dav.ErrOtherServer) {
		return &refusal{status: http.StatusBadGateway, msg: "the Destination is on another server", err: err}
	}
	return err
}
