// Package demo tells what Kalends does, in the terminal, by doing it: against a running server, over HTTP, SMTP and
// LMTP, with clients that are not our code. A line is printed when what it says was seen.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"kalends/ical"
	"kalends/ical/zone"
)

// Story is what the demo needs of its surroundings.
type Story struct {
	Out     io.Writer
	URL     string // of the server, without a slash at the end
	LMTP    string // address of its LMTP listener
	Server  string // SMTP address of a mail server in the middle, which delivers to LMTP and to Mailbox; "" for none
	Mailbox *Mailbox
	// Two accounts of the server, the organizer and an attendee: login names, with passwords and mail addresses.
	Organizer, Attendee Login

	zone         *time.Location
	alice, bob   *account
	uid, name    string
	start        time.Time // of the first occurrence
	weekly       *ical.Component
	replyAddress string
	step         int
}

// Login is an account.
type Login struct{ Name, Password, Address string }

// outsider is the attendee who has no account here.
const outsider = "carol@outside.example"

// zoneName is where the meeting takes place: a zone whose clocks change.
const zoneName = "Europe/Berlin"

// patience is how long anything may take.
const patience = 15 * time.Second

// lead is how long before the meeting its reminder is due, and soon how long from now the meeting starts.
const (
	soon = 90 * time.Second
	lead = 84 * time.Second
)

// Tell runs the story and returns the first thing that did not come true.
func (s *Story) Tell(ctx context.Context) error {
	s.zone, _ = zone.Load(zoneName)
	began := time.Now()
	for _, chapter := range []struct {
		title string
		run   func(context.Context) error
	}{
		{"Two calendar programs connect", s.discover},
		{"Alice invites Bob and Carol to a weekly meeting", s.invite},
		{"Bob has it in his calendar", s.delivered},
		{"Carol, who has no account, gets a mail", s.mailed},
		{"Carol answers from her mail program", s.answered},
		{"The weeks around the change of clocks", s.expanded},
		{"The reminder", s.reminded},
		{"Alice moves the meeting", s.moved},
		{"Alice cancels it", s.cancelled},
	} {
		s.step++
		fmt.Fprintf(s.Out, "\n%d. %s\n", s.step, chapter.title)
		if err := chapter.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", strings.ToLower(chapter.title[:1])+chapter.title[1:], err)
		}
	}
	fmt.Fprintf(s.Out, "\nAll of it came true, in %.0f seconds.\n", time.Since(began).Seconds())
	return nil
}

func (s *Story) seen(format string, args ...any) {
	fmt.Fprintf(s.Out, "   ✓ "+format+"\n", args...)
}

func (s *Story) discover(ctx context.Context) error {
	noRedirect := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := http.NewRequestWithContext(ctx, "PROPFIND", s.URL+"/.well-known/caldav", nil)
	if err != nil {
		return err
	}
	res, err := noRedirect.Do(r)
	if err != nil {
		return err
	}
	res.Body.Close()
	if to := res.Header.Get("Location"); res.StatusCode/100 != 3 || !strings.HasSuffix(to, "/dav/") {
		return fmt.Errorf("/.well-known/caldav answers %s, location %q", res.Status, to)
	}
	s.seen("/.well-known/caldav leads to /dav/")
	s.alice = &account{name: s.Organizer.Name, password: s.Organizer.Password, address: s.Organizer.Address}
	s.bob = &account{name: s.Attendee.Name, password: s.Attendee.Password, address: s.Attendee.Address}
	for _, a := range []*account{s.alice, s.bob} {
		if err := a.connect(ctx, s.URL, http.DefaultClient); err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
		s.seen("go-webdav's client finds %s's calendar at %s", a.name, a.calendar)
	}
	return nil
}

