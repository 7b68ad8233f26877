package caldav

import (
	"kalends/auth"
	"kalends/dav"
	"kalends/storage"
)

// aclProperties are those of RFC 3744.
var aclProperties = []*property{
	{name: dav.D("owner"), on: inHome | principalKind, hrefs: func(x *render, r *resource) []string {
		return []string{principalHref(r.owner)}
	}},
	{name: dav.D("principal-URL"), on: principalKind, hrefs: func(x *render, r *resource) []string { return []string{r.href} }},
	{name: dav.D("principal-collection-set"), on: all, hrefs: func(x *render, r *resource) []string {
		return []string{principalsHref}
	}},
	{name: dav.D("alternate-URI-set"), on: principalKind, write: nothing},
	{name: dav.D("group-member-set"), on: principalKind, hrefs: groupMembers},
	{name: dav.D("group-membership"), on: principalKind, hrefs: groupMembership},
	{name: dav.D("current-user-privilege-set"), on: all, need: auth.ReadCurrentUserPrivilegeSet,
		write: func(x *render, r *resource, w *dav.Writer) { writePrivileges(w, r.may, collectionKind(r)) }},
	{name: dav.D("supported-privilege-set"), on: all, write: func(x *render, r *resource, w *dav.Writer) {
		writeSupported(w, auth.Supported(collectionKind(r)))
	}},
	{name: dav.D("acl"), on: all, need: auth.ReadACL, write: writeACL},
	{name: dav.D("acl-restrictions"), on: all, write: func(x *render, r *resource, w *dav.Writer) {
		w.RawString("<D:grant-only/><D:no-invert/>")
	}},
	{name: dav.D("inherited-acl-set"), on: all, write: nothing},
}

// collectionKind is what package auth calls the kind of a resource: that of the collection it is or is in.
func collectionKind(r *resource) storage.CollectionKind {
	if r.cal != nil {
		return r.cal.Kind
	}
	return ""
}

// writePrivileges lists privileges one by one, with those that others contain: some programs know just one or two
// names (CalDav Synchronizer does not know all).
func writePrivileges(w *dav.Writer, s auth.Set, kind storage.CollectionKind) {
	for n := range s.Granted(kind) {
		writePrivilege(w, n)
	}
}

func writePrivilege(w *dav.Writer, n auth.Node) {
	w.RawString("<D:privilege>")
	w.Empty(dav.Name{Space: n.Space, Local: n.Local})
	w.RawString("</D:privilege>")
}

func writeSupported(w *dav.Writer, n auth.Node) {
	w.RawString("<D:supported-privilege>")
	writePrivilege(w, n)
	if n.Abstract {
		w.RawString("<D:abstract/>")
	}
	w.Start(dav.D("description"), dav.Attr{Name: dav.Name{Space: dav.NSXML, Local: "lang"}, Value: "en"})
	w.Text(n.Description)
	w.End(dav.D("description"))
	for _, c := range n.Children {
		writeSupported(w, c)
	}
	w.RawString("</D:supported-privilege>")
}

// anybody stands for whoever has an account and no special part in a resource.
var anybody = &storage.Principal{ID: -1, Kind: storage.Person}

// writeACL shows who may do what (RFC 3744 section 5.5). All of it follows from whose resource it is, so every ACE is
// protected.
func writeACL(x *render, r *resource, w *dav.Writer) {
	kind := collectionKind(r)
	switch {
	case r.owner == nil:
		writeACE(w, "authenticated", "", sharedPlaces, kind)
	case r.kind == principalKind:
		writeACE(w, "href", r.href, auth.PrincipalPrivileges(r.owner, r.owner), kind)
		writeACE(w, "authenticated", "", auth.PrincipalPrivileges(anybody, r.owner), kind)
	default:
		writeACE(w, "owner", "", auth.Privileges(r.owner, r.owner, kind), kind)
		writeACE(w, "authenticated", "", auth.Privileges(anybody, r.owner, kind), kind)
	}
}

func writeACE(w *dav.Writer, who, href string, s auth.Set, kind storage.CollectionKind) {
	if s == 0 {
		return
	}
	w.RawString("<D:ace><D:principal>")
	switch who {
	case "href":
		w.Href(href)
	case "owner":
		w.RawString("<D:property><D:owner/></D:property>")
	default:
		w.Empty(dav.D(who))
	}
	w.RawString("</D:principal><D:grant>")
	writeTop(w, auth.Supported(kind), s)
	w.RawString("</D:grant><D:protected/></D:ace>")
}

// writeTop lists the largest privileges that s holds wholly, without those they contain.
func writeTop(w *dav.Writer, n auth.Node, s auth.Set) {
	if s.Has(n.Privilege) {
		writePrivilege(w, n)
		return
	}
	for _, c := range n.Children {
		writeTop(w, c, s)
	}
}

func groupMembers(x *render, r *resource) []string {
	if r.owner.Kind != storage.Group {
		return nil
	}
	ids, err := x.q.h.Store.Members(x.q.ctx, r.owner.ID)
	x.fail(err)
	return x.principalHrefs(ids)
}

func groupMembership(x *render, r *resource) []string {
	ids, err := x.q.h.Store.GroupsOf(x.q.ctx, r.owner.ID)
	x.fail(err)
	return x.principalHrefs(ids)
}

// maxMembers bounds how many members of a group are shown.
const maxMembers = 1000

func (x *render) principalHrefs(ids []int64) []string {
	var hrefs []string
	for _, id := range ids[:min(len(ids), maxMembers)] {
		p, err := x.q.h.Store.PrincipalByID(x.q.ctx, id)
		if err != nil {
			x.fail(err)
			return hrefs
		}
		hrefs = append(hrefs, principalHref(p))
	}
	return hrefs
}
