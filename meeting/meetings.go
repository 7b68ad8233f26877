package meeting

import (
	"context"
	"time"

	"kalends/calendar"
	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
	"kalends/scheduling"
	"kalends/storage"
)

// Part says what of a meeting is meant: all of it, or of a series one instance, or one and all that follow. Instances are named by
// when they take place according to the series, as [Meeting.Instance] tells it.
type Part struct {
	Instance string
	From     string
}

func (p Part) check() error {
	if p.Instance != "" && p.From != "" {
		return invalidQuery("from", "cannot be sent with instance")
	}
	return nil
}

// Request is what a change of a meeting has in common with others.
type Request struct {
	Who *storage.Principal
	ID  string
	Part
	// Match, where not nil, says whether the meeting with this ETag is the one to change; else the error is calendar.Changed.
	Match func(etag string) bool
	// UID is that of the meeting that the change makes, where it makes one.
	UID string
	// Again says that the same request may have been carried out before, under the same UID.
	Again bool
}

// Create makes a meeting with a UID. With again it may be there from an earlier try.
func (h *Editor) Create(ctx context.Context, who *storage.Principal, in *NewMeeting, uid string, again bool) (*Found, error) {
	p, c, err := h.Where(ctx, who, in.Calendar)
	if err != nil {
		return nil, err
	}
	cal, err := h.build(ctx, who, p, c, in, uid)
	if err != nil {
		return nil, err
	}
	var there *storage.Object
	res, err := h.Calendar.Put(ctx, calendar.PutRequest{
		Who: who, Target: p.Target(c, scheduling.ObjectName(uid)), Body: cal.Bytes(), Remind: true,
		Cond: func(current *storage.Object) error {
			if there = current; current != nil {
				return calendar.Errorf(calendar.Exists, "there is a meeting of this name already")
			}
			return nil
		},
	})
	switch {
	case err != nil && there != nil && there.UID == uid && again:
		// The same request was cut off after it had been carried out.
	case err != nil:
		return nil, err
	default:
		there = res.Object
	}
	return &Found{p, c, there}, nil
}

// build makes the iCalendar object of a new meeting.
func (h *Editor) build(ctx context.Context, who *storage.Principal, p *Place, c *storage.Calendar, in *NewMeeting, uid string) (*ical.Component, error) {
	if err := checkTexts(in.Name, in.Location, in.Link); err != nil {
		return nil, err
	}
	guests, err := h.guests(ctx, p, in.Invited, func(string) bool { return false })
	if err != nil {
		return nil, err
	}
	name, loc := ZoneOf(who, c)
	if in.TimeZone != "" {
		if name, loc, err = ReadZone("timeZone", in.TimeZone); err != nil {
			return nil, err
		}
	}
	s, err := newSpan(in, name, loc)
	if err != nil {
		return nil, err
	}
	now := h.Now().UTC().Format(utcLayout)
	cal := ical.NewCalendar("")
	for _, d := range []ical.DateTime{s.start, s.end} {
		if err := addZone(cal, d); err != nil {
			return nil, err
		}
	}
	e := ical.New("VEVENT")
	e.Add(ical.NewText("UID", uid))
	e.Add(ical.NewProperty("DTSTAMP", now))
	e.Add(ical.NewProperty("CREATED", now))
	e.Add(ical.NewProperty("LAST-MODIFIED", now))
	e.Add(ical.NewProperty("SEQUENCE", "0"))
	setSpan(e, s)
	if in.Recurrence != nil {
		text, err := in.Recurrence.rule(s.start, loc)
		if err != nil {
			return nil, err
		}
		e.Add(ical.NewProperty("RRULE", text))
	}
	setText(e, "SUMMARY", in.Name)
	setText(e, "DESCRIPTION", in.Description)
	setText(e, "LOCATION", in.Location)
	if in.Status == "" {
		in.Status = "confirmed"
	}
	e.Add(ical.NewProperty("STATUS", statuses[in.Status]))
	if in.Busy != nil && !*in.Busy {
		e.Add(ical.NewProperty("TRANSP", "TRANSPARENT"))
	} else {
		e.Add(ical.NewProperty("TRANSP", "OPAQUE"))
	}
	if in.Privacy != "" {
		setPrivacy(e, in.Privacy)
	}
	setLink(e, in.Link)
	setInvited(e, p.Owner, p.Mine, guests)
	if !in.Reminders.Sent {
		in.Reminders.Value = Mins{defaultReminder}
	}
	setReminders(e, in.Reminders.Value)
	cal.AddChild(e)
	if in.Recurrence != nil {
		if _, err := recur.Compile(cal, zone.NewResolver(cal)); err != nil {
			return nil, invalid("recurrence", "%v", err)
		}
	}
	return cal, nil
}

// newSpan reads when a new meeting takes place.
func newSpan(in *NewMeeting, name string, loc *time.Location) (span, error) {
	start, err := ReadWhen("start", in.Start)
	if err != nil {
		return span{}, err
	}
	if start.Date != in.AllDay {
		return span{}, form("start", in.AllDay)
	}
	var end When
	switch {
	case in.End != "":
		if end, err = ReadWhen("end", in.End); err != nil {
			return span{}, err
		}
		if end.Date != in.AllDay {
			return span{}, form("end", in.AllDay)
		}
	case in.AllDay:
		end = When{true, start.Time.AddDate(0, 0, 1)}
	default:
		return span{}, invalid("end", "is missing")
	}
	if !end.Time.After(start.Time) {
		return span{}, invalid("end", "must be after start")
	}
	return span{start.stamp(name, loc), end.stamp(name, loc)}, nil
}

func checkTexts(name, location, link string) error {
	for _, err := range []error{OneLine("name", name), OneLine("location", location)} {
		if err != nil {
			return err
		}
	}
	if link != "" && !IsLink(link) {
		return invalid("link", "must be an http or https address without a password")
	}
	return nil
}
