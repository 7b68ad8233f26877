package mailer

import (
	"fmt"
	"net/mail"
	"time"

	"kalends/ical"
	"kalends/ical/zone"
)

// Reminder is an alarm that has become due.
type Reminder struct {
	To       Person
	Calendar *ical.Component // the object
	Instance *ical.Component // of it, what the alarm is about: the master or an override

	// The times of the instance. Where AllDay or Floating they are wall clock time, Location UTC. End may be zero.
	Start, End       time.Time
	AllDay, Floating bool

	Zone      *time.Location // the person's, for times in UTC
	Due       time.Time      // when the alarm was due
	Late      bool           // say that it comes late
	Language  string         // BCP 47
	MessageID string         // see Composer.ReminderID
	Date      time.Time      // when it is sent; the same at every attempt, where the bytes should be
}

// Reminder composes a reminder, to the person's own address only.
func (c *Composer) Reminder(r Reminder) (*Letter, error) {
	to := ical.Mailbox(r.To.Address)
	if to == "" {
		return nil, fmt.Errorf("%w: %.80q", ErrAddress, r.To.Address)
	}
	cal := r.Calendar
	if cal == nil {
		cal = ical.New("VCALENDAR")
	}
	if r.Instance == nil {
		return nil, fmt.Errorf("compose reminder: %w", errNoEvent)
	}
	ev := &event{main: r.Instance, cal: cal, zones: zone.NewResolver(cal), local: r.Zone}
	l := catalogueFor(c.language(r.Language))
	title := ev.title(l)

	start := ev.instanceMoment(r, r.Start)
	var end *moment
	if !r.End.IsZero() {
		e := ev.instanceMoment(r, r.End)
		end = &e
	}
	p := &page{
		Lang:     l.Tag,
		Subject:  fmt.Sprintf(l.subject["REMINDER"], title) + " (" + l.brief(start) + ")",
		Headline: fmt.Sprintf(l.headline["REMINDER"], "", title),
		Footer:   l.reminderFooter,
		was:      l.was,
	}
	if r.Late {
		due := instantIn(r.Due, ev.zoneOf(r.Instance))
		p.Notes = append(p.Notes, fmt.Sprintf(l.late, l.brief(due)+" ("+due.zone+")"))
	}
	p.Rows = []row{{Label: l.when, Value: l.span(start, end)}}
	if place := line(r.Instance.Text("LOCATION"), maxPlace); place != "" {
		p.Rows = append(p.Rows, row{Label: l.where, Value: place})
	}
	if link := ev.link(); link != "" {
		p.Rows = append(p.Rows, row{Label: l.link, Value: cut(link, 300), Href: link})
	}
	p.Description, p.DescriptionLabel = paragraphs(r.Instance.Text("DESCRIPTION"), maxDescription), l.notes
	html, err := p.html()
	if err != nil {
		return nil, err
	}
	m := &Mail{
		From: c.Own, To: mail.Address{Name: displayName(r.To), Address: to},
		Subject: p.Subject, Text: p.text(), HTML: html,
		MessageID: r.MessageID, Date: r.Date, Language: l.Tag,
	}
	return letter(m, c.Own.Address)
}

// instanceMoment tells a time of the instance in the zone that the event is in, so that the clock is the one the
// person planned with.
func (ev *event) instanceMoment(r Reminder, t time.Time) moment {
	if r.AllDay || r.Floating {
		return moment{wall: t, date: r.AllDay}
	}
	loc := ev.zoneOf(r.Instance)
	m := instantIn(t, loc)
	if p := startProperty(r.Instance); p != nil && loc != ev.local {
		if name, ok := ev.zones.Canonical(p.Param("TZID")); ok {
			m.zone, m.short = zoneLabel(name, t.In(loc)), name
		}
	}
	return m
}

func startProperty(c *ical.Component) *ical.Property {
	if p := c.Prop("DTSTART"); p != nil {
		return p
	}
	return c.Prop("DUE")
}

func (ev *event) zoneOf(c *ical.Component) *time.Location {
	if p := startProperty(c); p != nil && p.Param("TZID") != "" {
		if loc, ok := ev.zones.Location(p.Param("TZID")); ok {
			return loc
		}
	}
	return ev.local
}
