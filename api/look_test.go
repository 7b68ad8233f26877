package api_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"kalends/calendar"
)

// says reports whether a text has one of these parts.
func says(text string, parts ...string) bool {
	return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(text, p) })
}

// TestOwnLook: calendars of others have the names, colours and order that their reader gave them, in a calendar program or here, and stay as they
// are for everybody else.
func TestOwnLook(t *testing.T) {
	each(t, func(h *house) {
		ctx := t.Context()
		alice, carol := h.Principal("alice"), h.Principal("carol")
		if err := h.Service.SetDelegates(ctx, alice, alice, false, []int64{h.Principal("bob").ID}); err != nil {
			t.Fatal(err)
		}
		if err := h.Service.Share(ctx, carol, calendar.Target{Owner: carol, Slug: "calendar"}, []calendar.ShareRequest{{With: h.Principal("bob"), Access: calendar.ShareRead, Direct: true}}); err != nil {
			t.Fatal(err)
		}
		proppatch := func(path, name, color, order string) {
			t.Helper()
			body := `<propertyupdate xmlns="DAV:" xmlns:A="http://apple.com/ns/ical/"><set><prop><displayname>` + name + `</displayname><A:calendar-color symbolic-color="red">` + color +
				`</A:calendar-color><A:calendar-order>` + order + `</A:calendar-order></prop></set></propertyupdate>`
			if status, text := h.caldav("bob", "PROPPATCH", path, body); status != 207 || says(text, "403", "409") {
				t.Fatalf("PROPPATCH %s = %d %s", path, status, text)
			}
		}
		shared, err := h.store.Shared(ctx, h.Principal("bob").ID)
		if err != nil || len(shared) != 1 {
			t.Fatal(shared, err)
		}
		proppatch("/dav/calendars/alice/calendar/", "The boss &amp; co", "#112233FF", "2")
		proppatch("/dav/calendars/bob/"+shared[0].Slug()+"/", "Carol’s", "#445566", "1")
		proppatch("/dav/calendars/bob/calendar/", "Mine", "#778899", "9")
		side := h.as("bob", "POST", "/calendars", object{"name": "Side"}).ok(201)
		if status, text := h.caldav("bob", "PROPPATCH", "/dav/calendars/bob/"+text(side, "slug")+"/", `<propertyupdate xmlns="DAV:" xmlns:A="http://apple.com/ns/ical/"><set><prop><A:calendar-order>3</A:calendar-order></prop></set></propertyupdate>`); status != 207 {
			t.Fatalf("PROPPATCH = %d %s", status, text)
		}
		tell := func(who string) (got []string) {
			t.Helper()
			for _, c := range list(h.as(who, "GET", "/calendars", nil).ok(200), "calendars") {
				if c["meetings"] == true {
					got = append(got, text(c, "name")+" "+text(c, "color"))
				}
			}
			return got
		}
		if got := tell("bob"); fmt.Sprint(got) != "[Side  Mine #778899 Carol’s #445566 The boss & co #112233]" {
			t.Errorf("Bob's calendars: %q", got)
		}
		if got := tell("alice"); fmt.Sprint(got) != "[Calendar ]" {
			t.Errorf("Alice's calendars: %q", got)
		}
		// By the API.
		c, err := h.store.Calendar(ctx, alice.ID, "calendar")
		if err != nil {
			t.Fatal(err)
		}
		path := "/calendars/" + text(h.as("alice", "GET", "/calendars/calendar", nil).ok(200), "id")
		if got := h.as("bob", "GET", path, nil).ok(200); text(got, "name") != "The boss & co" || text(got, "color") != "#112233" {
			t.Errorf("one calendar = %v", got)
		}
		if got := h.as("bob", "PATCH", path, object{"name": "A < B", "color": nil}).ok(200); text(got, "name") != "A < B" || text(got, "color") != "" {
			t.Errorf("changed = %v", got)
		}
		h.as("bob", "PATCH", path, object{"color": "red"}).fails(422, "invalid", "color")
		h.as("bob", "PATCH", path, object{"name": "x", "description": "not theirs"}).fails(403, "forbidden", "")
		h.as("bob", "PATCH", path, object{"name": "x"}, "If-Match", `"else"`).fails(412, "changed", "")
		r := httptest.NewRequestWithContext(ctx, "PROPFIND", "/dav/calendars/alice/calendar/", strings.NewReader(`<propfind xmlns="DAV:"><prop><displayname/></prop></propfind>`))
		r.Header.Set("Depth", "0")
		r.SetBasicAuth("bob", "bob")
		w := httptest.NewRecorder()
		if h.dav.ServeHTTP(w, r); !says(w.Body.String(), "A &lt; B") {
			t.Errorf("by a calendar program: %s", w.Body)
		}
		if now, err := h.store.Calendar(ctx, alice.ID, "calendar"); err != nil || now.DisplayName != c.DisplayName || now.Color != c.Color {
			t.Errorf("Alice's calendar = %+v, %v", now, err)
		}
		// Nobody else's, and only as long as they act for them.
		if err := h.Service.SetDelegates(ctx, alice, alice, false, nil); err != nil {
			t.Fatal(err)
		}
		h.as("bob", "GET", path, nil).fails(404, "not-found", "")
		if got := tell("bob"); fmt.Sprint(got) != "[Side  Mine #778899 Carol’s #445566]" {
			t.Errorf("Bob's calendars after that: %q", got)
		}
	})
}
