package mailer

import (
	"context"
	"errors"
	"fmt"

	"kalends/scheduling"
)

// Transport takes a message to one recipient. Send returns nil once somebody else has taken responsibility for it, else a
// *[SendError] as a rule; any other error counts as temporary. One message has one recipient, so
// that a bad address never holds up another.
type Transport interface {
	Send(ctx context.Context, from, to string, msg []byte) error
}

// SendError says why a message was not taken.
type SendError struct {
	Temporary bool
	Code      int    // of SMTP (RFC 5321 section 4.2.3); 0 where no server answered
	Enhanced  string // RFC 3463, such as 5.1.1; "" for none
	Text      string
}

func (e *SendError) Error() string {
	kind := "refused"
	if e.Temporary {
		kind = "not now"
	}
	s := "mail " + kind
	if e.Code != 0 {
		s += fmt.Sprintf(": %d", e.Code)
	}
	if e.Enhanced != "" {
		s += " " + e.Enhanced
	}
	return s + ": " + e.Text
}

// Temporary reports whether sending the same message again may succeed. Only a server's refusal and an
// address that cannot be written are final; a server that cannot be reached, or that fails our
// password, never costs a mail.
func Temporary(err error) bool {
	if e, ok := errors.AsType[*SendError](err); ok {
		return e.Temporary
	}
	return !errors.Is(err, ErrAddress) && !errors.Is(err, ErrPayload)
}

// ErrPayload says that a mail job cannot be composed, now or later.
var ErrPayload = errors.New("mail cannot be composed")

// ScheduleStatus returns the SCHEDULE-STATUS (RFC 6638 section 3.2.9) of a mail that ended with err, nil for sent.
func ScheduleStatus(err error) string {
	if err == nil {
		return scheduling.StatusSent // more than that mail does not tell
	}
	if errors.Is(err, ErrAddress) {
		return scheduling.StatusInvalid
	}
	if e, ok := errors.AsType[*SendError](err); ok {
		return FailureStatus(e.Enhanced)
	}
	return scheduling.StatusFailed
}

// FailureStatus returns the SCHEDULE-STATUS of a mail that was refused with this status (RFC 3463): 5.3 where there is no way to the
// recipient's domain at all, else 5.1.
func FailureStatus(enhanced string) string {
	switch enhanced {
	case "5.1.2", "5.1.10", "5.4.4", "5.4.310":
		return scheduling.StatusNoService
	}
	return scheduling.StatusFailed
}
