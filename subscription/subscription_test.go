package subscription_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"kalends/calendar"
	"kalends/internal/outside"
	"kalends/storage"
	"kalends/storage/storagetest"
	"kalends/subscription"
)

func TestSubscription(t *testing.T) {
	each(t, func(s *site) {
		head := "X-WR-CALNAME:Team Füchse\r\nX-APPLE-CALENDAR-COLOR:#00FF00\r\nX-WR-TIMEZONE:Europe/Berlin\r\nREFRESH-INTERVAL;VALUE=DURATION:PT2H\r\nMETHOD:PUBLISH\r\n"
		s.feed(cal(head, event("a", "SUMMARY:A"), event("b", "SUMMARY:B", "BEGIN:VALARM", "ACTION:EMAIL", "TRIGGER:-PT5M", "END:VALARM")))
		c := s.subscribe()
		if c.DisplayName != "Team Füchse" || c.Color != "#00FF00" || c.TimeZoneID != "Europe/Berlin" || c.Slug != "team-fchse" || !c.Subscribed || !c.Transparent {
			t.Errorf("the calendar is %+v", c)
		}
		got := s.texts(c)
		if len(got) != 2 || strings.Contains(got["b"], "VALARM") || strings.Contains(got["a"], "METHOD") || strings.Contains(got["a"], "X-WR") {
			t.Errorf("it holds %v", got)
		}
		sub := s.state(c)
		if !sub.DueAt.Equal(s.now.Add(2*time.Hour)) || sub.ETag == "" || sub.LastError != "" || sub.Failures != 0 || !sub.Fetched.Equal(s.now) {
			t.Errorf("the subscription is %+v", sub)
		}
		if r := s.asked[0]; r.UserAgent() != "Kalends/test" || r.Referer() != "" || r.Header.Get("If-None-Match") != "" {
			t.Errorf("asked with %v", r.Header)
		}

		// Not before it is time, and then with the ETag; the pace stays.
		seq := s.last(c)
		if n := s.pass(time.Hour); n != 0 {
			t.Errorf("%d looks too early", n)
		}
		for range 2 {
			if n := s.pass(2 * time.Hour); n != 1 {
				t.Fatalf("%d looks", n)
			}
		}
		if r := s.asked[len(s.asked)-1]; r.Header.Get("If-None-Match") != sub.ETag {
			t.Errorf("asked with %v", r.Header)
		}
		if again := s.state(c); !again.DueAt.Equal(s.now.Add(2*time.Hour)) || again.Fetched != s.now || s.last(c) != seq {
			t.Errorf("after nothing new: %+v", again)
		}

		// What is only written anew is no change; what is changed, new and gone is.
		stamped := strings.ReplaceAll(cal(head, event("b", "SUMMARY:B"), event("a", "SUMMARY:A")), "20260101T000000Z", "20260303T000000Z")
		s.feed(stamped)
		s.pass(3 * time.Hour)
		if s.last(c) != seq {
			t.Errorf("programs see changes: %v", s.changes(c, seq))
		}
		s.feed(cal(strings.Replace(head, "PT2H", "PT1M", 1), event("a", "SUMMARY:A2"), event("c", "SUMMARY:C")))
		s.pass(3 * time.Hour)
		what := map[string]bool{}
		for _, ch := range s.changes(c, seq) {
			what[ch.Name] = ch.Deleted
		}
		if fmt.Sprint(what) != "map[a.ics:false b.ics:true c.ics:false]" {
			t.Errorf("programs see %v", what)
		}
		if sub := s.state(c); !sub.DueAt.Equal(s.now.Add(subscription.Often)) {
			t.Errorf("it is looked at again at %v, now is %v", sub.DueAt, s.now)
		}
		// Gone with its calendar.
		if err := s.Calendar.DeleteCalendar(t.Context(), s.alice, calendar.Target{Owner: s.alice, Slug: c.Slug}, nil); err != nil {
			t.Fatal(err)
		}
		if n := s.pass(24 * time.Hour); n != 0 {
			t.Errorf("%d looks for nobody", n)
		}
	})
}

