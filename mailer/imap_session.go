package mailer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
)

const (
	imapAnswer  = 30 * time.Second // for a command
	imapFetch   = 3 * time.Minute  // for a message
	imapChatter = 4 << 20          // octets that a server may send for one command, without a message
)

// mailboxSession is one connection with the folder open.
type mailboxSession struct {
	*Poller
	client *imapclient.Client
	conn   *meter
	caps   imap.CapSet
	news   chan struct{} // something came into the folder
	ended  context.Context
	end    context.CancelFunc
}

// meter is a connection that breaks when more comes from the other side than was granted, since go-imap reads what it is sent into memory.
type meter struct {
	net.Conn
	left  atomic.Int64
	late  atomic.Bool // closed because an answer took too long
	flood atomic.Bool // closed because it was too much
}

var errFlood = errors.New("the server sends more than it was asked for")

func (m *meter) Read(b []byte) (int, error) {
	n, err := m.Conn.Read(b)
	if m.left.Add(-int64(n)) < 0 {
		m.flood.Store(true)
		m.Conn.Close()
		return 0, errFlood
	}
	return n, err
}

// do lets fn talk to the server. go-imap waits for an answer without end, so the connection is closed when there is none in time.
func (m *meter) do(limit time.Duration, octets int64, fn func() error) error {
	m.left.Store(octets)
	timer := time.AfterFunc(limit, func() {
		m.late.Store(true)
		m.Conn.Close()
	})
	err := fn()
	timer.Stop()
	switch {
	case err == nil:
		return nil
	case m.flood.Load():
		return errFlood
	case m.late.Load():
		return fmt.Errorf("no answer within %s", limit)
	}
	return err
}

// open connects, logs in and opens the folder.
func (p *Poller) open(ctx context.Context) (*mailboxSession, error) {
	secure, host, address, err := p.server()
	if err != nil {
		return nil, err
	}
	local := isLoopback(host)
	s, err := p.connect(ctx, secure, !secure && !local, host, address)
	if err != nil {
		return nil, err
	}
	if !secure && local && s.caps.Has(imap.CapLoginDisabled) && s.caps.Has(imap.CapStartTLS) {
		s.cut()
		if s, err = p.connect(ctx, false, true, host, address); err != nil {
			return nil, err
		}
	}
	stop := context.AfterFunc(ctx, s.cut)
	defer stop()
	if err := s.enter(); err != nil {
		s.cut()
		return nil, err
	}
	return s, nil
}

// connect opens a connection of which the capabilities are known.
func (p *Poller) connect(ctx context.Context, secure, startTLS bool, host, address string) (*mailboxSession, error) {
	dial := p.dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	raw, err := dial(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connect to the IMAP server: %w", err)
	}
	// A server on this machine is trusted, as a relay is: its certificate has the name that others know it by.
	config := &tls.Config{ServerName: host, InsecureSkipVerify: isLoopback(host), RootCAs: p.roots, MinVersion: tls.VersionTLS12}
	s := &mailboxSession{Poller: p, conn: &meter{Conn: raw}, news: make(chan struct{}, 1)}
	s.ended, s.end = context.WithCancel(context.Background())
	options := &imapclient.Options{TLSConfig: config, UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(d *imapclient.UnilateralDataMailbox) {
			if d.NumMessages != nil {
				select {
				case s.news <- struct{}{}:
				default:
				}
			}
		},
	}}
	stop := context.AfterFunc(ctx, s.cut) // nothing is at hand yet that would be worth waiting for
	defer stop()
	err = s.conn.do(imapAnswer, imapChatter, func() error {
		switch {
		case secure:
			c := tls.Client(s.conn, config)
			if err := c.HandshakeContext(ctx); err != nil {
				return fmt.Errorf("TLS with the IMAP server: %w", err)
			}
			s.client = imapclient.New(c, options)
		case startTLS:
			c, err := imapclient.NewStartTLS(s.conn, options)
			if _, refused := errors.AsType[*imap.Error](err); refused {
				return &setupError{"the IMAP server offers no STARTTLS, and without TLS no password is sent: write mail.imap_server as imaps://", err}
			}
			if err != nil {
				return fmt.Errorf("STARTTLS with the IMAP server: %w", err)
			}
			s.client = c
		default:
			s.client = imapclient.New(s.conn, options)
		}
		if err := s.client.WaitGreeting(); err != nil {
			return fmt.Errorf("greeting of the IMAP server: %w", err)
		}
		return s.capabilities()
	})
	if err != nil {
		s.cut()
		return nil, err
	}
	return s, nil
}

