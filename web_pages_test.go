package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestTheRootIsForBrowsersAndPrograms: people who open the server's address get to the pages, and calendar programs that look for their
// service there are answered as if there were none.
func TestTheRootIsForBrowsersAndPrograms(t *testing.T) {
	s := newSite(t)
	for _, tt := range []struct {
		method, path, user string
		status             int
		to                 string
	}{
		{"GET", "/", "", http.StatusSeeOther, "/signin"},
		{"GET", "/", "alice", http.StatusFound, "/dav/"},
		{"PROPFIND", "/", "", http.StatusUnauthorized, ""},
		{"PROPFIND", "/", "alice", http.StatusMultiStatus, ""},
		{"OPTIONS", "/", "alice", http.StatusOK, ""},
		{"PUT", "/", "alice", http.StatusMethodNotAllowed, ""},
		{"GET", "/.well-known/caldav", "", http.StatusMovedPermanently, "/dav/"},
		{"GET", "/signin", "", http.StatusOK, ""},
		{"GET", "/favicon.ico", "", http.StatusFound, ""},
		{"GET", "/week", "", http.StatusSeeOther, "/signin?to=%2Fweek"},
		{"GET", "/dav/calendars/alice/calendar/", "", http.StatusUnauthorized, ""},
	} {
		r := httptest.NewRequest(tt.method, tt.path, nil)
		if tt.method == "PROPFIND" {
			r = httptest.NewRequest(tt.method, tt.path, strings.NewReader(`<propfind xmlns="DAV:"><prop><current-user-principal/></prop></propfind>`))
			r.Header.Set("Depth", "0")
		}
		if tt.user != "" {
			r.SetBasicAuth(tt.user, tt.user+"'s horse")
		}
		w := httptest.NewRecorder()
		s.app.handler.ServeHTTP(w, r)
		if w.Code != tt.status || tt.to != "" && w.Header().Get("Location") != tt.to {
			t.Errorf("%s %s as %q = %d to %q, want %d to %q: %s", tt.method, tt.path, tt.user, w.Code, w.Header().Get("Location"), tt.status, tt.to, w.Body)
		}
	}
}

// TestABrowserWhereNothingIs: who mistypes an address is not asked for a password by their browser, as programs are.
func TestABrowserWhereNothingIs(t *testing.T) {
	s := newSite(t)
	for _, tt := range []struct {
		path, accept, user string
		status             int
		to                 string
	}{
		{"/nothing", "text/html,*/*;q=0.8", "", http.StatusSeeOther, "/signin?to=%2Fnothing"},
		{"/nothing", "*/*", "", http.StatusUnauthorized, ""},
		{"/nothing", "text/html", "alice", http.StatusNotFound, ""},
		{"/dav/nothing", "text/html", "", http.StatusUnauthorized, ""},
		{"/freebusy/nobody", "text/html", "", http.StatusNotFound, ""},
		{"/feed/nothing.ics", "text/html", "", http.StatusNotFound, ""},
		{"/api/v1/me", "text/html", "", http.StatusUnauthorized, ""},
	} {
		r := httptest.NewRequest("GET", tt.path, nil)
		r.Header.Set("Accept", tt.accept)
		if tt.user != "" {
			r.SetBasicAuth(tt.user, tt.user+"'s horse")
		}
		w := httptest.NewRecorder()
		s.app.handler.ServeHTTP(w, r)
		challenged := w.Header().Get("WWW-Authenticate") != ""
		if w.Code != tt.status || challenged != (tt.status == http.StatusUnauthorized) || tt.to != "" && w.Header().Get("Location") != tt.to {
			t.Errorf("GET %s as %q for %s = %d to %q, challenged: %v: %.300s", tt.path, tt.user, tt.accept, w.Code, w.Header().Get("Location"), challenged, w.Body)
		}
	}
}
