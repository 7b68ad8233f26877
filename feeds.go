package main

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"kalends/calendar"
	"kalends/feed"
	"kalends/internal/outside"
	"kalends/storage"
	"kalends/subscription"
)

// feeds puts the calendars that people publish before what answers the rest, and adds the worker that fills those they
// subscribe to.
func (a *app) feeds(log *slog.Logger, service *calendar.Service) http.Handler {
	rest := a.handler
	h := &feed.Handler{Calendar: service, Store: a.store, Log: log, Now: a.now}
	a.subscriber = subscriber(a.store, service, log)
	a.subscriber.Now, a.subscriber.Fetcher.Now = a.now, a.now
	a.workers = append(a.workers, a.subscriber)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, feed.Prefix) {
			h.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// subscriber looks at feeds elsewhere.
func subscriber(store storage.Store, service *calendar.Service, log *slog.Logger) *subscription.Worker {
	return &subscription.Worker{
		Store: store, Calendar: service, Log: log, Now: time.Now,
		Fetcher: &subscription.Fetcher{Client: outside.Client(outside.Options{}), Now: time.Now, UserAgent: "Kalends (calendar subscription)"},
	}
}
