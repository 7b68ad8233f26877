package httpserver

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"kalends/internal/obs"
)

// pipes is a listener whose connections never leave memory, so that time can be
// virtual.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.done:
		return nil, errors.New("connection refused")
	}
}

type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.b.Write(p) }
func (l *log) String() string              { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

// play runs a server around the handler that h makes and calls fn with a client
// of it, all in virtual time. started and finish are channels of that time.
func play(t *testing.T, h func(p *playing) http.HandlerFunc, fn func(p *playing)) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		ctx, stop := context.WithCancel(t.Context())
		p := &playing{T: t, pipes: l, stop: stop, result: make(chan error, 1),
			started: make(chan struct{}), finish: make(chan struct{}), failed: make(chan error, 1)}
		p.server = &Server{
			Listener: l, Log: obs.NewLogger(&p.log, slog.LevelDebug, false),
			Grace: 10 * time.Second, Request: 30 * time.Second, Stall: 30 * time.Second,
		}
		p.server.Handler = h(p)
		transport := &http.Transport{DialContext: l.dial, WriteBufferSize: 512}
		p.client = &http.Client{Transport: transport}
		go func() { p.result <- p.server.Run(ctx) }()
		fn(p)
		transport.CloseIdleConnections()
		stop()
		if !p.ended {
			if err := <-p.result; err != nil {
				t.Errorf("Run = %v", err)
			}
		}
	})
}

type playing struct {
	*testing.T
	pipes  *pipes
	server *Server
	client *http.Client
	stop   func()
	log    log
	result chan error
	ended  bool

	started, finish chan struct{}
	failed          chan error
}

func (p *playing) get(path string) (int, string, error) {
	resp, err := p.client.Get("http://kalends.example.com" + path)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

func TestAStopLetsRunningRequestsFinish(t *testing.T) {
	play(t, func(p *playing) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			close(p.started)
			<-p.finish
			if r.Context().Err() != nil {
				t.Error("the request's context ended with the server's")
			}
			io.WriteString(w, "done")
		}
	}, func(p *playing) {
		answer := make(chan string)
		go func() {
			status, body, err := p.get("/")
			answer <- fmt.Sprint(status, body, err)
		}()
		<-p.started
		p.stop()
		synctest.Wait()
		if _, _, err := p.get("/late"); err == nil {
			p.Error("a stopping server took a new connection")
		}
		select {
		case err := <-p.result:
			p.Fatalf("Run returned %v while a request was running", err)
		default:
		}
		close(p.finish)
		if got := <-answer; got != "200done<nil>" {
			p.Errorf("the running request got %s", got)
		}
		if err := <-p.result; err != nil {
			p.Errorf("Run = %v", err)
		}
		p.ended = true
	})
}

func TestAStopCutsWhatDoesNotFinish(t *testing.T) {
	play(t, func(p *playing) http.HandlerFunc {
		p.server.Request = time.Hour
		return func(w http.ResponseWriter, r *http.Request) {
			close(p.started)
			<-r.Context().Done()
			close(p.finish)
		}
	}, func(p *playing) {
		go p.get("/")
		<-p.started
		begin := time.Now()
		p.stop()
		if err := <-p.result; err != nil {
			p.Errorf("Run = %v", err)
		}
		p.ended = true
		<-p.finish // Run returns after the handler
		if took := time.Since(begin); took < 10*time.Second || took > 11*time.Second {
			p.Errorf("the stop took %v, want 10 s", took)
		}
		if !strings.Contains(p.log.String(), "did not finish in time") {
			p.Errorf("log = %s", p.log.String())
		}
	})
}

