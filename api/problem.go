package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kalends/auth"
	"kalends/calendar"
	"kalends/internal/obs"
	"kalends/meeting"
	"kalends/storage"
)

const problemType = "application/problem+json"

// Problem is what goes out when something went wrong (RFC 9457).
type Problem struct {
	Type   string       `json:"type" doc:"Which problem it is; its explanation is at this address." example:"/api/v1/docs#invalid"`
	Title  string       `json:"title" doc:"The problem in a few words, always the same." example:"The request makes no sense"`
	Status int          `json:"status" doc:"The HTTP status." example:"422"`
	Detail string       `json:"detail,omitempty" doc:"What is wrong this time." example:"end: must be after start"`
	Errors []FieldError `json:"errors,omitempty" nullable:"false" doc:"Which fields are wrong."`

	headers http.Header
}

// FieldError says what is wrong with one field.
type FieldError struct {
	In      string `json:"in" enum:"body,query,path,header" doc:"Where the field is."`
	Field   string `json:"field" doc:"Its name; in a body the path to it." example:"invited[2].address"`
	Message string `json:"message" doc:"What is wrong with it."`
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements [huma.StatusError].
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements [huma.HeadersError].
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType implements [huma.ContentTypeFilter].
func (p *Problem) ContentType(string) string { return problemType }

// kind is a sort of problem: its status, its name in Problem.Type, and its title.
type kind struct {
	status      int
	name, title string
	field       string // of the body it concerns; "" for none
}

// kinds translates what package calendar says.
var kinds = map[calendar.Kind]kind{
	calendar.Internal:             {http.StatusInternalServerError, "internal", "Something went wrong in the server", ""},
	calendar.NotFound:             {http.StatusNotFound, "not-found", "There is no such thing", ""},
	calendar.NoParent:             {http.StatusNotFound, "no-calendar", "There is no such calendar", "calendar"},
	calendar.Forbidden:            {http.StatusForbidden, "forbidden", "You may not do this", ""},
	calendar.Refused:              {http.StatusConflict, "refused", "This cannot be done with it", ""},
	calendar.NotAllowed:           {http.StatusMethodNotAllowed, "not-allowed", "This cannot be done here", ""},
	calendar.Exists:               {http.StatusConflict, "exists", "It exists already", ""},
	calendar.Changed:              {http.StatusPreconditionFailed, "changed", "It was changed by somebody else", ""},
	calendar.BadRequest:           {http.StatusUnprocessableEntity, "invalid", "The request makes no sense", ""},
	calendar.BadLocation:          {http.StatusConflict, "bad-location", "A calendar cannot be there", ""},
	calendar.BadName:              {http.StatusUnprocessableEntity, "bad-name", "This cannot be a name", ""},
	calendar.UnsupportedData:      {http.StatusUnprocessableEntity, "unsupported-data", "This form of data is not supported", ""},
	calendar.InvalidData:          {http.StatusUnprocessableEntity, "invalid-data", "The meeting is not valid", ""},
	calendar.InvalidObject:        {http.StatusUnprocessableEntity, "invalid-object", "The meeting cannot be stored like this", ""},
	calendar.UnsupportedComponent: {http.StatusConflict, "unsupported-component", "The calendar does not take meetings", "calendar"},
	calendar.UIDConflict:          {http.StatusConflict, "uid-conflict", "The calendar has this meeting already", ""},
	calendar.TooLarge:             {http.StatusRequestEntityTooLarge, "too-large", "It is too large", ""},
	calendar.TooEarly:             {http.StatusUnprocessableEntity, "too-early", "This lies too far in the past", "start"},
	calendar.TooLate:              {http.StatusUnprocessableEntity, "too-late", "This lies too far in the future", "end"},
	calendar.TooManyInstances:     {http.StatusUnprocessableEntity, "too-many-instances", "It repeats too often", "recurrence"},
	calendar.TooManyAttendees:     {http.StatusUnprocessableEntity, "too-many-invited", "Too many people are invited", "invited"},
	calendar.UniqueScheduling:     {http.StatusConflict, "unique-meeting", "Another calendar has this meeting already", ""},
	calendar.SameOrganizer:        {http.StatusUnprocessableEntity, "same-organizer", "A meeting has one organizer", ""},
	calendar.OrganizerChange:      {http.StatusForbidden, "organizer-change", "The organizer cannot change this", ""},
	calendar.AttendeeChange:       {http.StatusForbidden, "invited-change", "Only the organizer may change this", ""},
	calendar.OrganizerNotAllowed:  {http.StatusUnprocessableEntity, "series-missing", "The series is missing", ""},
	calendar.AttendeeNotAllowed:   {http.StatusForbidden, "unknown-to-organizer", "The organizer has no such meeting", ""},
	calendar.DefaultCalendar:      {http.StatusConflict, "default-calendar", "This calendar is needed for invitations", ""},
	calendar.BadDefaultCalendar:   {http.StatusUnprocessableEntity, "bad-default-calendar", "Invitations cannot go there", "calendar"},
	calendar.QuotaExceeded:        {http.StatusInsufficientStorage, "quota-exceeded", "There is no room left", ""},
	calendar.BadTimeZone:          {http.StatusUnprocessableEntity, "bad-time-zone", "There is no such time zone", "timeZone"},
	calendar.BadSyncToken:         {http.StatusGone, "sync-again", "Too much has changed since", ""},
	calendar.TooManyMatches:       {http.StatusUnprocessableEntity, "too-many", "This would be too much at once", ""},
	calendar.BadAction:            {http.StatusUnprocessableEntity, "bad-action", "This cannot be done with an attachment", ""},
	calendar.BadInstance:          {http.StatusUnprocessableEntity, "no-instance", "The meeting does not repeat like this", ""},
	calendar.BadManagedIDParam:    {http.StatusNotFound, "no-attachment", "There is no such attachment", ""},
	calendar.BadManagedID:         {http.StatusUnprocessableEntity, "bad-attachment", "The meeting refers to an attachment that is not there", ""},
	calendar.AttachmentTooLarge:   {http.StatusRequestEntityTooLarge, "attachment-too-large", "The file is too large", ""},
	calendar.TooManyAttachments:   {http.StatusUnprocessableEntity, "too-many-attachments", "The meeting has too many attachments", ""},
	calendar.Unavailable:          {http.StatusServiceUnavailable, "unavailable", "It cannot be done right now", ""},
}

// Problems that only this package has.
var (
	badJSON       = kind{http.StatusBadRequest, "bad-json", "The body cannot be read", ""}
	noJSON        = kind{http.StatusUnsupportedMediaType, "no-json", "The body must be JSON", ""}
	slowBody      = kind{http.StatusRequestTimeout, "slow-body", "The body did not come", ""}
	notAcceptable = kind{http.StatusNotAcceptable, "not-acceptable", "Answers are JSON", ""}
	noMethod      = kind{http.StatusMethodNotAllowed, "no-method", "There is no such method here", ""}
	noResource    = kind{http.StatusNotFound, "no-resource", "There is nothing here", ""}
	crossOrigin   = kind{http.StatusForbidden, "cross-origin", "Requests from other sites are not answered", ""}
	unauthorized  = kind{http.StatusUnauthorized, "unauthorized", "Log in", ""}
	noScope       = kind{http.StatusForbidden, "scope", "The token does not allow this", ""}
	throttled     = kind{http.StatusTooManyRequests, "throttled", "Too many failed logins", ""}
	tooManyOpen   = kind{http.StatusTooManyRequests, "too-many-streams", "Too many streams are open", ""}
	underWay      = kind{http.StatusConflict, "under-way", "The same request is being carried out", ""}
	noInstance    = kind{http.StatusUnprocessableEntity, "no-instance", "The meeting does not repeat like this", ""}
	notOrganizer  = kind{http.StatusForbidden, "not-organizer", "Only the organizer may change this", ""}
	notInvited    = kind{http.StatusForbidden, "not-invited", "There is nothing to answer", ""}
	keyReused     = kind{http.StatusUnprocessableEntity, "key-reused", "The Idempotency-Key was used for another request", ""}
)

// ownKinds are listed in the documentation beside kinds.
var ownKinds = []kind{
	badJSON, noJSON, slowBody, notAcceptable, noMethod, noResource, crossOrigin, unauthorized, noScope, throttled, tooManyOpen, underWay, noInstance,
	notOrganizer, notInvited, keyReused,
}

// allKinds returns every kind of problem once, by name.
func allKinds() []kind {
	list := append(slices.Collect(maps.Values(kinds)), ownKinds...)
	slices.SortFunc(list, func(a, b kind) int { return strings.Compare(a.name, b.name) })
	return slices.CompactFunc(list, func(a, b kind) bool { return a.name == b.name })
}

// refusal is an error of the API itself. What it says is for the client.
type refusal struct {
	problem kind
	detail  string
	fields  []FieldError
	retry   time.Duration
	err     error // logged only
}

func (e *refusal) Error() string { return e.problem.name + ": " + e.detail }

func (e *refusal) Unwrap() error { return e.err }

// invalid says what is wrong with a field of the body.
func invalid(field, format string, args ...any) *refusal {
	return wrong("body", field, format, args...)
}

// invalidQuery says what is wrong with a parameter of the query.
func invalidQuery(field, format string, args ...any) *refusal {
	return wrong("query", field, format, args...)
}

func wrong(in, field, format string, args ...any) *refusal {
	msg := fmt.Sprintf(format, args...)
	return &refusal{problem: kinds[calendar.BadRequest], detail: field + ": " + msg, fields: []FieldError{{in, field, msg}}}
}

// problem is the package's one translator of errors to answers. What nobody expected is logged, and not told.
func (h *Handler) problem(ctx context.Context, err error) *Problem {
	e := refusalOf(ctx, err)
	switch e.problem.status {
	case http.StatusInternalServerError:
		h.Log.ErrorContext(ctx, "request of the API", "err", err)
	case http.StatusServiceUnavailable:
		h.Log.WarnContext(ctx, "request of the API refused for now", "err", err)
	}
	return problemOf(ctx, e)
}

// internalError is all that is told of what nobody expected.
func internalError() *refusal {
	return &refusal{problem: kinds[calendar.Internal], detail: "internal error"}
}

func problemOf(ctx context.Context, e *refusal) *Problem {
	detail := e.detail
	if id := obs.RequestID(ctx); id != "" && e.problem.status == http.StatusInternalServerError {
		detail += " (request " + id + ")" // by which it is found in the log
	}
	p := &Problem{
		Type: Prefix + "/docs#" + e.problem.name, Title: e.problem.title, Status: e.problem.status, Detail: detail, Errors: e.fields,
		headers: http.Header{},
	}
	if e.retry > 0 {
		p.headers.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.retry.Seconds()))))
	}
	if e.problem.status == http.StatusUnauthorized {
		p.headers["Www-Authenticate"] = []string{`Basic realm="Kalends", charset="UTF-8"`, `Bearer realm="Kalends"`}
	}
	if e.problem == noScope {
		p.headers.Set("WWW-Authenticate", `Bearer realm="Kalends", error="insufficient_scope"`) // RFC 6750 section 3.1
	}
	return p
}

