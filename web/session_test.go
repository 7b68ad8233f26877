package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"kalends/web"
)

func TestHandles(t *testing.T) {
	for _, tt := range []struct {
		method, path, authorization string
		want                        bool
	}{
		{"GET", "/", "", true},
		{"HEAD", "/", "", true},
		{"GET", "/", "Basic YWxpY2U6eA==", false},
		{"PROPFIND", "/", "", false},
		{"OPTIONS", "/", "", false},
		{"PUT", "/", "", false},
		{"REPORT", "/", "", false},
		{"GET", "/month/2026-01-01", "", true},
		{"POST", "/signin", "", true},
		{"GET", "/dav/", "", false},
		{"GET", "/api/v1/me", "", false},
		{"GET", "/.well-known/caldav", "", false},
		{"PROPFIND", "/calendars/", "", false},
		{"OPTIONS", "/event/x", "", false},
		{"GET", "/monthly", "", false},
		{"GET", "/freebusy/alice", "", false},
	} {
		r := httptest.NewRequest(tt.method, tt.path, nil)
		if tt.authorization != "" {
			r.Header.Set("Authorization", tt.authorization)
		}
		if got := web.Handles(r); got != tt.want {
			t.Errorf("Handles(%s %s %s) = %v, want %v", tt.method, tt.path, tt.authorization, got, tt.want)
		}
	}
}

func TestSignIn(t *testing.T) {
	each(t, func(h *house) {
		b := h.browser()
		if status := b.send("GET", "/", nil); status != http.StatusSeeOther || b.header.Get("Location") != "/signin" {
			t.Fatalf("GET / = %d to %s", status, b.header.Get("Location"))
		}
		if b.send("GET", "/month/2026-01-15?zone=UTC", nil); b.header.Get("Location") != "/signin?to=%2Fmonth%2F2026-01-15%3Fzone%3DUTC" {
			t.Errorf("a page leads to %s", b.header.Get("Location"))
		}
		b.get("/signin?to=/month/2026-01-15").has("Sign in")
		if status := b.send("POST", "/signin", url.Values{"name": {"alice"}, "password": {"wrong"}, "to": {"/month/2026-01-15"}}); status != http.StatusUnauthorized {
			t.Errorf("a wrong password = %d", status)
		}
		b.has("Name and password do not fit together.", `value="alice"`)
		b.lacks("wrong")
		if len(b.cookies) > 0 {
			t.Errorf("cookies without a session: %v", b.cookies)
		}
		status := b.send("POST", "/signin", url.Values{"name": {"alice"}, "password": {"alice's horse"}, "to": {"/month/2026-01-15"}})
		if status != http.StatusSeeOther || b.header.Get("Location") != "/month/2026-01-15" {
			t.Fatalf("sign in = %d to %s", status, b.header.Get("Location"))
		}
		cookie := b.header.Get("Set-Cookie")
		for _, part := range []string{"kalends=", "HttpOnly", "SameSite=Lax", "Path=/"} {
			if !strings.Contains(cookie, part) {
				t.Errorf("cookie %s lacks %s", cookie, part)
			}
		}
		b.get("/month/2026-01-15").has("January 2026", "Alice Arm")
		if b.send("GET", "/signin?to=/week", nil) != http.StatusSeeOther {
			t.Error("who is signed in is asked again")
		}
	})
}

func TestSignInLeadsNowhereElse(t *testing.T) {
	each(t, func(h *house) {
		for _, to := range []string{"https://example.org/", "//example.org", `/\example.org`, "javascript:x", "/\t/example.org"} {
			b := h.browser()
			if b.send("POST", "/signin", url.Values{"name": {"alice"}, "password": {"alice's horse"}, "to": {to}}); b.header.Get("Location") != "/" {
				t.Errorf("to %q leads to %s", to, b.header.Get("Location"))
			}
		}
	})
}

func TestS7SignInIsThrottled(t *testing.T) {
	each(t, func(h *house) {
		b := h.browser()
		status := 0
		for i := 0; i < 15 && status != http.StatusTooManyRequests; i++ {
			status = b.send("POST", "/signin", url.Values{"name": {"alice"}, "password": {"wrong"}})
		}
		if status != http.StatusTooManyRequests || b.header.Get("Retry-After") == "" {
			t.Errorf("after 15 tries: %d, %v", status, b.header)
		}
		b.has("Too many tries that failed.")
	})
}

func TestS7FormsOfOthers(t *testing.T) {
	each(t, func(h *house) {
		alice, bob := h.as("alice"), h.as("bob")
		alice.get("/week")
		bob.get("/week")
		good := alice.form("on", "x").Get("form")
		for why, tt := range map[string]struct {
			token string
			site  string
			want  int
		}{
			"its own":             {good, "same-origin", http.StatusSeeOther},
			"without a token":     {"", "same-origin", http.StatusForbidden},
			"another's token":     {bob.form().Get("form"), "same-origin", http.StatusForbidden},
			"from another site":   {good, "cross-site", http.StatusForbidden},
			"from a neighbour":    {good, "same-site", http.StatusForbidden},
			"from an old browser": {good, "", http.StatusSeeOther},
			"another origin, old": {good, "old", http.StatusForbidden},
		} {
			headers := []string{"Sec-Fetch-Site", tt.site}
			if tt.site == "old" {
				headers = []string{"Sec-Fetch-Site", "", "Origin", "https://example.org"}
			}
			if got := alice.send("POST", "/shown", url.Values{"form": {tt.token}, "to": {"/week"}}, headers...); got != tt.want {
				t.Errorf("%s: %d, want %d", why, got, tt.want)
			}
		}
		if got := alice.send("POST", "/shown", url.Values{"form": {good}, "x": {strings.Repeat("x", 600<<10)}}); got != http.StatusBadRequest {
			t.Errorf("a form that is too long = %d", got)
		}
		nobody := h.browser()
		if nobody.send("POST", "/shown", url.Values{"form": {good}}); nobody.header.Get("Location") != "/signin" {
			t.Errorf("nobody's form leads to %v", nobody.header)
		}
	})
}

func TestSignOut(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice")
		kept := b.cookies["kalends"]
		b.get("/week").send("POST", "/signout", b.form())
		b.cookies["kalends"] = kept
		if b.send("GET", "/week", nil) != http.StatusSeeOther {
			t.Error("the session goes on after signing out")
		}
		b = h.as("alice")
		h.clock = h.clock.Add(31 * 24 * time.Hour)
		if b.send("GET", "/week", nil) != http.StatusSeeOther {
			t.Error("the session goes on for ever")
		}
	})
}

func TestStatic(t *testing.T) {
	each(t, func(h *house) {
		b := h.browser().get("/signin")
		for _, part := range strings.Split(b.page, `"`) {
			if strings.HasPrefix(part, "/static/") {
				if status := b.send("GET", part, nil); status != 200 || !strings.Contains(b.header.Get("Cache-Control"), "immutable") {
					t.Errorf("GET %s = %d %v", part, status, b.header)
				}
			}
		}
		if b.send("GET", "/static/nothing.css", nil) != http.StatusNotFound {
			t.Error("there is a file that is not there")
		}
	})
}
