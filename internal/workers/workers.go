// Package workers is the loop of what serves a queue that is kept in the database: take as much as there are workers free for, serve it, wait
// until there is a reason to look again, and come to an end in order.
package workers

import (
	"context"
	"sync"
	"time"
)

// A Task is one piece of work. Its context outlives the one of [Pool.Run] by the grace that what is under way has.
type Task func(ctx context.Context)

// Pool serves a queue. All its fields are set before Run.
type Pool struct {
	// Workers is how many tasks are under way at once.
	Workers int
	// Grace is how long tasks may go on after Run's context has ended. Then theirs ends.
	Grace time.Duration
	// Claim takes work for up to free workers. It returns no more tasks than that; fewer where some of what it took goes to a task that is
	// under way. more says that there may be more to take as soon as a worker is free; else Idle is called first. It logs its own errors.
	Claim func(ctx context.Context, free int) (tasks []Task, more bool)
	// Idle waits for the next reason to look, or until ctx ends.
	Idle func(ctx context.Context)
}

// Run works until ctx ends, then claims nothing new, and returns when what is under way has ended.
func (p *Pool) Run(ctx context.Context) {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var wg sync.WaitGroup
	busy := make(chan struct{}, p.Workers)
	for ctx.Err() == nil {
		// One free worker at least, then as many as there are.
		select {
		case busy <- struct{}{}:
		case <-ctx.Done():
			continue
		}
		free := 1
		for free < p.Workers && tryPut(busy) {
			free++
		}
		tasks, more := p.Claim(ctx, free)
		for _, task := range tasks {
			wg.Go(func() {
				defer func() { <-busy }()
				task(work)
			})
		}
		for range free - len(tasks) {
			<-busy
		}
		if !more {
			p.Idle(ctx)
		}
	}
	Finish(&wg, p.Grace, stop)
}

func tryPut(c chan<- struct{}) bool {
	select {
	case c <- struct{}{}:
		return true
	default:
		return false
	}
}

// Finish waits for what is under way. After grace it calls stop, which tells it to end, and waits on.
func Finish(underWay *sync.WaitGroup, grace time.Duration, stop func()) {
	done := make(chan struct{})
	go func() { underWay.Wait(); close(done) }()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		stop()
		<-done
	}
}

// Bell wakes one who waits for work. The zero value is ready.
type Bell struct {
	once sync.Once
	rung chan struct{}
}

func (b *Bell) ready() chan struct{} {
	b.once.Do(func() { b.rung = make(chan struct{}, 1) })
	return b.rung
}

// Ring ends the Wait that is under way, or else the next. It may be called at any time, from anywhere, and does not block.
func (b *Bell) Ring() { tryPut(b.ready()) }

// Wait waits for the bell, for d, or until ctx ends, and reports whether it was the bell.
func (b *Bell) Wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-b.ready():
		return true
	}
	return false
}

// Pause is how long to wait for the earliest of what is due, as far as is known: poll at the most, because other servers add to a queue too, and
// not less than least, because what somebody else has claimed may count as due. An err means that nothing is known.
func Pause(next time.Time, err error, now time.Time, least, poll time.Duration) time.Duration {
	if err != nil {
		return poll
	}
	return min(max(next.Sub(now), least), poll)
}
