package caldav

import (
	"net/http"

	"kalends/calendar"
	"kalends/dav"
	"kalends/storage"
)

// davProperties are those of RFC 4918 section 15, RFC 5397, 3253, 6578, 5842, 5995 and 4331.
var davProperties = []*property{
	{name: dav.D("resourcetype"), on: all, all: true, write: resourceType},
	{name: dav.D("displayname"), on: principalKind | proxyKind | homeKind | homeCollections, all: true, write: writeDisplayName,
		set: setDisplayName, setOn: homeCollections},
	{name: dav.D("creationdate"), on: homeCollections | members, all: true, write: func(x *render, r *resource, w *dav.Writer) {
		t := r.cal.Created
		if r.obj != nil {
			t = r.obj.Created
		}
		w.Text(t.UTC().Format("2006-01-02T15:04:05Z")) // RFC 3339
	}},
	{name: dav.D("getetag"), on: members | calendarKind, all: true, write: func(x *render, r *resource, w *dav.Writer) {
		if r.obj != nil {
			w.Text(r.obj.ETag)
			return
		}
		w.Text(collectionETag(r))
	}},
	{name: dav.D("getcontenttype"), on: members | calendarKind, all: true, write: func(x *render, r *resource, w *dav.Writer) {
		if r.kind == noticeKind {
			w.Text(dav.ContentType)
			return
		}
		if r.obj != nil {
			w.Text(contentType(r.obj))
			return
		}
		w.Text(calendarType)
	}},
	// Of what only the times are shown, and of notices, it is not known without a look at the text.
	{name: dav.D("getcontentlength"), on: members, all: true, has: func(_ *render, r *resource) bool { return r.obj.Size > 0 && r.kind != noticeKind }, write: func(x *render, r *resource, w *dav.Writer) {
		writeInt(w, r.obj.Size)
	}},
	{name: dav.D("getlastmodified"), on: members, all: true, write: func(x *render, r *resource, w *dav.Writer) {
		w.Text(r.obj.Modified.UTC().Format(http.TimeFormat))
	}},
	// We have no locks (class 2), which these two say.
	{name: dav.D("supportedlock"), on: all, all: true, write: nothing},
	{name: dav.D("lockdiscovery"), on: all, all: true, write: nothing},

	{name: dav.D("current-user-principal"), on: all, hrefs: func(x *render, r *resource) []string { return []string{x.me()} }},
	{name: dav.D("supported-report-set"), on: all, write: func(x *render, r *resource, w *dav.Writer) {
		for _, rep := range reportNames {
			if reportOn(rep.name, rep.on, r) {
				w.RawString("<D:supported-report><D:report>")
				w.Empty(rep.name)
				w.RawString("</D:report></D:supported-report>")
			}
		}
	}},
	{name: dav.D("sync-token"), on: homeKind | calendarKind | inboxKind | notificationKind, has: func(x *render, r *resource) bool {
		return r.kind != homeKind || r.access.Own()
	}, write: writeToken},
	{name: dav.D("resource-id"), on: principalKind | proxyKind | homeKind | homeCollections | members, write: func(x *render, r *resource, w *dav.Writer) {
		w.Href(x.resourceID(r))
	}},
	{name: dav.D("add-member"), on: calendarKind, write: func(x *render, r *resource, w *dav.Writer) {
		w.Href(r.href + "?" + addMember) // RFC 5995 section 3.2
	}},
	{name: dav.D("quota-available-bytes"), on: homeKind | homeCollections, has: func(x *render, r *resource) bool {
		return x.q.h.Calendar.Limits.Quota > 0
	}, write: func(x *render, r *resource, w *dav.Writer) {
		writeInt(w, max(0, x.q.h.Calendar.Limits.Quota-x.used(r.owner)))
	}},
	{name: dav.D("quota-used-bytes"), on: homeKind | homeCollections, write: func(x *render, r *resource, w *dav.Writer) {
		writeInt(w, x.used(r.owner))
	}},
}

func nothing(*render, *resource, *dav.Writer) {}

// resourceType: a calendar is a collection and a calendar and nothing else, or iPhones do not take it for one.
func resourceType(x *render, r *resource, w *dav.Writer) {
	if r.kind&members != 0 {
		return
	}
	w.RawString("<D:collection/>")
	switch r.kind {
	case principalKind:
		w.RawString("<D:principal/>")
	case proxyKind:
		w.RawString("<D:principal/>")
		w.Empty(dav.CS(proxySlug(r.write)))
	case calendarKind:
		w.RawString("<C:calendar/>")
		switch {
		case r.share != nil:
			w.Empty(dav.CS("shared"))
		case r.cal.Shared:
			w.Empty(dav.CS("shared-owner"))
		}
	case inboxKind:
		w.RawString("<C:schedule-inbox/>")
	case outboxKind:
		w.RawString("<C:schedule-outbox/>")
	case notificationKind:
		w.RawString("<CS:notification/>")
	}
}

func writeDisplayName(x *render, r *resource, w *dav.Writer) {
	if r.cal != nil {
		w.Text(displayName(r.cal))
		return
	}
	if r.kind == proxyKind {
		w.Text(principalName(r.owner) + " " + proxySlug(r.write))
		return
	}
	w.Text(principalName(r.owner))
}

func principalName(p *storage.Principal) string {
	if p.DisplayName != "" {
		return p.DisplayName
	}
	return p.Name
}

func setDisplayName(_ *request, c *storage.Calendar, e *dav.Element) error {
	v, err := textValue(e, 1000)
	c.DisplayName = v
	return err
}

// textValue reads the text of a property that is set: "" to remove it.
func textValue(e *dav.Element, most int) (string, error) {
	if e == nil {
		return "", nil
	}
	if len(e.Children) > 0 {
		return "", calendar.Errorf(calendar.BadRequest, "%s holds text only", e.Local)
	}
	v := e.Value()
	if len(v) > most {
		return "", calendar.Errorf(calendar.BadRequest, "%s has at most %d octets", e.Local, most)
	}
	return v, nil
}

func writeToken(x *render, r *resource, w *dav.Writer) {
	t, err := x.q.token(r)
	x.fail(err)
	w.Text(t.String())
}

// token is the current sync token of a calendar, an inbox or a home.
func (q *request) token(r *resource) (calendar.Token, error) {
	if r.kind == homeKind {
		return q.h.Calendar.HomeToken(q.ctx, r.owner)
	}
	return q.h.Calendar.TokenOf(q.ctx, r.cal)
}

// me is the href of the asker's principal.
func (x *render) me() string {
	if x.self == "" {
		x.self = principalHref(x.q.who)
	}
	return x.self
}

// used is how many octets count against the quota of a home, read once.
func (x *render) used(owner *storage.Principal) int64 {
	if n, ok := x.usage[owner.ID]; ok {
		return n
	}
	u, err := x.q.h.Store.Usage(x.q.ctx, owner.ID)
	x.fail(err)
	if x.usage == nil {
		x.usage = map[int64]int64{}
	}
	x.usage[owner.ID] = u.Total()
	return u.Total()
}
