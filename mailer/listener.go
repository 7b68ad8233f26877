package mailer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/net/netutil"

	"kalends/internal/workers"
)

// Inbox is what takes in mail.
type Inbox interface {
	// Accept reports whether there is anybody to take mail for rcpt, a mailbox without angle brackets. An error means that this is not known now.
	Accept(ctx context.Context, rcpt string) (bool, error)
	// Deliver takes in one message for one recipient. It returns nil only once everything that follows from it is committed. A
	// *[Refusal] is final; after any other error the sender tries again, so the same message may come twice. from is
	// the envelope sender, "" for a bounce.
	Deliver(ctx context.Context, from, rcpt string, msg []byte) error
}

// Refusal is a final refusal of a message; the sending server tells its author.
type Refusal struct {
	Enhanced [3]int // RFC 3463, such as 5.7.1
	Text     string // one line, for the sender
}

func (e *Refusal) Error() string { return "mail refused: " + e.Text }

// Listener takes in mail by LMTP (RFC 2033) or SMTP from the site's own mail server. It has no passwords, so its address must be
// open to that server only.
type Listener struct {
	Inbox    Inbox
	SMTP     bool   // speak SMTP; else LMTP, which has one answer for each recipient
	Domain   string // our name in the greeting
	MaxBytes int64  // of a message; 0: 10 MiB
	Log      *slog.Logger
	Grace    time.Duration // how long deliveries may go on after Serve's context ends; 0: 10 s
}

const (
	maxRecipients   = 100
	maxConnections  = 64 // each may hold a message of MaxBytes
	acceptTimeout   = 10 * time.Second
	deliverTimeout  = 60 * time.Second
	defaultMaxBytes = 10 << 20
)

// Listen opens the address of a listener: HOST:PORT, or the path of a Unix socket, where it replaces one that
// nobody listens on any more.
func Listen(address string) (net.Listener, error) {
	if !strings.Contains(address, "/") {
		return net.Listen("tcp", address)
	}
	l, err := net.Listen("unix", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		if c, derr := net.DialTimeout("unix", address, time.Second); derr == nil {
			c.Close()
			return nil, err
		}
		if info, serr := os.Lstat(address); serr != nil || info.Mode().Type() != fs.ModeSocket {
			return nil, err
		}
		if rerr := os.Remove(address); rerr != nil {
			return nil, err
		}
		l, err = net.Listen("unix", address)
	}
	return l, err
}

// Serve takes in mail from l until ctx ends, then no further message, and returns when those that had
// come are dealt with. It closes l.
func (l *Listener) Serve(ctx context.Context, ln net.Listener) error {
	s := &intake{Listener: *l}
	if s.Log == nil {
		s.Log = slog.Default()
	}
	if s.MaxBytes <= 0 {
		s.MaxBytes = defaultMaxBytes
	}
	if s.Grace <= 0 {
		s.Grace = 10 * time.Second
	}
	if s.Domain == "" {
		s.Domain = "localhost"
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	s.ctx = work

	server := smtp.NewServer(smtp.BackendFunc(s.session))
	server.LMTP = !s.SMTP
	server.Domain = s.Domain
	server.MaxMessageBytes = s.MaxBytes
	server.MaxRecipients = maxRecipients
	server.ReadTimeout = 5 * time.Minute // RFC 5321 section 4.5.3.2.7
	server.WriteTimeout = time.Minute
	server.EnableSMTPUTF8 = true
	server.ErrorLog = serverLog{s.Log}

	ended := make(chan error, 1)
	go func() { ended <- server.Serve(netutil.LimitListener(ln, maxConnections)) }()
	select {
	case err := <-ended:
		server.Close()
		return fmt.Errorf("take in mail on %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	s.close()
	ln.Close()
	<-ended
	workers.Finish(&s.active, s.Grace, stop)
	server.Close() // also the connections, which have nothing to say any more
	return nil
}

// intake is a Listener at work.
type intake struct {
	Listener
	ctx context.Context

	mu      sync.Mutex
	closing bool
	active  sync.WaitGroup // messages from their last octet until they are answered
}

func (s *intake) close() {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
}

// begin counts a message as active, unless we are closing.
func (s *intake) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.active.Add(1)
	return true
}

func (s *intake) session(*smtp.Conn) (smtp.Session, error) { return &session{intake: s}, nil }

// session is one connection.
type session struct {
	*intake
	mu     sync.Mutex
	from   string
	rcpts  []string
	active bool
}

var (
	errClosing = &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "Closing, try again"}
	errLater   = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Cannot take it in now, try again"}
	errNobody  = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such recipient here"}
)

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.intake.mu.Lock()
	closing := s.closing
	s.intake.mu.Unlock()
	if closing {
		return errClosing
	}
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	ctx, cancel := context.WithTimeout(s.ctx, acceptTimeout)
	defer cancel()
	ok, err := s.Inbox.Accept(ctx, to)
	if err != nil {
		s.Log.WarnContext(ctx, "look up recipient of mail", "err", err)
		return errLater
	}
	if !ok {
		return errNobody
	}
	s.rcpts = append(s.rcpts, to)
	return nil
}

