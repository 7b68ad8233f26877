package api_test

import "testing"

// TestShares: a calendar is shared by invitation, taken, given another name by whom it is shared with, and taken back.
func TestShares(t *testing.T) {
	each(t, func(h *house) {
		h.as("alice", "POST", "/meetings", object{"name": "Rowing", "start": "2026-02-02T09:00:00Z", "end": "2026-02-02T10:00:00Z"}).ok(201)
		const path = "/calendars/calendar/shares"
		if l := list(h.as("alice", "GET", path, nil).ok(200), "shares"); len(l) != 0 {
			t.Errorf("shares of a calendar that is not shared: %v", l)
		}
		h.as("alice", "POST", path, object{"with": "nobody@example.net", "access": "read"}).fails(422, "invalid", "with")
		h.as("alice", "POST", path, object{"with": "oak@example.com", "access": "read"}).fails(422, "invalid", "with")
		h.as("alice", "POST", path, object{"with": "bob@example.com", "access": "everything"}).fails(422, "invalid", "access")
		s := h.as("alice", "POST", path, object{"with": "bob@example.com", "access": "read", "name": "Boats"}).ok(201)
		if text(s, "state") != "invited" || text(s, "access") != "read" || text(s, "with") != "bob@example.com" {
			t.Errorf("share: %v", s)
		}
		inv := list(h.as("bob", "GET", "/shares", nil).ok(200), "shares")
		if len(inv) != 1 || text(inv[0], "name") != "Boats" || inv[0]["calendar"] != nil {
			t.Fatalf("invitations: %v", inv)
		}
		answer := "/shares/" + text(inv[0], "id") + "/answer"
		h.as("carol", "POST", answer, object{"answer": "accepted"}).fails(404, "not-found", "")
		a := h.as("bob", "POST", answer, object{"answer": "accepted", "name": "Alice's boats"}).ok(200)
		id := text(a, "calendar")
		if id == "" || text(a, "name") != "Alice's boats" || text(a, "path") == "" {
			t.Fatalf("accepted: %v", a)
		}
		found := false
		for _, c := range list(h.as("bob", "GET", "/calendars", nil).ok(200), "calendars") {
			found = found || text(c, "id") == id && text(c, "name") == "Alice's boats" && text(c, "access") == "read"
		}
		if !found {
			t.Error("Bob's calendars lack what he accepted")
		}
		events := "/events?from=2026-02-01T00:00:00Z&to=2026-02-03T00:00:00Z&calendar=" + id
		if e := list(h.as("bob", "GET", events, nil).ok(200), "events"); len(e) != 1 {
			t.Errorf("events of the shared calendar: %v", e)
		}
		if l := list(h.as("bob", "GET", "/calendars/"+id+"/shares", nil).ok(200), "shares"); len(l) != 1 {
			t.Errorf("with whom it is shared, for Bob: %v", l)
		}
		h.as("carol", "GET", "/calendars/"+id+"/shares", nil).fails(404, "not-found", "")
		h.as("bob", "POST", "/calendars/"+id+"/shares", object{"with": "carol@example.com", "access": "read"}).fails(403, "forbidden", "")
		h.as("bob", "DELETE", "/calendars/"+id+"/shares?with=bob@example.com", nil).fails(403, "forbidden", "")
		// Its name is Bob's own, and it is his to leave.
		if c := h.as("bob", "PATCH", "/calendars/"+id, object{"name": "Rowing club", "color": "#112233"}).ok(200); text(c, "name") != "Rowing club" || text(c, "color") != "#112233" {
			t.Errorf("Bob's name for it: %v", c)
		}
		if c := h.as("alice", "GET", "/calendars/calendar", nil).ok(200); text(c, "name") == "Rowing club" || text(c, "color") == "#112233" {
			t.Errorf("Alice's calendar got Bob's name: %v", c)
		}
		h.as("bob", "DELETE", "/calendars/"+id, nil).ok(204)
		if inv := list(h.as("bob", "GET", "/shares", nil).ok(200), "shares"); len(inv) != 1 || text(inv[0], "state") != "declined" {
			t.Errorf("after Bob left: %v", inv)
		}
		h.as("bob", "POST", answer, object{"answer": "accepted"}).ok(200)
		h.as("alice", "DELETE", path+"?with=bob@example.com", nil).ok(204)
		h.as("bob", "GET", events, nil).fails(404, "not-found", "calendar")
		if inv := list(h.as("bob", "GET", "/shares", nil).ok(200), "shares"); len(inv) != 0 {
			t.Errorf("invitations after all: %v", inv)
		}
	})
}
