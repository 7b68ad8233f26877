package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"kalends/calendar"
	"kalends/storage"
)

// TestChangesOfWhatIsShared: who has alarms of their own in somebody else's calendar sees the versions that their calendar program sees, and is
// told when these change; nobody else is.
func TestChangesOfWhatIsShared(t *testing.T) {
	each(t, func(h *house) {
		person := func(name string) *storage.Principal {
			t.Helper()
			p, err := h.store.PrincipalByName(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		alice := person("alice")
		at := calendar.Target{Owner: alice, Slug: "calendar"}
		for _, who := range []string{"bob", "carol"} {
			err := h.api.Calendar.Share(t.Context(), alice, at, []calendar.ShareRequest{{With: person(who), Access: calendar.ShareWrite, Direct: true}})
			if err != nil {
				t.Fatal(err)
			}
		}
		text3 := func(alarm string) string {
			return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260202T090000Z\r\nDTEND:20260202T100000Z\r\nSUMMARY:Rowing\r\n" + alarm + "END:VEVENT\r\nEND:VCALENDAR\r\n"
		}
		ring := func(minutes int) string {
			return fmt.Sprintf("BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER:-PT%dM\r\nEND:VALARM\r\n", minutes)
		}
		put := func(who, body string) {
			t.Helper()
			if status, answer := h.caldav(who, "PUT", "/dav/calendars/alice/calendar/u.ics", body); status/100 != 2 {
				t.Fatalf("PUT of %s = %d %s", who, status, answer)
			}
		}
		put("alice", text3(""))
		id := ""
		for _, c := range list(h.as("bob", "GET", "/calendars", nil).ok(200), "calendars") {
			if text(c, "access") == "write" && !strings.HasPrefix(text(c, "path"), "/dav/calendars/bob/calendar") && !strings.HasPrefix(text(c, "path"), "/dav/calendars/bob/tasks") {
				id = text(c, "id")
			}
		}
		changes := func(who, since string) (string, string) {
			t.Helper()
			path := "/changes?calendar=" + url.QueryEscape(id)
			if since != "" {
				path += "&since=" + url.QueryEscape(since)
			}
			o := h.as(who, "GET", path, nil).ok(200)
			var got []string
			for _, c := range list(o, "changes") {
				got = append(got, text(c, "etag"))
			}
			return strings.Join(got, " "), text(o, "since")
		}
		changed := func(who string) string {
			t.Helper()
			for _, c := range list(h.as(who, "GET", "/calendars", nil).ok(200), "calendars") {
				if text(c, "id") == id {
					return text(c, "changed")
				}
			}
			t.Fatalf("%s does not have %s", who, id)
			return ""
		}
		seen := func(who string) string { // the ETag, which is the same wherever one looks
			t.Helper()
			o, _, err := h.api.Calendar.Object(t.Context(), person(who), calendar.Target{Owner: alice, Slug: "calendar", Name: "u.ics"})
			if err != nil {
				t.Fatal(err)
			}
			events := list(h.as(who, "GET", "/events?from=2026-02-01T00:00:00Z&to=2026-02-03T00:00:00Z&calendar="+id, nil).ok(200), "events")
			if len(events) != 1 || text(events[0], "etag") != o.ETag {
				t.Errorf("%s: events have %v, want %s", who, events, o.ETag)
			}
			m := h.as(who, "GET", "/meetings/"+text(events[0], "id"), nil)
			if m.Header().Get("ETag") != o.ETag {
				t.Errorf("%s: the meeting has %s, want %s", who, m.Header().Get("ETag"), o.ETag)
			}
			if first, _ := changes(who, ""); first != o.ETag {
				t.Errorf("%s: changes have %s, want %s", who, first, o.ETag)
			}
			return o.ETag
		}
		if seen("alice") != seen("bob") {
			t.Error("Bob has a version of his own before there is anything of his own")
		}
		since, was := map[string]string{}, map[string]string{}
		people := []string{"alice", "bob", "carol"}
		for _, who := range people {
			_, since[who] = changes(who, "now")
			was[who] = changed(who)
		}
		for _, minutes := range []int{5, 10} {
			put("bob", text3(ring(minutes)))
			for _, who := range people {
				var got string
				want := ""
				if who == "bob" {
					want = seen(who)
				}
				if got, since[who] = changes(who, since[who]); got != want {
					t.Errorf("after Bob's alarm of %d minutes %s is told of %q, want %q", minutes, who, got, want)
				}
				now := changed(who)
				if (now != was[who]) != (who == "bob") {
					t.Errorf("after Bob's alarm of %d minutes the calendar of %s changes from %s to %s", minutes, who, was[who], now)
				}
				was[who] = now
			}
		}
		mine := seen("bob")
		if mine == seen("alice") || mine == seen("carol") {
			t.Error("others see Bob's version")
		}
		// It is the version that one changes.
		events := list(h.as("bob", "GET", "/events?from=2026-02-01T00:00:00Z&to=2026-02-03T00:00:00Z&calendar="+id, nil).ok(200), "events")
		path := "/meetings/" + text(events[0], "id")
		h.as("bob", "PATCH", path, object{"name": "Sailing"}, "If-Match", seen("alice")).fails(412, "changed", "")
		h.as("bob", "PATCH", path, object{"name": "Sailing"}, "If-Match", mine).ok(200)
		for _, who := range people {
			var got string
			if got, since[who] = changes(who, since[who]); got != seen(who) {
				t.Errorf("after Bob's change %s is told of %q, want %q", who, got, seen(who))
			}
		}
	})
}
