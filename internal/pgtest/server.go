// Package pgtest runs private Postgres servers from the installed binaries: for tests, for the demo, and for trying out
// what happens when a database restarts. A server listens on a Unix socket in its folder, or also on a
// loopback port, trusts whoever reaches it, and ends with the program that started it, however that one ends.
package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrMissing: the Postgres server's programs are not installed.
var ErrMissing = errors.New("no Postgres server found: apt-get install postgresql")

// Config says how a server is run. The zero value is for tests: nothing of it outlives the program.
type Config struct {
	// Dir is the server's folder, kept afterwards and used again; "" makes a temporary one.
	Dir string
	// Port listens on 127.0.0.1 as well, and there URL leads; 0 uses only a Unix socket.
	Port int
	// Durable writes to the disk before it answers, as a real server does. Without it a crash of the machine loses data.
	Durable bool
	// SharedBuffers is how much memory the server takes for itself; "" is 64MB.
	SharedBuffers string
	// Settings are further lines of postgresql.conf by name.
	Settings map[string]string
}

// Server is a running Postgres.
type Server struct {
	cfg  Config
	bin  string
	dir  string
	temp bool
	user *account

	mu    sync.Mutex
	guard *exec.Cmd // a shell that starts the server, and ends it when its standard input ends
	hold  io.WriteCloser
	ended chan struct{}
}

// guardScript starts the server ("$@"), waits for a word on its standard input, and ends the server as the word says. When there is
// no word, whoever started it is gone.
const guardScript = `dir=$1; temp=$2; shift 2
"$@" >>"$dir/log" 2>&1 &
pid=$!
read -r how || how=orphan
case $how in
fast) kill -INT $pid ;;
kill) kill -KILL $pid ;;
*) kill -QUIT $pid ;;
esac
wait $pid
if [ "$temp" = yes ] && { [ "$how" = orphan ] || [ "$how" = drop ]; }; then cd / && rm -rf "$dir"; fi
`

// Start initialises a server's folder where needed and starts it.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	bin, err := findBinaries()
	if err != nil {
		return nil, err
	}
	user, err := unprivileged()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, bin: bin, dir: cfg.Dir, user: user}
	if s.dir == "" {
		if s.dir, err = shortTempDir(); err != nil {
			return nil, err
		}
		s.temp = true
	} else if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	if err := s.user.own(s.dir); err != nil {
		return nil, err
	}
	if err := s.init(ctx); err != nil {
		s.discard()
		return nil, err
	}
	if err := s.Start(ctx); err != nil {
		s.discard()
		return nil, err
	}
	return s, nil
}

func (s *Server) discard() {
	if s.temp {
		os.RemoveAll(s.dir)
	}
}

// shortTempDir makes a folder whose path leaves room for a socket's name: 107 bytes in all.
func shortTempDir() (string, error) {
	if dir, err := os.MkdirTemp("/tmp", "kalends-pg-"); err == nil {
		return dir, nil
	}
	return os.MkdirTemp("", "kalends-pg-")
}

// findBinaries returns the folder of the newest installed server.
func findBinaries() (string, error) {
	var dirs []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/pgsql/bin"} {
		found, _ := filepath.Glob(pattern) // the patterns are sound
		dirs = append(dirs, found...)
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return version(b) - version(a) })
	if p, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, filepath.Dir(p))
	}
	for _, d := range dirs {
		if executable(filepath.Join(d, "postgres")) && executable(filepath.Join(d, "initdb")) {
			return d, nil
		}
	}
	return "", ErrMissing
}

