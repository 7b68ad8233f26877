package meeting

import (
	"context"
	"errors"
	"strings"

	"kalends/calendar"
	"kalends/ical"
	"kalends/scheduling"
	"kalends/storage"
)

// tries bounds how often a change is worked out anew because somebody else was faster.
const tries = 5

// errRaced ends a change of a meeting that is not any more as it was read.
var errRaced = errors.New("the meeting was changed meanwhile")

// change works out a change of a meeting and carries it out. do gets the meeting and the condition for writing it; it may be called again.
func (h *Editor) change(ctx context.Context, r *Request, do func(f *Found, o *Object, cond calendar.Condition) (*storage.Object, error)) (*Found, error) {
	if err := r.Part.check(); err != nil {
		return nil, err
	}
	f, err := h.Find(ctx, r.Who, r.ID)
	if err != nil {
		return nil, err
	}
	for range tries {
		if r.Match != nil && !r.Match(f.Row.ETag) {
			return nil, calendar.Errorf(calendar.Changed, "the meeting has changed; its ETag is %s now", f.Row.ETag)
		}
		o, err := f.Read(r.Who)
		if err != nil {
			return nil, err
		}
		seq := f.Row.Seq
		row, err := do(f, o, func(current *storage.Object) error {
			if current == nil || current.Seq != seq {
				return errRaced
			}
			return nil
		})
		if !errors.Is(err, errRaced) {
			if row != nil {
				f.Row = row
			}
			return f, err
		}
		if f, err = h.again(ctx, r.Who, f); err != nil {
			return nil, err
		}
	}
	return nil, calendar.Errorf(calendar.Unavailable, "the meeting is being changed by too many at once; try again")
}

// put writes a meeting that was changed.
func (h *Editor) put(ctx context.Context, who *storage.Principal, f *Found, o *Object, cond calendar.Condition) (*storage.Object, error) {
	res, err := h.Calendar.Put(ctx, calendar.PutRequest{
		Who: who, Target: f.Target(f.Calendar, f.Row.Name), Body: o.Cal.Bytes(), Cond: cond,
	})
	if err != nil {
		return nil, err
	}
	return res.Object, nil
}

// Update changes a meeting, or brings it into another calendar. A series of which an instance and all that follow are changed
// is split: what is returned is the new one.
func (h *Editor) Update(ctx context.Context, r Request, ch *MeetingChange) (*Found, error) {
	if err := checkTexts(ch.Name.Value, ch.Location.Value, ch.Link.Value); err != nil {
		return nil, err
	}
	if ch.Calendar != "" {
		return h.move(ctx, &r, ch)
	}
	return h.change(ctx, &r, func(f *Found, o *Object, cond calendar.Condition) (*storage.Object, error) {
		e, err := h.edit(ctx, r.Who, f, o, ch)
		if err != nil {
			return nil, err
		}
		switch {
		case r.From != "":
			row, err := h.split(ctx, r.Who, f, o, e, r.From, r.UID, cond)
			if err != nil && r.Again {
				// The same request may have been cut off after it had been carried out.
				list, lookErr := h.Store.ObjectsByUID(ctx, []int64{f.Owner.ID}, r.UID)
				if lookErr == nil && len(list) == 1 {
					return list[0], nil
				}
			}
			return row, err
		case r.Instance != "":
			x, err := o.Find("instance", r.Instance)
			if err == nil {
				err = e.one(o, x)
			}
			if err != nil {
				return nil, err
			}
		default:
			if err := e.whole(o); err != nil {
				return nil, err
			}
		}
		return h.put(ctx, r.Who, f, o, cond)
	})
}

// Cancel takes a meeting or instances of it away: its organizer cancels it, who is invited declines it.
func (h *Editor) Cancel(ctx context.Context, r Request) error {
	_, err := h.change(ctx, &r, func(f *Found, o *Object, cond calendar.Condition) (*storage.Object, error) {
		left, err := h.without(o, r.Part)
		if err != nil {
			return nil, err
		}
		if !left {
			t := f.Target(f.Calendar, f.Row.Name)
			return nil, h.Calendar.Delete(ctx, calendar.DeleteRequest{Who: r.Who, Target: t, Cond: cond})
		}
		return h.put(ctx, r.Who, f, o, cond)
	})
	return err
}

// without takes instances out of a meeting. It reports false when nothing is left.
func (h *Editor) without(o *Object, part Part) (bool, error) {
	switch {
	case part.Instance != "":
		x, err := o.Find("instance", part.Instance)
		if err != nil {
			return false, err
		}
		return o.exclude(x, h.Now()), nil
	case part.From != "":
		x, err := h.tail(o, part.From)
		if err != nil || o.first(x) {
			return false, err
		}
		return true, o.cut(x, h.Now())
	}
	return false, nil
}

// Answer answers an invitation: accepted, declined or tentative, all of it or one instance.
func (h *Editor) Answer(ctx context.Context, r Request, answer, comment string) (*Found, error) {
	return h.change(ctx, &r, func(f *Found, o *Object, cond calendar.Condition) (*storage.Object, error) {
		if !o.IsInvited() || o.Organized() {
			return nil, &Error{Kind: calendar.Forbidden, Reason: NotInvited, Detail: f.Owner.Name + " is not invited to this meeting by somebody else"}
		}
		list := o.Main
		if r.Instance != "" {
			x, err := o.Find("instance", r.Instance)
			if err != nil {
				return nil, err
			}
			c, err := o.override(x)
			if err != nil {
				return nil, err
			}
			list = []*ical.Component{c}
		}
		for _, c := range list {
			o.answer(c, strings.ToUpper(answer), comment)
			touch(c, h.Now(), false)
		}
		return h.put(ctx, r.Who, f, o, cond)
	})
}

