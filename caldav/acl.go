package caldav

import (
	"net/http"

	"kalends/auth"
	"kalends/calendar"
	"kalends/dav"
	"kalends/storage"
)

// acl handles ACL (RFC 3744 section 8.1): what is granted becomes exactly what the body says, or stays as it is.
//
// A body may repeat the protected and the inherited entries that a client has read. They are no part of what is set;
// those that differ from what is there are a conflict.
func (q *request) acl() error {
	root, err := q.readXML()
	if err != nil {
		return err
	}
	if !root.Is(dav.D("acl")) {
		return refuse(http.StatusBadRequest, "the body is a %.60s, not a DAV:acl", root.Local)
	}
	res, err := q.find(q.at)
	if err != nil {
		return err
	}
	if err := res.need(auth.WriteACL, dav.D("write-acl")); err != nil {
		return err
	}
	if err := q.patchConditions(res); err != nil {
		return err
	}
	x := q.render(nil, named, nil)
	b := &aclBody{q: q, res: res, there: x.aces(res)}
	if x.err != nil {
		return x.err
	}
	for e := range root.All(dav.D("ace")) {
		if err := b.read(e); err != nil {
			return err
		}
	}
	if allowed := res.kind & (homeKind | homeCollections); allowed == 0 && len(b.grants) > 0 {
		return violates(http.StatusForbidden, dav.D("limited-number-of-aces"), "objects have no rights of their own; grant them on the calendar")
	}
	if len(b.grants) > calendar.MaxGrants {
		return violates(http.StatusForbidden, dav.D("limited-number-of-aces"), "at most %d entries can be set here; make a group", calendar.MaxGrants)
	}
	if res.obj == nil {
		t := calendar.Target{Owner: res.owner, Slug: q.at.slug}
		if err := q.h.Calendar.SetGrants(q.ctx, q.who, t, b.grants); err != nil {
			return err
		}
	}
	q.w.Header().Set("Content-Length", "0")
	q.w.WriteHeader(http.StatusOK)
	return nil
}

// aclBody is the body of an ACL request as far as it was read.
type aclBody struct {
	q      *request
	res    *resource
	there  []ace
	grants []storage.Grant
}

// read takes one DAV:ace (RFC 3744 section 5.5).
func (b *aclBody) read(e *dav.Element) error {
	switch {
	case e.Has(dav.D("invert")):
		return violates(http.StatusForbidden, dav.D("no-invert"), "an entry names whom it is for")
	case e.Has(dav.D("deny")):
		return violates(http.StatusForbidden, dav.D("grant-only"), "rights can be granted here, not denied")
	case e.Child(dav.D("principal")) == nil || e.Child(dav.D("grant")) == nil:
		return refuse(http.StatusBadRequest, "a DAV:ace has principal and grant (RFC 3744 section 5.5)")
	}
	a, err := b.grantee(e.Child(dav.D("principal")))
	if err != nil {
		return err
	}
	if a.may, err = b.privileges(e.Child(dav.D("grant"))); err != nil {
		return err
	}
	if i := e.Child(dav.D("inherited")); i != nil {
		at, ok := b.q.placeOf(i.Child(dav.D("href")).Value())
		if !ok || !b.repeats(a, func(t ace) bool { p, ok := b.q.placeOf(t.inherited); return ok && p == at }) {
			return violates(http.StatusForbidden, dav.D("no-inherited-ace-conflict"), "an inherited entry is changed where it is inherited from")
		}
		return nil
	}
	if e.Has(dav.D("protected")) {
		if !b.repeats(a, func(t ace) bool { return t.protected }) {
			return violates(http.StatusForbidden, dav.D("no-protected-ace-conflict"), "a protected entry follows from whose resource it is, and cannot be changed")
		}
		return nil
	}
	if a.grantee == storage.Everybody && (a.may&^(auth.Read|auth.ReadCurrentUserPrivilegeSet) != 0 || !publicKind(b.res)) {
		return violates(http.StatusForbidden, dav.D("allowed-principal"), "people without an account can be let read calendars, and nothing else")
	}
	if a.grantee < storage.Everybody {
		return violates(http.StatusForbidden, dav.D("allowed-principal"), "who acts for somebody has rights in all calendars; they are set by its members")
	}
	b.grants = append(b.grants, storage.Grant{Grantee: a.grantee, Privileges: uint32(a.may)})
	return nil
}

// publicKind reports whether people without an account can be let see such a resource.
func publicKind(r *resource) bool { return r.kind&(homeKind|calendarKind|objectKind) != 0 }

// repeats reports whether an entry of that sort is there already that grants as much.
func (b *aclBody) repeats(a ace, sort func(ace) bool) bool {
	for _, t := range b.there {
		if t.grantee == a.grantee && sort(t) && t.may.Has(a.may) {
			return true
		}
	}
	return false
}

// grantee reads DAV:principal.
func (b *aclBody) grantee(e *dav.Element) (ace, error) {
	switch {
	case e.Has(dav.D("href")):
		at, ok := b.q.placeOf(e.Child(dav.D("href")).Value())
		if ok && at.kind == proxyKind && at.name == b.res.owner.Name {
			if at.slug == proxyWrite {
				return ace{grantee: proxyWriters}, nil
			}
			return ace{grantee: proxyReaders}, nil
		}
		if ok && at.kind == principalKind {
			r, err := b.q.find(at)
			if err == nil {
				return ace{grantee: r.owner.ID}, nil
			}
			if s := statusOf(b.q, err); s != http.StatusNotFound {
				return ace{}, err
			}
		}
		return ace{}, violates(http.StatusForbidden, dav.D("recognized-principal"), "there is no such principal")
	case e.Has(dav.D("all")):
		return ace{grantee: storage.Everybody}, nil
	case e.Has(dav.D("authenticated")):
		return ace{grantee: storage.Authenticated}, nil
	case e.Child(dav.D("property")).Has(dav.D("owner")):
		return ace{grantee: b.res.owner.ID, owner: true}, nil
	case e.Has(dav.D("unauthenticated")), e.Has(dav.D("property")), e.Has(dav.D("self")):
		return ace{}, violates(http.StatusForbidden, dav.D("allowed-principal"),
			"rights are granted to the href of a principal, to all, to authenticated and to the property owner")
	}
	return ace{}, refuse(http.StatusBadRequest, "DAV:principal says nobody (RFC 3744 section 5.5.1)")
}

// privileges reads DAV:grant.
func (b *aclBody) privileges(e *dav.Element) (auth.Set, error) {
	var s auth.Set
	for p := range e.All(dav.D("privilege")) {
		for _, n := range p.Children {
			bit, ok := auth.Named(collectionKind(b.res), n.Space, n.Local)
			if !ok {
				return 0, violates(http.StatusForbidden, dav.D("not-supported-privilege"), "there is no privilege %.60s here", n.Local)
			}
			s |= bit
		}
	}
	if s == 0 {
		return 0, refuse(http.StatusBadRequest, "DAV:grant names no privilege (RFC 3744 section 5.5.2)")
	}
	return s, nil
}
