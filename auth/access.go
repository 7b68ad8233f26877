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
