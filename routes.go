package main

import (
	"net/http"
	"strings"

	"kalends/tzdist"
)

// routes sends each request to the part that answers it: time zones to their service, all else to CalDAV, but for what a browser asks where
// nothing is: it gets the pages' answer, and not a question for a password. It looks at the path and changes nothing of it, as
// http.ServeMux would: names in it are taken apart before they are decoded.
func routes(caldav http.Handler, pages http.HandlerFunc) http.Handler {
	zones := new(tzdist.Handler)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// What people wrote is never taken for a page, whatever a browser makes of its text.
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
		if tzdist.Handles(r.URL.Path) {
			zones.ServeHTTP(w, r)
			return
		}
		if fromBrowser(r) && !ofCalDAV(r.URL.Path) {
			pages(w, r)
			return
		}
		caldav.ServeHTTP(w, r)
	})
}

// ofCalDAV reports whether a path is one of CalDAV's.
func ofCalDAV(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first == "" || first == "dav" || first == "freebusy" || first == ".well-known"
}

// fromBrowser reports whether somebody looks at an address in a browser: programs for calendars do not ask for HTML.
func fromBrowser(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.Header.Get("Authorization") == "" &&
		strings.Contains(r.Header.Get("Accept"), "text/html")
}
