package mailer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// inbox records what it is given, and answers as the test says.
type inbox struct {
	mu      sync.Mutex
	got     []received
	accept  func(rcpt string) (bool, error)
	deliver func(ctx context.Context, rcpt string) error
}

func (b *inbox) Accept(_ context.Context, rcpt string) (bool, error) {
	if b.accept != nil {
		return b.accept(rcpt)
	}
	return true, nil
}

func (b *inbox) Deliver(ctx context.Context, from, rcpt string, msg []byte) error {
	if b.deliver != nil {
		if err := b.deliver(ctx, rcpt); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, received{from: from, to: rcpt, msg: msg})
	return nil
}

// serve starts a listener and returns a client's connection to it, and what ends it.
func serve(t *testing.T, l *Listener, address string) (dial func() *smtp.Client, stop func() error) {
	t.Helper()
	ln, err := Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	l.Log = slog.New(slog.DiscardHandler)
	l.Domain = "calendar.example.com"
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Serve(ctx, ln) }()
	stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { stop() })
	return func() *smtp.Client {
		c, err := net.Dial(ln.Addr().Network(), ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if l.SMTP {
			return smtp.NewClient(c)
		}
		return smtp.NewClientLMTP(c)
	}, stop
}

// lmtp sends one message over LMTP and returns the errors by recipient; err is of an earlier command.
func lmtp(t *testing.T, c *smtp.Client, from string, rcpts []string, msg []byte) (map[string]*smtp.SMTPError, error) {
	t.Helper()
	if err := c.Mail(from, nil); err != nil {
		return nil, err
	}
	refused := make(map[string]*smtp.SMTPError)
	taken := 0
	for _, rcpt := range rcpts {
		err := c.Rcpt(rcpt, nil)
		if e, ok := errors.AsType[*smtp.SMTPError](err); ok {
			refused[rcpt] = e
		} else if err != nil {
			return nil, err
		} else {
			taken++
		}
	}
	if taken == 0 {
		return refused, nil
	}
	w, err := c.Data()
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(msg); err != nil {
		return nil, err
	}
	_, err = w.CloseWithLMTPResponse()
	if perRcpt, ok := errors.AsType[smtp.LMTPDataError](err); ok {
		for rcpt, e := range perRcpt {
			refused[rcpt] = e
		}
		return refused, nil
	}
	return refused, err
}

func TestLMTPAnswersForEachRecipient(t *testing.T) {
	b := &inbox{
		accept: func(rcpt string) (bool, error) {
			if rcpt == "down@example.com" {
				return false, errors.New("database unavailable")
			}
			return rcpt != "nobody@example.com", nil
		},
		deliver: func(_ context.Context, rcpt string) error {
			switch rcpt {
			case "later@example.com":
				return errors.New("database unavailable: host=db.example.net")
			case "never@example.com":
				return &Refusal{Enhanced: [3]int{5, 7, 1}, Text: "not\r\nfor you"}
			case "panic@example.com":
				panic("no")
			}
			return nil
		},
	}
	dial, _ := serve(t, &Listener{Inbox: b}, "127.0.0.1:0")
	c := dial()
	refused, err := lmtp(t, c, "alice@example.org",
		[]string{"bob@example.com", "nobody@example.com", "down@example.com", "later@example.com", "never@example.com"}, dotty)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"nobody@example.com": "550 5.1.1", "down@example.com": "451 4.3.0", "later@example.com": "451 4.3.0", "never@example.com": "550 5.7.1",
	}
	for rcpt, e := range refused {
		got := fmt.Sprintf("%d %d.%d.%d", e.Code, e.EnhancedCode[0], e.EnhancedCode[1], e.EnhancedCode[2])
		if got != want[rcpt] || strings.Contains(e.Message, "db.example.net") {
			t.Errorf("%s: %s %q, want %s", rcpt, got, e.Message, want[rcpt])
		}
		delete(want, rcpt)
	}
	if len(want) != 0 {
		t.Errorf("taken, but should not have been: %v", want)
	}
	if len(b.got) != 1 || b.got[0].to != "bob@example.com" || b.got[0].from != "alice@example.org" || !bytes.Equal(b.got[0].msg, dotty) {
		t.Errorf("delivered %q", b.got)
	}
	// A bounce has no sender; the same connection goes on.
	if refused, err := lmtp(t, c, "", []string{"bob@example.com"}, dotty); err != nil || len(refused) != 0 || b.got[1].from != "" {
		t.Errorf("a bounce: %v, %v", refused, err)
	}
	// A panic is temporary, and for one message.
	refused, err = lmtp(t, dial(), "", []string{"panic@example.com"}, dotty)
	if err == nil && (refused["panic@example.com"] == nil || refused["panic@example.com"].Code/100 != 4) {
		t.Errorf("a panic: %v, %v", refused, err)
	}
	if refused, err := lmtp(t, dial(), "", []string{"bob@example.com"}, dotty); err != nil || len(refused) != 0 {
		t.Errorf("after a panic: %v, %v", refused, err)
	}
}

