package main

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/mail"
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
				k.armed = func() {
					if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
						t.Error(err)
					}
					close(killed)
				}

				// Eight invitations, and eight reminders that are due soon, but not before the last of them is stored: what is due
				// before it exists reminds nobody.
				put := func(name, text string) {
					t.Helper()
					r, err := http.NewRequestWithContext(t.Context(), "PUT", p.url+"/dav/calendars/alice/calendar/"+name+".ics", strings.NewReader(text))
					if err != nil {
						t.Fatal(err)
					}
					r.SetBasicAuth("alice", "secret")
					resp, err := http.DefaultClient.Do(r)
					if err != nil {
						return // killed already
					}
					resp.Body.Close()
					if resp.StatusCode != 201 {
						t.Errorf("PUT %s: %d", name, resp.StatusCode)
					}
				}
				want := map[string]bool{}
				due := time.Now().Add(6 * time.Second).UTC().Truncate(time.Second)
				for i := range 8 {
					put(fmt.Sprintf("r%d", i), simpleEvent(fmt.Sprintf("r%d", i), fmt.Sprintf("SUMMARY:R%d\r\nBEGIN:VALARM\r\nACTION:EMAIL\r\nTRIGGER;VALUE=DATE-TIME:%s\r\nEND:VALARM\r\n", i, due.Format("20060102T150405Z"))))
					want[fmt.Sprintf("alice@example.com Reminder: R%d (Tue 5 Jan 2038, 09:00)", i)] = true
				}
				more := "SUMMARY:M\r\nORGANIZER:mailto:alice@example.com\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com\r\n"
				for i := range 8 {
					more += fmt.Sprintf("ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:user%02d@example.org\r\n", i)
					want[fmt.Sprintf("user%02d@example.org Invitation: M (Tue 5 Jan 2038, 09:00)", i)] = true
				}
				put("m", simpleEvent("m", more))

				select {
				case <-killed:
				case <-time.After(30 * time.Second):
					t.Fatal("the server was never killed")
				}
				p.wait()
				expireLeases(t, url)
				again := start(t, flags...)
				waitForOutbox(t, url, len(want))
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
					if !want[key] {
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
}

// waitForOutbox waits until so many jobs are done.
func waitForOutbox(t *testing.T, url string, want int) {
	t.Helper()
	cfg := config.Default()
	cfg.Database = url
	store, err := openStore(t.Context(), cfg, false)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for end := time.Now().Add(30 * time.Second); ; {
		jobs, err := store.Jobs(t.Context(), nil, 1000)
		if err != nil && !errors.Is(err, storage.ErrUnavailable) {
			t.Fatal(err)
		}
		done := 0
		for _, j := range jobs {
			if j.State == storage.Done {
				done++
			}
		}
		if done == want {
			return
		}
		if time.Now().After(end) {
			t.Errorf("%d jobs are done, want %d", done, want)
			for _, j := range jobs {
				t.Logf("%s to %s: %s, attempt %d, %s", j.Kind, j.Recipient, j.State, j.Attempt, j.LastError)
			}
			return
		}
		pause(t.Context(), 50*time.Millisecond)
	}
}
