package calendar_test

import (
	"context"
	"strings"
	"testing"

	"kalends/auth"
	"kalends/calendar"
	"kalends/storage"
	"kalends/storage/storagetest"
)

// between is a store that has something happen before one of its transactions.
type between struct {
	storage.Store
	n  int
	do func()
}

func (b *between) Update(ctx context.Context, fn func(storage.Tx) error) error {
	if b.n--; b.n == 0 {
		b.do()
	}
	return b.Store.Update(ctx, fn)
}

// TestMoveToAnotherLosesNothing: what is changed while an object is on its way into somebody else's calendar stays, and what the mover
// does not see whole stays where it is.
func TestMoveToAnotherLosesNothing(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store storage.Store) {
		hook := &between{Store: store}
		s := newSite(t, hook)
		ctx := t.Context()
		for _, owner := range []*storage.Principal{s.alice, s.bob} {
			if err := s.SetGrants(ctx, owner, target(owner, ""), []storage.Grant{{Grantee: s.cleo.ID, Privileges: uint32(auth.Read | auth.Write)}}); err != nil {
				t.Fatal(err)
			}
		}
		s.put(s.alice, "a.ics", event("a", "DTSTART:20260106T090000Z", "SUMMARY:Before"))
		hook.do = func() { s.put(s.alice, "a.ics", event("a", "DTSTART:20260106T090000Z", "SUMMARY:After")) }
		hook.n = 2
		r := calendar.MoveRequest{Who: s.cleo, From: target(s.alice, "a.ics"), To: target(s.bob, "a.ics")}
		if _, err := s.Move(ctx, r); kind(err) != calendar.Changed {
			t.Errorf("Move of what is changed meanwhile: %v", err)
		}
		if _, text := s.copy(s.alice, "a"); !strings.Contains(text, "SUMMARY:After") {
			t.Errorf("Alice has\n%s", text)
		}
		r.Overwrite = true
		if _, err := s.Move(ctx, r); err != nil {
			t.Errorf("Move once more: %v", err)
		}
		if o, _ := s.copy(s.alice, "a"); o != nil {
			t.Error("Alice still has it")
		}
		if _, text := s.copy(s.bob, "a"); !strings.Contains(text, "SUMMARY:After") {
			t.Errorf("Bob has\n%s", text)
		}
		s.put(s.alice, "b.ics", event("b", "DTSTART:20260106T090000Z", "SUMMARY:Doctor", "CLASS:CONFIDENTIAL"))
		r.From.Name, r.To.Name = "b.ics", "b.ics"
		if _, err := s.Move(ctx, r); kind(err) != calendar.Forbidden {
			t.Errorf("Move of what is confidential: %v", err)
		}
		if o, _ := s.copy(s.bob, "b"); o != nil {
			t.Error("half of it is in Bob's calendar")
		}
	})
}
