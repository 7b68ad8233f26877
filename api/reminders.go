package api

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kalends/auth"
	"kalends/calendar"
	"kalends/ical/zone"
	"kalends/meeting"
	"kalends/scheduling"
	"kalends/storage"
)

const remindersTag = "Reminders"

// reminders registers what is of one person: how they are reminded, when they work, what they have missed.
func (h *Handler) reminders(a huma.API) {
	register(h, a, operation("PATCH", "/me", "updateMe", calendarsTag, auth.WriteScope, "Change one's own settings",
		"Fields that are not sent stay, null removes. Passwords, tokens and who acts for one are changed on the pages alone: a token must not be able to make itself more than it is."), h.updateMe)
	register(h, a, operation("GET", "/reminders/missed", "listMissed", remindersTag, auth.ReadScope, "Reminders that it was too late for",
		"The latest first, at most 100."), h.listMissed)
	register(h, a, operation("POST", "/reminders/missed/seen", "seeMissed", remindersTag, auth.WriteScope, "Note that they were seen", ""), h.seeMissed)
}

// DefaultAlarms are for events that say nothing of reminders.
type DefaultAlarms struct {
	Timed string `json:"timed,omitempty" doc:"For events with a time: EMAIL, or DISPLAY for one's program, and how long from the start as in RFC 5545; NONE for no reminder; left out as is usual." example:"EMAIL -PT30M"`
	Day   string `json:"day,omitempty" doc:"The same for whole days, from the midnight with which they begin." example:"EMAIL PT8H"`
}

// DefaultAlarmsChange is what of them is to be changed.
type DefaultAlarmsChange struct {
	Timed Change[string] `json:"timed,omitempty" maxLength:"60" doc:"For events with a time."`
	Day   Change[string] `json:"day,omitempty" maxLength:"60" doc:"For whole days."`
}

func tellAlarms(a storage.DefaultAlarms) *DefaultAlarms {
	if a == (storage.DefaultAlarms{}) {
		return nil
	}
	return &DefaultAlarms{string(a.Timed), string(a.Day)}
}

// edit reads a change of alarms by default; field is where it stands.
func (ch *DefaultAlarmsChange) edit(field string) (e calendar.AlarmsEdit, err error) {
	for _, x := range []struct {
		name string
		sent Change[string]
		into **storage.DefaultAlarm
	}{{"timed", ch.Timed, &e.Timed}, {"day", ch.Day, &e.Day}} {
		if !x.sent.Sent {
			continue
		}
		a := storage.DefaultAlarm(strings.ToUpper(strings.TrimSpace(x.sent.Value)))
		if err := calendar.CheckDefaultAlarm(a); err != nil {
			return e, invalid(field+"."+x.name, "%v", err)
		}
		*x.into = &a
	}
	return e, nil
}

// WeekHours are when somebody works: others see them as not there in the rest of the time.
type WeekHours struct {
	Days  []string `json:"days" nullable:"false" minItems:"1" maxItems:"7" enum:"monday,tuesday,wednesday,thursday,friday,saturday,sunday" doc:"On which days of the week."`
	Start string   `json:"start" maxLength:"5" doc:"From when." example:"09:00"`
	End   string   `json:"end" maxLength:"5" doc:"Until when." example:"17:00"`
}

// MeChange is what of one's own settings is to be changed.
type MeChange struct {
	DisplayName string               `json:"displayName,omitempty" maxLength:"200" doc:"Name that others see."`
	TimeZone    string               `json:"timeZone,omitempty" maxLength:"100" doc:"IANA time zone."`
	Language    string               `json:"language,omitempty" maxLength:"35" doc:"Language of pages and mails (BCP 47)." example:"de"`
	Calendar    string               `json:"calendar,omitempty" maxLength:"255" doc:"Id or slug of the calendar into which meetings and invitations are to go."`
	PublicBusy  *bool                `json:"publicBusy,omitempty" doc:"Whether everybody may see when one is busy, without a login."`
	Mailed      string               `json:"mailedReminders,omitempty" enum:"site,all,email" doc:"Which reminders become mails: as is usual on the site, all, or those of kind EMAIL."`
	Alarms      *DefaultAlarmsChange `json:"defaultAlarms,omitempty" doc:"Reminders of events that say nothing of it, in all of one's calendars."`
	Hours       Change[WeekHours]    `json:"workingHours,omitempty" doc:"When one works; null for always."`
}

// mailedWords are what storage.MailedAlarms are called here.
var mailedWords = map[storage.MailedAlarms]string{storage.MailAsSite: "site", storage.MailAll: "all", storage.MailEmail: "email"}

