package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"kalends/ical"
	"kalends/mailer"
	"kalends/reminder"
	"kalends/storage"
	"kalends/storage/storagetest"
)

// trouble is a relay that treats each mail badly when it comes first, and takes it afterwards.
type trouble struct {
	how string

	mu    sync.Mutex
	tries map[string]int      // by recipient
	taken map[string][]string // recipient → Message-IDs of what it answered with 250, or took without an answer
	left  map[string]func()   // by recipient: what has our side give up a mail that gets no answer
	done  chan struct{}
	until int
}

// trouble's ways.
const (
	refuses  = "refuses for now"    // 451 to RCPT
	hangs    = "hangs"              // no answer to RCPT
	silent   = "is silent"          // takes the message after DATA, and never answers
	hangsUp  = "hangs up"           // takes the message after DATA, and ends the connection
	rejected = "refuses after DATA" // 452 after the message
)

func (r *trouble) first(to string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries[to]++
	return r.tries[to] == 1
}

func (r *trouble) take(to string, message []byte, answered bool) error {
	m, err := mail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken[to] = append(r.taken[to], m.Header.Get("Message-Id"))
	if answered {
		if r.until--; r.until == 0 {
			close(r.done)
		}
	}
	return nil
}

type troubleSession struct {
	r    *trouble
	conn *smtp.Conn
	to   string
	bad  bool
}

func (s *troubleSession) Mail(string, *smtp.MailOptions) error { return nil }
func (s *troubleSession) Reset()                               {}
func (s *troubleSession) Logout() error                        { return nil }

// wait lets the other side wait until it gives up, which it does now rather than after minutes.
func (s *troubleSession) wait() error {
	s.r.mu.Lock()
	s.r.left[s.to]()
	s.r.mu.Unlock()
	_, _ = s.conn.Conn().Read(make([]byte, 1))
	return s.conn.Close()
}

func (s *troubleSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to, s.bad = to, s.r.first(to)
	switch {
	case s.bad && s.r.how == refuses:
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "not now"}
	case s.bad && s.r.how == hangs:
		return s.wait()
	}
	return nil
}

func (s *troubleSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	switch {
	case !s.bad:
		return s.r.take(s.to, b, true)
	case s.r.how == rejected:
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "no space"}
	}
	if err := s.r.take(s.to, b, false); err != nil {
		return err
	}
	if s.r.how == hangsUp {
		return s.conn.Close()
	}
	return s.wait()
}

// TestR1RelayTrouble: reminders through a relay that refuses, hangs, or does not say whether it has a message. Each is taken in the end,
// once where the relay said what it did, and else at most twice under one Message-ID.
func TestR1RelayTrouble(t *testing.T) {
	t.Parallel()
	for _, how := range []string{refuses, hangs, rejected, silent, hangsUp} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			storagetest.Each(t, func(t *testing.T, s storage.Store) { relayTrouble(t, s, how) })
		})
	}
}

