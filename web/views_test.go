package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/meeting"
	"kalends/storage"
	"kalends/storage/storagetest"
)

// chip returns the tag of the event with that title, and what it reads.
func (b *browser) chip(title string) (string, string) {
	b.Helper()
	for _, m := range regexp.MustCompile(`(?s)(<a class="(?:ev|row) [^>]*>)(.*?)</a>`).FindAllStringSubmatch(b.page, -1) {
		if strings.Contains(m[2], title) {
			return m[1], strings.TrimSpace(blanks.ReplaceAllString(tags.ReplaceAllString(m[2], " "), " "))
		}
	}
	b.Fatalf("no %s on %s: %s", title, b.at, b.text())
	return "", ""
}

func TestViews(t *testing.T) {
	each(t, func(h *house) {
		h.make("alice", meeting.NewMeeting{Name: "Planning <b>", Start: at(15, "09:00"), End: at(15, "10:30"), Location: "Room 5"})
		h.make("alice", meeting.NewMeeting{Name: "Conference", Start: "2026-01-13", End: "2026-01-16", AllDay: true})
		h.make("alice", meeting.NewMeeting{Name: "Night train", Start: at(16, "22:00"), End: at(17, "06:00")})
		h.make("alice", meeting.NewMeeting{Name: "Daily", Start: at(12, "08:00"), End: at(12, "08:15"), Recurrence: &meeting.Recurrence{Every: "day", Count: 3}})
		b := h.as("alice")

		b.get("/month/2026-01-15").has("January 2026", "Planning <b>", "09:00")
		if tag, text := b.chip("Conference"); !strings.Contains(tag, "c2 w3") || !strings.Contains(text, "Tuesday, 13 January 2026 – Thursday, 15 January 2026") {
			t.Errorf("the conference is drawn as %s and told as %s", tag, text)
		}
		if n := strings.Count(b.page, `<span class="t">Daily`); n != 3 {
			t.Errorf("%d instances of the series, want 3", n)
		}
		if tag, _ := b.chip("Night train"); !strings.Contains(tag, "c5 w2") {
			t.Errorf("the night train is drawn as %s", tag)
		}
		if got := b.link("February 2026"); got != "/month/2026-02-01" {
			t.Errorf("next leads to %s", got)
		}

		b.get("/week/2026-01-15").has("week 3")
		if tag, text := b.chip("Planning"); !strings.Contains(tag, "r36 h6 c1 w12") || !strings.Contains(text, "09:00–10:30 Room 5") {
			t.Errorf("planning is drawn as %s and told as %s", tag, text)
		}
		if n := strings.Count(b.page, "Night train</span> <time>"); n != 2 {
			t.Errorf("the night train is on %d days, want 2", n)
		}

		b.get("/day/2026-01-17").has("Saturday, 17 January 2026")
		if tag, _ := b.chip("Night train"); !strings.Contains(tag, "r0 h24") {
			t.Errorf("the second half of the night is drawn as %s", tag)
		}
		b.lacks("Conference")

		b.get("/agenda/2026-01-12")
		days := regexp.MustCompile(`(?s)<section class="day-list.*?</section>`).FindAllString(b.page, -1)
		if len(days) != 6 {
			t.Errorf("%d days in the agenda, want 6", len(days))
		}
		if n := strings.Count(b.page, `<span class="t">Conference`); n != 3 {
			t.Errorf("the conference is on %d days of the agenda, want 3", n)
		}
		b.has("from 22:00", "until 06:00")
		// The last view is the first of the next visit.
		if b.send("GET", "/", nil); b.header.Get("Location") != "/agenda" {
			t.Errorf("/ leads to %s", b.header.Get("Location"))
		}
	})
}

func TestViewsInAnyZone(t *testing.T) {
	each(t, func(h *house) {
		h.make("alice", meeting.NewMeeting{Name: "Call", Start: "2026-01-15T23:30:00+01:00", End: "2026-01-16T00:30:00+01:00"})
		h.make("alice", meeting.NewMeeting{Name: "Holiday", Start: "2026-01-15", AllDay: true})
		b := h.as("alice")
		b.get("/day/2026-01-15?zone=America/New_York").has("17:30–18:30", "Holiday")
		if !strings.Contains(b.page, "zone=America%2FNew_York") {
			t.Error("the zone is lost on the way")
		}
		b.get("/day/2026-01-16?zone=Asia/Tokyo").has("07:30–08:30")
		b.lacks("Holiday")
		b.get("/day/2026-01-15?zone=Nowhere/City").has("23:30–00:30")
	})
}

