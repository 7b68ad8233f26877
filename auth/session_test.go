package auth

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"kalends/storage"
	"kalends/storage/storagetest"
)

func TestS7Sessions(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		ctx := t.Context()
		now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
		clock := func() time.Time { return now }
		d := &Directory{Store: s, Now: clock}
		if _, err := d.Add(ctx, NewUser{Name: "alice", Password: "correct horse", Email: "alice@example.com"}); err != nil {
			t.Fatal(err)
		}
		basic := &Basic{Store: s, Now: clock}
		sessions := &Sessions{Store: s, Login: basic.People(), Now: clock}
		from := netip.MustParseAddr("192.0.2.7")
		if _, _, _, err := sessions.SignIn(ctx, "alice", "wrong", from, ""); !errors.Is(err, ErrBadCredentials) {
			t.Fatalf("SignIn with a wrong password = %v, want ErrBadCredentials", err)
		}
		token, row, who, err := sessions.SignIn(ctx, "alice", "correct horse", from, "Browser\n/1")
		if err != nil {
			t.Fatal(err)
		}
		if row.Agent != "Browser /1" || row.Remote != "192.0.2.7" || strings.Contains(row.Hash, token) {
			t.Errorf("the session is %+v", row)
		}
		resume := func(token string, want error) {
			t.Helper()
			_, p, err := sessions.Resume(ctx, token)
			if !errors.Is(err, want) || err == nil && p.ID != who.ID {
				t.Errorf("Resume = %v, %v, want %v", p, err, want)
			}
		}
		resume(token, nil)
		resume(token+"x", ErrBadCredentials)
		resume(strings.Repeat("a", len(token)), ErrBadCredentials)
		now = now.Add(29 * 24 * time.Hour)
		resume(token, nil)
		now = now.Add(29 * 24 * time.Hour)
		resume(token, nil) // it was used meanwhile
		now = now.Add(31 * 24 * time.Hour)
		resume(token, ErrBadCredentials)

		token, row, _, err = sessions.SignIn(ctx, "alice@example.com", "correct horse", from, "")
		if err != nil {
			t.Fatal(err)
		}
		other, _, _, err := sessions.SignIn(ctx, "alice", "correct horse", from, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := sessions.SignOut(ctx, row); err != nil {
			t.Fatal(err)
		}
		resume(token, ErrBadCredentials)
		resume(other, nil)
		if err := d.SetPassword(ctx, "alice", "another horse"); err != nil {
			t.Fatal(err)
		}
		resume(other, ErrBadCredentials)
		for range maxSessions + 3 {
			if _, _, _, err := sessions.SignIn(ctx, "alice", "another horse", from, ""); err != nil {
				t.Fatal(err)
			}
		}
		if list, err := s.Sessions(ctx, who.ID); err != nil || len(list) != maxSessions {
			t.Errorf("%d sessions (%v), want %d", len(list), err, maxSessions)
		}
	})
}

func TestS7AppPasswords(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		ctx := t.Context()
		now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
		clock := func() time.Time { return now }
		d := &Directory{Store: s, Now: clock}
		var who []*storage.Principal
		for _, name := range []string{"alice", "bob"} {
			p, err := d.Add(ctx, NewUser{Name: name, Password: name + " likes horses", Email: name + "@example.com"})
			if err != nil {
				t.Fatal(err)
			}
			who = append(who, p)
		}
		apps := &AppPasswords{Store: s, Now: clock}
		if _, _, err := apps.Add(ctx, who[0], " "); !errors.Is(err, ErrPassword) {
			t.Errorf("Add without a label = %v, want ErrPassword", err)
		}
		password, row, err := apps.Add(ctx, who[0], "Telephone")
		if err != nil {
			t.Fatal(err)
		}
		basic := &Basic{Store: s, Now: clock}
		from := netip.MustParseAddr("192.0.2.7")
		for _, tt := range []struct {
			why, name, password string
			login               Authenticator
			want                error
		}{
			{"the app password", "alice", password, basic, nil},
			{"by the mail address", "alice@example.com", password, basic, nil},
			{"typed without dashes, in capitals", "alice", strings.ToUpper(strings.ReplaceAll(password, "-", "")), basic, nil},
			{"the person's own", "alice", "alice likes horses", basic, nil},
			{"of another person", "bob", password, basic, ErrBadCredentials},
			{"a letter less", "alice", password[:len(password)-1], basic, ErrBadCredentials},
			{"on the web pages", "alice", password, basic.People(), ErrBadCredentials},
			{"for nobody", "nobody", password, basic, ErrBadCredentials},
		} {
			p, err := tt.login.Authenticate(ctx, tt.name, tt.password, from)
			if !errors.Is(err, tt.want) || err == nil && p.ID != who[0].ID {
				t.Errorf("%s: %v, %v, want %v", tt.why, p, err, tt.want)
			}
		}
		if got, err := s.AppPasswordByHash(ctx, row.Hash); err != nil || !got.Used.Equal(now) {
			t.Errorf("its use is not noted: %+v, %v", got, err)
		}
		if err := s.RemoveAppPassword(ctx, who[0].ID, row.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := basic.Authenticate(ctx, "alice", password, from); !errors.Is(err, ErrBadCredentials) {
			t.Errorf("a revoked app password = %v, want ErrBadCredentials", err)
		}
	})
}
