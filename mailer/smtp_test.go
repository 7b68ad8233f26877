package mailer

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// relayServer is a real SMTP server on loopback, with what it answers decided by the test.
type relayServer struct {
	*smtp.Server
	addr     string
	mu       sync.Mutex
	got      []received
	sessions int
	data     func(n int) error // answer to the nth message, from 1
	rcpt     func(to string) error
	password string // asked for where it is set
	cut      bool   // the connection drops after the message
}

type received struct {
	from, to, user string
	msg            []byte
}

type relaySession struct {
	s              *relayServer
	conn           *smtp.Conn
	from, to, user string
}

func startRelay(t testing.TB, configure func(*relayServer)) *relayServer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &relayServer{addr: ln.Addr().String()}
	s.Server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		s.mu.Lock()
		s.sessions++
		s.mu.Unlock()
		return &relaySession{s: s, conn: c}, nil
	}))
	s.ErrorLog = serverLog{slog.New(slog.DiscardHandler)}
	s.Domain = "relay.example.com"
	if configure != nil {
		configure(s)
	}
	done := make(chan struct{})
	go func() { s.Serve(ln); close(done) }()
	t.Cleanup(func() { s.Close(); <-done })
	return s
}

func (s *relayServer) messages() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.got...)
}

func (r *relaySession) Reset()        {}
func (r *relaySession) Logout() error { return nil }
func (r *relaySession) Mail(from string, _ *smtp.MailOptions) error {
	if r.s.password != "" && r.user == "" {
		return smtp.ErrAuthRequired
	}
	r.from = from
	return nil
}
func (r *relaySession) Rcpt(to string, _ *smtp.RcptOptions) error {
	r.to = to
	if r.s.rcpt != nil {
		return r.s.rcpt(to)
	}
	return nil
}
func (r *relaySession) Data(rd io.Reader) error {
	b, err := io.ReadAll(rd)
	if err != nil {
		return err
	}
	r.s.mu.Lock()
	r.s.got = append(r.s.got, received{r.from, r.to, r.user, b})
	n, cut := len(r.s.got), r.s.cut
	r.s.mu.Unlock()
	if cut {
		r.conn.Conn().Close()
	}
	if r.s.data != nil {
		return r.s.data(n)
	}
	return nil
}
func (r *relaySession) AuthMechanisms() []string {
	if r.s.password == "" {
		return nil
	}
	return []string{sasl.Plain}
}
func (r *relaySession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != r.s.password {
			return smtp.ErrAuthFailed
		}
		r.user = user
		return nil
	}), nil
}

func newTransport(t testing.TB, urls ...string) *SMTP {
	t.Helper()
	tr, err := NewSMTP(urls, "kalends.example.com")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tr.Close() })
	return tr
}

// dotty has what SMTP must carry through: lines of dots, an empty line, a last line end.
var dotty = []byte("Subject: x\r\nMessage-ID: <1@example.com>\r\n\r\n.\r\n..\r\n.hidden\r\n\r\nend\r\n")

func TestSMTPSendsTheBytesAsComposed(t *testing.T) {
	s := startRelay(t, nil)
	tr := newTransport(t, "smtp://"+s.addr)
	l, err := composeJob(testComposer(), invite("REQUEST", weekly))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := tr.Send(t.Context(), l.From, l.To, l.Message); err != nil {
			t.Fatal(err)
		}
	}
	if err := tr.Send(t.Context(), "a@example.com", "b@example.org", dotty); err != nil {
		t.Fatal(err)
	}
	got := s.messages()
	if len(got) != 4 || got[0].from != l.From || got[0].to != "bob@example.org" || !bytes.Equal(got[0].msg, l.Message) {
		t.Fatalf("received %d messages, the first from %s to %s", len(got), got[0].from, got[0].to)
	}
	if !bytes.Equal(got[3].msg, dotty) {
		t.Errorf("received %q, want %q", got[3].msg, dotty)
	}
	if s.sessions != 1 {
		t.Errorf("%d connections for 4 messages", s.sessions)
	}
}

