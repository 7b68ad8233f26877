package mailer

import (
	"fmt"
	"net/mail"
	"time"

	"kalends/ical"
)

// WebhookOff is what tells somebody that the server has switched off a webhook of theirs.
type WebhookOff struct {
	To        Person
	Language  string // BCP 47
	Label     string // of the webhook; "" for none
	URL       string // without what may be secret in it
	Gone      bool   // it answered that it is gone; else nothing arrived for days
	Link      string // the page where it can be switched on again; "" for none
	MessageID string
	Date      time.Time // the same at every attempt
}

// webhookWords are what such a mail says; a language of catalogues without them has those of English.
type webhookWords struct {
	subject, headline, gone, failing, address, open, footer string // %s of the first two is the webhook
}

var webhookCatalogue = map[string]webhookWords{
	"en": {
		subject: "Webhook switched off: %s", headline: "Your webhook “%s” was switched off.",
		gone:    "Its receiver has answered that it is gone (410).",
		failing: "For three days nothing has arrived there. What waited was given up.",
		address: "Address", open: "See what went wrong, and switch it on again",
		footer: "You get this mail because you have made this webhook.",
	},
	"de": {
		subject: "Webhook abgeschaltet: %s", headline: "Ihr Webhook „%s“ wurde abgeschaltet.",
		gone:    "Sein Empfänger hat geantwortet, dass es ihn nicht mehr gibt (410).",
		failing: "Drei Tage lang ist dort nichts angekommen. Was noch wartete, wurde aufgegeben.",
		address: "Adresse", open: "Nachsehen, woran es lag, und wieder einschalten",
		footer: "Sie erhalten diese Mail, weil Sie diesen Webhook eingerichtet haben.",
	},
}

// WebhookOff composes the mail, from the server's own mailbox.
func (c *Composer) WebhookOff(w WebhookOff) (*Letter, error) {
	to := ical.Mailbox(w.To.Address)
	if to == "" {
		return nil, fmt.Errorf("%w: %.80q", ErrAddress, w.To.Address)
	}
	l := catalogueFor(c.language(w.Language))
	words, ok := webhookCatalogue[l.Tag]
	if !ok {
		words = webhookCatalogue[english.Tag]
	}
	name := line(w.Label, maxTitle)
	if name == "" {
		name = line(w.URL, maxTitle)
	}
	p := &page{
		Lang: l.Tag, Subject: fmt.Sprintf(words.subject, name), Headline: fmt.Sprintf(words.headline, name), Notes: []string{words.failing},
		Rows: []row{{Label: words.address, Value: line(w.URL, maxPlace)}}, Footer: words.footer, was: l.was,
	}
	if w.Gone {
		p.Notes[0] = words.gone
	}
	if p.Answer = secureLink(w.Link); p.Answer != "" {
		p.AnswerLabel = words.open
	}
	html, err := p.html()
	if err != nil {
		return nil, err
	}
	return letter(&Mail{
		From: c.Own, To: mail.Address{Name: displayName(w.To), Address: to}, Subject: p.Subject, Text: p.text(), HTML: html,
		MessageID: w.MessageID, Date: w.Date, Language: l.Tag,
	}, c.Own.Address)
}
