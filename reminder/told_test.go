package reminder

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"kalends/storage"
	"kalends/webhook"
)

// TestWebhooksAreToldOfReminders: once each, to the webhooks of whose reminder it is, whether a mail goes out or not; no others.
func TestWebhooksAreToldOfReminders(t *testing.T) {
	each(t, func(h *house) {
		bob, _ := h.person("bob")
		hooks := map[int64]int64{}
		for _, w := range []struct {
			owner int64
			kinds []webhook.Kind
			watch storage.WebhookWatch
		}{
			{h.alice.ID, webhook.Kinds, storage.WebhookWatch{Owner: h.alice.ID}},
			{bob.ID, webhook.Kinds, storage.WebhookWatch{Owner: h.alice.ID, Calendar: h.cal}},
		} {
			h.update(func(ctx context.Context, tx storage.Tx) error {
				if err := tx.Lock(ctx, 1, h.alice.ID, bob.ID); err != nil {
					return err
				}
				id, err := tx.Next(ctx, w.owner)
				if err != nil {
					return err
				}
				hooks[w.owner] = id
				hook := &storage.Webhook{Owner: w.owner, ID: id, Kinds: webhook.KindsText(w.kinds), State: storage.WebhookOn}
				if err := tx.PutWebhook(ctx, hook, h.Now()); err != nil {
					return err
				}
				return tx.SetWatches(ctx, hook.Key(), []storage.WebhookWatch{w.watch})
			})
		}
		h.put("a", event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY;COUNT=2\n!:-PT15M\n!:-PT5M"))
		h.put("day", event("DTSTART;VALUE=DATE:20260106\n!:-PT13H"))
		h.set("20260105T094500Z")
		h.rounds(h.server(), h.server())
		key := storage.WebhookKey{Owner: h.alice.ID, ID: hooks[h.alice.ID]}
		d, err := h.store.NextDelivery(context.Background(), key, h.Now())
		if err != nil {
			h.Fatal(err)
		}
		var m webhook.Message
		if err := json.Unmarshal(d.Body, &m); err != nil {
			h.Fatal(err)
		}
		if c := m.Changes[0]; m.Type != webhook.ReminderMessage || len(m.Changes) != 1 || c.Type != webhook.Reminder || c.UID != "a" || c.Due != "2026-01-05T09:45:00Z" || c.Start != "2026-01-05T10:00:00Z" {
			h.Errorf("told %s", d.Body)
		}
		list, err := h.store.Deliveries(context.Background(), h.alice.ID, key.ID, 0, 10)
		if err != nil || len(list) != 1 {
			h.Errorf("%d deliveries, %v", len(list), err)
		}
		h.add(15 * time.Minute)
		h.rounds(h.server(), h.server())
		list, err = h.store.Deliveries(context.Background(), h.alice.ID, key.ID, 0, 10)
		if err != nil || list[0].Sequence < 2 {
			h.Fatalf("the second is %+v, %v", list[0], err)
		}
		claims, err := h.store.ClaimWebhooks(context.Background(), h.Now(), time.Minute, 10)
		if err != nil {
			h.Fatal(err)
		}
		found := false
		for _, c := range claims {
			for {
				d, err := h.store.NextDelivery(context.Background(), c.Key(), h.Now())
				if err != nil {
					break
				}
				found = found || strings.Contains(string(d.Body), `"uid":"day"`) && strings.Contains(string(d.Body), `"start":"2026-01-06"`)
				d.State = storage.DeliveryDone
				if err := h.store.FinishDelivery(context.Background(), storage.DeliveryOutcome{Delivery: d, Claim: c.Claim}); err != nil {
					h.Fatal(err)
				}
			}
		}
		if !found {
			h.Error("a reminder of a whole day is not told with its date")
		}
		if list, err := h.store.Deliveries(context.Background(), bob.ID, hooks[bob.ID], 0, 10); err != nil || len(list) != 0 {
			h.Errorf("another person is told: %d, %v", len(list), err)
		}
	})
}
