package caldav

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"kalends/dav"
)

// xmlLimits bound bodies: a multiget names as many objects as its octets hold.
func (h *Handler) xmlLimits() dav.Limits {
	l := dav.Limits{Bytes: h.XMLSize, Nodes: 20_000}
	if h.XMLSize > 1<<20 {
		l.Nodes = int(h.XMLSize / 52)
	}
	return l
}

// readXML reads the body, which must be there.
func (q *request) readXML() (*dav.Element, error) {
	if err := q.plainBody(); err != nil {
		return nil, err
	}
	root, err := dav.ReadXML(q.r.Body, q.h.xmlLimits())
	if err != nil {
		return nil, bodyError(err)
	}
	return root, nil
}

// optionalXML is readXML for methods whose body may be empty: nil then.
func (q *request) optionalXML() (*dav.Element, error) {
	root, err := q.readXML()
	if errors.Is(err, dav.ErrEmpty) {
		return nil, nil
	}
	return root, err
}

// plainBody refuses codings that we do not undo (RFC 9110 section 8.4).
func (q *request) plainBody() error {
	if c := q.r.Header.Get("Content-Encoding"); c != "" && !strings.EqualFold(c, "identity") {
		return refuse(http.StatusUnsupportedMediaType, "the content coding %.20q is not supported; send the body as it is", c)
	}
	return nil
}

// body sends status and headers with the first octet, so that until then another answer can be given.
type body struct {
	w      http.ResponseWriter
	status int
	sent   bool
	last   bool // what is written next is all that is left
}

func (b *body) Write(p []byte) (int, error) {
	if !b.sent {
		b.sent = true
		if b.last {
			b.w.Header().Set("Content-Length", strconv.Itoa(len(p)))
		}
		b.w.WriteHeader(b.status)
	}
	return b.w.Write(p)
}

// multistatus answers 207 with what fn writes. An error of fn is the answer as long as nothing has been sent; after that the
// connection is cut, so that half an answer does not look whole.
func (q *request) multistatus(minimal bool, fn func(ms *dav.Multistatus) error) error {
	q.w.Header().Set("Content-Type", dav.ContentType)
	out := &body{w: q.w, status: http.StatusMultiStatus}
	ms := dav.NewMultistatus(out)
	ms.Minimal = minimal
	return q.finish(ms, out, fn(ms))
}

// propResponse answers with a status and a body of propstats (RFC 5689 section 5.2, RFC 4791 section 9.3).
func (q *request) propResponse(status int, root dav.Name, fn func(ms *dav.Multistatus)) error {
	q.w.Header().Set("Content-Type", dav.ContentType)
	out := &body{w: q.w, status: status}
	ms := dav.NewPropResponse(out, root)
	fn(ms)
	return q.finish(ms, out, nil)
}

func (q *request) finish(ms *dav.Multistatus, out *body, err error) error {
	if err == nil {
		out.last = true
		if err = ms.Close(); err != nil {
			return fmt.Errorf("%w: %w", errSent, err)
		}
		return nil
	}
	ms.Discard()
	if out.sent {
		return q.cut(err)
	}
	return err
}

// cut ends the connection in the middle of an answer.
func (q *request) cut(err error) error {
	if q.ctx.Err() == nil && !errors.Is(err, errSent) {
		q.h.Log.ErrorContext(q.ctx, "answer cut short", "method", q.method(), "err", err)
	}
	panic(http.ErrAbortHandler)
}

// prefer reads Prefer and Brief, and says in the answer which were honoured (RFC 7240 section 3).
func (q *request) prefer() dav.Prefer {
	p := dav.ParsePrefer(q.r.Header)
	if applied := p.Applied(); applied != "" {
		q.w.Header().Set("Preference-Applied", applied)
		q.w.Header().Set("Vary", "Prefer, Brief")
	}
	return p
}
