package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kalends/meeting"
	"kalends/storage"
)

func TestAdminPagesAreForAdministrators(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice")
		for _, path := range []string{"/admin/reminders", "/admin/storage"} {
			if status := b.send("GET", path, nil); status != http.StatusNotFound {
				t.Errorf("GET %s = %d for who does not administer", path, status)
			}
		}
		root := h.as("root").get("/admin/users/bob")
		if status := root.send("POST", "/admin/users/bob", url.Values{"do": {"change"}, "admin": {"1"}}); status != http.StatusForbidden {
			t.Errorf("without a token = %d", status)
		}
	})
}

func TestAdminReminders(t *testing.T) {
	each(t, func(h *house) {
		ctx := t.Context()
		b := h.as("root").get("/admin/reminders").has("None.")
		alice, bob := h.Principal("alice"), h.Principal("bob")
		home, err := h.store.Calendars(ctx, alice.ID)
		if err != nil {
			t.Fatal(err)
		}
		err = h.store.Update(ctx, func(tx storage.Tx) error {
			if err := tx.Lock(ctx, 1, alice.ID); err != nil {
				return err
			}
			row := func(alarm string, who *storage.Principal, due time.Time) *storage.Reminder {
				return &storage.Reminder{Owner: alice.ID, Object: 77, ForUser: who.ID, Calendar: home[0].ID, Alarm: alarm, DueAt: due}
			}
			return tx.SetReminders(ctx, alice.ID, 77, []*storage.Reminder{
				row("a", alice, now.Add(-3*time.Hour)), row("b", bob, now.Add(-5*time.Minute)), row("c", alice, now.Add(time.Hour)),
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		b.get("/admin/reminders").has("late by 3 hours", "late by 5 minutes", "Bob Bee", "of Alice Arm", "waits for a server", "waits for its time", "/77")
		b.get("/admin").has("/admin/reminders")
		list, err := h.store.ClaimReminders(ctx, now, time.Minute, 1)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		b.get("/admin/reminders").has("is being sent")
		list[0].DueAt, list[0].LastError = now.Add(10*time.Minute), `no <b>mail</b>`
		if err := h.store.FinishReminder(ctx, list[0]); err != nil {
			t.Fatal(err)
		}
		b.get("/admin/reminders").has("tried once", "no <b>mail</b>").lacks("late by 3 hours", "<b>mail")
		if n := strings.Count(b.text(), "tried once"); n != 1 {
			t.Errorf("the one that failed is there %d times", n)
		}
	})
}

func TestAdminStorage(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("root").get("/admin/storage").has("Each may keep as much as there is room", "Nothing.")
		h.make("alice", meeting.NewMeeting{Name: "Own secret", Start: at(16, "09:00"), End: at(16, "10:00"), Description: strings.Repeat("x", 60_000)})
		b.get("/admin/storage").lacks("Own secret")
		if text := b.text(); !strings.Contains(text, "Size Size Alice Arm 2 1 6") {
			t.Errorf("alice does not keep the most: %s", text)
		}
		h.web.Calendar.Limits.Quota = 64 << 10
		b.get("/admin/storage").has("64.0 KiB", "of what they may", `class="wrong"`)
	})
}

func TestChangeUser(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("root").get("/admin/users/bob")
		b.submit("/admin/users/bob", b.fill("profile", "displayname", hostile[0], "addresses", "b.bee@example.com\nbob@example.com\n", "admin", "1")).harmless().has("administers", "Saved.")
		got := h.Principal("bob")
		if got.DisplayName != hostile[0] || got.Email != "b.bee@example.com" || !got.Admin {
			t.Errorf("bob is %+v", got)
		}
		if form := b.fill("profile"); form.Get("addresses") != "b.bee@example.com\nbob@example.com" || form.Get("admin") != "1" {
			t.Errorf("the form is %v", form)
		}
		for _, tt := range []struct{ addresses, want string }{
			{"bob@example.com alice@example.com", "alice@example.com: This mail address is taken, or is none."}, {hostile[1], "This mail address is taken, or is none."},
		} {
			b.get("/admin/users/bob")
			if status := b.send("POST", "/admin/users/bob", b.fill("profile", "addresses", tt.addresses)); status != http.StatusUnprocessableEntity {
				t.Errorf("addresses %q = %d", tt.addresses, status)
			}
			b.has(tt.want, `id="w-addresses"`).harmless()
		}
		b.get("/admin/users/root")
		if status := b.send("POST", "/admin/users/root", b.fill("profile", "-admin", "")); status != http.StatusConflict {
			t.Errorf("taking administration from oneself = %d", status)
		}
		b.has("Nobody takes administration from themselves.")
		b.get("/admin/users/oak")
		if status := b.send("POST", "/admin/users/oak", b.fill("booking", "days", "all")); status != http.StatusUnprocessableEntity {
			t.Errorf("days that are none = %d", status)
		}
		b.has("This is a number from 1 to 3660.")
		// Who answers for a room.
		b.get("/admin/users/oak").has("Who answers for it", "Nobody.")
		b.send("POST", "/admin/users/oak", b.form("do", "delegate", "delegate", "oak", "right", "write"))
		b.has("There is nobody of this name.")
		b.get("/admin/users/oak").post("/admin/users/oak", "do", "delegate", "delegate", "alice", "right", "write").has("Alice Arm")
		h.as("alice").get("/week").has("Oak room")
		b.get("/admin/users/alice").has("Acts for: Oak room")
		b.get("/admin/users/oak").post("/admin/users/oak", "do", "delegate", "remove", b.fillButton("remove")).has("Nobody.")
	})
}

// fillButton returns the value of the first button of that name.
func (b *browser) fillButton(name string) string {
	b.Helper()
	_, rest, ok := strings.Cut(b.page, `name="`+name+`" value="`)
	if !ok {
		b.Fatalf("no button %s on %s", name, b.at)
	}
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

func TestSharesOfAUser(t *testing.T) {
	each(t, func(h *house) {
		h.invite("alice", "Crew <i>", "bob", "read")
		h.make("alice", meeting.NewMeeting{Name: "Own secret", Start: at(16, "09:00"), End: at(16, "10:00")})
		root := h.as("root").get("/admin/users/alice").has("Crew <i>", "Bob Bee", "to look at", "not answered yet").lacks("Own secret", "<i>")
		root.get("/admin/users/bob").has("What others share", "Crew <i>", "Alice Arm", "not answered yet")
		e := h.feeds(t)
		e.set(200, feedOf("Fixtures", "One"))
		alice := h.as("alice").get("/calendars")
		alice.post("/calendars/subscribe", "url", e.url, "every", "0").get("/calendars")
		root.get("/admin/users/alice").has("Comes from 127.0.0.1").lacks("/secret/feed.ics")
	})
}
