// Package subscription fills calendars from feeds elsewhere, which people here subscribe to: it looks at each now and then,
// carefully (see package outside), and has calendar.Service make the calendar hold what the feed holds.
package subscription

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"kalends/ical/stream"
	"kalends/internal/outside"
	"kalends/storage"
)

// Fetcher asks for feeds. Its fields are set before first use and not changed after.
type Fetcher struct {
	Client *http.Client // of package outside
	Now    func() time.Time
	// Size bounds a feed, unpacked; 0 for DefaultSize. Objects bounds what is in it; 0 for DefaultObjects.
	Size    int64
	Objects int
	// Timeout bounds one look, from the first lookup of the name to the last octet; 0 for DefaultTimeout.
	Timeout   time.Duration
	UserAgent string
}

// Defaults of a Fetcher.
const (
	DefaultSize    = 20 << 20
	DefaultObjects = 20_000
	DefaultTimeout = time.Minute
)

// Answer is what a feed answered.
type Answer struct {
	Unchanged          bool
	Feed               *stream.Calendar // unless Unchanged
	ETag, LastModified string
	Digest             string
}

// Error says to the subscriber what is wrong with a feed. It names no address: that may be a secret.
type Error struct {
	Msg   string
	Gone  bool          // it will not come back: do not ask again
	After time.Duration // not to be asked before; 0 where nothing was said
	Err   error
}

func (e *Error) Error() string { return e.Msg }
func (e *Error) Unwrap() error { return e.Err }

func problem(err error, format string, args ...any) *Error {
	return &Error{Msg: fmt.Sprintf(format, args...), Err: err}
}

// Fetch asks a feed for what is new.
func (f *Fetcher) Fetch(ctx context.Context, s *storage.Subscription) (*Answer, error) {
	u, err := outside.ParseURL(s.URL)
	if err != nil {
		return nil, problem(err, "%v", err)
	}
	timeout, most := f.Timeout, f.Size
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	if most == 0 {
		most = DefaultSize
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, problem(err, "the address cannot be asked")
	}
	r.Header.Set("Accept", "text/calendar, */*;q=0.1")
	if f.UserAgent != "" {
		r.Header.Set("User-Agent", f.UserAgent)
	}
	asked := false
	if s.ETag != "" {
		r.Header.Set("If-None-Match", s.ETag)
		asked = true
	}
	if s.LastModified != "" {
		r.Header.Set("If-Modified-Since", s.LastModified)
		asked = true
	}
	res, err := f.Client.Do(r)
	if err != nil {
		return nil, f.unreachable(ctx, err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusNotModified && asked {
		return &Answer{Unchanged: true, ETag: s.ETag, LastModified: s.LastModified, Digest: s.Digest}, nil
	}
	if err := f.refused(res); err != nil {
		return nil, err
	}
	if res.ContentLength > most {
		return nil, problem(nil, "the feed is larger than %d octets", most)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, most+1)) // of what the transport has unpacked
	if err != nil {
		return nil, f.unreachable(ctx, err)
	}
	if int64(len(body)) > most {
		return nil, problem(nil, "the feed is larger than %d octets", most)
	}
	sum := sha256.Sum256(body)
	a := &Answer{ETag: headerValue(res, "ETag"), LastModified: headerValue(res, "Last-Modified"), Digest: hex.EncodeToString(sum[:16])}
	if a.Digest == s.Digest {
		a.Unchanged = true
		return a, nil
	}
	return a, f.read(a, body, res.Header.Get("Content-Type"))
}

// read checks that the answer is a whole calendar.
func (f *Fetcher) read(a *Answer, body []byte, contentType string) error {
	kind, _, _ := mime.ParseMediaType(contentType)
	page := kind == "text/html" || kind == "application/xhtml+xml"
	if start := bytes.TrimLeft(body, "\ufeff \t\r\n"); page || len(start) == 0 || start[0] == '<' {
		if !bytes.Contains(body, []byte("BEGIN:VCALENDAR")) {
			if page || len(start) > 0 {
				return problem(nil, "the answer is a web page, no calendar; perhaps one has to sign in there")
			}
			return problem(nil, "the answer is empty")
		}
	}
	a.Feed = stream.Split(body)
	most := f.Objects
	if most == 0 {
		most = DefaultObjects
	}
	switch {
	case !a.Feed.Found:
		return problem(nil, "the answer is no calendar")
	case !a.Feed.Complete:
		return problem(nil, "the feed is cut off in the middle")
	case len(a.Feed.Objects) > most:
		return problem(nil, "the feed has more than %d events", most)
	}
	return nil
}

// headerValue returns a header field that is sent back some day, if it is one of a sane length.
func headerValue(res *http.Response, name string) string {
	v := res.Header.Get(name)
	if len(v) > 500 || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	return v
}

// refused says what another status than 200 means.
func (f *Fetcher) refused(res *http.Response) error {
	var e *Error
	switch s := res.StatusCode; {
	case s == http.StatusOK:
		return nil
	case s == http.StatusGone:
		e = problem(nil, "the feed is gone for good (410)")
		e.Gone = true
	case s == http.StatusNotFound:
		e = problem(nil, "there is no feed at this address (404)")
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		e = problem(nil, "the feed is not open to us (%d)", s)
	case s == http.StatusTooManyRequests:
		e = problem(nil, "the feed's server wants to be asked less often (429)")
	case s >= 500:
		e = problem(nil, "the feed's server has a problem (%d)", s)
	default:
		e = problem(nil, "the feed's server answers with the status %d", s)
	}
	e.After = f.retryAfter(res.Header.Get("Retry-After"))
	return e
}

// retryAfter reads the field of that name (RFC 9110 section 10.2.3).
func (f *Fetcher) retryAfter(v string) time.Duration {
	const most = 7 * 24 * time.Hour
	v = strings.TrimSpace(v)
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, most)
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(at.Sub(f.Now()), 0), most)
	}
	return 0
}

// unreachable says what went wrong on the way, without the address.
func (f *Fetcher) unreachable(ctx context.Context, err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	var dns *net.DNSError
	var ne net.Error
	switch {
	case errors.Is(err, outside.ErrForbidden):
		return problem(err, "it leads to an address that may not be fetched from")
	case errors.As(err, &dns):
		return problem(err, "there is no host of that name, or its name cannot be looked up")
	case ctx.Err() == context.DeadlineExceeded, errors.As(err, &ne) && ne.Timeout():
		return problem(err, "the feed's server does not answer in time")
	case strings.Contains(err.Error(), "tls:") || strings.Contains(err.Error(), "x509:"):
		return problem(err, "the certificate of the feed's server cannot be verified")
	case strings.Contains(err.Error(), "redirects"):
		return problem(err, "it leads from one address to another without end")
	}
	return problem(err, "the feed's server cannot be reached, or broke off")
}