// answer writes the owner's answer into a component.
func (o *Object) answer(c *ical.Component, partStat, comment string) {
	for p := range c.All("ATTENDEE") {
		if o.mine(ical.Address(p.Value())) {
			p.SetParam("PARTSTAT", partStat)
			p.RemoveParam("RSVP")
		}
	}
	setText(c, "COMMENT", comment)
}

// edit checks a change against the meeting.
func (h *Editor) edit(ctx context.Context, who *storage.Principal, f *Found, o *Object, ch *MeetingChange) (*edit, error) {
	e := &edit{MeetingChange: ch, owner: f.Owner, now: h.Now()}
	e.zone, e.loc = ZoneOf(who, f.Calendar)
	if list := e.others(); len(list) > 0 && !o.Organized() {
		r := &Error{Kind: calendar.Forbidden, Reason: NotOrganizer, Detail: "only the organizer may change: " + strings.Join(list, ", ")}
		for _, name := range list {
			r.Fields = append(r.Fields, FieldError{false, name, "only the organizer may change this"})
		}
		return nil, r
	}
	if ch.Invited.Sent {
		stay := map[string]bool{}
		for _, c := range o.Main {
			for a := range c.All("ATTENDEE") {
				stay[ical.Address(a.Value())] = true
			}
		}
		var err error
		if e.guests, err = h.guests(ctx, f.Place, ch.Invited.Value, func(a string) bool { return stay[a] }); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// split changes an instance and all that follow: the series ends before it, and another one begins with it. From the
// first instance on it is the whole series, which stays one.
func (h *Editor) split(ctx context.Context, who *storage.Principal, f *Found, o *Object, e *edit, from, uid string, cond calendar.Condition) (*storage.Object, error) {
	x, err := h.tail(o, from)
	if err != nil {
		return nil, err
	}
	put := calendar.PutRequest{Who: who, Target: f.Target(f.Calendar, f.Row.Name), Cond: cond}
	if o.first(x) {
		if err := e.whole(o); err != nil {
			return nil, err
		}
		put.Body = o.Cal.Bytes()
		res, err := h.Calendar.Put(ctx, put)
		if err != nil {
			return nil, err
		}
		return res.Object, nil
	}
	if o.ranged(x) {
		return nil, &Error{Kind: calendar.Refused, Detail: "another program has changed this series from a date on, in a way that cannot be kept when it is split; change the whole series or single instances, or use that program"}
	}
	rest, err := o.rest(x, uid, e.now)
	if err != nil {
		return nil, err
	}
	if err := e.whole(rest); err != nil {
		return nil, err
	}
	if e.times() {
		rest.askAgain()
	}
	if err := o.cut(x, e.now); err != nil {
		return nil, err
	}
	put.Body = o.Cal.Bytes()
	results, err := h.Calendar.PutAll(ctx, []calendar.PutRequest{put, {
		Who: who, Target: f.Target(f.Calendar, scheduling.ObjectName(uid)), Body: rest.Cal.Bytes(),
		Cond: func(current *storage.Object) error {
			if current != nil {
				return calendar.Errorf(calendar.Exists, "the series was split already")
			}
			return nil
		},
	}})
	if err != nil {
		return nil, err
	}
	return results[1].Object, nil
}

// tail finds the instance from which on a series is to be changed, by somebody who may.
func (h *Editor) tail(o *Object, from string) (Occurrence, error) {
	if o.Cal.Master() == nil || !o.Organized() {
		return Occurrence{}, &Error{Kind: calendar.Forbidden, Reason: NotOrganizer, Detail: "only the organizer may change a series from one instance on"}
	}
	return o.Find("from", from)
}

// move brings a meeting into another calendar of its owner. Nobody is told.
func (h *Editor) move(ctx context.Context, r *Request, ch *MeetingChange) (*Found, error) {
	e := edit{MeetingChange: ch}
	if len(e.others()) > 0 || ch.Reminders.Sent || ch.Busy != nil {
		return nil, invalid("calendar", "must be sent alone")
	}
	f, err := h.change(ctx, r, func(f *Found, o *Object, cond calendar.Condition) (*storage.Object, error) {
		p, to, err := h.Where(ctx, r.Who, ch.Calendar)
		if err != nil {
			return nil, err
		}
		if p.Owner.ID != f.Owner.ID {
			return nil, invalid("calendar", "must be one of the same owner")
		}
		if to.ID == f.Calendar.ID {
			return f.Row, nil
		}
		_, err = h.Calendar.Move(ctx, calendar.MoveRequest{
			Who: r.Who, From: f.Target(f.Calendar, f.Row.Name), To: f.Target(to, f.Row.Name), Cond: cond,
		})
		return f.Row, err
	})
	if err != nil {
		return nil, err
	}
	return h.again(ctx, r.Who, f)
}
