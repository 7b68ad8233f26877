package caldav

import (
	"errors"
	"net/http"

	"kalends/auth"
	"kalends/calendar"
	"kalends/dav"
	"kalends/storage"
)

// change is one instruction to set or remove a property.
type change struct {
	name dav.Name
	elem *dav.Element // nil to remove it
	prop *property    // a live one that is set here; nil for a dead one
	own  bool         // it is the asker's own: see ownLook
}

// changes are the instructions of a PROPPATCH, MKCALENDAR or MKCOL, in their order, and what was wrong with them.
type changes struct {
	q      *request
	list   []change
	failed map[int]dav.Problem
}

// maxProperty bounds one dead property.
const maxProperty = 100_000

// readChanges reads the DAV:set and DAV:remove children of root.
func (q *request) readChanges(root *dav.Element) (*changes, error) {
	cs := &changes{q: q, failed: map[int]dav.Problem{}}
	if root == nil {
		return cs, nil
	}
	for _, e := range root.Children {
		set := e.Is(dav.D("set"))
		if !set && !e.Is(dav.D("remove")) {
			continue // RFC 4918 section 17
		}
		prop := e.Child(dav.D("prop"))
		if prop == nil {
			return nil, refuse(http.StatusBadRequest, "a DAV:%s without DAV:prop", e.Local)
		}
		for _, p := range prop.Children {
			c := change{name: p.Name}
			if set {
				c.elem = p
			}
			cs.list = append(cs.list, c)
		}
	}
	if len(cs.list) > maxWants {
		return nil, refuse(http.StatusRequestEntityTooLarge, "a request may set at most %d properties", maxWants)
	}
	return cs, nil
}

// check finds out which of the changes cannot be made on a resource of this kind, whatever their values.
func (cs *changes) check(on kind) {
	for i := range cs.list {
		c := &cs.list[i]
		p := live[c.name]
		switch {
		case c.own: // was looked at by ownOnes
		case p.deadOn(on):
			if c.elem != nil && len(c.elem.Text) > maxProperty {
				cs.failed[i] = dav.Problem{Status: http.StatusInsufficientStorage, Description: "the value is too large"}
			} else if c.elem != nil && p != nil && p.check != nil {
				if err := p.check(c.elem); err != nil {
					cs.failed[i] = cs.problem(err)
				}
			}
		case (p.set != nil || p.setPerson != nil) && p.setOn&on != 0:
			c.prop = p
		case on&collectionPlace != 0 && c.name == dav.D("resourcetype"):
			c.prop = resourceTypeOnce
		default:
			cs.failed[i] = dav.Problem{
				Status:     http.StatusForbidden,
				Conditions: []dav.Condition{{Name: dav.D("cannot-modify-protected-property")}},
			}
		}
	}
}

// resourceTypeOnce takes the type of a collection that is being made, which mkcol has looked at (RFC 5689 section 3).
var resourceTypeOnce = &property{set: func(*request, *storage.Calendar, *dav.Element) error { return nil }}

// errProperty ends a unit of work in which a property could not be set; which one stands in changes.failed.
var errProperty = errors.New("property not set")

// edit returns the changes as package calendar takes them.
func (cs *changes) edit() calendar.Edit {
	var e calendar.Edit
	final := map[dav.Name]int{}
	liveOnes := false
	for i, c := range cs.list {
		final[c.name] = i
		liveOnes = liveOnes || c.prop != nil
	}
	for i, c := range cs.list {
		if c.prop != nil || final[c.name] != i {
			continue // of several for one property the last counts
		}
		p := storage.Property{Space: c.name.Space, Local: c.name.Local}
		if c.own {
			if c.elem != nil {
				p.XML = c.elem.Marshal()
			}
			e.Own = append(e.Own, p)
			continue
		}
		if c.elem == nil {
			e.Remove = append(e.Remove, p)
			continue
		}
		p.XML = c.elem.Marshal()
		e.Set = append(e.Set, p)
	}
	if liveOnes || len(cs.failed) > 0 {
		e.Live, e.Person = cs.apply, cs.applyPerson
	}
	return e
}

// apply sets the live properties of a collection. It may run again.
func (cs *changes) apply(c *storage.Calendar) error {
	return cs.each(func(p *property, e *dav.Element) error {
		if p.set == nil {
			return nil
		}
		return p.set(cs.q, c, e)
	})
}

