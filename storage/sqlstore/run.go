package sqlstore

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// A stmt is one statement to carry out. Its text is written for Postgres, with $1 placeholders; see dialect for what
// becomes of it elsewhere. Arguments are int64, string, bool, []byte, []int64 and []string only, never nil.
type stmt struct {
	sql  string
	args []any
	row  func(scanner) error // called for each row of the result; nil where there is none
	done func(n int64)       // called with the number of rows affected
}

// scanner is a row of a result. Destinations are *int64, *string, *bool, *[]byte and *uint8.
type scanner interface {
	Scan(dest ...any) error
}

// runner carries out statements in order and stops at the first error.
type runner interface {
	run(ctx context.Context, stmts ...stmt) error
}

// session is one connection to a database, for one goroutine.
type session interface {
	// run carries out the statements in order, in one round trip where the database is a server.
	// It counts in seen the rows that it gave away.
	run(ctx context.Context, stmts []stmt, seen *int64) error
	// release gives the connection back. It must be outside any transaction, or is thrown away. It returns when what was committed
	// is on disk; an error says that it is not, and that nothing of it is there.
	release() error
}

// database makes sessions.
type database interface {
	session(ctx context.Context, write bool) (session, error)
	dialect() *dialect
	migrate(ctx context.Context) error
	// grown tells of new objects and jobs that were committed.
	grown(rows int64)
	poolState() Pool
	close() error
}

// Stats counts what a Store did since it was opened.
type Stats struct {
	Statements int64 // begin and commit among them
	RoundTrips int64 // waits for the database
	Retries    int64 // transactions run again
	Joined     int64 // transactions that reached the disk by the commit of another
	Pool       Pool
}

// Pool is the state of a Store's connections.
type Pool struct {
	Open, InUse, Most int64 // connections now, and how many there may be
	Acquired          int64 // times that one was taken since the store was opened
	Waits             int64 // those of them that had to wait for one
	Waited            time.Duration
}

type counters struct {
	statements, trips, retries, joined atomic.Int64
}

// Trace notes the statements carried out under a context made by [WithTrace].
type Trace struct {
	mu         sync.Mutex
	statements []string
	args       [][]any
	trips      int
}

type traceKey struct{}

// WithTrace returns a context under which statements are noted: for tests that say what an operation may cost.
func WithTrace(ctx context.Context) (context.Context, *Trace) {
	t := &Trace{}
	return context.WithValue(ctx, traceKey{}, t), t
}

// Statements returns the statements carried out so far, begin and commit among them.
func (t *Trace) Statements() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.statements...)
}

// RoundTrips returns how often a database was waited for so far.
func (t *Trace) RoundTrips() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.trips
}

// note counts statements that are about to be carried out together.
func (c *counters) note(ctx context.Context, stmts []stmt) {
	c.statements.Add(int64(len(stmts)))
	c.trips.Add(1)
	if t, _ := ctx.Value(traceKey{}).(*Trace); t != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.trips++
		for i := range stmts {
			t.statements = append(t.statements, stmts[i].sql)
			t.args = append(t.args, stmts[i].args)
		}
	}
}
