package demo

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"sync"
	"time"

	"encoding/base64"
	"mime/quotedprintable"

	"github.com/emersion/go-smtp"

	"kalends/ical"
)

// Letter is a mail that the world outside got.
type Letter struct {
	To       string
	Header   mail.Header
	Text     string          // of its text/plain part
	Method   string          // of the Content-Type of its text/calendar part
	Calendar *ical.Component // of its text/calendar part; nil for none
}

// Subject returns the decoded subject.
func (l *Letter) Subject() string {
	s, err := new(mime.WordDecoder).DecodeHeader(l.Header.Get("Subject"))
	if err != nil {
		return l.Header.Get("Subject")
	}
	return s
}

// Mailbox is the world outside: an SMTP server on loopback that takes every mail and keeps it.
type Mailbox struct {
	server   *smtp.Server
	listener net.Listener

	mu      sync.Mutex
	letters []*Letter
	news    chan struct{}
}

// OpenMailbox starts it on an address of this machine.
func OpenMailbox(address string) (*Mailbox, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	m := &Mailbox{listener: l, news: make(chan struct{}, 100)}
	m.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{m: m}, nil }))
	m.server.Domain = "outside.example"
	m.server.ReadTimeout, m.server.WriteTimeout = time.Minute, time.Minute
	go func() { _ = m.server.Serve(l) }()
	return m, nil
}

// URL is what the server's mail.smtp setting is set to.
func (m *Mailbox) URL() string { return "smtp://" + m.listener.Addr().String() + "?tls=none" }

// Close stops it.
func (m *Mailbox) Close() error { return m.server.Close() }

// Find returns the mails so far for which ok is true.
func (m *Mailbox) Find(ok func(*Letter) bool) []*Letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []*Letter
	for _, l := range m.letters {
		if ok(l) {
			list = append(list, l)
		}
	}
	return list
}

// Wait returns the first mail for which ok is true, waiting for it until the time is over.
func (m *Mailbox) Wait(limit time.Duration, ok func(*Letter) bool) (*Letter, error) {
	deadline := time.After(limit)
	for {
		if list := m.Find(ok); len(list) > 0 {
			return list[0], nil
		}
		select {
		case <-m.news:
		case <-deadline:
			return nil, fmt.Errorf("no such mail within %v", limit)
		}
	}
}

type session struct {
	m  *Mailbox
	to []string
}

func (s *session) Mail(string, *smtp.MailOptions) error { s.to = nil; return nil }
func (s *session) Reset()                               { s.to = nil }
func (s *session) Logout() error                        { return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	for _, to := range s.to {
		l, err := readLetter(b)
		if err != nil {
			return err
		}
		l.To = to
		s.m.mu.Lock()
		s.m.letters = append(s.m.letters, l)
		s.m.mu.Unlock()
		select {
		case s.m.news <- struct{}{}:
		default:
		}
	}
	return nil
}

// readLetter reads a mail as a mail program does: by the standard library, not by our own code.
func readLetter(b []byte) (*Letter, error) {
	msg, err := mail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	l := &Letter{Header: msg.Header}
	return l, l.part(textproto.MIMEHeader(msg.Header), msg.Body)
}

func (l *Letter) part(h textproto.MIMEHeader, body io.Reader) error {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return err
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if err := l.part(p.Header, p); err != nil {
				return err
			}
		}
	}
	switch strings.ToLower(h.Get("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	switch kind {
	case "text/plain":
		l.Text = string(b)
	case "text/calendar":
		l.Method = params["method"]
		l.Calendar, err = ical.Parse(b)
	}
	return err
}
