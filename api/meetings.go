package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"kalends/auth"
	"kalends/meeting"
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
	f, err := h.editor.Find(ctx, q.who, in.ID)
	if err != nil {
		return nil, err
	}
	m, err := f.Tell(q.who, in.Instance)
	if err != nil {
		return nil, err
	}
	if in.IfNoneMatch != "" && matches(in.IfNoneMatch, m.ETag, true) {
		return &meetingAnswer{Status: http.StatusNotModified, ETag: m.ETag}, nil
	}
	return answerWith(m), nil
}

// match is the condition for package meeting; nil for none.
func (c IfMatchHeader) match() func(string) bool {
	if c.IfMatch == "" {
		return nil
	}
	return func(etag string) bool { return matches(c.IfMatch, etag, false) }
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
		f, err := h.editor.Create(ctx, q.who, &in.Body, uid, in.Key != "")
		if err != nil {
			return nil, err
		}
		m, err := f.Tell(q.who, "")
		if err != nil {
			return nil, err
		}
		return &meetingAnswer{http.StatusCreated, m.ETag, Prefix + "/meetings/" + m.ID, m}, nil
	})
}

func (h *Handler) updateMeeting(ctx context.Context, q *caller, in *struct {
	MeetingPath
	WhichInstance
	FromInstance
	IfMatchHeader
	OnceKey
	Body MeetingChange
}) (*meetingAnswer, error) {
	request := struct {
		ID, Instance, From, Match string
		Body                      MeetingChange
	}{in.ID, in.Instance, in.From, in.IfMatch, in.Body}
	return once(ctx, h, q, in.Key, "updateMeeting", request, func(uid string) (*meetingAnswer, error) {
		f, err := h.editor.Update(ctx, meeting.Request{
			Who: q.who, ID: in.ID, Part: meeting.Part{Instance: in.Instance, From: in.From}, Match: in.match(), UID: uid, Again: in.Key != "",
		}, &in.Body)
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
