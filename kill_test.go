package main

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"kalends/internal/config"
	"kalends/internal/pgtest"
	"kalends/storage"
)

// killer is a relay that ends the server with SIGKILL at a step of a mail transaction.
type killer struct {
	url string

	mu    sync.Mutex
	mails map[string][]string // recipient and subject → Message-IDs
	armed func()              // what ends the server; nil when it did
	step  string              // rcpt, data or sent
	after int                 // that many steps pass before
}

func newKiller(t *testing.T, step string, after int) *killer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &killer{url: "smtp://" + ln.Addr().String() + "?tls=none", mails: map[string][]string{}, step: step, after: after}
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &killSession{k: k}, nil }))
	s.Domain = "relay.example.net"
	s.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	go s.Serve(ln)
	t.Cleanup(func() { s.Close() })
	return k
}

// at ends the server if this is the moment.
func (k *killer) at(step string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if step != k.step || k.armed == nil {
		return
	}
	if k.after--; k.after < 0 {
		k.armed()
		k.armed = nil
	}
}

// arm says what ends the server at the next such moment; nil for nothing.
func (k *killer) arm(kill func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.armed = kill
}

type killSession struct {
	k  *killer
	to string
}

func (s *killSession) Mail(string, *smtp.MailOptions) error { return nil }
func (s *killSession) Reset()                               {}
func (s *killSession) Logout() error                        { return nil }

func (s *killSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	s.k.at("rcpt")
	return nil
}

func (s *killSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := mail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		return err
	}
	s.k.mu.Lock()
	key := s.to + " " + m.Header.Get("Subject")
	s.k.mails[key] = append(s.k.mails[key], m.Header.Get("Message-Id"))
	s.k.mu.Unlock()
	s.k.at("data")
	if s.k.step == "sent" {
		// The answer leaves when we return; the server dies as it reads it.
		go s.k.at("sent")
	}
	return nil
}

// TestR1KilledWhileSending: kill -9 at every step of sending, on both databases. Afterwards each mail is out, invitations and
// reminders, and at most one of them twice, with the same Message-ID.
func TestR1KilledWhileSending(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"sqlite", "postgres"} {
		for _, cut := range []struct {
			step  string
			after int
		}{{"rcpt", 0}, {"data", 0}, {"data", 5}, {"sent", 2}, {"sent", 11}} {
			t.Run(fmt.Sprintf("%s/%s-%d", database, cut.step, cut.after), func(t *testing.T) {
				t.Parallel() // most of the time each waits for what is due
				data := t.TempDir()
				url := "sqlite:" + data + "/kalends.db"
				if database == "postgres" {
					url = pgtest.URL(t)
				}
				k := newKiller(t, cut.step, cut.after)
				killed := make(chan struct{})
				ok(t, "migrate", "--data", data, "--database", url)
				if status, _, errs := kalends(t, "secret\n", "user", "add", "alice", "--email", "alice@example.com", "--password-stdin", "--data", data, "--database", url); status != 0 {
					t.Fatal(errs)
				}
				flags := []string{"--listen", "127.0.0.1:0", "--data", data, "--database", url, "--mail-smtp", k.url, "--mail-from", "Kalends <calendar@example.com>", "--log-level", "error"}
				p := start(t, flags...)
				kill := func() {
					if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
						t.Error(err)
					}
					close(killed)
				}

				// Eight reminders that are due soon, but not before the last of them is stored: what is due before it exists reminds nobody.
				// Where the machine is too slow for that, others take their place, which are due later.
				var want map[string]bool
				replaced := map[string]bool{}
				for ahead := 3 * time.Second; ; ahead *= 2 {
					want = map[string]bool{}
					due := time.Now().Add(ahead).UTC().Truncate(time.Second)
					for i := range 8 {
						name := fmt.Sprintf("R%v-%d", ahead, i)
						if status := p.put(name, simpleEvent(name, fmt.Sprintf("SUMMARY:%s\r\nBEGIN:VALARM\r\nACTION:EMAIL\r\nTRIGGER;VALUE=DATE-TIME:%s\r\nEND:VALARM\r\n", name, due.Format("20060102T150405Z")))); status != 201 {
							t.Errorf("PUT %s: %d", name, status)
						}
						want[fmt.Sprintf("alice@example.com Reminder: %s (Tue 5 Jan 2038, 09:00)", name)] = true
					}
					k.arm(kill)
					if time.Now().Before(due) {
						break
					}
					k.arm(nil)
					maps.Copy(replaced, want)
				}
				// And eight invitations.
				more := "SUMMARY:M\r\nORGANIZER:mailto:alice@example.com\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com\r\n"
				for i := range 8 {
					more += fmt.Sprintf("ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:user%02d@example.org\r\n", i)
					want[fmt.Sprintf("user%02d@example.org Invitation: M (Tue 5 Jan 2038, 09:00)", i)] = true
				}
				status := p.put("m", simpleEvent("m", more))
				if status != 201 && status != 0 {
					t.Errorf("PUT m: %d", status)
				}

				select {
				case <-killed:
				case <-time.After(2 * time.Minute):
					t.Fatal("the server was never killed")
				}
				p.wait()
				expireLeases(t, url)
				again := start(t, flags...)
				if status == 0 { // as a program does that got no answer
					if status = again.put("m", simpleEvent("m", more), "If-None-Match", "*"); status != 201 && status != 412 {
						t.Errorf("PUT m again: %d", status)
					}
				}
				k.await(t, url, want)
				again.signal(syscall.SIGTERM)
				again.wait()

				k.mu.Lock()
				defer k.mu.Unlock()
				twice := 0
				for key := range want {
					ids := k.mails[key]
					switch {
					case len(ids) == 0:
						t.Errorf("lost: %s", key)
					case len(ids) > 2:
						t.Errorf("%d times: %s", len(ids), key)
					case len(ids) == 2:
						twice++
						if ids[0] != ids[1] {
							t.Errorf("sent again under another Message-ID: %s: %v", key, ids)
						}
					}
				}
				for key := range k.mails {
					if !want[key] && !replaced[key] {
						t.Errorf("unexpected: %s", key)
					}
				}
				t.Logf("%d of %d mails were sent twice", twice, len(want))
				if twice > 1 {
					t.Errorf("%d mails were sent twice, want one at most", twice)
				}
			})
		}
	}
}

