package main

import (
	"net/http"

	"kalends/tzdist"
)

// routes sends each request to the part that answers it: time zones to their service, all else to CalDAV. It looks at the path and
// changes nothing of it, as http.ServeMux would: names in it are taken apart before they are decoded.
func routes(caldav http.Handler) http.Handler {
	zones := new(tzdist.Handler)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// What people wrote is never taken for a page, whatever a browser makes of its text.
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
		if tzdist.Handles(r.URL.Path) {
			zones.ServeHTTP(w, r)
			return
		}
		caldav.ServeHTTP(w, r)
	})
}
