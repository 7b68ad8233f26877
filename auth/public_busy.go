package auth

import (
	"context"
	"fmt"

	"kalends/storage"
)

// SetPublicBusy says whether everybody may ask when somebody, found by name or mail address, is busy. storage.ErrNotFound.
func (d *Directory) SetPublicBusy(ctx context.Context, name string, public bool) error {
	found, err := d.Find(ctx, name)
	if err != nil {
		return fmt.Errorf("user %s: %w", name, err)
	}
	return d.Store.Update(ctx, func(tx storage.Tx) error {
		p, err := tx.PrincipalByID(ctx, found.ID)
		if err != nil {
			return err
		}
		if p.PublicBusy == public {
			return nil
		}
		addresses, err := tx.Addresses(ctx, p.ID)
		if err != nil {
			return err
		}
		p.PublicBusy = public
		return tx.PutPrincipal(ctx, p, addresses)
	})
}
