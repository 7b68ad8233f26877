package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"kalends/internal/pgtest"
	"kalends/storage"
	"kalends/storage/sqlstore"
	"kalends/storage/storagetest"
)

// TestPostgresRestarts: while Postgres is restarted, and while it crashes and recovers, writers see nothing but ErrUnavailable, and
// all that was acknowledged is there afterwards.
func TestPostgresRestarts(t *testing.T) {
	ctx := t.Context()
	s, srv := storagetest.OwnPostgres(t, pgtest.Config{Durable: true})
	const writers = 6
	w := newSite(t, s, writers)

	writing, stop := context.WithCancel(ctx)
	acknowledged := make(chan string, 10_000)
	var all sync.WaitGroup
	refused := make([]int, writers)
	for i := range writers {
		all.Go(func() {
			for n := 0; writing.Err() == nil; {
				name := fmt.Sprintf("%d-%d", i, n)
				err := w.put(ctx, i, name, start)
				switch {
				case err == nil:
					acknowledged <- name
					n++
				case errors.Is(err, storage.ErrUnavailable):
					refused[i]++
					select { // as a client does that is told to try again
					case <-time.After(10 * time.Millisecond):
					case <-writing.Done():
					}
				default:
					t.Errorf("write: %v", err)
					return
				}
			}
		})
	}
	known := map[string]bool{}
	more := func(n int) {
		t.Helper()
		limit := time.After(2 * time.Minute)
		for range n {
			select {
			case name := <-acknowledged:
				known[name] = true
			case <-limit:
				t.Fatal("writing does not go on")
			}
		}
	}
	more(50)
	if err := srv.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	more(50)
	srv.Kill()
	if _, err := s.Calendars(ctx, w.owners[0]); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("Calendars while Postgres is down: %v, want ErrUnavailable", err)
	}
	if err := s.Ready(ctx); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("Ready while Postgres is down: %v, want ErrUnavailable", err)
	}
	if err := srv.Start(ctx); err != nil {
		t.Fatal(err)
	}
	more(50)
	stop()
	all.Wait()
	close(acknowledged)
	for name := range acknowledged {
		known[name] = true
	}
	for i := range writers {
		if refused[i] == 0 {
			t.Errorf("writer %d noticed nothing", i)
		}
		err := s.Objects(ctx, w.cals[i], 0, func(o *storage.Object) error {
			delete(known, o.Name)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(known) > 0 {
		t.Errorf("%d acknowledged writes are lost: %v", len(known), known)
	}
	// A restart between two uses is not noticed at all.
	if err := srv.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Calendars(ctx, w.owners[0]); err != nil {
		t.Errorf("Calendars after a restart: %v", err)
	}
	if err := w.put(ctx, 0, "after", start); err != nil {
		t.Errorf("a write after a restart: %v", err)
	}
}

// TestTwoPrograms: two stores on one database, as two servers or a server and a command are, write at once.
func TestTwoPrograms(t *testing.T) {
	open := func(t *testing.T, url string) {
		ctx := t.Context()
		var stores []*sqlstore.Store
		for range 2 {
			s, err := sqlstore.Open(ctx, url)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Migrate(ctx); err != nil {
				t.Fatal(err)
			}
			stores = append(stores, s)
		}
		w := newSite(t, stores[0], 1)
		var wg sync.WaitGroup
		const each = 40
		for i, s := range stores {
			w := *w
			w.s = s
			for k := range 2 {
				wg.Go(func() {
					for n := range each {
						if err := w.put(ctx, 0, fmt.Sprintf("%d-%d-%d", i, k, n), start); err != nil {
							t.Errorf("write: %v", err)
							return
						}
					}
				})
			}
		}
		wg.Wait()
		c, err := stores[1].Calendar(ctx, w.owners[0], "calendar")
		if err != nil || c.Objects != 4*each {
			t.Errorf("%+v, %v; want %d objects", c, err, 4*each)
		}
		list, err := stores[0].Changes(ctx, c.Ref(), 0, 0)
		if err != nil || len(list) != 4*each {
			t.Errorf("%d changes, %v; want %d", len(list), err, 4*each)
		}
	}
	t.Run("sqlite", func(t *testing.T) { open(t, "sqlite:"+t.TempDir()+"/kalends.db") })
	t.Run("postgres", func(t *testing.T) { open(t, storagetest.PostgresURL(t)) })
}