// expireLeases makes what the dead server held claimable at once, instead of after minutes.
func expireLeases(t *testing.T, url string) {
	t.Helper()
	driver, dsn := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, dsn = "sqlite", path
	}
	db, err := sql.Open(driver, dsn) // the drivers that sqlstore brings
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, table := range []string{"outbox", "reminders"} {
		if _, err := db.Exec(`UPDATE ` + table + ` SET wake_at = 0 WHERE state = 'leased'`); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec(`UPDATE webhooks SET leased = 0 WHERE leased > 0`); err != nil {
		t.Fatal(err)
	}
}

// await waits until the relay has every mail, and the server knows.
func (k *killer) await(t *testing.T, url string, want map[string]bool) {
	t.Helper()
	cfg := config.Default()
	cfg.Database = url
	store, err := openStore(t.Context(), cfg, false)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for end := time.Now().Add(2 * time.Minute); ; pause(t.Context(), 50*time.Millisecond) {
		jobs, err := store.Jobs(t.Context(), nil, 1000)
		if err != nil && !errors.Is(err, storage.ErrUnavailable) {
			t.Fatal(err)
		}
		left := slices.DeleteFunc(jobs, func(j *storage.Job) bool { return j.State == storage.Done })
		missing := 0
		k.mu.Lock()
		for key := range want {
			if len(k.mails[key]) == 0 {
				missing++
			}
		}
		k.mu.Unlock()
		if err == nil && missing == 0 && len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Errorf("%d mails are missing, and %d jobs are not done", missing, len(left))
			for _, j := range left {
				t.Logf("%s to %s: %s, attempt %d, %s", j.Kind, j.Recipient, j.State, j.Attempt, j.LastError)
			}
			return
		}
	}
}

// put stores an event of Alice's, and returns the status; 0 where no answer came.
func (p *process) put(name, text string, header ...string) int {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), "PUT", p.url+"/dav/calendars/alice/calendar/"+name+".ics", strings.NewReader(text))
	if err != nil {
		p.Fatal(err)
	}
	r.SetBasicAuth("alice", "secret")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}