func TestViewsOnDaysOfOtherLengths(t *testing.T) {
	each(t, func(h *house) {
		// On 29 March 2026 clocks in Berlin go from 2:00 to 3:00, on 25 October from 3:00 to 2:00.
		h.make("alice", meeting.NewMeeting{Name: "Spring", Start: "2026-03-29T01:30:00+01:00", End: "2026-03-29T03:30:00+02:00"})
		h.make("alice", meeting.NewMeeting{Name: "First", Start: "2026-10-25T02:15:00+02:00", End: "2026-10-25T02:45:00+02:00"})
		h.make("alice", meeting.NewMeeting{Name: "Second", Start: "2026-10-25T02:45:00+02:00", End: "2026-10-25T02:15:00+01:00"})
		h.make("alice", meeting.NewMeeting{Name: "Whole", Start: "2026-03-29", AllDay: true, Recurrence: &meeting.Recurrence{Every: "day", Count: 2}})
		b := h.as("alice").get("/day/2026-03-29")
		if tag, _ := b.chip("Spring"); !strings.Contains(tag, "r6 h8") {
			t.Errorf("spring is drawn as %s", tag)
		}
		b.has("Whole")
		b.get("/day/2026-03-30").has("Whole").lacks("Spring")
		b.get("/day/2026-03-28").lacks("Whole")
		b.get("/day/2026-10-25")
		if tag, _ := b.chip("Second"); !strings.Contains(tag, "r11 h2") {
			t.Errorf("an event over the hour that comes twice is drawn as %s", tag)
		}
	})
}

func TestFirstWeekday(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice")
		if err := h.store.PutSetting(t.Context(), h.Principal("alice").ID, "firstday", "0"); err != nil {
			t.Fatal(err)
		}
		b.get("/week/2026-01-15").has("11 Jan – 17 Jan 2026")
		h.as("bob").get("/week/2026-01-15").has("12. Jan. – 18. Jan. 2026", "KW 3", "Neuer Termin", `lang="de"`)
	})
}

func TestCalendarsAreShown(t *testing.T) {
	each(t, func(h *house) {
		alice, bob := h.Principal("alice"), h.Principal("bob")
		h.make("alice", meeting.NewMeeting{Name: "Mine", Start: at(15, "09:00"), End: at(15, "10:00")})
		h.make("bob", meeting.NewMeeting{Name: "Of Bob", Start: at(15, "09:00"), End: at(15, "10:00")})
		h.make("bob", meeting.NewMeeting{Name: "Secret", Start: at(15, "11:00"), End: at(15, "12:00"), Privacy: "private"})
		h.make("bob", meeting.NewMeeting{Name: "Hush", Start: at(15, "13:00"), End: at(15, "14:00"), Privacy: "confidential"})
		b := h.as("alice")
		b.get("/day/2026-01-15").has("Mine").lacks("Of Bob")
		err := h.web.Calendar.SetGrants(t.Context(), bob, calendar.Target{Owner: bob, Slug: "calendar"}, []storage.Grant{
			{Grantee: alice.ID, Privileges: uint32(auth.Read)},
		})
		if err != nil {
			t.Fatal(err)
		}
		b.get("/day/2026-01-15").has("Mine", "Of Bob", "Bob Bee", "13:00–14:00").lacks("Secret", "Hush")
		if tag, _ := b.chip("Of Bob"); strings.Contains(tag, "data-id") {
			t.Errorf("what may not be changed can be dragged: %s", tag)
		}
		form := b.fill("shown")
		if len(form["on"]) != 2 {
			t.Fatalf("the form of the calendars is %v", form)
		}
		form["on"] = form["on"][:1]
		b.submit("/shown", form).has("Mine").lacks("Of Bob")
		b.get("/month/2026-01-15").has("Mine").lacks("Of Bob")
		if b.send("GET", "/colors.css", nil) != http.StatusOK || !strings.Contains(b.page, ".k1{--k:#") {
			t.Errorf("the colours are %s", b.page)
		}
	})
}

