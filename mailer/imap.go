package mailer

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
)

// Mailroom is what a [Poller] brings mail to.
type Mailroom interface {
	Inbox
	// Addressees returns for which of the addresses in a message's header it is to be delivered, none where nobody here is meant. Groups
	// come in the order in which they are believed. An error means that this is not known now.
	Addressees(ctx context.Context, groups ...[]string) ([]string, error)
}

// Poller takes in the mail that comes into a mailbox elsewhere (IMAP, RFC 9051 and RFC 3501). Any number of servers may have one: a lease
// lets one at a time work.
//
// Unread mails are looked at, in the order of their UIDs. The flag \Seen is the only note of what is done with, and it is set after everything
// that follows from a mail is committed: a crash in between brings the mail again, and [Receiver] recognises it. So a person who reads mail
// in that folder takes it from the Poller. What is for nobody here, too long or refused stays where it is, read, and is logged.
type Poller struct {
	Account
	Room  Mailroom
	Lease func(ctx context.Context, name, holder string, now, until time.Time) (bool, error) // that of storage.Housekeeping
	Now   func() time.Time                                                                   // nil: time.Now
	Log   *slog.Logger                                                                       // nil: no log
	Grace time.Duration                                                                      // in which the mail at hand is finished after Run's context ends; 0: 10 s

	// Pause waits before the next try; nil waits on the clock.
	Pause func(ctx context.Context, d time.Duration)

	dial  func(ctx context.Context, network, address string) (net.Conn, error) // nil: a net.Dialer
	roots *x509.CertPool                                                       // nil: those of the system

	holder   string
	until    time.Time // of the lease
	validity uint32    // UIDVALIDITY of the folder; the UIDs of later are of it
	later    map[imap.UID]trial
}

// Account is a mailbox.
type Account struct {
	// Server is imaps://HOST:PORT for TLS, or imap://HOST:PORT for STARTTLS, without which nothing is said to it unless HOST is of this machine.
	Server         string
	User, Password string
	Folder         string        // "" for INBOX
	Interval       time.Duration // between looks, where the server does not tell of new mail by itself; 0: a minute
	Done           Done          // what becomes of mail that was taken in
	Into           string        // the folder for DoneMove; made when there is none
	MaxBytes       int64         // of a message; 0: as much as by LMTP
}

// Done says what becomes of mail that was taken in.
type Done int

// What can become of it. All of it is marked as read.
const (
	DoneKeep   Done = iota // it stays
	DoneMove               // into another folder
	DoneDelete             // for good
)

const (
	imapLease     = "imap"
	imapLeaseTime = 3 * deliverTimeout // more than one mail can take, and it is renewed for each
	imapStandby   = time.Minute        // between looks whether another server has stopped
	imapRound     = 100                // mails, between two searches
	imapTroubles  = 3                  // mails one after the other that cannot be taken in now, after which the rest waits too
	firstTry      = 5 * time.Second
	lastTry       = 10 * time.Minute
	loginTry      = time.Minute // servers lock accounts after many wrong passwords
	lastLoginTry  = time.Hour
)

// trial is about a mail that could not be taken in yet.
type trial struct {
	at    time.Time
	tries int
}

// setupError is what only a person can mend.
type setupError struct {
	text string // says what to do
	err  error  // nil for none
}

func (e *setupError) Error() string {
	if e.err == nil {
		return e.text
	}
	return e.text + " (" + e.err.Error() + ")"
}

func (e *setupError) Unwrap() error { return e.err }

var errLeaseLost = errors.New("another server has taken over")

