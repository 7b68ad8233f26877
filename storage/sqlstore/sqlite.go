package sqlstore

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"

	"kalends/storage"
)

var errClosed = errors.New("store is closed")

// lite is an SQLite file: one connection that writes and several that only read. It uses the driver without the pool
// of database/sql, whose conversions cost more than the queries. Transactions that write at the same time share a commit: see commitGroup.
type lite struct {
	path    string
	count   *counters
	writer  chan *liteSession
	readers chan *liteSession
	closed  chan struct{}
	once    sync.Once

	open, acquired, waits, waited atomic.Int64 // waited in nanoseconds
	writing                       atomic.Int64 // how many wait for the writer now
}

func openSQLite(ctx context.Context, path string, o *options, count *counters) (*lite, error) {
	if path == "" {
		return nil, errors.New("database URL: sqlite: needs a path, as in sqlite:kalends.db")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := prepareFile(path); err != nil {
		return nil, &failure{kind: storage.ErrUnavailable, cause: err}
	}
	readers := o.poolSize
	if readers <= 0 {
		readers = 8
	}
	l := &lite{
		path: path, count: count,
		writer: make(chan *liteSession, 1), readers: make(chan *liteSession, readers),
		closed: make(chan struct{}),
	}
	w, err := l.connect(false)
	if err != nil {
		l.close()
		return nil, fmt.Errorf("%s: %w", path, classify(ctx, err))
	}
	l.writer <- w
	for range readers {
		l.readers <- nil // connected at first use
	}
	return l, nil
}

// prepareFile makes the folder and the file, readable by this user only; SQLite gives its other files the
// same permissions.
func prepareFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// dsn is the driver's name for the file.
func (l *lite) dsn(readOnly bool) string {
	q := url.Values{"_pragma": {
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "cache_size(-16000)",
		"temp_store(MEMORY)", "journal_size_limit(67108864)",
	}}
	if readOnly {
		q["_pragma"] = append(q["_pragma"], "query_only(ON)")
	}
	u := url.URL{Scheme: "file", Path: l.path, RawQuery: q.Encode()}
	return u.String()
}

func (l *lite) connect(readOnly bool) (*liteSession, error) {
	c, err := new(sqlite.Driver).Open(l.dsn(readOnly))
	if err != nil {
		return nil, err
	}
	p, ok := c.(driver.ConnPrepareContext)
	if !ok {
		c.Close()
		return nil, errors.New("sqlite driver without PrepareContext")
	}
	s := &liteSession{db: l, conn: c, prepare: p, stmts: map[string]driver.Stmt{}, home: l.writer}
	if readOnly {
		s.home = l.readers
	}
	l.open.Add(1)
	return s, nil
}

func (l *lite) dialect() *dialect { return sqliteDialect }

// grown does nothing: without statistics SQLite prefers the index that has most of a query's columns, which is right here.
func (l *lite) grown(int64) {}

func (l *lite) close() error {
	l.once.Do(func() {
		close(l.closed)
		for range cap(l.readers) {
			select {
			case s := <-l.readers:
				s.shut()
			default: // in use; released later and closed then
			}
		}
		select {
		case s := <-l.writer:
			s.shut()
		default:
		}
	})
	return nil
}

func (l *lite) session(ctx context.Context, write bool) (session, error) {
	pool := l.readers
	if write {
		pool = l.writer
	}
	select {
	case <-l.closed:
		return nil, classify(ctx, errClosed)
	default:
	}
	l.acquired.Add(1)
	select {
	case s := <-pool:
		return l.take(ctx, s, write)
	default:
	}
	l.waits.Add(1)
	defer func(start time.Time) { l.waited.Add(int64(time.Since(start))) }(time.Now())
	if write {
		l.writing.Add(1)
		defer l.leave()
	}
	select {
	case s := <-pool:
		return l.take(ctx, s, write)
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.closed:
		return nil, classify(ctx, errClosed)
	}
}

// take returns a connection from its pool, which is made now where there was none yet.
func (l *lite) take(ctx context.Context, s *liteSession, write bool) (session, error) {
	if s != nil {
		return s, nil
	}
	s, err := l.connect(!write)
	if err != nil {
		if write {
			l.writer <- nil
		} else {
			l.readers <- nil
		}
		return nil, classify(ctx, err)
	}
	return s, nil
}

func (l *lite) poolState() Pool {
	most := int64(cap(l.writer) + cap(l.readers))
	return Pool{
		Open: l.open.Load(), InUse: most - int64(len(l.writer)+len(l.readers)), Most: most,
		Acquired: l.acquired.Load(), Waits: l.waits.Load(), Waited: time.Duration(l.waited.Load()),
	}
}

// liteSession is one connection with its prepared statements.
type liteSession struct {
	db      *lite
	conn    driver.Conn
	prepare driver.ConnPrepareContext
	stmts   map[string]driver.Stmt
	home    chan *liteSession

	state  txState
	group  *commitGroup // of transactions that ended and are not committed yet; nil for none
	joined *commitGroup // what the transaction that just ended has left to the group to commit
}

// txState is the transaction of a session's present user.
type txState uint8

const (
	noTx     txState = iota
	ownTx            // begun
	sharedTx         // a savepoint in the transaction that the group began
)

func (s *liteSession) shut() {
	if s == nil {
		return
	}
	s.flush()
	for _, st := range s.stmts {
		st.Close()
	}
	s.conn.Close()
	s.db.open.Add(-1)
}

// run takes no notice of ctx ending while a statement runs: they are short, and watching costs a goroutine each.
func (s *liteSession) run(ctx context.Context, stmts []stmt, seen *int64) error {
	s.db.count.note(ctx, stmts)
	for i := range stmts {
		if err := ctx.Err(); err != nil && stmts[i].sql != rollbackText {
			return err
		}
		if err := s.step(ctx, &stmts[i], seen); err != nil {
			return classify(ctx, err)
		}
	}
	return nil
}

// step carries out a statement, or what beginning and ending a transaction means here.
func (s *liteSession) step(ctx context.Context, st *stmt, seen *int64) error {
	switch st.sql {
	case sqliteDialect.begin, sqliteDialect.beginView:
		return s.begin(ctx, st)
	case commitText:
		return s.commit(ctx)
	case rollbackText:
		return s.rollback(ctx)
	}
	if s.state == noTx && s.group != nil { // a statement that is a transaction of its own
		if s.flush(); s.state != noTx {
			return errGroupLost
		}
	}
	return s.one(ctx, st, seen)
}

// exec carries out a statement without arguments or rows.
func (s *liteSession) exec(sql string) error {
	var seen int64
	return s.one(context.Background(), &stmt{sql: sql}, &seen)
}

func (s *liteSession) one(ctx context.Context, st *stmt, seen *int64) error {
	p := s.stmts[st.sql]
	if p == nil {
		var err error
		if p, err = s.prepare.PrepareContext(context.Background(), toSQLite(st.sql)); err != nil {
			return fmt.Errorf("prepare %s: %w", oneLine(st.sql), err)
		}
		s.stmts[st.sql] = p
	}
	args := make([]driver.NamedValue, len(st.args))
	for i, a := range st.args {
		args[i].Ordinal = i + 1
		switch v := a.(type) {
		case []int64, []string:
			b, err := json.Marshal(v)
			if err != nil {
				return err
			}
			args[i].Value = string(b)
		default:
			args[i].Value = v
		}
	}
	if st.row == nil {
		res, err := p.(driver.StmtExecContext).ExecContext(context.Background(), args)
		if err != nil {
			return err
		}
		if st.done != nil {
			n, err := res.RowsAffected()
			if err != nil {
				return err
			}
			st.done(n)
		}
		return nil
	}
	rows, err := p.(driver.StmtQueryContext).QueryContext(context.Background(), args)
	if err != nil {
		return err
	}
	defer rows.Close()
	row := liteRow(make([]driver.Value, len(rows.Columns())))
	for {
		if err := rows.Next(row); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		*seen++
		if err := st.row(row); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// liteRow is a row of the driver's values.
type liteRow []driver.Value

// Scan copies the row into dest.
func (r liteRow) Scan(dest ...any) error {
	if len(dest) != len(r) {
		return fmt.Errorf("scan: %d columns into %d places", len(r), len(dest))
	}
	for i, v := range r {
		ok := true
		switch d := dest[i].(type) {
		case *int64:
			*d, ok = v.(int64)
		case *string:
			*d, ok = v.(string)
		case *[]byte:
			if v == nil {
				*d = nil // the driver has no other empty value
				break
			}
			*d, ok = v.([]byte)
		case *bool:
			var n int64
			n, ok = v.(int64)
			*d = n != 0
		case *uint8:
			var n int64
			n, ok = v.(int64)
			*d = uint8(n)
		default:
			ok = false
		}
		if !ok {
			return fmt.Errorf("scan: column %d is a %T, wanted for %T", i+1, v, dest[i])
		}
	}
	return nil
}
