package web

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"kalends/ical/zone"
	"kalends/meeting"
)

// shown is an event that was found, as its page shows it.
type shown struct {
	found *meeting.Found
	obj   *meeting.Object
	m     *meeting.Meeting // the instance that was asked for, else the whole
	whole *meeting.Meeting
	shelf *shelf
	list  []*shelf
}

// event finds the event that the path names, and the instance that the query or form does.
func (v *visit) event(ctx context.Context) (*shown, error) {
	instance := v.r.FormValue("instance")
	f, err := v.editor.Find(ctx, v.who, v.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	e := &shown{found: f}
	if e.obj, err = f.Read(v.who); err != nil {
		return nil, err
	}
	if e.whole = e.obj.Meeting(); e.whole == nil {
		return nil, notThere
	}
	e.m = e.whole
	if instance != "" && len(instance) <= 40 {
		x, err := e.obj.Find("instance", instance)
		if err != nil {
			return nil, err
		}
		if e.m = e.obj.Instance(x); e.m == nil {
			return nil, notThere
		}
	}
	if e.list, err = v.shelves(ctx); err != nil {
		return nil, err
	}
	id := meeting.CalendarID(f.Calendar.Owner, f.Calendar.ID)
	for _, s := range e.list {
		if s.ID == id {
			e.shelf = s
		}
	}
	if e.shelf == nil {
		e.shelf = &shelf{ID: id, Name: f.Calendar.DisplayName, Color: colorOf(f.Calendar, 0), place: f.Place, row: f.Calendar}
	}
	return e, nil
}

// mine reports whether the event may be changed, and everything of it.
func (e *shown) mine() bool { return e.shelf.Write && e.obj.Organized() }

// times are the start and end of what is shown as wall times of its own zone, in UTC.
func (e *shown) times() (start, end time.Time) { return wallOf(e.m.Start), wallOf(e.m.End) }

// wallOf reads the wall time out of what package meeting tells.
func wallOf(text string) time.Time {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
	}
	return time.Time{}
}

type eventView struct {
	frame
	Event                  *meeting.Meeting
	Name                   string
	When, ThereWhen, There string // ThereWhen is in the event's own zone, where that is another
	Repeats                string
	Calendar               *shelf
	People                 []guestLine
	Answered, Invited      bool
	CanAnswer, CanEdit     bool
	Mine                   bool
	Reminders              []string
	Back                   string
	Comment                string
	EditLink, DeleteLink   string
	Answers                []answerChoice
	Organizer              string
	Propose                *proposeForm // nil where no other time can be proposed
	Files                  []fileLine
	CanAttach              bool
	AttachLink             string
	CanAsk                 bool // the organizer, who is elsewhere, can be asked for the meeting as it is
}

type guestLine struct{ Name, Address, Answer, Mark, Kind string }

type answerChoice struct {
	Value, Text string
	Chosen      bool
}

var answerWords = map[string]string{
	"accepted": "Accepted", "declined": "Declined", "tentative": "Maybe", "delegated": "Passed on", "needs-action": "No answer yet",
}

var answerMarks = map[string]string{"accepted": "✓", "declined": "✗", "tentative": "?", "delegated": "→", "needs-action": "·"}

func (h *Handler) showEvent(v *visit) error {
	ctx := v.r.Context()
	e, err := v.event(ctx)
	if err != nil {
		return err
	}
	p := v.eventView(e)
	if p.CanAsk, err = v.canAsk(ctx, e); err != nil {
		return err
	}
	return v.render(http.StatusOK, "event", p)
}

func (v *visit) eventView(e *shown) *eventView {
	start, end := e.times()
	day := dayOf(start)
	p := &eventView{frame: v.frame("day", day, e.list), Event: e.m, Calendar: e.shelf, Mine: e.obj.Organized()}
	p.Name = cmp.Or(e.m.Name, v.t("(no title)"))
	p.Title = p.Name
	i := &item{Start: start, End: end, AllDay: e.m.AllDay, Shelf: e.shelf}
	p.When = v.when(i)
	if !e.m.AllDay && !e.m.Floating && e.m.TimeZone != "" {
		own := *i
		if a, err := time.Parse(time.RFC3339, e.m.Start); err == nil {
			own.Start = zone.Wall(a, v.loc)
		}
		if b, err := time.Parse(time.RFC3339, e.m.End); err == nil {
			own.End = zone.Wall(b, v.loc)
		}
		if !own.Start.Equal(i.Start) {
			p.ThereWhen, p.There, p.When = p.When, e.m.TimeZone, v.when(&own)
			day = dayOf(own.Start)
		}
	}
	if e.whole.Recurring {
		p.Repeats = v.repeats(e.whole)
	}
	for _, g := range e.m.Invited {
		p.People = append(p.People, guestLine{cmp.Or(g.Name, g.Address), g.Address, v.t(answerWords[g.Answer]), answerMarks[g.Answer], g.Kind})
	}
	if o := e.m.Organizer; o != nil {
		p.Organizer = cmp.Or(o.Name, o.Address)
	}
	for _, n := range e.m.Reminders {
		p.Reminders = append(p.Reminders, v.before(n))
	}
	p.Invited = e.obj.IsInvited() && !e.obj.Organized()
	p.CanAnswer = p.Invited && e.shelf.Write && e.m.Status != "cancelled"
	p.Files, p.CanAttach, p.AttachLink = v.files(e), e.mine(), v.link("/event/"+e.m.ID+"/attach", "instance", e.m.Instance)
	p.CanEdit, p.Propose = e.shelf.Write, v.proposal(e)
	for _, a := range []string{"accepted", "tentative", "declined"} {
		p.Answers = append(p.Answers, answerChoice{a, v.t(map[string]string{"accepted": "Accept", "tentative": "Maybe", "declined": "Decline"}[a]), e.m.Answer == a})
	}
	p.Back = v.link("/" + v.lastView() + "/" + day.Format(dateForm))
	p.EditLink = v.link("/event/"+e.m.ID+"/edit", "instance", e.m.Instance)
	p.DeleteLink = v.link("/event/"+e.m.ID+"/delete", "instance", e.m.Instance)
	return p
}