func relayTrouble(t *testing.T, store storage.Store, how string) {
	const people = 4
	relay := &trouble{how: how, tries: map[string]int{}, taken: map[string][]string{}, left: map[string]func(){}, done: make(chan struct{}), until: people}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &troubleSession{r: relay, conn: c}, nil }))
	server.Domain, server.ErrorLog = "relay.example.net", slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	go server.Serve(ln)
	defer server.Close()
	transport, err := mailer.NewSMTP([]string{"smtp://" + ln.Addr().String() + "?tls=none"}, "kalends.example.com")
	if err != nil {
		t.Fatal(err)
	}
	defer transport.Close()

	// The server's clock stands still until each mail has been tried once, and then is an hour ahead: so however slow the machine is, no lease
	// ends meanwhile, and the next attempt need not be waited for.
	due := time.Date(2026, 1, 5, 9, 45, 0, 0, time.UTC)
	var ahead atomic.Int64
	clock := func() time.Time { return due.Add(time.Duration(ahead.Load())) }
	oneEach(t, store, people, due)
	composer := &mailer.Composer{Identity: mailer.Identity{Own: mail.Address{Name: "Kalends", Address: "calendar@example.com"}}}
	log := slog.New(slog.DiscardHandler)
	var failed atomic.Int64
	outbox := &mailer.Dispatcher{
		Queue: store, Log: log, Now: clock, Handlers: map[string]mailer.Handler{letterJob: func(ctx context.Context, j *storage.Job) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			relay.mu.Lock()
			relay.left[strings.TrimPrefix(j.Recipient, "mailto:")] = cancel
			relay.mu.Unlock()
			return letters{transport}.handle(ctx, j)
		}},
		Outcome: func(_ context.Context, _ *storage.Job, err error) error {
			if err != nil {
				failed.Add(1)
			}
			return nil
		},
	}
	reminders := &reminder.Dispatcher{Store: store, Log: log, Now: clock, Queued: outbox.Wake, Compose: remind{composer}.compose}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { reminders.Run(ctx) })
	running.Go(func() { outbox.Run(ctx) })
	limit, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for !putOff(t, store, people) && limit.Err() == nil {
		pause(limit, 10*time.Millisecond)
	}
	ahead.Store(int64(time.Hour))
	outbox.Wake()
	select {
	case <-relay.done:
	case <-limit.Done():
	}
	stop()
	running.Wait()
	relay.mu.Lock()
	defer relay.mu.Unlock()
	most := 1
	if how == silent || how == hangsUp {
		most = 2 // it took the first without saying so
	}
	for i := range people {
		to := fmt.Sprintf("user%02d@example.com", i)
		ids := relay.taken[to]
		if len(ids) < 1 || len(ids) > most || len(slices.Compact(slices.Clone(ids))) != 1 || ids[0] == "" {
			t.Errorf("%s was sent %q, want one Message-ID, at most %d times", to, ids, most)
		}
		if relay.tries[to] != 2 {
			t.Errorf("%s: %d attempts, want 2", to, relay.tries[to])
		}
	}
	if n := failed.Load(); n != 0 {
		t.Errorf("%d reminders failed for good", n)
	}
}

// putOff reports whether so many mails were tried, and are to be tried again.
func putOff(t *testing.T, store storage.Store, n int) bool {
	t.Helper()
	jobs, err := store.Jobs(t.Context(), []storage.JobState{storage.Ready}, n+1)
	if err != nil {
		t.Fatal(err)
	}
	return len(jobs) == n && !slices.ContainsFunc(jobs, func(j *storage.Job) bool { return j.LastError == "" })
}

// oneEach stores somebody's event for each of some people, with a reminder that is due at a time.
func oneEach(t *testing.T, store storage.Store, people int, due time.Time) {
	t.Helper()
	ctx := t.Context()
	for i := range people {
		err := store.Update(ctx, func(tx storage.Tx) error {
			name := fmt.Sprintf("user%02d", i)
			p := &storage.Principal{Name: name, Kind: storage.Person, Email: name + "@example.com", Created: due}
			if err := tx.PutPrincipal(ctx, p, []string{"mailto:" + p.Email}); err != nil {
				return err
			}
			id, err := tx.Next(ctx, p.ID)
			if err != nil {
				return err
			}
			if err := tx.PutCalendar(ctx, &storage.Calendar{Owner: p.ID, ID: id, Kind: storage.CalendarKind, Slug: "calendar", Seq: id, LastSeq: id}); err != nil {
				return err
			}
			text := strings.ReplaceAll(fmt.Sprintf(loadEvent, name+"@example.com", due.Add(15*time.Minute).Format("20060102T150405Z")), "\n", "\r\n")
			cal, err := ical.Parse([]byte(text))
			if err != nil {
				return err
			}
			o := &storage.Object{
				Owner: p.ID, Calendar: id, ID: id, Seq: id, Name: "a.ics", UID: name, Component: "VEVENT", ICS: []byte(text), Size: int64(len(text)), ETag: `"x"`,
				First: due.UnixMicro(), Last: due.UnixMicro(), Created: due, Modified: due,
			}
			if err := tx.PutObject(ctx, o, nil); err != nil {
				return err
			}
			opts := reminder.Site{}.For(p, nil, nil, o)
			opts.Now = due.Add(-time.Hour)
			return tx.SetReminders(ctx, p.ID, id, reminder.Plan(cal, nil, opts))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
