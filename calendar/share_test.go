package calendar_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/storage"
)

// share shares Alice's calendar and returns the invitation of somebody.
func (s *site) share(with *storage.Principal, access calendar.ShareAccess, direct bool) calendar.SharedCalendar {
	s.t.Helper()
	err := s.Share(s.t.Context(), s.alice, target(s.alice, ""), []calendar.ShareRequest{{With: with, Access: access, Direct: direct}})
	if err != nil {
		s.t.Fatal(err)
	}
	if with.Kind != storage.Person {
		return calendar.SharedCalendar{}
	}
	return s.invitation(with)
}

func (s *site) invitation(of *storage.Principal) calendar.SharedCalendar {
	s.t.Helper()
	list, err := s.Invitations(s.t.Context(), of)
	if err != nil || len(list) != 1 {
		s.t.Fatalf("Invitations(%s) = %d, %v, want 1", of.Name, len(list), err)
	}
	return list[0]
}

// sharedHome names what of others is in a home.
func (s *site) sharedHome(of *storage.Principal) (names []string) {
	s.t.Helper()
	home, err := s.Store.Calendars(s.t.Context(), of.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	list, err := s.SharedIn(s.t.Context(), s.Store, of, of, home)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range list {
		names = append(names, c.Calendar.DisplayName)
	}
	return names
}

func (s *site) busy(of *storage.Principal) int {
	s.t.Helper()
	list, err := s.AttendeeBusy(s.t.Context(), s.alice, of, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), "")
	if err != nil {
		s.t.Fatal(err)
	}
	return len(list)
}

func TestShare(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		s.put(s.alice, "a.ics", event("a", "DTSTART:20260110T090000Z", "DURATION:PT1H"))
		inv := s.share(s.bob, calendar.ShareRead, false)
		if got := s.sharedHome(s.bob); len(got) > 0 {
			t.Errorf("in Bob's home before he answers: %v", got)
		}
		read := func() error {
			_, _, err := s.Object(ctx, s.bob, target(s.alice, "a.ics"))
			return err
		}
		if k := calendar.KindOf(read()); k != calendar.Forbidden {
			t.Errorf("Bob reads before he answers: kind %v, want Forbidden", k)
		}
		if _, err := s.AnswerShare(ctx, s.cleo, s.bob, inv.Share.UID, true, ""); calendar.KindOf(err) != calendar.Forbidden {
			t.Errorf("Cleo answers for Bob: %v", err)
		}
		if _, err := s.AnswerShare(ctx, s.cleo, s.cleo, inv.Share.UID, true, ""); calendar.KindOf(err) != calendar.NotFound {
			t.Errorf("Cleo answers Bob's invitation: %v", err)
		}
		slug, err := s.AnswerShare(ctx, s.bob, s.bob, inv.Share.UID, true, "Boats")
		if err != nil || slug != inv.Share.Slug() {
			t.Fatalf("AnswerShare = %q, %v, want %q", slug, err, inv.Share.Slug())
		}
		if got := s.sharedHome(s.bob); !slices.Equal(got, []string{"Boats"}) {
			t.Errorf("in Bob's home: %v", got)
		}
		if err := read(); err != nil {
			t.Errorf("Bob reads: %v", err)
		}
		there, err := s.Shared(ctx, s.bob, slug)
		if err != nil || there == nil || there.Owner.ID != s.alice.ID {
			t.Fatalf("Shared(%q) = %+v, %v", slug, there, err)
		}
		there.Name = "b.ics"
		put := func() error {
			return second(s.Put(ctx, calendar.PutRequest{Who: s.bob, Target: *there, Body: []byte(event("b", "DTSTART:20260111T090000Z"))}))
		}
		if k := calendar.KindOf(put()); k != calendar.Forbidden {
			t.Errorf("a reader writes: kind %v, want Forbidden", k)
		}

		// It takes Bob's time only if he says so.
		if n := s.busy(s.bob); n != 0 {
			t.Errorf("Bob is busy %d times because of Alice's calendar", n)
		}
		own := calendar.Target{Owner: there.Owner, Slug: there.Slug, Share: there.Share, Sharee: there.Sharee}
		err = s.Patch(ctx, s.bob, own, calendar.Edit{Live: func(c *storage.Calendar) error { c.Transparent, c.Color = false, "#112233"; return nil }})
		if err != nil {
			t.Fatal(err)
		}
		if n := s.busy(s.bob); n != 1 {
			t.Errorf("Bob is busy %d times, want 1", n)
		}
		if c, err := s.Collection(ctx, s.alice, target(s.alice, "")); err != nil || c.Color == "#112233" {
			t.Errorf("Alice's calendar has Bob's colour: %+v, %v", c, err)
		}
		if err := s.Patch(ctx, s.alice, own, calendar.Edit{}); calendar.KindOf(err) != calendar.Forbidden {
			t.Errorf("Alice changes Bob's view: %v", err)
		}

		// More rights count at once; what a program asks for again by an ACL does not take them.
		s.share(s.bob, calendar.ShareWrite, false)
		if err := put(); err != nil {
			t.Errorf("a writer writes: %v", err)
		}
		if err := s.grant(s.alice, "calendar"); err != nil {
			t.Fatal(err)
		}
		if err := read(); err != nil {
			t.Errorf("after an ACL that grants nothing: %v", err)
		}

		// Taken out by Bob, and back in; then by Alice, with all that is left of it.
		if err := s.DeleteCalendar(ctx, s.bob, own, nil); err != nil {
			t.Fatal(err)
		}
		if got := s.sharedHome(s.bob); len(got) > 0 {
			t.Errorf("in Bob's home after he took it out: %v", got)
		}
		if k := calendar.KindOf(read()); k != calendar.Forbidden {
			t.Errorf("Bob reads after he declined: kind %v", k)
		}
		if _, err := s.AnswerShare(ctx, s.bob, s.bob, inv.Share.UID, true, ""); err != nil {
			t.Fatal(err)
		}
		if err := s.Unshare(ctx, s.alice, target(s.alice, ""), []*storage.Principal{s.bob, s.cleo}); err != nil {
			t.Fatal(err)
		}
		if got := s.sharedHome(s.bob); len(got) > 0 {
			t.Errorf("in Bob's home after it was taken back: %v", got)
		}
		if k := calendar.KindOf(read()); k != calendar.Forbidden {
			t.Errorf("Bob reads what was taken back: kind %v", k)
		}
		if list, err := s.Shares(ctx, s.alice, target(s.alice, "")); err != nil || len(list) > 0 {
			t.Errorf("Shares after all: %v, %v", list, err)
		}
	})
}

