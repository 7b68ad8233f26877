package api_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"kalends/auth"
	"kalends/internal/outside"
	"kalends/storage"
	"kalends/subscription"
)

// elsewhere is a feed on another server.
type elsewhere struct {
	mu     sync.Mutex
	status int
	text   string
	url    string
}

func (e *elsewhere) set(status int, events ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status, e.text = status, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nX-WR-CALNAME:Tides\r\n"
	for _, s := range events {
		e.text += "BEGIN:VEVENT\r\nUID:" + s + "\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260116T090000Z\r\nSUMMARY:" + s + "\r\nEND:VEVENT\r\n"
	}
	e.text += "END:VCALENDAR\r\n"
}

func (h *house) elsewhere(t *testing.T) *elsewhere {
	t.Helper()
	e := &elsewhere{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		defer e.mu.Unlock()
		w.Header().Set("Content-Type", "text/calendar")
		w.WriteHeader(e.status)
		io.WriteString(w, e.text)
	}))
	t.Cleanup(srv.Close)
	e.url = srv.URL + "/secret/tides.ics"
	h.api.Feeds = &subscription.Worker{
		Store: h.store, Calendar: h.Service, Log: slog.New(slog.DiscardHandler), Now: h.Now,
		Fetcher: &subscription.Fetcher{Now: h.Now, Client: outside.Client(outside.Options{Allow: func(a netip.AddrPort) bool { return a.Addr().IsLoopback() }})},
	}
	return e
}

