// Package auth says who somebody is and what they may do: principals and their passwords, Basic
// authentication with its cache and its throttle, and access control (RFC 3744).
package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"kalends/storage"
)

// Authenticator finds out who sends a request by a name and a password. Callers turn its errors into
// answers: [ErrBadCredentials] into 401, [*ThrottledError] into 429 and [ErrBusy] into 503, both with
// Retry-After; anything else is a failure of the store.
type Authenticator interface {
	// Authenticate returns the principal that name and password belong to. remote is the client's address, the zero
	// Addr where it is not known.
	Authenticate(ctx context.Context, name, password string, remote netip.Addr) (*storage.Principal, error)
}

// Errors of authentication.
var (
	// ErrBadCredentials: no such name, or not its password; which of them is not told.
	ErrBadCredentials = errors.New("wrong name or password")
	// ErrThrottled is what every *ThrottledError is, for errors.Is.
	ErrThrottled = errors.New("too many failed logins")
	// ErrBusy: too many passwords are being verified at the moment.
	ErrBusy = errors.New("too many logins at once")
)

// BusyRetryAfter is what to tell a client that got [ErrBusy].
const BusyRetryAfter = 2 * time.Second

// ThrottledError says that too many logins failed, and when the next may be tried.
type ThrottledError struct{ RetryAfter time.Duration }

func (e *ThrottledError) Error() string {
	return fmt.Sprintf("%v, retry after %v", ErrThrottled, e.RetryAfter)
}

// Is makes errors.Is(err, ErrThrottled) true.
func (e *ThrottledError) Is(target error) bool { return target == ErrThrottled }

// RetryAfter returns after which time a refused client may try again, for the Retry-After header; false
// where err is no error that passes with time.
func RetryAfter(err error) (time.Duration, bool) {
	if t, ok := errors.AsType[*ThrottledError](err); ok {
		return t.RetryAfter, true
	}
	return BusyRetryAfter, errors.Is(err, ErrBusy)
}
