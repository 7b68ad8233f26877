package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"kalends/storage"
)

// The states of a row in a queue. A dormant reminder waits for nothing and keeps what it has fired through.
const (
	stateReady   = string(storage.Ready)
	stateLeased  = string(storage.Leased)
	stateDormant = "dormant"
)

const reminderColumns = `owner_id, object_id, for_user, alarm, calendar_id, due_at, fired_through, attempt, claim, state, last_error`

func scanReminder(r scanner, m *storage.Reminder) error {
	var due, fired, attempt int64
	var state string
	err := r.Scan(&m.Owner, &m.Object, &m.ForUser, &m.Alarm, &m.Calendar, &due, &fired, &attempt, &m.Claim, &state,
		&m.LastError)
	m.DueAt, m.FiredThrough, m.Attempt, m.Leased = instant(due), instant(fired), int(attempt), state == stateLeased
	return err
}

// Reminders implements [storage.Reader].
func (q queries) Reminders(ctx context.Context, owner, object int64) ([]*storage.Reminder, error) {
	var list []*storage.Reminder
	err := q.query(ctx, func(r scanner) error {
		m := &storage.Reminder{}
		list = append(list, m)
		return scanReminder(r, m)
	}, `SELECT `+reminderColumns+` FROM reminders WHERE owner_id = $1 AND object_id = $2 ORDER BY for_user, alarm`, owner, object)
	if err != nil {
		return nil, fmt.Errorf("reminders of %d/%d: %w", owner, object, err)
	}
	return list, nil
}

// Reminded implements [storage.ReminderReader]: all of it in one round trip.
func (q queries) Reminded(ctx context.Context, keys []storage.ObjectKey) ([]storage.Reminded, error) {
	list := make([]storage.Reminded, len(keys))
	stmts := make([]stmt, 0, 2*len(keys))
	for i, k := range keys {
		at := &list[i]
		stmts = append(stmts, stmt{sql: remindersOf, args: []any{k.Owner, k.Object}, row: func(r scanner) error {
			m := &storage.Reminder{}
			at.Rows = append(at.Rows, m)
			return scanReminder(r, m)
		}}, stmt{sql: objectByID, args: []any{k.Owner, k.Object}, row: func(r scanner) error {
			at.Object = &storage.Object{}
			return scanObject(r, at.Object, false, everyField)
		}})
	}
	if err := q.r.run(ctx, stmts...); err != nil {
		return nil, fmt.Errorf("objects of %d reminders: %w", len(keys), err)
	}
	return list, nil
}

var (
	remindersOf = `SELECT ` + reminderColumns + ` FROM reminders WHERE owner_id = $1 AND object_id = $2 ORDER BY for_user, alarm`
	objectByID  = `SELECT ` + objectFields[everyField] + ` FROM objects WHERE owner_id = $1 AND id = $2`
)

const (
	forgetAll    = `DELETE FROM reminders WHERE owner_id = $1 AND object_id = $2`
	forgetOthers = forgetAll + ` AND NOT (CAST(for_user AS TEXT) || '/' || alarm = ANY($3))`
)

// A row whose due time stays keeps its lease: somebody is sending it. What was fired through never goes back: a
// dispatcher may have written it after the caller read the row.
var (
	reminderSpec = &spec{
		head: `INSERT INTO reminders (owner_id, object_id, for_user, alarm, calendar_id, due_at, fired_through, wake_at, state,
			attempt, claim, last_error) VALUES `,
		sep: `, `, row: `($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, '')`,
		tail: ` ON CONFLICT (owner_id, object_id, for_user, alarm) DO UPDATE SET
			calendar_id = excluded.calendar_id, due_at = excluded.due_at,
			fired_through = CASE WHEN reminders.fired_through > excluded.fired_through
				THEN reminders.fired_through ELSE excluded.fired_through END,
			wake_at = CASE WHEN reminders.due_at = excluded.due_at THEN reminders.wake_at ELSE excluded.wake_at END,
			state = CASE WHEN reminders.due_at = excluded.due_at THEN reminders.state ELSE excluded.state END,
			attempt = CASE WHEN reminders.due_at = excluded.due_at THEN reminders.attempt ELSE 0 END,
			claim = CASE WHEN reminders.due_at = excluded.due_at THEN reminders.claim ELSE reminders.claim + 1 END,
			last_error = CASE WHEN reminders.due_at = excluded.due_at THEN reminders.last_error ELSE '' END`,
		cols: 9, order: orderReminders,
	}
	forgetSpec = &spec{
		head: `DELETE FROM reminders WHERE `, sep: ` OR `, row: `(owner_id = $1 AND object_id = $2)`, cols: 2, order: orderForget,
	}
)

// SetReminders implements [storage.Tx].
func (tx *Tx) SetReminders(ctx context.Context, owner, object int64, rows []*storage.Reminder) error {
	if err := tx.mustLock(owner); err != nil {
		return err
	}
	fresh := tx.fresh[objectKey{owner, object}]
	if len(rows) > 0 {
		delete(tx.fresh, objectKey{owner, object})
	}
	if !fresh {
		var err error
		if len(rows) == 0 {
			err = tx.add(ctx, forgetSpec, rowKey{a: owner, b: object}, owner, object)
		} else {
			keep := make([]string, len(rows))
			for i, m := range rows {
				keep[i] = strconv.FormatInt(m.ForUser, 10) + "/" + m.Alarm
			}
			err = tx.write(ctx, forgetOthers, owner, object, storables(keep))
		}
		if err != nil {
			return fmt.Errorf("reminders of %d/%d: %w", owner, object, err)
		}
	}
	return tx.PutReminders(ctx, owner, object, rows)
}

