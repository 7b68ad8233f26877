package mailer

import (
	"net/mail"
	"strings"
	"testing"
	"time"
)

// TestWebhookOff: somebody is told in their language, and nothing of a webhook's label becomes markup or a header.
func TestWebhookOff(t *testing.T) {
	for _, l := range catalogues {
		if _, ok := webhookCatalogue[l.Tag]; !ok {
			t.Errorf("%s has no words for webhooks", l.Tag)
		}
	}
	c := &Composer{Identity: Identity{Own: mail.Address{Name: "Kalends", Address: "calendar@example.com"}}}
	w := WebhookOff{
		To: Person{Address: "mailto:alice@example.com", Name: "Alice"}, Label: "<b>Lights</b>\r\nBcc: x@example.org", URL: "https://hooks.example.com/…",
		Link: "https://cal.example.com/account/webhooks/whkaeba", MessageID: "1@example.com", Date: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC),
	}
	for _, tt := range []struct {
		lang string
		gone bool
		want string
	}{{"en", false, "For three days nothing has arrived"}, {"de-AT", true, "nicht mehr gibt (410)"}, {"fr", true, "it is gone (410)"}} {
		w.Language, w.Gone = tt.lang, tt.gone
		letter, err := c.WebhookOff(w)
		if err != nil {
			t.Fatal(err)
		}
		m, parts := open(t, letter.Message)
		if letter.To != "alice@example.com" || m.Get("Bcc") != "" || len(parts) < 2 {
			t.Fatalf("to %s, %v", letter.To, m)
		}
		text, html := string(parts[0].body), string(parts[1].body)
		flat := strings.Join(strings.Fields(text), " ")
		if !strings.Contains(flat, tt.want) || !strings.Contains(flat, w.Link) || strings.Contains(html, "<b>Lights") {
			t.Errorf("%s:\n%s\n%s", tt.lang, text, html)
		}
	}
	if _, err := c.WebhookOff(WebhookOff{}); err == nil {
		t.Error("a mail to nobody")
	}
}
