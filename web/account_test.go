package web_test

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/meeting"
	"kalends/scheduling"
	"kalends/storage"
)

var secret = regexp.MustCompile(`class="secret" id="[\w-]+">([^<]+)<`)

func TestConnect(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice")
		b.get("/connect").has("http://kal.example.com/dav/", "alice", "Thunderbird", "DAVx5", "Outlook", "Google", "This address is not encrypted.")
		if status := b.send("POST", "/connect", b.form("label", " ")); status != http.StatusUnprocessableEntity {
			t.Errorf("a password for nothing = %d", status)
		}
		b.get("/connect")
		if status := b.send("POST", "/connect", b.form("label", "Phone <1>")); status != http.StatusOK {
			t.Fatalf("a password = %d", status)
		}
		b.has("Phone <1>", `class="qr"`)
		m := secret.FindStringSubmatch(b.page)
		if m == nil {
			t.Fatal("no password is shown")
		}
		from := netip.MustParseAddr("192.0.2.1")
		if p, err := h.login.Authenticate(t.Context(), "alice", m[1], from); err != nil || p.Name != "alice" {
			t.Errorf("the password does not let in: %v", err)
		}
		if b.header.Get("Cache-Control") != "private, no-store" {
			t.Error("the page with the password is kept")
		}
		b.get("/account").has("Phone <1>").lacks(m[1])
		b.post("/account/app", "id", regexp.MustCompile(`name="id" value="(\w+)" class="small">Revoke`).FindStringSubmatch(b.page)[1]).lacks("Phone")
		if _, err := h.login.Authenticate(t.Context(), "alice", m[1], from); err == nil {
			t.Error("a revoked password lets in")
		}
	})
}

func TestAppleProfile(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice").get("/connect")
		if status := b.send("POST", "/connect/profile", b.form()); status != http.StatusOK || b.header.Get("Content-Type") != "application/x-apple-aspen-config" {
			t.Fatalf("profile = %d %s", status, b.header.Get("Content-Type"))
		}
		d := xml.NewDecoder(strings.NewReader(b.page))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("the profile is no XML: %v", err)
			}
		}
		for _, part := range []string{"<string>kal.example.com</string>", "<integer>80</integer>", "<key>CalDAVUseSSL</key><false/>", "/dav/principals/users/alice/", "com.apple.caldav.account"} {
			if !strings.Contains(b.page, part) {
				t.Errorf("%s is not in the profile", part)
			}
		}
		password := regexp.MustCompile(`<key>CalDAVPassword</key><string>([^<]+)<`).FindStringSubmatch(b.page)[1]
		if _, err := h.login.Authenticate(t.Context(), "alice", password, netip.Addr{}); err != nil {
			t.Errorf("its password does not let in: %v", err)
		}
	})
}

func TestAccount(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice")
		b.get("/account").has("alice@example.com", "this browser")
		b.post("/account/self", "displayname", "Alice A.", "timezone", "Asia/Tokyo", "language", "de", "firstday", "6", "reminder", "15").has("Gespeichert.", "Alice A.")
		p := h.Principal("alice")
		if p.TimeZone != "Asia/Tokyo" || p.Language != "de" || p.DisplayName != "Alice A." {
			t.Errorf("the account is %+v", p)
		}
		b.get("/week/2026-01-15").has("10. Jan. – 16. Jan. 2026")
		b.get("/event/new")
		if got := b.fill("event-form").Get("reminder"); got != "15" {
			t.Errorf("new events have the reminder %q", got)
		}
		b.get("/account")
		b.send("POST", "/account/self", b.form("displayname", "x", "timezone", "Mars/Olympus", "language", "de", "firstday", "1", "reminder", "none"))
		b.has("Diese Zeitzone gibt es nicht.")
		for _, bad := range [][]string{{"language", "xx"}, {"firstday", "7"}, {"reminder", "-1"}} {
			b.get("/account")
			form := b.form("timezone", "UTC", "language", "en", "firstday", "1", "reminder", "none")
			form.Set(bad[0], bad[1])
			if status := b.send("POST", "/account/self", form); status != http.StatusBadRequest {
				t.Errorf("%v = %d", bad, status)
			}
		}
	})
}

