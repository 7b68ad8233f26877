package mailer

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kalends/storage"
)

// uncommitted counts mails between the dot that ends them and the commit of their outcome: what a kill at that moment repeats.
type uncommitted struct {
	*memoryQueue
	mu         sync.Mutex
	now, worst int
	commit     time.Duration
}

func (u *uncommitted) sent() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.now++
	u.worst = max(u.worst, u.now)
}

func (u *uncommitted) FinishJobs(ctx context.Context, jobs []*storage.Job) []error {
	time.Sleep(u.commit)
	errs := u.memoryQueue.FinishJobs(ctx, jobs)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.now -= len(jobs)
	return errs
}

// TestR1AKillRepeatsOneMail: outside of bursts at most one mail is between its dot and its commit, however many leave; a burst is not held up, nor is
// anybody by a relay that is slow to answer.
func TestR1AKillRepeatsOneMail(t *testing.T) {
	for _, tt := range []struct {
		name          string
		jobs          int
		answer        time.Duration // of the relay
		worst         int           // at most so many at once
		least         int
		takes, within time.Duration
	}{
		{"a meeting with 31 people", 31, 10 * time.Millisecond, 1, 1, 31 * 12 * time.Millisecond, time.Second},
		{"a burst", 2000, 10 * time.Millisecond, 32, 16, 0, 5 * time.Second},
		{"a relay that is slow to answer", 8, 20 * time.Second, 8, 2, 20 * time.Second, 25 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := &uncommitted{memoryQueue: &memoryQueue{}, commit: 2 * time.Millisecond}
				began := time.Now()
				for i := range tt.jobs {
					q.add(&storage.Job{Owner: 1, ID: int64(i + 1), Object: int64(i + 1), Kind: "k", Recipient: fmt.Sprint(i)})
				}
				d := &Dispatcher{Queue: q, Handlers: map[string]Handler{"k": func(ctx context.Context, _ *storage.Job) error {
					time.Sleep(5 * time.Millisecond) // up to the dot
					finalDot(ctx)
					q.sent()
					time.Sleep(tt.answer)
					return nil
				}}}
				stop := start(t, d)
				for q.endedJobs() < tt.jobs {
					time.Sleep(time.Millisecond)
				}
				if took := time.Since(began); took < tt.takes || took > tt.within {
					t.Errorf("it took %v, want %v to %v", took, tt.takes, tt.within)
				}
				stop()
				if q.worst > tt.worst || q.worst < tt.least {
					t.Errorf("%d mails at once could have been repeated, want %d to %d", q.worst, tt.least, tt.worst)
				}
			})
		})
	}
}

// TestFinalDotWithoutDispatcher: a transport works by itself, and for a job that sends two messages.
func TestFinalDotWithoutDispatcher(t *testing.T) {
	finalDot(t.Context())
	p := &pass{gate: &gate{through: make(chan struct{}, 1)}}
	ctx := context.WithValue(t.Context(), passKey{}, p)
	finalDot(ctx)
	finalDot(ctx)
	if !p.in || len(p.gate.through) != 1 {
		t.Error("not in the gate")
	}
	p.leave()
	p.leave()
	if p.in || len(p.gate.through) != 0 {
		t.Error("still in the gate")
	}
}
