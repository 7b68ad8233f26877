package workers_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kalends/internal/workers"
)

// queue is one in memory whose tasks each take as long as they say.
type queue struct {
	mu     sync.Mutex
	due    []time.Duration
	asked  []int // how many were free, each time
	began  int
	ended  int
	cut    int // ended because their context did
	most   int // under way at once
	active int
}

func (q *queue) add(tasks ...time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.due = append(q.due, tasks...)
}

func (q *queue) claim(_ context.Context, free int) ([]workers.Task, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.asked = append(q.asked, free)
	n := min(free, len(q.due))
	var tasks []workers.Task
	for _, takes := range q.due[:n] {
		tasks = append(tasks, func(ctx context.Context) { q.do(ctx, takes) })
	}
	q.due = q.due[n:]
	return tasks, n == free
}

func (q *queue) do(ctx context.Context, takes time.Duration) {
	q.count(func() { q.began++; q.active++; q.most = max(q.most, q.active) })
	select {
	case <-time.After(takes):
		q.count(func() { q.ended++; q.active-- })
	case <-ctx.Done():
		q.count(func() { q.cut++; q.active-- })
	}
}

func (q *queue) count(f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f()
}

// poll is an Idle that looks once a second.
func poll(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
}

// start runs a pool over q, and returns what ends its context and waits for Run.
func start(q *queue, n int, grace time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	p := &workers.Pool{Workers: n, Grace: grace, Claim: q.claim, Idle: poll}
	var run sync.WaitGroup
	run.Go(func() { p.Run(ctx) })
	return func() {
		cancel()
		run.Wait()
	}
}

func TestAsManyAtOnceAsThereAreWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{}
		for range 20 {
			q.add(time.Minute)
		}
		began := time.Now()
		stop := start(q, 3, time.Second)
		time.Sleep(7*time.Minute + time.Second)
		stop()
		if q.ended != 20 || q.cut != 0 || q.most != 3 {
			t.Errorf("%d of 20 done and %d cut short, %d at once; want all, none and 3", q.ended, q.cut, q.most)
		}
		if took := time.Since(began); took != 7*time.Minute+time.Second {
			t.Errorf("stopped with nothing to do after %v", took)
		}
	})
}

func TestOneLongTaskLeavesTheOtherWorkersFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{}
		q.add(time.Hour)
		stop := start(q, 3, time.Second)
		time.Sleep(10 * time.Second)
		for range 10 {
			q.add(time.Second)
		}
		time.Sleep(10 * time.Second)
		q.count(func() {
			if q.ended != 10 {
				t.Errorf("%d of 10 short tasks are done beside a long one", q.ended)
			}
			for _, free := range q.asked[1:] {
				if free > 2 {
					t.Errorf("asked for work for %d workers while one of 3 is busy", free)
				}
			}
		})
		stop()
	})
}

// What a claim gives to a task that is under way takes no worker.
func TestWorkersThatGetNothingAreFreeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []int
		p := &workers.Pool{Workers: 4, Grace: time.Second, Idle: poll, Claim: func(_ context.Context, free int) ([]workers.Task, bool) {
			asked = append(asked, free)
			if len(asked) > 3 {
				return nil, false
			}
			return []workers.Task{func(context.Context) {}}, true // as many as were free, in one lane
		}}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		p.Run(ctx)
		if len(asked) < 4 || asked[len(asked)-1] != 4 {
			t.Errorf("workers free at each claim: %v; want 4 at the end", asked)
		}
	})
}

func TestWhatIsUnderWayHasTimeToEnd(t *testing.T) {
	for _, tt := range []struct {
		name         string
		takes, grace time.Duration
		ended, cut   int
		within       time.Duration
	}{
		{"it ends in time", 5 * time.Second, 10 * time.Second, 2, 0, 4 * time.Second},
		{"it takes too long", time.Hour, 10 * time.Second, 0, 2, 10 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := &queue{}
				q.add(tt.takes, tt.takes, tt.takes)
				stop := start(q, 2, tt.grace)
				time.Sleep(time.Second)
				end := time.Now()
				stop()
				if q.ended != tt.ended || q.cut != tt.cut || q.began != 2 {
					t.Errorf("%d ended, %d cut short of %d begun; want %d, %d and 2", q.ended, q.cut, q.began, tt.ended, tt.cut)
				}
				if took := time.Since(end); took != tt.within {
					t.Errorf("stopped after %v, want %v", took, tt.within)
				}
			})
		})
	}
}

// A Run that all workers keep waiting, or that has nothing to do, ends as soon as it may.
func TestStopWhileNothingCanBeClaimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{}
		q.add(time.Minute)
		stop := start(q, 1, time.Hour)
		time.Sleep(time.Second)
		q.count(func() {
			if len(q.asked) != 1 {
				t.Errorf("asked for work %d times with no worker free", len(q.asked))
			}
		})
		end := time.Now()
		stop()
		if took := time.Since(end); q.ended != 1 || took != 59*time.Second {
			t.Errorf("the task under way ended: %v, after %v", q.ended == 1, took)
		}
	})
}

func TestBell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b workers.Bell
		waited := func(ctx context.Context) (time.Duration, bool) {
			began := time.Now()
			rung := b.Wait(ctx, time.Minute)
			return time.Since(began), rung
		}
		if d, rung := waited(t.Context()); d != time.Minute || rung {
			t.Errorf("nobody rings: %v, %v", d, rung)
		}
		for range 3 { // before anybody waits
			b.Ring()
		}
		if d, rung := waited(t.Context()); d != 0 || !rung {
			t.Errorf("rung before: %v, %v", d, rung)
		}
		if d, rung := waited(t.Context()); d != time.Minute || rung {
			t.Errorf("rung three times, heard once: %v, %v", d, rung)
		}
		time.AfterFunc(time.Second, b.Ring)
		if d, rung := waited(t.Context()); d != time.Second || !rung {
			t.Errorf("rung while one waits: %v, %v", d, rung)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if d, rung := waited(ctx); d != 2*time.Second || rung {
			t.Errorf("the context ends: %v, %v", d, rung)
		}
	})
}

func TestPause(t *testing.T) {
	now := time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	const least, most = 20 * time.Millisecond, time.Second
	for _, tt := range []struct {
		name string
		next time.Time
		err  error
		want time.Duration
	}{
		{"soon", now.Add(300 * time.Millisecond), nil, 300 * time.Millisecond},
		{"due already", now.Add(-time.Hour), nil, least},
		{"far away", now.Add(time.Hour), nil, most},
		{"not known", now, errors.New("database is gone"), most},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := workers.Pause(tt.next, tt.err, now, least, most); got != tt.want {
				t.Errorf("Pause = %v, want %v", got, tt.want)
			}
		})
	}
}