// TestS10Failures: what goes wrong is told, waited out longer each time, and takes nothing away.
func TestS10Failures(t *testing.T) {
	each(t, func(s *site) {
		good := cal(event("a"), event("b"))
		s.feed(good)
		c := s.subscribe()
		s.Fetcher.Size, s.Fetcher.Objects = 100_000, 1000
		status := func(code int, header ...string) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				for i := 0; i+1 < len(header); i += 2 {
					w.Header().Set(header[i], header[i+1])
				}
				w.WriteHeader(code)
				io.WriteString(w, "secret of the inner network")
			}
		}
		text := func(kind, text string) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", kind)
				io.WriteString(w, text)
			}
		}
		inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			t.Error("the inner server was asked")
		}))
		defer inner.Close()
		s.denied = netip.MustParseAddrPort(strings.TrimPrefix(inner.URL, "http://"))
		var bomb bytes.Buffer
		zw := gzip.NewWriter(&bomb)
		zw.Write([]byte("BEGIN:VCALENDAR\r\n"))
		zw.Write(make([]byte, 50<<20))
		zw.Close()
		failures := 0
		for _, tt := range []struct {
			name   string
			handle http.HandlerFunc
			want   string
			pause  time.Duration // 0: what the failures so far make it
		}{
			{"not found", status(404), "no feed at this address (404)", 0},
			{"forbidden", status(403), "not open to us (403)", 0},
			{"server error", status(503, "Retry-After", "7200"), "has a problem (503)", 2 * time.Hour},
			{"too often", status(429, "Retry-After", "Mon, 05 Jan 2099 10:00:00 GMT"), "less often (429)", 7 * 24 * time.Hour},
			{"nonsense in Retry-After", status(500, "Retry-After", "-1"), "has a problem (500)", 0},
			{"another status", status(204), "status 204", 0},
			{"not modified, unasked", status(418), "status 418", 0},
			{"a redirect inside", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, inner.URL, http.StatusFound) }, "may not be fetched from", 0},
			{"a redirect to a file", func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
			}, "may not be fetched from", 0},
			{"redirects without end", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusFound) }, "without end", 0},
			{"a web page", text("text/html", "<!doctype html><title>Sign in</title>"), "a web page", 0},
			{"a web page under another name", text("text/calendar", "\n <html>"), "a web page", 0},
			{"nothing", text("text/calendar", ""), "is empty", 0},
			{"no calendar", text("text/plain", "hello"), "no calendar", 0},
			{"cut off", text("text/calendar", strings.TrimSuffix(good, "END:VCALENDAR\r\n")), "cut off", 0},
			{"broken off", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "1000")
				io.WriteString(w, good)
			}, "broke off", 0},
			{"too large, as it says", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "200000")
				io.WriteString(w, good)
			}, "larger than 100000", 0},
			{"too large", func(w http.ResponseWriter, r *http.Request) {
				for range 300 {
					if _, err := io.WriteString(w, strings.Repeat("x", 1000)); err != nil {
						return
					}
				}
			}, "larger than 100000", 0},
			{"a bomb", func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				w.Write(bomb.Bytes())
			}, "larger than 100000", 0},
			{"too many", text("text/calendar", cal(strings.Repeat("BEGIN:VTODO\nEND:VTODO\n", 1), func() string {
				var b strings.Builder
				for i := range 1001 {
					fmt.Fprintf(&b, "BEGIN:VTODO\nUID:%d\nEND:VTODO\n", i)
				}
				return b.String()
			}())), "more than 1000", 0},
			{"a panic over there", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "cannot be reached", 0},
		} {
			s.serve(tt.handle)
			if n := s.pass(8 * 24 * time.Hour); n != 1 {
				t.Fatalf("%s: %d looks", tt.name, n)
			}
			failures++
			sub := s.state(c)
			pause := max(tt.pause, min(subscription.Often<<min(failures-1, 10), 24*time.Hour))
			if !strings.Contains(sub.LastError, tt.want) || sub.Failures != failures || !sub.DueAt.Equal(s.now.Add(pause)) {
				t.Errorf("%s: %q, %d failures, next in %v; want %q, %d, %v", tt.name, sub.LastError, sub.Failures, sub.DueAt.Sub(s.now), tt.want, failures, pause)
			}
			if strings.Contains(sub.LastError, "secret") || strings.Contains(sub.LastError, "127.0.0.1") {
				t.Errorf("%s: the message tells too much: %s", tt.name, sub.LastError)
			}
			if len(s.texts(c)) != 2 {
				t.Fatalf("%s: the calendar holds %v", tt.name, s.texts(c))
			}
		}
		// It recovers at once.
		s.feed(cal(event("a"), event("d")))
		s.pass(8 * 24 * time.Hour)
		if sub := s.state(c); sub.Failures != 0 || sub.LastError != "" || !sub.DueAt.Equal(s.now.Add(time.Hour)) {
			t.Errorf("after it recovered: %+v", sub)
		}
		// An empty calendar is one.
		s.feed(cal())
		s.pass(8 * 24 * time.Hour)
		if got := s.texts(c); len(got) != 0 {
			t.Errorf("an emptied feed leaves %v", got)
		}
		// Gone is gone.
		s.serve(status(410))
		s.pass(8 * 24 * time.Hour)
		if sub := s.state(c); !sub.DueAt.IsZero() || !strings.Contains(sub.LastError, "for good") {
			t.Errorf("after 410: %+v", sub)
		}
		if n := s.pass(100 * 24 * time.Hour); n != 0 {
			t.Errorf("%d looks after 410", n)
		}
	})
}

