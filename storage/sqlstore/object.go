package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"kalends/storage"
)

const (
	objectColumns = `owner_id, calendar_id, id, seq, size, first_start, last_end, created, modified, busy, floating, recurring,
		name, uid, component, method, etag, schedule_tag, organizer, zones, privacy, remind`
	everyField = storage.WithICS | storage.WithSeries
)

// objectFields lists the columns by storage.Fields.
var objectFields = [everyField + 1]string{
	0:                  objectColumns,
	storage.WithICS:    objectColumns + `, ics`,
	storage.WithSeries: objectColumns + `, series`,
	everyField:         objectColumns + `, ics, series`,
}

// objectRow is a row of objectFields.
type objectRow struct {
	*storage.Object
	created, modified int64
}

func (r *objectRow) dest(dest []any, fields storage.Fields) []any {
	dest = append(dest, &r.Owner, &r.Calendar, &r.ID, &r.Seq, &r.Size, &r.First, &r.Last, &r.created, &r.modified,
		&r.Busy, &r.Floating, &r.Recurring, &r.Name, &r.UID, &r.Component, &r.Method, &r.ETag, &r.ScheduleTag,
		&r.Organizer, &r.Zones, (*uint8)(&r.Privacy), &r.Remind)
	if fields&storage.WithICS != 0 {
		dest = append(dest, &r.ICS)
	}
	if fields&storage.WithSeries != 0 {
		dest = append(dest, &r.Series)
	}
	return dest
}

// done completes the object with what is stored in another form.
func (r *objectRow) done(inbox bool) {
	if len(r.Series) == 0 {
		r.Series = nil
	}
	r.Created, r.Modified, r.Inbox = instant(r.created), instant(r.modified), inbox
}

func scanObject(r scanner, o *storage.Object, inbox bool, fields storage.Fields) error {
	row := objectRow{Object: o}
	if err := r.Scan(row.dest(make([]any, 0, 24), fields)...); err != nil {
		return err
	}
	row.done(inbox)
	return nil
}

// members names the table that a collection's members are in.
func members(cal storage.Ref) string {
	if cal.Inbox {
		return "inbox_items"
	}
	return "objects"
}

// objects runs a query whose columns are objectFields[fields].
func (q queries) objects(ctx context.Context, inbox bool, fields storage.Fields, sql string, args ...any) ([]*storage.Object, error) {
	var list []*storage.Object
	err := q.query(ctx, func(r scanner) error {
		o := &storage.Object{}
		list = append(list, o)
		return scanObject(r, o, inbox, fields)
	}, sql, args...)
	if err != nil {
		return nil, err
	}
	return list, nil
}

// Object implements [storage.Reader].
func (q queries) Object(ctx context.Context, cal storage.Ref, name string) (*storage.Object, error) {
	var list []*storage.Object
	var err error
	if storable(name) {
		list, err = q.objects(ctx, cal.Inbox, everyField, `SELECT `+objectFields[everyField]+` FROM `+members(cal)+`
			WHERE owner_id = $1 AND calendar_id = $2 AND name = $3`, cal.Owner, cal.ID, name)
	}
	if err == nil && len(list) == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("object %d/%d/%q: %w", cal.Owner, cal.ID, name, err)
	}
	return list[0], nil
}

// ObjectByID implements [storage.Reader].
func (q queries) ObjectByID(ctx context.Context, owner, id int64) (*storage.Object, error) {
	list, err := q.objects(ctx, false, everyField,
		`SELECT `+objectFields[everyField]+` FROM objects WHERE owner_id = $1 AND id = $2`, owner, id)
	if err == nil && len(list) == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("object %d/%d: %w", owner, id, err)
	}
	return list[0], nil
}

// ObjectsByName implements [storage.Reader].
func (q queries) ObjectsByName(ctx context.Context, cal storage.Ref, names []string) ([]*storage.Object, error) {
	if names = storables(names); len(names) == 0 {
		return nil, nil
	}
	list, err := q.objects(ctx, cal.Inbox, everyField, `SELECT `+objectFields[everyField]+` FROM `+members(cal)+`
		WHERE owner_id = $1 AND calendar_id = $2 AND name = ANY($3)`, cal.Owner, cal.ID, names)
	if err != nil {
		return nil, fmt.Errorf("%d objects of %d/%d: %w", len(names), cal.Owner, cal.ID, err)
	}
	return list, nil
}

// ObjectsByUID implements [storage.Reader].
func (q queries) ObjectsByUID(ctx context.Context, owners []int64, uid string) ([]*storage.Object, error) {
	if len(owners) == 0 || !storable(uid) {
		return nil, nil
	}
	list, err := q.objects(ctx, false, everyField, objectsByUID, owners, uid)
	if err != nil {
		return nil, fmt.Errorf("objects by UID: %w", err)
	}
	// Asked for this order, SQLite reads all objects of the owners by their key.
	slices.SortFunc(list, byOwner)
	return list, nil
}

