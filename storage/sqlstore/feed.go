package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"kalends/storage"
)

const feedColumns = `owner_id, calendar_id, created, busy, hash, label`

func scanFeed(r scanner, f *storage.Feed) error {
	var created int64
	err := r.Scan(&f.Owner, &f.Calendar, &created, &f.Busy, &f.Hash, &f.Label)
	f.Created = instant(created)
	return err
}

func (q queries) feeds(ctx context.Context, where string, args ...any) ([]*storage.Feed, error) {
	var list []*storage.Feed
	err := q.query(ctx, func(r scanner) error {
		f := &storage.Feed{}
		list = append(list, f)
		return scanFeed(r, f)
	}, `SELECT `+feedColumns+` FROM feeds `+where, args...)
	return list, err
}

// FeedByHash implements [storage.FeedReader].
func (q queries) FeedByHash(ctx context.Context, hash string) (*storage.Feed, error) {
	var list []*storage.Feed
	var err error
	if storable(hash) {
		list, err = q.feeds(ctx, `WHERE hash = $1`, hash)
	}
	if err == nil && len(list) == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("feed: %w", err)
	}
	return list[0], nil
}

// Feeds implements [storage.FeedReader].
func (q queries) Feeds(ctx context.Context, owner, calendar int64) ([]*storage.Feed, error) {
	list, err := q.feeds(ctx, `WHERE owner_id = $1 ORDER BY created, hash`, owner)
	if err != nil {
		return nil, fmt.Errorf("feeds of %d: %w", owner, err)
	}
	return slices.DeleteFunc(list, func(f *storage.Feed) bool { return calendar != 0 && f.Calendar != calendar }), nil
}

const subscriptionColumns = `owner_id, calendar_id, every, created, checked, fetched, due_at, claim, failures, url, etag,
		last_modified, digest, last_error`

func scanSubscription(r scanner, s *storage.Subscription) error {
	var every, created, checked, fetched, due, failures int64
	err := r.Scan(&s.Owner, &s.Calendar, &every, &created, &checked, &fetched, &due, &s.Claim, &failures, &s.URL, &s.ETag,
		&s.LastModified, &s.Digest, &s.LastError)
	s.Every, s.Failures = time.Duration(every)*time.Microsecond, int(failures)
	s.Created, s.Checked, s.Fetched, s.DueAt = instant(created), instant(checked), instant(fetched), instant(due)
	return err
}

func (q queries) subscriptions(ctx context.Context, where string, args ...any) ([]*storage.Subscription, error) {
	var list []*storage.Subscription
	err := q.query(ctx, func(r scanner) error {
		s := &storage.Subscription{}
		list = append(list, s)
		return scanSubscription(r, s)
	}, `SELECT `+subscriptionColumns+` FROM subscriptions `+where, args...)
	return list, err
}

// Subscription implements [storage.FeedReader].
func (q queries) Subscription(ctx context.Context, owner, calendar int64) (*storage.Subscription, error) {
	list, err := q.subscriptions(ctx, `WHERE owner_id = $1 AND calendar_id = $2`, owner, calendar)
	if err == nil && len(list) == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("subscription %d/%d: %w", owner, calendar, err)
	}
	return list[0], nil
}

// Subscriptions implements [storage.FeedReader].
func (q queries) Subscriptions(ctx context.Context, owner int64) ([]*storage.Subscription, error) {
	where, args := `ORDER BY created, owner_id, calendar_id`, []any(nil)
	if owner != 0 {
		where, args = `WHERE owner_id = $1 `+where, []any{owner}
	}
	list, err := q.subscriptions(ctx, where, args...)
	if err != nil {
		return nil, fmt.Errorf("subscriptions: %w", err)
	}
	return list, nil
}

// ObjectsByUIDs implements [storage.FeedReader].
func (q queries) ObjectsByUIDs(ctx context.Context, owner int64, uids []string) ([]*storage.Object, error) {
	if uids = storables(uids); len(uids) == 0 {
		return nil, nil
	}
	list, err := q.objects(ctx, false, 0, `SELECT `+objectColumns+` FROM objects WHERE owner_id = $1 AND uid = ANY($2)`, owner, uids)
	if err != nil {
		return nil, fmt.Errorf("objects by %d UIDs: %w", len(uids), err)
	}
	return list, nil
}

// PutFeed implements [storage.FeedTx].
func (tx *Tx) PutFeed(ctx context.Context, f *storage.Feed) error {
	if err := tx.mustLock(f.Owner); err != nil {
		return err
	}
	args := []any{f.Owner, f.Calendar, micros(f.Created), f.Busy, f.Hash, f.Label}
	if err := checkText(args); err != nil {
		return fmt.Errorf("feed: %w", err)
	}
	var n int64
	err := tx.run(ctx, stmt{sql: `INSERT INTO feeds (` + feedColumns + `) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (hash) DO UPDATE SET calendar_id = excluded.calendar_id, busy = excluded.busy, label = excluded.label
		WHERE feeds.owner_id = excluded.owner_id`, args: args, done: func(rows int64) { n = rows }})
	if err == nil && n == 0 {
		err = storage.ErrConflict
	}
	if err != nil {
		return fmt.Errorf("feed: %w", err)
	}
	return nil
}

