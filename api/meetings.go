package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kalends/auth"
	"kalends/calendar"
	"kalends/ical"
	"kalends/ical/recur"
	"kalends/ical/zone"
	"kalends/scheduling"
	"kalends/storage"
)

// Parameters that several operations have. The names are exported because huma fills exported fields only.
type (
	// MeetingPath names a meeting.
	MeetingPath struct {
		ID string `path:"id" doc:"Id of the meeting." maxLength:"64"`
	}
	// WhichInstance names one instance.
	WhichInstance struct {
		Instance string `query:"instance" doc:"One instance of a series: its field instance." maxLength:"40"`
	}
	// FromInstance names the first of several instances.
	FromInstance struct {
		From string `query:"from" doc:"This instance of a series and all that follow." maxLength:"40"`
	}
	// IfMatchHeader is a condition (RFC 9110 section 13.1.1).
	IfMatchHeader struct {
		IfMatch string `header:"If-Match" doc:"Only if the ETag is still this; else 412." maxLength:"1000"`
	}
	// OnceKey has a request carried out once.
	OnceKey struct {
		Key string `header:"Idempotency-Key" doc:"Any text of your own. The same request with the same key is carried out once and answered again, for 24 hours." maxLength:"255"`
	}
)

// meetingAnswer is the answer with one meeting.
type meetingAnswer struct {
	Status   int
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     *Meeting
}

type noAnswer struct{}

func answerWith(m *Meeting) *meetingAnswer {
	return &meetingAnswer{Status: http.StatusOK, ETag: m.ETag, Body: m}
}

// meetings registers what can be done with meetings.
func (h *Handler) meetings(a huma.API) {
	create := operation("POST", "/meetings", "createMeeting", meetingsTag, auth.WriteScope, "Make a meeting",
		"Who is invited hears of it at once: people here by their calendars, others by mail. Rooms answer by themselves.")
	create.DefaultStatus = http.StatusCreated
	register(h, a, create, h.createMeeting)
	register(h, a, operation("GET", "/meetings/{id}", "getMeeting", meetingsTag, auth.ReadScope, "Read a meeting",
		"Without instance it is told by its first instance and how it repeats."), h.getMeeting)
	register(h, a, operation("PATCH", "/meetings/{id}", "updateMeeting", meetingsTag, auth.WriteScope, "Change a meeting",
		"Fields that are not sent stay, null removes. A series is changed as a whole, in one instance (instance), or from one on (from): "+
			"then it is split, and the answer is the new series with an id of its own. Who is invited is told."), h.updateMeeting)
	remove := operation("DELETE", "/meetings/{id}", "cancelMeeting", meetingsTag, auth.WriteScope, "Cancel or decline a meeting",
		"Its organizer cancels it, who is invited declines it: all of it, one instance (instance), or one and all that follow (from).")
	register(h, a, remove, h.cancelMeeting)
	register(h, a, operation("POST", "/meetings/{id}/answer", "answerMeeting", meetingsTag, auth.WriteScope, "Answer an invitation",
		"Answers the whole meeting, or one instance of a series."), h.answerMeeting)
	register(h, a, operation("GET", "/events", "listEvents", meetingsTag, auth.ReadScope, "What takes place in a time",
		"Every instance of a series by itself, in the order of their start. It comes in pages: next leads to the next one."), h.listEvents)
}

func (h *Handler) getMeeting(ctx context.Context, q *caller, in *struct {
	MeetingPath
	WhichInstance
	IfNoneMatch string `header:"If-None-Match" doc:"304 if the ETag is still this." maxLength:"1000"`
}) (*meetingAnswer, error) {
	f, err := h.meeting(ctx, q, in.ID)
	if err != nil {
		return nil, err
	}
	m, err := f.tell(q, in.Instance)
	if err != nil {
		return nil, err
	}
	if in.IfNoneMatch != "" && matches(in.IfNoneMatch, m.ETag, true) {
		return &meetingAnswer{Status: http.StatusNotModified, ETag: m.ETag}, nil
	}
	return answerWith(m), nil
}

// matches compares an ETag with a list of them (RFC 9110 section 13.1), weakly where asked to.
func matches(list, etag string, weak bool) bool {
	if strings.TrimSpace(list) == "*" {
		return true
	}
	for tag := range strings.SplitSeq(list, ",") {
		tag = strings.TrimSpace(tag)
		if weak {
			tag = strings.TrimPrefix(tag, "W/")
		}
		if tag == etag {
			return true
		}
	}
	return false
}

