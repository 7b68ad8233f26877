package sqlstore_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kalends/internal/janitor"
	"kalends/storage"
	"kalends/storage/sqlstore"
	"kalends/storage/storagetest"
)

// TestJanitorUnderLoad lets a janitor remove many rows while people write: none of them waits for more than a few of its batches, and these are
// small. How long that is depends on the machine, so it is only told. KALENDS_JANITOR_ROWS says how many rows; with 1000000 it takes minutes.
func TestJanitorUnderLoad(t *testing.T) {
	rows := 10_000
	if testing.Short() {
		rows = 2_000
	}
	if v := os.Getenv("KALENDS_JANITOR_ROWS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		rows = n
	}
	t.Run("sqlite", func(t *testing.T) { janitorUnderLoad(t, storagetest.SQLite(t), rows) })
	t.Run("postgres", func(t *testing.T) { janitorUnderLoad(t, storagetest.Postgres(t), rows) })
}

func janitorUnderLoad(t *testing.T, s *sqlstore.Store, rows int) {
	const homes = 20
	w := newSite(t, s, homes)
	fill(t, w, rows)
	var batches atomic.Int64
	w.load(t, time.Now().Add(time.Second/4), &batches) // statements are prepared, statistics are there
	alone := w.load(t, time.Now().Add(time.Second/2), &batches)

	swept := make(chan struct{})
	var removed map[string]int64
	var took time.Duration
	pause := func(ctx context.Context, took time.Duration) {
		batches.Add(1)
		timer := time.NewTimer(max(took, time.Millisecond)) // as it does by itself
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	go func() {
		defer close(swept)
		start := time.Now()
		var err error
		if removed, err = (&janitor.Janitor{Store: s, Pause: pause}).Sweep(t.Context(), "one"); err != nil {
			t.Errorf("Sweep: %v", err)
		}
		took = time.Since(start)
	}()
	var under []write
	for busy := true; busy; {
		under = append(under, w.load(t, time.Now().Add(time.Second/4), &batches)...)
		select {
		case <-swept:
			busy = false
		default:
		}
	}
	sum := int64(0)
	for _, n := range removed {
		sum += n
	}
	t.Logf("%d rows in %v (%.0f/s), %d batches: %v", sum, took.Round(time.Millisecond), float64(sum)/took.Seconds(), batches.Load(), removed)
	for _, l := range []struct {
		what   string
		writes []write
	}{{"alone", alone}, {"besides", under}} {
		times := percentiles(l.writes, func(w write) time.Duration { return w.took })
		t.Logf("writes %-8s %6d, p50 %v, p99 %v, longest %v", l.what+":", len(l.writes), times[0], times[1], times[2])
	}
	if n := batches.Load(); n < sum/largestBatch {
		t.Errorf("%d rows went in %d batches: they are larger than %d", sum, n, largestBatch)
	}
	waits := percentiles(under, func(w write) int64 { return w.batches })
	t.Logf("writes besides: batches meanwhile p50 %d, p99 %d, most %d", waits[0], waits[1], waits[2])
	if waits[1] > 5 {
		t.Errorf("of a hundred writes besides the janitor the slowest waits for %d batches, want 5 at most", waits[1])
	}
	if sum < int64(rows) {
		t.Errorf("%d rows went, want %d", sum, rows)
	}
	for _, table := range []string{"tombstones", "inbox_items", "reminders"} {
		left, err := s.Strings(t.Context(), 1, `SELECT CAST(count(*) AS TEXT) FROM `+table+` WHERE `+map[string]string{
			"tombstones": "removed < 1000", "inbox_items": "created < 1000", "reminders": "state = 'dormant'"}[table])
		if err != nil || left[0][0] != "0" {
			t.Errorf("old rows left in %s: %v, %v", table, left, err)
		}
	}
}

// largestBatch is that of the janitor.
const largestBatch = 1000

// write is how long a write took, in time, and in batches of the janitor that ended meanwhile.
type write struct {
	took    time.Duration
	batches int64
}

// percentiles are the median of what value tells of writes, what all but a hundredth keep to, and the most.
func percentiles[T cmp.Ordered](list []write, value func(write) T) (p [3]T) {
	var values []T
	for _, w := range list {
		values = append(values, value(w))
	}
	slices.Sort(values)
	for i, percent := range []int{50, 99, 100} {
		if n := len(values); n > 0 {
			p[i] = values[min(n*percent/100, n-1)]
		}
	}
	return p
}

// load lets two people write until a time, and returns how long each write took. batches counts those of the janitor.
func (w *site) load(t *testing.T, until time.Time, batches *atomic.Int64) []write {
	var mu sync.Mutex
	var all []write
	var wg sync.WaitGroup
	for p := range 2 {
		wg.Go(func() {
			for n := 0; time.Now().Before(until); n++ {
				begin, before := time.Now(), batches.Load()
				home := (2*n + p) % len(w.cals)
				if err := w.put(context.WithoutCancel(t.Context()), home, fmt.Sprintf("%d-%d.ics", p, n%50), start); err != nil {
					t.Errorf("put: %v", err)
					return
				}
				done := write{time.Since(begin), batches.Load() - before}
				mu.Lock()
				all = append(all, done)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return all
}

// fill makes old rows of all kinds, evenly in all homes: from 1970, but for what is ordered by numbers.
func fill(t *testing.T, w *site, rows int) {
	t.Helper()
	s := w.s.(*sqlstore.Store)
	first, homes, cal, inbox := w.owners[0], int64(len(w.owners)), w.cals[0].ID, w.inbox[0].ID
	text := make([]byte, 800)
	for _, part := range []struct {
		percent int
		sql     string
		args    []any
	}{
		{40, `INSERT INTO tombstones (owner_id, calendar_id, seq, name, object_id, removed)
			SELECT CAST($2 AS BIGINT) + i % CAST($3 AS BIGINT), CAST($4 AS BIGINT), -i, 'gone' || CAST(i AS TEXT), i, i % 1000 FROM n`, []any{first, homes, cal}},
		{20, `INSERT INTO outbox (owner_id, id, object_id, due_at, wake_at, created, attempt, kind, merge_key, recipient, uid, state, last_error, payload)
			SELECT CAST($2 AS BIGINT) + i % CAST($3 AS BIGINT), -i, 1, 0, 0, i % 1000, 1, 'mail', '', '', '', 'done', '', $4 FROM n`, []any{first, homes, text}},
		{10, `INSERT INTO inbound (owner_id, received, key, sender, subject, outcome, message)
			SELECT CAST($2 AS BIGINT) + i % CAST($3 AS BIGINT), i % 1000, 'k' || CAST(i AS TEXT), '', '', '', $4 FROM n`, []any{first, homes, text}},
		{20, `INSERT INTO reminders (owner_id, object_id, for_user, calendar_id, due_at, wake_at, fired_through, attempt, claim, alarm, state, last_error)
			SELECT CAST($2 AS BIGINT) + i % CAST($3 AS BIGINT), -i, 1, CAST($4 AS BIGINT), 0, 0, i % 1000, 0, 0, 'a', 'dormant', '' FROM n`, []any{first, homes, cal}},
		{10, `INSERT INTO inbox_items (owner_id, calendar_id, id, seq, size, first_start, last_end, created, modified, class, busy, floating, recurring,
				name, uid, component, method, etag, schedule_tag, organizer, zones, series, ics)
			SELECT CAST($2 AS BIGINT) + i % CAST($3 AS BIGINT), CAST($4 AS BIGINT), -i, -i, 800, 0, 0, i % 1000, 0, 0, 0, (1 = 0), (1 = 0),
				'i' || CAST(i AS TEXT), '', 'VEVENT', 'REQUEST', '', '', '', '', $5, $6 FROM n`, []any{first, homes, inbox, []byte{}, text}},
	} {
		sql := `WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < CAST($1 AS BIGINT)) ` + part.sql
		if err := s.Exec(t.Context(), sql, append([]any{int64(rows * part.percent / 100)}, part.args...)...); err != nil {
			t.Fatalf("fill: %v\n%s", err, sql)
		}
	}
	for _, table := range []string{"tombstones", "outbox", "inbound", "reminders", "inbox_items"} {
		if err := s.Exec(t.Context(), "ANALYZE "+table); err != nil {
			t.Fatal(err)
		}
	}
	// The collections count what is in them.
	err := s.Exec(t.Context(), `UPDATE calendars SET objects = $1, bytes = $2 WHERE id = $3`,
		int64(rows)/10/homes, int64(rows)/10/homes*800, inbox)
	if err != nil {
		t.Fatal(err)
	}
}

var _ storage.Housekeeping = (*sqlstore.Store)(nil)
