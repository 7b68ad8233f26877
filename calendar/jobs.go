package calendar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"kalends/ical"
	"kalends/scheduling"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// JobKinds are the kinds of outbox jobs that [Service.Do] carries out.
var JobKinds = []string{scheduling.SpreadJob, scheduling.DeliverJob, scheduling.GroupJob, alarmsJob}

// Do carries out a claimed job. It may run again for the same job, so it does nothing twice.
func (s *Service) Do(ctx context.Context, j *storage.Job) error {
	switch j.Kind {
	case scheduling.SpreadJob:
		return s.spread(ctx, j)
	case alarmsJob:
		return s.changeAlarms(ctx, j)
	case scheduling.GroupJob:
		return s.changeMeetings(ctx, j)
	case scheduling.DeliverJob:
		var m scheduling.Mail
		if err := json.Unmarshal(j.Payload, &m); err != nil {
			return fmt.Errorf("payload of job %d/%d: %w", j.Owner, j.ID, err)
		}
		cal, err := ical.Parse([]byte(m.Calendar))
		if err != nil {
			return fmt.Errorf("payload of job %d/%d: %w", j.Owner, j.ID, err)
		}
		return s.bring(ctx, j, itip.Message{Method: m.Method, From: m.From, To: m.To, Calendar: cal})
	}
	return fmt.Errorf("unknown kind of job %q", j.Kind)
}

// bring carries a message of an organizer to somebody here. Jobs overtake each other, above all when a server died that
// held some, so what the copy becomes is told by the organizer's object as it is now ([itip.Align]), and the message only
// by what it tells people. Whatever changes the object concerns the copy under its lock, or leaves a later job.
func (s *Service) bring(ctx context.Context, j *storage.Job, m itip.Message) error {
	who := &people{}
	if err := who.lookup(ctx, s.Store, append(addressesIn(m.Calendar), m.To, m.From)); err != nil {
		return err
	}
	to := who.of(m.To)
	if to == nil {
		return nil // gone
	}
	return s.update(ctx, to.ID, who, func(u *unit) error {
		if err := u.findCopies(ctx, to.ID, j.UID); err != nil {
			return err
		}
		organizer, err := u.organizers(ctx, j)
		if err != nil {
			return err
		}
		m := m
		view, invited := itip.View(organizer, m.To, itip.Request, itip.Options{Now: u.now, Same: u.people.same})
		switch {
		case m.Method == itip.Request && !invited, m.Method == itip.Cancel && invited && m.Calendar.Master() != nil:
			return nil // a later message says how it is now
		case m.Method == itip.Request:
			m = view
		}
		_, err = u.receiveBy(ctx, to, m, true, func(copy *ical.Component, m itip.Message, o itip.Options) (itip.Result, error) {
			if copy == nil && m.Method == itip.Request {
				return itip.Receive(nil, m, o)
			}
			if m.Method != itip.Cancel {
				return itip.Align(copy, organizer, m.To, o)
			}
			res, err := itip.Receive(copy, m, o) // which knows a note of the organizer's, too
			if err != nil {
				return res, err
			}
			now, err := itip.Align(res.Copy, organizer, m.To, o)
			if err != nil || !now.Changed {
				return res, err
			}
			if res.Changed {
				now.Outcome, now.ScheduleTag = res.Outcome, true
			}
			return now, nil
		})
		return err
	})
}

// organizers returns the object of the meeting that a job is about, as it is now, and looks up whom it names; nil when it is gone.
func (u *unit) organizers(ctx context.Context, j *storage.Job) (*ical.Component, error) {
	rows, err := u.tx.ObjectsByUID(ctx, []int64{j.Owner}, j.UID)
	if err != nil {
		return nil, fmt.Errorf("objects by UID: %w", err)
	}
	for _, o := range rows {
		if o.Organizer == "" || o.Method == published {
			continue
		}
		cal, err := parseStored(o)
		if err != nil {
			return nil, err
		}
		u.made = o.Remind
		return cal, u.people.lookup(ctx, u.tx, addressesIn(cal))
	}
	return nil, nil
}

