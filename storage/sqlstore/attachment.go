package sqlstore

import (
	"context"
	"fmt"
	"time"

	"kalends/storage"
)

const attachmentColumns = `owner_id, id, key, name, type, size, hash, created, unused`

// apart divides keys into the lists that a statement takes.
func apart(keys []storage.AttachmentKey) (ids []int64, secrets []string) {
	ids, secrets = make([]int64, len(keys)), make([]string, len(keys))
	for i, k := range keys {
		ids[i], secrets[i] = k.ID, k.Key
	}
	return ids, secrets
}

// Attachments implements [storage.AttachmentReader]. That a key belongs to the ID is looked at here: a list of pairs is nothing
// that both databases take.
func (q queries) Attachments(ctx context.Context, owner int64, keys []storage.AttachmentKey) (map[int64]*storage.Attachment, error) {
	found := make(map[int64]*storage.Attachment, len(keys))
	if len(keys) == 0 {
		return found, nil
	}
	ids, _ := apart(keys)
	err := q.query(ctx, func(r scanner) error {
		a, err := scanAttachment(r)
		found[a.ID] = a
		return err
	}, `SELECT `+attachmentColumns+` FROM attachments WHERE owner_id = $1 AND id = ANY($2) AND hash <> ''`, owner, ids)
	if err != nil {
		return nil, fmt.Errorf("attachments of %d: %w", owner, err)
	}
	for _, k := range keys {
		if a := found[k.ID]; a != nil && a.Key != k.Key {
			delete(found, k.ID)
		}
	}
	return found, nil
}

func scanAttachment(r scanner) (*storage.Attachment, error) {
	a := &storage.Attachment{}
	var created, unused int64
	err := r.Scan(&a.Owner, &a.ID, &a.Key, &a.Name, &a.Type, &a.Size, &a.Hash, &created, &unused)
	a.Created, a.Unused = instant(created), instant(unused)
	return a, err
}

// AttachmentsByKey implements [storage.AttachmentReader]. It goes through all attachments of the owner, of which there are not many.
func (q queries) AttachmentsByKey(ctx context.Context, owner int64, keys []string) (map[string]*storage.Attachment, error) {
	found := make(map[string]*storage.Attachment, len(keys))
	if len(keys) == 0 {
		return found, nil
	}
	err := q.query(ctx, func(r scanner) error {
		a, err := scanAttachment(r)
		if found[a.Key] == nil {
			found[a.Key] = a
		}
		return err
	}, `SELECT `+attachmentColumns+` FROM attachments WHERE owner_id = $1 AND key = ANY($2) AND hash <> '' ORDER BY id`, owner, keys)
	if err != nil {
		return nil, fmt.Errorf("attachments of %d by key: %w", owner, err)
	}
	return found, nil
}

// AttachmentChunk implements [storage.AttachmentReader].
func (q queries) AttachmentChunk(ctx context.Context, owner, id, n int64) ([]byte, error) {
	var octets []byte
	err := q.query(ctx, func(r scanner) error { return r.Scan(&octets) },
		`SELECT octets FROM attachment_chunks WHERE owner_id = $1 AND attachment_id = $2 AND n = $3`, owner, id, n)
	if err == nil && octets == nil {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("attachment %d/%d from %d: %w", owner, id, n, err)
	}
	return octets, nil
}

// AttachmentUses implements [storage.AttachmentReader].
func (q queries) AttachmentUses(ctx context.Context, owner, id int64, limit int) ([]*storage.Object, error) {
	list, err := q.objects(ctx, false, storage.WithICS, `SELECT `+objectFields[storage.WithICS]+` FROM objects
		WHERE owner_id = $1 AND id IN (
			SELECT object_id FROM attachment_uses WHERE owner_id = $1 AND attachment_id = $2 ORDER BY object_id LIMIT $3)
		ORDER BY id`, owner, id, limitOr(limit))
	if err != nil {
		return nil, fmt.Errorf("uses of attachment %d/%d: %w", owner, id, err)
	}
	return list, nil
}

// Usage implements [storage.AttachmentReader].
func (q queries) Usage(ctx context.Context, owner int64) (storage.Usage, error) {
	u, err := q.Usages(ctx, []int64{owner})
	return u[owner], err
}

