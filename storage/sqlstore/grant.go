package sqlstore

import (
	"context"
	"fmt"

	"kalends/storage"
)

// above yields a principal and the groups that it is in, directly or through others. The depth ends circles.
const above = `WITH RECURSIVE above (id, depth) AS (
		SELECT CAST($1 AS BIGINT), 0
		UNION SELECT m.group_id, a.depth + 1 FROM above a JOIN members m ON m.member_id = a.id WHERE a.depth < $2) `

// below yields a group and who is in it.
const below = `WITH RECURSIVE below (id, depth) AS (
		SELECT CAST($1 AS BIGINT), 0
		UNION SELECT m.member_id, b.depth + 1 FROM below b JOIN members m ON m.group_id = b.id WHERE b.depth < $2) `

const grantColumns = `g.owner_id, g.calendar_id, g.grantee_id, g.privileges`

// sharesGrant are the grants that come from shares: of those that were accepted. Members of a group have theirs from the group's.
const sharesGrant = ` UNION ALL SELECT s.owner_id, s.calendar_id, s.sharee_id, s.privileges, true FROM shares s
		WHERE s.state = 'accepted' AND s.via_id = 0 AND `

func scanGrant(r scanner, g *storage.Grant) error {
	var privileges int64
	err := r.Scan(&g.Owner, &g.Calendar, &g.Grantee, &privileges, &g.Shared)
	g.Privileges = uint32(privileges)
	return err
}

// Grants implements [storage.GrantReader].
func (q queries) Grants(ctx context.Context, owner int64) ([]storage.Grant, error) {
	var list []storage.Grant
	err := q.query(ctx, collect(&list, scanGrant),
		`SELECT `+grantColumns+`, false FROM grants g WHERE g.owner_id = $1`+sharesGrant+`s.owner_id = $1 ORDER BY 2, 3, 5`, owner)
	if err != nil {
		return nil, fmt.Errorf("grants of %d: %w", owner, err)
	}
	return list, nil
}

// GrantsFor implements [storage.GrantReader].
func (q queries) GrantsFor(ctx context.Context, owner, who int64) ([]storage.Grant, error) {
	return q.grantsFor(ctx, `= $3`, owner, who)
}

// GrantsAmong implements [storage.GrantReader].
func (q queries) GrantsAmong(ctx context.Context, owners []int64, who int64) ([]storage.Grant, error) {
	if len(owners) == 0 {
		return nil, nil
	}
	return q.grantsFor(ctx, `= ANY($3)`, owners, who)
}

func (q queries) grantsFor(ctx context.Context, in string, owners any, who int64) ([]storage.Grant, error) {
	var list []storage.Grant
	err := q.query(ctx, func(r scanner) error {
		var g storage.Grant
		if err := scanGrant(r, &g); err != nil {
			return err
		}
		if who > 0 || g.Grantee == who {
			list = append(list, g)
		}
		return nil
	}, above+`SELECT `+grantColumns+`, false FROM grants g
		WHERE g.owner_id `+in+` AND (g.grantee_id <= 0 OR g.grantee_id IN (SELECT id FROM above))`+
		sharesGrant+`s.owner_id `+in+` AND s.sharee_id IN (SELECT id FROM above) ORDER BY 1, 2, 3, 5`,
		who, int64(storage.MaxNesting), owners)
	if err != nil {
		return nil, fmt.Errorf("grants of %v for %d: %w", owners, who, err)
	}
	return list, nil
}

// GrantsTo implements [storage.GrantReader].
func (q queries) GrantsTo(ctx context.Context, who int64) ([]storage.Grant, error) {
	var list []storage.Grant
	err := q.query(ctx, collect(&list, scanGrant), above+`SELECT `+grantColumns+`, false FROM granted g
		WHERE g.grantee_id IN (SELECT id FROM above) UNION ALL SELECT s.sharer_id, s.calendar_id, s.owner_id, s.privileges, true FROM shared s
		WHERE s.owner_id IN (SELECT id FROM above) AND s.state = 'accepted' AND s.via_id = 0 ORDER BY 1, 2, 3, 5`, who, int64(storage.MaxNesting))
	if err != nil {
		return nil, fmt.Errorf("grants to %d: %w", who, err)
	}
	return list, nil
}

// Administrators implements [storage.GrantReader].
func (q queries) Administrators(ctx context.Context) ([]*storage.Principal, error) {
	var list []*storage.Principal
	err := q.query(ctx, func(r scanner) error {
		p := &storage.Principal{}
		list = append(list, p)
		return scanPrincipal(r, p)
	}, `SELECT `+principalColumns+principalFrom+`WHERE p.admin ORDER BY p.name`)
	if err != nil {
		return nil, fmt.Errorf("administrators: %w", err)
	}
	return list, nil
}

// AllGroupsOf implements [storage.GrantReader].
func (q queries) AllGroupsOf(ctx context.Context, principal int64) ([]int64, error) {
	var list []int64
	err := q.query(ctx, collect(&list, scanOne[int64]),
		above+`SELECT DISTINCT id FROM above WHERE depth > 0 ORDER BY id`, principal, int64(storage.MaxNesting))
	if err != nil {
		return nil, fmt.Errorf("groups of %d: %w", principal, err)
	}
	return list, nil
}

// AllMembersOf implements [storage.GrantReader].
func (q queries) AllMembersOf(ctx context.Context, group int64, limit int) ([]int64, error) {
	var list []int64
	err := q.query(ctx, collect(&list, scanOne[int64]),
		below+`SELECT DISTINCT id FROM below WHERE depth > 0 ORDER BY id LIMIT $3`, group, int64(storage.MaxNesting), limitOr(limit))
	if err != nil {
		return nil, fmt.Errorf("members of %d: %w", group, err)
	}
	return list, nil
}

// SetGrants implements [storage.GrantTx].
func (tx *Tx) SetGrants(ctx context.Context, owner, calendar int64, list []storage.Grant) error {
	if err := tx.mustLock(owner); err != nil {
		return err
	}
	for _, t := range grantTables {
		if err := tx.write(ctx, `DELETE FROM `+t+` WHERE owner_id = $1 AND calendar_id = $2`, owner, calendar); err != nil {
			return err
		}
	}
	for _, g := range list {
		for _, t := range grantTables {
			err := tx.write(ctx, `INSERT INTO `+t+` (owner_id, calendar_id, grantee_id, privileges) VALUES ($1, $2, $3, $4)`,
				owner, calendar, g.Grantee, int64(g.Privileges))
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// grantTables hold the same rows under two keys: what two sides must find is stored on both.
var grantTables = []string{"grants", "granted"}
