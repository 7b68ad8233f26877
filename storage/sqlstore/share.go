package sqlstore

import (
	"context"
	"fmt"

	"kalends/storage"
)

const shareColumns = `owner_id, calendar_id, sharee_id, id, via_id, privileges, created, modified, state, uid, summary, default_alarm, default_alarm_day`

func scanShare(r scanner) (*storage.Share, error) {
	s := &storage.Share{}
	var privileges, created, modified int64
	err := r.Scan(&s.Owner, &s.Calendar, &s.Sharee, &s.ID, &s.Via, &privileges, &created, &modified, (*string)(&s.State), &s.UID, &s.Summary,
		(*string)(&s.Alarms.Timed), (*string)(&s.Alarms.Day))
	s.Privileges, s.Created, s.Modified = uint32(privileges), instant(created), instant(modified)
	return s, err
}

// sharedColumns begin as shareColumns do, but for the alarms, seen from the other side.
const sharedColumns = `sharer_id, calendar_id, owner_id, id, via_id, privileges, created, modified, state, uid, summary,
		seq, transparent, display_name, description, color, color_name, sort_order, time_zone, time_zone_id, default_alarm, default_alarm_day`

func scanShared(r scanner) (*storage.Share, error) {
	s := &storage.Share{}
	var privileges, created, modified int64
	err := r.Scan(&s.Owner, &s.Calendar, &s.Sharee, &s.ID, &s.Via, &privileges, &created, &modified, (*string)(&s.State), &s.UID, &s.Summary,
		&s.Seq, &s.Transparent, &s.DisplayName, &s.Description, &s.Color, &s.ColorName, &s.Order, &s.TimeZone, &s.TimeZoneID,
		(*string)(&s.Alarms.Timed), (*string)(&s.Alarms.Day))
	s.Privileges, s.Created, s.Modified = uint32(privileges), instant(created), instant(modified)
	return s, err
}

func addTo(list *[]*storage.Share, scan func(scanner) (*storage.Share, error)) func(scanner) error {
	return func(r scanner) error {
		s, err := scan(r)
		*list = append(*list, s)
		return err
	}
}

// Shares implements [storage.ShareReader].
func (q queries) Shares(ctx context.Context, owner, calendar int64) ([]*storage.Share, error) {
	where, args := ``, []any{owner}
	if calendar != 0 {
		where, args = ` AND calendar_id = $2`, append(args, calendar)
	}
	var list []*storage.Share
	err := q.query(ctx, addTo(&list, scanShare),
		`SELECT `+shareColumns+` FROM shares WHERE owner_id = $1`+where+` ORDER BY calendar_id, sharee_id`, args...)
	if err != nil {
		return nil, fmt.Errorf("shares of %d/%d: %w", owner, calendar, err)
	}
	return list, nil
}

// Shared implements [storage.ShareReader].
func (q queries) Shared(ctx context.Context, sharee int64) ([]*storage.Share, error) {
	var list []*storage.Share
	err := q.query(ctx, addTo(&list, scanShared), `SELECT `+sharedColumns+` FROM shared WHERE owner_id = $1 ORDER BY id`, sharee)
	if err != nil {
		return nil, fmt.Errorf("shared with %d: %w", sharee, err)
	}
	return list, nil
}

// SharedByID implements [storage.ShareReader].
func (q queries) SharedByID(ctx context.Context, sharee, id int64) (*storage.Share, error) {
	var list []*storage.Share
	err := q.query(ctx, addTo(&list, scanShared), `SELECT `+sharedColumns+` FROM shared WHERE owner_id = $1 AND id = $2`, sharee, id)
	if err == nil && len(list) == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("share %d of %d: %w", id, sharee, err)
	}
	return list[0], nil
}

// CalendarByID implements [storage.ShareReader].
func (q queries) CalendarByID(ctx context.Context, owner, id int64) (*storage.Calendar, error) {
	var c *storage.Calendar
	err := q.query(ctx, func(r scanner) (err error) { c, err = scanCalendar(r); return err },
		`SELECT `+calendarColumns+` FROM calendars WHERE owner_id = $1 AND id = $2`, owner, id)
	if err == nil && c == nil {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("calendar %d/%d: %w", owner, id, err)
	}
	return c, nil
}

