package sqlstore

import (
	"context"
	"fmt"

	"kalends/storage"
)

// Delegates implements [storage.SchedulingReader].
func (q queries) Delegates(ctx context.Context, principal int64) ([]storage.Delegate, error) {
	var list []storage.Delegate
	err := q.query(ctx, func(r scanner) error {
		var d storage.Delegate
		err := r.Scan(&d.ID, &d.Write)
		list = append(list, d)
		return err
	}, `SELECT delegate_id, may_write FROM delegates WHERE principal_id = $1 ORDER BY delegate_id`, principal)
	if err != nil {
		return nil, fmt.Errorf("delegates of %d: %w", principal, err)
	}
	return list, nil
}

// PrincipalsByID implements [storage.SchedulingReader].
func (q queries) PrincipalsByID(ctx context.Context, ids []int64) ([]*storage.Principal, error) {
	var list []*storage.Principal
	if len(ids) == 0 {
		return nil, nil
	}
	err := q.query(ctx, func(r scanner) error {
		p := &storage.Principal{}
		list = append(list, p)
		return scanPrincipal(r, p)
	}, `SELECT `+principalColumns+principalFrom+`WHERE p.id = ANY($1) ORDER BY p.name`, ids)
	if err != nil {
		return nil, fmt.Errorf("principals by id: %w", err)
	}
	return list, nil
}

// GroupMembers implements [storage.SchedulingReader].
func (q queries) GroupMembers(ctx context.Context, group int64) ([]storage.Member, error) {
	var list []storage.Member
	err := q.query(ctx, func(r scanner) error {
		m := storage.Member{Principal: &storage.Principal{}}
		err := scanPrincipal(r, m.Principal, &m.Address)
		list = append(list, m)
		return err
	}, `SELECT coalesce(a.address, ''), `+principalColumns+` FROM members m JOIN principals p ON p.id = m.member_id
		LEFT JOIN addresses a ON a.principal_id = p.id AND a.position = 0
		WHERE m.group_id = $1 ORDER BY p.name`, group)
	if err != nil {
		return nil, fmt.Errorf("members of %d: %w", group, err)
	}
	return list, nil
}

// GroupMeetings implements [storage.SchedulingReader].
func (q queries) GroupMeetings(ctx context.Context, group int64) ([]storage.GroupMeeting, error) {
	var list []storage.GroupMeeting
	err := q.query(ctx, func(r scanner) error {
		var m storage.GroupMeeting
		err := r.Scan(&m.Owner, &m.Object)
		list = append(list, m)
		return err
	}, `SELECT owner_id, object_id FROM group_meetings WHERE group_id = $1 ORDER BY owner_id, object_id`, group)
	if err != nil {
		return nil, fmt.Errorf("meetings of group %d: %w", group, err)
	}
	return list, nil
}

// SetDelegates implements [storage.SchedulingTx].
func (tx *Tx) SetDelegates(ctx context.Context, principal int64, list []storage.Delegate) error {
	if err := tx.write(ctx, `DELETE FROM delegates WHERE principal_id = $1`, principal); err != nil {
		return err
	}
	for _, d := range list {
		err := tx.write(ctx, `INSERT INTO delegates (principal_id, delegate_id, may_write) VALUES ($1, $2, $3)
			ON CONFLICT (principal_id, delegate_id) DO UPDATE SET may_write = excluded.may_write`, principal, d.ID, d.Write)
		if err != nil {
			return err
		}
	}
	return nil
}

// SetGroups implements [storage.SchedulingTx].
func (tx *Tx) SetGroups(ctx context.Context, owner, object int64, groups []int64) error {
	if err := tx.mustLock(owner); err != nil {
		return err
	}
	if err := tx.write(ctx, `DELETE FROM group_meetings WHERE owner_id = $1 AND object_id = $2`, owner, object); err != nil {
		return err
	}
	for _, g := range groups {
		err := tx.write(ctx, `INSERT INTO group_meetings (owner_id, object_id, group_id) VALUES ($1, $2, $3)
			ON CONFLICT (owner_id, object_id, group_id) DO NOTHING`, owner, object, g)
		if err != nil {
			return err
		}
	}
	return nil
}
