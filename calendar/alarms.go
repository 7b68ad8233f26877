package calendar

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"time"

	"kalends/auth"
	"kalends/ical"
	"kalends/reminder"
	"kalends/storage"
)

// alarmsJob is the kind of jobs that set the reminders of a home anew, because alarms by default are others.
const alarmsJob = "alarms"

// defaultAlarmProperty reads the properties by which programs set alarms by default on a home or a calendar (Apple's, in CalDAV's
// namespace): which of the two it is, and what it says.
func defaultAlarmProperty(p storage.Property) (timed bool, alarm storage.DefaultAlarm, ok bool) {
	if p.Space != "urn:ietf:params:xml:ns:caldav" {
		return false, "", false
	}
	switch p.Local {
	case "default-alarm-vevent-datetime":
		timed = true
	case "default-alarm-vevent-date":
	default:
		return false, "", false
	}
	if len(p.XML) == 0 {
		return timed, "", true // removed
	}
	var text bytes.Buffer
	d := xml.NewDecoder(bytes.NewReader(p.XML))
	for {
		t, err := d.Token()
		if err != nil {
			break
		}
		if c, is := t.(xml.CharData); is {
			text.Write(c)
		}
	}
	return timed, reminder.ReadDefaultAlarm(strings.TrimSpace(text.String())), true
}

// editAlarms changes alarms by default as properties of a resource are changed, and reports whether they are others now.
func editAlarms(a *storage.DefaultAlarms, edit Edit) bool {
	before := *a
	for _, p := range slices.Concat(edit.Remove, edit.Set) {
		timed, alarm, ok := defaultAlarmProperty(p)
		switch {
		case !ok:
		case timed:
			a.Timed = alarm
		default:
			a.Day = alarm
		}
	}
	return *a != before
}

// queueAlarms sets the reminders of everything in a home anew, later.
func (u *unit) queueAlarms(ctx context.Context, owner int64) error {
	return u.queue(ctx, &storage.Job{Owner: owner, Kind: alarmsJob, Merge: alarmsJob})
}

// queueCalendarAlarms does it for one calendar of a home.
func (u *unit) queueCalendarAlarms(ctx context.Context, owner, id int64) error {
	which, err := json.Marshal(alarmsChange{Calendar: id})
	if err != nil {
		return err
	}
	return u.queue(ctx, &storage.Job{Owner: owner, Kind: alarmsJob, Merge: fmt.Sprint(alarmsJob, "/", id), Payload: which})
}

// alarmsChange is the payload of an alarmsJob. None is of the whole home.
type alarmsChange struct {
	Calendar int64 `json:"calendar"`
}

// changeAlarms carries out an alarmsJob.
func (s *Service) changeAlarms(ctx context.Context, j *storage.Job) error {
	var ch alarmsChange
	if len(j.Payload) > 0 {
		if err := json.Unmarshal(j.Payload, &ch); err != nil {
			return fmt.Errorf("payload of job %d/%d: %w", j.Owner, j.ID, err)
		}
	}
	return s.replanHome(ctx, j.Owner, ch.Calendar)
}

// editHomeAlarms takes the alarms by default that programs set on a home for those of its owner.
func (u *unit) editHomeAlarms(ctx context.Context, owner int64, edit Edit) error {
	isOne := func(p storage.Property) bool { _, _, ok := defaultAlarmProperty(p); return ok }
	if !slices.ContainsFunc(edit.Remove, isOne) && !slices.ContainsFunc(edit.Set, isOne) {
		return nil
	}
	changed := false
	err := u.editPerson(ctx, owner, Edit{Person: func(p *storage.Principal) error {
		changed = editAlarms(&p.Alarms, edit)
		return nil
	}})
	if err != nil || !changed {
		return err
	}
	return u.queueAlarms(ctx, owner)
}

// AlarmsEdit says how somebody is reminded. What is nil stays.
type AlarmsEdit struct {
	Timed, Day *storage.DefaultAlarm
	Mailed     *storage.MailedAlarms // of a person only
}

func (e AlarmsEdit) apply(a *storage.DefaultAlarms) {
	if e.Timed != nil {
		a.Timed = *e.Timed
	}
	if e.Day != nil {
		a.Day = *e.Day
	}
}

