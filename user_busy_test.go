package main

import (
	"strings"
	"testing"
)

func TestUserBusy(t *testing.T) {
	t.Chdir(t.TempDir())
	if status, _, errs := kalends(t, "secret of alice\n", "user", "add", "alice", "--password-stdin"); status != 0 {
		t.Fatal(errs)
	}
	ok(t, "user", "add", "team", "--kind", "group")
	const private, public = "When alice is busy, only people with an account can see.\n", "When alice is busy, everybody can see: /freebusy/alice\n"
	for _, step := range []struct{ flag, want string }{{"", private}, {"--public", public}, {"", public}, {"--private", private}, {"", private}} {
		args := []string{"user", "busy", "Alice"}
		if step.flag != "" {
			args = append(args, step.flag)
		}
		if got := ok(t, args...); got != step.want {
			t.Errorf("%v = %q, want %q", args, got, step.want)
		}
	}
	if status, _, errs := kalends(t, "", "user", "busy", "team", "--public"); status != 1 || !strings.Contains(errs, "team is a group") {
		t.Errorf("a group: %d %s", status, errs)
	}
	if status, _, errs := kalends(t, "", "user", "busy", "nobody"); status != 1 || !strings.Contains(errs, "there is no nobody") {
		t.Errorf("nobody: %d %s", status, errs)
	}
	if status, _, _ := kalends(t, "", "user", "busy", "alice", "--public", "--private"); status == 0 {
		t.Error("both flags were taken")
	}
}
