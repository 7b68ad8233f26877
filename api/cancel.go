package api

import (
	"context"
	"fmt"
	"strings"

	"kalends/calendar"
	"kalends/ical"
	"kalends/storage"
)

func (h *Handler) cancelMeeting(ctx context.Context, q *caller, in *struct {
	MeetingPath
	WhichInstance
	FromInstance
	IfMatchHeader
	OnceKey
}) (*noAnswer, error) {
	if in.Instance != "" && in.From != "" {
		return nil, invalidQuery("from", "cannot be sent with instance")
	}
	request := [...]string{in.ID, in.Instance, in.From, in.IfMatch}
	return once(ctx, h, q, in.Key, "cancelMeeting", request, func(string) (*noAnswer, error) {
		_, _, err := h.change(ctx, q, in.ID, in.IfMatch, func(f *found, o *object, cond calendar.Condition) (*storage.Object, error) {
			left, err := h.without(o, in.Instance, in.From)
			if err != nil {
				return nil, err
			}
			t := f.target(f.calendar, f.row.Name)
			if !left {
				return nil, h.Calendar.Delete(ctx, calendar.DeleteRequest{Who: q.who, Target: t, Cond: cond})
			}
			_, err = h.Calendar.Put(ctx, calendar.PutRequest{Who: q.who, Target: t, Body: o.cal.Bytes(), Cond: cond})
			return nil, err
		})
		if err != nil {
			return nil, err
		}
		return &noAnswer{}, nil
	})
}

// without takes instances out of a meeting. It reports false when nothing is left.
func (h *Handler) without(o *object, instance, from string) (bool, error) {
	switch {
	case instance != "":
		x, err := o.find("instance", instance)
		if err != nil {
			return false, err
		}
		return o.exclude(x, h.Now()), nil
	case from != "":
		x, err := h.tail(o, from)
		if err != nil || o.first(x) {
			return false, err
		}
		return true, o.cut(x, h.Now())
	}
	return false, nil
}

func (h *Handler) answerMeeting(ctx context.Context, q *caller, in *struct {
	MeetingPath
	WhichInstance
	IfMatchHeader
	OnceKey
	Body struct {
		Answer  string `json:"answer" enum:"accepted,declined,tentative" doc:"What to answer."`
		Comment string `json:"comment,omitempty" maxLength:"1000" doc:"Something for the organizer to read."`
	}
}) (*meetingAnswer, error) {
	request := [...]string{in.ID, in.Instance, in.IfMatch, in.Body.Answer, in.Body.Comment}
	return once(ctx, h, q, in.Key, "answerMeeting", request, func(string) (*meetingAnswer, error) {
		f, row, err := h.change(ctx, q, in.ID, in.IfMatch, func(f *found, o *object, cond calendar.Condition) (*storage.Object, error) {
			if !o.invited() || o.organized() {
				return nil, &refusal{problem: notInvited, detail: fmt.Sprintf("%s is not invited to this meeting by somebody else", f.owner.Name)}
			}
			list := o.main
			if in.Instance != "" {
				x, err := o.find("instance", in.Instance)
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
				o.answer(c, strings.ToUpper(in.Body.Answer), in.Body.Comment)
				touch(c, h.Now(), false)
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

// answer writes the owner's answer into a component.
func (o *object) answer(c *ical.Component, partStat, comment string) {
	for p := range c.All("ATTENDEE") {
		if o.mine(ical.Address(p.Value())) {
			p.SetParam("PARTSTAT", partStat)
			p.RemoveParam("RSVP")
		}
	}
	setText(c, "COMMENT", comment)
}
