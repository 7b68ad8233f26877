package mailer

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"strconv"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
	"kalends/scheduling"
	"kalends/storage"
)

// JobKind is the kind of outbox rows that hold an [Invitation].
const JobKind = scheduling.MailJob

// Invitation is an iTIP message to one person outside, as an outbox row holds it: the pieces, because
// composing costs more than the transaction that causes it has time for. Any scheduling.Mail is one.
type Invitation struct {
	scheduling.Mail
	Before string `json:"-"` // of an update: what the recipient was told last; the text says what changed
	Thread string `json:"-"` // Message-ID of the first mail about the meeting; "" where this is it
	Link   string `json:"-"` // page to answer on (https); "" for none
	// File returns a link (https) by which the recipient can read an attachment that is kept here; nil, or "", for none.
	File func(managedID string) string `json:"-"`
}

func (inv *Invitation) from() Person { return Person{inv.From, inv.FromName} }
func (inv *Invitation) to() Person   { return Person{inv.To, inv.ToName} }

// DecodeInvitation reads the payload of an outbox row.
func DecodeInvitation(payload []byte) (*Invitation, error) {
	inv := new(Invitation)
	if err := json.Unmarshal(payload, inv); err != nil {
		return nil, fmt.Errorf("payload of a mail job: %w", err)
	}
	return inv, nil
}

// Composer makes letters of invitations and reminders.
type Composer struct {
	Identity
	Language string // BCP 47, where a mail names none; "" is English
	Decide   string // page (https) where owners decide about what waits; "" for none
}

// JobID returns the Message-ID of an outbox row's mail (without angle brackets). It is the same at every attempt,
// so a repeat is recognisable; another for every row, also after a restored backup has handed out the same ids again;
// and another when the row took a newer message after an attempt of which it is not known whether it arrived.
func (c *Composer) JobID(j *storage.Job) string {
	return messageID("kalends", j.Created, j.Owner, j.ID, c.Own.Address, shortHash(string(j.Payload))[:8])
}

// ReminderID is the same for a reminder: due is the time it was due at.
func (c *Composer) ReminderID(r *storage.Reminder, due time.Time) string {
	return messageID("reminder", due, r.Owner, r.Object, c.Own.Address, shortHash(r.Alarm, strconv.FormatInt(r.ForUser, 10)))
}

// messageID puts the time first, so that names made of it sort by it.
func messageID(what string, at time.Time, owner, id int64, own string, more ...string) string {
	s := fmt.Sprintf("%016d.%d.%d.", max(at.UnixMicro(), 0), owner, id)
	for _, m := range more {
		s += m + "."
	}
	return s + what + "@" + domainOf(own)
}

// Job composes the mail of an outbox row of [JobKind], for the invitation that its payload holds.
func (c *Composer) Job(j *storage.Job, inv *Invitation) (*Letter, error) {
	m, from, err := c.Invitation(inv)
	if err != nil {
		return nil, err
	}
	m.MessageID, m.Date = c.JobID(j), j.Created
	return letter(m, from)
}

func letter(m *Mail, from string) (*Letter, error) {
	msg, err := Compose(*m)
	if err != nil {
		return nil, err
	}
	to, err := mailbox(m.To.Address)
	if err != nil {
		return nil, err
	}
	return &Letter{From: from, To: to, Message: msg}, nil
}