// Run takes in mail until ctx ends.
func (p *Poller) Run(ctx context.Context) error {
	p.init()
	failures := 0
	for ctx.Err() == nil {
		ok, err := p.hold(ctx)
		if err == nil && !ok {
			p.Pause(ctx, jitter(imapStandby))
			continue
		}
		worked := false
		if err == nil {
			err = p.guarded(ctx, func() {
				if failures > 0 {
					p.Log.InfoContext(ctx, "the mailbox can be read again", "server", p.Server)
				}
				worked, failures = true, 0
			})
			p.release(ctx)
		}
		if ctx.Err() != nil {
			break
		}
		if errors.Is(err, errLeaseLost) || err == nil {
			continue
		}
		first, last := firstTry, lastTry
		level := slog.LevelWarn
		if _, setup := errors.AsType[*setupError](err); setup {
			first, last, level = loginTry, lastLoginTry, slog.LevelError
		}
		wait := jitter(grow(first, last, failures))
		failures++
		p.Log.Log(ctx, level, "mail is not taken in from the mailbox", "server", p.Server, "folder", p.Folder,
			"err", p.safe(err), "worked_before", worked, "next_try_in", wait.Round(time.Second).String())
		p.Pause(ctx, wait)
	}
	return nil
}

func (p *Poller) init() {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	if p.Folder == "" {
		p.Folder = "INBOX"
	}
	if p.Interval <= 0 {
		p.Interval = time.Minute
	}
	if p.MaxBytes <= 0 {
		p.MaxBytes = defaultMaxBytes
	}
	if p.Grace <= 0 {
		p.Grace = 10 * time.Second
	}
	if p.Pause == nil {
		p.Pause = pause
	}
	p.holder, p.later = rand.Text(), make(map[imap.UID]trial)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// grow doubles first for each failure before, up to last.
func grow(first, last time.Duration, failures int) time.Duration {
	return min(first<<min(failures, 16), last)
}

func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.75 + 0.5*mathrand.Float64()))
}

// safe is an error's text without the password, which a server might repeat.
func (p *Poller) safe(err error) string {
	text := err.Error()
	if p.Password != "" {
		text = strings.ReplaceAll(text, p.Password, "…")
	}
	return line(text, 1000)
}

// hold keeps the lease, which is renewed when half of it is over.
func (p *Poller) hold(ctx context.Context) (bool, error) {
	at := p.Now()
	if p.until.Sub(at) > imapLeaseTime/2 {
		return true, nil
	}
	ok, err := p.Lease(ctx, imapLease, p.holder, at, at.Add(imapLeaseTime))
	if err != nil {
		return false, fmt.Errorf("the database: %w", err)
	}
	p.until = time.Time{}
	if ok {
		p.until = at.Add(imapLeaseTime)
	}
	return ok, nil
}

// release gives back what is left of the lease, so that another server need not wait when this one stops or cannot reach the mailbox.
func (p *Poller) release(ctx context.Context) {
	p.until = time.Time{}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), acceptTimeout)
	defer cancel()
	at := p.Now()
	if _, err := p.Lease(ctx, imapLease, p.holder, at, at); err != nil {
		p.Log.WarnContext(ctx, "give back the lease of the mailbox", "err", err)
	}
}

// guarded works on one connection until it breaks, the lease is lost or ctx ends. reached is called once the folder is open.
func (p *Poller) guarded(ctx context.Context, reached func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	s, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	// The mail at hand may be finished after ctx ended, but not for longer than Grace.
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(p.Grace, s.cut)
		context.AfterFunc(s.ended, func() { timer.Stop() })
	})
	defer stop()
	reached()
	for {
		if err := s.drain(ctx); err != nil || ctx.Err() != nil {
			return err
		}
		if err := s.wait(ctx); err != nil || ctx.Err() != nil {
			return err
		}
	}
}

