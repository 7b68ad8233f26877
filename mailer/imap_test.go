package mailer

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"kalends/storage"
	"kalends/storage/storagetest"
)

const hush = "hush-4711"

// rev1 is what an old server can do, rev2 what a new one can.
var (
	rev1 = imap.CapSet{imap.CapIMAP4rev1: {}}
	rev2 = imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapIMAP4rev2: {}, imap.CapIdle: {}, imap.CapMove: {}, imap.CapUIDPlus: {}}
)

// mailboxServer is an IMAP server with one user, calendar.
type mailboxServer struct {
	*testing.T
	user  *imapmemserver.User
	addr  string
	roots *x509.CertPool

	mu   sync.Mutex
	said bytes.Buffer // by clients
	// cut closes the connection when a client says this, before the server hears of it; once.
	cut string
}

type mailboxOptions struct {
	caps     imap.CapSet
	implicit bool // TLS from the beginning
	startTLS bool
	strict   bool // no password without TLS
}

func startMailbox(t *testing.T, o mailboxOptions) *mailboxServer {
	t.Helper()
	m := &mailboxServer{T: t, user: imapmemserver.NewUser("calendar", hush)}
	if err := m.user.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	box := imapmemserver.New()
	box.AddUser(m.user)
	web := httptest.NewTLSServer(nil) // for its certificate, which is of example.com
	t.Cleanup(web.Close)
	m.roots = x509.NewCertPool()
	m.roots.AddCert(web.Certificate())
	config := &tls.Config{Certificates: web.TLS.Certificates}
	options := &imapserver.Options{Caps: o.caps, InsecureAuth: !o.strict, Logger: quiet{},
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return box.NewSession(), nil, nil
		}}
	if options.Caps == nil {
		options.Caps = rev2
	}
	if o.startTLS {
		options.TLSConfig = config
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.addr = ln.Addr().String()
	if o.implicit {
		ln = tls.NewListener(ln, config)
	}
	server := imapserver.New(options)
	go server.Serve(ln)
	t.Cleanup(func() { server.Close() })
	return m
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}

// listening is a client's connection of which the server keeps what was said.
type listening struct {
	net.Conn
	m *mailboxServer
}

func (c listening) Write(b []byte) (int, error) {
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	if c.m.cut != "" && bytes.Contains(b, []byte(c.m.cut)) {
		c.m.cut = ""
		c.Conn.Close()
	}
	c.m.said.Write(b)
	return c.Conn.Write(b)
}

func (m *mailboxServer) heard(what string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Contains(m.said.Bytes(), []byte(what))
}

// cutAt has the next connection cut where a client says that.
func (m *mailboxServer) cutAt(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cut = what
}

// put brings mail into the folder.
func (m *mailboxServer) put(msgs ...[]byte) {
	m.Helper()
	for _, msg := range msgs {
		if _, err := m.user.Append("INBOX", bytes.NewReader(msg), &imap.AppendOptions{}); err != nil {
			m.Fatal(err)
		}
	}
}

// holds checks how many mails are in a folder, and how many of them are unread.
func (m *mailboxServer) holds(folder string, all, unread uint32) {
	m.Helper()
	d, err := m.user.Status(folder, &imap.StatusOptions{NumMessages: true, NumUnseen: true})
	if err != nil {
		m.Errorf("%s: %v", folder, err)
		return
	}
	if *d.NumMessages != all || *d.NumUnseen != unread {
		m.Errorf("%s holds %d mails, %d of them unread; want %d, %d", folder, *d.NumMessages, *d.NumUnseen, all, unread)
	}
}

// poller is one on the mailbox, without a lease and by a host name that is not of this machine where it is to have TLS.
func (m *mailboxServer) poller(room Mailroom, log io.Writer) *Poller {
	p := &Poller{
		Account: Account{Server: "imap://" + m.addr, User: "calendar", Password: hush},
		Room:    room, Log: slog.New(slog.NewTextHandler(log, nil)),
		Lease: func(context.Context, string, string, time.Time, time.Time) (bool, error) { return true, nil },
		roots: m.roots,
		dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, m.addr)
			return listening{c, m}, err
		},
	}
	p.init()
	return p
}

