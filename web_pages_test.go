package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestTheRootIsForBrowsersAndPrograms: people who open the server's address, or mistype another, get to the pages and are not asked for a
// password by their browser; calendar programs that look for their service there are answered as if there were no pages.
func TestTheRootIsForBrowsersAndPrograms(t *testing.T) {
	s := newSite(t)
	const html = "text/html,*/*;q=0.8"
	for _, tt := range []struct {
		method, path, accept, user string
		status                     int
		to                         string
	}{
		{"GET", "/", "", "", http.StatusSeeOther, "/signin"},
		{"GET", "/", "", "alice", http.StatusFound, "/dav/"},
		{"PROPFIND", "/", "", "", http.StatusUnauthorized, ""},
		{"PROPFIND", "/", "", "alice", http.StatusMultiStatus, ""},
		{"OPTIONS", "/", "", "alice", http.StatusOK, ""},
		{"PUT", "/", "", "alice", http.StatusMethodNotAllowed, ""},
		{"GET", "/.well-known/caldav", "", "", http.StatusMovedPermanently, "/dav/"},
		{"GET", "/signin", "", "", http.StatusOK, ""},
		{"GET", "/favicon.ico", "", "", http.StatusFound, ""},
		{"GET", "/week", "", "", http.StatusSeeOther, "/signin?to=%2Fweek"},
		{"GET", "/dav/calendars/alice/calendar/", "", "", http.StatusUnauthorized, ""},
		{"GET", "/nothing", html, "", http.StatusSeeOther, "/signin?to=%2Fnothing"},
		{"GET", "/nothing", "*/*", "", http.StatusUnauthorized, ""},
		{"GET", "/nothing", html, "alice", http.StatusNotFound, ""},
		{"GET", "/dav/nothing", html, "", http.StatusUnauthorized, ""},
		{"GET", "/freebusy/nobody", html, "", http.StatusNotFound, ""},
		{"GET", "/feed/nothing.ics", html, "", http.StatusNotFound, ""},
		{"GET", "/api/v1/me", html, "", http.StatusUnauthorized, ""},
	} {
		r := httptest.NewRequest(tt.method, tt.path, nil)
		if tt.method == "PROPFIND" {
			r = httptest.NewRequest(tt.method, tt.path, strings.NewReader(`<propfind xmlns="DAV:"><prop><current-user-principal/></prop></propfind>`))
			r.Header.Set("Depth", "0")
		}
		if tt.accept != "" {
			r.Header.Set("Accept", tt.accept)
		}
		if tt.user != "" {
			r.SetBasicAuth(tt.user, tt.user+"'s horse")
		}
		w := httptest.NewRecorder()
		s.app.handler.ServeHTTP(w, r)
		asked := w.Header().Get("WWW-Authenticate") != ""
		if w.Code != tt.status || asked != (tt.status == http.StatusUnauthorized) || tt.to != "" && w.Header().Get("Location") != tt.to {
			t.Errorf("%s %s for %q as %q = %d to %q, asked for a password: %v, want %d to %q: %.500s",
				tt.method, tt.path, tt.accept, tt.user, w.Code, w.Header().Get("Location"), asked, tt.status, tt.to, w.Body)
		}
	}
}
