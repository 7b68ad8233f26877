package caldav

import (
	"kalends/calendar"
	"kalends/dav"
	"kalends/storage"
)

// conditions are those of the request's headers.
type conditions struct {
	dav.Conditions
	ifHeader *dav.If
	q        *request
}

func (q *request) conditions() (*conditions, error) {
	c := &conditions{q: q}
	var err error
	if c.Conditions, err = dav.ParseConditions(q.r.Header); err != nil {
		return nil, err
	}
	c.ifHeader, err = dav.ParseIf(q.r.Header)
	return c, err
}

// none reports whether there are none.
func (c *conditions) none() bool { return c.Unconditional() && c.ifHeader == nil }

// onObject returns the conditions as package calendar takes them: decided under the lock. It is nil for none.
func (c *conditions) onObject() calendar.Condition {
	if c.none() {
		return nil
	}
	return func(current *storage.Object) error { return c.check(stateOf(current)) }
}

func stateOf(o *storage.Object) dav.State {
	if o == nil {
		return dav.State{}
	}
	return dav.State{Exists: true, ETag: o.ETag, ScheduleTag: o.ScheduleTag, Modified: o.Modified}
}

// onCollection checks the conditions against a collection that is there.
func (c *conditions) onCollection(col *resource) error {
	if c.none() {
		return nil
	}
	return c.check(dav.State{Exists: true, ETag: collectionETag(col)})
}

func (c *conditions) check(s dav.State) error {
	switch {
	case c.Check(c.q.r.Method, s) != dav.Pass:
		return calendar.Errorf(calendar.Changed, "%s", c.why(s))
	case !c.evalIf(s):
		return calendar.Errorf(calendar.Changed, "the condition of the If header does not hold")
	}
	return nil
}

// why says which condition does not hold, for people.
func (c *conditions) why(s dav.State) string {
	switch {
	case c.IfNoneMatch.Present && s.Exists && !c.IfMatch.Present:
		return "there is a resource already (If-None-Match)"
	case !s.Exists:
		return "there is no such resource, or it was deleted since you read it (If-Match)"
	case c.IfScheduleTag && c.ScheduleTag != s.ScheduleTag:
		return "the meeting has changed since you read it (If-Schedule-Tag-Match)"
	}
	return "the resource has changed since you read it (If-Match)"
}

// evalIf evaluates the If header (RFC 4918 section 10.4). Conditions on the request's own resource are decided on
// what is there under the lock, those on others on what is committed. The one state token we have is a sync token, which
// holds as long as it is the current one (RFC 6578 section 5).
func (c *conditions) evalIf(s dav.State) bool {
	return c.ifHeader.Eval(func(resource string) string {
		if resource == "" {
			return s.ETag
		}
		p, ok := c.q.placeOf(resource)
		if !ok {
			return ""
		}
		if p == c.q.at {
			return s.ETag
		}
		r, err := c.q.find(p)
		switch {
		case err != nil:
			return ""
		case r.obj != nil:
			return r.obj.ETag
		case r.kind == calendarKind:
			return collectionETag(r)
		}
		return ""
	}, func(resource, token string) bool {
		p := c.q.at
		if resource != "" {
			var ok bool
			if p, ok = c.q.placeOf(resource); !ok {
				return false
			}
		}
		if p.kind == memberPlace {
			p.kind, p.obj = collectionPlace, ""
		}
		r, err := c.q.find(p)
		if err != nil || r.cal == nil && r.kind != homeKind {
			return false
		}
		current, err := c.q.token(r)
		return err == nil && current.String() == token
	})
}

// placeOf reads an href of a header or body as a place here.
func (q *request) placeOf(href string) (place, bool) {
	segments, dir, err := dav.ParseHref(href, q.hosts()...)
	if err != nil {
		return place{}, false
	}
	p := locate(segments, dir)
	return p, p.kind != noPlace
}

// tagMatched reports whether If-Schedule-Tag-Match is there with a tag, which the conditions compare.
func (c *conditions) tagMatched() bool { return c.IfScheduleTag && c.ScheduleTag != "" }
