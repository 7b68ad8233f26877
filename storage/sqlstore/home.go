package sqlstore

import (
	"context"
	"fmt"

	"kalends/storage"
)

// Home implements [storage.HomeReader].
func (q queries) Home(ctx context.Context, owner int64) (*storage.Home, error) {
	h := &storage.Home{}
	err := q.query(ctx, into(&h.Owner, &h.Seq, &h.Floor), `SELECT owner_id, seq, floor FROM homes WHERE owner_id = $1`, owner)
	if err == nil && h.Owner == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("home of %d: %w", owner, err)
	}
	return h, nil
}

// AddressesOf implements [storage.HomeReader].
func (q queries) AddressesOf(ctx context.Context, principals []int64) (map[int64][]string, error) {
	of := make(map[int64][]string, len(principals))
	if len(principals) == 0 {
		return of, nil
	}
	err := q.query(ctx, func(r scanner) error {
		var id int64
		var a string
		if err := r.Scan(&id, &a); err != nil {
			return err
		}
		of[id] = append(of[id], a)
		return nil
	}, `SELECT principal_id, address FROM addresses WHERE principal_id = ANY($1) ORDER BY principal_id, position`, principals)
	if err != nil {
		return nil, fmt.Errorf("addresses of %d principals: %w", len(principals), err)
	}
	return of, nil
}

// ObjectIn implements [storage.HomeReader]. Both statements travel together. A join would be one, but SQLite would prepare it anew
// for each name.
func (q queries) ObjectIn(ctx context.Context, owner int64, slug, name string) (*storage.Calendar, *storage.Object, error) {
	if !storable(slug) || !storable(name) {
		c, err := q.Calendar(ctx, owner, slug)
		return c, nil, err
	}
	var c *storage.Calendar
	var o *storage.Object
	err := q.r.run(ctx, stmt{
		sql: calendarBySlug, args: []any{owner, slug},
		row: func(r scanner) (err error) { c, err = scanCalendar(r); return err },
	}, stmt{
		sql: objectIn, args: []any{owner, owner, slug, name},
		row: func(r scanner) error {
			o = &storage.Object{}
			return scanObject(r, o, false, everyField)
		},
	})
	if err == nil && c == nil {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, nil, fmt.Errorf("object %d/%q/%q: %w", owner, slug, name, err)
	}
	if o != nil || c.Kind != storage.InboxKind {
		return c, o, nil
	}
	list, err := q.ObjectsByName(ctx, c.Ref(), []string{name})
	if err != nil || len(list) == 0 {
		return c, nil, err
	}
	return c, list[0], nil
}

var objectIn = `SELECT ` + objectFields[everyField] + ` FROM objects WHERE owner_id = $1
	AND calendar_id = (SELECT id FROM calendars WHERE owner_id = $2 AND slug = $3) AND name = $4`

// ObjectsAfter implements [storage.HomeReader].
func (q queries) ObjectsAfter(ctx context.Context, cal storage.Ref, fields storage.Fields, after string, limit int) ([]*storage.Object, error) {
	if !storable(after) {
		return nil, fmt.Errorf("objects after %q: %w", after, storage.ErrInvalid)
	}
	fields &= everyField
	list, err := q.objects(ctx, cal.Inbox, fields, `SELECT `+objectFields[fields]+` FROM `+members(cal)+`
		WHERE owner_id = $1 AND calendar_id = $2 AND name > $3 ORDER BY name LIMIT $4`, cal.Owner, cal.ID, after, limitOr(limit))
	if err != nil {
		return nil, fmt.Errorf("objects of %d/%d after %q: %w", cal.Owner, cal.ID, after, err)
	}
	return list, nil
}

// CountProperties implements [storage.HomeReader].
func (q queries) CountProperties(ctx context.Context, owner, calendar, object int64) (int, error) {
	var n int64
	err := q.query(ctx, into(&n), `SELECT count(*) FROM properties WHERE owner_id = $1 AND calendar_id = $2 AND object_id = $3`,
		owner, calendar, object)
	if err != nil {
		return 0, fmt.Errorf("count properties of %d/%d/%d: %w", owner, calendar, object, err)
	}
	return int(n), nil
}
