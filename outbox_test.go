package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"kalends/internal/config"
	"kalends/storage"
)

func TestTheOutboxIsMendedByHand(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "migrate")
	ok(t, "user", "add", "alice", "--email", "alice@example.com")
	if out := ok(t, "outbox", "list"); strings.Count(out, "\n") != 1 {
		t.Errorf("an empty outbox:\n%s", out)
	}
	store, err := openStore(t.Context(), config.Default(), false)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	alice, err := store.PrincipalByName(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	err = store.Update(t.Context(), func(tx storage.Tx) error {
		if err := tx.Lock(t.Context(), 2, alice.ID); err != nil {
			return err
		}
		for _, to := range []string{"mailto:bob@example.org", "mailto:carol@example.org"} {
			id, err := tx.Next(t.Context(), alice.ID)
			if err != nil {
				return err
			}
			if err := tx.AddJob(t.Context(), &storage.Job{Owner: alice.ID, ID: id, Kind: "mail", Recipient: to, DueAt: now, Created: now}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := store.ClaimJobs(t.Context(), []string{"mail"}, now, time.Minute, 1)
	if err != nil || len(jobs) != 1 {
		t.Fatal(jobs, err)
	}
	jobs[0].State, jobs[0].LastError = storage.Failed, "550 no\x1b[31m such user"
	if err := store.FinishJob(t.Context(), jobs[0]); err != nil {
		t.Fatal(err)
	}
	out := ok(t, "outbox", "list")
	m := regexp.MustCompile(`(?m)^(\d+/\d+) +mail +failed +1 +- +(\S+) +550 no\?\[31m such user$`).FindStringSubmatch(out)
	if m == nil || !strings.Contains(out, "carol@example.org") || !strings.Contains(out, "bob@example.org") {
		t.Fatalf("the list is\n%s", out)
	}
	ok(t, "outbox", "retry", "--failed")
	if out := ok(t, "outbox", "list", "--state", "ready"); strings.Count(out, "\n") != 3 {
		t.Errorf("after retry:\n%s", out)
	}
	ok(t, "outbox", "drop", m[1])
	if out := ok(t, "outbox", "list"); strings.Count(out, "\n") != 2 {
		t.Errorf("after drop:\n%s", out)
	}
	for _, args := range []string{"outbox retry", "outbox retry 1/99999", "outbox drop " + m[1], "outbox drop x", "outbox retry 1/x"} {
		if status, _, errs := kalends(t, "", strings.Fields(args)...); status != 1 || strings.Count(errs, "\n") != 1 {
			t.Errorf("kalends %s: %d %s", args, status, errs)
		}
	}
}
