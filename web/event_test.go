package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kalends/meeting"
)

// create makes an event by its form and returns its id.
func (b *browser) create(fields ...string) string {
	b.Helper()
	b.get("/event/new?date=2026-01-15&time=09:00")
	b.submit("/event/new", b.fill("event-form", fields...))
	return strings.TrimPrefix(strings.Split(b.at, "?")[0], "/event/")
}

func TestNewEvent(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice")
		id := b.create("name", "Planning", "location", "Room 5", "link", "https://meet.example.com/x", "notes", "Bring\nfigures", "privacy", "private", "free", "1", "reminder", "60")
		b.has("The event is in your calendar.", "Thursday, 15 January 2026, 09:00 – 10:00", "Room 5", "Bring figures", "1 hour before", "nothing", "stays free")
		m := h.meeting("alice", id, "")
		if m.Start != "2026-01-15T09:00:00+01:00" || m.TimeZone != "Europe/Berlin" || m.Privacy != "private" || m.Busy || m.Link != "https://meet.example.com/x" {
			t.Errorf("the event is %+v", m)
		}
		id = b.create("name", "Trip", "allday", "1", "enddate", "2026-01-17")
		b.has("Thursday, 15 January 2026 – Saturday, 17 January 2026")
		if m = h.meeting("alice", id, ""); m.Start != "2026-01-15" || m.End != "2026-01-18" {
			t.Errorf("the trip is from %s to %s", m.Start, m.End)
		}
		id = b.create("name", "Far", "timezone", "Asia/Tokyo")
		if m = h.meeting("alice", id, ""); m.Start != "2026-01-15T09:00:00+09:00" {
			t.Errorf("the event far away starts %s", m.Start)
		}
		b.has("Thursday, 15 January 2026, 01:00 – 02:00", "Asia/Tokyo")
	})
}

func TestRepeats(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice")
		for _, tt := range []struct {
			fields []string
			rule   string
			words  string
		}{
			{[]string{"every", "day", "ends", "count", "count", "5"}, "FREQ=DAILY;COUNT=5", "every day, 5 times"},
			{[]string{"every", "week", "interval", "2", "+on", "monday"}, "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH", "every 2 weeks on Monday, Thursday"},
			{[]string{"every", "month"}, "FREQ=MONTHLY", "every month"},
			{[]string{"every", "nth"}, "FREQ=MONTHLY;BYDAY=3TH", "every month on the third Thursday"},
			{[]string{"every", "year", "ends", "until", "until", "2030-01-15"}, "FREQ=YEARLY;UNTIL=20300115T225959Z", "every year, until 15 Jan 2030"},
		} {
			id := b.create(append([]string{"name", "Series"}, tt.fields...)...)
			m := h.meeting("alice", id, "")
			if m.Recurrence == nil || m.Recurrence.Rule != tt.rule {
				t.Errorf("%v makes %+v, want %s", tt.fields, m.Recurrence, tt.rule)
			}
			b.has(tt.words)
			// The form of what was made is that which made it.
			b.get("/event/" + id + "/edit")
			form := b.fill("event-form")
			for i := 0; i+1 < len(tt.fields); i += 2 {
				name := strings.TrimPrefix(tt.fields[i], "+")
				if !strings.Contains(strings.Join(form[name], " "), tt.fields[i+1]) {
					t.Errorf("%s: %s is %v in the form", tt.rule, name, form[name])
				}
			}
			b.submit("/event/"+id+"/edit", form)
			if again := h.meeting("alice", id, ""); again.Recurrence.Rule != tt.rule {
				t.Errorf("saving %s unchanged makes it %s", tt.rule, again.Recurrence.Rule)
			}
		}
	})
}

