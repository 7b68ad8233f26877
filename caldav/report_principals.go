package caldav

import (
	"net/http"
	"strconv"
	"strings"

	"kalends/auth"
	"kalends/dav"
	"kalends/ical"
	"kalends/storage"
)

// maxFound bounds the principals that a search shows.
const maxFound = 100

// searchable are the properties that principals are found by (RFC 3744 section 9.5).
var searchable = []struct {
	name        dav.Name
	description string
	values      func(x *render, p *storage.Principal) []string
}{
	{dav.D("displayname"), "Name", func(_ *render, p *storage.Principal) []string { return []string{principalName(p)} }},
	{dav.CS("email-address-set"), "Mail address", func(x *render, p *storage.Principal) (list []string) {
		for _, a := range x.addresses(p) {
			if m := ical.Mailbox(a); m != "" {
				list = append(list, m)
			}
		}
		return list
	}},
	{dav.C("calendar-user-address-set"), "Calendar user address", func(x *render, p *storage.Principal) []string {
		return append([]string{principalHref(p)}, x.addresses(p)...)
	}},
	{dav.C("calendar-user-type"), "Kind of calendar user", func(_ *render, p *storage.Principal) []string {
		return []string{userType(p.Kind)}
	}},
	{dav.CS("first-name"), "First name", func(_ *render, p *storage.Principal) []string { return []string{principalName(p)} }},
	{dav.CS("last-name"), "Last name", func(_ *render, p *storage.Principal) []string { return []string{principalName(p)} }},
}

// principalSearchPropertySet handles the report that tells which these are (RFC 3744 section 9.5).
func (q *request) principalSearchPropertySet(*dav.Element, *resource) error {
	if err := q.depthZero(); err != nil {
		return err
	}
	q.w.Header().Set("Content-Type", dav.ContentType)
	out := &body{w: q.w, status: http.StatusOK, last: true}
	w := dav.NewWriter(out)
	w.Root(dav.D("principal-search-property-set"))
	for _, s := range searchable {
		w.RawString("<D:principal-search-property><D:prop>")
		w.Empty(s.name)
		w.RawString("</D:prop>")
		w.Start(dav.D("description"), dav.Attr{Name: dav.Name{Space: dav.NSXML, Local: "lang"}, Value: "en"})
		w.Text(s.description)
		w.End(dav.D("description"))
		w.RawString("</D:principal-search-property>")
	}
	w.End(dav.D("principal-search-property-set"))
	return sent(w.Close())
}

// depthZero refuses another Depth than 0, as RFC 3744 section 9 wants it of each of its reports.
func (q *request) depthZero() error {
	depth, err := dav.ParseDepth(q.r.Header, dav.DepthZero)
	if err == nil && depth != dav.DepthZero {
		err = refuse(http.StatusBadRequest, "this report has Depth: 0 (RFC 3744 section 9)")
	}
	return err
}

// oneProp is reportProps for reports that have at most one DAV:prop.
func oneProp(root *dav.Element) (mode, []want, error) {
	n := 0
	for range root.All(dav.D("prop")) {
		n++
	}
	if n > 1 {
		return 0, nil, refuse(http.StatusBadRequest, "a %s has at most one DAV:prop (RFC 3744 section 9)", root.Local)
	}
	return reportProps(root)
}

// term is one thing that a principal is looked for by.
type term struct {
	values func(x *render, p *storage.Principal) []string
	text   string // in lower case
	match  string // contains, starts-with, ends-with, equals
}

func (t term) matches(x *render, p *storage.Principal) bool {
	for _, v := range t.values(x, p) {
		v = strings.ToLower(v)
		switch t.match {
		case "equals":
			if v == t.text {
				return true
			}
		case "starts-with":
			if strings.HasPrefix(v, t.text) {
				return true
			}
		case "ends-with":
			if strings.HasSuffix(v, t.text) {
				return true
			}
		default:
			if strings.Contains(v, t.text) {
				return true
			}
		}
	}
	return false
}

// principalPropertySearch handles the principal-property-search report (RFC 3744 section 9.4).
func (q *request) principalPropertySearch(root *dav.Element, res *resource) error {
	if err := q.depthZero(); err != nil {
		return err
	}
	any := anyOf(root)
	var terms []term
	for s := range root.All(dav.D("property-search")) {
		match := s.Child(dav.D("match"))
		text := strings.ToLower(match.Value())
		prop := s.Child(dav.D("prop"))
		if match == nil || prop == nil {
			return refuse(http.StatusBadRequest, "a property-search has prop and match (RFC 3744 section 9.4)")
		}
		kind, _ := match.Attr("match-type")
		for _, e := range prop.Children {
			t := term{text: text, match: kind, values: func(*render, *storage.Principal) []string { return nil }}
			for _, s := range searchable {
				if s.name == e.Name {
					t.values = s.values
				}
			}
			terms = append(terms, t)
		}
	}
	if len(terms) == 0 || len(terms) > 50 {
		return refuse(http.StatusBadRequest, "a principal-property-search has 1 to 50 properties to search by")
	}
	m, list, err := reportProps(root)
	if err != nil {
		return err
	}
	x := q.render(nil, m, list)
	kinds := q.searchKinds(res, root.Has(dav.D("apply-to-principal-collection-set")))
	found, more, err := x.search(terms, any, kinds, maxFound)
	if err != nil {
		return err
	}
	return q.sendPrincipals(x, found, more)
}

