package caldav

import (
	"errors"
	"net/http"

	"kalends/auth"
	"kalends/calendar"
	"kalends/dav"
	"kalends/storage"
)

// The two groups of each principal whose members act for it: those who may read its calendars, and those who may change
// them too. They come from calendarserver.org (caldav-proxy), and Apple's programs show them as delegation.
const (
	proxyRead  = "calendar-proxy-read"
	proxyWrite = "calendar-proxy-write"
)

// proxyProperties show for whom a principal acts.
var proxyProperties = []*property{
	{name: dav.CS(proxyRead + "-for"), on: principalKind, hrefs: func(x *render, r *resource) []string { return x.actsFor(r, false, "") }},
	{name: dav.CS(proxyWrite + "-for"), on: principalKind, hrefs: func(x *render, r *resource) []string { return x.actsFor(r, true, "") }},
}

// proxySlug is the name of one of the two groups.
func proxySlug(write bool) string {
	if write {
		return proxyWrite
	}
	return proxyRead
}

// proxy is one of the two groups of a principal.
func (q *request) proxy(p *storage.Principal, write bool) *resource {
	return &resource{kind: proxyKind, href: principalHref(p) + proxySlug(write) + "/", owner: p, write: write, may: auth.PrincipalPrivileges(q.who, p)}
}

// hasProxies reports whether somebody can act for a principal: groups have no calendars.
func hasProxies(p *storage.Principal) bool { return p.Kind != storage.Group }

// delegates returns the hrefs of a proxy group's members.
func (x *render) delegates(r *resource) []string {
	list, err := x.q.h.Calendar.Delegates(x.q.ctx, x.q.who, r.owner, r.write)
	x.fail(err)
	var hrefs []string
	for _, p := range list {
		hrefs = append(hrefs, principalHref(p))
	}
	return hrefs
}

// actsFor returns the hrefs of those for whom a principal acts, each with what follows.
func (x *render) actsFor(r *resource, write bool, suffix string) []string {
	ids := r.owner.ActsFor.Principals(write)
	if len(ids) == 0 {
		return nil
	}
	list, err := x.q.h.Store.PrincipalsByID(x.q.ctx, ids)
	x.fail(err)
	var hrefs []string
	for _, p := range list {
		hrefs = append(hrefs, principalHref(p)+suffix)
	}
	return hrefs
}

// setMembers carries out a PROPPATCH of a proxy group: of its properties only DAV:group-member-set can be set (RFC 3744 section 4.3).
func (q *request) setMembers(res *resource, cs *changes) error {
	var ids []int64
	member := false
	for i, c := range cs.list {
		if c.name != dav.D("group-member-set") {
			cs.failed[i] = dav.Problem{Status: http.StatusForbidden, Conditions: []dav.Condition{{Name: dav.D("cannot-modify-protected-property")}}}
			continue
		}
		member, ids = true, nil
		if c.elem == nil {
			continue
		}
		for h := range c.elem.All(dav.D("href")) {
			p, ok := q.placeOf(h.Value())
			var found *resource
			var err error = errNothing
			if ok && p.kind == principalKind {
				found, err = q.find(p)
			}
			switch {
			case err != nil && statusOf(q, err) != http.StatusNotFound:
				return err
			case err != nil || !hasProxies(found.owner):
				cs.failed[i] = dav.Problem{Status: http.StatusConflict, Description: "a member must be a person, room or resource here"}
			default:
				ids = append(ids, found.owner.ID)
			}
		}
	}
	if !member || len(cs.failed) > 0 {
		return nil
	}
	err := q.h.Calendar.SetDelegates(q.ctx, q.who, res.owner, res.write, ids)
	if e, ok := errors.AsType[*calendar.Error](err); ok && e.Kind == calendar.BadRequest {
		for i := range cs.list {
			cs.failed[i] = dav.Problem{Status: http.StatusConflict, Description: e.Msg}
		}
		return nil
	}
	return err
}
