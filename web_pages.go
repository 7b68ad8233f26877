package main

import (
	"log/slog"
	"net/http"

	"kalends/auth"
	"kalends/calendar"
	"kalends/internal/config"
	"kalends/web"
)

// webPages puts the pages for people before what answers the rest.
func (a *app) webPages(cfg *config.Settings, log *slog.Logger, service *calendar.Service, login *auth.Basic, watch *web.Watch) http.Handler {
	rest := a.handler
	a.workers = append(a.workers, watch)
	a.web = &web.Handler{
		Calendar: service, Store: a.store, Login: login.People(), Log: log, Now: a.now, Zone: cfg.Reminder.Location(), BaseURL: cfg.BaseURL,
		Watch: watch, Feeds: a.subscriber, Webhooks: a.desk,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if web.Handles(r) {
			a.web.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}
