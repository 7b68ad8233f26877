package web_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"kalends/auth"
	"kalends/meeting"
	"kalends/storage"
	"kalends/web"
)

func TestAdminIsForAdministrators(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice").get("/week").lacks("/admin")
		for _, path := range []string{"/admin", "/admin/users", "/admin/users/bob", "/admin/outbox"} {
			if status := b.send("GET", path, nil); status != http.StatusNotFound {
				t.Errorf("GET %s = %d for who does not administer", path, status)
			}
			b.get("/week")
			if status := b.send("POST", path, b.form("do", "remove", "sure", "bob")); status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
				t.Errorf("POST %s = %d for who does not administer", path, status)
			}
		}
		h.as("root").get("/week").has("Administration")
		// Who administers sees no more of calendars than others.
		id := h.make("alice", meeting.NewMeeting{Name: "Own", Start: at(16, "09:00"), End: at(16, "10:00")})
		if status := h.as("root").send("GET", "/event/"+id, nil); status != http.StatusNotFound {
			t.Errorf("an administrator reads an event of alice: %d", status)
		}
	})
}

func TestAdminOverview(t *testing.T) {
	each(t, func(h *house) {
		watch := &web.Watch{Store: h.store, Now: func() time.Time { return h.clock }}
		h.web.Watch = watch
		log := watch.Logger(slog.New(slog.DiscardHandler))
		log.Info("quiet")
		log.With("x", 1).Warn("a warning", "kind", "<mail>")
		for range 400 {
			watch.Look(t.Context())
			h.clock = h.clock.Add(5 * time.Minute)
		}
		b := h.as("root").get("/admin").has("a warning kind=<mail>", "WARN", "polyline", "Warnings and errors now 0, most 0").lacks("quiet")
		log.Error("an error")
		watch.Look(t.Context())
		b.get("/admin").has("an error", "Warnings and errors now 1, most 1")
		if n := strings.Count(b.page, "<polyline"); n != 3 {
			t.Errorf("%d curves, want 3", n)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := watch.Run(ctx); err != nil {
			t.Errorf("Run ends with %v", err)
		}
	})
}

func TestUsers(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("root").get("/admin/users").has("alice@example.com", "Bob Bee", "Oak room", "KiB")
		b.send("POST", "/admin/users", b.form("name", "dora", "displayname", "Dora Dee", "email", "dora@example.com", "kind", "user"))
		m := secret.FindStringSubmatch(b.page)
		if m == nil {
			t.Fatalf("no password is shown: %s", b.text())
		}
		login := func(name, password string) error {
			_, err := h.login.Authenticate(t.Context(), name, password, netip.Addr{})
			return err
		}
		if err := login("dora", m[1]); err != nil {
			t.Errorf("the password does not let in: %v", err)
		}
		b.get("/admin/users?q=dora").has("Dora Dee").lacks("Bob Bee")
		for _, tt := range []struct{ name, email, want string }{
			{"dora", "x@example.com", "This name is taken"}, {"Ü/", "", "This name is taken"}, {"emil", "dora@example.com", "This mail address is taken"},
		} {
			b.get("/admin/users")
			if status := b.send("POST", "/admin/users", b.form("name", tt.name, "email", tt.email, "kind", "user")); status != http.StatusUnprocessableEntity {
				t.Errorf("%v = %d", tt, status)
			}
			b.has(tt.want)
		}
		dora := h.browser()
		dora.send("POST", "/signin", b.form("name", "dora", "password", m[1]))
		b.get("/admin/users/dora")
		b.send("POST", "/admin/users/dora", b.form("do", "password"))
		if again := secret.FindStringSubmatch(b.page); again == nil || login("dora", again[1]) != nil || login("dora", m[1]) == nil {
			t.Error("the new password does not take the place of the old")
		}
		if dora.send("GET", "/week", nil) != http.StatusSeeOther {
			t.Error("dora is still signed in")
		}
		b.send("POST", "/admin/users/dora", b.form("do", "remove", "sure", "nobody"))
		b.has("To remove it, type its name.")
		b.get("/admin/users/dora").post("/admin/users/dora", "do", "remove", "sure", "dora").lacks("Dora Dee")
		b.get("/admin/users/root").lacks(`value="remove"`)
		b.send("POST", "/admin/users/root", b.form("do", "remove", "sure", "root"))
		b.has("Nobody removes themselves.")
	})
}