func TestAPanicIsOneRequestsAffair(t *testing.T) {
	play(t, func(p *playing) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/before":
				w.Header().Set("Etag", `"1"`)
				panic("secret detail")
			case "/amid":
				io.WriteString(w, strings.Repeat("x", 10_000))
				panic("secret detail")
			case "/sorry", "/sorry/panics", "/sorry/amid":
				for _, name := range []string{"Etag", "Set-Cookie", "Content-Security-Policy"} {
					w.Header().Set(name, "as it was")
				}
				obs.OnPanic(r.Context(), func() { t.Error("the first answer is given") })
				obs.OnPanic(r.Context(), func() {
					w.Header().Set("Content-Language", "de")
					switch r.URL.Path {
					case "/sorry/panics":
						panic("secret answer")
					case "/sorry/amid":
						w.WriteHeader(http.StatusInternalServerError)
						io.WriteString(w, strings.Repeat("x", 10_000))
						panic("secret answer")
					}
					w.WriteHeader(http.StatusInternalServerError)
					io.WriteString(w, "Tut uns leid.")
				})
				panic("secret detail")
			}
		}
	}, func(p *playing) {
		resp, err := p.client.Get("http://kalends.example.com/before")
		if err != nil {
			p.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 500 || !strings.HasPrefix(string(body), "internal error") || strings.Contains(string(body), "secret") || resp.Header.Get("Etag") != "" {
			p.Errorf("answer to a panic: %d %q %v", resp.StatusCode, body, resp.Header)
		}
		for path, want := range map[string]string{"/sorry": "Tut uns leid.", "/sorry/panics": "internal error (request "} {
			resp, err := p.client.Get("http://kalends.example.com" + path)
			if err != nil {
				p.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			h := resp.Header
			if resp.StatusCode != 500 || !strings.HasPrefix(string(body), want) || h.Get("Etag")+h.Get("Set-Cookie") != "" || h.Get("Content-Security-Policy") == "" ||
				h.Get("Content-Language") != "" != (path == "/sorry") || h.Get("Cache-Control") != "no-store" {
				p.Errorf("%s: %d %q %v", path, resp.StatusCode, body, h)
			}
		}
		for _, path := range []string{"/amid", "/sorry/amid"} {
			if _, _, err := p.get(path); err == nil {
				p.Errorf("%s: half an answer looks whole", path)
			}
		}
		if status, _, err := p.get("/after"); status != 200 || err != nil {
			p.Errorf("the server after a panic: %d, %v", status, err)
		}
		if l := p.log.String(); !strings.Contains(l, "secret detail") || !strings.Contains(l, "server_test.go") {
			p.Errorf("log lacks the panic or its stack: %s", l)
		}
	})
}

func TestComputingIsBounded(t *testing.T) {
	play(t, func(p *playing) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			if !errors.Is(context.Cause(r.Context()), ErrTooLong) {
				t.Errorf("cause = %v, want ErrTooLong", context.Cause(r.Context()))
			}
			http.Error(w, "too long", http.StatusServiceUnavailable)
		}
	}, func(p *playing) {
		begin := time.Now()
		status, _, err := p.get("/")
		if took := time.Since(begin); status != 503 || err != nil || took != 30*time.Second {
			p.Errorf("a request that computes for ever: %d, %v after %v", status, err, took)
		}
	})
}

// drip gives a byte each time period passes, then err.
type drip struct {
	left   int
	period time.Duration
	err    error
}

func (d *drip) Read(p []byte) (int, error) {
	if d.left == 0 {
		return 0, d.err
	}
	time.Sleep(d.period)
	d.left--
	p[0] = 'x'
	return 1, nil
}

func TestASlowUploadIsNotCutButAStalledOneIs(t *testing.T) {
	var cut error
	play(t, func(p *playing) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			cut = err
			fmt.Fprintf(w, "%d bytes", len(body))
		}
	}, func(p *playing) {
		// 200 s for ten bytes: more than a request may compute, but bytes move.
		resp, err := p.client.Post("http://kalends.example.com/", "text/plain", &drip{10, 20 * time.Second, io.EOF})
		if err != nil {
			p.Fatalf("a slow upload: %v", err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != "10 bytes" || cut != nil {
			p.Errorf("a slow upload: %q, %v", body, cut)
		}
		begin := time.Now()
		resp, err = p.client.Post("http://kalends.example.com/", "text/plain", &drip{1, time.Hour, io.EOF})
		if err == nil {
			resp.Body.Close()
		}
		synctest.Wait()
		if cut == nil {
			p.Error("a stalled upload was read to its end")
		}
		if took := time.Since(begin); took > time.Minute {
			p.Errorf("a stalled upload was cut after %v", took)
		}
		time.Sleep(time.Hour) // the client wakes up
	})
}

