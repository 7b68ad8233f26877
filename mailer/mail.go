// Package mailer is calendar mail (iMIP, RFC 6047) in both directions: it composes invitations, answers and
// reminders, hands them to a relay or a folder, and takes in what comes back.
//
// Everything that reaches it is hostile: event text and names in what it sends, all of what it
// receives. Outgoing headers are made of constants and of values that were checked or encoded; incoming messages are read within fixed bounds.
package mailer

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"

	"kalends/ical"
)

// Mail is a message before it is composed. From, To, MessageID and Date are required, so that
// composing it again gives the same bytes.
type Mail struct {
	From, To   mail.Address
	ReplyTo    mail.Address // none where its Address is ""
	Subject    string
	Text, HTML string
	Calendar   []byte // an iTIP message; nil for none
	Method     string // its METHOD
	Component  string // what it holds, VEVENT where empty
	Original   []byte // a mail to attach; nil for none
	MessageID  string // without the angle brackets
	References string // the message it belongs to, likewise; "" for none
	Date       time.Time
	Language   string // BCP 47, of Text and HTML
}

// Letter is a composed message with its envelope (RFC 5321 section 2.3.1).
type Letter struct {
	From, To string // mailboxes, without angle brackets
	Message  []byte
}

// ErrAddress says that an address cannot be written to. It is final: the same address fails again.
var ErrAddress = errors.New("not a mail address that can be written to")

// The content types of calendar parts (RFC 6047 section 2.4). go-mail writes a content type as it is
// given, so every one comes from this table and none is put together from input.
var calendarTypes = func() map[[2]string]gomail.ContentType {
	types := make(map[[2]string]gomail.ContentType)
	for _, method := range []string{"REQUEST", "CANCEL", "REPLY", "ADD", "REFRESH", "COUNTER", "DECLINECOUNTER", "PUBLISH"} {
		for _, component := range []string{"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY"} {
			types[[2]string{method, component}] = gomail.ContentType("text/calendar; method=" + method + "; component=" + component)
		}
	}
	return types
}()

// Compose returns the message as it is sent. With a calendar it is
//
//	multipart/mixed
//	  multipart/alternative
//	    text/plain
//	    text/html
//	    text/calendar; method=…
//	  application/ics, an attachment
//
// which is what Gmail, Outlook and Apple Mail all show with buttons; without, the alternative alone.
func Compose(m Mail) ([]byte, error) {
	msg := gomail.NewMsg(gomail.WithEncoding(gomail.EncodingQP), gomail.WithNoDefaultUserAgent())
	if err := setAddresses(msg, &m); err != nil {
		return nil, err
	}
	if !isMessageID(m.MessageID) {
		return nil, fmt.Errorf("compose: %q is no message id", m.MessageID)
	}
	if m.Date.IsZero() {
		return nil, errors.New("compose: no date")
	}
	msg.SetMessageIDWithValue(m.MessageID)
	if m.References != "" {
		if !isMessageID(m.References) {
			return nil, fmt.Errorf("compose: %q is no message id", m.References)
		}
		msg.SetGenHeader("References", "<"+m.References+">")
	}
	msg.SetDateWithValue(m.Date.UTC().Truncate(time.Second))
	msg.SetGenHeader("Subject", encodeSubject(line(m.Subject, maxSubject)))
	// RFC 3834 section 5: no vacation notice answers this; the second says the same to Exchange.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "OOF, AutoReply")
	if l := catalogueFor(m.Language); m.Language != "" {
		msg.SetGenHeader("Content-Language", l.Tag)
	}

	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	if m.Calendar != nil {
		component := m.Component
		if component == "" {
			component = "VEVENT"
		}
		contentType, ok := calendarTypes[[2]string{m.Method, component}]
		if !ok {
			return nil, fmt.Errorf("compose: no mail for METHOD %q of %q", m.Method, component)
		}
		msg.AddAlternativeString(contentType, string(m.Calendar), gomail.WithPartEncoding(gomail.EncodingB64))
		// No name in the content type: go-mail adds it.
		err := msg.AttachReader("invite.ics", bytes.NewReader(m.Calendar),
			gomail.WithFileContentType("application/ics"), gomail.WithFileEncoding(gomail.EncodingB64))
		if err != nil {
			return nil, fmt.Errorf("compose: %w", err)
		}
	}
	if m.Original != nil {
		// No message/rfc822: in base64 it must not be (RFC 2046 section 5.2.1), and as it is it need not fit in a mail.
		err := msg.AttachReader("message.eml", bytes.NewReader(m.Original),
			gomail.WithFileContentType(gomail.TypeAppOctetStream), gomail.WithFileEncoding(gomail.EncodingB64))
		if err != nil {
			return nil, fmt.Errorf("compose: %w", err)
		}
	}
	var b bytes.Buffer
	b.Grow(4096 + len(m.Text) + len(m.HTML) + 3*len(m.Calendar))
	if _, err := msg.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("compose: %w", err)
	}
	return fixBoundaries(b.Bytes(), m.MessageID), nil
}

