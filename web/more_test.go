package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/meeting"
	"kalends/storage"
)

// hostile are words that would be more than words on a page that did not take care.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `{{.Form}}`, `</textarea><svg onload=alert(1)>`, `javascript:alert(1)`, "a\u202ecba",
}

// harmless sees that hostile words are only words on the page.
func (b *browser) harmless() *browser {
	b.Helper()
	return b.lacks("<script>alert", "<img src=x", "' onmouseover", "<svg onload", `href="javascript:`, `src="javascript:`)
}

// invite has somebody share a calendar with somebody who is asked first, and returns its path on the pages.
func (h *house) invite(owner, name, with, right string) string {
	h.Helper()
	b := h.as(owner).get("/calendars").post("/calendars", "name", name, "color", "#1f9d61")
	ctx := h.Context()
	home, err := h.store.Calendars(ctx, h.Principal(owner).ID)
	if err != nil {
		h.Fatal(err)
	}
	path := "/calendars/" + meeting.CalendarID(h.Principal(owner).ID, home[len(home)-1].ID)
	b.get(path).post(path+"/share", "person", with+"@example.com", "right", right, "ask", "1").has("not answered yet")
	return path
}

func TestInvitationsToCalendars(t *testing.T) {
	each(t, func(h *house) {
		path := h.invite("alice", "Team <b>", "bob", "read-write")
		h.Change("bob", func(p *storage.Principal) { p.Language = "en" })
		bob := h.as("bob").get("/week").has("1 calendar shared with you", "/calendars#invitations").lacks("Team")
		bob.get("/calendars").has("Alice Arm shares the calendar “Team <b>” with you.", "to look at and to change")
		uid := bob.fill("/calendars/invitation").Get("uid")
		if bob.send("GET", path, nil) != http.StatusNotFound {
			t.Error("a calendar that was not accepted has a page")
		}
		bob.get("/calendars")
		if status := bob.send("POST", "/calendars/invitation", bob.form("uid", uid, "do", "accept", "name", " ")); status != http.StatusUnprocessableEntity {
			t.Errorf("without a name = %d", status)
		}
		bob.has("A calendar needs a name.", `aria-invalid="true"`)
		// Somebody else cannot answer, and nobody without the token of their pages.
		root := h.as("root").get("/calendars").lacks("Team")
		if status := root.send("POST", "/calendars/invitation", root.form("uid", uid, "do", "accept", "name", "Mine")); status != http.StatusNotFound {
			t.Errorf("somebody else's invitation = %d", status)
		}
		for _, path := range []string{"/calendars/invitation", "/calendars/subscribe", path + "/leave", path + "/refresh", path + "/default", path + "/alarms",
			"/reminders/seen", "/reminders/alarms", "/delegates", "/delegates/busy"} {
			if status := bob.send("POST", path, url.Values{"uid": {uid}, "do": {"accept"}, "name": {"x"}}); status != http.StatusForbidden {
				t.Errorf("POST %s without a token = %d", path, status)
			}
		}
		bob.get("/calendars").post("/calendars/invitation", "uid", uid, "do", "accept", "name", "Work <i>", "color", "#aa3300").
			has("The calendar is among yours now", "Work <i>", "Alice Arm").lacks("shares the calendar")
		h.as("alice").get(path).has("Bob Bee", "accepted")
		bob.get("/week").lacks("/calendars#invitations")
		bob.get(path).has("to look at and to change", `value="#aa3300"`, "As you have it")
		bob.send("POST", path, bob.form("name", "", "color", "#aa3300"))
		bob.has("A calendar needs a name.")
		if status := bob.send("POST", path, bob.form("name", "x", "color", "red;}")); status != http.StatusBadRequest {
			t.Errorf("a colour that is none = %d", status)
		}
		bob.get(path).post(path, "name", "Own name", "color", "#0011aa", "busy", "1").has("Saved.", "Own name", `value="#0011aa"`)
		h.as("alice").get(path).has("Team <b>").lacks("Own name")
		// What bob makes there is alice's too.
		id := strings.TrimPrefix(path, "/calendars/")
		h.make("bob", meeting.NewMeeting{Name: "Mowing", Calendar: id, Start: at(16, "09:00"), End: at(16, "10:00")})
		h.as("alice").get("/day/2026-01-16").has("Mowing")
		// He leaves, and takes it again.
		bob.get(path).post(path+"/leave").has("The calendar is gone from yours.", "Take it after all")
		bob.get("/day/2026-01-16").lacks("Mowing")
		h.as("alice").get(path).has("declined")
		bob.get("/calendars").post("/calendars/invitation", "uid", uid, "do", "accept", "name", "Again", "color", "#aa3300").has("Again")
		bob.get("/day/2026-01-16").has("Mowing")
		// It is taken back.
		alice := h.as("alice").get(path)
		alice.post(path+"/share", "grantee", regexp.MustCompile(`name="grantee" value="(\d+)"`).FindStringSubmatch(alice.page)[1])
		bob.get("/calendars").lacks("Again")
		if status := bob.send("POST", "/calendars/invitation", bob.form("uid", uid, "do", "accept", "name", "x")); status != http.StatusNotFound {
			t.Errorf("an invitation that was taken back = %d", status)
		}
		bob.has("This invitation is not there any more")
	})
}

