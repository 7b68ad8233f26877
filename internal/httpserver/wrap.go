package httpserver

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"kalends/internal/obs"
)

// Wrap puts everything around next that a request passes first, as Run does with Handler.
func (s *Server) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.health(w, r) {
			return
		}
		s.running.RLock()
		defer s.running.RUnlock()

		start := time.Now()
		req := &obs.Request{ID: requestID()}
		ctx, budget := newBudget(obs.WithRequest(r.Context(), req), s.Request)
		defer budget.stop()

		rc := http.NewResponseController(w)
		rec := &recorder{ResponseWriter: w, rc: rc, budget: budget, start: start}
		if r.ProtoMajor == 2 {
			// The connection's own deadline does not see one stream that waits
			// for its window.
			rec.stall = s.Stall
		}
		r = r.WithContext(ctx)
		r.RemoteAddr = clientAddr(r, s.Proxies)
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = &stallBody{ReadCloser: r.Body, rc: rc, stall: s.Stall, budget: budget}
		}
		defer s.finish(ctx, rec, r, req)
		next.ServeHTTP(rec, r)
	})
}

// finish turns a panic into an answer, and writes the line of the access log.
func (s *Server) finish(ctx context.Context, rec *recorder, r *http.Request, req *obs.Request) {
	p := recover()
	if p != nil && p != http.ErrAbortHandler {
		s.Log.ErrorContext(ctx, "panic", "in", r.Method, "panic", p, "stack", string(debug.Stack()))
		if rec.status == 0 && s.sorry(ctx, rec, req) {
			p = nil
		} else {
			p = http.ErrAbortHandler // half an answer must not look whole
		}
	}
	if rec.status == 0 && p == nil {
		rec.status = http.StatusOK // what net/http sends for a handler that says nothing
	}
	if rec.stall > 0 {
		rec.rc.SetWriteDeadline(time.Now().Add(rec.stall)) // for what is still buffered
	}
	s.Metrics.Request(r.Method, rec.status, time.Since(rec.start))
	s.access(ctx, rec, r, req)
	if p != nil {
		panic(p)
	}
}

// ofSafety are headers that say what a browser may do with an answer, whatever it becomes.
var ofSafety = []string{
	"Content-Security-Policy", "Cross-Origin-Opener-Policy", "Permissions-Policy", "Referrer-Policy", "Strict-Transport-Security",
	"X-Content-Type-Options", "X-Frame-Options", "X-Robots-Tag",
}

// sorry answers for a handler that panicked: as it wished, or in plain text. It reports whether the answer is whole.
func (s *Server) sorry(ctx context.Context, rec *recorder, req *obs.Request) bool {
	h := rec.Header()
	forget := func() {
		maps.DeleteFunc(h, func(name string, _ []string) bool { return !slices.Contains(ofSafety, name) })
		h.Set("Cache-Control", "no-store")
	}
	forget()
	whole := obs.Guard(ctx, s.Log, "answer to a panic", func() { req.Sorry() })
	if rec.status != 0 {
		return whole
	}
	forget()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	rec.WriteHeader(http.StatusInternalServerError)
	io.WriteString(rec, "internal error (request "+req.ID+")\n")
	return true
}

func (s *Server) access(ctx context.Context, rec *recorder, r *http.Request, req *obs.Request) {
	level := slog.LevelDebug
	if rec.status >= 400 && rec.status != http.StatusUnauthorized && rec.status != http.StatusNotFound {
		level = slog.LevelInfo
	}
	if !s.Log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", clip(r.Method, 32)),
		slog.String("path", loggedPath(r.URL.Path)),
		slog.Int("status", rec.status),
		slog.Int64("bytes", rec.bytes),
		slog.Duration("took", time.Since(rec.start).Round(10*time.Microsecond)),
		slog.String("from", r.RemoteAddr),
	}
	if agent := r.UserAgent(); agent != "" {
		attrs = append(attrs, slog.String("agent", clip(agent, 120)))
	}
	s.Log.LogAttrs(ctx, level, "request", append(attrs, req.Attrs()...)...)
}

// openPaths begin the paths that hold no secret. Others may: those of feeds and answer pages are keys.
var openPaths = []string{"/dav/", "/.well-known/", "/api/"}

// loggedPath is a path without what may be a secret, at any level: outside of openPaths only its kind is told.
func loggedPath(path string) string {
	if !slices.ContainsFunc(openPaths, func(p string) bool { return strings.HasPrefix(path, p) }) {
		if i := strings.IndexByte(strings.TrimPrefix(path, "/"), '/'); i >= 0 {
			path = path[:i+1] + "/…"
		}
	}
	return clip(path, 300)
}

func clip(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// recorder remembers what was answered. Handlers reach the rest of the
// ResponseWriter through http.ResponseController, which uses Unwrap.
type recorder struct {
	http.ResponseWriter
	rc     *http.ResponseController
	budget *budget
	stall  time.Duration
	start  time.Time
	status int
	bytes  int64
}

func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (n int, err error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if w.stall > 0 {
		w.rc.SetWriteDeadline(time.Now().Add(w.stall))
	}
	w.budget.move(func() { n, err = w.ResponseWriter.Write(p) })
	w.bytes += int64(n)
	return n, err
}

// FlushError implements what http.ResponseController.Flush asks for.
func (w *recorder) FlushError() (err error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if w.stall > 0 {
		w.rc.SetWriteDeadline(time.Now().Add(w.stall))
	}
	w.budget.move(func() { err = w.rc.Flush() })
	return err
}
