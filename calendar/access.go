package calendar

import (
	"context"
	"fmt"
	"slices"

	"kalends/auth"
	"kalends/storage"
)

// allow checks privileges of who on a collection of the target's owner, or with c nil on the home (RFC 3744). A collection of
// which one may know nothing is not there. In one's own home nothing is read.
func allow(ctx context.Context, r auth.Grants, who *storage.Principal, t Target, c *storage.Calendar, need auth.Privilege) error {
	a, err := t.reenter(ctx, r, who)
	if err != nil {
		return err
	}
	return t.allowed(a, c, need)
}

// reenter is enter that asks anew, whatever the target knows: under a lock.
func (t Target) reenter(ctx context.Context, r auth.Grants, who *storage.Principal) (*auth.Access, error) {
	t.Access = nil
	return t.enter(ctx, r, who)
}

// enter returns what who may do in the target's home.
func (t Target) enter(ctx context.Context, r auth.Grants, who *storage.Principal) (*auth.Access, error) {
	if a := t.Access; a != nil && who != nil && a.Who.ID == who.ID && a.Owner.ID == t.Owner.ID {
		return a, nil
	}
	var a *auth.Access
	var err error
	if t.Sharee != nil {
		a, err = auth.EnterShared(ctx, r, who, t.Sharee, t.Owner)
	} else {
		a, err = auth.Enter(ctx, r, who, t.Owner)
	}
	if err != nil {
		return nil, fmt.Errorf("access to %d: %w", t.Owner.ID, err)
	}
	return a, nil
}

// allowed is allow for an Access that is known.
func (t Target) allowed(a *auth.Access, c *storage.Calendar, need auth.Privilege) error {
	have := a.To(c)
	if have.Has(need) {
		return nil
	}
	if c != nil && !a.Sees(c) && (c.Kind != storage.OutboxKind || t.Name != "") {
		return Errorf(NotFound, "there is no calendar %q", t.path().Slug) // as where there is none; everybody has an outbox
	}
	p := t.path()
	switch {
	case c == nil:
		p.Slug, p.Name = "", ""
	case need&(auth.Bind|auth.Unbind) != 0: // of the collection that loses or gets a member (RFC 3744 sections 3.9 and 3.10)
		p.Name = ""
	}
	if c != nil && c.Subscribed && need&(auth.WriteContent|auth.Bind|auth.Unbind) != 0 {
		return &Error{Kind: Forbidden, Msg: "this calendar shows a feed from elsewhere: it can only be read", Path: p, Need: need}
	}
	return &Error{Kind: Forbidden, Msg: "you have no privilege for this here", Path: p, Need: need}
}

// early refuses who is not the owner before a lock is taken in the owner's home: strangers cannot hold it up. What
// counts is asked again under the lock.
func (s *Service) early(ctx context.Context, who *storage.Principal, t Target, inHome bool, need auth.Privilege) error {
	if who != nil && who.ID == t.Owner.ID {
		return nil
	}
	var c *storage.Calendar
	if !inHome {
		var err error
		if c, err = collection(ctx, s.Store, t); err != nil {
			return err
		}
	}
	return allow(ctx, s.Store, who, t, c, need)
}

// Access returns what who may do in the owner's home.
func (s *Service) Access(ctx context.Context, who, owner *storage.Principal) (*auth.Access, error) {
	return Target{Owner: owner}.enter(ctx, s.Store, who)
}

// AccessTo is Access for what a target names, which may be in the home of somebody with whom it is shared.
func (s *Service) AccessTo(ctx context.Context, who *storage.Principal, t Target) (*auth.Access, error) {
	return t.reenter(ctx, s.Store, who)
}

// MaxGrants bounds the grants of one collection.
const MaxGrants = 200

// Grants returns everything that is granted in a home to whoever asks with DAV:read-acl on the target.
func (s *Service) Grants(ctx context.Context, who *storage.Principal, t Target) ([]storage.Grant, error) {
	c, err := s.homeOrCollection(ctx, s.Store, t)
	if err != nil {
		return nil, err
	}
	if err := allow(ctx, s.Store, who, t, c, auth.ReadACL); err != nil {
		return nil, err
	}
	return s.Store.Grants(ctx, t.Owner.ID)
}

