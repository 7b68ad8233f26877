package caldav

import (
	"errors"

	"kalends/auth"
	"kalends/calendar"
	"kalends/dav"
	"kalends/storage"
)

// kind says what a resource is. Sets of kinds say which resources have a property or take a method.
type kind uint32

const (
	siteRoot       kind = 1 << iota // /
	davRoot                         // /dav/
	principalsRoot                  // /dav/principals/
	principalGroup                  // /dav/principals/users/ and its like
	principalKind                   // /dav/principals/users/NAME/
	calendarsRoot                   // /dav/calendars/
	homeKind                        // /dav/calendars/NAME/
	calendarKind                    // /dav/calendars/NAME/SLUG/
	inboxKind
	outboxKind
	notificationKind
	objectKind // /dav/calendars/NAME/SLUG/OBJECT
	itemKind   // the same in an inbox
	noticeKind // in the notification collection
	proxyKind  // /dav/principals/users/NAME/calendar-proxy-read/ and -write/

	// What a path may lead to, as long as nobody has looked.
	collectionPlace // /dav/calendars/NAME/SLUG/
	memberPlace     // /dav/calendars/NAME/SLUG/OBJECT
	deepPlace       // below that
	noPlace         // nothing can be there
	attachmentPlace // /dav/attachments/MANAGED-ID
)

// Sets of kinds.
const (
	homeCollections = calendarKind | inboxKind | outboxKind | notificationKind
	collections     = siteRoot | davRoot | principalsRoot | principalGroup | principalKind | proxyKind | calendarsRoot | homeKind | homeCollections
	members         = objectKind | itemKind | noticeKind
	inHome          = homeKind | homeCollections | members
	all             = collections | members
)

// The URLs that are fixed.
const (
	rootHref       = "/dav/"
	principalsHref = "/dav/principals/"
	calendarsHref  = "/dav/calendars/"
)

// groups are the folders of principals.
var groups = map[string]storage.Kind{"users": storage.Person, "rooms": storage.Room, "resources": storage.Resource, "groups": storage.Group}

// groupOf returns the folder of a principal.
func groupOf(k storage.Kind) string {
	switch k {
	case storage.Room:
		return "rooms"
	case storage.Resource:
		return "resources"
	case storage.Group:
		return "groups"
	}
	return "users"
}

// place is where a path leads by its form alone.
type place struct {
	kind  kind
	group string // folder of the principal
	name  string // of the principal, or of a home's owner
	slug  string
	obj   string
	dir   bool
}

// locate takes a decoded path for a place.
func locate(s []string, dir bool) place {
	p := place{kind: noPlace, dir: dir}
	switch {
	case len(s) == 0:
		p.kind = siteRoot
	case s[0] != "dav":
	case len(s) == 1:
		p.kind = davRoot
	case s[1] == "principals":
		p.principals(s[2:])
	case s[1] == "calendars":
		p.calendars(s[2:])
	case s[1] == "attachments" && len(s) == 3 && !dir:
		p.kind, p.obj = attachmentPlace, s[2]
	}
	return p
}

func (p *place) principals(s []string) {
	if len(s) == 0 {
		p.kind = principalsRoot
		return
	}
	if p.group = s[0]; groups[p.group] == "" {
		return
	}
	switch len(s) {
	case 1:
		p.kind = principalGroup
	case 2:
		p.kind, p.name = principalKind, s[1]
	case 3:
		if s[2] == proxyRead || s[2] == proxyWrite {
			p.kind, p.name, p.slug = proxyKind, s[1], s[2]
		}
	}
}

func (p *place) calendars(s []string) {
	switch len(s) {
	case 0:
		p.kind = calendarsRoot
		return
	case 1:
		p.kind = homeKind
	case 2:
		p.kind, p.slug = collectionPlace, s[1]
	case 3:
		p.kind, p.slug, p.obj = memberPlace, s[1], s[2]
	default:
		p.kind, p.slug, p.obj = deepPlace, s[1], s[2]
	}
	p.name = s[0]
}

