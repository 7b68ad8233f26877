package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"kalends/auth"
	"kalends/calendar"
	"kalends/ical"
	"kalends/meeting"
	"kalends/storage"
)

const sharesTag = "Sharing"

// shares registers what is done with calendars that are shared by invitation.
func (h *Handler) shares(a huma.API) {
	register(h, a, operation("GET", "/calendars/{id}/shares", "listShares", sharesTag, auth.ReadScope, "With whom a calendar is shared",
		"Those who have not answered yet and those who declined are in it too."), h.listShares)
	create := operation("POST", "/calendars/{id}/shares", "createShare", sharesTag, auth.WriteScope, "Share a calendar",
		"With a person or group of this server; once more to change what they may do. People are asked, and have the calendar when they accept. "+
			"A group may do it at once, and each of its members is asked whether they want the calendar among theirs.")
	create.DefaultStatus = http.StatusCreated
	register(h, a, create, h.createShare)
	register(h, a, operation("DELETE", "/calendars/{id}/shares", "deleteShare", sharesTag, auth.WriteScope, "Take a calendar back",
		"From a person, or from a group and its members."), h.deleteShare)
	register(h, a, operation("GET", "/shares", "listInvitations", sharesTag, auth.ReadScope, "What others share with one",
		"With what was not answered yet, and what was declined."), h.listInvitations)
	register(h, a, operation("POST", "/shares/{id}/answer", "answerShare", sharesTag, auth.WriteScope, "Accept or decline a calendar",
		"Declining one that was accepted takes it out of one's calendars; it can be accepted again."), h.answerShare)
}

// Share is somebody with whom a calendar is shared.
type Share struct {
	With   string `json:"with" doc:"Their address, or name to log in where they have none." example:"bob@example.com"`
	Name   string `json:"name" doc:"What they are called."`
	Group  bool   `json:"group,omitempty" doc:"Whether it is a group."`
	Via    bool   `json:"viaGroup,omitempty" doc:"Whether they were asked as a member of a group; what they may do ends with that."`
	Access string `json:"access" enum:"free-busy,read,read-write" doc:"What they may do."`
	State  string `json:"state" enum:"invited,accepted,declined" doc:"What they have answered."`
}

// NewShare says with whom a calendar is to be shared.
type NewShare struct {
	With   string `json:"with" minLength:"1" maxLength:"1000" doc:"A person or group of this server: an address, or a name to log in." example:"bob@example.com"`
	Access string `json:"access" enum:"free-busy,read,read-write" doc:"What they may do: see when time is taken, read, or also change."`
	Name   string `json:"name,omitempty" maxLength:"200" doc:"What the calendar is called in the invitation; its name."`
}

// Invitation is a calendar that somebody else shares.
type Invitation struct {
	ID       string  `json:"id" doc:"Its id, to answer."`
	Name     string  `json:"name" doc:"What the calendar is called."`
	Owner    *Person `json:"owner" doc:"Whose it is."`
	Access   string  `json:"access" enum:"free-busy,read,read-write" doc:"What one may do, or is to be able to."`
	State    string  `json:"state" enum:"invited,accepted,declined" doc:"What one has answered."`
	Calendar string  `json:"calendar,omitempty" doc:"Id of the calendar, where it is accepted."`
	Path     string  `json:"path,omitempty" doc:"Its address for calendar programs, where it is accepted."`
}

func tellShare(e calendar.ShareEntry) *Share {
	return &Share{
		With: addressOf(e.Sharee), Name: nameOf(e.Sharee), Group: e.Sharee.Kind == storage.Group, Via: e.Share.Via != 0,
		Access: string(e.Access), State: string(e.Share.State),
	}
}

func addressOf(p *storage.Principal) string {
	if p.Email != "" {
		return meeting.ShowAddress(ical.Address(p.Email))
	}
	return p.Name
}

func nameOf(p *storage.Principal) string {
	if p.DisplayName != "" {
		return p.DisplayName
	}
	return p.Name
}

func (h *Handler) listShares(ctx context.Context, q *caller, in *CalendarPath) (*struct {
	Body struct {
		Shares []*Share `json:"shares" nullable:"false" doc:"By name."`
	}
}, error) {
	p, c, err := h.oneCalendar(ctx, q, in.ID)
	if err != nil {
		return nil, err
	}
	list, err := h.Calendar.Shares(ctx, q.who, p.Target(c, ""))
	if err != nil {
		return nil, err
	}
	out := &struct {
		Body struct {
			Shares []*Share `json:"shares" nullable:"false" doc:"By name."`
		}
	}{}
	out.Body.Shares = []*Share{}
	for _, e := range list {
		out.Body.Shares = append(out.Body.Shares, tellShare(e))
	}
	return out, nil
}

