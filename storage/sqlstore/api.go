package sqlstore

import (
	"context"
	"fmt"
	"time"

	"kalends/storage"
)

const tokenColumns = `owner_id, created, expires, used, hash, id, label, scopes`

func scanToken(r scanner, t *storage.Token) error {
	var created, expires, used int64
	err := r.Scan(&t.Owner, &created, &expires, &used, &t.Hash, &t.ID, &t.Label, &t.Scopes)
	t.Created, t.Expires, t.Used = instant(created), instant(expires), instant(used)
	return err
}

// TokenByHash implements [storage.APIReader].
func (q queries) TokenByHash(ctx context.Context, hash string) (*storage.Token, error) {
	var t *storage.Token
	err := q.query(ctx, func(r scanner) error {
		t = &storage.Token{}
		return scanToken(r, t)
	}, `SELECT `+tokenColumns+` FROM api_tokens WHERE hash = $1`, hash)
	if err == nil && t == nil {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	return t, nil
}

// Tokens implements [storage.APIReader].
func (q queries) Tokens(ctx context.Context, owner int64) ([]*storage.Token, error) {
	var list []*storage.Token
	err := q.query(ctx, func(r scanner) error {
		t := &storage.Token{}
		list = append(list, t)
		return scanToken(r, t)
	}, `SELECT `+tokenColumns+` FROM api_tokens WHERE $1 = 0 OR owner_id = $1 ORDER BY created, id`, owner)
	if err != nil {
		return nil, fmt.Errorf("tokens of %d: %w", owner, err)
	}
	return list, nil
}

// HomeSeqs implements [storage.APIReader].
func (q queries) HomeSeqs(ctx context.Context, owners []int64) (map[int64]int64, error) {
	seqs := make(map[int64]int64, len(owners))
	if len(owners) == 0 {
		return seqs, nil
	}
	err := q.query(ctx, func(r scanner) error {
		var owner, seq int64
		if err := r.Scan(&owner, &seq); err != nil {
			return err
		}
		seqs[owner] = seq
		return nil
	}, `SELECT owner_id, seq FROM homes WHERE owner_id = ANY($1)`, owners)
	if err != nil {
		return nil, fmt.Errorf("home seqs: %w", err)
	}
	return seqs, nil
}

// AddToken implements [storage.APIStore].
func (s *Store) AddToken(ctx context.Context, t *storage.Token) error {
	args := []any{t.Owner, micros(t.Created), micros(t.Expires), micros(t.Used), t.Hash, t.ID, t.Label, t.Scopes}
	err := checkText(args)
	if err == nil {
		err = s.writeOne(ctx, stmt{sql: `INSERT INTO api_tokens (` + tokenColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, args: args})
	}
	if err != nil {
		return fmt.Errorf("add token of %d: %w", t.Owner, err)
	}
	return nil
}

// UseToken implements [storage.APIStore].
func (s *Store) UseToken(ctx context.Context, hash string, at time.Time) error {
	err := s.writeOne(ctx, stmt{sql: `UPDATE api_tokens SET used = $2 WHERE hash = $1 AND used < $2`, args: []any{hash, micros(at)}})
	if err != nil {
		return fmt.Errorf("use token: %w", err)
	}
	return nil
}

// RemoveToken implements [storage.APIStore].
func (s *Store) RemoveToken(ctx context.Context, owner int64, id string) error {
	if !storable(id) {
		return fmt.Errorf("remove token: %w", storage.ErrNotFound)
	}
	var n int64
	err := s.writeOne(ctx, stmt{
		sql: `DELETE FROM api_tokens WHERE id = $2 AND ($1 = 0 OR owner_id = $1)`, args: []any{owner, id}, done: func(rows int64) { n = rows },
	})
	if err == nil && n == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("remove token: %w", err)
	}
	return nil
}

