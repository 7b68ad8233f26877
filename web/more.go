package web

import (
	"context"
)

// morePages are those around the calendar: what others share, feeds, reminders, delegates.
func (h *Handler) morePages() map[string]func(*visit) error {
	return map[string]func(*visit) error{
		"POST /event/{id}/ask":         h.askAgain,
		"POST /calendars/invitation":   h.answerInvitation,
		"POST /calendars/subscribe":    h.subscribe,
		"POST /calendars/{id}/leave":   h.leaveCalendar,
		"POST /calendars/{id}/refresh": h.refreshFeed,
		"POST /calendars/{id}/default": h.makeDefault,
		"POST /calendars/{id}/alarms":  h.calendarAlarms,
		"GET /calendars/{id}/file.ics": h.exportCalendar,
		"GET /calendars/import":        h.importPage,
		"GET /reminders":               h.reminders,
		"POST /reminders/seen":         h.seeMissed,
		"POST /reminders/alarms":       h.setAlarms,
		"GET /admin/reminders":         adminOnly(h.adminRemindersPage),
		"GET /admin/storage":           adminOnly(h.adminStorage),
		"GET /delegates":               h.delegates,
		"POST /delegates":              h.setDelegate,
		"POST /delegates/busy":         h.setPublicBusy,
	}
}

// news is what waits for somebody: it is told in the head of every page.
type news struct {
	Missed  int // reminders that they have missed and not seen
	Invited int // calendars that others want to share with them
}

// maxNews is up to what is counted.
const maxNews = 99

// news counts what waits. A page is there without it, so an error is only logged.
func (v *visit) news(ctx context.Context) (n news) {
	missed, err := v.Calendar.Missed(ctx, v.who, true, maxNews)
	if err == nil {
		n.Missed = len(missed)
		n.Invited, err = v.waiting(ctx)
	}
	if err != nil && ctx.Err() == nil {
		v.Log.WarnContext(ctx, "what waits", "err", err)
	}
	return n
}
