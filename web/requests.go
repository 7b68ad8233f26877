package web

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kalends/calendar"
	"kalends/ical"
	"kalends/ical/zone"
	"kalends/meeting"
	"kalends/storage"
)

// pageSize is how much a list shows at once.
const pageSize = 50

type requestsView struct {
	base
	List    []requestLine
	Next    string
	Outcome string
}

// requestLine is a mail that waits for a decision.
type requestLine struct {
	Key              string
	Headline         string
	From             string
	Verified         bool
	When, Was, Where string
	Comment, Subject string
	Received         string
	Why              string
	CanAccept        bool
	Counter          bool
	AcceptText       string
}

// requestWords are the headlines, by the method of the message or the answer in it.
var requestWords = map[string]string{
	"REQUEST": "%s invites you to “%s”", "ADD": "%s adds a day to “%s”", "CANCEL": "%s cancels “%s”", "PUBLISH": "%s sends “%s”",
	"COUNTER": "%s proposes another time for “%s”", "REFRESH": "%s asks for “%s” as it is", "DECLINECOUNTER": "%s keeps “%s” as it was",
	"ACCEPTED": "%s accepts “%s”", "DECLINED": "%s declines “%s”", "TENTATIVE": "%s perhaps comes to “%s”", "DELEGATED": "%s passes “%s” on",
	"": "%s writes about “%s”",
}

func (h *Handler) requests(v *visit) error { return v.showRequests(http.StatusOK, "") }

func (v *visit) showRequests(status int, outcome string) error {
	list, next, err := v.Calendar.Held(v.r.Context(), v.who, v.who, v.r.URL.Query().Get("after"), pageSize)
	if err != nil {
		return err
	}
	p := &requestsView{base: v.base(v.t("Requests")), Outcome: outcome}
	if next != "" {
		p.Next = v.link("/requests", "after", next)
	}
	for _, in := range list {
		p.List = append(p.List, v.requestLine(in))
	}
	return v.render(status, "requests", p)
}

func (v *visit) requestLine(in *storage.Inbound) requestLine {
	a := in.About
	from := cmp.Or(a.Name, meeting.ShowAddress(a.From), a.Author, in.Sender, v.t("Somebody"))
	word, ok := requestWords[a.Method]
	if a.Method == "REPLY" {
		word, ok = requestWords[a.Answer]
	}
	if !ok {
		word = requestWords[""]
	}
	line := requestLine{
		Key: in.Key, Headline: v.lang.T(word, from, cmp.Or(a.Summary, in.Subject, v.t("(no title)"))),
		From: cmp.Or(a.Author, ical.Mailbox(a.From), in.Sender), Verified: a.Verified, Where: a.Location, Comment: a.Comment, Subject: in.Subject,
		Received: v.lang.Moment(in.Received, v.loc), Why: in.Outcome, CanAccept: a.Method != "" && a.Method != "REFRESH", Counter: a.Method == "COUNTER",
	}
	line.When, line.Was = v.aboutTime(a, a.Start, a.End), v.aboutTime(a, a.Was, time.Time{})
	switch a.Method {
	case "REQUEST", "ADD", "PUBLISH":
		line.AcceptText = v.t("Into my calendar")
	case "COUNTER":
		line.AcceptText = v.t("Take this time")
	default:
		line.AcceptText = v.t("Let it count")
	}
	return line
}

func (v *visit) aboutTime(a storage.About, start, end time.Time) string {
	if start.IsZero() {
		return ""
	}
	if end.Before(start) {
		end = start
	}
	i := &item{Start: start, End: end, AllDay: a.AllDay}
	if !a.AllDay && !a.Floating {
		i.Start, i.End = zone.Wall(start, v.loc), zone.Wall(end, v.loc)
	}
	return v.when(i)
}

// decide carries out what somebody decides about a mail that waits.
func (h *Handler) decide(v *visit) error {
	ctx, key := v.r.Context(), v.value("key")
	var err error
	text := v.t("It is gone; nothing was done.")
	switch v.value("do") {
	case "accept":
		if _, err = h.Calendar.AcceptHeld(ctx, v.who, v.who, key); err == nil {
			text = v.t("It is done.")
		}
	case "refuse":
		err = h.Calendar.RefuseHeld(ctx, v.who, v.who, key, plain(v.r.PostForm.Get("comment"), 1000))
	default:
		return brokenForm
	}
	if err != nil && calendar.KindOf(err) == calendar.NotFound {
		text, err = v.t("It was decided already."), nil
	}
	if err != nil {
		return err
	}
	return v.showRequests(http.StatusOK, text)
}

type trashView struct {
	base
	List    []trashLine
	Next    string
	Problem string
}

// trashLine is something that was deleted.
type trashLine struct {
	ID, Name, When, Deleted, Calendar string
	Recurring                         bool
	Invites                           []string // who is invited again
}

func (h *Handler) trash(v *visit) error { return v.showTrash(http.StatusOK, "") }

func (v *visit) showTrash(status int, problem string) error {
	list, next, err := v.Calendar.Trash(v.r.Context(), v.who, v.who, v.r.URL.Query().Get("after"), pageSize)
	if err != nil {
		return err
	}
	p := &trashView{base: v.base(v.t("Trash")), Problem: problem}
	if next != "" {
		p.Next = v.link("/trash", "after", next)
	}
	for i := range list {
		d := &list[i]
		line := trashLine{
			ID: strconv.FormatInt(d.ID, 36), Name: cmp.Or(d.Summary, v.t("(no title)")), Deleted: v.lang.Moment(d.Deleted, v.loc),
			Calendar: cmp.Or(d.CalendarName, d.Slug), Recurring: d.Recurring,
		}
		switch {
		case d.Start.IsZero():
		case d.AllDay:
			line.When = v.lang.Long(d.Start)
		default:
			line.When = v.lang.Moment(d.Start, v.loc)
		}
		for _, a := range d.Invites {
			line.Invites = append(line.Invites, meeting.ShowAddress(a))
		}
		p.List = append(p.List, line)
	}
	return v.render(status, "trash", p)
}

// restore brings back what was deleted. Where that invites people again, the form says that it was told so.
func (h *Handler) restore(v *visit) error {
	ctx := v.r.Context()
	id, err := strconv.ParseInt(v.value("id"), 36, 64)
	if err != nil {
		return brokenForm
	}
	res, err := h.Calendar.Restore(ctx, v.who, v.who, id)
	if err != nil {
		p, known := explain(ctx, err)
		if !known || p.status >= http.StatusInternalServerError {
			return err
		}
		return v.showTrash(p.status, v.t(p.text))
	}
	if res.Object.Component != "VEVENT" {
		return v.redirect("/trash?done=restored")
	}
	return v.redirect("/event/" + meeting.ID(res.Object.Owner, res.Object.ID) + "?done=restored")
}

// emptyTrash removes all of it for good.
func (h *Handler) emptyTrash(v *visit) error {
	if !strings.EqualFold(v.value("sure"), "yes") {
		return v.showTrash(http.StatusUnprocessableEntity, v.t("Tick the box to be sure."))
	}
	if _, err := h.Calendar.EmptyTrash(v.r.Context(), v.who, v.who); err != nil {
		return err
	}
	return v.redirect("/trash?done=removed")
}
