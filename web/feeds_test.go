package web_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"kalends/internal/outside"
	"kalends/subscription"
)

// elsewhere is a server with a feed.
type elsewhere struct {
	mu     sync.Mutex
	status int
	text   string
	url    string
}

func (e *elsewhere) set(status int, text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status, e.text = status, text
}

// feeds lets people of the house subscribe to feeds of this machine.
func (h *house) feeds(t *testing.T) *elsewhere {
	t.Helper()
	e := &elsewhere{status: http.StatusOK}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		defer e.mu.Unlock()
		w.Header().Set("Content-Type", "text/calendar")
		w.WriteHeader(e.status)
		io.WriteString(w, e.text)
	}))
	t.Cleanup(srv.Close)
	e.url = srv.URL + "/secret/feed.ics"
	clock := func() time.Time { return h.clock }
	h.web.Feeds = &subscription.Worker{
		Store: h.store, Calendar: h.web.Calendar, Log: slog.New(slog.DiscardHandler), Now: clock,
		Fetcher: &subscription.Fetcher{Now: clock, Client: outside.Client(outside.Options{Allow: func(a netip.AddrPort) bool { return a.Addr().IsLoopback() }})},
	}
	return e
}

func feedOf(name string, summaries ...string) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nX-WR-CALNAME:" + name + "\r\n")
	for i, s := range summaries {
		b.WriteString("BEGIN:VEVENT\r\nUID:u" + string(rune('a'+i)) + "\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260116T090000Z\r\nDTEND:20260116T100000Z\r\nSUMMARY:" + s + "\r\nEND:VEVENT\r\n")
	}
	b.WriteString("END:VCALENDAR\r\n")
	return b.String()
}

func TestSubscriptions(t *testing.T) {
	each(t, func(h *house) {
		h.as("alice").get("/calendars").lacks("/calendars/subscribe") // where nothing is fetched there is no form
		e := h.feeds(t)
		b := h.as("alice").get("/calendars")
		for _, tt := range []struct {
			url, want string
			status    int
			text      string
		}{
			{"", "This is no address.", 200, ""},
			{"file:///etc/passwd", "This is no address.", 200, ""},
			{`"><script>alert(1)</script>`, "This is no address.", 200, ""},
			{"javascript:alert(1)", "This is no address.", 200, ""},
			{"http://192.0.2.1/x.ics", "It leads to a place that this server does not fetch from.", 200, ""},
			{e.url, "There is no calendar at this address", 404, ""},
			{e.url, "taken it down for good", 410, ""},
			{e.url, "does not let us in", 401, ""},
			{e.url, "The other server has a problem.", 503, ""},
			{e.url, "There is a web page, no calendar.", 200, "<html>"},
			{e.url, "What is there is no calendar.", 200, "hello"},
			{e.url, "broke off in the middle", 200, strings.TrimSuffix(feedOf("x", "y"), "END:VCALENDAR\r\n")},
		} {
			e.set(tt.status, tt.text)
			b.get("/calendars")
			if status := b.send("POST", "/calendars/subscribe", b.form("url", tt.url, "name", `<b>`, "every", "0")); status != http.StatusUnprocessableEntity {
				t.Errorf("%q (%d) = %d", tt.url, tt.status, status)
			}
			b.has(tt.want, `aria-describedby="w-url"`).harmless()
		}
		if status := b.send("POST", "/calendars/subscribe", b.form("url", e.url, "every", "0.5")); status != http.StatusBadRequest {
			t.Errorf("a pace that is none = %d", status)
		}
	})
}

func TestFeedOfSomebody(t *testing.T) {
	each(t, func(h *house) {
		e := h.feeds(t)
		e.set(200, feedOf("Fixtures <script>alert(1)</script>", hostile[0], hostile[1]))
		b := h.as("alice").get("/calendars")
		b.post("/calendars/subscribe", "url", e.url, "name", "", "every", "6", "color", "#aa3300").
			has("The calendar is there.", "Fixtures <script>", "127.0.0.1", "15 Jan 2026, 11:00", "15 Jan 2026, 17:00", `value="#aa3300"`).harmless()
		path := strings.TrimSuffix(b.at, "?done=subscribed")
		b.get("/day/2026-01-16").has("<script>alert(1)").harmless()
		b.get("/calendars").has("From elsewhere", "as of 15 Jan 2026, 11:00").harmless()
		// Fetching at once again is refused; later it is done.
		b.get(path)
		b.send("POST", path+"/refresh", b.form())
		b.has("It was looked at just now.")
		h.clock = h.clock.Add(5 * time.Minute)
		e.set(200, feedOf("Fixtures", "Final"))
		b.get(path).post(path+"/refresh").has("It is as it is there now.", "15 Jan 2026, 11:05")
		b.get("/day/2026-01-16").has("Final").harmless()
		// It goes wrong; what was there stays, and what to do is said in both places.
		h.clock = h.clock.Add(5 * time.Minute)
		e.set(404, "")
		b.get(path)
		if status := b.send("POST", path+"/refresh", b.form()); status != http.StatusUnprocessableEntity {
			t.Errorf("a feed that is gone = %d", status)
		}
		b.has("There is no calendar at this address (any more).")
		b.get("/calendars").has("There is no calendar at this address (any more).")
		b.get("/day/2026-01-16").has("Final")
		// Another name, address, pace.
		b.get(path)
		if status := b.send("POST", path, b.fill(path, "url", "ftp://example.org/x")); status != http.StatusUnprocessableEntity {
			t.Errorf("an address that is none = %d", status)
		}
		b.has("This is no address.", "ftp://example.org/x")
		b.send("POST", path, b.fill(path, "url", e.url, "name", " "))
		b.has("A calendar needs a name.")
		b.get(path)
		b.submit(path, b.fill(path, "name", "Games", "every", "24", "url", e.url+"?new")).has("Games", e.url+"?new", "Saved.").lacks("There is no calendar at this address")
		if got := b.fill(path); got.Get("every") != "24" {
			t.Errorf("the form is %v", got)
		}
		// Others see none of it.
		bob := h.as("bob").get("/week")
		for _, action := range []string{"", "/refresh", "/delete"} {
			if status := bob.send("POST", path+action, bob.form("name", "x", "color", "#112233", "every", "0", "url", e.url)); status != http.StatusNotFound {
				t.Errorf("bob %s = %d", action, status)
			}
			bob.get("/week")
		}
		if bob.send("GET", path, nil) != http.StatusNotFound {
			t.Error("bob sees a feed of alice")
		}
		// A calendar of one's own is not looked at.
		own := b.get("/calendars").post("/calendars", "name", "Mine", "color", "#112233").link("Mine")
		b.get(own)
		if status := b.send("POST", own+"/refresh", b.form()); status != http.StatusNotFound {
			t.Errorf("a calendar without a feed = %d", status)
		}
		b.get(path).post(path + "/delete").lacks("Games")
	})
}
