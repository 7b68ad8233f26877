package dav

import (
	"io"
	"slices"
	"strconv"
)

// Problem says why a resource or a property did not come to pass.
type Problem struct {
	Status      int
	Conditions  []Condition // <D:error>
	Description string      // <D:responsedescription>, for people
}

// Multistatus streams a 207 body (RFC 4918 section 13). For each resource:
//
//	ms.Begin(href)
//	ms.Prop(dav.D("getetag")).Text(etag)
//	w := ms.Prop(dav.D("resourcetype"))
//	w.Empty(dav.D("collection"))
//	ms.Missing(dav.C("calendar-data"))
//	ms.End()
//
// The values go straight into the stream, in a propstat with status 200; what is missing or failed is gathered as
// names and written by End. Begin, Status and Close end what is still open.
type Multistatus struct {
	// Minimal leaves out the propstat of missing properties (RFC 8144 section 2.1, and Brief: t).
	Minimal bool

	w      *Writer
	root   Name
	bare   bool // propstats stand directly in the root
	levels []level
}

// level is one open response. A second one is nested in a property of the first (expand-property).
type level struct {
	found   bool // the propstat with status 200 is open
	value   bool // and in it the property prop
	prop    Name
	missing []Name
	failed  []failure
}

type failure struct {
	name Name
	Problem
}

// NewMultistatus starts a multistatus body on w.
func NewMultistatus(w io.Writer) *Multistatus {
	ms := &Multistatus{w: NewWriter(w), root: D("multistatus")}
	ms.w.Root(ms.root)
	return ms
}

// NewPropResponse starts a body whose root holds propstats and nothing else: D:mkcol-response (RFC 5689 section 5.2)
// or C:mkcalendar-response (RFC 4791 section 9.3). Prop, Missing and Failed may follow at once, then Close.
func NewPropResponse(w io.Writer, root Name) *Multistatus {
	ms := &Multistatus{w: NewWriter(w), root: root, bare: true}
	ms.w.Root(root)
	ms.push()
	return ms
}

// Writer returns the writer below, for Err, Written and Reset.
func (ms *Multistatus) Writer() *Writer { return ms.w }

func (ms *Multistatus) push() *level {
	n := len(ms.levels)
	if n < cap(ms.levels) {
		ms.levels = ms.levels[:n+1]
	} else {
		ms.levels = append(ms.levels, level{})
	}
	l := &ms.levels[n]
	*l = level{missing: l.missing[:0], failed: l.failed[:0]}
	return l
}

func (ms *Multistatus) top() *level {
	if n := len(ms.levels); n > 0 {
		return &ms.levels[n-1]
	}
	return ms.push() // a property without Begin; the body is wrong, but nothing panics
}

// Begin starts the response of a resource. The href is as EscapePath makes it.
func (ms *Multistatus) Begin(href string) {
	ms.endAll()
	ms.begin(href, "")
}

// BeginMember is Begin for a member of a collection: its href and the member's name, not escaped.
func (ms *Multistatus) BeginMember(collection, name string) {
	ms.endAll()
	ms.begin(collection, name)
}

// Nest starts a response inside the property that was opened by Prop (RFC 3253 section 3.8, expand-property). It wants
// its own End.
func (ms *Multistatus) Nest(href string) { ms.begin(href, "") }

func (ms *Multistatus) begin(href, member string) {
	ms.w.RawString("<D:response><D:href>")
	ms.w.Text(href)
	if member != "" {
		ms.w.buf = AppendSegment(ms.w.buf, member)
	}
	ms.w.raw("</D:href>")
	ms.push()
}

// Prop opens a property that was found, and returns the Writer for its value. What comes next closes it. With no
// value it is an empty element, as propname and PROPPATCH want it.
func (ms *Multistatus) Prop(n Name, attrs ...Attr) *Writer {
	l := ms.top()
	ms.open(l)
	ms.w.Start(n, attrs...)
	l.prop, l.value = n, true
	return ms.w
}

// RawProp writes a found property as a whole: what Element.Marshal stored of it.
func (ms *Multistatus) RawProp(xml []byte) {
	ms.open(ms.top())
	ms.w.Raw(xml)
}

// open makes the propstat of found properties ready for the next one.
func (ms *Multistatus) open(l *level) {
	switch {
	case l.value:
		l.value = false
		ms.w.End(l.prop)
	case !l.found:
		l.found = true
		ms.w.RawString("<D:propstat><D:prop>")
	}
}

// Missing notes a property that the resource does not have.
func (ms *Multistatus) Missing(n Name) {
	if l := ms.top(); !ms.Minimal {
		l.missing = append(l.missing, n)
	}
}

// Failed notes a property that exists, or was to be set, but could not be shown or changed.
func (ms *Multistatus) Failed(n Name, p Problem) {
	l := ms.top()
	l.failed = append(l.failed, failure{n, p})
}