func TestPassword(t *testing.T) {
	each(t, func(h *house) {
		b, other := h.as("alice"), h.as("alice")
		for _, tt := range []struct{ old, new, again, want string }{
			{"wrong", "a new password", "a new password", "The password you have now is another one."},
			{"alice's horse", "a new password", "another", "The new password is not the same both times."},
			{"alice's horse", "short", "short", "A password needs ten characters at least."},
		} {
			b.get("/account")
			if status := b.send("POST", "/account/password", b.form("old", tt.old, "new", tt.new, "again", tt.again)); status != http.StatusUnprocessableEntity {
				t.Errorf("%v: %d", tt, status)
			}
			b.has(tt.want)
		}
		b.get("/account").post("/account/password", "old", "alice's horse", "new", "a new password", "again", "a new password").has("Saved.")
		if other.send("GET", "/week", nil) != http.StatusSeeOther {
			t.Error("another browser is still signed in")
		}
		if _, err := h.login.Authenticate(t.Context(), "alice", "a new password", netip.Addr{}); err != nil {
			t.Errorf("the new password does not let in: %v", err)
		}
	})
}

func TestSessionsAreListed(t *testing.T) {
	each(t, func(h *house) {
		b, other := h.as("alice"), h.browser()
		h.clock = h.clock.Add(time.Minute)
		other.send("POST", "/signin", url.Values{"name": {"alice"}, "password": {"alice's horse"}}, "User-Agent", "Mozilla/5.0 (X11; Linux) Firefox/150.0")
		b.get("/account").has("Firefox, Linux")
		b.post("/account/session", "id", "others").lacks("Firefox")
		if other.send("GET", "/week", nil) != http.StatusSeeOther {
			t.Error("the other session goes on")
		}
		bob := h.as("bob").get("/account")
		b.get("/account")
		id := regexp.MustCompile(`name="id" value="(\w{16})"`)
		if m := id.FindStringSubmatch(bob.page); m != nil {
			t.Errorf("bob could end his own session %s", m[1])
		}
	})
}

func TestTokens(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice").get("/account")
		b.send("POST", "/account/token", b.form("label", "Backup", "scope", "read", "days", "90"))
		m := secret.FindStringSubmatch(b.page)
		if m == nil {
			t.Fatalf("no token is shown: %s", b.text())
		}
		tokens := &auth.Tokens{Store: h.store, Now: func() time.Time { return h.clock }}
		if p, scope, err := tokens.Authenticate(t.Context(), m[1]); err != nil || p.Name != "alice" || scope != auth.ReadScope {
			t.Errorf("the token is of %v for %v (%v)", p, scope, err)
		}
		b.get("/account").has("Backup", "may read calendars").lacks(m[1])
		b.post("/account/token/revoke", "id", regexp.MustCompile(`(?s)/account/token/revoke.*?name="id" value="(\w+)"`).FindStringSubmatch(b.page)[1]).lacks("Backup")
		if _, _, err := tokens.Authenticate(t.Context(), m[1]); err == nil {
			t.Error("a revoked token lets in")
		}
	})
}

func TestWorkingHours(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice").get("/account")
		b.post("/account/hours", "day", "tuesday", "day", "friday", "start", "08:30", "end", "16:00").has("Saved.")
		inbox, err := h.store.Calendar(t.Context(), h.Principal("alice").ID, auth.InboxSlug)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"BEGIN:VAVAILABILITY", "BYDAY=TU,FR", "TZID=Europe/Berlin:20240102T083000"} {
			if !strings.Contains(inbox.Availability, part) {
				t.Errorf("%s is not in %s", part, inbox.Availability)
			}
		}
		// Others see it.
		from := time.Date(2026, 1, 20, 0, 0, 0, 0, time.UTC) // a Tuesday
		busy, err := h.web.Calendar.AttendeeBusy(t.Context(), h.Principal("bob"), h.Principal("alice"), from, from.Add(24*time.Hour), "")
		if err != nil {
			t.Fatal(err)
		}
		var at []string
		for _, p := range scheduling.Merge(busy, from, from.Add(24*time.Hour)) {
			at = append(at, p.Start.UTC().Format("15:04")+"-"+p.End.UTC().Format("15:04"))
		}
		if got := strings.Join(at, " "); got != "00:00-07:30 15:00-00:00" {
			t.Errorf("alice is away %s", got)
		}
		if got := b.fill("/account/hours"); strings.Join(got["day"], " ") != "tuesday friday" || got.Get("start") != "08:30" {
			t.Errorf("the form is %v", got)
		}
		b.send("POST", "/account/hours", b.form("day", "monday", "start", "17:00", "end", "09:00"))
		b.has("Working hours must begin before they end.")
		b.get("/account").post("/account/hours", "start", "09:00", "end", "17:00")
		if inbox, err = h.store.Calendar(t.Context(), h.Principal("alice").ID, auth.InboxSlug); err != nil || inbox.Availability != "" {
			t.Errorf("the hours are not gone: %q %v", inbox.Availability, err)
		}
	})
}

