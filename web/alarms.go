package web

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"kalends/calendar"
	"kalends/ical"
	"kalends/ical/zone"
	"kalends/storage"
)

// usualDayMinutes are when people are reminded of whole days, in minutes after the midnight with which the day begins.
var usualDayMinutes = []int{8 * 60, 9 * 60, -4 * 60, -6 * 60, -12 * 60, -15 * 60, -39 * 60, -(7*24 - 9) * 60}

// alarmForm holds the choices of what happens with events without a reminder.
type alarmForm struct {
	Timed, Day []option
	Mailed     []option // of a person only
}

// minutesOf says how long after the start an alarm by default is, in whole minutes.
func minutesOf(a storage.DefaultAlarm) (minutes int, mail, ok bool) {
	action, trigger := a.Parts()
	d, err := ical.ParseDuration(trigger)
	if action == "" || err != nil {
		return 0, false, false
	}
	return int(d.Exact() / time.Minute), action == "EMAIL", d.Exact()%time.Minute == 0
}

// alarmOptions are the choices for one of the two kinds of events. elsewhere says what counts where nothing is chosen.
func (v *visit) alarmOptions(a storage.DefaultAlarm, usual []int, elsewhere string, tell func(int) string) []option {
	list := []option{{"inherit", elsewhere, a == ""}, {"none", v.t("no reminder"), a == storage.NoAlarm}}
	minutes, mail, ok := minutesOf(a)
	known := false
	for _, n := range usual {
		here := ok && mail && n == minutes
		known = known || here
		list = append(list, option{strconv.Itoa(n), tell(n), here})
	}
	if a != "" && a != storage.NoAlarm && !known {
		text := string(a)
		if ok {
			if text = tell(minutes); !mail {
				text = v.lang.T("%s, by the calendar program", text)
			}
		}
		list = append(list, option{"keep", text, true})
	}
	return list
}

// dayAlarm tells when one is reminded of a whole day.
func (v *visit) dayAlarm(minutes int) string {
	const day = 24 * 60
	before := 0
	for minutes < 0 {
		minutes += day
		before++
	}
	clock := v.lang.Clock(time.Time{}.Add(time.Duration(minutes) * time.Minute))
	switch {
	case minutes >= day:
		return v.lang.T("%d hours into the day", minutes/60)
	case before == 0:
		return v.lang.T("on the day at %s", clock)
	case before == 1:
		return v.lang.T("the day before at %s", clock)
	}
	return v.lang.T("%d days before at %s", before, clock)
}

// timedAlarm tells when one is reminded of an event with a time.
func (v *visit) timedAlarm(minutes int) string {
	if minutes > 0 {
		return v.lang.T("%d minutes after the start", minutes)
	}
	return v.before(-minutes)
}

func (v *visit) alarmForm(a storage.DefaultAlarms, timed, day string) alarmForm {
	var before []int
	for _, n := range usualMinutes {
		before = append(before, -n)
	}
	return alarmForm{
		Timed: v.alarmOptions(a.Timed, before, timed, v.timedAlarm),
		Day:   v.alarmOptions(a.Day, usualDayMinutes, day, v.dayAlarm),
	}
}

