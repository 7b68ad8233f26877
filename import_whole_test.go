package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"kalends/calendar"
	"kalends/internal/pgtest"
	"kalends/internal/vdir"
	"kalends/storage"
)

// plainTree is the tree of an export with MANAGED-IDs made alike: the files of events stand under what is in them.
func plainTree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	files := map[string]string{}
	got := tree(t, dir)
	for name, text := range got {
		if parts := strings.Split(filepath.ToSlash(name), "/"); len(parts) == 3 && parts[0] == vdir.AttachmentsFolder {
			files[parts[1]] = fmt.Sprintf("%s=%x", parts[2], sha256.Sum256([]byte(text)))
			all[vdir.AttachmentsFolder+"/"+files[parts[1]]] = text
		}
	}
	for name, text := range got {
		if strings.HasPrefix(name, vdir.AttachmentsFolder) {
			continue
		}
		text = strings.ReplaceAll(text, "\r\n ", "")
		for id, file := range files {
			text = strings.ReplaceAll(text, id, file)
		}
		all[name] = text
	}
	return all
}

func sameTree(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for name, text := range want {
		if other, there := got[name]; !there || other != text {
			t.Errorf("%s: %.200s is\n%.2000s\nwant\n%.2000s", what, name, other, text)
		}
	}
	for name := range got {
		if _, there := want[name]; !there {
			t.Errorf("%s: there is %.200s too", what, name)
		}
	}
}