func principalHref(p *storage.Principal) string {
	return dav.EscapePath([]string{"dav", "principals", groupOf(p.Kind), p.Name}, true)
}

func homeHref(name string) string { return dav.EscapePath([]string{"dav", "calendars", name}, true) }

func collectionHref(name, slug string) string {
	return dav.EscapePath([]string{"dav", "calendars", name, slug}, true)
}

func objectHref(name, slug, object string) string {
	return dav.EscapePath([]string{"dav", "calendars", name, slug, object}, false)
}

// pathHref is the URL of what package calendar names by a path.
func pathHref(p *calendar.Path) string {
	switch {
	case p.Slug == "":
		return homeHref(p.Owner)
	case p.Name == "":
		return collectionHref(p.Owner, p.Slug)
	}
	return objectHref(p.Owner, p.Slug, p.Name)
}

// resource is what was found at a place, with what its properties are made of.
type resource struct {
	kind   kind
	href   string             // of it; of a member that of its collection
	member string             // name of an object in the collection
	owner  *storage.Principal // of the home it is in, or the principal it is; else nil
	access *auth.Access       // to the home it is or is in
	cal    *storage.Calendar  // the collection it is or is in
	obj    *storage.Object
	may    auth.Set // what the asker may do with it
	write  bool     // of a proxy group: the one that may write

	// Of a calendar of somebody else, owner, that is in the home of a sharee: the invitation by which it is there. cal is as the sharee has it.
	share  *storage.Share
	sharee *storage.Principal
	own    auth.Set // what the asker may do beyond may with the collection itself: its properties there are the sharee's own
}

// target names the resource's collection, or an object in it, for package calendar.
func (r *resource) target(object string) calendar.Target {
	t := calendar.Target{Owner: r.owner, Name: object, Access: r.access, Share: r.share, Sharee: r.sharee}
	if r.cal != nil {
		t.Slug = r.cal.Slug
	}
	return t
}

// url is the whole href of the resource.
func (r *resource) url() string {
	if r.member == "" {
		return r.href
	}
	return string(dav.AppendSegment([]byte(r.href), r.member))
}

var errNothing = refuse(404, "there is no such resource, or it is not yours to see")

// owner reads the principal that the place names.
func (q *request) owner(p place) (*storage.Principal, error) {
	if p.name == q.who.Name {
		return q.who, nil
	}
	owner, err := q.h.Store.PrincipalByName(q.ctx, p.name)
	if errors.Is(err, storage.ErrNotFound) || err == nil && owner.Name != p.name {
		return nil, errNothing
	}
	return owner, err
}

// target names what a place names, for package calendar.
func (q *request) target(p place) (calendar.Target, error) {
	owner, err := q.owner(p)
	if err != nil {
		return calendar.Target{}, err
	}
	t := calendar.Target{Owner: owner, Slug: p.slug, Name: p.obj}
	if p.kind&(collectionPlace|memberPlace) != 0 {
		shared, err := q.h.Calendar.Shared(q.ctx, owner, p.slug)
		if err != nil {
			return t, err
		}
		if shared != nil {
			t, t.Name = *shared, p.obj
			if owner.ID != q.who.ID {
				t.Access, err = q.h.Calendar.AccessTo(q.ctx, q.who, t)
				return t, err
			}
		}
	}
	if p.kind&(principalKind|proxyKind) == 0 {
		t.Access, err = q.access(t.Owner)
	}
	return t, err
}

// access returns what the asker may do in a home, found out once a request.
func (q *request) access(owner *storage.Principal) (*auth.Access, error) {
	if a := q.homes[owner.ID]; a != nil {
		return a, nil
	}
	a, err := q.h.Calendar.Access(q.ctx, q.who, owner)
	if err != nil {
		return nil, err
	}
	if q.homes == nil {
		q.homes = map[int64]*auth.Access{}
	}
	q.homes[owner.ID] = a
	return a, nil
}

