package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"kalends/internal/vdir/vdirtest"
)

func vevent(uid string, lines ...string) string {
	return "BEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20270601T090000Z\r\n" + strings.Join(append(lines, "END:VEVENT\r\n"), "\r\n")
}

func vcalendar(parts ...string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\n" + strings.Join(parts, "") + "END:VCALENDAR\r\n"
}

// writeFiles writes files, named and then what is in them.
func writeFiles(t *testing.T, list ...string) {
	t.Helper()
	for i := 0; i+1 < len(list); i += 2 {
		if err := os.MkdirAll(filepath.Dir(list[i]), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(list[i], []byte(list[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// tree lists what is below a folder: paths, and what is in them.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		all[rel] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestImportFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	meeting := vevent("meeting", "ORGANIZER:mailto:alice@example.com", "ATTENDEE:mailto:dora@example.net")
	todo := "BEGIN:VTODO\r\nUID:todo\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Buy\r\nEND:VTODO\r\n"
	writeFiles(t, "all.ics", vcalendar(vevent("a", "SUMMARY:A"), vevent("b\x1b[2J", "DTEND:rubbish"), meeting, todo, vevent("c", "NO COLON")))
	if status, _, errs := kalends(t, "", "import", "all.ics"); status != 1 || !strings.Contains(errs, "--user NAME") {
		t.Errorf("for nobody: %d %s", status, errs)
	}
	ok(t, "user", "add", "alice", "--email", "alice@example.com")
	status, out, errs := kalends(t, "", "import", "all.ics")
	if status != 1 || out != "alice/calendar: 2 new, 2 not taken.\nalice/tasks: 1 new.\n" {
		t.Errorf("import: %d %q %q", status, out, errs)
	}
	want := regexp.MustCompile(`(?s)^all\.ics line \d+ \(UID b.\[2J\): .*all\.ics line 32 \(UID c\): not valid iCalendar: no colon in "NO COLON"\nkalends: 2 problems, as told above; everything else is imported\n$`)
	if !want.MatchString(errs) || strings.Contains(errs, "\x1b") {
		t.Errorf("problems:\n%s", errs)
	}
	if out := ok(t, "outbox", "list"); strings.Contains(out, "dora") {
		t.Errorf("an import sends:\n%s", out)
	}
	// Again, and with something newer.
	writeFiles(t, "all.ics", vcalendar(vevent("a", "SUMMARY:A2"), meeting, todo))
	if out := ok(t, "import", "all.ics"); out != "alice/calendar: 0 new, 1 replaced, 1 there already.\nalice/tasks: 0 new, 1 there already.\n" {
		t.Errorf("again: %q", out)
	}
	// To a calendar by name, from standard input.
	status, out, errs = kalends(t, vcalendar("X-WR-CALNAME:Choir\r\n", vevent("d")), "import", "--user", "alice@example.com", "--calendar", "choir", "-")
	if status != 0 || out != "alice/choir: 1 new.\n" {
		t.Errorf("from standard input: %d %q %q", status, out, errs)
	}
	if out := ok(t, "calendar", "list", "alice"); !regexp.MustCompile(`alice/choir +Choir +1 `).MatchString(out) {
		t.Errorf("calendar list:\n%s", out)
	}
	for _, tt := range [][2]string{{"nothing.ics", "no such file"}, {"nothing.zip", "no such file"}, {"ftp://example.com/", "no such file"}, {"http://", "no address"}} {
		if status, _, errs := kalends(t, "", "import", tt[0]); status != 1 || !strings.Contains(errs, tt[1]) || strings.Count(errs, "\n") != 1 {
			t.Errorf("import %s: %d %q", tt[0], status, errs)
		}
	}
	writeFiles(t, "page.ics", "<html>", "empty/x.txt", "", "bad.zip", "PK\x03\x04rubbish")
	for _, name := range []string{"page.ics", "empty", "bad.zip"} {
		if status, _, errs := kalends(t, "", "import", name); status != 1 || errs == "" {
			t.Errorf("import %s: %d %q", name, status, errs)
		}
	}
	if status, _, _ := kalends(t, "", "import", "--calendar", "inbox", "all.ics"); status != 1 {
		t.Error("the inbox takes imports")
	}
}

// TestExportAndBack: what goes out as folders or an archive comes back byte for byte, for somebody else too.
func TestExportAndBack(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "user", "add", "alice")
	ok(t, "user", "add", "bob")
	zoned := vcalendar("BEGIN:VTIMEZONE\r\nTZID:Odd\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0130\r\nTZOFFSETTO:+0130\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n",
		"BEGIN:VEVENT\r\nUID:z\r\nX-ODD;X-P=\"a;b\":kept\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Odd:20270601T090000\r\nSUMMARY:fol\r\n ded\r\nEND:VEVENT\r\n")
	writeFiles(t,
		"in/work/one.ics", vcalendar(vevent("one")), "in/work/Two Words.ics", vcalendar(vevent("two", "SUMMARY:ü")), "in/work/z.ics", zoned, "in/work/displayname", "Work & more\n", "in/work/color", "#112233\n",
		"in/Été/deep/three.ics", vcalendar(vevent("three")), "in/.git/x.ics", "no", "in/work/.hidden.ics", "no", "in/work/notes.txt", "no", "in/inbox/i.ics", vcalendar(vevent("i")),
	)
	if err := os.Symlink("/etc/passwd", "in/work/link.ics"); err != nil {
		t.Fatal(err)
	}
	if out := ok(t, "import", "--user", "alice", "in"); out != "alice/inbox-imported: 1 new.\nalice/work: 3 new.\nalice/deep: 1 new.\n" && strings.Count(out, "new") != 3 {
		t.Fatalf("import of folders: %q", out)
	}
	ok(t, "export", "--user", "alice", "--format", "vdir", "-o", "out")
	got := tree(t, "out")
	for name, want := range map[string]string{
		"work/one.ics": vcalendar(vevent("one")), "work/Two Words.ics": vcalendar(vevent("two", "SUMMARY:ü")), "work/z.ics": zoned, "work/displayname": "Work & more\n", "work/color": "#112233\n",
		"deep/three.ics": vcalendar(vevent("three")), "inbox-imported/i.ics": vcalendar(vevent("i")), "work/link.ics": "",
	} {
		if got[name] != want {
			t.Errorf("%s holds\n%q, want\n%q", name, got[name], want)
		}
	}
	// Again into the same folder, and through an archive to Bob.
	ok(t, "export", "--user", "alice", "--format", "vdir", "-o", "out")
	ok(t, "export", "--user", "alice", "-o", "all.zip")
	if info, err := os.Stat("all.zip"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the archive: %v, %v", info, err)
	}
	z, err := zip.OpenReader("all.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	for _, f := range z.File {
		if f.Modified.Year() < 2020 {
			t.Errorf("%s is of %v, which programs that unpack complain of", f.Name, f.Modified)
		}
	}
	ok(t, "import", "--user", "bob", "all.zip")
	ok(t, "export", "--user", "bob", "--format", "vdir", "-o", "bob/")
	if again := tree(t, "bob"); fmt.Sprint(again) != fmt.Sprint(tree(t, "out")) {
		t.Errorf("Bob has\n%v\nAlice\n%v", again, got)
	}
	// As one file; everything but its form is the same.
	one := ok(t, "export", "--user", "alice", "--calendar", "work")
	if strings.Count(one, "BEGIN:VCALENDAR") != 1 || strings.Count(one, "BEGIN:VEVENT") != 3 || !strings.Contains(one, "SUMMARY:fol\r\n ded") || !strings.Contains(one, "X-WR-CALNAME:Work & more") {
		t.Errorf("as one file:\n%s", one)
	}
	writeFiles(t, "one.ics", one)
	if out := ok(t, "import", "--user", "alice", "--calendar", "work", "one.ics"); out != "alice/work: 0 new, 3 there already.\n" {
		t.Errorf("back from one file: %q", out)
	}
	if all := ok(t, "export", "--user", "alice"); strings.Count(all, "BEGIN:VEVENT") != 5 {
		t.Errorf("all as one file:\n%s", all)
	}
	for _, args := range [][]string{{"--calendar", "none"}, {"--format", "vdir"}, {"-o", "missing/x.ics"}, {"-o", "missing/x.zip"}} {
		if status, _, errs := kalends(t, "", append([]string{"export", "--user", "alice"}, args...)...); status != 1 || errs == "" {
			t.Errorf("export %v: %d %s", args, status, errs)
		}
	}
	left, _ := filepath.Glob("*/.kalends-*")
	if more, _ := filepath.Glob(".kalends-*"); len(left)+len(more) > 0 {
		t.Errorf("left over: %v %v", left, more)
	}
}

// TestZipBomb: an archive is read, never unpacked to disk, and not without bounds; its names lead nowhere.
func TestZipBomb(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "user", "add", "alice")
	bomb := vdirtest.Zip(t, "../../evil.ics", vcalendar(vevent("evil")), "/abs/x.ics", vcalendar(vevent("abs")),
		"good/a.ics", vcalendar(vevent("a")), "good/b.ics", strings.Repeat("BEGIN:VEVENT\n", 1_000_000))
	writeFiles(t, "sub/x.zip", string(bomb))
	status, out, errs := kalends(t, "", "import", "sub/x.zip")
	if !strings.Contains(out, "alice/good: 1 new") || status != 1 || told(errs) > maxReports+5 {
		t.Errorf("%d %q, %d lines", status, out, told(errs))
	}
	for _, name := range []string{"evil.ics", "../evil.ics", "/abs/x.ics", "sub/evil.ics"} {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("there is %s", name)
		}
	}
}

// TestImportFromServer: from one Kalends to another, as from any CalDAV server.
func TestImportFromServer(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	there, here := []string{"--data", "there"}, []string{"--data", "here"}
	add := func(at []string, name string) {
		t.Helper()
		if status, _, errs := kalends(t, "correct horse\n", append([]string{"user", "add", name, "--password-stdin"}, at...)...); status != 0 {
			t.Fatal(errs)
		}
	}
	add(there, "alice")
	add(here, "bob")
	const n = 150
	for i := range n {
		writeFiles(t, fmt.Sprintf("in/work/e%03d.ics", i), vcalendar(vevent(fmt.Sprint("e", i), "SUMMARY:"+strings.Repeat("x", i), "X-ODD;X-P=\"a;b\":kept")))
	}
	writeFiles(t, "in/notes/ü n.ics", strings.ReplaceAll(vcalendar(vevent("n")), "VEVENT", "VJOURNAL"))
	ok(t, append([]string{"import", "--user", "alice", "in"}, there...)...)
	srv := start(t, append([]string{"--listen", "127.0.0.1:0"}, there...)...)
	defer func() { srv.signal(syscall.SIGTERM); srv.wait() }()

	imports := func(address string, args ...string) (int, string, string) {
		return kalends(t, "correct horse\n", append(append([]string{"import", address, "--remote-user", "alice", "--remote-password", "-"}, args...), here...)...)
	}
	status, out, errs := kalends(t, "", append([]string{"import", srv.url, "--remote-user", "alice", "--remote-password", "wrong"}, here...)...)
	if status != 1 || !strings.Contains(errs, "does not take this name and password") || strings.Count(errs, "\n") != 1 {
		t.Errorf("with a wrong password: %d %s%s", status, out, errs)
	}
	for _, address := range []string{srv.url, srv.url + "/dav/", srv.url + "/dav/principals/users/alice/"} {
		status, out, errs = imports(address)
		if status != 0 || !strings.Contains(out, "bob/notes: ") || !strings.Contains(out, "bob/work: ") {
			t.Fatalf("%s: %d %q %q", address, status, out, errs)
		}
	}
	if !strings.Contains(out, "bob/work: 0 new.") { // unchanged tags are not even asked for
		t.Errorf("the second time: %q", out)
	}
	ok(t, append([]string{"export", "--user", "alice", "--format", "vdir", "-o", "a"}, there...)...)
	ok(t, append([]string{"export", "--user", "bob", "--format", "vdir", "-o", "b"}, here...)...)
	alice, bob := tree(t, "a"), tree(t, "b")
	for name, text := range alice {
		if bob[name] != text {
			t.Errorf("%s is\n%q\nthere, and here\n%q", name, text, bob[name])
		}
	}
	if len(bob) < n+2 {
		t.Errorf("only %d files", len(bob))
	}
	// One calendar, under another name.
	status, out, errs = imports(srv.url+"/dav/calendars/alice/work/", "--calendar", "copy")
	if status != 0 || out != fmt.Sprintf("bob/copy: %d new.\n", n) {
		t.Errorf("one calendar: %d %q %q", status, out, errs)
	}
}

// oddServer is a CalDAV server with faults of its own.
type oddServer struct {
	mu      sync.Mutex
	objects map[string]string // by path
	asked   map[string]int
	fail    func(path string) bool
	plain   bool // leaves out what go-webdav asks for

	multiget func(path string) bool // whether a multiget tells of it; nil: it is not answered
	reports  int
}

func (s *oddServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if user, password, _ := r.BasicAuth(); user != "u" || password != "p" {
		w.WriteHeader(401)
		return
	}
	const head = `<?xml version="1.0"?><multistatus xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">`
	answer := func(body string) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(207)
		io.WriteString(w, head+body+"</multistatus>")
	}
	ok := func(href, props string) string {
		return "<response><href>" + href + "</href><propstat><prop>" + props + "</prop><status>HTTP/1.1 200 OK</status></propstat></response>"
	}
	body, _ := io.ReadAll(r.Body)
	switch {
	case r.URL.Path == "/.well-known/caldav":
		http.Redirect(w, r, "/dav", http.StatusMovedPermanently)
	case r.Method == "PROPFIND" && r.URL.Path == "/dav":
		answer(ok("/dav", "<current-user-principal><href>/me/</href></current-user-principal><resourcetype><collection/></resourcetype>"))
	case r.Method == "PROPFIND" && r.URL.Path == "/me/":
		answer(ok("/me/", "<C:calendar-home-set><href>/home/</href></C:calendar-home-set><resourcetype><collection/></resourcetype>"))
	case r.Method == "PROPFIND" && r.URL.Path == "/home/":
		answer(ok("/home/", "<resourcetype><collection/></resourcetype>") +
			ok("/home/Caf%C3%A9/", "<displayname>Café</displayname><resourcetype><collection/><C:calendar/></resourcetype>"))
	case r.Method == "PROPFIND" && r.URL.Path == "/home/Café/":
		if s.plain && bytes.Contains(body, []byte("getcontentlength")) {
			answer(ok("/home/Caf%C3%A9/x.ics", "<resourcetype/>"))
			return
		}
		all := ok("/home/Caf%C3%A9/", "<resourcetype><collection/></resourcetype>")
		for _, p := range slices.Sorted(keys(s.objects)) {
			all += ok(p, fmt.Sprintf(`<resourcetype/><getetag>"%d"</getetag><getcontentlength>1</getcontentlength>`, len(s.objects[p])))
		}
		answer(all)
	case r.Method == "REPORT" && s.multiget != nil:
		s.reports++
		all := ""
		for _, m := range regexp.MustCompile("<D:href>([^<]*)</D:href>").FindAllStringSubmatch(string(body), -1) {
			switch p := must(url.PathUnescape(m[1])); {
			case s.multiget(p):
				all += ok(m[1], "<C:calendar-data>"+s.objects[p]+"</C:calendar-data>")
			default:
				all += "<response><href>" + m[1] + "</href><status>HTTP/1.1 404 Not Found</status></response>"
			}
		}
		answer(all)
	case r.Method == "GET" && s.objects[r.URL.Path] != "":
		s.asked[r.URL.Path]++
		if s.fail != nil && s.fail(r.URL.Path) {
			w.WriteHeader(404)
			return
		}
		io.WriteString(w, s.objects[r.URL.Path])
	default:
		w.WriteHeader(404)
	}
}

func keys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// told counts the lines of errors, without those that tell how far an import is: how many these are is a matter of time.
func told(errs string) (n int) {
	for line := range strings.Lines(errs) {
		if !strings.HasPrefix(line, "importing: ") {
			n++
		}
	}
	return n
}

// TestImportFromOddServer: redirects, answers with less than was asked for, objects that fail, and a second run that goes on where the
// first ended.
func TestImportFromOddServer(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "user", "add", "alice")
	s := &oddServer{objects: map[string]string{}, asked: map[string]int{}, plain: true}
	for i := range 20 {
		s.objects[fmt.Sprintf("/home/Café/%d.ics", i)] = vcalendar(vevent(fmt.Sprint("u", i)))
	}
	s.objects["/home/Café/bad.ics"] = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;TZID=x\r\n"
	s.fail = func(path string) bool { return strings.HasSuffix(path, "/7.ics") }
	srv := httptest.NewServer(s)
	defer srv.Close()
	imports := func() (int, string, string) {
		return kalends(t, "", "import", strings.Replace(srv.URL, "://", "://u:p@", 1), "--state", "state")
	}
	status, out, errs := imports()
	if status != 1 || !regexp.MustCompile(`^alice/caf-?e?: 19 new`).MatchString(out) || told(errs) != 3 || strings.Contains(errs, ":p@") {
		t.Fatalf("%d %q\n%s", status, out, errs)
	}
	for line := range strings.Lines(string(must(os.ReadFile("state")))) {
		var e entry
		if json.Unmarshal([]byte(line), &e) != nil || e.Path == "" || e.Tag == "" || strings.Contains(e.Path, "bad") {
			t.Errorf("state: %s", line)
		}
	}
	s.mu.Lock()
	s.asked, s.fail, s.plain = map[string]int{}, nil, false
	s.objects["/home/Café/3.ics"] += "\r\n"
	s.objects["/home/Café/3.ics"] = strings.Replace(s.objects["/home/Café/3.ics"], "END:VEVENT", "SUMMARY:new\r\nEND:VEVENT", 1)
	s.mu.Unlock()
	status, out, errs = imports()
	if status != 1 || !strings.Contains(out, ": 1 new, 1 replaced") {
		t.Errorf("%d %q\n%s", status, out, errs)
	}
	if got := slices.Sorted(func(yield func(string) bool) {
		for p := range s.asked {
			if !yield(p) {
				return
			}
		}
	}); fmt.Sprint(got) != "[/home/Café/3.ics /home/Café/7.ics /home/Café/bad.ics]" {
		t.Errorf("the second run asked for %v", got)
	}
}