func TestFormsThatAreWrong(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice")
		for _, tt := range []struct {
			fields []string
			want   string
		}{
			{[]string{"name", ""}, "An event needs a title."},
			{[]string{"startdate", "soon"}, "The day it starts is missing, or is no day."},
			{[]string{"startdate", "0001-01-01"}, "The day it starts is missing, or is no day."},
			{[]string{"endtime", "08:00"}, "It ends before it starts."},
			{[]string{"endtime", "25:00"}, "The time it ends is missing, or is no time."},
			{[]string{"timezone", "Nowhere"}, "There is no such time zone."},
			{[]string{"link", "javascript:alert(1)"}, "The link must be a web address"},
			{[]string{"every", "week", "interval", "0"}, "How often it repeats must be a number from 1 to 999."},
			{[]string{"every", "week", "ends", "until", "until", "2025-01-01"}, "The last day must not be before the first."},
			{[]string{"every", "week", "ends", "count", "count", "many"}, "How many times must be a number from 1 to 5000."},
			{[]string{"every", "blue moon"}, "It cannot repeat like this."},
			{[]string{"add", "nobody"}, "Guests are invited by their mail addresses."},
			{[]string{"calendar", "calaaaa"}, "There is no such calendar."},
		} {
			b.get("/event/new?date=2026-01-15&time=09:00")
			form := b.fill("event-form", append([]string{"name", "Kept <title>", "notes", "kept notes"}, tt.fields...)...)
			if status := b.send("POST", "/event/new", form); status < 400 || status > 499 {
				t.Errorf("%v: %d", tt.fields, status)
			}
			b.has(tt.want, "kept notes")
			if tt.fields[0] != "name" {
				b.has(`value="Kept &lt;title&gt;"`)
			}
		}
		b.get("/month/2026-01-15").lacks("Kept")
	})
}

func TestGuests(t *testing.T) {
	each(t, func(h *house) {
		h.make("bob", meeting.NewMeeting{Name: "Own work", Start: at(16, "09:30"), End: at(16, "11:00")})
		b := h.as("alice")
		b.get("/event/new?date=2026-01-16&time=09:00")
		if status := b.send("POST", "/event/new", b.fill("event-form", "name", "Planning", "add", "bob@example.com, erin@example.org", "room", "oak@example.com", "do", "add")); status != http.StatusOK {
			t.Fatalf("adding guests = %d", status)
		}
		b.has("Bob Bee", "busy then", "busy 09:30–11:00", "erin@example.org", "invited by mail", "Oak room", "free then", "free all day").lacks("Own work")
		form := b.fill("event-form", "do", "save", "+optional", "bob@example.com")
		b.submit("/event/new", form).has("Bob Bee", "erin@example.org", "Oak room", "No answer yet")
		id := strings.TrimPrefix(strings.Split(b.at, "?")[0], "/event/")
		m := h.meeting("alice", id, "")
		if len(m.Invited) != 3 || !m.Invited[0].Optional {
			t.Errorf("invited are %+v", m.Invited)
		}
		// Who was invited sees it at once, and answers.
		bob := h.as("bob").get("/day/2026-01-16").has("Planning", "noch nicht beantwortet")
		bob.get(bob.link("Planning")).has("Alice Arm", "Zusagen")
		path := strings.Split(bob.at, "?")[0]
		bob.submit(path+"/answer", bob.fill(path+"/answer", "answer", "tentative", "comment", "A bit late")).has("Ihre Antwort ist gesendet.")
		if m = h.meeting("alice", id, ""); m.Invited[0].Answer != "tentative" {
			t.Errorf("the answer is %s", m.Invited[0].Answer)
		}
		bob.get(path + "/edit").has("nur ändern, wer eingeladen hat")
		bob.submit(path+"/edit", bob.fill("event-form", "reminder", "120")).has("2 Stunden vorher")
		bob.send("POST", path+"/answer", bob.form("answer", "perhaps"))
		bob.has("Das Formular kam nicht an")
		// One guest less.
		b.get("/event/" + id + "/edit")
		form = b.fill("event-form")
		form["guest"] = []string{"bob@example.com"}
		b.submit("/event/"+id+"/edit", form).lacks("erin@example.org")
	})
}

