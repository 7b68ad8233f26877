package caldav

import (
	"net/http"
	"strconv"

	"kalends/calendar"
	"kalends/dav"
	"kalends/storage"
)

// syncCollection handles the sync-collection report (RFC 6578 section 3). Depth is ignored, since programs send it as
// well as sync-level, and older ones only it. Sync-level infinite is that of 1: calendars hold no collections.
func (q *request) syncCollection(root *dav.Element, res *resource) error {
	if err := checkSyncLevel(root, q.r.Header); err != nil {
		return err
	}
	limit, err := syncLimit(root)
	if err != nil {
		return err
	}
	e := root.Child(dav.D("sync-token"))
	if e == nil {
		return refuse(http.StatusBadRequest, "a sync-collection has a sync-token, which is empty the first time (RFC 6578 section 6.1)")
	}
	x, err := q.reportRender(root)
	if err != nil {
		return err
	}
	t := calendar.Target{Owner: res.owner, Slug: res.cal.Slug, Access: res.access}
	changes, err := q.h.Calendar.Sync(q.ctx, q.who, t, e.Value(), limit)
	if err != nil {
		return err
	}
	prefer := q.prefer()
	return q.multistatus(prefer.Minimal, func(ms *dav.Multistatus) error {
		x.ms = ms
		if err := x.changes(res, changes.Changes); err != nil {
			return err
		}
		if changes.More {
			ms.Truncated(res.href)
		}
		ms.SyncToken(changes.Token.String())
		return nil
	})
}

// changes writes members that changed or went.
func (x *render) changes(res *resource, list []storage.Change) error {
	m := *res
	var o storage.Object
	for len(list) > 0 {
		n := len(list)
		var texts map[string]*storage.Object
		if x.needsText() {
			n = min(n, batch)
			var err error
			if texts, err = x.texts(res, list[:n]); err != nil {
				return err
			}
		}
		for i := range list[:n] {
			c := &list[i]
			if c.Deleted {
				x.ms.Status(string(dav.AppendSegment([]byte(res.href), c.Name)), dav.Problem{Status: http.StatusNotFound})
				continue
			}
			o = storage.Object{
				Owner: res.cal.Owner, Calendar: res.cal.ID, ID: c.ID, Name: c.Name, UID: c.UID, Component: c.Component, ETag: c.ETag,
				ScheduleTag: c.ScheduleTag, Seq: c.Seq, Size: c.Size, Created: c.Created, Modified: c.Modified,
			}
			m.kind = res.kind
			m.setMember(&o)
			if texts != nil {
				if texts[c.Name] == nil {
					continue // gone since; the next sync tells
				}
				m.obj = texts[c.Name]
			}
			if err := x.resource(&m); err != nil {
				return err
			}
		}
		list = list[n:]
	}
	return x.err
}

func (x *render) texts(res *resource, list []storage.Change) (map[string]*storage.Object, error) {
	names := make([]string, 0, len(list))
	for _, c := range list {
		if !c.Deleted {
			names = append(names, c.Name)
		}
	}
	texts := make(map[string]*storage.Object, len(names))
	objects, err := x.q.h.Store.ObjectsByName(x.q.ctx, res.cal.Ref(), names)
	for _, o := range calendar.VisibleOf(x.q.who, res.owner, objects) {
		texts[o.Name] = o
	}
	return texts, err
}

func checkSyncLevel(root *dav.Element, h http.Header) error {
	e := root.Child(dav.D("sync-level"))
	if e == nil { // drafts had the Depth header
		_, err := dav.ParseDepth(h, dav.DepthOne)
		return err
	}
	switch e.Value() {
	case "1", "infinite", "infinity":
		return nil
	}
	return refuse(http.StatusBadRequest, "sync-level is 1 or infinite (RFC 6578 section 6.3)")
}

// syncLimit reads DAV:limit (RFC 6578 section 3.7); 0 for none.
func syncLimit(root *dav.Element) (int, error) {
	e := root.Child(dav.D("limit"))
	if e == nil {
		return 0, nil
	}
	n, err := strconv.Atoi(e.Child(dav.D("nresults")).Value())
	if err != nil || n < 1 {
		return 0, refuse(http.StatusBadRequest, "nresults is a number from 1 (RFC 5323 section 5.17)")
	}
	return n, nil
}
