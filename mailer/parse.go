package mailer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/charset"
	"golang.org/x/text/encoding/charmap"

	"kalends/ical"
)

// Incoming is what a received mail says, read within bounds. Nothing in it is verified.
type Incoming struct {
	From          mail.Address // zero where there is none, or several
	Subject       string
	MessageID     string   // without angle brackets
	References    []string // from In-Reply-To and References, likewise
	Date          time.Time
	AutoSubmitted string // RFC 3834, lower case, without parameters and comments: "", no, auto-generated, auto-replied
	Automatic     bool   // a program wrote it, by this or by what programs said before RFC 3834
	// AuthenticationResults are the header fields of that name (RFC 8601), unfolded, the topmost first.
	AuthenticationResults []string
	Parts                 []CalendarPart
	Text                  string  // the first text/plain
	TNEF                  bool    // it has a winmail.dat, which is not read
	Bounce                *Bounce // it reports about a mail that could not be delivered
	Defects               []string
}

// CalendarPart is a part that holds iCalendar text, in UTF-8.
type CalendarPart struct {
	Method   string // of the Content-Type, upper case; "" for none
	Filename string
	Attached bool // application/ics or a file, where text/calendar may say the same
	Text     []byte
}

// Bounds of what [Parse] reads. A part costs what its depth and size are together, so each has one.
const (
	maxParseBytes   = 32 << 20
	maxHeaderBytes  = 256 << 10
	maxDepth        = 10
	maxParts        = 100
	maxCalendarPart = 2 << 20
	maxTextPart     = 64 << 10
	maxReportPart   = 64 << 10
	maxDefects      = 10
)

// ErrTooComplex says that a message is beyond what a calendar mail can reasonably be.
var ErrTooComplex = errors.New("message is too deeply nested, in too many parts or too long")

// Parse reads a message. It makes the best of what is not as it should be, and says so in Defects; it
// returns an error, with what it had read until then, for ErrTooComplex and for what is no message at all.
func Parse(msg []byte) (*Incoming, error) {
	in := new(Incoming)
	if len(msg) > maxParseBytes {
		return in, ErrTooComplex
	}
	if bytes.HasPrefix(msg, []byte("From ")) || bytes.HasPrefix(msg, []byte(">From ")) { // of an mbox, or a pipe
		_, msg, _ = bytes.Cut(msg, []byte("\n"))
	}
	e, err := message.ReadWithOptions(bytes.NewReader(msg), &message.ReadOptions{MaxHeaderBytes: maxHeaderBytes})
	if e == nil {
		return in, fmt.Errorf("no mail message: %w", err)
	}
	in.header(e.Header)
	contentType, params, _ := e.Header.ContentType()
	report := contentType == "multipart/report" && strings.EqualFold(params["report-type"], "delivery-status")

	parts := 0
	err = e.Walk(func(path []int, part *message.Entity, err error) error {
		if parts++; len(path) > maxDepth || parts > maxParts {
			return ErrTooComplex
		}
		return in.part(part, report)
	})
	if errors.Is(err, ErrTooComplex) {
		return in, err
	}
	if err != nil {
		in.defect("broken MIME structure: " + err.Error())
	}
	if report && in.Bounce == nil {
		in.defect("a delivery report without a recipient")
	}
	return in, nil
}

func (in *Incoming) defect(s string) {
	if len(in.Defects) < maxDefects {
		in.Defects = append(in.Defects, line(s, 200))
	}
}