// find looks up what is at a place, as far as the asker may know of it. What they may do with it is for the
// caller to ask.
func (q *request) find(p place) (*resource, error) {
	switch p.kind {
	case siteRoot:
		return &resource{kind: siteRoot, href: "/", may: sharedPlaces}, nil
	case davRoot:
		return &resource{kind: davRoot, href: rootHref, may: sharedPlaces}, nil
	case principalsRoot:
		return &resource{kind: principalsRoot, href: principalsHref, may: sharedPlaces}, nil
	case principalGroup:
		return &resource{kind: principalGroup, href: principalsHref + p.group + "/", may: sharedPlaces}, nil
	case calendarsRoot:
		return &resource{kind: calendarsRoot, href: calendarsHref, may: sharedPlaces}, nil
	case principalKind, proxyKind, homeKind, collectionPlace, memberPlace:
	default:
		return nil, errNothing
	}
	t, err := q.target(p)
	if err != nil {
		return nil, err
	}
	switch p.kind {
	case principalKind, proxyKind:
		if t.Owner.Kind != groups[p.group] || p.kind == proxyKind && !hasProxies(t.Owner) {
			return nil, errNothing
		}
		if p.kind == proxyKind {
			return q.proxy(t.Owner, p.slug == proxyWrite), nil
		}
		return q.principal(t.Owner), nil
	case homeKind:
		if t.Owner.Kind == storage.Group {
			return nil, errNothing // groups have none
		}
		return q.home(t.Access), nil
	case collectionPlace:
		c, err := q.h.Calendar.Collection(q.ctx, q.who, t)
		if err != nil {
			return nil, err
		}
		return q.collectionOf(t, c)
	}
	if p.dir {
		return nil, errNothing
	}
	o, c, err := q.h.Calendar.Object(q.ctx, q.who, t)
	if err != nil {
		return nil, err
	}
	r, err := q.collectionOf(t, c)
	if err != nil {
		return nil, err
	}
	r.setMember(o)
	return r, nil
}

// sharedPlaces is what everybody with an account may do with the places that are nobody's.
const sharedPlaces = auth.Read | auth.ReadCurrentUserPrivilegeSet

func (q *request) principal(p *storage.Principal) *resource {
	return &resource{kind: principalKind, href: principalHref(p), owner: p, may: auth.PrincipalPrivileges(q.who, p)}
}

func (q *request) home(a *auth.Access) *resource {
	return &resource{kind: homeKind, href: homeHref(a.Owner.Name), owner: a.Owner, access: a, may: a.Home()}
}

// collectionOf is the collection that a target names, as it is where the target names it.
func (q *request) collectionOf(t calendar.Target, c *storage.Calendar) (*resource, error) {
	if t.Share == nil {
		return q.collection(t.Access, c), nil
	}
	home, err := q.access(t.Sharee)
	if err != nil {
		return nil, err
	}
	return q.shared(home, t.Share, t.Access, calendar.Shown(t.Share, c)), nil
}

// shared is a calendar of somebody else in the home of a sharee; shown is as they have it there.
func (q *request) shared(home *auth.Access, sh *storage.Share, a *auth.Access, shown *storage.Calendar) *resource {
	r := q.collection(a, shown)
	r.cal = shown // what it is called there, also where the sharee acts for who shares it
	r.href = collectionHref(home.Owner.Name, sh.Slug())
	r.share, r.sharee = sh, home.Owner
	if own := home.Home() & auth.WriteProperties; r.may != 0 && !r.may.Has(own) {
		r.may, r.own = r.may|own, own
	}
	return r
}

func (q *request) collection(a *auth.Access, c *storage.Calendar) *resource {
	r := &resource{href: collectionHref(a.Owner.Name, c.Slug), owner: a.Owner, access: a, cal: q.look(a.Owner, c), may: a.To(c)}
	switch c.Kind {
	case storage.InboxKind:
		r.kind = inboxKind
	case storage.OutboxKind:
		r.kind = outboxKind
	case storage.NotificationKind:
		r.kind = notificationKind
	default:
		r.kind = calendarKind
	}
	return r
}

// collection returns the resource of the collection that r is in, or is.
func (r *resource) collection() *resource {
	c := *r
	c.obj, c.member = nil, ""
	switch r.kind {
	case objectKind:
		c.kind = calendarKind
	case itemKind:
		c.kind = inboxKind
	case noticeKind:
		c.kind = notificationKind
	}
	return &c
}

