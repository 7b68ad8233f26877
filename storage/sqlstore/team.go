package sqlstore

import (
	"context"
	"fmt"
)

// OrganizedIn implements [storage.TeamReader].
func (q queries) OrganizedIn(ctx context.Context, organizer int64, uid string) (int64, error) {
	var home int64
	if !storable(uid) {
		return 0, nil
	}
	err := q.query(ctx, func(r scanner) error { return r.Scan(&home) },
		`SELECT home_id FROM organized WHERE owner_id = $1 AND uid = $2`, organizer, uid)
	if err != nil {
		return 0, fmt.Errorf("organized by %d: %w", organizer, err)
	}
	return home, nil
}

// SetOrganized implements [storage.TeamTx].
func (tx *Tx) SetOrganized(ctx context.Context, organizer int64, uid string, home int64) error {
	if err := tx.mustLock(organizer); err != nil {
		return err
	}
	if home == 0 {
		return tx.write(ctx, `DELETE FROM organized WHERE owner_id = $1 AND uid = $2`, organizer, uid)
	}
	return tx.write(ctx, `INSERT INTO organized (owner_id, uid, home_id) VALUES ($1, $2, $3)
		ON CONFLICT (owner_id, uid) DO UPDATE SET home_id = excluded.home_id`, organizer, uid, home)
}
