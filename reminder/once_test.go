package reminder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kalends/internal/pgtest"
	"kalends/storage"
	"kalends/storage/sqlstore"
	"kalends/storage/storagetest"
)

// TestClockStepsForward: the clock of one server, or of all, is an hour ahead for a while, and set back.
func TestClockStepsForward(t *testing.T) {
	each(t, func(h *house) {
		h.put("a", event("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY;COUNT=2\n!:-PT15M"))
		h.set("20260105T093000Z")
		h.rounds(h.server())
		h.expect("before")
		h.add(time.Hour)
		h.rounds(h.server(), h.server())
		h.expect("an hour ahead", "a 0105T094500Z late")
		for h.set("20260105T093100Z"); h.Now().Before(at(h, "20260105T110000Z")); h.add(5 * time.Minute) {
			h.rounds(h.server(), h.server())
		}
		h.expect("right again, and through the hour", "a 0105T094500Z late")
		h.set("20260106T094500Z")
		h.rounds(h.server())
		h.expect("the next day", "a 0105T094500Z late", "a 0106T094500Z")
	})
}

// TestClockStepsForwardOverALease: a server whose lease another takes for over, because its clock is ahead, finishes what it had
// claimed: it goes out once.
func TestClockStepsForwardOverALease(t *testing.T) {
	each(t, func(h *house) {
		h.put("a", event("DTSTART:20260105T100000Z\n!:-PT15M"))
		h.set("20260105T094500Z")
		slow := h.server()
		slow.init()
		claimed, err := h.store.ClaimReminders(context.Background(), h.Now(), time.Minute, 10)
		if err != nil || len(claimed) != 1 {
			h.Fatalf("ClaimReminders = %v, %v", claimed, err)
		}
		h.add(time.Hour)
		h.rounds(h.server())
		h.expect("by the server that is ahead", "a 0105T094500Z late")
		h.add(-time.Hour)
		h.handle(context.Background(), slow, claimed)
		h.rounds(h.server())
		h.expect("and by nobody else", "a 0105T094500Z late")
	})
}

// fill stores many objects that are due at a quarter to ten, and returns what is to be mailed about them.
func (h *house) fill(people, objects int) []string {
	h.Helper()
	var want []string
	for i := range people {
		who, cal := h.person(fmt.Sprint("user", i))
		for k := range objects {
			name := fmt.Sprintf("%d-%d", i, k)
			h.write(who, cal, name, event("DTSTART:20260105T100000Z\n!:-PT15M"), true)
			want = append(want, name+" 0105T094500Z")
		}
	}
	slices.Sort(want)
	return want
}

// untilAllIsSent lets servers work, which meet a database that comes and goes, until so much is sent.
func (h *house) untilAllIsSent(n int, servers ...*Dispatcher) {
	h.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var all sync.WaitGroup
	for _, d := range servers {
		all.Go(func() {
			for ctx.Err() == nil {
				claimed, err := d.Round(ctx)
				switch {
				case err != nil && !errors.Is(err, storage.ErrUnavailable) && ctx.Err() == nil:
					h.Errorf("Round: %v", err)
					return
				case err == nil && claimed == 0:
					jobs, err := h.store.Jobs(ctx, nil, 100_000)
					if err == nil && len(jobs) >= n {
						return
					}
					// What was claimed when the database went is leased; its server may go on only when that is over.
					h.add(time.Second)
				}
			}
		})
	}
	all.Wait()
	if err := ctx.Err(); err != nil {
		h.Fatalf("after two minutes: %v", err)
	}
}

// TestPostgresRestartsUnderReminders: Postgres is restarted, and killed, while two servers send. Nothing is lost, nothing goes twice.
func TestPostgresRestartsUnderReminders(t *testing.T) {
	store, srv := storagetest.OwnPostgres(t, pgtest.Config{Durable: true})
	h := newHouse(t, store)
	want := h.fill(4, 60)
	h.set("20260105T094500Z")
	var sent sync.Map
	restart := make(chan bool, 100)
	count := 0
	var mu sync.Mutex
	servers := []*Dispatcher{h.server(), h.server()}
	for _, d := range servers {
		d.Log = nil
		compose := d.Compose
		d.Compose = func(ctx context.Context, tx storage.Tx, due Due) (*storage.Job, error) {
			sent.Store(due.Object.Name, true)
			mu.Lock()
			if count++; count == 20 || count == 120 {
				restart <- count == 120
			}
			mu.Unlock()
			return compose(ctx, tx, due)
		}
	}
	restarted := make(chan error, 1)
	go func() {
		for range 2 {
			if <-restart {
				srv.Kill()
			} else {
				srv.Stop()
			}
			if err := srv.Start(context.Background()); err != nil {
				restarted <- err
				return
			}
		}
		restarted <- nil
	}()
	h.untilAllIsSent(len(want), servers...)
	if err := <-restarted; err != nil {
		t.Fatal(err)
	}
	h.add(2 * time.Hour)
	h.rounds(h.server(), h.server())
	got := h.mails()
	for i := range got {
		got[i] = strings.TrimSuffix(got[i], " late")
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d mails, want %d, each once: %q", len(got), len(want), got)
	}
}

// TestDatabaseIsClosedUnderReminders: the same for SQLite, whose file is closed in the middle, and opened again.
func TestDatabaseIsClosedUnderReminders(t *testing.T) {
	url := "sqlite:" + t.TempDir() + "/kalends.db"
	open := func() *sqlstore.Store {
		s, err := sqlstore.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := open()
	h := newHouse(t, first)
	want := h.fill(4, 60)
	h.set("20260105T094500Z")
	d := h.server()
	d.Log = nil
	compose, count := d.Compose, 0
	var mu sync.Mutex
	d.Compose = func(ctx context.Context, tx storage.Tx, due Due) (*storage.Job, error) {
		mu.Lock()
		if count++; count == 100 {
			first.Close()
		}
		mu.Unlock()
		return compose(ctx, tx, due)
	}
	for range 3 {
		_, _ = d.Round(t.Context()) // it fails from some time on
	}
	h.store = open()
	before := len(h.mails())
	if before >= len(want) {
		t.Fatalf("%d mails before the file was closed: it was too late", before)
	}
	h.add(time.Minute) // the leases of the first are over
	h.rounds(h.server(), h.server())
	h.expect("after it was opened again", want...)
}