var objectsByUID = `SELECT ` + objectFields[everyField] + ` FROM objects WHERE owner_id = ANY($1) AND uid = $2`

func byOwner(a, b *storage.Object) int {
	return cmp.Or(cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.ID, b.ID))
}

// Objects implements [storage.Reader].
func (q queries) Objects(ctx context.Context, cal storage.Ref, fields storage.Fields, fn func(*storage.Object) error) error {
	fields &= everyField
	o := &storage.Object{}
	return q.query(ctx, func(r scanner) error {
		*o = storage.Object{}
		if err := scanObject(r, o, cal.Inbox, fields); err != nil {
			return err
		}
		return fn(o)
	}, `SELECT `+objectFields[fields]+` FROM `+members(cal)+` WHERE owner_id = $1 AND calendar_id = $2 ORDER BY name`,
		cal.Owner, cal.ID)
}

// Changes implements [storage.Reader].
func (q queries) Changes(ctx context.Context, cal storage.Ref, since int64, limit int) ([]storage.Change, error) {
	var list []storage.Change
	err := q.query(ctx, func(r scanner) error {
		var c storage.Change
		var created, modified int64
		if err := r.Scan(&c.Seq, &c.Deleted, &c.ID, &c.Size, &created, &modified, &c.Name, &c.UID, &c.Component, &c.ETag,
			&c.ScheduleTag, (*uint8)(&c.Privacy)); err != nil {
			return err
		}
		c.Created, c.Modified = instant(created), instant(modified)
		list = append(list, c)
		return nil
	}, changesText[b2i(cal.Inbox)], cal.Owner, cal.ID, since, limitOr(limit))
	if err != nil {
		return nil, fmt.Errorf("changes of %d/%d: %w", cal.Owner, cal.ID, err)
	}
	return list, nil
}

var changesText = [2]string{changesOf("objects"), changesOf("inbox_items")}

func changesOf(table string) string {
	return `SELECT seq, deleted, id, size, created, modified, name, uid, component, etag, schedule_tag, privacy FROM (
			SELECT * FROM (
				SELECT seq, FALSE AS deleted, id, size, created, modified, name, uid, component, etag, schedule_tag, privacy
				FROM ` + table + ` WHERE owner_id = $1 AND calendar_id = $2 AND seq > $3 ORDER BY seq LIMIT $4) AS there
			UNION ALL
			SELECT * FROM (
				SELECT seq, TRUE AS deleted, object_id AS id, 0 AS size, 0 AS created, 0 AS modified, name, '' AS uid,
					'' AS component, '' AS etag, '' AS schedule_tag, 0 AS privacy
				FROM tombstones WHERE owner_id = $1 AND calendar_id = $2 AND seq > $3 ORDER BY seq LIMIT $4) AS gone
		) AS changes ORDER BY seq LIMIT $4`
}

// PutObject implements [storage.Tx].
func (tx *Tx) PutObject(ctx context.Context, o, old *storage.Object) error {
	if err := tx.mustLock(o.Owner); err != nil {
		return err
	}
	s := objectSpec
	if o.Inbox {
		s = inboxSpec
	}
	key := rowKey{a: o.Owner, b: o.Calendar, s: o.Name}
	if err := tx.add(ctx, s, key, objectArgs(o)...); err != nil {
		return fmt.Errorf("object %d/%d/%q: %w", o.Owner, o.Calendar, o.Name, err)
	}
	bytes, objects := int64(len(o.ICS)), int64(1)
	if old != nil {
		bytes, objects = bytes-old.Size, 0
	} else {
		tx.created++
		if tx.fresh == nil {
			tx.fresh = make(map[objectKey]bool)
		}
		tx.fresh[objectKey{o.Owner, o.ID}] = true
		if err := tx.add(ctx, unburySpec, key, o.Owner, o.Calendar, o.Name); err != nil {
			return err
		}
	}
	tx.pending.touch(o.Owner, o.Calendar, o.Seq, bytes, objects)
	return tx.spill(ctx)
}

func objectArgs(o *storage.Object) []any {
	return []any{o.Owner, o.Calendar, o.ID, o.Seq, int64(len(o.ICS)), o.First, o.Last, micros(o.Created), micros(o.Modified),
		int64(o.Busy), o.Floating, o.Recurring, o.Name, o.UID, o.Component, o.Method, o.ETag, o.ScheduleTag, o.Organizer,
		o.Zones, int64(o.Privacy), o.Remind, blob(o.ICS), blob(o.Series), class(o)}
}

var (
	objectSpec = values(orderObjects, 25, `INSERT INTO objects (`+objectFields[everyField]+`, class) VALUES `, objectUpsert)
	inboxSpec  = values(orderInbox, 25, `INSERT INTO inbox_items (`+objectFields[everyField]+`, class) VALUES `, objectUpsert)
	unburySpec = &spec{
		head: `DELETE FROM tombstones WHERE `, sep: ` OR `, row: `(owner_id = $1 AND calendar_id = $2 AND name = $3)`,
		cols: 3, order: orderUnbury,
	}
)

