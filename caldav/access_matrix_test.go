package caldav_test

import (
	"fmt"
	"strings"
	"testing"

	"kalends/auth"
	"kalends/storage"
	"kalends/storage/storagetest"
)

// wish is what a request ought to be answered with.
type wish struct {
	status int
	says   string // in the body: a precondition, or the privilege that is missing
}

// missing is the answer to who has not the privilege p of a spot: what one may know nothing of is not there.
func missing(have auth.Set, privilege string) wish {
	if have&^seeOwn == 0 {
		return wish{status: 404}
	}
	return wish{403, "need-privileges><D:resource>" + "|" + privilege + "/>"}
}

func needs(p auth.Privilege, name string, ok wish) func(have, home auth.Set) wish {
	return func(have, _ auth.Set) wish {
		if have.Has(p) {
			return ok
		}
		return missing(have, name)
	}
}

// readsHead is reads for an answer without a body.
func readsHead(have, home auth.Set) wish { return wish{status: reads200(have, home).status} }

// knows is for what tells of the directory only: it is answered wherever one knows that there is something.
func knows(have, _ auth.Set) wish {
	if have&^seeOwn == 0 {
		return wish{status: 404}
	}
	return wish{status: 207}
}

// both wants one privilege after the other.
func both(a, b func(have, home auth.Set) wish) func(have, home auth.Set) wish {
	return func(have, home auth.Set) wish {
		if w := a(have, home); w.status/100 != 2 {
			return w
		}
		return b(have, home)
	}
}

// request is one of the matrix. {p} stands for the path of the spot, {r} for the role, {s} for the spot's secret.
type request struct {
	name, method, path string
	header             map[string]string
	body               string
	changes            bool // the spot or the role's own calendar
	on                 []storage.CollectionKind
	want               func(have, home auth.Set) wish
}

var (
	calendars = []storage.CollectionKind{storage.CalendarKind, ""}
	anywhere  = []storage.CollectionKind{storage.CalendarKind, storage.InboxKind, storage.OutboxKind, storage.NotificationKind, ""}
	synced    = []storage.CollectionKind{storage.CalendarKind, storage.InboxKind, ""}

	reads       = needs(auth.Read, "D:read", wish{status: 207})
	reads200    = needs(auth.Read, "D:read", wish{status: 200})
	depth       = func(d string) map[string]string { return map[string]string{"Depth": d} }
	putting     = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:uid-%s\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260120T090000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	everyProp   = `<D:propfind` + declared + `><D:prop><D:displayname/><D:owner/><D:getetag/><D:acl/><D:current-user-privilege-set/><CS:getctag/><D:sync-token/></D:prop></D:propfind>`
	setProp     = `<D:propertyupdate` + declared + `><D:set><D:prop><x xmlns="urn:x">1</x></D:prop></D:set></D:propertyupdate>`
	allEvents   = `<C:calendar-query` + declared + `><D:prop><D:getetag/><C:calendar-data/></D:prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>`
	searchNames = `<D:principal-property-search` + declared + `><D:property-search><D:prop><D:displayname/></D:prop><D:match>NAME</D:match></D:property-search><D:prop><D:displayname/></D:prop></D:principal-property-search>`
	searchWords = `<CS:calendarserver-principal-search` + declared + `><CS:search-token>secret</CS:search-token><D:prop><D:displayname/></D:prop></CS:calendarserver-principal-search>`
	busyJan     = `<C:free-busy-query` + declared + `><C:time-range start="20260101T000000Z" end="20260201T000000Z"/></C:free-busy-query>`
)

// placing wants the right to add a member. Where there is no calendar that one may know of, there is no parent (RFC 4918 section 9.7.1).
func placing(ok wish) func(have, home auth.Set) wish {
	return func(have, _ auth.Set) wish {
		switch {
		case have&^seeOwn == 0:
			return wish{status: 409}
		case have.Has(auth.Bind):
			return ok
		}
		return missing(have, "D:write-content")
	}
}

