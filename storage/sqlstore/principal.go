package sqlstore

import (
	"context"
	"fmt"
	"strings"

	"kalends/storage"
)

// SQLite prepares a statement with a LEFT JOIN, or with an ORDER BY over columns that a WHERE compares with, anew at each
// execution, which costs more than the rest of it. So what every request asks has neither.
const principalColumns = `p.id, p.name, p.kind, p.admin, p.display_name, p.email, p.time_zone, p.language, p.created,
		coalesce((SELECT c.hash FROM credentials c WHERE c.principal_id = p.id), ''),
		coalesce((SELECT c.version FROM credentials c WHERE c.principal_id = p.id), 0), p.answer, p.book_days, p.book_group, p.public_busy, p.default_alarm, p.default_alarm_day, p.mailed_alarms,
		coalesce((SELECT string_agg(CAST(d.principal_id AS TEXT) || CASE WHEN d.may_write THEN 'w' ELSE 'r' END, ',')
			FROM delegates d WHERE d.delegate_id = p.id), '')`

const principalFrom = ` FROM principals p `

func scanPrincipal(r scanner, p *storage.Principal, before ...any) error {
	var created int64
	err := r.Scan(append(before, &p.ID, &p.Name, (*string)(&p.Kind), &p.Admin, &p.DisplayName, &p.Email, &p.TimeZone,
		&p.Language, &created, &p.PasswordHash, &p.CredentialVersion, (*string)(&p.Booking.Answer), &p.Booking.Days,
		&p.Booking.Group, &p.PublicBusy, (*string)(&p.Alarms.Timed), (*string)(&p.Alarms.Day), (*string)(&p.MailedAlarms), (*string)(&p.ActsFor))...)
	p.Created = instant(created)
	return err
}

const principalByName = `SELECT ` + principalColumns + principalFrom + `WHERE p.name = $1`

// PrincipalByName implements [storage.Reader].
func (q queries) PrincipalByName(ctx context.Context, name string) (*storage.Principal, error) {
	if !storable(name) {
		return nil, fmt.Errorf("principal %q: %w", name, storage.ErrNotFound)
	}
	p := &storage.Principal{}
	err := q.query(ctx, func(r scanner) error { return scanPrincipal(r, p) }, principalByName, strings.ToLower(name))
	if err == nil && p.ID == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("principal %q: %w", name, err)
	}
	return p, nil
}

// PrincipalByID implements [storage.Reader].
func (q queries) PrincipalByID(ctx context.Context, id int64) (*storage.Principal, error) {
	p := &storage.Principal{}
	err := q.query(ctx, func(r scanner) error { return scanPrincipal(r, p) },
		`SELECT `+principalColumns+principalFrom+`WHERE p.id = $1`, id)
	if err == nil && p.ID == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("principal %d: %w", id, err)
	}
	return p, nil
}

// PrincipalsByAddress implements [storage.Reader].
func (q queries) PrincipalsByAddress(ctx context.Context, addresses []string) (map[string]*storage.Principal, error) {
	found := make(map[string]*storage.Principal)
	if addresses = storables(addresses); len(addresses) == 0 {
		return found, nil
	}
	err := q.query(ctx, func(r scanner) error {
		var address string
		p := &storage.Principal{}
		if err := scanPrincipal(r, p, &address); err != nil {
			return err
		}
		found[address] = p
		return nil
	}, `SELECT a.address, `+principalColumns+` FROM addresses a JOIN principals p ON p.id = a.principal_id WHERE a.address = ANY($1)`, addresses)
	if err != nil {
		return nil, fmt.Errorf("principals by address: %w", err)
	}
	return found, nil
}

// Principals implements [storage.Reader].
func (q queries) Principals(ctx context.Context, pq storage.PrincipalQuery) ([]*storage.Principal, error) {
	if !storable(pq.Search) || !storable(pq.After) {
		return nil, nil
	}
	kinds := []string{}
	for _, k := range pq.Kinds {
		kinds = append(kinds, string(k))
	}
	if len(kinds) == 0 {
		kinds = []string{string(storage.Person), string(storage.Room), string(storage.Resource), string(storage.Group)}
	}
	limit := pq.Limit
	if limit <= 0 {
		limit = 1000
	}
	var list []*storage.Principal
	err := q.query(ctx, func(r scanner) error {
		p := &storage.Principal{}
		list = append(list, p)
		return scanPrincipal(r, p)
	}, `SELECT `+principalColumns+principalFrom+`
		WHERE p.name > $1 AND p.kind = ANY($2) AND p.search LIKE $3 ESCAPE '\' ORDER BY p.name LIMIT $4`,
		pq.After, kinds, likePattern(pq.Search), int64(limit))
	if err != nil {
		return nil, fmt.Errorf("principals: %w", err)
	}
	return list, nil
}

