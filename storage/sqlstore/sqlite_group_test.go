package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kalends/storage"
)

// ledger is a database with one table, in which each transaction leaves a row.
type ledger struct {
	*Store
	t *testing.T
}

func openLedger(t *testing.T) *ledger {
	s, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "kalends.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Exec(t.Context(), `CREATE TABLE ledger (entry TEXT PRIMARY KEY, padding BLOB)`); err != nil {
		t.Fatal(err)
	}
	return &ledger{s, t}
}

// enter returns a transaction's function that leaves a row.
func enter(ctx context.Context, entry string, padding int) func(*Tx) error {
	return func(tx *Tx) error {
		return tx.run(ctx, stmt{sql: `INSERT INTO ledger (entry, padding) VALUES ($1, $2)`, args: []any{entry, make([]byte, padding)}})
	}
}

// entries returns the rows that other connections see, in order.
func (l *ledger) entries() []string {
	rows, err := l.Strings(context.Background(), 1, `SELECT entry FROM ledger ORDER BY entry`)
	if err != nil {
		l.t.Fatal(err)
	}
	list := []string{}
	for _, r := range rows {
		list = append(list, r[0])
	}
	return list
}

func (l *ledger) expect(want ...string) {
	l.t.Helper()
	if got := l.entries(); !slices.Equal(got, want) {
		l.t.Fatalf("the table holds %v, want %v", got, want)
	}
}

var errUnwanted = errors.New("unwanted")

// TestWritersShareACommit walks through a group: a writer that ends while another waits returns when that one has committed.
func TestWritersShareACommit(t *testing.T) {
	for _, tt := range []struct {
		name   string
		second func(ctx context.Context, tx *Tx, cancel func()) error
		want   []string
		joined int64
	}{
		{"both commit", func(ctx context.Context, tx *Tx, _ func()) error { return enter(ctx, "second", 0)(tx) }, []string{"first", "second"}, 1},
		{"the second changes its mind", func(ctx context.Context, tx *Tx, _ func()) error {
			return errors.Join(enter(ctx, "second", 0)(tx), errUnwanted)
		}, []string{"first"}, 1},
		{"the second says nothing", func(context.Context, *Tx, func()) error { return nil }, []string{"first"}, 1},
		{"the second is refused for what the first wrote", func(ctx context.Context, tx *Tx, _ func()) error {
			return enter(ctx, "first", 0)(tx)
		}, []string{"first"}, 1},
		{"the second's request ends", func(ctx context.Context, tx *Tx, cancel func()) error {
			defer cancel()
			return enter(ctx, "second", 0)(tx)
		}, []string{"first"}, 1},
		{"the second panics", func(ctx context.Context, tx *Tx, _ func()) error {
			_ = enter(ctx, "second", 0)(tx)
			panic(errUnwanted)
		}, []string{"first"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := openLedger(t)
				ctx, cancel := context.WithCancel(t.Context())
				inFirst, inSecond := make(chan bool), make(chan bool)
				var first error
				returned, second := make(chan bool), make(chan bool)
				go func() {
					defer close(returned)
					first = l.update(t.Context(), func(tx *Tx) error {
						<-inFirst
						return enter(t.Context(), "first", 0)(tx)
					})
				}()
				synctest.Wait()
				go func() {
					defer close(second)
					defer func() { _ = recover() }()
					_ = l.update(ctx, func(tx *Tx) error {
						<-inSecond
						return tt.second(ctx, tx, cancel)
					})
				}()
				synctest.Wait()
				close(inFirst)
				synctest.Wait()
				select {
				case <-returned:
					t.Fatal("the first returns though the second has not ended, so there was a commit for it alone")
				default:
				}
				l.expect()
				close(inSecond)
				<-returned
				if first != nil {
					t.Fatalf("the first: %v", first)
				}
				l.expect(tt.want...) // at once, whether or not the second has returned
				<-second
				l.expect(tt.want...)
				if n := l.Stats().Joined; n != tt.joined {
					t.Errorf("%d joined a commit, want %d", n, tt.joined)
				}
				if err := l.update(t.Context(), enter(t.Context(), "third", 0)); err != nil {
					t.Errorf("afterwards: %v", err)
				}
			})
		})
	}
}