// spread brings the answers that the organizer's copy holds into the other attendees' copies, quietly: no
// message, no SEQUENCE, no Schedule-Tag. Each copy is a transaction of its own, and a copy that is right already is not
// touched.
func (s *Service) spread(ctx context.Context, j *storage.Job) error {
	o, err := s.Store.ObjectByID(ctx, j.Owner, j.Object)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("object: %w", err)
	}
	organizer, err := parseStored(o)
	if err != nil {
		return err
	}
	who := &people{}
	if err := who.lookup(ctx, s.Store, addressesIn(organizer)); err != nil {
		return err
	}
	for _, a := range itip.Attendees(organizer, who.same) {
		to := who.of(a.Address)
		if to == nil || to.ID == j.Owner || to.Kind == storage.Group {
			continue
		}
		if err := s.spreadTo(ctx, j, to, a.Address); err != nil {
			return err
		}
	}
	return nil
}

// spreadTo reads the organizer's object under the lock of the copy's home, so that it has at least the answers that the
// copy has.
func (s *Service) spreadTo(ctx context.Context, j *storage.Job, to *storage.Principal, address string) error {
	return s.update(ctx, to.ID, &people{}, func(u *unit) error {
		if err := u.findCopies(ctx, to.ID, j.UID); err != nil {
			return err
		}
		old := u.copyOf(to.ID)
		if old == nil || old.Organizer == "" {
			return nil
		}
		cal, err := parseStored(old)
		if err != nil {
			return err
		}
		organizer, err := u.organizers(ctx, j)
		if err != nil {
			return err
		}
		changed, ok := itip.SpreadPartStat(cal, organizer, address, itip.Options{Now: u.now, Same: u.people.same, Local: true})
		if !ok {
			return nil
		}
		home, err := u.home(ctx, to.ID)
		if err != nil {
			return err
		}
		return u.storeCopy(ctx, to, home, j.UID, old.Component, itip.Message{}, old, itip.Result{Copy: changed, Changed: true})
	})
}

// Receive takes in a message for somebody here: from a job, or from mail whose sender was verified. NotFound when
// nobody here has the address. A REPLY is for the organizer, everything else for an attendee.
func (s *Service) Receive(ctx context.Context, m itip.Message, local bool) (itip.Result, error) {
	who := &people{}
	if err := who.lookup(ctx, s.Store, append(addressesIn(m.Calendar), m.To, m.From)); err != nil {
		return itip.Result{}, err
	}
	to := who.of(m.To)
	if to == nil {
		return itip.Result{}, Errorf(NotFound, "nobody here has the address %s", m.To)
	}
	uid := ""
	for c := range m.Calendar.Main() {
		uid = c.Text("UID")
	}
	who.reach([]string{ical.Address(m.To)})
	var res itip.Result
	err := s.update(ctx, to.ID, who, func(u *unit) error {
		if err := u.findCopies(ctx, to.ID, uid); err != nil {
			return err
		}
		var err error
		res, err = u.receive(ctx, to, m, local)
		return err
	})
	return res, err
}

// Undeliverable notes on the sender's object that a mail could not be delivered: a SCHEDULE-STATUS such as 5.1
// (RFC 6638 section 3.2.9). The Schedule-Tag stays, so that an edit under way meets no 412.
func (s *Service) Undeliverable(ctx context.Context, j *storage.Job, status string) error {
	var m scheduling.Mail
	if err := json.Unmarshal(j.Payload, &m); err != nil {
		return nil // nothing to note it on
	}
	o, err := s.Store.ObjectByID(ctx, m.Owner, m.Object)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("object: %w", err)
	}
	who := &people{}
	return s.update(ctx, o.Owner, who, func(u *unit) error {
		old, err := u.tx.ObjectByID(ctx, m.Owner, m.Object)
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("object: %w", err)
		}
		cal, err := parseStored(old)
		if err != nil {
			return err
		}
		if err := u.people.lookup(ctx, u.tx, addressesIn(cal)); err != nil {
			return err
		}
		if !itip.SetStatus(cal, m.To, status, u.people.same) {
			return nil
		}
		owner, err := u.tx.PrincipalByID(ctx, m.Owner)
		if err != nil {
			return fmt.Errorf("principal: %w", err)
		}
		home, err := u.home(ctx, owner.ID)
		if err != nil {
			return err
		}
		return u.storeCopy(ctx, owner, home, old.UID, old.Component, itip.Message{}, old, itip.Result{Copy: cal, Changed: true})
	})
}
