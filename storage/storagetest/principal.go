package storagetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"kalends/storage"
)

func testServer(t *testing.T, s storage.Store) {
	ctx := t.Context()
	check(t, s.Ready(ctx))
	check(t, s.Migrate(ctx)) // once more does nothing
	first, err := s.Epoch(ctx)
	if err != nil || first == 0 {
		t.Fatalf("Epoch() = %d, %v", first, err)
	}
	var mu sync.Mutex
	var secrets []string
	var wg sync.WaitGroup
	name := fmt.Sprintf("secret %d", serial.Add(1))
	for range 8 {
		wg.Go(func() {
			secret, err := s.Secret(ctx, name)
			if err != nil {
				t.Errorf("Secret: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			secrets = append(secrets, string(secret))
		})
	}
	wg.Wait()
	if slices.Sort(secrets); len(slices.Compact(secrets)) != 1 || len(secrets[0]) != 32 {
		t.Errorf("eight servers have %d different secrets of %d bytes", len(slices.Compact(secrets)), len(secrets[0]))
	}
	other, err := s.Secret(ctx, name+"b")
	if err != nil || string(other) == secrets[0] {
		t.Errorf("secrets of two names are the same (%v)", err)
	}
}

func testPrincipals(t *testing.T, s storage.Store) {
	ctx := t.Context()
	alice, bob := person("alice"), person("bob")
	alice.Admin = true
	check(t, s.Update(ctx, func(tx storage.Tx) error {
		alice.ID, bob.ID = 0, 0
		if err := tx.PutPrincipal(ctx, alice, []string{"mailto:alice@example.com", "mailto:a@example.net", "urn:uuid:1"}); err != nil {
			return err
		}
		if err := tx.SetCredential(ctx, alice.ID, "hash 1"); err != nil {
			return err
		}
		return tx.PutPrincipal(ctx, bob, nil)
	}))
	if alice.ID <= 0 || bob.ID <= alice.ID {
		t.Fatalf("ids are %d and %d", alice.ID, bob.ID)
	}
	want := *alice
	want.PasswordHash, want.CredentialVersion = "hash 1", 1
	got, err := s.PrincipalByName(ctx, "ALICE")
	check(t, err)
	diff(t, "PrincipalByName", got, &want)
	got, err = s.PrincipalByID(ctx, alice.ID)
	check(t, err)
	diff(t, "PrincipalByID", got, &want)

	found, err := s.PrincipalsByAddress(ctx, []string{"mailto:a@example.net", "mailto:nobody@example.net", "mailto:alice@example.com"})
	check(t, err)
	diff(t, "PrincipalsByAddress", found, map[string]*storage.Principal{"mailto:a@example.net": &want, "mailto:alice@example.com": &want})

	check(t, s.Update(ctx, func(tx storage.Tx) error {
		p := *alice
		p.DisplayName, p.TimeZone, p.Admin = "Alice B.", "", false
		p.Booking = storage.Booking{Answer: storage.AnswerTentative, Days: 30, Group: 7}
		if err := tx.PutPrincipal(ctx, &p, []string{"mailto:b@example.net", "mailto:alice@example.com"}); err != nil {
			return err
		}
		return tx.SetCredential(ctx, p.ID, "")
	}))
	got, err = s.PrincipalByName(ctx, "alice")
	check(t, err)
	want.DisplayName, want.TimeZone, want.Admin, want.PasswordHash, want.CredentialVersion = "Alice B.", "", false, "", 2
	want.Booking = storage.Booking{Answer: storage.AnswerTentative, Days: 30, Group: 7}
	diff(t, "PrincipalByName after a change", got, &want)
	addresses, err := s.Addresses(ctx, alice.ID)
	check(t, err)
	diff(t, "Addresses", addresses, []string{"mailto:b@example.net", "mailto:alice@example.com"})

	for what, fn := range map[string]func(storage.Tx) error{
		"name": func(tx storage.Tx) error { return tx.PutPrincipal(ctx, person("Alice"), nil) },
		"address": func(tx storage.Tx) error {
			return tx.PutPrincipal(ctx, person("carol"), []string{"mailto:b@example.net"})
		},
	} {
		if err := s.Update(ctx, fn); !errors.Is(err, storage.ErrConflict) {
			t.Errorf("principal with a taken %s: %v, want ErrConflict", what, err)
		}
	}
	missing := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", what, err)
		}
	}
	_, err = s.PrincipalByName(ctx, "carol")
	missing("PrincipalByName", err)
	_, err = s.PrincipalByID(ctx, 1<<40)
	missing("PrincipalByID", err)
	missing("PutPrincipal", s.Update(ctx, func(tx storage.Tx) error {
		p := person("carol")
		p.ID = 1 << 40
		return tx.PutPrincipal(ctx, p, nil)
	}))
	remove(t, s, alice.ID, bob.ID)
	missing("DeletePrincipal", s.Update(ctx, func(tx storage.Tx) error { return tx.DeletePrincipal(ctx, alice.ID) }))
}

