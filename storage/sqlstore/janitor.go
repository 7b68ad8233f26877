package sqlstore

import (
	"context"
	"fmt"
	"time"

	"kalends/storage"
)

// Lease implements [storage.Housekeeping].
func (s *Store) Lease(ctx context.Context, name, holder string, now, until time.Time) (bool, error) {
	held := false
	err := s.writeOne(ctx, stmt{
		sql: `INSERT INTO leases (name, holder, until) VALUES ($1, $2, $4)
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
			WHERE leases.holder = excluded.holder OR leases.until <= $3 RETURNING name`,
		args: []any{name, holder, micros(now), micros(until)},
		row: func(r scanner) error {
			held = true
			return r.Scan(&name)
		},
	})
	if err != nil {
		return false, fmt.Errorf("lease %s: %w", name, err)
	}
	return held, nil
}

// PurgeTombstones implements [storage.Housekeeping].
func (s *Store) PurgeTombstones(ctx context.Context, before time.Time, limit int) (int64, error) {
	var owner, calendar, n int64
	err := s.run(ctx, stmt{
		sql:  `SELECT owner_id, calendar_id FROM tombstones WHERE removed < $1 ORDER BY removed LIMIT 1`,
		args: []any{micros(before)}, row: into(&owner, &calendar),
	})
	if err != nil || owner == 0 {
		return 0, err
	}
	err = s.update(ctx, func(tx *Tx) error {
		n = 0
		if err := tx.Lock(ctx, 0, owner); err != nil {
			return err
		}
		floor := int64(0)
		err := tx.run(ctx, stmt{
			// In one collection the oldest have the least numbers, and there is an index of these.
			sql: `WITH picked AS MATERIALIZED (
					SELECT name FROM tombstones WHERE owner_id = $1 AND calendar_id = $2 AND removed < $3 ORDER BY seq LIMIT $4)
				DELETE FROM tombstones WHERE owner_id = $1 AND calendar_id = $2 AND name IN (SELECT name FROM picked) RETURNING seq`,
			args: []any{owner, calendar, micros(before), limitOr(limit)},
			row: func(r scanner) error {
				var seq int64
				err := r.Scan(&seq)
				floor = max(floor, seq)
				n++
				return err
			},
		})
		if err != nil || n == 0 {
			return err
		}
		if calendar == storage.HomeProps {
			return tx.write(ctx, `UPDATE homes SET floor = CASE WHEN floor < $2 THEN $2 ELSE floor END WHERE owner_id = $1`, owner, floor)
		}
		return tx.write(ctx, `UPDATE calendars SET floor = CASE WHEN floor < $3 THEN $3 ELSE floor END
			WHERE owner_id = $1 AND id = $2`, owner, calendar, floor)
	})
	if err != nil {
		return 0, fmt.Errorf("purge tombstones of %d/%d: %w", owner, calendar, err)
	}
	return n, nil
}

// InboxBefore implements [storage.Housekeeping].
func (s *Store) InboxBefore(ctx context.Context, before time.Time, limit int) ([]*storage.Object, error) {
	list, err := s.objects(ctx, true, 0, `SELECT `+objectFields[0]+` FROM inbox_items
		WHERE owner_id = (SELECT owner_id FROM inbox_items WHERE created < $1 ORDER BY created LIMIT 1) AND created < $1 LIMIT $2`,
		micros(before), limitOr(limit))
	if err != nil {
		return nil, fmt.Errorf("old inbox items: %w", err)
	}
	return list, nil
}

// NoticesBefore implements [storage.Housekeeping].
func (s *Store) NoticesBefore(ctx context.Context, before time.Time, limit int) ([]*storage.Object, error) {
	list, err := s.objects(ctx, false, 0, `WITH box AS MATERIALIZED (
			SELECT owner_id, calendar_id FROM objects WHERE length(component) = 0 AND EXISTS (SELECT 1 FROM calendars c
				WHERE c.owner_id = objects.owner_id AND c.id = objects.calendar_id AND c.kind = 'notification') AND `+oldNotice+`
			ORDER BY modified LIMIT 1)
		SELECT `+objectFields[0]+` FROM objects WHERE (owner_id, calendar_id) IN (SELECT owner_id, calendar_id FROM box) AND `+oldNotice+` LIMIT $2`,
		micros(before), limitOr(limit))
	if err != nil {
		return nil, fmt.Errorf("old notices: %w", err)
	}
	return list, nil
}

// oldNotice is what holds for a notice that nobody needs any more.
const oldNotice = `objects.modified < $1 AND NOT EXISTS (SELECT 1 FROM shared s
	WHERE s.owner_id = objects.owner_id AND s.state = 'invited' AND s.uid || '.xml' = objects.name)`

// PurgeReminders implements [storage.Housekeeping]. Rows that somebody writes at this moment are left for later.
func (s *Store) PurgeReminders(ctx context.Context, before time.Time, limit int) (int64, error) {
	var n int64
	err := s.writeOne(ctx, stmt{
		sql: `WITH picked AS MATERIALIZED (
				SELECT owner_id, object_id, for_user, alarm FROM reminders WHERE state = 'dormant' AND fired_through < $1
				ORDER BY fired_through LIMIT $2 FOR UPDATE SKIP LOCKED)
			DELETE FROM reminders WHERE (owner_id, object_id, for_user, alarm) IN (
				SELECT owner_id, object_id, for_user, alarm FROM picked)`,
		args: []any{micros(before), limitOr(limit)}, done: func(rows int64) { n = rows },
	})
	if err != nil {
		return 0, fmt.Errorf("purge reminders: %w", err)
	}
	return n, nil
}

// CalendarsOver implements [storage.Housekeeping].
func (s *Store) CalendarsOver(ctx context.Context, objects int64, limit int) (list []storage.Crowd, err error) {
	err = s.query(ctx, func(r scanner) error {
		var c storage.Crowd
		err := r.Scan(&c.Owner, &c.ID, &c.Objects)
		list = append(list, c)
		return err
	}, `SELECT owner_id, calendar_id, count(*) AS n FROM objects GROUP BY owner_id, calendar_id HAVING count(*) > $1
		ORDER BY n DESC, owner_id, calendar_id LIMIT $2`, objects, limitOr(limit))
	if err != nil {
		return nil, fmt.Errorf("calendars over %d objects: %w", objects, err)
	}
	return list, nil
}