// DeleteFeed implements [storage.FeedTx].
func (tx *Tx) DeleteFeed(ctx context.Context, owner int64, hash string) error {
	if err := tx.mustLock(owner); err != nil {
		return err
	}
	var n int64
	args := []any{owner, hash}
	err := checkText(args)
	if err == nil {
		err = tx.run(ctx, stmt{sql: `DELETE FROM feeds WHERE owner_id = $1 AND hash = $2`, args: args, done: func(rows int64) { n = rows }})
	}
	if err == nil && n == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("feed: %w", err)
	}
	return nil
}

// PutSubscription implements [storage.FeedTx].
func (tx *Tx) PutSubscription(ctx context.Context, s *storage.Subscription) error {
	if err := tx.mustLock(s.Owner); err != nil {
		return err
	}
	return tx.write(ctx, `INSERT INTO subscriptions (owner_id, calendar_id, every, created, checked, fetched, due_at, failures, url, etag,
			last_modified, digest, last_error, wake_at, claim)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $7, 0)
		ON CONFLICT (owner_id, calendar_id) DO UPDATE SET every = excluded.every, created = excluded.created, checked = excluded.checked,
			fetched = excluded.fetched, due_at = excluded.due_at, wake_at = excluded.wake_at, failures = excluded.failures,
			url = excluded.url, etag = excluded.etag, last_modified = excluded.last_modified, digest = excluded.digest,
			last_error = excluded.last_error, claim = subscriptions.claim + 1`,
		s.Owner, s.Calendar, s.Every.Microseconds(), micros(s.Created), micros(s.Checked), micros(s.Fetched), micros(s.DueAt),
		int64(s.Failures), s.URL, s.ETag, s.LastModified, s.Digest, s.LastError)
}

const claimSubscriptions = `WITH picked AS MATERIALIZED (
		SELECT owner_id, calendar_id FROM subscriptions WHERE wake_at > 0 AND wake_at <= $1
		ORDER BY wake_at LIMIT $2 FOR UPDATE SKIP LOCKED)
	UPDATE subscriptions SET wake_at = $3, claim = subscriptions.claim + 1
	FROM picked WHERE subscriptions.owner_id = picked.owner_id AND subscriptions.calendar_id = picked.calendar_id
	RETURNING subscriptions.owner_id, subscriptions.calendar_id, subscriptions.every, subscriptions.created, subscriptions.checked,
		subscriptions.fetched, subscriptions.due_at, subscriptions.claim, subscriptions.failures, subscriptions.url,
		subscriptions.etag, subscriptions.last_modified, subscriptions.digest, subscriptions.last_error`

// ClaimSubscriptions implements [storage.FeedQueue].
func (s *Store) ClaimSubscriptions(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]*storage.Subscription, error) {
	var list []*storage.Subscription
	err := s.writeOne(ctx, stmt{sql: claimSubscriptions, args: []any{micros(now), int64(limit), micros(now.Add(lease))},
		row: func(r scanner) error {
			sub := &storage.Subscription{}
			list = append(list, sub)
			return scanSubscription(r, sub)
		}})
	if err != nil {
		return nil, fmt.Errorf("claim subscriptions: %w", err)
	}
	slices.SortFunc(list, func(a, b *storage.Subscription) int { return a.DueAt.Compare(b.DueAt) })
	return list, nil
}

// FinishSubscription implements [storage.FeedQueue].
func (s *Store) FinishSubscription(ctx context.Context, sub *storage.Subscription) error {
	lastError := strings.ToValidUTF8(strings.ReplaceAll(sub.LastError, "\x00", ""), "\uFFFD")
	args := []any{sub.Owner, sub.Calendar, sub.Claim, micros(sub.Checked), micros(sub.Fetched), micros(sub.DueAt), int64(sub.Failures),
		sub.ETag, sub.LastModified, sub.Digest, lastError}
	err := checkText(args)
	var n int64
	if err == nil {
		err = s.writeOne(ctx, stmt{sql: `UPDATE subscriptions SET checked = $4, fetched = $5, due_at = $6, wake_at = $6, failures = $7,
				etag = $8, last_modified = $9, digest = $10, last_error = $11
			WHERE owner_id = $1 AND calendar_id = $2 AND claim = $3`, args: args, done: func(rows int64) { n = rows }})
	}
	if err == nil && n == 0 {
		err = storage.ErrConflict
	}
	if err != nil {
		return fmt.Errorf("finish subscription %d/%d: %w", sub.Owner, sub.Calendar, err)
	}
	return nil
}

// NextSubscription implements [storage.FeedQueue].
func (s *Store) NextSubscription(ctx context.Context) (time.Time, error) {
	return s.nextWake(ctx, "subscriptions", `SELECT wake_at FROM subscriptions WHERE wake_at > 0 ORDER BY wake_at LIMIT 1`)
}
