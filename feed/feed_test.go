package feed_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/feed"
	"kalends/ical"
	"kalends/ical/stream"
	"kalends/storage"
	"kalends/storage/storagetest"
)

type site struct {
	*feed.Handler
	t     *testing.T
	alice *storage.Principal
	now   time.Time
}

func each(t *testing.T, fn func(s *site)) {
	storagetest.Each(t, func(t *testing.T, store storage.Store) {
		s := &site{t: t, now: time.Date(2026, 1, 5, 8, 0, 0, 500e6, time.UTC)}
		clock := func() time.Time { return s.now }
		s.Handler = &feed.Handler{
			Calendar: &calendar.Service{Store: store, Now: clock, Log: slog.New(slog.DiscardHandler)}, Store: store, Log: slog.New(slog.DiscardHandler), Now: clock,
		}
		var err error
		d := &auth.Directory{Store: store}
		if s.alice, err = d.Add(t.Context(), auth.NewUser{Name: "alice", DisplayName: "Alice Example", Email: "alice@example.com", Kind: "user"}); err != nil {
			t.Fatal(err)
		}
		fn(s)
	})
}

func (s *site) target(name string) calendar.Target {
	return calendar.Target{Owner: s.alice, Slug: "calendar", Name: name}
}

func (s *site) put(uid string, lines ...string) {
	s.t.Helper()
	text := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\n" + event(uid, lines...) + "END:VCALENDAR\r\n"
	s.putText(uid, text)
}

func (s *site) putText(uid, text string) {
	s.t.Helper()
	_, err := s.Calendar.Put(s.t.Context(), calendar.PutRequest{Who: s.alice, Target: s.target(uid + ".ics"), Body: []byte(text), Quiet: true})
	if err != nil {
		s.t.Fatal(err)
	}
}

func event(uid string, lines ...string) string {
	return "BEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\n"
}

