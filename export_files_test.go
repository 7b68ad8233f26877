package main

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"kalends/calendar"
	"kalends/internal/vdir"
	"kalends/storage/sqlstore"
)

// TestExportOfFiles: what is attached to events is beside them in folders and archives, and found again by an import on the same server.
func TestExportOfFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "user", "add", "alice")
	writeFiles(t, "a.ics", vcalendar(vevent("a")))
	ok(t, "import", "--user", "alice", "--calendar", "calendar", "a.ics")
	service := func(fn func(s *calendar.Service, in calendar.Target)) {
		t.Helper()
		store, err := sqlstore.Open(t.Context(), "sqlite:kalends-data/kalends.db")
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		alice, err := store.PrincipalByName(t.Context(), "alice")
		if err != nil {
			t.Fatal(err)
		}
		list, err := store.ObjectsByUID(t.Context(), []int64{alice.ID}, "a")
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		s := &calendar.Service{Store: store, Now: time.Now, Log: slog.New(slog.DiscardHandler), URL: "https://cal.example.com"}
		fn(s, calendar.Target{Owner: alice, Slug: "calendar", Name: list[0].Name})
	}
	var id string
	service(func(s *calendar.Service, in calendar.Target) {
		res, err := s.Attach(t.Context(), calendar.AttachRequest{
			Who: in.Owner, Target: in, Name: `../..\.p<l>an?.txt`, Type: "text/plain", Body: strings.NewReader("the plan"), Length: 8,
		})
		if err != nil {
			t.Fatal(err)
		}
		id = res.ManagedID
	})
	ok(t, "export", "--user", "alice", "--format", "vdir", "-o", "out")
	ok(t, "export", "--user", "alice", "--format", "vdir", "-o", "out")
	ok(t, "export", "--user", "alice", "-o", "out.zip")
	got := tree(t, "out")
	for name := range got {
		if strings.HasPrefix(name, vdir.AttachmentsFolder) && got[name] == "the plan" && name == vdir.AttachmentsFolder+"/"+id+"/p_l_an_.txt" {
			id = ""
		}
	}
	if id != "" {
		t.Errorf("exported: %v", got)
	}
	if one := ok(t, "export", "--user", "alice"); !strings.Contains(strings.ReplaceAll(one, "\r\n ", ""), "https://cal.example.com/dav/attachments/") {
		t.Errorf("as one file: %s", one)
	}
	service(func(s *calendar.Service, in calendar.Target) {
		if err := s.Delete(t.Context(), calendar.DeleteRequest{Who: in.Owner, Target: in}); err != nil {
			t.Fatal(err)
		}
	})
	if out := ok(t, "import", "--user", "alice", "out.zip"); out != "alice/calendar: 1 new.\n" {
		t.Errorf("import: %q", out)
	}
	service(func(s *calendar.Service, in calendar.Target) {
		u, err := s.Store.Usage(t.Context(), in.Owner.ID)
		if err != nil || u.Attachments != 8 {
			t.Errorf("after the import: %+v, %v", u, err)
		}
	})
}

// TestExportToNowhere: who names a folder that is not there is told of that, not of the file that was to be made beside it.
func TestExportToNowhere(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "user", "add", "alice")
	status, out, errs := kalends(t, "", "export", "-o", "missing/alice.zip")
	if want := "kalends: cannot write in the folder of missing/alice.zip: no such file or directory\n"; status != 1 || out != "" || errs != want {
		t.Errorf("export to a folder that is not there: %d %q %q, want %q", status, out, errs, want)
	}
}

// TestImportOfNothing: a file that is not there is named once; and what is exported is counted in words.
func TestImportOfNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "user", "add", "alice")
	status, _, errs := kalends(t, "", "import", "--user", "alice", "missing.ics")
	if want := "kalends: missing.ics: no such file or directory\n"; status != 1 || errs != want {
		t.Errorf("import of a file that is not there: %d %q, want %q", status, errs, want)
	}
	if out := ok(t, "export", "--user", "alice", "-o", "alice.zip"); out != "alice.zip holds 0 events of 2 calendars.\n" {
		t.Errorf("export: %q", out)
	}
}
