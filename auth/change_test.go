package auth_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"kalends/auth"
	"kalends/storage"
	"kalends/storage/storagetest"
)

func TestChange(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		ctx := t.Context()
		d := &auth.Directory{Store: s}
		root, err := d.Add(ctx, auth.NewUser{Name: "root", Kind: "admin"})
		if err != nil {
			t.Fatal(err)
		}
		alice, err := d.Add(ctx, auth.NewUser{Name: "alice", Email: "alice@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Add(ctx, auth.NewUser{Name: "bob@example.org", Email: "bob@example.com"}); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			why, field string
			id         int64
			to         auth.Profile
		}{
			{"a name of two lines", "display_name", alice.ID, auth.Profile{DisplayName: "a\nb"}},
			{"a long name", "display_name", alice.ID, auth.Profile{DisplayName: strings.Repeat("x", 300)}},
			{"an address that is none", "email", alice.ID, auth.Profile{Addresses: []string{"alice@example.com", "alice"}}},
			{"somebody's address", "email", alice.ID, auth.Profile{Addresses: []string{"BOB@example.com"}}},
			{"somebody's name", "email", alice.ID, auth.Profile{Addresses: []string{"bob@example.org"}}},
			{"too many addresses", "email", alice.ID, auth.Profile{Addresses: many(51)}},
			{"the last administrator", "kind", root.ID, auth.Profile{}},
		} {
			err := d.Change(ctx, tt.id, tt.to)
			if fe, ok := errors.AsType[*auth.FieldError](err); !ok || fe.Field != tt.field {
				t.Errorf("%s: %v, want an error of %s", tt.why, err, tt.field)
			}
		}
		if err := d.Change(ctx, alice.ID, auth.Profile{DisplayName: " Alice Arm ", Addresses: []string{"a.arm@example.com", "", "alice@example.com", "A.Arm@example.com"}, Admin: true}); err != nil {
			t.Fatal(err)
		}
		got, err := s.PrincipalByID(ctx, alice.ID)
		if err != nil || got.DisplayName != "Alice Arm" || got.Email != "a.arm@example.com" || !got.Admin {
			t.Errorf("alice is %+v (%v)", got, err)
		}
		if list, err := s.Addresses(ctx, alice.ID); err != nil || !slices.Equal(list, []string{"mailto:a.arm@example.com", "mailto:alice@example.com"}) {
			t.Errorf("addresses of alice: %v (%v)", list, err)
		}
		if err := d.Change(ctx, root.ID, auth.Profile{}); err != nil { // there is another now
			t.Error(err)
		}
		bob, err := s.PrincipalByName(ctx, "bob@example.org")
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Change(ctx, bob.ID, auth.Profile{}); err != nil {
			t.Error(err)
		}
		if list, err := s.Addresses(ctx, bob.ID); err != nil || !slices.Equal(list, []string{"mailto:bob@example.org"}) {
			t.Errorf("the address that is the name is gone: %v (%v)", list, err)
		}
		if err := d.Change(ctx, 999, auth.Profile{}); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("nobody: %v", err)
		}
	})
}

func many(n int) []string {
	var list []string
	for i := range n {
		list = append(list, strings.Repeat("x", i+1)+"@example.com")
	}
	return list
}
