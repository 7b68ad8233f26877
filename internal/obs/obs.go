// Package obs is how the program is observed: log lines that carry the request
// they belong to.
package obs

import (
	"context"
	"io"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
)

// NewLogger returns a logger that writes to w, as JSON or as text. Lines that
// are written with a context from WithRequest carry the request's id.
func NewLogger(w io.Writer, level slog.Leveler, json bool) *slog.Logger {
	opts := &slog.HandlerOptions{Level: level}
	var h slog.Handler = slog.NewTextHandler(w, opts)
	if json {
		h = slog.NewJSONHandler(w, opts)
	}
	return slog.New(handler{h})
}

// Request gathers what becomes known about a request while it is answered, for
// its line in the access log.
type Request struct {
	ID string

	mu    sync.Mutex
	attrs []slog.Attr
	sorry func()
}

type requestKey struct{}

// WithRequest returns a context whose log lines carry r's id.
func WithRequest(ctx context.Context, r *Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// RequestID returns the id of the request that ctx belongs to, or "".
func RequestID(ctx context.Context) string {
	if r, ok := ctx.Value(requestKey{}).(*Request); ok {
		return r.ID
	}
	return ""
}

// maxAttrs bounds what one request can add to its access line.
const maxAttrs = 16

// Annotate adds attributes to the access line of the request that ctx belongs
// to, if any: the user, once known.
func Annotate(ctx context.Context, attrs ...slog.Attr) {
	r, ok := ctx.Value(requestKey{}).(*Request)
	if !ok {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.attrs = append(r.attrs, attrs[:min(len(attrs), maxAttrs-len(r.attrs))]...)
}

// Attrs returns what Annotate added.
func (r *Request) Attrs() []slog.Attr {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.attrs)
}

// OnPanic says what answers the request that ctx belongs to if its handler panics before anything was sent: a page to people, a problem to
// programs. The last call counts. Most headers set so far are gone when answer is called. Outside of a request it does nothing.
func OnPanic(ctx context.Context, answer func()) {
	if r, ok := ctx.Value(requestKey{}).(*Request); ok {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sorry = answer
	}
}

// Sorry calls what OnPanic was given, once, and reports whether it was given anything.
func (r *Request) Sorry() bool {
	r.mu.Lock()
	answer := r.sorry
	r.sorry = nil
	r.mu.Unlock()
	if answer == nil {
		return false
	}
	answer()
	return true
}

type handler struct{ slog.Handler }

func (h handler) Handle(ctx context.Context, rec slog.Record) error {
	if id := RequestID(ctx); id != "" {
		rec.AddAttrs(slog.String("req", id))
	}
	return h.Handler.Handle(ctx, rec)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.Handler.WithGroup(name)}
}

// Guard runs fn and turns a panic into a log line with its stack, so that one
// bad item does not end a worker. It reports whether fn returned.
func Guard(ctx context.Context, log *slog.Logger, what string, fn func()) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			log.ErrorContext(ctx, "panic", "in", what, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	fn()
	return true
}