var requests = []request{
	{"OPTIONS of an object", "OPTIONS", "{p}secret.ics", nil, "", false, calendars, func(have, home auth.Set) wish {
		switch {
		case have.Has(auth.Read), have.Has(auth.Bind):
			return wish{status: 200}
		}
		return wish{status: missing(have, "").status}
	}},
	{"OPTIONS", "OPTIONS", "{p}", nil, "", false, anywhere, func(have, home auth.Set) wish {
		if have&^seeOwn == 0 && !home.Has(auth.Bind) {
			return wish{status: 404}
		}
		return wish{status: 200}
	}},
	{"GET of the calendar", "GET", "{p}", nil, "", false, calendars, reads200},
	{"GET", "GET", "{p}secret.ics", nil, "", false, calendars, reads200},
	{"HEAD of the calendar", "HEAD", "{p}", nil, "", false, calendars, readsHead},
	{"HEAD", "HEAD", "{p}secret.ics", nil, "", false, calendars, readsHead},
	{"GET under the calendar's ETag", "GET", "{p}", map[string]string{"If-None-Match": "*"}, "", false, calendars, needs(auth.Read, "D:read", wish{status: 304})},
	{"PUT", "PUT", "{p}secret.ics", nil, fmt.Sprintf(putting, "{s}"), true, calendars, func(have, home auth.Set) wish {
		if have.Has(auth.WriteContent) {
			return wish{status: 204}
		}
		return placing(wish{})(have, home)
	}},
	{"POST of no attachment", "POST", "{p}secret.ics?action=attachment-remove&managed-id=1", nil, "", false, calendars,
		both(reads200, needs(auth.WriteContent, "D:write-content", wish{403, "valid-managed-id-parameter"}))},
	{"PUT under a condition", "PUT", "{p}secret.ics", map[string]string{"If-None-Match": "*"}, fmt.Sprintf(putting, "{s}"), false, calendars, placing(wish{status: 412})},
	{"PUT of something new", "PUT", "{p}new.ics", nil, fmt.Sprintf(putting, "new"), true, calendars, placing(wish{status: 201})},
	{"PUT of nonsense", "PUT", "{p}new.ics", nil, "BEGIN:VCALENDAR\r\n", false, calendars, placing(wish{403, "valid-calendar-data"})},
	{"POST to add-member", "POST", "{p}?add-member", nil, fmt.Sprintf(putting, "new"), true, calendars, needs(auth.Bind, "D:bind", wish{status: 201})},
	{"POST of an attachment", "POST", "{p}secret.ics?action=attachment-add", map[string]string{"Content-Type": "text/plain"}, "x", true, calendars,
		both(reads, needs(auth.WriteContent, "D:write-content", wish{status: 201}))},
	{"DELETE", "DELETE", "{p}secret.ics", nil, "", true, calendars, needs(auth.Unbind, "D:unbind", wish{status: 204})},
	{"DELETE of nothing", "DELETE", "{p}nothing.ics", nil, "", false, calendars, needs(auth.Unbind, "D:unbind", wish{status: 404})},
	{"DELETE of the calendar", "DELETE", "{p}", nil, "", true, calendars, func(have, home auth.Set) wish {
		switch {
		case have&^seeOwn == 0:
			return wish{status: 404}
		case home.Has(auth.Unbind):
			return wish{204, "last calendar"} // or 403 where it is the last
		}
		return wish{403, "need-privileges><D:resource>|D:unbind/>"}
	}},
	{"PROPFIND", "PROPFIND", "{p}", depth("0"), everyProp, false, anywhere, reads},
	{"PROPFIND with members", "PROPFIND", "{p}", depth("1"), everyProp, false, anywhere, reads},
	{"PROPFIND of an object", "PROPFIND", "{p}secret.ics", depth("0"), everyProp, false, calendars, reads},
	{"PROPFIND of all", "PROPFIND", "{p}", depth("1"), "", false, anywhere, reads},
	{"PROPPATCH", "PROPPATCH", "{p}", nil, setProp, false, anywhere, needs(auth.WriteProperties, "D:write-properties", wish{status: 207})},
	{"PROPPATCH of an object", "PROPPATCH", "{p}secret.ics", nil, setProp, false, calendars,
		both(reads, needs(auth.WriteProperties, "D:write-properties", wish{status: 207}))},
	{"ACL", "ACL", "{p}", nil, `<D:acl` + declared + `/>`, true, anywhere, needs(auth.WriteACL, "D:write-acl", wish{status: 200})},
	{"ACL of an object", "ACL", "{p}secret.ics", nil, `<D:acl` + declared + `/>`, true, calendars, both(reads, needs(auth.WriteACL, "D:write-acl", wish{status: 200}))},
	{"MKCALENDAR over it", "MKCALENDAR", "{p}", nil, "", true, []storage.CollectionKind{storage.CalendarKind}, func(_, home auth.Set) wish {
		if home.Has(auth.Bind) {
			return wish{403, "resource-must-be-null"}
		}
		return wish{403, "need-privileges><D:resource>|D:bind/>"}
	}},
	{"COPY out", "COPY", "{p}secret.ics", map[string]string{"Destination": "/dav/calendars/{r}/copies/c.ics"}, "", true, calendars, needs(auth.Read, "D:read", wish{status: 201})},
	{"MOVE out", "MOVE", "{p}secret.ics", map[string]string{"Destination": "/dav/calendars/{r}/copies/c.ics"}, "", true, calendars,
		both(needs(auth.Unbind, "D:unbind", wish{status: 201}), needs(auth.Read, "D:read", wish{status: 201}))},
	{"COPY in", "COPY", "/dav/calendars/{r}/copies/own.ics", map[string]string{"Destination": "{p}c.ics"}, "", true, calendars, placing(wish{status: 201})},
	{"COPY over", "COPY", "/dav/calendars/{r}/copies/own.ics", map[string]string{"Destination": "{p}secret.ics"}, "", false, calendars, placing(wish{403, "no-uid-conflict"})},
	{"MOVE in", "MOVE", "/dav/calendars/{r}/copies/own.ics", map[string]string{"Destination": "{p}c.ics"}, "", true, calendars, placing(wish{status: 201})},
	{"LOCK", "LOCK", "{p}", nil, "", false, anywhere, func(_, _ auth.Set) wish { return wish{status: 405} }},
	{"calendar-query", "REPORT", "{p}", depth("1"), allEvents, false, synced, reads},
	{"calendar-query of the outbox", "REPORT", "{p}", depth("1"), allEvents, false, []storage.CollectionKind{storage.OutboxKind}, reads},
	{"calendar-query of an object", "REPORT", "{p}secret.ics", nil, allEvents, false, calendars, reads},
	{"calendar-multiget", "REPORT", "{p}", nil, `<C:calendar-multiget` + declared + `><D:prop><C:calendar-data/></D:prop><D:href>{p}secret.ics</D:href></C:calendar-multiget>`, false, calendars, reads},
	{"calendar-multiget of the inbox", "REPORT", "{p}", nil, multigetAll(), false, []storage.CollectionKind{storage.InboxKind, storage.OutboxKind}, reads},
	{"calendar-multiget of an object", "REPORT", "{p}secret.ics", nil, multigetAll(), false, calendars, reads},
	{"expand-property of an object", "REPORT", "{p}secret.ics", nil, `<D:expand-property` + declared + `><D:property name="owner"/><D:property name="getetag"/></D:expand-property>`, false, calendars, reads},
	{"sync-collection of the notifications", "REPORT", "{p}", nil, `<D:sync-collection` + declared + `><D:sync-token/><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>`, false, []storage.CollectionKind{storage.NotificationKind}, reads},
	{"principal-property-search", "REPORT", "{p}", nil, searchNames, false, anywhere, knows},
	{"calendarserver-principal-search", "REPORT", "{p}", nil, searchWords, false, anywhere, knows},
	{"free-busy-query", "REPORT", "{p}", nil, busyJan, false, calendars, needs(auth.ReadFreeBusy, "C:read-free-busy", wish{200, "FREEBUSY"})},
	{"sync-collection", "REPORT", "{p}", nil, `<D:sync-collection` + declared + `><D:sync-token/><D:sync-level>1</D:sync-level><D:prop><D:getetag/><C:calendar-data/></D:prop></D:sync-collection>`, false, synced, reads},
	{"sync-collection with another's token", "REPORT", "{p}", nil, `<D:sync-collection` + declared + `><D:sync-token>data:,99999_1_1</D:sync-token><D:sync-level>1</D:sync-level><D:prop/></D:sync-collection>`, false, synced,
		needs(auth.Read, "D:read", wish{403, "valid-sync-token"})},
	{"expand-property", "REPORT", "{p}", nil, `<D:expand-property` + declared + `><D:property name="owner"><D:property name="calendar-home-set" namespace="urn:ietf:params:xml:ns:caldav"><D:property name="displayname"/></D:property></D:property></D:expand-property>`, false, anywhere, reads},
	{"acl-principal-prop-set", "REPORT", "{p}", nil, `<D:acl-principal-prop-set` + declared + `><D:prop><D:displayname/></D:prop></D:acl-principal-prop-set>`, false, anywhere, needs(auth.ReadACL, "D:read-acl", wish{status: 207})},
	{"acl-principal-prop-set of an object", "REPORT", "{p}secret.ics", nil, `<D:acl-principal-prop-set` + declared + `><D:prop><D:displayname/></D:prop></D:acl-principal-prop-set>`, false, calendars,
		both(reads, needs(auth.ReadACL, "D:read-acl", wish{status: 207}))},
	{"MOVE of the calendar", "MOVE", "{p}", map[string]string{"Destination": "/dav/calendars/{r}/copies/"}, "", false, calendars, func(have, _ auth.Set) wish {
		return wish{status: missing(have, "").status} // it stays in its home, and there is something: see TestS6CalendarsAreRenamedByWhoMayMakeThem
	}},
	{"principal-match", "REPORT", "{p}", nil, `<D:principal-match` + declared + `><D:principal-property><D:owner/></D:principal-property><D:prop><D:displayname/></D:prop></D:principal-match>`, false, anywhere, reads},
	{"free-busy of the outbox", "POST", "{p}", nil, strings.NewReplacer("VERSION:2.0", "VERSION:2.0\r\nMETHOD:REQUEST", "VEVENT", "VFREEBUSY", "DTSTART", "ORGANIZER:mailto:alice@example.com\r\nATTENDEE:mailto:bob@example.com\r\nDTEND:20260130T000000Z\r\nDTSTART").
		Replace(fmt.Sprintf(putting, "f")), false, []storage.CollectionKind{storage.OutboxKind}, needs(auth.SendFreeBusy, "C:schedule-send-freebusy", wish{status: 200})},
	{"PUT into the inbox", "PUT", "{p}x.ics", nil, fmt.Sprintf(putting, "x"), false, []storage.CollectionKind{storage.InboxKind}, placing(wish{status: 403})},
	{"DELETE of the inbox", "DELETE", "{p}", nil, "", false, []storage.CollectionKind{storage.InboxKind, storage.OutboxKind, storage.NotificationKind}, func(have, home auth.Set) wish {
		if have&^seeOwn == 0 {
			return wish{status: 404}
		}
		return wish{status: 403}
	}},
}