func TestSMTPErrors(t *testing.T) {
	refuse := func(code int, enhanced smtp.EnhancedCode, text string) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: text}
	}
	for _, tt := range []struct {
		name      string
		configure func(*relayServer)
		want      SendError
	}{
		{"unknown recipient", func(s *relayServer) {
			s.rcpt = func(string) error { return refuse(550, smtp.EnhancedCode{5, 1, 1}, "No such user") }
		}, SendError{false, 550, "5.1.1", "127.0.0.1: No such user"}},
		{"greylisted", func(s *relayServer) {
			s.rcpt = func(string) error { return refuse(450, smtp.EnhancedCode{4, 2, 0}, "Greylisted") }
		}, SendError{true, 450, "4.2.0", "127.0.0.1: Greylisted"}},
		{"content refused", func(s *relayServer) {
			s.data = func(int) error { return refuse(554, smtp.EnhancedCode{5, 7, 1}, "Spam") }
		}, SendError{false, 554, "5.7.1", "127.0.0.1: Spam"}},
		{"no room", func(s *relayServer) {
			s.data = func(int) error { return refuse(452, smtp.EnhancedCode{4, 3, 1}, "Disk full") }
		}, SendError{true, 452, "4.3.1", "127.0.0.1: Disk full"}},
		{"we should have logged in", func(s *relayServer) {
			s.rcpt = func(string) error { return refuse(530, smtp.EnhancedCode{5, 7, 0}, "Log in first") }
		}, SendError{true, 530, "5.7.0", "127.0.0.1: Log in first"}},
		{"connection lost after the message", func(s *relayServer) { s.cut = true },
			SendError{true, 0, "4.4.2", "127.0.0.1: answer: connection closed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := startRelay(t, tt.configure)
			err := newTransport(t, "smtp://"+s.addr).Send(t.Context(), "a@example.com", "b@example.org", dotty)
			got, ok := errors.AsType[*SendError](err)
			if !ok || *got != tt.want {
				t.Errorf("Send = %#v, want %#v", err, tt.want)
			}
			if Temporary(err) != tt.want.Temporary {
				t.Errorf("Temporary(%v) = %v", err, Temporary(err))
			}
		})
	}
}