var likeEscape = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func likePattern(search string) string {
	if search == "" {
		return "%"
	}
	return "%" + likeEscape.Replace(strings.ToLower(search)) + "%"
}

// Addresses implements [storage.Reader].
func (q queries) Addresses(ctx context.Context, principal int64) ([]string, error) {
	var list []string
	err := q.query(ctx, collect(&list, scanOne[string]),
		`SELECT address FROM addresses WHERE principal_id = $1 ORDER BY position`, principal)
	return list, err
}

// Members implements [storage.Reader].
func (q queries) Members(ctx context.Context, group int64) ([]int64, error) {
	var list []int64
	err := q.query(ctx, collect(&list, scanOne[int64]),
		`SELECT member_id FROM members WHERE group_id = $1 ORDER BY member_id`, group)
	return list, err
}

// GroupsOf implements [storage.Reader].
func (q queries) GroupsOf(ctx context.Context, principal int64) ([]int64, error) {
	var list []int64
	err := q.query(ctx, collect(&list, scanOne[int64]),
		`SELECT group_id FROM members WHERE member_id = $1 ORDER BY group_id`, principal)
	return list, err
}

// PutPrincipal implements [storage.Tx]. It does not wait: the caller learns at once whether a name is taken.
func (tx *Tx) PutPrincipal(ctx context.Context, p *storage.Principal, addresses []string) error {
	name := strings.ToLower(p.Name)
	search := strings.ToLower(strings.Join(append([]string{p.Name, p.DisplayName, p.Email}, addresses...), "\n"))
	args := []any{micros(p.Created), p.Admin, name, string(p.Kind), p.DisplayName, p.Email, p.TimeZone, p.Language, search,
		string(p.Booking.Answer), p.Booking.Days, p.Booking.Group, p.PublicBusy,
		string(p.Alarms.Timed), string(p.Alarms.Day), string(p.MailedAlarms)}
	if err := checkText(args); err != nil {
		return fmt.Errorf("principal %q: %w", p.Name, err)
	}
	var id int64
	var err error
	if p.ID == 0 {
		err = tx.run(ctx, stmt{sql: `INSERT INTO principals
			(created, admin, name, kind, display_name, email, time_zone, language, search, answer, book_days, book_group, public_busy,
				default_alarm, default_alarm_day, mailed_alarms)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING id`, args: args, row: into(&id)})
	} else {
		err = tx.run(ctx, stmt{sql: `UPDATE principals SET created = $1, admin = $2, name = $3, kind = $4,
			display_name = $5, email = $6, time_zone = $7, language = $8, search = $9,
			answer = $10, book_days = $11, book_group = $12, public_busy = $13,
			default_alarm = $14, default_alarm_day = $15, mailed_alarms = $16 WHERE id = $17 RETURNING id`, args: append(args, p.ID), row: into(&id)})
	}
	if err == nil && id == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("principal %q: %w", p.Name, err)
	}
	stmts := []stmt{}
	if p.ID == 0 {
		stmts = append(stmts, stmt{sql: `INSERT INTO homes (owner_id, seq) VALUES ($1, 0)`, args: []any{id}})
	} else {
		stmts = append(stmts, stmt{sql: `DELETE FROM addresses WHERE principal_id = $1`, args: []any{id}})
	}
	for i, a := range addresses {
		if !storable(a) {
			return fmt.Errorf("principal %q: address: %w", p.Name, storage.ErrInvalid)
		}
		stmts = append(stmts, stmt{
			sql: `INSERT INTO addresses (address, principal_id, position) VALUES ($1, $2, $3)`, args: []any{a, id, int64(i)},
		})
	}
	if err := tx.run(ctx, stmts...); err != nil {
		return fmt.Errorf("principal %q: addresses: %w", p.Name, err)
	}
	if p.ID == 0 {
		p.ID = id
		if tx.seqs == nil {
			tx.seqs = make(map[int64]*counter)
		}
		tx.seqs[id] = &counter{next: 1} // nobody else sees the home yet
	}
	return nil
}

