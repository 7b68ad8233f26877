package webhook_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kalends/storage"
	"kalends/webhook"
)

// slow is a receiver that answers as its hosts' names say, in fake time.
type slow struct {
	mu    sync.Mutex
	now   map[string]int // requests at once, by host
	most  map[string]int
	tries map[string][]try // by host
}

// try is one request, as the receiver saw it.
type try struct{ began, ended time.Time }

func (s *slow) RoundTrip(r *http.Request) (*http.Response, error) {
	host, began := r.URL.Hostname(), time.Now()
	s.mu.Lock()
	s.now[host]++
	s.most[host] = max(s.most[host], s.now[host])
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.now[host]--
		s.tries[host] = append(s.tries[host], try{began, time.Now()})
		s.mu.Unlock()
	}()
	if strings.HasPrefix(host, "slow") {
		select {
		case <-r.Context().Done(): // never
		case <-time.After(time.Hour):
		}
		return nil, r.Context().Err()
	}
	return httptest.NewRecorder().Result(), nil
}

// queue is a store of webhooks in memory, for tests in fake time: one delivery each that is due at once.
type queue struct {
	storage.Store
	mu    sync.Mutex
	hooks []*storage.Webhook
	left  map[int64]bool
	at    map[int64]time.Time
}

func (q *queue) ClaimWebhooks(_ context.Context, now time.Time, lease time.Duration, limit int) (list []storage.ClaimedWebhook, _ error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, h := range q.hooks {
		if len(list) < limit && q.left[h.ID] && !q.at[h.ID].After(now) {
			q.at[h.ID] = now.Add(lease)
			list = append(list, storage.ClaimedWebhook{Webhook: h})
		}
	}
	return list, nil
}

func (q *queue) NextWebhook(context.Context) (time.Time, error) {
	return time.Time{}, storage.ErrNotFound
}

func (q *queue) NextDelivery(_ context.Context, k storage.WebhookKey, _ time.Time) (*storage.Delivery, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.left[k.ID] {
		return nil, storage.ErrNotFound
	}
	return &storage.Delivery{Owner: k.Owner, Webhook: k.ID, Message: "m" + strconv.FormatInt(k.ID, 10), Created: time.Now()}, nil
}

func (q *queue) FinishDelivery(_ context.Context, o storage.DeliveryOutcome) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.left[o.Webhook] = false
	return nil
}

func (q *queue) ReleaseWebhook(_ context.Context, h storage.ClaimedWebhook, before time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.at[h.ID] = before
	return nil
}

// TestOneSlowReceiverHoldsUpNobody: a hundred webhooks of one host that never answers, queued first, and one that does.
func TestOneSlowReceiverHoldsUpNobody(t *testing.T) {
	vault, err := webhook.NewVault([]byte("server"), nil)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		q := &queue{left: map[int64]bool{}, at: map[int64]time.Time{}}
		for i := range int64(101) {
			host := "slow.example.com"
			if i == 100 {
				host = "quick.example.com"
			}
			h := &storage.Webhook{Owner: 1, ID: i + 1, URL: "https://" + host + "/", State: storage.WebhookOn}
			h.Secret = vault.Seal(h.Key(), make([]byte, 32))
			q.hooks, q.left[h.ID] = append(q.hooks, h), true
		}
		s, start := &slow{now: map[string]int{}, most: map[string]int{}, tries: map[string][]try{}}, time.Now()
		d := &webhook.Dispatcher{Store: q, Vault: vault, Client: s}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if err := d.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if s.most["slow.example.com"] != 4 {
			t.Errorf("at once %v", s.most)
		}
		if quick := s.tries["quick.example.com"]; len(quick) != 1 || quick[0].ended.Sub(start) > 3*time.Second {
			t.Errorf("the quick one had its message at %v, after %v", quick, start)
		}
		// Which of the slow ones get a place first is chance. Within a minute, four at a time have at least four turns.
		if n := len(s.tries["slow.example.com"]); n < 16 {
			t.Errorf("%d attempts of the slow ones", n)
		}
		for _, a := range s.tries["slow.example.com"] {
			if took := a.ended.Sub(a.began); took != webhook.Timeout {
				t.Errorf("an attempt took %v", took)
			}
		}
	})
}
