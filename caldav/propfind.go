package caldav

import (
	"net/http"
	"slices"

	"kalends/auth"
	"kalends/dav"
	"kalends/storage"
)

// propfind handles PROPFIND (RFC 4918 section 9.1).
func (q *request) propfind() error {
	depth, err := dav.ParseDepth(q.r.Header, dav.DepthInfinity)
	if err != nil {
		return err
	}
	root, err := q.optionalXML()
	if err != nil {
		return err
	}
	m, list, err := parsePropfind(root)
	if err != nil {
		return err
	}
	res, err := q.find(q.at)
	if err != nil {
		return err
	}
	if err := res.need(auth.Read, dav.D("read")); err != nil {
		return err
	}
	if depth == dav.DepthInfinity {
		if res.kind&collections != 0 {
			return violates(http.StatusForbidden, dav.D("propfind-finite-depth"), "ask with Depth: 0 or 1")
		}
		depth = dav.DepthZero
	}
	prefer := q.prefer()
	q.w.Header()["DAV"] = davHeader // Apple's programs look for it here too
	return q.multistatus(prefer.Minimal, func(ms *dav.Multistatus) error {
		x := q.render(ms, m, list)
		if depth == dav.DepthZero {
			return x.resource(res)
		}
		return x.withMembers(res, !prefer.NoRoot)
	})
}

// parsePropfind reads the body (RFC 4918 section 14.20); no body is allprop.
func parsePropfind(root *dav.Element) (mode, []want, error) {
	if root == nil {
		return allProps, nil, nil
	}
	if !root.Is(dav.D("propfind")) {
		return 0, nil, refuse(http.StatusBadRequest, "the body is a %.60s, not a DAV:propfind", root.Local)
	}
	prop, allprop, propname := root.Child(dav.D("prop")), root.Has(dav.D("allprop")), root.Has(dav.D("propname"))
	switch {
	case prop != nil && !allprop && !propname:
		list, err := wants(prop)
		return named, list, err
	case prop == nil && allprop && !propname:
		list, err := wants(root.Child(dav.D("include")))
		return allProps, list, err
	case prop == nil && !allprop && propname:
		return propNames, nil, nil
	}
	return 0, nil, refuse(http.StatusBadRequest, "DAV:propfind holds one of prop, allprop and propname (RFC 4918 section 14.20)")
}

// withMembers writes a collection, unless it is not wanted, and its members. What they share is read once.
func (x *render) withMembers(r *resource, root bool) error {
	var home []*storage.Calendar
	var shared []*resource
	var objects []storage.Object
	q := x.q
	switch r.kind {
	case homeKind:
		home = x.home(r.owner)
		shared = x.sharedIn(r)
		if x.err != nil {
			return x.err
		}
	case calendarKind, inboxKind, notificationKind:
		var err error
		if objects, err = q.h.Calendar.ListingFor(q.ctx, q.who, r.owner, r.cal); err != nil {
			return err
		}
		if x.wantsDead(objectKind) {
			x.readDead(deadKey{owner: r.owner.ID, calendar: r.cal.ID}, true)
		}
	}
	if root {
		if err := x.resource(r); err != nil {
			return err
		}
	}
	switch r.kind {
	case homeKind:
		for _, c := range home {
			m := q.collection(r.access, c)
			if !m.may.Has(auth.Read) {
				continue // of others' homes people see what they may read
			}
			if err := x.resource(m); err != nil {
				return err
			}
		}
		for _, m := range shared {
			if err := x.resource(m); err != nil {
				return err
			}
		}
		return nil
	case calendarKind, inboxKind, notificationKind:
		m := *r
		for i := range objects {
			m.kind = r.kind
			m.setMember(&objects[i])
			if err := x.resource(&m); err != nil {
				return err
			}
		}
		return nil
	}
	return x.fixedMembers(r)
}

// fixedMembers writes the members of the places above homes and principals. Of homes only the asker's is listed.
func (x *render) fixedMembers(r *resource) error {
	q := x.q
	var list []*resource
	add := func(k kind, href string) { list = append(list, &resource{kind: k, href: href, may: sharedPlaces}) }
	switch r.kind {
	case siteRoot:
		add(davRoot, rootHref)
	case davRoot:
		add(calendarsRoot, calendarsHref)
		add(principalsRoot, principalsHref)
	case principalsRoot:
		for _, g := range groupNames {
			add(principalGroup, principalsHref+g+"/")
		}
	case principalKind:
		if hasProxies(r.owner) {
			list = append(list, q.proxy(r.owner, false), q.proxy(r.owner, true))
		}
	case calendarsRoot:
		own, err := q.access(q.who)
		if err != nil {
			return err
		}
		list = append(list, q.home(own))
	case principalGroup:
		people, err := q.h.Store.Principals(q.ctx, storage.PrincipalQuery{Kinds: []storage.Kind{groups[q.at.group]}})
		if err != nil {
			return err
		}
		for _, p := range people {
			list = append(list, q.principal(p))
		}
	}
	for _, m := range list {
		if err := x.resource(m); err != nil {
			return err
		}
	}
	return nil
}

var groupNames = func() []string {
	var names []string
	for g := range groups {
		names = append(names, g)
	}
	slices.Sort(names)
	return names
}()
