package webhook

import (
	"context"

	"kalends/storage"
)

// Round serves what is due now, one after the other, and returns how many webhooks that were.
func (d *Dispatcher) Round(ctx context.Context) (int, error) {
	d.init()
	list, err := d.Store.ClaimWebhooks(ctx, d.Now(), d.Lease, d.Workers)
	for _, c := range list {
		d.serve(ctx, ctx, c)
	}
	return len(list), err
}

// Backoff and RetryAfter are the package's own.
var (
	Backoff    = backoff
	RetryAfter = retryAfter
)

// Sign and Seal are the package's own.
var Sign = sign

// Seal closes a secret.
func (v *Vault) Seal(h storage.WebhookKey, secret []byte) []byte { return v.seal(h, secret) }

// Open opens one.
func (v *Vault) Open(h storage.WebhookKey, sealed []byte) ([]byte, error) { return v.open(h, sealed) }