func TestCalendars(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice").get("/calendars")
		b.post("/calendars", "name", "Garden & yard", "color", "#1f9d61").has("Garden & yard")
		path := b.link("Garden")
		b.get(path).post(path, "name", "Garden", "color", "#112233", "free", "1").has("Garden", `value="#112233"`)
		b.send("POST", path, b.form("name", "", "color", "#112233"))
		b.has("A calendar needs a name.")
		b.get(path)
		if status := b.send("POST", path, b.form("name", "x", "color", "red;}")); status != http.StatusBadRequest {
			t.Errorf("a colour that is none = %d", status)
		}
		id := strings.TrimPrefix(path, "/calendars/")
		h.make("alice", meeting.NewMeeting{Name: "Mowing", Calendar: id, Start: at(16, "09:00"), End: at(16, "10:00")})

		b.get(path).post(path+"/share", "person", "bob@example.com", "right", "read").has("Bob Bee", "may see it")
		bob := h.as("bob").get("/day/2026-01-16").has("Mowing", "Alice Arm")
		if list, err := h.web.Calendar.Invitations(t.Context(), h.Principal("bob")); err != nil || len(list) != 1 || list[0].Share.State != storage.ShareAccepted {
			t.Errorf("bob's programs do not have the calendar: %+v (%v)", list, err)
		}
		// What a program granted is listed as well, and stays when something else goes.
		alice := h.Principal("alice")
		home, err := h.store.Calendars(t.Context(), alice.ID)
		if err != nil {
			t.Fatal(err)
		}
		garden := home[len(home)-1]
		err = h.web.Calendar.SetGrants(t.Context(), alice, calendar.Target{Owner: alice, Slug: garden.Slug}, []storage.Grant{{Grantee: h.Principal("root").ID, Privileges: uint32(auth.Read)}})
		if err != nil {
			t.Fatal(err)
		}
		b.get(path).has("Bob Bee", "Administrator")
		// Bob sees on its page what is his own of it, and decides about nothing else.
		bob.get(path).has("Wie Sie ihn haben").lacks(path+"/share", path+"/delete", path+"/feed")
		for _, action := range []string{"/share", "/delete", "/feed", "/feedoff", "/default", "/alarms", "/refresh"} {
			if status := bob.send("POST", path+action, bob.form("person", "root@example.com", "right", "write", "sure", "Garden")); status != http.StatusNotFound {
				t.Errorf("bob decides about alice's calendar: %s = %d", action, status)
			}
			bob.get(path)
		}
		b.send("POST", path+"/share", b.form("person", "nobody@example.com", "right", "read"))
		b.has("Nobody else here has this mail address.")
		b.get(path)
		take := func(who string) {
			b.get(path).post(path+"/share", "grantee", strconv.FormatInt(h.Principal(who).ID, 10)).lacks("> " + h.Principal(who).DisplayName + "</b>")
		}
		take("bob")
		b.lacks("<b>Bob Bee").has("<b>Administrator")
		take("root")
		b.lacks("<b>Administrator")
		if status := b.send("POST", path+"/share", b.form("person", "bob@example.com", "right", "all of it")); status != http.StatusBadRequest {
			t.Errorf("a right that is none = %d", status)
		}
		b.get(path)
		bob.get("/day/2026-01-16").lacks("Mowing")

		b.send("POST", path+"/feed", b.form("what", "busy", "label", "Club"))
		b.has("Club", "only when the time is taken")
		m := regexp.MustCompile(`http://kal\.example\.com/feed/([^<]+)\.ics`).FindStringSubmatch(b.page)
		if m == nil {
			t.Fatalf("no address is shown: %s", b.text())
		}
		if f, _, _, err := h.web.Calendar.Published(t.Context(), m[1]); err != nil || !f.Busy {
			t.Errorf("it is not published: %v", err)
		}
		b.get(path).post(path+"/feedoff", "id", regexp.MustCompile(`(?s)/feedoff.*?name="id" value="([^"]+)"`).FindStringSubmatch(b.page)[1]).lacks("Club")
		if _, _, _, err := h.web.Calendar.Published(t.Context(), m[1]); err == nil {
			t.Error("it is still published")
		}

		b.send("POST", path+"/delete", b.form("sure", "no"))
		b.has("To delete the calendar, type its name.")
		b.get(path).post(path+"/delete", "sure", "Garden").lacks("Garden")
		b.get("/calendars")
		b.get(regexp.MustCompile(`/calendars/cal\w+`).FindString(b.page)).lacks("Delete the calendar")
	})
}
