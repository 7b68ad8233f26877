package storage

import "context"

// Grant is what an owner lets somebody do in one collection, or in the whole home.
type Grant struct {
	Owner    int64
	Calendar int64 // 0: the home, and every calendar in it
	Grantee  int64 // a principal, or Authenticated, or Everybody
	// Privileges are the bits of auth.Privilege.
	Privileges uint32
	Shared     bool // it comes from a Share; SetGrants does not touch it
}

// Grantees that are no principals.
const (
	Authenticated int64 = 0  // whoever has an account
	Everybody     int64 = -1 // those who have none as well
)

// MaxNesting bounds how deep groups in groups are looked into.
const MaxNesting = 8

// GrantReader reads what access control asks for. Groups in groups count, down to MaxNesting.
type GrantReader interface {
	// Grants returns all grants in a home, ordered by (calendar, grantee).
	Grants(ctx context.Context, owner int64) ([]Grant, error)
	// GrantsFor returns those that who has in a home: their own, those of groups that they are in, those of Authenticated
	// and of Everybody. With Everybody as who it is the last only.
	GrantsFor(ctx context.Context, owner, who int64) ([]Grant, error)
	// GrantsAmong is GrantsFor in several homes, ordered by (owner, calendar, grantee).
	GrantsAmong(ctx context.Context, owners []int64, who int64) ([]Grant, error)
	// GrantsTo returns what was granted to who by name or through a group, in all homes, ordered by (owner, calendar, grantee).
	GrantsTo(ctx context.Context, who int64) ([]Grant, error)
	// Administrators returns the people who look after the site, by name.
	Administrators(ctx context.Context) ([]*Principal, error)
	// AllGroupsOf returns the ids of the groups that a principal is in, directly or through others, ascending.
	AllGroupsOf(ctx context.Context, principal int64) ([]int64, error)
	// AllMembersOf returns the ids of those who are in a group, directly or through others, ascending: at most limit.
	AllMembersOf(ctx context.Context, group int64, limit int) ([]int64, error)
}

// GrantTx changes what is granted.
type GrantTx interface {
	// SetGrants makes the grants of one collection of the owner (0: of the home itself) exactly these, each with a
	// grantee of its own. Owner and Calendar of the list's are not read. The home must be locked.
	SetGrants(ctx context.Context, owner, calendar int64, list []Grant) error
}
