package web

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"kalends/storage"
)

type adminRemindersView struct {
	base
	Late, Failed, Next []reminderLine
	More               bool // there are more that are late
}

// reminderLine is a reminder as administrators see it: for whom, of which event by its number, and how it goes; not what the event is about.
type reminderLine struct {
	Who, Whose string
	Event      string // the numbers by which the log calls it
	Due, Since string
	Tried      int
	Sending    bool
	Error      string
}

const (
	adminReminders = 50
	// retryWithin is how far in the future reminders are tried again, at most: package reminder waits half an hour.
	retryWithin = 31 * time.Minute
)

// adminRemindersPage lists the reminders that are late, that could not be sent so far, and that are due next.
func (h *Handler) adminRemindersPage(v *visit) error {
	ctx, now := v.r.Context(), h.Now()
	p := &adminRemindersView{base: v.base(v.t("Reminders that wait"))}
	p.Section = "admin"
	var lists [3][]*storage.Reminder
	var ids []int64
	for i, q := range []struct {
		after, through time.Time
		failed         bool
	}{{time.Time{}, now, false}, {now, now.Add(retryWithin), true}, {now, now.AddDate(100, 0, 0), false}} {
		var err error
		if lists[i], err = h.Store.WaitingReminders(ctx, q.after, q.through, q.failed, adminReminders+1); err != nil {
			return err
		}
		for _, m := range lists[i] {
			ids = append(ids, m.ForUser, m.Owner)
		}
	}
	names, err := v.namesOf(ctx, ids)
	if err != nil {
		return err
	}
	p.More = len(lists[0]) > adminReminders
	for i, into := range []*[]reminderLine{&p.Late, &p.Failed, &p.Next} {
		for _, m := range lists[i][:min(len(lists[i]), adminReminders)] {
			if i == 2 && m.LastError != "" {
				continue // it is among those that failed
			}
			line := reminderLine{
				Who: names[m.ForUser], Event: fmt.Sprintf("%d/%d", m.Owner, m.Object), Due: v.lang.Moment(m.DueAt, v.loc), Tried: m.Attempt, Sending: m.Leased,
				Error: clipTo(m.LastError, 300),
			}
			if m.Owner != m.ForUser {
				line.Whose = names[m.Owner]
			}
			if since := now.Sub(m.DueAt); i == 0 && since > 0 {
				line.Since = v.lasting(since)
			}
			*into = append(*into, line)
		}
	}
	return v.render(http.StatusOK, "admin_reminders", p)
}

// lasting writes how long something lasts, in its largest unit.
func (v *visit) lasting(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return v.lang.N(int(d/(24*time.Hour)), "1 day", "%d days")
	case d >= 2*time.Hour:
		return v.lang.N(int(d/time.Hour), "1 hour", "%d hours")
	case d >= time.Minute:
		return v.lang.N(int(d/time.Minute), "1 minute", "%d minutes")
	}
	return v.lang.N(int(d/time.Second), "1 second", "%d seconds")
}

type adminStorageView struct {
	base
	Total  usageLine
	List   []usageLine
	Quota  string // "" for none
	People int64
}

// usageLine is what a home holds. Share is of the quota, or where there is none of the largest home, in percent.
type usageLine struct {
	Name, Login           string
	Calendars, Objects    int64
	Size, Attached        string
	Share                 int
	Bar                   string // the width of a bar of 100
	Full                  bool
	Whole                 string
	HasLogin, HasAttached bool
}

const adminHomes = 50

// adminStorage lists who keeps the most.
func (h *Handler) adminStorage(v *visit) error {
	ctx := v.r.Context()
	p := &adminStorageView{base: v.base(v.t("Storage"))}
	p.Section = "admin"
	whole, err := h.Store.WholeUsage(ctx)
	if err != nil {
		return err
	}
	list, err := h.Store.LargestHomes(ctx, adminHomes)
	if err != nil {
		return err
	}
	var ids []int64
	for _, u := range list {
		ids = append(ids, u.Owner)
	}
	people, err := h.Store.PrincipalsByID(ctx, ids)
	if err != nil {
		return err
	}
	byID := map[int64]*storage.Principal{}
	for _, q := range people {
		byID[q.ID] = q
	}
	quota := h.Calendar.Limit().Quota
	if quota > 0 {
		p.Quota = sizeOf(quota)
	}
	line := func(u storage.HomeUsage) usageLine {
		return usageLine{
			Calendars: u.Calendars, Objects: u.Objects, Size: sizeOf(u.Bytes), Attached: sizeOf(u.Attachments), HasAttached: u.Attachments > 0,
			Whole: sizeOf(u.Bytes + u.Attachments),
		}
	}
	p.Total = line(whole)
	for _, u := range list {
		if u.Bytes+u.Attachments == 0 {
			break // so are all that follow
		}
		l := line(u)
		if q := byID[u.Owner]; q != nil {
			l.Name, l.Login, l.HasLogin = q.DisplayName, q.Name, true
			if l.Name == "" {
				l.Name = q.Name
			}
		}
		of := quota
		if of <= 0 {
			of = max(list[0].Bytes+list[0].Attachments, 1)
		}
		l.Share = int(min((u.Bytes+u.Attachments)*100/of, 100))
		l.Bar, l.Full = strconv.Itoa(max(l.Share, 1)), quota > 0 && l.Share >= 90
		p.List = append(p.List, l)
	}
	return v.render(http.StatusOK, "admin_storage", p)
}