func TestChangeOfASeries(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice")
		id := b.create("name", "Daily", "every", "day", "ends", "count", "count", "6")
		open := func(day string) string { // the page of the instance on that day
			b.get("/day/" + day)
			return b.link("Daily")
		}
		change := func(link, scope string, fields ...string) {
			edit := strings.Replace(link, "?", "/edit?", 1)
			b.get(edit)
			b.submit(strings.Split(edit, "?")[0], b.fill("event-form", append(fields, "scope", scope)...))
		}
		change(open("2026-01-16"), "this", "name", "Daily alone", "starttime", "14:00", "endtime", "15:00")
		b.get("/week/2026-01-15").has("Daily alone", "14:00–15:00")
		if n := strings.Count(b.page, "09:00–10:00</time>"); n != 3 { // 15, 17, 18
			t.Errorf("%d instances as before, want 3: %s", n, b.text())
		}
		change(open("2026-01-18"), "following", "name", "Daily after")
		b.get("/agenda/2026-01-15")
		if n := strings.Count(b.page, `<span class="t">Daily after`); n != 3 { // 18, 19, 20
			t.Errorf("%d instances follow, want 3", n)
		}
		// All of it moves as far as the instance does: an hour.
		change(open("2026-01-17"), "all", "starttime", "10:00", "endtime", "11:00")
		if m := h.meeting("alice", id, ""); m.Start != "2026-01-15T10:00:00+01:00" || m.End != "2026-01-15T11:00:00+01:00" {
			t.Errorf("the series starts %s and ends %s", m.Start, m.End)
		}
		// One instance goes, then all.
		link := strings.Replace(open("2026-01-17"), "?", "/delete?", 1)
		b.get(link).has("only this day", "the whole series")
		b.submit(strings.Split(link, "?")[0], b.fill(strings.Split(link, "?")[0])).has("The event is deleted.")
		b.get("/day/2026-01-17").lacks("Daily<")
		link = strings.Replace(open("2026-01-15"), "?", "/delete?", 1)
		b.get(link)
		b.submit(strings.Split(link, "?")[0], b.fill(strings.Split(link, "?")[0], "scope", "all"))
		b.get("/agenda/2026-01-15").lacks("Daily alone").has("Daily after")
	})
}

func TestMove(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice")
		id := h.make("alice", meeting.NewMeeting{Name: "Planning", Start: at(15, "09:00"), End: at(15, "10:30")})
		b.get("/week/2026-01-15")
		etag := h.meeting("alice", id, "").ETag
		if status := b.send("POST", "/event/"+id+"/move", b.form("start", "2026-01-16T11:00", "etag", etag), "X-Requested-With", "fetch"); status != http.StatusOK {
			t.Fatalf("move = %d: %s", status, b.text())
		}
		if m := h.meeting("alice", id, ""); m.Start != at(16, "11:00") || m.End != at(16, "12:30") {
			t.Errorf("moved to %s–%s", m.Start, m.End)
		}
		b.get("/week/2026-01-15")
		if status := b.send("POST", "/event/"+id+"/move", b.form("start", "2026-01-17T11:00", "etag", etag)); status != http.StatusConflict {
			t.Errorf("moving what was changed meanwhile = %d", status)
		}
		b.has("It was changed meanwhile.")
		// Where the view is in another zone.
		b.get("/week/2026-01-15")
		b.post("/event/"+id+"/move?zone=America/New_York", "start", "2026-01-16T06:00")
		if m := h.meeting("alice", id, ""); m.Start != at(16, "12:00") {
			t.Errorf("moved in New York to %s", m.Start)
		}
		b.get("/week/2026-01-15").post("/event/"+id+"/move", "start", "2026-01-16T12:00", "minutes", "30")
		if m := h.meeting("alice", id, ""); m.End != at(16, "12:30") {
			t.Errorf("made shorter, it ends %s", m.End)
		}
		whole := h.make("alice", meeting.NewMeeting{Name: "Trip", Start: "2026-01-13", End: "2026-01-15", AllDay: true})
		b.get("/month/2026-01-15").post("/event/"+whole+"/move", "start", "2026-01-20T00:00")
		if m := h.meeting("alice", whole, ""); m.Start != "2026-01-20" || m.End != "2026-01-22" {
			t.Errorf("the trip is from %s to %s", m.Start, m.End)
		}
	})
}

