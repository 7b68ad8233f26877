package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
	"kalends/meeting"
)

// eventForm is an event as its form has it: what was typed, right or wrong.
type eventForm struct {
	Name, Calendar, Location, Link, Notes string
	AllDay                                bool
	StartDate, StartTime                  string
	EndDate, EndTime                      string // the last day, not the first after it
	Zone                                  string // "" for floating
	Repeat                                repeatForm
	Guests                                []guestForm
	Rooms                                 []roomForm
	Reminders                             []string // minutes, "" for none
	Busy                                  bool
	Privacy                               string
	Scope                                 string
}

type formView struct {
	frame
	eventForm
	New       bool
	Post      string // where the form goes
	ETag      string
	Instance  string
	Recurring bool
	First     bool // the instance is the first of its series
	Mine      bool // all of it may be changed
	Calendars []*shelf
	Choices   []repeatChoice
	Weekdays  []weekdayChoice
	Minutes   []minuteChoice
	Directory []offered
	Zones     []string
	From, Len int      // when it is, in quarters of the day from 1, on the chart of busy times; Len 0 for not
	Problems  []string // each tells what to mend
	Wrong     map[string]bool
	Slots     []slotForm // times at which all are free, where they were asked for
	NoSlots   string     // why there are none
	Floating  bool
	Cancel    string
	Day       string
}

type weekdayChoice struct {
	Value, Text string
	Chosen      bool
}

type minuteChoice struct{ Value, Text string }

var usualMinutes = []int{0, 5, 10, 15, 30, 60, 120, 24 * 60, 2 * 24 * 60, 7 * 24 * 60}

// newEvent shows an empty form, for the day and time in the query.
func (h *Handler) newEvent(v *visit) error {
	q := v.r.URL.Query()
	now := zone.Wall(v.Now(), v.loc)
	start := now.Truncate(time.Hour).Add(time.Hour)
	if day, err := time.Parse(time.DateOnly, q.Get("date")); err == nil && day.Year() >= firstYear && day.Year() <= lastYear {
		hour := start.Sub(dayOf(start))
		if !day.Equal(dayOf(now)) {
			hour = 9 * time.Hour
		}
		start = day.Add(hour)
	}
	if clock, err := time.Parse("15:04", q.Get("time")); err == nil {
		start = dayOf(start).Add(time.Duration(clock.Hour())*time.Hour + time.Duration(clock.Minute())*time.Minute)
	}
	end := start.Add(time.Hour)
	if n, err := strconv.Atoi(q.Get("minutes")); err == nil && n > 0 && n <= 7*24*60 {
		end = start.Add(time.Duration(n) * time.Minute)
	}
	f := eventForm{
		Name: plainLine(q.Get("name"), 200), AllDay: q.Get("allday") != "", Zone: v.zone, Repeat: repeatOf(nil, start), Busy: true, Privacy: "public",
		Reminders: []string{v.defaultReminder()}, Calendar: q.Get("calendar"),
	}
	f.setTimes(start, end)
	if f.AllDay {
		f.EndDate = f.StartDate
		if day, err := time.Parse(time.DateOnly, q.Get("end")); err == nil && !day.Before(dayOf(start)) {
			f.EndDate = q.Get("end")
		}
	}
	return h.showForm(v, http.StatusOK, nil, f, nil)
}

// defaultReminder is what people have chosen for new events, in minutes; "" for none.
func (v *visit) defaultReminder() string {
	switch n := v.settings["reminder"]; n {
	case "none":
		return ""
	case "":
		return "30"
	default:
		return n
	}
}

func (f *eventForm) setTimes(start, end time.Time) {
	f.StartDate, f.StartTime = start.Format(time.DateOnly), start.Format("15:04")
	f.EndDate, f.EndTime = end.Format(time.DateOnly), end.Format("15:04")
}

// formOf is the form of an event that is there.
func (v *visit) formOf(e *shown) eventForm {
	m := e.m
	start, end := e.times()
	f := eventForm{
		Name: m.Name, Calendar: e.shelf.ID, Location: m.Location, Link: m.Link, Notes: m.Description, AllDay: m.AllDay, Zone: m.TimeZone,
		Repeat: repeatOf(e.whole.Recurrence, start), Busy: m.Busy, Privacy: m.Privacy,
	}
	if m.AllDay {
		end = end.AddDate(0, 0, -1)
		f.setTimes(start.Add(9*time.Hour), end.Add(10*time.Hour))
		f.Zone = v.zone
	} else {
		f.setTimes(start, end)
	}
	for _, g := range m.Invited {
		f.Guests = append(f.Guests, guestForm{Address: g.Address, Name: g.Name, Optional: g.Optional, Keep: true})
	}
	for _, n := range m.Reminders {
		f.Reminders = append(f.Reminders, strconv.Itoa(n))
	}
	return f
}