func TestShareRefused(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		ask := func(who, owner, with *storage.Principal, slug string, a calendar.ShareAccess) error {
			return s.Share(ctx, who, calendar.Target{Owner: owner, Slug: slug}, []calendar.ShareRequest{{With: with, Access: a}})
		}
		for _, tt := range []struct {
			what string
			err  error
			want calendar.Kind
		}{
			{"with oneself", ask(s.alice, s.alice, s.alice, "calendar", calendar.ShareRead), calendar.Refused},
			{"another's", ask(s.bob, s.alice, s.cleo, "calendar", calendar.ShareRead), calendar.Forbidden},
			{"an inbox", ask(s.alice, s.alice, s.bob, "inbox", calendar.ShareRead), calendar.Refused},
			{"what is not there", ask(s.alice, s.alice, s.bob, "nowhere", calendar.ShareRead), calendar.NotFound},
			{"no access", ask(s.alice, s.alice, s.bob, "calendar", "all"), calendar.BadRequest},
			{"nobody", second(s.Sharee(ctx, "nobody@example.net")), calendar.NotFound},
			{"nothing", second(s.Sharee(ctx, "")), calendar.NotFound},
			{"listed by another", second(s.Shares(ctx, s.bob, target(s.alice, ""))), calendar.Forbidden},
		} {
			if k := calendar.KindOf(tt.err); tt.err == nil || k != tt.want {
				t.Errorf("share %s: %v (kind %v), want kind %v", tt.what, tt.err, k, tt.want)
			}
		}
		for _, name := range []string{"bob", "BOB", "bob@example.com", "mailto:bob@example.com", "/dav/principals/users/bob/"} {
			if p, err := s.Sharee(ctx, name); err != nil || p.ID != s.bob.ID {
				t.Errorf("Sharee(%q) = %v, %v", name, p, err)
			}
		}
		// One who shares on what was shared with them.
		inv := s.share(s.bob, calendar.ShareWrite, true)
		own := inv.Target(s.bob, "calendar")
		if err := s.Share(ctx, s.bob, own, []calendar.ShareRequest{{With: s.cleo, Access: calendar.ShareRead}}); calendar.KindOf(err) != calendar.Forbidden {
			t.Errorf("Bob shares Alice's calendar: %v", err)
		}
	})
}

