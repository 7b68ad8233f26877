package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"kalends/auth"
	"kalends/internal/config"
)

// TestMain lets tests start this program as a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_RUN_AS_KALENDS") != "" {
		main()
	}
	os.Exit(m.Run())
}

// kalends runs one command in the current folder.
func kalends(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, stdio{strings.NewReader(stdin), &out, &errs}, nil)
	return status, out.String(), errs.String()
}

// ok runs a command that must succeed, and returns what it prints.
func ok(t *testing.T, args ...string) string {
	t.Helper()
	status, out, errs := kalends(t, "", args...)
	if status != 0 {
		t.Fatalf("kalends %s: status %d, %s", strings.Join(args, " "), status, errs)
	}
	return out
}

func TestWhatGoesWrongIsOneClearLine(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().String()
	write("bad.toml", "listen = ':1'\n[mail]\nfrmo = 'x'\n")
	write("file", "not a folder")
	write("notdb.db", strings.Repeat("this is no database ", 100))
	ok(t, "migrate", "--database", "sqlite:newer.db")
	db, err := sql.Open("sqlite", "newer.db") // the driver that sqlstore brings
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)`); err != nil {
		t.Fatal(err)
	}
	db.Close()

	for _, tt := range []struct{ name, args, env, want string }{
		{"an unknown command", "sevre", "", "unexpected argument sevre"},
		{"an unknown flag", "serve --listn :1", "", `unknown flag --listn, did you mean "--listen"`},
		{"a bad value of a flag", "serve --quota lots", "", `--quota: "lots" is not a size`},
		{"a bad address of a flag", "serve --listen nowhere", "", `--listen: "nowhere" is not an address`},
		{"an unknown key of the file", "serve --config bad.toml", "", "bad.toml line 3: mail.frmo: there is no such setting; did you mean mail.from?"},
		{"a file that is not there", "serve --config none.toml", "", "--config: cannot read the settings file"},
		{"a bad variable", "serve", "KALENDS_GRACE=soon", `KALENDS_GRACE: "soon" is not a duration`},
		{"an unknown variable", "user list", "KALENDS_DATABSE=x", "KALENDS_DATABSE: there is no such setting; did you mean KALENDS_DATABASE?"},
		{"a taken port", "serve --listen " + port, "", "--listen: " + port + " is taken by another program; stop that one or choose another port"},
		{"a taken port of the environment", "serve", "KALENDS_LISTEN=" + port, "KALENDS_LISTEN: " + port + " is taken"},
		{"a database that cannot be reached", "serve --listen 127.0.0.1:0 --database postgres://kalends:secret@127.0.0.1:1/kalends", "",
			"--database: database unavailable"},
		{"the same for another command", "user list", "KALENDS_DATABASE=postgres://kalends:secret@127.0.0.1:1/kalends", "KALENDS_DATABASE: database unavailable"},
		{"a newer schema", "serve --listen 127.0.0.1:0 --database sqlite:newer.db", "", "--database: migrate database: database schema is newer than this program"},
		{"a file that is no database", "migrate --database sqlite:notdb.db", "", "--database: "},
		{"a folder that cannot be made", "serve --listen 127.0.0.1:0 --data file/data", "", "--data: cannot make the folder file/data"},
		{"a certificate that is not there", "serve --listen 127.0.0.1:0 --tls none.crt,none.key", "", "--tls: none.crt is not there"},
		{"a certificate that is none", "serve --listen 127.0.0.1:0 --tls-cert file --tls-key file", "", "--tls-cert: file and file do not work together"},
		{"auto without a name", "serve --tls auto", "", "--tls: auto needs the public host name"},
		{"nobody of that name", "user passwd nobody", "", "there is no nobody; `kalends user list` shows who there is"},
		{"a name that cannot be one", "user add a/b", "", `name "a/b": may hold a to z`},
		{"a kind there is not", "user add x --kind robot", "", "--kind must be one of"},
		{"a file to import that is not there", "user import none.csv", "", "open none.csv"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			var environ []string
			if tt.env != "" {
				environ = []string{tt.env}
			}
			status := run(t.Context(), strings.Fields(tt.args), stdio{strings.NewReader(""), &out, &errs}, environ)
			if status != 1 || !strings.HasPrefix(errs.String(), "kalends: "+tt.want) {
				t.Errorf("kalends %s: status %d, stderr %q; want 1, kalends: %s", tt.args, status, errs.String(), tt.want)
			}
			if n := strings.Count(errs.String(), "\n"); n != 1 {
				t.Errorf("stderr has %d lines: %s", n, errs.String())
			}
			for _, bad := range []string{"goroutine", "secret", "SELECT"} {
				if strings.Contains(errs.String(), bad) {
					t.Errorf("stderr has %q: %s", bad, errs.String())
				}
			}
			if out.Len() > 0 {
				t.Errorf("stdout: %s", out.String())
			}
		})
	}
	if _, err := os.Stat("kalends-data/kalends.db"); err == nil {
		if _, out, _ := kalends(t, "", "user", "list"); strings.Contains(out, "admin") {
			t.Error("a start that failed made the first account")
		}
	}
}

func TestHelpTeaches(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tt := range []struct {
		args  string
		wants []string
	}{
		{"", []string{"serve", "migrate", "user import", "version"}},
		{"--help", []string{"Run the server"}},
		{"serve --help", []string{"--listen=ADDRESS", "127.0.0.1:8080", "--tls=KIND", "KALENDS_MAIL_FROM", "kalends serve --tls self-signed", "--limit-object=BYTES", "(1MiB)"}},
		{"help serve", []string{"--listen=ADDRESS"}},
		{"help settings", []string{"# lmtp_listen = \"\"", "KALENDS_QUOTA", "# [mail]"}},
		{"user import --help", []string{"alice,correct horse", "password_hash"}},
		{"version", []string{"kalends ", "go1.", "time zones 20"}},
	} {
		out := ok(t, strings.Fields(tt.args)...)
		for _, want := range tt.wants {
			if !strings.Contains(out, want) {
				t.Errorf("kalends %s lacks %q:\n%s", tt.args, want, out)
			}
		}
	}
	if out := ok(t, "user", "list", "--help"); strings.Contains(out, "--listen") {
		t.Errorf("user list --help shows settings of the server:\n%s", out)
	}
	if entries, _ := os.ReadDir("."); len(entries) > 0 {
		t.Errorf("help made %v", entries)
	}
}

// Every flag of a setting is named after its key, and has the help of the manual.
func TestFlagsFollowTheKeys(t *testing.T) {
	out := ok(t, "serve", "--help")
	for _, f := range config.Fields() {
		if !strings.Contains(out, "--"+f.Flag()+"=") && !strings.Contains(out, "--[no-]"+f.Flag()) {
			t.Errorf("serve --help lacks --%s", f.Flag())
		}
	}
}

// process is the program running by itself.
type process struct {
	*testing.T
	cmd      *exec.Cmd
	out, err *bufio.Scanner
	greeting string
	url      string
}

// launch starts `kalends serve` with args.
func launch(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{T: t, cmd: exec.CommandContext(t.Context(), os.Args[0], append([]string{"serve"}, args...)...)}
	p.cmd.Env = append(os.Environ(), "TEST_RUN_AS_KALENDS=1")
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.out, p.err = bufio.NewScanner(out), bufio.NewScanner(errs)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// start is launch, and waits for the start lines.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := launch(t, args...)
	p.greet()
	return p
}

// greet reads the start lines.
func (p *process) greet() {
	p.Helper()
	for blank := 0; blank < 2 && p.out.Scan(); {
		p.greeting += p.out.Text() + "\n"
		if p.out.Text() == "" {
			blank++
		}
	}
	m := regexp.MustCompile(`ready on (\S+)/\n`).FindStringSubmatch(p.greeting)
	if m == nil {
		_, errs := p.wait()
		p.Fatalf("the server printed\n%s%s", p.greeting, errs)
	}
	p.url = m[1]
}

func (p *process) signal(s os.Signal) {
	p.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.Fatal(err)
	}
}

// wait returns the exit status and the rest of stderr.
func (p *process) wait() (*os.ProcessState, string) {
	var rest strings.Builder
	for p.err.Scan() {
		fmt.Fprintln(&rest, p.err.Text())
	}
	p.cmd.Wait()
	return p.cmd.ProcessState, rest.String()
}

func TestTheFirstStart(t *testing.T) {
	t.Chdir(t.TempDir())
	p := start(t, "--listen", "127.0.0.1:0")
	m := regexp.MustCompile(`First account +(\S+), password (\S+) `).FindStringSubmatch(p.greeting)
	if m == nil {
		t.Fatalf("no first account in\n%s", p.greeting)
	}
	for _, want := range []string{p.url + "/dav/", "this machine only", "kalends-data/mail/*.eml", "--tls self-signed"} {
		if !strings.Contains(p.greeting, want) {
			t.Errorf("the start lines lack %q:\n%s", want, p.greeting)
		}
	}
	if fi, err := os.Stat("kalends-data"); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("kalends-data: %v, %v", fi.Mode(), err)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		resp, err := http.Get(p.url + path)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("GET %s: %v, %v", path, resp, err)
		}
		resp.Body.Close()
	}
	// Another program works on the same file while the server runs.
	if out := ok(t, "user", "list"); !strings.Contains(out, m[1]) {
		t.Errorf("user list:\n%s", out)
	}
	p.signal(syscall.SIGTERM)
	if state, errs := p.wait(); !state.Success() {
		t.Errorf("after SIGTERM: %v\n%s", state, errs)
	}
	checkPassword(t, m[1], m[2])

	again := start(t, "--listen", "127.0.0.1:0")
	if strings.Contains(again.greeting, "password ") && strings.Contains(again.greeting, "First account") {
		t.Errorf("the second start made an account again:\n%s", again.greeting)
	}
	again.signal(syscall.SIGINT)
	if state, errs := again.wait(); !state.Success() {
		t.Errorf("after SIGINT: %v\n%s", state, errs)
	}
}

// checkPassword asks the database of kalends-data.
func checkPassword(t *testing.T, name, password string) {
	t.Helper()
	store, err := openStore(t.Context(), config.Default(), false)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	basic := &auth.Basic{Store: store}
	if who, err := basic.Authenticate(t.Context(), name, password, netip.Addr{}); err != nil || who.Name != name {
		t.Errorf("login as %s: %v, %v", name, who, err)
	}
}

// TestCommandsKnowTheServer: addresses that commands print are of the server that runs, wherever it was told to listen, unless something else is set.
func TestCommandsKnowTheServer(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "user", "add", "alice")
	feed := func(args ...string) string {
		t.Helper()
		out := ok(t, append([]string{"calendar", "feed", "alice/calendar", "--full"}, args...)...)
		address, _, _ := strings.Cut(out, "/feed/")
		return address
	}
	if got := feed(); got != "http://127.0.0.1:8080" {
		t.Errorf("before there was a server: %s", got)
	}
	p := start(t, "--listen", "127.0.0.1:0")
	if got := feed(); got != p.url {
		t.Errorf("while one runs on %s: %s", p.url, got)
	}
	if got := feed("--base-url", "https://cal.example.com/"); got != "https://cal.example.com" {
		t.Errorf("with an address that is set: %s", got)
	}
	p.signal(syscall.SIGTERM)
	if state, errs := p.wait(); !state.Success() {
		t.Fatalf("%v %s", state, errs)
	}
	if got := feed(); got != p.url {
		t.Errorf("after it ran: %s", got)
	}
}

func TestASecondSignalStopsAtOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	p := start(t, "--listen", "127.0.0.1:0", "--grace", "1h")
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\n") // a request that never comes to its end
	p.signal(syscall.SIGTERM)
	for p.err.Scan() && !strings.Contains(p.err.Text(), "a second signal stops at once") {
	}
	p.signal(syscall.SIGTERM)
	state, _ := p.wait()
	if ws, isUnix := state.Sys().(syscall.WaitStatus); !isUnix || !ws.Signaled() || ws.Signal() != syscall.SIGTERM {
		t.Errorf("after the second signal: %v", state)
	}
}

func TestServeOverSelfSignedTLS(t *testing.T) {
	t.Chdir(t.TempDir())
	p := start(t, "--listen", "127.0.0.1:0", "--tls", "self-signed")
	if !strings.HasPrefix(p.url, "https://127.0.0.1:") {
		t.Errorf("URL %s", p.url)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	resp, err := client.Get(p.url + "/healthz")
	if err != nil || resp.ProtoMajor != 2 {
		t.Fatalf("GET over TLS: %v, %v", resp, err)
	}
	resp.Body.Close()
	sum := fmt.Sprintf("% X", sha256.Sum256(resp.TLS.PeerCertificates[0].Raw))
	if print := strings.ReplaceAll(sum, " ", ":"); !strings.Contains(p.greeting, print) {
		t.Errorf("the start lines lack the fingerprint %s:\n%s", print, p.greeting)
	}
	client.CloseIdleConnections()
	p.signal(syscall.SIGTERM)
	if state, errs := p.wait(); !state.Success() {
		t.Errorf("after SIGTERM: %v\n%s", state, errs)
	}
}

// One worker that fails stops the others, and its error is the program's.
func TestAFailedWorkerStopsTheRest(t *testing.T) {
	stopped := false
	err := runAll(t.Context(), []worker{
		workerFunc(func(ctx context.Context) error { <-ctx.Done(); stopped = true; return ctx.Err() }),
		workerFunc(func(context.Context) error { return io.ErrUnexpectedEOF }),
	})
	if err != io.ErrUnexpectedEOF || !stopped {
		t.Errorf("runAll = %v, the other stopped: %v", err, stopped)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := runAll(ctx, []worker{workerFunc(func(ctx context.Context) error { return ctx.Err() })}); err != nil {
		t.Errorf("runAll that was stopped = %v", err)
	}
}

type workerFunc func(context.Context) error

func (f workerFunc) Run(ctx context.Context) error { return f(ctx) }

func TestTheURLOfAServer(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ base, tls, bound, want string }{
		{"", "off", "127.0.0.1:8080", "http://127.0.0.1:8080"},
		{"", "off", "[::]:8080", "http://" + host + ":8080"},
		{"", "off", "[::1]:80", "http://[::1]"},
		{"", "self-signed", "[::]:8443", "https://" + host + ":8443"},
		{"", "auto cal.example.com", "[::]:443", "https://cal.example.com"},
		{"", "auto cal.example.com", "[::]:8443", "https://cal.example.com:8443"},
		{"https://calendar.example.org", "off", "127.0.0.1:8080", "https://calendar.example.org"},
	} {
		cfg := config.Default()
		cfg.BaseURL = tt.base
		if err := cfg.TLS.UnmarshalText([]byte(tt.tls)); err != nil {
			t.Fatal(err)
		}
		bound := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(tt.bound))
		if got := cfg.PublicURL(bound); got != tt.want {
			t.Errorf("PublicURL(base %q, tls %s, %s) = %s, want %s", tt.base, tt.tls, tt.bound, got, tt.want)
		}
	}
}

func TestFilesOfTheServerAreItsOwn(t *testing.T) {
	t.Chdir(t.TempDir())
	ok(t, "migrate", "--database", "sqlite:deep/er/k.db")
	for name, want := range map[string]os.FileMode{"deep": 0o700, "deep/er": 0o700, "deep/er/k.db": 0o600} {
		if fi, err := os.Stat(filepath.FromSlash(name)); err != nil || fi.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %v", name, fi, err, want)
		}
	}
}