// PutShare implements [storage.ShareTx].
func (tx *Tx) PutShare(ctx context.Context, s *storage.Share) error {
	if err := tx.mustLock(s.Owner); err != nil {
		return err
	}
	err := tx.write(ctx, `INSERT INTO shares (`+shareColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT (owner_id, calendar_id, sharee_id) DO UPDATE SET id = excluded.id, via_id = excluded.via_id,
			privileges = excluded.privileges, modified = excluded.modified, state = excluded.state, uid = excluded.uid, summary = excluded.summary,
			default_alarm = excluded.default_alarm, default_alarm_day = excluded.default_alarm_day`,
		s.Owner, s.Calendar, s.Sharee, s.ID, s.Via, int64(s.Privileges), micros(s.Created), micros(s.Modified), string(s.State), s.UID, s.Summary,
		string(s.Alarms.Timed), string(s.Alarms.Day))
	if err != nil {
		return err
	}
	return tx.write(ctx, markSharing, s.Owner, s.Calendar)
}

// Whether a calendar is shared with anybody, and whether anything is shared with the owner of a home: what is always read says so, so
// nobody asks in vain.
const (
	markSharing = `UPDATE calendars SET shared = EXISTS (SELECT 1 FROM shares WHERE owner_id = $1 AND calendar_id = $2)
		WHERE owner_id = $1 AND id = $2`
	markShared = `UPDATE calendars SET shared = EXISTS (SELECT 1 FROM shared WHERE owner_id = $1)
		WHERE owner_id = $1 AND kind = 'notification'`
)

// PutShared implements [storage.ShareTx].
func (tx *Tx) PutShared(ctx context.Context, s *storage.Share) error {
	if err := tx.mustLock(s.Sharee); err != nil {
		return err
	}
	err := tx.write(ctx, `INSERT INTO shared (`+sharedColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
		ON CONFLICT (owner_id, id) DO UPDATE SET via_id = excluded.via_id, privileges = excluded.privileges, modified = excluded.modified,
			state = excluded.state, uid = excluded.uid, summary = excluded.summary, seq = excluded.seq, transparent = excluded.transparent,
			display_name = excluded.display_name, description = excluded.description, color = excluded.color, color_name = excluded.color_name,
			sort_order = excluded.sort_order, time_zone = excluded.time_zone, time_zone_id = excluded.time_zone_id,
			default_alarm = excluded.default_alarm, default_alarm_day = excluded.default_alarm_day`,
		s.Owner, s.Calendar, s.Sharee, s.ID, s.Via, int64(s.Privileges), micros(s.Created), micros(s.Modified), string(s.State), s.UID, s.Summary,
		s.Seq, s.Transparent, s.DisplayName, s.Description, s.Color, s.ColorName, s.Order, s.TimeZone, s.TimeZoneID,
		string(s.Alarms.Timed), string(s.Alarms.Day))
	if err == nil && s.State == storage.ShareAccepted {
		err = tx.write(ctx, unburyCalendar, s.Sharee, s.Slug())
	}
	if err != nil {
		return err
	}
	return tx.write(ctx, markShared, s.Sharee)
}

// BuryShared implements [storage.ShareTx].
func (tx *Tx) BuryShared(ctx context.Context, s *storage.Share, seq int64) error {
	if err := tx.mustLock(s.Sharee); err != nil {
		return err
	}
	return tx.write(ctx, `INSERT INTO tombstones (owner_id, calendar_id, name, seq, object_id, removed) VALUES ($1, 0, $2, $3, $4, $5)
		ON CONFLICT (owner_id, calendar_id, name) DO UPDATE SET seq = excluded.seq, object_id = excluded.object_id, removed = excluded.removed`,
		s.Sharee, s.Slug(), seq, s.ID, buried())
}

// DeleteShare implements [storage.ShareTx].
func (tx *Tx) DeleteShare(ctx context.Context, s *storage.Share) error {
	if err := tx.mustLock(s.Owner); err != nil {
		return err
	}
	err := tx.write(ctx, `DELETE FROM shares WHERE owner_id = $1 AND calendar_id = $2 AND sharee_id = $3`, s.Owner, s.Calendar, s.Sharee)
	if err != nil {
		return err
	}
	return tx.write(ctx, markSharing, s.Owner, s.Calendar)
}

// DeleteShared implements [storage.ShareTx].
func (tx *Tx) DeleteShared(ctx context.Context, s *storage.Share) error {
	if err := tx.mustLock(s.Sharee); err != nil {
		return err
	}
	err := tx.write(ctx, `DELETE FROM shared WHERE owner_id = $1 AND id = $2`, s.Sharee, s.ID)
	if err == nil {
		err = tx.write(ctx, `DELETE FROM properties WHERE owner_id = $1 AND calendar_id = $2`, s.Sharee, s.ID)
	}
	if err != nil {
		return err
	}
	return tx.write(ctx, markShared, s.Sharee)
}
