package calendar

import (
	"context"
	"fmt"
	"slices"

	"kalends/auth"
	"kalends/storage"
)

// Collection returns a collection in which who may do anything at all.
func (s *Service) Collection(ctx context.Context, who *storage.Principal, t Target) (*storage.Calendar, error) {
	c, err := collection(ctx, s.Store, t)
	if err != nil {
		return nil, err
	}
	a, err := t.enter(ctx, s.Store, who)
	if err != nil {
		return nil, err
	}
	if !a.Sees(c) {
		return nil, t.allowed(a, c, auth.Read)
	}
	return c, s.CountOwn(ctx, s.Store, who, t.Owner, c)
}

// Home returns the collections of a home that who may read.
func (s *Service) Home(ctx context.Context, who, owner *storage.Principal) ([]*storage.Calendar, error) {
	a, err := s.Access(ctx, who, owner)
	if err != nil {
		return nil, err
	}
	if err := (Target{Owner: owner}).allowed(a, nil, auth.Read); err != nil {
		return nil, err
	}
	list, err := s.HomeOf(ctx, who, owner)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(c *storage.Calendar) bool { return !a.To(c).Has(auth.Read) }), nil
}

// Object returns an object with its text, and its collection.
func (s *Service) Object(ctx context.Context, who *storage.Principal, t Target) (*storage.Object, *storage.Calendar, error) {
	c, o, err := s.Store.ObjectIn(ctx, t.Owner.ID, t.Slug, t.Name)
	if err != nil {
		return nil, nil, noCollection(err, t)
	}
	a, err := t.enter(ctx, s.Store, who)
	if err != nil {
		return nil, nil, err
	}
	if err := t.allowed(a, c, auth.Read); err != nil {
		return nil, nil, err
	}
	if o, err = s.seenBy(ctx, s.Store, who, t.Owner, c, o); err != nil {
		return nil, nil, err
	}
	if o == nil {
		return nil, c, notFound(storage.ErrNotFound, t)
	}
	return o, c, s.CountOwn(ctx, s.Store, who, t.Owner, c)
}

// readable returns the target's collection when who may read it.
func (s *Service) readable(ctx context.Context, r storage.Reader, who *storage.Principal, t Target) (*storage.Calendar, error) {
	c := t.Calendar
	if c == nil {
		var err error
		if c, err = collection(ctx, r, t); err != nil {
			return nil, err
		}
	}
	a, err := t.enter(ctx, r, who)
	if err != nil {
		return nil, err
	}
	return c, t.allowed(a, c, auth.Read)
}

// Objects yields the objects of a collection in the order of their names, with what fields asks for.
func (s *Service) Objects(ctx context.Context, who *storage.Principal, t Target, fields storage.Fields, fn func(*storage.Object) error) error {
	c, err := s.readable(ctx, s.Store, who, t)
	if err != nil {
		return err
	}
	if !outsider(who, t.Owner) {
		return s.Store.Objects(ctx, c.Ref(), fields, fn)
	}
	return s.pagesOf(ctx, c, fields, func(list []*storage.Object) error {
		if list, err = s.SeenBy(ctx, s.Store, who, t.Owner, c, list); err != nil {
			return err
		}
		for _, o := range list {
			if err := fn(o); err != nil {
				return err
			}
		}
		return nil
	})
}

// ObjectsByName returns those of the named objects that are there, with their texts.
func (s *Service) ObjectsByName(ctx context.Context, who *storage.Principal, t Target, names []string) ([]*storage.Object, error) {
	c, err := s.readable(ctx, s.Store, who, t)
	if err != nil {
		return nil, err
	}
	list, err := s.Store.ObjectsByName(ctx, c.Ref(), names)
	if err != nil {
		return nil, fmt.Errorf("objects by name: %w", err)
	}
	return s.SeenBy(ctx, s.Store, who, t.Owner, c, list)
}

// Properties returns the dead properties of a collection, with members also of everything in it.
func (s *Service) Properties(ctx context.Context, owner, calendar int64, members bool) ([]storage.Property, error) {
	return s.Store.Properties(ctx, owner, calendar, members)
}