// TestImportByMultiget: objects come many at a time; those that do not are asked for one by one.
func TestImportByMultiget(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "user", "add", "alice")
	s := &oddServer{objects: map[string]string{}, asked: map[string]int{}}
	for i := range 2*remoteBatch + 5 {
		s.objects[fmt.Sprintf("/home/Café/%d+ü.ics", i)] = vcalendar(vevent(fmt.Sprint("u", i)))
	}
	s.multiget = func(path string) bool { return !strings.HasPrefix(path, "/home/Café/7+") }
	srv := httptest.NewServer(s)
	defer srv.Close()
	out := ok(t, "import", strings.Replace(srv.URL, "://", "://u:p@", 1), "--state", "state")
	if !strings.Contains(out, ": 105 new") || s.reports != 3 {
		t.Errorf("%q after %d reports", out, s.reports)
	}
	if fmt.Sprint(s.asked) != "map[/home/Café/7+ü.ics:1]" {
		t.Errorf("asked for one by one: %v", s.asked)
	}
	ok(t, "export", "--format", "vdir", "-o", "out")
	texts := 0
	for name, text := range tree(t, "out") {
		if strings.HasSuffix(name, ".ics") {
			if texts++; s.objects["/home/Café/"+path.Base(name)] != text {
				t.Errorf("%s: %q", name, text)
			}
		}
	}
	if texts != len(s.objects) {
		t.Errorf("%d objects", texts)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestCalendarCommands(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "user", "add", "alice")
	writeFiles(t, "a.ics", vcalendar(vevent("a", "SUMMARY:Secret")))
	ok(t, "import", "a.ics")
	srv := start(t, "--listen", "127.0.0.1:0")
	defer func() { srv.signal(syscall.SIGTERM); srv.wait() }()
	feedURL := func(args ...string) string {
		t.Helper()
		out := ok(t, append([]string{"calendar", "feed", "alice/calendar", "--base-url", srv.url}, args...)...)
		if m := regexp.MustCompile(`^(http://\S+\.ics)\nwebcal://`).FindStringSubmatch(out); m != nil {
			return m[1]
		}
		t.Fatalf("calendar feed: %s", out)
		return ""
	}
	full, busy := feedURL("--full", "--label", "für alle"), feedURL("--busy")
	if status, text := get(t, full); status != 200 || !strings.Contains(text, "Secret") {
		t.Errorf("the full feed: %d %s", status, text)
	}
	if status, text := get(t, busy); status != 200 || strings.Contains(text, "Secret") || !strings.Contains(text, "SUMMARY:Busy") {
		t.Errorf("the busy feed: %d %s", status, text)
	}
	list := ok(t, "calendar", "feed", "alice/calendar")
	m := regexp.MustCompile(`(?m)^([0-9a-f]{10}) +everything .*für alle$`).FindStringSubmatch(list)
	if m == nil || !strings.Contains(list, "busy times") || strings.Contains(list, filepath.Base(full)[:32]) {
		t.Fatalf("the list:\n%s", list)
	}
	ok(t, "calendar", "feed", "alice/calendar", "--revoke", m[1])
	ok(t, "calendar", "feed", "alice/calendar", "--revoke", busy)
	for _, u := range []string{full, busy} {
		if status, _ := get(t, u); status != 404 {
			t.Errorf("a revoked feed: %d", status)
		}
	}
	for _, args := range [][]string{
		{"feed", "alice"}, {"feed", "alice/none"}, {"feed", "nobody/calendar"}, {"feed", "alice/calendar", "--revoke", "x"}, {"feed", "alice/calendar", "--full", "--busy"}, {"list", "nobody"},
		{"subscribe", "alice", srv.url + "/feed/x.ics"}, {"subscribe", "alice", "file:///etc/passwd"}, {"subscribe", "nobody", "https://example.com/x.ics"}, {"unsubscribe", "alice/calendar"},
	} {
		if status, out, errs := kalends(t, "", append([]string{"calendar"}, args...)...); status != 1 || out != "" || strings.Count(errs, "\n") != 1 {
			t.Errorf("calendar %v: %d %q %q", args, status, out, errs)
		}
	}
	if _, _, errs := kalends(t, "", "calendar", "subscribe", "alice", srv.url+"/feed/x.ics"); !strings.Contains(errs, "may not be fetched from") {
		t.Errorf("a feed of this machine: %s", errs)
	}
	// Without a server's address the setting says where it listens.
	if out := ok(t, "calendar", "feed", "alice/calendar", "--full", "--listen", ":8080"); !strings.HasPrefix(out, "http://") || strings.HasPrefix(out, "http://:") {
		t.Errorf("feed: %s", out)
	}
}
