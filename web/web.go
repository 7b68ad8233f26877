// Package web is the pages by which people look at their calendars, answer, invite, connect their programs and look after the site.
// They are made by the server and work without JavaScript; a small module of our own adds what is quicker with it. The
// package has no rules of its own: packages meeting and calendar change what is changed.
package web

import (
	"cmp"
	"crypto/tls"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/meeting"
	"kalends/storage"
	"kalends/subscription"
	"kalends/webhook"
)

// Handler serves the pages. Its fields are set before first use and not changed after.
type Handler struct {
	Calendar *calendar.Service
	Store    storage.Store
	// Login says who signs in. Directory and single-sign-on logins are others of its kind.
	Login auth.Authenticator
	Log   *slog.Logger
	Now   func() time.Time
	// Zone is where people are who have set no zone; nil for UTC.
	Zone *time.Location
	// BaseURL is the URL that people use; "" to take it from the request.
	BaseURL string
	// Certificate is what profiles for Apple's programs are signed with; nil, or a nil certificate, for profiles without a signature.
	Certificate func() (*tls.Certificate, error)
	// Feeds fills calendars from feeds elsewhere; nil where nobody can subscribe.
	Feeds *subscription.Worker
	// Webhooks is where people make webhooks; nil where there are none.
	Webhooks *webhook.Desk
	// Watch is what administrators see of the last hours; nil for nothing.
	Watch *Watch

	once     sync.Once
	mux      *http.ServeMux
	patterns []string // what mux knows
	editor   *meeting.Editor
	sessions *auth.Sessions
	origin   *http.CrossOriginProtection
	imports  importDesk
}

// places are the first segments of the paths that are pages.
var places = []string{
	"signin", "signout", "static", "favicon.ico", "colors.css", "month", "week", "day", "agenda", "search", "shown", "event",
	"connect", "account", "calendars", "requests", "trash", "admin", "reminders", "delegates",
}

// Handles reports whether a request is for the pages. The root is theirs for browsers only: calendar programs look for their service
// there with other methods, or with a password at once. What WebDAV alone asks is never for the pages.
func Handles(r *http.Request) bool {
	path, get := r.URL.Path, r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case path == "/":
		return get && r.Header.Get("Authorization") == ""
	case !get && r.Method != http.MethodPost:
		return false
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	for _, p := range places {
		if p == first {
			return true
		}
	}
	return false
}

// policy lets a page do nothing but what its own files do.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.once.Do(h.init)
	for name, value := range map[string]string{
		"Content-Security-Policy":    policy,
		"X-Frame-Options":            "DENY",
		"X-Content-Type-Options":     "nosniff",
		"Referrer-Policy":            "same-origin", // with no-referrer, browsers call the origin of a form null
		"Cross-Origin-Opener-Policy": "same-origin",
		"Permissions-Policy":         "camera=(), geolocation=(), microphone=(), payment=()",
		"Cache-Control":              "private, no-store",
		"X-Robots-Tag":               "noindex, nofollow",
	} {
		w.Header().Set(name, value)
	}
	h.mux.ServeHTTP(w, r)
}

