package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"kalends/storage"
)

const claimWebhooks = `WITH picked AS MATERIALIZED (
		SELECT owner_id, id FROM webhooks WHERE wake_at > 0 AND wake_at <= $1 AND leased <= $1
		ORDER BY wake_at LIMIT :limit FOR UPDATE SKIP LOCKED)
	UPDATE webhooks SET leased = $2, claim = webhooks.claim + 1
	FROM picked WHERE webhooks.owner_id = picked.owner_id AND webhooks.id = picked.id
	RETURNING webhooks.owner_id, webhooks.id, webhooks.created, webhooks.old_until, webhooks.sequence, webhooks.failures,
		webhooks.failing_since, webhooks.last_ok, webhooks.hold, webhooks.claim, webhooks.state, webhooks.reason, webhooks.url,
		webhooks.label, webhooks.kinds, webhooks.secret, webhooks.old_secret`

// ClaimWebhooks implements [storage.WebhookQueue].
func (s *Store) ClaimWebhooks(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]storage.ClaimedWebhook, error) {
	var list []storage.ClaimedWebhook
	err := s.writeOne(ctx, stmt{sql: limited(claimWebhooks, limit), args: []any{micros(now), micros(now.Add(lease))}, row: func(r scanner) error {
		h := storage.ClaimedWebhook{Webhook: &storage.Webhook{}}
		err := scanWebhook(r, h.Webhook, &h.Claim)
		list = append(list, h)
		return err
	}})
	if err != nil {
		return nil, fmt.Errorf("claim webhooks: %w", err)
	}
	slices.SortFunc(list, func(a, b storage.ClaimedWebhook) int { return a.Hold.Compare(b.Hold) })
	return list, nil
}

// NextDelivery implements [storage.WebhookQueue].
func (s *Store) NextDelivery(ctx context.Context, h storage.WebhookKey, now time.Time) (*storage.Delivery, error) {
	var d *storage.Delivery
	err := s.query(ctx, func(r scanner) error {
		d = &storage.Delivery{}
		return scanDelivery(r, d, &d.Body)
	}, `SELECT `+deliveryColumns+`, body FROM webhook_deliveries d
		WHERE owner_id = $1 AND hook_id = $2 AND state = 'ready' AND due_at <= $3 AND (test = 1 OR EXISTS (
			SELECT 1 FROM webhooks h WHERE h.owner_id = $1 AND h.id = $2 AND h.state = 'on' AND h.hold <= $3))
		ORDER BY attempt, sequence LIMIT 1`, h.Owner, h.ID, micros(now))
	if err == nil && d == nil {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("next delivery of webhook %d/%d: %w", h.Owner, h.ID, err)
	}
	return d, nil
}

// FinishDelivery implements [storage.WebhookQueue].
func (s *Store) FinishDelivery(ctx context.Context, o storage.DeliveryOutcome) error {
	ended := int64(b2i(o.State != storage.DeliveryReady))
	args := []any{o.Owner, o.Webhook, o.Sequence, string(o.State), micros(o.DueAt), micros(o.Tried), int64(o.Attempt), int64(o.Status), o.Error, ended, []byte{}}
	err := checkText(args)
	if err == nil {
		err = s.update(ctx, func(tx *Tx) error {
			var n int64
			err := tx.run(ctx, stmt{
				sql: `UPDATE webhooks SET failures = $4, failing_since = $5, last_ok = $6, hold = $7
					WHERE owner_id = $1 AND id = $2 AND claim = $3`,
				args: []any{o.Owner, o.Webhook, o.Claim, o.Failures, micros(o.FailingSince), micros(o.LastOK), micros(o.Hold)},
				done: func(rows int64) { n = rows },
			}, stmt{
				sql: `UPDATE webhook_deliveries SET state = $4, due_at = $5, tried = $6, attempt = $7, status = $8, error = $9,
						body = CASE WHEN $10 = 1 THEN $11 ELSE body END
					WHERE owner_id = $1 AND hook_id = $2 AND sequence = $3`, args: args,
			})
			if err == nil && n == 0 {
				err = storage.ErrConflict
			}
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("finish delivery %d/%d/%d: %w", o.Owner, o.Webhook, o.Sequence, err)
	}
	return nil
}

// ReleaseWebhook implements [storage.WebhookQueue].
func (s *Store) ReleaseWebhook(ctx context.Context, h storage.ClaimedWebhook, before time.Time) error {
	err := s.update(ctx, func(tx *Tx) error {
		var n int64
		err := tx.run(ctx,
			stmt{sql: `UPDATE webhooks SET leased = 0, claim = claim + 1 WHERE owner_id = $1 AND id = $2 AND claim = $3`,
				args: []any{h.Owner, h.ID, h.Claim}, done: func(rows int64) { n = rows }},
			stmt{sql: rewake, args: []any{h.Owner, h.ID}},
			stmt{sql: `UPDATE webhooks SET wake_at = $3 WHERE owner_id = $1 AND id = $2 AND wake_at > 0 AND wake_at < $3`,
				args: []any{h.Owner, h.ID, micros(before)}})
		if err == nil && n == 0 {
			err = storage.ErrConflict
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("release webhook %d/%d: %w", h.Owner, h.ID, err)
	}
	return nil
}

// NextWebhook implements [storage.WebhookQueue]. Of those that are due some may be leased: as many as anybody works on at once are looked at.
func (s *Store) NextWebhook(ctx context.Context) (time.Time, error) {
	return s.nextWake(ctx, "webhooks", `SELECT min(CASE WHEN leased > wake_at THEN leased ELSE wake_at END) FROM (
		SELECT wake_at, leased FROM webhooks WHERE wake_at > 0 ORDER BY wake_at LIMIT 200) AS waiting HAVING count(*) > 0`)
}

// WebhookDepth implements [storage.WebhookQueue].
func (s *Store) WebhookDepth(ctx context.Context) (storage.Depth, error) {
	var n, since int64
	err := s.query(ctx, into(&n, &since), `SELECT count(*), COALESCE(min(created), 0) FROM (
		SELECT d.created FROM webhooks h JOIN webhook_deliveries d ON d.owner_id = h.owner_id AND d.hook_id = h.id
		WHERE h.wake_at > 0 AND h.state = 'on' AND d.state = 'ready' LIMIT $1) AS waiting`, int64(storage.MaxDepth))
	if err != nil {
		return storage.Depth{}, fmt.Errorf("webhooks that wait: %w", err)
	}
	return storage.Depth{Count: n, Due: instant(since)}, nil
}

// PurgeDeliveries implements [storage.WebhookQueue].
func (s *Store) PurgeDeliveries(ctx context.Context, before time.Time, limit int) (int64, error) {
	var n int64
	err := s.writeOne(ctx, stmt{
		sql: `DELETE FROM webhook_deliveries WHERE (owner_id, hook_id, sequence) IN (
			SELECT owner_id, hook_id, sequence FROM webhook_deliveries WHERE created < $1 ORDER BY created LIMIT $2)`,
		args: []any{micros(before), limitOr(limit)}, done: func(rows int64) { n = rows },
	})
	if err != nil {
		return 0, fmt.Errorf("purge deliveries: %w", err)
	}
	return n, nil
}
