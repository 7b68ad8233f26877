package sqlstore

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"kalends/storage"
)

// ZonePrints implements [storage.ZoneStore].
func (s *Store) ZonePrints(ctx context.Context) (map[string]string, error) {
	m := make(map[string]string)
	err := s.run(ctx, stmt{sql: `SELECT name, print FROM zone_prints`, row: func(r scanner) error {
		var name, print string
		err := r.Scan(&name, &print)
		m[name] = print
		return err
	}})
	if err != nil {
		return nil, fmt.Errorf("fingerprints of time zones: %w", err)
	}
	return m, nil
}

// PutZonePrints implements [storage.ZoneStore].
func (s *Store) PutZonePrints(ctx context.Context, prints map[string]string) error {
	err := s.update(ctx, func(tx *Tx) error {
		if err := tx.write(ctx, `DELETE FROM zone_prints`); err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(prints)) {
			if err := tx.add(ctx, zonePrintSpec, rowKey{s: name}, name, prints[name]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("fingerprints of time zones: %w", err)
	}
	return nil
}

var zonePrintSpec = values(orderObjects, 2, `INSERT INTO zone_prints (name, print) VALUES `, ``)

// Mark implements [storage.ZoneStore].
func (s *Store) Mark(ctx context.Context, name string) (int64, error) {
	var v int64
	err := s.run(ctx, stmt{sql: `SELECT value FROM meta WHERE name = $1`, args: []any{name}, row: into(&v)})
	if err != nil {
		return 0, fmt.Errorf("mark %s: %w", name, err)
	}
	return v, nil
}

// SetMark implements [storage.ZoneStore].
func (s *Store) SetMark(ctx context.Context, name string, value int64) error {
	err := s.writeOne(ctx, stmt{sql: `INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
		args: []any{name, value}})
	if err != nil {
		return fmt.Errorf("mark %s: %w", name, err)
	}
	return nil
}

// ZonedObjects implements [storage.ZoneStore]. It reads the objects in the order of their key, a page at a time, whether they name zones
// or not: who asks does so once for each new version of the zones.
func (s *Store) ZonedObjects(ctx context.Context, owner, object int64, limit int) (list []storage.Zoned, more bool, err error) {
	n := 0
	err = s.run(ctx, stmt{
		sql: `SELECT o.owner_id, o.id, o.zones, o.floating, EXISTS (SELECT 1 FROM reminders r WHERE r.owner_id = o.owner_id
				AND r.object_id = o.id AND r.due_at > 0)
			FROM objects o WHERE (o.owner_id, o.id) > ($1, $2) ORDER BY o.owner_id, o.id LIMIT $3`,
		args: []any{owner, object, limitOr(limit)},
		row: func(r scanner) error {
			var z storage.Zoned
			err := r.Scan(&z.Owner, &z.Object, &z.Zones, &z.Floating, &z.Reminds)
			n++
			list = append(list, z)
			return err
		},
	})
	if err != nil {
		return nil, false, fmt.Errorf("objects with time zones: %w", err)
	}
	return list, n >= limit, nil
}
