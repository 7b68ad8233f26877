package sqlstore

import (
	"context"
	"fmt"
	"time"

	"kalends/storage"
)

// Missed implements [storage.PersonalReader].
func (q queries) Missed(ctx context.Context, user int64, unseen bool, limit int) ([]*storage.Missed, error) {
	var list []*storage.Missed
	err := q.query(ctx, func(r scanner) error {
		m := &storage.Missed{}
		list = append(list, m)
		var due, starts, ends, noted int64
		err := r.Scan(&m.Owner, &m.Object, &m.ForUser, &due, &starts, &ends, &noted, &m.Seen, &m.AllDay, &m.Summary)
		m.DueAt, m.Start, m.End, m.Noted = instant(due), instant(starts), instant(ends), instant(noted)
		return err
	}, `SELECT owner_id, object_id, for_user, due_at, starts, ends, noted, seen, all_day, summary FROM missed
		WHERE for_user = $1 AND (NOT seen OR NOT $2) ORDER BY due_at DESC, owner_id, object_id LIMIT $3`, user, unseen, limitOr(limit))
	if err != nil {
		return nil, fmt.Errorf("missed reminders of %d: %w", user, err)
	}
	return list, nil
}

// AddMissed implements [storage.PersonalTx].
func (tx *Tx) AddMissed(ctx context.Context, m *storage.Missed) error {
	if err := tx.mustLock(m.Owner); err != nil {
		return err
	}
	return tx.write(ctx, `INSERT INTO missed (owner_id, object_id, for_user, due_at, starts, ends, noted, seen, all_day, summary)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (owner_id, object_id, for_user, due_at, starts) DO NOTHING`,
		m.Owner, m.Object, m.ForUser, micros(m.DueAt), micros(m.Start), micros(m.End), micros(m.Noted), m.Seen, m.AllDay, m.Summary)
}

// SeeMissed implements [storage.PersonalTx].
func (tx *Tx) SeeMissed(ctx context.Context, user int64, through time.Time) (int64, error) {
	var n int64
	err := tx.run(ctx, stmt{sql: `UPDATE missed SET seen = TRUE WHERE for_user = $1 AND due_at <= $2 AND NOT seen`,
		args: []any{user, micros(through)}, done: func(rows int64) { n = rows }})
	if err != nil {
		return 0, fmt.Errorf("missed reminders of %d: %w", user, err)
	}
	return n, nil
}

// PurgeMissed implements [storage.Housekeeping].
func (s *Store) PurgeMissed(ctx context.Context, before time.Time, limit int) (int64, error) {
	var n int64
	err := s.writeOne(ctx, stmt{sql: `DELETE FROM missed WHERE (owner_id, object_id, for_user, due_at, starts) IN (
			SELECT owner_id, object_id, for_user, due_at, starts FROM missed WHERE noted < $1 ORDER BY noted LIMIT $2)`,
		args: []any{micros(before), limitOr(limit)}, done: func(rows int64) { n = rows }})
	if err != nil {
		return 0, fmt.Errorf("purge missed reminders: %w", err)
	}
	return n, nil
}