const objectUpsert = ` ON CONFLICT (owner_id, calendar_id, name) DO UPDATE SET id = excluded.id, seq = excluded.seq,
		size = excluded.size, first_start = excluded.first_start, last_end = excluded.last_end, created = excluded.created,
		modified = excluded.modified, busy = excluded.busy, floating = excluded.floating, recurring = excluded.recurring,
		uid = excluded.uid, component = excluded.component, method = excluded.method, etag = excluded.etag,
		schedule_tag = excluded.schedule_tag, organizer = excluded.organizer, zones = excluded.zones, privacy = excluded.privacy, remind = excluded.remind, ics = excluded.ics,
		series = excluded.series, class = excluded.class`

const bury = `INSERT INTO tombstones (owner_id, calendar_id, name, seq, object_id, removed) VALUES ($1, $2, $3, $4, $5, $6)
	ON CONFLICT (owner_id, calendar_id, name) DO UPDATE SET seq = excluded.seq, object_id = excluded.object_id,
		removed = excluded.removed`

// buried is when a tombstone is set up. It only matters after months.
func buried() int64 { return micros(time.Now()) }

// DeleteObject implements [storage.Tx].
func (tx *Tx) DeleteObject(ctx context.Context, o *storage.Object, seq int64) error {
	if err := tx.mustLock(o.Owner); err != nil {
		return err
	}
	tx.pending.touch(o.Owner, o.Calendar, seq, -o.Size, -1)
	err := tx.write(ctx, `DELETE FROM `+members(o.Ref())+` WHERE owner_id = $1 AND calendar_id = $2 AND name = $3`,
		o.Owner, o.Calendar, o.Name)
	if err == nil {
		err = tx.write(ctx, bury, o.Owner, o.Calendar, o.Name, seq, o.ID, buried())
	}
	if err == nil {
		err = tx.write(ctx, `DELETE FROM properties WHERE owner_id = $1 AND calendar_id = $2 AND object_id = $3`,
			o.Owner, o.Calendar, o.ID)
	}
	if err == nil && !o.Inbox {
		err = tx.write(ctx, forgetAll, o.Owner, o.ID)
		if err == nil {
			err = tx.write(ctx, `DELETE FROM personal WHERE owner_id = $1 AND object_id = $2`, o.Owner, o.ID)
		}
	}
	if err != nil {
		return fmt.Errorf("delete object %d/%d/%q: %w", o.Owner, o.Calendar, o.Name, err)
	}
	return nil
}

// MoveObject implements [storage.Tx].
func (tx *Tx) MoveObject(ctx context.Context, o, old *storage.Object, seq int64) error {
	if err := tx.mustLock(o.Owner); err != nil {
		return err
	}
	if o.Owner != old.Owner || o.Inbox || old.Inbox {
		return fmt.Errorf("move object %d/%d/%q: %w", o.Owner, o.Calendar, o.Name, storage.ErrConflict)
	}
	err := tx.write(ctx, `UPDATE objects SET calendar_id = $2, id = $3, seq = $4, size = $5, first_start = $6,
			last_end = $7, created = $8, modified = $9, busy = $10, floating = $11, recurring = $12, name = $13,
			uid = $14, component = $15, method = $16, etag = $17, schedule_tag = $18, organizer = $19, zones = $20,
			privacy = $21, remind = $22, ics = $23, series = $24, class = $25
		WHERE owner_id = $1 AND calendar_id = $26 AND name = $27`, append(objectArgs(o), old.Calendar, old.Name)...)
	if err == nil {
		err = tx.write(ctx, bury, old.Owner, old.Calendar, old.Name, seq, old.ID, buried())
	}
	if err == nil {
		err = tx.write(ctx, `DELETE FROM tombstones WHERE owner_id = $1 AND calendar_id = $2 AND name = $3`,
			o.Owner, o.Calendar, o.Name)
	}
	if err == nil && o.Calendar != old.Calendar {
		err = tx.write(ctx, `UPDATE properties SET calendar_id = $1 WHERE owner_id = $2 AND calendar_id = $3 AND object_id = $4`,
			o.Calendar, o.Owner, old.Calendar, o.ID)
		if err == nil {
			err = tx.write(ctx, `UPDATE reminders SET calendar_id = $1 WHERE owner_id = $2 AND object_id = $3`,
				o.Calendar, o.Owner, o.ID)
		}
		if err == nil {
			err = tx.write(ctx, `UPDATE personal SET calendar_id = $1 WHERE owner_id = $2 AND object_id = $3`, o.Calendar, o.Owner, o.ID)
		}
	}
	if err != nil {
		return fmt.Errorf("move object %d/%d/%q: %w", old.Owner, old.Calendar, old.Name, err)
	}
	tx.pending.touch(old.Owner, old.Calendar, seq, -old.Size, -1)
	tx.pending.touch(o.Owner, o.Calendar, o.Seq, int64(len(o.ICS)), 1)
	return tx.spill(ctx)
}