// drain takes in all unread mail that is due.
func (s *mailboxSession) drain(ctx context.Context) error {
	for ctx.Err() == nil {
		more, err := s.round(ctx)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// round takes in up to imapRound mails, and reports whether there may be more.
func (s *mailboxSession) round(ctx context.Context) (more bool, err error) {
	if err := s.hold(ctx); err != nil {
		return false, err
	}
	uids, more, err := s.unread()
	if err != nil || len(uids) == 0 {
		return false, err
	}
	sizes, err := s.sizes(uids)
	if err != nil {
		return false, err
	}
	troubles := 0
	for _, uid := range uids {
		if ctx.Err() != nil {
			return false, nil
		}
		if err := s.hold(ctx); err != nil {
			return false, err
		}
		size, there := sizes[uid]
		if !there { // it went meanwhile, or the server contradicts itself
			s.postpone(uid)
			continue
		}
		took, err := s.one(ctx, uid, size)
		if err != nil {
			return false, err
		}
		if troubles++; took {
			troubles = 0
		}
		if troubles >= imapTroubles {
			return false, nil // more likely it is us than the mails
		}
	}
	return more, nil
}

// hold is that of the Poller; not holding the lease any more is an error.
func (s *mailboxSession) hold(ctx context.Context) error {
	ok, err := s.Poller.hold(context.WithoutCancel(ctx))
	if err == nil && !ok {
		err = errLeaseLost
	}
	return err
}

// one deals with one mail. An error is about the connection; false is for a mail that cannot be taken in now.
func (s *mailboxSession) one(ctx context.Context, uid imap.UID, size int64) (bool, error) {
	var msg []byte
	if size <= s.MaxBytes {
		var err error
		if msg, err = s.message(uid); err != nil {
			return false, err
		}
		if msg == nil {
			s.postpone(uid)
			return true, nil
		}
	}
	if size > s.MaxBytes || int64(len(msg)) > s.MaxBytes {
		return true, s.leave(ctx, uid, slog.LevelWarn, "a mail in the mailbox is too large and is not taken in; it stays there, read", "bytes", size, "limit", s.MaxBytes)
	}
	taken, refused, err := s.deliver(ctx, msg)
	switch {
	case err != nil:
		wait := s.postpone(uid)
		s.Log.ErrorContext(ctx, "a mail in the mailbox cannot be taken in now; it stays there, unread", "uid", uint32(uid), "err", s.safe(err), "next_try_in", wait.Round(time.Second).String())
		return false, nil
	case taken:
		delete(s.later, uid)
		return true, s.finish(ctx, uid)
	case refused != nil:
		return true, s.leave(ctx, uid, slog.LevelWarn, "a mail in the mailbox is refused; it stays there, read", "reason", line(refused.Text, 200))
	}
	return true, s.leave(ctx, uid, slog.LevelInfo, "a mail in the mailbox is for nobody here; it stays there, read")
}

// postpone leaves a mail alone for a while, which it returns.
func (p *Poller) postpone(uid imap.UID) time.Duration {
	t := p.later[uid]
	wait := jitter(grow(firstTry, lastTry, t.tries))
	p.later[uid] = trial{at: p.Now().Add(wait), tries: t.tries + 1}
	return wait
}

// deliver brings a mail to everybody that it is for.
func (p *Poller) deliver(ctx context.Context, msg []byte) (taken bool, refused *Refusal, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deliverTimeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil { // of this mail alone, so that the others get in
			taken, err = false, fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	from, groups := envelope(msg)
	rcpts, err := p.Room.Addressees(ctx, groups...)
	if err != nil {
		return false, nil, err
	}
	for _, rcpt := range rcpts {
		err := p.Room.Deliver(ctx, from, rcpt, msg)
		if r, ok := errors.AsType[*Refusal](err); ok {
			refused = r
			continue
		}
		if err != nil {
			return false, nil, err // who had it is recognised the next time
		}
		taken = true
	}
	return taken, refused, nil
}

// leave marks a mail as done with where it is, and says so, once.
func (s *mailboxSession) leave(ctx context.Context, uid imap.UID, level slog.Level, text string, args ...any) error {
	delete(s.later, uid)
	if err := s.mark(uid, imap.FlagSeen); err != nil {
		return err
	}
	s.Log.Log(ctx, level, text, append([]any{"folder", s.Folder, "uid", uint32(uid)}, args...)...)
	return nil
}

// server splits Account.Server.
func (a *Account) server() (secure bool, host, address string, err error) {
	u, err := url.Parse(a.Server)
	if err != nil || u.Scheme != "imap" && u.Scheme != "imaps" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" {
		return false, "", "", &setupError{text: "an IMAP server is written imaps://HOST:PORT, or imap://HOST:PORT for STARTTLS"}
	}
	secure = u.Scheme == "imaps"
	port := u.Port()
	switch {
	case port == "" && secure:
		port = "993"
	case port == "":
		port = "143"
	}
	return secure, u.Hostname(), net.JoinHostPort(u.Hostname(), port), nil
}
