package sqlstore

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"kalends/storage"
)

// postgres is a pool of native pgx connections.
type postgres struct {
	pool  *pgxpool.Pool
	count *counters
	lost  atomic.Int64 // when a connection was last lost, in Unix nanoseconds

	created   atomic.Int64 // objects and jobs, since this store was opened
	analyzeAt atomic.Int64 // as many created rows make new statistics due
	analyzing sync.WaitGroup
	closing   context.Context
	closeNow  context.CancelFunc
}

// After a connection was lost all others are tried before use for so long: the database was restarted, and the first
// of them that fails need not be followed by the rest.
const suspicion = 5 * time.Second

func (p *postgres) shouldPing(_ context.Context, c pgxpool.ShouldPingParams) bool {
	return c.IdleDuration > time.Second || time.Since(time.Unix(0, p.lost.Load())) < suspicion
}

// sessionSettings are set on each connection, where the URL does not say otherwise. Every query here
// is meant to run on an index with the same plan whatever its arguments, so planning happens once for a
// prepared statement, and a table that was small when it was planned is not scanned when it has grown. Where a scan is
// all there is, its made-up cost must not bring in the compiler.
var sessionSettings = map[string]string{
	"application_name":  "kalends",
	"plan_cache_mode":   "force_generic_plan",
	"enable_seqscan":    "off",
	"enable_bitmapscan": "off", // it loses the index's order, and then all due jobs are sorted for one batch
	// A claim takes few rows of a large queue. By Postgres' idea of what a page costs it reads the whole queue in order to join them.
	"enable_mergejoin":                    "off",
	"enable_hashjoin":                     "off",
	"jit":                                 "off",
	"idle_in_transaction_session_timeout": "300000",
}

func openPostgres(ctx context.Context, url string, o *options, count *counters) (*postgres, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database URL: %s", oneLine(err.Error())) // pgx leaves the password out
	}
	for name, value := range sessionSettings {
		if _, ok := cfg.ConnConfig.RuntimeParams[name]; !ok {
			cfg.ConnConfig.RuntimeParams[name] = value
		}
	}
	if cfg.ConnConfig.ConnectTimeout == 0 {
		cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	if o.poolSize > 0 {
		cfg.MaxConns = int32(min(o.poolSize, 10_000))
	} else if !strings.Contains(url, "pool_max_conns") {
		// Commits that wait for the disk at the same time share its write, so more connections than cores pay.
		cfg.MaxConns = int32(max(12, 4*runtime.NumCPU()))
	}
	cfg.HealthCheckPeriod = 15 * time.Second
	cfg.PingTimeout = 5 * time.Second
	p := &postgres{count: count}
	p.closing, p.closeNow = context.WithCancel(context.Background())
	p.analyzeAt.Store(analyzeFirst)
	cfg.ShouldPing = p.shouldPing
	if p.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return nil, classify(ctx, err)
	}
	if err := p.pool.Ping(ctx); err != nil {
		p.pool.Close()
		return nil, classify(ctx, err)
	}
	return p, nil
}

func (p *postgres) dialect() *dialect { return postgresDialect }

func (p *postgres) close() error {
	p.closeNow()
	p.analyzing.Wait()
	p.pool.Close()
	return nil
}

// While Postgres knows nothing of a small table, every index whose columns begin like a query's seems as good as the right
// one, and a plan made then stays until there are statistics: up to a minute in which a first import or a first sync
// reads whole calendars for one object. So a store that fills a database asks for statistics itself, each time it has
// doubled what it created, until the table is so large that autovacuum is soon enough. Only the columns that plans are made by
// are looked at, in a small sample: else the texts of 30,000 objects are read.
const (
	analyzeFirst = 64
	analyzeLast  = 20_000
	analyzeText  = `BEGIN; SET LOCAL default_statistics_target = 10; ANALYZE objects (owner_id, calendar_id, id, name, uid, seq, class, first_start, last_end),
		inbox_items (owner_id, calendar_id, id, name, uid, seq), tombstones (owner_id, calendar_id, name, seq),
		calendars (owner_id, id, slug), reminders (owner_id, object_id, state, wake_at), outbox (owner_id, id, state, wake_at); COMMIT`
	knownText = `SELECT reltuples >= $1 FROM pg_class WHERE oid = 'objects'::regclass`
)

