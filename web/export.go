package web

import (
	"context"
	"errors"
	"net/http"

	"kalends/ical"
	"kalends/ical/stream"
	"kalends/internal/download"
	"kalends/storage"
)

// exportCalendar answers with all that is in a calendar, as a file that every calendar program takes. What cannot be read is left out.
func (h *Handler) exportCalendar(v *visit) error {
	ctx := v.r.Context()
	list, err := v.shelves(ctx)
	if err != nil {
		return err
	}
	for _, s := range list {
		if s.ID != v.r.PathValue("id") {
			continue
		}
		t := s.place.Target(s.row, "")
		if s.share != nil {
			t = s.shareTarget(v.who)
		}
		v.w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
		v.w.Header().Set("Content-Disposition", download.Disposition(s.Name+".ics"))
		out := stream.NewJoiner(v.w, ical.NewText("NAME", s.Name), ical.NewText("X-WR-CALNAME", s.Name))
		left := 0
		err := h.Calendar.Objects(ctx, v.who, t, storage.WithICS, func(o *storage.Object) error {
			cal, err := ical.Parse(o.ICS)
			if err != nil {
				left++
				return nil
			}
			return out.Add(cal)
		})
		if err == nil {
			err = out.Close()
		}
		if left > 0 {
			h.Log.WarnContext(ctx, "calendar exported without what cannot be read", "owner", s.row.Owner, "calendar", s.row.ID, "objects", left)
		}
		if err != nil { // a part is on its way: the file must not look whole
			if ctx.Err() == nil && !errors.Is(err, context.Canceled) {
				h.Log.ErrorContext(ctx, "export calendar", "owner", s.row.Owner, "calendar", s.row.ID, "err", err)
			}
			panic(http.ErrAbortHandler)
		}
		return nil
	}
	return notThere
}
