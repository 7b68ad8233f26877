package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"kalends/storage"
)

const calendarColumns = `owner_id, id, seq, last_seq, floor, bytes, objects, created, transparent, own_client, subscribed, kind, slug, display_name,
		description, color, color_name, sort_order, components, time_zone_id, default_slug, time_zone, availability, default_alarm, default_alarm_day, personal, shared, team`

// calendarRow is a row of calendarColumns.
type calendarRow struct {
	storage.Calendar
	created    int64
	components string
}

func (r *calendarRow) dest() []any {
	return []any{&r.Owner, &r.ID, &r.Seq, &r.LastSeq, &r.Floor, &r.Bytes, &r.Objects, &r.created, &r.Transparent, &r.OwnClient, &r.Subscribed,
		(*string)(&r.Kind), &r.Slug, &r.DisplayName, &r.Description, &r.Color, &r.ColorName, &r.Order, &r.components, &r.TimeZoneID,
		&r.Default, &r.TimeZone, &r.Availability, (*string)(&r.Alarms.Timed), (*string)(&r.Alarms.Day), &r.Personal, &r.Shared, &r.Team}
}

// calendar returns what was scanned.
func (r *calendarRow) calendar() *storage.Calendar {
	r.Created = instant(r.created)
	if r.components != "" {
		r.Components = strings.Split(r.components, ",")
	}
	return &r.Calendar
}

func scanCalendar(r scanner) (*storage.Calendar, error) {
	row := &calendarRow{}
	err := r.Scan(row.dest()...)
	return row.calendar(), err
}

// Calendars implements [storage.Reader].
func (q queries) Calendars(ctx context.Context, owner int64) ([]*storage.Calendar, error) {
	var list []*storage.Calendar
	err := q.query(ctx, func(r scanner) error {
		c, err := scanCalendar(r)
		list = append(list, c)
		return err
	}, `SELECT `+calendarColumns+` FROM calendars WHERE owner_id = $1`, owner)
	if err != nil {
		return nil, fmt.Errorf("calendars of %d: %w", owner, err)
	}
	slices.SortFunc(list, byID)
	return list, nil
}

// Calendar implements [storage.Reader].
func (q queries) Calendar(ctx context.Context, owner int64, slug string) (*storage.Calendar, error) {
	if !storable(slug) {
		return nil, fmt.Errorf("calendar %d/%q: %w", owner, slug, storage.ErrNotFound)
	}
	var c *storage.Calendar
	err := q.query(ctx, func(r scanner) (err error) { c, err = scanCalendar(r); return err },
		calendarBySlug, owner, slug)
	if err == nil && c == nil {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("calendar %d/%q: %w", owner, slug, err)
	}
	return c, nil
}

const calendarBySlug = `SELECT ` + calendarColumns + ` FROM calendars WHERE owner_id = $1 AND slug = $2`

// HomeCalendars implements [storage.Reader].
func (q queries) HomeCalendars(ctx context.Context, owners []int64) (map[int64][]*storage.Calendar, error) {
	if len(owners) == 0 {
		return map[int64][]*storage.Calendar{}, nil
	}
	var all []*storage.Calendar
	err := q.query(ctx, func(r scanner) error {
		c, err := scanCalendar(r)
		all = append(all, c)
		return err
	}, calendarsOfHomes, owners)
	if err != nil {
		return nil, fmt.Errorf("calendars of %d homes: %w", len(owners), err)
	}
	return byHome(all), nil
}

const calendarsOfHomes = `SELECT ` + calendarColumns + ` FROM calendars WHERE owner_id = ANY($1)`

// byHome sorts collections out by owner, and those of each by id.
func byHome(all []*storage.Calendar) map[int64][]*storage.Calendar {
	homes := map[int64][]*storage.Calendar{}
	for _, c := range all {
		homes[c.Owner] = append(homes[c.Owner], c)
	}
	for _, list := range homes {
		slices.SortFunc(list, byID)
	}
	return homes
}

func byID(a, b *storage.Calendar) int { return cmp.Compare(a.ID, b.ID) }

