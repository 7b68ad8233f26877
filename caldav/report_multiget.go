package caldav

import (
	"net/http"

	"kalends/auth"
	"kalends/calendar"
	"kalends/dav"
	"kalends/storage"
)

// multiget handles the calendar-multiget report (RFC 4791 section 7.9). Objects are read many at a time, and shown in
// the order in which they were asked for.
func (q *request) multiget(root *dav.Element, res *resource) error {
	x, err := q.reportRender(root)
	if err != nil {
		return err
	}
	if err := res.need(auth.Read, dav.D("read")); err != nil {
		return err
	}
	var hrefs []wantedHref
	for e := range root.All(dav.D("href")) {
		hrefs = append(hrefs, q.wantedHref(e.Value()))
	}
	if len(hrefs) == 0 {
		return refuse(http.StatusBadRequest, "a calendar-multiget names objects by DAV:href (RFC 4791 section 9.10)")
	}
	prefer := q.prefer()
	return q.multistatus(prefer.Minimal, func(ms *dav.Multistatus) error {
		x.ms = ms
		g := &getter{render: x, scope: res}
		for len(hrefs) > 0 {
			n := 1 // hrefs of the same collection in a row, at most a batch
			for n < len(hrefs) && n < batch && hrefs[n].sameCollection(hrefs[0]) {
				n++
			}
			if err := g.get(hrefs[:n]); err != nil {
				return err
			}
			hrefs = hrefs[n:]
		}
		return nil
	})
}

// wantedHref is an href of a multiget with the place it leads to.
type wantedHref struct {
	text string
	at   place
	ok   bool
}

func (h wantedHref) sameCollection(o wantedHref) bool {
	return h.ok && o.ok && h.at.name == o.at.name && h.at.slug == o.at.slug
}

func (q *request) wantedHref(text string) wantedHref {
	p, ok := q.placeOf(text)
	return wantedHref{text, p, ok && p.kind == memberPlace && !p.dir}
}

// getter reads and writes the objects of a multiget.
type getter struct {
	*render
	scope *resource // of the request; no href may lead out of it
	in    *resource // the last collection that was looked up
	slug  string    // by which it was
}

// inScope reports whether a place is in the request's resource (RFC 4791 section 7.9: the hrefs of a
// calendar are of members of it).
func (g *getter) inScope(p place) bool {
	at := g.q.at
	switch g.scope.kind {
	case homeKind:
		return p.name == at.name
	case objectKind, itemKind:
		return p == at
	}
	return p.name == at.name && p.slug == at.slug
}

// get writes what hrefs of one collection lead to.
func (g *getter) get(hrefs []wantedHref) error {
	if !hrefs[0].ok || !g.inScope(hrefs[0].at) {
		for _, h := range hrefs {
			if h.ok && g.inScope(h.at) {
				continue // cannot be: they are of one collection
			}
			g.gone(h)
		}
		return g.ms.Writer().Err()
	}
	col, err := g.collection(hrefs[0].at)
	if err != nil {
		return err
	}
	var list []*storage.Object
	if col != nil {
		names := make([]string, len(hrefs))
		for i, h := range hrefs {
			names[i] = h.at.obj
		}
		if list, err = g.q.h.Store.ObjectsByName(g.q.ctx, col.cal.Ref(), names); err != nil {
			return err
		}
	}
	if col != nil {
		if list, err = g.q.h.Calendar.SeenBy(g.q.ctx, g.q.h.Store, g.q.who, col.owner, col.cal, list); err != nil {
			return err
		}
	}
	byName := make(map[string]*storage.Object, len(list))
	for _, o := range list {
		byName[o.Name] = o
	}
	for _, h := range hrefs {
		o := byName[h.at.obj]
		if o == nil || !g.inScope(h.at) {
			g.gone(h)
			continue
		}
		r := *col
		r.setMember(o)
		if err := g.resource(&r); err != nil {
			return err
		}
	}
	return nil
}

// gone answers an href that leads nowhere, in the words in which it was asked.
func (g *getter) gone(h wantedHref) {
	href := h.text
	if h.ok {
		href = objectHref(h.at.name, h.at.slug, h.at.obj)
	}
	g.ms.Status(href, dav.Problem{Status: http.StatusNotFound})
}

// collection returns the collection of a place, or nil where there is none that the asker may read.
func (g *getter) collection(p place) (*resource, error) {
	if g.in != nil && g.slug == p.slug {
		return g.in, nil
	}
	if g.scope.cal != nil {
		g.in, g.slug = g.scope.collection(), p.slug
		return g.in, nil
	}
	t, err := g.q.target(p)
	if err != nil {
		return nil, err
	}
	c, err := g.q.h.Calendar.Collection(g.q.ctx, g.q.who, t)
	if err != nil {
		if k := calendar.KindOf(err); k == calendar.NotFound || k == calendar.Forbidden {
			return nil, nil
		}
		return nil, err
	}
	r, err := g.q.collectionOf(t, c)
	if err != nil || !r.may.Has(auth.Read) || r.kind&(calendarKind|inboxKind) == 0 {
		return nil, err
	}
	g.in, g.slug = r, p.slug
	return r, nil
}