// once takes in what is there now.
func (p *Poller) once(ctx context.Context) error {
	s, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	return s.drain(ctx)
}

// clerk is a Mailroom that counts what is delivered.
type clerk struct {
	Mailroom
	mu   sync.Mutex
	got  []string // recipients
	came chan string
	fail func(msg []byte) error
}

func (c *clerk) Deliver(ctx context.Context, from, rcpt string, msg []byte) error {
	if c.fail != nil {
		if err := c.fail(msg); err != nil {
			return err
		}
	}
	if err := c.Mailroom.Deliver(ctx, from, rcpt, msg); err != nil {
		return err
	}
	c.mu.Lock()
	c.got = append(c.got, rcpt)
	c.mu.Unlock()
	if c.came != nil {
		c.came <- rcpt
	}
	return nil
}

func (c *clerk) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.got)
}

// text is a log that may be read while it is written.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *text) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *text) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// answerMail is carol's answer to alice's meeting m, at the signed reply address, as it lies in a mailbox.
func (h *house) answerMail(partstat string, seconds int) []byte {
	h.Helper()
	o, _ := h.copy(h.alice, "m")
	rcpt, err := h.composer.tokenAddress(h.alice.ID, o.ID, "mailto:carol@example.org")
	if err != nil {
		h.Fatal(err)
	}
	return itipMail("Carol <carol@example.org>", "Alice <"+rcpt+">", "REPLY", answerText("m", "carol@example.org", partstat, fmt.Sprintf("DTSTAMP:20261102T0900%02dZ", seconds)),
		"Return-Path: <carol@example.org>", "Delivered-To: reply@example.com")
}

// TestMailboxAnswers: answers at signed addresses that come into a mailbox elsewhere are taken in, in order, once, also when the connection breaks before they
// could be marked.
func TestMailboxAnswers(t *testing.T) {
	eachHouse(t, func(h *house) {
		m := startMailbox(h.T, mailboxOptions{})
		var log text
		r := h.receiver(newWorld())
		r.Log = slog.New(slog.NewTextHandler(&log, nil))
		room := &clerk{Mailroom: r}
		p := m.poller(room, &log)
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", outside))

		m.put(h.answerMail("TENTATIVE", 1), h.answerMail("ACCEPTED", 2))
		if err := p.once(h.Context()); err != nil {
			h.Fatal(err)
		}
		if got := h.partStat(h.alice, "m", "carol@example.org"); got != "ACCEPTED" || room.count() != 2 {
			h.Errorf("PARTSTAT is %s after %d mails, want ACCEPTED after 2", got, room.count())
		}
		m.holds("INBOX", 2, 0)
		if err := p.once(h.Context()); err != nil || room.count() != 2 {
			h.Errorf("again: %d mails, %v", room.count(), err)
		}

		m.put(h.answerMail("DECLINED", 3))
		m.cutAt("STORE")
		if err := p.once(h.Context()); err == nil {
			h.Error("nothing is said about the cut connection")
		}
		m.holds("INBOX", 3, 1)
		if got := h.partStat(h.alice, "m", "carol@example.org"); got != "DECLINED" || strings.Contains(log.String(), "repeat=true") {
			h.Errorf("PARTSTAT is %s\n%s", got, log.String())
		}
		if err := m.poller(room, &log).once(h.Context()); err != nil { // as after a crash
			h.Error(err)
		}
		m.holds("INBOX", 3, 0)
		if n := strings.Count(log.String(), "repeat=true"); n != 1 || room.count() != 4 {
			h.Errorf("recognised %d times, delivered %d, want 1, 4\n%s", n, room.count(), log.String())
		}
	})
}

