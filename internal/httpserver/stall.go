package httpserver

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// writeChunk is how much is written under one deadline.
const writeChunk = 64 << 10

// stallListener gives connections whose writes fail when no byte moves for stall.
type stallListener struct {
	net.Listener
	stall time.Duration
}

func (l stallListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil || l.stall <= 0 {
		return c, err
	}
	return &stallConn{Conn: c, stall: l.stall}, nil
}

// stallConn renews the deadline of each write as long as bytes move, so that one is cut
// after stall to twice that without any. It sits below TLS, where a write that timed out
// in its middle can go on.
type stallConn struct {
	net.Conn
	stall time.Duration
	// limit is a deadline set from above (crypto/tls sets one when it says
	// goodbye), in Unix nanoseconds; 0 is none.
	limit atomic.Int64
}

func (c *stallConn) SetDeadline(t time.Time) error {
	c.keep(t)
	return c.Conn.SetDeadline(t)
}

func (c *stallConn) SetWriteDeadline(t time.Time) error {
	c.keep(t)
	return c.Conn.SetWriteDeadline(t)
}

func (c *stallConn) keep(t time.Time) {
	if t.IsZero() {
		c.limit.Store(0)
		return
	}
	c.limit.Store(t.UnixNano())
}

func (c *stallConn) Write(p []byte) (int, error) {
	written := 0
	for {
		deadline := time.Now().Add(c.stall)
		limited := false
		if at := c.limit.Load(); at != 0 && at <= deadline.UnixNano() {
			deadline, limited = time.Unix(0, at), true
		}
		c.Conn.SetWriteDeadline(deadline)
		n, err := c.Conn.Write(p[written:min(len(p), written+writeChunk)])
		written += n
		if err != nil && (n == 0 || limited || !errors.Is(err, os.ErrDeadlineExceeded)) {
			return written, err
		}
		if written == len(p) {
			return written, nil
		}
	}
}

// budget ends a request's context after a time of computing. Time spent in
// moving bytes does not count: stalls have their own bound.
type budget struct {
	total  time.Duration
	start  time.Time
	cancel context.CancelCauseFunc

	mu    sync.Mutex
	timer *time.Timer

	moved  atomic.Int64 // nanoseconds spent in finished reads and writes
	moving atomic.Int64 // when the running read or write began, Unix nanoseconds; 0 is none
}

func newBudget(ctx context.Context, total time.Duration) (context.Context, *budget) {
	ctx, cancel := context.WithCancelCause(ctx)
	b := &budget{total: total, start: time.Now(), cancel: cancel}
	if total > 0 {
		b.mu.Lock()
		b.timer = time.AfterFunc(total, b.expire)
		b.mu.Unlock()
	}
	return ctx, b
}

func (b *budget) expire() {
	now := time.Now()
	moved := time.Duration(b.moved.Load())
	if at := b.moving.Load(); at != 0 {
		moved += time.Duration(now.UnixNano() - at)
	}
	if left := b.total - (now.Sub(b.start) - moved); left > 0 {
		b.mu.Lock()
		b.timer.Reset(max(left, time.Millisecond))
		b.mu.Unlock()
		return
	}
	b.cancel(ErrTooLong)
}

func (b *budget) stop() {
	if b.timer != nil {
		b.timer.Stop()
	}
	b.cancel(context.Canceled)
}

// move runs one read or write and takes its time off the computing.
func (b *budget) move(io func()) {
	at := time.Now()
	b.moving.Store(at.UnixNano())
	defer func() {
		b.moving.Store(0)
		b.moved.Add(int64(time.Since(at)))
	}()
	io()
}

// stallBody renews the read deadline as the body arrives.
type stallBody struct {
	io.ReadCloser
	rc     *http.ResponseController
	stall  time.Duration
	budget *budget
}

func (b *stallBody) Read(p []byte) (n int, err error) {
	if b.stall > 0 {
		b.rc.SetReadDeadline(time.Now().Add(b.stall))
	}
	b.budget.move(func() { n, err = b.ReadCloser.Read(p) })
	if err != nil && b.stall > 0 {
		// After the body net/http watches the connection for its end; that read
		// must not time out while the request is being worked out.
		b.rc.SetReadDeadline(time.Time{})
	}
	return n, err
}
