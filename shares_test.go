package main

import (
	"strings"
	"testing"
)

// TestShareCommands: a calendar is shared with a person, who is asked, and with a group, and taken back.
func TestShareCommands(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"alice", "bob", "carol"} {
		if status, _, errs := kalends(t, "correct horse\n", "user", "add", name, "--email", name+"@example.com", "--password-stdin"); status != 0 {
			t.Fatal(errs)
		}
	}
	if out := ok(t, "calendar", "shares", "alice/calendar"); out != "It is shared with nobody by an invitation.\n" {
		t.Errorf("shares of none: %q", out)
	}
	if out := ok(t, "calendar", "share", "alice/calendar", "bob@example.com", "--write"); !strings.HasPrefix(out, "bob is asked") {
		t.Errorf("share: %q", out)
	}
	if out := ok(t, "calendar", "share", "alice/calendar", "carol", "--free-busy"); out != "Shared with carol: free-busy.\n" {
		t.Errorf("share of busy times: %q", out)
	}
	if out := ok(t, "calendar", "shares", "alice/calendar"); out != "WITH   ACCESS      STATE\nbob    read-write  invited\ncarol  free-busy   accepted\n" {
		t.Errorf("shares: %q", out)
	}
	if out := ok(t, "calendar", "share", "alice/calendar", "bob", "--direct"); out != "Shared with bob: read.\n" {
		t.Errorf("share without asking: %q", out)
	}
	if out := ok(t, "calendar", "unshare", "alice/calendar", "bob"); out != "No longer shared with bob.\n" {
		t.Errorf("unshare: %q", out)
	}
	for _, args := range [][]string{
		{"calendar", "unshare", "alice/calendar", "bob"},
		{"calendar", "share", "alice/calendar", "nobody@example.net"},
		{"calendar", "share", "alice/calendar", "alice"},
		{"calendar", "share", "alice/nowhere", "bob"},
		{"calendar", "share", "alice/calendar", "bob", "--write", "--free-busy"},
	} {
		if status, out, errs := kalends(t, "", args...); status == 0 || out != "" || errs == "" {
			t.Errorf("%s: %d %q %q", strings.Join(args, " "), status, out, errs)
		}
	}
}