// TestMailboxTwoServers: of two servers on one database one works, the other takes over when that one stops, and each mail is taken in once.
func TestMailboxTwoServers(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, store storage.Store) {
		h := newHouse(t, store)
		m := startMailbox(t, mailboxOptions{})
		h.put(h.alice, "m", meetingOf("m", "alice@example.com", outside))
		came := make(chan string, 100)
		type server struct {
			*clerk
			stop func()
		}
		var servers []*server
		for range 2 {
			s := &server{clerk: &clerk{Mailroom: h.receiver(newWorld()), came: came}}
			p := m.poller(s.clerk, io.Discard)
			p.Lease, p.Interval = store.Lease, time.Hour // so IDLE tells of it
			p.Pause = func(ctx context.Context, _ time.Duration) { pause(ctx, 5*time.Millisecond) }
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- p.Run(ctx) }()
			s.stop = sync.OnceFunc(func() {
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
			t.Cleanup(s.stop)
			servers = append(servers, s)
		}
		take := func(n int) {
			t.Helper()
			for range n {
				select {
				case <-came:
				case <-time.After(2 * time.Minute):
					t.Fatal("mail is not taken in")
				}
			}
		}
		for i := range 20 {
			m.put(h.answerMail([]string{"ACCEPTED", "DECLINED"}[i%2], i))
		}
		take(20)
		holder := slices.IndexFunc(servers, func(s *server) bool { return s.count() > 0 })
		servers[holder].stop()
		if a, b := servers[holder].count(), servers[1-holder].count(); a != 20 || b != 0 {
			t.Errorf("one server took in %d mails, the other %d; want 20, 0", a, b)
		}
		m.holds("INBOX", 20, 0)
		m.put(h.answerMail("TENTATIVE", 30))
		take(1)
		servers[1-holder].stop()
		m.holds("INBOX", 21, 0)
		if got := h.partStat(h.alice, "m", "carol@example.org"); got != "TENTATIVE" || servers[1-holder].count() != 1 {
			t.Errorf("PARTSTAT is %s, the other server took in %d", got, servers[1-holder].count())
		}
	})
}

// TestMailboxLeavesAndClearsAway: what is too large, for nobody or refused stays, read, and is logged once; what is taken in is kept, moved or deleted, on old and
// new servers.
func TestMailboxLeavesAndClearsAway(t *testing.T) {
	for _, tt := range []struct {
		name  string
		caps  imap.CapSet
		done  Done
		inbox uint32 // mails afterwards
		taken uint32 // in the folder Taken/in
	}{
		{"kept", rev2, DoneKeep, 5, 0},
		{"moved", rev2, DoneMove, 3, 2},
		{"moved without MOVE", imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapUIDPlus: {}}, DoneMove, 3, 2},
		{"moved without MOVE and UIDPLUS", rev1, DoneMove, 5, 2}, // marked as deleted
		{"deleted", rev2, DoneDelete, 3, 0},
		{"deleted without UIDPLUS", rev1, DoneDelete, 5, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t, newSQLite(t))
			m := startMailbox(t, mailboxOptions{caps: tt.caps})
			h.put(h.alice, "m", meetingOf("m", "alice@example.com", outside))
			var log text
			room := &clerk{Mailroom: h.receiver(newWorld()), fail: func(msg []byte) error {
				if bytes.Contains(msg, []byte("Subject: refuse me")) {
					return &Refusal{Enhanced: [3]int{5, 6, 0}, Text: "not this one"}
				}
				return nil
			}}
			p := m.poller(room, &log)
			p.Done, p.Into, p.MaxBytes = tt.done, "Taken/in", 20_000
			m.put(
				itipMail("dave@example.org", "nobody@example.net", "REPLY", "for nobody", "Delivered-To: calendar@example.com"),
				h.answerMail("ACCEPTED", 1),
				append(h.answerMail("DECLINED", 2), bytes.Repeat([]byte("X"), 20_000)...),
				[]byte("From: dave@example.org\r\nTo: bob@example.com\r\nSubject: refuse me\r\n\r\nhello\r\n"),
				itipMail("dave@example.org", "Bob <BOB+here@example.com>", "REPLY", "for bob"),
			)
			for range 2 {
				if err := p.once(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if got := h.partStat(h.alice, "m", "carol@example.org"); got != "ACCEPTED" || room.count() != 2 {
				t.Errorf("PARTSTAT is %s, %q were delivered", got, room.got)
			}
			for _, want := range []string{"is too large and is not taken in", "is for nobody here", "is refused; it stays there, read\" folder=INBOX uid=4 reason=\"not this one\""} {
				if n := strings.Count(log.String(), want); n != 1 {
					t.Errorf("%q is logged %d times:\n%s", want, n, log.String())
				}
			}
			m.holds("INBOX", tt.inbox, 0)
			if tt.done == DoneMove {
				m.holds("Taken/in", tt.taken, 0)
			}
		})
	}
}

