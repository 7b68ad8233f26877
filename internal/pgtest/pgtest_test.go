//go:build unix

package pgtest

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func one(t *testing.T, url, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var s string
	if err := conn.QueryRow(t.Context(), sql).Scan(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDatabasesAreSeparate(t *testing.T) {
	a, b := URL(t), URL(t)
	if x, y := one(t, a, "SELECT current_database()"), one(t, b, "SELECT current_database()"); x == y {
		t.Errorf("two tests share the database %s", x)
	}
	prepared := 0
	prepare := func(url string) error {
		prepared++
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			return err
		}
		defer conn.Close(t.Context())
		_, err = conn.Exec(t.Context(), "CREATE TABLE made AS SELECT 'here' AS word")
		return err
	}
	for range 2 {
		if s := one(t, Template(t, "key", prepare), "SELECT word FROM made"); s != "here" {
			t.Errorf("a copy of the template has %q", s)
		}
	}
	if prepared != 1 && os.Getenv("TEST_POSTGRES_URL") == "" {
		t.Errorf("the template was made %d times", prepared)
	}
}

func TestServerRestarts(t *testing.T) {
	ctx := t.Context()
	URL(t) // skips or fails where there is no Postgres
	s, err := Start(ctx, Config{Durable: true, Settings: map[string]string{"work_mem": "5MB"}})
	if err != nil {
		t.Fatal(err)
	}
	url := s.URL("postgres")
	if fsync := one(t, url, "SHOW fsync"); fsync != "on" {
		t.Errorf("fsync of a durable server is %s", fsync)
	}
	if mem := one(t, url, "SHOW work_mem"); mem != "5MB" {
		t.Errorf("work_mem is %s", mem)
	}
	one(t, url, "SELECT set_config('x.y', '', false)")
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, "CREATE TABLE kept AS SELECT 'yes' AS word"); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(ctx); err == nil {
		t.Error("a running server is started again")
	}
	for what, again := range map[string]func() error{
		"restart": func() error { return s.Restart(ctx) },
		"crash":   func() error { s.Kill(); return s.Start(ctx) },
	} {
		if err := again(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if _, err := conn.Exec(ctx, "SELECT 1"); err == nil {
			t.Errorf("a connection outlives a %s", what)
		}
		if word := one(t, url, "SELECT word FROM kept"); word != "yes" {
			t.Errorf("after a %s the table has %q", what, word)
		}
	}
	s.Stop()
	if _, err := pgx.Connect(ctx, url); err == nil {
		t.Error("a stopped server answers")
	}
	s.Close()
	if _, err := os.Stat(s.Dir()); !os.IsNotExist(err) {
		t.Errorf("the folder of a closed server: %v", err)
	}
}

func TestFolderIsKept(t *testing.T) {
	ctx := t.Context()
	URL(t)
	top, err := shortTempDir()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(top)
	if err := os.Chmod(top, 0o755); err != nil { // the server's user passes through
		t.Fatal(err)
	}
	dir := filepath.Join(top, "pg")
	for i := range 2 {
		s, err := Start(ctx, Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		sql := "CREATE TABLE kept AS SELECT 'yes' AS word"
		if i == 1 {
			sql = "DROP TABLE kept"
		}
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Errorf("run %d: %v", i, err)
		}
		conn.Close(ctx)
		s.Close()
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "PG_VERSION")); err != nil {
		t.Errorf("a given folder is not kept: %v", err)
	}
}

// TestServerEndsWithItsProgram starts this test again as another program, kills that, and sees its server go.
func TestServerEndsWithItsProgram(t *testing.T) {
	if os.Getenv("PGTEST_CHILD") == "1" {
		s, err := Start(context.Background(), Config{})
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("server " + s.Dir() + "\n")
		select {} // until killed
	}
	URL(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestServerEndsWithItsProgram$")
	cmd.Env = append(os.Environ(), "PGTEST_CHILD=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dir := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if d, ok := strings.CutPrefix(lines.Text(), "server "); ok {
			dir = d
			break
		}
	}
	if dir == "" {
		cmd.Process.Kill()
		t.Fatal("the other program started no server")
	}
	pid, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	number, _, _ := strings.Cut(string(pid), "\n")
	cmd.Process.Kill()
	_ = cmd.Wait() // killed
	limit := time.After(2 * time.Minute)
	for {
		_, folder := os.Stat(dir)
		_, process := os.Stat("/proc/" + number)
		if os.IsNotExist(folder) && os.IsNotExist(process) {
			return
		}
		select {
		case <-limit:
			t.Fatalf("the server outlives its program: folder %v, process %v", folder, process)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestMissing(t *testing.T) {
	if got := version("/usr/lib/postgresql/15/bin"); got != 15 {
		t.Errorf("version(15) = %d", got)
	}
	if got := version("/usr/pgsql-16/bin"); got != 16 {
		t.Errorf("version(pgsql-16) = %d", got)
	}
	if !strings.Contains(ErrMissing.Error(), "apt-get install postgresql") {
		t.Errorf("ErrMissing does not say what to install: %v", ErrMissing)
	}
}
