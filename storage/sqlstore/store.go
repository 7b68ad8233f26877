// Package sqlstore keeps Kalends' data in Postgres or in an SQLite file: it implements package storage.
//
// The texts of the queries are the same for both and written for Postgres; type dialect has what differs. Below it are two
// thin drivers: a pool of native pgx connections, and one writing and several reading SQLite connections.
package sqlstore

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"kalends/storage"
)

// Store implements [storage.Store]. It is safe for concurrent use.
type Store struct {
	queries
	db     database
	opts   options
	count  *counters
	epoch  atomic.Int64
	target int64 // the schema version that this program needs
}

var _ storage.Store = (*Store)(nil)

type options struct {
	poolSize int
	epoch    int64
}

// Option changes how a Store is opened.
type Option func(*options)

// WithPoolSize sets how many connections to Postgres there may be, or how many that read an SQLite file. 0 chooses.
func WithPoolSize(n int) Option { return func(o *options) { o.poolSize = n } }

// WithEpoch sets the epoch that a new database gets instead of a random one, for tests that compare sync tokens.
func WithEpoch(n int64) Option { return func(o *options) { o.epoch = n } }

// Open opens the database that a URL names: sqlite:PATH, or postgres://… in the form that libpq takes, a
// Unix socket's folder as host=/PATH in the query. It makes a missing SQLite file, but no
// tables: see Migrate. An error says no password; where the database cannot be reached it is [storage.ErrUnavailable].
func Open(ctx context.Context, databaseURL string, opts ...Option) (*Store, error) {
	s := &Store{count: &counters{}}
	for _, o := range opts {
		o(&s.opts)
	}
	scheme, rest, ok := strings.Cut(databaseURL, ":")
	var err error
	switch {
	case ok && scheme == "sqlite":
		rest = strings.TrimPrefix(rest, "//")
		s.db, err = openSQLite(ctx, rest, &s.opts, s.count)
	case ok && (scheme == "postgres" || scheme == "postgresql"):
		s.db, err = openPostgres(ctx, databaseURL, &s.opts, s.count)
	default:
		return nil, fmt.Errorf("database URL %q: want sqlite:PATH or postgres://…", redact(databaseURL))
	}
	if err != nil {
		return nil, err
	}
	if s.target, err = schemaVersion(s.db.dialect().name); err != nil {
		return nil, errors.Join(err, s.db.close())
	}
	s.queries = queries{auto{s}}
	return s, nil
}

// redact makes a URL showable.
func redact(databaseURL string) string {
	if u, err := url.Parse(databaseURL); err == nil {
		return u.Redacted()
	}
	scheme, _, _ := strings.Cut(databaseURL, ":")
	return scheme + ":…"
}

// Close closes all connections; those in use are closed when they are done.
func (s *Store) Close() error { return s.db.close() }

// Dialect returns "postgres" or "sqlite".
func (s *Store) Dialect() string { return s.db.dialect().name }

// Stats returns what the store did so far.
func (s *Store) Stats() Stats {
	return Stats{s.count.statements.Load(), s.count.trips.Load(), s.count.retries.Load(), s.count.joined.Load(), s.db.poolState()}
}

// Migrate implements [storage.Store].
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.db.migrate(ctx); err != nil {
		return fmt.Errorf("migrate database: %w", err)
	}
	return nil
}

// Ready implements [storage.Store].
func (s *Store) Ready(ctx context.Context) error {
	var have int64
	err := s.run(ctx, stmt{sql: schemaVersionText, args: []any{true}, row: into(&have)})
	if err != nil {
		if missingTable(err) {
			return errors.New("database has no tables yet: run kalends migrate")
		}
		return err
	}
	switch {
	case have > s.target:
		return newerSchema(have, s.target)
	case have < s.target:
		return fmt.Errorf("database schema has version %d, this program needs %d: run kalends migrate", have, s.target)
	}
	return nil
}

func missingTable(err error) bool {
	msg := err.Error()
	return strings.Contains(msg, "42P01") || strings.Contains(msg, "no such table")
}

