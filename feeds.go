package main

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"kalends/calendar"
	"kalends/feed"
)

// feeds puts the calendars that people publish before what answers the rest.
func (a *app) feeds(log *slog.Logger, service *calendar.Service) http.Handler {
	rest := a.handler
	h := &feed.Handler{Calendar: service, Store: a.store, Log: log, Now: time.Now}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, feed.Prefix) {
			h.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}
