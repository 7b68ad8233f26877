package sqlstore

import (
	"context"
	"fmt"
	"time"

	"kalends/storage"
)

const sessionColumns = `owner_id, credential, created, used, expires, hash, id, agent, remote`

func scanSession(r scanner, s *storage.Session) error {
	var created, used, expires int64
	err := r.Scan(&s.Owner, &s.Credential, &created, &used, &expires, &s.Hash, &s.ID, &s.Agent, &s.Remote)
	s.Created, s.Used, s.Expires = instant(created), instant(used), instant(expires)
	return err
}

// SessionByHash implements [storage.WebReader].
func (q queries) SessionByHash(ctx context.Context, hash string) (*storage.Session, error) {
	var s *storage.Session
	err := q.query(ctx, func(r scanner) error {
		s = &storage.Session{}
		return scanSession(r, s)
	}, `SELECT `+sessionColumns+` FROM sessions WHERE hash = $1`, hash)
	if err == nil && s == nil {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	return s, nil
}

// Sessions implements [storage.WebReader].
func (q queries) Sessions(ctx context.Context, owner int64) ([]*storage.Session, error) {
	var list []*storage.Session
	err := q.query(ctx, func(r scanner) error {
		s := &storage.Session{}
		list = append(list, s)
		return scanSession(r, s)
	}, `SELECT `+sessionColumns+` FROM sessions WHERE owner_id = $1 ORDER BY created DESC, id`, owner)
	if err != nil {
		return nil, fmt.Errorf("sessions of %d: %w", owner, err)
	}
	return list, nil
}

const appPasswordColumns = `owner_id, created, used, hash, id, label`

func scanAppPassword(r scanner, p *storage.AppPassword) error {
	var created, used int64
	err := r.Scan(&p.Owner, &created, &used, &p.Hash, &p.ID, &p.Label)
	p.Created, p.Used = instant(created), instant(used)
	return err
}

// AppPasswordByHash implements [storage.WebReader].
func (q queries) AppPasswordByHash(ctx context.Context, hash string) (*storage.AppPassword, error) {
	var p *storage.AppPassword
	err := q.query(ctx, func(r scanner) error {
		p = &storage.AppPassword{}
		return scanAppPassword(r, p)
	}, `SELECT `+appPasswordColumns+` FROM app_passwords WHERE hash = $1`, hash)
	if err == nil && p == nil {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("app password: %w", err)
	}
	return p, nil
}

// AppPasswords implements [storage.WebReader].
func (q queries) AppPasswords(ctx context.Context, owner int64) ([]*storage.AppPassword, error) {
	var list []*storage.AppPassword
	err := q.query(ctx, func(r scanner) error {
		p := &storage.AppPassword{}
		list = append(list, p)
		return scanAppPassword(r, p)
	}, `SELECT `+appPasswordColumns+` FROM app_passwords WHERE owner_id = $1 ORDER BY created, id`, owner)
	if err != nil {
		return nil, fmt.Errorf("app passwords of %d: %w", owner, err)
	}
	return list, nil
}

// Settings implements [storage.WebReader].
func (q queries) Settings(ctx context.Context, owner int64) (map[string]string, error) {
	set := map[string]string{}
	err := q.query(ctx, func(r scanner) error {
		var name, value string
		if err := r.Scan(&name, &value); err != nil {
			return err
		}
		set[name] = value
		return nil
	}, `SELECT name, value FROM settings WHERE owner_id = $1`, owner)
	if err != nil {
		return nil, fmt.Errorf("settings of %d: %w", owner, err)
	}
	return set, nil
}

// change carries out one statement and returns how many rows it changed.
func (s *Store) change(ctx context.Context, what, sql string, args ...any) (int64, error) {
	var n int64
	err := checkText(args)
	if err == nil {
		err = s.writeOne(ctx, stmt{sql: sql, args: args, done: func(rows int64) { n = rows }})
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	return n, nil
}

// remove is change where nothing to do is ErrNotFound.
func (s *Store) remove(ctx context.Context, what, sql string, owner int64, id string) error {
	if !storable(id) {
		return fmt.Errorf("%s: %w", what, storage.ErrNotFound)
	}
	n, err := s.change(ctx, what, sql, owner, id)
	if err == nil && n == 0 {
		err = fmt.Errorf("%s: %w", what, storage.ErrNotFound)
	}
	return err
}

// AddSession implements [storage.WebStore].
func (s *Store) AddSession(ctx context.Context, n *storage.Session) error {
	_, err := s.change(ctx, "add session", `INSERT INTO sessions (`+sessionColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		n.Owner, n.Credential, micros(n.Created), micros(n.Used), micros(n.Expires), n.Hash, n.ID, n.Agent, n.Remote)
	return err
}

// UseSession implements [storage.WebStore].
func (s *Store) UseSession(ctx context.Context, hash string, at, expires time.Time) error {
	_, err := s.change(ctx, "use session", `UPDATE sessions SET used = $2, expires = $3 WHERE hash = $1 AND used < $2`, hash, micros(at), micros(expires))
	return err
}

// RemoveSession implements [storage.WebStore].
func (s *Store) RemoveSession(ctx context.Context, owner int64, id string) error {
	return s.remove(ctx, "remove session", `DELETE FROM sessions WHERE owner_id = $1 AND id = $2`, owner, id)
}

// RemoveSessions implements [storage.WebStore].
func (s *Store) RemoveSessions(ctx context.Context, owner int64, but string) (int64, error) {
	return s.change(ctx, "remove sessions", `DELETE FROM sessions WHERE owner_id = $1 AND id <> $2`, owner, but)
}

// PurgeSessions implements [storage.WebStore].
func (s *Store) PurgeSessions(ctx context.Context, before time.Time, limit int) (int64, error) {
	return s.change(ctx, "purge sessions", `DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE expires < $1 LIMIT $2)`,
		micros(before), limitOr(limit))
}

// AddAppPassword implements [storage.WebStore].
func (s *Store) AddAppPassword(ctx context.Context, p *storage.AppPassword) error {
	_, err := s.change(ctx, "add app password", `INSERT INTO app_passwords (`+appPasswordColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`,
		p.Owner, micros(p.Created), micros(p.Used), p.Hash, p.ID, p.Label)
	return err
}

// UseAppPassword implements [storage.WebStore].
func (s *Store) UseAppPassword(ctx context.Context, hash string, at time.Time) error {
	_, err := s.change(ctx, "use app password", `UPDATE app_passwords SET used = $2 WHERE hash = $1 AND used < $2`, hash, micros(at))
	return err
}

// RemoveAppPassword implements [storage.WebStore].
func (s *Store) RemoveAppPassword(ctx context.Context, owner int64, id string) error {
	return s.remove(ctx, "remove app password", `DELETE FROM app_passwords WHERE owner_id = $1 AND id = $2`, owner, id)
}

// PutSetting implements [storage.WebStore].
func (s *Store) PutSetting(ctx context.Context, owner int64, name, value string) error {
	if value == "" {
		_, err := s.change(ctx, "remove setting", `DELETE FROM settings WHERE owner_id = $1 AND name = $2`, owner, name)
		return err
	}
	_, err := s.change(ctx, "put setting", `INSERT INTO settings (owner_id, name, value) VALUES ($1, $2, $3)
		ON CONFLICT (owner_id, name) DO UPDATE SET value = excluded.value`, owner, name, value)
	return err
}