// readForm reads what was sent.
func (v *visit) readEvent(ctx context.Context) (eventForm, error) {
	p := v.r.PostForm
	f := eventForm{
		Name: plainLine(p.Get("name"), 1000), Calendar: v.value("calendar"), Location: plainLine(p.Get("location"), 1000), Link: v.value("link"),
		Notes: plain(p.Get("notes"), 50_000), AllDay: p.Get("allday") != "", StartDate: v.value("startdate"), StartTime: v.value("starttime"),
		EndDate: v.value("enddate"), EndTime: v.value("endtime"), Zone: v.value("timezone"), Busy: p.Get("free") == "", Privacy: v.value("privacy"),
		Repeat: repeatForm{
			Every: v.value("every"), Interval: v.value("interval"), On: p["on"], Ends: v.value("ends"), Until: v.value("until"), Count: v.value("count"),
		},
		Reminders: p["reminder"], Scope: v.value("scope"),
	}
	if len(f.Reminders) > meeting.MaxReminders {
		f.Reminders = f.Reminders[:meeting.MaxReminders]
	}
	addresses := p["guest"]
	for _, a := range strings.FieldsFunc(p.Get("add"), func(r rune) bool { return r == ',' || r == ';' || r == '\n' || r == ' ' }) {
		if a = strings.Trim(a, "<>\r\t\""); strings.Contains(a, "@") {
			addresses = append(addresses, a)
		}
	}
	if slot, ok := strings.CutPrefix(v.value("do"), "take "); ok {
		f.takeSlot(slot)
	}
	var err error
	f.Guests, err = v.guestsOf(ctx, addresses, p["optional"])
	for _, a := range p["room"] {
		f.Rooms = append(f.Rooms, roomForm{Address: a, Chosen: true})
	}
	return f, err
}

// plainLine is a text of one line.
func plainLine(s string, most int) string {
	return plain(strings.Join(strings.Fields(strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(s)), " "), most)
}

// span reads the times of the form, wall times of its zone; wrong names the fields that cannot be.
func (f *eventForm) span() (start, end time.Time, wrong []string) {
	read := func(field, layout, text string) time.Time {
		t, err := time.Parse(layout, text)
		if err != nil || layout == time.DateOnly && (t.Year() < firstYear || t.Year() > lastYear) {
			wrong = append(wrong, field)
		}
		return t
	}
	start, end = read("startdate", time.DateOnly, f.StartDate), read("enddate", time.DateOnly, f.EndDate)
	if f.AllDay {
		end = end.AddDate(0, 0, 1)
	} else {
		a, b := read("starttime", "15:04", clipTo(f.StartTime, 5)), read("endtime", "15:04", clipTo(f.EndTime, 5))
		start = start.Add(time.Duration(a.Hour())*time.Hour + time.Duration(a.Minute())*time.Minute)
		end = end.Add(time.Duration(b.Hour())*time.Hour + time.Duration(b.Minute())*time.Minute)
	}
	if len(wrong) == 0 && !end.After(start) {
		wrong = append(wrong, "end")
	}
	return start, end, wrong
}

// fieldProblems are what is said of fields that cannot be as they are.
var fieldProblems = map[string]string{
	"name": "An event needs a title.", "startdate": "The day it starts is missing, or is no day.", "starttime": "The time it starts is missing, or is no time.",
	"enddate": "The day it ends is missing, or is no day.", "endtime": "The time it ends is missing, or is no time.", "end": "It ends before it starts.",
	"timezone": "There is no such time zone.", "link": "The link must be a web address such as https://meet.example.com/room.",
	"interval": "How often it repeats must be a number from 1 to 999.", "until": "The last day must not be before the first.",
	"count": "How many times must be a number from 1 to 5000.", "every": "It cannot repeat like this.", "calendar": "There is no such calendar.",
	"add": "Guests are invited by their mail addresses.", "recurrence": "With the new day, please say anew how it repeats.",
}