// searchKinds are the kinds of principals below a resource, or everywhere.
func (q *request) searchKinds(res *resource, everywhere bool) []storage.Kind {
	if res.kind == principalGroup && !everywhere {
		return []storage.Kind{groups[q.at.group]}
	}
	return nil
}

// search finds principals by all terms, or by any of them. The database narrows them down to those in which a text
// occurs at all; each is then looked at.
func (x *render) search(terms []term, any bool, kinds []storage.Kind, limit int) (found []*storage.Principal, more bool, err error) {
	seen := map[int64]bool{}
	narrow := terms[:1]
	if any {
		narrow = terms
	} else {
		for _, t := range terms { // the longest text is the rarest
			if len(t.text) > len(narrow[0].text) {
				narrow = []term{t}
			}
		}
	}
	asked := map[string]bool{}
	for _, n := range narrow {
		text := narrowText(n.text)
		if asked[text] {
			continue
		}
		asked[text] = true
		list, err := x.q.h.Store.Principals(x.q.ctx, storage.PrincipalQuery{Kinds: kinds, Search: text})
		if err != nil {
			return nil, false, err
		}
		if err := x.readAddresses(list); err != nil {
			return nil, false, err
		}
		for _, p := range list {
			if seen[p.ID] {
				continue
			}
			seen[p.ID] = true
			if !x.matchesTerms(p, terms, any) {
				continue
			}
			if len(found) == limit {
				return found, true, x.err
			}
			found = append(found, p)
		}
	}
	return found, false, x.err
}

// narrowText is what the database is asked for: the name in a principal's URL, without the mailto: of an address, nothing
// where the text is no part of a name or address.
func narrowText(text string) string {
	for _, k := range []string{"individual", "room", "resource", "group"} {
		if text == k {
			return ""
		}
	}
	text = strings.TrimPrefix(text, "mailto:")
	if rest, ok := strings.CutPrefix(text, principalsHref); ok {
		_, rest, _ = strings.Cut(rest, "/")
		return strings.TrimSuffix(rest, "/")
	}
	return text
}

func (x *render) matchesTerms(p *storage.Principal, terms []term, any bool) bool {
	for _, t := range terms {
		if t.matches(x, p) == any {
			return any
		}
	}
	return !any
}

// calendarserverSearch handles Apple's calendarserver-principal-search: words that are looked for in names and addresses.
func (q *request) calendarserverSearch(root *dav.Element, res *resource) error {
	limit := maxFound
	if e := root.Child(dav.CS("limit")); e != nil {
		n, err := strconv.Atoi(e.Child(dav.CS("nresults")).Value())
		if err != nil || n < 1 {
			return refuse(http.StatusBadRequest, "nresults is a number from 1")
		}
		limit = min(limit, n)
	}
	var terms []term
	for t := range root.All(dav.CS("search-token")) {
		if text := strings.ToLower(t.Value()); text != "" {
			terms = append(terms, term{text: text, values: nameAndAddresses})
		}
	}
	if len(terms) == 0 || len(terms) > 20 {
		return refuse(http.StatusBadRequest, "a calendarserver-principal-search has 1 to 20 search-tokens")
	}
	kinds := q.searchKinds(res, false)
	switch context, _ := root.Attr("context"); context {
	case "user":
		kinds = []storage.Kind{storage.Person, storage.Group}
	case "attendee":
		kinds = []storage.Kind{storage.Person, storage.Group, storage.Resource}
	case "location":
		kinds = []storage.Kind{storage.Room}
	case "resource":
		kinds = []storage.Kind{storage.Resource}
	}
	m, list, err := reportProps(root)
	if err != nil {
		return err
	}
	x := q.render(nil, m, list)
	found, more, err := x.search(terms, false, kinds, limit)
	if err != nil {
		return err
	}
	return q.sendPrincipals(x, found, more)
}

func nameAndAddresses(x *render, p *storage.Principal) []string {
	return append([]string{principalName(p), p.Name}, x.addresses(p)...)
}

// sendPrincipals answers a search.
func (q *request) sendPrincipals(x *render, found []*storage.Principal, more bool) error {
	prefer := q.prefer()
	return q.multistatus(prefer.Minimal, func(ms *dav.Multistatus) error {
		x.ms = ms
		for _, p := range found {
			if err := x.resource(q.principal(p)); err != nil {
				return err
			}
		}
		if more {
			ms.Truncated(q.r.URL.EscapedPath())
		}
		return nil
	})
}

