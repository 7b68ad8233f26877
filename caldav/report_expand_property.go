package caldav

import (
	"net/http"

	"kalends/auth"
	"kalends/dav"
)

// maxExpansions bounds the resources that one expand-property report shows.
const maxExpansions = 1000

// expander shows resources and those that their properties name.
type expander struct {
	*render
	left int
}

// expandProperty handles the expand-property report (RFC 3253 section 3.8).
//
// Its Depth is 0: what members are shown is for the properties to say.
func (q *request) expandProperty(root *dav.Element, res *resource) error {
	if err := q.depthZero(); err != nil {
		return err
	}
	if err := res.need(auth.Read, dav.D("read")); err != nil {
		return err
	}
	prefer := q.prefer()
	return q.multistatus(prefer.Minimal, func(ms *dav.Multistatus) error {
		x := &expander{render: q.render(ms, named, nil), left: maxExpansions}
		ms.Begin(res.url())
		if err := x.expand(root, res); err != nil {
			return err
		}
		ms.End()
		return x.err
	})
}

// expand writes the DAV:property children of e, of r.
func (x *expander) expand(e *dav.Element, r *resource) error {
	for p := range e.All(dav.D("property")) {
		local, _ := p.Attr("name")
		space, ok := p.Attr("namespace")
		if !ok {
			space = dav.NSDAV
		}
		if local == "" {
			return refuse(http.StatusBadRequest, "a DAV:property has no name (RFC 3253 section 3.8)")
		}
		w := want{name: dav.Name{Space: space, Local: local}}
		w.prop = live[w.name]
		hrefs, ok := x.follow(&w, r)
		if !p.Has(dav.D("property")) || !ok {
			x.one(r, &w)
			continue
		}
		x.ms.Prop(w.name)
		for _, h := range hrefs {
			if err := x.nest(p, h); err != nil {
				return err
			}
		}
	}
	return nil
}

// follow gives the hrefs of a property that r has and the asker may see.
func (x *expander) follow(w *want, r *resource) ([]string, bool) {
	p := w.prop
	if p.deadOn(r.kind) {
		return x.deadHrefs(r, w.name)
	}
	if p == nil || p.hrefs == nil || p.on&r.kind == 0 || p.has != nil && !p.has(x.render, r) || !r.may.Has(p.need) {
		return nil, false
	}
	return p.hrefs(x.render, r), true
}

// deadHrefs gives the hrefs that a dead property holds: programs note there where something is.
func (x *expander) deadHrefs(r *resource, name dav.Name) (hrefs []string, ok bool) {
	for _, d := range x.deadOf(r) {
		if d.Space != name.Space || d.Local != name.Local {
			continue
		}
		e, err := dav.Unmarshal(d.XML)
		if err != nil {
			return nil, false // it was written by us; shown as it is
		}
		for h := range e.All(dav.D("href")) {
			hrefs = append(hrefs, h.Value())
		}
	}
	return hrefs, len(hrefs) > 0
}

// nest writes the response of a resource that a property names.
func (x *expander) nest(p *dav.Element, href string) error {
	x.left--
	if x.left < 0 {
		return violates(http.StatusInsufficientStorage, dav.D("number-of-matches-within-limits"), "this names too many resources")
	}
	at, ok := x.q.placeOf(href)
	if !ok {
		return nil
	}
	r, err := x.q.find(at)
	if err == nil {
		err = r.need(auth.Read, dav.D("read"))
	}
	if err != nil {
		if s := statusOf(x.q, err); s == http.StatusNotFound || s == http.StatusForbidden {
			return nil // not for the asker to see
		}
		return err
	}
	x.ms.Nest(r.url())
	if err := x.expand(p, r); err != nil {
		return err
	}
	x.ms.End()
	return nil
}
