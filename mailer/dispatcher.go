package mailer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"kalends/internal/workers"
	"kalends/storage"
)

// Handler carries out the effect of an outbox row. The same row may come again, so the effect must be recognisable as a repeat.
type Handler func(ctx context.Context, j *storage.Job) error

// Delay is what a [Handler] returns that has tried nothing: the job is to come again at Until, and never fails by it.
type Delay struct {
	Until  time.Time
	Reason string
}

func (d *Delay) Error() string { return "waits: " + d.Reason }

// Dispatcher carries out what waits in the outbox, at least once, on any number of servers. Jobs of one
// dispatcher about the same object and recipient keep their order.
//
// It wakes at once on Wake, at the time the next job is due, and every second, which finds what other servers
// queued and what the first two missed.
type Dispatcher struct {
	Queue storage.Queue
	// Handlers by kind of job, such as Sender.Handle for [JobKind]. Jobs of other kinds are left alone.
	Handlers map[string]Handler
	// Outcome, if set, is told how a job ended, before its row is: err is nil when it was done, else the error it
	// finally failed of. An error of a failed job's Outcome keeps the job, so that it is told again.
	Outcome func(ctx context.Context, j *storage.Job, err error) error

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: slog.Default()

	Workers int           // jobs at once; 0: 32
	Lease   time.Duration // how long a claimed job is ours; 0: 3 minutes. A handler gets less than this.
	Grace   time.Duration // how long jobs may go on after Run's context ends; 0: 10 s

	once  sync.Once
	kinds []string
	bell  workers.Bell
	gate  *gate

	mu         sync.Mutex
	endings    []ending
	committing bool
}

const (
	pollEvery = time.Second
	// linger gathers jobs that are queued one after the other into one claim.
	linger     = 20 * time.Millisecond
	firstRetry = 30 * time.Second
	maxRetry   = 4 * time.Hour
	giveUp     = 48 * time.Hour
	// leaseMargin is left of a lease for writing down the outcome.
	leaseMargin = 30 * time.Second
)

func (d *Dispatcher) init() {
	d.once.Do(func() {
		d.gate = &gate{through: make(chan struct{}, 1)}
		d.kinds = slices.Sorted(maps.Keys(d.Handlers))
		if d.Now == nil {
			d.Now = time.Now
		}
		if d.Log == nil {
			d.Log = slog.Default()
		}
		if d.Workers <= 0 {
			d.Workers = 32
		}
		if d.Lease <= 0 {
			d.Lease = 3 * time.Minute
		}
		if d.Grace <= 0 {
			d.Grace = 10 * time.Second
		}
	})
}

// Wake says that a job was queued. It may be called at any time, from anywhere, and does not block.
func (d *Dispatcher) Wake() { d.bell.Ring() }

// claimed is a job with the end of its lease.
type claimed struct {
	*storage.Job
	until time.Time
}

// lane says which jobs must keep their order.
type lane struct {
	owner, object int64
	recipient     string
}

func (j claimed) lane() lane {
	l := lane{j.Owner, j.Object, j.Recipient}
	if j.Object == 0 {
		l.object = -j.ID // about nothing, so in no order with others
	}
	return l
}

// lanes are those that are being worked on, each with what waits behind the job under way.
type lanes struct {
	mu      sync.Mutex
	waiting map[lane][]claimed
}

// put lays jobs into their lanes, and returns what starts in a lane of its own.
func (l *lanes) put(jobs []claimed) []claimed {
	l.mu.Lock()
	defer l.mu.Unlock()
	var first []claimed
	for _, j := range jobs {
		key := j.lane()
		if queue, busy := l.waiting[key]; busy {
			l.waiting[key] = append(queue, j)
			continue
		}
		l.waiting[key] = nil
		first = append(first, j)
	}
	return first
}

// next returns what waits behind a job that has ended, if anything does; else its lane is free.
func (l *lanes) next(key lane) (claimed, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if queue := l.waiting[key]; len(queue) > 0 {
		l.waiting[key] = queue[1:]
		return queue[0], true
	}
	delete(l.waiting, key)
	return claimed{}, false
}

// Run works until ctx ends, then claims nothing new, finishes what it holds within Grace, and returns nil.
func (d *Dispatcher) Run(ctx context.Context) error {
	d.init()
	l := &lanes{waiting: make(map[lane][]claimed)}
	pool := workers.Pool{Workers: d.Workers, Grace: d.Grace, Idle: d.sleep, Claim: func(ctx context.Context, free int) (tasks []workers.Task, more bool) {
		jobs := d.claim(ctx, free)
		more = len(jobs) == free
		d.gate.open.Store(more) // there may be more than workers
		for _, j := range l.put(jobs) {
			tasks = append(tasks, func(work context.Context) {
				for key, ok := j.lane(), true; ok; j, ok = l.next(key) {
					d.do(work, j)
				}
			})
		}
		return tasks, more
	}}
	pool.Run(ctx)
	return nil
}

func (d *Dispatcher) claim(ctx context.Context, limit int) []claimed {
	now := d.Now()
	jobs, err := d.Queue.ClaimJobs(ctx, d.kinds, now, d.Lease, limit)
	if err != nil {
		if ctx.Err() == nil {
			d.Log.WarnContext(ctx, "claim outbox", "err", err)
		}
		return nil
	}
	list := make([]claimed, len(jobs))
	for i, j := range jobs {
		list[i] = claimed{j, now.Add(d.Lease)}
	}
	return list
}

