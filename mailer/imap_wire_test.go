package mailer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
)

// TestMailboxEncryption: without TLS nothing is said to a server elsewhere, least of all the password.
func TestMailboxEncryption(t *testing.T) {
	plain := imap.CapSet{imap.CapIMAP4rev1: {}}
	for _, tt := range []struct {
		name   string
		server string // %s is where it listens on this machine
		o      mailboxOptions
		want   string // in the error, "" for none
		setup  bool   // only a person can mend it
	}{
		{"TLS", "imaps://example.com", mailboxOptions{implicit: true}, "", false},
		{"STARTTLS", "imap://example.com", mailboxOptions{startTLS: true, strict: true}, "", false},
		{"no STARTTLS", "imap://example.com", mailboxOptions{caps: plain}, "offers no STARTTLS", true},
		{"another's certificate", "imaps://imap.example.org", mailboxOptions{implicit: true}, "certificate", false},
		{"another's certificate after STARTTLS", "imap://imap.example.org", mailboxOptions{startTLS: true}, "certificate", false},
		{"no TLS where it is expected", "imaps://example.com", mailboxOptions{}, "TLS", false},
		{"in the clear on this machine", "imap://%s", mailboxOptions{}, "", false},
		{"TLS on this machine, for another name", "imaps://%s", mailboxOptions{implicit: true}, "", false},
		{"a server on this machine that wants TLS", "imap://%s", mailboxOptions{startTLS: true, strict: true}, "", false},
		{"a server on this machine that takes no password", "imap://%s", mailboxOptions{strict: true}, "takes no password on this connection", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := startMailbox(t, tt.o)
			p := m.poller(&clerk{Mailroom: nobody{}}, io.Discard)
			p.Server = strings.ReplaceAll(tt.server, "%s", m.addr)
			err := p.once(t.Context())
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
			if _, setup := errors.AsType[*setupError](err); setup != tt.setup {
				t.Errorf("for a person to mend: %v, want %v (%v)", setup, tt.setup, err)
			}
			clear := tt.name == "in the clear on this machine"
			if m.heard("LOGIN \"calendar\"") != clear && m.heard("AUTHENTICATE PLAIN") != clear {
				t.Errorf("logged in without TLS: %v\n%s", !clear, m.said.String())
			}
		})
	}
}

// nobody is a Mailroom without anybody.
type nobody struct{ Inbox }

func (nobody) Addressees(context.Context, ...[]string) ([]string, error) { return nil, nil }

// runUntil runs a poller until its n-th pause, and returns how long these were to be.
func runUntil(t *testing.T, p *Poller, n int) []time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var pauses []time.Duration
	p.Pause = func(_ context.Context, d time.Duration) {
		if pauses = append(pauses, d); len(pauses) == n {
			cancel()
		}
	}
	if err := p.Run(ctx); err != nil {
		t.Error(err)
	}
	return pauses
}

// TestMailboxWrongPassword: the log says what to do and not the password, and the account is not locked by trying on.
func TestMailboxWrongPassword(t *testing.T) {
	for _, caps := range []imap.CapSet{rev1, rev2} {
		m := startMailbox(t, mailboxOptions{caps: caps})
		var log text
		p := m.poller(nobody{}, &log)
		p.Password = "wrong-hunter"
		pauses := runUntil(t, p, 4)
		for i, least := range []time.Duration{45 * time.Second, 90 * time.Second, 3 * time.Minute, 6 * time.Minute} {
			if pauses[i] < least || pauses[i] > 2*least {
				t.Errorf("pauses of %v", pauses)
				break
			}
		}
		if got := log.String(); !strings.Contains(got, "check mail.imap_user and mail.imap_password") || !strings.Contains(got, "level=ERROR") || strings.Contains(got, "hunter") {
			t.Errorf("log:\n%s", got)
		}
	}
	p := &Poller{Account: Account{Password: hush}}
	if got := p.safe(errors.New("NO user calendar password " + hush + " wrong")); strings.Contains(got, hush) {
		t.Error(got)
	}
}

// TestMailboxFolders: what is wrong with a folder is said with the setting to look at.
func TestMailboxFolders(t *testing.T) {
	m := startMailbox(t, mailboxOptions{})
	p := m.poller(nobody{}, io.Discard)
	p.Folder = "Missing"
	if err := p.once(t.Context()); err == nil || !strings.Contains(err.Error(), "mail.imap_folder") {
		t.Error(err)
	}
}

