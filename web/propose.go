package web

import (
	"time"

	"kalends/calendar"
	"kalends/ical/zone"
	"kalends/meeting"
)

// proposeForm is another time for a meeting, to begin with when it takes place: wall times of the view's zone.
type proposeForm struct {
	StartDate, StartTime, EndDate, EndTime string
}

// proposal is what the form of the event's page shows; nil where nothing can be proposed.
func (v *visit) proposal(e *shown) *proposeForm {
	if !e.obj.IsInvited() || e.obj.Organized() || !e.shelf.Write || e.m.Status == "cancelled" || e.whole.Recurring && e.m.Instance == "" {
		return nil
	}
	start, end := e.times()
	if e.m.AllDay {
		end = end.AddDate(0, 0, -1)
	} else if !e.m.Floating {
		for _, x := range []struct {
			text string
			into *time.Time
		}{{e.m.Start, &start}, {e.m.End, &end}} {
			if t, err := time.Parse(time.RFC3339, x.text); err == nil {
				*x.into = zone.Wall(t, v.loc)
			}
		}
	}
	return &proposeForm{start.Format(time.DateOnly), start.Format("15:04"), end.Format(time.DateOnly), end.Format("15:04")}
}

// proposeTime proposes another time to who invited. Nothing changes before they decide.
func (h *Handler) proposeTime(v *visit) error {
	ctx := v.r.Context()
	e, err := v.event(ctx)
	if err != nil {
		return err
	}
	if v.proposal(e) == nil {
		return kindProblem(calendar.Refused)
	}
	f := eventForm{AllDay: e.m.AllDay, StartDate: v.value("startdate"), StartTime: v.value("starttime"), EndDate: v.value("enddate"), EndTime: v.value("endtime")}
	start, end, wrong := f.span()
	if len(wrong) > 0 {
		return &problem{status: 422, text: fieldProblems[wrong[0]]}
	}
	loc, name := calendar.MeetingZone(e.obj.Cal, e.found.Owner.TimeZone)
	if !e.m.AllDay && name != "" { // of a floating meeting the times are what every clock shows
		start, end = zone.Wall(zone.Instant(start, v.loc), loc), zone.Wall(zone.Instant(end, v.loc), loc)
	}
	n := calendar.NewTime{Start: start, End: end, Comment: plain(v.r.PostForm.Get("comment"), 1000)}
	if e.m.Instance != "" {
		x, err := e.obj.Find("instance", e.m.Instance)
		if err != nil {
			return err
		}
		n.Date = x.RecurrenceID.String()
	}
	if err := h.Calendar.ProposeTime(ctx, v.who, e.found.Target(e.found.Calendar, e.found.Row.Name), n); err != nil {
		return err
	}
	return v.done(v.link("/event/"+meeting.ID(e.found.Row.Owner, e.found.Row.ID), "instance", e.m.Instance, "done", "proposed"))
}

// kindProblem is the problem that a kind of error of package calendar is told as.
func kindProblem(k calendar.Kind) *problem {
	p := kinds[k]
	return &p
}