// TestSMTPAfterARefusal sends on the connection that refused the message before.
func TestSMTPAfterARefusal(t *testing.T) {
	s := startRelay(t, func(s *relayServer) {
		s.rcpt = func(to string) error {
			if strings.HasPrefix(to, "nobody@") {
				return errNobody
			}
			return nil
		}
	})
	tr := newTransport(t, "smtp://"+s.addr)
	for range 3 {
		if err := tr.Send(t.Context(), "a@example.com", "nobody@example.org", dotty); Temporary(err) {
			t.Fatal(err)
		}
		if err := tr.Send(t.Context(), "a@example.com", "bob@example.org", dotty); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.messages(); len(got) != 3 || s.sessions != 1 {
		t.Errorf("%d messages over %d connections", len(got), s.sessions)
	}
}

func TestSMTPConnectionClosedWhileIdle(t *testing.T) {
	s := startRelay(t, nil)
	tr := newTransport(t, "smtp://"+s.addr)
	if err := tr.Send(t.Context(), "a@example.com", "b@example.org", dotty); err != nil {
		t.Fatal(err)
	}
	tr.relays[0].idle[0].net.Close()
	if err := tr.Send(t.Context(), "a@example.com", "b@example.org", dotty); err != nil {
		t.Errorf("Send over a connection that was closed: %v", err)
	}
	if got := s.messages(); len(got) != 2 || s.sessions != 2 {
		t.Errorf("%d messages over %d connections", len(got), s.sessions)
	}
}

func TestSMTPSeveralRelays(t *testing.T) {
	const nobody = "127.0.0.1:1" // a port that no program is given
	good := startRelay(t, nil)
	tr := newTransport(t, "smtp://"+nobody, "smtp://"+good.addr)
	for range 2 {
		if err := tr.Send(t.Context(), "a@example.com", "b@example.org", dotty); err != nil {
			t.Fatal(err)
		}
	}
	if !tr.relays[0].resting(time.Now()) || len(good.messages()) != 2 {
		t.Errorf("the dead relay rests: %v; %d messages", tr.relays[0].resting(time.Now()), len(good.messages()))
	}

	// After the message was sent, no other relay gets it too.
	cutting := startRelay(t, func(s *relayServer) { s.cut = true })
	tr = newTransport(t, "smtp://"+cutting.addr, "smtp://"+good.addr)
	if err := tr.Send(t.Context(), "a@example.com", "b@example.org", dotty); err == nil || !Temporary(err) {
		t.Errorf("Send = %v", err)
	}
	if n := len(good.messages()); n != 2 {
		t.Errorf("the second relay has %d messages", n)
	}

	tr = newTransport(t, "smtp://"+nobody)
	if err := tr.Send(t.Context(), "a@example.com", "b@example.org", dotty); !Temporary(err) {
		t.Errorf("Send with no relay there = %v, want temporary", err)
	}
}

func TestSMTPEndsWithItsContext(t *testing.T) {
	release := make(chan struct{})
	s := startRelay(t, func(s *relayServer) {
		s.data = func(int) error { <-release; return nil }
	})
	defer close(release)
	tr := newTransport(t, "smtp://"+s.addr)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() { result <- tr.Send(ctx, "a@example.com", "b@example.org", dotty) }()
	for len(s.messages()) == 0 {
		select {
		case err := <-result:
			t.Fatalf("Send = %v before the server answered", err)
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	if err := <-result; err == nil || !Temporary(err) {
		t.Errorf("Send = %v", err)
	}
}

func TestSMTPWithTLSAndLogin(t *testing.T) {
	cert := selfSigned(t)
	secure := func(s *relayServer) {
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
		s.password = "secret word"
	}
	s := startRelay(t, secure)
	if err := newTransport(t, "smtp://alice:secret%20word@"+s.addr).Send(t.Context(), "a@example.com", "b@example.org", dotty); err != nil {
		t.Fatalf("STARTTLS on loopback: %v", err)
	}
	if got := s.messages(); len(got) != 1 || got[0].user != "alice" {
		t.Errorf("received %+v", got)
	}
	// A wrong password is no reason to lose mail, and must not be told.
	err := newTransport(t, "smtp://alice:wrong-word@"+s.addr).Send(t.Context(), "a@example.com", "b@example.org", dotty)
	if !Temporary(err) || strings.Contains(err.Error(), "wrong-word") {
		t.Errorf("Send with a wrong password = %v", err)
	}
	// A certificate that is asked for and not good is not passed over.
	err = newTransport(t, "smtp://alice:secret%20word@"+s.addr+"?tls=mandatory").Send(t.Context(), "a@example.com", "b@example.org", dotty)
	if err == nil || !Temporary(err) || len(s.messages()) != 1 {
		t.Errorf("Send with an unknown certificate = %v", err)
	}

	// Implicit TLS.
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { s.Serve(ln); close(done) }()
	t.Cleanup(func() { ln.Close(); <-done })
	if err := newTransport(t, "smtps://alice:secret%20word@"+ln.Addr().String()).Send(t.Context(), "a@example.com", "b@example.org", dotty); err != nil {
		t.Errorf("implicit TLS: %v", err)
	}
}

func TestSMTPSettings(t *testing.T) {
	for url, want := range map[string]string{
		"":                                  "is written smtp://",
		"mail.example.com":                  "is written smtp://",
		"http://mail.example.com":           "is written smtp://",
		"smtp://":                           "is written smtp://",
		"smtp://mail.example.com/x":         "is written smtp://",
		"smtp://u:pa%zzss@mail.example.com": "is written smtp://",
		"smtp://mail.example.com:99999":     "no such port",
		"smtp://u:secret@mail.example.com?tls=no": "tls=no is none of",
	} {
		_, err := NewSMTP([]string{url}, "")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("NewSMTP(%q) = %v, want %q", url, err, want)
		}
	}
	if _, err := NewSMTP(nil, ""); err == nil {
		t.Error("NewSMTP without a relay gives no error")
	}
	for url, want := range map[string]string{
		"smtp://mail.example.com": "mail.example.com:25", "smtp://u:p@mail.example.com": "mail.example.com:587",
		"smtps://mail.example.com": "mail.example.com:465", "smtp://[::1]:2525": "[::1]:2525",
	} {
		if r, err := newRelay(url, ""); err != nil || r.addr != want {
			t.Errorf("newRelay(%q) = %+v, %v, want %s", url, r, err, want)
		}
	}
}

func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	f := &Folder{Dir: dir}
	l, err := composeJob(testComposer(), invite("REQUEST", weekly))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // a repeat is the same file
		if err := f.Send(t.Context(), l.From, l.To, l.Message); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Send(t.Context(), "", "b@example.org\r\nX: y", dotty); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		if info, _ := e.Info(); info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
	}
	want := "00000000T000000Z-1.eml 20261101T080000Z-1793520000123456.12.678.6e340b9c.kalends.eml"
	if strings.Join(names, " ") != want {
		t.Fatalf("folder holds %q, want %q", names, want)
	}
	b, err := os.ReadFile(filepath.Join(dir, names[1]))
	if err != nil {
		t.Fatal(err)
	}
	head := "Return-Path: <" + l.From + ">\r\nX-Envelope-To: <bob@example.org>\r\n"
	if string(b) != head+string(l.Message) {
		t.Errorf("file = %.200q", b)
	}
	b, _ = os.ReadFile(filepath.Join(dir, names[0]))
	if !strings.HasPrefix(string(b), "Return-Path: <>\r\nX-Envelope-To: <b@example.orgX:y>\r\nSubject") {
		t.Errorf("file = %.200q", b)
	}
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