const retryLater = 5 * time.Second

func refusalOf(ctx context.Context, err error) *refusal {
	if e, ok := errors.AsType[*refusal](err); ok {
		return e
	}
	if e, ok := errors.AsType[*meeting.Error](err); ok {
		return translateMeeting(e)
	}
	if e, ok := errors.AsType[*calendar.Error](err); ok {
		return translate(e)
	}
	if e, ok := errors.AsType[*auth.ThrottledError](err); ok {
		return &refusal{problem: throttled, detail: "too many failed logins; try again later", retry: e.RetryAfter}
	}
	unavailable := kinds[calendar.Unavailable]
	switch {
	case errors.Is(err, auth.ErrBadCredentials):
		return &refusal{problem: unauthorized, detail: "send the name and password of an account, or a token that holds"}
	case errors.Is(err, auth.ErrBusy):
		return &refusal{problem: unavailable, detail: "too many logins at once; try again", retry: auth.BusyRetryAfter}
	case errors.Is(err, storage.ErrUnavailable):
		return &refusal{problem: unavailable, detail: "the database cannot be reached; try again", retry: retryLater}
	case errors.Is(err, storage.ErrInvalid):
		return &refusal{problem: kinds[calendar.BadRequest], detail: "a text holds characters that cannot be stored"}
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return &refusal{problem: unavailable, detail: "this took too long; ask for less", retry: retryLater}
	case ctx.Err() != nil:
		return &refusal{problem: unavailable, detail: "the request was given up"}
	}
	k := calendar.KindOf(err)
	if k == calendar.Internal {
		return internalError()
	}
	return translate(&calendar.Error{Kind: k, Msg: "there is no such thing"})
}

