package storagetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"kalends/storage"
)

func testTokens(t *testing.T, s storage.Store) {
	ctx := t.Context()
	a, b := newHome(t, s), newHome(t, s)
	name := func(x string) string { return fmt.Sprintf("%s%d", x, serial.Add(1)) }
	first := &storage.Token{Owner: a.owner, ID: name("id"), Hash: name("hash"), Label: "Für die Küche", Scopes: "read write", Created: t0}
	second := &storage.Token{Owner: b.owner, ID: name("id"), Hash: name("hash"), Scopes: "read", Created: t0, Expires: t0.Add(time.Hour)}
	check(t, s.AddToken(ctx, first))
	check(t, s.AddToken(ctx, second))
	for _, same := range []storage.Token{
		{Owner: b.owner, ID: first.ID, Hash: "other"}, {Owner: b.owner, ID: "other", Hash: first.Hash},
	} {
		if err := s.AddToken(ctx, &same); !errors.Is(err, storage.ErrConflict) {
			t.Errorf("AddToken(%s, %s) = %v, want ErrConflict", same.ID, same.Hash, err)
		}
	}
	if err := s.AddToken(ctx, &storage.Token{Owner: a.owner, ID: "x", Hash: "x", Label: "a\x00"}); !errors.Is(err, storage.ErrInvalid) {
		t.Errorf("AddToken with a NUL = %v, want ErrInvalid", err)
	}
	expect := func(what string, hash string, want *storage.Token) {
		t.Helper()
		got, err := s.TokenByHash(ctx, hash)
		if want == nil && errors.Is(err, storage.ErrNotFound) {
			return
		}
		check(t, err)
		diff(t, what, got, want)
	}
	expect("a token", first.Hash, first)
	expect("no token", "nothing", nil)
	later := t0.Add(time.Hour)
	check(t, s.UseToken(ctx, first.Hash, later))
	check(t, s.UseToken(ctx, first.Hash, t0)) // an earlier use that is noted later
	first.Used = later
	expect("a used token", first.Hash, first)
	list, err := s.Tokens(ctx, a.owner)
	check(t, err)
	diff(t, "Tokens of one", list, []*storage.Token{first})
	if list, err = s.Tokens(ctx, 0); err != nil || len(list) != 2 {
		t.Errorf("Tokens of all: %d (%v), want 2", len(list), err)
	}
	if err := s.RemoveToken(ctx, b.owner, first.ID); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("RemoveToken of another = %v, want ErrNotFound", err)
	}
	check(t, s.RemoveToken(ctx, a.owner, first.ID))
	if err := s.RemoveToken(ctx, 0, first.ID); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("RemoveToken again = %v, want ErrNotFound", err)
	}
	expect("a removed token", first.Hash, nil)
	if n, err := s.PurgeAPI(ctx, time.Time{}, t0.Add(time.Hour), 10); n != 0 || err != nil {
		t.Errorf("PurgeAPI = %d (%v), want none", n, err)
	}
	if n, err := s.PurgeAPI(ctx, time.Time{}, t0.Add(time.Hour+1000), 10); n != 1 || err != nil {
		t.Errorf("PurgeAPI = %d (%v), want the one that expired", n, err)
	}
	expect("an expired token", second.Hash, nil)
	check(t, s.AddToken(ctx, second))
	remove(t, s, b.owner)
	b.gone = true
	expect("a token of somebody who is gone", second.Hash, nil)
}