// PutCalendar implements [storage.Tx].
func (tx *Tx) PutCalendar(ctx context.Context, c *storage.Calendar) error {
	if err := tx.mustLock(c.Owner); err != nil {
		return err
	}
	err := tx.write(ctx, `INSERT INTO calendars (`+calendarColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28)
		ON CONFLICT (owner_id, id) DO UPDATE SET seq = excluded.seq, transparent = excluded.transparent, own_client = excluded.own_client,
			subscribed = excluded.subscribed, team = excluded.team,
			kind = excluded.kind, slug = excluded.slug, display_name = excluded.display_name,
			description = excluded.description, color = excluded.color, color_name = excluded.color_name, sort_order = excluded.sort_order,
			components = excluded.components, time_zone_id = excluded.time_zone_id,
			default_slug = excluded.default_slug, time_zone = excluded.time_zone, availability = excluded.availability,
			default_alarm = excluded.default_alarm, default_alarm_day = excluded.default_alarm_day`,
		c.Owner, c.ID, c.Seq, max(c.LastSeq, c.Seq), c.Floor, c.Bytes, c.Objects, micros(c.Created), c.Transparent, c.OwnClient,
		c.Subscribed, string(c.Kind), c.Slug, c.DisplayName, c.Description, c.Color, c.ColorName, c.Order, strings.Join(c.Components, ","),
		c.TimeZoneID, c.Default, c.TimeZone, c.Availability, string(c.Alarms.Timed), string(c.Alarms.Day), c.Personal, c.Shared, c.Team)
	if err != nil {
		return err
	}
	return tx.write(ctx, unburyCalendar, c.Owner, c.Slug)
}

// The tombstones of collections are in the home, which has no row of its own among them.
const (
	unburyCalendar = `DELETE FROM tombstones WHERE owner_id = $1 AND calendar_id = 0 AND name = $2`
	buryCalendar   = `INSERT INTO tombstones (owner_id, calendar_id, name, seq, object_id, removed)
		SELECT owner_id, 0, slug, $3, id, $4 FROM calendars WHERE owner_id = $1 AND id = $2
		ON CONFLICT (owner_id, calendar_id, name) DO UPDATE SET seq = excluded.seq, object_id = excluded.object_id, removed = excluded.removed`
)

// RenameCalendar implements [storage.Tx].
func (tx *Tx) RenameCalendar(ctx context.Context, owner, id int64, slug string, seq int64) error {
	if err := tx.mustLock(owner); err != nil {
		return err
	}
	err := tx.write(ctx, buryCalendar, owner, id, seq, buried())
	if err == nil {
		err = tx.write(ctx, `UPDATE calendars SET slug = $3, seq = $4 WHERE owner_id = $1 AND id = $2`, owner, id, slug, seq)
	}
	if err == nil {
		err = tx.write(ctx, unburyCalendar, owner, slug)
	}
	return err
}

// DeleteCalendar implements [storage.Tx].
func (tx *Tx) DeleteCalendar(ctx context.Context, owner, id, seq int64) error {
	if err := tx.mustLock(owner); err != nil {
		return err
	}
	if err := tx.write(ctx, buryCalendar, owner, id, seq, buried()); err != nil {
		return err
	}
	if err := tx.detach(ctx, owner, id); err != nil {
		return err
	}
	for _, t := range []string{"objects", "inbox_items", "tombstones", "properties", "reminders", "grants", "granted", "feeds", "subscriptions", "personal", "shares", "webhook_watches"} {
		if err := tx.write(ctx, `DELETE FROM `+t+` WHERE owner_id = $1 AND calendar_id = $2`, owner, id); err != nil {
			return err
		}
	}
	return tx.write(ctx, `DELETE FROM calendars WHERE owner_id = $1 AND id = $2`, owner, id)
}

// TouchCalendar implements [storage.Tx].
func (tx *Tx) TouchCalendar(ctx context.Context, owner, id, seq int64) error {
	if err := tx.mustLock(owner); err != nil {
		return err
	}
	tx.ahead = nil
	tx.pending.touch(owner, id, seq, 0, 0)
	return tx.spill(ctx)
}

// Properties implements [storage.Reader].
func (q queries) Properties(ctx context.Context, owner, calendar int64, members bool) ([]storage.Property, error) {
	sql := `WHERE owner_id = $1 AND calendar_id = $2`
	if !members {
		sql += ` AND object_id = 0`
	}
	return q.properties(ctx, sql, owner, calendar)
}

// HomeProperties implements [storage.Reader].
func (q queries) HomeProperties(ctx context.Context, owner int64) ([]storage.Property, error) {
	return q.properties(ctx, `WHERE owner_id = $1 AND calendar_id >= 0 AND object_id = 0`, owner)
}

// OwnProperties implements [storage.Reader].
func (q queries) OwnProperties(ctx context.Context, user int64, owners []int64) ([]storage.Property, error) {
	if len(owners) == 0 {
		return nil, nil
	}
	return q.properties(ctx, `WHERE owner_id = ANY($1) AND calendar_id >= 0 AND object_id = 0 AND user_id = $2`, owners, user)
}

func (q queries) properties(ctx context.Context, where string, args ...any) ([]storage.Property, error) {
	var list []storage.Property
	err := q.query(ctx, func(r scanner) error {
		var p storage.Property
		if err := r.Scan(&p.Owner, &p.Calendar, &p.Object, &p.User, &p.Space, &p.Local, &p.XML); err != nil {
			return err
		}
		list = append(list, p)
		return nil
	}, `SELECT owner_id, calendar_id, object_id, user_id, space, local, xml FROM properties `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("properties of %v: %w", args, err)
	}
	slices.SortFunc(list, func(a, b storage.Property) int {
		return cmp.Or(cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.Calendar, b.Calendar), cmp.Compare(a.Object, b.Object), cmp.Compare(a.User, b.User),
			cmp.Compare(a.Space, b.Space), cmp.Compare(a.Local, b.Local))
	})
	return list, nil
}

// PutProperty implements [storage.Tx].
func (tx *Tx) PutProperty(ctx context.Context, p storage.Property) error {
	if err := tx.mustLock(p.Owner); err != nil {
		return err
	}
	return tx.write(ctx, `INSERT INTO properties (owner_id, calendar_id, object_id, user_id, space, local, xml)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (owner_id, calendar_id, object_id, user_id, space, local) DO UPDATE SET xml = excluded.xml`,
		p.Owner, p.Calendar, p.Object, p.User, p.Space, p.Local, blob(p.XML))
}

// DeleteProperty implements [storage.Tx].
func (tx *Tx) DeleteProperty(ctx context.Context, p storage.Property) error {
	if err := tx.mustLock(p.Owner); err != nil {
		return err
	}
	return tx.write(ctx, `DELETE FROM properties WHERE owner_id = $1 AND calendar_id = $2 AND object_id = $3 AND user_id = $4
		AND space = $5 AND local = $6`, p.Owner, p.Calendar, p.Object, p.User, p.Space, p.Local)
}
