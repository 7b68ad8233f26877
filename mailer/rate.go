package mailer

import (
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rates bound how much mail goes out for one person, and to one domain, so that neither a runaway program nor a large
// meeting makes others refuse our mail. What is above waits its turn; nothing is lost. Each server counts for itself.
type Rates struct {
	Sender int // mails an hour of one person; 0: no limit. Half of it may go at once.
	Domain int // mails a minute to one domain; 0: no limit. A tenth of it may go at once.

	mu      sync.Mutex
	senders map[int64]*rate.Limiter
	domains map[string]*rate.Limiter
	turns   map[turn]time.Time // given to jobs that wait
	swept   time.Time
}

// turn is a job that waits for its turn.
type turn struct{ owner, id int64 }

// take returns zero when the mail may go now, else when to come again: that time is kept for it.
func (r *Rates) take(now time.Time, owner, id int64, recipient string) (until time.Time) {
	if r == nil || r.Sender <= 0 && r.Domain <= 0 {
		return time.Time{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweep(now)
	t := turn{owner, id}
	if at, ok := r.turns[t]; ok {
		if now.Before(at) {
			return at
		}
		delete(r.turns, t)
		return time.Time{}
	}
	wait := time.Duration(0)
	if r.Sender > 0 {
		l := r.senders[owner]
		if l == nil {
			l = rate.NewLimiter(rate.Limit(float64(r.Sender)/3600), max(r.Sender/2, 1))
			r.senders[owner] = l
		}
		wait = l.ReserveN(now, 1).DelayFrom(now)
	}
	if r.Domain > 0 {
		domain := strings.ToLower(domainOf(recipient))
		l := r.domains[domain]
		if l == nil {
			l = rate.NewLimiter(rate.Limit(float64(r.Domain)/60), max(r.Domain/10, 1))
			r.domains[domain] = l
		}
		wait = max(wait, l.ReserveN(now, 1).DelayFrom(now))
	}
	if wait <= 0 {
		return time.Time{}
	}
	r.turns[t] = now.Add(wait)
	return now.Add(wait)
}

// sweep forgets what no longer matters, so that the maps hold no more than the people of an hour.
func (r *Rates) sweep(now time.Time) {
	if r.senders == nil {
		r.senders, r.domains, r.turns = map[int64]*rate.Limiter{}, map[string]*rate.Limiter{}, map[turn]time.Time{}
	}
	if now.Sub(r.swept) < 10*time.Minute {
		return
	}
	r.swept = now
	for k, l := range r.senders {
		if l.TokensAt(now) >= float64(l.Burst()) {
			delete(r.senders, k)
		}
	}
	for k, l := range r.domains {
		if l.TokensAt(now) >= float64(l.Burst()) {
			delete(r.domains, k)
		}
	}
	for k, at := range r.turns {
		if now.Sub(at) > time.Hour { // withdrawn, or carried out by another server
			delete(r.turns, k)
		}
	}
}