func (h *Handler) init() {
	if h.Now == nil {
		h.Now = time.Now
	}
	if h.Log == nil {
		h.Log = slog.New(slog.DiscardHandler)
	}
	h.Zone = cmp.Or(h.Zone, time.UTC)
	h.editor = &meeting.Editor{Calendar: h.Calendar, Store: h.Store, Now: h.Now}
	h.sessions = &auth.Sessions{Store: h.Store, Login: h.Login, Now: h.Now}
	h.origin = http.NewCrossOriginProtection()
	h.mux = http.NewServeMux()
	h.mux.HandleFunc("GET /static/{name}", serveStatic)
	h.mux.Handle("GET /favicon.ico", http.RedirectHandler(files["icon.svg"].address, http.StatusFound))
	// Of these the first two are for everybody.
	h.open("GET /signin", h.signInPage)
	h.open("POST /signin", h.signIn)
	for pattern, fn := range map[string]func(*visit) error{
		"POST /signout":                  h.signOut,
		"GET /{$}":                       h.front,
		"GET /colors.css":                h.colors,
		"GET /month":                     h.month,
		"GET /month/{date}":              h.month,
		"GET /week":                      h.week,
		"GET /week/{date}":               h.week,
		"GET /day":                       h.day,
		"GET /day/{date}":                h.day,
		"GET /agenda":                    h.agenda,
		"GET /agenda/{date}":             h.agenda,
		"GET /search":                    h.search,
		"POST /shown":                    h.setShown,
		"GET /event/new":                 h.newEvent,
		"POST /event/new":                h.createEvent,
		"GET /event/{id}":                h.showEvent,
		"GET /event/{id}/edit":           h.editEvent,
		"POST /event/{id}/edit":          h.updateEvent,
		"GET /event/{id}/delete":         h.askDelete,
		"POST /event/{id}/delete":        h.deleteEvent,
		"POST /event/{id}/answer":        h.answerEvent,
		"POST /event/{id}/move":          h.moveEvent,
		"POST /event/{id}/propose":       h.proposeTime,
		"POST /event/{id}/detach":        h.detach,
		"GET /event/{id}/file/{file}":    h.file,
		"GET /connect":                   h.connect,
		"POST /connect":                  h.connectPassword,
		"POST /connect/profile":          h.appleProfile,
		"GET /account":                   h.account,
		"POST /account/self":             h.setSelf,
		"POST /account/password":         h.setPassword,
		"POST /account/app":              h.revokeApp,
		"POST /account/session":          h.endSession,
		"POST /account/token":            h.addToken,
		"POST /account/token/revoke":     h.revokeToken,
		"GET /account/webhooks":          h.hooks,
		"POST /account/webhooks":         h.addHook,
		"GET /account/webhooks/{id}":     h.oneHook,
		"POST /account/webhooks/{id}":    h.changeHook,
		"POST /account/webhooks/{id}/do": h.doHook,
		"POST /account/hours":            h.setHours,
		"GET /calendars":                 h.calendars,
		"POST /calendars":                h.makeCalendar,
		"GET /calendars/{id}":            h.oneCalendar,
		"POST /calendars/{id}":           h.setCalendar,
		"POST /calendars/{id}/delete":    h.deleteCalendar,
		"POST /calendars/{id}/share":     h.share,
		"POST /calendars/{id}/feed":      h.publish,
		"POST /calendars/{id}/feedoff":   h.unpublish,
		"GET /requests":                  h.requests,
		"POST /requests":                 h.decide,
		"GET /trash":                     h.trash,
		"POST /trash":                    h.restore,
		"POST /trash/empty":              h.emptyTrash,
		"GET /admin":                     adminOnly(h.adminFront),
		"GET /admin/users":               adminOnly(h.users),
		"POST /admin/users":              adminOnly(h.addUser),
		"GET /admin/users/{name}":        adminOnly(h.user),
		"POST /admin/users/{name}":       adminOnly(h.changeUser),
		"GET /admin/outbox":              adminOnly(h.outbox),
		"POST /admin/outbox":             adminOnly(h.changeJob),
	} {
		h.handle(pattern, fn)
	}
	h.patterns = append(h.patterns, "POST /event/{id}/attach")
	h.mux.HandleFunc("POST /event/{id}/attach", h.attach)
	h.patterns = append(h.patterns, "POST /calendars/import")
	h.mux.HandleFunc("POST /calendars/import", h.importFiles)
	for pattern, fn := range h.morePages() {
		h.handle(pattern, fn)
	}
	h.handle("/", func(v *visit) error { return notThere })
}

// handle adds a page for people who are signed in.
func (h *Handler) handle(pattern string, fn func(*visit) error) {
	h.patterns = append(h.patterns, pattern)
	h.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		v := h.visit(w, r)
		ok, err := v.resume()
		if err == nil && !ok {
			v.askToSignIn()
			return
		}
		if err == nil && r.Method != http.MethodGet && r.Method != http.MethodHead {
			err = v.readForm(true)
		}
		if err == nil {
			err = fn(v)
		}
		if err != nil {
			v.fail(err)
		}
	})
}

// open adds a page for everybody.
func (h *Handler) open(pattern string, fn func(*visit) error) {
	h.patterns = append(h.patterns, pattern)
	h.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		v := h.visit(w, r)
		_, err := v.resume()
		if err == nil && r.Method == http.MethodPost {
			err = v.readForm(false)
		}
		if err == nil {
			err = fn(v)
		}
		if err != nil {
			v.fail(err)
		}
	})
}
