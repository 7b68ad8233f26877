package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"kalends/storage"
)

// Mailed implements [storage.MailReader].
func (q queries) Mailed(ctx context.Context, owner, object int64, recipient string) (*storage.Mailed, error) {
	var m *storage.Mailed
	err := q.query(ctx, func(r scanner) error {
		m = &storage.Mailed{Owner: owner, Object: object, Recipient: recipient}
		var at int64
		err := r.Scan(&at, &m.First, &m.Method, &m.View)
		m.At = instant(at)
		return err
	}, `SELECT at, first_id, method, view FROM mailed WHERE owner_id = $1 AND recipient = $2 AND object_id = $3`,
		owner, recipient, object)
	if err == nil && m == nil {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("mailed about %d/%d: %w", owner, object, err)
	}
	return m, nil
}

// Corresponded implements [storage.MailReader].
func (q queries) Corresponded(ctx context.Context, owner int64, address string) (bool, error) {
	found := false
	err := q.query(ctx, func(r scanner) error {
		found = true
		var object int64
		return r.Scan(&object)
	}, `SELECT object_id FROM mailed WHERE owner_id = $1 AND recipient = $2 LIMIT 1`, owner, address)
	if err != nil {
		return false, fmt.Errorf("correspondence of %d: %w", owner, err)
	}
	return found, nil
}

const inboundColumns = `owner_id, received, key, sender, recipient, subject, state, outcome, object_id, about`

func scanInbound(r scanner, in *storage.Inbound, more ...any) error {
	var received int64
	var about string
	err := r.Scan(append([]any{&in.Owner, &received, &in.Key, &in.Sender, &in.Recipient, &in.Subject, (*string)(&in.State),
		&in.Outcome, &in.Object, &about}, more...)...)
	in.Received = instant(received)
	if err == nil && about != "" {
		err = json.Unmarshal([]byte(about), &in.About)
	}
	return err
}

// aboutText is how About is kept; "" for what is settled.
func aboutText(in *storage.Inbound) (string, error) {
	if in.State == storage.Settled || in.About == (storage.About{}) {
		return "", nil
	}
	b, err := json.Marshal(in.About)
	return string(b), err
}

// InboundMail implements [storage.MailReader].
func (q queries) InboundMail(ctx context.Context, owner int64, key string) (*storage.Inbound, error) {
	var in *storage.Inbound
	err := q.query(ctx, func(r scanner) error {
		in = new(storage.Inbound)
		return scanInbound(r, in, &in.Message, &in.Calendar)
	}, `SELECT `+inboundColumns+`, message, calendar FROM inbound WHERE owner_id = $1 AND key = $2`, owner, key)
	if err == nil && in == nil {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("inbound mail of %d: %w", owner, err)
	}
	return in, nil
}

// WaitingMail implements [storage.MailReader].
func (q queries) WaitingMail(ctx context.Context, w storage.WaitingQuery) ([]*storage.Inbound, error) {
	where, args := `state <> ''`, []any{int64(limitOr(w.Limit))}
	and := func(sql string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			sql = strings.Replace(sql, "?", "$"+strconv.Itoa(len(args)), 1)
		}
		where += " AND " + sql
	}
	if w.Owner != 0 {
		and(`owner_id = ?`, w.Owner)
	}
	if w.Object != 0 {
		and(`object_id = ?`, w.Object)
	}
	if a := w.After; a != nil {
		if err := checkText([]any{a.Key}); err != nil {
			return nil, fmt.Errorf("waiting mail: %w", err)
		}
		and(`(received, owner_id, key) > (?, ?, ?)`, micros(a.Received), a.Owner, a.Key)
	}
	var list []*storage.Inbound
	err := q.query(ctx, func(r scanner) error {
		in := new(storage.Inbound)
		list = append(list, in)
		return scanInbound(r, in)
	}, `SELECT `+inboundColumns+` FROM inbound WHERE `+where+` ORDER BY received, owner_id, key LIMIT $1`, args...)
	if err != nil {
		return nil, fmt.Errorf("waiting mail: %w", err)
	}
	return list, nil
}

// WithdrawJob implements [storage.MailTx].
func (tx *Tx) WithdrawJob(ctx context.Context, owner int64, merge string) (withdrawn, unseen bool, err error) {
	if err := tx.mustLock(owner); err != nil || merge == "" {
		return false, false, err
	}
	err = tx.run(ctx, stmt{
		sql: `DELETE FROM outbox WHERE owner_id = $1 AND merge_key = $2 AND merge_key <> '' AND state = 'ready'
			RETURNING opens, attempt`,
		args: []any{owner, merge},
		row: func(r scanner) error {
			var opens, attempt int64
			err := r.Scan(&opens, &attempt)
			withdrawn, unseen = true, opens != 0 && attempt == 0
			return err
		},
	})
	if err != nil {
		return false, false, fmt.Errorf("withdraw job: %w", err)
	}
	return withdrawn, unseen, nil
}

// putMailed keeps the first Message-ID for the thread, and the view that a message without one left as it was.
const putMailed = `INSERT INTO mailed (owner_id, object_id, at, recipient, first_id, method, view)
	VALUES ($1, $2, $3, $4, $5, $6, $7)
	ON CONFLICT (owner_id, recipient, object_id) DO UPDATE SET at = excluded.at, method = excluded.method,
		first_id = CASE WHEN mailed.first_id = '' THEN excluded.first_id ELSE mailed.first_id END,
		view = CASE WHEN LENGTH(excluded.view) = 0 THEN mailed.view ELSE excluded.view END`