// beginRequest takes a key that is free, whose holder's lease is over, or whose time is.
const beginRequest = `INSERT INTO api_requests (owner_id, key, request, ref, created, lease, status, answer)
	VALUES ($1, $2, $3, $4, $5, $6, 0, $7)
	ON CONFLICT (owner_id, key) DO UPDATE SET request = excluded.request, created = excluded.created, lease = excluded.lease,
		status = 0, answer = excluded.answer,
		ref = CASE WHEN api_requests.request = excluded.request AND api_requests.created >= $9 THEN api_requests.ref
			ELSE excluded.ref END
	WHERE api_requests.created < $9 OR api_requests.status = 0 AND api_requests.lease <= $8
	RETURNING ref`

// BeginRequest implements [storage.APIStore].
func (s *Store) BeginRequest(ctx context.Context, r *storage.Request, now, before time.Time) (*storage.Request, error) {
	args := []any{r.Owner, r.Key, r.Request, r.Ref, micros(r.Created), micros(r.Lease), []byte{}, micros(now), micros(before)}
	if err := checkText(args); err != nil {
		return nil, fmt.Errorf("begin request: %w", err)
	}
	var ref string
	var begun bool
	var there *storage.Request
	err := s.update(ctx, func(tx *Tx) error {
		begun, there = false, nil
		return tx.run(ctx, stmt{sql: beginRequest, args: args, row: func(row scanner) error {
			begun = true
			return row.Scan(&ref)
		}}, stmt{
			sql:  `SELECT request, ref, created, lease, status, answer FROM api_requests WHERE owner_id = $1 AND key = $2`,
			args: []any{r.Owner, r.Key},
			row: func(row scanner) error {
				there = &storage.Request{Owner: r.Owner, Key: r.Key}
				var created, lease, status int64
				err := row.Scan(&there.Request, &there.Ref, &created, &lease, &status, &there.Answer)
				there.Created, there.Lease, there.Status = instant(created), instant(lease), int(status)
				return err
			},
		})
	})
	if err != nil {
		return nil, fmt.Errorf("begin request of %d: %w", r.Owner, err)
	}
	if begun {
		r.Ref = ref
		return nil, nil
	}
	if there == nil { // forgotten between the two statements
		return nil, fmt.Errorf("begin request of %d: %w", r.Owner, storage.ErrConflict)
	}
	return there, nil
}

// EndRequest implements [storage.APIStore].
func (s *Store) EndRequest(ctx context.Context, r *storage.Request) error {
	st := stmt{
		sql:  `UPDATE api_requests SET status = $4, answer = $5 WHERE owner_id = $1 AND key = $2 AND lease = $3 AND status = 0`,
		args: []any{r.Owner, r.Key, micros(r.Lease), int64(r.Status), blob(r.Answer)},
	}
	if r.Status == 0 {
		st.sql, st.args = `DELETE FROM api_requests WHERE owner_id = $1 AND key = $2 AND lease = $3 AND status = 0`, st.args[:3]
	}
	if err := s.writeOne(ctx, st); err != nil {
		return fmt.Errorf("end request of %d: %w", r.Owner, err)
	}
	return nil
}

// PurgeAPI implements [storage.APIStore].
func (s *Store) PurgeAPI(ctx context.Context, requests, tokens time.Time, limit int) (int64, error) {
	var total int64
	for _, p := range []struct {
		sql    string
		before time.Time
	}{
		{`DELETE FROM api_requests WHERE (owner_id, key) IN (
			SELECT owner_id, key FROM api_requests WHERE created < $1 ORDER BY created LIMIT $2)`, requests},
		{`DELETE FROM api_tokens WHERE hash IN (
			SELECT hash FROM api_tokens WHERE expires > 0 AND expires < $1 LIMIT $2)`, tokens},
	} {
		err := s.writeOne(ctx, stmt{sql: p.sql, args: []any{micros(p.before), limitOr(limit)}, done: func(n int64) { total += n }})
		if err != nil {
			return total, fmt.Errorf("purge requests and tokens: %w", err)
		}
	}
	return total, nil
}
