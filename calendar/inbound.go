package calendar

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"kalends/ical"
	"kalends/scheduling"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// MailMessage is an iTIP message that came by mail (RFC 6047) to somebody here.
type MailMessage struct {
	Owner    int64           // whom it came to
	To       string          // the address it came to, as ical.Address writes it
	Calendar *ical.Component // with METHOD

	// Object and IsFor are from a signed reply address: the object, and whether the address was made for this attendee. Whoever
	// can write to it was sent it, so an answer to it is as good as one on the attendee's answer page. IsFor is nil for other addresses.
	Object int64
	IsFor  func(address string) bool

	// Author is the verified author as ical.Address writes it, "" for nobody. AlsoAuthor are further addresses that the same mail
	// speaks for.
	Author string
	// Unverified says why there is no Author.
	Unverified string
	// Stands reports whether an organizer's address stands for the verified author, as the token addresses of other servers do.
	Stands func(organizer *ical.Property) bool
	// Decided: the owner has seen the message and wants it carried out, whoever it is from.
	Decided bool

	MessageID string          // for the thread of the answer
	Note      storage.Inbound // for dedupe, audit and decisions; Owner, Received, State and Outcome are filled in
}

// MailOutcome is what became of a message.
type MailOutcome struct {
	State storage.InboundState
	Text  string // one sentence for log, audit and the owner
	// Repeat: it was taken in before, and nothing was done now.
	Repeat bool
}

func settled(format string, args ...any) MailOutcome {
	return MailOutcome{Text: fmt.Sprintf(format, args...)}
}

func held(format string, args ...any) MailOutcome {
	return MailOutcome{State: storage.Held, Text: fmt.Sprintf(format, args...)}
}

var errRepeat = errors.New("mail was taken in before")

// TakeMail carries out a message, once however often it comes, or keeps it for the owner to decide about. An error is temporary: the
// mail is to come again.
func (s *Service) TakeMail(ctx context.Context, m MailMessage) (out MailOutcome, err error) {
	msg, readErr := itip.ReadMessage(m.Calendar)
	who := &people{}
	if readErr == nil {
		if err := who.lookup(ctx, s.Store, append(addressesIn(m.Calendar), msg.From, msg.To, m.To, m.Author)); err != nil {
			return out, err
		}
	}
	note := m.Note
	err = s.update(ctx, m.Owner, who, func(u *unit) error {
		m.Note = note
		out, err = u.takeMail(ctx, &m, msg, readErr)
		if err != nil {
			return err
		}
		if out.State != storage.Settled {
			m.waits(u.copyOf(m.Owner))
		} else if m.Decided && readErr == nil {
			if err := u.unnotify(ctx, m.Owner, m.Note.About.From, messageUID(msg.Calendar)); err != nil {
				return err
			}
		}
		return u.noteMail(ctx, m.Owner, m.Note, m.Decided, &out)
	})
	return finishMail(out, err)
}

// NoteMail keeps a mail that is no message, for audit or for the owner to look at.
func (s *Service) NoteMail(ctx context.Context, owner int64, note storage.Inbound) (MailOutcome, error) {
	out := MailOutcome{State: note.State, Text: note.Outcome}
	err := s.update(ctx, owner, &people{}, func(u *unit) error { return u.noteMail(ctx, owner, note, false, &out) })
	return finishMail(out, err)
}

func finishMail(out MailOutcome, err error) (MailOutcome, error) {
	if errors.Is(err, errRepeat) {
		out.Repeat = true
		return out, nil
	}
	if errors.Is(err, storage.ErrNotFound) {
		return settled("the calendar is gone"), nil
	}
	return out, err
}