// TestAGroupIsLostTogether: what takes the whole transaction along takes all of the group, and each is run again.
func TestAGroupIsLostTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLedger(t)
		inFirst, inSecond := make(chan bool), make(chan bool)
		var wg sync.WaitGroup
		runs := 0
		wg.Go(func() {
			err := l.update(t.Context(), func(tx *Tx) error {
				<-inFirst
				runs++
				return enter(t.Context(), "first", 0)(tx)
			})
			if err != nil {
				t.Errorf("the first: %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			err := l.update(t.Context(), func(tx *Tx) error {
				<-inSecond
				if err := enter(t.Context(), "second", 0)(tx); err != nil {
					return err
				}
				// As SQLite does by itself where the disk is full.
				return errors.Join(tx.run(t.Context(), stmt{sql: `ROLLBACK /* all */`}), errUnwanted)
			})
			if !errors.Is(err, errUnwanted) {
				t.Errorf("the second: %v", err)
			}
		})
		synctest.Wait()
		close(inFirst)
		synctest.Wait()
		close(inSecond)
		wg.Wait()
		if runs != 2 {
			t.Errorf("the first ran %d times, want 2", runs)
		}
		l.expect("first")
	})
}

// TestWhoWaitedGivesUp: a group that was left to somebody who then gave up is committed nonetheless.
func TestWhoWaitedGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLedger(t)
		db := l.db.(*lite)
		for i, giveUp := range []string{"before the writer is free", "when it is"} {
			db.writing.Add(1) // somebody waits
			sess, err := db.session(t.Context(), true)
			if err != nil {
				t.Fatal(err)
			}
			var seen int64
			err = sess.run(t.Context(), []stmt{
				{sql: sqliteDialect.begin}, {sql: `INSERT INTO ledger (entry) VALUES ($1)`, args: []any{giveUp}}, {sql: commitText},
			}, &seen)
			if err != nil {
				t.Fatal(err)
			}
			returned := make(chan error, 1)
			if giveUp == "before the writer is free" {
				db.leave()
				returned <- sess.release()
			} else {
				go func() { returned <- sess.release() }()
				synctest.Wait()
				if len(returned) > 0 {
					t.Fatal("it returns though nobody has committed")
				}
				db.leave()
			}
			synctest.Wait()
			select {
			case err := <-returned:
				if n := len(l.entries()); err != nil || n != i+1 {
					t.Errorf("%s: %d rows (%v), want %d", giveUp, n, err, i+1)
				}
			default:
				t.Fatalf("%s: it waits for ever", giveUp)
			}
		}
	})
}

// TestManyWriters: whatever comes between, what was acknowledged is there and nothing else.
func TestManyWriters(t *testing.T) {
	l := openLedger(t)
	var mu sync.Mutex
	acknowledged := []string{}
	var wg sync.WaitGroup
	for w := range 12 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(w)))
			for i := range 60 {
				entry := fmt.Sprintf("%02d-%02d", w, i)
				ctx, cancel := context.WithCancel(t.Context())
				kind := random.IntN(6)
				switch kind {
				case 0:
					ctx, cancel = context.WithTimeout(ctx, time.Duration(random.IntN(3000))*time.Microsecond)
				case 1:
					time.AfterFunc(time.Duration(random.IntN(1000))*time.Microsecond, cancel)
				}
				err := l.update(ctx, func(tx *Tx) error {
					if err := enter(ctx, entry, random.IntN(3000))(tx); err != nil || kind != 2 {
						return err
					}
					return errUnwanted
				})
				cancel()
				if kind == 2 && !errors.Is(err, errUnwanted) && err == nil {
					t.Errorf("%s is committed though it was not wanted", entry)
				}
				if kind > 2 && err != nil {
					t.Errorf("%s: %v", entry, err)
				}
				if err == nil {
					mu.Lock()
					acknowledged = append(acknowledged, entry)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	slices.Sort(acknowledged)
	l.expect(acknowledged...)
	if l.Stats().Joined == 0 {
		t.Error("no commit was shared")
	}
}

// TestFullDisk: where there is no room, who was told of success has it on disk, and the others have nothing there.
func TestFullDisk(t *testing.T) {
	l := openLedger(t)
	if _, err := l.Strings(t.Context(), 0, `SELECT 1 WHERE 0`); err != nil {
		t.Fatal(err)
	}
	sess, err := l.db.session(t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	if err := sess.(*liteSession).exec(`PRAGMA max_page_count = 300`); err != nil {
		t.Fatal(err)
	}
	sess.release()
	var mu sync.Mutex
	acknowledged, refused := []string{}, 0
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 20 {
				entry := fmt.Sprintf("%02d-%02d", w, i)
				err := l.update(t.Context(), enter(t.Context(), entry, 9000))
				mu.Lock()
				if err == nil {
					acknowledged = append(acknowledged, entry)
				} else if refused++; !errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), "full") {
					t.Errorf("%s: %v, want ErrUnavailable for a full disk", entry, err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(acknowledged)
	l.expect(acknowledged...)
	if len(acknowledged) == 0 || refused == 0 {
		t.Errorf("%d acknowledged, %d refused: want some of both", len(acknowledged), refused)
	}
}
