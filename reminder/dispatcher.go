package reminder

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"kalends/internal/obs"
	"kalends/internal/workers"
	"kalends/storage"
)

// Defaults of a [Dispatcher].
const (
	defaultLease   = time.Minute
	defaultWorkers = 4
	defaultPoll    = time.Second
	grace          = 10 * time.Second // for what is under way when Run is to end
	claimSize      = 512
	batchSize      = 64 // objects in one transaction: others wait for it as long as for some writes
)

// Dispatcher carries out due reminders, on any number of servers with one database.
//
// A lease only keeps servers from doing the same work twice. That a reminder goes out once rests on the owner's lock:
// under it the object is read and planned again, and in the same transaction the mail is queued and the row notes what it has
// fired through.
type Dispatcher struct {
	Store storage.Store
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: no log

	// Compose returns the job that sends a due reminder: its Kind, Recipient, Payload and what else it needs; the dispatcher
	// adds Owner, ID, Object, UID, State and times. nil where there is nobody to send to. It runs in the transaction,
	// perhaps more than once, and reads from tx only.
	Compose func(ctx context.Context, tx storage.Tx, due Due) (*storage.Job, error)
	// Queued, where not nil, is called after a job was committed: a hint for who sends it.
	Queued func()

	// Site is how people are reminded who have said nothing themselves: the same as it is for who sets reminders.
	Site Site
	// MayRead says whether somebody may still read what is in a collection of somebody else's; nil for nobody.
	MayRead func(ctx context.Context, r storage.Reader, who *storage.Principal, c *storage.Calendar) (bool, error)

	// Metrics count what becomes of reminders; nil counts nothing.
	Metrics *obs.Metrics

	Lease   time.Duration // 0: a minute
	Poll    time.Duration // 0: a second
	Workers int           // objects handled at once; 0: 4

	once sync.Once
	bell workers.Bell
}

func (d *Dispatcher) init() {
	d.once.Do(func() {
		if d.Now == nil {
			d.Now = time.Now
		}
		if d.Log == nil {
			d.Log = slog.New(slog.DiscardHandler)
		}
		if d.Lease <= 0 {
			d.Lease = defaultLease
		}
		if d.Poll <= 0 {
			d.Poll = defaultPoll
		}
		if d.Workers <= 0 {
			d.Workers = defaultWorkers
		}
	})
}

// Wake makes Run look at once: reminders have changed.
func (d *Dispatcher) Wake() { d.bell.Ring() }

// Run dispatches reminders until ctx ends and what is under way is done. It returns nil.
func (d *Dispatcher) Run(ctx context.Context) error {
	d.init()
	for ctx.Err() == nil {
		n, err := d.Round(ctx)
		if err != nil && ctx.Err() == nil {
			d.Log.WarnContext(ctx, "claim reminders", "err", err)
		}
		if n >= claimSize {
			continue
		}
		// The pause is not nothing: a leased row that is due counts as next, and would be asked for again and again.
		next, err := d.Store.NextReminder(ctx)
		d.bell.Wait(ctx, workers.Pause(next, err, d.Now(), 10*time.Millisecond, d.Poll))
	}
	return nil
}

// Round claims what is due, once, and carries it out. It returns how many rows it claimed.
func (d *Dispatcher) Round(ctx context.Context) (int, error) {
	d.init()
	claimed, err := d.Store.ClaimReminders(ctx, d.Now(), d.Lease, claimSize)
	if err != nil {
		return 0, err
	}
	byObject := map[storage.ObjectKey][]*storage.Reminder{}
	var order []storage.ObjectKey
	for _, r := range claimed {
		k := storage.ObjectKey{Owner: r.Owner, Object: r.Object}
		if byObject[k] == nil {
			order = append(order, k)
		}
		byObject[k] = append(byObject[k], r)
	}
	// What was claimed is finished, also when the server is to stop meanwhile.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	var g errgroup.Group
	g.SetLimit(d.Workers)
	for keys := range slices.Chunk(order, batchSize) {
		g.Go(func() error {
			d.handle(work, keys, byObject)
			return nil
		})
	}
	return len(claimed), g.Wait()
}

// handle carries out all that is due of some objects. Where one of them goes wrong each is dealt with by itself; what then goes wrong is
// logged, and its rows are put off: it never holds up another object.
func (d *Dispatcher) handle(ctx context.Context, keys []storage.ObjectKey, rows map[storage.ObjectKey][]*storage.Reminder) {
	for range claimSize {
		again, err := d.try(ctx, keys)
		switch {
		case err == nil:
			keys = again
		case ctx.Err() != nil || errors.Is(err, storage.ErrUnavailable):
			return // the leases run out
		case len(keys) > 1:
			for _, k := range keys {
				d.handle(ctx, []storage.ObjectKey{k}, rows)
			}
			return
		default:
			k := keys[0]
			d.Log.ErrorContext(ctx, "send reminder", "owner", k.Owner, "object", k.Object, "err", err)
			d.putOff(ctx, rows[k], err)
			return
		}
		if len(keys) == 0 {
			return
		}
	}
}

// try is deal, with a panic as an error.
func (d *Dispatcher) try(ctx context.Context, keys []storage.ObjectKey) (again []storage.ObjectKey, err error) {
	defer func() {
		if p := recover(); p != nil {
			if len(keys) == 1 {
				d.Log.ErrorContext(ctx, "reminder panicked", "owner", keys[0].Owner, "object", keys[0].Object, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			}
			again, err = nil, errors.New("internal error")
		}
	}()
	return d.deal(ctx, keys)
}

// putOff makes the rows due again later, the later the more often they were tried. That the reminder itself was due
// earlier is not forgotten: it is what the row has not fired through.
func (d *Dispatcher) putOff(ctx context.Context, rows []*storage.Reminder, cause error) {
	d.Metrics.ReminderPutOff()
	for _, r := range rows {
		later := *r
		later.LastError = cause.Error()
		if len(later.LastError) > 500 {
			later.LastError = later.LastError[:500]
		}
		later.DueAt = d.Now().Add(backoff(r.Attempt))
		if err := d.Store.FinishReminder(ctx, &later); err != nil && !errors.Is(err, storage.ErrConflict) {
			d.Log.WarnContext(ctx, "put off reminder", "owner", r.Owner, "object", r.Object, "err", err)
			return
		}
	}
}

// backoff returns the pause after that many attempts: 10 s, 20 s, 40 s … 30 minutes.
func backoff(attempt int) time.Duration {
	return min(10*time.Second<<min(max(attempt-1, 0), 10), 30*time.Minute)
}