func (s *site) publish(busy bool) string {
	s.t.Helper()
	token, _, err := s.Calendar.Publish(s.t.Context(), s.alice, s.target(""), busy, "")
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// get asks for a path; header are names and values.
func (s *site) get(method, path string, header ...string) *http.Response {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.Header.Get("Content-Encoding") == "gzip" {
		zr, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if b, err = io.ReadAll(zr); err != nil {
			t.Fatal(err)
		}
	}
	return string(b)
}

func TestFeed(t *testing.T) {
	each(t, func(s *site) {
		tgt := s.target("")
		err := s.Calendar.Patch(t.Context(), s.alice, tgt, calendar.Edit{Live: func(c *storage.Calendar) error {
			c.DisplayName, c.Color, c.Description = "Hiking; walks,\r\nX-EVIL:1", "#FF2968FF", "All of them"
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		s.put("one", "DTSTART:20260601T090000Z", "SUMMARY:First", "SEQUENCE:3", "ATTENDEE:mailto:bob@example.com", "ORGANIZER:mailto:alice@example.com",
			"ATTACH;VALUE=BINARY;ENCODING=BASE64:AAAA", "ATTACH:https://example.com/a.pdf", "X-MOZ-LASTACK:20260101T000000Z", "X-OTHER:kept",
			"BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT5M", "END:VALARM")
		token := s.publish(false)
		res := s.get("GET", feed.Path(token))
		text := body(t, res)
		cal, err := ical.Parse([]byte(text))
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("%d, %v\n%s", res.StatusCode, err, text)
		}
		for name, want := range map[string]string{
			"VERSION": "2.0", "CALSCALE": "GREGORIAN", "NAME": "Hiking; walks,\nX-EVIL:1", "X-WR-CALNAME": "Hiking; walks,\nX-EVIL:1", "REFRESH-INTERVAL": "PT1H",
			"X-PUBLISHED-TTL": "PT1H", "X-APPLE-CALENDAR-COLOR": "#FF2968", "DESCRIPTION": "All of them", "X-EVIL": "", "METHOD": "",
		} {
			if got := cal.Text(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if v := cal.Prop("REFRESH-INTERVAL").Param("VALUE"); v != "DURATION" {
			t.Errorf("REFRESH-INTERVAL has VALUE=%s (RFC 7986 section 5.7)", v)
		}
		want := event("one", "DTSTART:20260601T090000Z", "SUMMARY:First", "SEQUENCE:3", "ATTACH:https://example.com/a.pdf", "X-OTHER:kept", "LAST-MODIFIED:20260105T080000Z")
		if got := cal.Component("VEVENT").String(); got != want {
			t.Errorf("the event is\n%s\nwant\n%s", got, want)
		}
		for name, want := range map[string]string{
			"Content-Type": "text/calendar; charset=utf-8", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Content-Disposition": "attachment; filename=calendar.ics", "Content-Length": fmt.Sprint(len(text)), "Vary": "Accept-Encoding", "Last-Modified": "",
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}

		// Conditions, and compression.
		tag := res.Header.Get("Etag")
		zipped := s.get("GET", feed.Path(token), "Accept-Encoding", "br, gzip;q=0.5")
		if got := body(t, zipped); got != text || zipped.Header.Get("Content-Encoding") != "gzip" || zipped.Header.Get("Etag") == tag {
			t.Errorf("compressed: %v", zipped.Header)
		}
		for _, enc := range []string{"", "identity", "gzip;q=0", "*;q=0", "br", "gzip;q=x"} {
			if r := s.get("GET", feed.Path(token), "Accept-Encoding", enc); r.Header.Get("Content-Encoding") != "" || body(t, r) != text {
				t.Errorf("Accept-Encoding: %q: %v", enc, r.Header)
			}
		}
		s.now = s.now.Add(time.Hour)
		modified := s.get("GET", feed.Path(token)).Header.Get("Last-Modified")
		if modified != "Mon, 05 Jan 2026 08:00:00 GMT" {
			t.Errorf("Last-Modified: %s", modified)
		}
		ifNone, ifSince := "If-None-Match", "If-Modified-Since"
		conditions := func(what string, want int, header ...string) {
			t.Helper()
			for _, method := range []string{"GET", "HEAD"} {
				if r := s.get(method, feed.Path(token), header...); r.StatusCode != want || want == 304 && (body(t, r) != "" || r.Header.Get("Etag") == "") {
					t.Errorf("%s, %s %v: %d, want %d", what, method, header, r.StatusCode, want)
				}
			}
		}
		conditions("same", 304, ifNone, tag)
		conditions("same", 304, ifNone, `"x", W/`+zipped.Header.Get("Etag"))
		conditions("same", 304, ifNone, "*")
		conditions("same", 304, ifSince, modified)
		conditions("another", 200, ifNone, `"x"`, ifSince, modified) // If-None-Match comes before (RFC 9110 section 13.2.2)
		conditions("older", 200, ifSince, "Sun, 04 Jan 2026 08:00:00 GMT")
		conditions("nonsense", 200, ifSince, "yesterday")
		head := s.get("HEAD", feed.Path(token))
		if b := body(t, head); b != "" || head.Header.Get("Content-Length") != fmt.Sprint(len(text)) || head.Header.Get("Etag") != tag {
			t.Errorf("HEAD: %q, %v", b, head.Header)
		}

		// Every kind of change counts.
		for what, change := range map[string]func(){
			"a new event":     func() { s.put("two", "DTSTART:20260601") },
			"a changed event": func() { s.put("one", "DTSTART:20260602T090000Z") },
			"a deleted event": func() {
				check(t, s.Calendar.Delete(t.Context(), calendar.DeleteRequest{Who: s.alice, Target: s.target("one.ics"), Quiet: true}))
			},
			"another name": func() {
				check(t, s.Calendar.Patch(t.Context(), s.alice, tgt, calendar.Edit{Live: func(c *storage.Calendar) error { c.DisplayName += "x"; return nil }}))
			},
			"a refreshed text": func() { s.Refresh += 3 * time.Hour },
		} {
			s.put("one", "DTSTART:20260603T090000Z")
			before := s.get("GET", feed.Path(token))
			change()
			conditions(what, 200, ifNone, before.Header.Get("Etag"))
			conditions(what, 200, ifSince, s.now.Format(http.TimeFormat))
			s.now = s.now.Add(time.Minute)
		}

		check(t, s.Calendar.Unpublish(t.Context(), s.alice, tgt, token))
		conditions("revoked", 404, ifNone, "*")
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// show lists what a feed has: UID, RECURRENCE-ID, SUMMARY and EXDATE of each component.
func (s *site) show(token string) string {
	s.t.Helper()
	text := body(s.t, s.get("GET", feed.Path(token)))
	cal, err := ical.Parse([]byte(text))
	if err != nil {
		s.t.Fatalf("%v in\n%s", err, text)
	}
	for _, o := range stream.Split([]byte(text)).Objects {
		if _, err := ical.Parse(o.Text()); err != nil {
			s.t.Errorf("%s: %v", o.UID, err)
		}
	}
	var list []string
	for c := range cal.Main() {
		line := c.Text("UID")
		for _, name := range []string{"RECURRENCE-ID", "EXDATE", "SUMMARY"} {
			if c.Prop(name) != nil {
				line += " " + c.Text(name)
			}
		}
		list = append(list, line)
	}
	slices.Sort(list)
	return strings.Join(list, "\n")
}

func TestPrivacy(t *testing.T) {
	each(t, func(s *site) {
		s.put("public", "DTSTART:20260601T090000Z", "SUMMARY:Public", "CLASS:PUBLIC")
		s.put("private", "DTSTART:20260601T090000Z", "SUMMARY:SECRET", "CLASS:PRIVATE")
		s.put("odd", "DTSTART:20260601T090000Z", "SUMMARY:SECRET", "CLASS:X-FAMILY")
		s.put("confidential", "DTSTART;X-WHY=SECRET;TZID=Europe/Berlin:20260601T090000", "SUMMARY:SECRET", "DESCRIPTION:SECRET", "LOCATION:SECRET", "X-ALT-DESC:SECRET",
			"CATEGORIES:SECRET", "class:confidential")
		s.put("free", "DTSTART:20260601", "SUMMARY:Holiday", "TRANSP:TRANSPARENT")
		s.put("off", "DTSTART:20260601", "SUMMARY:Cancelled", "STATUS:CANCELLED")
		s.put("declined", "DTSTART:20260601T090000Z", "SUMMARY:SECRET", "ORGANIZER:mailto:bob@example.com", "ATTENDEE;PARTSTAT=DECLINED:MAILTO:Alice@example.com")
		s.putText("series", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n"+event("series", "DTSTART:20260601T090000Z", "RRULE:FREQ=DAILY;COUNT=5", "SUMMARY:Series")+
			event("series", "RECURRENCE-ID:20260602T090000Z", "DTSTART:20260602T100000Z", "SUMMARY:SECRET", "CLASS:PRIVATE")+
			event("series", "RECURRENCE-ID:20260603T090000Z", "DTSTART:20260603T100000Z", "SUMMARY:SECRET", "CLASS:CONFIDENTIAL")+
			event("series", "RECURRENCE-ID:20260604T090000Z", "DTSTART:20260604T090000Z", "SUMMARY:Off", "STATUS:CANCELLED")+"END:VCALENDAR\r\n")
		s.putText("hidden", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n"+event("hidden", "DTSTART:20260601T090000Z", "RRULE:FREQ=DAILY;COUNT=5", "SUMMARY:SECRET", "CLASS:PRIVATE")+
			event("hidden", "RECURRENCE-ID:20260602T090000Z", "DTSTART:20260602T100000Z", "SUMMARY:SECRET")+"END:VCALENDAR\r\n")
		// An instance without CLASS is as its series, and what is private from a date on says nothing of the rest any more.
		s.putText("vague", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n"+event("vague", "DTSTART:20260701T090000Z", "RRULE:FREQ=DAILY;COUNT=5", "SUMMARY:SECRET", "CLASS:CONFIDENTIAL")+
			event("vague", "RECURRENCE-ID:20260702T090000Z", "DTSTART:20260702T100000Z", "SUMMARY:SECRET")+"END:VCALENDAR\r\n")
		s.putText("later", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n"+event("later", "DTSTART:20260801T090000Z", "RRULE:FREQ=DAILY;COUNT=5", "SUMMARY:Open SECRET")+
			event("later", "RECURRENCE-ID;RANGE=THISANDFUTURE:20260802T090000Z", "DTSTART:20260802T100000Z", "SUMMARY:SECRET", "CLASS:PRIVATE")+"END:VCALENDAR\r\n")

		full, busy := s.publish(false), s.publish(true)
		want := strings.Join([]string{"confidential Busy", "free Holiday", "off Cancelled", "public Public", "series 20260602T090000Z Series", "series 20260603T090000Z Busy", "series 20260604T090000Z Off",
			"vague 20260702T090000Z Busy", "vague Busy"}, "\n")
		if got := s.show(full); got != want {
			t.Errorf("the full feed has\n%s\nwant\n%s", got, want)
		}
		got := s.show(busy)
		lines := strings.Split(got, "\n")
		if len(lines) != 13 || strings.Count(got, "Busy") != 13 || !strings.Contains(got, " 20260604T090000Z Busy") {
			t.Errorf("the busy feed has\n%s", got)
		}
		for _, l := range lines {
			if uid, _, _ := strings.Cut(l, " "); len(uid) != 32 {
				t.Errorf("the UID of %q tells something", l)
			}
		}
		if again := s.show(busy); again != got {
			t.Errorf("the UIDs of the busy feed change:\n%s\n%s", got, again)
		}
		if other := s.show(s.publish(true)); other[:32] == got[:32] {
			t.Error("two busy feeds can be compared by their UIDs")
		}
		for _, token := range []string{full, busy} {
			if text := body(t, s.get("GET", feed.Path(token))); strings.Contains(text, "SECRET") || strings.Contains(text, "@example.com") {
				t.Errorf("the feed tells what it should not:\n%s", text)
			}
		}
		if text := body(t, s.get("GET", feed.Path(busy))); !strings.Contains(text, "BEGIN:VTIMEZONE") || strings.Contains(text, "Holiday") || !strings.Contains(text, "X-WR-CALNAME:Alice Example") {
			t.Errorf("the busy feed is\n%s", text)
		}
	})
}

func TestRefusals(t *testing.T) {
	each(t, func(s *site) {
		token := s.publish(false)
		for _, path := range []string{
			"/feed/", "/feed/.ics", "/feed/x.ics", "/feed/x", "/feed/" + token + "/", "/feed/" + strings.ToUpper(token) + ".ics", "/feed/" + token + ".ics.ics", "/feed/" + token[:31] + "%00.ics",
			"/feed/" + strings.Repeat("a", 32) + ".ics", "/feed/" + strings.Repeat("a", 100_000) + ".ics", "/feed/../" + token + ".ics", "/feed/%ff%fe.ics",
		} {
			if res := s.get("GET", path); res.StatusCode != 404 || res.Header.Get("Etag") != "" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("GET %.60s: %d %v", path, res.StatusCode, res.Header)
			}
		}
		for _, method := range []string{"POST", "PUT", "DELETE", "PROPFIND", "OPTIONS"} {
			if res := s.get(method, feed.Path(token)); res.StatusCode != 405 || res.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s: %d", method, res.StatusCode)
			}
		}
		// The calendar, and its owner, may go.
		check(t, s.Calendar.MakeCalendar(t.Context(), s.alice, calendar.Target{Owner: s.alice, Slug: "next"}, calendar.Edit{}))
		check(t, s.Calendar.DeleteCalendar(t.Context(), s.alice, s.target(""), nil))
		for _, path := range []string{feed.Path(token), "/feed/" + token} {
			if res := s.get("GET", path); res.StatusCode != 404 {
				t.Errorf("%.7s without the calendar: %d", path, res.StatusCode)
			}
		}
	})
}

// TestBadObject: one that cannot be read spoils no feed.
func TestBadObject(t *testing.T) {
	each(t, func(s *site) {
		s.put("a", "DTSTART:20260601", "SUMMARY:A")
		s.put("c", "DTSTART:20260601", "SUMMARY:C")
		ctx := t.Context()
		check(t, s.Store.Update(ctx, func(tx storage.Tx) error {
			check(t, tx.Lock(ctx, 1, s.alice.ID))
			cal, err := tx.Calendar(ctx, s.alice.ID, "calendar")
			check(t, err)
			id, err := tx.Next(ctx, s.alice.ID)
			check(t, err)
			return tx.PutObject(ctx, &storage.Object{Owner: s.alice.ID, Calendar: cal.ID, ID: id, Seq: id, Name: "b", UID: "b", Component: "VEVENT", ICS: []byte("rubbish"), ETag: `"x"`}, nil)
		}))
		if got := s.show(s.publish(false)); got != "a A\nc C" {
			t.Errorf("the feed has\n%s", got)
		}
	})
}

// TestMany: many programs ask for a large feed at once, and while it changes.
func TestMany(t *testing.T) {
	each(t, func(s *site) {
		objects := func(yield func(calendar.ImportObject, error) bool) {
			for i := range 2000 {
				text := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n" + event(fmt.Sprint("u", i), "DTSTART;TZID=Europe/Berlin:20260601T090000", "SUMMARY:x") + "END:VCALENDAR\r\n"
				if !yield(calendar.ImportObject{Text: []byte(text)}, nil) {
					return
				}
			}
		}
		if _, err := s.Calendar.Import(t.Context(), calendar.Import{Who: s.alice, Target: s.target(""), Objects: objects}); err != nil {
			t.Fatal(err)
		}
		token := s.publish(false)
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				if i == 5 {
					s.put("more", "DTSTART:20260601")
				}
				res := s.get("GET", feed.Path(token), "Accept-Encoding", "gzip")
				text := body(t, res)
				if n := strings.Count(text, "BEGIN:VEVENT"); n != 2000 && n != 2001 || strings.Count(text, "BEGIN:VTIMEZONE") != 1 {
					t.Errorf("%d events, %d time zones", n, strings.Count(text, "BEGIN:VTIMEZONE"))
				}
			})
		}
		wg.Wait()
		if n := strings.Count(body(t, s.get("GET", feed.Path(token))), "BEGIN:VEVENT"); n != 2001 {
			t.Errorf("%d events in the end", n)
		}
	})
}
