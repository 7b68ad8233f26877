package mailer

import (
	"bufio"
	"bytes"
	"net/textproto"
	"strings"

	"kalends/ical"
)

// Bounce is a delivery report about failed recipients (RFC 3464).
type Bounce struct {
	Failed    []FailedRecipient
	MessageID string // of the mail that failed, where it came back; without angle brackets
}

// FailedRecipient is one of them.
type FailedRecipient struct {
	Address  string // as we wrote it if the report says so, in the form of ical.Mailbox
	Status   string // RFC 3463, such as 5.1.1; "" where it is missing or none
	Final    bool   // the status is 5.x.x
	Diagnose string // what the last server said
}

const maxFailed = 20

// deliveryStatus reads a message/delivery-status (RFC 3464 section 2.1): groups of header fields, the first about
// the message, each other about a recipient.
func (in *Incoming) deliveryStatus(text []byte) {
	r := textproto.NewReader(bufio.NewReader(bytes.NewReader(text)))
	for group := 0; group < maxFailed+1; {
		h, err := r.ReadMIMEHeader()
		if len(h) > 0 {
			group++
		}
		if recipient := first(h.Get("Original-Recipient"), h.Get("Final-Recipient")); recipient != "" &&
			strings.EqualFold(strings.TrimSpace(h.Get("Action")), "failed") {
			if in.Bounce == nil {
				in.Bounce = new(Bounce)
			}
			_, address, _ := strings.Cut(recipient, ";") // rfc822; bob@example.com
			status, _, _ := strings.Cut(strings.TrimSpace(h.Get("Status")), " ")
			if !isStatus(status) {
				status = ""
			}
			_, diagnose, ok := strings.Cut(h.Get("Diagnostic-Code"), ";")
			if !ok {
				diagnose = h.Get("Diagnostic-Code")
			}
			in.Bounce.Failed = append(in.Bounce.Failed, FailedRecipient{
				Address: ical.Mailbox(strings.TrimSpace(address)), Status: status,
				Final: strings.HasPrefix(status, "5"), Diagnose: line(diagnose, 300),
			})
		}
		if err != nil {
			return
		}
	}
}

// returned reads the header of the mail that failed.
func (in *Incoming) returned(text []byte) {
	if in.Bounce.MessageID != "" {
		return
	}
	h, _ := textproto.NewReader(bufio.NewReader(bytes.NewReader(text))).ReadMIMEHeader()
	in.Bounce.MessageID = angle(h.Get("Message-Id"))
}