// readAlarm reads a choice; nil for what is to stay. False for what cannot be chosen.
func readAlarm(text string) (*storage.DefaultAlarm, bool) {
	var a storage.DefaultAlarm
	switch text {
	case "keep", "":
		return nil, true
	case "inherit":
		return &a, true
	case "none":
		a = storage.NoAlarm
		return &a, true
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < -366*24*60 || n > 24*60 {
		return nil, false
	}
	d := ical.Duration{Negative: n < 0, Time: time.Duration(max(n, -n)) * time.Minute}
	a = storage.DefaultAlarm("EMAIL " + d.String())
	return &a, calendar.CheckDefaultAlarm(a) == nil
}

// readAlarms reads the choices of a form for events without a reminder.
func (v *visit) readAlarms() (e calendar.AlarmsEdit, ok bool) {
	timed, ok1 := readAlarm(v.value("timed"))
	day, ok2 := readAlarm(v.value("day"))
	return calendar.AlarmsEdit{Timed: timed, Day: day}, ok1 && ok2
}

type remindersView struct {
	base
	Missed  []missedLine
	Older   []missedLine // seen already
	Through string       // up to when the list goes
	More    bool
	Alarms  alarmForm
}

type missedLine struct{ Name, When, Due, Href string }

// maxMissed is how many missed reminders are shown.
const maxMissed = 100

func (h *Handler) reminders(v *visit) error {
	ctx := v.r.Context()
	p := &remindersView{base: v.base(v.t("Reminders"))}
	list, err := h.Calendar.Missed(ctx, v.who, false, maxMissed+1)
	if err != nil {
		return err
	}
	if p.More = len(list) > maxMissed; p.More {
		list = list[:maxMissed]
	}
	for _, m := range list {
		i := &item{Start: m.Start, End: m.End, AllDay: m.AllDay}
		if !m.AllDay {
			i.Start, i.End = zone.Wall(m.Start, v.loc), zone.Wall(m.End, v.loc)
		}
		line := missedLine{Name: m.Summary, When: v.when(i), Due: v.lang.Moment(m.DueAt, v.loc), Href: v.link("/day/" + i.Start.Format(dateForm))}
		if line.Name == "" {
			line.Name = v.t("(no title)")
		}
		if m.Seen {
			p.Older = append(p.Older, line)
			continue
		}
		p.Missed = append(p.Missed, line)
		if p.Through == "" {
			p.Through = strconv.FormatInt(m.DueAt.UnixMicro(), 10)
		}
	}
	usual := v.t("no reminder")
	if d := h.Calendar.DefaultReminder; d > 0 {
		usual = v.before(int(d / time.Minute))
	}
	p.Alarms = v.alarmForm(v.who.Alarms, v.lang.T("as is usual here: %s", usual), v.lang.T("as is usual here: %s", v.t("no reminder")))
	for _, m := range []struct {
		kind storage.MailedAlarms
		text string
	}{{storage.MailAsSite, v.t("as is usual here")}, {storage.MailAll, v.t("all of them")}, {storage.MailEmail, v.t("only those that say they are mails")}} {
		p.Alarms.Mailed = append(p.Alarms.Mailed, option{string(m.kind), m.text, v.who.MailedAlarms == m.kind})
	}
	return v.render(http.StatusOK, "reminders", p)
}

// seeMissed takes what was shown from what one still has to see.
func (h *Handler) seeMissed(v *visit) error {
	n, err := strconv.ParseInt(v.value("through"), 10, 64)
	if err != nil || n < 0 {
		return brokenForm
	}
	if _, err := h.Calendar.SeeMissed(v.r.Context(), v.who, time.UnixMicro(n).UTC()); err != nil {
		return err
	}
	return v.redirect("/reminders")
}

// setAlarms changes how somebody is reminded of events without a reminder, and which of their reminders become mails.
func (h *Handler) setAlarms(v *visit) error {
	e, ok := v.readAlarms()
	mailed := storage.MailedAlarms(v.value("mailed"))
	if !ok || !slices.Contains([]storage.MailedAlarms{storage.MailAsSite, storage.MailAll, storage.MailEmail}, mailed) {
		return brokenForm
	}
	e.Mailed = &mailed
	if err := h.Calendar.SetAlarms(v.r.Context(), v.who, calendar.Target{Owner: v.who}, e); err != nil {
		return err
	}
	return v.redirect("/reminders?done=saved#alarms")
}

// calendarAlarms changes how its owner is reminded of what is in a calendar without a reminder.
func (h *Handler) calendarAlarms(v *visit) error {
	s, err := v.ownCalendar()
	if err != nil {
		return err
	}
	e, ok := v.readAlarms()
	if !ok {
		return brokenForm
	}
	if err := h.Calendar.SetAlarms(v.r.Context(), v.who, s.place.Target(s.row, ""), e); err != nil {
		return err
	}
	return v.redirect("/calendars/" + s.ID + "?done=saved#alarms")
}
