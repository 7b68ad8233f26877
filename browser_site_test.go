package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/internal/config"
	"kalends/internal/httpserver"
	"kalends/mailer"
	"kalends/meeting"
	"kalends/storage"
)

// siteNow is what the clock of the site shows when it opens: a Wednesday, 10:20 in Berlin, in the week at whose end summer time begins there.
var siteNow = time.Date(2026, 3, 25, 9, 20, 0, 0, time.UTC)

const siteHost = "cal.example.com"

// webSite is the whole product with some people and a full week, and a browser to look at it. Alice is for being looked at; everything is
// done by others, so that her pages are always the same.
type webSite struct {
	*testing.T
	app     *app
	service *calendar.Service
	editor  *meeting.Editor
	chrome  context.Context
	url     string
	axe     string
	client  *http.Client // of programs
	address string       // of the server, for them

	mu      sync.Mutex
	now     time.Time
	cookies map[string]string
	used    map[string]bool // patterns of pages and forms that the browser used
}

var sitePeople = []auth.NewUser{
	{Name: "alice", DisplayName: "Alice Arm", Email: "alice@example.com", Kind: "admin"},
	{Name: "bob", DisplayName: "Bob Bee", Email: "bob@example.com"},
	{Name: "carol", DisplayName: "Carol Cee", Email: "carol@example.com"},
	{Name: "dora", DisplayName: "Dora Dee", Email: "dora@example.com"},
	{Name: "emil", DisplayName: "Emil Eff", Email: "emil@example.com"},
	{Name: "fred", DisplayName: "Fred Gee", Email: "fred@example.com"},
	{Name: "gina", DisplayName: "Gina Aitch", Email: "gina@example.com"},
	{Name: "hugo", DisplayName: "Hugo Eye", Email: "hugo@example.com"},
	{Name: "ines", DisplayName: "Ines Jay", Email: "ines@example.com"},
	{Name: "jan", DisplayName: "Jan Kay", Email: "jan@example.com"},
	{Name: "kim", DisplayName: "Kim Ell", Email: "kim@example.com"},
	{Name: "lea", DisplayName: "Lea Em", Email: "lea@example.com"},
	{Name: "nora", DisplayName: "Nora Oh", Email: "nora@example.com"},
	{Name: "otto", DisplayName: "Otto Pea", Email: "otto@example.com"}, // has never signed in
	{Name: "pia", DisplayName: "Pia Queue", Email: "pia@example.com"},
	{Name: "root", DisplayName: "Rosa Root", Email: "root@example.com", Kind: "admin"},
	{Name: "team", DisplayName: "Garden team", Email: "team@example.com", Kind: "group"},
	{Name: "oak", DisplayName: "Oak room", Email: "oak@example.com", Kind: "room"},
	{Name: "elm", DisplayName: "Elm room", Email: "elm@example.com", Kind: "room"},
}

func newSite(t *testing.T) *webSite {
	t.Helper()
	cfg := config.Default()
	cfg.Data = t.TempDir()
	cfg.Database = "sqlite:" + filepath.Join(cfg.Data, "kalends.db")
	cfg.BaseURL = "https://" + siteHost
	log := slog.New(slog.DiscardHandler)
	s := &webSite{T: t, now: siteNow, cookies: map[string]string{}, used: map[string]bool{}, url: cfg.BaseURL}
	store, err := openStore(t.Context(), cfg, true)
	if err != nil {
		t.Fatal(err)
	}
	a, err := buildOn(t.Context(), cfg, log, s.clock, troubled{store})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.close)
	s.app, s.service = a, a.service(cfg, log)
	s.editor = &meeting.Editor{Calendar: s.service, Store: a.store, Now: s.clock}
	for _, n := range sitePeople {
		if n.Kind == "" || n.Kind == "admin" {
			n.Password = n.Name + "'s horse"
		}
		if _, err := a.directory.Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		if n.Password == "" {
			continue
		}
		p := s.principal(n.Name)
		p.TimeZone = "Europe/Berlin"
		if err := a.store.Update(t.Context(), func(tx storage.Tx) error { return tx.PutPrincipal(t.Context(), p, []string{"mailto:" + p.Email}) }); err != nil {
			t.Fatal(err)
		}
	}
	around := &httpserver.Server{Log: log, Request: time.Minute, Stall: time.Minute}
	server := httptest.NewUnstartedServer(around.Wrap(inTrouble(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		a.handler.ServeHTTP(rec, r)
		if strings.Contains(r.UserAgent(), "Chrome") && rec.status < 400 {
			s.mu.Lock()
			s.used[r.Pattern] = true
			s.mu.Unlock()
		}
	}))))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	s.chrome = newChrome(t, siteHost, strings.TrimPrefix(server.URL, "https://"))
	s.axe = axe(t)
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	s.client, s.address = client, server.URL
	for _, n := range sitePeople {
		if n.Kind != "" && n.Kind != "admin" || n.Name == "otto" {
			continue
		}
		s.signIn(client, server.URL, n.Name)
	}
	s.fill()
	return s
}

