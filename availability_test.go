package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"kalends/internal/pgtest"
)

// cluster is two servers on one Postgres, which is the smallest site that can lose one of each and go on.
type cluster struct {
	*testing.T
	db      *pgtest.Server
	addr    [2]string
	servers [2]*process
}

func newCluster(t *testing.T) *cluster {
	db, err := pgtest.Start(t.Context(), pgtest.Config{Durable: true})
	if errors.Is(err, pgtest.ErrMissing) {
		pgtest.URL(t) // decides whether that fails or skips the test
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	t.Chdir(t.TempDir())
	c := &cluster{T: t, db: db}
	ok(t, "migrate", "--database", db.URL("postgres"))
	var csv strings.Builder
	csv.WriteString("name,password,display_name,email,kind\n")
	for _, name := range []string{"alice", "bob", "cleo"} {
		fmt.Fprintf(&csv, "%s,pw-%s,%s,%s@example.com,user\n", name, name, name, name)
	}
	if err := os.WriteFile("people.csv", []byte(csv.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	ok(t, "user", "import", "people.csv", "--database", db.URL("postgres"))
	for i := range c.addr {
		// An address that nothing else has, so that nobody takes its port while the server is away: what others ask for on this machine is at
		// 127.0.0.1.
		host := "127.0.0.1"
		if runtime.GOOS == "linux" {
			host = fmt.Sprintf("127.0.0.%d", 2+i)
		}
		l, err := net.Listen("tcp", host+":0")
		if err != nil {
			t.Fatal(err)
		}
		c.addr[i] = l.Addr().String()
		l.Close()
		c.start(i)
	}
	return c
}

func (c *cluster) start(i int) {
	c.Helper()
	c.servers[i] = start(c.T, "--listen", c.addr[i], "--database", c.db.URL("postgres"), "--log-level", "error")
	go io.Copy(io.Discard, c.servers[i].stderr())
}

func (c *cluster) stop(i int) {
	c.Helper()
	c.servers[i].signal(syscall.SIGTERM)
	if err := c.servers[i].cmd.Wait(); err != nil {
		c.Errorf("server %d after SIGTERM: %v", i, err)
	}
}

// request sends one request to a server. What the server did not answer is an error.
func (c *cluster) request(ctx context.Context, server int, who, method, path, body string, header ...string) (int, http.Header, string, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+c.addr[server]+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, "", err
	}
	r.SetBasicAuth(who, "pw-"+who)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(b), err
}

func simpleEvent(uid, more string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nBEGIN:VEVENT\r\nUID:" + uid +
		"\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20380105T090000Z\r\nDURATION:PT1H\r\n" + more + "END:VEVENT\r\nEND:VCALENDAR\r\n"
}

// Two servers decide conditions together: of many that create a name one does, and no update is lost.
func TestTwoServersRace(t *testing.T) {
	c := newCluster(t)
	ctx := t.Context()
	var wg sync.WaitGroup
	var created atomic.Int32
	for i := range 20 {
		wg.Go(func() {
			status, _, body, err := c.request(ctx, i%2, "alice", "PUT", "/dav/calendars/alice/calendar/once.ics", simpleEvent("once", ""), "If-None-Match", "*")
			switch {
			case err != nil || status != 201 && status != 412:
				t.Errorf("PUT: %d %s %v", status, body, err)
			case status == 201:
				created.Add(1)
			}
		})
	}
	wg.Wait()
	if n := created.Load(); n != 1 {
		t.Errorf("%d requests created the object, want 1", n)
	}

	// Each of 20 writers adds its own line to the object, reading and trying again until nobody was faster.
	for i := range 20 {
		wg.Go(func() {
			for ctx.Err() == nil {
				_, h, old, err := c.request(ctx, i%2, "alice", "GET", "/dav/calendars/alice/calendar/once.ics", "")
				if err != nil {
					t.Error(err)
					return
				}
				text := strings.Replace(old, "END:VEVENT", fmt.Sprintf("X-LINE:%d\r\nEND:VEVENT", i), 1)
				status, _, body, err := c.request(ctx, (i+1)%2, "alice", "PUT", "/dav/calendars/alice/calendar/once.ics", text, "If-Match", h.Get("ETag"))
				if err != nil || status != 204 && status != 412 {
					t.Errorf("PUT: %d %s %v", status, body, err)
					return
				}
				if status == 204 {
					return
				}
			}
		})
	}
	wg.Wait()
	_, _, text, err := c.request(ctx, 0, "alice", "GET", "/dav/calendars/alice/calendar/once.ics", "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if strings.Count(text, fmt.Sprintf("X-LINE:%d\r\n", i)) != 1 {
			t.Errorf("the line of writer %d is there %d times", i, strings.Count(text, fmt.Sprintf("X-LINE:%d\r\n", i)))
		}
	}
}

var syncTokenIn = regexp.MustCompile(`<D:sync-token>([^<]*)</D:sync-token>`)

// Under load one server is restarted, then the other, then Postgres. No acknowledged write is lost, no sync misses one, and
// clients see nothing worse than a refused connection or a 503, after which they try again. KALENDS_TEST_LOAD is how long each of
// the four parts lasts.
func TestNothingIsLostWhenPartsRestart(t *testing.T) {
	part := 2 * time.Second
	if s := os.Getenv("KALENDS_TEST_LOAD"); s != "" {
		var err error
		if part, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	c := newCluster(t)
	ctx, stop := context.WithCancel(t.Context())
	var (
		wg                            sync.WaitGroup
		mu                            sync.Mutex
		acked                         = map[string]bool{} // paths of objects whose PUT was acknowledged
		writes, retried, unacked, bad atomic.Int64
	)
	people := []string{"alice", "bob", "cleo"}
	for w := range 6 {
		wg.Go(func() {
			who := people[w%len(people)]
			for n := 0; ctx.Err() == nil; n++ {
				uid := fmt.Sprintf("w%d-%d", w, n)
				path := fmt.Sprintf("/dav/calendars/%s/calendar/%s.ics", who, uid)
				more := ""
				if n%5 == 0 { // a meeting, in several homes at once
					more = fmt.Sprintf("ORGANIZER:mailto:%s@example.com\r\n", who)
					for _, p := range people {
						more += fmt.Sprintf("ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:%s@example.com\r\n", p)
					}
				}
				for try := 0; ; try++ {
					status, _, body, err := c.request(context.WithoutCancel(ctx), (w+try)%2, who, "PUT", path, simpleEvent(uid, more))
					switch {
					case err != nil || status == 503:
						retried.Add(1)
						unacked.Add(1)
						if ctx.Err() != nil {
							return
						}
						pause(ctx, time.Duration(20+rand.IntN(80))*time.Millisecond)
						continue
					case status != 201 && status != 204:
						bad.Add(1)
						t.Errorf("PUT %s: %d %s", path, status, body)
					default:
						writes.Add(1)
						mu.Lock()
						acked[path] = true
						if more != "" {
							for _, p := range people {
								acked[fmt.Sprintf("/dav/calendars/%s/calendar/%s.ics", p, uid)] = true
							}
						}
						mu.Unlock()
					}
					break
				}
			}
		})
	}
	// One reader syncs all the while, from token to token, and must have seen everything in the end.
	seen := map[string]bool{}
	token := ""
	syncOnce := func(ctx context.Context, server int) bool {
		body := `<?xml version="1.0"?><D:sync-collection xmlns:D="DAV:"><D:sync-token>` + token + `</D:sync-token><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>`
		status, _, text, err := c.request(ctx, server, "alice", "REPORT", "/dav/calendars/alice/calendar/", body, "Content-Type", "application/xml")
		if err != nil || status == 503 {
			return false
		}
		m := syncTokenIn.FindStringSubmatch(text)
		if status != 207 || m == nil {
			t.Errorf("sync: %d %s", status, text)
			return false
		}
		token = m[1]
		for _, h := range regexp.MustCompile(`<D:href>([^<]*)</D:href>`).FindAllStringSubmatch(text, -1) {
			seen[h[1]] = true
		}
		return true
	}
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			syncOnce(context.WithoutCancel(ctx), i%2)
			pause(ctx, 30*time.Millisecond)
		}
	})

	pause(ctx, part)
	for i := range 2 {
		c.stop(i)
		c.start(i)
		pause(ctx, part)
	}
	if err := c.db.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	pause(ctx, part)
	stop()
	wg.Wait()

	if !syncOnce(t.Context(), 0) {
		t.Error("the last sync failed")
	}
	for path := range acked {
		status, _, _, err := c.request(t.Context(), 1, strings.Split(path, "/")[3], "GET", path, "")
		if err != nil || status != 200 {
			t.Errorf("lost: GET %s = %d %v", path, status, err)
		}
		if strings.HasPrefix(path, "/dav/calendars/alice/") && !seen[path] {
			t.Errorf("no sync showed %s", path)
		}
	}
	if writes.Load() < 20 || len(acked) == 0 {
		t.Errorf("only %d writes: the test shows nothing", writes.Load())
	}
	t.Logf("%d writes acknowledged, %d objects, %d tries refused and repeated, %d bad answers", writes.Load(), len(acked), retried.Load(), bad.Load())
	for i := range 2 {
		c.stop(i)
	}
}

// pause waits in a test that is about real time: load from outside on real processes.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// stderr returns what the process logs, for somebody to read: a full pipe would stop it.
func (p *process) stderr() io.Reader {
	r, w := io.Pipe()
	go func() {
		for p.err.Scan() {
			fmt.Fprintln(w, p.err.Text())
		}
		w.Close()
	}()
	return r
}