func (h *Handler) updateMe(ctx context.Context, q *caller, in *struct{ Body MeChange }) (*struct{ Body Me }, error) {
	b := &in.Body
	if err := meeting.OneLine("displayName", b.DisplayName); err != nil {
		return nil, err
	}
	if err := meeting.OneLine("language", b.Language); err != nil {
		return nil, err
	}
	canonical := ""
	if b.TimeZone != "" {
		var ok bool
		if canonical, ok = zone.Canonical(b.TimeZone); !ok {
			return nil, invalid("timeZone", "there is no such time zone")
		}
	}
	var alarms calendar.AlarmsEdit
	if b.Alarms != nil {
		var err error
		if alarms, err = b.Alarms.edit("defaultAlarms"); err != nil {
			return nil, err
		}
	}
	for kind, word := range mailedWords {
		if b.Mailed == word {
			alarms.Mailed = &kind
		}
	}
	var inbox calendar.Target
	slug := ""
	if b.Calendar != "" {
		p, c, err := h.editor.Where(ctx, q.who, b.Calendar)
		if err != nil {
			return nil, err
		}
		box := scheduling.Inbox(p.Home)
		if !p.Access.Own() || box == nil {
			return nil, invalid("calendar", "must be one's own")
		}
		inbox, slug = p.Target(box, ""), c.Slug
	}
	// All is read and checked as far as can be before the first change.
	if b.Hours.Sent {
		set := b.Hours.Value
		if err := h.editor.SetWorkingHours(ctx, q.who, cmp.Or(canonical, q.who.TimeZone), meeting.WorkHours{Days: set.Days, Start: set.Start, End: set.End}); err != nil {
			return nil, err
		}
	}
	if slug != "" {
		err := h.Calendar.Patch(ctx, q.who, inbox, calendar.Edit{Live: func(c *storage.Calendar) error {
			c.Default = slug
			return nil
		}})
		if err != nil {
			return nil, err
		}
	}
	err := h.Calendar.PatchPrincipal(ctx, q.who, q.who, calendar.Edit{Person: func(p *storage.Principal) error {
		for _, x := range []struct {
			to    *string
			value string
		}{{&p.DisplayName, strings.TrimSpace(b.DisplayName)}, {&p.TimeZone, canonical}, {&p.Language, b.Language}} {
			if x.value != "" {
				*x.to = x.value
			}
		}
		if b.PublicBusy != nil {
			p.PublicBusy = *b.PublicBusy
		}
		return nil
	}})
	if err == nil && (alarms.Timed != nil || alarms.Day != nil || alarms.Mailed != nil) {
		err = h.Calendar.SetAlarms(ctx, q.who, calendar.Target{Owner: q.who}, alarms)
	}
	if err != nil {
		return nil, err
	}
	who, err := h.Store.PrincipalByID(ctx, q.who.ID)
	if err != nil {
		return nil, err
	}
	now := *q
	now.set(who)
	return h.me(ctx, &now, nil)
}

// MissedReminder is a reminder that it was too late for.
type MissedReminder struct {
	Name   string `json:"name" doc:"What it was about."`
	Start  string `json:"start" doc:"When that began: an instant, or a date where it took the whole day."`
	AllDay bool   `json:"allDay,omitempty" doc:"Whether it took the whole day."`
	Due    string `json:"due" doc:"When one should have been reminded."`
	Seen   bool   `json:"seen" doc:"Whether it was noted as seen."`
}

// maxMissed is how many are told.
const maxMissed = 100

func (h *Handler) listMissed(ctx context.Context, q *caller, in *struct {
	Unseen bool `query:"unseen" doc:"Only those that were not seen yet."`
}) (*struct {
	Body struct {
		Missed  []MissedReminder `json:"missed" nullable:"false" doc:"The latest first."`
		Through string           `json:"through,omitempty" doc:"Send it to note that these were seen."`
	}
}, error) {
	out := &struct {
		Body struct {
			Missed  []MissedReminder `json:"missed" nullable:"false" doc:"The latest first."`
			Through string           `json:"through,omitempty" doc:"Send it to note that these were seen."`
		}
	}{}
	out.Body.Missed = []MissedReminder{}
	list, err := h.Calendar.Missed(ctx, q.who, in.Unseen, maxMissed)
	_, here := meeting.ZoneOf(q.who, nil)
	for _, m := range list {
		r := MissedReminder{Name: m.Summary, AllDay: m.AllDay, Start: m.Start.In(here).Format(time.RFC3339), Due: m.DueAt.In(here).Format(time.RFC3339), Seen: m.Seen}
		if m.AllDay {
			r.Start = m.Start.UTC().Format(time.DateOnly)
		}
		out.Body.Missed = append(out.Body.Missed, r)
	}
	if len(list) > 0 {
		last := slices.MaxFunc(list, func(a, b *storage.Missed) int { return a.DueAt.Compare(b.DueAt) })
		out.Body.Through = strconv.FormatInt(last.DueAt.UnixMicro(), 36)
	}
	return out, err
}

func (h *Handler) seeMissed(ctx context.Context, q *caller, in *struct {
	Body struct {
		Through string `json:"through" minLength:"1" maxLength:"20" doc:"As the list has it."`
	}
}) (*noAnswer, error) {
	n, err := strconv.ParseInt(in.Body.Through, 36, 64)
	if err != nil || n < 0 {
		return nil, invalid("through", "must be as the list has it")
	}
	if _, err := h.Calendar.SeeMissed(ctx, q.who, time.UnixMicro(n).UTC()); err != nil {
		return nil, err
	}
	return &noAnswer{}, nil
}
