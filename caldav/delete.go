package caldav

import (
	"net/http"
	"strings"

	"kalends/calendar"
	"kalends/dav"
	"kalends/storage"
)

// delete handles DELETE of an object, an item of the inbox, or a calendar (RFC 4918 section 9.6).
func (q *request) delete() error {
	switch q.at.kind {
	case memberPlace, collectionPlace:
	case deepPlace, noPlace:
		return errNothing
	default:
		return q.notAllowed(q.at.kind)
	}
	t, err := q.target(q.at)
	if err != nil {
		return err
	}
	c, err := q.conditions()
	if err != nil {
		return err
	}
	if q.at.kind == memberPlace {
		if q.at.dir {
			return errNothing
		}
		err = q.h.Calendar.Delete(q.ctx, calendar.DeleteRequest{
			Who: q.who, Target: t, Cond: c.onObject(),
			NoReply: strings.EqualFold(strings.TrimSpace(q.r.Header.Get("Schedule-Reply")), "F"), // RFC 6638 section 8.1
		})
	} else {
		err = q.deleteCalendar(t, c)
	}
	if err != nil {
		return err
	}
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (q *request) deleteCalendar(t calendar.Target, c *conditions) error {
	// RFC 4918 section 9.6.1: a collection goes with all its members or not at all.
	if d, err := dav.ParseDepth(q.r.Header, dav.DepthInfinity); err != nil {
		return err
	} else if d != dav.DepthInfinity {
		return refuse(http.StatusBadRequest, "a collection is deleted with Depth: infinity only (RFC 4918 section 9.6.1)")
	}
	var cond calendar.Condition
	if !c.none() {
		cal, err := q.h.Calendar.Collection(q.ctx, q.who, t)
		if err != nil {
			return err
		}
		col, err := q.collectionOf(t, cal)
		if err != nil {
			return err
		}
		cond = func(*storage.Object) error { return c.onCollection(col) }
	}
	return q.h.Calendar.DeleteCalendar(q.ctx, q.who, t, cond)
}
