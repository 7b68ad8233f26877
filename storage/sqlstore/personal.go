package sqlstore

import (
	"context"
	"fmt"

	"kalends/storage"
)

const personalColumns = `owner_id, object_id, user_id, calendar_id, seq, alarms, ics`

func scanPersonal(r scanner, p *storage.Personal) error {
	return r.Scan(&p.Owner, &p.Object, &p.User, &p.Calendar, &p.Seq, &p.Alarms, &p.ICS)
}

// PersonalOf implements [storage.PersonalReader].
func (q queries) PersonalOf(ctx context.Context, owner, user int64, objects []int64) (map[int64]*storage.Personal, error) {
	found := make(map[int64]*storage.Personal)
	if len(objects) == 0 {
		return found, nil
	}
	err := q.query(ctx, func(r scanner) error {
		p := &storage.Personal{}
		err := scanPersonal(r, p)
		found[p.Object] = p
		return err
	}, `SELECT `+personalColumns+` FROM personal WHERE owner_id = $1 AND object_id = ANY($2) AND user_id = $3`, owner, objects, user)
	if err != nil {
		return nil, fmt.Errorf("what is %d's own in %d: %w", user, owner, err)
	}
	return found, nil
}

// PersonalSeqs implements [storage.PersonalReader].
func (q queries) PersonalSeqs(ctx context.Context, cal storage.Ref, user int64) (map[int64]int64, error) {
	seqs, err := q.pairs(ctx, `SELECT object_id, seq FROM personal WHERE owner_id = $1 AND calendar_id = $2 AND user_id = $3`, cal.Owner, cal.ID, user)
	if err != nil {
		return nil, fmt.Errorf("what is %d's own in %d/%d: %w", user, cal.Owner, cal.ID, err)
	}
	return seqs, nil
}

// PersonalLast implements [storage.PersonalReader].
func (q queries) PersonalLast(ctx context.Context, owner, user int64) (map[int64]int64, error) {
	seqs, err := q.pairs(ctx, `SELECT calendar_id, max(seq) FROM personal WHERE owner_id = $1 AND user_id = $2 AND calendar_id IN (
		SELECT id FROM calendars WHERE owner_id = $1 AND personal) GROUP BY calendar_id`, owner, user)
	if err != nil {
		return nil, fmt.Errorf("what is %d's own in %d: %w", user, owner, err)
	}
	return seqs, nil
}

func (q queries) pairs(ctx context.Context, sql string, args ...any) (map[int64]int64, error) {
	m := make(map[int64]int64)
	err := q.query(ctx, func(r scanner) error {
		var k, v int64
		err := r.Scan(&k, &v)
		m[k] = v
		return err
	}, sql, args...)
	return m, err
}

// PersonalChanges implements [storage.PersonalReader].
func (q queries) PersonalChanges(ctx context.Context, cal storage.Ref, user, since int64, limit int) ([]storage.Change, error) {
	var list []storage.Change
	err := q.query(ctx, func(r scanner) error {
		var c storage.Change
		var created, modified int64
		err := r.Scan(&c.Seq, &c.ID, &c.Size, &created, &modified, &c.Name, &c.UID, &c.Component, &c.ETag, &c.ScheduleTag, (*uint8)(&c.Privacy))
		c.Created, c.Modified = instant(created), instant(modified)
		list = append(list, c)
		return err
	}, `SELECT p.seq, o.id, o.size, o.created, o.modified, o.name, o.uid, o.component, o.etag, o.schedule_tag, o.privacy
		FROM personal p JOIN objects o ON o.owner_id = p.owner_id AND o.id = p.object_id
		WHERE p.owner_id = $1 AND p.calendar_id = $2 AND p.user_id = $3 AND p.seq > $4 ORDER BY p.seq LIMIT $5`,
		cal.Owner, cal.ID, user, since, limitOr(limit))
	if err != nil {
		return nil, fmt.Errorf("changes of what is %d's own in %d/%d: %w", user, cal.Owner, cal.ID, err)
	}
	return list, nil
}

// PersonalAlarms implements [storage.PersonalReader].
func (q queries) PersonalAlarms(ctx context.Context, owner, object int64) ([]*storage.Personal, error) {
	var list []*storage.Personal
	err := q.query(ctx, func(r scanner) error {
		p := &storage.Personal{}
		list = append(list, p)
		return scanPersonal(r, p)
	}, `SELECT `+personalColumns+` FROM personal WHERE owner_id = $1 AND object_id = $2 AND alarms ORDER BY user_id LIMIT $3`,
		owner, object, int64(storage.MaxPersonalAlarms))
	if err != nil {
		return nil, fmt.Errorf("alarms of others in %d/%d: %w", owner, object, err)
	}
	return list, nil
}

// PutPersonal implements [storage.PersonalTx].
func (tx *Tx) PutPersonal(ctx context.Context, p *storage.Personal) error {
	if err := tx.mustLock(p.Owner); err != nil {
		return err
	}
	err := tx.write(ctx, `INSERT INTO personal (`+personalColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (owner_id, object_id, user_id) DO UPDATE SET calendar_id = excluded.calendar_id, seq = excluded.seq,
			alarms = excluded.alarms, ics = excluded.ics`,
		p.Owner, p.Object, p.User, p.Calendar, p.Seq, p.Alarms, blob(p.ICS))
	if err == nil {
		err = tx.SetPersonal(ctx, p.Owner, p.Calendar)
	}
	if err != nil {
		return fmt.Errorf("what is %d's own of %d/%d: %w", p.User, p.Owner, p.Object, err)
	}
	return nil
}

// SetPersonal implements [storage.PersonalTx].
func (tx *Tx) SetPersonal(ctx context.Context, owner, calendar int64) error {
	if err := tx.mustLock(owner); err != nil {
		return err
	}
	return tx.write(ctx, `UPDATE calendars SET personal = TRUE WHERE owner_id = $1 AND id = $2 AND NOT personal`, owner, calendar)
}