// Epoch implements [storage.Store]. It is read once: a backup is restored while no server runs.
func (s *Store) Epoch(ctx context.Context) (int64, error) {
	if n := s.epoch.Load(); n != 0 {
		return n, nil
	}
	var n int64
	read := stmt{sql: `SELECT value FROM meta WHERE name = $1`, args: []any{"epoch"}, row: into(&n)}
	if err := s.run(ctx, read); err != nil {
		return 0, err
	}
	if n == 0 {
		draw := s.opts.epoch
		if draw == 0 {
			var b [4]byte
			rand.Read(b[:])
			draw = int64(binary.BigEndian.Uint32(b[:])>>1) + 1
		}
		err := s.write(ctx, stmt{
			sql: `INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, args: []any{"epoch", draw},
		}, read)
		if err != nil {
			return 0, err
		}
	}
	s.epoch.Store(n)
	return n, nil
}

// Secret implements [storage.Store].
func (s *Store) Secret(ctx context.Context, name string) ([]byte, error) {
	if !storable(name) {
		return nil, fmt.Errorf("secret name: %w", storage.ErrInvalid)
	}
	var value []byte
	read := stmt{sql: `SELECT value FROM secrets WHERE name = $1`, args: []any{name}, row: into(&value)}
	if err := s.run(ctx, read); err != nil || value != nil {
		return value, err
	}
	draw := make([]byte, 32)
	rand.Read(draw)
	err := s.write(ctx, stmt{
		sql: `INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, args: []any{name, draw},
	}, read)
	return value, err
}

// write carries out statements in a transaction of their own.
func (s *Store) write(ctx context.Context, stmts ...stmt) error {
	return s.update(ctx, func(tx *Tx) error { return tx.run(ctx, stmts...) })
}

// auto runs each call for itself: what Store's own Reader methods do.
type auto struct{ s *Store }

func (a auto) run(ctx context.Context, stmts ...stmt) error {
	for try := 0; ; try++ {
		seen, err := a.once(ctx, stmts)
		if err == nil || seen > 0 || try >= maxLost || !connectionLost(err) && !retryable(err) {
			return err
		}
	}
}

func (a auto) once(ctx context.Context, stmts []stmt) (seen int64, err error) {
	sess, err := a.s.db.session(ctx, false)
	if err != nil {
		return 0, err
	}
	defer sess.release()
	err = sess.run(ctx, stmts, &seen)
	return seen, err
}

func (s *Store) run(ctx context.Context, stmts ...stmt) error { return auto{s}.run(ctx, stmts...) }

const (
	maxRetries = 12 // after deadlocks and the like, with back-off: some 5 s
	maxLost    = 2  // after lost connections: those that a restart of the database left behind
)

// View implements [storage.Store].
func (s *Store) View(ctx context.Context, fn func(storage.Reader) error) error {
	sess, err := s.db.session(ctx, false)
	if err != nil {
		return err
	}
	v := &view{sess: sess, begin: s.db.dialect().beginView}
	defer v.end(ctx)
	return fn(&queries{v})
}

// view is a transaction that reads. It begins with its first statement.
type view struct {
	sess  session
	begin string
	begun bool
	busy  bool
}

var errBusy = errors.New("storage: Reader used inside the function given to its Objects")

func (v *view) run(ctx context.Context, stmts ...stmt) error {
	if v.busy {
		return errBusy
	}
	v.busy = true
	defer func() { v.busy = false }()
	if !v.begun {
		stmts = append([]stmt{{sql: v.begin}}, stmts...)
		v.begun = true
	}
	var seen int64
	return v.sess.run(ctx, stmts, &seen)
}

func (v *view) end(ctx context.Context) {
	if v.begun {
		rollback(ctx, v.sess)
	}
	v.sess.release()
}

// rollback ends a transaction even when ctx has ended. A connection for which it fails is not used again.
func rollback(ctx context.Context, sess session) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	var seen int64
	_ = sess.run(ctx, []stmt{{sql: rollbackText}}, &seen)
}

// Update implements [storage.Store].
func (s *Store) Update(ctx context.Context, fn func(storage.Tx) error) error {
	return s.update(ctx, func(tx *Tx) error { return fn(tx) })
}

func (s *Store) update(ctx context.Context, fn func(*Tx) error) error {
	lost := 0
	for try := 0; ; try++ {
		again, err := s.attempt(ctx, fn)
		if err == nil || !again || try >= maxRetries {
			return err
		}
		s.count.retries.Add(1)
		if connectionLost(err) {
			if lost++; lost > maxLost {
				return err
			}
			continue // at once, on another connection
		}
		if pause(ctx, try) != nil {
			return err
		}
	}
}

// pause waits before a transaction is run again: longer each time, and not as long as others do.
func pause(ctx context.Context, try int) error {
	limit := min(time.Millisecond<<min(try+1, 10), 800*time.Millisecond)
	timer := time.NewTimer(limit/2 + mathrand.N(limit/2+1))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// attempt runs fn in one transaction. again says that the transaction certainly left no trace and may
// succeed another time.
func (s *Store) attempt(ctx context.Context, fn func(*Tx) error) (again bool, err error) {
	sess, err := s.db.session(ctx, true)
	if err != nil {
		return false, err
	}
	tx := newTx(sess, s.db.dialect())
	committed, released := false, false
	defer func() {
		if released {
			return
		}
		if !committed && tx.begun {
			rollback(ctx, sess)
		}
		sess.release()
	}()
	err = fn(tx)
	if err == nil {
		err = tx.commit(ctx)
	} else if tx.err != nil && !errors.Is(err, tx.err) {
		err = fmt.Errorf("%w (%w)", err, tx.err) // fn hid the reason
	}
	if committed = err == nil; committed {
		released = true
		err = sess.release()
	}
	if err == nil && tx.created > 0 {
		s.db.grown(tx.created)
	}
	// A connection lost while it committed may have committed.
	return retryable(err) || connectionLost(err) && !tx.committing, err
}