// noteMail writes down what became of a mail, in the transaction that did it.
func (u *unit) noteMail(ctx context.Context, owner int64, in storage.Inbound, decided bool, out *MailOutcome) error {
	if decided {
		if out.State != storage.Settled {
			return Errorf(BadRequest, "it cannot be carried out: %s", out.Text)
		}
		if err := u.tx.SettleInbound(ctx, owner, in.Key, out.Text); err != nil {
			return fmt.Errorf("note mail: %w", err)
		}
		return nil
	}
	in.Owner, in.Received, in.State, in.Outcome = owner, u.now, out.State, out.Text
	first, err := u.tx.AddInbound(ctx, in)
	if err != nil {
		return fmt.Errorf("note mail: %w", err)
	}
	if !first {
		return errRepeat
	}
	return nil
}

func (u *unit) takeMail(ctx context.Context, m *MailMessage, msg itip.Message, readErr error) (MailOutcome, error) {
	if readErr != nil {
		return held("it cannot be understood: %v", readErr), nil
	}
	msg.From = u.speaker(m, msg)
	m.about(msg)
	m.Note.About.Verified = m.Author != ""
	owner, err := u.tx.PrincipalByID(ctx, m.Owner)
	if err != nil {
		return MailOutcome{}, fmt.Errorf("principal: %w", err)
	}
	uid := messageUID(msg.Calendar)
	if m.Object != 0 {
		o, err := u.tx.ObjectByID(ctx, m.Owner, m.Object)
		if errors.Is(err, storage.ErrNotFound) {
			return settled("the meeting is gone"), nil
		}
		if err != nil {
			return MailOutcome{}, fmt.Errorf("object: %w", err)
		}
		if uid != o.UID {
			return held("the answer is about another meeting than its address"), nil
		}
		// Of the owner's this one counts; what others here have of it, a change will reach.
		if err := u.findCopies(ctx, m.Owner, uid); err != nil {
			return MailOutcome{}, err
		}
		u.copies = slices.DeleteFunc(u.copies, func(c *storage.Object) bool { return c.Owner == m.Owner })
		u.copies = append(u.copies, o)
	} else if err := u.findCopies(ctx, m.Owner, uid); err != nil {
		return MailOutcome{}, err
	}
	switch msg.Method {
	case itip.Reply, itip.Counter, itip.Refresh:
		return u.fromAttendee(ctx, owner, m, msg)
	case itip.Publish:
		return u.published(ctx, owner, m, msg)
	}
	return u.fromOrganizer(ctx, owner, m, msg)
}

func messageUID(cal *ical.Component) string {
	for c := range cal.Main() {
		return strings.TrimSpace(c.Text("UID"))
	}
	return ""
}

