package calendar_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"kalends/calendar"
	"kalends/storage"
)

// TestSyncHome: a program that follows a home by pages of any size, one token after another, knows in the end what is there.
func TestSyncHome(t *testing.T) {
	each(t, func(s *site) {
		t, store, ctx := s.t, s.Store, s.t.Context()
		rng := rand.New(rand.NewPCG(3, 11))
		known := map[string]bool{}
		token := ""
		follow := func(limit int) {
			t.Helper()
			for {
				res, err := s.SyncHome(ctx, s.alice, s.alice, token, limit, true)
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range res.Changes {
					switch {
					case c.Calendar == nil:
						for path := range known {
							if len(path) > len(c.Slug) && path[:len(c.Slug)+1] == c.Slug+"/" {
								delete(known, path)
							}
						}
					case c.Object == nil:
						known[c.Slug+"/"] = true
					case c.Object.Deleted:
						delete(known, c.Slug+"/"+c.Object.Name)
					default:
						known[c.Slug+"/"+c.Object.Name] = true
					}
				}
				if len(res.Changes) > max(limit, 2) && limit > 0 {
					t.Fatalf("SyncHome with limit %d gave %d changes", limit, len(res.Changes))
				}
				token = res.Token.String()
				if !res.More {
					return
				}
			}
		}
		for i := range 120 {
			slug, name := fmt.Sprintf("c%d", rng.IntN(4)), fmt.Sprintf("o%d.ics", rng.IntN(6))
			target := calendar.Target{Owner: s.alice, Slug: slug}
			object := calendar.Target{Owner: s.alice, Slug: slug, Name: name}
			var err error
			switch rng.IntN(6) {
			case 0:
				err = s.MakeCalendar(ctx, s.alice, target, calendar.Edit{})
			case 1:
				err = s.DeleteCalendar(ctx, s.alice, target, nil)
			case 2:
				err = s.Delete(ctx, calendar.DeleteRequest{Who: s.alice, Target: object})
			default:
				_, err = s.Put(ctx, calendar.PutRequest{Who: s.alice, Target: object, Body: []byte(fmt.Sprintf("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\n"+
					"UID:%s-%s\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260120T100000Z\r\nSUMMARY:%d\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", slug, name, i))})
			}
			if k := calendar.KindOf(err); err != nil && k != calendar.NotFound && k != calendar.NoParent && k != calendar.Exists {
				t.Fatal(err)
			}
			if rng.IntN(8) == 0 {
				follow(rng.IntN(5))
			}
		}
		follow(0)
		want := map[string]bool{}
		home, err := store.Calendars(ctx, s.alice.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range home {
			want[c.Slug+"/"] = true
			if err := store.Objects(ctx, c.Ref(), 0, func(o *storage.Object) error { want[c.Slug+"/"+o.Name] = true; return nil }); err != nil {
				t.Fatal(err)
			}
		}
		if fmt.Sprint(known) != fmt.Sprint(want) {
			t.Errorf("known by sync: %v\nwhat is there: %v", known, want)
		}
		if _, err := s.SyncHome(ctx, s.bob, s.alice, "", 0, true); calendar.KindOf(err) != calendar.Refused {
			t.Errorf("SyncHome of somebody else: %v, want Refused", err)
		}
		epoch, err := store.Epoch(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{
			calendar.Token{Calendar: -s.bob.ID, Epoch: epoch, Seq: 1}.String(), calendar.Token{Calendar: -s.alice.ID, Epoch: epoch + 1, Seq: 1}.String(),
			calendar.Token{Calendar: -s.alice.ID, Epoch: epoch, Seq: 999999}.String(), calendar.Token{Calendar: s.alice.ID, Epoch: epoch, Seq: 1}.String(), "x",
		} {
			if _, err := s.SyncHome(ctx, s.alice, s.alice, bad, 0, true); calendar.KindOf(err) != calendar.BadSyncToken {
				t.Errorf("SyncHome(%q): %v, want BadSyncToken", bad, err)
			}
		}
	})
}

// The home's sync tells when a calendar of somebody else comes, changes inside, and goes.
func TestSyncHomeShared(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		sync := func(token string) (string, string) {
			t.Helper()
			res, err := s.SyncHome(ctx, s.bob, s.bob, token, 0, false)
			if err != nil {
				t.Fatal(err)
			}
			var list []string
			for _, c := range res.Changes {
				switch {
				case c.Calendar == nil:
					list = append(list, "-"+c.Slug)
				case c.Shared != nil:
					list = append(list, "+"+c.Slug)
				case c.Calendar.Kind == storage.CalendarKind:
					list = append(list, c.Slug)
				}
			}
			return strings.Join(list, " "), res.Token.String()
		}
		_, token := sync("")
		inv := s.share(s.bob, calendar.ShareRead, true)
		expect := func(what, want string) {
			t.Helper()
			var got string
			if got, token = sync(token); got != want {
				t.Errorf("%s: the sync tells %q, want %q", what, got, want)
			}
			if now, err := s.HomeToken(ctx, s.bob); err != nil || now.String() != token {
				t.Errorf("%s: HomeToken = %v, %v, want %s", what, now, err, token)
			}
		}
		expect("it came", "+"+inv.Share.Slug())
		expect("nothing", "")
		s.put(s.alice, "a.ics", event("a", "DTSTART:20260110T090000Z"))
		expect("something in it", "+"+inv.Share.Slug())
		s.put(s.bob, "b.ics", event("b", "DTSTART:20260110T090000Z"))
		expect("something of Bob's own", "calendar")
		if err := s.Unshare(ctx, s.alice, target(s.alice, ""), []*storage.Principal{s.bob}); err != nil {
			t.Fatal(err)
		}
		expect("it went", "-"+inv.Share.Slug())
	})
}
