package storagetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"kalends/storage"
)

func testSessions(t *testing.T, s storage.Store) {
	ctx := t.Context()
	a, b := newHome(t, s), newHome(t, s)
	name := func(x string) string { return fmt.Sprintf("%s%d", x, serial.Add(1)) }
	session := func(owner int64, at time.Time) *storage.Session {
		n := &storage.Session{
			Owner: owner, ID: name("sid"), Hash: name("shash"), Credential: 3, Agent: "Müller/1.0", Remote: "192.0.2.1",
			Created: at, Used: at, Expires: at.Add(time.Hour),
		}
		check(t, s.AddSession(ctx, n))
		return n
	}
	first, second, other := session(a.owner, t0), session(a.owner, t0.Add(time.Minute)), session(b.owner, t0)
	if err := s.AddSession(ctx, &storage.Session{Owner: b.owner, ID: "new", Hash: first.Hash}); !errors.Is(err, storage.ErrConflict) {
		t.Errorf("AddSession with the hash of another = %v, want ErrConflict", err)
	}
	got, err := s.SessionByHash(ctx, first.Hash)
	check(t, err)
	diff(t, "a session", got, first)
	if _, err := s.SessionByHash(ctx, "nothing"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("SessionByHash of nothing = %v, want ErrNotFound", err)
	}
	first.Used, first.Expires = t0.Add(2*time.Minute), t0.Add(3*time.Hour)
	check(t, s.UseSession(ctx, first.Hash, first.Used, first.Expires))
	check(t, s.UseSession(ctx, first.Hash, t0, t0)) // an earlier use that is noted later
	list, err := s.Sessions(ctx, a.owner)
	check(t, err)
	diff(t, "Sessions", list, []*storage.Session{second, first})
	if err := s.RemoveSession(ctx, a.owner, other.ID); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("RemoveSession of another's = %v, want ErrNotFound", err)
	}
	n, err := s.RemoveSessions(ctx, a.owner, first.ID)
	if check(t, err); n != 1 {
		t.Errorf("RemoveSessions removed %d, want 1", n)
	}
	if _, err := s.SessionByHash(ctx, second.Hash); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("a session is there that was removed: %v", err)
	}
	check(t, s.RemoveSession(ctx, a.owner, first.ID))
	if n, err = s.PurgeSessions(ctx, t0.Add(2*time.Hour), 100); err != nil || n < 1 {
		t.Errorf("PurgeSessions = %d, %v, want those that are over", n, err)
	}
	if _, err := s.SessionByHash(ctx, other.Hash); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("a session is there that was over: %v", err)
	}
}

func testAppPasswords(t *testing.T, s storage.Store) {
	ctx := t.Context()
	a, b := newHome(t, s), newHome(t, s)
	name := func(x string) string { return fmt.Sprintf("%s%d", x, serial.Add(1)) }
	p := &storage.AppPassword{Owner: a.owner, ID: name("id"), Hash: name("hash"), Label: "Telefon, grün", Created: t0}
	check(t, s.AddAppPassword(ctx, p))
	if err := s.AddAppPassword(ctx, &storage.AppPassword{Owner: b.owner, ID: p.ID, Hash: "x"}); !errors.Is(err, storage.ErrConflict) {
		t.Errorf("AddAppPassword with the id of another = %v, want ErrConflict", err)
	}
	if err := s.AddAppPassword(ctx, &storage.AppPassword{Owner: b.owner, ID: "x", Hash: "x", Label: "\x00"}); !errors.Is(err, storage.ErrInvalid) {
		t.Errorf("AddAppPassword with a NUL = %v, want ErrInvalid", err)
	}
	p.Used = t0.Add(time.Hour)
	check(t, s.UseAppPassword(ctx, p.Hash, p.Used))
	check(t, s.UseAppPassword(ctx, p.Hash, t0))
	got, err := s.AppPasswordByHash(ctx, p.Hash)
	check(t, err)
	diff(t, "an app password", got, p)
	list, err := s.AppPasswords(ctx, a.owner)
	check(t, err)
	diff(t, "AppPasswords", list, []*storage.AppPassword{p})
	if err := s.RemoveAppPassword(ctx, b.owner, p.ID); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("RemoveAppPassword of another's = %v, want ErrNotFound", err)
	}
	check(t, s.RemoveAppPassword(ctx, a.owner, p.ID))
	if _, err := s.AppPasswordByHash(ctx, p.Hash); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("an app password is there that was removed: %v", err)
	}
}

func testSettings(t *testing.T, s storage.Store) {
	ctx := t.Context()
	a, b := newHome(t, s), newHome(t, s)
	check(t, s.PutSetting(ctx, a.owner, "week", "monday"))
	check(t, s.PutSetting(ctx, a.owner, "week", "sunday"))
	check(t, s.PutSetting(ctx, a.owner, "gone", "x"))
	check(t, s.PutSetting(ctx, a.owner, "gone", ""))
	check(t, s.PutSetting(ctx, b.owner, "week", "saturday"))
	got, err := s.Settings(ctx, a.owner)
	check(t, err)
	diff(t, "Settings", got, map[string]string{"week": "sunday"})
}
