// Package httpserver runs an http.Handler for clients nobody trusts: it bounds
// what a request may take, keeps a panic from ending the server, answers health
// checks, logs, and stops without cutting what runs.
package httpserver

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"kalends/internal/obs"
)

const (
	// readHeaderTimeout bounds the head of a request and the TLS handshake.
	readHeaderTimeout = 10 * time.Second
	// idleTimeout is long: calendar programs poll every few minutes, and a TLS
	// handshake costs a phone more than an idle connection costs us.
	idleTimeout = 6 * time.Minute
	// maxHeaderBytes is room for long hrefs in If and Destination.
	maxHeaderBytes = 64 << 10
	// unwind is how long handlers get to return once their connections are cut.
	unwind = 3 * time.Second
)

// ErrTooLong is the cause (context.Cause) of a request's context that has used
// up its time of computing.
var ErrTooLong = fmt.Errorf("request took too long: %w", context.DeadlineExceeded)

// Server answers HTTP on one listener. Its fields are set before Run.
type Server struct {
	// Listener to accept on, from Listen; Run closes it.
	Listener net.Listener
	// Handler answers everything but /healthz and /readyz.
	Handler http.Handler
	// TLS is nil for plain http. HTTP/2 comes with it.
	TLS *tls.Config
	// Ready says whether requests can be answered now; nil is always.
	Ready func(context.Context) error
	// Log gets the access log at Debug, refused requests at Info, failures at Error.
	Log *slog.Logger

	// Grace is what running requests get to finish when Run is told to stop.
	Grace time.Duration
	// Request bounds the computing of one request, Stall the time without a byte
	// moving in the middle of one.
	Request, Stall time.Duration
	// Proxies are the networks whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
	// Metrics count requests; nil counts none.
	Metrics *obs.Metrics

	stopping atomic.Bool
	running  sync.RWMutex // held for reading by each running handler
	ready    readiness
}

// Listen binds a TCP address. The error says what to do about a taken port.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err == nil {
		return l, nil
	}
	_, port, _ := net.SplitHostPort(addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is taken by another program; stop that one or choose another port", addr)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("not allowed to listen on %s; choose a port above 1023, or give the program the right to use port %s (CAP_NET_BIND_SERVICE)", addr, port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s is not an address of this machine", addr)
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return nil, fmt.Errorf("cannot listen on %s: %w", addr, err)
}

// Run answers requests until ctx ends. Then it accepts no new connections, lets
// running requests finish for Grace, cuts the rest, and returns when they are gone.
func (s *Server) Run(ctx context.Context) error {
	srv := &http.Server{
		Handler:           s.Wrap(s.Handler),
		TLSConfig:         s.TLS,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		// Handshakes that fail and requests that are no HTTP are the clients' affair.
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
		// Requests outlive ctx: they finish within Grace.
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	l := stallListener{s.Listener, s.Stall}
	served := make(chan error, 1)
	go func() {
		if s.TLS != nil {
			served <- srv.ServeTLS(l, "", "")
			return
		}
		served <- srv.Serve(l)
	}()
	select {
	case err := <-served:
		srv.Close()
		return fmt.Errorf("serve http on %s: %w", s.Listener.Addr(), err)
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Grace)
	defer cancel()
	if err := srv.Shutdown(grace); err != nil {
		s.Log.WarnContext(ctx, "requests did not finish in time and are cut", "grace", s.Grace)
		srv.Close()
	}
	<-served
	s.wait(unwind)
	return nil
}

// wait blocks until no handler runs, at most d.
func (s *Server) wait(d time.Duration) {
	done := make(chan struct{})
	go func() {
		s.running.Lock()
		defer s.running.Unlock()
		close(done)
	}()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// requestID returns a fresh name for a request.
func requestID() string {
	var b [6]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