// What a member of a group may do ends with the membership; that the calendar was in their home changes nothing in it.
func TestShareWithGroup(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		team := s.add("crew", "group")
		members := func(ids ...int64) {
			t.Helper()
			if err := s.Store.Update(ctx, func(tx storage.Tx) error { return tx.SetMembers(ctx, team.ID, ids) }); err != nil {
				t.Fatal(err)
			}
		}
		members(s.bob.ID)
		s.put(s.alice, "a.ics", event("a", "DTSTART:20260110T090000Z"))
		s.share(team, calendar.ShareWrite, false)
		inv := s.invitation(s.bob)
		if inv.Share.Via != team.ID {
			t.Errorf("Bob's invitation comes from %d, want the group %d", inv.Share.Via, team.ID)
		}
		if _, err := s.AnswerShare(ctx, s.bob, s.bob, inv.Share.UID, true, ""); err != nil {
			t.Fatal(err)
		}
		if got := s.sharedHome(s.bob); len(got) != 1 {
			t.Errorf("in Bob's home: %v", got)
		}
		members()
		if got := s.sharedHome(s.bob); len(got) != 0 {
			t.Errorf("in Bob's home when he is no member any more: %v", got)
		}
		if _, _, err := s.Object(ctx, s.bob, target(s.alice, "a.ics")); calendar.KindOf(err) != calendar.Forbidden {
			t.Errorf("Bob reads when he is no member any more: %v", err)
		}
		if err := s.Unshare(ctx, s.alice, target(s.alice, ""), []*storage.Principal{team}); err != nil {
			t.Fatal(err)
		}
		if list, err := s.Invitations(ctx, s.bob); err != nil || len(list) > 0 {
			t.Errorf("Invitations(bob) when the group lost it: %v, %v", list, err)
		}
	})
}

