package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"kalends/internal/httpserver"
	"kalends/internal/obs"
	"kalends/mailer"
	"kalends/storage"
	"kalends/storage/sqlstore"
)

// measure makes the app count, where somebody asks for it.
func (a *app) measure(wanted bool) {
	if !wanted {
		return
	}
	a.metrics = obs.NewMetrics()
	a.metrics.Watch(time.Now, func(ctx context.Context) (obs.State, error) { return observe(ctx, a.store, time.Now()) })
}

// observe looks up what is not counted where it happens.
func observe(ctx context.Context, store storage.Store, now time.Time) (obs.State, error) {
	var s obs.State
	if db, ok := store.(interface{ Stats() sqlstore.Stats }); ok {
		st := db.Stats()
		s.Pool = obs.Pool{
			Open: st.Pool.Open, InUse: st.Pool.InUse, Most: st.Pool.Most, Acquired: st.Pool.Acquired, Waits: st.Pool.Waits,
			Waited: st.Pool.Waited, Statements: st.Statements, RoundTrips: st.RoundTrips, Retries: st.Retries,
		}
	}
	depths, err := store.QueueDepths(ctx, now)
	if err != nil {
		return s, err
	}
	hooks, err := store.WebhookDepth(ctx)
	if err != nil {
		return s, err
	}
	s.Webhooks, s.WebhooksSince = hooks.Count, hooks.Due
	s.Overdue, s.Waiting, s.Oldest = depths.Overdue, map[string]int64{}, map[string]time.Time{}
	for kind, d := range depths.Jobs {
		s.Waiting[kind], s.Oldest[kind] = d.Count, d.Due
	}
	return s, nil
}

// counted makes a handler of outbox jobs count those that come again; how the others ended, the outbox tells itself.
func counted(m *obs.Metrics, h mailer.Handler) mailer.Handler {
	return func(ctx context.Context, j *storage.Job) error {
		err := h(ctx, j)
		if _, waits := errors.AsType[*mailer.Delay](err); waits || err != nil && mailer.Temporary(err) {
			m.Job(j.Kind, "again", j.DueAt, time.Now())
		}
		return err
	}
}

// outcome is how a job ended, in the words of the metrics.
func outcome(err error) string {
	if err != nil {
		return "failed"
	}
	return "sent"
}

// metricsServer shows metrics on an address of its own, which operators open to their monitoring only. On the main address a
// proxy on the same machine would make everybody seem to be on it.
func (s *server) metricsServer() *httpserver.Server {
	show := s.metrics.Handler()
	return &httpserver.Server{
		Listener: s.metricsListener, Log: s.log, Grace: time.Second,
		Request: s.cfg.Limit.Request.Duration, Stall: s.cfg.Limit.Stall.Duration,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path != "/metrics":
				http.NotFound(w, r)
			case r.Method != http.MethodGet && r.Method != http.MethodHead:
				w.Header().Set("Allow", "GET, HEAD")
				http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			default:
				show.ServeHTTP(w, r)
			}
		}),
	}
}