// Usages implements [storage.AttachmentReader].
func (q queries) Usages(ctx context.Context, owners []int64) (map[int64]storage.Usage, error) {
	usage := make(map[int64]storage.Usage, len(owners))
	if err := q.r.run(ctx, usageStmt(owners, usage)); err != nil {
		return nil, fmt.Errorf("usage of %d: %w", owners, err)
	}
	return usage, nil
}

func usageStmt(owners []int64, usage map[int64]storage.Usage) stmt {
	return stmt{sql: usageText, args: []any{owners}, row: func(r scanner) error {
		var owner, objects, attachments int64
		err := r.Scan(&owner, &objects, &attachments)
		u := usage[owner]
		usage[owner] = storage.Usage{Objects: u.Objects + objects, Attachments: u.Attachments + attachments}
		return err
	}}
}

const usageText = `SELECT owner_id, CAST(sum(bytes) AS BIGINT), 0 FROM calendars WHERE owner_id = ANY($1) GROUP BY owner_id
	UNION ALL SELECT owner_id, 0, CAST(sum(size) AS BIGINT) FROM attachments WHERE owner_id = ANY($1) AND unused = 0 GROUP BY owner_id`

// AddAttachment implements [storage.AttachmentTx].
func (tx *Tx) AddAttachment(ctx context.Context, a *storage.Attachment) error {
	if err := tx.mustLock(a.Owner); err != nil {
		return err
	}
	return tx.write(ctx, `INSERT INTO attachments (`+attachmentColumns+`) VALUES ($1, $2, $3, $4, $5, 0, '', $6, $6)`,
		a.Owner, a.ID, a.Key, a.Name, a.Type, micros(a.Created))
}

// AddAttachmentChunk implements [storage.AttachmentTx].
func (tx *Tx) AddAttachmentChunk(ctx context.Context, owner, id, n int64, octets []byte) error {
	if err := tx.mustLock(owner); err != nil {
		return err
	}
	tx.weight += len(octets)
	return tx.write(ctx, `INSERT INTO attachment_chunks (owner_id, attachment_id, n, octets) VALUES ($1, $2, $3, $4)`, owner, id, n, blob(octets))
}

// FinishAttachment implements [storage.AttachmentTx].
func (tx *Tx) FinishAttachment(ctx context.Context, a *storage.Attachment) error {
	if err := tx.mustLock(a.Owner); err != nil {
		return err
	}
	var n int64
	err := tx.run(ctx, stmt{sql: `UPDATE attachments SET size = $3, hash = $4 WHERE owner_id = $1 AND id = $2`,
		args: []any{a.Owner, a.ID, a.Size, a.Hash}, done: func(rows int64) { n = rows }})
	if err == nil && n == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("attachment %d/%d: %w", a.Owner, a.ID, err)
	}
	return nil
}

// SetAttachments implements [storage.AttachmentTx].
func (tx *Tx) SetAttachments(ctx context.Context, owner, object int64, keys []storage.AttachmentKey, now time.Time) error {
	if err := tx.mustLock(owner); err != nil {
		return err
	}
	ids, secrets := apart(keys)
	for _, s := range []stmt{
		{sql: `UPDATE attachments SET unused = $1 WHERE owner_id = $2 AND unused = 0
			AND id IN (SELECT attachment_id FROM attachment_uses WHERE owner_id = $2 AND object_id = $3) AND NOT (id = ANY($4))
			AND NOT EXISTS (SELECT 1 FROM attachment_uses o
				WHERE o.owner_id = attachments.owner_id AND o.attachment_id = attachments.id AND o.object_id <> $3)`,
			args: []any{micros(now), owner, object, ids}},
		{sql: `DELETE FROM attachment_uses WHERE owner_id = $1 AND object_id = $2`, args: []any{owner, object}},
		{sql: `INSERT INTO attachment_uses (owner_id, object_id, attachment_id)
			SELECT owner_id, CAST($2 AS BIGINT), id FROM attachments
			WHERE owner_id = $1 AND id = ANY($3) AND key = ANY($4) AND hash <> ''`, args: []any{owner, object, ids, secrets}},
		{sql: `UPDATE attachments SET unused = 0 WHERE owner_id = $1 AND unused <> 0 AND id IN (
			SELECT attachment_id FROM attachment_uses WHERE owner_id = $1 AND object_id = $2)`, args: []any{owner, object}},
	} {
		if len(keys) == 0 && s.sql[0] == 'I' {
			return nil
		}
		if err := tx.write(ctx, s.sql, s.args...); err != nil {
			return err
		}
	}
	return nil
}