// applyPerson sets those of a principal. It may run again.
func (cs *changes) applyPerson(who *storage.Principal) error {
	return cs.each(func(p *property, e *dav.Element) error { return p.setPerson(who, e) })
}

func (cs *changes) each(set func(p *property, e *dav.Element) error) error {
	for i, ch := range cs.list {
		if ch.prop == nil {
			continue
		}
		if err := set(ch.prop, ch.elem); err != nil {
			e, _ := cs.q.refusalOf(err)
			if e.status >= 500 && e.status != http.StatusInsufficientStorage {
				return err
			}
			cs.failed[i] = cs.problem(err)
		}
	}
	if len(cs.failed) > 0 {
		return errProperty
	}
	return nil
}

// problem tells why a value was refused.
func (cs *changes) problem(err error) dav.Problem {
	e, _ := cs.q.refusalOf(err)
	status := e.status
	if status == http.StatusBadRequest {
		status = http.StatusConflict // RFC 4918 section 9.2.1: the value makes no sense
	}
	return dav.Problem{Status: status, Conditions: e.conditions, Description: e.msg}
}

// blames notes the property that package calendar did not take for its value, and reports whether that is what err says.
func (cs *changes) blames(err error) bool {
	if calendar.KindOf(err) != calendar.BadDefaultCalendar {
		return false
	}
	for i, c := range cs.list {
		if c.name == dav.C("schedule-default-calendar-URL") {
			cs.failed[i] = cs.problem(err)
		}
	}
	return len(cs.failed) > 0
}

// write tells what became of each property (RFC 4918 section 9.2.1): all, or those that failed and the others with 424.
func (cs *changes) write(ms *dav.Multistatus) {
	for i, c := range cs.list {
		switch p, failed := cs.failed[i]; {
		case failed:
			ms.Failed(c.name, p)
		case len(cs.failed) > 0:
			ms.Failed(c.name, dav.Problem{Status: http.StatusFailedDependency})
		default:
			ms.Prop(c.name)
		}
	}
}

// proppatch handles PROPPATCH (RFC 4918 section 9.2): all of it or nothing.
func (q *request) proppatch() error {
	root, err := q.readXML()
	if err != nil {
		return err
	}
	if !root.Is(dav.D("propertyupdate")) {
		return refuse(http.StatusBadRequest, "the body is a %.60s, not a DAV:propertyupdate", root.Local)
	}
	cs, err := q.readChanges(root)
	if err != nil {
		return err
	}
	if len(cs.list) == 0 {
		return refuse(http.StatusBadRequest, "the body sets and removes nothing")
	}
	res, err := q.find(q.at)
	if err != nil {
		return err
	}
	if res.owner == nil {
		return q.notAllowed(res.kind)
	}
	cs.ownOnes(res)
	if !cs.onlyOwn() || !res.may.Has(auth.Read) {
		if err := res.need(auth.WriteProperties, dav.D("write-properties")); err != nil {
			return err
		}
	}
	if err := q.patchConditions(res); err != nil {
		return err
	}
	if res.kind == proxyKind {
		if err := q.setMembers(res, cs); err != nil {
			return err
		}
	} else if cs.check(res.kind); len(cs.failed) == 0 {
		if err := q.patch(res, cs.edit()); err != nil && !errors.Is(err, errProperty) && !cs.blames(err) {
			return err
		}
	}
	if prefer := q.prefer(); prefer.Minimal && len(cs.failed) == 0 {
		q.w.Header().Set("Content-Length", "0")
		q.w.WriteHeader(http.StatusOK) // RFC 8144 section 2.1
		return nil
	}
	return q.multistatus(false, func(ms *dav.Multistatus) error {
		ms.Begin(res.url())
		cs.write(ms)
		ms.End()
		return nil
	})
}

func (q *request) patchConditions(res *resource) error {
	c, err := q.conditions()
	if err != nil || c.none() {
		return err
	}
	switch {
	case res.obj != nil:
		return c.check(stateOf(res.obj))
	case res.kind == calendarKind:
		return c.onCollection(res)
	}
	return c.check(dav.State{Exists: true})
}

func (q *request) patch(res *resource, e calendar.Edit) error {
	if res.kind == principalKind {
		return q.h.Calendar.PatchPrincipal(q.ctx, q.who, res.owner, e)
	}
	t := res.target(q.at.obj)
	return q.h.Calendar.Patch(q.ctx, q.who, t, e)
}
