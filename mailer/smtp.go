package mailer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"
	gosmtp "github.com/wneessen/go-mail/smtp"
)

// SMTP is a transport to one or more relays (RFC 5321), tried in order: the next one gets a message that the one
// before could not take now. Connections are kept for a while and used again. go-mail dials,
// starts TLS and logs in; the message goes out as it was composed.
type SMTP struct {
	relays []*relay
	now    func() time.Time
}

const (
	dialTimeout = 20 * time.Second
	sendTimeout = 90 * time.Second // of a whole exchange, unless ctx ends sooner
	idleTime    = 30 * time.Second // a connection is not used again after; servers close theirs after minutes
	maxIdle     = 32               // as many as a Dispatcher has workers
	// restTime is how long a relay that cannot be reached is passed over, if there is another one.
	restTime = 30 * time.Second
)

// NewSMTP returns the transport for relays like smtp://USER:PASSWORD@HOST:587 (STARTTLS where offered, and required where there is a
// password) or smtps://USER:PASSWORD@HOST:465. The query tls=none, opportunistic, mandatory or
// unverified says otherwise. A relay on a loopback address is trusted: its certificate is not checked. hello is the name we greet with, "" for
// that of the machine.
func NewSMTP(urls []string, hello string) (*SMTP, error) {
	t := &SMTP{now: time.Now}
	for _, u := range urls {
		r, err := newRelay(u, hello)
		if err != nil {
			return nil, err
		}
		t.relays = append(t.relays, r)
	}
	if len(t.relays) == 0 {
		return nil, errors.New("no SMTP relay is given")
	}
	return t, nil
}

// Close closes the connections that are kept.
func (t *SMTP) Close() error {
	for _, r := range t.relays {
		r.drain()
	}
	return nil
}