// fromAttendee takes in a REPLY, COUNTER or REFRESH to a meeting of the owner.
func (u *unit) fromAttendee(ctx context.Context, owner *storage.Principal, m *MailMessage, msg itip.Message) (MailOutcome, error) {
	o := u.copyOf(owner.ID)
	if o == nil || o.Organizer == "" {
		return settled("the meeting is gone"), nil
	}
	cal, err := parseStored(o)
	if err != nil {
		return MailOutcome{}, err
	}
	if err := u.people.lookup(ctx, u.tx, addressesIn(cal)); err != nil {
		return MailOutcome{}, err
	}
	organizer := itip.Organizer(cal)
	if err := u.actFor(ctx, owner, o.UID, organizer); err != nil {
		return MailOutcome{}, err
	}
	if !u.people.own(owner)(organizer) {
		return held("it answers a meeting that somebody else organizes"), nil
	}
	m.aboutMeeting(cal)
	attendee := ""
	for _, a := range itip.Attendees(cal, u.people.same) {
		switch {
		case m.IsFor != nil && m.IsFor(a.Address):
			attendee = a.Address
		case m.IsFor == nil && u.people.same(a.Address, msg.From):
			attendee = a.Address
		}
	}
	var problem string
	switch {
	case m.IsFor != nil && attendee == "":
		return settled("the sender is no longer invited"), nil // the address has died with it
	case m.IsFor != nil && !u.people.same(msg.From, attendee):
		problem = fmt.Sprintf("%s answers, and the invitation went to %s", ical.Mailbox(msg.From), ical.Mailbox(attendee))
	case m.IsFor == nil && m.Author == "":
		problem = m.Unverified
	case m.IsFor == nil && !u.speaksFor(m.Author, msg):
		problem = fmt.Sprintf("%s answers for %s", ical.Mailbox(m.Author), ical.Mailbox(msg.From))
	}
	m.Note.About.Verified = problem == ""
	if problem != "" && !m.Decided {
		return held("%s", problem), nil
	}
	if attendee != "" && m.IsFor != nil && problem == "" {
		msg.From = attendee
	}
	msg.To = organizer
	switch msg.Method {
	case itip.Refresh:
		if attendee == "" {
			return settled("somebody who is not invited asks for the meeting"), nil
		}
		return u.refresh(ctx, owner, o, cal, msg)
	case itip.Counter:
		return u.counter(ctx, owner, m, o, cal, msg)
	}
	res, err := u.receive(ctx, owner, msg, false)
	if errors.Is(err, itip.ErrMessage) {
		return held("it cannot be understood: %v", err), nil
	}
	if err != nil {
		return MailOutcome{}, err
	}
	if res.Crasher != "" {
		if !m.Decided {
			return held("%s answers without being invited", ical.Mailbox(res.Crasher)), u.notifyOf(ctx, owner, o, scheduling.CrasherNotice, msg, nil)
		}
		return u.admit(ctx, owner, o, cal, msg)
	}
	if res.Outcome == itip.Ignored {
		return settled("left alone: %s", res.Reason), nil
	}
	if err := u.inviteDelegates(ctx, owner, res); err != nil {
		return MailOutcome{}, err
	}
	if commentOf(msg.Calendar) != "" {
		if err := u.notifyOf(ctx, owner, o, scheduling.CommentNotice, msg, nil); err != nil {
			return MailOutcome{}, err
		}
	}
	return settled("answered"), nil
}

// speaker returns who speaks in a message of an attendee. A COUNTER may list everybody (RFC 5546 section 3.2.7), and so do REPLYs of some
// programs: it is then whose reply address it came to, who wrote the mail, or else the first who is not the organizer.
func (u *unit) speaker(m *MailMessage, msg itip.Message) string {
	if msg.Method != itip.Counter && msg.Method != itip.Reply && msg.Method != itip.Refresh {
		return msg.From
	}
	if m.Decided && m.Note.About.From != "" {
		return m.Note.About.From // as it was told to the owner
	}
	var list []string
	for c := range msg.Calendar.Main() {
		for p := range c.All("ATTENDEE") {
			if p.HasParam("DELEGATED-TO") || p.HasParam("DELEGATED-FROM") {
				return msg.From
			}
			list = append(list, ical.Address(p.Value()))
		}
		break
	}
	if len(list) < 2 {
		return msg.From
	}
	author := m.Author
	if author == "" && m.Note.About.Author != "" {
		author = ical.Address(m.Note.About.Author)
	}
	organizer := itip.Organizer(msg.Calendar)
	for _, is := range []func(string) bool{
		func(a string) bool { return m.IsFor != nil && m.IsFor(a) },
		func(a string) bool { return author != "" && u.people.same(a, author) },
		func(a string) bool { return !u.people.same(a, organizer) },
	} {
		if i := slices.IndexFunc(list, is); i >= 0 {
			return list[i]
		}
	}
	return msg.From
}

// speaksFor reports whether a verified author may speak for the attendee of a message: it is they, or their SENT-BY
// (RFC 5545 section 3.2.18).
func (u *unit) speaksFor(author string, msg itip.Message) bool {
	if u.people.same(author, msg.From) {
		return true
	}
	for c := range msg.Calendar.Main() {
		for p := range c.All("ATTENDEE") {
			if u.people.same(p.Value(), msg.From) && p.HasParam("SENT-BY") && u.people.same(p.Param("SENT-BY"), author) {
				return true
			}
		}
	}
	return false
}