// SetCredential implements [storage.Tx].
func (tx *Tx) SetCredential(ctx context.Context, principal int64, hash string) error {
	return tx.write(ctx, `INSERT INTO credentials (principal_id, version, hash) VALUES ($1, 1, $2)
		ON CONFLICT (principal_id) DO UPDATE SET version = credentials.version + 1, hash = excluded.hash`, principal, hash)
}

// ownedTables hold rows by owner_id, of which nothing is left when the owner is removed.
var ownedTables = []string{
	"calendars", "objects", "inbox_items", "tombstones", "properties", "reminders", "inbound", "group_meetings",
	"grants", "granted", "api_tokens", "api_requests",
	"feeds", "subscriptions",
	"sessions", "app_passwords", "settings",
	"personal", "missed", "shares", "shared", "trash", "organized",
	"attachments", "attachment_chunks", "attachment_uses",
	"webhooks", "webhook_watches", "webhook_deliveries",
}

// DeletePrincipal implements [storage.Tx]. Deleting the home first waits for those that write to it and stops others.
func (tx *Tx) DeletePrincipal(ctx context.Context, id int64, keep ...string) error {
	var gone int64
	stmts := []stmt{
		{sql: `DELETE FROM homes WHERE owner_id = $1`, args: []any{id}},
		{sql: `DELETE FROM principals WHERE id = $1 RETURNING id`, args: []any{id}, row: into(&gone)},
	}
	stmts = append(stmts,
		stmt{sql: `DELETE FROM outbox WHERE owner_id = $1 AND NOT (state IN ('ready', 'leased') AND merge_key = '' AND kind = ANY($2))`, args: []any{id, notNil(keep)}},
		stmt{sql: `DELETE FROM mailed WHERE owner_id = $1 AND object_id NOT IN (SELECT object_id FROM outbox WHERE owner_id = $2)`, args: []any{id, id}})
	for _, t := range ownedTables {
		stmts = append(stmts, stmt{sql: `DELETE FROM ` + t + ` WHERE owner_id = $1`, args: []any{id}})
	}
	for _, t := range grantTables {
		stmts = append(stmts, stmt{sql: `DELETE FROM ` + t + ` WHERE grantee_id = $1`, args: []any{id}})
	}
	// What was theirs in the calendars of others, and what they shared.
	stmts = append(stmts, stmt{sql: `UPDATE calendars SET shared = EXISTS (SELECT 1 FROM shares s
			WHERE s.owner_id = calendars.owner_id AND s.calendar_id = calendars.id AND s.sharee_id <> $1)
		WHERE (owner_id, id) IN (SELECT owner_id, calendar_id FROM shares WHERE sharee_id = $2)`, args: []any{id, id}},
		stmt{sql: `DELETE FROM shares WHERE sharee_id = $1`, args: []any{id}},
		stmt{sql: `DELETE FROM shared WHERE sharer_id = $1`, args: []any{id}},
		stmt{sql: `DELETE FROM personal WHERE user_id = $1`, args: []any{id}}, stmt{sql: `DELETE FROM missed WHERE for_user = $1`, args: []any{id}},
		stmt{sql: `DELETE FROM webhook_watches WHERE hook_owner = $1`, args: []any{id}})
	err := tx.run(ctx, stmts...)
	if err == nil && gone == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("principal %d: %w", id, err)
	}
	delete(tx.seqs, id)
	return nil
}

// SetMembers implements [storage.Tx].
func (tx *Tx) SetMembers(ctx context.Context, group int64, members []int64) error {
	if err := tx.write(ctx, `DELETE FROM members WHERE group_id = $1`, group); err != nil {
		return err
	}
	for _, m := range members {
		err := tx.write(ctx, `INSERT INTO members (group_id, member_id) VALUES ($1, $2) ON CONFLICT (group_id, member_id) DO NOTHING`, group, m)
		if err != nil {
			return err
		}
	}
	return nil
}