func (in *Incoming) header(h message.Header) {
	in.Subject = line(decoded(h.Get("Subject")), 500)
	in.MessageID = angle(h.Get("Message-Id"))
	for _, name := range []string{"In-Reply-To", "References"} {
		for _, id := range strings.Fields(h.Get(name)) {
			if id = angle(id); id != "" && len(in.References) < 50 {
				in.References = append(in.References, id)
			}
		}
	}
	if at, err := mail.ParseDate(h.Get("Date")); err == nil {
		in.Date = at
	}
	auto := h.Get("Auto-Submitted")
	if i := strings.IndexAny(auto, ";("); i >= 0 {
		auto = auto[:i]
	}
	in.AutoSubmitted = line(strings.ToLower(auto), 40)
	in.Automatic = in.AutoSubmitted != "" && in.AutoSubmitted != "no" || h.Get("X-Autoreply") != "" || h.Get("X-Autorespond") != ""
	switch strings.ToLower(strings.TrimSpace(h.Get("Precedence"))) {
	case "bulk", "junk", "list", "auto_reply":
		in.Automatic = true
	}
	in.AuthenticationResults = h.Values("Authentication-Results")

	switch from := h.Values("From"); len(from) {
	case 0:
		in.defect("no From")
	case 1:
		parser := mail.AddressParser{WordDecoder: &mime.WordDecoder{CharsetReader: charset.Reader}}
		list, err := parser.ParseList(from[0])
		if err != nil || len(list) != 1 {
			in.defect("From is not one address")
			break
		}
		in.From = *list[0]
		in.From.Name = line(in.From.Name, 200)
	default: // which of them a program shows is its choice, so none is to be believed
		in.defect("more than one From")
	}
}

// part reads one part; what it does not want is skipped by the reader.
func (in *Incoming) part(e *message.Entity, report bool) error {
	contentType, params := mediaType(e.Header.Get("Content-Type"))
	if contentType == "" {
		contentType = "text/plain" // RFC 2045 section 5.2
	}
	if strings.HasPrefix(contentType, "multipart/") {
		return nil
	}
	_, disposition := mediaType(e.Header.Get("Content-Disposition"))
	filename := line(decoded(first(disposition["filename"], params["name"])), 200)
	lower := strings.ToLower(filename)
	switch {
	case contentType == "text/calendar", contentType == "application/ics", contentType == "text/x-vcalendar",
		strings.HasSuffix(lower, ".ics") && !strings.HasPrefix(contentType, "image/"):
		text, err := in.read(e, contentType, params["charset"], maxCalendarPart)
		if err != nil {
			in.defect("calendar part: " + err.Error())
			return nil
		}
		in.Parts = append(in.Parts, CalendarPart{
			Method:   strings.ToUpper(strings.TrimSpace(params["method"])),
			Filename: filename, Attached: contentType != "text/calendar", Text: text,
		})
	case contentType == "application/ms-tnef", contentType == "application/vnd.ms-tnef", lower == "winmail.dat":
		in.TNEF = true
	case report && (contentType == "message/delivery-status" || contentType == "message/global-delivery-status"):
		text, err := in.read(e, contentType, "", maxReportPart)
		if err == nil {
			in.deliveryStatus(text)
		}
	case report && in.Bounce != nil && (contentType == "message/rfc822" || contentType == "text/rfc822-headers" || contentType == "message/global"):
		// Only the header is wanted, and the rest may be long.
		text, _ := io.ReadAll(io.LimitReader(e.Body, maxReportPart))
		in.returned(text)
	case contentType == "text/plain" && in.Text == "" && filename == "":
		text, err := io.ReadAll(io.LimitReader(e.Body, maxTextPart))
		if err == nil || len(text) > 0 {
			in.Text = paragraphs(toUTF8(text), maxTextPart)
		}
	}
	return nil
}

