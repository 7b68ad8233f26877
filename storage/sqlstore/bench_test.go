package sqlstore_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"kalends/internal/pgtest"
	"kalends/storage"
	"kalends/storage/storagetest"
)

// benchEach runs a benchmark on SQLite and on a Postgres that writes to the disk, with a number of clients at once.
func benchEach(b *testing.B, clients []int, fn func(b *testing.B, w *site, clients int)) {
	for _, n := range clients {
		b.Run(fmt.Sprintf("sqlite/clients=%d", n), func(b *testing.B) { fn(b, newSite(b, storagetest.SQLite(b), 64), n) })
		b.Run(fmt.Sprintf("postgres/clients=%d", n), func(b *testing.B) {
			s, _ := storagetest.OwnPostgres(b, pgtest.Config{Durable: true, SharedBuffers: "256MB"})
			fn(b, newSite(b, s, 64), n)
		})
	}
}

// parallel runs op b.N times from a number of clients.
func parallel(b *testing.B, clients int, op func(n int64) error) {
	var next atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	done := make(chan error, clients)
	for range clients {
		go func() {
			for {
				n := next.Add(1)
				if n > int64(b.N) {
					done <- nil
					return
				}
				if err := op(n); err != nil {
					done <- err
					return
				}
			}
		}()
	}
	for range clients {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

func BenchmarkPut(b *testing.B) {
	benchEach(b, []int{1, 8}, func(b *testing.B, w *site, clients int) {
		parallel(b, clients, func(n int64) error {
			return w.put(b.Context(), int(n)%len(w.owners), fmt.Sprintf("put%d", n), start)
		})
	})
}

func BenchmarkMeeting(b *testing.B) {
	benchEach(b, []int{1, 8}, func(b *testing.B, w *site, clients int) {
		parallel(b, clients, func(n int64) error {
			k := int(n) * 3
			return w.meet(b.Context(), []int{k % 64, (k + 1) % 64, (k + 2) % 64}, fmt.Sprintf("m%d", n), start)
		})
	})
}

func BenchmarkRead(b *testing.B) {
	benchEach(b, []int{1, 8}, func(b *testing.B, w *site, clients int) {
		w.fill(b, 0, 5000)
		ctx := b.Context()
		for i := range 500 { // an event every other day
			if err := w.put(ctx, 1, fmt.Sprintf("sparse%d", i), start.Add(time.Duration(i)*48*time.Hour)); err != nil {
				b.Fatal(err)
			}
		}
		for _, tt := range []struct {
			name string
			op   func(n int64) error
		}{
			{"principal", func(n int64) error { return second(w.s.PrincipalByName(ctx, fmt.Sprintf("user%03d", n%64))) }},
			{"get", func(n int64) error { return second(w.s.Object(ctx, w.cals[0], fmt.Sprintf("event%d", n%5000))) }},
			{"week", func(n int64) error { // of four events
				return second(w.s.ObjectsInRange(ctx, week(w, 1, start.Add(time.Duration(n%900)*24*time.Hour))))
			}},
			{"full week", func(n int64) error { // of 680
				return second(w.s.ObjectsInRange(ctx, week(w, 0, start.Add(time.Duration(n%500)*150*time.Minute))))
			}},
			{"multiget", func(n int64) error {
				var names []string
				for i := range 50 {
					names = append(names, fmt.Sprintf("event%d", (n*50+int64(i))%5000))
				}
				return second(w.s.ObjectsByName(ctx, w.cals[0], names))
			}},
			{"poll", func(n int64) error {
				return w.s.View(ctx, func(r storage.Reader) error {
					c, err := r.Calendar(ctx, w.owners[0], "calendar")
					if err != nil {
						return err
					}
					_, err = r.Changes(ctx, c.Ref(), c.LastSeq, 0)
					return err
				})
			}},
		} {
			b.Run(tt.name, func(b *testing.B) { parallel(b, clients, tt.op) })
		}
	})
}

func BenchmarkClaim(b *testing.B) {
	benchEach(b, []int{1, 4}, func(b *testing.B, w *site, clients int) {
		ctx := b.Context()
		const batch = 200
		err := w.s.Update(ctx, func(tx storage.Tx) error {
			if err := tx.Lock(ctx, b.N*batch, w.owners[0]); err != nil {
				return err
			}
			for range b.N * batch {
				id, err := tx.Next(ctx, w.owners[0])
				if err != nil {
					return err
				}
				if err := tx.AddJob(ctx, &storage.Job{Owner: w.owners[0], ID: id, Kind: "mail", DueAt: start}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		parallel(b, clients, func(int64) error {
			return second(w.s.ClaimJobs(ctx, []string{"mail"}, start, time.Hour, batch))
		})
		b.ReportMetric(float64(b.N)*batch/b.Elapsed().Seconds(), "jobs/s")
	})
}