// meeting returns the weekly meeting: the fourth one is left out, the second one is an hour later.
func (s *Story) meeting() (*ical.Component, error) {
	now := time.Now()
	s.start = zone.Wall(now.Add(soon), s.zone).Truncate(time.Second)
	s.uid = fmt.Sprintf("demo-%d@example.com", now.UnixNano())
	s.name = s.uid + ".ics"
	tz, err := zone.VTimezone(zoneName, now.AddDate(-1, 0, 0), now.AddDate(3, 0, 0))
	if err != nil {
		return nil, err
	}
	at := func(t time.Time) ical.DateTime { return ical.DateTime{Wall: t, Form: ical.ZonedForm, TZID: zoneName} }
	event := func(start time.Time) *ical.Component {
		ev := ical.New("VEVENT")
		ev.Add(ical.NewProperty("UID", s.uid))
		ev.Add(ical.NewProperty("DTSTAMP", now.UTC().Format("20060102T150405Z")))
		ev.Add(at(start).Property("DTSTART"))
		ev.Add(ical.NewProperty("DURATION", "PT45M"))
		ev.Add(ical.NewText("SUMMARY", "Weekly planning"))
		ev.Add(ical.NewText("LOCATION", "Room 4"))
		ev.Add(ical.NewProperty("SEQUENCE", "0"))
		ev.Add(ical.NewProperty("ORGANIZER", "mailto:"+s.alice.address, ical.Param{Name: "CN", Values: []string{"Alice"}}))
		for _, who := range []struct{ name, address, status string }{
			{"Alice", s.alice.address, "ACCEPTED"}, {"Bob", s.bob.address, "NEEDS-ACTION"}, {"Carol", outsider, "NEEDS-ACTION"},
		} {
			p := ical.NewProperty("ATTENDEE", "mailto:"+who.address, ical.Param{Name: "CN", Values: []string{who.name}})
			p.SetParam("PARTSTAT", who.status)
			if who.status == "NEEDS-ACTION" {
				p.SetParam("RSVP", "TRUE")
			}
			ev.Add(p)
		}
		return ev
	}
	master := event(s.start)
	master.Add(ical.NewProperty("RRULE", "FREQ=WEEKLY"))
	master.Add(at(s.start.AddDate(0, 0, 21)).Property("EXDATE"))
	alarm := ical.New("VALARM")
	alarm.Add(ical.NewProperty("ACTION", "DISPLAY"))
	alarm.Add(ical.NewText("DESCRIPTION", "Weekly planning"))
	alarm.Add(ical.NewProperty("TRIGGER", ical.Duration{Negative: true, Time: lead}.String()))
	master.AddChild(alarm)
	later := event(s.start.AddDate(0, 0, 7).Add(time.Hour))
	later.Add(at(s.start.AddDate(0, 0, 7)).Property("RECURRENCE-ID"))
	cal := ical.NewCalendar("")
	cal.AddChild(tz)
	cal.AddChild(master)
	cal.AddChild(later)
	return cal, nil
}

func (s *Story) invite(ctx context.Context) error {
	var err error
	if s.weekly, err = s.meeting(); err != nil {
		return err
	}
	if err := s.alice.put(ctx, s.name, s.weekly); err != nil {
		return err
	}
	s.seen("PUT %s%s: every %s %s, with one week moved and one left out", s.alice.calendar, s.name, s.start.Weekday(), s.start.Format("15:04:05"))
	copy, _, err := s.alice.find(ctx, s.uid)
	if err != nil || copy == nil {
		return fmt.Errorf("her copy is not there: %v", err)
	}
	if got := status(copy, s.bob.address, "SCHEDULE-STATUS"); got != "1.2" {
		return fmt.Errorf("the SCHEDULE-STATUS of Bob is %q, not 1.2 (delivered)", got)
	}
	if got := status(copy, outsider, "SCHEDULE-STATUS"); got != "1.1" {
		return fmt.Errorf("the SCHEDULE-STATUS of Carol is %q, not 1.1 (sent)", got)
	}
	s.seen("her copy says: delivered to Bob (1.2), on its way to Carol (1.1)")
	return nil
}

func (s *Story) delivered(ctx context.Context) error {
	copy, path, err := s.bob.find(ctx, s.uid)
	if err != nil {
		return err
	}
	if copy == nil {
		return errors.New("it is not there")
	}
	s.seen("at %s, to be answered (%s)", path, status(copy, s.bob.address, "PARTSTAT"))
	n, err := s.bob.inbox(ctx, s.uid, "REQUEST")
	if err != nil || n != 1 {
		return fmt.Errorf("his inbox has %d invitations to it, not 1: %v", n, err)
	}
	s.seen("and one invitation in his inbox")
	return nil
}

// about returns a test for mails to Carol about the meeting with that method.
func (s *Story) about(method string) func(*Letter) bool {
	return func(l *Letter) bool {
		if l.To != outsider || l.Method != method || l.Calendar == nil {
			return false
		}
		ev := l.Calendar.Component("VEVENT")
		return ev != nil && ev.Text("UID") == s.uid
	}
}

