package caldav_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"kalends/auth"
	"kalends/calendar"
	"kalends/storage"
	"kalends/storage/storagetest"
)

// TestStatements: what a request asks of the database does not grow with what it shows.
func TestStatements(t *testing.T) {
	s := storagetest.SQLite(t)
	h := newHandler(t, s)
	for i := range 60 {
		name := fmt.Sprintf("e%03d", i)
		if w := call(h, "PUT", calendarPath+name+".ics", "", event(name, i%24)); w.status != 201 {
			t.Fatalf("PUT = %d", w.status)
		}
	}
	for _, name := range []string{"e000.ics", "e001.ics"} {
		body := `<D:propertyupdate` + declared + `><D:set><D:prop><x>1</x></D:prop></D:set></D:propertyupdate>`
		if w := call(h, "PROPPATCH", calendarPath+name, "", body); w.status != 207 {
			t.Fatalf("PROPPATCH = %d", w.status)
		}
	}
	bob, err := s.PrincipalByName(t.Context(), "bob")
	check(t, err)
	alice, err := s.PrincipalByName(t.Context(), "alice")
	check(t, err)
	grant := []storage.Grant{{Grantee: alice.ID, Privileges: uint32(auth.Read)}}
	check(t, h.Calendar.SetGrants(t.Context(), bob, calendar.Target{Owner: bob}, grant))
	check(t, h.Calendar.SetGrants(t.Context(), alice, calendar.Target{Owner: alice, Slug: "calendar"}, []storage.Grant{{Grantee: bob.ID, Privileges: uint32(auth.Read)}}))
	prop := func(names string) string {
		return `<D:propfind` + declared + `><D:prop>` + names + `</D:prop></D:propfind>`
	}
	for _, tt := range []struct {
		name, method, path, depth, body string
		most                            int64 // statements: one of them finds out who asks
	}{
		{"poll", "PROPFIND", calendarPath, "0", prop(`<CS:getctag/><D:sync-token/>`), 2},
		{"get", "GET", calendarPath + "e007.ics", "", "", 3},
		{"etags", "PROPFIND", calendarPath, "1", prop(`<D:getetag/><D:getcontenttype/>`), 3},
		{"objects with a dead property", "PROPFIND", calendarPath, "1", prop(`<D:getetag/><x/>`), 4},
		{"home", "PROPFIND", "/dav/calendars/alice/", "1", prop(`<D:displayname/><CS:getctag/><D:owner/><D:quota-used-bytes/><C:schedule-default-calendar-URL/>`), 3},
		{"home with dead properties", "PROPFIND", "/dav/calendars/alice/", "1", prop(`<D:displayname/><x/><y/>`), 3},
		{"multiget", "REPORT", calendarPath, "", `<C:calendar-multiget` + declared + `><D:prop><D:getetag/><C:calendar-data/></D:prop>` + hrefs(60) + `</C:calendar-multiget>`, 3},
		{"principal", "PROPFIND", "/dav/principals/users/alice/", "0", prop(`<C:calendar-user-address-set/><CS:email-address-set/><C:calendar-home-set/>`), 2},
		// In others' homes: who they are, and what was granted, once a request and home.
		{"another's calendar", "PROPFIND", "/dav/calendars/bob/calendar/", "0", prop(`<CS:getctag/><D:sync-token/>`), 4},
		{"another's home", "PROPFIND", "/dav/calendars/bob/", "1", prop(`<D:displayname/><CS:getctag/><D:owner/><D:current-user-privilege-set/>`), 4},
		{"another's home searched", "REPORT", "/dav/calendars/bob/", "1", `<C:calendar-query` + declared + `><D:prop><D:getetag/></D:prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>`, 8},
		{"another's rights", "PROPFIND", calendarPath, "1", prop(`<D:acl/>`), 6},
	} {
		call(h, tt.method, tt.path, tt.depth, tt.body) // what is read once
		before := s.Stats().Statements
		w := call(h, tt.method, tt.path, tt.depth, tt.body)
		if got := s.Stats().Statements - before; got > tt.most || w.status/100 != 2 {
			t.Errorf("%s: %d with %d statements, want at most %d", tt.name, w.status, got, tt.most)
		}
	}
}

// TestWholeCalendar: a calendar of more objects than are read at a time comes whole, and in batches.
func TestWholeCalendar(t *testing.T) {
	h := newHandler(t, storagetest.SQLite(t))
	const n = 230
	for i := range n {
		name := fmt.Sprintf("e%03d", i)
		if w := call(h, "PUT", calendarPath+name+".ics", "", event(name, i%24)); w.status != 201 {
			t.Fatalf("PUT = %d", w.status)
		}
	}
	r := httptest.NewRequest("GET", calendarPath, nil)
	r.SetBasicAuth("alice", "alice")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if got := bytes.Count(w.Body.Bytes(), []byte("BEGIN:VEVENT")); w.Code != http.StatusOK || got != n {
		t.Errorf("GET = %d with %d events, want 200 with %d", w.Code, got, n)
	}
	if got := strings.Count(w.Body.String(), "VCALENDAR"); got != 2 {
		t.Errorf("VCALENDAR stands %d times, want begin and end", got)
	}
}