// Send implements [Transport].
func (t *SMTP) Send(ctx context.Context, from, to string, msg []byte) error {
	var err error
	for _, a := range []*string{&from, &to} {
		if *a, err = mailbox(*a); err != nil {
			return err
		}
	}
	var list []*relay
	for _, r := range t.relays {
		if !r.resting(t.now()) {
			list = append(list, r)
		}
	}
	if len(list) == 0 {
		list = t.relays
	}
	for _, r := range list {
		var unsure bool
		if unsure, err = r.send(ctx, t.now, from, to, msg); err == nil {
			return nil
		}
		// After the final dot the message may have been taken: another relay would make two of it.
		if unsure || !Temporary(err) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

type relay struct {
	addr, host string
	client     func() (*gomail.Client, *capture, error)

	mu      sync.Mutex
	idle    []*conn
	restEnd time.Time
}

type conn struct {
	smtp *gosmtp.Client
	net  net.Conn // below TLS: closing it ends whatever waits on it
	used time.Time
}

// capture keeps the connection that go-mail dials, because go-mail leaves it open when greeting, TLS or login
// fail and has no way to end an exchange early.
type capture struct{ conn net.Conn }

func newRelay(raw, hello string) (*relay, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Path != "" && u.Path != "/" {
		return nil, errors.New("an SMTP relay is written smtp://USER:PASSWORD@HOST:PORT or smtps://…") // without u: it may hold a password
	}
	r := &relay{host: u.Hostname()}
	port := 587
	if u.Scheme == "smtps" {
		port = 465
	} else if u.User == nil {
		port = 25
	}
	if p := u.Port(); p != "" {
		if port, err = strconv.Atoi(p); err != nil || port < 1 || port > 65535 {
			return nil, fmt.Errorf("SMTP relay %s: no such port", r.host)
		}
	}
	r.addr = net.JoinHostPort(r.host, strconv.Itoa(port))
	password, login := u.User.Password()
	loopback := isLoopback(r.host)

	policy, check := gomail.TLSOpportunistic, !loopback
	if login && !loopback {
		policy = gomail.TLSMandatory // go-mail would send no password in clear, but then no mail either
	}
	switch mode := u.Query().Get("tls"); mode {
	case "":
	case "none":
		policy = gomail.NoTLS
	case "opportunistic":
		policy = gomail.TLSOpportunistic
	case "mandatory":
		policy, check = gomail.TLSMandatory, true
	case "unverified":
		policy, check = gomail.TLSMandatory, false
	default:
		return nil, fmt.Errorf("SMTP relay %s: tls=%s is none of none, opportunistic, mandatory, unverified", r.host, mode)
	}
	tlsConfig := &tls.Config{ServerName: r.host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: !check}
	options := []gomail.Option{
		gomail.WithPort(port), gomail.WithTimeout(dialTimeout), gomail.WithTLSPolicy(policy),
		gomail.WithTLSConfig(tlsConfig), gomail.WithoutSMTPUTF8(),
	}
	if hello != "" {
		options = append(options, gomail.WithHELO(hello))
	}
	if login {
		// Not SMTPAuthAutoDiscover: with a dialler of one's own it takes implicit TLS for none.
		mechanisms := []gomail.SMTPAuthType{gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin}
		if loopback || policy == gomail.NoTLS {
			mechanisms = append(mechanisms[:2], gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc)
		}
		options = append(options, gomail.WithOpportunisticSMTPAuth(mechanisms...),
			gomail.WithUsername(u.User.Username()), gomail.WithPassword(password))
	}
	implicit := u.Scheme == "smtps"
	if implicit {
		options = append(options, gomail.WithSSL())
	}
	r.client = func() (*gomail.Client, *capture, error) {
		c := new(capture)
		dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			c.conn = nc
			if implicit {
				tc := tls.Client(nc, tlsConfig)
				if err := tc.HandshakeContext(ctx); err != nil {
					nc.Close()
					return nil, err
				}
				return tc, nil
			}
			return nc, nil
		}
		// One client for each connection: go-mail holds its lock while it dials.
		client, err := gomail.NewClient(r.host, append(options[:len(options):len(options)], gomail.WithDialContextFunc(dial))...)
		return client, c, err
	}
	if _, _, err := r.client(); err != nil {
		return nil, fmt.Errorf("SMTP relay %s: %w", r.host, err)
	}
	return r, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// send hands over one message. unsure reports that the message was sent to its end and no answer came.
func (r *relay) send(ctx context.Context, now func() time.Time, from, to string, msg []byte) (unsure bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	for {
		c, kept, err := r.conn(ctx, now)
		if err != nil {
			return false, err
		}
		stop := context.AfterFunc(ctx, func() { c.net.Close() })
		stage, err := c.exchange(ctx, from, to, msg)
		ended := !stop()
		if err == nil {
			c.used = now()
			if ended || !r.keep(c) {
				c.net.Close()
			}
			return false, nil
		}
		answer, answered := errors.AsType[*textproto.Error](err)
		if answered && answer.Code != 421 && stage != "answer" && !ended && c.smtp.Reset() == nil {
			c.used = now()
			if !r.keep(c) {
				c.net.Close()
			}
		} else {
			c.net.Close()
		}
		if kept && stage == "sender" && (!answered || answer.Code == 421) && ctx.Err() == nil {
			continue // it was closed while it waited to be used again
		}
		return stage == "answer" && !answered, r.sendError(stage, err)
	}
}

// exchange is one mail transaction (RFC 5321 section 3.3). stage says how far it came.
func (c *conn) exchange(ctx context.Context, from, to string, msg []byte) (stage string, err error) {
	if err := c.smtp.UpdateDeadline(sendTimeout); err != nil {
		return "sender", err
	}
	if err := c.smtp.Mail("<" + from + ">"); err != nil {
		return "sender", err
	}
	if err := c.smtp.Rcpt("<" + to + ">"); err != nil {
		return "recipient", err
	}
	w, err := c.smtp.Data()
	if err != nil {
		return "data", err
	}
	if _, err := w.Write(msg); err != nil {
		return "data", err
	}
	finalDot(ctx)
	return "answer", w.Close()
}

// sendError sorts an error of an exchange into temporary and final.
func (r *relay) sendError(stage string, err error) error {
	answer, ok := errors.AsType[*textproto.Error](err)
	if !ok {
		if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
			err = errors.New("connection closed")
		}
		return &SendError{Temporary: true, Enhanced: "4.4.2", Text: r.host + ": " + stage + ": " + err.Error()}
	}
	e := &SendError{Code: answer.Code, Temporary: answer.Code/100 != 5}
	e.Enhanced, e.Text = enhanced(answer.Msg)
	e.Text = r.host + ": " + cut(e.Text, 300)
	switch answer.Code {
	case 530, 534, 535, 538: // our login is wrong, not the mail
		e.Temporary = true
	}
	return e
}

// enhanced takes an enhanced status code (RFC 2034) off the front of an answer.
func enhanced(msg string) (code, text string) {
	text = line(msg, 500)
	first, rest, _ := strings.Cut(text, " ")
	if isStatus(first) {
		return first, rest
	}
	return "", text
}

// isStatus reports whether s is a status code of RFC 3463.
func isStatus(s string) bool {
	parts := strings.Split(s, ".")
	if len(parts) != 3 || parts[0] != "2" && parts[0] != "4" && parts[0] != "5" {
		return false
	}
	for _, p := range parts[1:] {
		if n, err := strconv.Atoi(p); err != nil || n < 0 || n > 999 || len(p) > 3 {
			return false
		}
	}
	return true
}

// conn returns a connection that is kept, or a new one.
func (r *relay) conn(ctx context.Context, now func() time.Time) (c *conn, kept bool, err error) {
	r.mu.Lock()
	for c == nil && len(r.idle) > 0 {
		last := r.idle[len(r.idle)-1]
		r.idle = r.idle[:len(r.idle)-1]
		if now().Sub(last.used) < idleTime {
			c = last
		} else {
			last.net.Close()
		}
	}
	r.mu.Unlock()
	if c != nil {
		return c, true, nil
	}
	client, dialled, err := r.client()
	if err != nil {
		return nil, false, fmt.Errorf("SMTP relay %s: %w", r.host, err)
	}
	sc, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		if dialled.conn != nil {
			dialled.conn.Close()
		}
		r.mu.Lock()
		r.restEnd = now().Add(restTime)
		r.mu.Unlock()
		e := &SendError{Temporary: true, Enhanced: "4.4.1", Text: r.host + ": " + line(err.Error(), 300)}
		if answer, ok := errors.AsType[*textproto.Error](err); ok {
			e.Code = answer.Code
		}
		return nil, false, e
	}
	r.mu.Lock()
	r.restEnd = time.Time{}
	r.mu.Unlock()
	return &conn{smtp: sc, net: dialled.conn}, false, nil
}

func (r *relay) keep(c *conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.idle) >= maxIdle {
		return false
	}
	r.idle = append(r.idle, c)
	return true
}

func (r *relay) resting(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return now.Before(r.restEnd)
}

func (r *relay) drain() {
	r.mu.Lock()
	idle := r.idle
	r.idle = nil
	r.mu.Unlock()
	for _, c := range idle {
		c.net.SetDeadline(time.Now().Add(time.Second))
		if c.smtp.Quit() != nil {
			c.net.Close()
		}
	}
}
