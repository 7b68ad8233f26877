package mailer

import (
	"errors"
	"strings"
	"testing"
)

func TestTokens(t *testing.T) {
	tokens := NewTokens([]byte("secret"))
	for _, tt := range []struct{ owner, object int64 }{{0, 0}, {1, 1}, {127, 128}, {1 << 20, 1 << 40}, {maxTokenID - 1, maxTokenID - 1}} {
		local, err := tokens.Sign(tt.owner, tt.object, "mailto:bob@example.org")
		if err != nil {
			t.Fatal(err)
		}
		if len(local) > 64 || local != strings.ToLower(local) {
			t.Errorf("Sign(%d, %d) = %s, %d octets", tt.owner, tt.object, local, len(local))
		}
		for _, as := range []string{local, strings.ToUpper(local), local + "@reply.example.com", strings.ToUpper(local) + "@EXAMPLE.COM"} {
			r, err := tokens.Open(as)
			if err != nil || r.Owner != tt.owner || r.Object != tt.object {
				t.Errorf("Open(%s) = %+v, %v", as, r, err)
			}
			if !tokens.IsFor(r, "Bob@Example.org") || tokens.IsFor(r, "mailto:bob@example.com") || tokens.IsFor(Reply{}, "mailto:bob@example.org") {
				t.Errorf("IsFor of %s", as)
			}
		}
	}
	for _, id := range []int64{-1, maxTokenID} {
		if _, err := tokens.Sign(id, 1, "mailto:bob@example.org"); err == nil {
			t.Errorf("Sign of owner %d gives no error", id)
		}
		if _, err := tokens.Sign(1, id, "mailto:bob@example.org"); err == nil {
			t.Errorf("Sign of object %d gives no error", id)
		}
	}
}

// TestTokenCannotBeGuessedOrChanged changes each character of a token to each other one.
func TestTokenCannotBeGuessedOrChanged(t *testing.T) {
	tokens := NewTokens([]byte("secret"))
	local, err := tokens.Sign(12, 345, "mailto:bob@example.org")
	if err != nil {
		t.Fatal(err)
	}
	opened := 0
	for i := len(replyPrefix); i < len(local); i++ {
		for _, c := range "abcdefghijklmnopqrstuvwxyz234567018+-" {
			if byte(c) == local[i] {
				continue
			}
			if r, err := tokens.Open(local[:i] + string(c) + local[i+1:]); err == nil {
				opened++
				if i != len(local)-1 || r.Owner != 12 || r.Object != 345 { // the last one may hold bits that stand for nothing
					t.Errorf("Open with %q at %d = %+v", c, i, r)
				}
			}
		}
		if _, err := tokens.Open(local[:i]); !errors.Is(err, ErrToken) {
			t.Errorf("Open(%s) = %v", local[:i], err)
		}
	}
	if _, err := NewTokens([]byte("other")).Open(local); !errors.Is(err, ErrToken) {
		t.Errorf("another server's key: %v", err)
	}
	for _, bad := range []string{"", "reply+", "reply", "bob", "reply+aaaa", "reply+" + strings.Repeat("a", 58), "reply+" + strings.Repeat("a", 500), "xreply+aegnsaumpzhwuujein5ezmuzlcvl2dbsfbpq"} {
		if _, err := tokens.Open(bad); !errors.Is(err, ErrToken) {
			t.Errorf("Open(%q) = %v", bad, err)
		}
	}
}

func TestTokensOfAnOlderKeyStayGood(t *testing.T) {
	tokens := NewTokens([]byte("old"))
	old, _ := tokens.Sign(1, 2, "mailto:bob@example.org")
	tokens.Add(2, []byte("new"))
	young, _ := tokens.Sign(1, 2, "mailto:bob@example.org")
	if old == young {
		t.Error("the new key signs like the old one")
	}
	for _, local := range []string{old, young} {
		if r, err := tokens.Open(local); err != nil || !tokens.IsFor(r, "mailto:bob@example.org") {
			t.Errorf("Open(%s) = %+v, %v", local, r, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	tokens := NewTokens([]byte("secret"))
	for _, id := range []int64{0, 1, 300, maxTokenID - 1} {
		local, _ := tokens.Sign(id, id, "mailto:bob@example.org")
		f.Add(local)
	}
	f.Add("reply+")
	f.Add("reply+77777777777777777777777777777777777777777777777777777")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := tokens.Open(s)
		if err != nil {
			return
		}
		again, err := tokens.Sign(r.Owner, r.Object, "mailto:bob@example.org")
		if err != nil {
			t.Fatalf("Open(%q) = %+v, which cannot be signed: %v", s, r, err)
		}
		if r2, err := tokens.Open(again); err != nil || r2.Owner != r.Owner || r2.Object != r.Object {
			t.Fatalf("Open(Sign(%+v)) = %+v, %v", r, r2, err)
		}
	})
}
