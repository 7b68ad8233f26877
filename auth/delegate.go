package auth

import (
	"context"
	"fmt"
	"slices"

	"kalends/storage"
)

// SetBooking changes how a room or resource answers, found by name or mail address. storage.ErrNotFound.
func (d *Directory) SetBooking(ctx context.Context, name string, b storage.Booking) error {
	found, err := d.Find(ctx, name)
	if err != nil {
		return fmt.Errorf("room %s: %w", name, err)
	}
	return d.Store.Update(ctx, func(tx storage.Tx) error {
		p, err := tx.PrincipalByID(ctx, found.ID)
		if err != nil {
			return err
		}
		addresses, err := tx.Addresses(ctx, p.ID)
		if err != nil {
			return err
		}
		p.Booking = b
		return tx.PutPrincipal(ctx, p, addresses)
	})
}

// ChangeDelegates gives some the right to act for a principal, or another right, and takes it from others. It returns who has one
// then, as the administrator wants it: people choose for themselves through their calendar programs.
func (d *Directory) ChangeDelegates(ctx context.Context, target *storage.Principal, set []storage.Delegate, gone []int64) (list []storage.Delegate, err error) {
	err = d.Store.Update(ctx, func(tx storage.Tx) error {
		have, err := tx.Delegates(ctx, target.ID)
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(have, func(x storage.Delegate) bool {
			return slices.Contains(gone, x.ID) || slices.ContainsFunc(set, func(y storage.Delegate) bool { return y.ID == x.ID })
		})
		for _, x := range set {
			if x.ID != target.ID {
				list = append(list, x)
			}
		}
		if len(set)+len(gone) == 0 {
			return nil
		}
		return tx.SetDelegates(ctx, target.ID, list)
	})
	return list, err
}