// TestS6AccessMatrix sends every method and report as every role to every collection (S6 of the house's list of trials): what is answered
// follows from the privileges, and nothing of what a role may not read is ever in an answer.
func TestS6AccessMatrix(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		m := newMatrix(t, s)
		for _, role := range roles {
			for _, at := range spots {
				for _, r := range requests {
					m.try(role, at, r)
				}
			}
			for _, owner := range []string{"alice", "oak", "bob"} {
				for _, r := range homeRequests {
					m.tryHome(role, owner, r)
				}
			}
		}
		for status, least := range map[int]int{200: 200, 201: 80, 204: 30, 207: 450, 401: 500, 403: 700, 404: 200, 409: 50} {
			if m.sent[status] < least {
				t.Errorf("%d answers with %d, want at least %d: the matrix has holes (%v)", m.sent[status], status, least, m.sent)
			}
		}
	})
}

func (m *matrix) fill(role string, at spot, text string) string {
	return strings.NewReplacer("{p}", at.path(), "{r}", role, "{s}", at.secret()).Replace(text)
}

func (m *matrix) try(role string, at spot, r request) {
	found := false
	for _, k := range r.on {
		found = found || k == at.kind
	}
	if !found || role == at.owner && at.slug == "copies" {
		return
	}
	header := map[string]string{}
	for k, v := range r.header {
		header[k] = m.fill(role, at, v)
	}
	got := m.send(role, r.method, m.fill(role, at, r.path), header, m.fill(role, at, r.body))
	have := model(role, at)
	want := r.want(have, modelHome(role, at.owner))
	switch {
	case role == "gone", role == "nobody" && (r.method != "GET" && r.method != "HEAD" || want.status/100 == 4):
		want = wish{status: 401}
	case want.status == 404 && have == 0 && at.kind == storage.OutboxKind && strings.HasSuffix(strings.Split(r.path, "?")[0], "{p}"):
		want = wish{403, "need-privileges"} // everybody has one
	}
	m.judge(role, at.owner+"/"+at.slug, r, want, got)
	if r.changes && got.status/100 == 2 {
		m.restore(at)
		if role != "nobody" && role != "gone" {
			m.restoreCopies(role)
		}
	}
}