// wholeHome makes a home for Alice with everything that calendars have.
func wholeHome(t *testing.T) {
	t.Helper()
	ok(t, "user", "add", "alice", "--email", "alice@example.com")
	writeFiles(t,
		"in/calendar/a.ics", vcalendar(vevent("a", "SUMMARY:Ä", "BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:x", "TRIGGER:-PT5M", "END:VALARM")),
		"in/calendar/b.ics", vcalendar(vevent("b", "ORGANIZER:mailto:alice@example.com", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:zoe@example.net")),
		"in/tasks/t.ics", vcalendar("BEGIN:VTODO\r\nUID:t\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Do\r\nEND:VTODO\r\n"),
		"in/choir/c.ics", vcalendar(vevent("c")),
	)
	ok(t, "import", "--user", "alice", "in")
	onDatabase(t, func(s *calendar.Service) {
		ctx := t.Context()
		alice, err := s.Store.PrincipalByName(ctx, "alice")
		if err != nil {
			t.Fatal(err)
		}
		at := func(slug, name string) calendar.Target {
			return calendar.Target{Owner: alice, Slug: slug, Name: name}
		}
		attach := func(slug, name, file, octets string) string {
			t.Helper()
			res, err := s.Attach(ctx, calendar.AttachRequest{
				Who: alice, Target: at(slug, name), Name: file, Type: "text/plain; charset=utf-8", Body: strings.NewReader(octets), Length: int64(len(octets)),
			})
			if err != nil {
				t.Fatal(err)
			}
			return res.ManagedID
		}
		both := attach("calendar", "a.ics", "Plän.txt", "the plan")
		attach("calendar", "b.ics", "Plän.txt", "another plan of the same name")
		attach("choir", "c.ics", "large.bin", strings.Repeat("0123456789", 70_000)) // more than two pieces
		attach("choir", "c.ics", "empty", "")
		// One file of two events.
		o, _, err := s.Object(ctx, alice, at("choir", "c.ics"))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(string(o.ICS), "END:VEVENT", "ATTACH;MANAGED-ID="+both+":https://cal.example.com/dav/attachments/"+both+"\r\nEND:VEVENT", 1)
		if _, err := s.Put(ctx, calendar.PutRequest{Who: alice, Target: at("choir", "c.ics"), Body: []byte(text)}); err != nil {
			t.Fatal(err)
		}
		for slug, edit := range map[string]func(c *storage.Calendar) error{
			"calendar": func(c *storage.Calendar) error {
				c.DisplayName, c.Color, c.Order, c.Transparent = "My days", "#112233", "7", true
				c.Alarms = storage.DefaultAlarms{Timed: "EMAIL -PT30M", Day: storage.NoAlarm}
				return calendar.SetTimeZoneID(c, "Asia/Tokyo", s.Now())
			},
			"choir": func(c *storage.Calendar) error {
				c.DisplayName, c.Description, c.Components, c.Team = "Choir", "Tuesdays,\nin the hall", []string{"VEVENT"}, true
				return nil
			},
		} {
			if err := s.Patch(ctx, alice, at(slug, ""), calendar.Edit{Live: edit}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.MakeCalendar(ctx, alice, at("empty", ""), calendar.Edit{Live: func(c *storage.Calendar) error {
			c.DisplayName, c.Color, c.Components = "Nothing yet", "#445566", []string{"VTODO", "VJOURNAL"}
			return nil
		}}); err != nil {
			t.Fatal(err)
		}
	})
}

// shell runs commands with settings of their own.
type shell struct {
	t        *testing.T
	settings map[string]string
}

func (s *shell) run(args ...string) (status int, stdout, stderr string) {
	s.t.Helper()
	var out, errs bytes.Buffer
	var env []string
	for name, value := range s.settings {
		env = append(env, "KALENDS_"+name+"="+value)
	}
	status = run(s.t.Context(), args, stdio{strings.NewReader(""), &out, &errs}, env)
	return status, out.String(), errs.String()
}

func (s *shell) ok(args ...string) string {
	s.t.Helper()
	status, out, errs := s.run(args...)
	if status != 0 {
		s.t.Fatalf("kalends %s: status %d, %s", strings.Join(args, " "), status, errs)
	}
	return out
}

// eachShell runs a test on each database.
func eachShell(t *testing.T, fn func(s *shell)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Chdir(t.TempDir())
		fn(&shell{t, map[string]string{}})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Chdir(t.TempDir())
		s := &shell{t, map[string]string{"DATABASE": pgtest.URL(t)}}
		s.ok("migrate")
		fn(s)
	})
}

// usage is how much is kept of Alice.
func (s *shell) usage() (u storage.Usage) {
	s.t.Helper()
	at := []string{}
	if a := s.settings["DATABASE"]; a != "" {
		at = append(at, a)
	}
	onDatabase(s.t, func(c *calendar.Service) {
		alice, err := c.Store.PrincipalByName(s.t.Context(), "alice")
		if err == nil {
			u, err = c.Store.Usage(s.t.Context(), alice.ID)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}, at...)
	return u
}

// TestExportToAnotherServer: what is exported from one server is all there on an empty one, in both forms, and only once however often it is imported.
func TestExportToAnotherServer(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	wholeHome(t)
	out := filepath.Join(dir, "out")
	ok(t, "export", "--user", "alice", "--format", "vdir", "-o", out)
	ok(t, "export", "--user", "alice", "-o", out+".zip")
	want := plainTree(t, out)
	if len(want) < 14 {
		t.Fatalf("exported: %d files", len(want))
	}
	eachShell(t, func(s *shell) {
		t := s.t
		s.settings["BASE_URL"] = "https://cal.example.com"
		source := out
		if s.settings["DATABASE"] == "" {
			source += ".zip"
		}
		s.ok("user", "add", "zoe") // another's number is Alice's there
		s.ok("user", "add", "alice", "--email", "alice@example.com")
		if got := s.ok("import", "--user", "alice", source); got != "alice/calendar: 2 new.\nalice/choir: 1 new.\nalice/empty: 0 new.\nalice/tasks: 1 new.\n" {
			t.Errorf("import of %s: %s", source, got)
		}
		s.ok("export", "--user", "alice", "--format", "vdir", "-o", "back")
		sameTree(t, "exported again", plainTree(t, "back"), want)
		before := s.usage()
		if want := int64(len("the plan") + len("another plan of the same name") + 700_000); before.Attachments != want {
			t.Errorf("%d octets of files, want %d", before.Attachments, want)
		}
		if got := s.ok("import", "--user", "alice", source); got != "alice/calendar: 0 new, 2 there already.\nalice/choir: 0 new, 1 there already.\nalice/tasks: 0 new, 1 there already.\n" {
			t.Errorf("import again: %s", got)
		}
		if after := s.usage(); after != before {
			t.Errorf("imported twice: %+v, before %+v", after, before)
		}
		s.ok("export", "--user", "alice", "--format", "vdir", "-o", "third")
		sameTree(t, "after the second import", plainTree(t, "third"), want)
		// One calendar of the folder finds its files, too.
		if source == out {
			s.ok("user", "add", "cleo")
			if got := s.ok("import", "--user", "cleo", filepath.Join(out, "choir")); got != "cleo/calendar: 1 new.\n" {
				t.Errorf("import of one folder: %s", got)
			}
			s.ok("export", "--user", "cleo", "-o", "cleo.zip")
			if files := zipFiles(t, "cleo.zip"); len(files) != 3 {
				t.Errorf("files of one folder: %d", len(files))
			}
		}
	})
}

// zipFiles are the files of events in an archive.
func zipFiles(t *testing.T, name string) map[string]vdir.File {
	t.Helper()
	z, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	return vdir.ZipAttachments(&z.Reader)
}

// TestImportOfFilesGoesOn: what was cut off, or had no room, is there after the next import, and nothing twice.
func TestImportOfFilesGoesOn(t *testing.T) {
	eachShell(t, func(s *shell) {
		t := s.t
		s.ok("user", "add", "alice")
		id := func(n int) string { return fmt.Sprintf("7-%d-%s", n+1, strings.Repeat("a", 26)) }
		for n := range 6 {
			event := vcalendar(vevent(fmt.Sprint("e", n), "ATTACH;MANAGED-ID="+id(n)+";FILENAME=f.txt;SIZE=1000:https://old.example.com/dav/attachments/"+id(n)))
			writeFiles(t, fmt.Sprintf("in/work/%d.ics", n), event, filepath.Join("in", vdir.AttachmentsFolder, id(n), "f.txt"), strings.Repeat(fmt.Sprint(n), 1000))
		}
		// There is room for three, or four.
		s.settings["QUOTA"] = "5500B"
		status, out, errs := s.run("import", "--user", "alice", "in")
		left := strings.Count(errs, "the file f.txt is left out, the event is not: there is no room for it: ")
		if status != 1 || out != "alice/work: 6 new.\n" || left < 1 || left > 3 {
			t.Errorf("too little room: %d %s %s", status, out, errs)
		}
		s.settings["QUOTA"] = "1MB"
		if out := s.ok("import", "--user", "alice", "in"); out != fmt.Sprintf("alice/work: 0 new, %d replaced, %d there already.\n", left, 6-left) {
			t.Errorf("with room: %s", out)
		}
		s.ok("export", "--user", "alice", "-o", "back.zip")
		if files := zipFiles(t, "back.zip"); len(files) != 6 || s.usage().Attachments != 6000 {
			t.Errorf("%d files of %d octets", len(files), s.usage().Attachments)
		}
	})
}

// TestHostileFiles: names, sizes and numbers of what an archive calls attachments lead nowhere.
func TestHostileFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "user", "add", "alice")
	limited := &shell{t, map[string]string{"LIMIT_ATTACHMENT": "100KiB"}}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	add := func(name string, octets io.Reader) {
		t.Helper()
		f, err := w.Create(name)
		if err == nil {
			_, err = io.Copy(f, octets)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	id := func(n int) string { return fmt.Sprintf("7-%d-%s", n, strings.Repeat("b", 26)) }
	attach := func(n int, name string) string {
		return "ATTACH;MANAGED-ID=" + id(n) + ";FMTTYPE=text/html;FILENAME=\"" + name + "\":https://old.example.com/x"
	}
	add("w/bomb.ics", strings.NewReader(vcalendar(vevent("bomb", attach(1, "bomb")))))
	add(".attachments/"+id(1)+"/bomb", io.LimitReader(zeros{}, 50<<20))
	add("w/name.ics", strings.NewReader(vcalendar(vevent("name", attach(2, `../../etc/passwd`)))))
	add("x/y/.attachments/"+id(2)+"/../../../../etc/passwd", strings.NewReader("gone"))
	add("x/.attachments/"+id(2)+"/ok", strings.NewReader("octets"))
	add("w/many.ics", strings.NewReader(vcalendar(vevent("many", func() (lines []string) {
		for n := range 25 {
			lines = append(lines, attach(100+n, fmt.Sprint("f", n)))
			add(".attachments/"+id(100+n)+"/f", strings.NewReader("x"))
		}
		return lines
	}()...))))
	add("w/strange.ics", strings.NewReader(vcalendar(vevent("strange", "ATTACH;MANAGED-ID=../../x:https://old.example.com/x"))))
	add(".attachments/../../x/f", strings.NewReader("x"))
	add("w/.kalends.json", strings.NewReader(`{"description":"`+strings.Repeat("x", 20_000)+`\u0000","timeZone":"Nowhere/At_all","timedAlarm":"EMAIL x","components":["VEVENT","X"]}`))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	writeFiles(t, "h.zip", b.String())
	status, out, errs := limited.run("import", "--user", "alice", "h.zip")
	if status != 1 || out != "alice/w: 4 new.\n" {
		t.Errorf("import: %d %s", status, out)
	}
	for want, n := range map[string]int{"the file bomb is left out, the event is not: an attachment may have at most 102400 octets": 1, "at most 20 attachments": 5, "there is no time zone": 1, "is no alarm": 1} {
		if strings.Count(errs, want) != n {
			t.Errorf("%q is not told %d times: %s", want, n, errs)
		}
	}
	ok(t, "export", "--user", "alice", "--format", "vdir", "-o", "out")
	files := 0
	for name, text := range tree(t, "out") {
		if strings.HasPrefix(name, vdir.AttachmentsFolder) {
			files++
		}
		if strings.HasSuffix(name, "/passwd") && text != "octets" {
			t.Errorf("%s holds %q", name, text)
		}
	}
	if files != 21 {
		t.Errorf("%d files were taken, want 21", files)
	}
}

// zeros never end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
