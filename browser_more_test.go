package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kalends/calendar"
	"kalends/ical"
	"kalends/internal/outside"
	"kalends/storage"
)

// moreFlows are what people do beside their events: with calendars of others, feeds, reminders, delegates.
var moreFlows = []flow{
	{"invited to a calendar", []string{"hugo", "nora"}, (*webSite).invitedToACalendar},
	{"feed", []string{"dora"}, (*webSite).subscribes},
	{"reminders", []string{"gina"}, (*webSite).reminds},
	{"delegates", []string{"emil", "gina"}, (*webSite).delegates},
	{"webhooks", []string{"emil"}, (*webSite).hooks},
	{"ask again", []string{"ines"}, (*webSite).asksAgain},
	{"admin looks", []string{"kim", "otto", "root"}, (*webSite).adminLooks},
}

// invitedToACalendar shares a calendar with somebody who is asked first: they take it, leave it, and take it again.
func (s *webSite) invitedToACalendar(t *testing.T) {
	b := s.tab(t, "nora")
	b.open("/calendars")
	b.fill("#c-name", "Choir")
	b.follow(`form[action="/calendars"] .primary`)
	b.open("/calendars")
	b.follow(".keylist a|Choir")
	page := b.text(`location.pathname`)
	b.set("#al-timed", "-60")
	b.follow(`form[action$="/alarms"] button`)
	b.follow(`form[action$="/default"] button`)
	b.there("p|Invitations that come to you go into this calendar.")
	b.fill(`form[action$="/share"] [name=person]`, "hugo@example.com")
	b.click("[name=ask]")
	b.follow(`form[action$="/share"] button|Share`)
	b.there(".tag|not answered yet")
	b.everywhere("calendar-asked", "", "-phone-dark")

	h := s.tab(t, "hugo")
	h.open("/week")
	h.there(".pill|1")
	h.everywhere("week-invited", "-phone")
	h.follow(".pill")
	h.there("p|Nora Oh shares the calendar “Choir” with you.")
	h.everywhere("calendars-invited", all...)
	h.fill(`#invitations [name=name]`, "Singing")
	h.set(`#invitations [type=color]`, "#aa3300")
	h.follow(`#invitations button|Accept`)
	h.follow(".keylist a|Singing")
	h.everywhere("calendar-of-another", "", "-phone-dark")
	if got := h.text(`(async () => (await fetch(location.pathname + "/file.ics")).headers.get("Content-Type"))()`); !strings.HasPrefix(got, "text/calendar") {
		t.Errorf("the calendar as a file is %q", got)
	}
	h.click("[name=busy]")
	h.follow(".primary|Save")
	b.open(page)
	b.there(".tag|accepted")
	h.follow("button|Leave the calendar")
	h.click("summary|Declined")
	h.everywhere("calendars-declined", "")
	h.follow("button|Take it after all")
	h.there(".keylist a|Singing")
}

