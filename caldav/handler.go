// Package caldav speaks CalDAV over HTTP: RFC 4918, 3744, 4791, 6578, 6638 and their relatives, one file a method,
// report or family of properties. It has no rules of its own: package calendar decides and changes, package auth
// says who may, and this package translates.
package caldav

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/dav"
	"kalends/internal/obs"
	"kalends/storage"
)

// Handler answers everything under /dav/ and /freebusy/, /.well-known/caldav and / where programs look for the service. Its fields are
// set before first use and not changed after.
type Handler struct {
	Calendar *calendar.Service
	Auth     auth.Authenticator
	Store    storage.Store
	Log      *slog.Logger
	Now      func() time.Time

	// BaseURL is the URL that people use, where it differs from what requests say (a proxy rewrites Host); "" for none.
	BaseURL string
	// XMLSize bounds the XML body of a request, in octets; 0 for 1 MiB.
	XMLSize int64
	// OpenLink reads the signature of a link to an attachment in a mail: whose object it was made for, and a test for the address of
	// the attendee. Nil for no such links.
	OpenLink func(token string) (owner, object int64, isFor func(address string) bool, ok bool)
	// NewName makes the names of objects that come without one (RFC 5995), and of nothing else; nil for random ones.
	NewName func() string
}

// request is one request on its way through the package.
type request struct {
	h   *Handler
	w   http.ResponseWriter
	r   *http.Request
	ctx context.Context
	who *storage.Principal // auth.Anonymous for nobody
	at  place

	bodyType string // jcal.MediaType where the body came as such, else ""

	homes map[int64]*auth.Access       // that were asked for, by owner
	looks map[int64][]storage.Property // what the asker has of their own in the homes of others, by owner
}

// methods of the protocol. HEAD is GET, whose body net/http drops.
var methods = map[string]func(*request) error{
	"OPTIONS":    (*request).options,
	"GET":        (*request).get,
	"HEAD":       (*request).get,
	"PUT":        (*request).put,
	"POST":       (*request).post,
	"DELETE":     (*request).delete,
	"COPY":       (*request).copyMove,
	"MOVE":       (*request).copyMove,
	"MKCALENDAR": (*request).mkcalendar,
	"MKCOL":      (*request).mkcol,
	"PROPFIND":   (*request).propfind,
	"PROPPATCH":  (*request).proppatch,
	"REPORT":     (*request).report,
	"ACL":        (*request).acl,
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{h: h, w: w, r: r, ctx: r.Context()}
	obs.OnPanic(q.ctx, func() { q.refuse(q.internalError(), 0) })
	if err := q.serve(); err != nil {
		q.serveError(err)
	}
}

func (q *request) serve() error {
	segments, dir, pathErr := dav.CleanPath(trimSlashes(q.r.URL.EscapedPath()))
	if pathErr == nil && len(segments) > 0 && segments[0] == ".well-known" {
		return q.wellKnown(segments)
	}
	if q.r.Method == "OPTIONS" && q.r.URL.Path == "*" {
		q.w.Header()["DAV"] = davHeader
		q.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if pathErr == nil && len(segments) > 0 && segments[0] == freeBusyPlace {
		return q.publicBusy(segments)
	}
	if pathErr == nil {
		q.at = locate(segments, dir)
	}
	if q.at.kind == attachmentPlace {
		return q.attachment()
	}
	if err := q.authenticate(); err != nil {
		return err
	}
	if pathErr != nil {
		return pathErr
	}
	method := methods[q.r.Method]
	if method == nil {
		return q.notAllowed(q.kindThere())
	}
	return method(q)
}

// trimSlashes makes one of several slashes at the end: programs and people put one after a URL that has one.
func trimSlashes(path string) string {
	for strings.HasSuffix(path, "//") {
		path = path[:len(path)-1]
	}
	return path
}

// wellKnown leads to the service (RFC 6764 section 5). It asks for no credentials: programs follow it first.
func (q *request) wellKnown(segments []string) error {
	if len(segments) != 2 || segments[1] != "caldav" {
		return refuse(http.StatusNotFound, "there is no such resource")
	}
	status := http.StatusMovedPermanently
	if m := q.r.Method; m != "GET" && m != "HEAD" && m != "PROPFIND" && m != "OPTIONS" {
		status = http.StatusTemporaryRedirect
	}
	q.w.Header().Set("Location", rootHref)
	q.w.Header().Set("Cache-Control", "max-age=86400")
	q.w.WriteHeader(status)
	return nil
}

// authenticate finds out who asks, before anything else is told.
func (q *request) authenticate() error {
	name, password, ok := q.r.BasicAuth()
	if !ok {
		return q.admitAnybody()
	}
	var remote netip.Addr
	if ap, err := netip.ParseAddrPort(q.r.RemoteAddr); err == nil {
		remote = ap.Addr()
	} else if a, err := netip.ParseAddr(q.r.RemoteAddr); err == nil {
		remote = a
	}
	var err error
	q.who, err = q.h.Auth.Authenticate(q.ctx, name, password, remote)
	return err
}

// admitAnybody lets requests without a name GET a calendar that everybody was let read, or an object in it. All else wants a name:
// programs send their first request without one, and an answer to PROPFIND would make them think that they are let in
// as who they are.
func (q *request) admitAnybody() error {
	if m := q.r.Method; m != "GET" && m != "HEAD" {
		return auth.ErrBadCredentials
	}
	if q.at.kind&(collectionPlace|memberPlace) == 0 || q.r.Header.Get("Authorization") != "" {
		return auth.ErrBadCredentials
	}
	q.who = auth.Anonymous
	t, err := q.target(q.at)
	if err == nil {
		var c *storage.Calendar
		c, err = q.h.Calendar.Collection(q.ctx, q.who, t)
		if err == nil && c.Kind == storage.CalendarKind && t.Access.To(c).Has(auth.Read) {
			return nil
		}
	}
	if err != nil && statusOf(q, err) >= http.StatusInternalServerError {
		return err
	}
	return auth.ErrBadCredentials
}

// anybody reports whether nobody in particular asks.
func (q *request) anybody() bool { return q.who == auth.Anonymous }

// hosts are the names under which a URL in a body or header leads here.
func (q *request) hosts() []string {
	hosts := []string{q.r.Host}
	if u, err := url.Parse(q.h.BaseURL); err == nil && u.Host != "" && u.Host != q.r.Host {
		hosts = append(hosts, u.Host)
	}
	return hosts
}
