package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"kalends/internal/obs"
	"kalends/internal/workers"
	"kalends/storage"
)

// Dispatcher sends what waits for webhooks, at least once, on any number of servers. It takes webhooks rather than deliveries: each is
// served by one worker at a time, in the order of its messages, so one that does not answer costs others nothing but a worker for Timeout,
// and after a failure it is left alone for a while. What failed comes again later, after messages that came behind it.
type Dispatcher struct {
	Store  storage.Store
	Vault  *Vault
	Client http.RoundTripper // see [Client]
	Log    *slog.Logger
	Now    func() time.Time
	// Metrics may be nil.
	Metrics *obs.Metrics
	// MayRead reports whether somebody may read a calendar of somebody else. It is asked before a message about one leaves.
	MayRead func(ctx context.Context, owner int64, of storage.WebhookWatch) (bool, error)
	// Notice composes the mail that tells somebody that their webhook was switched off, as the job with that id; nil for nobody to tell. It is
	// called in the transaction that does it. Queued is called afterwards. Both may be nil.
	Notice func(ctx context.Context, tx storage.Tx, h *storage.Webhook, job int64, now time.Time) (*storage.Job, error)
	Queued func()

	Workers int           // webhooks at once; 0: 16
	PerHost int           // of these, of one host; 0: 4
	Lease   time.Duration // 0: a minute
	Grace   time.Duration // how long attempts may go on after Run's context ends; 0: as long as Timeout

	once  sync.Once
	bell  workers.Bell
	mu    sync.Mutex
	hosts map[string]int // how many are being served
}

const (
	pollEvery = time.Second
	linger    = 20 * time.Millisecond
	// turn is how many messages a webhook gets before others have theirs.
	turn = 20
	// crowdedWait is when a webhook is looked at again whose host is busy with others.
	crowdedWait = 2 * time.Second
	// finishTime bounds writing down an outcome, and leaseMargin is what is left of a lease for an attempt and that.
	finishTime  = 15 * time.Second
	leaseMargin = Timeout + finishTime
)

func (d *Dispatcher) init() {
	d.once.Do(func() {
		d.hosts = map[string]int{}
		if d.Now == nil {
			d.Now = time.Now
		}
		if d.Log == nil {
			d.Log = slog.New(slog.DiscardHandler)
		}
		if d.Workers <= 0 {
			d.Workers = 16
		}
		if d.PerHost <= 0 {
			d.PerHost = 4
		}
		if d.Lease <= 0 {
			d.Lease = time.Minute
		}
		if d.Grace <= 0 {
			d.Grace = Timeout
		}
	})
}

// Wake says that something was queued. It may be called at any time, from anywhere, and does not block.
func (d *Dispatcher) Wake() { d.bell.Ring() }

// Run works until ctx ends, then claims nothing new, finishes what it holds within Grace, and returns nil.
func (d *Dispatcher) Run(ctx context.Context) error {
	d.init()
	pool := workers.Pool{Workers: d.Workers, Grace: d.Grace, Idle: d.sleep, Claim: func(ctx context.Context, free int) ([]workers.Task, bool) {
		list, err := d.Store.ClaimWebhooks(ctx, d.Now(), d.Lease, free)
		if err != nil && ctx.Err() == nil {
			d.Log.WarnContext(ctx, "claim webhooks", "err", err)
		}
		tasks := make([]workers.Task, len(list))
		for i, c := range list {
			tasks[i] = func(work context.Context) { d.serve(work, ctx, c) }
		}
		return tasks, len(list) == free
	}}
	pool.Run(ctx)
	return nil
}

// sleep waits for the next reason to look.
func (d *Dispatcher) sleep(ctx context.Context) {
	next, err := d.Store.NextWebhook(ctx)
	d.bell.Wait(ctx, workers.Pause(next, err, d.Now(), linger, pollEvery))
}

// enter takes one of a host's places; false where there is none.
func (d *Dispatcher) enter(host string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.hosts[host] >= d.PerHost {
		return false
	}
	d.hosts[host]++
	return true
}

func (d *Dispatcher) leave(host string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.hosts[host]--; d.hosts[host] <= 0 {
		delete(d.hosts, host)
	}
}