func (m *matrix) judge(role, where string, r request, want wish, got reply) {
	m.t.Helper()
	fits := got.status == want.status
	if want.says == "last calendar" && got.status == 403 && strings.Contains(got.body, "default-calendar-needed") {
		return
	}
	if fits && want.says != "" && want.says != "last calendar" {
		for part := range strings.SplitSeq(want.says, "|") {
			fits = fits && strings.Contains(got.body, part)
		}
	}
	if !fits {
		m.t.Errorf("%s: %s in %s = %d %s\nwant %d %s", role, r.name, where, got.status, got.body, want.status, want.says)
	}
	for _, s := range spots {
		if model(role, s).Has(auth.Read) {
			continue
		}
		if strings.Contains(got.body, s.secret()) && !strings.Contains(r.body, "{s}") {
			m.t.Errorf("%s: %s in %s tells of what is in %s: %s", role, r.name, where, s.path(), got.body)
		}
		if strings.Contains(got.body, s.name()) {
			m.t.Errorf("%s: %s in %s tells the name of %s: %s", role, r.name, where, s.path(), got.body)
		}
	}
}

// homeNeeds is needs in a home, which is never hidden: whose homes there are stands in the directory.
func homeNeeds(p auth.Privilege, name string, ok wish) func(have, home auth.Set) wish {
	return func(_, home auth.Set) wish {
		if home.Has(p) {
			return ok
		}
		return wish{403, "need-privileges><D:resource>|" + name + "/>"}
	}
}