func (h *Handler) createShare(ctx context.Context, q *caller, in *struct {
	CalendarPath
	Body NewShare
}) (*struct{ Body *Share }, error) {
	p, c, err := h.oneCalendar(ctx, q, in.ID)
	if err != nil {
		return nil, err
	}
	if err := meeting.OneLine("name", in.Body.Name); err != nil {
		return nil, err
	}
	with, err := h.sharee(ctx, in.Body.With)
	if err != nil {
		return nil, err
	}
	t := p.Target(c, "")
	request := calendar.ShareRequest{With: with, Access: calendar.ShareAccess(in.Body.Access), Summary: in.Body.Name}
	if err := h.Calendar.Share(ctx, q.who, t, []calendar.ShareRequest{request}); err != nil {
		return nil, err
	}
	list, err := h.Calendar.Shares(ctx, q.who, t)
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		if e.Sharee.ID == with.ID {
			return &struct{ Body *Share }{tellShare(e)}, nil
		}
	}
	return nil, notThere("share") // taken back meanwhile
}

// sharee finds who is meant by the field with.
func (h *Handler) sharee(ctx context.Context, with string) (*storage.Principal, error) {
	p, err := h.Calendar.Sharee(ctx, with)
	if k := calendar.KindOf(err); err != nil && (k == calendar.NotFound || k == calendar.Refused) {
		return nil, invalid("with", "%s", err)
	}
	return p, err
}

func (h *Handler) deleteShare(ctx context.Context, q *caller, in *struct {
	CalendarPath
	With string `query:"with" required:"true" minLength:"1" maxLength:"1000" doc:"Whom to take it from: an address, or a name to log in."`
}) (*noAnswer, error) {
	p, c, err := h.oneCalendar(ctx, q, in.ID)
	if err != nil {
		return nil, err
	}
	with, err := h.sharee(ctx, in.With)
	if err != nil {
		return nil, err
	}
	if err := h.Calendar.Unshare(ctx, q.who, p.Target(c, ""), []*storage.Principal{with}); err != nil {
		return nil, err
	}
	return &noAnswer{}, nil
}

func tellInvitation(q *caller, c calendar.SharedCalendar) *Invitation {
	out := &Invitation{
		ID: c.Share.UID, Name: c.Calendar.DisplayName, Owner: &Person{Address: showOwn(c.Owner), Name: nameOf(c.Owner)},
		Access: string(calendar.AccessOf(c.Share)), State: string(c.Share.State),
	}
	if c.Share.State != storage.ShareAccepted {
		out.Name = c.Share.Summary
	} else if c.Access.To(c.Calendar).Has(auth.Read) {
		out.Calendar = meeting.CalendarID(c.Calendar.Owner, c.Calendar.ID)
		out.Path = "/dav/calendars/" + q.who.Name + "/" + c.Share.Slug() + "/"
	}
	return out
}

func (h *Handler) listInvitations(ctx context.Context, q *caller, _ *struct{}) (*struct {
	Body struct {
		Shares []*Invitation `json:"shares" nullable:"false" doc:"The oldest first."`
	}
}, error) {
	list, err := h.Calendar.Invitations(ctx, q.who)
	if err != nil {
		return nil, err
	}
	out := &struct {
		Body struct {
			Shares []*Invitation `json:"shares" nullable:"false" doc:"The oldest first."`
		}
	}{}
	out.Body.Shares = []*Invitation{}
	for _, c := range list {
		out.Body.Shares = append(out.Body.Shares, tellInvitation(q, c))
	}
	return out, nil
}

func (h *Handler) answerShare(ctx context.Context, q *caller, in *struct {
	ID   string `path:"id" maxLength:"100" doc:"Id of the invitation."`
	Body struct {
		Answer string `json:"answer" enum:"accepted,declined" doc:"The answer."`
		Name   string `json:"name,omitempty" maxLength:"200" doc:"What the calendar is to be called among one's own; what the invitation says."`
	}
}) (*struct{ Body *Invitation }, error) {
	if err := meeting.OneLine("name", in.Body.Name); err != nil {
		return nil, err
	}
	if _, err := h.Calendar.AnswerShare(ctx, q.who, q.who, in.ID, in.Body.Answer == "accepted", in.Body.Name); err != nil {
		return nil, err
	}
	list, err := h.Calendar.Invitations(ctx, q.who)
	if err != nil {
		return nil, err
	}
	for _, c := range list {
		if c.Share.UID == in.ID {
			return &struct{ Body *Invitation }{tellInvitation(q, c)}, nil
		}
	}
	return nil, notThere("invitation")
}
