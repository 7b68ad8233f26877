package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kalends/auth"
	"kalends/webhook"
)

// withDesk gives a house webhooks.
func (h *house) withDesk() *webhook.Desk {
	h.Helper()
	vault, err := webhook.NewVault([]byte("server"), nil)
	if err != nil {
		h.Fatal(err)
	}
	h.api.Webhooks = &webhook.Desk{Store: h.store, Vault: vault, Now: h.Now}
	return h.api.Webhooks
}

// TestWebhooks: made, read, changed, tested and removed, by whose they are and with the scope for it; the secret is told once.
func TestWebhooks(t *testing.T) {
	each(t, func(h *house) {
		h.withDesk()
		made := h.as("alice", "POST", "/webhooks", object{"url": "https://hooks.example.com/in", "label": "Lights", "kinds": []string{"event.deleted", "event.created"}}).ok(201)
		id, secret := text(made, "id"), text(made, "secret")
		if key, err := webhook.ParseSecret(secret); err != nil || len(key) != 32 || text(made, "state") != "on" || len(made["kinds"].([]any)) != 2 || len(made["calendars"].([]any)) != 0 {
			t.Fatalf("made %v", made)
		}
		for _, path := range []string{"/webhooks", "/webhooks/" + id, "/webhooks/" + id + "/deliveries"} {
			a := h.as("alice", "GET", path, nil)
			a.ok(200)
			lacks(t, a.Body.String(), "whsec_")
		}
		// Others, and tokens for less.
		for _, r := range [][2]string{{"GET", ""}, {"PATCH", ""}, {"DELETE", ""}, {"POST", "/rotate"}, {"POST", "/test"}, {"GET", "/deliveries"}} {
			var body any
			if r[0] == "PATCH" {
				body = object{}
			}
			h.as("bob", r[0], "/webhooks/"+id+r[1], body).fails(404, "not-found", "")
			h.as("alice", r[0], "/webhooks/whkzzzz"+r[1], body).fails(404, "not-found", "")
		}
		token, _, err := h.tokens.Add(h.Context(), h.Principal("alice"), auth.ReadScope, "", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		h.as(token, "GET", "/webhooks", nil).ok(200)
		h.as(token, "POST", "/webhooks", object{"url": "https://hooks.example.com/"}).fails(403, "scope", "")
		h.as(token, "POST", "/webhooks/"+id+"/test", nil).fails(403, "scope", "")

		// What is wrong is said by field.
		for _, tt := range []struct {
			field string
			body  object
		}{
			{"url", object{"url": "http://hooks.example.com/"}}, {"url", object{"url": "https://127.0.0.1/"}}, {"url", object{"url": "https://a:b@hooks.example.com/"}},
			{"label", object{"url": "https://hooks.example.com/", "label": "a\nb"}}, {"calendars", object{"url": "https://hooks.example.com/", "calendars": []string{"nowhere"}}},
			{"kinds[0]", object{"url": "https://hooks.example.com/", "kinds": []string{"event.seen"}}},
		} {
			h.as("alice", "POST", "/webhooks", tt.body).fails(422, "invalid", tt.field)
		}
		bobs := h.as("bob", "GET", "/calendars", nil).ok(200)
		h.as("alice", "POST", "/webhooks", object{"url": "https://hooks.example.com/", "calendars": []string{text(list(bobs, "calendars")[0], "id")}}).fails(422, "invalid", "calendars")

		// Told of one calendar, in the API's own words.
		own := text(list(h.as("alice", "GET", "/calendars", nil).ok(200), "calendars")[0], "id")
		changed := h.as("alice", "PATCH", "/webhooks/"+id, object{"calendars": []string{own}, "kinds": []string{"event.created"}, "label": ""}).ok(200)
		if c := changed["calendars"].([]any); len(c) != 1 || c[0] != own || text(changed, "url") != "https://hooks.example.com/in" || text(changed, "label") != "" {
			t.Errorf("changed %v", changed)
		}
		met := h.as("alice", "POST", "/meetings", object{"name": "Planning", "start": "2026-02-02T09:00:00+01:00", "end": "2026-02-02T10:00:00+01:00", "timeZone": "Europe/Berlin"}).ok(201)
		key, _ := webhook.ParseID(id)
		d, err := h.store.NextDelivery(h.Context(), key, h.Now())
		if err != nil {
			t.Fatal(err)
		}
		var m webhook.Message
		if err := json.Unmarshal(d.Body, &m); err != nil || m.Calendar != own || m.Changes[0].ID != text(met, "id") || m.Webhook != id {
			t.Errorf("told %s, %v; the meeting is %s", d.Body, err, text(met, "id"))
		}
		h.conformsToWebhook(d.Body)

		// Paused, tested, read.
		if o := h.as("alice", "PATCH", "/webhooks/"+id, object{"state": "paused"}).ok(200); text(o, "state") != "paused" {
			t.Errorf("paused: %v", o)
		}
		test := h.as("alice", "POST", "/webhooks/"+id+"/test", nil).ok(202)
		h.as("alice", "POST", "/webhooks/"+id+"/test", nil).fails(409, "refused", "")
		page := h.as("alice", "GET", "/webhooks/"+id+"/deliveries?limit=1", nil).ok(200)
		if l := list(page, "deliveries"); len(l) != 1 || text(l[0], "id") != text(test, "id") || l[0]["test"] != true || page["next"] != 2.0 {
			t.Errorf("deliveries %v", page)
		}
		page = h.as("alice", "GET", fmt.Sprintf("/webhooks/%s/deliveries?below=%v", id, page["next"]), nil).ok(200)
		if l := list(page, "deliveries"); len(l) != 1 || text(l[0], "calendar") != own || l[0]["changes"] != 1.0 || text(l[0], "next") == "" {
			t.Errorf("the next page %v", page)
		}
		again := h.as("alice", "POST", "/webhooks/"+id+"/rotate?leaked=true", nil).ok(200)
		if text(again, "secret") == secret || !strings.HasPrefix(text(again, "secret"), "whsec_") {
			t.Errorf("rotated: %v", again)
		}
		h.as("alice", "DELETE", "/webhooks/"+id, nil).ok(204)
		h.as("alice", "GET", "/webhooks/"+id, nil).fails(404, "not-found", "")
		for range webhook.MaxWebhooks {
			h.as("alice", "POST", "/webhooks", object{"url": "https://hooks.example.com/"}).ok(201)
		}
		h.as("alice", "POST", "/webhooks", object{"url": "https://hooks.example.com/"}).fails(409, "refused", "")
	})
}

// conformsToWebhook checks a message against its description.
func (h *house) conformsToWebhook(body []byte) {
	h.Helper()
	spec := h.api.Spec()
	op := spec.Webhooks["message"].Post
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		h.Fatal(err)
	}
	var res huma.ValidateResult
	huma.Validate(spec.Components.Schemas, op.RequestBody.Content["application/json"].Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, v, &res)
	for _, err := range res.Errors {
		h.Errorf("%s is against its description: %v", body, err)
	}
}

// TestWebhookMessages: every kind of message is as described.
func TestWebhookMessages(t *testing.T) {
	h := newSQLite(t)
	h.as("alice", "GET", "/me", nil).ok(200)
	at := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC).Format(time.RFC3339)
	for _, kind := range webhook.Kinds {
		body, err := json.Marshal(webhook.Message{ID: "msg_x", Type: webhook.ChangedMessage, Time: at, Webhook: "whkaeba", Sequence: 1, Calendar: "calaeba",
			Changes: []webhook.Detail{{Type: kind, ID: "mtgaeba", UID: "u", Component: "VEVENT", ETag: `"1"`, Order: 2, Due: at, Start: "2026-01-06", Answers: []webhook.Answer{{Attendee: "mailto:bob@example.com", Answer: "ACCEPTED"}}}}})
		if err != nil {
			t.Fatal(err)
		}
		h.conformsToWebhook(body)
	}
	h.conformsToWebhook([]byte(`{"id":"msg_x","type":"webhook.test","timestamp":"` + at + `","webhook":"whkaeba","sequence":1,"changes":[]}`))
	h.as("alice", "GET", "/webhooks", nil).fails(503, "unavailable", "")
}