func (s *mailboxSession) capabilities() error {
	caps, err := s.client.Capability().Wait()
	if err != nil {
		return fmt.Errorf("ask what the IMAP server can do: %w", err)
	}
	s.caps = caps
	return nil
}

// enter logs in and opens the folder.
func (s *mailboxSession) enter() error {
	return s.conn.do(imapAnswer, imapChatter, func() error {
		if err := s.login(); err != nil {
			return err
		}
		if err := s.capabilities(); err != nil { // there are more after logging in
			return err
		}
		if s.Done == DoneMove {
			if err := s.ensure(s.Into); err != nil {
				return err
			}
		}
		data, err := s.client.Select(s.Folder, nil).Wait()
		if _, refused := errors.AsType[*imap.Error](err); refused {
			return &setupError{"the folder of the mailbox cannot be opened; see mail.imap_folder", err}
		}
		if err != nil {
			return fmt.Errorf("open the folder: %w", err)
		}
		// RFC 9051 section 7.1: without the code, all flags can be changed. Some servers name \* alone and mean all.
		if f := data.PermanentFlags; f != nil && !slices.Contains(f, imap.FlagSeen) && !slices.Contains(f, imap.FlagWildcard) {
			return &setupError{text: "mails in the folder cannot be marked as read there; see mail.imap_folder, and the rights of mail.imap_user"}
		}
		if data.UIDValidity != s.validity { // the UIDs mean other mails now (RFC 9051 section 2.3.1.1)
			s.validity = data.UIDValidity
			clear(s.later)
		}
		return nil
	})
}

func (s *mailboxSession) login() error {
	if s.client.State() != imap.ConnStateNotAuthenticated {
		return nil // PREAUTH
	}
	var err error
	switch {
	case s.caps.Has(imap.AuthCap(sasl.Plain)):
		err = s.client.Authenticate(sasl.NewPlainClient("", s.User, s.Password))
	case s.caps.Has(imap.CapLoginDisabled):
		return &setupError{text: "the IMAP server takes no password on this connection; it may want TLS (imaps:// in mail.imap_server), or another way to log in than a password"}
	default:
		err = s.client.Login(s.User, s.Password).Wait()
	}
	if _, refused := errors.AsType[*imap.Error](err); refused {
		return &setupError{"the IMAP server refuses the login: check mail.imap_user and mail.imap_password (some providers want a password made for one program)", err}
	}
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	return nil
}

// ensure makes a folder that is not there.
func (s *mailboxSession) ensure(folder string) error {
	_, err := s.client.Status(folder, &imap.StatusOptions{NumMessages: true}).Wait()
	if _, missing := errors.AsType[*imap.Error](err); !missing {
		return err
	}
	err = s.client.Create(folder, nil).Wait()
	if _, refused := errors.AsType[*imap.Error](err); refused {
		return &setupError{"the folder for mail that was taken in cannot be made; see mail.imap_done", err}
	}
	return err
}

// unread returns the first UIDs of unread mails that are due, and whether there are more.
func (s *mailboxSession) unread() (uids []imap.UID, more bool, err error) {
	err = s.conn.do(imapAnswer, imapChatter, func() error {
		if err := s.client.Noop().Wait(); err != nil { // some servers search only what they have told
			return err
		}
		data, err := s.client.UIDSearch(&imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen, imap.FlagDeleted}}, nil).Wait()
		if err != nil {
			return err
		}
		set, _ := data.All.(imap.UIDSet)
		for uid := range s.later {
			if !set.Contains(uid) { // somebody else has dealt with it
				delete(s.later, uid)
			}
		}
		now := s.Now()
		for _, r := range set {
			for uid := uint64(r.Start); uid <= uint64(r.Stop); uid++ {
				if t, waits := s.later[imap.UID(uid)]; waits && now.Before(t.at) {
					continue
				}
				if len(uids) == imapRound {
					more = true
					return nil
				}
				uids = append(uids, imap.UID(uid))
			}
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("look for unread mail: %w", err)
	}
	return uids, more, nil
}

