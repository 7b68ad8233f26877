package caldav

import (
	"net/http"
	"strconv"

	"kalends/dav"
	"kalends/storage"
)

// syncCollection handles the sync-collection report (RFC 6578 section 3). Depth is ignored, since programs send it as
// well as sync-level, and older ones only it. In a calendar sync-level infinite is that of 1: it holds no collections.
func (q *request) syncCollection(root *dav.Element, res *resource) error {
	deep, err := syncLevel(root, q.r.Header)
	if err != nil {
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
	if res.kind == homeKind {
		return q.syncHome(x, res, e.Value(), limit, deep)
	}
	t := res.target("")
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

// syncHome answers a sync-collection of a home: with its collections, and where deep with what is in them.
func (q *request) syncHome(x *render, res *resource, token string, limit int, deep bool) error {
	sync, err := q.h.Calendar.SyncHome(q.ctx, q.who, res.owner, token, limit, deep)
	if err != nil {
		return err
	}
	prefer := q.prefer()
	return q.multistatus(prefer.Minimal, func(ms *dav.Multistatus) error {
		x.ms = ms
		x.keepHome(res.owner, sync.Home)
		for list := sync.Changes; len(list) > 0; {
			c := list[0]
			var col *resource
			switch {
			case c.Shared != nil && deep: // RFC 6578 section 3.3
				ms.Status(collectionHref(res.owner.Name, c.Slug), dav.Problem{Status: http.StatusForbidden,
					Conditions: []dav.Condition{{Name: dav.D("sync-traversal-supported")}}})
				list = list[1:]
				continue
			case c.Shared != nil:
				col = q.shared(res.access, c.Shared.Share, c.Shared.Access, c.Calendar)
			case c.Calendar != nil:
				col = q.collection(res.access, c.Calendar)
			}
			if c.Object == nil {
				list = list[1:]
				if col == nil {
					ms.Status(collectionHref(res.owner.Name, c.Slug), dav.Problem{Status: http.StatusNotFound})
				} else if err := x.resource(col); err != nil {
					return err
				}
				continue
			}
			var run []storage.Change // of one collection
			for len(list) > 0 && list[0].Calendar == c.Calendar && list[0].Object != nil {
				run = append(run, *list[0].Object)
				list = list[1:]
			}
			if err := x.changes(col, run); err != nil {
				return err
			}
		}
		if sync.More {
			ms.Truncated(res.href)
		}
		ms.SyncToken(sync.Token.String())
		return x.err
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
	if err == nil {
		objects, err = x.q.h.Calendar.SeenBy(x.q.ctx, x.q.h.Store, x.q.who, res.owner, res.cal, objects)
	}
	if err != nil {
		return nil, err
	}
	for _, o := range objects {
		texts[o.Name] = o
	}
	return texts, nil
}

// syncLevel reports whether a sync-collection asks for everything below (RFC 6578 section 6.3).
func syncLevel(root *dav.Element, h http.Header) (deep bool, err error) {
	e := root.Child(dav.D("sync-level"))
	if e == nil { // drafts had the Depth header
		depth, err := dav.ParseDepth(h, dav.DepthOne)
		return depth == dav.DepthInfinity, err
	}
	switch e.Value() {
	case "1":
		return false, nil
	case "infinite", "infinity":
		return true, nil
	}
	return false, refuse(http.StatusBadRequest, "sync-level is 1 or infinite (RFC 6578 section 6.3)")
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