// End ends the response of a resource: found properties, then failed ones by status, then missing ones. One without
// any gets an empty propstat with status 200, since RFC 4918 section 14.24 wants at least one.
func (ms *Multistatus) End() {
	if len(ms.levels) == 0 {
		return
	}
	l := ms.top()
	if !l.found && len(l.failed) == 0 && len(l.missing) == 0 {
		ms.open(l)
	}
	if l.found {
		ms.open(l) // ends the last property
		ms.w.RawString("</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>")
	}
	ms.failures(l.failed)
	if len(l.missing) > 0 {
		ms.w.RawString("<D:propstat><D:prop>")
		for _, n := range l.missing {
			ms.w.Empty(n)
		}
		ms.w.RawString("</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>")
	}
	if !ms.bare {
		ms.w.RawString("</D:response>")
	}
	clear(l.failed)
	ms.levels = ms.levels[:len(ms.levels)-1]
}

// failures writes one propstat for all properties that failed alike. The list is cut up as it goes.
func (ms *Multistatus) failures(list []failure) {
	for len(list) > 0 {
		first := list[0].Problem
		ms.w.RawString("<D:propstat><D:prop>")
		rest := list[:0]
		for _, f := range list {
			if f.like(first) {
				ms.w.Empty(f.name)
			} else {
				rest = append(rest, f)
			}
		}
		list = rest
		ms.w.RawString("</D:prop>")
		ms.problem(first)
		ms.w.RawString("</D:propstat>")
	}
}

func (p Problem) like(q Problem) bool {
	return p.Status == q.Status && p.Description == q.Description && slices.EqualFunc(p.Conditions, q.Conditions, Condition.equal)
}

// problem writes status, error and responsedescription, in the order of RFC 4918 sections 14.22 and 14.24.
func (ms *Multistatus) problem(p Problem) {
	w := ms.w
	w.RawString("<D:status>")
	w.raw(StatusLine(p.Status))
	w.raw("</D:status>")
	if len(p.Conditions) > 0 {
		w.Error(p.Conditions...)
	}
	if p.Description != "" {
		w.Elem(D("responsedescription"), p.Description)
	}
}

// Status writes a response that has only a status: a member that is gone (RFC 6578 section 3.5.2), an href of a
// multiget that leads nowhere, a member that DELETE could not remove.
func (ms *Multistatus) Status(href string, p Problem) {
	ms.endAll()
	ms.w.RawString("<D:response>")
	ms.w.Href(href)
	ms.problem(p)
	ms.w.RawString("</D:response>")
}

// Truncated says that there is more than was sent: 507 on the request's own URL (RFC 6578 section 3.6,
// RFC 4791 section 7.8).
func (ms *Multistatus) Truncated(href string) {
	ms.Status(href, Problem{Status: 507, Conditions: []Condition{{Name: D("number-of-matches-within-limits")}}})
}

// SyncToken writes the token of RFC 6578 section 6.4. It comes after all responses.
func (ms *Multistatus) SyncToken(token string) {
	ms.endAll()
	ms.w.Elem(D("sync-token"), token)
}

// Close ends the body and sends what is left of it.
func (ms *Multistatus) Close() error {
	ms.endAll()
	ms.w.End(ms.root)
	ms.w.raw("\n")
	return ms.w.Close()
}

// Discard gives up on the body and sends nothing more. Where Writer().Written() is false, the client has seen
// nothing of it, and another answer can be given.
func (ms *Multistatus) Discard() {
	ms.w.Reset()
	ms.levels = nil
	_ = ms.w.Close() // nothing is left to fail
}

func (ms *Multistatus) endAll() {
	for len(ms.levels) > 0 {
		ms.End()
	}
}

// StatusLine gives the content of <D:status> (RFC 4918 section 14.28).
func StatusLine(code int) string {
	switch code {
	case 200:
		return "HTTP/1.1 200 OK"
	case 201:
		return "HTTP/1.1 201 Created"
	case 204:
		return "HTTP/1.1 204 No Content"
	case 400:
		return "HTTP/1.1 400 Bad Request"
	case 403:
		return "HTTP/1.1 403 Forbidden"
	case 404:
		return "HTTP/1.1 404 Not Found"
	case 405:
		return "HTTP/1.1 405 Method Not Allowed"
	case 409:
		return "HTTP/1.1 409 Conflict"
	case 410:
		return "HTTP/1.1 410 Gone"
	case 412:
		return "HTTP/1.1 412 Precondition Failed"
	case 413:
		return "HTTP/1.1 413 Content Too Large"
	case 415:
		return "HTTP/1.1 415 Unsupported Media Type"
	case 422:
		return "HTTP/1.1 422 Unprocessable Content"
	case 423:
		return "HTTP/1.1 423 Locked"
	case 424:
		return "HTTP/1.1 424 Failed Dependency"
	case 500:
		return "HTTP/1.1 500 Internal Server Error"
	case 501:
		return "HTTP/1.1 501 Not Implemented"
	case 502:
		return "HTTP/1.1 502 Bad Gateway"
	case 503:
		return "HTTP/1.1 503 Service Unavailable"
	case 507:
		return "HTTP/1.1 507 Insufficient Storage"
	}
	return "HTTP/1.1 " + strconv.Itoa(code) + " "
}