// PutReminders implements [storage.ReminderTx].
func (tx *Tx) PutReminders(ctx context.Context, owner, object int64, rows []*storage.Reminder) error {
	if err := tx.mustLock(owner); err != nil {
		return err
	}
	if len(rows) > 0 {
		delete(tx.fresh, objectKey{owner, object}) // SetReminders is to look
	}
	for _, m := range rows {
		state := stateReady
		if m.DueAt.IsZero() {
			state = stateDormant
		}
		due := micros(m.DueAt)
		err := tx.add(ctx, reminderSpec, rowKey{owner, object, m.ForUser, m.Alarm}, owner, object, m.ForUser, m.Alarm,
			m.Calendar, due, micros(m.FiredThrough), due, state)
		if err != nil {
			return fmt.Errorf("reminders of %d/%d: %w", owner, object, err)
		}
	}
	return nil
}

// ClaimReminders implements [storage.Queue].
func (s *Store) ClaimReminders(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]*storage.Reminder, error) {
	var list []*storage.Reminder
	err := s.writeOne(ctx, stmt{sql: limited(claimReminders, limit), args: []any{micros(now), micros(now.Add(lease))},
		row: func(r scanner) error {
			m := &storage.Reminder{}
			list = append(list, m)
			return scanReminder(r, m)
		}})
	if err != nil {
		return nil, fmt.Errorf("claim reminders: %w", err)
	}
	slices.SortFunc(list, func(a, b *storage.Reminder) int { return a.DueAt.Compare(b.DueAt) })
	return list, nil
}

// The list of those picked is made once: a subquery in WHERE may be run again, and take more than the limit.
const claimReminders = `WITH picked AS MATERIALIZED (
		SELECT owner_id, object_id, for_user, alarm FROM reminders
		WHERE state IN ('ready', 'leased') AND wake_at <= $1 ORDER BY wake_at LIMIT :limit FOR UPDATE SKIP LOCKED)
	UPDATE reminders SET state = 'leased', attempt = reminders.attempt + 1, claim = reminders.claim + 1, wake_at = $2
	FROM picked
	WHERE reminders.owner_id = picked.owner_id AND reminders.object_id = picked.object_id
		AND reminders.for_user = picked.for_user AND reminders.alarm = picked.alarm
	RETURNING reminders.owner_id, reminders.object_id, reminders.for_user, reminders.alarm, reminders.calendar_id,
		reminders.due_at, reminders.fired_through, reminders.attempt, reminders.claim, reminders.state, reminders.last_error`

// limited puts a limit into the text of a claim. As a parameter Postgres would take it for a tenth of the table, and join with a scan
// of the whole of it; so there are as many texts as there are limits, which are few.
func limited(sql string, limit int) string {
	return strings.Replace(sql, ":limit", strconv.Itoa(max(limit, 0)), 1)
}

// FinishReminder implements [storage.Queue].
func (s *Store) FinishReminder(ctx context.Context, m *storage.Reminder) error {
	var n int64
	due, state := micros(m.DueAt), stateReady
	if m.DueAt.IsZero() {
		state = stateDormant
	}
	lastError := strings.ToValidUTF8(strings.ReplaceAll(m.LastError, "\x00", ""), "\uFFFD")
	err := s.writeOne(ctx, stmt{sql: finishReminder, done: func(rows int64) { n = rows }, args: []any{
		m.Owner, m.Object, m.ForUser, m.Alarm, m.Claim, due, micros(m.FiredThrough), state, lastError,
	}})
	if err == nil && n == 0 {
		// What was sent was sent, whoever has the row now.
		err = s.writeOne(ctx, stmt{sql: `UPDATE reminders SET fired_through = $5 WHERE owner_id = $1 AND object_id = $2
			AND for_user = $3 AND alarm = $4 AND fired_through < $5`,
			args: []any{m.Owner, m.Object, m.ForUser, m.Alarm, micros(m.FiredThrough)}})
		if err == nil {
			err = storage.ErrConflict
		}
	}
	if err != nil {
		return fmt.Errorf("finish reminder of %d/%d: %w", m.Owner, m.Object, err)
	}
	return nil
}

const finishReminder = `UPDATE reminders SET due_at = $6, wake_at = $6, state = $8, last_error = $9,
		fired_through = CASE WHEN fired_through > $7 THEN fired_through ELSE $7 END,
		attempt = CASE WHEN $9 = '' THEN 0 ELSE attempt END
	WHERE owner_id = $1 AND object_id = $2 AND for_user = $3 AND alarm = $4 AND claim = $5 AND state = 'leased'`

// NextReminder implements [storage.Queue].
func (s *Store) NextReminder(ctx context.Context) (time.Time, error) {
	return s.nextWake(ctx, "reminders", `SELECT wake_at FROM reminders WHERE state IN ('ready', 'leased') ORDER BY wake_at LIMIT 1`)
}
