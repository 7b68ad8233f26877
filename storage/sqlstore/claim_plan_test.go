package sqlstore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"kalends/storage"
	"kalends/storage/sqlstore"
	"kalends/storage/storagetest"
)

// TestClaimsDoNotScan: what a claim costs does not grow with what waits. Postgres plans once for a statement, so it must not need to know
// its arguments to see that few rows are taken.
func TestClaimsDoNotScan(t *testing.T) {
	s := storagetest.Postgres(t, sqlstore.WithPoolSize(1))
	ctx := t.Context()
	w := newSite(t, s, 1)
	const rows = 20_000
	for from := 0; from < rows; from += 1000 {
		err := s.Update(ctx, func(tx storage.Tx) error {
			if err := tx.Lock(ctx, 1000, w.owners[0]); err != nil {
				return err
			}
			for i := range 1000 {
				id := int64(from + i + 1)
				r := &storage.Reminder{Owner: w.owners[0], Object: id, ForUser: w.owners[0], Alarm: "a", DueAt: start.Add(time.Duration(id) * time.Minute)}
				if err := tx.SetReminders(ctx, w.owners[0], id, []*storage.Reminder{r}); err != nil {
					return err
				}
				j := &storage.Job{Owner: w.owners[0], ID: id, Kind: "mail", DueAt: r.DueAt, Created: start}
				if err := tx.AddJob(ctx, j); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Strings(ctx, 1, "ANALYZE reminders, outbox"); err != nil {
		t.Fatal(err)
	}
	for i, q := range []struct{ sql, types, args string }{
		{sqlstore.ClaimReminders(512), "bigint, bigint", "1, 2"},
		{sqlstore.ClaimJobs(32), "bigint, bigint, text[]", "1, 2, ARRAY['mail']"},
	} {
		name := fmt.Sprintf("claim%d", i)
		if _, err := s.Strings(context.WithoutCancel(ctx), 1, "PREPARE "+name+"("+q.types+") AS "+q.sql); err != nil {
			t.Fatal(err)
		}
		lines, err := s.Strings(ctx, 1, "EXPLAIN EXECUTE "+name+"("+q.args+")")
		if err != nil {
			t.Fatal(err)
		}
		plan := fmt.Sprint(lines)
		for _, bad := range []string{"Hash Join", "Merge Join", "Seq Scan"} {
			if strings.Contains(plan, bad) {
				t.Errorf("a claim is planned with a %s:\n%s", bad, plan)
			}
		}
	}
}
