package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"kalends/calendar"
	"kalends/ical"
	"kalends/storage"
)

// alarmFlags say which alarms events get that have none.
type alarmFlags struct {
	Before string `help:"Mail so long before an event with a time that has no alarm, like 30m or 1d; \"none\" for no mail, \"inherit\" for what is said elsewhere." placeholder:"TIME"`
	Day    string `help:"The same for whole days, before their midnight: 15h is nine in the morning the day before." placeholder:"TIME"`
}

// edit reads the flags; false where they say nothing.
func (f alarmFlags) edit() (e calendar.AlarmsEdit, ok bool, err error) {
	for _, x := range []struct {
		flag, text string
		to         **storage.DefaultAlarm
	}{{"--before", f.Before, &e.Timed}, {"--day", f.Day, &e.Day}} {
		if x.text == "" {
			continue
		}
		a, err := readLead(x.text)
		if err != nil {
			return e, false, fmt.Errorf("%s: %w", x.flag, err)
		}
		*x.to, ok = &a, true
	}
	return e, ok, nil
}

// readLead reads how long before an event its alarm is.
func readLead(text string) (storage.DefaultAlarm, error) {
	switch text {
	case "none":
		return storage.NoAlarm, nil
	case "inherit":
		return "", nil
	}
	lead := ical.Duration{Negative: true}
	if n, rest, ok := strings.Cut(text, "d"); ok && rest == "" {
		if _, err := fmt.Sscanf(n, "%d", &lead.Days); err != nil || lead.Days < 0 {
			return "", fmt.Errorf("%q is no time: write it like 30m, 2h or 1d, or none, or inherit", text)
		}
	} else {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return "", fmt.Errorf("%q is no time: write it like 30m, 2h or 1d, or none, or inherit", text)
		}
		lead.Time = d
	}
	a := storage.DefaultAlarm("EMAIL " + lead.String())
	return a, calendar.CheckDefaultAlarm(a)
}

// tellAlarm says what an alarm by default is.
func tellAlarm(a storage.DefaultAlarm, elsewhere string) string {
	switch action, trigger := a.Parts(); {
	case a == "":
		return elsewhere
	case a == storage.NoAlarm:
		return "none"
	case action == "EMAIL":
		return "a mail at " + trigger
	default:
		return strings.ToLower(action) + " at " + trigger + " (by the calendar program; a mail where all alarms are mailed)"
	}
}

type userAlarmsCmd struct {
	Name string `arg:"" help:"Name or mail address of a person."`
	alarmFlags
	Mail string `help:"Which alarms become mails: all, email (those of that kind only), or site (as the site says)." enum:"all,email,site," default:"" placeholder:"KIND"`
}

// Help implements kong.HelpProvider.
func (userAlarmsCmd) Help() string {
	return `An event without any alarm gets one by default, which is never written into it. Each calendar can have another (kalends calendar alarms). Without a
flag it shows what is set. Apple's calendar programs set the same as properties of the home.

Examples:

    kalends user alarms alice --before 30m --day 15h
    kalends user alarms alice --before none
    kalends user alarms alice --mail all`
}

// Run shows or changes how somebody is reminded.
func (c *userAlarmsCmd) Run(p *program) error {
	e, ok, err := c.edit()
	if err != nil {
		return err
	}
	switch c.Mail {
	case "":
	case "site":
		e.Mailed = new(storage.MailedAlarms)
		ok = true
	default:
		kind := storage.MailedAlarms(c.Mail)
		e.Mailed, ok = &kind, true
	}
	return onCalendars(p, func(s *calendars) error {
		who, err := s.person(c.Name)
		if err != nil {
			return err
		}
		if ok {
			if err := s.service.SetAlarms(p.ctx, who, calendar.Target{Owner: who}, e); err != nil {
				return err
			}
			if who, err = s.person(c.Name); err != nil {
				return err
			}
		}
		mailed := "as the site says (reminder.display)"
		switch who.MailedAlarms {
		case storage.MailAll:
			mailed = "all"
		case storage.MailEmail:
			mailed = "those of kind EMAIL only"
		}
		fmt.Fprintf(p.out, "Events with a time and no alarm: %s\n", tellAlarm(who.Alarms.Timed, "as the site says (reminder.meetings, reminder.default)"))
		fmt.Fprintf(p.out, "Whole days without an alarm: %s\n", tellAlarm(who.Alarms.Day, "none"))
		fmt.Fprintf(p.out, "Alarms that become mails: %s\n", mailed)
		return nil
	})
}

type calendarAlarmsCmd struct {
	Calendar string `arg:"" help:"NAME/CALENDAR, such as alice/calendar."`
	alarmFlags
}

// Help implements kong.HelpProvider.
func (calendarAlarmsCmd) Help() string {
	return `Without a flag it shows what is set.

Example:

    kalends calendar alarms alice/birthdays --day 15h --before none`
}

// Run shows or changes the alarms by default of a calendar.
func (c *calendarAlarmsCmd) Run(p *program) error {
	e, ok, err := c.edit()
	if err != nil {
		return err
	}
	return onCalendars(p, func(s *calendars) error {
		owner, t, cal, err := s.calendar(c.Calendar)
		if err != nil {
			return err
		}
		if ok {
			if err := s.service.SetAlarms(p.ctx, owner, t, e); err != nil {
				return err
			}
			if _, _, cal, err = s.calendar(c.Calendar); err != nil {
				return err
			}
		}
		const elsewhere = "as its owner says"
		fmt.Fprintf(p.out, "Events with a time and no alarm: %s\nWhole days without an alarm: %s\n", tellAlarm(cal.Alarms.Timed, elsewhere), tellAlarm(cal.Alarms.Day, elsewhere))
		return nil
	})
}

type userMissedCmd struct {
	Name  string `arg:"" help:"Name or mail address of a person."`
	Seen  bool   `help:"Mark them all as seen."`
	All   bool   `help:"Show those that were seen, too."`
	Limit int    `help:"At most so many, the latest first (${default})." default:"100" placeholder:"N"`
}

// Help implements kong.HelpProvider.
func (userMissedCmd) Help() string {
	return `A reminder that could not be sent in time, because the server was away, is sent late until the event is over, and for a day after it was due. After
that it is missed, and shown here.`
}

// Run lists the reminders that it was too late for.
func (c *userMissedCmd) Run(p *program) error {
	return onCalendars(p, func(s *calendars) error {
		who, err := s.person(c.Name)
		if err != nil {
			return err
		}
		list, err := s.service.Missed(p.ctx, who, !c.All, max(c.Limit, 1))
		if err != nil {
			return err
		}
		if len(list) == 0 {
			fmt.Fprintf(p.out, "%s has missed nothing.\n", who.Name)
		} else {
			t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "DUE\tSTART\tWHAT")
			for _, m := range list {
				start := m.Start.UTC().Format("2006-01-02 15:04 UTC")
				if m.AllDay {
					start = m.Start.Format("2006-01-02")
				}
				fmt.Fprintf(t, "%s\t%s\t%s\n", m.DueAt.UTC().Format("2006-01-02 15:04 UTC"), start, printable(m.Summary))
			}
			if err := t.Flush(); err != nil {
				return err
			}
		}
		if c.Seen && len(list) > 0 {
			_, err = s.service.SeeMissed(p.ctx, who, list[0].DueAt)
		}
		return err
	})
}