func TestASlowReaderIsNotCutButAStalledOneIs(t *testing.T) {
	const size = 1 << 20
	play(t, func(p *playing) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, err := w.Write(make([]byte, size))
			p.failed <- err
		}
	}, func(p *playing) {
		conn, err := p.pipes.dial(p.Context(), "", "")
		if err != nil {
			p.Fatal(err)
		}
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: kalends.example.com\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), nil)
		if err != nil {
			p.Fatal(err)
		}
		buf := make([]byte, 16<<10)
		for range 20 { // 400 s
			time.Sleep(20 * time.Second)
			if _, err := io.ReadFull(resp.Body, buf); err != nil {
				p.Fatalf("a slow reader was cut: %v", err)
			}
		}
		begin := time.Now()
		if err := <-p.failed; err == nil {
			p.Error("a write to a reader that stopped succeeded")
		}
		if took := time.Since(begin); took < 10*time.Second || took > time.Minute {
			p.Errorf("a stalled reader was cut after %v, want 30 to 60 s after its last byte", took)
		}
		conn.Close()
	})
}

func TestHealthAndReadiness(t *testing.T) {
	var down error
	asked := 0
	play(t, func(p *playing) http.HandlerFunc {
		p.server.Ready = func(context.Context) error { asked++; return down }
		return func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "app "+r.URL.Path) }
	}, func(p *playing) {
		check := func(path string, want int, text string) {
			p.Helper()
			if status, body, err := p.get(path); status != want || !strings.Contains(body, text) || err != nil {
				p.Errorf("GET %s = %d %q, %v; want %d %q", path, status, body, err, want, text)
			}
		}
		check("/healthz", 200, "ok")
		check("/readyz", 200, "ready")
		down = errors.New("connection to db.example.com refused")
		for range 50 {
			check("/readyz", 200, "ready") // the answer is a second old at most
		}
		time.Sleep(time.Second)
		check("/readyz", 503, "not ready")
		check("/healthz", 200, "ok")
		check("/dav/", 200, "app /dav/")
		if asked != 2 {
			p.Errorf("the database was asked %d times, want 2", asked)
		}
		if l := p.log.String(); strings.Count(l, "db.example.com") != 1 {
			p.Errorf("the reason is logged %d times", strings.Count(l, "db.example.com"))
		}
		down = nil
		time.Sleep(time.Second)
		check("/readyz", 200, "ready")
		resp, err := p.client.Post("http://kalends.example.com/healthz", "", nil)
		if err != nil || resp.StatusCode != 405 {
			p.Errorf("POST /healthz: %v, %v", resp, err)
		}
		resp.Body.Close()
	})
}

func TestS7TheAccessLogHasNoSecrets(t *testing.T) {
	play(t, func(p *playing) http.HandlerFunc {
		p.server.Log = obs.NewLogger(&p.log, slog.LevelDebug, false) // at any level
		return func(w http.ResponseWriter, r *http.Request) {
			obs.Annotate(r.Context(), slog.String("user", "alice"))
			w.WriteHeader(403)
		}
	}, func(p *playing) {
		req, _ := http.NewRequest("PUT", "http://kalends.example.com/feed/s3cr3t.ics?token=t0ken", nil)
		req.SetBasicAuth("alice", "pa55word")
		resp, err := p.client.Do(req)
		if err != nil {
			p.Fatal(err)
		}
		resp.Body.Close()
		synctest.Wait()
		l := p.log.String()
		for _, secret := range []string{"s3cr3t", "t0ken", "pa55word", "Basic"} {
			if strings.Contains(l, secret) {
				p.Errorf("log has %q: %s", secret, l)
			}
		}
		for _, part := range []string{"method=PUT", "path=/feed/…", "status=403", "user=alice", "req="} {
			if !strings.Contains(l, part) {
				p.Errorf("log lacks %q: %s", part, l)
			}
		}
	})
}

func TestATakenPortIsNamed(t *testing.T) {
	l, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().String()
	if _, err := Listen(t.Context(), addr); err == nil || !strings.HasPrefix(err.Error(), addr+" is taken by another program") {
		t.Errorf("Listen(%s) twice = %v", addr, err)
	}
	if _, err := Listen(t.Context(), "192.0.2.1:8080"); err == nil || !strings.Contains(err.Error(), "is not an address of this machine") {
		t.Errorf("Listen on a foreign address = %v", err)
	}
}