// version is the number in a path such as /usr/lib/postgresql/15/bin.
func version(dir string) int {
	n, _ := strconv.Atoi(strings.TrimLeft(filepath.Base(filepath.Dir(dir)), "abcdefghijklmnopqrstuvwxyz-@"))
	return n
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// init makes the cluster. The only account is postgres, as in the URL.
func (s *Server) init(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(s.data(), "PG_VERSION")); err == nil {
		return nil
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "initdb"), "--pgdata="+s.data(), "--username=postgres", "--auth=trust",
		"--no-locale", "--encoding=UTF8", "--no-sync", "--no-instructions")
	cmd.Dir = s.dir
	s.user.become(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// settings are the server's command line settings.
func (s *Server) settings() []string {
	set := map[string]string{
		"listen_addresses":        "",
		"unix_socket_directories": s.dir,
		"max_connections":         "200",
		"shared_buffers":          "64MB",
		"logging_collector":       "off",
		"log_min_messages":        "warning",
		"autovacuum_naptime":      "20s",
		"max_wal_size":            "1GB",
	}
	if s.cfg.SharedBuffers != "" {
		set["shared_buffers"] = s.cfg.SharedBuffers
	}
	if s.cfg.Port != 0 {
		set["listen_addresses"], set["port"] = "127.0.0.1", strconv.Itoa(s.cfg.Port)
	}
	if !s.cfg.Durable {
		set["fsync"], set["synchronous_commit"], set["full_page_writes"] = "off", "off", "off"
	}
	for k, v := range s.cfg.Settings {
		set[k] = v
	}
	var args []string
	for k, v := range set {
		args = append(args, "-c", k+"="+v)
	}
	return args
}

// Start starts the server again after Stop or Kill, and returns when it answers. After Kill its old processes may hold the shared memory
// for a moment yet, so it tries again for a while.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.guard != nil {
		return errors.New("postgres is running")
	}
	for try := 0; ; try++ {
		err := s.start(ctx)
		if err == nil || try == 100 || !strings.Contains(err.Error(), "pre-existing shared memory block") {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (s *Server) start(ctx context.Context) error {
	temp := "no"
	if s.temp {
		temp = "yes"
	}
	args := append([]string{"-c", guardScript, "pgtest", s.dir, temp, filepath.Join(s.bin, "postgres"), "-D", s.data()}, s.settings()...)
	cmd := exec.Command("/bin/sh", args...)
	cmd.Dir = s.dir
	s.user.become(cmd)
	hold, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	s.guard, s.hold, s.ended = cmd, hold, make(chan struct{})
	go func(ended chan struct{}) {
		_ = cmd.Wait() // what the shell says of itself tells nothing
		close(ended)
	}(s.ended)
	if err := s.await(ctx); err != nil {
		s.end("stop")
		return fmt.Errorf("start postgres: %w: %s", err, s.logTail())
	}
	return nil
}

// await returns when the server answers.
func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return err
		case <-s.ended:
			return errors.New("it ended")
		case <-time.After(10 * time.Millisecond):
		}
		if log := s.logTail(); strings.Contains(log, "FATAL:  could not") || strings.Contains(log, "FATAL:  lock file") {
			return err
		}
	}
}

func (s *Server) logTail() string {
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(b[max(0, len(b)-2000):]))
}

// URL returns the URL of a database on the server, for pgx and sqlstore.
func (s *Server) URL(database string) string {
	q := url.Values{"user": {"postgres"}}
	u := url.URL{Scheme: "postgres", Path: "/" + database}
	if s.cfg.Port != 0 {
		u.Host = "127.0.0.1:" + strconv.Itoa(s.cfg.Port)
		q.Set("sslmode", "disable")
	} else {
		q.Set("host", s.dir)
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// Dir returns the server's folder.
func (s *Server) Dir() string { return s.dir }

// Stop ends the server as an administrator does who restarts it: transactions are rolled back,
// connections closed. Start starts it again.
func (s *Server) Stop() { s.locked("fast") }

// Kill ends the server as a crash does.
func (s *Server) Kill() { s.locked("kill") }

// Restart stops and starts the server.
func (s *Server) Restart(ctx context.Context) error {
	s.Stop()
	return s.Start(ctx)
}

// Close ends the server and removes its folder where it is temporary.
func (s *Server) Close() {
	if !s.temp {
		s.Stop()
		return
	}
	s.locked("drop")
	s.discard()
}

func (s *Server) locked(how string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(how)
}

func (s *Server) end(how string) {
	if s.guard == nil {
		return
	}
	_, _ = io.WriteString(s.hold, how+"\n") // a guard that is gone has ended the server
	s.hold.Close()
	<-s.ended
	s.guard = nil
}
