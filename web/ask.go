package web

import (
	"context"
	"net/http"

	"kalends/calendar"
	"kalends/ical"
	"kalends/meeting"
)

// canAsk reports whether somebody elsewhere organizes the event, so that they can be asked for it as it is (REFRESH, RFC 5546 section 3.2.6).
func (v *visit) canAsk(ctx context.Context, e *shown) (bool, error) {
	if !e.obj.IsInvited() || e.obj.Organized() || !e.shelf.Write || e.m.Status == "cancelled" || e.whole.Organizer == nil {
		return false, nil
	}
	key := ical.Address(e.whole.Organizer.Address)
	if ical.Mailbox(key) == "" {
		return false, nil
	}
	here, err := v.Store.PrincipalsByAddress(ctx, []string{key})
	return err == nil && here[key] == nil, err
}

// askAgain asks the organizer for the meeting as it is.
func (h *Handler) askAgain(v *visit) error {
	ctx := v.r.Context()
	e, err := v.event(ctx)
	if err != nil {
		return err
	}
	can, err := v.canAsk(ctx, e)
	if err != nil {
		return err
	}
	if !can {
		return kindProblem(calendar.Refused)
	}
	err = h.Calendar.AskAgain(ctx, v.who, e.found.Target(e.found.Calendar, e.found.Row.Name))
	if calendar.KindOf(err) == calendar.Refused { // all else that it refuses is no reason for the button
		return &problem{http.StatusConflict, "The organizer was asked just now. Please wait a while for the answer."}
	}
	if err != nil {
		return err
	}
	return v.done(v.link("/event/"+meeting.ID(e.found.Row.Owner, e.found.Row.ID), "instance", e.m.Instance, "done", "asked"))
}