var homeRequests = []request{
	{name: "PROPFIND", method: "PROPFIND", header: depth("0"), body: everyProp, want: homeNeeds(auth.Read, "D:read", wish{status: 207})},
	{name: "PROPFIND with members", method: "PROPFIND", header: depth("1"), body: everyProp, want: homeNeeds(auth.Read, "D:read", wish{status: 207})},
	{name: "PROPFIND of all", method: "PROPFIND", header: depth("1"), want: homeNeeds(auth.Read, "D:read", wish{status: 207})},
	{name: "PROPPATCH", method: "PROPPATCH", body: setProp, want: homeNeeds(auth.WriteProperties, "D:write-properties", wish{status: 207})},
	{name: "ACL", method: "ACL", body: `<D:acl` + declared + `/>`, changes: true, want: homeNeeds(auth.WriteACL, "D:write-acl", wish{status: 200})},
	{name: "MKCALENDAR", method: "MKCALENDAR", path: "made-by-{r}/", want: homeNeeds(auth.Bind, "D:bind", wish{status: 201})},
	{name: "MKCOL", method: "MKCOL", path: "col-by-{r}/", body: `<D:mkcol` + declared + `><D:set><D:prop><D:resourcetype><D:collection/><C:calendar/></D:resourcetype></D:prop></D:set></D:mkcol>`,
		want: homeNeeds(auth.Bind, "D:bind", wish{status: 201})},
	{name: "calendar-query", method: "REPORT", header: depth("1"), body: allEvents, want: homeNeeds(auth.Read, "D:read", wish{status: 207})},
	{name: "calendar-multiget", method: "REPORT", body: multigetAll(), want: homeNeeds(auth.Read, "D:read", wish{status: 207})},
	{name: "free-busy-query", method: "REPORT", header: depth("1"), body: busyJan, want: homeNeeds(auth.ReadFreeBusy, "C:read-free-busy", wish{status: 200})},
	{name: "expand-property", method: "REPORT", body: `<D:expand-property` + declared + `><D:property name="owner"><D:property name="displayname"/></D:property></D:expand-property>`, want: homeNeeds(auth.Read, "D:read", wish{status: 207})},
	{name: "acl-principal-prop-set", method: "REPORT", body: `<D:acl-principal-prop-set` + declared + `><D:prop><D:displayname/></D:prop></D:acl-principal-prop-set>`, want: homeNeeds(auth.ReadACL, "D:read-acl", wish{status: 207})},
	{name: "principal-match", method: "REPORT", body: `<D:principal-match` + declared + `><D:principal-property><D:owner/></D:principal-property><D:prop><D:displayname/></D:prop></D:principal-match>`, want: homeNeeds(auth.Read, "D:read", wish{status: 207})},
	{name: "sync-collection", method: "REPORT", body: `<D:sync-collection` + declared + `><D:sync-token/><D:sync-level>1</D:sync-level><D:prop/></D:sync-collection>`,
		want: func(_, _ auth.Set) wish { return wish{403, "supported-report"} }}, // but for its owner: calendar.SyncHome
	{name: "principal-property-search", method: "REPORT", body: searchNames, want: func(_, _ auth.Set) wish { return wish{status: 207} }},
	{name: "calendarserver-principal-search", method: "REPORT", body: searchWords, want: func(_, _ auth.Set) wish { return wish{status: 207} }},
	{name: "OPTIONS", method: "OPTIONS", want: func(_, _ auth.Set) wish { return wish{status: 200} }},
	{name: "POST of an answer to an invitation", method: "POST", header: map[string]string{"Content-Type": "application/xml"}, body: `<CS:invite-reply` + declared + `><CS:in-reply-to>x</CS:in-reply-to><CS:invite-accepted/></CS:invite-reply>`,
		want: homeNeeds(auth.Bind, "D:bind", wish{403, "no such invitation"})},
	{name: "LOCK", method: "LOCK", want: func(_, _ auth.Set) wish { return wish{status: 405} }},
	{name: "DELETE", method: "DELETE", want: func(_, _ auth.Set) wish { return wish{status: 405} }},
	{name: "GET", method: "GET", want: func(_, _ auth.Set) wish { return wish{status: 405} }},
	{name: "PUT", method: "PUT", body: fmt.Sprintf(putting, "x"), want: func(_, _ auth.Set) wish { return wish{status: 405} }},
}