// serve sends what is due of one webhook, and gives it back. running ends before ctx does: then nothing new is begun.
func (d *Dispatcher) serve(ctx, running context.Context, c storage.ClaimedWebhook) {
	log := d.Log.With("owner", c.Owner, "webhook", c.ID)
	defer func() {
		if p := recover(); p != nil {
			log.ErrorContext(ctx, "panic in webhook", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	until := d.Now().Add(d.Lease - leaseMargin)
	host := hostOf(c.URL)
	again := time.Time{}
	if !d.enter(host) {
		again = d.Now().Add(crowdedWait + rand.N(crowdedWait))
	} else {
		err := func() error {
			defer d.leave(host)
			for i := 0; i < turn && running.Err() == nil && (i == 0 || d.Now().Before(until)); i++ {
				m, err := d.Store.NextDelivery(ctx, c.Key(), d.Now())
				if errors.Is(err, storage.ErrNotFound) {
					return nil
				}
				if err == nil {
					err = d.deliver(ctx, c, m)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}()
		switch {
		case errors.Is(err, storage.ErrConflict): // its owner began it anew, or another server has it
			return
		case err != nil && ctx.Err() == nil:
			log.ErrorContext(ctx, "webhook", "err", err)
		}
	}
	write, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer cancel()
	if err := d.Store.ReleaseWebhook(write, c, again); err != nil && !errors.Is(err, storage.ErrConflict) {
		log.WarnContext(ctx, "release webhook", "err", err) // its lease ends by itself
	}
}

// hostOf is what the bound on one host goes by.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// deliver makes one attempt and writes down how it ended.
func (d *Dispatcher) deliver(ctx context.Context, c storage.ClaimedWebhook, m *storage.Delivery) error {
	var r result
	may, err := d.may(ctx, m)
	switch {
	case err != nil:
		return err
	case !may:
		r.failed = FailedAccess
	default:
		r = d.attempt(ctx, c.Webhook, m)
		if r.failed == FailedConnect && ctx.Err() != nil {
			return ctx.Err() // we broke it off: it is tried once more
		}
	}
	now := d.Now().UTC()
	o := storage.DeliveryOutcome{
		Delivery: m, Claim: c.Claim, Failures: c.Failures, FailingSince: c.FailingSince, LastOK: c.LastOK, Hold: c.Hold,
	}
	m.Attempt++
	m.Tried, m.Status, m.Error = now, r.status, r.reason()
	off := ""
	switch {
	case r.ok():
		m.State = storage.DeliveryDone
		o.Failures, o.FailingSince, o.LastOK, o.Hold = 0, time.Time{}, now, time.Time{}
	case r.failed == FailedAccess, m.Test: // these say nothing about the webhook
		m.State = storage.DeliveryFailed
	case r.status == http.StatusGone:
		m.State, off = storage.DeliveryFailed, OffGone
	default:
		off = d.failed(&o, r, now)
	}
	write, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer cancel()
	if err := d.Store.FinishDelivery(write, o); err != nil {
		return err
	}
	c.Failures, c.FailingSince, c.LastOK, c.Hold = o.Failures, o.FailingSince, o.LastOK, o.Hold
	d.Metrics.Delivered(word(m.State), now.Sub(m.Created))
	if off != "" {
		return d.switchOff(write, c.Webhook, off)
	}
	return nil
}

// word is how an attempt ended, in the words of the metrics.
func word(s storage.DeliveryState) string {
	switch s {
	case storage.DeliveryDone:
		return "sent"
	case storage.DeliveryFailed:
		return "failed"
	}
	return "again"
}

// may reports whether a webhook's owner may (still) know what is in the calendar of a message.
func (d *Dispatcher) may(ctx context.Context, m *storage.Delivery) (bool, error) {
	if m.About.Owner == 0 || m.About.Owner == m.Owner {
		return true, nil
	}
	if d.MayRead == nil {
		return false, nil
	}
	may, err := d.MayRead(ctx, m.Owner, m.About)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	return may, err
}

// failed sets when what failed is tried again. It returns why the webhook is to be switched off, "" where it is not: when nothing has arrived for
// GiveUp, though it was tried all the while, or when a message is given up and nothing else has arrived since it was made.
func (d *Dispatcher) failed(o *storage.DeliveryOutcome, r result, now time.Time) (off string) {
	if o.Failures == 0 || now.Sub(o.Hold) > maxRetryWait { // long ago there was something to send last
		o.Failures, o.FailingSince = 0, now
	}
	o.Failures++
	o.Hold = now.Add(max(vary(backoff(o.Failures)), r.after))
	o.DueAt = now.Add(max(vary(backoff(int64(o.Attempt))), r.after))
	if now.Sub(o.FailingSince) >= GiveUp {
		off = OffFailing
	}
	if o.DueAt.Before(o.Created.Add(GiveUp)) {
		return off
	}
	o.State = storage.DeliveryFailed
	if o.LastOK.Before(o.Created) && o.FailingSince.Before(now) {
		off = OffFailing
	}
	return off
}

// vary makes a time a quarter longer or shorter, so that what failed together does not come back together.
func vary(t time.Duration) time.Duration {
	return time.Duration(float64(t) * (0.75 + 0.5*rand.Float64()))
}

// switchOff ends a webhook that is no good, and tells its owner.
func (d *Dispatcher) switchOff(ctx context.Context, h *storage.Webhook, reason string) error {
	now, queued := d.Now().UTC(), false
	err := d.Store.Update(ctx, func(tx storage.Tx) error {
		queued = false
		if err := tx.Lock(ctx, 1, h.Owner); err != nil {
			return err
		}
		was, err := tx.CloseWebhook(ctx, h.Key(), reason)
		if err != nil || !was || d.Notice == nil {
			return err
		}
		id, err := tx.Next(ctx, h.Owner)
		if err != nil {
			return err
		}
		closed := *h
		closed.State, closed.Reason = storage.WebhookOff, reason
		j, err := d.Notice(ctx, tx, &closed, id, now)
		if err != nil || j == nil {
			return err
		}
		j.Owner, j.ID, j.State, j.Created, j.DueAt = h.Owner, id, storage.Ready, now, now
		queued = true
		return tx.AddJob(ctx, j)
	})
	if err != nil {
		return fmt.Errorf("switch off webhook: %w", err)
	}
	d.Log.InfoContext(ctx, "webhook switched off", "owner", h.Owner, "webhook", h.ID, "reason", reason)
	if queued && d.Queued != nil {
		d.Queued()
	}
	return nil
}