// lastView is the view somebody came from, most likely.
func (v *visit) lastView() string {
	switch view := v.settings["view"]; view {
	case "month", "day", "agenda":
		return view
	}
	return "week"
}

// before tells when a reminder is due.
func (v *visit) before(minutes int) string {
	l := v.lang
	switch {
	case minutes == 0:
		return l.T("at the start")
	case minutes%(7*24*60) == 0:
		return l.N(minutes/(7*24*60), "1 week before", "%d weeks before")
	case minutes%(24*60) == 0:
		return l.N(minutes/(24*60), "1 day before", "%d days before")
	case minutes%60 == 0:
		return l.N(minutes/60, "1 hour before", "%d hours before")
	}
	return l.N(minutes, "1 minute before", "%d minutes before")
}

// part reads which of a series a form is about.
func (v *visit) part(e *shown) meeting.Part {
	if e.m.Instance == "" {
		return meeting.Part{}
	}
	switch v.value("scope") {
	case "all":
		return meeting.Part{}
	case "following":
		return meeting.Part{From: e.m.Instance}
	}
	return meeting.Part{Instance: e.m.Instance}
}

// request is a change of the event, if it is still as the form has it.
func (v *visit) request(e *shown, part meeting.Part) meeting.Request {
	r := meeting.Request{Who: v.who, ID: e.m.ID, Part: part, UID: meeting.NewUID()}
	if etag := v.value("etag"); etag != "" {
		r.Match = func(is string) bool { return is == etag }
	}
	return r
}

// done leads back after a change: to the view, or for the module to nothing.
func (v *visit) done(path string) error {
	if v.r.Header.Get("X-Requested-With") == "fetch" {
		v.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return v.redirect(path)
}

func (h *Handler) answerEvent(v *visit) error {
	ctx := v.r.Context()
	e, err := v.event(ctx)
	if err != nil {
		return err
	}
	answer := v.value("answer")
	switch answer {
	case "accepted", "tentative", "declined":
	default:
		return brokenForm
	}
	part := meeting.Part{}
	if e.m.Instance != "" && v.value("scope") != "all" {
		part.Instance = e.m.Instance
	}
	if _, err := h.editor.Answer(ctx, v.request(e, part), answer, plain(v.r.PostForm.Get("comment"), 1000)); err != nil {
		return err
	}
	return v.done(v.link("/event/"+e.m.ID, "instance", e.m.Instance, "done", "answered"))
}

// plain is a text that was typed, without what iCalendar text cannot hold, of at most so many characters.
func plain(s string, most int) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '\n' || r >= ' ' && r != 0x7f && r != utf8.RuneError {
			return r
		}
		return -1
	}, s))
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most])
	}
	return s
}

func (h *Handler) askDelete(v *visit) error {
	e, err := v.event(v.r.Context())
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "delete", v.eventView(e))
}

func (h *Handler) deleteEvent(v *visit) error {
	ctx := v.r.Context()
	e, err := v.event(ctx)
	if err != nil {
		return err
	}
	if err := h.editor.Cancel(ctx, v.request(e, v.part(e))); err != nil {
		return err
	}
	start, _ := e.times()
	return v.done(v.link("/"+v.lastView()+"/"+dayOf(start).Format(dateForm), "done", "deleted"))
}

func clipTo(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// zone is the zone of the event's times; nil for none.
func (e *shown) zone(v *visit) *time.Location {
	if e.m.Floating {
		_, here := meeting.ZoneOf(v.who, e.found.Calendar)
		return here
	}
	if loc, ok := zone.Load(e.m.TimeZone); ok {
		return loc
	}
	// A zone of another program, with rules of its own: the offset that it has then.
	if t, err := time.Parse(time.RFC3339, e.m.Start); err == nil {
		return t.Location()
	}
	return nil
}

// setTimes writes new times, wall times of the zone of that name, into a change. Of a whole series all instances move as far as the one
// that is shown.
func (e *shown) setTimes(v *visit, ch *meeting.MeetingChange, part meeting.Part, start, end time.Time, zoneName string) {
	was, _ := e.times()
	if part == (meeting.Part{}) && e.m.Instance != "" {
		first := wallOf(e.whole.Start)
		length := end.Sub(start)
		start = first.Add(start.Sub(was))
		end = start.Add(length)
	}
	if e.m.AllDay && ch.AllDay == nil || ch.AllDay != nil && *ch.AllDay {
		ch.Start, ch.End = start.Format(time.DateOnly), end.Format(time.DateOnly)
		return
	}
	loc := e.zone(v)
	if l, ok := zone.Load(zoneName); ok && zoneName != "" {
		loc = l
	}
	if loc == nil {
		loc = v.loc
	}
	ch.Start = zone.Instant(start, loc).In(loc).Format(time.RFC3339)
	ch.End = zone.Instant(end, loc).In(loc).Format(time.RFC3339)
}
