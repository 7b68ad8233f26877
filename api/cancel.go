package api

import (
	"context"

	"kalends/meeting"
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
		err := h.editor.Cancel(ctx, meeting.Request{Who: q.who, ID: in.ID, Part: meeting.Part{Instance: in.Instance, From: in.From}, Match: in.match()})
		if err != nil {
			return nil, err
		}
		return &noAnswer{}, nil
	})
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
		f, err := h.editor.Answer(ctx, meeting.Request{Who: q.who, ID: in.ID, Part: meeting.Part{Instance: in.Instance}, Match: in.match()},
			in.Body.Answer, in.Body.Comment)
		if err != nil {
			return nil, err
		}
		m, err := f.Tell(q.who, in.Instance)
		if err != nil {
			return nil, err
		}
		return answerWith(m), nil
	})
}
