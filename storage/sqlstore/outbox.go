package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"kalends/storage"
)

const jobColumns = `owner_id, id, object_id, due_at, created, attempt, kind, merge_key, recipient, uid, state, last_error, payload, opens`

func scanJob(r scanner, j *storage.Job) error {
	var due, created, attempt, opens int64
	err := r.Scan(&j.Owner, &j.ID, &j.Object, &due, &created, &attempt, &j.Kind, &j.Merge, &j.Recipient, &j.UID,
		(*string)(&j.State), &j.LastError, &j.Payload, &opens)
	j.DueAt, j.Created, j.Attempt, j.Opens = instant(due), instant(created), int(attempt), opens != 0
	return err
}

// Jobs implements [storage.Reader].
func (q queries) Jobs(ctx context.Context, states []storage.JobState, limit int) ([]*storage.Job, error) {
	names := []string{string(storage.Ready), string(storage.Leased), string(storage.Done), string(storage.Failed)}
	if len(states) > 0 {
		names = names[:0]
		for _, s := range states {
			names = append(names, string(s))
		}
	}
	var list []*storage.Job
	err := q.query(ctx, func(r scanner) error {
		j := &storage.Job{}
		list = append(list, j)
		return scanJob(r, j)
	}, `SELECT `+jobColumns+` FROM outbox WHERE state = ANY($1) ORDER BY created DESC, owner_id, id DESC LIMIT $2`,
		names, limitOr(limit))
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	return list, nil
}

var jobSpec = &spec{
	head: `INSERT INTO outbox (owner_id, id, object_id, due_at, created, kind, merge_key, recipient, uid, payload,
		opens, wake_at, attempt, state, last_error) VALUES `,
	sep: `, `, row: `($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $4, 0, 'ready', '')`,
	tail: ` ON CONFLICT (owner_id, merge_key) WHERE merge_key <> '' AND state = 'ready' DO UPDATE SET
		object_id = excluded.object_id, kind = excluded.kind, recipient = excluded.recipient, uid = excluded.uid,
		payload = excluded.payload`,
	cols: 11, order: orderJobs,
}

// AddJob implements [storage.Tx].
func (tx *Tx) AddJob(ctx context.Context, j *storage.Job) error {
	if err := tx.mustLock(j.Owner); err != nil {
		return err
	}
	tx.created++
	key := rowKey{a: j.Owner, b: j.ID}
	if j.Merge != "" {
		key = rowKey{a: j.Owner, s: j.Merge}
	}
	err := tx.add(ctx, jobSpec, key, j.Owner, j.ID, j.Object, micros(j.DueAt), micros(j.Created), j.Kind, j.Merge, j.Recipient,
		j.UID, blob(j.Payload), int64(b2i(j.Opens)))
	if err != nil {
		return fmt.Errorf("job %d/%d: %w", j.Owner, j.ID, err)
	}
	return nil
}

// DropJobs implements [storage.Tx].
func (tx *Tx) DropJobs(ctx context.Context, owner int64, merge string) error {
	if err := tx.mustLock(owner); err != nil {
		return err
	}
	if merge == "" {
		return nil
	}
	return tx.write(ctx, `DELETE FROM outbox WHERE owner_id = $1 AND merge_key = $2 AND merge_key <> '' AND state = 'ready'`,
		owner, merge)
}

// AddInbound implements [storage.Tx].
func (tx *Tx) AddInbound(ctx context.Context, in storage.Inbound) (bool, error) {
	about, err := aboutText(&in)
	if err != nil {
		return false, fmt.Errorf("inbound mail: %w", err)
	}
	args := []any{in.Owner, micros(in.Received), in.Key, in.Sender, in.Subject, in.Outcome, blob(in.Message), in.Recipient, string(in.State),
		in.Object, about, blob(in.Calendar)}
	if err := checkText(args); err != nil {
		return false, fmt.Errorf("inbound mail: %w", err)
	}
	var n int64
	err = tx.run(ctx, stmt{sql: `INSERT INTO inbound (owner_id, received, key, sender, subject, outcome, message, recipient, state, object_id,
		about, calendar) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (owner_id, key) DO NOTHING`, args: args,
		done: func(rows int64) { n = rows }})
	if err != nil {
		return false, fmt.Errorf("inbound mail: %w", err)
	}
	return n > 0, nil
}

