package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"kalends/calendar"
	"kalends/internal/config"
	"kalends/mailer"
	"kalends/storage"
	"kalends/webhook"
)

// leastKey is how long a key that seals the secrets of webhooks must be, in octets, and mostKey how long it may be.
const (
	leastKey = 32
	mostKey  = 4096
)

// webhookDesk is where people make webhooks.
func webhookDesk(ctx context.Context, cfg *config.Settings, store storage.Store) (*webhook.Desk, error) {
	server, err := store.Secret(ctx, "webhook")
	if err != nil {
		return nil, fmt.Errorf("webhook secrets: %w", err)
	}
	var outside []byte
	if cfg.Webhook.KeyFile != "" {
		text, err := os.ReadFile(cfg.Webhook.KeyFile)
		if err != nil {
			return nil, cfg.Fail("webhook.key_file", err)
		}
		if outside = bytes.TrimSpace(text); len(outside) < leastKey || len(outside) > mostKey {
			return nil, cfg.Fail("webhook.key_file", fmt.Errorf("the key must have from %d to %d bytes, and has %d", leastKey, mostKey, len(outside)))
		}
	}
	vault, err := webhook.NewVault(server, outside)
	if err != nil {
		return nil, err
	}
	networks, err := cfg.Webhook.Prefixes()
	if err != nil {
		return nil, cfg.Fail("webhook.networks", err)
	}
	return &webhook.Desk{Store: store, Vault: vault, Networks: networks}, nil
}

// webhooks sends what waits for webhooks.
func (a *app) webhooks(cfg *config.Settings, log *slog.Logger, service *calendar.Service, composer *mailer.Composer, queued func()) *webhook.Dispatcher {
	d := &webhook.Dispatcher{
		Store: a.store, Vault: a.desk.Vault, Client: webhook.Client(a.desk.Networks), Log: log, Now: a.now, Metrics: a.metrics, Grace: cfg.Grace.Duration,
		MayRead: service.MayHear, Notice: webhookOff{composer, cfg.BaseURL}.compose, Queued: queued,
	}
	a.desk.Wake = d.Wake
	return d
}

// webhookOff composes the mail about a webhook that was switched off.
type webhookOff struct {
	*mailer.Composer
	base string
}

func (w webhookOff) compose(ctx context.Context, tx storage.Tx, h *storage.Webhook, job int64, now time.Time) (*storage.Job, error) {
	people, err := tx.PrincipalsByID(ctx, []int64{h.Owner})
	if err != nil || len(people) == 0 || people[0].Email == "" {
		return nil, err
	}
	who := people[0]
	m := mailer.WebhookOff{
		To: mailer.Person{Address: "mailto:" + who.Email, Name: who.DisplayName}, Language: who.Language, Label: h.Label, Gone: h.Reason == webhook.OffGone,
		MessageID: w.JobID(&storage.Job{Owner: h.Owner, ID: job, Created: now}), Date: now,
	}
	if u, err := url.Parse(h.URL); err == nil { // a path may be as good as a password
		m.URL = u.Scheme + "://" + u.Host + "/…"
	}
	if w.base != "" {
		m.Link = strings.TrimSuffix(w.base, "/") + "/account/webhooks/" + webhook.ID(h.Key())
	}
	return jobOf(w.WebhookOff(m))
}
