package auth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"kalends/auth"
	"kalends/storage"
	"kalends/storage/storagetest"
)

func TestS7Tokens(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		ctx := t.Context()
		now := time.Date(2026, 1, 15, 10, 0, 0, 0, time.UTC)
		tokens := &auth.Tokens{Store: s, Now: func() time.Time { return now }}
		d := &auth.Directory{Store: s, Now: tokens.Now}
		alice, err := d.Add(ctx, auth.NewUser{Name: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			name    string
			scope   auth.Scope
			label   string
			expires time.Time
		}{
			{"for nothing", auth.NoScope, "", time.Time{}},
			{"for more than there is", auth.WriteScope + 1, "", time.Time{}},
			{"with a label of two lines", auth.ReadScope, "a\nb", time.Time{}},
			{"with a long label", auth.ReadScope, strings.Repeat("x", 201), time.Time{}},
			{"that has expired", auth.ReadScope, "", now},
		} {
			if _, _, err := tokens.Add(ctx, alice, tt.scope, tt.label, tt.expires); !errors.Is(err, auth.ErrToken) {
				t.Errorf("a token %s: %v, want ErrToken", tt.name, err)
			}
		}
		token, row, err := tokens.Add(ctx, alice, auth.ReadScope, " form ", now.Add(time.Hour))
		if err != nil || row.Label != "form" || len(token) != 4+22 {
			t.Fatalf("Add = %q, %+v, %v", token, row, err)
		}
		if who, scope, err := tokens.Authenticate(ctx, token); err != nil || who.ID != alice.ID || scope != auth.ReadScope {
			t.Errorf("Authenticate = %v, %v, %v", who, scope, err)
		}
		for _, other := range []string{"", "kal_", token + "A", token[:len(token)-1], row.Hash, row.ID, "kal_\x00"} {
			if _, _, err := tokens.Authenticate(ctx, other); !errors.Is(err, auth.ErrBadCredentials) {
				t.Errorf("Authenticate(%q) = %v, want ErrBadCredentials", other, err)
			}
		}
		now = now.Add(time.Hour)
		if _, _, err := tokens.Authenticate(ctx, token); !errors.Is(err, auth.ErrBadCredentials) {
			t.Errorf("an expired token: %v", err)
		}
	})
}
