package calendar

import (
	"context"
	"fmt"
	"strings"

	"kalends/ical"
	"kalends/scheduling"
	"kalends/scheduling/itip"
	"kalends/storage"
)

// receive applies a message to the calendar of somebody here whose home is locked, and puts it into their
// inbox (RFC 6638 section 4).
func (u *unit) receive(ctx context.Context, to *storage.Principal, m itip.Message, local bool) (itip.Result, error) {
	apply := itip.Receive
	if m.Method == itip.Reply {
		apply = itip.TakeReply
	}
	return u.receiveBy(ctx, to, m, local, apply)
}

// applyFunc makes of a copy and a message the new copy, such as [itip.Receive].
type applyFunc func(copy *ical.Component, m itip.Message, o itip.Options) (itip.Result, error)

func (u *unit) receiveBy(ctx context.Context, to *storage.Principal, m itip.Message, local bool, apply applyFunc) (itip.Result, error) {
	uid := ""
	component := ""
	for c := range m.Calendar.Main() {
		uid, component = strings.TrimSpace(c.Text("UID")), c.Name()
		break
	}
	old := u.copyOf(to.ID)
	if old == nil && m.Method == itip.Reply {
		host, err := u.hostOf(ctx, to, uid)
		if err != nil {
			return itip.Result{}, err
		}
		if host != nil {
			to, old = host, u.copyOf(host.ID)
		}
	}
	oldCal, err := parseStored(old)
	if err != nil {
		return itip.Result{}, err
	}
	o := itip.Options{Now: u.now, Same: u.people.same, Local: local}
	if m.Method == itip.Request {
		if m = withoutDeclined(m, oldCal, u.people.is(to)); m.Calendar == nil {
			return itip.Result{Copy: oldCal, Reason: "they have declined it, and do not keep it"}, nil
		}
	}
	res, err := apply(oldCal, m, o)
	if err != nil {
		return res, fmt.Errorf("apply %s: %w", m.Method, err)
	}
	home, err := u.home(ctx, to.ID)
	if err != nil {
		return res, err
	}
	if res.Changed && res.Copy != nil && m.Method != itip.Reply && answersByItself(to) {
		if res.Copy, err = u.bookRoom(ctx, to, home, res.Copy); err != nil {
			return res, err
		}
	}
	if res.Changed {
		if err := u.storeCopy(ctx, to, home, uid, component, m, old, res); err != nil {
			return res, err
		}
	}
	if res.Outcome == itip.Ignored {
		return res, nil
	}
	if m.Method == itip.Reply && old != nil && len(res.Answers) > 0 {
		if err = u.queueSpread(ctx, old); err != nil {
			return res, err
		}
	}
	if m.Calendar = news(m, oldCal); res.Outcome == itip.Cancelled {
		m.Calendar = whole(m)
	}
	return res, u.putInbox(ctx, to, home, uid, component, m)
}

// storeCopy writes what a message made of a copy.
func (u *unit) storeCopy(ctx context.Context, to *storage.Principal, home []*storage.Calendar, uid, component string, m itip.Message, old *storage.Object, res itip.Result) error {
	if res.Copy == nil {
		if old == nil {
			return nil
		}
		return u.remove(ctx, old)
	}
	p, err := u.s.checkComponent(res.Copy)
	if err != nil {
		return fmt.Errorf("copy for %d: %w", to.ID, err)
	}
	row, err := u.row(p, res.Copy.CRLF(), to)
	if err != nil {
		return err
	}
	var cal *storage.Calendar
	name := ""
	if old != nil {
		name = old.Name
		for _, c := range home {
			if c.ID == old.Calendar {
				cal = c
			}
		}
	} else {
		name = scheduling.ObjectName(uid)
		if u.altNames {
			name = scheduling.InboxName(uid, u.now.UnixMicro())
		}
		cal = scheduling.DefaultCalendar(home, component)
	}
	if cal == nil {
		return fmt.Errorf("home %d has no calendar for %s", to.ID, component)
	}
	if err := u.write(ctx, cal, name, p, row, old, res.ScheduleTag); err != nil {
		return err
	}
	u.replaceCopy(row)
	return nil
}

// putInbox keeps a message in the recipient's inbox, where their client finds it (RFC 6638 section 4.1).
func (u *unit) putInbox(ctx context.Context, to *storage.Principal, home []*storage.Calendar, uid, component string, m itip.Message) error {
	inbox := scheduling.Inbox(home)
	if inbox == nil {
		return nil
	}
	seq, err := u.tx.Next(ctx, to.ID)
	if err != nil {
		return err
	}
	text := m.Calendar.CRLF()
	item := &storage.Object{
		Owner: to.ID, Calendar: inbox.ID, ID: seq, Seq: seq, Inbox: true, Name: scheduling.InboxName(uid, seq), UID: uid,
		Component: component, Method: m.Method, ICS: text, Size: int64(len(text)), ETag: etag(text),
		First: storage.MinTime, Last: storage.MaxTime, Created: u.now, Modified: u.now,
	}
	if err := u.tx.PutObject(ctx, item, nil); err != nil {
		return fmt.Errorf("put inbox item: %w", err)
	}
	return nil
}

// copyOf returns the copy of the meeting in somebody's calendars, or nil. A scheduling object comes before an object that only has the
// same UID.
func (u *unit) copyOf(owner int64) *storage.Object {
	var found *storage.Object
	for _, c := range u.copies {
		if c.Owner == owner && (found == nil || found.Organizer == "") {
			found = c
		}
	}
	return found
}

func (u *unit) replaceCopy(row *storage.Object) {
	for i, c := range u.copies {
		if c.Owner == row.Owner && c.ID == row.ID {
			u.copies[i] = row
			return
		}
	}
	u.copies = append(u.copies, row)
}
