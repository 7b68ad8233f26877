// Package api is the meetings API: JSON over HTTP under /api/v1, for programs that do not want to speak CalDAV. It has no
// rules of its own: package calendar decides and changes, package auth says who may, and this package translates. Its
// description in OpenAPI 3.1 comes from the Go types, so it cannot say anything else than the code does.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"kalends/auth"
	"kalends/calendar"
	"kalends/internal/obs"
	"kalends/meeting"
	"kalends/storage"
	"kalends/subscription"
	"kalends/webhook"
)

// Prefix is where the API is.
const Prefix = "/api/v1"

// maxBody bounds the body of a request: a meeting with all the people it may have fits.
const maxBody = 512 << 10

// Handler answers everything under /api/. Its fields are set before first use and not changed after. Run must be running for
// streams of changes to say anything.
type Handler struct {
	Calendar *calendar.Service
	Auth     auth.Authenticator
	Store    storage.Store
	Log      *slog.Logger
	Now      func() time.Time

	// BaseURL is the URL that people use; "" for none. The documentation shows it.
	BaseURL string
	// NewUID makes the UIDs of meetings; nil for random ones.
	NewUID func() string
	// Webhooks is where people make webhooks; nil where there are none.
	Webhooks *webhook.Desk
	// Feeds fills calendars from feeds elsewhere; nil where nobody can subscribe.
	Feeds *subscription.Worker
	// Poll is how often Run looks for changes; 0 for half a second.
	Poll time.Duration

	once   sync.Once
	editor *meeting.Editor
	mux    *http.ServeMux
	origin *http.CrossOriginProtection
	spec   *huma.OpenAPI
	json   []byte
	yaml   []byte
	docs   []byte
	hub    hub
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.once.Do(h.init)
	obs.OnPanic(r.Context(), func() { h.write(w, problemOf(r.Context(), internalError())) })
	head := w.Header()
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cache-Control", "private, no-store")
	// A page of another site cannot use a password that the browser remembers.
	if err := h.origin.Check(r); err != nil {
		h.fail(r.Context(), w, &refusal{problem: crossOrigin, detail: "requests from pages of other sites are not answered"})
		return
	}
	if _, pattern := h.mux.Handler(r); pattern == "" {
		h.notRouted(w, r)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// notRouted answers where no operation is: the mux knows which methods there are.
func (h *Handler) notRouted(w http.ResponseWriter, r *http.Request) {
	quiet := &headerOnly{header: http.Header{}}
	h.mux.ServeHTTP(quiet, r)
	if quiet.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", quiet.header.Get("Allow"))
		h.fail(r.Context(), w, &refusal{problem: noMethod, detail: "there is no " + clip(r.Method, 20) + " here"})
		return
	}
	h.fail(r.Context(), w, &refusal{problem: noResource, detail: "there is nothing under this path; see " + Prefix + "/docs"})
}

// headerOnly is a ResponseWriter that forgets the body.
type headerOnly struct {
	header http.Header
	status int
}

func (w *headerOnly) Header() http.Header         { return w.header }
func (w *headerOnly) WriteHeader(status int)      { w.status = status }
func (w *headerOnly) Write(p []byte) (int, error) { return len(p), nil }

// OpenAPI returns the description of the API as JSON.
func (h *Handler) OpenAPI() []byte {
	h.once.Do(h.init)
	return h.json
}

func (h *Handler) init() {
	if h.Now == nil {
		h.Now = time.Now
	}
	if h.Log == nil {
		h.Log = slog.New(slog.DiscardHandler)
	}
	h.editor = &meeting.Editor{Calendar: h.Calendar, Store: h.Store, Now: h.Now}
	h.origin = http.NewCrossOriginProtection()
	h.hub.init()
	h.mux = http.NewServeMux()
	schemas := huma.NewMapRegistry("#/components/schemas/", schemaName)
	schemas.RegisterTypeAlias(reflect.TypeFor[huma.ErrorModel](), reflect.TypeFor[Problem]())
	describeTypes(schemas)
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			Info: &huma.Info{
				Title: "Kalends meetings API", Version: "1",
				Description: "Meetings, calendars, busy times and changes as JSON. What is written here is in every calendar program at once, and the other way round.",
			},
			Servers: []*huma.Server{{URL: strings.TrimSuffix(h.BaseURL, "/") + Prefix}},
			Components: &huma.Components{
				Schemas: schemas,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"password": {Type: "http", Scheme: "basic", Description: "The name and password of an account."},
					"token": {Type: "http", Scheme: "bearer", Description: "A token made by `kalends token add`, with the scope freebusy, read or write. " +
						"read includes freebusy, and write both."},
				},
			},
			Tags: []*huma.Tag{
				{Name: meetingsTag, Description: "Meetings and other events: one, a series, one instance of a series, or this and all that follow."},
				{Name: timesTag, Description: "When people and rooms are free."},
				{Name: heldTag, Description: "Mail from outside that waits for one's decision."},
				{Name: trashTag, Description: "What was deleted, for 30 days."},
				{Name: calendarsTag, Description: "Calendars, and who one is."},
				{Name: sharesTag, Description: "Calendars that people and groups of the server share with each other."},
				{Name: subscriptionsTag, Description: "Calendars that are filled from feeds elsewhere."},
				{Name: remindersTag, Description: "How one is reminded of events that say nothing of it, and what one has missed."},
				{Name: webhooksTag, Description: webhooksDescription},
				{Name: changesTag, Description: "What changed since one looked last."},
			},
		},
		Formats: map[string]huma.Format{
			"application/json": {Marshal: marshal, Unmarshal: unmarshal},
			"json":             {Marshal: marshal, Unmarshal: unmarshal}, // of what ends in +json
		},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{h.transform},
	}
	a := humago.NewWithPrefix(h.mux, Prefix, config)
	a.UseMiddleware(h.authenticate)
	h.meetings(a)
	h.attachments(a)
	h.times(a)
	h.proposals(a)
	h.held(a)
	h.trash(a)
	h.calendars(a)
	h.shares(a)
	h.published(a)
	h.subscriptions(a)
	h.reminders(a)
	h.changes(a)
	h.webhooks(a)
	h.spec = a.OpenAPI()
	h.describe()
}