// check reads the form whole. The map names the fields that cannot be.
func (v *visit) check(f *eventForm) (start, end time.Time, wrong map[string]bool) {
	wrong = map[string]bool{}
	start, end, list := f.span()
	for _, w := range list {
		wrong[w] = true
	}
	if f.Name == "" {
		wrong["name"] = true
	}
	if f.Link != "" && !meeting.IsLink(f.Link) {
		wrong["link"] = true
	}
	if f.Zone != "" && !f.AllDay {
		if _, ok := zone.Canonical(f.Zone); !ok {
			wrong["timezone"] = true
		}
	}
	for _, g := range f.Guests {
		if ical.Mailbox(g.Address) == "" || strings.ContainsAny(g.Address, "?") {
			wrong["add"] = true
		}
	}
	if add := v.value("add"); add != "" && !strings.Contains(add, "@") {
		wrong["add"] = true
	}
	switch f.Privacy {
	case "public", "private", "confidential":
	default:
		f.Privacy = "public"
	}
	if f.Repeat.Every != "keep" && len(list) == 0 {
		if _, field := f.Repeat.read(start); field != "" {
			wrong[field] = true
		}
	}
	return start, end, wrong
}

// invited is whom the form invites.
func (f *eventForm) invited() []meeting.Invited {
	var list []meeting.Invited
	for _, g := range f.Guests {
		if g.Keep {
			list = append(list, meeting.Invited{Address: g.Address, Name: nameOf(g), Optional: g.Optional})
		}
	}
	for _, r := range f.Rooms {
		if r.Chosen {
			list = append(list, meeting.Invited{Address: r.Address})
		}
	}
	return list
}

func nameOf(g guestForm) string {
	if g.Name == g.Address {
		return ""
	}
	return g.Name
}

