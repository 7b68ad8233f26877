package sqlstore

import (
	"context"
	"fmt"
	"math"
	"time"

	"kalends/storage"
)

const trashColumns = `owner_id, id, calendar_id, slug, calendar_name, name, uid, component, by_id, deleted, ics`

func scanTrashed(list *[]*storage.Trashed) func(scanner) error {
	return func(r scanner) error {
		t := &storage.Trashed{}
		*list = append(*list, t)
		var deleted int64
		err := r.Scan(&t.Owner, &t.ID, &t.Calendar, &t.Slug, &t.CalendarName, &t.Name, &t.UID, &t.Component, &t.By, &deleted, &t.ICS)
		t.Deleted = instant(deleted)
		return err
	}
}

// Trash implements [storage.TrashReader].
func (q queries) Trash(ctx context.Context, owner int64, after storage.TrashMark, limit int) ([]*storage.Trashed, error) {
	before, id := int64(math.MaxInt64), int64(math.MaxInt64)
	if after.ID != 0 {
		before, id = micros(after.Deleted), after.ID
	}
	var list []*storage.Trashed
	err := q.query(ctx, scanTrashed(&list), `SELECT `+trashColumns+` FROM trash
		WHERE owner_id = $1 AND deleted <= $2 AND (deleted < $3 OR id < $4) ORDER BY deleted DESC, id DESC LIMIT $5`,
		owner, before, before, id, limitOr(limit))
	if err != nil {
		return nil, fmt.Errorf("trash of %d: %w", owner, err)
	}
	return list, nil
}

// TrashedUID implements [storage.TrashReader].
func (q queries) TrashedUID(ctx context.Context, owner int64, uid string) ([]*storage.Trashed, error) {
	if !storable(uid) {
		return nil, nil
	}
	var list []*storage.Trashed
	err := q.query(ctx, scanTrashed(&list), `SELECT `+trashColumns+` FROM trash WHERE owner_id = $1 AND uid = $2
		ORDER BY deleted DESC, id DESC LIMIT $3`, owner, uid, int64(storage.MaxTrashedUID))
	if err != nil {
		return nil, fmt.Errorf("trash of %d by UID: %w", owner, err)
	}
	return list, nil
}

// Trashed implements [storage.TrashReader].
func (q queries) Trashed(ctx context.Context, owner, id int64) (*storage.Trashed, error) {
	var list []*storage.Trashed
	err := q.query(ctx, scanTrashed(&list), `SELECT `+trashColumns+` FROM trash WHERE owner_id = $1 AND id = $2`, owner, id)
	if err == nil && len(list) == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("trash %d/%d: %w", owner, id, err)
	}
	return list[0], nil
}

// AddTrash implements [storage.TrashTx].
func (tx *Tx) AddTrash(ctx context.Context, t *storage.Trashed, most int64) error {
	if err := tx.mustLock(t.Owner); err != nil {
		return err
	}
	err := tx.write(ctx, `INSERT INTO trash (`+trashColumns+`, total)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 + COALESCE(max(total), 0) FROM trash WHERE owner_id = $13`,
		t.Owner, t.ID, t.Calendar, t.Slug, t.CalendarName, t.Name, t.UID, t.Component, t.By, micros(t.Deleted), blob(t.ICS),
		int64(len(t.ICS)), t.Owner)
	if err != nil {
		return err
	}
	return tx.trimTrash(ctx, t.Owner, most)
}

// TrashCalendar implements [storage.TrashTx].
func (tx *Tx) TrashCalendar(ctx context.Context, c *storage.Calendar, by int64, deleted time.Time, most int64) error {
	if err := tx.mustLock(c.Owner); err != nil {
		return err
	}
	err := tx.write(ctx, `INSERT INTO trash (`+trashColumns+`, total)
		SELECT owner_id, id, calendar_id, $1, $2, name, uid, component, $3, $4, ics,
			sum(size) OVER (ORDER BY id) + (SELECT COALESCE(max(total), 0) FROM trash WHERE owner_id = $5)
		FROM objects WHERE owner_id = $6 AND calendar_id = $7`,
		c.Slug, c.DisplayName, by, micros(deleted), c.Owner, c.Owner, c.ID)
	if err != nil {
		return err
	}
	return tx.trimTrash(ctx, c.Owner, most)
}

// trimTrash removes what is above so many octets, the oldest first.
func (tx *Tx) trimTrash(ctx context.Context, owner, most int64) error {
	return tx.write(ctx, `DELETE FROM trash WHERE owner_id = $1 AND total <= (SELECT max(total) FROM trash WHERE owner_id = $2) - $3`,
		owner, owner, most)
}

// RemoveTrash implements [storage.TrashTx].
func (tx *Tx) RemoveTrash(ctx context.Context, owner, id int64) error {
	if err := tx.mustLock(owner); err != nil {
		return err
	}
	return tx.write(ctx, `DELETE FROM trash WHERE owner_id = $1 AND id = $2`, owner, id)
}

// EmptyTrash implements [storage.TrashTx].
func (tx *Tx) EmptyTrash(ctx context.Context, owner int64) (int64, error) {
	if err := tx.mustLock(owner); err != nil {
		return 0, err
	}
	var n int64
	err := tx.run(ctx, stmt{sql: `DELETE FROM trash WHERE owner_id = $1`, args: []any{owner}, done: func(rows int64) { n = rows }})
	if err != nil {
		return 0, fmt.Errorf("trash of %d: %w", owner, err)
	}
	return n, nil
}

// PurgeTrash implements [storage.Housekeeping].
func (s *Store) PurgeTrash(ctx context.Context, before time.Time, limit int) (int64, error) {
	var n int64
	err := s.writeOne(ctx, stmt{sql: `DELETE FROM trash WHERE (owner_id, id) IN (
			SELECT owner_id, id FROM trash WHERE deleted < $1 ORDER BY deleted LIMIT $2)`,
		args: []any{micros(before), limitOr(limit)}, done: func(rows int64) { n = rows }})
	if err != nil {
		return 0, fmt.Errorf("purge trash: %w", err)
	}
	return n, nil
}