func translate(e *calendar.Error) *refusal {
	k, ok := kinds[e.Kind]
	if !ok || e.Kind == calendar.Internal {
		return &refusal{problem: kinds[calendar.Internal], detail: "internal error", err: e}
	}
	out := &refusal{problem: k, detail: e.Msg, err: e}
	if k.field != "" {
		out.fields = []FieldError{{"body", k.field, e.Msg}}
	}
	if e.Kind == calendar.Unavailable {
		out.retry = retryLater
	}
	return out
}

// reasons translates what package meeting says beyond that.
var reasons = map[meeting.Reason]kind{
	meeting.NoInstance: noInstance, meeting.NotOrganizer: notOrganizer, meeting.NotInvited: notInvited,
}

func translateMeeting(e *meeting.Error) *refusal {
	k, ok := reasons[e.Reason]
	if !ok {
		k = kinds[e.Kind]
	}
	out := &refusal{problem: k, detail: e.Detail}
	for _, f := range e.Fields {
		in := "body"
		if f.Query {
			in = "query"
		}
		out.fields = append(out.fields, FieldError{in, f.Field, f.Message})
	}
	return out
}

// notThere is the one answer about what is not there and about what one may not know of.
func notThere(what string) error {
	return &refusal{problem: kinds[calendar.NotFound], detail: "there is no such " + what}
}

