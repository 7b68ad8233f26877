package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"kalends/storage"
)

// maxAddresses bounds the addresses of one principal.
const maxAddresses = 50

// Profile is what administrators change of a principal.
type Profile struct {
	DisplayName string   // "": the name
	Addresses   []string // mail addresses, the preferred one first; none: nobody can invite them
	Admin       bool     // of a person: administers
}

// Change makes a principal as a profile says, and leaves the rest as it is. storage.ErrNotFound; a *FieldError says which field is wrong, or whose it
// is already: display_name, email, or kind for taking the last administrator from the site.
func (d *Directory) Change(ctx context.Context, id int64, c Profile) error {
	return d.Store.Update(ctx, func(tx storage.Tx) error {
		p, err := tx.PrincipalByID(ctx, id)
		if err != nil {
			return fmt.Errorf("principal %d: %w", id, err)
		}
		u := &user{}
		name := strings.TrimSpace(c.DisplayName)
		if name == "" {
			name = p.Name
		}
		if len(name) > maxDisplayName || !printable(name) {
			return u.errorf("display_name", c.DisplayName, "must be at most %d bytes of text in one line", maxDisplayName)
		}
		var addresses []string
		for _, text := range c.Addresses {
			if text = strings.TrimSpace(text); text == "" {
				continue
			}
			a, ok := mailAddress(text)
			if !ok {
				return u.errorf("email", text, "is no mail address such as alice@example.com")
			}
			if !slices.Contains(addresses, a) {
				addresses = append(addresses, a)
			}
		}
		if a, ok := mailAddress(p.Name); ok && strings.Contains(p.Name, "@") && !slices.Contains(addresses, a) {
			addresses = append(addresses, a) // a name that is an address is one
		}
		if len(addresses) > maxAddresses {
			return u.errorf("email", "", "there are more than %d", maxAddresses)
		}
		if len(addresses) > 0 {
			found, err := tx.PrincipalsByAddress(ctx, addresses)
			if err != nil {
				return err
			}
			for a, other := range found {
				if other.ID != p.ID {
					return u.errorf("email", strings.TrimPrefix(a, "mailto:"), "is that of %s", other.Name)
				}
			}
		}
		admin := c.Admin && p.Kind == storage.Person
		if p.Admin && !admin {
			list, err := tx.Administrators(ctx)
			if err != nil {
				return err
			}
			if len(list) < 2 {
				return u.errorf("kind", "", "is the last administrator")
			}
		}
		p.DisplayName, p.Admin, p.Email = name, admin, ""
		if len(addresses) > 0 {
			p.Email = strings.TrimPrefix(addresses[0], "mailto:")
		}
		err = tx.PutPrincipal(ctx, p, addresses)
		if errors.Is(err, storage.ErrConflict) {
			return u.errorf("email", "", "is somebody else's")
		}
		return err
	})
}
