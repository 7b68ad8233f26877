package calendar

import (
	"context"
	"encoding/json"

	"kalends/ical"
	"kalends/scheduling"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// notify queues a mail to the owner of a meeting about what an attendee outside says. It reports false where they have no mailbox. Notices
// of one kind by one attendee that were not sent yet become one, but for words: of these each counts.
func (u *unit) notify(ctx context.Context, owner *storage.Principal, o *storage.Object, n scheduling.Notice) (bool, error) {
	if ical.Mailbox(owner.Email) == "" || owner.Kind != storage.Person {
		return false, nil
	}
	n.To, n.ToName = ical.Address(owner.Email), owner.DisplayName
	n.Owner, n.Object, n.UID = owner.ID, o.ID, o.UID
	n.Language, n.TimeZone = owner.Language, owner.TimeZone
	j := &storage.Job{Owner: owner.ID, Kind: scheduling.NoticeJob, Recipient: n.To, Object: o.ID, UID: o.UID}
	if n.Kind != scheduling.WordsNotice {
		j.Merge = noticeMerge(n.Kind, n.From, o.UID)
		j.DueAt = u.now.Add(u.s.UpdateHold)
	}
	var err error
	if j.Payload, err = json.Marshal(n); err != nil {
		return false, err
	}
	return true, u.queue(ctx, j)
}

func noticeMerge(kind, from, uid string) string { return "notice " + kind + " " + from + " " + uid }

// unnotify takes back notices that wait to be sent about a message that was decided about.
func (u *unit) unnotify(ctx context.Context, owner int64, from, uid string) error {
	for _, kind := range []string{scheduling.ProposalNotice, scheduling.CrasherNotice} {
		if _, _, err := u.tx.WithdrawJob(ctx, owner, noticeMerge(kind, from, uid)); err != nil {
			return err
		}
	}
	return nil
}

// notifyOf is notify for a message of an attendee. before is the meeting as it is, where that is of interest.
func (u *unit) notifyOf(ctx context.Context, owner *storage.Principal, o *storage.Object, kind string, msg itip.Message, before *ical.Component) error {
	n := scheduling.Notice{Kind: kind, From: msg.From, FromName: commonName(msg.Calendar, msg.From), Calendar: msg.Calendar.String()}
	if cal, err := parseStored(o); err == nil && mainOf(cal) != nil {
		n.Title = shorten(mainOf(cal).Text("SUMMARY"), maxAbout)
	}
	if before != nil {
		n.Before = before.String()
	}
	_, err := u.notify(ctx, owner, o, n)
	return err
}

// alone returns a calendar with one of its components, and the time zones.
func alone(cal, c *ical.Component) *ical.Component {
	out := ical.NewCalendar("")
	for z := range cal.Components("VTIMEZONE") {
		out.AddChild(z.Clone())
	}
	out.AddChild(c.Clone())
	return out
}

// commentOf returns what an attendee wrote into their answer.
func commentOf(cal *ical.Component) string {
	for c := range cal.Main() {
		if t := c.Text("COMMENT"); t != "" {
			return t
		}
	}
	return ""
}

// PassOnMail keeps a mail that came in words to a reply address, and queues it to the owner of the meeting: it is never acted on. Of what
// nobody can be told about, it waits with what waits.
func (s *Service) PassOnMail(ctx context.Context, m MailMessage) (MailOutcome, error) {
	var out MailOutcome
	err := s.update(ctx, m.Owner, &people{}, func(u *unit) error {
		out = held("an answer in words")
		owner, err := u.tx.PrincipalByID(ctx, m.Owner)
		if err != nil {
			return err
		}
		o, err := u.tx.ObjectByID(ctx, m.Owner, m.Object)
		if KindOf(err) == NotFound {
			o = &storage.Object{Owner: m.Owner}
		} else if err != nil {
			return err
		}
		n := scheduling.Notice{
			Kind: scheduling.WordsNotice, From: ical.Address(m.Note.About.Author), FromName: m.Note.About.Name, Unverified: m.Author == "", Key: m.Note.Key,
		}
		if cal, err := parseStored(o); err == nil && len(o.ICS) > 0 {
			n.Calendar = cal.String()
			for _, a := range addressesIn(cal) {
				if m.IsFor != nil && m.IsFor(a) {
					n.Invited = a
				}
			}
		}
		sent, err := u.notify(ctx, owner, o, n)
		if err != nil {
			return err
		}
		if sent {
			out = settled("an answer in words, passed on to %s", owner.Email)
		} else {
			m.Note.Object = o.ID
		}
		return u.noteMail(ctx, m.Owner, m.Note, false, &out)
	})
	return finishMail(out, err)
}
