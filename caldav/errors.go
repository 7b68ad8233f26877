package caldav

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/dav"
	"kalends/ical/recur"
	"kalends/internal/obs"
	"kalends/storage"
)

// reply is how one kind of error is told: a status, and the precondition that is named in DAV:error, if any.
type reply struct {
	status    int
	condition dav.Name
}

// replies translates what package calendar says.
var replies = map[calendar.Kind]reply{
	calendar.Internal:             {status: http.StatusInternalServerError},
	calendar.NotFound:             {status: http.StatusNotFound},
	calendar.NoParent:             {status: http.StatusConflict},
	calendar.Forbidden:            {http.StatusForbidden, dav.D("need-privileges")},
	calendar.Refused:              {status: http.StatusForbidden},
	calendar.NotAllowed:           {status: http.StatusMethodNotAllowed},
	calendar.Exists:               {http.StatusForbidden, dav.D("resource-must-be-null")},
	calendar.Changed:              {status: http.StatusPreconditionFailed},
	calendar.BadRequest:           {status: http.StatusBadRequest},
	calendar.BadLocation:          {http.StatusForbidden, dav.C("calendar-collection-location-ok")},
	calendar.BadName:              {status: http.StatusForbidden},
	calendar.UnsupportedData:      {http.StatusForbidden, dav.C("supported-calendar-data")},
	calendar.InvalidData:          {http.StatusForbidden, dav.C("valid-calendar-data")},
	calendar.InvalidObject:        {http.StatusForbidden, dav.C("valid-calendar-object-resource")},
	calendar.UnsupportedComponent: {http.StatusForbidden, dav.C("supported-calendar-component")},
	calendar.UIDConflict:          {http.StatusForbidden, dav.C("no-uid-conflict")},
	calendar.TooLarge:             {http.StatusForbidden, dav.C("max-resource-size")},
	calendar.TooEarly:             {http.StatusForbidden, dav.C("min-date-time")},
	calendar.TooLate:              {http.StatusForbidden, dav.C("max-date-time")},
	calendar.TooManyInstances:     {http.StatusForbidden, dav.C("max-instances")},
	calendar.TooManyAttendees:     {http.StatusForbidden, dav.C("max-attendees-per-instance")},
	calendar.UniqueScheduling:     {http.StatusForbidden, dav.C("unique-scheduling-object-resource")},
	calendar.SameOrganizer:        {http.StatusForbidden, dav.C("same-organizer-in-all-components")},
	calendar.OrganizerChange:      {http.StatusForbidden, dav.C("allowed-organizer-scheduling-object-change")},
	calendar.AttendeeChange:       {http.StatusForbidden, dav.C("allowed-attendee-scheduling-object-change")},
	calendar.OrganizerNotAllowed:  {http.StatusForbidden, dav.C("organizer-allowed")},
	calendar.AttendeeNotAllowed:   {http.StatusForbidden, dav.C("attendee-allowed")},
	calendar.DefaultCalendar:      {http.StatusForbidden, dav.C("default-calendar-needed")},
	calendar.BadDefaultCalendar:   {http.StatusForbidden, dav.C("valid-schedule-default-calendar-URL")},
	calendar.QuotaExceeded:        {http.StatusInsufficientStorage, dav.D("quota-not-exceeded")},
	calendar.BadTimeZone:          {http.StatusForbidden, dav.C("valid-calendar-data")},
	calendar.BadSyncToken:         {http.StatusForbidden, dav.D("valid-sync-token")},
	calendar.TooManyMatches:       {http.StatusInsufficientStorage, dav.D("number-of-matches-within-limits")},
	calendar.BadAction:            {http.StatusForbidden, dav.C("valid-action-parameter")},
	calendar.BadInstance:          {http.StatusForbidden, dav.C("valid-rid-parameter")},
	calendar.BadManagedIDParam:    {http.StatusForbidden, dav.C("valid-managed-id-parameter")},
	calendar.BadManagedID:         {http.StatusForbidden, dav.C("valid-managed-id")},
	calendar.AttachmentTooLarge:   {http.StatusForbidden, dav.C("max-attachment-size")},
	calendar.TooManyAttachments:   {http.StatusForbidden, dav.C("max-attachments-per-resource")},
	calendar.Unavailable:          {status: http.StatusServiceUnavailable},
}

// refusal is an error of the protocol itself. Its message is for the client.
type refusal struct {
	status     int
	conditions []dav.Condition
	msg        string
	allow      string // with 405
	err        error  // logged only
}

func (e *refusal) Error() string { return fmt.Sprintf("%d: %s", e.status, e.msg) }

func (e *refusal) Unwrap() error { return e.err }

// refuse says no, without a precondition.
func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status: status, msg: fmt.Sprintf(format, args...)}
}

// violates says no with the precondition that is not met.
func violates(status int, condition dav.Name, format string, args ...any) *refusal {
	e := refuse(status, format, args...)
	e.conditions = []dav.Condition{{Name: condition}}
	return e
}

// errSent ends a request whose answer has begun, so that nothing more can be said.
var errSent = errors.New("the answer has begun")

const realm = `Basic realm="Kalends", charset="UTF-8"`

// serveError is the package's one translator of errors to answers.
func (q *request) serveError(err error) {
	if errors.Is(err, errSent) {
		q.h.Log.DebugContext(q.ctx, "answer cut short", "err", err)
		return
	}
	e, retry := q.refusalOf(err)
	if q.anybody() && (e.status == http.StatusForbidden || e.status == http.StatusNotFound) {
		e, retry = q.refusalOf(auth.ErrBadCredentials) // who logs in may be told more
	}
	switch e.status {
	case http.StatusInternalServerError:
		q.h.Log.ErrorContext(q.ctx, "request", "method", q.method(), "err", err)
	case http.StatusServiceUnavailable:
		q.h.Log.WarnContext(q.ctx, "request refused for now", "method", q.method(), "err", err)
	}
	q.refuse(e, retry)
}

