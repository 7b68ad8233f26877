// Package feed answers /feed/TOKEN.ics: calendars that their owners publish, for programs that subscribe to them (webcal), and
// /feed/TOKEN: the same as a page for people.
// Whoever knows the address reads; view.show decides what.
package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"kalends/calendar"
	"kalends/internal/obs"
	"kalends/storage"
)

// Prefix is where feeds are.
const Prefix = "/feed/"

// Path is the path of a token's feed.
func Path(token string) string { return Prefix + token + ".ics" }

// Handler answers everything under Prefix. Its fields are set before first use and not changed after.
type Handler struct {
	Calendar *calendar.Service
	Store    storage.Store
	Log      *slog.Logger
	Now      func() time.Time

	// Refresh is how often programs are asked to look; 0 for an hour.
	Refresh time.Duration
	cache   cache
}

func (h *Handler) refresh() time.Duration {
	if h.Refresh > 0 {
		return h.Refresh
	}
	return time.Hour
}

// maxAge is how long programs may keep an answer without asking.
const maxAge = 5 * time.Minute

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	// Nothing in a feed is ever run as a page of ours, and the address, which is the key, is told to nobody.
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("X-Robots-Tag", "noindex, nofollow")
	token, file := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, Prefix), ".ics")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		head.Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, "a feed is only read")
		return
	}
	serve, sorry := h.serve, func(status int, text string) { refuse(w, status, text) }
	if !file {
		serve, sorry = h.serveHTML, func(status int, _ string) { h.refuseHTML(w, r, status) }
	}
	failed := func() { sorry(http.StatusInternalServerError, "internal error") }
	obs.OnPanic(r.Context(), failed)
	err := serve(w, r, token)
	switch {
	case err == nil:
	case calendar.KindOf(err) == calendar.NotFound:
		sorry(http.StatusNotFound, "there is no such feed")
	case calendar.KindOf(err) == calendar.Unavailable:
		head.Set("Retry-After", "5")
		sorry(http.StatusServiceUnavailable, "try again")
	case r.Context().Err() != nil:
	default:
		h.Log.ErrorContext(r.Context(), "feed", "err", err)
		failed()
	}
}

func refuse(w http.ResponseWriter, status int, msg string) {
	h := w.Header()
	for _, name := range []string{"Content-Disposition", "Content-Encoding", "Content-Length", "Cache-Control", "ETag", "Last-Modified"} {
		h.Del(name)
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, msg+"\n")
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, token string) error {
	ctx := r.Context()
	f, cal, owner, err := h.Calendar.Published(ctx, token)
	if err != nil {
		return err
	}
	epoch, err := h.Store.Epoch(ctx)
	if err != nil {
		return fmt.Errorf("epoch: %w", err)
	}
	v := &view{feed: f, calendar: cal, owner: owner, refresh: h.refresh()}
	tag := v.tag(epoch)
	now := h.Now()
	since, settled := h.cache.since(f.Hash, tag, now)
	gz := takesGzip(r.Header.Values("Accept-Encoding"))

	head := w.Header()
	head.Set("Vary", "Accept-Encoding")
	head.Set("Cache-Control", "private, max-age="+strconv.Itoa(int(maxAge/time.Second)))
	head.Set("ETag", quoted(tag, gz))
	if settled {
		head.Set("Last-Modified", since.Format(http.TimeFormat))
	}
	if unchanged(r.Header, tag, since, settled) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	text, err := h.cache.get(ctx, f.Hash, tag, func(ctx context.Context) (*rendered, error) { return h.render(ctx, v, epoch) })
	if err != nil {
		return err
	}
	if text.tag != tag { // it has changed meanwhile
		head.Set("ETag", quoted(text.tag, gz))
		head.Del("Last-Modified")
	}
	head.Set("Content-Type", "text/calendar; charset=utf-8")
	head.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": fileName(cal, f.Busy)}))
	size := text.size
	if gz {
		head.Set("Content-Encoding", "gzip")
		size = int64(len(text.gzip))
	}
	head.Set("Content-Length", strconv.FormatInt(size, 10))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	if gz {
		_, err = w.Write(text.gzip)
	} else {
		err = text.writeTo(w)
	}
	if err != nil && ctx.Err() == nil {
		h.Log.DebugContext(ctx, "feed was not taken", "err", err)
	}
	return nil // nothing else can be answered any more
}

// fileName is what a browser calls the file: letters and digits of the calendar's slug.
func fileName(c *storage.Calendar, busy bool) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return -1
	}, c.Slug)
	if name = name[:min(len(name), 60)]; name == "" || busy {
		name = "calendar"
	}
	return name + ".ics"
}

// quoted is the entity tag of one encoding of what a tag stands for: they differ in their octets (RFC 9110 section 8.8.3.3).
func quoted(tag string, gz bool) string {
	if gz {
		tag += "-gz"
	}
	return `"` + tag + `"`
}

// unchanged reports whether the client has it already (RFC 9110 section 13.1). What it has in another encoding is as good.
func unchanged(h http.Header, tag string, since time.Time, settled bool) bool {
	if list := h.Values("If-None-Match"); len(list) > 0 {
		for part := range strings.SplitSeq(strings.Join(list, ","), ",") {
			part = strings.TrimPrefix(strings.TrimSpace(part), "W/")
			if part == "*" || part == quoted(tag, false) || part == quoted(tag, true) {
				return true
			}
		}
		return false
	}
	at, err := http.ParseTime(h.Get("If-Modified-Since"))
	return err == nil && settled && !since.After(at)
}

// takesGzip reads Accept-Encoding (RFC 9110 section 12.5.3).
func takesGzip(list []string) bool {
	any, all := false, false
	for part := range strings.SplitSeq(strings.Join(list, ","), ",") {
		name, params, _ := strings.Cut(part, ";")
		weight := 1.0
		if q, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(params)), "q="); ok {
			var err error
			if weight, err = strconv.ParseFloat(q, 64); err != nil {
				weight = 0
			}
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip", "x-gzip":
			return weight > 0
		case "*":
			any, all = true, weight > 0
		}
	}
	return any && all
}

// render makes the text of a feed as its calendar is now.
func (h *Handler) render(ctx context.Context, v *view, epoch int64) (*rendered, error) {
	var out *rendered
	err := h.Store.View(ctx, func(r storage.Reader) error {
		home, err := r.Calendars(ctx, v.feed.Owner)
		if err != nil {
			return fmt.Errorf("calendars: %w", err)
		}
		i := slices.IndexFunc(home, func(c *storage.Calendar) bool { return c.ID == v.feed.Calendar })
		if i < 0 {
			return storage.ErrNotFound
		}
		now := *v
		now.calendar = home[i]
		if now.mine, err = r.Addresses(ctx, v.feed.Owner); err != nil {
			return fmt.Errorf("addresses: %w", err)
		}
		w := newWriter(&now)
		bad := 0
		err = r.Objects(ctx, now.calendar.Ref(), storage.WithICS, func(o *storage.Object) error {
			err := w.add(o)
			if errors.Is(err, errObject) {
				bad++
				return nil
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("objects: %w", err)
		}
		if bad > 0 {
			h.Log.WarnContext(ctx, "objects left out of a feed", "owner", v.feed.Owner, "calendar", v.feed.Calendar, "objects", bad)
		}
		out, err = w.close()
		if err == nil {
			out.tag = now.tag(epoch)
		}
		return err
	})
	return out, err
}
