package calendar

import (
	"context"
	"fmt"
	"time"

	"kalends/ical"
	"kalends/scheduling/itip"
	"kalends/storage"
	"kalends/webhook"
)

// tell queues what webhooks are told of what the unit has changed. It is the last thing that a transaction does.
func (u *unit) tell(ctx context.Context) error {
	n, err := u.told.Write(ctx, u.tx, u.now)
	if err != nil {
		return fmt.Errorf("tell webhooks: %w", err)
	}
	u.jobs += n
	return nil
}

// noteWritten notes for webhooks that an object was written. Where nobody watches its home it does nothing.
func (u *unit) noteWritten(cal *ical.Component, row, old *storage.Object) {
	if row.Inbox || !u.tx.Watched(row.Owner) {
		return
	}
	c := changeOf(webhook.Created, row)
	if old != nil {
		c.Kind = webhook.Updated
		if c.Answers = newAnswers(cal, old); len(c.Answers) > 0 {
			c.Kind = webhook.Answered
		}
	}
	u.told.Note(c)
}

// noteRemoved is noteWritten for an object that was deleted, or moved out of its calendar.
func (u *unit) noteRemoved(o *storage.Object, seq int64) {
	if o.Inbox || !u.tx.Watched(o.Owner) {
		return
	}
	c := changeOf(webhook.Deleted, o)
	c.Seq, c.ETag = seq, ""
	u.told.Note(c)
}

// noteMoved notes that an object is in another calendar: there it is new.
func (u *unit) noteMoved(now, was *storage.Object, seq int64) {
	u.noteRemoved(was, seq)
	u.noteWritten(nil, now, nil)
}

// noteCalendarRemoved notes that a calendar is about to be deleted, and tells it at once: then nobody watches it any more.
func (u *unit) noteCalendarRemoved(ctx context.Context, c *storage.Calendar, seq int64) error {
	if c.Kind != storage.CalendarKind || !u.tx.Watched(c.Owner) {
		return nil
	}
	u.told.Note(webhook.Change{Kind: webhook.Removed, Owner: c.Owner, Calendar: c.ID, Seq: seq})
	return u.tell(ctx)
}

func changeOf(kind webhook.Kind, o *storage.Object) webhook.Change {
	return webhook.Change{
		Kind: kind, Owner: o.Owner, Calendar: o.Calendar, Object: o.ID, Seq: o.Seq, UID: o.UID, Component: o.Component, ETag: o.ETag, Privacy: o.Privacy,
	}
}

// newAnswers lists what attendees answer in a meeting that they did not before. Who is asked anew has not answered.
func newAnswers(cal *ical.Component, old *storage.Object) []webhook.Answer {
	if old.Organizer == "" || cal == nil {
		return nil
	}
	before, err := parseStored(old)
	if err != nil {
		return nil
	}
	had := map[[2]string]string{}
	for c := range before.Main() {
		for p := range c.All("ATTENDEE") {
			had[[2]string{instanceOf(c), ical.Address(p.Value())}] = itip.PartStat(p)
		}
	}
	var list []webhook.Answer
	for c := range cal.Main() {
		for p := range c.All("ATTENDEE") {
			who, answer := ical.Address(p.Value()), itip.PartStat(p)
			was, there := had[[2]string{instanceOf(c), who}]
			if !there { // an instance that becomes an exception says what the series said, but for who answers
				was = had[[2]string{"", who}]
			}
			if answer == "" || answer == "NEEDS-ACTION" || answer == was || was == "" && !there || len(who) > 320 || len(answer) > 40 || len(list) >= webhook.MaxAnswers {
				continue
			}
			list = append(list, webhook.Answer{Attendee: who, Answer: answer, Instance: clipInstance(c)})
		}
	}
	return list
}

// clipInstance is the RECURRENCE-ID of a component as it is written, "" for none.
func clipInstance(c *ical.Component) string {
	id := c.Value("RECURRENCE-ID")
	return id[:min(len(id), len(time.RFC3339Nano))]
}

// MayHear reports whether somebody may be told of what is in a calendar of somebody else: whether they may read it.
func (s *Service) MayHear(ctx context.Context, who int64, of storage.WebhookWatch) (bool, error) {
	people, err := s.Store.PrincipalsByID(ctx, []int64{who})
	if err != nil || len(people) == 0 {
		return false, err
	}
	home, err := s.Store.Calendars(ctx, of.Owner)
	if err != nil {
		return false, err
	}
	for _, c := range home {
		if c.ID == of.Calendar {
			return s.MayRead(ctx, s.Store, people[0], c)
		}
	}
	return false, nil
}
