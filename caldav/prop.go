package caldav

import (
	"kalends/auth"
	"kalends/calendar"
	"kalends/dav"
	"kalends/storage"
)

// property is a live property: who has it, who may see it, how it is written and, where it can be, set.
type property struct {
	name dav.Name
	on   kind           // which resources can have it
	all  bool           // part of allprop: those that RFC 4918 section 15 defines
	need auth.Privilege // beyond DAV:read

	// has tells whether the resource does have it; nil is always.
	has func(x *render, r *resource) bool
	// write writes the value inside the element. Instead of it, hrefs gives a value of hrefs only, which
	// expand-property can follow.
	write func(x *render, r *resource, w *dav.Writer)
	hrefs func(x *render, r *resource) []string
	// attrs are those of the element, where it can have some.
	attrs func(r *resource) []dav.Attr

	// set changes it on a collection that is being made or patched; e is nil to remove it. Properties without it are
	// protected (RFC 4918 section 15).
	set   func(q *request, c *storage.Calendar, e *dav.Element) error
	setOn kind
	// setPerson is the same of a principal.
	setPerson func(p *storage.Principal, e *dav.Element) error

	// dead: where it is not live, it can be kept as a dead property, if check has nothing against its value.
	dead  bool
	check func(e *dav.Element) error
}

// deadOn reports whether the property is a dead one on such a resource, if it has it at all.
func (p *property) deadOn(k kind) bool {
	return p == nil || p.dead && (p.on|p.setOn)&k == 0
}

// live holds every live property by name.
var live = index(davProperties, aclProperties, caldavProperties, schedulingProperties, extensionProperties, defaultAlarms, proxyProperties, publicBusyProperties, sharingProperties)

func index(families ...[]*property) map[dav.Name]*property {
	m := map[dav.Name]*property{}
	for _, f := range families {
		for _, p := range f {
			m[p.name] = p
		}
	}
	return m
}

// ordered holds them in the order in which allprop and propname list them.
var ordered = concat(davProperties, aclProperties, caldavProperties, schedulingProperties, extensionProperties, defaultAlarms, proxyProperties, publicBusyProperties, sharingProperties)

func concat(families ...[]*property) (list []*property) {
	for _, f := range families {
		list = append(list, f...)
	}
	return list
}

// want is a property that a request asks for.
type want struct {
	name dav.Name
	prop *property    // nil for one that is dead or unknown
	elem *dav.Element // as it stands in the request
}

// maxWants bounds the properties of one request. Apple's programs ask for some 40.
const maxWants = 500

// wants reads the children of a DAV:prop element.
func wants(prop *dav.Element) ([]want, error) {
	if prop == nil {
		return nil, nil
	}
	if len(prop.Children) > maxWants {
		return nil, refuse(413, "a request may ask for at most %d properties", maxWants)
	}
	list := make([]want, 0, len(prop.Children))
	for _, e := range prop.Children {
		list = append(list, want{e.Name, live[e.Name], e})
	}
	return list, nil
}

// mode is how properties are asked for (RFC 4918 section 14.20).
type mode uint8

const (
	named mode = iota
	allProps
	propNames
)

// render writes the properties of resources into a multistatus. What several resources share is read once.
type render struct {
	q     *request
	ms    *dav.Multistatus
	mode  mode
	wants []want // named: these; allProps: these beside all others
	asked *want  // the one that is being written, where it was asked for by name
	data  *calendarData
	err   error // the first one: writers cannot return theirs

	dead  map[deadKey][]storage.Property
	homes map[int64][]*storage.Calendar
	// sharedHomes are the calendars of others in homes that are shown.
	sharedHomes map[int64][]*resource
	usage       map[int64]int64 // octets that count against the quota, by owner
	addrs       map[int64][]string

	shares  map[storage.Ref][]calendar.ShareEntry
	granted map[int64][]storage.Grant // in homes
	admins  []*storage.Principal
	people  map[int64]*storage.Principal // by id

	self string // href of the asker's principal
}

// deadKey names a resource that has dead properties.
type deadKey struct{ owner, calendar, object int64 }

