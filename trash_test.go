package main

import (
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestTrashCommands: what a calendar program deletes is listed, comes back, and can be deleted for good.
func TestTrashCommands(t *testing.T) {
	t.Chdir(t.TempDir())
	if status, _, errs := kalends(t, "correct horse\n", "user", "add", "alice", "--email", "alice@example.com", "--password-stdin"); status != 0 {
		t.Fatal(errs)
	}
	writeFiles(t, "in/work/a.ics", vcalendar(vevent("a", "SUMMARY:Dentist")),
		"in/work/b.ics", vcalendar(vevent("b", "SUMMARY:Talk", "ORGANIZER:mailto:alice@example.com", "ATTENDEE:mailto:guest@example.org")))
	ok(t, "import", "in")
	ok(t, "export", "--format", "vdir", "-o", "before")
	if out := ok(t, "trash", "list", "alice"); strings.Count(out, "\n") != 1 {
		t.Errorf("an empty trash: %q", out)
	}
	srv := start(t, "--listen", "127.0.0.1:0")
	defer func() { srv.signal(syscall.SIGTERM); srv.wait() }()
	remove := func(name string) {
		t.Helper()
		r := must(http.NewRequest("DELETE", srv.url+"/dav/calendars/alice/work/"+name, nil))
		r.SetBasicAuth("alice", "correct horse")
		res := must(http.DefaultClient.Do(r))
		res.Body.Close()
		if res.StatusCode != 204 {
			t.Fatalf("DELETE %s: %s", name, res.Status)
		}
	}
	remove("a.ics")
	remove("b.ics")
	out := ok(t, "trash", "list", "alice@example.com")
	ids := regexp.MustCompile(`(?m)^(\d+) +\S+ +work +2027-06-01T09:00:00Z +(Talk +guest@example\.org|Dentist .*)$`).FindAllStringSubmatch(out, -1)
	if len(ids) != 2 || ids[0][2][:4] != "Talk" {
		t.Fatalf("the trash:\n%s", out)
	}
	if out := ok(t, "trash", "restore", "alice", ids[1][1]); out != ids[1][1]+" is back.\n" {
		t.Errorf("restore: %q", out)
	}
	ok(t, "export", "--format", "vdir", "-o", "after")
	if before, after := tree(t, "before"), tree(t, "after"); after["work/a.ics"] != before["work/a.ics"] || after["work/b.ics"] != "" {
		t.Errorf("after: %v", after)
	}
	if status, out, errs := kalends(t, "", "trash", "restore", "alice", ids[1][1], "x"); status != 1 || out != "" || strings.Count(errs, "\n") != 3 ||
		!strings.Contains(errs, "x: is not an id as `kalends trash list` shows them") {
		t.Errorf("restore of nothing: %d %q %q", status, out, errs)
	}
	if out := ok(t, "trash", "empty", "alice"); out != "1 deleted for good.\n" {
		t.Errorf("empty: %q", out)
	}
	if status, _, errs := kalends(t, "", "trash", "list", "nobody"); status != 1 || errs == "" {
		t.Errorf("of nobody: %d %q", status, errs)
	}
}