func (f *eventForm) minutes() meeting.Mins {
	list := meeting.Mins{}
	for _, text := range f.Reminders {
		if n, err := strconv.Atoi(text); err == nil && n >= 0 && n <= meeting.MaxMinutes && !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	return list
}

// stays reports whether the form is only to be shown again: people were added, or busy times asked for.
func (v *visit) stays() bool { return v.value("do") != "" && v.value("do") != "save" }

func (h *Handler) createEvent(v *visit) error {
	ctx := v.r.Context()
	f, err := v.readEvent(ctx)
	if err != nil {
		return err
	}
	if v.stays() {
		return h.showForm(v, http.StatusOK, nil, f, nil)
	}
	start, end, wrong := v.check(&f)
	if len(wrong) > 0 {
		return h.showForm(v, http.StatusUnprocessableEntity, nil, f, wrong)
	}
	in := &meeting.NewMeeting{
		Calendar: f.Calendar, Name: f.Name, Description: f.Notes, Location: f.Location, AllDay: f.AllDay, Link: f.Link,
		Invited: f.invited(), Reminders: meeting.Change[meeting.Mins]{Sent: true, Value: f.minutes()}, Busy: &f.Busy, Privacy: f.Privacy,
	}
	if f.AllDay {
		in.Start, in.End = start.Format(time.DateOnly), end.Format(time.DateOnly)
	} else {
		loc := v.loc
		if in.TimeZone = v.zone; f.Zone != "" {
			in.TimeZone, _ = zone.Canonical(f.Zone)
		}
		if l, ok := zone.Load(in.TimeZone); ok {
			loc = l
		}
		in.Start, in.End = zone.Instant(start, loc).In(loc).Format(time.RFC3339), zone.Instant(end, loc).In(loc).Format(time.RFC3339)
	}
	in.Recurrence, _ = f.Repeat.read(start)
	made, err := h.editor.Create(ctx, v.who, in, meeting.NewUID(), false)
	if err != nil {
		return h.refuse(v, err, nil, f)
	}
	if v.value("quick") != "" {
		return v.done(v.link("/"+v.lastView()+"/"+dayOf(start).Format(dateForm), "done", "created"))
	}
	return v.done(v.link("/event/"+meeting.ID(made.Row.Owner, made.Row.ID), "done", "created"))
}

// refuse shows the form again with what package meeting or calendar found wrong, where somebody can mend it.
func (h *Handler) refuse(v *visit, err error, e *shown, f eventForm) error {
	p, known := explain(v.r.Context(), err)
	if !known || p.status >= http.StatusInternalServerError && p.status != http.StatusInsufficientStorage || p.status == http.StatusNotFound && e != nil {
		return err
	}
	wrong := map[string]bool{}
	if m, ok := errors.AsType[*meeting.Error](err); ok {
		for _, field := range m.Fields {
			name, _, _ := strings.Cut(field.Field, "[")
			name, _, _ = strings.Cut(name, ".")
			if name == "invited" {
				name = "add"
			}
			if _, ok := fieldProblems[name]; ok {
				wrong[name] = true
			}
		}
	}
	if len(wrong) == 0 {
		return h.showForm(v, p.status, e, f, wrong, v.t(p.text))
	}
	return h.showForm(v, http.StatusUnprocessableEntity, e, f, wrong)
}

func (h *Handler) editEvent(v *visit) error {
	e, err := v.event(v.r.Context())
	if err != nil {
		return err
	}
	if !e.shelf.Write {
		return forbidden
	}
	return h.showForm(v, http.StatusOK, e, v.formOf(e), nil)
}

func (h *Handler) updateEvent(v *visit) error {
	ctx := v.r.Context()
	e, err := v.event(ctx)
	if err != nil {
		return err
	}
	f, err := v.readEvent(ctx)
	if err != nil {
		return err
	}
	if v.stays() {
		return h.showForm(v, http.StatusOK, e, f, nil)
	}
	part := v.part(e)
	ch := &meeting.MeetingChange{}
	was := v.formOf(e)
	if e.mine() {
		start, end, wrong := v.check(&f)
		if len(wrong) > 0 {
			return h.showForm(v, http.StatusUnprocessableEntity, e, f, wrong)
		}
		v.changes(e, ch, part, &was, &f, start, end)
	}
	if f.Busy != was.Busy {
		ch.Busy = &f.Busy
	}
	if f.Privacy != was.Privacy && f.Privacy != "" {
		ch.Privacy = f.Privacy
	}
	if got := f.minutes(); !slices.Equal(got, meeting.Mins(e.m.Reminders)) {
		ch.Reminders = meeting.Change[meeting.Mins]{Sent: true, Value: got}
	}
	id := e.m.ID
	found, err := h.editor.Update(ctx, v.request(e, part), ch)
	if err != nil {
		return h.refuse(v, err, e, f)
	}
	if e.mine() && f.Calendar != "" && f.Calendar != e.shelf.ID && part == (meeting.Part{}) {
		if found, err = h.editor.Update(ctx, meeting.Request{Who: v.who, ID: id}, &meeting.MeetingChange{Calendar: f.Calendar}); err != nil {
			return h.refuse(v, err, e, f)
		}
	}
	return v.done(v.link("/event/"+meeting.ID(found.Row.Owner, found.Row.ID), "done", "changed"))
}

// changes works out what of the form is another than it was. What is the same is not sent, so that nothing else is touched.
func (v *visit) changes(e *shown, ch *meeting.MeetingChange, part meeting.Part, was, f *eventForm, start, end time.Time) {
	text := func(was, is string) meeting.Change[string] {
		return meeting.Change[string]{Sent: was != is, Value: is}
	}
	ch.Name, ch.Description, ch.Location, ch.Link = text(was.Name, f.Name), text(was.Notes, f.Notes), text(was.Location, f.Location), text(was.Link, f.Link)
	oldStart, oldEnd, _ := was.span()
	zoneName := ""
	if !f.AllDay && f.Zone != "" {
		if name, ok := zone.Canonical(f.Zone); ok && (name != e.m.TimeZone || e.m.AllDay) {
			zoneName = name
		}
	}
	if f.AllDay != e.m.AllDay {
		ch.AllDay = &f.AllDay
	}
	moved := !start.Equal(oldStart) || !end.Equal(oldEnd)
	if moved || zoneName != "" || ch.AllDay != nil {
		e.setTimes(v, ch, part, start, end, zoneName)
		ch.TimeZone = zoneName
	}
	if part.Instance == "" && f.Repeat.Every != "keep" && !f.Repeat.same(was.Repeat) {
		if r, _ := f.Repeat.read(start); r != nil {
			ch.Recurrence = meeting.Change[meeting.Recurrence]{Sent: true, Value: *r}
		} else if e.whole.Recurring {
			ch.Recurrence = meeting.Change[meeting.Recurrence]{Sent: true, Null: true}
		}
	}
	invited := f.invited()
	if !sameGuests(invited, e.m.Invited) {
		ch.Invited = meeting.Change[[]meeting.Invited]{Sent: true, Value: invited}
	}
}

func sameGuests(a, b []meeting.Invited) bool {
	key := func(list []meeting.Invited) []string {
		var out []string
		for _, g := range list {
			out = append(out, ical.Address(g.Address)+strconv.FormatBool(g.Optional))
		}
		slices.Sort(out)
		return out
	}
	return slices.Equal(key(a), key(b))
}