// TestS10SlowFeeds: a server that gives octet after octet is not waited for.
func TestS10SlowFeeds(t *testing.T) {
	s := newSite(t, storagetest.SQLite(t))
	s.feed(cal(event("a")))
	c := s.subscribe()
	s.Fetcher.Timeout = 100 * time.Millisecond
	over := make(chan struct{})
	s.serve(func(w http.ResponseWriter, r *http.Request) {
		defer close(over)
		for r.Context().Err() == nil {
			io.WriteString(w, "X")
			w.(http.Flusher).Flush()
		}
	})
	s.Fetcher.Size = 1 << 40
	s.pass(24 * time.Hour)
	if sub := s.state(c); !strings.Contains(sub.LastError, "in time") {
		t.Errorf("%+v", sub)
	}
	<-over
}

// TestS10Subscriptions is S10: without anybody allowing it, nothing of this machine or its network can be subscribed to.
func TestS10Subscriptions(t *testing.T) {
	s := newSite(t, storagetest.SQLite(t))
	s.serve(func(http.ResponseWriter, *http.Request) { t.Error("the server was asked") })
	s.Fetcher.Client = outside.Client(outside.Options{})
	port := s.url[strings.LastIndexByte(s.url, ':'):]
	for _, address := range []string{
		s.url, "http://localhost" + port, "http://[::ffff:127.0.0.1]" + port, "webcal://127.0.0.1" + port, "file:///etc/passwd", "gopher://127.0.0.1/", "http://169.254.169.254/latest/meta-data/",
		"http://10.0.0.1/", "http://[fd00:ec2::254]/", "http://100.100.100.200/", "http://0/", "", "alice", "https://user@", "http://127.0.0.1:22/",
	} {
		_, _, err := s.Subscribe(t.Context(), subscription.Request{Who: s.alice, Owner: s.alice, URL: address})
		var e *subscription.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if home, err := s.Store.Calendars(t.Context(), s.alice.ID); err != nil || len(home) != 5 {
		for _, c := range home {
			if c.Subscribed {
				t.Errorf("there is the calendar %s", c.Slug)
			}
		}
	}
}

// TestS10HostileFeeds: what is in a feed harms nobody.
func TestS10HostileFeeds(t *testing.T) {
	each(t, func(s *site) {
		s.feed(cal("X-WR-CALNAME:../../x\\n<script>\r\nCOLOR:javascript:x\r\nX-WR-TIMEZONE:../etc/passwd\r\nX-PUBLISHED-TTL:-P1D\r\nMETHOD:REQUEST\r\n",
			event("ok", "SUMMARY:Fine"),
			event("../../etc/passwd", "SUMMARY:Path"),
			event(strings.Repeat("long", 1000)),
			event("rule", "RRULE:FREQ=SECONDLY"), event("rule2", "RRULE:FREQ=NEVER"),
			event("nul", "SUMMARY:a\x00b"), event("latin", "SUMMARY:\xff\xfe"),
			event("meeting", "ORGANIZER:mailto:bob@example.com", "ATTENDEE;RSVP=TRUE:mailto:alice@example.com", "ATTENDEE:mailto:%00@example.com"),
			"BEGIN:VEVENT\r\nUID:open\r\n", event("last"),
			"BEGIN:VEVENT\r\nDTSTART:20260601\r\nSUMMARY:No UID\r\nEND:VEVENT\r\n",
			"BEGIN:VTIMEZONE\r\nTZID:Evil\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nRRULE:FREQ=SECONDLY\r\nTZOFFSETFROM:+9999\r\nTZOFFSETTO:+9999\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n",
			"BEGIN:VEVENT\r\nUID:zone\r\nDTSTART;TZID=Evil:20260601T090000\r\nEND:VEVENT\r\n"))
		c := s.subscribe()
		if c.Slug != "x-script" && c.Slug != "xnscript" && c.Slug != "x" || c.Color != "" || c.TimeZoneID != "" || strings.ContainsAny(c.DisplayName, "\r\n") {
			t.Errorf("the calendar is %+v", c)
		}
		got := s.texts(c)
		for _, uid := range []string{"ok", "../../etc/passwd", "meeting", "last"} {
			if got[uid] == "" {
				t.Errorf("%s is missing", uid)
			}
		}
		for _, uid := range []string{"rule2", "nul", "latin", "open"} {
			if got[uid] != "" {
				t.Errorf("%s is there:\n%s", uid, got[uid])
			}
		}
		sub := s.state(c)
		if !strings.Contains(sub.LastError, "could not be taken") || sub.Failures != 0 || !sub.DueAt.Equal(s.now.Add(time.Hour)) {
			t.Errorf("%+v", sub)
		}
		jobs, err := s.Store.Jobs(t.Context(), nil, 0)
		if err != nil || len(jobs) > 0 {
			t.Errorf("%d jobs, %v", len(jobs), err)
		}
		// Nothing is removed because it can no longer be read.
		before := len(got)
		s.feed(cal("X-WR-CALNAME:x\r\n", event("ok", "DTEND:rubbish"), event("last"), event("meeting", "DTEND:rubbish")))
		s.pass(time.Hour)
		if got := s.texts(c); len(got) != 3 || !strings.Contains(got["ok"], "Fine") {
			t.Errorf("after %d there are %d: %v", before, len(got), got)
		}
	})
}

// TestWorkers: two servers share the work, and stop when told.
func TestWorkers(t *testing.T) {
	each(t, func(s *site) {
		s.feed(cal(event("a")))
		var list []*storage.Calendar
		for range 6 {
			list = append(list, s.subscribe())
		}
		s.feed(cal(event("a"), event("b")))
		s.mu.Lock()
		s.now, s.asked = s.now.Add(24*time.Hour), nil
		s.mu.Unlock()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		done := make(chan struct{})
		s.serve(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, cal(event("a"), event("b")))
			s.mu.Lock()
			defer s.mu.Unlock()
			if len(s.asked) == len(list) {
				close(done)
			}
		})
		for range 2 {
			wg.Go(func() {
				if err := s.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		<-done
		for _, c := range list { // the last one is being written
			for len(s.texts(c)) != 2 {
				if t.Context().Err() != nil {
					t.Fatal("it does not come")
				}
			}
		}
		cancel()
		wg.Wait()
		if len(s.asked) != len(list) {
			t.Errorf("%d requests for %d subscriptions", len(s.asked), len(list))
		}
	})
}

// TestStopped: a look that is cut short by the server's end is made again at once, and counts as no failure.
func TestStopped(t *testing.T) {
	s := newSite(t, storagetest.SQLite(t))
	s.feed(cal(event("a")))
	c := s.subscribe()
	due := s.state(c).DueAt
	ctx, cancel := context.WithCancel(t.Context())
	s.serve(func(w http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
	s.mu.Lock()
	s.now = s.now.Add(2 * time.Hour)
	s.mu.Unlock()
	if n, err := s.Round(ctx); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if sub := s.state(c); !sub.DueAt.Equal(due) || sub.Failures != 0 {
		t.Errorf("%+v", sub)
	}
	s.feed(cal(event("a"), event("b")))
	if n := s.pass(0); n != 1 || len(s.texts(c)) != 2 {
		t.Errorf("%d looks, %v", n, s.texts(c))
	}
}