// Who joins a group is invited as the others were, who leaves has nothing left of it, and who is in it another way keeps it.
func TestShareFollowsTheGroup(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		crew, all, other := s.add("crew", "group"), s.add("everyone", "group"), s.add("other", "group")
		change := func(group *storage.Principal, add, remove []int64) {
			t.Helper()
			if err := s.ChangeGroup(ctx, group, add, remove); err != nil {
				t.Fatal(err)
			}
			for {
				jobs, err := s.Store.ClaimJobs(ctx, calendar.JobKinds, clock, time.Minute, 10)
				if err != nil {
					t.Fatal(err)
				}
				for _, j := range jobs {
					for range 2 { // a job may come twice
						if err := s.Do(ctx, j); err != nil {
							t.Fatal(err)
						}
					}
					j.State = storage.Done
					if err := s.Store.FinishJob(ctx, j); err != nil {
						t.Fatal(err)
					}
				}
				if len(jobs) == 0 {
					return
				}
			}
		}
		invited := func(who *storage.Principal) string {
			t.Helper()
			list, err := s.Invitations(ctx, who)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, i := range list {
				got = append(got, string(i.Share.State)+" "+string(calendar.AccessOf(i.Share)))
			}
			return strings.Join(got, ", ")
		}
		expect := func(what string, who *storage.Principal, want string) {
			t.Helper()
			if got := invited(who); got != want {
				t.Errorf("%s: %s has %q, want %q", what, who.Name, got, want)
			}
		}
		change(all, []int64{crew.ID}, nil)
		s.share(all, calendar.ShareWrite, false)
		change(crew, []int64{s.bob.ID, s.alice.ID}, nil)
		expect("who joins a group in the group", s.bob, "invited read-write")
		expect("the owner", s.alice, "")
		inv := s.invitation(s.bob)
		if notices, err := s.notices(s.bob); err != nil || len(notices) != 1 || notices[0].UID != inv.Share.UID {
			t.Errorf("Bob's notices: %v, %v", notices, err)
		}
		slug, err := s.AnswerShare(ctx, s.bob, s.bob, inv.Share.UID, true, "Boats")
		if err != nil {
			t.Fatal(err)
		}
		change(crew, []int64{s.cleo.ID}, nil)
		expect("who joins later", s.cleo, "invited read-write")
		expect("who was there", s.bob, "accepted read-write")
		before, err := s.SyncHome(ctx, s.bob, s.bob, "", 0, false)
		if err != nil {
			t.Fatal(err)
		}
		change(crew, nil, []int64{s.bob.ID, s.cleo.ID})
		expect("who leaves", s.bob, "")
		expect("who leaves without an answer", s.cleo, "")
		after, err := s.SyncHome(ctx, s.bob, s.bob, before.Token.String(), 0, false)
		if err != nil || !slices.ContainsFunc(after.Changes, func(c calendar.HomeChange) bool { return c.Slug == slug && c.Calendar == nil }) {
			t.Errorf("Bob's home tells %+v, %v; want that %s is gone", after, err, slug)
		}
		if notices, err := s.notices(s.cleo); err != nil || len(notices) != 0 {
			t.Errorf("Cleo's notices: %v, %v", notices, err)
		}
		// By another group that has it, and by name.
		change(crew, []int64{s.bob.ID, s.cleo.ID}, nil)
		if _, err := s.AnswerShare(ctx, s.bob, s.bob, s.invitation(s.bob).Share.UID, true, ""); err != nil {
			t.Fatal(err)
		}
		s.share(s.cleo, calendar.ShareRead, false)
		change(other, []int64{s.bob.ID}, nil)
		s.share(other, calendar.ShareRead, false)
		change(crew, nil, []int64{s.bob.ID, s.cleo.ID})
		expect("who is in another group that has it", s.bob, "accepted read")
		expect("who was invited by name", s.cleo, "invited read")
		// With the group all goes that came through it.
		if err := s.RemovePrincipal(ctx, other); err != nil {
			t.Fatal(err)
		}
		expect("the other group is removed", s.bob, "")
		if list, err := s.Shares(ctx, s.alice, target(s.alice, "")); err != nil || len(list) != 2 {
			t.Errorf("Shares = %d, %v; want those of Cleo and of everyone", len(list), err)
		}
	})
}

// notices are what is in somebody's notification collection.
func (s *site) notices(of *storage.Principal) (list []*calendar.Notice, err error) {
	err = s.Objects(s.t.Context(), of, calendar.Target{Owner: of, Slug: "notification"}, storage.WithICS, func(o *storage.Object) error {
		n, err := calendar.NoticeOf(o)
		list = append(list, n)
		return err
	})
	return list, err
}