func TestInvitationIsDeclined(t *testing.T) {
	each(t, func(h *house) {
		for _, words := range hostile {
			h.invite("alice", words, "root", "read")
		}
		b := h.as("root").get("/calendars").harmless()
		uid := b.fill("/calendars/invitation").Get("uid")
		b.post("/calendars/invitation", "uid", uid, "do", "decline").has("Declined.").harmless()
		b.get("/calendars").post("/calendars/invitation", "uid", uid, "do", "accept", "name", hostile[0], "color", "x").harmless()
		b.get(b.link("<script>")).harmless()
		if status := b.send("POST", "/calendars/invitation", b.form("uid", uid, "do", "burn")); status != http.StatusBadRequest {
			t.Errorf("another word = %d", status)
		}
	})
}

func TestMissedReminders(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice").get("/reminders").has("You have missed nothing.").lacks("missed reminder")
		alice := h.Principal("alice")
		miss := func(user *storage.Principal, due time.Time, summary string) {
			err := h.store.Update(t.Context(), func(tx storage.Tx) error {
				if err := tx.Lock(t.Context(), 1, alice.ID); err != nil {
					return err
				}
				return tx.AddMissed(t.Context(), &storage.Missed{
					Owner: alice.ID, Object: 1, ForUser: user.ID, DueAt: due, Start: due.Add(time.Hour), End: due.Add(2 * time.Hour), Summary: summary, Noted: due,
				})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for i, words := range hostile {
			miss(alice, now.Add(time.Duration(-i)*time.Hour), words)
		}
		miss(h.Principal("bob"), now, "Somebody else's")
		b.get("/week").has("7 missed reminders")
		b.get("/reminders").harmless().lacks("Somebody else").has("the reminder was due 15 Jan 2026, 11:00", "Thursday, 15 January 2026, 12:00 – 13:00")
		form := b.fill("/reminders/seen")
		miss(alice, now.Add(time.Minute), "A new one") // meanwhile
		b.submit("/reminders/seen", form).has("A new one", "1 missed reminder", "Seen already")
		if status := b.send("POST", "/reminders/seen", b.form("through", "x")); status != http.StatusBadRequest {
			t.Errorf("a time that is none = %d", status)
		}
		h.as("bob").get("/reminders").has("Somebody else")
	})
}

func TestAlarmsByDefault(t *testing.T) {
	each(t, func(h *house) {
		h.web.Calendar.DefaultReminder = 15 * time.Minute
		b := h.as("alice").get("/reminders").has("as is usual here: 15 minutes before", "as is usual here: no reminder")
		b.submit("/reminders/alarms", b.fill("/reminders/alarms", "timed", "-30", "day", "-360", "mailed", "all")).has("Saved.")
		got := h.Principal("alice")
		if got.Alarms != (storage.DefaultAlarms{Timed: "EMAIL -PT30M", Day: "EMAIL -PT6H"}) || got.MailedAlarms != storage.MailAll {
			t.Errorf("alarms are %+v %q", got.Alarms, got.MailedAlarms)
		}
		form := b.fill("/reminders/alarms")
		if form.Get("timed") != "-30" || form.Get("day") != "-360" || form.Get("mailed") != "all" {
			t.Errorf("the form is %v", form)
		}
		b.has("the day before at 18:00")
		for _, bad := range [][]string{{"timed", "x"}, {"day", "-999999999"}, {"mailed", "some"}} {
			if status := b.send("POST", "/reminders/alarms", b.fill("/reminders/alarms", bad...)); status != http.StatusBadRequest {
				t.Errorf("%v = %d", bad, status)
			}
			b.get("/reminders")
		}
		// What another program set stays, as long as nothing else is chosen.
		h.Change("alice", func(p *storage.Principal) { p.Alarms.Timed = "DISPLAY -PT17M" })
		b.get("/reminders").has("17 minutes before, by the calendar program")
		b.submit("/reminders/alarms", b.fill("/reminders/alarms", "day", "none"))
		if got := h.Principal("alice").Alarms; got != (storage.DefaultAlarms{Timed: "DISPLAY -PT17M", Day: storage.NoAlarm}) {
			t.Errorf("alarms are %+v", got)
		}
		// Each calendar can have others.
		path := regexp.MustCompile(`href="(/calendars/[a-z0-9]+)"`).FindStringSubmatch(b.get("/calendars").page)[1]
		b.get(path).has("as for all my calendars")
		b.submit(path+"/alarms", b.fill(path+"/alarms", "timed", "none", "day", "540")).has("Saved.", "on the day at 09:00")
		c, err := h.store.Calendar(t.Context(), h.Principal("alice").ID, auth.CalendarSlug)
		if err != nil || c.Alarms != (storage.DefaultAlarms{Timed: storage.NoAlarm, Day: "EMAIL PT9H"}) {
			t.Errorf("alarms of the calendar are %+v (%v)", c.Alarms, err)
		}
		b.submit(path+"/alarms", b.fill(path+"/alarms", "timed", "inherit", "day", "inherit"))
		if c, err = h.store.Calendar(t.Context(), c.Owner, auth.CalendarSlug); err != nil || c.Alarms != (storage.DefaultAlarms{}) {
			t.Errorf("alarms of the calendar are %+v (%v)", c.Alarms, err)
		}
	})
}

func TestDelegates(t *testing.T) {
	each(t, func(h *house) {
		h.Change("bob", func(p *storage.Principal) { p.Language = "en" })
		h.make("alice", meeting.NewMeeting{Name: "Own", Start: at(16, "09:00"), End: at(16, "10:00")})
		b := h.as("alice").get("/delegates").has("Nobody.")
		b.send("POST", "/delegates", b.form("person", hostile[1], "right", "read"))
		b.has("Nobody else here has this mail address.", `aria-invalid="true"`).harmless()
		b.send("POST", "/delegates", b.form("person", "alice@example.com", "right", "read"))
		b.has("Nobody else here has this mail address.")
		if status := b.send("POST", "/delegates", b.form("person", "bob@example.com", "right", "all")); status != http.StatusBadRequest {
			t.Errorf("a right that is none = %d", status)
		}
		bob := h.as("bob").get("/day/2026-01-16").lacks("Own")
		b.get("/delegates").post("/delegates", "person", "bob@example.com", "right", "read").has("Bob Bee may see all")
		bob.get("/day/2026-01-16").has("Own", "Alice Arm")
		bob.get("/delegates").has("For whom you act", "you may see all")
		bob.get(bob.get("/day/2026-01-16").link("Own")).lacks("/edit")
		b.get("/delegates").post("/delegates", "person", "bob@example.com", "right", "write").has("Bob Bee may see and change all")
		bob.get(bob.get("/day/2026-01-16").link("Own")).has("/edit")
		id := regexp.MustCompile(`name="remove" value="(\d+)"`).FindStringSubmatch(b.page)[1]
		b.post("/delegates", "remove", id).has("Nobody.")
		bob.get("/day/2026-01-16").lacks("Own")

		b.get("/delegates").has("http://kal.example.com/freebusy/alice")
		b.post("/delegates/busy", "public", "1").has("Saved.")
		if !h.Principal("alice").PublicBusy {
			t.Error("busy times are not public")
		}
		b.post("/delegates/busy")
		if h.Principal("alice").PublicBusy {
			t.Error("busy times are still public")
		}
	})
}

func TestSettingsOfACalendar(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice").get("/calendars").post("/calendars", "name", "Crew", "color", "#1f9d61")
		path := b.link("Crew")
		b.get(path).has("Invitations that come to you go into another calendar.")
		form := b.fill("settings", "timezone", "Mars/Base", "description", hostile[4])
		if status := b.send("POST", path, form); status != http.StatusUnprocessableEntity {
			t.Errorf("a zone that is none = %d", status)
		}
		b.has("There is no such time zone.", "Mars/Base").harmless()
		form.Set("timezone", "asia/tokyo")
		form.Set("team", "1")
		b.submit(path, form).harmless()
		if got := b.fill("settings"); got.Get("timezone") != "Asia/Tokyo" || got.Get("team") != "1" || got.Get("description") != hostile[4] {
			t.Errorf("the form is %v", got)
		}
		b.post(path + "/default").has("Invitations that come to you go into this calendar.").lacks(path + "/delete")
		h.make("bob", meeting.NewMeeting{Name: "Party", Start: at(16, "09:00"), End: at(16, "10:00"), Invited: []meeting.Invited{{Address: "alice@example.com"}}})
		b.get(b.get("/day/2026-01-16").link("Party")).has("Crew")
		list, err := h.web.Calendar.Home(t.Context(), h.Principal("alice"), h.Principal("alice"))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list {
			if c.DisplayName == "Crew" && (!c.Team || c.TimeZoneID != "Asia/Tokyo" || c.Objects != 1) {
				t.Errorf("the calendar is %+v", c)
			}
		}
	})
}

