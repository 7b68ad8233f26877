package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kalends/internal/pgtest"
)

// hookMessage is a message as it came to a receiver of webhooks.
type hookMessage struct {
	id, body string
	sequence int
}

// hookReceiver takes messages of several webhooks, told apart by their paths.
type hookReceiver struct {
	*httptest.Server
	mu   sync.Mutex
	came map[string][]hookMessage
	news chan struct{} // takes one
	// take answers a message, before which so many came for the same webhook.
	take func(w http.ResponseWriter, r *http.Request, before int)
}

func newHookReceiver(t *testing.T) *hookReceiver {
	h := &hookReceiver{came: map[string][]hookMessage{}, news: make(chan struct{}, 1)}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

func (h *hookReceiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var m struct{ Sequence int }
	if err != nil || json.Unmarshal(body, &m) != nil {
		w.WriteHeader(http.StatusBadRequest) // the server died as it spoke: nothing has come
		return
	}
	h.mu.Lock()
	before := len(h.came[r.URL.Path])
	h.came[r.URL.Path] = append(h.came[r.URL.Path], hookMessage{r.Header.Get("webhook-id"), string(body), m.Sequence})
	take := h.take
	h.mu.Unlock()
	select {
	case h.news <- struct{}{}:
	default:
	}
	take(w, r, before)
}

// answers lets the receiver deal with messages in another way from now on.
func (h *hookReceiver) answers(take func(w http.ResponseWriter, r *http.Request, before int)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.take = take
}

// until waits for what has come to satisfy enough. The time is only a bound on a hang.
func (h *hookReceiver) until(t *testing.T, what string, enough func(came map[string][]hookMessage) bool) {
	t.Helper()
	timeout := time.After(2 * time.Minute)
	for {
		h.mu.Lock()
		ok := enough(h.came)
		h.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-h.news:
		case <-timeout:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// TestWebhooksAfterAKill: kill -9 while messages of two webhooks wait and one of each is under way, and as the receiver answers. When
// the server is there again each message arrives, those of each webhook in their order; at most the one that was under way comes twice,
// under the same name.
func TestWebhooksAfterAKill(t *testing.T) {
	for _, database := range []string{"sqlite", "postgres"} {
		for _, moment := range []string{"under way", "answered"} {
			t.Run(database+"/"+moment, func(t *testing.T) {
				t.Parallel()
				data := t.TempDir()
				url := "sqlite:" + data + "/kalends.db"
				if database == "postgres" {
					url = pgtest.URL(t)
				}
				receiver := newHookReceiver(t)
				with := func(args ...string) []string {
					return append(args, "--data", data, "--database", url, "--webhook-networks", "127.0.0.0/8")
				}
				ok(t, "migrate", "--data", data, "--database", url)
				if status, _, errs := kalends(t, "correct horse\n", with("user", "add", "alice", "--email", "alice@example.com", "--password-stdin")...); status != 0 {
					t.Fatal(errs)
				}
				hooks := []string{"/doors", "/lights"}
				for _, path := range hooks {
					ok(t, with("webhook", "add", "alice", receiver.URL+path, "--label", path[1:])...)
				}
				ids := regexp.MustCompile(`whk\w+`).FindAllString(ok(t, with("webhook", "list", "alice")...), -1)
				if len(ids) != len(hooks) {
					t.Fatalf("webhooks: %v", ids)
				}
				each := func(command string) {
					for _, id := range ids {
						ok(t, with("webhook", command, "alice", id)...)
					}
				}

				// While they rest, messages gather.
				each("pause")
				flags := with("--listen", "127.0.0.1:0", "--log-level", "error")
				p := start(t, flags...)
				put := func(p *process, name string) {
					t.Helper()
					r := must(http.NewRequestWithContext(t.Context(), "PUT", p.url+"/dav/calendars/alice/calendar/"+name+".ics", strings.NewReader(simpleEvent(name, "SUMMARY:Dentist\r\n"))))
					r.SetBasicAuth("alice", "correct horse")
					res := must(http.DefaultClient.Do(r))
					res.Body.Close()
					if res.StatusCode != http.StatusCreated {
						t.Fatalf("PUT %s: %s", name, res.Status)
					}
				}
				const gathered, later = 6, 2
				for i := range gathered {
					put(p, fmt.Sprint("before", i))
				}

				// The third message is held, or answered by a server that is then dead.
				const last = 3
				var kill sync.Once
				killed := make(chan struct{})
				end := func() {
					kill.Do(func() {
						p.cmd.Process.Signal(syscall.SIGKILL)
						close(killed)
					})
				}
				receiver.answers(func(w http.ResponseWriter, r *http.Request, before int) {
					if before+1 == last && moment == "under way" {
						<-killed
						return
					}
					w.WriteHeader(http.StatusNoContent)
					if before+1 == last {
						http.NewResponseController(w).Flush()
						end()
					}
				})
				each("resume")
				if moment == "under way" {
					receiver.until(t, "a message of each webhook is under way", func(came map[string][]hookMessage) bool {
						return len(came[hooks[0]]) >= last && len(came[hooks[1]]) >= last
					})
					end()
				}
				<-killed
				if state, _ := p.wait(); state.Success() {
					t.Fatal("the server ended by itself")
				}

				receiver.answers(func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(http.StatusNoContent) })
				expireLeases(t, url)
				again := start(t, flags...)
				for i := range later {
					put(again, fmt.Sprint("after", i))
				}
				receiver.until(t, "all messages have come", func(came map[string][]hookMessage) bool {
					return !slices.ContainsFunc(hooks, func(path string) bool {
						return !slices.ContainsFunc(came[path], func(m hookMessage) bool { return m.sequence == gathered+later })
					})
				})
				again.signal(os.Interrupt)
				again.wait()

				receiver.mu.Lock()
				defer receiver.mu.Unlock()
				for _, path := range hooks {
					twice := 0
					seen := []hookMessage{{}}
					for _, m := range receiver.came[path] {
						switch before := seen[len(seen)-1]; {
						case m == before:
							twice++
						case m.sequence == before.sequence+1 && !slices.ContainsFunc(seen, func(o hookMessage) bool { return o.id == m.id }):
							seen = append(seen, m)
						default:
							t.Errorf("%s: after message %d (%s) came %d (%s)", path, before.sequence, before.id, m.sequence, m.id)
						}
					}
					if len(seen)-1 != gathered+later {
						t.Errorf("%s: %d messages came, want %d", path, len(seen)-1, gathered+later)
					}
					if twice > 1 || moment == "under way" && twice != 1 {
						t.Errorf("%s: %d messages came twice", path, twice)
					}
				}
			})
		}
	}
}