// Invitation returns the mail of an iTIP message, without Message-ID and Date, and its envelope sender.
func (c *Composer) Invitation(inv *Invitation) (*Mail, string, error) {
	cal, err := ical.Parse([]byte(inv.Calendar))
	if err != nil {
		return nil, "", fmt.Errorf("compose %s: %w", inv.Method, err)
	}
	to := ical.Mailbox(inv.To)
	if to == "" {
		return nil, "", fmt.Errorf("%w: %.80q", ErrAddress, inv.To)
	}
	to = spelling(cal, to)
	files := linkFiles(cal, inv.File)
	ev, err := newEvent(cal, inv.TimeZone)
	if err != nil {
		return nil, "", fmt.Errorf("compose %s: %w", inv.Method, err)
	}
	ev.files = files
	var before *event
	if inv.Before != "" {
		// What is said about changes is an extra: a mail without it is better than none.
		if old, err := ical.Parse([]byte(inv.Before)); err == nil {
			before, _ = newEvent(old, inv.TimeZone)
		}
	}
	l := catalogueFor(c.language(inv.Language))
	page, err := invitationPage(l, inv, ev, before)
	if err != nil {
		return nil, "", err
	}

	organizer := inv.From
	fromOrganizer := true
	switch inv.Method {
	case "REPLY", "COUNTER", "REFRESH":
		fromOrganizer = false // they go to the organizer
	}
	reply := ""
	if fromOrganizer {
		if reply, err = c.replyAddress(organizer, inv.Owner, inv.Object, inv.To); err != nil {
			return nil, "", err
		}
	}
	m := &Mail{
		From:       c.from(inv.from()),
		To:         mail.Address{Name: displayName(inv.to()), Address: to},
		Subject:    page.Subject,
		Text:       page.text(),
		Method:     inv.Method,
		Component:  ev.main.Name(),
		References: inv.Thread,
		Language:   l.Tag,
	}
	if m.HTML, err = page.html(); err != nil {
		return nil, "", err
	}
	// Without mail coming in, answers go to the person's own mailbox, which is the From already where we may sign.
	if m.ReplyTo.Address = reply; reply == "" {
		if own := ical.Mailbox(organizer); own != m.From.Address {
			m.ReplyTo.Address = own
		}
	}
	if m.ReplyTo.Address != "" {
		m.ReplyTo.Name = displayName(inv.from())
	}
	m.Calendar = calendarPart(cal, inv, reply)

	// Bounces come to the reply address, which tells which attendee they are about, even where answers go to the person.
	envelope, err := c.tokenAddress(inv.Owner, inv.Object, inv.To)
	if envelope == "" {
		envelope = c.Own.Address
	}
	return m, envelope, err
}

// spelling returns a mailbox as the calendar writes it: whether letter case counts before the @ is for its server to say (RFC 5321 section
// 2.4), and that of token addresses may.
func spelling(cal *ical.Component, box string) string {
	for c := range cal.Main() {
		for _, name := range []string{"ORGANIZER", "ATTENDEE"} {
			for p := range c.All(name) {
				_, written, _ := strings.Cut(p.Value(), ":")
				if written = strings.TrimSpace(written); strings.EqualFold(written, box) {
					return written
				}
			}
		}
	}
	return box
}

func (c *Composer) language(l string) string {
	if l == "" {
		return c.Language
	}
	return l
}

// errNoEvent says that an iTIP message holds nothing to tell about.
var errNoEvent = errors.New("the calendar has no component that a mail could be about")

// event is the component that a mail is about, with what the text needs.
type event struct {
	main  *ical.Component // the master, or the only instance
	cal   *ical.Component
	uid   string
	zones *zone.Resolver
	local *time.Location // for times in UTC; nil for none
	files []row          // what is attached, without labels
}

func newEvent(cal *ical.Component, local string) (*event, error) {
	ev := &event{cal: cal, zones: zone.NewResolver(cal)}
	if ev.main = cal.Master(); ev.main == nil {
		for c := range cal.Main() {
			ev.main = c
			break
		}
	}
	if ev.main == nil {
		return nil, errNoEvent
	}
	ev.uid = ev.main.Value("UID")
	if loc, ok := zone.Load(local); ok && local != "" {
		ev.local = loc
	}
	return ev, nil
}

// instance reports whether the message is about one occurrence of a series alone.
func (ev *event) instance() bool { return ev.main.Prop("RECURRENCE-ID") != nil }

// secureLink returns the URL if it may stand as a link in a mail: https, with a host and no user name.
func secureLink(s string) string {
	if len(s) > 2000 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '<' || r == '>' || r == '"' }) {
		return ""
	}
	return parseHTTPS(s)
}