// refuse answers with an error.
func (q *request) refuse(e *refusal, retry time.Duration) {
	h := q.w.Header()
	for _, name := range ofAnswers {
		delete(h, name)
	}
	if retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(retry.Seconds()))))
	}
	switch e.status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", realm)
	case http.StatusMethodNotAllowed:
		h.Set("Allow", e.allow)
	}
	var body bytes.Buffer
	if err := dav.WriteError(&body, append(e.conditions, dav.Condition{Name: dav.D("responsedescription"), Text: e.msg})...); err != nil {
		body.Reset() // cannot happen: a buffer takes everything
	}
	h.Set("Content-Type", dav.ContentType)
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	q.w.WriteHeader(e.status)
	q.w.Write(body.Bytes()) // nobody is left to hear of an error
}

// ofAnswers are the headers that an answer may have got before it failed.
var ofAnswers = []string{
	"Allow", "Cache-Control", "Cal-Managed-Id", "Content-Length", "Content-Location", "Content-Type", "DAV", "Etag", "Last-Modified", "Location",
	"Preference-Applied", "Schedule-Tag", "Vary",
}

// refusalOf says how an error is told, and after which time to try again.
func (q *request) refusalOf(err error) (*refusal, time.Duration) {
	if e, ok := errors.AsType[*refusal](err); ok {
		return e, 0
	}
	if e, ok := errors.AsType[*calendar.Error](err); ok {
		return q.translate(e), retryAfter(e.Kind)
	}
	if e, ok := errors.AsType[*auth.ThrottledError](err); ok {
		return refuse(http.StatusTooManyRequests, "too many failed logins; try again later"), e.RetryAfter
	}
	switch {
	case errors.Is(err, auth.ErrBadCredentials):
		return refuse(http.StatusUnauthorized, "log in with your name and password"), 0
	case errors.Is(err, auth.ErrBusy):
		return refuse(http.StatusServiceUnavailable, "too many logins at once; try again"), auth.BusyRetryAfter
	case errors.Is(err, storage.ErrUnavailable):
		return refuse(http.StatusServiceUnavailable, "the database cannot be reached; try again"), unavailableRetry
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(context.Cause(q.ctx), context.DeadlineExceeded):
		return refuse(http.StatusServiceUnavailable, "this took too long; ask for less"), unavailableRetry
	case q.ctx.Err() != nil:
		return refuse(http.StatusServiceUnavailable, "the request was given up"), 0
	}
	if e := wireRefusal(err); e != nil {
		return e, 0
	}
	k := calendar.KindOf(err)
	if k == calendar.Internal {
		return q.internalError(), 0
	}
	return q.translate(&calendar.Error{Kind: k, Msg: "there is no such resource"}), retryAfter(k)
}

// internalError is all that is told of what nobody expected: by the request's number it is found in the log.
func (q *request) internalError() *refusal {
	if id := obs.RequestID(q.ctx); id != "" {
		return refuse(http.StatusInternalServerError, "internal error (request %s)", id)
	}
	return refuse(http.StatusInternalServerError, "internal error")
}

const unavailableRetry = 5 * time.Second

func retryAfter(k calendar.Kind) time.Duration {
	if k == calendar.Unavailable {
		return unavailableRetry
	}
	return 0
}

// wireRefusal tells what package dav could not read; nil for other errors.
func wireRefusal(err error) *refusal {
	if e, ok := errors.AsType[*dav.SyntaxError](err); ok {
		return refuse(http.StatusBadRequest, "%v", e)
	}
	if e, ok := errors.AsType[*dav.HeaderError](err); ok {
		return refuse(http.StatusBadRequest, "%v", e)
	}
	if e, ok := errors.AsType[*dav.PathError](err); ok {
		return refuse(http.StatusBadRequest, "%v", e)
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return refuse(http.StatusRequestEntityTooLarge, "the body is too large")
	}
	switch {
	case errors.Is(err, dav.ErrEmpty):
		return refuse(http.StatusBadRequest, "the body is empty")
	case errors.Is(err, dav.ErrTooLarge):
		return refuse(http.StatusRequestEntityTooLarge, "%v", err)
	case errors.Is(err, dav.ErrOtherServer):
		return refuse(http.StatusBadGateway, "the URL leads to another server")
	}
	return nil
}

func (q *request) translate(e *calendar.Error) *refusal {
	r, ok := replies[e.Kind]
	if !ok || e.Kind == calendar.Internal {
		return refuse(http.StatusInternalServerError, "internal error")
	}
	out := &refusal{status: r.status, msg: e.Msg, err: e, allow: allowed[q.at.kind]}
	if r.condition.Local == "" {
		return out
	}
	c := dav.Condition{Name: r.condition}
	switch {
	case e.Kind == calendar.Forbidden && e.Need != 0 && e.Path != nil:
		c = needPrivileges(pathHref(e.Path), privilegeNames(e.Need)...)
	case e.Kind == calendar.Forbidden:
		return out // for another reason
	case e.Kind == calendar.InvalidData && errors.Is(e, recur.ErrScale):
		c.Name = dav.C("supported-rscale") // RFC 7529
	case e.Path != nil && e.Kind != calendar.Exists:
		c.Hrefs = []string{pathHref(e.Path)}
	}
	out.conditions = []dav.Condition{c}
	return out
}

// bodyError makes an error of reading a request's body one of the client.
func bodyError(err error) error {
	if err == nil || wireRefusal(err) != nil {
		return err
	}
	return &refusal{status: http.StatusBadRequest, msg: "the body could not be read", err: err}
}
