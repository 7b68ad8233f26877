package main

import (
	"os"
	"strings"
	"testing"

	"kalends/auth"
	"kalends/storage"
)

func TestUserCommands(t *testing.T) {
	t.Chdir(t.TempDir())
	// Passwords are read before anything else: a line, and none is an error.
	if status, _, errs := kalends(t, "", "user", "add", "alice", "--password-stdin"); status != 1 || !strings.Contains(errs, "no password on standard input") {
		t.Errorf("no password: %d %s", status, errs)
	}
	status, out, errs := kalends(t, "correct horse\n", "user", "add", "Alice", "--password-stdin", "--display-name", "Alice Example", "--email", "alice@example.com")
	if status != 0 || out != "Added user alice.\n" {
		t.Fatalf("add: %d %s %s", status, out, errs)
	}
	checkPassword(t, "alice", "correct horse")
	if _, _, errs := kalends(t, "", "user", "add", "alice"); errs != "kalends: name \"alice\": is taken\n" {
		t.Errorf("add again: %s", errs)
	}
	if out := ok(t, "user", "add", "blue-room", "--kind", "room"); out != "Added room blue-room.\n" {
		t.Errorf("a room has a password: %s", out)
	}
	out = ok(t, "user", "passwd", "alice@example.com")
	_, password, _ := strings.Cut(strings.TrimSuffix(out, " (shown only now).\n"), "new password ")
	checkPassword(t, "alice", password)

	if got, want := ok(t, "user", "list", "--format", "csv"), "name,display_name,email,kind\nalice,Alice Example,alice@example.com,user\nblue-room,blue-room,,room\n"; got != want {
		t.Errorf("list = %q, want %q", got, want)
	}
	if got := ok(t, "user", "list"); !strings.HasPrefix(got, "NAME") || strings.Count(got, "\n") != 3 {
		t.Errorf("list = %q", got)
	}

	status, _, errs = kalends(t, "bob\n", "user", "remove", "alice")
	if status != 1 || !strings.Contains(errs, "alice was not removed") {
		t.Errorf("remove without the name: %d %s", status, errs)
	}
	if status, _, errs := kalends(t, "alice\n", "user", "remove", "alice"); status != 0 {
		t.Errorf("remove: %s", errs)
	}
	ok(t, "user", "remove", "blue-room", "--yes")
	if got := ok(t, "user", "list", "--format", "csv"); strings.Count(got, "\n") != 1 {
		t.Errorf("after removing all: %q", got)
	}
}

func TestImport(t *testing.T) {
	t.Chdir(t.TempDir())
	imports := func(text string) (int, string, string) {
		t.Helper()
		if err := os.WriteFile("users.csv", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return kalends(t, "", "user", "import", "users.csv")
	}
	list := func() string { t.Helper(); return ok(t, "user", "list", "--format", "csv") }

	const good = "\ufeffname,password,display_name,email,kind\r\nalice,a1,\"Alice\nExample\"x,alice@example.com,user\r\n"
	if status, _, errs := imports(good); status != 1 || !strings.HasPrefix(errs, "kalends: users.csv line 3: ") {
		t.Errorf("broken CSV: %d %s", status, errs)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"an empty file", "", "users.csv is empty; its first line must name the columns"},
		{"no header", "alice,a1\n", `users.csv line 1: there is no column "alice"`},
		{"no name", "email\nalice@example.com\n", "users.csv line 1: the column name is missing"},
		{"a column twice", "name,name\na,b\n", "users.csv line 1: the column name is there twice"},
		{"too few fields", "name,email\nalice,alice@example.com\nbob\n", "users.csv line 3: more or fewer fields than the first line has; nothing was imported"},
		{"a bad address", "name,display_name,email\nalice,\"Alice\nExample\",a@example.com\nalice,x,alice@example.com\n", "users.csv line 2: display_name"},
		{"a password of two lines", "name,password\nalice,\"a\n1\"\n", "users.csv line 2: password: "},
		{"a kind there is not, after an empty line", "name,kind\nalice,user\n\nbob,robot\n", `users.csv line 4: kind "robot": must be user, room, resource, group or admin; nothing was imported`},
		{"a name twice", "name\nalice\nAlice\n", "users.csv line 3: name \"alice\": is that of user 1 already; nothing was imported"},
	} {
		status, _, errs := imports(tt.text)
		if status != 1 || !strings.HasPrefix(errs, "kalends: "+tt.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: %d %q, want %q", tt.name, status, errs, tt.want)
		}
	}
	if got := list(); strings.Count(got, "\n") != 1 {
		t.Errorf("refused imports left %s", got)
	}

	status, out, errs := imports("kind;name;email;password\nuser;alice;alice@example.com;correct horse\nadmin;root;;r\nroom;blue-room;blue-room@example.com;\n")
	if status != 0 || out != "3 accounts are imported.\n" || errs != "" {
		t.Fatalf("import with semicolons: %d %q %q", status, out, errs)
	}
	checkPassword(t, "alice", "correct horse")
	before := list()
	if status, _, errs := imports("name,display_name\nalice,Alice Example\n"); status != 0 {
		t.Fatal(errs)
	}
	after := list()
	if after != strings.Replace(before, "alice,alice,", "alice,Alice Example,", 1) {
		t.Errorf("an update made\n%sof\n%s", after, before)
	}
	checkPassword(t, "alice", "correct horse")
	// What list writes, import reads.
	if status, _, errs := imports(after); status != 0 || list() != after {
		t.Errorf("import of a list: %s\n%s", errs, list())
	}
}

func TestImportTakesHashes(t *testing.T) {
	t.Chdir(t.TempDir())
	hash, err := auth.HashPassword("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	status, _, errs := kalends(t, "name,password_hash\nalice,\""+hash+"\"\n", "user", "import", "-")
	if status != 0 {
		t.Fatal(errs)
	}
	checkPassword(t, "alice", "correct horse")
}

func TestKindsAreThoseOfStorage(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, kind := range []storage.Kind{storage.Room, storage.Resource, storage.Group} {
		ok(t, "user", "add", "a-"+string(kind), "--kind", string(kind))
		if got := ok(t, "user", "list", "--format", "csv"); !strings.Contains(got, ","+string(kind)+"\n") {
			t.Errorf("list lacks a %s:\n%s", kind, got)
		}
	}
}
