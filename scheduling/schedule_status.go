package scheduling

// Status codes of SCHEDULE-STATUS (RFC 6638 section 3.2.9).
const (
	StatusPending   = "1.0" // queued, not yet sent
	StatusSent      = "1.1" // handed to mail; no answer is known
	StatusDelivered = "1.2" // in the recipient's calendar
	StatusInvalid   = "3.7" // no such calendar user
	StatusForbidden = "3.8" // the recipient takes no messages from the sender
	StatusFailed    = "5.1" // could not be delivered
	StatusNoService = "5.3" // there is no way to reach the recipient from here
)

// RequestStatus returns the text of a REQUEST-STATUS in the answer to a free-busy POST (RFC 6638 section 5.2,
// RFC 5546 section 3.6).
func RequestStatus(code string) string {
	switch code {
	case "2.0":
		return "2.0;Success"
	case StatusInvalid:
		return "3.7;Invalid calendar user"
	case StatusForbidden:
		return "3.8;No authority"
	}
	return "5.1;Service unavailable"
}
