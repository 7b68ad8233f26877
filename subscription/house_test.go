package subscription_test

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
	"kalends/calendar"
	"kalends/internal/outside"
	"kalends/storage"
	"kalends/storage/storagetest"
	"kalends/subscription"
)

// site is a server with Alice, and a feed elsewhere that is what handle says.
type site struct {
	*subscription.Worker
	t     *testing.T
	alice *storage.Principal
	url   string

	mu     sync.Mutex
	now    time.Time
	handle http.HandlerFunc
	asked  []*http.Request
	denied netip.AddrPort
}

func each(t *testing.T, fn func(s *site)) {
	storagetest.Each(t, func(t *testing.T, store storage.Store) { fn(newSite(t, store)) })
}

func newSite(t *testing.T, store storage.Store) *site {
	s := &site{t: t, now: time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)}
	clock := func() time.Time {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.now
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r)
		handle := s.handle
		s.mu.Unlock()
		handle(w, r)
	}))
	t.Cleanup(srv.Close)
	s.url = srv.URL + "/secret-path/feed.ics"
	log := slog.New(slog.DiscardHandler)
	s.Worker = &subscription.Worker{
		Store: store, Calendar: &calendar.Service{Store: store, Now: clock, Log: log}, Log: log, Now: clock,
		Fetcher: &subscription.Fetcher{Now: clock, UserAgent: "Kalends/test", Client: outside.Client(outside.Options{Allow: func(a netip.AddrPort) bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return a.Addr().IsLoopback() && a != s.denied
		}})},
	}
	var err error
	d := &auth.Directory{Store: store}
	if s.alice, err = d.Add(t.Context(), auth.NewUser{Name: "alice", Email: "alice@example.com", Kind: "user"}); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) serve(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handle = h
}

// feed serves a text with an ETag made of it.
func (s *site) feed(text string) {
	s.serve(func(w http.ResponseWriter, r *http.Request) {
		tag := fmt.Sprintf(`"%d-%d"`, len(text), strings.Count(text, "1"))
		w.Header().Set("ETag", tag)
		w.Header().Set("Content-Type", "text/calendar")
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		io.WriteString(w, text)
	})
}

func cal(parts ...string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\n" + strings.Join(parts, "") + "END:VCALENDAR\r\n"
}

func event(uid string, lines ...string) string {
	return "BEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260601T090000Z\r\n" + strings.Join(append(lines, "END:VEVENT\r\n"), "\r\n")
}

func (s *site) subscribe() *storage.Calendar {
	s.t.Helper()
	c, _, err := s.Subscribe(s.t.Context(), subscription.Request{Who: s.alice, Owner: s.alice, URL: s.url})
	if err != nil {
		s.t.Fatalf("Subscribe: %v", err)
	}
	return c
}

// state returns what is noted of the subscription of a calendar.
func (s *site) state(c *storage.Calendar) *storage.Subscription {
	s.t.Helper()
	sub, err := s.Store.Subscription(s.t.Context(), c.Owner, c.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return sub
}

// pass lets time pass, and looks at what is due then. It returns how many that was.
func (s *site) pass(d time.Duration) int {
	s.t.Helper()
	s.mu.Lock()
	s.now = s.now.Add(d)
	s.mu.Unlock()
	n, err := s.Round(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// texts are the objects of a calendar by UID.
func (s *site) texts(c *storage.Calendar) map[string]string {
	s.t.Helper()
	all := map[string]string{}
	err := s.Store.Objects(s.t.Context(), c.Ref(), storage.WithICS, func(o *storage.Object) error {
		all[o.UID] = string(o.ICS)
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

func (s *site) changes(c *storage.Calendar, since int64) []storage.Change {
	s.t.Helper()
	list, err := s.Store.Changes(s.t.Context(), c.Ref(), since, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

func (s *site) last(c *storage.Calendar) int64 {
	var last int64
	for _, ch := range s.changes(c, 0) {
		last = max(last, ch.Seq)
	}
	return last
}