// inviteDelegates sends the meeting to whom an attendee passed it on (RFC 5546 section 3.2.2.3).
func (u *unit) inviteDelegates(ctx context.Context, owner *storage.Principal, res itip.Result) error {
	if len(res.Added) == 0 {
		return nil
	}
	if err := u.people.lookup(ctx, u.tx, addressesIn(res.Copy)); err != nil {
		return err
	}
	var list []itip.Message
	for _, a := range res.Added {
		if v, ok := itip.View(res.Copy, a, itip.Request, itip.Options{Now: u.now, Same: u.people.same}); ok {
			list = append(list, v)
		}
	}
	out := &scheduling.Outcome{}
	if err := u.route(ctx, owner, out, list); err != nil {
		return err
	}
	out.Stored = res.Copy
	return u.deliver(ctx, owner, u.copyOf(owner.ID), out)
}

// admit invites somebody who answered without being invited (RFC 5546 section 3.2.3): the owner wants it.
func (u *unit) admit(ctx context.Context, owner *storage.Principal, o *storage.Object, cal *ical.Component, msg itip.Message) (MailOutcome, error) {
	with, err := itip.Admit(cal, msg, itip.Options{Now: u.now, Same: u.people.same})
	if err != nil {
		return held("it cannot be understood: %v", err), nil
	}
	if err := u.rewrite(ctx, owner, o, cal, with); err != nil {
		return MailOutcome{}, err
	}
	return settled("admitted"), nil
}

// rewrite stores another text of the owner's meeting, as if they had PUT it, with the messages that follow.
func (u *unit) rewrite(ctx context.Context, owner *storage.Principal, o *storage.Object, old, new *ical.Component) error {
	if err := u.include(ctx, owner, new); err != nil {
		return err
	}
	plan, err := itip.Organize(old, new, itip.Options{Now: u.now, Same: u.people.same, Local: true})
	if err != nil {
		return changeError(err)
	}
	out := &scheduling.Outcome{Stored: plan.Stored, Changed: plan.Changed}
	if err := u.route(ctx, owner, out, plan.Messages); err != nil {
		return err
	}
	u.markUpdates(out, old)
	home, err := u.home(ctx, owner.ID)
	if err != nil {
		return err
	}
	res := itip.Result{Copy: out.Stored, Changed: true, ScheduleTag: true}
	if err := u.storeCopy(ctx, owner, home, o.UID, o.Component, itip.Message{}, o, res); err != nil {
		return err
	}
	return u.deliver(ctx, owner, u.copyOf(owner.ID), out)
}

// refreshEvery is how often the same attendee gets the meeting sent again.
const refreshEvery = 10 * time.Minute

// refresh sends an attendee the meeting as it is (RFC 5546 section 3.2.6).
func (u *unit) refresh(ctx context.Context, owner *storage.Principal, o *storage.Object, cal *ical.Component, msg itip.Message) (MailOutcome, error) {
	told, err := u.tx.Mailed(ctx, owner.ID, o.ID, ical.Address(msg.From))
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return MailOutcome{}, err
	}
	if told != nil && u.now.Sub(told.At) < refreshEvery {
		return settled("asks for the meeting, which was sent just now"), nil
	}
	view, ok := itip.TakeRefresh(cal, msg, itip.Options{Now: u.now, Same: u.people.same})
	if !ok || u.people.of(msg.From) != nil {
		return settled("asks for a meeting that they have no part in"), nil
	}
	d := scheduling.Delivery{Message: view, Update: told != nil, Status: scheduling.StatusSent}
	if err := u.queueMessage(ctx, scheduling.MailJob, owner, o, &scheduling.Outcome{Stored: cal}, d); err != nil {
		return MailOutcome{}, err
	}
	return settled("the meeting is sent again"), nil
}