func TestColoursCannotWriteStyles(t *testing.T) {
	each(t, func(h *house) {
		alice := h.Principal("alice")
		err := h.web.Calendar.Patch(t.Context(), alice, calendar.Target{Owner: alice, Slug: "calendar"}, calendar.Edit{Live: func(c *storage.Calendar) error {
			c.Color = "#fff}body{display:none"
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		b := h.as("alice")
		b.send("GET", "/colors.css", nil)
		if b.page != ".k0{--k:#2f6fde}\n" {
			t.Errorf("the colours are %s", b.page)
		}
	})
}

func TestMoreThanFits(t *testing.T) {
	each(t, func(h *house) {
		for i := range 9 {
			h.make("alice", meeting.NewMeeting{Name: fmt.Sprintf("Event %d", i), Start: at(15, fmt.Sprintf("%02d:00", 8+i)), End: at(15, fmt.Sprintf("%02d:30", 8+i))})
		}
		h.as("alice").get("/month/2026-01-15").has("4 more on Thursday, 15 January 2026", "Event 4").lacks("Event 5")
	})
}

// TestLongTitles: however long what is in a calendar is, and however often it repeats, a view of it stays small.
func TestLongTitles(t *testing.T) {
	each(t, func(h *house) {
		long := strings.Repeat("ä", 200_000)
		_, err := h.Service.Put(h.Context(), calendar.PutRequest{
			Who: h.Principal("alice"), Target: calendar.Target{Owner: h.Principal("alice"), Slug: "calendar", Name: "long.ics"},
			Body: []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:long\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260105T090000Z\r\nDURATION:P40D\r\n" +
				"RRULE:FREQ=HOURLY;COUNT=600\r\nSUMMARY:" + long + "\r\nLOCATION:" + long + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"),
		})
		if err != nil {
			h.Fatal(err)
		}
		b := h.as("alice")
		for _, path := range []string{"/week/2026-01-12", "/month/2026-01-12", "/agenda/2026-01-12", "/day/2026-01-12", "/search?q=äää"} {
			if b.get(path); len(b.page) > 5<<20 || !strings.Contains(b.page, "ä…") {
				h.Errorf("%s has %d octets", path, len(b.page))
			}
		}
	})
}

func TestSearch(t *testing.T) {
	each(t, func(h *house) {
		h.make("alice", meeting.NewMeeting{Name: "Planning", Start: at(15, "09:00"), End: at(15, "10:00"), Location: "Harbour", Recurrence: &meeting.Recurrence{Every: "week"}})
		h.make("alice", meeting.NewMeeting{Name: "Dentist", Description: "bring the planning sheet", Start: "2025-06-02T09:00:00Z", End: "2025-06-02T10:00:00Z"})
		h.make("bob", meeting.NewMeeting{Name: "Planning of Bob", Start: at(15, "09:00"), End: at(15, "10:00")})
		b := h.as("alice")
		b.get("/search").has("Search")
		b.get("/search?q=PLANNING").has("Dentist", "2 June 2025", "22 January 2026").lacks("Bob")
		b.get("/search?q=planning+harbour").has("Planning").lacks("Dentist")
		b.get("/search?q=" + url.QueryEscape(`"><script>`)).has("Nothing has all of these words.").lacks("<script>alert")
		b.get("/search?q=" + strings.Repeat("x+", 300))
	})
}

func TestPathsThatAreNone(t *testing.T) {
	each(t, func(h *house) {
		b := h.as("alice")
		for path, want := range map[string]int{
			"/month/2026-13-01": 404, "/week/x": 404, "/day/0001-01-01": 404, "/day/9999-01-01": 404, "/agenda/2199-12-31": 200, "/month/1900-01-01": 200,
			"/event/nothing": 404, "/event/mtgaaaa": 404, "/month/2026-01-01/x": 404,
		} {
			if got := b.send("GET", path, nil); got != want {
				t.Errorf("GET %s = %d, want %d: %s", path, got, want, b.text())
			}
		}
	})
}

// BenchmarkWeek is a week of somebody with ten thousand events, a hundred of them series.
func BenchmarkWeek(b *testing.B) {
	h := newHouse(b, storagetest.SQLite(b))
	alice := h.Principal("alice")
	var objects []calendar.ImportObject
	for i := range 10_000 {
		rule := ""
		if i%100 == 0 {
			rule = "RRULE:FREQ=WEEKLY\r\n"
		}
		day := now.AddDate(0, 0, i%1000-500).Add(time.Duration(i%9) * time.Hour)
		objects = append(objects, calendar.ImportObject{Text: fmt.Appendf(nil, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nBEGIN:VEVENT\r\nUID:u%d\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:%s\r\nDURATION:PT1H\r\n%sSUMMARY:Event %d\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
			i, day.Format("20060102T150405Z"), rule, i)})
	}
	_, err := h.web.Calendar.Import(b.Context(), calendar.Import{Who: alice, Target: calendar.Target{Owner: alice, Slug: "calendar"}, Objects: func(yield func(calendar.ImportObject, error) bool) {
		for _, o := range objects {
			if !yield(o, nil) {
				return
			}
		}
	}})
	if err != nil {
		b.Fatal(err)
	}
	page := h.as("alice")
	for _, path := range []string{"/week/2026-01-15", "/month/2026-01-15", "/search?q=9999", "/event/new"} {
		b.Run(strings.Split(path[1:], "/")[0], func(b *testing.B) {
			for b.Loop() {
				if page.send("GET", path, nil) != http.StatusOK {
					b.Fatal(page.text())
				}
			}
		})
	}
}
