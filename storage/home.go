package storage

import "context"

// HomeReader reads what concerns whole homes, and much or little at once.
type HomeReader interface {
	// Home returns an owner's home. ErrNotFound.
	Home(ctx context.Context, owner int64) (*Home, error)
	// AddressesOf is Addresses for many principals, keyed by principal.
	AddressesOf(ctx context.Context, principals []int64) (map[int64][]string, error)
	// ObjectIn returns the collection of that slug and the object of that name in it, with its text; nil where there is no
	// such object. ErrNotFound for the collection.
	ObjectIn(ctx context.Context, owner int64, slug, name string) (*Calendar, *Object, error)
	// ObjectsAfter returns the objects of a collection in the order of names: those after a name, at most limit.
	ObjectsAfter(ctx context.Context, cal Ref, fields Fields, after string, limit int) ([]*Object, error)
	// CountProperties returns how many dead properties a resource has; object is 0 for the collection itself.
	CountProperties(ctx context.Context, owner, calendar, object int64) (int, error)
}

// Home is what an owner's collections are in. The collections that were removed from it are Changes of the Ref with the ID 0.
type Home struct {
	Owner int64
	Seq   int64 // the counter: nothing in the home has changed since with a greater one
	Floor int64 // removals of collections up to here may have lost their tombstones
}

// HomeRef is where the tombstones of a home's collections are.
func HomeRef(owner int64) Ref { return Ref{Owner: owner, ID: HomeProps} }
