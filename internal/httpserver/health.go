package httpserver

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	readyTimeout = 3 * time.Second
	// readyFresh is how long an answer of Ready is reused, so that hammering
	// /readyz, which needs no password, does not hammer the database.
	readyFresh = time.Second
)

type readiness struct {
	mu   sync.Mutex
	at   time.Time
	err  error
	down bool
}

// health answers /healthz (the process answers) and /readyz (so does its
// database), also while the database is away. It reports whether it answered.
func (s *Server) health(w http.ResponseWriter, r *http.Request) bool {
	var status int
	var text string
	switch r.URL.Path {
	case "/healthz":
		status, text = http.StatusOK, "ok\n"
	case "/readyz":
		status, text = s.readyz(r.Context())
	default:
		return false
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "text/plain; charset=utf-8")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		status, text = http.StatusMethodNotAllowed, "only GET and HEAD\n"
	}
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		io.WriteString(w, text)
	}
	return true
}

func (s *Server) readyz(ctx context.Context) (int, string) {
	if s.stopping.Load() {
		return http.StatusServiceUnavailable, "stopping\n"
	}
	if err := s.checkReady(ctx); err != nil {
		return http.StatusServiceUnavailable, "not ready: the database does not answer\n"
	}
	return http.StatusOK, "ready\n"
}

func (s *Server) checkReady(ctx context.Context) error {
	if s.Ready == nil {
		return nil
	}
	r := &s.ready
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.at.IsZero() && time.Since(r.at) < readyFresh {
		return r.err
	}
	// The answer is for everybody, so it does not end with the one who asked.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
	defer cancel()
	r.err = s.Ready(ctx)
	r.at = time.Now()
	if down := r.err != nil; down != r.down {
		r.down = down
		if down {
			s.Log.ErrorContext(ctx, "not ready", "err", r.err)
		} else {
			s.Log.InfoContext(ctx, "ready again")
		}
	}
	return r.err
}
