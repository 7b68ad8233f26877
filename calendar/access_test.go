package calendar_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"kalends/auth"
	"kalends/calendar"
	"kalends/storage"
	"kalends/storage/storagetest"
)

func (s *site) grant(owner *storage.Principal, slug string, list ...storage.Grant) error {
	return s.SetGrants(s.t.Context(), owner, calendar.Target{Owner: owner, Slug: slug}, list)
}

func TestSetGrants(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		ok := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		// Put together by grantee; to the owner, of nothing, and of what does not exist there, nothing is kept.
		ok(s.grant(s.alice, "calendar",
			storage.Grant{Grantee: s.bob.ID, Privileges: uint32(auth.Read)}, storage.Grant{Grantee: s.bob.ID, Privileges: uint32(auth.WriteContent | auth.SendInvite)},
			storage.Grant{Grantee: s.alice.ID, Privileges: uint32(auth.Read)}, storage.Grant{Grantee: s.cleo.ID}))
		list, err := s.Grants(ctx, s.alice, target(s.alice, ""))
		ok(err)
		if len(list) != 1 || list[0].Grantee != s.bob.ID || auth.Privilege(list[0].Privileges) != auth.Read|auth.WriteContent {
			t.Errorf("grants: %+v", list)
		}
		for what, err := range map[string]error{
			"by whom it was granted to": s.SetGrants(ctx, s.bob, target(s.alice, ""), nil),
			"in another's home":         s.SetGrants(ctx, s.bob, calendar.Target{Owner: s.alice}, nil),
			"read by them":              second(s.Grants(ctx, s.bob, target(s.alice, ""))),
		} {
			var e *calendar.Error
			if !errors.As(err, &e) || e.Kind != calendar.Forbidden || e.Need == 0 || e.Path == nil {
				t.Errorf("%s: %v, want Forbidden with what is missing where", what, err)
			}
		}
		var many []storage.Grant
		for i := range calendar.MaxGrants + 1 {
			many = append(many, storage.Grant{Grantee: int64(1000 + i), Privileges: 1})
		}
		if err := s.grant(s.alice, "calendar", many...); calendar.KindOf(err) != calendar.BadRequest {
			t.Errorf("too many: %v", err)
		}
		if err := s.grant(s.alice, "nowhere"); calendar.KindOf(err) != calendar.NotFound {
			t.Errorf("in no calendar: %v", err)
		}

		// Of what is shared with Bob, the whole home.
		ok(s.grant(s.cleo, "", storage.Grant{Grantee: s.bob.ID, Privileges: uint32(auth.Read)}))
		shared, err := s.SharedWith(ctx, s.bob)
		ok(err)
		var got []string
		for _, c := range shared {
			got = append(got, c.Owner.Name+"/"+c.Calendar.Slug)
		}
		if want := []string{"alice/calendar", "cleo/calendar", "cleo/tasks"}; len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
			t.Errorf("shared with Bob: %v, want %v", got, want)
		}
		home, err := s.Home(ctx, s.bob, s.alice)
		ok(err)
		if len(home) != 1 || home[0].Slug != "calendar" {
			t.Errorf("Alice's home for Bob: %d collections", len(home))
		}
	})
}

func second[T any](_ T, err error) error { return err }

// locks counts transactions that change something.
type locks struct {
	storage.Store
	n atomic.Int64
}

func (l *locks) Update(ctx context.Context, fn func(storage.Tx) error) error {
	l.n.Add(1)
	return l.Store.Update(ctx, fn)
}

// Strangers cannot hold up a home: they are refused before anything is locked.
func TestStrangersTakeNoLock(t *testing.T) {
	store := &locks{Store: storagetest.SQLite(t)}
	s := newSite(t, store)
	s.put(s.alice, "a.ics", event("a", "DTSTART:20260110T090000Z"))
	s.put(s.bob, "b.ics", event("b", "DTSTART:20260110T090000Z"))
	ctx, there, home := t.Context(), target(s.alice, "a.ics"), calendar.Target{Owner: s.alice, Slug: "new"}
	before := store.n.Load()
	text := []byte(event("a", "DTSTART:20260110T090000Z"))
	for what, err := range map[string]error{
		"PUT":        second(s.Put(ctx, calendar.PutRequest{Who: s.bob, Target: there, Body: text})),
		"DELETE":     s.Delete(ctx, calendar.DeleteRequest{Who: s.bob, Target: there}),
		"MOVE out":   second(s.Move(ctx, calendar.MoveRequest{Who: s.bob, From: there, To: target(s.bob, "x.ics"), Overwrite: true})),
		"MOVE in":    second(s.Move(ctx, calendar.MoveRequest{Who: s.bob, From: target(s.bob, "b.ics"), To: there, Overwrite: true})),
		"MOVE there": second(s.Move(ctx, calendar.MoveRequest{Who: s.bob, From: there, To: target(s.alice, "x.ics"), Overwrite: true})),
		"COPY":       second(s.Copy(ctx, calendar.MoveRequest{Who: s.bob, From: there, To: target(s.bob, "x.ics"), Overwrite: true})),
		"PROPPATCH":  s.Patch(ctx, s.bob, target(s.alice, ""), calendar.Edit{}),
		"MKCALENDAR": s.MakeCalendar(ctx, s.bob, home, calendar.Edit{}),
		"a calendar": s.DeleteCalendar(ctx, s.bob, target(s.alice, ""), nil),
		"ACL":        s.SetGrants(ctx, s.bob, target(s.alice, ""), nil),
		"nobody":     second(s.Put(ctx, calendar.PutRequest{Target: there, Body: text})),
	} {
		if k := calendar.KindOf(err); k != calendar.Forbidden && k != calendar.NotFound && k != calendar.NoParent {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := store.n.Load() - before; n != 0 {
		t.Errorf("strangers began %d transactions", n)
	}
}
