package api

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"kalends/auth"
	"kalends/calendar"
	"kalends/internal/download"
	"kalends/storage"
)

// attachments registers what can be done with the files of meetings.
func (h *Handler) attachments(a huma.API) {
	add := operation("POST", "/meetings/{id}/attachments", "addAttachment", meetingsTag, auth.WriteScope, "Attach a file to a meeting",
		"The body is the file, as it is. All dates of a series have it, and everybody who is invited gets it: people here in their calendars, others as a link in a mail.")
	add.DefaultStatus = http.StatusCreated
	add.RequestBody = &huma.RequestBody{
		Required: true, Description: "The file.",
		Content: map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}}},
	}
	register(h, a, add, h.addAttachment)
	read := operation("GET", "/meetings/{id}/attachments/{attachment}", "getAttachment", meetingsTag, auth.ReadScope, "Read a file of a meeting",
		"It is answered as octets; its type is told with the meeting.")
	read.Responses["200"] = &huma.Response{
		Description: "The file.", Content: map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}}},
	}
	register(h, a, read, h.getAttachment)
	register(h, a, operation("DELETE", "/meetings/{id}/attachments/{attachment}", "removeAttachment", meetingsTag, auth.WriteScope,
		"Take a file out of a meeting", "Of all dates of a series."), h.removeAttachment)
}

// AttachmentPath names an attachment of a meeting.
type AttachmentPath struct {
	MeetingPath
	Attachment string `path:"attachment" doc:"Id of the attachment." maxLength:"100"`
}

// newAttachment is a file on its way: the body is read as it comes.
type newAttachment struct {
	MeetingPath
	Name string `query:"name" doc:"Name of the file." maxLength:"500" example:"agenda.pdf"`
	IfMatchHeader

	mediaType string
	length    int64
	base      string // the URL of the server, as the request says it
	body      io.Reader
}

// Resolve implements [huma.Resolver]: it keeps what has no field of its own.
func (in *newAttachment) Resolve(ctx huma.Context) []error {
	in.body, in.mediaType, in.length = ctx.BodyReader(), ctx.Header("Content-Type"), -1
	in.base = "http://" + ctx.Host()
	if ctx.TLS() != nil {
		in.base = "https://" + ctx.Host()
	}
	if n, err := strconv.ParseInt(ctx.Header("Content-Length"), 10, 64); err == nil && n >= 0 {
		in.length = n
	}
	return nil
}

// condition is the condition of the header, as package calendar asks for it.
func (c IfMatchHeader) condition() calendar.Condition {
	if c.IfMatch == "" {
		return nil
	}
	return func(current *storage.Object) error {
		if current == nil || !matches(c.IfMatch, current.ETag, false) {
			return calendar.Errorf(calendar.Changed, "the meeting has changed since you read it")
		}
		return nil
	}
}

var _ huma.Resolver = (*newAttachment)(nil)

func (h *Handler) addAttachment(ctx context.Context, q *caller, in *newAttachment) (*meetingAnswer, error) {
	if in.body == nil {
		return nil, calendar.Errorf(calendar.BadRequest, "there is no file in the body")
	}
	res, err := h.attach(ctx, q, in.ID, calendar.AttachRequest{
		Name: in.Name, Type: in.mediaType, Body: in.body, Length: in.length, Cond: in.condition(), Base: in.base,
	})
	if e, ok := errors.AsType[*calendar.BodyError](err); ok {
		return nil, &refusal{problem: slowBody, detail: "the file broke off", err: e}
	}
	if err != nil {
		return nil, err
	}
	res.Status = http.StatusCreated
	return res, nil
}

func (h *Handler) removeAttachment(ctx context.Context, q *caller, in *struct {
	AttachmentPath
	IfMatchHeader
}) (*meetingAnswer, error) {
	return h.attach(ctx, q, in.ID, calendar.AttachRequest{Action: calendar.AttachRemove, ManagedID: in.Attachment, Cond: in.condition()})
}

// attach changes the attachments of a meeting, and tells it as it is then.
func (h *Handler) attach(ctx context.Context, q *caller, id string, r calendar.AttachRequest) (*meetingAnswer, error) {
	f, err := h.editor.Find(ctx, q.who, id)
	if err != nil {
		return nil, err
	}
	r.Who, r.Target, r.Base = q.who, f.Place.Target(f.Calendar, f.Row.Name), cmp.Or(h.BaseURL, r.Base)
	if _, err := h.Calendar.Attach(ctx, r); err != nil {
		return nil, err
	}
	if f, err = h.editor.Find(ctx, q.who, id); err != nil {
		return nil, err
	}
	m, err := f.Tell(q.who, "")
	if err != nil {
		return nil, err
	}
	return answerWith(m), nil
}

func (h *Handler) getAttachment(ctx context.Context, q *caller, in *struct{ AttachmentPath }) (*huma.StreamResponse, error) {
	if _, err := h.editor.Find(ctx, q.who, in.ID); err != nil {
		return nil, err
	}
	a, err := h.Calendar.Attachment(ctx, q.who, in.Attachment)
	if calendar.KindOf(err) == calendar.Forbidden {
		return nil, calendar.Errorf(calendar.BadManagedIDParam, "there is no such attachment")
	}
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		r, w := humago.Unwrap(c)
		r.Header.Del("Range") // the description knows of whole files only
		download.Serve(w, r, download.File{Name: a.Name, Hash: a.Hash, Modified: a.Created}, h.Calendar.Octets(r.Context(), a))
	}}, nil
}