// sizes returns how long the mails are, as the server says; some only guess.
func (s *mailboxSession) sizes(uids []imap.UID) (map[imap.UID]int64, error) {
	sizes := make(map[imap.UID]int64, len(uids))
	err := s.conn.do(imapAnswer, imapChatter, func() error {
		list, err := s.client.Fetch(imap.UIDSetNum(uids...), &imap.FetchOptions{UID: true, RFC822Size: true}).Collect()
		for _, m := range list {
			sizes[m.UID] = m.RFC822Size
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ask how long mails are: %w", err)
	}
	return sizes, nil
}

// message returns a mail, at most one octet more of it than may be; nil where it is gone. It stays unread.
func (s *mailboxSession) message(uid imap.UID) ([]byte, error) {
	var msg []byte
	err := s.conn.do(imapFetch, s.MaxBytes+s.MaxBytes/16+imapChatter, func() error { // TLS adds a little
		body := &imap.FetchItemBodySection{Peek: true, Partial: &imap.SectionPartial{Size: s.MaxBytes + 1}}
		list, err := s.client.Fetch(imap.UIDSetNum(uid), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{body}}).Collect()
		for _, m := range list {
			if m.UID == uid {
				msg = m.FindBodySection(body)
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("fetch a mail: %w", err)
	}
	return msg, nil
}

func (s *mailboxSession) mark(uid imap.UID, flags ...imap.Flag) error {
	err := s.conn.do(imapAnswer, imapChatter, func() error { return s.store(uid, flags...) })
	if _, refused := errors.AsType[*imap.Error](err); refused {
		return &setupError{"a mail cannot be marked as read in the mailbox, so it would be taken in again and again", err}
	}
	if err != nil {
		return fmt.Errorf("mark a mail: %w", err)
	}
	return nil
}

func (s *mailboxSession) store(uid imap.UID, flags ...imap.Flag) error {
	return s.client.Store(imap.UIDSetNum(uid), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: flags}, nil).Close()
}

// finish does with a mail that was taken in what is to become of it. Once it is marked as read nothing depends on the rest, so a server's
// refusal of that is no reason to stop.
func (s *mailboxSession) finish(ctx context.Context, uid imap.UID) error {
	if err := s.mark(uid, imap.FlagSeen); err != nil || s.Done == DoneKeep {
		return err
	}
	set := imap.UIDSetNum(uid)
	err := s.conn.do(imapAnswer, imapChatter, func() error {
		if s.Done == DoneMove {
			if s.caps.Has(imap.CapMove) {
				_, err := s.client.Move(set, s.Into).Wait()
				return err
			}
			// Not go-imap's own way round, which marks as deleted without waiting for whether there is a copy.
			if _, err := s.client.Copy(set, s.Into).Wait(); err != nil {
				return err
			}
		}
		if err := s.store(uid, imap.FlagDeleted); err != nil || !s.caps.Has(imap.CapUIDPlus) {
			return err // EXPUNGE alone would remove what others marked too
		}
		return s.client.UIDExpunge(set).Close()
	})
	if _, refused := errors.AsType[*imap.Error](err); refused {
		s.Log.WarnContext(ctx, "a mail that was taken in stays in the mailbox, read: it can be neither moved nor deleted there; see mail.imap_done", "folder", s.Folder, "uid", uint32(uid), "err", s.safe(err))
		return nil
	}
	if err != nil {
		return fmt.Errorf("clear away a mail: %w", err)
	}
	return nil
}

// wait returns when there may be new mail: when the server says so, where it does (IDLE, RFC 2177), and after Interval in any case. It keeps the
// lease meanwhile.
func (s *mailboxSession) wait(ctx context.Context) error {
	timer := time.NewTimer(s.Interval)
	defer timer.Stop()
	for {
		if err := s.hold(ctx); err != nil {
			return err
		}
		over, err := s.idle(ctx, timer.C)
		if err != nil || over {
			return err
		}
	}
}

// idle waits for no longer than the lease allows, and reports whether it is time to look.
func (s *mailboxSession) idle(ctx context.Context, enough <-chan time.Time) (over bool, err error) {
	renew := time.NewTimer(imapLeaseTime / 3)
	defer renew.Stop()
	var cmd *imapclient.IdleCommand
	if s.caps.Has(imap.CapIdle) {
		err := s.conn.do(imapAnswer, imapChatter, func() (err error) {
			cmd, err = s.client.Idle()
			return err
		})
		if err != nil {
			return false, fmt.Errorf("wait for mail: %w", err)
		}
	}
	select {
	case <-ctx.Done():
		over = true
	case <-enough:
		over = true
	case <-s.news:
		over = true
	case <-renew.C:
	case <-s.client.Closed():
		return false, errors.New("the IMAP server closed the connection")
	}
	if cmd == nil {
		return over, nil
	}
	err = s.conn.do(imapAnswer, imapChatter, func() error {
		if err := cmd.Close(); err != nil {
			return err
		}
		return cmd.Wait()
	})
	if err != nil {
		return false, fmt.Errorf("wait for mail: %w", err)
	}
	return over, nil
}

// cut closes the connection as it is.
func (s *mailboxSession) cut() {
	s.conn.Conn.Close()
	s.end()
}

// close takes leave of the server.
func (s *mailboxSession) close() {
	s.conn.do(5*time.Second, imapChatter, s.client.Logout().Wait)
	s.cut()
}
