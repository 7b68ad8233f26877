package api_test

import (
	"testing"
	"time"

	"kalends/auth"
)

// TestTrash: what was deleted is listed, with whom bringing it back invites, and comes back.
func TestTrash(t *testing.T) {
	each(t, func(h *house) {
		o := h.as("alice", "POST", "/meetings", object{"name": "Planning", "start": "2026-02-02T09:00:00+01:00", "end": "2026-02-02T10:00:00+01:00", "timeZone": "Europe/Berlin",
			"invited": []object{{"address": "bob@example.com"}}}).ok(201)
		h.as("alice", "DELETE", "/meetings/"+text(o, "id"), nil).ok(204)
		trash := list(h.as("alice", "GET", "/trash", nil).ok(200), "trash")
		if len(trash) != 1 || text(trash[0], "name") != "Planning" || text(trash[0], "start") != "2026-02-02T09:00:00+01:00" && text(trash[0], "start") != "2026-02-02T08:00:00Z" {
			t.Fatalf("trash: %v", trash)
		}
		if who := trash[0]["invites"].([]any); len(who) != 1 || who[0] != "bob@example.com" {
			t.Errorf("invites: %v", who)
		}
		id := text(trash[0], "id")
		h.as("bob", "POST", "/trash/"+id+"/restore", nil).fails(404, "not-found", "")
		h.as("alice", "POST", "/trash/odd!/restore", nil).fails(404, "not-found", "")
		token, _, err := h.tokens.Add(h.Context(), h.Principal("alice"), auth.ReadScope, "read", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		h.as(token, "GET", "/trash", nil).ok(200)
		h.as(token, "POST", "/trash/"+id+"/restore", nil).fails(403, "scope", "")
		h.as(token, "DELETE", "/trash", nil).fails(403, "scope", "")
		back := h.as("alice", "POST", "/trash/"+id+"/restore", nil, "Idempotency-Key", "k").ok(200)
		h.as("alice", "POST", "/trash/"+id+"/restore", nil, "Idempotency-Key", "k").ok(200)
		h.as("alice", "POST", "/trash/"+id+"/restore", nil).fails(404, "not-found", "")
		if m := h.as("alice", "GET", "/meetings/"+text(back, "meeting"), nil).ok(200); text(m, "name") != "Planning" {
			t.Errorf("restored: %v", m)
		}
		h.as("alice", "DELETE", "/meetings/"+text(back, "meeting"), nil).ok(204)
		if o := h.as("alice", "DELETE", "/trash", nil).ok(200); o["removed"] != 1.0 {
			t.Errorf("emptied: %v", o)
		}
		if trash := list(h.as("alice", "GET", "/trash", nil).ok(200), "trash"); len(trash) != 0 {
			t.Errorf("trash: %v", trash)
		}
		h.as("alice", "GET", "/trash?after=x", nil).fails(422, "invalid", "")
	})
}
