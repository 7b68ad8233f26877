// Package tzdist is the time zone data distribution service (RFC 7808): it gives the zones of the embedded IANA database to
// programs that would rather ask than guess. Nothing in it is secret, so it asks for no credentials.
package tzdist

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Path is where the service is: the context path of RFC 7808 section 4.2.1.
const Path = "/tzdist"

// WellKnown is the path that leads there (RFC 7808 section 4.2.1.3).
const WellKnown = "/.well-known/timezone"

// Handler answers requests for [Path] and what is below, and for [WellKnown]. The zero value is ready.
type Handler struct {
	index index
}

// Handles reports whether a path is one of the service's.
func Handles(path string) bool {
	return path == Path || strings.HasPrefix(path, Path+"/") || path == WellKnown || path == WellKnown+"/"
}

// problem is an error as the client sees it (RFC 7808 section 4.1.7).
type problem struct {
	status int
	code   string // the last part of its type
	title  string
}

func (p *problem) Error() string { return p.title }

// request is one request that has been understood so far.
type request struct {
	*Handler
	w     http.ResponseWriter
	r     *http.Request
	query url.Values
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == WellKnown || r.URL.Path == WellKnown+"/" {
		w.Header().Set("Location", Path)
		w.Header().Set("Cache-Control", "max-age=86400")
		w.WriteHeader(http.StatusMovedPermanently)
		return
	}
	q := &request{Handler: h, w: w, r: r}
	if p := q.serve(); p != nil {
		q.fail(p)
	}
}

func (q *request) serve() *problem {
	switch q.r.Method {
	case "GET", "HEAD":
	case "OPTIONS":
		q.w.Header().Set("Allow", allowed)
		q.w.WriteHeader(http.StatusNoContent)
		return nil
	default:
		q.w.Header().Set("Allow", allowed)
		return &problem{http.StatusMethodNotAllowed, "invalid-action", "Time zones can only be read"}
	}
	var err error
	if q.query, err = url.ParseQuery(q.r.URL.RawQuery); err != nil {
		return &problem{http.StatusBadRequest, "invalid-action", "The query cannot be read"}
	}
	segments, ok := split(q.r.URL.EscapedPath())
	switch {
	case !ok || len(segments) == 0:
	case len(segments) == 1 && segments[0] == "capabilities":
		return q.capabilities()
	case len(segments) == 1 && segments[0] == "leapseconds":
		return q.leapseconds()
	case len(segments) == 1 && segments[0] == "zones" && q.query.Has("pattern"):
		return q.find()
	case len(segments) == 1 && segments[0] == "zones":
		return q.list()
	case segments[0] == "zones":
		return q.zone(segments[1:])
	}
	return &problem{http.StatusBadRequest, "invalid-action", "There is no such action; see " + Path + "/capabilities"}
}

const allowed = "GET, HEAD, OPTIONS"

// split takes the path below [Path] apart, and only then decodes it: a slash in a zone's name is written %2F.
func split(escaped string) (segments []string, ok bool) {
	rest := strings.Trim(strings.TrimPrefix(escaped, Path), "/")
	if rest == "" {
		return nil, true
	}
	for s := range strings.SplitSeq(rest, "/") {
		d, err := url.PathUnescape(s)
		if err != nil || d == "" || len(segments) == 8 {
			return nil, false
		}
		segments = append(segments, d)
	}
	return segments, true
}

// zone serves the actions on one zone: get, and expand. Some proxies decode %2F, so a name may come in parts.
func (q *request) zone(segments []string) *problem {
	expand := len(segments) > 1 && segments[len(segments)-1] == "observances"
	if expand {
		segments = segments[:len(segments)-1]
	}
	name := strings.Join(segments, "/")
	z, ok := q.zones().byName[name]
	switch {
	case ok && expand:
		return q.expand(name, z)
	case ok:
		return q.get(name, z)
	case len(segments) > 1 || name == "observances":
		return &problem{http.StatusBadRequest, "invalid-action", "A path names one time zone, with %2F for a slash"}
	}
	return &problem{http.StatusNotFound, "tzid-not-found", "Time zone identifier was not found on this server"}
}

// fail answers with a problem document (RFC 7807).
func (q *request) fail(p *problem) {
	b, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
	}{"urn:ietf:params:tzdist:error:" + p.code, p.title, p.status})
	if err != nil {
		q.w.WriteHeader(http.StatusInternalServerError)
		return
	}
	q.w.Header().Set("Content-Language", "en")
	q.send("application/problem+json", p.status, b)
}

// json answers with a document.
func (q *request) json(v any) *problem {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return &problem{http.StatusInternalServerError, "invalid-action", "Internal error"}
	}
	q.send("application/json", http.StatusOK, b.Bytes())
	return nil
}

// send writes a whole answer.
func (q *request) send(mediaType string, status int, b []byte) {
	h := q.w.Header()
	if mediaType != "text/calendar" {
		h.Set("Content-Type", mediaType)
	} else {
		h.Set("Content-Type", "text/calendar; charset=utf-8")
	}
	if status == http.StatusOK {
		h.Set("Cache-Control", "max-age=3600") // RFC 7808 section 4.1.4: at least once a day
	}
	h.Set("Content-Length", strconv.Itoa(len(b)))
	q.w.WriteHeader(status)
	if q.r.Method != "HEAD" {
		q.w.Write(b) //nolint:errcheck // the client is gone, and nobody is left to tell
	}
}

// unchanged answers 304 to a client that has this state already (RFC 9110 section 13.1.2), and reports whether it did. The tag may come
// without quotes, as the list has it.
func (q *request) unchanged(etag string) bool {
	q.w.Header().Set("ETag", `"`+etag+`"`)
	for _, line := range q.r.Header.Values("If-None-Match") {
		for part := range strings.SplitSeq(line, ",") {
			part = strings.Trim(strings.TrimPrefix(strings.TrimSpace(part), "W/"), `"`)
			if part == etag || part == "*" {
				q.w.WriteHeader(http.StatusNotModified)
				return true
			}
		}
	}
	return false
}
