package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"kalends/storage"
)

const webhookColumns = `owner_id, id, created, old_until, sequence, failures, failing_since, last_ok, hold, claim, state, reason, url, label,
	kinds, secret, old_secret`

func scanWebhook(r scanner, h *storage.Webhook, claim *int64) error {
	var created, oldUntil, since, ok, hold int64
	err := r.Scan(&h.Owner, &h.ID, &created, &oldUntil, &h.Sequence, &h.Failures, &since, &ok, &hold, claim, (*string)(&h.State), &h.Reason,
		&h.URL, &h.Label, &h.Kinds, &h.Secret, &h.OldSecret)
	h.Created, h.OldUntil, h.FailingSince, h.LastOK, h.Hold = instant(created), instant(oldUntil), instant(since), instant(ok), instant(hold)
	return err
}

// Webhooks implements [storage.WebhookReader].
func (q queries) Webhooks(ctx context.Context, owner int64) ([]*storage.Webhook, error) {
	return q.webhooks(ctx, owner, 0)
}

// Webhook implements [storage.WebhookReader].
func (q queries) Webhook(ctx context.Context, owner, id int64) (*storage.Webhook, error) {
	list, err := q.webhooks(ctx, owner, id)
	if err == nil && (len(list) == 0 || id == 0) {
		err = fmt.Errorf("webhook %d/%d: %w", owner, id, storage.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

func (q queries) webhooks(ctx context.Context, owner, id int64) ([]*storage.Webhook, error) {
	var list []*storage.Webhook
	byID := map[int64]*storage.Webhook{}
	err := q.r.run(ctx, stmt{
		sql:  `SELECT ` + webhookColumns + ` FROM webhooks WHERE owner_id = $1 AND ($2 = 0 OR id = $2) ORDER BY id`,
		args: []any{owner, id}, row: func(r scanner) error {
			h := &storage.Webhook{}
			var claim int64
			err := scanWebhook(r, h, &claim)
			list, byID[h.ID] = append(list, h), h
			return err
		},
	}, stmt{
		sql: `SELECT hook_id, owner_id, calendar_id FROM webhook_watches WHERE hook_owner = $1 AND ($2 = 0 OR hook_id = $2)
			ORDER BY hook_id, owner_id, calendar_id`,
		args: []any{owner, id}, row: func(r scanner) error {
			var hook int64
			var w storage.WebhookWatch
			err := r.Scan(&hook, &w.Owner, &w.Calendar)
			if h := byID[hook]; h != nil {
				h.Watches = append(h.Watches, w)
			}
			return err
		},
	})
	if err != nil {
		return nil, fmt.Errorf("webhooks of %d: %w", owner, err)
	}
	return list, nil
}

const deliveryColumns = `owner_id, hook_id, sequence, about_owner, about_calendar, created, due_at, tried, attempt, changes, test, status, state,
	message, error`

func scanDelivery(r scanner, d *storage.Delivery, more ...any) error {
	var created, due, tried, attempt, changes, test, status int64
	err := r.Scan(append([]any{&d.Owner, &d.Webhook, &d.Sequence, &d.About.Owner, &d.About.Calendar, &created, &due, &tried, &attempt, &changes,
		&test, &status, (*string)(&d.State), &d.Message, &d.Error}, more...)...)
	d.Created, d.DueAt, d.Tried = instant(created), instant(due), instant(tried)
	d.Attempt, d.Changes, d.Test, d.Status = int(attempt), int(changes), test != 0, int(status)
	return err
}

// Deliveries implements [storage.WebhookReader].
func (q queries) Deliveries(ctx context.Context, owner, webhook, below int64, limit int) ([]*storage.Delivery, error) {
	if below == 0 {
		below = 1 << 62
	}
	var list []*storage.Delivery
	err := q.query(ctx, func(r scanner) error {
		d := &storage.Delivery{}
		list = append(list, d)
		return scanDelivery(r, d)
	}, `SELECT `+deliveryColumns+` FROM webhook_deliveries WHERE owner_id = $1 AND hook_id = $2 AND sequence < $3
		ORDER BY sequence DESC LIMIT $4`, owner, webhook, below, limitOr(limit))
	if err != nil {
		return nil, fmt.Errorf("deliveries of webhook %d/%d: %w", owner, webhook, err)
	}
	return list, nil
}

// Watchers implements [storage.WebhookReader].
func (q queries) Watchers(ctx context.Context, cal storage.Ref) (int64, error) {
	var n int64
	err := q.query(ctx, into(&n), `SELECT count(*) FROM webhook_watches WHERE owner_id = $1 AND calendar_id = $2 AND hook_owner <> owner_id`,
		cal.Owner, cal.ID)
	if err != nil {
		return 0, fmt.Errorf("watchers of %d/%d: %w", cal.Owner, cal.ID, err)
	}
	return n, nil
}

// Watched implements [storage.WebhookTx].
func (tx *Tx) Watched(owner int64) bool { return tx.seqs[owner] != nil && tx.seqs[owner].watched }

// Watching implements [storage.WebhookTx].
func (tx *Tx) Watching(ctx context.Context, owners []int64) ([]storage.Watching, error) {
	for _, o := range owners {
		if err := tx.mustLock(o); err != nil {
			return nil, err
		}
	}
	var list []storage.Watching
	// The deliveries that wait are a range of an index; of each webhook at most so many are looked at.
	err := tx.query(ctx, collect(&list, func(r scanner, w *storage.Watching) error {
		return r.Scan(&w.Watch.Owner, &w.Watch.Calendar, &w.Webhook.Owner, &w.Webhook.ID, &w.Kinds, (*string)(&w.State), &w.Waiting)
	}), `SELECT w.owner_id, w.calendar_id, h.owner_id, h.id, h.kinds, h.state, (SELECT count(*) FROM (
			SELECT 1 AS one FROM webhook_deliveries d
			WHERE d.owner_id = h.owner_id AND d.hook_id = h.id AND d.state = 'ready' LIMIT $2) AS waiting)
		FROM webhook_watches w JOIN webhooks h ON h.owner_id = w.hook_owner AND h.id = w.hook_id
		WHERE w.owner_id = ANY($1) AND h.state <> 'off'
		ORDER BY h.owner_id, h.id, w.owner_id, w.calendar_id`, owners, int64(storage.MaxWaiting))
	if err != nil {
		return nil, fmt.Errorf("who watches: %w", err)
	}
	return list, nil
}

// DrawDeliveries implements [storage.WebhookTx].
func (tx *Tx) DrawDeliveries(ctx context.Context, draws []storage.DeliveryDraw) (map[storage.WebhookKey]int64, error) {
	last := make(map[storage.WebhookKey]int64, len(draws))
	stmts := make([]stmt, len(draws))
	for i, d := range draws {
		stmts[i] = stmt{
			sql: `UPDATE webhooks SET sequence = sequence + $3, wake_at = CASE
					WHEN state <> 'on' AND $5 = 0 THEN wake_at
					WHEN wake_at = 0 OR wake_at > (CASE WHEN hold > $4 AND $5 = 0 THEN hold ELSE $4 END)
						THEN CASE WHEN hold > $4 AND $5 = 0 THEN hold ELSE $4 END
					ELSE wake_at END
				WHERE owner_id = $1 AND id = $2 RETURNING sequence`,
			args: []any{d.Owner, d.ID, d.N, micros(d.Due), int64(b2i(d.Test))},
			row: func(r scanner) error {
				var seq int64
				err := r.Scan(&seq)
				last[d.WebhookKey] = seq
				return err
			},
		}
	}
	if err := tx.run(ctx, stmts...); err != nil {
		return nil, fmt.Errorf("draw deliveries: %w", err)
	}
	return last, nil
}

var deliverySpec = &spec{
	head: `INSERT INTO webhook_deliveries (owner_id, hook_id, sequence, about_owner, about_calendar, created, due_at, changes, test, state,
		message, body, tried, attempt, status, error) VALUES `,
	sep: `, `, row: `($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, 0, 0, '')`, cols: 12, order: orderDeliveries,
}

// AddDeliveries implements [storage.WebhookTx].
func (tx *Tx) AddDeliveries(ctx context.Context, list []*storage.Delivery) error {
	for _, d := range list {
		err := tx.add(ctx, deliverySpec, rowKey{a: d.Owner, b: d.Webhook, c: d.Sequence}, d.Owner, d.Webhook, d.Sequence, d.About.Owner,
			d.About.Calendar, micros(d.Created), micros(d.DueAt), int64(d.Changes), int64(b2i(d.Test)), string(d.State), d.Message, blob(d.Body))
		if err != nil {
			return fmt.Errorf("delivery %d/%d/%d: %w", d.Owner, d.Webhook, d.Sequence, err)
		}
	}
	return nil
}

// freshened decides whether a change of a webhook begins it anew.
const freshened = `excluded.state = 'on' AND (webhooks.state <> 'on' OR webhooks.url <> excluded.url)`

// PutWebhook implements [storage.WebhookTx].
func (tx *Tx) PutWebhook(ctx context.Context, h *storage.Webhook, now time.Time) error {
	if err := tx.mustLock(h.Owner); err != nil {
		return err
	}
	args := []any{h.Owner, h.ID, micros(h.Created), micros(h.OldUntil), string(h.State), h.Reason, h.URL, h.Label, h.Kinds, blob(h.Secret), blob(h.OldSecret)}
	if err := checkText(args); err != nil {
		return fmt.Errorf("webhook %d/%d: %w", h.Owner, h.ID, err)
	}
	err := tx.run(ctx, stmt{sql: `INSERT INTO webhooks (owner_id, id, created, old_until, state, reason, url, label, kinds, secret, old_secret,
			sequence, failures, failing_since, last_ok, hold, wake_at, leased, claim)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 0, 0, 0, 0, 0, 0, 0)
		ON CONFLICT (owner_id, id) DO UPDATE SET old_until = excluded.old_until, state = excluded.state, reason = excluded.reason,
			url = excluded.url, label = excluded.label, kinds = excluded.kinds, secret = excluded.secret, old_secret = excluded.old_secret,
			failures = CASE WHEN ` + freshened + ` THEN 0 ELSE webhooks.failures END,
			failing_since = CASE WHEN ` + freshened + ` THEN 0 ELSE webhooks.failing_since END,
			hold = CASE WHEN ` + freshened + ` THEN 0 ELSE webhooks.hold END,
			leased = CASE WHEN ` + freshened + ` THEN 0 ELSE webhooks.leased END,
			claim = CASE WHEN ` + freshened + ` THEN webhooks.claim + 1 ELSE webhooks.claim END`, args: args},
		stmt{sql: `UPDATE webhook_deliveries SET due_at = $3 WHERE owner_id = $1 AND hook_id = $2 AND state = 'ready' AND due_at > $3
			AND EXISTS (SELECT 1 FROM webhooks h WHERE h.owner_id = $1 AND h.id = $2 AND h.state = 'on' AND h.failures = 0)`,
			args: []any{h.Owner, h.ID, micros(now)}},
		stmt{sql: rewake, args: []any{h.Owner, h.ID}})
	if err != nil {
		return fmt.Errorf("webhook %d/%d: %w", h.Owner, h.ID, err)
	}
	return nil
}

// rewake sets when a webhook is looked at from what waits for it. Its row is locked by a statement before, so that nothing is added
// meanwhile which this one does not see.
const rewake = `UPDATE webhooks SET wake_at = COALESCE((
		SELECT min(CASE WHEN d.test = 0 AND d.due_at < webhooks.hold THEN webhooks.hold ELSE d.due_at END) FROM webhook_deliveries d
		WHERE d.owner_id = webhooks.owner_id AND d.hook_id = webhooks.id AND d.state = 'ready' AND (webhooks.state = 'on' OR d.test = 1)), 0)
	WHERE owner_id = $1 AND id = $2`

// SetWatches implements [storage.WebhookTx].
func (tx *Tx) SetWatches(ctx context.Context, h storage.WebhookKey, list []storage.WebhookWatch) error {
	if err := tx.mustLock(h.Owner); err != nil {
		return err
	}
	var owners []int64
	err := tx.query(ctx, collect(&owners, scanOne[int64]), `SELECT owner_id FROM webhook_watches WHERE hook_owner = $1 AND hook_id = $2`, h.Owner, h.ID)
	if err != nil {
		return fmt.Errorf("watches of webhook %d/%d: %w", h.Owner, h.ID, err)
	}
	for _, w := range list {
		owners = append(owners, w.Owner)
	}
	slices.Sort(owners)
	owners = slices.Compact(owners)
	for _, o := range owners {
		if err := tx.mustLock(o); err != nil {
			return err
		}
	}
	if err := tx.write(ctx, `DELETE FROM webhook_watches WHERE hook_owner = $1 AND hook_id = $2`, h.Owner, h.ID); err != nil {
		return err
	}
	for _, w := range list {
		err := tx.write(ctx, `INSERT INTO webhook_watches (owner_id, calendar_id, hook_owner, hook_id) VALUES ($1, $2, $3, $4)
			ON CONFLICT (owner_id, calendar_id, hook_owner, hook_id) DO NOTHING`, w.Owner, w.Calendar, h.Owner, h.ID)
		if err != nil {
			return err
		}
	}
	for _, o := range owners {
		err := tx.write(ctx, `UPDATE homes SET watched = (SELECT count(*) FROM webhook_watches w WHERE w.owner_id = homes.owner_id)
			WHERE owner_id = $1`, o)
		if err != nil {
			return err
		}
	}
	return nil
}

// DeleteWebhook implements [storage.WebhookTx].
func (tx *Tx) DeleteWebhook(ctx context.Context, h storage.WebhookKey) error {
	if err := tx.SetWatches(ctx, h, nil); err != nil {
		return err
	}
	if err := tx.write(ctx, `DELETE FROM webhooks WHERE owner_id = $1 AND id = $2`, h.Owner, h.ID); err != nil {
		return err
	}
	return tx.write(ctx, `DELETE FROM webhook_deliveries WHERE owner_id = $1 AND hook_id = $2`, h.Owner, h.ID)
}

// CloseWebhook implements [storage.WebhookTx].
func (tx *Tx) CloseWebhook(ctx context.Context, h storage.WebhookKey, reason string) (bool, error) {
	if err := tx.mustLock(h.Owner); err != nil {
		return false, err
	}
	args := []any{h.Owner, h.ID, reason}
	if err := checkText(args); err != nil {
		return false, fmt.Errorf("close webhook: %w", err)
	}
	var n int64
	err := tx.run(ctx,
		stmt{sql: `UPDATE webhooks SET state = 'off', reason = $3 WHERE owner_id = $1 AND id = $2 AND state = 'on'`, args: args,
			done: func(rows int64) { n = rows }},
		stmt{sql: `UPDATE webhook_deliveries SET state = 'failed', body = $3, error = $4
			WHERE owner_id = $1 AND hook_id = $2 AND state = 'ready' AND test = 0
			AND EXISTS (SELECT 1 FROM webhooks h WHERE h.owner_id = $1 AND h.id = $2 AND h.state = 'off')`,
			args: []any{h.Owner, h.ID, []byte{}, reason}},
		stmt{sql: rewake, args: []any{h.Owner, h.ID}})
	if err != nil {
		return false, fmt.Errorf("close webhook %d/%d: %w", h.Owner, h.ID, err)
	}
	return n > 0, nil
}