// detach ends the uses of attachments by all objects of a calendar that goes.
func (tx *Tx) detach(ctx context.Context, owner, calendar int64) error {
	const objects = `SELECT id FROM objects WHERE owner_id = $1 AND calendar_id = $2`
	err := tx.write(ctx, `UPDATE attachments SET unused = $3 WHERE owner_id = $1 AND unused = 0
		AND NOT EXISTS (SELECT 1 FROM attachment_uses o WHERE o.owner_id = attachments.owner_id AND o.attachment_id = attachments.id
			AND o.object_id NOT IN (`+objects+`))`, owner, calendar, buried())
	if err != nil {
		return err
	}
	return tx.write(ctx, `DELETE FROM attachment_uses WHERE owner_id = $1 AND object_id IN (`+objects+`)`, owner, calendar)
}

// dropAttachments removes attachments with their octets: which is a condition on attachments of the owner $1.
func (tx *Tx) dropAttachments(ctx context.Context, which string, args ...any) error {
	for _, sql := range []string{
		`DELETE FROM attachment_chunks WHERE owner_id = $1 AND attachment_id IN (SELECT id FROM attachments WHERE owner_id = $1 AND ` + which + `)`,
		`DELETE FROM attachments WHERE owner_id = $1 AND ` + which,
	} {
		if err := tx.write(ctx, sql, args...); err != nil {
			return err
		}
	}
	return nil
}

// TrimAttachments implements [storage.AttachmentTx].
func (tx *Tx) TrimAttachments(ctx context.Context, owner, most int64) error {
	if err := tx.mustLock(owner); err != nil {
		return err
	}
	return tx.dropAttachments(ctx, `unused <> 0 AND id IN (SELECT id FROM (
		SELECT id, sum(size) OVER (ORDER BY unused DESC, id DESC) AS total FROM attachments WHERE owner_id = $1 AND unused <> 0) t
		WHERE total > $2)`, owner, most)
}

// DropAttachment implements [storage.AttachmentTx].
func (tx *Tx) DropAttachment(ctx context.Context, owner, id int64) error {
	if err := tx.mustLock(owner); err != nil {
		return err
	}
	return tx.dropAttachments(ctx, `unused <> 0 AND id = $2`, owner, id)
}

// EmptyAttachments implements [storage.AttachmentTx].
func (tx *Tx) EmptyAttachments(ctx context.Context, owner int64) error {
	if err := tx.mustLock(owner); err != nil {
		return err
	}
	return tx.dropAttachments(ctx, `unused <> 0 AND hash <> ''`, owner)
}

// PurgeAttachments implements [storage.Housekeeping].
func (s *Store) PurgeAttachments(ctx context.Context, unused, unfinished time.Time, limit int) (int64, error) {
	type key struct{ owner, id int64 }
	var list []key
	err := s.query(ctx, func(r scanner) error {
		var k key
		err := r.Scan(&k.owner, &k.id)
		list = append(list, k)
		return err
	}, `SELECT owner_id, id FROM attachments WHERE unused <> 0 AND (unused < $1 OR hash = '' AND unused < $2) ORDER BY unused LIMIT $3`,
		micros(unused), micros(unfinished), limitOr(limit))
	if err != nil || len(list) == 0 {
		return 0, err
	}
	// All of one owner: one lock, one transaction.
	owner, ids := list[0].owner, []int64{}
	for _, k := range list {
		if k.owner == owner {
			ids = append(ids, k.id)
		}
	}
	err = s.update(ctx, func(tx *Tx) error {
		if err := tx.Lock(ctx, 0, owner); err != nil {
			return err
		}
		return tx.dropAttachments(ctx, `unused <> 0 AND unused < $2 AND id = ANY($3)`, owner, micros(later(unused, unfinished)), ids)
	})
	if err != nil {
		return 0, fmt.Errorf("purge attachments of %d: %w", owner, err)
	}
	return int64(len(ids)), nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