func (s *Story) mailed(context.Context) error {
	l, err := s.Mailbox.Wait(patience, s.about("REQUEST"))
	if err != nil {
		return err
	}
	s.seen("%q from %s, with a part text/calendar; method=REQUEST", l.Subject(), l.Header.Get("From"))
	ev := l.Calendar.Component("VEVENT")
	if ev.Component("VALARM") != nil {
		return errors.New("the mail carries Alice's alarm")
	}
	s.replyAddress = ical.Mailbox(ev.Value("ORGANIZER"))
	if s.replyAddress == "" || l.Calendar.Component("VTIMEZONE") == nil {
		return errors.New("the mail has no ORGANIZER to answer to, or no VTIMEZONE")
	}
	s.seen("answers go to %.24s…, which is hers alone", s.replyAddress)
	return nil
}

func (s *Story) answered(ctx context.Context) error {
	reply := strings.ReplaceAll(fmt.Sprintf(`From: Carol <%[1]s>
To: <%[2]s>
Subject: Accepted: Weekly planning
Date: %[3]s
Message-ID: <%[4]d@outside.example>
MIME-Version: 1.0
Content-Type: text/calendar; charset=utf-8; method=REPLY

BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Outside//EN
METHOD:REPLY
BEGIN:VEVENT
UID:%[5]s
DTSTAMP:%[6]s
SEQUENCE:0
ORGANIZER:mailto:%[2]s
ATTENDEE;PARTSTAT=ACCEPTED:MAILTO:%[1]s
END:VEVENT
END:VCALENDAR
`, outsider, s.replyAddress, time.Now().Format(time.RFC1123Z), time.Now().UnixNano(), s.uid, time.Now().UTC().Format("20060102T150405Z")), "\n", "\r\n")
	address, client, how := s.LMTP, smtp.NewClientLMTP, "in by LMTP"
	if s.Server != "" {
		address, client, how = s.Server, smtp.NewClient, "by the mail server"
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	c := client(conn)
	defer c.Close()
	if err := c.SendMail(outsider, []string{s.replyAddress}, strings.NewReader(reply)); err != nil {
		return fmt.Errorf("send the REPLY: %w", err)
	}
	s.seen("her REPLY is taken %s", how)
	return s.until(func() (bool, error) {
		copy, _, err := s.alice.find(ctx, s.uid)
		if err != nil || copy == nil || status(copy, outsider, "PARTSTAT") != "ACCEPTED" {
			return false, err
		}
		s.seen("Alice sees that Carol has ACCEPTED")
		return true, nil
	})
}

func (s *Story) expanded(ctx context.Context) error {
	// The next change of clocks, and the two weeks on each side of it.
	change := zone.Instant(s.start, s.zone)
	_, offset := change.Zone()
	for day := 0; ; day++ {
		if _, now := change.Zone(); now != offset {
			break
		}
		if day == 400 {
			return fmt.Errorf("the clocks of %s do not change", zoneName)
		}
		change = change.AddDate(0, 0, 1)
	}
	from, to := change.AddDate(0, 0, -14).UTC(), change.AddDate(0, 0, 14).UTC() // the client writes times as they are, with a Z
	var want []time.Time
	for week := 0; week < 60; week++ {
		wall := s.start.AddDate(0, 0, 7*week)
		switch week {
		case 1:
			wall = wall.Add(time.Hour)
		case 3:
			continue
		}
		t := zone.Instant(wall, s.zone)
		if t.Before(to) && t.Add(45*time.Minute).After(from) {
			want = append(want, t)
		}
	}
	got, err := s.alice.expanded(ctx, s.uid, from, to)
	if err != nil {
		return err
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d occurrences, not %d", len(got), len(want))
	}
	for i, t := range got {
		if !t.Equal(want[i]) {
			return fmt.Errorf("occurrence %d is at %v, not %v", i, t, want[i])
		}
		s.seen("%s in Berlin is %s", t.In(s.zone).Format("Mon 2 Jan 15:04:05 MST"), t.UTC().Format("15:04:05 UTC"))
	}
	return nil
}

func (s *Story) reminded(context.Context) error {
	due := zone.Instant(s.start, s.zone).Add(-lead)
	ok := func(l *Letter) bool {
		return l.To == s.alice.address && l.Method == "" && strings.Contains(l.Subject(), "Weekly planning")
	}
	l, err := s.Mailbox.Wait(time.Until(due)+patience, ok)
	if err != nil {
		return err
	}
	late := time.Since(due)
	if late < 0 {
		return fmt.Errorf("it came %v before it was due", -late)
	}
	s.seen("%q, %.1f s after it was due", l.Subject(), late.Seconds())
	if n := len(s.Mailbox.Find(ok)); n != 1 {
		return fmt.Errorf("it came %d times", n)
	}
	return nil
}

func (s *Story) moved(ctx context.Context) error {
	cal, _, err := s.alice.find(ctx, s.uid)
	if err != nil || cal == nil {
		return fmt.Errorf("her copy is not there: %v", err)
	}
	moved := s.start.Add(3 * time.Hour)
	master := cal.Master()
	start, err := master.Prop("DTSTART").DateTime()
	if err != nil {
		return err
	}
	start.Wall = moved
	master.Prop("DTSTART").SetDateTime(start)
	master.Prop("SEQUENCE").SetValue("1")
	master.Remove("EXDATE")
	cal.RemoveChildren(func(c *ical.Component) bool { return c.Prop("RECURRENCE-ID") != nil })
	if err := s.alice.put(ctx, s.name, cal); err != nil {
		return err
	}
	s.seen("PUT with a start three hours later")
	copy, _, err := s.bob.find(ctx, s.uid)
	if err != nil || copy == nil {
		return fmt.Errorf("the copy of Bob is not there: %v", err)
	}
	if d, err := copy.Master().Prop("DTSTART").DateTime(); err != nil || !d.Wall.Equal(moved) {
		return fmt.Errorf("the copy of Bob starts at %v, not %v", d.Wall, moved)
	}
	s.seen("Bob's copy is at %s", moved.Format("15:04:05"))
	update := func(l *Letter) bool {
		if !s.about("REQUEST")(l) {
			return false
		}
		d, err := l.Calendar.Master().Prop("DTSTART").DateTime()
		return err == nil && d.Wall.Equal(moved)
	}
	l, err := s.Mailbox.Wait(patience, update)
	if err != nil {
		return err
	}
	s.seen("Carol gets %q", l.Subject())
	return s.once(ctx, "REQUEST", 2)
}

func (s *Story) cancelled(ctx context.Context) error {
	_, path, err := s.alice.find(ctx, s.uid)
	if err != nil {
		return err
	}
	if _, _, err := s.alice.do(ctx, http.MethodDelete, path, nil); err != nil {
		return err
	}
	s.seen("DELETE %s", path)
	copy, _, err := s.bob.find(ctx, s.uid)
	if err != nil {
		return err
	}
	if copy != nil && copy.Master().Value("STATUS") != "CANCELLED" {
		return errors.New("the copy of Bob does not say so")
	}
	s.seen("Bob's copy says CANCELLED")
	l, err := s.Mailbox.Wait(patience, s.about("CANCEL"))
	if err != nil {
		return err
	}
	s.seen("Carol gets %q", l.Subject())
	return s.once(ctx, "CANCEL", 1)
}

// once sees that there were so many messages of a method to each of the others, and no more.
func (s *Story) once(ctx context.Context, method string, want int) error {
	n, err := s.bob.inbox(ctx, s.uid, method)
	if err != nil {
		return err
	}
	if mails := len(s.Mailbox.Find(s.about(method))); n != want || mails != want {
		return fmt.Errorf("the inbox of Bob has %d messages %s and Carol %d, not %d", n, method, mails, want)
	}
	s.seen("each of them learned it once")
	return nil
}

// until tries until ok or the time is over.
func (s *Story) until(ok func() (bool, error)) error {
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		done, err := ok()
		if done || err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("not within %v", patience)
		}
	}
}

// status returns a parameter of the ATTENDEE with that mail address in the master.
func status(cal *ical.Component, address, param string) string {
	for c := range cal.Components("VEVENT") {
		for p := range c.All("ATTENDEE") {
			if ical.Mailbox(p.Value()) == address {
				s, _, _ := strings.Cut(p.Param(param), ";")
				return s
			}
		}
	}
	return ""
}
