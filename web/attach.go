package web

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"kalends/auth"
	"kalends/calendar"
	"kalends/internal/download"
)

// fileLine is an attachment as the page of an event shows it.
type fileLine struct {
	Name, Size, Link string
	ID               string // "" for what is only a link to elsewhere
}

// files lists what is attached to an event.
func (v *visit) files(e *shown) []fileLine {
	var list []fileLine
	for _, a := range e.m.Attachments {
		l := fileLine{Name: clipTo(a.Name, 200), Link: a.URL, ID: a.ID}
		if a.ID != "" {
			l.Link = "/event/" + e.m.ID + "/file/" + url.PathEscape(a.ID)
		}
		if a.Size > 0 {
			l.Size = sizeText(a.Size)
		}
		list = append(list, l)
	}
	return list
}

// sizeText tells how large a file is.
func sizeText(n int64) string {
	switch {
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%d kB", n/1e3)
	}
	return fmt.Sprintf("%d B", n)
}

// file answers with an attachment of an event.
func (h *Handler) file(v *visit) error {
	a, err := h.Calendar.Attachment(v.r.Context(), v.who, v.r.PathValue("file"))
	if calendar.KindOf(err) == calendar.Forbidden {
		return notThere
	}
	if err != nil {
		return err
	}
	download.Serve(v.w, v.r, download.File{Name: a.Name, Type: a.Type, Hash: a.Hash, Modified: a.Created}, h.Calendar.Octets(v.r.Context(), a))
	return nil
}

// detach takes an attachment out of an event.
func (h *Handler) detach(v *visit) error {
	e, err := v.event(v.r.Context())
	if err != nil {
		return err
	}
	if !e.mine() {
		return forbidden
	}
	_, err = h.Calendar.Attach(v.r.Context(), calendar.AttachRequest{
		Who: v.who, Target: e.target(), Action: calendar.AttachRemove, ManagedID: v.value("file"), Base: v.site(),
	})
	if err != nil {
		return err
	}
	return v.redirect(v.link("/event/"+e.m.ID, "instance", e.m.Instance))
}

// target names the event for package calendar.
func (e *shown) target() calendar.Target {
	return e.found.Place.Target(e.found.Calendar, e.found.Row.Name)
}

// maxFormFields bounds what comes before the file in a form that brings one.
const maxFormFields = 4 << 10

// attach adds a file to an event, in all its instances. The form is read as it comes: the file goes into the database in pieces. What shows that it
// is from a page of ours stands before the file.
func (h *Handler) attach(w http.ResponseWriter, r *http.Request) { h.reading(w, r, (*visit).readFile) }

// reading has fn read a form that brings files, for somebody who is signed in.
func (h *Handler) reading(w http.ResponseWriter, r *http.Request, fn func(*visit) error) {
	v := h.visit(w, r)
	ok, err := v.resume()
	if err == nil && !ok {
		v.askToSignIn()
		return
	}
	if err == nil {
		err = fn(v)
	}
	if err != nil {
		v.fail(err)
	}
}

func (v *visit) readFile() error {
	if err := v.origin.Check(v.r); err != nil {
		return foreignForm
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, v.Calendar.Limit().AttachmentSize+64<<10)
	parts, err := v.r.MultipartReader() // from here on nobody else reads the body
	if err != nil {
		return brokenForm
	}
	part, err := parts.NextPart()
	if err != nil || part.FormName() != "form" {
		return brokenForm
	}
	token, err := io.ReadAll(io.LimitReader(part, maxFormFields))
	if err != nil {
		return brokenForm
	}
	if subtle.ConstantTimeCompare(token, []byte(auth.FormToken(v.token))) != 1 {
		return foreignForm
	}
	if part, err = parts.NextPart(); err != nil || part.FormName() != "file" {
		return brokenForm
	}
	e, err := v.event(v.r.Context())
	if err != nil {
		return err
	}
	if !e.mine() {
		return forbidden
	}
	back := v.link("/event/"+e.m.ID, "instance", e.m.Instance)
	if part.FileName() == "" { // nothing was chosen
		return v.redirect(back)
	}
	_, err = v.Calendar.Attach(v.r.Context(), calendar.AttachRequest{
		Who: v.who, Target: e.target(), Name: part.FileName(), Type: part.Header.Get("Content-Type"), Body: part, Length: -1, Base: v.site(),
	})
	if b, ok := errors.AsType[*calendar.BodyError](err); ok {
		if _, large := errors.AsType[*http.MaxBytesError](b.Err); large {
			return calendar.Errorf(calendar.AttachmentTooLarge, "the file is too large")
		}
		return brokenForm
	}
	if err != nil {
		return err
	}
	return v.redirect(back)
}