func remove(t *testing.T, s storage.Store, ids ...int64) {
	t.Helper()
	for _, id := range ids {
		check(t, s.Update(t.Context(), func(tx storage.Tx) error { return tx.DeletePrincipal(t.Context(), id) }))
	}
}

func testSearch(t *testing.T, s storage.Store) {
	ctx := t.Context()
	var ids []int64
	for _, p := range []*storage.Principal{
		{Name: "q-anna", Kind: storage.Person, DisplayName: "Änne Beispiel"},
		{Name: "q-bert", Kind: storage.Person, DisplayName: "Bert 100%"},
		{Name: "q-hall", Kind: storage.Room, DisplayName: "Great_Hall"},
		{Name: "q-team", Kind: storage.Group, DisplayName: "Team"},
		{Name: "q-van", Kind: storage.Resource, DisplayName: "Van"},
	} {
		check(t, s.Update(ctx, func(tx storage.Tx) error {
			p.ID = 0
			return tx.PutPrincipal(ctx, p, []string{"mailto:" + p.Name + "@example.org"})
		}))
		ids = append(ids, p.ID)
	}
	defer remove(t, s, ids...)
	for _, tt := range []struct {
		q    storage.PrincipalQuery
		want []string
	}{
		{storage.PrincipalQuery{}, []string{"q-anna", "q-bert", "q-hall", "q-team", "q-van"}},
		{storage.PrincipalQuery{Limit: 2}, []string{"q-anna", "q-bert"}},
		{storage.PrincipalQuery{After: "q-bert", Limit: 2}, []string{"q-hall", "q-team"}},
		{storage.PrincipalQuery{Kinds: []storage.Kind{storage.Room, storage.Resource}}, []string{"q-hall", "q-van"}},
		{storage.PrincipalQuery{Search: "ÄNNE"}, []string{"q-anna"}},
		{storage.PrincipalQuery{Search: "van@Example.org"}, []string{"q-van"}},
		{storage.PrincipalQuery{Search: "0%"}, []string{"q-bert"}},
		{storage.PrincipalQuery{Search: "t_h"}, []string{"q-hall"}},
		{storage.PrincipalQuery{Search: `\`}, nil},
		{storage.PrincipalQuery{Search: "a\x00"}, nil},
		{storage.PrincipalQuery{Search: "q-", Kinds: []storage.Kind{storage.Group}}, []string{"q-team"}},
	} {
		list, err := s.Principals(ctx, tt.q)
		check(t, err)
		var got []string
		for _, p := range list {
			got = append(got, p.Name)
		}
		diff(t, fmt.Sprintf("Principals(%+v)", tt.q), got, tt.want)
	}
}

func testMembers(t *testing.T, s storage.Store) {
	ctx := t.Context()
	a, b, g, h := newHome(t, s), newHome(t, s), newHome(t, s), newHome(t, s)
	check(t, s.Update(ctx, func(tx storage.Tx) error {
		if err := tx.SetMembers(ctx, g.owner, []int64{b.owner, a.owner, b.owner}); err != nil {
			return err
		}
		return tx.SetMembers(ctx, h.owner, []int64{a.owner, g.owner})
	}))
	expect := func(what string, fn func() ([]int64, error), want ...int64) {
		t.Helper()
		got, err := fn()
		check(t, err)
		diff(t, what, got, want)
	}
	expect("Members", func() ([]int64, error) { return s.Members(ctx, g.owner) }, a.owner, b.owner)
	expect("GroupsOf", func() ([]int64, error) { return s.GroupsOf(ctx, a.owner) }, g.owner, h.owner)
	check(t, s.Update(ctx, func(tx storage.Tx) error { return tx.SetMembers(ctx, g.owner, nil) }))
	expect("Members of the emptied", func() ([]int64, error) { return s.Members(ctx, g.owner) })
	expect("GroupsOf after", func() ([]int64, error) { return s.GroupsOf(ctx, a.owner) }, h.owner)
}

func testDeletePrincipal(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h, other := newHome(t, s), newHome(t, s)
	gonesObject := int64(0)
	for _, x := range []*home{other, h} {
		o := x.put(x.cal, "a.ics", nil)
		gonesObject = o.ID
		x.put(x.inbox, "in.ics", nil)
		x.put(x.cal, "b.ics", nil)
		x.delete(x.cal, "b.ics")
		x.locked(func(tx storage.Tx) error {
			if err := tx.SetReminders(ctx, x.owner, o.ID, []*storage.Reminder{{Alarm: "a", ForUser: x.owner, DueAt: t0}}); err != nil {
				return err
			}
			if err := tx.PutProperty(ctx, storage.Property{Owner: x.owner, Calendar: x.cal.ID, Local: "p", XML: []byte("<p/>")}); err != nil {
				return err
			}
			if err := tx.PutMailed(ctx, storage.Mailed{Owner: x.owner, Object: o.ID, Recipient: "mailto:zoe@example.net", At: t0}); err != nil {
				return err
			}
			return tx.AddJob(ctx, &storage.Job{Owner: x.owner, ID: next(t, tx, x.owner), Kind: "gone", DueAt: t0, Object: o.ID})
		})
	}
	gone := h.owner
	remove(t, s, gone)
	h.gone = true
	if list, err := s.Calendars(ctx, gone); err != nil || len(list) > 0 {
		t.Errorf("%d calendars are left (%v)", len(list), err)
	}
	if list, err := s.ObjectsByUID(ctx, []int64{gone}, "uid-a.ics"); err != nil || len(list) > 0 {
		t.Errorf("%d objects are left (%v)", len(list), err)
	}
	if list, err := s.Changes(ctx, h.cal, 0, 0); err != nil || len(list) > 0 {
		t.Errorf("changes are left: %v (%v)", list, err)
	}
	jobs, err := s.Jobs(ctx, nil, 0)
	check(t, err)
	for _, j := range jobs {
		if j.Owner == gone {
			t.Errorf("job is left: %+v", j)
		}
	}
	if _, err := s.Mailed(ctx, gone, gonesObject, "mailto:zoe@example.net"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("what was mailed is left (%v)", err)
	}
	if list, err := s.ClaimReminders(ctx, t0, 0, 10); err != nil || len(list) != 1 || list[0].Owner != other.owner {
		t.Errorf("reminders left: %v (%v), want the other's", list, err)
	}
	err = s.Update(ctx, func(tx storage.Tx) error { return tx.Lock(ctx, 1, gone) })
	if !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Lock of a deleted home: %v, want ErrNotFound", err)
	}
	if again := newHome(t, s); again.owner == gone {
		t.Error("a principal's id was used again")
	}
}

// testLastWords: cancellations that wait outlive the account from which they are.
func testLastWords(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	jobs := []*storage.Job{
		{Kind: "mail", Object: 7}, {Kind: "bring", Object: 8}, {Kind: "mail", Object: 9, Merge: "m"}, {Kind: "spread", Object: 10}, {Kind: "mail", Object: 11},
	}
	h.locked(func(tx storage.Tx) error {
		for i, j := range jobs {
			j.Owner, j.ID, j.DueAt, j.UID = h.owner, next(t, tx, h.owner), t0.Add(time.Duration(i)*time.Second), "u"
			if err := tx.AddJob(ctx, j); err != nil {
				return err
			}
			if err := tx.PutMailed(ctx, storage.Mailed{Owner: h.owner, Object: j.Object, Recipient: "mailto:zoe@example.net", At: t0}); err != nil {
				return err
			}
		}
		return nil
	})
	claim := func() []*storage.Job {
		t.Helper()
		list, err := s.ClaimJobs(ctx, []string{"mail", "bring", "spread"}, t0.Add(time.Hour), time.Minute, 10)
		check(t, err)
		return list
	}
	for _, j := range claim() {
		j.State, j.DueAt = storage.Ready, t0.Add(time.Duration(j.Object)*time.Second)
		if j.Object == 11 {
			j.State = storage.Done
		}
		check(t, s.FinishJob(ctx, j))
	}
	check(t, s.Update(ctx, func(tx storage.Tx) error { return tx.DeletePrincipal(ctx, h.owner, "mail", "bring") }))
	h.gone = true
	list := claim()
	if len(list) != 2 || list[0].Object != 7 || list[1].Object != 8 {
		t.Fatalf("%d jobs are left: %+v", len(list), list)
	}
	for object := int64(7); object <= 11; object++ {
		_, err := s.Mailed(ctx, h.owner, object, "mailto:zoe@example.net")
		if left := err == nil; left != (object <= 8) || err != nil && !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("what was mailed about %d: %v", object, err)
		}
	}
	for i, j := range list {
		j.State = storage.Done
		if i == 1 {
			j.State, j.DueAt = storage.Ready, t0.Add(time.Hour)
		}
		check(t, s.FinishJob(ctx, j))
	}
	check(t, s.DropJob(ctx, h.owner, list[1].ID)) // an administrator may
}