func TestEventsOfOthersAreNotThere(t *testing.T) {
	each(t, func(h *house) {
		id := h.make("bob", meeting.NewMeeting{Name: "Of Bob", Start: at(15, "09:00"), End: at(15, "10:00")})
		b := h.as("alice").get("/week")
		for _, tt := range []struct{ method, path string }{
			{"GET", ""}, {"GET", "/edit"}, {"GET", "/delete"}, {"POST", "/edit"}, {"POST", "/delete"}, {"POST", "/answer"}, {"POST", "/move"},
		} {
			var form url.Values
			if tt.method == "POST" {
				b.get("/week")
				form = b.form("answer", "accepted", "start", "2026-01-16T11:00", "name", "x")
			}
			if got := b.send(tt.method, "/event/"+id+tt.path, form); got != http.StatusNotFound {
				t.Errorf("%s %s = %d, want 404", tt.method, tt.path, got)
			}
			b.lacks("Of Bob")
		}
	})
}

func TestWhoWasOvertakenMayStillSave(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice")
		id := b.create("name", "Planning")
		b.get("/event/" + id + "/edit")
		first, second := b.fill("event-form", "name", "First"), b.fill("event-form", "name", "Second")
		b.submit("/event/"+id+"/edit", first)
		if status := b.send("POST", "/event/"+id+"/edit", second); status != http.StatusConflict {
			t.Fatalf("a change of what was changed meanwhile = %d", status)
		}
		b.has("It was changed meanwhile.", `value="Second"`)
		b.submit("/event/"+id+"/edit", b.fill("event-form")).has("Second")
	})
}

func TestPropose(t *testing.T) {
	each(t, func(h *house) {
		id := h.make("alice", meeting.NewMeeting{Name: "Planning", Start: at(16, "15:00"), End: at(16, "16:00"), Invited: []meeting.Invited{{Address: "bob@example.com"}}})
		h.as("alice").get("/event/" + id).lacks("/propose")
		bob := h.as("bob").get("/day/2026-01-16") // in New York
		bob.get(bob.link("Planning"))
		path := strings.Split(bob.at, "?")[0]
		form := bob.fill(path+"/propose", "starttime", "11:30", "endtime", "12:30", "comment", "Dentist before")
		if form.Get("startdate") != "2026-01-16" {
			t.Errorf("the form begins with %v", form)
		}
		bob.submit(path+"/propose", form).has("Ihr Vorschlag ist gesendet.")
		alice := h.as("alice").get("/requests").has("Bob Bee proposes another time for “Planning”", "Friday, 16 January 2026, 17:30 – 18:30", "15:00", "Dentist before")
		alice.submitHere("/requests", alice.fill("/requests", "do", "accept")).has("It is done.")
		if m := h.meeting("alice", id, ""); m.Start != at(16, "17:30") {
			t.Errorf("the meeting starts %s", m.Start)
		}
		bob.get("/day/2026-01-16").has("11:30–12:30")
		bob.get(path)
		if status := bob.send("POST", path+"/propose", bob.fill(path+"/propose", "endtime", "01:00")); status != 422 {
			t.Errorf("a time that ends before it starts = %d", status)
		}
		alice.get("/event/" + id)
		if status := alice.send("POST", "/event/"+id+"/propose", alice.form("startdate", "2026-01-17")); status != 409 {
			t.Errorf("who invites proposes: %d", status)
		}
	})
}