// TestMailboxConnectionIsCut: a connection that breaks in the middle is made again, later each time, and no mail is lost or taken in twice.
func TestMailboxConnectionIsCut(t *testing.T) {
	h := newHouse(t, newSQLite(t))
	h.put(h.alice, "m", meetingOf("m", "alice@example.com", outside))
	m := startMailbox(t, mailboxOptions{})
	m.put(h.answerMail("ACCEPTED", 1))
	var log text
	room := &clerk{Mailroom: h.receiver(newWorld()), came: make(chan string, 10)}
	p := m.poller(room, &log)
	cuts := []string{"CAPABILITY", "AUTHENTICATE", "SELECT", "SEARCH", "RFC822.SIZE", "BODY.PEEK"}
	m.cutAt(cuts[0])
	var pauses []time.Duration
	p.Pause = func(ctx context.Context, d time.Duration) {
		if pauses = append(pauses, d); len(pauses) < len(cuts) {
			m.cutAt(cuts[len(pauses)])
		} else if len(pauses) > len(cuts) {
			<-ctx.Done()
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	select {
	case <-room.came:
	case <-time.After(2 * time.Minute):
		t.Errorf("not taken in; log:\n%s", log.String())
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(pauses) != len(cuts) || pauses[0] > 7*time.Second || !strings.Contains(log.String(), "the mailbox can be read again") {
		t.Errorf("pauses %v, log:\n%s", pauses, log.String())
	}
	m.holds("INBOX", 1, 0) // also that which was at hand when we were stopped
	if room.count() != 1 || h.partStat(h.alice, "m", "carol@example.org") != "ACCEPTED" {
		t.Errorf("delivered %d times", room.count())
	}
}

// TestMailboxServerIsDown: tries become rarer.
func TestMailboxServerIsDown(t *testing.T) {
	m := startMailbox(t, mailboxOptions{})
	p := m.poller(nobody{}, io.Discard)
	p.dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no route") }
	pauses := runUntil(t, p, 12)
	if first, last := pauses[0], pauses[11]; first > 7*time.Second || last < 7*time.Minute || last > 13*time.Minute {
		t.Errorf("pauses of %v", pauses)
	}
}

// TestMailboxWithoutIdle: a server that does not tell of new mail is looked at again.
func TestMailboxWithoutIdle(t *testing.T) {
	h := newHouse(t, newSQLite(t))
	m := startMailbox(t, mailboxOptions{caps: rev1})
	room := &clerk{Mailroom: h.receiver(newWorld()), came: make(chan string, 10)}
	p := m.poller(room, io.Discard)
	p.Interval = 5 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	for range 2 {
		m.put([]byte("From: dave@example.org\r\nTo: bob@example.com\r\n\r\nhello\r\n"))
		select {
		case <-room.came:
		case <-time.After(2 * time.Minute):
			t.Error("not taken in")
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestMailboxHostileServer: a server that says nothing, or too much, is left.
func TestMailboxHostileServer(t *testing.T) {
	flood := func(c net.Conn) {
		io.WriteString(c, "* OK hello\r\n* OK [")
		for _, err := c.Write(bytes.Repeat([]byte("A"), 1<<16)); err == nil; {
			_, err = c.Write(bytes.Repeat([]byte("A"), 1<<16))
		}
	}
	ours, theirs := net.Pipe()
	go flood(theirs)
	p := (&mailboxServer{T: t, addr: "127.0.0.1:143"}).poller(nobody{}, io.Discard)
	p.dial = func(context.Context, string, string) (net.Conn, error) { return ours, nil }
	if err := p.once(t.Context()); !errors.Is(err, errFlood) {
		t.Errorf("a server that floods us: %v", err)
	}

	ours, theirs = net.Pipe()
	defer theirs.Close()
	mt := &meter{Conn: ours}
	err := mt.do(time.Millisecond, 100, func() error { _, err := mt.Read(make([]byte, 10)); return err })
	if err == nil || !strings.Contains(err.Error(), "no answer within") {
		t.Errorf("a server that is silent: %v", err)
	}
}

// TestEnvelope: who a stored mail came from and to, as its header tells.
func TestEnvelope(t *testing.T) {
	from, groups := envelope([]byte("Return-Path: <carol@example.org>\r\nDelivered-To: box@example.com\r\nDelivered-To: alice@example.com\r\nX-Original-To: reply+x@example.com\r\n" +
		"From: carol@example.org\r\nTo: Alice <alice@example.com>,\r\n \"Team, the\" <team@example.com>\r\nCc: broken <<bob@example.com>>, undisclosed\r\n\r\nhello"))
	want := [][]string{{"box@example.com", "alice@example.com", "reply+x@example.com"}, {"alice@example.com", "team@example.com", "bob@example.com"}}
	if from != "carol@example.org" || !slices.EqualFunc(groups, want, slices.Equal) {
		t.Errorf("%q, %q", from, groups)
	}
	for _, msg := range []string{"", "\x00", "Return-Path: <>\r\nTo: " + strings.Repeat("a@example.com,", 10_000) + "\r\n\r\n", ":\r\n\r\n"} {
		from, groups := envelope([]byte(msg))
		n := 0
		for _, g := range groups {
			n += len(g)
		}
		if from != "" || n > maxHeaderAddresses {
			t.Errorf("%.20q: %q, %d addresses", msg, from, n)
		}
	}
}

// TestAddressees: signed addresses first, then the people whom mail servers delivered to, then those the author named.
func TestAddressees(t *testing.T) {
	eachHouse(t, func(h *house) {
		r := h.receiver(newWorld())
		token, err := h.composer.tokenAddress(h.alice.ID, 7, "mailto:carol@example.org")
		if err != nil {
			h.Fatal(err)
		}
		forged := "reply+" + strings.Repeat("a", len(token)-len("reply+@reply.example.com")) + "@reply.example.com"
		for _, tt := range []struct {
			name      string
			delivered []string
			named     []string
			want      []string
		}{
			{"a signed address", []string{"bob@example.com"}, []string{"alice@example.com", token}, []string{token}},
			{"one that is forged", nil, []string{forged}, nil},
			{"forged, and a person", nil, []string{forged, "bob@example.com"}, []string{"bob@example.com"}},
			{"a person's mailbox", []string{"box@example.net", "bob@example.com"}, []string{"alice@example.com"}, []string{"bob@example.com"}},
			{"all that are named", []string{"box@example.net"}, []string{"alice+x@example.com", "dave@example.org", "BOB@example.com", "bob+y@example.com"}, []string{"alice+x@example.com", "BOB@example.com"}},
			{"the server's own", []string{"calendar@example.com"}, []string{"calendar@example.com"}, nil},
			{"nobody", nil, nil, nil},
			{"no addresses", []string{"", "@", "x"}, []string{"a@b@c"}, nil},
		} {
			got, err := r.Addressees(h.Context(), tt.delivered, tt.named)
			if err != nil || !slices.Equal(got, tt.want) {
				h.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
			}
		}
	})
}
