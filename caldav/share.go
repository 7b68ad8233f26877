package caldav

import (
	"bytes"
	"mime"
	"net/http"

	"kalends/auth"
	"kalends/calendar"
	"kalends/dav"
	"kalends/storage"
)

// Sharing as Apple's programs do it: calendarserver-sharing, caldav-sharing and caldav-notifications of calendarserver.org. What is here
// translates; who may do what and what follows is package calendar's.

// maxSharees bounds the people of one request.
const maxSharees = 200

// isXML reports whether the body says that it is XML.
func (q *request) isXML() bool {
	t, _, _ := mime.ParseMediaType(q.r.Header.Get("Content-Type"))
	return t == "text/xml" || t == "application/xml"
}

// postShare handles POST of CS:share to a calendar: who it is to be shared with from now on, and who no longer.
func (q *request) postShare(res *resource) error {
	root, err := q.readXML()
	if err != nil {
		return err
	}
	if !root.Is(dav.CS("share")) {
		return refuse(http.StatusForbidden, "the body is %.60q, not a CS:share", root.Local)
	}
	if err := res.need(auth.WriteACL, dav.D("write-acl")); err != nil {
		return err
	}
	var answers []shareAnswer
	var set []calendar.ShareRequest
	var gone []*storage.Principal
	bad := 0
	for _, e := range root.Children {
		if !e.Is(dav.CS("set")) && !e.Is(dav.CS("remove")) {
			continue
		}
		if len(answers) == maxSharees {
			return refuse(http.StatusRequestEntityTooLarge, "a request names at most %d people; make a group", maxSharees)
		}
		a := shareAnswer{href: e.Child(dav.D("href")).Value(), status: http.StatusOK, set: e.Is(dav.CS("set"))}
		who, err := q.sharee(res, a.href)
		switch {
		case err == nil && a.set:
			r := calendar.ShareRequest{With: who, Access: calendar.ShareRead, Summary: e.Child(dav.CS("summary")).Value()}
			if e.Has(dav.CS("read-write")) {
				r.Access = calendar.ShareWrite
			}
			set = append(set, r)
		case err == nil:
			gone = append(gone, who)
		default:
			r, _ := q.refusalOf(err)
			if r.status >= http.StatusInternalServerError {
				return err
			}
			a.status, a.why = http.StatusForbidden, r.msg
			if a.set {
				bad++
			}
		}
		answers = append(answers, a)
	}
	if len(answers) == 0 {
		return refuse(http.StatusBadRequest, "the CS:share sets and removes nobody")
	}
	t := res.target("")
	failed := bad > 0
	for i := range answers {
		if bad > 0 && answers[i].set && answers[i].status == http.StatusOK {
			answers[i].status = http.StatusFailedDependency // all who are invited, or none
		}
		failed = failed || answers[i].status != http.StatusOK
	}
	if bad > 0 {
		set = nil
	}
	if len(set)+len(gone) > 0 {
		if err := q.h.Calendar.ChangeShares(q.ctx, q.who, t, set, gone); err != nil {
			return err
		}
	}
	if !failed {
		q.w.Header().Set("Content-Length", "0")
		q.w.WriteHeader(http.StatusOK)
		return nil
	}
	return q.multistatus(false, func(ms *dav.Multistatus) error {
		for _, a := range answers {
			ms.Status(a.href, dav.Problem{Status: a.status, Description: a.why})
		}
		return nil
	})
}

// shareAnswer is what becomes of one person of a CS:share.
type shareAnswer struct {
	href   string
	status int
	why    string
	set    bool
}

// sharee finds who an href in a CS:share means.
func (q *request) sharee(res *resource, href string) (*storage.Principal, error) {
	who, err := q.h.Calendar.Sharee(q.ctx, href)
	if err == nil && who.ID == res.owner.ID {
		return nil, refuse(http.StatusForbidden, "the calendar is theirs")
	}
	return who, err
}

// postReply handles POST of CS:invite-reply to a home: the answer to an invitation. Where it is accepted, CS:shared-as says where the calendar is.
func (q *request) postReply(res *resource) error {
	if err := res.need(auth.Bind, dav.D("bind")); err != nil {
		return err
	}
	root, err := q.readXML()
	if err != nil {
		return err
	}
	if !root.Is(dav.CS("invite-reply")) {
		return refuse(http.StatusForbidden, "the body is %.60q, not a CS:invite-reply", root.Local)
	}
	accept := root.Has(dav.CS("invite-accepted"))
	if accept == root.Has(dav.CS("invite-declined")) {
		return refuse(http.StatusBadRequest, "a CS:invite-reply holds one of invite-accepted and invite-declined")
	}
	uid := root.Child(dav.CS("in-reply-to")).Value()
	if uid == "" {
		return refuse(http.StatusBadRequest, "a CS:invite-reply says by in-reply-to which invitation it answers")
	}
	slug, err := q.h.Calendar.AnswerShare(q.ctx, q.who, res.owner, uid, accept, root.Child(dav.CS("summary")).Value())
	if err != nil {
		if calendar.KindOf(err) == calendar.NotFound {
			return refuse(http.StatusForbidden, "there is no such invitation; it may have been taken back")
		}
		return err
	}
	if slug == "" {
		q.w.Header().Set("Content-Length", "0")
		q.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	href := withoutSlash(collectionHref(res.owner.Name, slug))
	q.w.Header().Set("Location", href+"/")
	return q.document(dav.CS("shared-as"), func(w *dav.Writer) { w.Href(href) })
}

// withoutSlash returns the href of a collection as Apple's server writes it where its programs compare it.
func withoutSlash(href string) string {
	if n := len(href); n > 1 && href[n-1] == '/' {
		return href[:n-1]
	}
	return href
}

// document answers with an XML document of one element.
func (q *request) document(root dav.Name, write func(*dav.Writer)) error {
	text, err := xmlDocument(root, write)
	if err != nil {
		return err
	}
	q.w.Header().Set("Content-Type", dav.ContentType)
	return q.write(http.StatusOK, text)
}

func xmlDocument(root dav.Name, write func(*dav.Writer)) ([]byte, error) {
	var buf bytes.Buffer
	w := dav.NewWriter(&buf)
	w.Root(root)
	write(w)
	w.End(root)
	err := w.Close()
	return buf.Bytes(), err
}