// transform makes a Problem of what huma found wrong with a request before any of our functions saw it.
func (h *Handler) transform(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	e := &refusal{problem: kinds[calendar.BadRequest], detail: m.Detail}
	switch m.Status {
	case http.StatusBadRequest:
		e.problem = badJSON
	case http.StatusUnsupportedMediaType:
		e.problem = noJSON
	case http.StatusRequestEntityTooLarge:
		e.problem = kinds[calendar.TooLarge]
	case http.StatusRequestTimeout:
		e.problem = slowBody
	case http.StatusNotAcceptable:
		e.problem = notAcceptable
	case http.StatusUnprocessableEntity:
	default:
		e.problem, e.detail, m.Errors = kinds[calendar.Internal], "the request could not be read", nil
	}
	const most = 20
	for i, d := range m.Errors {
		if i == most || d == nil {
			break
		}
		in, field, _ := strings.Cut(d.Location, ".")
		if j := strings.IndexByte(in, '['); j >= 0 { // body[0]
			in, field = in[:j], d.Location[j:]
		}
		if in == "" {
			in = "body"
		}
		msg := clip(d.Message, 300)
		e.fields = append(e.fields, FieldError{in, clip(field, 200), msg})
		if i == 0 {
			e.detail = msg
			if field != "" {
				e.detail = clip(field, 200) + ": " + msg
			}
		}
	}
	p := h.problem(ctx.Context(), e)
	p.Status = m.Status
	return p, nil
}

// fail answers with a problem outside of an operation.
func (h *Handler) fail(ctx context.Context, w http.ResponseWriter, err error) {
	h.write(w, h.problem(ctx, err))
}

func (h *Handler) write(w http.ResponseWriter, p *Problem) {
	for name, values := range p.headers {
		w.Header()[name] = values
	}
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // cannot happen: strings and numbers only
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	w.Write(body) // nobody is left to hear of an error
}