func testRequests(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h, other := newHome(t, s), newHome(t, s)
	const day = 24 * time.Hour
	begin := func(owner int64, key, request, ref string, at time.Time) (*storage.Request, *storage.Request) {
		t.Helper()
		r := &storage.Request{Owner: owner, Key: key, Request: request, Ref: ref, Created: at, Lease: at.Add(time.Minute)}
		there, err := s.BeginRequest(ctx, r, at, at.Add(-day))
		check(t, err)
		return r, there
	}
	r, there := begin(h.owner, "k", "put", "uid-1", t0)
	if there != nil || r.Ref != "uid-1" {
		t.Fatalf("begin a new request: %+v, %+v", r, there)
	}
	if _, there = begin(other.owner, "k", "put", "uid-2", t0); there != nil {
		t.Errorf("another's key is in the way: %+v", there)
	}
	if _, there = begin(h.owner, "k", "put", "uid-3", t0.Add(time.Second)); there == nil || there.Status != 0 || there.Ref != "uid-1" {
		t.Errorf("begin what is under way = %+v, want it, with uid-1", there)
	}
	// Its server has stopped: who tries again goes on with what it chose.
	again, there := begin(h.owner, "k", "put", "uid-4", t0.Add(time.Minute))
	if there != nil || again.Ref != "uid-1" {
		t.Fatalf("begin after the lease = %+v, %+v, want uid-1", again, there)
	}
	r.Status, r.Answer = 201, []byte("of the first")
	check(t, s.EndRequest(ctx, r)) // too late: it is another's
	again.Status, again.Answer = 201, []byte(`{"id":"a"}`)
	check(t, s.EndRequest(ctx, again))
	check(t, s.EndRequest(ctx, &storage.Request{Owner: h.owner, Key: "k", Lease: again.Lease})) // what is done is not forgotten
	_, there = begin(h.owner, "k", "other", "uid-5", t0.Add(2*time.Minute))
	diff(t, "what is done", there, &storage.Request{
		Owner: h.owner, Key: "k", Request: "put", Ref: "uid-1", Created: t0.Add(time.Minute), Lease: again.Lease, Status: 201, Answer: again.Answer,
	})
	// A day later the key is free.
	if r, there = begin(h.owner, "k", "put", "uid-6", t0.Add(day+2*time.Minute)); there != nil || r.Ref != "uid-6" {
		t.Errorf("begin a day later = %+v, %+v, want uid-6", r, there)
	}
	check(t, s.EndRequest(ctx, r)) // without an answer
	if r, there = begin(h.owner, "k", "put", "uid-7", t0.Add(day+3*time.Minute)); there != nil || r.Ref != "uid-7" {
		t.Errorf("begin what was forgotten = %+v, %+v, want uid-7", r, there)
	}
	if n, err := s.PurgeAPI(ctx, t0.Add(time.Minute), time.Time{}, 10); n != 1 || err != nil {
		t.Errorf("PurgeAPI = %d (%v), want the other's", n, err)
	}
	if _, err := s.BeginRequest(ctx, &storage.Request{Owner: h.owner, Key: "a\x00"}, t0, t0); !errors.Is(err, storage.ErrInvalid) {
		t.Errorf("a key with a NUL: %v, want ErrInvalid", err)
	}
}

// testRequestRace: of many that send the same at once, one carries it out.
func testRequestRace(t *testing.T, s storage.Store) {
	ctx := t.Context()
	h := newHome(t, s)
	var wg sync.WaitGroup
	var mu sync.Mutex
	begun := 0
	for i := range 16 {
		wg.Go(func() {
			r := &storage.Request{Owner: h.owner, Key: "k", Request: "put", Ref: fmt.Sprint(i), Created: t0, Lease: t0.Add(time.Minute)}
			there, err := s.BeginRequest(ctx, r, t0, t0.Add(-time.Hour))
			if err != nil {
				t.Error(err)
			}
			if there == nil {
				mu.Lock()
				begun++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if begun != 1 {
		t.Errorf("%d carry it out, want 1", begun)
	}
}

func testHomeSeqs(t *testing.T, s storage.Store) {
	ctx := t.Context()
	a, b := newHome(t, s), newHome(t, s)
	read := func() map[int64]int64 {
		t.Helper()
		seqs, err := s.HomeSeqs(ctx, []int64{a.owner, b.owner, 1 << 40})
		check(t, err)
		return seqs
	}
	before := read()
	o := a.put(a.cal, "a.ics", nil)
	after := read()
	if len(before) != 2 || after[a.owner] < o.Seq || after[a.owner] == before[a.owner] || after[b.owner] != before[b.owner] {
		t.Errorf("HomeSeqs before %v, after %v; wrote %d in %d", before, after, o.Seq, a.owner)
	}
	if seqs, err := s.HomeSeqs(ctx, nil); err != nil || len(seqs) != 0 {
		t.Errorf("HomeSeqs of nobody = %v, %v", seqs, err)
	}
	// A deletion says what it was of.
	a.delete(a.cal, "a.ics")
	changes, err := s.Changes(ctx, a.cal, 0, 0)
	if err != nil || len(changes) != 1 || !changes[0].Deleted || changes[0].ID != o.ID {
		t.Errorf("changes after a deletion = %+v (%v), want the id %d", changes, err, o.ID)
	}
}
