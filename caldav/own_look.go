package caldav

import (
	"bytes"

	"kalends/dav"
	"kalends/storage"
)

// ownLook are the properties of a calendar that who acts for its owner has of their own: they see many people's calendars beside each other, and what
// one of them is called and looks like there is theirs.
var ownLook = map[dav.Name]bool{dav.D("displayname"): true, dav.A("calendar-color"): true, dav.A("calendar-order"): true}

// actsFor reports whether the asker acts for a person, and so has a look of their own at that person's calendars. What rooms are called is for who
// keeps them to say, for all.
func (q *request) actsFor(owner *storage.Principal) bool {
	if q.anybody() || owner == nil || owner.Kind != storage.Person || owner.ID == q.who.ID {
		return false
	}
	read, _ := q.who.ActsFor.For(owner.ID)
	return read
}

// look returns a calendar as the asker has it who acts for its owner. What they have of their own in a home is read once for a request.
func (q *request) look(owner *storage.Principal, c *storage.Calendar) *storage.Calendar {
	if c.Kind != storage.CalendarKind || q.r.Method != "PROPFIND" && q.r.Method != "REPORT" || !q.actsFor(owner) {
		return c
	}
	mine, known := q.looks[owner.ID]
	if !known {
		all, err := q.h.Store.HomeProperties(q.ctx, owner.ID)
		if err != nil {
			q.h.Log.WarnContext(q.ctx, "names and colours of who acts for somebody", "owner", owner.ID, "err", err)
		}
		for _, p := range all {
			if p.User == q.who.ID {
				mine = append(mine, p)
			}
		}
		if q.looks == nil {
			q.looks = map[int64][]storage.Property{}
		}
		q.looks[owner.ID] = mine
	}
	seen := *c
	changed := false
	for _, p := range mine {
		name := dav.Name{Space: p.Space, Local: p.Local}
		if p.Calendar != c.ID || !ownLook[name] {
			continue
		}
		e, err := dav.ReadXML(bytes.NewReader(p.XML), dav.Limits{})
		if err != nil || live[name].set(q, &seen, e) != nil {
			continue // it was stored by a version that took it
		}
		changed = true
	}
	if !changed {
		return c
	}
	return &seen
}

// ownOnes finds out which changes of a calendar are of what the asker has of their own there, and whether their values can be.
func (cs *changes) ownOnes(res *resource) {
	if res.kind != calendarKind || res.share != nil || !cs.q.actsFor(res.owner) {
		return
	}
	for i := range cs.list {
		c := &cs.list[i]
		if !ownLook[c.name] {
			continue
		}
		c.own, c.prop = true, nil
		if c.elem == nil {
			continue
		}
		if err := live[c.name].set(cs.q, &storage.Calendar{}, c.elem); err != nil {
			cs.failed[i] = cs.problem(err)
		}
	}
}

// onlyOwn reports whether nothing else is changed.
func (cs *changes) onlyOwn() bool {
	for _, c := range cs.list {
		if !c.own {
			return false
		}
	}
	return true
}