func (h *Handler) createMeeting(ctx context.Context, q *caller, in *struct {
	OnceKey
	Body NewMeeting
}) (*meetingAnswer, error) {
	return once(ctx, h, q, in.Key, "createMeeting", in.Body, func(uid string) (*meetingAnswer, error) {
		p, c, err := h.where(ctx, q, in.Body.Calendar)
		if err != nil {
			return nil, err
		}
		cal, err := h.build(ctx, q, p, c, &in.Body, uid)
		if err != nil {
			return nil, err
		}
		var there *storage.Object
		res, err := h.Calendar.Put(ctx, calendar.PutRequest{
			Who: q.who, Target: p.target(c, scheduling.ObjectName(uid)), Body: cal.Bytes(),
			Cond: func(current *storage.Object) error {
				if there = current; current != nil {
					return calendar.Errorf(calendar.Exists, "there is a meeting of this name already")
				}
				return nil
			},
		})
		switch {
		case err != nil && there != nil && there.UID == uid && in.Key != "":
			// The same request was cut off after it had been carried out.
		case err != nil:
			return nil, err
		default:
			there = res.Object
		}
		m, err := (&found{p, c, there}).tell(q, "")
		if err != nil {
			return nil, err
		}
		return &meetingAnswer{http.StatusCreated, m.ETag, Prefix + "/meetings/" + m.ID, m}, nil
	})
}