// CheckDefaultAlarm refuses what is no alarm by default.
func CheckDefaultAlarm(a storage.DefaultAlarm) error {
	if a == "" || a == storage.NoAlarm {
		return nil
	}
	action, trigger := a.Parts()
	d, err := ical.ParseDuration(trigger)
	switch {
	case action != "EMAIL" && action != "DISPLAY" && action != "AUDIO", err != nil:
		return Errorf(BadRequest, "%.60q is no alarm: write it like EMAIL -PT30M, or NONE", string(a))
	case d.Exact() > maxLead || d.Exact() < -maxLead:
		return Errorf(BadRequest, "an alarm by default is at most %d days from the start", maxLead/(24*time.Hour))
	}
	return nil
}

// maxLead bounds how far from its start an event's alarm by default is.
const maxLead = 60 * 24 * time.Hour

// SetAlarms changes the alarms by default of a calendar, or with an empty Slug of its owner, who is then also told which of their alarms become
// mails. It holds for what is there already, too, from now on. In a calendar that is shared with somebody, reached through their home, they
// are the sharee's.
func (s *Service) SetAlarms(ctx context.Context, who *storage.Principal, t Target, e AlarmsEdit) error {
	for _, a := range []*storage.DefaultAlarm{e.Timed, e.Day} {
		if a != nil {
			if err := CheckDefaultAlarm(*a); err != nil {
				return err
			}
		}
	}
	if e.Mailed != nil && *e.Mailed != storage.MailAsSite && *e.Mailed != storage.MailAll && *e.Mailed != storage.MailEmail {
		return Errorf(BadRequest, "alarms that are mailed are all, or those of kind email, not %.60q", string(*e.Mailed))
	}
	if t.Share != nil {
		return s.patchShare(ctx, who, t, Edit{Live: func(c *storage.Calendar) error { e.apply(&c.Alarms); return nil }})
	}
	if err := s.early(ctx, who, t, t.Slug == "", auth.WriteProperties); err != nil {
		return err
	}
	return s.update(ctx, t.Owner.ID, &people{}, func(u *unit) error {
		if t.Slug == "" {
			if err := allow(ctx, u.tx, who, t, nil, auth.WriteProperties); err != nil {
				return err
			}
			err := u.editPerson(ctx, t.Owner.ID, Edit{Person: func(p *storage.Principal) error {
				e.apply(&p.Alarms)
				if e.Mailed != nil {
					p.MailedAlarms = *e.Mailed
				}
				return nil
			}})
			if err != nil {
				return err
			}
			return u.queueAlarms(ctx, t.Owner.ID)
		}
		c, err := collection(ctx, u.tx, t)
		if err != nil {
			return err
		}
		if err := allow(ctx, u.tx, who, t, c, auth.WriteProperties); err != nil {
			return err
		}
		e.apply(&c.Alarms)
		if c.Seq, err = u.tx.Next(ctx, t.Owner.ID); err != nil {
			return err
		}
		if err := u.tx.PutCalendar(ctx, c); err != nil {
			return fmt.Errorf("put calendar: %w", err)
		}
		return u.queueAlarms(ctx, t.Owner.ID)
	})
}

// replanHome sets the reminders of everything in a home anew, or in one calendar of it (0: in all).
func (s *Service) replanHome(ctx context.Context, owner, only int64) error {
	home, err := s.Store.Calendars(ctx, owner)
	if err != nil {
		return fmt.Errorf("calendars: %w", err)
	}
	for _, c := range home {
		if c.Kind != storage.CalendarKind || only != 0 && c.ID != only {
			continue
		}
		after := ""
		for {
			list, err := s.Store.ObjectsAfter(ctx, c.Ref(), 0, after, replanPage)
			if err != nil {
				return fmt.Errorf("objects: %w", err)
			}
			if len(list) == 0 {
				break
			}
			ids := make([]int64, len(list))
			for i, o := range list {
				ids[i] = o.ID
			}
			if _, err := s.replan(ctx, owner, ids, false); err != nil {
				return err
			}
			after = list[len(list)-1].Name
		}
	}
	return nil
}

// Missed returns the reminders of who that it was too late for, the latest first; with unseen only those that they have not been shown.
func (s *Service) Missed(ctx context.Context, who *storage.Principal, unseen bool, limit int) ([]*storage.Missed, error) {
	return s.Store.Missed(ctx, who.ID, unseen, limit)
}

// SeeMissed notes that who was shown what they missed up to a time.
func (s *Service) SeeMissed(ctx context.Context, who *storage.Principal, through time.Time) (n int64, err error) {
	err = s.Store.Update(ctx, func(tx storage.Tx) error {
		n, err = tx.SeeMissed(ctx, who.ID, through)
		return err
	})
	return n, err
}
