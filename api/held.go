package api

import (
	"context"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kalends/auth"
	"kalends/ical/zone"
	"kalends/meeting"
	"kalends/storage"
)

const heldTag = "Held mail"

// held registers what is done with mail that waits for a decision.
func (h *Handler) held(a huma.API) {
	register(h, a, operation("GET", "/held", "listHeld", heldTag, auth.ReadScope, "Mail that waits for one's decision",
		"Answers that nobody stands in for or by people who are not invited, invitations by strangers, proposals of other times, and what "+
			"was published for everybody. Oldest first. Nothing of it is acted on by itself; it is kept for 30 days."), h.listHeld)
	register(h, a, operation("GET", "/held/{id}", "getHeld", heldTag, auth.ReadScope, "Read one of them", ""), h.getHeld)
	register(h, a, operation("POST", "/held/{id}/accept", "acceptHeld", heldTag, auth.WriteScope, "Carry it out",
		"Records the answer, invites who answered without being invited, enters the invitation, or takes the proposal and tells everybody."), h.acceptHeld)
	register(h, a, operation("POST", "/held/{id}/refuse", "refuseHeld", heldTag, auth.WriteScope, "Leave it alone",
		"Who proposed another time is told that it stays as it was. Nobody else hears of it."), h.refuseHeld)
}

// Held is a mail that waits for a decision. What it says of its sender is a claim, unless it is verified.
type Held struct {
	ID        string  `json:"id" doc:"Its id."`
	Received  string  `json:"received" doc:"When it came."`
	Why       string  `json:"why" doc:"Why it waits, in a few words." example:"mallory@example.net answers without being invited"`
	Kind      string  `json:"kind" enum:"invitation,answer,proposal,proposal-declined,addition,cancellation,question,published,mail" doc:"What it is; mail where it holds no message that can be carried out."`
	From      *Person `json:"from,omitempty" doc:"Who it says it is from: who answers, or who invites."`
	Author    string  `json:"author,omitempty" doc:"Address of who wrote the mail."`
	Verified  bool    `json:"verified" doc:"Whether it is certain that it is from them."`
	Subject   string  `json:"subject,omitempty" doc:"Subject of the mail."`
	Meeting   string  `json:"meeting,omitempty" doc:"Id of the meeting it is about, where that is in one's calendars."`
	Name      string  `json:"name,omitempty" doc:"What the meeting is about."`
	Location  string  `json:"location,omitempty" doc:"Where it is to be."`
	Start     string  `json:"start,omitempty" doc:"When it is to start: an instant, or a date where it takes the whole day."`
	End       string  `json:"end,omitempty" doc:"When it is to end: an instant, or the first day after it."`
	Was       string  `json:"was,omitempty" doc:"Of a proposal: when the meeting starts as things are."`
	AllDay    bool    `json:"allDay,omitempty" doc:"Whether it takes the whole day."`
	TimeZone  string  `json:"timeZone,omitempty" doc:"The IANA time zone in which its times were written."`
	Recurring bool    `json:"recurring,omitempty" doc:"Whether it repeats."`
	Instance  bool    `json:"instance,omitempty" doc:"Whether it is about one instance of a series."`
	Answer    string  `json:"answer,omitempty" enum:"needs-action,accepted,declined,tentative,delegated" doc:"What they answer."`
	Comment   string  `json:"comment,omitempty" doc:"What they write with it."`
}

// HeldPage is a page of waiting mail.
type HeldPage struct {
	Held []*Held `json:"held" nullable:"false" doc:"Oldest first."`
	Next string  `json:"next,omitempty" doc:"Send it as after for the next page."`
}

// Decision says what became of it.
type Decision struct {
	Outcome string `json:"outcome" doc:"In a few words." example:"admitted"`
}

var heldKinds = map[string]string{
	"REQUEST": "invitation", "REPLY": "answer", "COUNTER": "proposal", "DECLINECOUNTER": "proposal-declined", "ADD": "addition", "CANCEL": "cancellation",
	"REFRESH": "question", "PUBLISH": "published",
}

