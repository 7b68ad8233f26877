package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"kalends/storage"
)

// Tx implements [storage.Tx]. Writes wait in a queue and travel with the next read or with the commit.
type Tx struct {
	queries
	sess       session
	dialect    *dialect
	begun      bool
	busy       bool
	locked     bool
	committing bool
	err        error // the first error of the database; nothing goes on after it
	seqs       map[int64]*counter
	fresh      map[objectKey]bool // objects that this transaction created: they have no reminders yet
	queue      []stmt
	pending    pending
	weight     int   // bytes waiting
	created    int64 // objects and jobs
	ahead      *ahead
}

var _ storage.Tx = (*Tx)(nil)

// counter holds values drawn from a home's counter and not yet given out.
type counter struct {
	next, last int64
	watched    bool // webhooks are told of what is in the home
}

type objectKey struct{ owner, id int64 }

var (
	errNotLocked = errors.New("storage: write to a home that is not locked")
	errLocked    = errors.New("storage: Lock called twice")
)

const (
	maxQueue  = 512     // statements
	maxWeight = 1 << 20 // bytes
	// Up to so many homes are locked by a statement each, which every database can do.
	lockSingly = 8
	// Values drawn at once when those that Lock drew are used up.
	drawMore = 16
)

func newTx(sess session, d *dialect) *Tx {
	tx := &Tx{sess: sess, dialect: d}
	tx.queries = queries{tx}
	return tx
}

// run carries out what waits, then stmts.
func (tx *Tx) run(ctx context.Context, stmts ...stmt) error {
	if tx.err != nil {
		return tx.err
	}
	if tx.busy {
		return errBusy
	}
	tx.passed(stmts)
	tx.pending.seal(&tx.queue)
	all := tx.queue
	if !tx.begun {
		all = append([]stmt{{sql: tx.dialect.begin}}, all...)
	}
	all = append(all, stmts...)
	tx.queue, tx.weight = nil, 0
	tx.begun, tx.busy = true, true
	defer func() { tx.busy = false }()
	var seen int64
	tx.err = tx.sess.run(ctx, all, &seen)
	return tx.err
}

func (tx *Tx) commit(ctx context.Context) error {
	if tx.err != nil {
		return tx.err
	}
	tx.pending.seal(&tx.queue)
	if !tx.begun && len(tx.queue) == 0 {
		return nil
	}
	tx.committing = true
	return tx.run(ctx, stmt{sql: commitText})
}

// write queues a statement that must come after all queued before.
func (tx *Tx) write(ctx context.Context, sql string, args ...any) error {
	if err := checkText(args); err != nil {
		return err
	}
	tx.ahead = nil
	tx.pending.seal(&tx.queue)
	tx.queue = append(tx.queue, stmt{sql: sql, args: args})
	return tx.spill(ctx)
}

// add queues a row of a statement that takes many, whose order among others does not matter.
func (tx *Tx) add(ctx context.Context, s *spec, key rowKey, args ...any) error {
	if err := checkText(args); err != nil {
		return err
	}
	tx.ahead = nil
	tx.pending.add(s, key, args, &tx.queue)
	for _, a := range args {
		if b, ok := a.([]byte); ok {
			tx.weight += len(b)
		}
	}
	return tx.spill(ctx)
}

// spill keeps a large transaction from piling up in memory.
func (tx *Tx) spill(ctx context.Context) error {
	if tx.err != nil {
		return tx.err
	}
	if tx.busy || tx.weight < maxWeight && len(tx.queue)+tx.pending.rows < maxQueue {
		return nil
	}
	return tx.run(ctx)
}

// Lock implements [storage.Tx].
func (tx *Tx) Lock(ctx context.Context, n int, owners ...int64) error {
	if tx.locked {
		return errLocked
	}
	tx.locked = true
	if tx.seqs == nil {
		tx.seqs = make(map[int64]*counter, len(owners))
	}
	owners = slices.Compact(slices.Sorted(slices.Values(owners)))
	owners = slices.DeleteFunc(owners, tx.Locked) // made in this transaction
	draw := int64(max(n, 0))
	row := func(r scanner) error {
		var owner, seq, watched int64
		if err := r.Scan(&owner, &seq, &watched); err != nil {
			return err
		}
		tx.seqs[owner] = &counter{seq - draw + 1, seq, watched > 0}
		return nil
	}
	var stmts []stmt
	if len(owners) > lockSingly {
		stmts = []stmt{{sql: tx.dialect.lockHomes, args: []any{owners, draw}, row: row}}
	} else {
		for _, o := range owners {
			stmts = append(stmts, stmt{sql: drawText, args: []any{o, draw}, row: row})
		}
	}
	if len(stmts) == 0 {
		return nil
	}
	next := tx.ahead
	if next != nil {
		next.owners = owners
		stmts = append(stmts, next.statements()...)
	}
	if err := tx.run(ctx, stmts...); err != nil {
		return err
	}
	tx.ahead = next
	for _, o := range owners {
		if !tx.Locked(o) {
			return fmt.Errorf("home %d: %w", o, storage.ErrNotFound)
		}
	}
	return nil
}

const drawText = `UPDATE homes SET seq = seq + $2 WHERE owner_id = $1 RETURNING owner_id, seq, watched`

// Locked implements [storage.Tx].
func (tx *Tx) Locked(owner int64) bool { return tx.seqs[owner] != nil }

func (tx *Tx) mustLock(owner int64) error {
	if !tx.Locked(owner) {
		return fmt.Errorf("%w: %d", errNotLocked, owner)
	}
	return nil
}

// Next implements [storage.Tx].
func (tx *Tx) Next(ctx context.Context, owner int64) (int64, error) {
	c := tx.seqs[owner]
	if c == nil {
		return 0, tx.mustLock(owner)
	}
	if c.next > c.last {
		var id, seq, watched int64
		err := tx.run(ctx, stmt{sql: drawText, args: []any{owner, int64(drawMore)}, row: into(&id, &seq, &watched)})
		if err != nil {
			return 0, err
		}
		if seq == 0 {
			return 0, fmt.Errorf("home %d: %w", owner, storage.ErrNotFound)
		}
		c.next, c.last = seq-drawMore+1, seq
	}
	c.next++
	return c.next - 1, nil
}