// principalMatch handles the principal-match report (RFC 3744 section 9.3): the asker's own principal, or what in the
// collection is theirs.
func (q *request) principalMatch(root *dav.Element, res *resource) error {
	if err := q.depthZero(); err != nil {
		return err
	}
	m, list, err := oneProp(root)
	if err != nil {
		return err
	}
	self, property := root.Has(dav.D("self")), root.Child(dav.D("principal-property"))
	if self == (property != nil) {
		return refuse(http.StatusBadRequest, "a principal-match has self or principal-property (RFC 3744 section 9.3)")
	}
	if err := res.need(auth.Read, dav.D("read")); err != nil {
		return err
	}
	var match []*resource
	switch {
	case self:
		if me := q.principal(q.who); below(res.href, me.href) {
			match = append(match, me)
		}
		for _, write := range []bool{false, true} {
			owners, err := q.h.Store.PrincipalsByID(q.ctx, q.who.ActsFor.Principals(write))
			if err != nil {
				return err
			}
			for _, p := range owners {
				if r := q.proxy(p, write); below(res.href, r.href) {
					match = append(match, r)
				}
			}
		}
		ids, err := q.h.Store.AllGroupsOf(q.ctx, q.who.ID)
		if err != nil {
			return err
		}
		in, err := q.h.Store.PrincipalsByID(q.ctx, ids)
		if err != nil {
			return err
		}
		for _, g := range in {
			if r := q.principal(g); below(res.href, r.href) {
				match = append(match, r)
			}
		}
	case len(property.Children) > 0:
		if match, err = q.naming(res, property.Children[0].Name); err != nil {
			return err
		}
	}
	return q.multistatus(q.prefer().Minimal, func(ms *dav.Multistatus) error {
		x := q.render(ms, m, list)
		for _, r := range match {
			if err := x.resource(r); err != nil {
				return err
			}
		}
		return nil
	})
}

func below(collection, href string) bool {
	return strings.HasPrefix(href, collection) || collection == "/"
}

// naming lists the home and the collections below a resource, as far as the asker may read them, in which a property names
// the asker, or a group that they are in. Objects are not looked into: they have the owner of their calendar.
func (q *request) naming(res *resource, property dav.Name) ([]*resource, error) {
	list := []*resource{res}
	owner := res.owner
	if res.owner == nil { // above all homes: of these the asker's own is looked into
		owner = q.who
	}
	a, err := q.access(owner)
	if err != nil {
		return nil, err
	}
	home := q.home(a)
	collections, err := q.h.Store.Calendars(q.ctx, owner.ID)
	if err != nil {
		return nil, err
	}
	if below(res.href, home.href) && res.href != home.href {
		list = append(list, home)
	}
	for _, c := range collections {
		if r := q.collection(a, c); below(res.href, r.href) && res.href != r.href && r.may.Has(auth.Read) {
			list = append(list, r)
		}
	}
	mine := map[string]bool{principalHref(q.who): true}
	ids, err := q.h.Store.AllGroupsOf(q.ctx, q.who.ID)
	if err != nil {
		return nil, err
	}
	x := &expander{render: q.render(nil, named, nil)}
	for _, h := range x.principalHrefs(ids) {
		mine[h] = true
	}
	var match []*resource
	for _, r := range list {
		hrefs, _ := x.follow(&want{name: property, prop: live[property]}, r)
		for _, h := range hrefs {
			if at, ok := q.placeOf(h); ok && at.kind == principalKind && mine[dav.EscapePath([]string{"dav", "principals", at.group, at.name}, true)] {
				match = append(match, r)
				break
			}
		}
	}
	return match, x.err
}

// aclPrincipalPropSet handles the acl-principal-prop-set report (RFC 3744 section 9.2): properties of the principals that
// the ACL names, by URL or as the owner.
func (q *request) aclPrincipalPropSet(root *dav.Element, res *resource) error {
	if err := q.depthZero(); err != nil {
		return err
	}
	m, list, err := oneProp(root)
	if err != nil {
		return err
	}
	if !root.Has(dav.D("prop")) {
		return refuse(http.StatusBadRequest, "an acl-principal-prop-set has a DAV:prop (RFC 3744 section 9.2)")
	}
	if err := res.need(auth.ReadACL, dav.D("read-acl")); err != nil {
		return err
	}
	return q.multistatus(q.prefer().Minimal, func(ms *dav.Multistatus) error {
		x := q.render(ms, m, list)
		seen := map[int64]bool{}
		for _, a := range x.aces(res) {
			if seen[a.grantee] {
				continue
			}
			seen[a.grantee] = true
			var r *resource
			switch p := x.principalOf(a.grantee); {
			case a.owner || res.owner != nil && a.grantee == res.owner.ID:
				r = q.principal(res.owner)
			case a.grantee == proxyReaders || a.grantee == proxyWriters:
				r = q.proxy(res.owner, a.grantee == proxyWriters)
			case p != nil:
				r = q.principal(p)
			default:
				continue
			}
			if err := x.resource(r); err != nil {
				return err
			}
		}
		return x.err
	})
}