// sleep waits for the next reason to look.
func (d *Dispatcher) sleep(ctx context.Context) {
	next, err := d.Queue.NextJob(ctx, d.kinds)
	if !d.bell.Wait(ctx, workers.Pause(next, err, d.Now(), linger, pollEvery)) {
		return
	}
	rest := time.NewTimer(linger)
	defer rest.Stop()
	select {
	case <-ctx.Done():
	case <-rest.C:
	}
}

// do carries out one job and writes down how it ended.
func (d *Dispatcher) do(ctx context.Context, j claimed) {
	left := j.until.Sub(d.Now()) - leaseMargin
	if left <= 0 {
		return // it waited too long behind others; another claim gets it
	}
	way := &pass{gate: d.gate}
	defer way.leave()
	run, cancel := context.WithTimeout(context.WithValue(ctx, passKey{}, way), left)
	err := d.handle(run, j.Job)
	cancel()

	now := d.Now()
	log := d.Log.With("owner", j.Owner, "job", j.ID, "kind", j.Kind, "attempt", j.Attempt)
	deadline := j.Created.Add(giveUp)
	var later *Delay
	switch {
	case err == nil:
		j.State, j.LastError = storage.Done, ""
	case errors.As(err, &later):
		j.State, j.LastError, j.DueAt = storage.Ready, later.Error(), later.Until
	case !Temporary(err) || !now.Before(deadline):
		j.State, j.LastError = storage.Failed, cut(err.Error(), 500)
	default:
		j.State, j.LastError, j.DueAt = storage.Ready, cut(err.Error(), 500), now.Add(retryAfter(j.Attempt))
		if j.DueAt.After(deadline) {
			j.DueAt = deadline // one last time
		}
	}

	// The effect is there: what follows must not be cut off by the end of Run.
	write, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseMargin)
	defer cancel()
	switch j.State {
	case storage.Ready:
		log.InfoContext(ctx, "outbox job put off", "until", j.DueAt, "err", err)
	case storage.Failed:
		log.WarnContext(ctx, "outbox job failed", "err", err)
	}
	if j.State != storage.Ready && d.Outcome != nil {
		if oerr := d.Outcome(write, j.Job, err); oerr != nil {
			log.ErrorContext(ctx, "outcome of outbox job", "err", oerr)
			if j.State == storage.Failed {
				j.State, j.DueAt = storage.Ready, now.Add(firstRetry)
			}
		}
	}
	if err := d.finish(write, j.Job); err != nil {
		log.ErrorContext(ctx, "finish outbox job", "err", err)
	}
}

func (d *Dispatcher) handle(ctx context.Context, j *storage.Job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			d.Log.ErrorContext(ctx, "panic in outbox job", "owner", j.Owner, "job", j.ID, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return d.Handlers[j.Kind](ctx, j)
}

// finish writes the outcome down, again and again as long as the lease lasts: a mail whose outcome is lost is
// sent twice.
func (d *Dispatcher) finish(ctx context.Context, j *storage.Job) error {
	wait := 50 * time.Millisecond
	for {
		err := d.commit(ctx, j)
		if err == nil || errors.Is(err, storage.ErrConflict) || errors.Is(err, storage.ErrNotFound) {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C:
		}
		wait = min(2*wait, 2*time.Second)
	}
}

// ending is a job whose outcome waits to be written down.
type ending struct {
	job *storage.Job
	err chan error // takes one
}

// commit writes an outcome down together with those that end meanwhile: while one transaction is under way, the others gather
// for the next. Each worker waits for its own, so a kill repeats no more mails than there are workers, even where the gate is open.
func (d *Dispatcher) commit(ctx context.Context, j *storage.Job) error {
	e := ending{j, make(chan error, 1)}
	d.mu.Lock()
	d.endings = append(d.endings, e)
	if !d.committing {
		d.committing = true
		go d.commitAll(context.WithoutCancel(ctx))
	}
	d.mu.Unlock()
	select {
	case err := <-e.err:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *Dispatcher) commitAll(ctx context.Context) {
	for {
		d.mu.Lock()
		list := d.endings
		d.endings = nil
		if len(list) == 0 {
			d.committing = false
			d.mu.Unlock()
			return
		}
		d.mu.Unlock()
		jobs := make([]*storage.Job, len(list))
		for i, e := range list {
			jobs[i] = e.job
		}
		limited, cancel := context.WithTimeout(ctx, leaseMargin)
		errs := d.Queue.FinishJobs(limited, jobs)
		cancel()
		for i, e := range list {
			e.err <- errs[i]
		}
	}
}

// retryAfter doubles from attempt to attempt and varies by a quarter, so that what failed together does not come
// back together.
func retryAfter(attempt int) time.Duration {
	wait := maxRetry
	if n := attempt - 1; n < 10 {
		wait = min(firstRetry<<max(n, 0), maxRetry)
	}
	return time.Duration(float64(wait) * (0.75 + 0.5*rand.Float64()))
}