func TestLMTPRefusesWhatIsTooLarge(t *testing.T) {
	b := new(inbox)
	dial, _ := serve(t, &Listener{Inbox: b, MaxBytes: 10_000}, "127.0.0.1:0")
	big := append(bytes.Clone(dotty), bytes.Repeat([]byte("0123456789\r\n"), 2000)...)
	refused, err := lmtp(t, dial(), "", []string{"bob@example.com"}, big)
	if err != nil || refused["bob@example.com"] == nil || refused["bob@example.com"].Code != 552 || len(b.got) != 0 {
		t.Errorf("too large: %v, %v", refused, err)
	}
}

func TestSMTPListener(t *testing.T) {
	fail := map[string]error{}
	b := &inbox{deliver: func(_ context.Context, rcpt string) error { return fail[rcpt] }}
	dial, _ := serve(t, &Listener{Inbox: b, SMTP: true}, "127.0.0.1:0")
	send := func(rcpts ...string) error {
		return dial().SendMail("alice@example.org", rcpts, bytes.NewReader(dotty))
	}
	if err := send("bob@example.com", "carol@example.com"); err != nil || len(b.got) != 2 {
		t.Errorf("SendMail = %v, %d delivered", err, len(b.got))
	}
	var e *smtp.SMTPError
	fail["carol@example.com"] = errors.New("database unavailable")
	if err := send("bob@example.com", "carol@example.com"); !errors.As(err, &e) || e.Code != 451 {
		t.Errorf("one recipient to be tried again: %v", err)
	}
	fail["carol@example.com"] = &Refusal{Enhanced: [3]int{5, 7, 1}, Text: "no"}
	if err := send("carol@example.com"); !errors.As(err, &e) || e.Code != 550 {
		t.Errorf("the only recipient refused: %v", err)
	}
}

// TestListenerStops: the message that is being taken in is answered, a new one is not begun, and idle connections do not
// hold it up.
func TestListenerStops(t *testing.T) {
	began, finish := make(chan struct{}), make(chan struct{})
	b := &inbox{deliver: func(context.Context, string) error { close(began); <-finish; return nil }}
	dial, stop := serve(t, &Listener{Inbox: b}, "127.0.0.1:0")
	idle := dial()
	if err := idle.Mail("alice@example.org", nil); err != nil {
		t.Fatal(err)
	}
	busy := dial()
	answer := make(chan error, 1)
	go func() {
		refused, err := lmtp(t, busy, "alice@example.org", []string{"bob@example.com"}, dotty)
		if err == nil && len(refused) > 0 {
			err = refused["bob@example.com"]
		}
		answer <- err
	}()
	<-began
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	select {
	case err := <-stopped:
		t.Fatalf("Serve = %v while a message is being taken in", err)
	case <-time.After(20 * time.Millisecond):
	}
	close(finish)
	if err := <-answer; err != nil {
		t.Errorf("the message in hand: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Serve = %v", err)
	}
}

func TestListenOnASocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lmtp.sock")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	if _, err := Listen(path); err == nil {
		t.Fatal("Listen took the socket of another server")
	}
	stale.Close() // as after kill -9: the file stays
	b := new(inbox)
	dial, _ := serve(t, &Listener{Inbox: b}, path)
	if refused, err := lmtp(t, dial(), "", []string{"bob@example.com"}, dotty); err != nil || len(refused) != 0 || len(b.got) != 1 {
		t.Errorf("over the socket: %v, %v", refused, err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(file); err == nil {
		t.Error("Listen replaced a file")
	}
}