// build makes the iCalendar object of a new meeting.
func (h *Handler) build(ctx context.Context, q *caller, p *place, c *storage.Calendar, in *NewMeeting, uid string) (*ical.Component, error) {
	if err := checkTexts(in.Name, in.Location, in.Link); err != nil {
		return nil, err
	}
	guests, err := h.guests(ctx, p, in.Invited, func(string) bool { return false })
	if err != nil {
		return nil, err
	}
	name, loc := zoneOf(q, c)
	if in.TimeZone != "" {
		if name, loc, err = readZone("timeZone", in.TimeZone); err != nil {
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
	setLink(e, in.Link)
	setInvited(e, p.owner, p.mine, guests)
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
	start, err := readWhen("start", in.Start)
	if err != nil {
		return span{}, err
	}
	if start.date != in.AllDay {
		return span{}, form("start", in.AllDay)
	}
	var end when
	switch {
	case in.End != "":
		if end, err = readWhen("end", in.End); err != nil {
			return span{}, err
		}
		if end.date != in.AllDay {
			return span{}, form("end", in.AllDay)
		}
	case in.AllDay:
		end = when{true, start.time.AddDate(0, 0, 1)}
	default:
		return span{}, invalid("end", "is missing")
	}
	if !end.time.After(start.time) {
		return span{}, invalid("end", "must be after start")
	}
	return span{start.stamp(name, loc), end.stamp(name, loc)}, nil
}

func checkTexts(name, location, link string) error {
	for _, err := range []error{oneLine("name", name), oneLine("location", location)} {
		if err != nil {
			return err
		}
	}
	if link != "" && !isLink(link) {
		return invalid("link", "must be an http or https address without a password")
	}
	return nil
}

// tries bounds how often a change is worked out anew because somebody else was faster.
const tries = 5

// errRaced ends a change of a meeting that is not any more as it was read.
var errRaced = errors.New("the meeting was changed meanwhile")

// change works out a change of a meeting and carries it out. do gets the meeting and the condition for writing it; it may be called again.
func (h *Handler) change(ctx context.Context, q *caller, id, ifMatch string, do func(f *found, o *object, cond calendar.Condition) (*storage.Object, error)) (*found, *storage.Object, error) {
	f, err := h.meeting(ctx, q, id)
	if err != nil {
		return nil, nil, err
	}
	for range tries {
		if ifMatch != "" && !matches(ifMatch, f.row.ETag, false) {
			return nil, nil, calendar.Errorf(calendar.Changed, "the meeting has changed; its ETag is %s now", f.row.ETag)
		}
		o, err := f.read(q)
		if err != nil {
			return nil, nil, err
		}
		seq := f.row.Seq
		row, err := do(f, o, func(current *storage.Object) error {
			if current == nil || current.Seq != seq {
				return errRaced
			}
			return nil
		})
		if !errors.Is(err, errRaced) {
			return f, row, err
		}
		if f, err = h.again(ctx, q, f); err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, calendar.Errorf(calendar.Unavailable, "the meeting is being changed by too many at once; try again")
}

func (h *Handler) updateMeeting(ctx context.Context, q *caller, in *struct {
	MeetingPath
	WhichInstance
	FromInstance
	IfMatchHeader
	OnceKey
	Body MeetingChange
}) (*meetingAnswer, error) {
	if in.Instance != "" && in.From != "" {
		return nil, invalidQuery("from", "cannot be sent with instance")
	}
	if err := checkTexts(in.Body.Name.Value, in.Body.Location.Value, in.Body.Link.Value); err != nil {
		return nil, err
	}
	request := struct {
		ID, Instance, From, Match string
		Body                      MeetingChange
	}{in.ID, in.Instance, in.From, in.IfMatch, in.Body}
	return once(ctx, h, q, in.Key, "updateMeeting", request, func(uid string) (*meetingAnswer, error) {
		if in.Body.Calendar != "" {
			return h.moveMeeting(ctx, q, in.ID, in.IfMatch, &in.Body)
		}
		f, row, err := h.change(ctx, q, in.ID, in.IfMatch, func(f *found, o *object, cond calendar.Condition) (*storage.Object, error) {
			e, err := h.edit(ctx, q, f, o, &in.Body)
			if err != nil {
				return nil, err
			}
			switch {
			case in.From != "":
				row, err := h.split(ctx, q, f, o, e, in.From, uid, cond)
				if err != nil && in.Key != "" {
					// The same request may have been cut off after it had been carried out.
					list, lookErr := h.Store.ObjectsByUID(ctx, []int64{f.owner.ID}, uid)
					if lookErr == nil && len(list) == 1 {
						return list[0], nil
					}
				}
				return row, err
			case in.Instance != "":
				x, err := o.find("instance", in.Instance)
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
			res, err := h.Calendar.Put(ctx, calendar.PutRequest{
				Who: q.who, Target: f.target(f.calendar, f.row.Name), Body: o.cal.Bytes(), Cond: cond,
			})
			if err != nil {
				return nil, err
			}
			return res.Object, nil
		})
		if err != nil {
			return nil, err
		}
		f.row = row
		m, err := f.tell(q, in.Instance)
		if err != nil {
			return nil, err
		}
		return answerWith(m), nil
	})
}

// edit checks a change against the meeting.
func (h *Handler) edit(ctx context.Context, q *caller, f *found, o *object, ch *MeetingChange) (*edit, error) {
	e := &edit{MeetingChange: ch, owner: f.owner, now: h.Now()}
	e.zone, e.loc = zoneOf(q, f.calendar)
	if list := e.others(); len(list) > 0 && !o.organized() {
		r := &refusal{problem: notOrganizer, detail: "only the organizer may change: " + strings.Join(list, ", ")}
		for _, name := range list {
			r.fields = append(r.fields, FieldError{"body", name, "only the organizer may change this"})
		}
		return nil, r
	}
	if ch.Invited.Sent {
		stay := map[string]bool{}
		for _, c := range o.main {
			for a := range c.All("ATTENDEE") {
				stay[ical.Address(a.Value())] = true
			}
		}
		var err error
		if e.guests, err = h.guests(ctx, f.place, ch.Invited.Value, func(a string) bool { return stay[a] }); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// split changes an instance and all that follow: the series ends before it, and another one begins with it. From the
// first instance on it is the whole series, which stays one.
func (h *Handler) split(ctx context.Context, q *caller, f *found, o *object, e *edit, from, uid string, cond calendar.Condition) (*storage.Object, error) {
	x, err := h.tail(o, from)
	if err != nil {
		return nil, err
	}
	put := calendar.PutRequest{Who: q.who, Target: f.target(f.calendar, f.row.Name), Cond: cond}
	if o.first(x) {
		if err := e.whole(o); err != nil {
			return nil, err
		}
		put.Body = o.cal.Bytes()
		res, err := h.Calendar.Put(ctx, put)
		if err != nil {
			return nil, err
		}
		return res.Object, nil
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
	put.Body = o.cal.Bytes()
	results, err := h.Calendar.PutAll(ctx, []calendar.PutRequest{put, {
		Who: q.who, Target: f.target(f.calendar, scheduling.ObjectName(uid)), Body: rest.cal.Bytes(),
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
func (h *Handler) tail(o *object, from string) (occurrence, error) {
	if o.cal.Master() == nil || !o.organized() {
		return occurrence{}, &refusal{problem: notOrganizer, detail: "only the organizer may change a series from one instance on"}
	}
	return o.find("from", from)
}

// moveMeeting brings a meeting into another calendar of its owner. Nobody is told.
func (h *Handler) moveMeeting(ctx context.Context, q *caller, id, ifMatch string, ch *MeetingChange) (*meetingAnswer, error) {
	e := edit{MeetingChange: ch}
	if len(e.others()) > 0 || ch.Reminders.Sent || ch.Busy != nil {
		return nil, invalid("calendar", "must be sent alone")
	}
	f, _, err := h.change(ctx, q, id, ifMatch, func(f *found, o *object, cond calendar.Condition) (*storage.Object, error) {
		p, to, err := h.where(ctx, q, ch.Calendar)
		if err != nil {
			return nil, err
		}
		if p.owner.ID != f.owner.ID {
			return nil, invalid("calendar", "must be one of the same owner")
		}
		if to.ID == f.calendar.ID {
			return f.row, nil
		}
		_, err = h.Calendar.Move(ctx, calendar.MoveRequest{
			Who: q.who, From: f.target(f.calendar, f.row.Name), To: f.target(to, f.row.Name), Cond: cond,
		})
		return f.row, err
	})
	if err != nil {
		return nil, err
	}
	if f, err = h.again(ctx, q, f); err != nil {
		return nil, err
	}
	m, err := f.tell(q, "")
	if err != nil {
		return nil, err
	}
	return answerWith(m), nil
}
