package mailer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"kalends/ical"
	"kalends/scheduling"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// maxOriginal is the longest mail that is attached to the notice about it, in octets. A longer one is kept for 30 days
// (`kalends held show`).
const maxOriginal = 5 << 20

// maxWords is the longest text that is told of a mail in words, in characters.
const maxWords = 20_000

// Notice composes the mail to the owner of a meeting about what an attendee outside says, without Message-ID and Date, and its envelope
// sender. Of words, in is the mail that came and original its bytes.
//
// It is always from the server's own mailbox: who speaks is a claim at times, and our signature would vouch for it. An answer to it goes to
// them.
func (c *Composer) Notice(n *scheduling.Notice, in *Incoming, original []byte) (*Mail, string, error) {
	to := ical.Mailbox(n.To)
	if to == "" {
		return nil, "", fmt.Errorf("%w: %.80q", ErrAddress, n.To)
	}
	l := catalogueFor(c.language(n.Language))
	var p *page
	var err error
	m := &Mail{To: mail.Address{Name: displayName(Person{n.To, n.ToName}), Address: to}, Language: l.Tag}
	if n.Kind == scheduling.WordsNotice {
		p = c.words(l, n, in)
		if isMessageID(in.MessageID) {
			m.References = in.MessageID
		}
		if len(original) <= maxOriginal {
			m.Original = original
		}
	} else if p, err = noticePage(l, n); err != nil {
		return nil, "", err
	} else if n.Kind != scheduling.CommentNotice {
		p.Answer, p.AnswerLabel = secureLink(c.Decide), l.decide
	}
	from := Person{n.From, n.FromName}
	m.From = c.via(from)
	if own := ical.Mailbox(n.From); own != "" {
		m.ReplyTo = mail.Address{Name: displayName(from), Address: own}
	}
	m.Subject, m.Text = p.Subject, p.text()
	if m.HTML, err = p.html(); err != nil {
		return nil, "", err
	}
	return m, c.Own.Address, nil
}

// words tells of a mail without a message for calendars.
func (c *Composer) words(l *catalogue, n *scheduling.Notice, in *Incoming) *page {
	name := personName(Person{n.From, n.FromName})
	if name == "" {
		name = l.someone
	}
	title, rows := line(in.Subject, maxTitle), []row(nil)
	if cal, err := ical.Parse([]byte(n.Calendar)); n.Calendar != "" && err == nil {
		if ev, err := newEvent(cal, n.TimeZone); err == nil {
			title, rows = ev.title(l), ev.timeAndPlace(l, nil)
		}
	}
	if title == "" {
		title = l.untitled
	}
	p := &page{Lang: l.Tag, Subject: line(in.Subject, maxSubject), Headline: fmt.Sprintf(l.headline["WORDS"], name, title), was: l.was, Rows: rows}
	if p.Subject == "" {
		p.Subject = fmt.Sprintf(l.subject["WORDS"], title)
	}
	if n.Unverified {
		p.Notes = append(p.Notes, fmt.Sprintf(l.unverified, name))
	}
	if who := ical.Mailbox(n.Invited); who != "" && who != ical.Mailbox(n.From) {
		p.Notes = append(p.Notes, fmt.Sprintf(l.addressOf, who))
	}
	p.Notes = append(p.Notes, l.attached)
	if p.Comment = paragraphs(in.Text, maxWords); p.Comment != "" {
		p.CommentBy = fmt.Sprintf(l.comment, name)
	}
	p.Footer = l.noticeFooter
	return p
}

// noticePage tells of an answer with a comment, of a proposal, or of an answer by somebody who was not invited.
func noticePage(l *catalogue, n *scheduling.Notice) (*page, error) {
	cal, err := ical.Parse([]byte(n.Calendar))
	if err != nil {
		return nil, fmt.Errorf("compose notice: %w", err)
	}
	ev, err := newEvent(cal, n.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("compose notice: %w", err)
	}
	var before *event
	if n.Before != "" {
		if old, err := ical.Parse([]byte(n.Before)); err == nil {
			before, _ = newEvent(old, n.TimeZone)
		}
	}
	kind := ""
	switch n.Kind {
	case scheduling.CommentNotice:
		if kind = strings.ToUpper(ev.partStat(n.From)); !slices.Contains([]string{"ACCEPTED", "DECLINED", "TENTATIVE", "DELEGATED"}, kind) {
			kind = "NEEDS-ACTION"
		}
	case scheduling.ProposalNotice:
		kind = itip.Counter
	case scheduling.CrasherNotice:
		kind = "CRASHER"
	default:
		return nil, fmt.Errorf("no mail for a notice of the kind %.40q", n.Kind)
	}
	name := personName(Person{n.From, n.FromName})
	if name == "" {
		name = l.someone
	}
	title := line(n.Title, maxTitle) // the message may have none
	if title == "" {
		title = ev.title(l)
	}
	p := newPage(l, ev, fmt.Sprintf(l.headline[kind], name, title), fmt.Sprintf(l.subject[kind], title))
	if n.Kind != scheduling.CommentNotice {
		p.Notes = append(p.Notes, l.waits)
	}
	if ev.instance() {
		p.Notes = append(p.Notes, l.instance)
	}
	if p.Comment = paragraphs(ev.main.Text("COMMENT"), maxDescription); p.Comment != "" {
		p.CommentBy = fmt.Sprintf(l.comment, name)
	}
	p.Rows, p.Footer = ev.timeAndPlace(l, before), l.noticeFooter
	return p, nil
}

// timeAndPlace are those rows of an event that tell when and where.
func (ev *event) timeAndPlace(l *catalogue, before *event) []row {
	return slices.DeleteFunc(ev.rows(l, before), func(r row) bool {
		// An attendee's message may leave the place out without wishing it away.
		return r.Label != l.when && (r.Label != l.where || r.Value == "–")
	})
}

// via is the From of a mail that we send in our own name about a person.
func (id *Identity) via(p Person) mail.Address {
	name := personName(p)
	if name == "" {
		return id.Own
	}
	product := id.Own.Name
	if product == "" {
		product = "Kalends"
	}
	return mail.Address{Name: name + " via " + product, Address: id.Own.Address}
}

// HandleNotice is the [Handler] of jobs of the kind scheduling.NoticeJob.
func (s *Sender) HandleNotice(ctx context.Context, j *storage.Job) error {
	n := new(scheduling.Notice)
	if err := json.Unmarshal(j.Payload, n); err != nil {
		return fmt.Errorf("%w: %w", ErrPayload, err)
	}
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	if until := s.Rates.take(now(), j.Owner, j.ID, ical.Mailbox(n.To)); !until.IsZero() {
		return &Delay{until, "so many mails at once are not sent"}
	}
	var in *Incoming
	var original []byte
	if n.Kind == scheduling.WordsNotice {
		kept, err := s.Told.InboundMail(ctx, n.Owner, n.Key)
		if errors.Is(err, storage.ErrNotFound) {
			return fmt.Errorf("%w: the mail is not kept any more", ErrPayload)
		}
		if err != nil {
			return fmt.Errorf("mail to pass on: %w", err)
		}
		original = kept.Message
		if in, err = Parse(original); err != nil {
			return fmt.Errorf("%w: %w", ErrPayload, err)
		}
	}
	m, from, err := s.Composer.Notice(n, in, original)
	if err == nil {
		m.MessageID, m.Date = s.Composer.JobID(j), j.Created
		var l *Letter
		if l, err = letter(m, from); err == nil {
			return s.Transport.Send(ctx, l.From, l.To, l.Message)
		}
	}
	if errors.Is(err, ErrAddress) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrPayload, err)
}
