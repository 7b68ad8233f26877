package sqlstore

import (
	"context"
	"fmt"
	"time"

	"kalends/storage"
)

// QueueDepths implements [storage.Watcher].
func (s *Store) QueueDepths(ctx context.Context, now time.Time) (storage.QueueDepths, error) {
	d := storage.QueueDepths{Jobs: map[string]storage.Depth{}}
	err := s.run(ctx, stmt{
		sql: `SELECT kind, count(*), min(due_at) FROM (
			SELECT kind, due_at FROM outbox WHERE state IN ('ready', 'leased') ORDER BY wake_at LIMIT $1) AS waiting GROUP BY kind`,
		args: []any{int64(storage.MaxDepth)},
		row: func(r scanner) error {
			var kind string
			var n, due int64
			err := r.Scan(&kind, &n, &due)
			d.Jobs[kind] = storage.Depth{Count: n, Due: instant(due)}
			return err
		},
	}, stmt{
		sql: `SELECT count(*) FROM (SELECT state FROM reminders WHERE state IN ('ready', 'leased') AND wake_at <= $1
			ORDER BY wake_at LIMIT $2) AS due WHERE state = 'ready'`,
		args: []any{micros(now), int64(storage.MaxDepth)}, row: into(&d.Overdue),
	})
	if err != nil {
		return storage.QueueDepths{}, fmt.Errorf("queue depths: %w", err)
	}
	return d, nil
}