// statusWriter remembers what was answered.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// signIn gets somebody a session, as the form does.
func (s *webSite) signIn(client *http.Client, address, name string) {
	s.Helper()
	form := url.Values{"name": {name}, "password": {name + "'s horse"}}
	r, err := http.NewRequestWithContext(s.Context(), "POST", address+"/signin", strings.NewReader(form.Encode()))
	if err != nil {
		s.Fatal(err)
	}
	r.Host = siteHost
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36")
	resp, err := client.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	resp.Body.Close()
	for _, c := range resp.Cookies() {
		s.cookies[name] = c.Value
	}
	if s.cookies[name] == "" {
		s.Fatalf("sign in of %s = %d", name, resp.StatusCode)
	}
}

func (s *webSite) cookie(who string) string { return s.cookies[who] }

func (s *webSite) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// pass has time pass.
func (s *webSite) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func (s *webSite) principal(name string) *storage.Principal {
	s.Helper()
	p, err := s.app.store.PrincipalByName(s.Context(), name)
	if err != nil {
		s.Fatal(err)
	}
	return p
}

// at is a time of a day of March 2026 in Berlin; days beyond 31 are of April.
func at(day int, clock string) string {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	t, err := time.Parse("15:04", clock)
	if err != nil {
		panic(err)
	}
	return time.Date(2026, 3, day, t.Hour(), t.Minute(), 0, 0, loc).Format(time.RFC3339)
}

// date is a day of March 2026.
func date(day int) string { return time.Date(2026, 3, day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly) }

// make makes an event of somebody's, and returns its id.
func (s *webSite) make(who string, in meeting.NewMeeting) string {
	s.Helper()
	f, err := s.editor.Create(s.Context(), s.principal(who), &in, meeting.NewUID(), false)
	if err != nil {
		s.Fatalf("%s: %v", in.Name, err)
	}
	return meeting.ID(f.Row.Owner, f.Row.ID)
}

// meetings are what somebody has in their own calendars under that title.
func (s *webSite) meetings(who, title string) []*meeting.Meeting {
	s.Helper()
	p := s.principal(who)
	place, err := s.editor.Visit(s.Context(), p, p.ID)
	if err != nil {
		s.Fatal(err)
	}
	var list []*meeting.Meeting
	for _, c := range place.Home {
		if c.Kind != storage.CalendarKind {
			continue
		}
		err := s.service.Objects(s.Context(), p, place.Target(c, ""), storage.WithICS, func(row *storage.Object) error {
			copied := *row
			copied.ICS = slices.Clone(row.ICS)
			o, err := meeting.ReadObject(&copied, place.Mine, time.UTC)
			if err != nil {
				return err
			}
			if m := o.Meeting(); m != nil && m.Name == title {
				list = append(list, m)
			}
			return nil
		})
		if err != nil {
			s.Fatal(err)
		}
	}
	return list
}

// meeting is the only one somebody has under that title.
func (b *browser) stored(who, title string) *meeting.Meeting {
	b.Helper()
	list := b.site.meetings(who, title)
	if len(list) != 1 {
		b.Fatalf("%s has %d of %q", who, len(list), title)
	}
	return list[0]
}

// starts holds when somebody's event is stored to begin and end.
func (b *browser) starts(who, title, start, end string) {
	b.Helper()
	m := b.stored(who, title)
	if m.Start != start || m.End != end {
		b.Errorf("%q of %s is stored as %s – %s, want %s – %s", title, who, m.Start, m.End, start, end)
	}
}

// mail sends what waits in the outbox and returns the mails that went to address.
func (s *webSite) mail(t *testing.T, address string, want int) []string {
	t.Helper()
	for _, w := range s.app.workers {
		d, ok := w.(*mailer.Dispatcher)
		if !ok {
			continue
		}
		return s.sent(t, d, address, want)
	}
	t.Fatal("no outbox")
	return nil
}

// calendar is the id of somebody's calendar of that name.
func (s *webSite) calendar(who, name string) string {
	s.Helper()
	p := s.principal(who)
	place, err := s.editor.Visit(s.Context(), p, p.ID)
	if err != nil {
		s.Fatal(err)
	}
	for _, c := range place.Home {
		if c.DisplayName == name {
			return meeting.CalendarID(c.Owner, c.ID)
		}
	}
	s.Fatalf("%s has no calendar %q", who, name)
	return ""
}