func (q *request) render(ms *dav.Multistatus, m mode, list []want) *render {
	return &render{q: q, ms: ms, mode: m, wants: list}
}

func (x *render) fail(err error) {
	if x.err == nil && err != nil {
		x.err = err
	}
}

// resource writes one whole response.
func (x *render) resource(r *resource) error {
	if r.member != "" {
		x.ms.BeginMember(r.href, r.member)
	} else {
		x.ms.Begin(r.href)
	}
	x.props(r)
	x.ms.End()
	if x.err != nil {
		return x.err
	}
	return sent(x.ms.Writer().Err())
}

// props writes the properties of r that were asked for.
func (x *render) props(r *resource) {
	switch x.mode {
	case named:
		for i := range x.wants {
			x.one(r, &x.wants[i])
		}
		return
	case allProps:
		for _, p := range ordered {
			if p.all && p.on&r.kind != 0 && (p.has == nil || p.has(x, r)) {
				x.value(r, p)
			}
		}
		for i := range x.wants {
			if w := &x.wants[i]; w.prop == nil || !w.prop.all {
				x.one(r, w)
			}
		}
		for _, d := range x.deadOf(r) {
			x.ms.RawProp(d.XML)
		}
	case propNames:
		for _, p := range ordered {
			if p.on&r.kind != 0 && (p.has == nil || p.has(x, r)) {
				x.ms.Prop(p.name)
			}
		}
		for _, d := range x.deadOf(r) {
			x.ms.Prop(dav.Name{Space: d.Space, Local: d.Local})
		}
	}
}

// one writes a property that was asked for by name, or says that it is missing.
func (x *render) one(r *resource, w *want) {
	p := w.prop
	switch {
	case w.name == calendarDataName && x.data != nil && r.obj != nil && r.kind != noticeKind:
		x.calendarData(r)
	case p.deadOn(r.kind):
		x.unknown(r, w)
	case p.on&r.kind == 0 || p.has != nil && !p.has(x, r):
		x.ms.Missing(p.name)
	case !r.may.Has(p.need):
		x.ms.Failed(p.name, dav.Problem{Status: 403, Conditions: []dav.Condition{needPrivileges(r.url(), dav.D("read-acl"))}})
	default:
		x.asked = w
		x.value(r, p)
		x.asked = nil
	}
}

func (x *render) value(r *resource, p *property) {
	var attrs []dav.Attr
	if p.attrs != nil {
		attrs = p.attrs(r)
	}
	w := x.ms.Prop(p.name, attrs...)
	if p.hrefs != nil {
		for _, h := range p.hrefs(x, r) {
			w.Href(h)
		}
		return
	}
	p.write(x, r, w)
}

// unknown writes a dead property.
func (x *render) unknown(r *resource, w *want) {
	for _, d := range x.deadOf(r) {
		if d.Local == w.name.Local && d.Space == w.name.Space {
			x.ms.RawProp(d.XML)
			return
		}
	}
	x.ms.Missing(w.name)
}

// deadOf returns the dead properties of a resource: those of all that a request shows are read at once.
func (x *render) deadOf(r *resource) []storage.Property {
	if r.owner == nil || r.kind == proxyKind {
		return nil
	}
	key := deadKey{owner: r.owner.ID, calendar: storage.HomeProps}
	switch {
	case r.kind == principalKind:
		key.calendar = storage.PrincipalProps
	case r.obj != nil:
		key.calendar, key.object = r.cal.ID, r.obj.ID
	case r.share != nil:
		key.owner, key.calendar = r.sharee.ID, r.share.ID // the sharee's own
	case r.cal != nil:
		key.calendar = r.cal.ID
	}
	if list, ok := x.dead[key]; ok {
		return list
	}
	if key.object != 0 {
		if _, ok := x.dead[deadKey{key.owner, key.calendar, wholeCalendar}]; ok {
			return nil // its collection's were read, and it has none
		}
	}
	x.readDead(key, false)
	return x.dead[key]
}

// wantsDead reports whether dead properties of such a resource may be asked for.
func (x *render) wantsDead(k kind) bool {
	if x.mode != named {
		return true
	}
	for i := range x.wants {
		if x.wants[i].prop.deadOn(k) {
			return true
		}
	}
	return false
}

