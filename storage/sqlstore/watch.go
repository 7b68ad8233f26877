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

// WaitingReminders implements [storage.Watcher].
func (s *Store) WaitingReminders(ctx context.Context, after, through time.Time, failed bool, limit int) ([]*storage.Reminder, error) {
	var list []*storage.Reminder
	err := s.run(ctx, stmt{
		sql: `SELECT ` + reminderColumns + ` FROM reminders WHERE state IN ('ready', 'leased') AND wake_at > $1 AND wake_at <= $2
			AND (last_error <> '' OR NOT $3) ORDER BY wake_at, owner_id, object_id, for_user, alarm LIMIT $4`,
		args: []any{micros(after), micros(through), failed, limitOr(limit)},
		row: func(r scanner) error {
			m := &storage.Reminder{}
			list = append(list, m)
			return scanReminder(r, m)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("waiting reminders: %w", err)
	}
	return list, nil
}

// usageRows are what adds up to what homes hold. Sums are of another type on Postgres, so they are brought back to what is added up.
const (
	usageRows = `SELECT owner_id, 1 AS calendars, objects, bytes, 0 AS attached FROM calendars WHERE kind = 'calendar'
		UNION ALL SELECT owner_id, 0, 0, 0, size FROM attachments WHERE unused = 0`
	usageSums = `CAST(COALESCE(SUM(calendars), 0) AS BIGINT), CAST(COALESCE(SUM(objects), 0) AS BIGINT), CAST(COALESCE(SUM(bytes), 0) AS BIGINT),
		CAST(COALESCE(SUM(attached), 0) AS BIGINT) FROM (` + usageRows + `) AS held`
)

// LargestHomes implements [storage.Watcher].
func (s *Store) LargestHomes(ctx context.Context, limit int) ([]storage.HomeUsage, error) {
	var list []storage.HomeUsage
	err := s.run(ctx, stmt{
		sql:  `SELECT owner_id, ` + usageSums + ` GROUP BY owner_id ORDER BY SUM(bytes) + SUM(attached) DESC, owner_id LIMIT $1`,
		args: []any{limitOr(limit)},
		row: func(r scanner) error {
			var u storage.HomeUsage
			err := r.Scan(&u.Owner, &u.Calendars, &u.Objects, &u.Bytes, &u.Attachments)
			list = append(list, u)
			return err
		},
	})
	if err != nil {
		return nil, fmt.Errorf("largest homes: %w", err)
	}
	return list, nil
}

// WholeUsage implements [storage.Watcher].
func (s *Store) WholeUsage(ctx context.Context) (storage.HomeUsage, error) {
	var u storage.HomeUsage
	err := s.run(ctx, stmt{
		sql: `SELECT ` + usageSums, row: func(r scanner) error { return r.Scan(&u.Calendars, &u.Objects, &u.Bytes, &u.Attachments) },
	})
	if err != nil {
		return u, fmt.Errorf("usage: %w", err)
	}
	return u, nil
}