// Data implements SMTP, which has one answer for all: as long as one recipient has to be tried again, all have.
// Deliver recognises what it has.
func (s *session) Data(r io.Reader) error {
	msg, err := s.read(r)
	if err != nil {
		return err
	}
	var refused, later error
	taken := 0
	for _, rcpt := range s.rcpts {
		switch err := s.deliver(rcpt, msg); {
		case err == nil:
			taken++
		case err.Code/100 == 5:
			refused = err
		default:
			later = err
		}
	}
	switch {
	case later != nil:
		return later
	case taken == 0 && refused != nil:
		return refused
	}
	return nil
}

// LMTPData implements LMTP, which has an answer for each recipient.
func (s *session) LMTPData(r io.Reader, status smtp.StatusCollector) error {
	msg, err := s.read(r)
	if err != nil {
		return err
	}
	for _, rcpt := range s.rcpts {
		if err := s.deliver(rcpt, msg); err != nil {
			status.SetStatus(rcpt, err)
		} else {
			status.SetStatus(rcpt, nil)
		}
	}
	return nil
}

func (s *session) read(r io.Reader) ([]byte, error) {
	var b bytes.Buffer
	if _, err := b.ReadFrom(r); err != nil {
		if e, ok := errors.AsType[*smtp.SMTPError](err); ok {
			return nil, e
		}
		return nil, errLater
	}
	if !s.begin() {
		return nil, errClosing
	}
	s.mu.Lock()
	s.active = true
	s.mu.Unlock()
	return b.Bytes(), nil
}

// deliver never returns an error without a code, since go-smtp makes a final 554 of such.
func (s *session) deliver(rcpt string, msg []byte) *smtp.SMTPError {
	ctx, cancel := context.WithTimeout(s.ctx, deliverTimeout)
	defer cancel()
	err := s.Inbox.Deliver(ctx, s.from, rcpt, msg)
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Refusal](err); ok {
		s.Log.InfoContext(ctx, "mail refused", "reason", e.Text)
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode(e.Enhanced), Message: line(e.Text, 200)}
	}
	s.Log.ErrorContext(ctx, "take in mail", "err", err)
	return errLater
}

// Reset is called after a message was answered, too.
func (s *session) Reset() {
	s.from, s.rcpts = "", nil
	s.answered()
}

func (s *session) Logout() error {
	s.answered()
	return nil
}

func (s *session) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.active {
		s.active = false
		s.intake.active.Done()
	}
}

// serverLog brings go-smtp's log to ours. It speaks of connections that broke, and of panics.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Printf(format string, v ...any) {
	l.log.Warn("mail server", "msg", fmt.Sprintf(format, v...))
}
func (l serverLog) Println(v ...any) { l.log.Warn("mail server", "msg", fmt.Sprint(v...)) }