func mailedArgs(m *storage.Mailed) ([]any, error) {
	args := []any{m.Owner, m.Object, micros(m.At), m.Recipient, m.First, m.Method, blob(m.View)}
	return args, checkText(args)
}

// PutMailed implements [storage.MailTx].
func (tx *Tx) PutMailed(ctx context.Context, m storage.Mailed) error {
	args, err := mailedArgs(&m)
	if err != nil {
		return fmt.Errorf("mailed about %d/%d: %w", m.Owner, m.Object, err)
	}
	return tx.write(ctx, putMailed, args...)
}

// SettleInbound implements [storage.MailTx].
func (tx *Tx) SettleInbound(ctx context.Context, owner int64, key, outcome string) error {
	args := []any{owner, key, outcome, blob(nil)}
	if err := checkText(args); err != nil {
		return err
	}
	var n int64
	err := tx.run(ctx, stmt{sql: `UPDATE inbound SET state = '', outcome = $3, about = '', calendar = $4 WHERE owner_id = $1 AND key = $2 AND state <> ''`,
		args: args, done: func(rows int64) { n = rows }})
	if err == nil && n == 0 {
		err = storage.ErrConflict
	}
	if err != nil {
		return fmt.Errorf("settle inbound mail of %d: %w", owner, err)
	}
	return nil
}

// FinishJobs implements [storage.MailQueue].
func (s *Store) FinishJobs(ctx context.Context, jobs []*storage.Job) []error {
	errs := make([]error, len(jobs))
	counts := make([]int64, len(jobs))
	var stmts []stmt
	for i, j := range jobs {
		finish, err := finishStmt(j, &counts[i])
		if err == nil {
			stmts = append(stmts, finish)
			if j.Mailed != nil && j.State == storage.Done {
				var args []any
				if args, err = mailedArgs(j.Mailed); err == nil {
					// The mail was sent, whoever has the row now.
					stmts = append(stmts, stmt{sql: putMailed, args: args})
				}
			}
		}
		errs[i] = err
	}
	err := s.update(ctx, func(tx *Tx) error {
		clear(counts)
		tx.queue = append(tx.queue, stmts...) // in one round trip with the commit
		return nil
	})
	if errors.Is(err, storage.ErrConflict) && len(jobs) > 1 {
		// One of them found a newer one at this moment: each for itself.
		for i, j := range jobs {
			if errs[i] == nil {
				errs[i] = s.FinishJobs(ctx, []*storage.Job{j})[0]
			}
		}
		return errs
	}
	if errors.Is(err, storage.ErrConflict) && errs[0] == nil {
		return []error{s.FinishJob(ctx, jobs[0])}
	}
	for i, j := range jobs {
		switch {
		case errs[i] != nil:
		case err != nil:
			errs[i] = fmt.Errorf("finish job %d/%d: %w", j.Owner, j.ID, err)
		case counts[i] == 0:
			errs[i] = fmt.Errorf("finish job %d/%d: %w", j.Owner, j.ID, storage.ErrConflict)
		}
	}
	return errs
}

// RetryJob implements [storage.MailQueue].
func (s *Store) RetryJob(ctx context.Context, owner, id int64, now time.Time) error {
	return s.changeJob(ctx, owner, id, `UPDATE outbox SET state = 'ready', due_at = $3, wake_at = $3
		WHERE owner_id = $1 AND id = $2 AND state IN ('failed', 'ready')`, micros(now))
}

// DropJob implements [storage.MailQueue].
func (s *Store) DropJob(ctx context.Context, owner, id int64) error {
	return s.changeJob(ctx, owner, id, `DELETE FROM outbox WHERE owner_id = $1 AND id = $2 AND state <> 'leased'`)
}

func (s *Store) changeJob(ctx context.Context, owner, id int64, sql string, more ...any) error {
	var n int64
	err := s.writeOne(ctx, stmt{sql: sql, args: append([]any{owner, id}, more...), done: func(rows int64) { n = rows }})
	if err == nil && n == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("job %d/%d: %w", owner, id, err)
	}
	return nil
}

// PurgeMail implements [storage.MailQueue].
func (s *Store) PurgeMail(ctx context.Context, jobs, inbound, mailed time.Time, limit int) (int64, error) {
	var total int64
	for _, p := range []struct {
		sql    string
		before time.Time
	}{
		{`DELETE FROM outbox WHERE state IN ('done', 'failed') AND (owner_id, id) IN (
			SELECT owner_id, id FROM outbox WHERE state IN ('done', 'failed') AND created < $1 ORDER BY created LIMIT $2)`, jobs},
		{`DELETE FROM inbound WHERE (owner_id, key) IN (
			SELECT owner_id, key FROM inbound WHERE received < $1 ORDER BY received LIMIT $2)`, inbound},
		{`DELETE FROM mailed WHERE (owner_id, recipient, object_id) IN (
			SELECT owner_id, recipient, object_id FROM mailed WHERE at < $1 LIMIT $2)`, mailed},
	} {
		if p.before.IsZero() {
			continue
		}
		err := s.writeOne(ctx, stmt{sql: p.sql, args: []any{micros(p.before), limitOr(limit)}, done: func(n int64) { total += n }})
		if err != nil {
			return total, fmt.Errorf("purge mail: %w", err)
		}
	}
	return total, nil
}