// multigetAll asks for every object there is.
func multigetAll() string {
	var b strings.Builder
	b.WriteString(`<C:calendar-multiget` + declared + `><D:prop><D:getetag/><C:calendar-data/></D:prop>`)
	for _, s := range spots {
		b.WriteString("<D:href>" + s.path() + "secret.ics</D:href>")
	}
	b.WriteString(`</C:calendar-multiget>`)
	return b.String()
}

func (m *matrix) tryHome(role, owner string, r request) {
	at := spot{owner: owner}
	got := m.send(role, r.method, "/dav/calendars/"+owner+"/"+m.fill(role, at, r.path), r.header, r.body)
	want := r.want(0, modelHome(role, owner))
	switch {
	case role == "gone" || role == "nobody":
		want = wish{status: 401}
	case role == owner && r.name == "sync-collection":
		want = wish{status: 207}
	}
	m.judge(role, owner+"'s home", r, want, got)
	// What a role may read is there, and nothing else.
	if r.name == "calendar-query" || r.name == "calendar-multiget" {
		for _, s := range spots {
			there := got.status == 207 && s.owner == owner && s.kind == storage.CalendarKind && model(role, s).Has(auth.Read)
			if strings.Contains(got.body, "SUMMARY:"+s.secret()) != there {
				m.t.Errorf("%s: %s in %s's home has %s's object: %v, want %v", role, r.name, owner, s.path(), !there, there)
			}
		}
	}
	if r.changes && got.status/100 == 2 && owner == "alice" {
		m.grant(m.people["alice"], "", "*")
	}
}