var answers = map[string]bool{"needs-action": true, "accepted": true, "declined": true, "tentative": true, "delegated": true}

func tellHeld(q *caller, in *storage.Inbound) *Held {
	a := &in.About
	_, here := meeting.ZoneOf(q.who, nil)
	tell := func(t time.Time) string {
		switch {
		case t.IsZero():
			return ""
		case a.AllDay:
			return t.Format(time.DateOnly)
		case a.Floating:
			t = zone.Instant(t, here)
		}
		return t.In(here).Format(time.RFC3339)
	}
	out := &Held{
		ID: in.Key, Received: in.Received.In(here).Format(time.RFC3339), Why: in.Outcome, Kind: heldKinds[a.Method], Author: a.Author, Verified: a.Verified,
		Subject: in.Subject, Name: a.Summary, Location: a.Location, Start: tell(a.Start), End: tell(a.End), Was: tell(a.Was), AllDay: a.AllDay,
		TimeZone: a.TimeZone, Recurring: a.Recurs, Instance: a.Instance, Comment: a.Comment,
	}
	if out.Kind == "" {
		out.Kind = "mail"
	}
	if answer := strings.ToLower(a.Answer); answers[answer] {
		out.Answer = answer
	}
	if a.From != "" {
		out.From = &Person{Address: meeting.ShowAddress(a.From), Name: a.Name}
	}
	if in.Object != 0 {
		out.Meeting = meeting.ID(in.Owner, in.Object)
	}
	return out
}

func (h *Handler) listHeld(ctx context.Context, q *caller, in *struct {
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
	After string `query:"after" maxLength:"100" doc:"The next of the page before."`
}) (*struct{ Body HeldPage }, error) {
	list, next, err := h.Calendar.Held(ctx, q.who, q.who, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	page := HeldPage{Held: []*Held{}, Next: next}
	for _, m := range list {
		page.Held = append(page.Held, tellHeld(q, m))
	}
	return &struct{ Body HeldPage }{page}, nil
}

// HeldPath names a mail that waits.
type HeldPath struct {
	ID string `path:"id" doc:"Id of the mail." maxLength:"64"`
}

func (h *Handler) getHeld(ctx context.Context, q *caller, in *HeldPath) (*struct{ Body *Held }, error) {
	m, err := h.Calendar.HeldMail(ctx, q.who, q.who, in.ID)
	if err != nil {
		return nil, err
	}
	return &struct{ Body *Held }{tellHeld(q, m)}, nil
}

type decisionAnswer struct{ Body Decision }

func (h *Handler) acceptHeld(ctx context.Context, q *caller, in *struct {
	HeldPath
	OnceKey
}) (*decisionAnswer, error) {
	return once(ctx, h, q, in.Key, "acceptHeld", in.ID, func(string) (*decisionAnswer, error) {
		what, err := h.Calendar.AcceptHeld(ctx, q.who, q.who, in.ID)
		if err != nil {
			return nil, err
		}
		return &decisionAnswer{Decision{what}}, nil
	})
}

func (h *Handler) refuseHeld(ctx context.Context, q *caller, in *struct {
	HeldPath
	OnceKey
	Body *struct {
		Comment string `json:"comment,omitempty" maxLength:"1000" doc:"Something for who proposed another time to read."`
	}
}) (*decisionAnswer, error) {
	comment := ""
	if in.Body != nil {
		comment = in.Body.Comment
	}
	return once(ctx, h, q, in.Key, "refuseHeld", [2]string{in.ID, comment}, func(string) (*decisionAnswer, error) {
		if err := h.Calendar.RefuseHeld(ctx, q.who, q.who, in.ID, comment); err != nil {
			return nil, err
		}
		return &decisionAnswer{Decision{"refused"}}, nil
	})
}
