package mailer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kalends/storage"
)

// memoryQueue keeps the contract of storage.Queue for jobs, on synctest's clock; storagetest holds the databases to the same
// contract.
type memoryQueue struct {
	storage.Queue
	mu      sync.Mutex
	jobs    []*storage.Job
	leases  map[int64]time.Time
	claims  int
	finish  []error // what the next calls of FinishJob return
	ended   []storage.Job
	maximum int // jobs of a claim
}

func (q *memoryQueue) add(jobs ...*storage.Job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, j := range jobs {
		j.State, j.Created = storage.Ready, time.Now()
		if j.DueAt.IsZero() {
			j.DueAt = j.Created
		}
	}
	q.jobs = append(q.jobs, jobs...)
}

func (q *memoryQueue) ClaimJobs(_ context.Context, kinds []string, now time.Time, lease time.Duration, limit int) ([]*storage.Job, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.claims++
	if q.leases == nil {
		q.leases = make(map[int64]time.Time)
	}
	var list []*storage.Job
	for _, j := range q.jobs {
		free := j.State == storage.Ready && !j.DueAt.After(now) || j.State == storage.Leased && !q.leases[j.ID].After(now)
		if free && slices.Contains(kinds, j.Kind) && len(list) < limit {
			j.State, q.leases[j.ID] = storage.Leased, now.Add(lease)
			j.Attempt++
			c := *j
			list = append(list, &c)
		}
	}
	q.maximum = max(q.maximum, len(list))
	return list, nil
}

func (q *memoryQueue) FinishJob(ctx context.Context, j *storage.Job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.finish) > 0 {
		err := q.finish[0]
		q.finish = q.finish[1:]
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for i, k := range q.jobs {
		if k.ID == j.ID {
			if k.State != storage.Leased || k.Attempt != j.Attempt {
				return storage.ErrConflict
			}
			c := *j
			q.jobs[i] = &c
			q.ended = append(q.ended, c)
			return nil
		}
	}
	return storage.ErrNotFound
}

func (q *memoryQueue) FinishJobs(ctx context.Context, jobs []*storage.Job) []error {
	var errs []error
	for _, j := range jobs {
		errs = append(errs, q.FinishJob(ctx, j))
	}
	return errs
}

func (q *memoryQueue) NextJob(_ context.Context, kinds []string) (time.Time, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var next time.Time
	for _, j := range q.jobs {
		if j.State == storage.Ready && slices.Contains(kinds, j.Kind) && (next.IsZero() || j.DueAt.Before(next)) {
			next = j.DueAt
		}
	}
	if next.IsZero() {
		return next, storage.ErrNotFound
	}
	return next, nil
}

func (q *memoryQueue) endedJobs() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.ended)
}

func (q *memoryQueue) job(id int64) storage.Job {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, j := range q.jobs {
		if j.ID == id {
			return *j
		}
	}
	return storage.Job{}
}

func start(t *testing.T, d *Dispatcher) (stop func()) {
	t.Helper()
	d.Log = slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
}

func TestDispatcherSendsAtOnceWhenWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := new(memoryQueue)
		var at []time.Duration
		var begin time.Time
		d := &Dispatcher{Queue: q, Handlers: map[string]Handler{"mail": func(context.Context, *storage.Job) error {
			at = append(at, time.Since(begin))
			return nil
		}}}
		stop := start(t, d)
		time.Sleep(10*time.Second + 300*time.Millisecond)
		begin = time.Now()
		q.add(&storage.Job{ID: 1, Kind: "mail"})
		d.Wake()
		time.Sleep(time.Minute)
		synctest.Wait()
		begin = time.Now()
		q.add(&storage.Job{ID: 2, Kind: "mail"}) // by another server: nobody wakes us
		time.Sleep(time.Minute)
		synctest.Wait()
		begin = time.Now()
		q.add(&storage.Job{ID: 3, Kind: "mail", DueAt: begin.Add(12345 * time.Millisecond)})
		time.Sleep(time.Minute)
		q.add(&storage.Job{ID: 4, Kind: "other"})
		time.Sleep(time.Minute)
		stop()
		if len(at) != 3 || at[0] > 50*time.Millisecond || at[1] > time.Second || at[2] < 12345*time.Millisecond || at[2] > 12400*time.Millisecond {
			t.Errorf("sent after %v", at)
		}
		if j := q.job(4); j.State != storage.Ready || j.Attempt != 0 {
			t.Errorf("a job of another kind: %+v", j)
		}
		if q.claims > 300 {
			t.Errorf("%d claims in four minutes", q.claims)
		}
	})
}

func TestDispatcherRetriesForTwoDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := new(memoryQueue)
		begin := time.Now()
		var at []time.Duration
		outcomes := 0
		d := &Dispatcher{Queue: q, Handlers: map[string]Handler{"mail": func(context.Context, *storage.Job) error {
			at = append(at, time.Since(begin))
			return &SendError{Temporary: true, Code: 451, Text: "later"}
		}}, Outcome: func(_ context.Context, _ *storage.Job, err error) error {
			outcomes++
			if err == nil {
				t.Error("outcome of a job that failed has no error")
			}
			return nil
		}}
		stop := start(t, d)
		q.add(&storage.Job{ID: 1, Kind: "mail"})
		time.Sleep(giveUp + time.Hour)
		stop()
		wait := firstRetry
		for i := 1; i < len(at)-1; i++ {
			if gap := at[i] - at[i-1]; gap < wait*3/4-time.Second || gap > wait*5/4+2*time.Second {
				t.Errorf("attempt %d came %v after the one before, want about %v", i+1, gap, wait)
			}
			wait = min(2*wait, maxRetry)
		}
		if last := at[len(at)-1]; len(at) < 15 || len(at) > 30 || last < giveUp || last > giveUp+2*time.Second {
			t.Errorf("%d attempts, the last after %v", len(at), at[len(at)-1])
		}
		if j := q.job(1); j.State != storage.Failed || j.LastError == "" || outcomes != 1 {
			t.Errorf("job = %+v, %d outcomes", j, outcomes)
		}
	})
}

func TestDispatcherOutcomes(t *testing.T) {
	for _, tt := range []struct {
		name    string
		err     error
		outcome error
		state   storage.JobState
		told    bool
	}{
		{"sent", nil, nil, storage.Done, true},
		{"sent, and the outcome cannot be written", nil, errors.New("database gone"), storage.Done, true},
		{"refused for good", &SendError{Code: 550, Enhanced: "5.1.1", Text: "no"}, nil, storage.Failed, true},
		{"refused, and the outcome cannot be written", &SendError{Code: 550, Text: "no"}, errors.New("database gone"), storage.Ready, true},
		{"an address that cannot be", fmt.Errorf("to: %w", ErrAddress), nil, storage.Failed, true},
		{"a payload that cannot be read", fmt.Errorf("%w: x", ErrPayload), nil, storage.Failed, true},
		{"not now", &SendError{Temporary: true, Code: 451, Text: "later"}, nil, storage.Ready, false},
		{"an unknown error", errors.New("disk full"), nil, storage.Ready, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := new(memoryQueue)
				told := false
				d := &Dispatcher{Queue: q, Handlers: map[string]Handler{"mail": func(context.Context, *storage.Job) error { return tt.err }},
					Outcome: func(_ context.Context, j *storage.Job, err error) error {
						told = true
						if (err == nil) != (tt.err == nil) || j.ID != 1 {
							t.Errorf("Outcome(%+v, %v)", j, err)
						}
						return tt.outcome
					}}
				q.add(&storage.Job{ID: 1, Kind: "mail"})
				stop := start(t, d)
				time.Sleep(3 * time.Second)
				stop()
				if j := q.job(1); j.State != tt.state || told != tt.told || (j.LastError == "") != (tt.err == nil) {
					t.Errorf("job = %+v, told: %v", j, told)
				}
			})
		})
	}
}

func TestDispatcherOutlivesAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := new(memoryQueue)
		d := &Dispatcher{Queue: q, Handlers: map[string]Handler{"mail": func(_ context.Context, j *storage.Job) error {
			if j.ID == 1 {
				panic("no")
			}
			return nil
		}}}
		q.add(&storage.Job{ID: 1, Kind: "mail", Object: 1}, &storage.Job{ID: 2, Kind: "mail", Object: 2})
		stop := start(t, d)
		time.Sleep(3 * time.Second)
		stop()
		if q.job(1).State != storage.Ready || q.job(2).State != storage.Done {
			t.Errorf("jobs = %+v, %+v", q.job(1), q.job(2))
		}
	})
}

// TestDispatcherBoundsAndOrder: never more than Workers at once, one bad recipient holds up nobody, and mails to one person
// about one meeting keep their order.
func TestDispatcherBoundsAndOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := new(memoryQueue)
		var mu sync.Mutex
		running, most := 0, 0
		order := make(map[string][]int64)
		d := &Dispatcher{Queue: q, Workers: 4, Handlers: map[string]Handler{"mail": func(_ context.Context, j *storage.Job) error {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			wait := 100 * time.Millisecond
			if j.Recipient == "slow" {
				wait = 20 * time.Second
			}
			time.Sleep(wait)
			mu.Lock()
			defer mu.Unlock()
			running--
			order[j.Recipient] = append(order[j.Recipient], j.ID)
			return nil
		}}}
		for i := range int64(60) {
			recipient := fmt.Sprint("r", i%6)
			if i == 0 {
				recipient = "slow"
			}
			q.add(&storage.Job{Owner: 1, ID: i + 1, Object: 7, Kind: "mail", Recipient: recipient})
		}
		begin := time.Now()
		stop := start(t, d)
		for q.endedJobs() < 59 {
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(begin); took > 6*time.Second {
			t.Errorf("59 jobs beside a slow one took %v", took)
		}
		stop() // waits for the slow one, as Grace is shorter than that
		if most > 4 || q.maximum > 4 {
			t.Errorf("%d at once, %d claimed at once", most, q.maximum)
		}
		for recipient, ids := range order {
			if !slices.IsSorted(ids) {
				t.Errorf("%s got %v", recipient, ids)
			}
		}
	})
}

func TestDispatcherStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := new(memoryQueue)
		var cancelled error
		d := &Dispatcher{Queue: q, Workers: 2, Grace: 5 * time.Second, Handlers: map[string]Handler{"mail": func(ctx context.Context, j *storage.Job) error {
			wait := 2 * time.Second
			if j.ID == 2 {
				wait = time.Hour
			}
			select {
			case <-time.After(wait):
				return nil
			case <-ctx.Done():
				cancelled = ctx.Err()
				return ctx.Err()
			}
		}}}
		for i := range int64(4) {
			q.add(&storage.Job{ID: i + 1, Object: i + 1, Kind: "mail"})
		}
		stop := start(t, d)
		synctest.Wait()
		begin := time.Now()
		stop()
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("stopping took %v", took)
		}
		// The first was finished in its time, the second cut off and put off, the others never begun.
		if q.job(1).State != storage.Done || q.job(2).State != storage.Ready || !q.job(2).DueAt.After(time.Now()) || cancelled == nil {
			t.Errorf("jobs = %+v, %+v", q.job(1), q.job(2))
		}
		for id := int64(3); id <= 4; id++ {
			if j := q.job(id); j.State != storage.Ready || j.Attempt != 0 {
				t.Errorf("job %d = %+v", id, j)
			}
		}
	})
}

// TestDispatcherWritesTheOutcomeAgain: the database is away for a while after a mail went out.
func TestDispatcherWritesTheOutcomeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &memoryQueue{finish: slices.Repeat([]error{storage.ErrUnavailable}, 10)}
		sent := 0
		d := &Dispatcher{Queue: q, Handlers: map[string]Handler{"mail": func(context.Context, *storage.Job) error { sent++; return nil }}}
		q.add(&storage.Job{ID: 1, Kind: "mail"})
		stop := start(t, d)
		time.Sleep(10 * time.Minute)
		stop()
		if q.job(1).State != storage.Done || sent != 1 {
			t.Errorf("sent %d times, job %+v", sent, q.job(1))
		}
	})
}

// TestDispatcherAfterKill is kill -9 between the relay's 250 and our commit: the mail goes out once more, and is the same
// to the octet, so that it is recognised by its Message-ID.
func TestDispatcherAfterKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := new(memoryQueue)
		inv := invite("REQUEST", weekly)
		payload, err := json.Marshal(inv.Mail)
		if err != nil {
			t.Fatal(err)
		}
		q.add(&storage.Job{Owner: 12, ID: 678, Object: 345, Kind: JobKind, Recipient: inv.To, Payload: payload})
		transport := &recorder{}
		// The killed server: it claimed and sent, and wrote nothing down.
		jobs, _ := q.ClaimJobs(t.Context(), []string{JobKind}, time.Now(), 3*time.Minute, 1)
		s := &Sender{Composer: testComposer(), Transport: transport}
		if err := s.Handle(t.Context(), jobs[0]); err != nil {
			t.Fatal(err)
		}
		var dispatchers []func()
		for range 5 {
			d := &Dispatcher{Queue: q, Handlers: map[string]Handler{JobKind: (&Sender{Composer: testComposer(), Transport: transport}).Handle}}
			dispatchers = append(dispatchers, start(t, d))
		}
		time.Sleep(time.Hour)
		for _, stop := range dispatchers {
			stop()
		}
		if len(transport.sent) != 2 || !bytes.Equal(transport.sent[0], transport.sent[1]) {
			t.Errorf("sent %d times", len(transport.sent))
		}
		if !strings.Contains(string(transport.sent[0]), "Message-ID: <"+testComposer().JobID(jobs[0])+">") {
			t.Errorf("Message-ID is not that of the job: %.300s", transport.sent[0])
		}
		if q.job(678).State != storage.Done {
			t.Errorf("job = %+v", q.job(678))
		}
	})
}

type recorder struct {
	mu   sync.Mutex
	sent [][]byte
}

func (r *recorder) Send(_ context.Context, _, _ string, msg []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, msg)
	return nil
}

func TestSenderOfBadPayloads(t *testing.T) {
	s := &Sender{Composer: testComposer(), Transport: &recorder{}}
	for name, payload := range map[string]string{
		"empty": "", "not JSON": "x", "no calendar": `{"method":"REQUEST","to":"mailto:b@example.org"}`,
		"no recipient":    `{"method":"REQUEST","calendar":"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"}`,
		"no event":        `{"method":"REQUEST","to":"mailto:b@example.org","calendar":"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"}`,
		"no such method":  `{"method":"HACK","to":"mailto:b@example.org","calendar":"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"}`,
		"no mail address": `{"method":"REQUEST","to":"urn:uuid:1","calendar":"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"}`,
	} {
		err := s.Handle(t.Context(), &storage.Job{Owner: 1, ID: 2, Created: created, Payload: []byte(payload)})
		if err == nil || Temporary(err) {
			t.Errorf("%s: Handle = %v, want a final error", name, err)
		}
	}
}
