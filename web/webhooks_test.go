package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"kalends/storage"
	"kalends/webhook"
)

// TestWebhookPages: a webhook is made, tried, looked after and removed on the pages, by whose it is.
func TestWebhookPages(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice")
		if status := b.send("GET", "/account/webhooks", nil); status != http.StatusNotFound {
			t.Errorf("without webhooks = %d", status)
		}
		vault, err := webhook.NewVault([]byte("server"), nil)
		if err != nil {
			t.Fatal(err)
		}
		desk := &webhook.Desk{Store: h.store, Vault: vault, Now: h.Now}
		h.web.Webhooks = desk
		b.get("/account").has(`href="/account/webhooks"`)
		b.get("/account/webhooks").has("None yet.", "New webhook")

		// What is wrong stands at its field, and what was typed stays.
		for _, tt := range []struct {
			want string
			form []string
		}{
			{"The address must begin with https://.", []string{"url", "http://hooks.example.com/", "label", "Lights", "kind", "event.created", "all", "yes"}},
			{"Nothing is sent to this network.", []string{"url", "https://10.0.0.1/", "label", "Lights", "kind", "event.created", "all", "yes"}},
			{"Choose at least one kind of change.", []string{"url", "https://hooks.example.com/", "label", "Lights", "all", "yes"}},
			{"Choose at most 50 calendars.", []string{"url", "https://hooks.example.com/", "label", "Lights", "kind", "event.created"}},
		} {
			b.get("/account/webhooks")
			if status := b.send("POST", "/account/webhooks", b.form(tt.form...)); status != http.StatusUnprocessableEntity {
				t.Errorf("%v = %d", tt.form, status)
			}
			b.has(tt.want, `value="Lights"`, `role="alert"`)
		}
		b.get("/account/webhooks")
		if status := b.send("POST", "/account/webhooks", b.form("url", "https://hooks.example.com/in?key=hush", "label", "Lights <1>", "kind", "event.created", "all", "yes")); status != http.StatusOK {
			t.Fatalf("made = %d %s", status, b.page)
		}
		b.has("Lights &lt;1&gt;", "shown only now")
		secret := regexp.MustCompile(`whsec_[\w+/=]+`).FindString(strings.ReplaceAll(b.page, "&#43;", "+"))
		if _, err := webhook.ParseSecret(secret); err != nil {
			t.Fatalf("the secret %q: %v", secret, err)
		}
		list, err := desk.List(t.Context(), h.Principal("alice").ID)
		if err != nil || len(list) != 1 || list[0].Kinds != "event.created" {
			t.Fatalf("%v, %v", list, err)
		}
		path := "/account/webhooks/" + webhook.ID(list[0].Key())
		b.get(path).has("Lights &lt;1&gt;", "None in the last 7 days.", "https://hooks.example.com/in?key=hush", `value="event.created" checked`).lacks("whsec_", `value="event.deleted" checked`)
		b.get("/account/webhooks").has(path).lacks("hush")

		// Another cannot see it, and a form without its token does nothing.
		other := h.as("bob")
		for _, p := range []string{path, "/account/webhooks/whkaaaa", "/account/webhooks/x"} {
			if status := other.send("GET", p, nil); status != http.StatusNotFound {
				t.Errorf("%s of another = %d", p, status)
			}
		}
		other.get("/account/webhooks").lacks("Lights")
		if status := other.send("POST", path+"/do", other.form("do", "remove")); status != http.StatusNotFound {
			t.Errorf("removing another's = %d", status)
		}
		b.get(path)
		form := b.form("do", "remove")
		form.Del("form")
		if status := b.send("POST", path+"/do", form); status != http.StatusForbidden {
			t.Errorf("without the token of the form = %d", status)
		}

		// Tests, pauses, messages.
		b.get(path)
		b.post(path+"/do", "do", "test").has("A test is on its way.", "test,", "waits")
		if status := b.send("POST", path+"/do", b.form("do", "test")); status != http.StatusConflict {
			t.Errorf("two tests = %d", status)
		}
		b.has("A test waits already.")
		b.get(path)
		b.post(path+"/do", "do", "pause").has("paused", "Switch on")
		b.get(path)
		b.post(path+"/do", "do", "resume").has("Pause")
		claimed, err := h.store.ClaimWebhooks(t.Context(), h.Now(), time.Minute, 10)
		if err != nil || len(claimed) != 1 {
			t.Fatalf("%v, %v", claimed, err)
		}
		d, err := h.store.NextDelivery(t.Context(), list[0].Key(), h.Now())
		if err != nil {
			t.Fatal(err)
		}
		d.State, d.Attempt, d.Tried, d.Status, d.Error = storage.DeliveryFailed, 1, h.Now(), 503, "503"
		err = h.store.FinishDelivery(t.Context(), storage.DeliveryOutcome{Delivery: d, Claim: claimed[0].Claim, Failures: 2, FailingSince: h.Now(), Hold: h.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		b.get(path).has("given up: answer 503", "2 attempts have failed", "Attempts fail since")
		b.get("/account/webhooks").has("2 attempts have failed")

		// Changed, and another secret.
		b.get(path)
		b.post(path, "url", "https://hooks.example.com/other", "label", "", "kind", "event.deleted", "all", "yes").has("Saved.", "hooks.example.com")
		b.get(path)
		if status := b.send("POST", path, b.form("url", "https://[::1]/", "label", "", "kind", "event.deleted", "all", "yes")); status != http.StatusUnprocessableEntity {
			t.Errorf("a bad address = %d", status)
		}
		b.get(path)
		if status := b.send("POST", path+"/do", b.form("do", "rotate")); status != http.StatusOK || !strings.Contains(b.page, "whsec_") || strings.Contains(strings.ReplaceAll(b.page, "&#43;", "+"), secret) {
			t.Errorf("another secret = %d", status)
		}
		b.get(path)
		if status := b.send("POST", path+"/do", b.form("do", "burn")); status != http.StatusBadRequest {
			t.Errorf("something odd = %d", status)
		}
		b.get(path)
		b.post(path+"/do", "do", "remove").has("Removed.", "None yet.")
		h.Change("alice", func(p *storage.Principal) { p.Language = "de" })
		b.get("/account/webhooks").has("Neuer Webhook", "eine Erinnerung fällig ist")
	})
}