// fill gives people a week as they have them, and one with everything that is hard to show.
func (s *webSite) fill() {
	s.Helper()
	for _, c := range []struct{ who, name, color string }{{"alice", "Garden", "#1f9d61"}, {"alice", "Family", "#c2255c"}, {"bob", "Office hours", "#8e4ec6"}} {
		p := s.principal(c.who)
		place, err := s.editor.Visit(s.Context(), p, p.ID)
		if err == nil {
			t := calendar.Target{Owner: place.Owner, Slug: calendar.FreeSlug(place.Home, c.name, "calendar")}
			err = s.service.MakeCalendar(s.Context(), p, t, calendar.Edit{Live: func(row *storage.Calendar) error {
				row.DisplayName, row.Color, row.Components = c.name, c.color, []string{"VEVENT"}
				return nil
			}})
		}
		if err != nil {
			s.Fatal(err)
		}
	}
	calendars := map[string]string{}
	for _, name := range []string{"Garden", "Family"} {
		calendars[name] = s.calendar("alice", name)
	}
	invite := func(who ...string) []meeting.Invited {
		var list []meeting.Invited
		for _, w := range who {
			list = append(list, meeting.Invited{Address: w + "@example.com"})
		}
		return list
	}
	for _, x := range []struct {
		who string
		in  meeting.NewMeeting
	}{
		{"alice", meeting.NewMeeting{Name: "Planning", Start: at(23, "09:00"), End: at(23, "10:00"), Recurrence: &meeting.Recurrence{Every: "week"}, Invited: invite("bob"), Location: "Room 5"}},
		{"alice", meeting.NewMeeting{Calendar: calendars["Family"], Name: "Dentist", Start: at(24, "11:30"), End: at(24, "12:15"), Location: "Harbour street 3"}},
		{"alice", meeting.NewMeeting{Name: "Lunch with Carol", Start: at(25, "12:00"), End: at(25, "13:00"), Invited: invite("carol")}},
		{"alice", meeting.NewMeeting{Name: "Writing", Start: at(25, "09:00"), End: at(25, "11:30")}},
		{"alice", meeting.NewMeeting{Name: "Stand-up", Start: at(23, "09:30"), End: at(23, "09:45"), Recurrence: &meeting.Recurrence{Every: "day", Count: 12}}},
		{"alice", meeting.NewMeeting{Name: "Conference", Start: date(26), End: date(29), AllDay: true}},
		{"alice", meeting.NewMeeting{Calendar: calendars["Family"], Name: "Birthday of Dora", Start: date(27), End: date(28), AllDay: true}},
		{"alice", meeting.NewMeeting{Calendar: calendars["Family"], Name: "Night train", Start: at(28, "22:10"), End: at(29, "07:40")}},
		{"alice", meeting.NewMeeting{Name: "Clocks go forward", Start: at(29, "01:30"), End: at(29, "04:00")}},
		{"alice", meeting.NewMeeting{Calendar: calendars["Garden"], Name: "Board of the garden association: accounts, election of the treasurer and plans for the summer festival", Start: at(27, "16:00"), End: at(27, "17:30"), Location: "Community hall, great room on the first floor, entrance by the yard"}},
		{"alice", meeting.NewMeeting{Name: "اجتماع الفريق الأسبوعي", Start: at(24, "14:00"), End: at(24, "15:00"), Location: "غرفة ٣"}},
		{"alice", meeting.NewMeeting{Calendar: calendars["Family"], Name: "Spring holiday", Start: date(36), End: date(44), AllDay: true}},
		{"bob", meeting.NewMeeting{Name: "Review of the budget", Start: at(26, "14:00"), End: at(26, "15:30"), Invited: invite("alice", "dora"), Link: "https://meet.example.com/budget", Description: "Please bring your figures.\nWe start on time."}},
		{"bob", meeting.NewMeeting{Name: "Own work", Start: at(25, "10:00"), End: at(25, "12:30")}},
		{"carol", meeting.NewMeeting{Name: "Interview", Start: at(27, "10:00"), End: at(27, "11:00"), Invited: invite("alice"), Status: "tentative"}},
	} {
		s.make(x.who, x.in)
	}
	for i := range 20 {
		start := 8*60 + i*30
		s.make("alice", meeting.NewMeeting{
			Name: fmt.Sprintf("Interview %d", i+1), Start: at(38, fmt.Sprintf("%02d:%02d", start/60, start%60)), End: at(38, fmt.Sprintf("%02d:%02d", (start+45)/60, (start+45)%60)),
		})
	}
}

// sent runs the outbox until so many mails have gone to address, and returns them.
func (s *webSite) sent(t *testing.T, d *mailer.Dispatcher, address string, want int) []string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	for end := time.Now().Add(2 * time.Minute); ; {
		files, err := filepath.Glob(filepath.Join(s.app.mailFolder, "*.eml"))
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				continue
			}
			if m, err := mail.ReadMessage(bytes.NewReader(text)); err == nil && strings.Contains(m.Header.Get("To"), address) {
				list = append(list, string(text))
			}
		}
		if len(list) >= want {
			return list
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d mails to %s", len(list), want, address)
		}
		pause(t.Context(), 20*time.Millisecond)
	}
}