// TestSubscriptions: made, looked at, changed and removed, by whose they are.
func TestSubscriptions(t *testing.T) {
	each(t, func(h *house) {
		e := h.elsewhere(t)
		e.set(200, "high", "low")
		made := h.as("alice", "POST", "/subscriptions", object{"url": e.url, "color": "#112233", "everyMinutes": 120}, "Idempotency-Key", "k").ok(201)
		id := text(made, "calendar")
		if text(made, "name") != "Tides" || made["events"] != 2.0 || made["everyMinutes"] != 120.0 || text(made, "fetched") != "2026-01-15T10:00:00Z" || text(made, "next") != "2026-01-15T12:00:00Z" || text(made, "url") != e.url {
			t.Errorf("made = %v", made)
		}
		if again := h.as("alice", "POST", "/subscriptions", object{"url": e.url, "color": "#112233", "everyMinutes": 120}, "Idempotency-Key", "k").ok(201); text(again, "calendar") != id {
			t.Errorf("again = %v", again)
		}
		if all := list(h.as("alice", "GET", "/subscriptions", nil).ok(200), "subscriptions"); len(all) != 1 || text(all[0], "calendar") != id {
			t.Errorf("all = %v", all)
		}
		c := h.as("alice", "GET", "/calendars/"+id, nil).ok(200)
		if c["feed"] != true || text(c, "access") != "read" || text(c, "color") != "#112233" {
			t.Errorf("its calendar = %v", c)
		}
		// A look now, not one after the other; what is wrong is told and changes nothing.
		h.as("alice", "POST", "/subscriptions/"+id+"/fetch", nil).fails(503, "unavailable", "")
		h.clock = h.clock.Add(2 * time.Minute)
		e.set(200, "high", "low", "spring")
		if got := h.as("alice", "POST", "/subscriptions/"+id+"/fetch", nil).ok(200); got["events"] != 3.0 || got["failures"] != 0.0 {
			t.Errorf("fetched = %v", got)
		}
		h.clock = h.clock.Add(2 * time.Minute)
		e.set(404)
		got := h.as("alice", "POST", "/subscriptions/"+id+"/fetch", nil).ok(200)
		if got["events"] != 3.0 || got["failures"] != 1.0 || !strings.Contains(text(got, "problem"), "404") || strings.Contains(text(got, "problem"), "secret") {
			t.Errorf("fetched what is not there = %v", got)
		}
		if got := h.as("alice", "PATCH", "/subscriptions/"+id, object{"everyMinutes": 0}).ok(200); got["everyMinutes"] != nil || text(got, "url") != e.url {
			t.Errorf("another pace = %v", got)
		}
		if got := h.as("alice", "PATCH", "/subscriptions/"+id, object{"url": e.url + "?x"}).ok(200); text(got, "url") != e.url+"?x" || got["failures"] != 0.0 {
			t.Errorf("another address = %v", got)
		}
		h.as("alice", "PATCH", "/subscriptions/"+id, object{"url": "file:///etc/passwd"}).fails(422, "invalid", "url")
		e.set(404)
		h.as("alice", "POST", "/subscriptions", object{"url": e.url}).fails(422, "invalid", "url")
		h.as("alice", "POST", "/subscriptions", object{"url": e.url, "color": "red"}).fails(422, "invalid", "color")
		// Nobody else's, and nothing that is no feed.
		for _, path := range []string{"/subscriptions/" + id, "/subscriptions/calendar", "/subscriptions/none"} {
			who := "alice"
			if strings.HasSuffix(path, id) {
				who = "bob"
			}
			h.as(who, "GET", path, nil).fails(404, "not-found", "")
			h.as(who, "PATCH", path, object{"everyMinutes": 60}).fails(404, "not-found", "")
			h.as(who, "POST", path+"/fetch", nil).fails(404, "not-found", "")
			h.as(who, "DELETE", path, nil).fails(404, "not-found", "")
		}
		token, _, err := h.tokens.Add(t.Context(), h.Principal("alice"), auth.ReadScope, "reads", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		h.as(token, "DELETE", "/subscriptions/"+id, nil).fails(403, "scope", "")
		h.as("alice", "DELETE", "/subscriptions/"+id, nil).ok(204)
		h.as("alice", "GET", "/subscriptions/"+id, nil).fails(404, "not-found", "")
		h.api.Feeds = nil
		h.as("alice", "POST", "/subscriptions", object{"url": e.url}).fails(503, "unavailable", "")
	})
}

// TestPublished: an address for whoever knows it, told once, made and ended by who may share.
func TestPublished(t *testing.T) {
	each(t, func(h *house) {
		h.api.BaseURL = "https://cal.example.com/"
		made := h.as("alice", "POST", "/calendars/calendar/feeds", object{"label": "team page", "busyOnly": true}).ok(201)
		path := text(made, "path")
		if text(made, "url") != "https://cal.example.com"+path || !strings.HasPrefix(path, "/feed/") || made["busyOnly"] != true {
			t.Errorf("made = %v", made)
		}
		a := h.as("alice", "GET", "/calendars/calendar/feeds", nil)
		if all := list(a.ok(200), "feeds"); len(all) != 1 || text(all[0], "id") != text(made, "id") || text(all[0], "label") != "team page" {
			t.Errorf("all = %v", all)
		}
		lacks(t, a.Body.String(), strings.TrimSuffix(path[len("/feed/"):], ".ics"))
		id := text(h.as("alice", "GET", "/calendars/calendar", nil).ok(200), "id")
		h.as("bob", "GET", "/calendars/"+id+"/feeds", nil).fails(404, "not-found", "")
		h.as("bob", "POST", "/calendars/"+id+"/feeds", object{}).fails(404, "not-found", "")
		h.as("alice", "POST", "/calendars/"+id+"/shares", object{"with": "bob", "access": "read"}).ok(201)
		invitation := list(h.as("bob", "GET", "/shares", nil).ok(200), "shares")[0]
		h.as("bob", "POST", "/shares/"+text(invitation, "id")+"/answer", object{"answer": "accepted"}).ok(200)
		h.as("bob", "POST", "/calendars/"+id+"/feeds", object{}).fails(403, "forbidden", "")
		h.as("alice", "DELETE", "/calendars/calendar/feeds/nothing", nil).fails(404, "not-found", "")
		h.as("alice", "DELETE", "/calendars/calendar/feeds/"+text(made, "id"), nil).ok(204)
		if all := list(h.as("alice", "GET", "/calendars/calendar/feeds", nil).ok(200), "feeds"); len(all) != 0 {
			t.Errorf("left = %v", all)
		}
	})
}

// TestSettings: what somebody sets for themselves is there for the pages and for calendar programs, and the other way round.
func TestSettings(t *testing.T) {
	each(t, func(h *house) {
		side := h.as("alice", "POST", "/calendars", object{"name": "Side"}).ok(201)
		got := h.as("alice", "PATCH", "/me", object{
			"displayName": "Alice A.", "timeZone": "asia/tokyo", "language": "de", "calendar": text(side, "id"), "publicBusy": true, "mailedReminders": "all",
			"defaultAlarms": object{"timed": "email -pt15m", "day": "NONE"}, "workingHours": object{"days": []string{"friday", "monday"}, "start": "08:30", "end": "12:00"},
		}).ok(200)
		for _, o := range []object{got, h.as("alice", "GET", "/me", nil).ok(200)} {
			if text(o, "displayName") != "Alice A." || text(o, "timeZone") != "Asia/Tokyo" || text(o, "language") != "de" || text(o, "calendar") != text(side, "id") || o["publicBusy"] != true ||
				text(o, "mailedReminders") != "all" || fmt.Sprint(o["defaultAlarms"]) != "map[day:NONE timed:EMAIL -PT15M]" || fmt.Sprint(o["workingHours"]) != "map[days:[monday friday] end:12:00 start:08:30]" {
				t.Errorf("settings = %v", o)
			}
		}
		inbox, err := h.store.Calendar(t.Context(), h.Principal("alice").ID, auth.InboxSlug)
		if err != nil || !strings.Contains(inbox.Availability, "RRULE:FREQ=WEEKLY;BYDAY=MO,FR") || !strings.Contains(inbox.Availability, "TZID=Asia/Tokyo:20240101T083000") {
			t.Errorf("availability = %s, %v", inbox.Availability, err)
		}
		got = h.as("alice", "PATCH", "/me", object{"workingHours": nil, "defaultAlarms": object{"timed": nil}}).ok(200)
		if got["workingHours"] != nil || fmt.Sprint(got["defaultAlarms"]) != "map[day:NONE]" || text(got, "timeZone") != "Asia/Tokyo" {
			t.Errorf("after null = %v", got)
		}
		for _, tt := range []struct {
			body  object
			field string
		}{
			{object{"timeZone": "Nowhere"}, "timeZone"}, {object{"defaultAlarms": object{"day": "now"}}, "defaultAlarms.day"}, {object{"displayName": "a\nb"}, "displayName"},
			{object{"workingHours": object{"days": []string{"monday"}, "start": "12:00", "end": "09:00"}}, "workingHours"},
			{object{"workingHours": object{"days": []string{"monday"}, "start": "x", "end": "09:00"}}, "workingHours"},
		} {
			h.as("alice", "PATCH", "/me", tt.body).fails(422, "invalid", tt.field)
		}
		h.as("alice", "PATCH", "/me", object{"calendar": "none"}).fails(404, "no-calendar", "calendar")
		// Of a calendar.
		c := h.as("alice", "PATCH", "/calendars/calendar", object{"defaultAlarms": object{"timed": "DISPLAY -PT10M"}}).ok(200)
		if fmt.Sprint(c["defaultAlarms"]) != "map[timed:DISPLAY -PT10M]" {
			t.Errorf("calendar = %v", c)
		}
		h.as("alice", "PATCH", "/calendars/calendar", object{"defaultAlarms": object{"timed": "DISPLAY"}}).fails(422, "invalid", "defaultAlarms.timed")
		// Of a shared one they are one's own.
		id := text(c, "id")
		h.as("alice", "POST", "/calendars/"+id+"/shares", object{"with": "bob", "access": "read"}).ok(201)
		invitation := list(h.as("bob", "GET", "/shares", nil).ok(200), "shares")[0]
		h.as("bob", "POST", "/shares/"+text(invitation, "id")+"/answer", object{"answer": "accepted"}).ok(200)
		if c := h.as("bob", "PATCH", "/calendars/"+id, object{"defaultAlarms": object{"day": "NONE"}}).ok(200); fmt.Sprint(c["defaultAlarms"]) != "map[day:NONE]" {
			t.Errorf("Bob's = %v", c)
		}
		if c := h.as("alice", "GET", "/calendars/"+id, nil).ok(200); fmt.Sprint(c["defaultAlarms"]) != "map[timed:DISPLAY -PT10M]" {
			t.Errorf("Alice's = %v", c)
		}
	})
}

// TestMissed: reminders that were missed are told until they were seen, to whom they were for.
func TestMissed(t *testing.T) {
	each(t, func(h *house) {
		h.miss("alice", "Lunch", now.Add(-time.Hour))
		h.miss("alice", "Tea", now)
		got := h.as("alice", "GET", "/reminders/missed?unseen=true", nil).ok(200)
		if m := list(got, "missed"); len(m) != 2 || text(m[0], "name") != "Tea" || text(m[0], "due") != "2026-01-15T11:00:00+01:00" || m[0]["seen"] != false {
			t.Errorf("missed = %v", m)
		}
		if m := list(h.as("bob", "GET", "/reminders/missed", nil).ok(200), "missed"); len(m) != 0 {
			t.Errorf("Bob's = %v", m)
		}
		h.as("alice", "POST", "/reminders/missed/seen", object{"through": "?"}).fails(422, "invalid", "through")
		h.as("alice", "POST", "/reminders/missed/seen", object{"through": text(got, "through")}).ok(204)
		if m := list(h.as("alice", "GET", "/reminders/missed?unseen=true", nil).ok(200), "missed"); len(m) != 0 {
			t.Errorf("left = %v", m)
		}
		if m := list(h.as("alice", "GET", "/reminders/missed", nil).ok(200), "missed"); len(m) != 2 || m[0]["seen"] != true {
			t.Errorf("all = %v", m)
		}
	})
}

// miss notes a reminder that was missed.
func (h *house) miss(who, name string, due time.Time) {
	h.Helper()
	p := h.Principal(who)
	err := h.store.Update(h.Context(), func(tx storage.Tx) error {
		if err := tx.Lock(h.Context(), 1, p.ID); err != nil {
			return err
		}
		return tx.AddMissed(h.Context(), &storage.Missed{Owner: p.ID, ForUser: p.ID, DueAt: due, Start: due, End: due.Add(time.Hour), Summary: name, Noted: now})
	})
	if err != nil {
		h.Fatal(err)
	}
}
