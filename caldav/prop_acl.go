package caldav

import (
	"strconv"

	"kalends/auth"
	"kalends/dav"
	"kalends/storage"
)

// aclProperties are those of RFC 3744.
var aclProperties = []*property{
	{name: dav.D("owner"), on: inHome | principalKind | proxyKind, hrefs: func(x *render, r *resource) []string {
		return []string{principalHref(r.owner)}
	}},
	{name: dav.D("principal-URL"), on: principalKind | proxyKind, hrefs: func(x *render, r *resource) []string { return []string{r.href} }},
	{name: dav.D("principal-collection-set"), on: all, hrefs: func(x *render, r *resource) []string {
		return []string{principalsHref}
	}},
	{name: dav.D("alternate-URI-set"), on: principalKind | proxyKind, write: nothing},
	{name: dav.D("group-member-set"), on: principalKind | proxyKind, hrefs: groupMembers},
	{name: dav.D("group-membership"), on: principalKind | proxyKind, hrefs: groupMembership},
	// Apple's, which look into groups in groups.
	{name: dav.CS("expanded-group-member-set"), on: principalKind, hrefs: expandedGroupMembers},
	{name: dav.CS("expanded-group-membership"), on: principalKind, hrefs: expandedGroupMembership},
	{name: dav.D("current-user-privilege-set"), on: all, need: auth.ReadCurrentUserPrivilegeSet,
		write: func(x *render, r *resource, w *dav.Writer) { writePrivileges(w, r.may, collectionKind(r)) }},
	{name: dav.D("supported-privilege-set"), on: all, write: func(x *render, r *resource, w *dav.Writer) {
		writeSupported(w, auth.Supported(collectionKind(r)))
	}},
	{name: dav.D("acl"), on: all, need: auth.ReadACL, write: writeACL},
	// Nothing is denied, and nobody is meant by not being meant (RFC 3744 section 5.6).
	{name: dav.D("acl-restrictions"), on: all, write: func(x *render, r *resource, w *dav.Writer) {
		w.RawString("<D:grant-only/><D:no-invert/>")
	}},
	{name: dav.D("inherited-acl-set"), on: all, hrefs: inheritedFrom},
}

// collectionKind is what package auth calls the kind of a resource: that of the collection it is or is in.
func collectionKind(r *resource) storage.CollectionKind {
	if r.cal != nil {
		return r.cal.Kind
	}
	return ""
}