// TestMailboxTroubles: a mail that cannot be taken in now stays unread and comes again later, and holds up nobody; when nothing gets in, the rest waits too.
func TestMailboxTroubles(t *testing.T) {
	h := newHouse(t, newSQLite(t))
	m := startMailbox(t, mailboxOptions{})
	bad, tried := "poison", 0
	room := &clerk{Mailroom: h.receiver(newWorld()), fail: func(msg []byte) error {
		if bytes.Contains(msg, []byte(bad)) {
			if tried++; tried == 1 {
				panic("a mail that nobody thought of")
			}
			return errors.New("not now")
		}
		return nil
	}}
	var log text
	p := m.poller(room, &log)
	p.Now = h.now
	to := func(subject string) []byte {
		return []byte("From: dave@example.org\r\nTo: bob@example.com\r\nSubject: " + subject + "\r\n\r\nhello\r\n")
	}
	m.put(to("poison"), to("one"), to("two"))
	for range 3 {
		if err := p.once(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if room.count() != 2 || tried != 1 {
		t.Errorf("delivered %q, the bad one tried %d times; want 2, 1\n%s", room.got, tried, log.String())
	}
	m.holds("INBOX", 3, 1)
	h.clock = h.clock.Add(10 * time.Second)
	if err := p.once(t.Context()); err != nil || tried != 2 {
		t.Errorf("after a while it was tried %d times, %v", tried, err)
	}

	bad, tried = "Subject", 0
	h.clock = h.clock.Add(time.Hour)
	for i := range 10 {
		m.put(to(fmt.Sprint("more ", i)))
	}
	if err := p.once(t.Context()); err != nil || tried != imapTroubles {
		t.Errorf("%d of 11 mails were tried while none gets in, want %d; %v", tried, imapTroubles, err)
	}
	bad = "nothing"
	h.clock = h.clock.Add(time.Hour)
	if err := p.once(t.Context()); err != nil || room.count() != 13 {
		t.Errorf("at last %d mails, want 13; %v", room.count(), err)
	}
	m.holds("INBOX", 13, 0)

	// A folder that was made anew has other mails under the same UIDs.
	bad = "poison"
	if err := errors.Join(m.user.Delete("INBOX"), m.user.Create("INBOX", nil)); err != nil {
		t.Fatal(err)
	}
	m.put(to("poison"))
	if err := p.once(t.Context()); err != nil || len(p.later) != 1 {
		t.Fatalf("%d wait, %v", len(p.later), err)
	}
	if err := errors.Join(m.user.Delete("INBOX"), m.user.Create("INBOX", nil)); err != nil {
		t.Fatal(err)
	}
	m.put(to("fine"))
	if err := p.once(t.Context()); err != nil || room.count() != 14 {
		t.Errorf("after the folder was made anew %d mails, want 14; %v", room.count(), err)
	}
}

// TestMailboxManyMails: more mails than one round takes.
func TestMailboxManyMails(t *testing.T) {
	h := newHouse(t, newSQLite(t))
	m := startMailbox(t, mailboxOptions{})
	room := &clerk{Mailroom: h.receiver(newWorld())}
	for i := range 2*imapRound + 10 {
		m.put([]byte(fmt.Sprintf("From: dave@example.org\r\nTo: bob@example.com\r\nSubject: %d\r\n\r\nhello\r\n", i)))
	}
	p := m.poller(room, io.Discard)
	s, err := p.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for _, want := range []int{imapRound, 2 * imapRound, 2*imapRound + 10} {
		more, err := s.round(t.Context())
		if err != nil || room.count() != want || more != (want%imapRound == 0) {
			t.Errorf("after a round %d mails, more: %v, %v; want %d", room.count(), more, err, want)
		}
	}
}