const (
	meetingsTag  = "Meetings"
	timesTag     = "Times"
	calendarsTag = "Calendars"
	changesTag   = "Changes"
)

func marshal(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// unmarshal refuses what json.Unmarshal reads in more than one way.
func unmarshal(data []byte, v any) error {
	if !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
		return errNoObject
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("not valid JSON: %w", err)
	}
	return nil
}

var errNoObject = fmt.Errorf("the body must be a JSON object")

// operation describes one operation and what it asks of a token.
func operation(method, path, id, tag string, scope Scope, summary, description string) huma.Operation {
	op := huma.Operation{
		OperationID: id, Method: method, Path: path, Tags: []string{tag}, Summary: summary, Description: description,
		MaxBodyBytes: maxBody, BodyReadTimeout: -1, // the server bounds stalls
		Metadata: map[string]any{scopeKey: scope},
		Security: []map[string][]string{{"password": {}}, {"token": {scope.String()}}},
		Responses: map[string]*huma.Response{
			"default": {
				Description: "What is wrong (RFC 9457).",
				Content:     map[string]*huma.MediaType{problemType: {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}}},
			},
		},
	}
	return op
}

// register adds an operation. What its function returns as an error is translated here and nowhere else.
func register[I, O any](h *Handler, a huma.API, op huma.Operation, fn func(ctx context.Context, q *caller, in *I) (*O, error)) {
	huma.Register(a, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := fn(ctx, callerOf(ctx), in)
		if err != nil {
			return nil, h.problem(ctx, err)
		}
		return out, nil
	})
}

func (h *Handler) newUID() string {
	if h.NewUID != nil {
		return h.NewUID()
	}
	return meeting.NewUID()
}

func clip(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
