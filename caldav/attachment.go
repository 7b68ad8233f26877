package caldav

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"kalends/calendar"
	"kalends/dav"
	"kalends/internal/download"
	"kalends/storage"
)

// linkParam is the parameter of an attachment's URL that holds the signature of a link in a mail.
const linkParam = "link"

// attachmentActions are the values of action= (RFC 8607 section 3.3.1).
var attachmentActions = map[string]calendar.AttachAction{
	"attachment-add": calendar.AttachAdd, "attachment-update": calendar.AttachUpdate, "attachment-remove": calendar.AttachRemove,
}

// attachmentQuery is what the query of a POST to an object asks for.
type attachmentQuery struct {
	action    calendar.AttachAction
	instances []string
	managedID string
}

// readAttachmentQuery reads the query of a POST to an object (RFC 8607 section 3.3).
func readAttachmentQuery(raw string) (attachmentQuery, error) {
	var a attachmentQuery
	v, err := url.ParseQuery(raw)
	if err != nil {
		return a, refuse(http.StatusBadRequest, "the query cannot be read")
	}
	for name, kind := range map[string]calendar.Kind{
		"action": calendar.BadAction, "rid": calendar.BadInstance, "managed-id": calendar.BadManagedIDParam,
	} {
		if len(v[name]) > 1 {
			return a, calendar.Errorf(kind, "%s= is there more than once", name)
		}
	}
	action, ok := attachmentActions[v.Get("action")]
	if !ok {
		return a, calendar.Errorf(calendar.BadAction, "action= must be attachment-add, attachment-update or attachment-remove (RFC 8607 section 3.3.1)")
	}
	a.action, a.managedID = action, v.Get("managed-id")
	if v.Has("rid") {
		if a.instances = strings.Split(v.Get("rid"), ","); slices.Contains(a.instances, "") {
			return a, calendar.Errorf(calendar.BadInstance, "rid= names no instance (RFC 8607 section 3.3.2)")
		}
	}
	return a, nil
}

// postAttachment changes the attachments of an object (RFC 8607 sections 3.4 to 3.6).
func (q *request) postAttachment() error {
	a, err := readAttachmentQuery(q.r.URL.RawQuery)
	if err != nil {
		return err
	}
	if err := q.plainBody(); err != nil {
		return err
	}
	t, err := q.target(q.at)
	if err != nil {
		return err
	}
	c, err := q.conditions()
	if err != nil {
		return err
	}
	prefer := q.prefer()
	h := q.w.Header()
	res, err := q.h.Calendar.Attach(q.ctx, calendar.AttachRequest{
		Who: q.who, Target: t, Cond: c.onObject(), TagMatched: c.tagMatched(),
		Action: a.action, Instances: a.instances, ManagedID: a.managedID,
		Name: fileName(q.r.Header.Get("Content-Disposition")), Type: q.r.Header.Get("Content-Type"),
		Body: q.r.Body, Length: q.r.ContentLength, Base: q.base(),
	})
	if e, ok := errors.AsType[*calendar.BodyError](err); ok {
		return bodyError(e.Err)
	}
	if err != nil {
		return err
	}
	status := http.StatusNoContent
	if res.Attachment != nil {
		h.Set("Cal-Managed-ID", res.ManagedID)
		h.Set("Location", res.URL)
	}
	if a.action == calendar.AttachAdd {
		status = http.StatusCreated
	}
	if prefer.Representation {
		h.Set("Content-Location", objectHref(q.at.name, q.at.slug, res.Object.Name))
		if status == http.StatusNoContent {
			status = http.StatusOK
		}
		return q.sendObject(status, res.Object, "")
	}
	// The object's text is not what the asker has, so there is no ETag (RFC 4791 section 5.3.4).
	if status == http.StatusCreated {
		h.Set("Content-Length", "0")
	}
	q.w.WriteHeader(status)
	return nil
}

// fileName reads the name of a file from Content-Disposition (RFC 6266), "" for none.
func fileName(header string) string {
	_, params, _ := mime.ParseMediaType(header)
	return params["filename"]
}

// base is the URL of this server as the asker knows it, for the URLs that stand in objects; "" where the request says nothing that
// could be one.
func (q *request) base() string {
	if q.h.BaseURL != "" {
		return q.h.BaseURL
	}
	scheme := "http"
	if q.r.TLS != nil {
		scheme = "https"
	}
	base := scheme + "://" + q.r.Host
	if u, err := url.Parse(base); err != nil || u.Host != q.r.Host || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return ""
	}
	return base
}

// attachment answers requests for the URL of a managed attachment. It is read only: what is at it never changes (RFC 8607
// section 3.8). A link that stands in a mail to somebody outside needs no account.
func (q *request) attachment() error {
	link := ""
	if v, err := url.ParseQuery(q.r.URL.RawQuery); err == nil {
		link = v.Get(linkParam)
	}
	read := q.r.Method == "GET" || q.r.Method == "HEAD"
	if link == "" || !read {
		q.who = nil
		if err := q.authenticate(); err != nil {
			return err
		}
	}
	switch {
	case q.r.Method == "OPTIONS":
		q.w.Header()["DAV"] = davHeader
		q.w.Header().Set("Allow", allowed[attachmentPlace])
		q.w.Header().Set("Content-Length", "0")
		q.w.WriteHeader(http.StatusOK)
		return nil
	case !read:
		return q.notAllowed(attachmentPlace)
	}
	a, err := q.readableAttachment(link)
	if calendar.KindOf(err) == calendar.Forbidden {
		e := refuse(http.StatusForbidden, "there is no such attachment, or it is not yours to see")
		if link == "" {
			e.conditions = []dav.Condition{needPrivileges(calendar.AttachmentPath+q.at.obj, dav.D("read"))}
		}
		return e
	}
	if err != nil {
		return err
	}
	download.Serve(q.w, q.r, download.File{Name: a.Name, Type: a.Type, Hash: a.Hash, Modified: a.Created}, q.h.Calendar.Octets(q.ctx, a))
	return nil
}

func (q *request) readableAttachment(link string) (*storage.Attachment, error) {
	if link == "" {
		return q.h.Calendar.Attachment(q.ctx, q.who, q.at.obj)
	}
	if q.h.OpenLink == nil {
		return nil, calendar.Errorf(calendar.Forbidden, "there are no such links")
	}
	owner, object, isFor, ok := q.h.OpenLink(link)
	if !ok {
		return nil, calendar.Errorf(calendar.Forbidden, "this is no link of ours")
	}
	return q.h.Calendar.LinkedAttachment(q.ctx, q.at.obj, owner, object, isFor)
}
