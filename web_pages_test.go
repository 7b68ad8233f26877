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
