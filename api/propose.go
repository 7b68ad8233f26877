package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"kalends/auth"
	"kalends/calendar"
	"kalends/ical/zone"
	"kalends/meeting"
)

// proposals registers what who is invited can ask of an organizer.
func (h *Handler) proposals(a huma.API) {
	register(h, a, operation("POST", "/meetings/{id}/proposals", "proposeTime", meetingsTag, auth.WriteScope, "Propose another time",
		"For who is invited. Nothing changes before the organizer decides: one here finds it under /held, one elsewhere gets it by mail. Of a series another time is "+
			"proposed for one instance."), h.proposeTime)
	register(h, a, operation("POST", "/meetings/{id}/refresh", "refreshMeeting", meetingsTag, auth.WriteScope, "Ask the organizer for the meeting as it is",
		"Where the organizer is elsewhere, by mail; once in ten minutes."), h.refreshMeeting)
}

// Proposal is another time for a meeting.
type Proposal struct {
	Start   string `json:"start" doc:"When it is to start: an instant, or a date where it takes the whole day." example:"2026-03-02T14:00:00+01:00" maxLength:"40"`
	End     string `json:"end" doc:"When it is to end: an instant, or the first day after it." example:"2026-03-02T15:00:00+01:00" maxLength:"40"`
	Comment string `json:"comment,omitempty" maxLength:"1000" doc:"Something for the organizer to read."`
}

func (h *Handler) proposeTime(ctx context.Context, q *caller, in *struct {
	MeetingPath
	WhichInstance
	OnceKey
	Body Proposal
}) (*noAnswer, error) {
	return once(ctx, h, q, in.Key, "proposeTime", [2]any{[2]string{in.ID, in.Instance}, in.Body}, func(string) (*noAnswer, error) {
		f, o, err := h.invitation(ctx, q, in.ID)
		if err != nil {
			return nil, err
		}
		n := calendar.NewTime{Comment: in.Body.Comment}
		if in.Instance != "" {
			x, err := o.Find("instance", in.Instance)
			if err != nil {
				return nil, err
			}
			n.Date = x.RecurrenceID.String()
		}
		start, err := meeting.ReadWhen("start", in.Body.Start)
		if err != nil {
			return nil, err
		}
		end, err := meeting.ReadWhen("end", in.Body.End)
		if err != nil {
			return nil, err
		}
		m := o.Meeting()
		if m == nil {
			return nil, notThere("meeting")
		}
		switch {
		case m.Recurring && in.Instance == "":
			return nil, invalidQuery("instance", "must name the instance of the series that is meant")
		case start.Date != m.AllDay:
			return nil, invalid("start", "must be %s, as the meeting's is", map[bool]string{true: "a date", false: "an instant"}[m.AllDay])
		case end.Date != m.AllDay:
			return nil, invalid("end", "must be %s, as the meeting's is", map[bool]string{true: "a date", false: "an instant"}[m.AllDay])
		}
		loc, name := calendar.MeetingZone(o.Cal, f.Owner.TimeZone)
		if name == "" { // floating: what the asker's clock shows
			_, loc = meeting.ZoneOf(q.who, f.Calendar)
		}
		n.Start, n.End = start.Time, end.Time
		if !m.AllDay {
			n.Start, n.End = zone.Wall(start.Time, loc), zone.Wall(end.Time, loc)
		}
		if err := h.Calendar.ProposeTime(ctx, q.who, f.Target(f.Calendar, f.Row.Name), n); err != nil {
			return nil, err
		}
		return &noAnswer{}, nil
	})
}

// invitation returns a meeting to which the owner of its calendar is invited by somebody else.
func (h *Handler) invitation(ctx context.Context, q *caller, id string) (*meeting.Found, *meeting.Object, error) {
	f, err := h.editor.Find(ctx, q.who, id)
	if err != nil {
		return nil, nil, err
	}
	o, err := f.Read(q.who)
	if err != nil {
		return nil, nil, err
	}
	if !o.IsInvited() || o.Organized() {
		return nil, nil, &refusal{problem: notInvited, detail: f.Owner.Name + " is not invited to this meeting by somebody else"}
	}
	return f, o, nil
}

func (h *Handler) refreshMeeting(ctx context.Context, q *caller, in *struct {
	MeetingPath
	OnceKey
}) (*noAnswer, error) {
	return once(ctx, h, q, in.Key, "refreshMeeting", in.ID, func(string) (*noAnswer, error) {
		f, _, err := h.invitation(ctx, q, in.ID)
		if err != nil {
			return nil, err
		}
		if err := h.Calendar.AskAgain(ctx, q.who, f.Target(f.Calendar, f.Row.Name)); err != nil {
			return nil, err
		}
		return &noAnswer{}, nil
	})
}