// ClaimJobs implements [storage.Queue].
func (s *Store) ClaimJobs(ctx context.Context, kinds []string, now time.Time, lease time.Duration, limit int) ([]*storage.Job, error) {
	var list []*storage.Job
	err := s.writeOne(ctx, stmt{sql: limited(claimJobs, limit), args: []any{micros(now), micros(now.Add(lease)), notNil(kinds)},
		row: func(r scanner) error {
			j := &storage.Job{}
			list = append(list, j)
			return scanJob(r, j)
		}})
	if err != nil {
		return nil, fmt.Errorf("claim jobs: %w", err)
	}
	slices.SortFunc(list, func(a, b *storage.Job) int { return a.DueAt.Compare(b.DueAt) })
	return list, nil
}

const claimJobs = `WITH picked AS MATERIALIZED (
		SELECT owner_id, id FROM outbox
		WHERE state IN ('ready', 'leased') AND wake_at <= $1 AND kind = ANY($3)
		ORDER BY wake_at LIMIT :limit FOR UPDATE SKIP LOCKED)
	UPDATE outbox SET state = 'leased', attempt = outbox.attempt + 1, wake_at = $2
	FROM picked WHERE outbox.owner_id = picked.owner_id AND outbox.id = picked.id
	RETURNING outbox.owner_id, outbox.id, outbox.object_id, outbox.due_at, outbox.created, outbox.attempt, outbox.kind,
		outbox.merge_key, outbox.recipient, outbox.uid, outbox.state, outbox.last_error, outbox.payload,
		outbox.opens`

// FinishJob implements [storage.Queue]. A job that is to be tried again while a newer one waits under its Merge is
// done: the newer one says all.
func (s *Store) FinishJob(ctx context.Context, j *storage.Job) error {
	var n int64
	finish, err := finishStmt(j, &n)
	if err != nil {
		return err
	}
	err = s.writeOne(ctx, finish)
	if errors.Is(err, storage.ErrConflict) {
		err = s.writeOne(ctx, finish) // the newer one was added at this moment; now it is seen
	}
	if err == nil && n == 0 {
		err = storage.ErrConflict
	}
	if err != nil {
		return fmt.Errorf("finish job %d/%d: %w", j.Owner, j.ID, err)
	}
	return nil
}

func finishStmt(j *storage.Job, n *int64) (stmt, error) {
	switch j.State {
	case storage.Ready, storage.Done, storage.Failed:
	default:
		return stmt{}, fmt.Errorf("finish job %d/%d: state %q", j.Owner, j.ID, j.State)
	}
	lastError := strings.ToValidUTF8(strings.ReplaceAll(j.LastError, "\x00", ""), "\uFFFD")
	return stmt{sql: finishJob, done: func(rows int64) { *n = rows },
		args: []any{j.Owner, j.ID, int64(j.Attempt), string(j.State), micros(j.DueAt), lastError}}, nil
}

const finishJob = `UPDATE outbox SET due_at = $5, wake_at = $5, last_error = $6,
		state = CASE WHEN $4 = 'ready' AND merge_key <> '' AND EXISTS (
			SELECT 1 FROM outbox AS newer WHERE newer.owner_id = $1 AND newer.merge_key = outbox.merge_key
				AND newer.merge_key <> '' AND newer.state = 'ready') THEN 'done' ELSE $4 END
	WHERE owner_id = $1 AND id = $2 AND attempt = $3 AND state = 'leased'`

// NextJob implements [storage.Queue].
func (s *Store) NextJob(ctx context.Context, kinds []string) (time.Time, error) {
	return s.nextWake(ctx, "jobs", `SELECT wake_at FROM outbox
		WHERE state IN ('ready', 'leased') AND kind = ANY($1) ORDER BY wake_at LIMIT 1`, notNil(kinds))
}

func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// nextWake returns the earliest time at which a row of a queue may be claimed.
func (s *Store) nextWake(ctx context.Context, what, sql string, args ...any) (time.Time, error) {
	found, at := false, int64(0)
	err := s.run(ctx, stmt{
		sql: sql, args: args,
		row: func(r scanner) error {
			found = true
			return r.Scan(&at)
		},
	})
	switch {
	case err != nil:
		return time.Time{}, fmt.Errorf("next of %s: %w", what, err)
	case !found:
		return time.Time{}, fmt.Errorf("next of %s: %w", what, storage.ErrNotFound)
	}
	return instant(at), nil
}

// writeOne carries out one statement that is a transaction of its own.
func (s *Store) writeOne(ctx context.Context, st stmt) error {
	for try := 0; ; try++ {
		seen, err := s.oneWrite(ctx, st)
		if err == nil || seen > 0 || try >= maxRetries || !retryable(err) {
			return err
		}
		s.count.retries.Add(1)
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

func (s *Store) oneWrite(ctx context.Context, st stmt) (seen int64, err error) {
	sess, err := s.db.session(ctx, true)
	if err != nil {
		return 0, err
	}
	defer sess.release()
	err = sess.run(ctx, []stmt{st}, &seen)
	return seen, err
}