// encodeSubject returns text as encoded words (RFC 2047) where it needs to be, the first of which is short enough to
// stand behind "Subject:". go-mail's own would be folded to the next line, and show as a blank in front. Text that
// looks like an encoded word becomes one, so that it is shown as it is and not decoded.
func encodeSubject(s string) string {
	plain := !strings.Contains(s, "=?")
	for i := range len(s) {
		plain = plain && s[i] >= ' ' && s[i] < 0x7f
	}
	if plain {
		return s
	}
	const octets = 36 // 48 in base64, 60 with what stands around them
	var words []string
	for s != "" {
		n := min(octets, len(s))
		for n < len(s) && !utf8.RuneStart(s[n]) {
			n--
		}
		words = append(words, "=?utf-8?b?"+base64.StdEncoding.EncodeToString([]byte(s[:n]))+"?=")
		s = s[n:]
	}
	return strings.Join(words, " ")
}

func setAddresses(msg *gomail.Msg, m *Mail) error {
	for header, a := range map[gomail.AddrHeader]mail.Address{
		gomail.HeaderFrom: m.From, gomail.HeaderTo: m.To, gomail.HeaderReplyTo: m.ReplyTo,
	} {
		if a.Address == "" && header == gomail.HeaderReplyTo {
			continue
		}
		address, err := mailbox(a.Address)
		if err != nil {
			return err
		}
		msg.SetAddrHeaderFromMailAddress(header, &mail.Address{Name: strings.ReplaceAll(line(a.Name, maxName), "=?", "="), Address: address})
	}
	return nil
}

// fixBoundaries replaces go-mail's random boundaries by ones made from the Message-ID, so that a mail that is sent
// again is the same to the octet. Msg.SetBoundary would give the outer and the inner multipart one boundary between them, which no
// parser takes apart again. A boundary is looked for after a line end that only go-mail writes: header values
// are encoded and parts are quoted-printable or base64, so no input can put one there.
func fixBoundaries(msg []byte, id string) []byte {
	for _, kind := range []string{"mixed", "alternative"} {
		mark := []byte("\r\nContent-Type: multipart/" + kind + ";\r\n boundary=")
		_, rest, ok := bytes.Cut(msg, mark)
		if !ok {
			continue
		}
		old, _, ok := bytes.Cut(rest, []byte("\r\n"))
		if !ok || len(old) == 0 {
			continue
		}
		sum := sha256.Sum256([]byte(kind + "\x00" + id))
		msg = bytes.ReplaceAll(msg, old, []byte(hex.EncodeToString(sum[:20])))
	}
	return msg
}

// Longest parts of a header in characters. go-mail folds at blanks only, so they also keep a word
// without any from passing the 998 octets of RFC 5322 section 2.1.1.
const (
	maxSubject = 200
	maxName    = 100
)

// mailbox returns an address that can stand in a header and an SMTP command: ASCII, a dot-atom before the @ and a host name
// after it (RFC 5321 section 4.1.2). Others exist, but are not worth what they let through.
func mailbox(address string) (string, error) {
	// The local part is kept as it is; the domain gets its form for DNS.
	at := strings.LastIndexByte(address, '@')
	canonical := ical.Mailbox(address)
	if at <= 0 || canonical == "" || strings.HasPrefix(strings.ToLower(address), "mailto:") || strings.ContainsAny(address[at:], `<>"'`) {
		return "", fmt.Errorf("%w: %.80q", ErrAddress, address)
	}
	local, domain := address[:at], canonical[strings.LastIndexByte(canonical, '@')+1:]
	// RFC 5321 section 4.5.3.1.1 says 64, and wants longer ones taken where possible: iCloud has them.
	if len(local) > 128 || len(domain) > 253 || !isDotAtom(local) || !isDomain(domain) {
		return "", fmt.Errorf("%w: %.80q", ErrAddress, address)
	}
	return local + "@" + domain, nil
}

func isDotAtom(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" {
			return false
		}
		for i := range len(part) {
			if c := part[i]; !isAlphanumeric(c) && strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) < 0 {
				return false
			}
		}
	}
	return true
}

func isDomain(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if c := label[i]; !isAlphanumeric(c) && c != '-' {
				return false
			}
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// isMessageID reports whether s can stand between the angle brackets of a Message-ID (RFC 5322 section 3.6.4).
func isMessageID(s string) bool {
	left, right, ok := strings.Cut(s, "@")
	return ok && len(s) <= 250 && isDotAtom(left) && isDotAtom(right)
}

// line makes text fit for one line: no line ends or other control characters, no invisible characters
// that turn the direction of what follows, no runs of blanks, at most max characters.
func line(s string, max int) string {
	return cut(strings.Join(strings.Fields(visible(s)), " "), max)
}

// paragraphs is line for text of several lines.
func paragraphs(s string, max int) string {
	s = strings.ReplaceAll(visible(s), "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	for strings.Contains(s, "\n\n\n") {
		s = strings.ReplaceAll(s, "\n\n\n", "\n\n")
	}
	return cut(strings.TrimSpace(s), max)
}

// visible drops what does not show: control characters other than line ends and tabs, and the
// embeddings, overrides and isolates by which text can pose as other text.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return r
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError,
			r == 0x2028 || r == 0x2029 || r == 0xfeff,
			r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069,
			r >= 0xe0000 && r <= 0xe007f:
			return -1
		}
		return r
	}, s)
}

// cut shortens s to at most max characters, the last of which then is an ellipsis.
func cut(s string, max int) string {
	if len(s) <= max {
		return s
	}
	n := 0
	for i := range s {
		if n++; n == max {
			if utf8.RuneCountInString(s[i:]) <= 1 {
				return s
			}
			return strings.TrimSpace(s[:i]) + "…"
		}
	}
	return s
}