func (p *postgres) grown(rows int64) {
	n, at := p.created.Add(rows), p.analyzeAt.Load()
	if p.closing.Err() != nil || n < at || at > analyzeLast || !p.analyzeAt.CompareAndSwap(at, 2*max(at, n)) {
		return
	}
	p.analyzing.Go(func() {
		ctx, cancel := context.WithTimeout(p.closing, time.Minute)
		defer cancel()
		known := false
		if err := p.pool.QueryRow(ctx, knownText, analyzeLast).Scan(&known); err == nil && known {
			p.analyzeAt.Store(analyzeLast + 1) // another server, or an earlier start, has filled it
			return
		}
		_, _ = p.pool.Exec(ctx, analyzeText, pgx.QueryExecModeSimpleProtocol) // autovacuum does it later
	})
}

func (p *postgres) poolState() Pool {
	st := p.pool.Stat()
	return Pool{
		Open: int64(st.TotalConns()), InUse: int64(st.AcquiredConns()), Most: int64(st.MaxConns()),
		Acquired: st.AcquireCount(), Waits: st.EmptyAcquireCount(), Waited: st.EmptyAcquireWaitTime(),
	}
}

func (p *postgres) session(ctx context.Context, _ bool) (session, error) {
	conn, err := p.pool.Acquire(ctx)
	if err != nil {
		return nil, classify(ctx, err)
	}
	return &pgSession{conn, p}, nil
}

type pgSession struct {
	conn *pgxpool.Conn
	db   *postgres
}

// release also closes a connection that is still in a transaction.
func (s *pgSession) release() error {
	s.conn.Release()
	return nil
}

func (s *pgSession) run(ctx context.Context, stmts []stmt, seen *int64) error {
	s.db.count.note(ctx, stmts)
	err := s.send(ctx, stmts, seen)
	if err == nil {
		return nil
	}
	err = classify(ctx, err)
	if s.conn.Conn().IsClosed() && ctx.Err() == nil && !connectionLost(err) {
		err = &failure{kind: storage.ErrUnavailable, cause: err, lost: true}
	}
	if connectionLost(err) {
		s.db.lost.Store(time.Now().UnixNano())
	}
	return err
}

func (s *pgSession) send(ctx context.Context, stmts []stmt, seen *int64) error {
	conn := s.conn.Conn()
	if len(stmts) == 1 {
		st := &stmts[0]
		if st.row == nil {
			tag, err := conn.Exec(ctx, st.sql, st.args...)
			if err == nil && st.done != nil {
				st.done(tag.RowsAffected())
			}
			return err
		}
		rows, err := conn.Query(ctx, st.sql, st.args...)
		if err != nil {
			return err
		}
		return drain(rows, st, seen)
	}
	batch := &pgx.Batch{QueuedQueries: make([]*pgx.QueuedQuery, 0, len(stmts))}
	for i := range stmts {
		batch.Queue(stmts[i].sql, stmts[i].args...)
	}
	res := conn.SendBatch(ctx, batch)
	for i := range stmts {
		st := &stmts[i]
		var err error
		if st.row == nil {
			var tag pgconn.CommandTag
			if tag, err = res.Exec(); err == nil && st.done != nil {
				st.done(tag.RowsAffected())
			}
		} else {
			var rows pgx.Rows
			if rows, err = res.Query(); err == nil {
				err = drain(rows, st, seen)
			}
		}
		if err != nil {
			res.Close()
			return err
		}
	}
	return res.Close()
}

func drain(rows pgx.Rows, st *stmt, seen *int64) error {
	defer rows.Close()
	for rows.Next() {
		*seen++
		if err := st.row(rows); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if st.done != nil {
		rows.Close()
		st.done(rows.CommandTag().RowsAffected())
	}
	return nil
}