// TestRemoveWithMeetings: whose account goes does not leave others with meetings that nobody can cancel, unless the administrator wants that.
func TestRemoveWithMeetings(t *testing.T) {
	each(t, func(h *house) {
		meet := func(owner, name, guest string) {
			t.Helper()
			h.make(owner, meeting.NewMeeting{Name: name, Start: "2026-02-02T09:00:00Z", End: "2026-02-02T10:00:00Z", Invited: []meeting.Invited{{Address: guest}}})
		}
		meet("alice", "Hers", "bob@example.com")
		meet("bob", "His", "alice@example.com")
		b := h.as("root").get("/admin/users/alice").has("cancelled 1, declined 1").lacks("Hers")
		b.post("/admin/users/alice", "do", "remove", "sure", "alice", "meetings", "end")
		h.as("bob").get("/agenda/2026-02-02").has("Hers", "His")
		if got := h.texts("bob"); strings.Count(got, "STATUS:CANCELLED") != 1 || strings.Count(got, "PARTSTAT=DECLINED") != 1 {
			t.Errorf("Bob's calendar:\n%s", got)
		}
		h.Add(auth.NewUser{Name: "carol", Email: "carol@example.com", Kind: "user"})
		meet("carol", "Kept", "bob@example.com")
		b.get("/admin/users/carol").has("cancelled 1, declined 0").post("/admin/users/carol", "do", "remove", "sure", "carol")
		if got := h.texts("bob"); strings.Count(got, "STATUS:CANCELLED") != 1 || !strings.Contains(got, "SUMMARY:Kept") {
			t.Errorf("Bob's calendar:\n%s", got)
		}
		b.get("/admin/users/oak").has("now there are none")
	})
}

// texts are all objects in somebody's calendar, unfolded.
func (h *house) texts(who string) string {
	h.Helper()
	var b strings.Builder
	c, err := h.store.Calendar(h.Context(), h.Principal(who).ID, auth.CalendarSlug)
	if err == nil {
		err = h.store.Objects(h.Context(), c.Ref(), storage.WithICS, func(o *storage.Object) error {
			b.WriteString(strings.ReplaceAll(string(o.ICS), "\r\n ", ""))
			return nil
		})
	}
	if err != nil {
		h.Fatal(err)
	}
	return b.String()
}

func TestGroupsAndRooms(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("root").get("/admin/users")
		b.send("POST", "/admin/users", b.form("name", "crew", "displayname", "The crew", "email", "crew@example.com", "kind", "group"))
		b.get("/admin/users/crew").post("/admin/users/crew", "do", "join", "member", "bob").has("Bob Bee")
		b.send("POST", "/admin/users/crew", b.form("do", "join", "member", "nobody"))
		b.has("There is nobody of this name.")
		group := h.Principal("crew")
		if ids, err := h.store.Members(t.Context(), group.ID); err != nil || len(ids) != 1 {
			t.Errorf("the members are %v (%v)", ids, err)
		}
		b.get("/admin/users/oak")
		b.submit("/admin/users/oak", b.fill("/admin/users/oak", "answer", "manual", "days", "30", "sure", "", "do", "booking"))
		if got := h.Principal("oak").Booking; got.Answer != storage.AnswerManual || got.Days != 30 {
			t.Errorf("the room is booked by %+v", got)
		}
		b.get("/admin/users/crew").post("/admin/users/crew", "do", "leave", "member", "bob").lacks("Take out")
	})
}

func TestOutbox(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("root").get("/admin/outbox").has("Nothing.")
		h.make("alice", meeting.NewMeeting{Name: "Planning", Start: at(16, "09:00"), End: at(16, "10:00"), Invited: []meeting.Invited{{Address: "erin@example.org"}}})
		b.get("/admin/outbox").has("erin@example.org")
		b.get("/admin").has("Waits: mail")
		form := b.get("/admin/outbox").fill("/admin/outbox")
		form.Set("do", "retry")
		b.submit("/admin/outbox", form).has("Saved.")
		form = b.fill("/admin/outbox")
		form.Set("do", "drop")
		b.submit("/admin/outbox", form).lacks("erin@example.org")
		b.send("POST", "/admin/outbox", form)
		b.has("It is not there any more")
		form.Set("id", "x/y")
		if status := b.send("POST", "/admin/outbox", form); status != http.StatusBadRequest {
			t.Errorf("an id that is none = %d", status)
		}
	})
}
