package web

import (
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"

	"kalends/auth"
	"kalends/calendar"
	"kalends/internal/obs"
	"kalends/meeting"
	"kalends/storage"
)

// problem is an error that a page tells.
type problem struct {
	status int
	text   string // English, as the book has it
}

func (p *problem) Error() string { return p.text }

// What is said where the server itself is in trouble.
const (
	laterText      = "That did not work just now. Please try again in a minute."
	awayText       = "The server cannot get at its data just now. That is mostly over within a minute."
	unexpectedText = "Something went wrong in the server. It has been noted there."
)

var troubles = []string{laterText, awayText, unexpectedText}

var (
	notThere    = &problem{http.StatusNotFound, "There is nothing here, or nothing that you may see."}
	foreignForm = &problem{http.StatusForbidden, "The form was not sent from a page of this site, or the page is too old. Please go back, load the page again and try once more."}
	brokenForm  = &problem{http.StatusBadRequest, "The form did not arrive as it was sent. Please go back and try again."}
	forbidden   = &problem{http.StatusForbidden, "You may not do this."}
)

// kinds tells people what package calendar says.
var kinds = map[calendar.Kind]problem{
	calendar.NotFound:             *notThere,
	calendar.NoParent:             {http.StatusNotFound, "There is no such calendar."},
	calendar.Forbidden:            *forbidden,
	calendar.Refused:              {http.StatusConflict, "This cannot be done with it."},
	calendar.NotAllowed:           {http.StatusConflict, "This cannot be done with it."},
	calendar.Exists:               {http.StatusConflict, "It exists already."},
	calendar.Changed:              {http.StatusConflict, "It was changed meanwhile. Please look at it as it is now and try again."},
	calendar.BadRequest:           {http.StatusUnprocessableEntity, "This cannot be stored like this."},
	calendar.BadLocation:          {http.StatusConflict, "A calendar cannot be there."},
	calendar.BadName:              {http.StatusUnprocessableEntity, "This cannot be a name."},
	calendar.UnsupportedData:      {http.StatusUnprocessableEntity, "This cannot be stored like this."},
	calendar.InvalidData:          {http.StatusUnprocessableEntity, "This cannot be stored like this."},
	calendar.InvalidObject:        {http.StatusUnprocessableEntity, "This cannot be stored like this."},
	calendar.UnsupportedComponent: {http.StatusConflict, "This calendar does not take events."},
	calendar.UIDConflict:          {http.StatusConflict, "The calendar has this event already."},
	calendar.TooLarge:             {http.StatusRequestEntityTooLarge, "It is too large."},
	calendar.TooEarly:             {http.StatusUnprocessableEntity, "This lies too far in the past."},
	calendar.TooLate:              {http.StatusUnprocessableEntity, "This lies too far in the future."},
	calendar.TooManyInstances:     {http.StatusUnprocessableEntity, "It repeats too often."},
	calendar.TooManyAttendees:     {http.StatusUnprocessableEntity, "Too many people are invited."},
	calendar.UniqueScheduling:     {http.StatusConflict, "Another calendar of yours has this meeting already."},
	calendar.SameOrganizer:        {http.StatusUnprocessableEntity, "A meeting has one organizer."},
	calendar.OrganizerChange:      {http.StatusForbidden, "The organizer cannot change this."},
	calendar.AttendeeChange:       {http.StatusForbidden, "Only who invited may change this."},
	calendar.OrganizerNotAllowed:  {http.StatusUnprocessableEntity, "These are single dates of a series, and the series is missing."},
	calendar.AttendeeNotAllowed:   {http.StatusForbidden, "Who organizes this has no such meeting, and has to invite you."},
	calendar.DefaultCalendar:      {http.StatusConflict, "This calendar is needed for invitations."},
	calendar.BadDefaultCalendar:   {http.StatusUnprocessableEntity, "Invitations cannot go there."},
	calendar.QuotaExceeded:        {http.StatusInsufficientStorage, "There is no room left."},
	calendar.BadTimeZone:          {http.StatusUnprocessableEntity, "There is no such time zone."},
	calendar.BadSyncToken:         {http.StatusGone, "It was changed meanwhile. Please look at it as it is now and try again."},
	calendar.TooManyMatches:       {http.StatusUnprocessableEntity, "That is too much for one page. Please ask for a shorter time, or hide some calendars."},
	calendar.BadAction:            {http.StatusUnprocessableEntity, "This cannot be done with a file."},
	calendar.BadInstance:          {http.StatusNotFound, "There is no such date of this event."},
	calendar.BadManagedIDParam:    {http.StatusNotFound, "There is no such file."},
	calendar.BadManagedID:         {http.StatusUnprocessableEntity, "This refers to a file that is not there."},
	calendar.AttachmentTooLarge:   {http.StatusRequestEntityTooLarge, "The file is too large."},
	calendar.TooManyAttachments:   {http.StatusUnprocessableEntity, "There are too many files already. Please remove one first."},
	calendar.Unavailable:          {http.StatusServiceUnavailable, laterText},
}