// setMember makes r, a collection or a member of it, the resource of that object in it.
func (r *resource) setMember(o *storage.Object) {
	r.obj, r.member = o, o.Name
	switch r.kind {
	case inboxKind:
		r.kind = itemKind
	case calendarKind:
		r.kind = objectKind
	case notificationKind:
		r.kind = noticeKind
	}
	r.may &^= r.own
}

// need refuses what the asker may not do (RFC 3744 section 7.1.1).
func (r *resource) need(p auth.Privilege, name dav.Name) error {
	if r.may.Has(p) {
		return nil
	}
	return &refusal{status: 403, msg: "you have no privilege for this here", conditions: []dav.Condition{needPrivileges(r.url(), name)}}
}

// needPrivileges is the condition of RFC 3744 section 7.1.1: which privileges are missing on which resource.
func needPrivileges(href string, names ...dav.Name) dav.Condition {
	c := dav.Condition{Name: dav.D("need-privileges")}
	for _, n := range names {
		privilege := dav.NewElement(dav.D("privilege"), "", dav.NewElement(n, ""))
		c.Elements = append(c.Elements, dav.NewElement(dav.D("resource"), "", dav.NewElement(dav.D("href"), href), privilege))
	}
	return c
}

// privilegeNames are the names in XML of a set, as few as can be.
func privilegeNames(s auth.Set) (names []dav.Name) {
	for _, n := range s.Names() {
		names = append(names, dav.Name{Space: n.Space, Local: n.Local})
	}
	return names
}

// allowed lists the methods of each kind of resource, and of what is not there yet.
var allowed = map[kind]string{
	siteRoot:         "OPTIONS, GET, HEAD, PROPFIND, REPORT",
	davRoot:          "OPTIONS, GET, HEAD, PROPFIND, REPORT",
	principalsRoot:   "OPTIONS, PROPFIND, REPORT",
	principalGroup:   "OPTIONS, PROPFIND, REPORT",
	principalKind:    "OPTIONS, PROPFIND, PROPPATCH, REPORT",
	proxyKind:        "OPTIONS, PROPFIND, PROPPATCH, REPORT",
	calendarsRoot:    "OPTIONS, PROPFIND, REPORT",
	homeKind:         "OPTIONS, POST, ACL, PROPFIND, PROPPATCH, REPORT",
	calendarKind:     "OPTIONS, GET, HEAD, POST, DELETE, MOVE, ACL, PROPFIND, PROPPATCH, REPORT",
	inboxKind:        "OPTIONS, ACL, PROPFIND, PROPPATCH, REPORT",
	outboxKind:       "OPTIONS, POST, ACL, PROPFIND, PROPPATCH, REPORT",
	notificationKind: "OPTIONS, PROPFIND, PROPPATCH, REPORT",
	objectKind:       "OPTIONS, GET, HEAD, POST, PUT, DELETE, COPY, MOVE, PROPFIND, PROPPATCH, REPORT",
	itemKind:         "OPTIONS, GET, HEAD, DELETE, PROPFIND, PROPPATCH, REPORT",
	noticeKind:       "OPTIONS, GET, HEAD, DELETE, PROPFIND, PROPPATCH, REPORT",
	collectionPlace:  "OPTIONS, MKCALENDAR, MKCOL",
	memberPlace:      "OPTIONS, PUT",
	deepPlace:        "OPTIONS",
	noPlace:          "OPTIONS",
	attachmentPlace:  "OPTIONS, GET, HEAD",
}

// notAllowed answers a method that has no meaning at a resource (RFC 9110 section 15.5.6).
func (q *request) notAllowed(k kind) error {
	return &refusal{status: 405, msg: q.method() + " has no meaning here", allow: allowed[k]}
}

// method is the request's, short enough to be told.
func (q *request) method() string {
	if len(q.r.Method) > 20 {
		return q.r.Method[:20]
	}
	return q.r.Method
}
