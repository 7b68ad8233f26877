package web

import (
	"cmp"
	"encoding/json"
	"strconv"
	"time"

	"kalends/ical/zone"
	"kalends/meeting"
)

// moveEvent gives an event another start, and it stays as long as it is. The start is a wall time of the view's zone, or for events of
// whole days a date.
func (h *Handler) moveEvent(v *visit) error {
	ctx := v.r.Context()
	e, err := v.event(ctx)
	if err != nil {
		return err
	}
	text := v.value("start")
	form := "2006-01-02T15:04"
	if e.m.AllDay {
		form, text = time.DateOnly, clipTo(text, 10)
	}
	to, err := time.Parse(form, text)
	if err != nil || to.Year() < firstYear || to.Year() > lastYear {
		return brokenForm
	}
	start, end := e.times()
	if !e.m.AllDay && !e.m.Floating { // the event's own zone may be another than the view's
		if loc := e.zone(v); loc != nil {
			to = zone.Wall(zone.Instant(to, v.loc), loc)
		}
	}
	if minutes, err := strconv.Atoi(v.value("minutes")); err == nil && !e.m.AllDay && minutes >= 5 && minutes <= 7*24*60 {
		end = start.Add(time.Duration(minutes) * time.Minute) // it was made longer or shorter
	}
	part := v.part(e)
	ch := &meeting.MeetingChange{}
	e.setTimes(v, ch, part, to, to.Add(end.Sub(start)), e.m.TimeZone)
	f, err := h.editor.Update(ctx, v.request(e, part), ch)
	if err != nil {
		return err
	}
	id := meeting.ID(f.Row.Owner, f.Row.ID)
	if v.r.Header.Get("X-Requested-With") == "fetch" {
		return v.tellMove(e, part, f)
	}
	return v.done(v.link("/event/"+id, "done", "moved"))
}

// moveAnswer is what the module is told of a move.
type moveAnswer struct {
	ID   string   `json:"id"`
	Text string   `json:"text"`
	Undo moveBack `json:"undo"`
}

// moveBack is the form that takes a move back.
type moveBack struct {
	Path   string            `json:"path"`
	Fields map[string]string `json:"fields"`
}

// tellMove answers the module: what was moved where, and how to take that back. It is taken back only if nothing else has changed
// meanwhile.
func (v *visit) tellMove(e *shown, part meeting.Part, f *meeting.Found) error {
	back, instance := e.m, ""
	switch {
	case part.Instance != "":
		instance = part.Instance
	case part == meeting.Part{}:
		back = e.whole // of a whole series the first instance says where it was
	}
	is, err := f.Tell(v.who, instance)
	if err != nil {
		return err
	}
	start, end := v.shownTimes(back)
	out := moveAnswer{ID: is.ID, Undo: moveBack{Path: v.link("/event/" + is.ID + "/move"), Fields: map[string]string{
		"instance": instance, "etag": is.ETag, "scope": "this", "start": start.Format("2006-01-02T15:04"),
	}}}
	if minutes := int(end.Sub(start).Minutes()); !back.AllDay && minutes >= 5 && minutes <= 7*24*60 {
		out.Undo.Fields["minutes"] = strconv.Itoa(minutes)
	}
	start, end = v.shownTimes(is)
	out.Text = v.lang.T("“%s” is now: %s", cmp.Or(is.Name, v.t("(no title)")), v.when(&item{Start: start, End: end, AllDay: is.AllDay}))
	v.w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(v.w).Encode(out)
}

// shownTimes are when something takes place, as wall times of the view.
func (v *visit) shownTimes(m *meeting.Meeting) (start, end time.Time) {
	start, end = wallOf(m.Start), wallOf(m.End)
	if m.AllDay || m.Floating {
		return start, end
	}
	if a, err := time.Parse(time.RFC3339, m.Start); err == nil {
		start = zone.Wall(a, v.loc)
	}
	if b, err := time.Parse(time.RFC3339, m.End); err == nil {
		end = zone.Wall(b, v.loc)
	}
	return start, end
}
