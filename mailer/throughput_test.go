package mailer

import (
	"context"
	"encoding/json"
	"fmt"

	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kalends/scheduling"
	"kalends/storage"
	"kalends/storage/storagetest"
)

// BenchmarkOutbox sends invitations of b.N jobs, 20 people's, through a relay on loopback.
func BenchmarkOutbox(b *testing.B) {
	for name, open := range map[string]func(testing.TB) storage.Store{
		"sqlite":   func(t testing.TB) storage.Store { return storagetest.SQLite(t) },
		"postgres": func(t testing.TB) storage.Store { return storagetest.Postgres(t) },
	} {
		b.Run(name, func(b *testing.B) {
			store := open(b)
			relay := startRelay(b, nil)
			now := time.Now()
			var owners []int64
			for i := range 20 {
				p := &storage.Principal{Name: fmt.Sprint("user", i), Kind: storage.Person, Email: fmt.Sprintf("user%d@example.com", i), Created: now}
				if err := store.Update(b.Context(), func(tx storage.Tx) error { return tx.PutPrincipal(b.Context(), p, []string{"mailto:" + p.Email}) }); err != nil {
					b.Fatal(err)
				}
				owners = append(owners, p.ID)
			}
			for n := 0; n < b.N; n += 100 {
				owner := owners[n/100%len(owners)]
				err := store.Update(b.Context(), func(tx storage.Tx) error {
					if err := tx.Lock(b.Context(), 100, owner); err != nil {
						return err
					}
					for i := range min(100, b.N-n) {
						id, err := tx.Next(b.Context(), owner)
						if err != nil {
							return err
						}
						to := fmt.Sprintf("mailto:user%03d@example.org", i)
						m := scheduling.Mail{Method: "REQUEST", From: "mailto:alice@example.com", FromName: "Alice", To: to, Calendar: crlf(weekly), Owner: owner, Object: id, UID: "planning-1@example.com"}
						payload, err := json.Marshal(m)
						if err != nil {
							return err
						}
						err = tx.AddJob(b.Context(), &storage.Job{Owner: owner, ID: id, Kind: JobKind, Merge: fmt.Sprint("mail ", id), Opens: true, Recipient: to, Object: id, UID: m.UID,
							Payload: payload, DueAt: now, Created: now})
						if err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			var left atomic.Int64
			left.Store(int64(b.N))
			all := make(chan struct{})
			d := &Dispatcher{
				Queue:    store,
				Handlers: map[string]Handler{JobKind: (&Sender{Composer: testComposer(), Transport: newTransport(b, "smtp://"+relay.addr), Told: store}).Handle},
				Outcome: func(_ context.Context, _ *storage.Job, err error) error {
					if err != nil {
						b.Error(err)
					}
					if left.Add(-1) == 0 {
						close(all)
					}
					return nil
				},
			}
			ctx, stop := context.WithCancel(b.Context())
			var wg sync.WaitGroup
			b.ResetTimer()
			wg.Go(func() { d.Run(ctx) })
			<-all
			stop()
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")

		})
	}
}