// inheritedFrom lists the resources from which ACEs are taken over, the nearest first (RFC 3744 section 5.7).
func inheritedFrom(_ *render, r *resource) (hrefs []string) {
	if r.obj != nil {
		hrefs = append(hrefs, r.href)
	}
	if r.cal != nil && auth.Inherits(r.cal.Kind) {
		hrefs = append(hrefs, homeHref(r.owner.Name))
	}
	return hrefs
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

// ace is one entry of an ACL (RFC 3744 section 5.5). Entries only grant.
type ace struct {
	grantee   int64  // a principal, storage.Authenticated or storage.Everybody
	owner     bool   // DAV:owner instead, whoever that is
	href      string // of the principal
	may       auth.Set
	protected bool
	inherited string // href of the resource from which it is taken over
}

// The two proxy groups of the owner, as grantees. Nothing is granted to them: they have a part in all homes.
const (
	proxyReaders int64 = -2 - iota
	proxyWriters
)

// delegate stands for whoever acts for an owner.
func delegate(owner *storage.Principal, write bool) *storage.Principal {
	p := *somebody
	p.ActsFor = storage.Delegations(strconv.FormatInt(owner.ID, 10) + "r")
	if write {
		p.ActsFor = p.ActsFor[:len(p.ActsFor)-1] + "w"
	}
	return &p
}

// somebody stands for whoever has an account and no special part in a resource.
var somebody = &storage.Principal{ID: 1 << 62, Kind: storage.Person}

// aces lists who may do what with r: first what follows from whose resource it is, which is protected, then what was granted.
func (x *render) aces(r *resource) []ace {
	kind := collectionKind(r)
	var list []ace
	protected := func(a ace) {
		if a.protected = true; a.may != 0 {
			list = append(list, a)
		}
	}
	switch {
	case r.owner == nil:
		protected(ace{grantee: storage.Authenticated, may: sharedPlaces})
		return list
	case r.kind&(principalKind|proxyKind) != 0:
		protected(ace{grantee: r.owner.ID, href: principalHref(r.owner), may: auth.PrincipalPrivileges(r.owner, r.owner)})
		if r.owner.Kind != storage.Person {
			for _, p := range x.administrators() {
				protected(ace{grantee: p.ID, href: principalHref(p), may: auth.PrincipalPrivileges(p, r.owner)})
			}
		}
		protected(ace{grantee: storage.Authenticated, may: auth.PrincipalPrivileges(somebody, r.owner)})
		return list
	}
	part := func(p *storage.Principal) auth.Set { return (&auth.Access{Who: p, Owner: r.owner}).To(r.cal) }
	protected(ace{grantee: r.owner.ID, owner: true, may: part(r.owner)})
	if r.owner.Kind == storage.Room || r.owner.Kind == storage.Resource {
		for _, p := range x.administrators() {
			protected(ace{grantee: p.ID, href: principalHref(p), may: part(p)})
		}
	}
	if hasProxies(r.owner) {
		for _, g := range [...]int64{proxyReaders, proxyWriters} {
			write := g == proxyWriters
			protected(ace{grantee: g, href: principalHref(r.owner) + proxySlug(write) + "/", may: part(delegate(r.owner, write))})
		}
	}
	protected(ace{grantee: storage.Authenticated, may: part(somebody)})
	for _, g := range x.grants(r.owner) {
		a := ace{grantee: g.Grantee, may: auth.Privilege(g.Privileges) & auth.Supported(kind).Privilege}
		switch {
		case g.Calendar == storage.HomeProps && r.kind == homeKind:
		case g.Calendar == storage.HomeProps && auth.Inherits(kind):
			a.inherited = homeHref(r.owner.Name)
		case r.cal != nil && g.Calendar == r.cal.ID:
			if r.obj != nil {
				a.inherited = r.href
			}
		default:
			continue
		}
		a.protected = g.Shared // set by sharing, not by ACL
		if g.Grantee > 0 {
			p := x.principalOf(g.Grantee)
			if p == nil {
				continue // deleted meanwhile
			}
			a.href = principalHref(p)
		}
		if a.may != 0 {
			list = append(list, a)
		}
	}
	return list
}

// writeACL shows who may do what.
func writeACL(x *render, r *resource, w *dav.Writer) {
	tree := auth.Supported(collectionKind(r))
	for _, a := range x.aces(r) {
		w.RawString("<D:ace><D:principal>")
		switch {
		case a.owner:
			w.RawString("<D:property><D:owner/></D:property>")
		case a.grantee == storage.Authenticated:
			w.RawString("<D:authenticated/>")
		case a.grantee == storage.Everybody:
			w.RawString("<D:all/>")
		default:
			w.Href(a.href)
		}
		w.RawString("</D:principal><D:grant>")
		writeTop(w, tree, a.may)
		w.RawString("</D:grant>")
		if a.protected {
			w.RawString("<D:protected/>")
		}
		if a.inherited != "" {
			w.RawString("<D:inherited>")
			w.Href(a.inherited)
			w.RawString("</D:inherited>")
		}
		w.RawString("</D:ace>")
	}
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

// grants returns what is granted in a home, read once, with the principals of it.
func (x *render) grants(owner *storage.Principal) []storage.Grant {
	if list, ok := x.granted[owner.ID]; ok {
		return list
	}
	list, err := x.q.h.Store.Grants(x.q.ctx, owner.ID)
	x.fail(err)
	var ids []int64
	for _, g := range list {
		if g.Grantee > 0 {
			ids = append(ids, g.Grantee)
		}
	}
	x.principalsOf(ids)
	if x.granted == nil {
		x.granted = map[int64][]storage.Grant{}
	}
	x.granted[owner.ID] = list
	return list
}

// administrators returns those who look after rooms, resources and groups, read once.
func (x *render) administrators() []*storage.Principal {
	if x.admins == nil {
		list, err := x.q.h.Store.Administrators(x.q.ctx)
		x.fail(err)
		x.admins = append([]*storage.Principal{}, list...)
		for _, p := range list {
			x.keepPrincipal(p)
		}
	}
	return x.admins
}

// principalsOf reads principals by their ids.
func (x *render) principalsOf(ids []int64) []*storage.Principal {
	list, err := x.q.h.Store.PrincipalsByID(x.q.ctx, ids)
	x.fail(err)
	for _, p := range list {
		x.keepPrincipal(p)
	}
	return list
}

func (x *render) keepPrincipal(p *storage.Principal) {
	if x.people == nil {
		x.people = map[int64]*storage.Principal{}
	}
	x.people[p.ID] = p
}

// principalOf returns one that was read; nil for one that is not there.
func (x *render) principalOf(id int64) *storage.Principal { return x.people[id] }

// maxMembers bounds how many members of a group are shown.
const maxMembers = 1000

func groupMembers(x *render, r *resource) []string {
	if r.kind == proxyKind {
		return x.delegates(r)
	}
	if r.owner.Kind != storage.Group {
		return nil
	}
	ids, err := x.q.h.Store.Members(x.q.ctx, r.owner.ID)
	x.fail(err)
	return x.principalHrefs(ids)
}

func expandedGroupMembers(x *render, r *resource) []string {
	if r.owner.Kind != storage.Group {
		return nil
	}
	ids, err := x.q.h.Store.AllMembersOf(x.q.ctx, r.owner.ID, maxMembers)
	x.fail(err)
	return x.principalHrefs(ids)
}

func groupMembership(x *render, r *resource) []string {
	if r.kind == proxyKind {
		return nil
	}
	ids, err := x.q.h.Store.GroupsOf(x.q.ctx, r.owner.ID)
	x.fail(err)
	hrefs := append(x.principalHrefs(ids), x.actsFor(r, false, proxyRead+"/")...)
	return append(hrefs, x.actsFor(r, true, proxyWrite+"/")...)
}

func expandedGroupMembership(x *render, r *resource) []string {
	ids, err := x.q.h.Store.AllGroupsOf(x.q.ctx, r.owner.ID)
	x.fail(err)
	return x.principalHrefs(ids)
}

func (x *render) principalHrefs(ids []int64) []string {
	var hrefs []string
	for _, p := range x.principalsOf(ids[:min(len(ids), maxMembers)]) {
		hrefs = append(hrefs, principalHref(p))
	}
	return hrefs
}