// wholeCalendar marks in render.dead that a calendar's members have been read.
const wholeCalendar = -1

// readDead reads the dead properties of a collection, and with members of all in it.
func (x *render) readDead(key deadKey, members bool) {
	if x.dead == nil {
		x.dead = map[deadKey][]storage.Property{}
	}
	members = members || key.object != 0
	if home, ok := x.homes[key.owner]; ok && !members && key.calendar != storage.PrincipalProps {
		// The home is being shown, so its collections' will be asked for too.
		x.dead[deadKey{owner: key.owner, calendar: storage.HomeProps}] = nil
		for _, c := range home {
			x.dead[deadKey{owner: key.owner, calendar: c.ID}] = nil
		}
		for _, c := range x.sharedHomes[key.owner] {
			x.dead[deadKey{owner: key.owner, calendar: c.share.ID}] = nil
		}
		list, err := x.q.h.Store.HomeProperties(x.q.ctx, key.owner)
		x.fail(err)
		x.addDead(list)
		return
	}
	x.dead[deadKey{owner: key.owner, calendar: key.calendar}] = nil
	if members {
		x.dead[deadKey{key.owner, key.calendar, wholeCalendar}] = nil
	}
	list, err := x.q.h.Store.Properties(x.q.ctx, key.owner, key.calendar, members)
	x.fail(err)
	x.addDead(list)
}

func (x *render) addDead(list []storage.Property) {
	for _, p := range list {
		if p.User != 0 {
			continue // somebody's own: see ownLook
		}
		k := deadKey{p.Owner, p.Calendar, p.Object}
		x.dead[k] = append(x.dead[k], p)
	}
}

// home returns the collections of a home, read once.
func (x *render) home(owner *storage.Principal) []*storage.Calendar {
	if list, ok := x.homes[owner.ID]; ok {
		return list
	}
	list, err := x.q.h.Calendar.HomeOf(x.q.ctx, x.q.who, owner)
	x.fail(err)
	x.keepHome(owner, list)
	return list
}

// sharedIn returns the calendars of others in a home that the asker may read, read once.
func (x *render) sharedIn(home *resource) []*resource {
	if list, ok := x.sharedHomes[home.owner.ID]; ok {
		return list
	}
	found, err := x.q.h.Calendar.SharedIn(x.q.ctx, x.q.h.Store, x.q.who, home.owner, x.home(home.owner))
	x.fail(err)
	return x.keepShared(home, found)
}

func (x *render) keepShared(home *resource, found []calendar.SharedCalendar) []*resource {
	list := []*resource{}
	for _, c := range found {
		if r := x.q.shared(home.access, c.Share, c.Access, c.Calendar); r.may.Has(auth.Read) {
			list = append(list, r)
		}
	}
	if x.sharedHomes == nil {
		x.sharedHomes = map[int64][]*resource{}
	}
	x.sharedHomes[home.owner.ID] = list
	return list
}

func (x *render) keepHome(owner *storage.Principal, list []*storage.Calendar) {
	if x.homes == nil {
		x.homes = map[int64][]*storage.Calendar{}
	}
	x.homes[owner.ID] = list
}

// readAddresses reads those of many principals at once.
func (x *render) readAddresses(list []*storage.Principal) error {
	ids := make([]int64, 0, len(list))
	for _, p := range list {
		if _, ok := x.addrs[p.ID]; !ok {
			ids = append(ids, p.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	found, err := x.q.h.Store.AddressesOf(x.q.ctx, ids)
	if err != nil {
		return err
	}
	if x.addrs == nil {
		x.addrs = found
	}
	for _, id := range ids {
		x.addrs[id] = found[id]
	}
	return nil
}

// addresses returns a principal's calendar user addresses, read once.
func (x *render) addresses(p *storage.Principal) []string {
	if list, ok := x.addrs[p.ID]; ok {
		return list
	}
	list, err := x.q.h.Store.Addresses(x.q.ctx, p.ID)
	x.fail(err)
	if x.addrs == nil {
		x.addrs = map[int64][]string{}
	}
	x.addrs[p.ID] = list
	return list
}