// read returns a part's text in UTF-8. go-message has undone the transfer encoding, and the charset of text/* where
// it knows it.
func (in *Incoming) read(e *message.Entity, contentType, cs string, limit int) ([]byte, error) {
	body := io.Reader(e.Body)
	if !strings.HasPrefix(contentType, "text/") && cs != "" {
		if r, err := charset.Reader(strings.ToLower(cs), body); err == nil {
			body = r
		}
	}
	text, err := io.ReadAll(io.LimitReader(body, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	if len(text) > limit {
		return nil, ErrTooComplex
	}
	return []byte(toUTF8(text)), nil
}

// toUTF8 takes text that is not UTF-8, whatever its label says, for Windows-1252: that is what programs
// send that send anything else.
func toUTF8(text []byte) string {
	if utf8.Valid(text) {
		return string(text)
	}
	s, err := charmap.Windows1252.NewDecoder().Bytes(text)
	if err != nil {
		return strings.ToValidUTF8(string(text), "\ufffd")
	}
	return string(s)
}

// mediaType reads a Content-Type or Content-Disposition, also one that breaks the rules.
func mediaType(v string) (string, map[string]string) {
	t, params, err := mime.ParseMediaType(v)
	if err == nil || errors.Is(err, mime.ErrInvalidMediaParameter) && params != nil {
		return t, params
	}
	params = make(map[string]string)
	pieces := strings.Split(v, ";")
	for _, piece := range pieces[1:min(len(pieces), 20)] {
		if name, value, ok := strings.Cut(piece, "="); ok {
			name = strings.ToLower(strings.TrimSpace(name))
			if _, twice := params[name]; !twice {
				params[name] = strings.Trim(strings.TrimSpace(value), `"`)
			}
		}
	}
	return strings.ToLower(strings.TrimSpace(pieces[0])), params
}

func decoded(v string) string {
	d := mime.WordDecoder{CharsetReader: charset.Reader}
	s, err := d.DecodeHeader(v)
	if err != nil {
		s = v
	}
	return toUTF8([]byte(s))
}

// angle returns what stands between the angle brackets of a Message-ID, or "" where it is none.
func angle(v string) string {
	v = strings.TrimSpace(v)
	v = strings.TrimSuffix(strings.TrimPrefix(v, "<"), ">")
	if v == "" || len(v) > 998 || strings.ContainsAny(v, "<> \t\r\n") {
		return ""
	}
	return v
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// Errors of [Incoming.Message].
var (
	ErrNoCalendar = errors.New("the mail has no calendar part that can be read")
	ErrAmbiguous  = errors.New("the mail has calendar parts that say different things")
	ErrMethod     = errors.New("the method in the header is not the one in the calendar")
)

// Message returns the one iTIP message of the mail and its METHOD in upper case, "" where neither header nor calendar
// names one. Mail programs send the same text twice, as a part and as a file: that is one message. Two that
// differ are none (a person was shown one of them, and which is not known), and so is one whose header and
// calendar disagree (RFC 6047 section 2.4).
func (in *Incoming) Message() (*ical.Component, string, error) {
	var (
		cal    *ical.Component
		method string
		broken error
	)
	for _, attached := range []bool{false, true} {
		for i := range in.Parts {
			p := &in.Parts[i]
			if p.Attached != attached {
				continue
			}
			c, err := ical.Parse(p.Text)
			if err != nil {
				if broken == nil {
					broken = err
				}
				continue
			}
			m := strings.ToUpper(strings.TrimSpace(c.Value("METHOD")))
			if p.Method != "" && m != "" && p.Method != m {
				return nil, "", ErrMethod
			}
			m = first(m, p.Method)
			switch {
			case cal == nil:
				cal, method = c, m
			case !sameMessage(cal, c) || m != "" && method != "" && m != method:
				return nil, "", ErrAmbiguous
			default:
				method = first(method, m)
			}
		}
	}
	if cal == nil {
		if broken != nil {
			return nil, "", fmt.Errorf("%w: %w", ErrNoCalendar, broken)
		}
		return nil, "", ErrNoCalendar
	}
	return cal, method, nil
}

// sameMessage reports whether two calendars say the same about who, what and when.
func sameMessage(a, b *ical.Component) bool { return essence(a) == essence(b) }

func essence(cal *ical.Component) string {
	var s strings.Builder
	for c := range cal.Main() {
		s.WriteString(c.Name() + "\n")
		for _, name := range []string{"UID", "RECURRENCE-ID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND", "DURATION", "RRULE", "STATUS", "ORGANIZER", "ATTENDEE"} {
			for p := range c.All(name) {
				s.WriteString(name + " " + p.Param("PARTSTAT") + " " + p.Param("TZID") + " " + p.Value() + "\n")
			}
		}
	}
	return s.String()
}
