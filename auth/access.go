package auth

import (
	"context"

	"kalends/storage"
)

// Anonymous is who sends a request without a name: it holds nothing but what was granted to everybody.
var Anonymous = &storage.Principal{ID: storage.Everybody, Kind: storage.Person}

// Grants finds out what was granted to somebody in a home, through groups as well. storage.Reader does.
type Grants interface {
	GrantsFor(ctx context.Context, owner, who int64) ([]storage.Grant, error)
}

// Access answers what somebody may do in one home. It is made once for a request and home, and is the one place where the
// answer comes from: the part they have in it ([Privileges]), and beyond it what the owner granted.
type Access struct {
	Who, Owner *storage.Principal
	grants     []storage.Grant

	// Of somebody who comes through the home in which a calendar of the owner's is shared: what its sharee may do in the owner's, and the
	// asker in the sharee's; nil for the sharee themselves.
	sharee, through *Access
}

// Enter returns what who (nil for nobody) may do in the owner's home. Of people in their own home nothing is read.
func Enter(ctx context.Context, g Grants, who, owner *storage.Principal) (*Access, error) {
	if who == nil {
		who = Anonymous
	}
	a := &Access{Who: who, Owner: owner}
	if who.ID == owner.ID {
		return a, nil
	}
	var err error
	a.grants, err = g.GrantsFor(ctx, owner.ID, who.ID)
	return a, err
}

// EnterShared returns what who may do in the owner's home when they come through the home of somebody with whom calendars there are shared.
// The sharee may do what they may anyway; who may work in the sharee's home has as much of that as they have there.
func EnterShared(ctx context.Context, g Grants, who, sharee, owner *storage.Principal) (*Access, error) {
	a, err := Enter(ctx, g, who, owner)
	if err != nil || a.Who.ID == sharee.ID || a.Own() {
		return a, err
	}
	if a.sharee, err = Enter(ctx, g, sharee, owner); err != nil {
		return nil, err
	}
	a.through, err = Enter(ctx, g, who, sharee)
	return a, err
}

// EnterAll is [EnterShared] for the homes of several owners at once, by owner. Without a sharee's home in between, sharee is who.
func EnterAll(ctx context.Context, g interface {
	Grants
	GrantsAmong(ctx context.Context, owners []int64, who int64) ([]storage.Grant, error)
}, who, sharee *storage.Principal, owners []*storage.Principal) (map[int64]*Access, error) {
	if who == nil {
		who = Anonymous
	}
	ids := make([]int64, len(owners))
	for i, o := range owners {
		ids[i] = o.ID
	}
	enter := func(who *storage.Principal) (map[int64]*Access, error) {
		all := make(map[int64]*Access, len(owners))
		for _, o := range owners {
			all[o.ID] = &Access{Who: who, Owner: o}
		}
		grants, err := g.GrantsAmong(ctx, ids, who.ID)
		for _, x := range grants {
			if a := all[x.Owner]; a != nil && x.Owner != who.ID {
				a.grants = append(a.grants, x)
			}
		}
		return all, err
	}
	all, err := enter(who)
	if err != nil || who.ID == sharee.ID {
		return all, err
	}
	theirs, err := enter(sharee)
	if err != nil {
		return nil, err
	}
	through, err := Enter(ctx, g, who, sharee)
	if err != nil {
		return nil, err
	}
	for id, a := range all {
		if !a.Own() {
			a.sharee, a.through = theirs[id], through
		}
	}
	return all, nil
}

// Home returns what may be done in the home itself. Who may read some calendar in it may look at the home, and
// sees there what they may.
func (a *Access) Home() Set {
	s := Privileges(a.Who, a.Owner, "")
	for _, g := range a.grants {
		p := Privilege(g.Privileges)
		if g.Calendar != storage.HomeProps {
			p &= Read
			if !p.Has(Read) {
				continue
			}
		}
		s |= p&Supported("").Privilege | ReadCurrentUserPrivilegeSet
	}
	return s
}

// To returns what may be done in a collection of the home and with what is in it; nil is the home itself.
func (a *Access) To(c *storage.Calendar) Set {
	if c == nil {
		return a.Home()
	}
	s := Privileges(a.Who, a.Owner, c.Kind)
	if c.Kind == storage.CalendarKind && c.Transparent && s == strangers(c.Kind) {
		// What its owner does not count as busy is nobody's business (RFC 6638 section 9.1).
		s = 0
	}
	for _, g := range a.grants {
		if g.Calendar == c.ID || g.Calendar == storage.HomeProps && Inherits(c.Kind) {
			s |= Privilege(g.Privileges) & Supported(c.Kind).Privilege
		}
	}
	if a.sharee != nil && c.Kind == storage.CalendarKind {
		s |= a.sharee.To(c) & a.through.To(&storage.Calendar{Owner: a.through.Owner.ID, Kind: c.Kind, Transparent: true})
	}
	if c.Subscribed {
		s &^= WriteContent | Bind | Unbind // only what it is filled from writes to it
	}
	if s != 0 {
		s |= ReadCurrentUserPrivilegeSet
	}
	return s
}

// Sees reports whether the collection is there at all for whose access it is.
func (a *Access) Sees(c *storage.Calendar) bool { return a.To(c)&^ReadCurrentUserPrivilegeSet != 0 }

// Own reports whether the home is the asker's.
func (a *Access) Own() bool { return a.Who.ID == a.Owner.ID }

// Inherits reports whether collections of a kind take over what is granted in their home. Inbox and outbox do not: who may see a
// home's calendars does not thereby read invitations, nor send in the owner's name.
func Inherits(kind storage.CollectionKind) bool { return kind == storage.CalendarKind }