// A sharer's account that goes takes its calendars out of the homes of others, and their programs learn it with the next sync.
func TestRemoveSharer(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		s.put(s.alice, "a.ics", event("a", "DTSTART:20260110T090000Z"))
		inv := s.share(s.bob, calendar.ShareRead, true)
		s.share(s.cleo, calendar.ShareRead, false)
		if err := s.MakeCalendar(ctx, s.bob, calendar.Target{Owner: s.bob, Slug: "boats"}, calendar.Edit{}); err != nil {
			t.Fatal(err)
		}
		err := s.Share(ctx, s.bob, calendar.Target{Owner: s.bob, Slug: "boats"}, []calendar.ShareRequest{{With: s.alice, Access: calendar.ShareRead, Direct: true}})
		if err != nil {
			t.Fatal(err)
		}
		first, err := s.SyncHome(ctx, s.bob, s.bob, "", 0, false)
		if err != nil || !slices.ContainsFunc(first.Changes, func(c calendar.HomeChange) bool { return c.Slug == inv.Share.Slug() }) {
			t.Fatalf("Bob's home: %+v, %v", first, err)
		}
		if err := s.RemovePrincipal(ctx, s.alice); err != nil {
			t.Fatal(err)
		}
		next, err := s.SyncHome(ctx, s.bob, s.bob, first.Token.String(), 0, false)
		if err != nil {
			t.Fatalf("the token is no good any more: %v", err)
		}
		var got []string
		for _, c := range next.Changes {
			if c.Calendar == nil {
				got = append(got, "-"+c.Slug)
			} else {
				got = append(got, c.Slug)
			}
		}
		slices.Sort(got)
		if want := []string{"-" + inv.Share.Slug(), "boats", "notification"}; !slices.Equal(got, want) {
			t.Errorf("Bob's home tells %v, want %v", got, want)
		}
		if again, err := s.SyncHome(ctx, s.bob, s.bob, next.Token.String(), 0, false); err != nil || len(again.Changes) > 0 {
			t.Errorf("and then %+v, %v", again, err)
		}
		if there, err := s.Shared(ctx, s.bob, inv.Share.Slug()); err != nil || there != nil {
			t.Errorf("the place leads to %+v, %v", there, err)
		}
		if notices, err := s.notices(s.bob); err != nil || len(notices) != 1 || notices[0].State != calendar.ShareDeleted {
			t.Errorf("Bob's notices: %+v, %v", notices, err)
		}
		if notices, err := s.notices(s.cleo); err != nil || len(notices) != 0 {
			t.Errorf("Cleo's notices, who had not answered: %+v, %v", notices, err)
		}
		boats, err := s.Store.Calendar(ctx, s.bob.ID, "boats")
		if err != nil || boats.Shared {
			t.Errorf("Bob's boats are still shared with Alice: %+v, %v", boats, err)
		}
	})
}

// The busy times are all that such a share shows: there is no calendar of it.
func TestShareBusy(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		hide := calendar.Edit{Live: func(c *storage.Calendar) error { c.Transparent = true; return nil }}
		if err := s.Patch(ctx, s.alice, target(s.alice, ""), hide); err != nil {
			t.Fatal(err)
		}
		inv := s.share(s.bob, calendar.ShareBusy, false)
		if inv.Share.State != storage.ShareAccepted {
			t.Errorf("state %q: there is nothing to ask", inv.Share.State)
		}
		c, err := s.Collection(ctx, s.bob, target(s.alice, ""))
		if err != nil {
			t.Fatal(err)
		}
		a, err := s.Access(ctx, s.bob, s.alice)
		if err != nil || a.To(c) != auth.ReadFreeBusy|auth.ReadCurrentUserPrivilegeSet {
			t.Errorf("Bob may do %b, %v", a.To(c), err)
		}
		if got := s.sharedHome(s.bob); len(got) > 0 {
			t.Errorf("in Bob's home: %v", got)
		}
		if there, err := s.Shared(ctx, s.bob, inv.Share.Slug()); err != nil || there != nil {
			t.Errorf("Shared = %+v, %v", there, err)
		}
	})
}

// A calendar that goes leaves nothing behind at those it was shared with, however many they are.
func TestDeleteSharedCalendar(t *testing.T) {
	each(t, func(s *site) {
		ctx := t.Context()
		var crew []*storage.Principal
		var list []calendar.ShareRequest
		for _, name := range strings.Fields("u01 u02 u03 u04 u05 u06 u07 u08 u09 u10 u11 u12") {
			p := s.add(name, "user")
			crew = append(crew, p)
			list = append(list, calendar.ShareRequest{With: p, Access: calendar.ShareRead, Direct: true})
		}
		boats := calendar.Target{Owner: s.alice, Slug: "boats"}
		if err := s.MakeCalendar(ctx, s.alice, boats, calendar.Edit{}); err != nil {
			t.Fatal(err)
		}
		if err := s.Share(ctx, s.alice, boats, list); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteCalendar(ctx, s.alice, boats, nil); err != nil {
			t.Fatal(err)
		}
		for _, p := range crew {
			if list, err := s.Store.Shared(ctx, p.ID); err != nil || len(list) > 0 {
				t.Errorf("%s still has %d shares, %v", p.Name, len(list), err)
			}
		}
	})
}