// SetGrants makes what is granted in a collection, or with an empty Slug in the home, exactly this: grantee by grantee
// (RFC 3744 section 8.1). Several for one grantee are put together; those that grant nothing are left out.
func (s *Service) SetGrants(ctx context.Context, who *storage.Principal, t Target, list []storage.Grant) error {
	t.Name = ""
	byGrantee := map[int64]uint32{}
	for _, g := range list {
		if g.Privileges != 0 && g.Grantee != t.Owner.ID {
			byGrantee[g.Grantee] |= g.Privileges
		}
	}
	if len(byGrantee) > MaxGrants {
		return Errorf(BadRequest, "at most %d can be granted something here; make a group", MaxGrants)
	}
	merged := make([]storage.Grant, 0, len(byGrantee))
	for id, p := range byGrantee {
		merged = append(merged, storage.Grant{Grantee: id, Privileges: p})
	}
	slices.SortFunc(merged, func(a, b storage.Grant) int { return int(a.Grantee - b.Grantee) })
	if err := s.early(ctx, who, t, t.Slug == "", auth.WriteACL); err != nil {
		return err
	}
	return s.update(ctx, t.Owner.ID, &people{}, func(u *unit) error {
		c, err := s.homeOrCollection(ctx, u.tx, t)
		if err != nil {
			return err
		}
		if err := allow(ctx, u.tx, who, t, c, auth.WriteACL); err != nil {
			return err
		}
		id, kind := storage.HomeProps, storage.CollectionKind("")
		if c != nil {
			id, kind = c.ID, c.Kind
		}
		for i := range merged {
			merged[i].Privileges &= uint32(auth.Supported(kind).Privilege)
		}
		if err := u.tx.SetGrants(ctx, t.Owner.ID, id, merged); err != nil {
			return fmt.Errorf("set grants: %w", err)
		}
		return nil
	})
}

// homeOrCollection reads the target's collection; nil for the home.
func (s *Service) homeOrCollection(ctx context.Context, r storage.Reader, t Target) (*storage.Calendar, error) {
	if t.Slug == "" {
		return nil, nil
	}
	return collection(ctx, r, t)
}

// SharedWith lists the calendars of others that somebody may read because it was granted to them or to a group of theirs: those
// that were shared by an invitation, and accepted, as they have them in their home.
func (s *Service) SharedWith(ctx context.Context, who *storage.Principal) ([]SharedCalendar, error) {
	var list []SharedCalendar
	err := s.Store.View(ctx, func(r storage.Reader) error {
		list = nil
		grants, err := r.GrantsTo(ctx, who.ID)
		if err != nil {
			return err
		}
		var ids []int64
		granted := map[storage.Ref]bool{}
		for _, g := range grants {
			granted[storage.Ref{Owner: g.Owner, ID: g.Calendar}] = true
			if g.Owner != who.ID && (len(ids) == 0 || ids[len(ids)-1] != g.Owner) { // they come by owner
				ids = append(ids, g.Owner)
			}
		}
		owners, err := r.PrincipalsByID(ctx, ids)
		if err != nil {
			return err
		}
		homes, err := r.HomeCalendars(ctx, ids)
		if err != nil {
			return err
		}
		access, err := auth.EnterAll(ctx, r, who, who, owners)
		if err != nil {
			return err
		}
		invited := map[storage.Ref]*storage.Share{}
		if slices.ContainsFunc(grants, func(g storage.Grant) bool { return g.Shared }) {
			shares, err := r.Shared(ctx, who.ID)
			if err != nil {
				return err
			}
			for _, sh := range shares {
				if sh.State == storage.ShareAccepted {
					invited[storage.Ref{Owner: sh.Owner, ID: sh.Calendar}] = sh
				}
			}
		}
		var mine []storage.Property
		if acted := slices.DeleteFunc(slices.Clone(ids), func(id int64) bool {
			return !slices.ContainsFunc(owners, func(o *storage.Principal) bool { return o.ID == id && actsFor(who, o) })
		}); len(acted) > 0 {
			if mine, err = r.OwnProperties(ctx, who.ID, acted); err != nil {
				return err
			}
		}
		for _, o := range owners {
			a := access[o.ID]
			if err := s.CountOwn(ctx, r, who, o, homes[o.ID]...); err != nil {
				return err
			}
			for _, c := range homes[o.ID] {
				byName := granted[c.Ref()] || granted[storage.Ref{Owner: o.ID}] // not because everybody may
				if c.Kind != storage.CalendarKind || !byName || !a.To(c).Has(auth.Read) {
					continue
				}
				shared := SharedCalendar{o, c, a, invited[c.Ref()]}
				if shared.Share != nil {
					shared.Calendar = Shown(shared.Share, c)
				} else if len(mine) > 0 && actsFor(who, o) {
					shared.Calendar = seenAs(c, mine)
				}
				list = append(list, shared)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("shared with %d: %w", who.ID, err)
	}
	return list, nil
}