// explain is the package's one translator of errors to what people read. The second result is false for what nobody expected.
func explain(ctx context.Context, err error) (problem, bool) {
	if p, ok := errors.AsType[*problem](err); ok {
		return *p, true
	}
	kind := calendar.KindOf(err)
	if e, ok := errors.AsType[*meeting.Error](err); ok {
		switch kind = e.Kind; e.Reason {
		case meeting.NotOrganizer:
			kind = calendar.AttendeeChange
		case meeting.NotInvited:
			kind = calendar.Refused
		case meeting.NoInstance:
			kind = calendar.NotFound
		}
	}
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return *notThere, true
	case errors.Is(err, storage.ErrInvalid):
		return kinds[calendar.BadRequest], true
	case errors.Is(err, storage.ErrUnavailable):
		return problem{http.StatusServiceUnavailable, awayText}, true
	case errors.Is(err, context.DeadlineExceeded), ctx.Err() != nil:
		return kinds[calendar.Unavailable], true
	case errors.Is(err, storage.ErrTooMuch):
		return kinds[calendar.TooManyMatches], true
	}
	if p, ok := kinds[kind]; ok {
		return p, true
	}
	return problem{http.StatusInternalServerError, unexpectedText}, false
}

type problemView struct {
	base
	Problem string
	// Trouble is the server's own: who sees it can do nothing but try again, with Again where only a page was asked for.
	Trouble bool
	Again   string
	Number  string // of the request, by which the log tells more
}

// fail tells somebody what went wrong. What nobody expected is logged, and not told.
func (v *visit) fail(err error) {
	ctx := v.r.Context()
	p, known := explain(ctx, err)
	switch {
	case !known:
		v.Log.ErrorContext(ctx, "web page", "err", err)
	case p.status == http.StatusServiceUnavailable:
		v.Log.WarnContext(ctx, "web page refused for now", "err", err)
	}
	v.tell(p)
}

// tell shows a problem. Where it is the server's own, nothing is asked of the database for the page.
func (v *visit) tell(p problem) {
	page := &problemView{Problem: v.t(p.text), Trouble: slices.Contains(troubles, p.text)}
	title := v.t("That did not work")
	if page.Trouble {
		page.base, page.Number = v.bare(title), obs.RequestID(v.r.Context())
		if v.r.Method == http.MethodGet {
			page.Again = ownPath(v.r.URL.RequestURI())
		}
		if p.status == http.StatusServiceUnavailable {
			v.w.Header().Set("Retry-After", "5")
		}
	} else {
		page.base = v.base(title)
	}
	if err := v.render(p.status, "problem", page); err != nil {
		v.Log.ErrorContext(v.r.Context(), "web page", "err", err)
		http.Error(v.w, "internal error", http.StatusInternalServerError)
	}
}

func (v *visit) retryAfter(err error) {
	if d, ok := auth.RetryAfter(err); ok {
		v.w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(d.Seconds()))))
	}
}