// TestOwnLook: the pages call calendars of others, and show them in the order and the colours, as their reader has set it in a calendar program.
func TestOwnLook(t *testing.T) {
	each(t, func(h *house) {
		ctx, alice := t.Context(), h.Principal("alice")
		if err := h.Service.SetDelegates(ctx, alice, alice, false, []int64{h.Principal("bob").ID}); err != nil {
			t.Fatal(err)
		}
		bob, name, color := h.Principal("bob"), "Die Chefin", "#123456"
		err := h.Service.Patch(ctx, bob, calendar.Target{Owner: alice, Slug: "calendar"}, calendar.Edit{Own: calendar.OwnLook(&name, &color)})
		if err != nil {
			t.Fatal(err)
		}
		for i, slug := range []string{"calendar", "second", "third"} {
			if slug != "calendar" {
				if err := h.Service.MakeCalendar(ctx, bob, calendar.Target{Owner: bob, Slug: slug}, calendar.Edit{}); err != nil {
					t.Fatal(err)
				}
			}
			err := h.Service.Patch(ctx, bob, calendar.Target{Owner: bob, Slug: slug}, calendar.Edit{Live: func(c *storage.Calendar) error {
				c.DisplayName, c.Order = "Nummer "+slug, strconv.Itoa(10-i)
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
		}
		b := h.as("bob").get("/calendars")
		text := b.text()
		at := -1
		for _, want := range []string{"Nummer third", "Nummer second", "Nummer calendar", "Die Chefin"} {
			i := strings.Index(text, want)
			if i <= at {
				t.Errorf("%q is not there, or not behind the one before: %s", want, text)
			}
			at = i
		}
		if b.send("GET", "/colors.css", nil); !strings.Contains(b.page, "--k:#123456") {
			t.Errorf("colours: %s", b.page)
		}
		h.as("alice").get("/calendars").lacks("Die Chefin")
	})
}