// feedElsewhere is a server with a feed, which the site may ask.
func (s *webSite) feedElsewhere(t *testing.T) (address string, status *atomic.Int64) {
	t.Helper()
	status = &atomic.Int64{}
	status.Store(http.StatusOK)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/calendar")
		w.WriteHeader(int(status.Load()))
		io.WriteString(w, strings.ReplaceAll(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//EN
X-WR-CALNAME:Fixtures of the Harbour Rovers
BEGIN:VEVENT
UID:match-1
DTSTAMP:20260301T000000Z
DTSTART:20260328T140000Z
DTEND:20260328T154500Z
SUMMARY:Rovers – Lighthouse
END:VEVENT
END:VCALENDAR
`, "\n", "\r\n"))
	}))
	t.Cleanup(srv.Close)
	here := netip.MustParseAddrPort(srv.Listener.Addr().String())
	s.app.subscriber.Fetcher.Client = outside.Client(outside.Options{Allow: func(a netip.AddrPort) bool { return a == here }})
	return srv.URL + "/rovers.ics", status
}

// subscribes has a calendar from elsewhere, which goes away.
func (s *webSite) subscribes(t *testing.T) {
	address, status := s.feedElsewhere(t)
	b := s.tab(t, "dora")
	b.open("/calendars")
	b.fill("#s-url", "rovers.ics")
	b.follow("button|Subscribe")
	b.there(".wrong|This is no address.")
	b.everywhere("calendars-bad-feed", "", "-phone-dark")
	b.fill("#s-url", address)
	b.set("#s-every", "24")
	b.follow("button|Subscribe")
	b.there("h1|Fixtures of the Harbour Rovers")
	page := b.text(`location.pathname`)
	same := `document.querySelector("#s-url").value = "https://rovers.example.org/fixtures.ics"` // the port is another each time
	b.eval(same)
	b.everywhere("feed-subscribed", "", "-dark", "-phone")
	b.open("/week/" + date(28))
	b.there(".block|Rovers – Lighthouse")
	b.open(page)
	s.pass(2 * time.Minute)
	b.follow("button|Fetch it now")
	b.has("It is as it is there now.")
	s.pass(2 * time.Minute)
	status.Store(http.StatusGone)
	b.follow("button|Fetch it now")
	b.there(".problem|taken it down for good")
	b.eval(same)
	b.everywhere("feed-gone", "", "-phone-dark")
	b.open("/calendars")
	b.there(".keylist li|taken it down for good")
	b.everywhere("calendars-with-a-feed", "")
	b.open(page)
	b.fill("#c-name", "Rovers")
	b.follow(".primary|Save")
	b.follow("button|Remove the feed")
	if b.eval(el(".keylist a|Rovers")+" === undefined") != true {
		t.Error("the feed is still there")
	}
}

// reminds sees what was missed, and sets how one is reminded.
func (s *webSite) reminds(t *testing.T) {
	who := s.principal("gina")
	for i, name := range []string{"Dentist", "Parents’ evening at the school by the harbour"} {
		due := s.clock().Add(time.Duration(-26-i) * time.Hour)
		err := s.app.store.Update(t.Context(), func(tx storage.Tx) error {
			if err := tx.Lock(t.Context(), 1, who.ID); err != nil {
				return err
			}
			return tx.AddMissed(t.Context(), &storage.Missed{
				Owner: who.ID, Object: int64(i + 1), ForUser: who.ID, DueAt: due, Start: due.Add(time.Hour), End: due.Add(2 * time.Hour), Summary: name, Noted: due,
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	b := s.tab(t, "gina")
	b.open("/week")
	b.follow(".pill|2")
	b.there("li|Dentist")
	b.everywhere("reminders-missed", all...)
	b.follow("button|Seen")
	b.there("p|You have missed nothing.")
	if b.eval(`document.querySelector(".pill") === null`) != true {
		t.Error("the head still says that there is something")
	}
	b.set("#al-day", "-360")
	b.set("#al-timed", "-30")
	b.set("#al-mail", "all")
	b.follow(".primary|Save")
	b.has("Saved.")
	if got := s.principal("gina").Alarms; got != (storage.DefaultAlarms{Timed: "EMAIL -PT30M", Day: "EMAIL -PT6H"}) {
		t.Errorf("alarms by default are %+v", got)
	}
}

// delegates has somebody act for one.
func (s *webSite) delegates(t *testing.T) {
	b := s.tab(t, "emil")
	b.open("/delegates")
	b.fill("[name=person]", "nobody@example.com")
	b.follow("button|Add")
	b.there(".wrong|Nobody else here has this mail address.")
	b.everywhere("delegates-nobody", "")
	b.fill("[name=person]", "gina@example.com")
	b.set("[name=right]", "write")
	b.follow("button|Add")
	b.there("li|Gina Aitch")
	b.everywhere("delegates-one", all...)
	g := s.tab(t, "gina")
	g.open("/delegates")
	g.there("li|Emil Eff")
	g.open("/week")
	g.there(".shown li|Emil Eff")
	b.follow("button|Take away")
	b.click("[name=public]")
	b.follow(`form[action="/delegates/busy"] button`)
	if status, _ := s.asks(t, "GET", "/freebusy/emil", nil); status != http.StatusOK {
		t.Errorf("the public address of busy times is answered %d", status)
	}
}

// asksAgain asks an organizer elsewhere for the meeting as it is.
func (s *webSite) asksAgain(t *testing.T) {
	who := s.principal("ines")
	text := strings.ReplaceAll(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//EN
METHOD:REQUEST
BEGIN:VEVENT
UID:regatta
DTSTAMP:20260320T100000Z
DTSTART:20260330T140000Z
DTEND:20260330T150000Z
SUMMARY:Regatta committee
ORGANIZER;CN=Erin:mailto:erin@example.org
ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:ines@example.com
ATTENDEE;PARTSTAT=ACCEPTED:mailto:erin@example.org
END:VEVENT
END:VCALENDAR
`, "\n", "\r\n")
	cal, err := ical.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.service.TakeMail(t.Context(), calendar.MailMessage{
		Owner: who.ID, To: "mailto:" + who.Email, Calendar: cal, Author: "mailto:erin@example.org", MessageID: "regatta",
		Note: storage.Inbound{Key: "regatta", Sender: "erin@example.org", Recipient: who.Email, Subject: "Regatta committee"},
	})
	if err == nil {
		_, err = s.service.AcceptHeld(t.Context(), who, who, "regatta")
	}
	if err != nil {
		t.Fatal(err)
	}
	b := s.tab(t, "ines")
	b.open("/week/" + date(30))
	b.follow(".block|Regatta committee")
	b.click("summary|Is this how it stands?")
	b.everywhere("event-from-elsewhere", "", "-phone")
	b.follow("button|Ask the organizer again")
	b.has("The organizer is asked.")
}

// adminLooks changes somebody, and looks at reminders and storage that are worth it.
func (s *webSite) adminLooks(t *testing.T) {
	ctx := t.Context()
	who := s.principal("otto")
	home, err := s.app.store.Calendars(ctx, who.ID)
	if err != nil {
		t.Fatal(err)
	}
	err = s.app.store.Update(ctx, func(tx storage.Tx) error {
		if err := tx.Lock(ctx, 1, who.ID); err != nil {
			return err
		}
		var rows []*storage.Reminder
		for i, due := range []time.Duration{-3 * time.Hour, -4 * time.Minute, 20 * time.Minute, 26 * time.Hour} {
			rows = append(rows, &storage.Reminder{Owner: who.ID, Object: 41, ForUser: who.ID, Calendar: home[0].ID, Alarm: fmt.Sprint(i), DueAt: s.clock().Add(due)})
		}
		return tx.SetReminders(ctx, who.ID, 41, rows)
	})
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.app.store.ClaimReminders(ctx, s.clock().Add(-2*time.Hour), time.Minute, 1)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d reminders are claimed (%v)", len(list), err)
	}
	list[0].DueAt, list[0].LastError = s.clock().Add(5*time.Minute), "put off: the database did not answer in time"
	if err := s.app.store.FinishReminder(ctx, list[0]); err != nil {
		t.Fatal(err)
	}
	b := s.tab(t, "root")
	b.open("/admin/reminders")
	b.there("td|late by 4 minutes")
	b.there("td|put off")
	b.everywhere("admin-reminders-waiting", all...)
	b.open("/admin/storage")
	b.everywhere("admin-storage-used", "", "-dark", "-phone")
	b.open("/admin/users/otto")
	b.fill("#u-addr", "otto@example.com\nkim@example.com")
	b.follow("#profile .primary")
	b.there(".wrong|kim@example.com: This mail address is taken, or is none.")
	b.everywhere("admin-user-bad", "", "-phone-dark")
	b.fill("#u-addr", "otto@example.com\no.pea@example.com")
	b.follow("#profile .primary")
	b.has("Saved.")
	b.fill("#d-add", "kim")
	b.follow(`button|Add`)
	b.there("li|Kim Ell")
}
