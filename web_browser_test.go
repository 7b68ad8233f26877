package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kalends/auth"
	"kalends/internal/config"
	"kalends/meeting"
	"kalends/storage"
)

// webSite is the whole product with some people and a full week.
type webSite struct {
	*testing.T
	app    *app
	url    string
	alice  *storage.Principal
	editor *meeting.Editor
	monday time.Time
}

func newSite(t *testing.T) *webSite {
	t.Helper()
	cfg := config.Default()
	cfg.Data = t.TempDir()
	cfg.Database = "sqlite:" + filepath.Join(cfg.Data, "kalends.db")
	log := slog.New(slog.DiscardHandler)
	a, err := build(t.Context(), cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.close)
	s := &webSite{T: t, app: a, editor: &meeting.Editor{Calendar: a.service(cfg, log), Store: a.store, Now: time.Now}}
	for _, n := range []auth.NewUser{
		{Name: "alice", Password: "alice's horse", DisplayName: "Alice Arm", Email: "alice@example.com", Kind: "admin"},
		{Name: "bob", Password: "bob's horse", DisplayName: "Bob Bee", Email: "bob@example.com"},
		{Name: "carol", Password: "carol's horse", DisplayName: "Carol Cee", Email: "carol@example.com"},
		{Name: "oak", DisplayName: "Oak room", Email: "oak@example.com", Kind: "room"},
	} {
		if _, err := a.directory.Add(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"alice", "bob", "carol"} {
		p, err := a.store.PrincipalByName(t.Context(), name)
		if err == nil {
			p.TimeZone = "Europe/Berlin"
			err = a.store.Update(t.Context(), func(tx storage.Tx) error { return tx.PutPrincipal(t.Context(), p, []string{"mailto:" + p.Email}) })
		}
		if err != nil {
			t.Fatal(err)
		}
		if name == "alice" {
			s.alice = p
		}
	}
	now := time.Now().UTC()
	s.monday = now.Truncate(24*time.Hour).AddDate(0, 0, 7-int(now.Weekday()+6)%7) // the next: of what is over nobody hears
	s.fill()
	server := httptest.NewServer(a.handler)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// fill gives Alice a week as people have them.
func (s *webSite) fill() {
	s.Helper()
	at := func(day int, clock string) string {
		loc, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			s.Fatal(err)
		}
		t, err := time.ParseInLocation("2006-01-02 15:04", s.monday.AddDate(0, 0, day).Format(time.DateOnly)+" "+clock, loc)
		if err != nil {
			s.Fatal(err)
		}
		return t.Format(time.RFC3339)
	}
	date := func(day int) string { return s.monday.AddDate(0, 0, day).Format(time.DateOnly) }
	alice, bob := []meeting.Invited{{Address: "alice@example.com"}}, []meeting.Invited{{Address: "bob@example.com"}}
	for _, x := range []struct {
		who string
		in  meeting.NewMeeting
	}{
		{"alice", meeting.NewMeeting{Name: "Planning", Start: at(0, "09:00"), End: at(0, "10:00"), Recurrence: &meeting.Recurrence{Every: "week"}, Invited: bob, Location: "Room 5"}},
		{"alice", meeting.NewMeeting{Name: "Dentist", Start: at(1, "11:30"), End: at(1, "12:15"), Location: "Harbour street 3"}},
		{"alice", meeting.NewMeeting{Name: "Lunch with Carol", Start: at(2, "12:00"), End: at(2, "13:00"), Invited: []meeting.Invited{{Address: "carol@example.com"}}}},
		{"alice", meeting.NewMeeting{Name: "Writing", Start: at(2, "09:00"), End: at(2, "11:30")}},
		{"alice", meeting.NewMeeting{Name: "Stand-up", Start: at(0, "09:30"), End: at(0, "09:45"), Recurrence: &meeting.Recurrence{Every: "day", Count: 20}}},
		{"alice", meeting.NewMeeting{Name: "Conference", Start: date(3), End: date(6), AllDay: true}},
		{"alice", meeting.NewMeeting{Name: "Birthday of Dora", Start: date(4), End: date(5), AllDay: true}},
		{"alice", meeting.NewMeeting{Name: "Night train", Start: at(5, "22:10"), End: at(6, "07:40")}},
		{"bob", meeting.NewMeeting{Name: "Review of the budget", Start: at(3, "14:00"), End: at(3, "15:30"), Invited: alice, Link: "https://meet.example.com/budget", Description: "Please bring your figures.\nWe start on time."}},
		{"bob", meeting.NewMeeting{Name: "Own work", Start: at(2, "10:00"), End: at(2, "12:30")}},
		{"carol", meeting.NewMeeting{Name: "Interview", Start: at(4, "10:00"), End: at(4, "11:00"), Invited: alice, Status: "tentative"}},
	} {
		who, err := s.app.store.PrincipalByName(s.Context(), x.who)
		if err != nil {
			s.Fatal(err)
		}
		if _, err := s.editor.Create(s.Context(), who, &x.in, meeting.NewUID(), false); err != nil {
			s.Fatalf("%s: %v", x.in.Name, err)
		}
	}
}

// open shows a page, and waits for it.
func (b *browser) open(url string) {
	b.Helper()
	b.eval(`document.documentElement.dataset.old="1"`)
	b.call("Page.navigate", map[string]any{"url": url})
	b.until(`document.readyState=="complete" && !document.documentElement.dataset.old && document.querySelector("main h1")!=null`)
}

func (b *browser) signIn(url, name string) {
	b.Helper()
	b.open(url + "/signin")
	b.eval(fmt.Sprintf(`document.querySelector("#name").value=%q;document.querySelector("#password").value=%q;document.querySelector("main form").submit()`, name, name+"'s horse"))
	b.until(`document.readyState=="complete" && document.querySelector(".view")!=null`)
}

func (b *browser) key(key string) {
	b.Helper()
	text := key
	if len(key) > 1 {
		text = ""
	}
	code := map[string]int{"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Enter": 13, "Escape": 27}[key]
	b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": key, "text": text, "windowsVirtualKeyCode": code})
	b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "windowsVirtualKeyCode": code})
}

// look sets the size of the window and the colours, and leaves a picture where KALENDS_TEST_PICTURES says.
func (b *browser) look(width int, scheme string) {
	b.Helper()
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": scheme}, map[string]any{"name": "prefers-reduced-motion", "value": "reduce"}}})
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 860, "deviceScaleFactor": 1, "mobile": false})
}

func (b *browser) picture(name string) {
	b.Helper()
	dir := os.Getenv("KALENDS_TEST_PICTURES")
	if dir == "" {
		return
	}
	data, err := base64.StdEncoding.DecodeString(b.call("Page.captureScreenshot", nil)["data"].(string))
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(dir+"/"+name+".png", data, 0o644); err != nil {
		b.Fatal(err)
	}
}

// axe returns the program that looks for what keeps people out, from npm; "" where there is none.
func axe(t *testing.T) string {
	t.Helper()
	if file := os.Getenv("KALENDS_TEST_AXE"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Run("axe", func(t *testing.T) { t.Skip("no npm: the pages are not looked at by axe") })
		return ""
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir, "axe-core@4.10.3")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Run("axe", func(t *testing.T) { t.Skipf("axe-core is not to be had (%v): %s", err, out) })
		return ""
	}
	text, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// hold has axe look at the page that is open.
func (b *browser) hold(program, what string) {
	b.Helper()
	if program == "" {
		return
	}
	b.call("Runtime.evaluate", map[string]any{"expression": program})
	r := b.call("Runtime.evaluate", map[string]any{"awaitPromise": true, "returnByValue": true, "expression": `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(r => JSON.stringify(r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 300) + " | " + n.failureSummary)}))))`})
	value, _ := r["result"].(map[string]any)
	text, _ := value["value"].(string)
	var found []struct {
		ID, Help string
		Nodes    []string
	}
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		b.Fatalf("%s: axe said %v: %v", what, r, err)
	}
	for _, v := range found {
		b.Errorf("%s: %s: %s\n%s", what, v.ID, v.Help, strings.Join(v.Nodes, "\n"))
	}
}

// TestWebInABrowser uses the pages as a person does. With KALENDS_TEST_PICTURES it leaves pictures of them in that folder.
func TestWebInABrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	b := newBrowser(t)
	s := newSite(t)
	program := axe(t)
	b.look(1280, "light")
	b.signIn(s.url, "alice")
	for name, part := range map[string]func(){"flow": func() { b.flow(s) }, "pages": func() { b.pages(s, program) }, "script": func() { b.plain(s) }} {
		t.Run(name, func(t *testing.T) {
			b.T = t
			part()
		})
	}
	b.T = t
}

// flow makes an event, moves it with the mouse, and moves about with keys.
func (b *browser) flow(s *webSite) {
	b.Helper()
	b.look(1280, "light")
	tuesday := s.monday.AddDate(0, 0, 1).Format(time.DateOnly)
	b.open(s.url + "/week/" + tuesday)
	// n asks for a new event; its title, and Enter.
	b.key("n")
	b.until(`document.querySelector("#quick[open] [name=name]") === document.activeElement`)
	b.picture("quick")
	b.call("Input.insertText", map[string]any{"text": "Gardening"})
	b.eval(`{const f = document.querySelector("#quick form"); f.starttime.value = "15:00"; f.endtime.value = "16:00"; f.requestSubmit(f.querySelector("[value=save].primary"))}`)
	chip := `[...document.querySelectorAll(".block")].find(e => e.textContent.includes("Gardening"))`
	b.until(chip + `?.textContent.includes("15:00–16:00")`)
	b.open(s.url + "/week/" + tuesday)
	// It is dragged two days on, and an hour down.
	where, _ := b.eval(`(() => {const e = ` + chip + `; e.scrollIntoView({block: "center"}); const r = e.getBoundingClientRect(); const c = document.querySelectorAll(".col"); const w = c[3].getBoundingClientRect().x - c[1].getBoundingClientRect().x; const q = c[1].getBoundingClientRect().height / 24; return [r.x + r.width / 2, r.y + 6, r.x + r.width / 2 + w, r.y + 6 + q].join(" ")})()`).(string)
	var x0, y0, x1, y1 float64
	if _, err := fmt.Sscan(where, &x0, &y0, &x1, &y1); err != nil {
		b.Fatalf("where is it? %q", where)
	}
	mouse := func(kind string, x, y float64) {
		b.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1})
	}
	mouse("mousePressed", x0, y0)
	for i := range 6 {
		f := float64(i+1) / 6
		mouse("mouseMoved", x0+(x1-x0)*f, y0+(y1-y0)*f)
	}
	b.until(`document.querySelector(".ghost") !== null`)
	b.picture("drag")
	mouse("mouseReleased", x1, y1)
	b.until(chip + `?.textContent.includes("16:00–17:00") && ` + chip + `.closest(".col").dataset.date == "` + s.monday.AddDate(0, 0, 3).Format(time.DateOnly) + `"`)
	// Keys: views, time, search, help.
	here := func(path string) {
		b.until(`location.pathname.startsWith("` + path + `") && document.readyState == "complete"`)
	}
	b.key("m")
	here("/month/")
	b.key("ArrowRight")
	here("/month/" + time.Date(s.monday.Year(), s.monday.Month()+1, 1, 0, 0, 0, 0, time.UTC).Format("2006-01"))
	b.key("t")
	b.until(`location.pathname == "/month" && document.readyState == "complete"`)
	b.key("a")
	here("/agenda/")
	b.key("ArrowDown")
	b.until(`document.activeElement.classList.contains("row")`)
	b.key("?")
	b.until(`document.querySelector("#help").open`)
	b.picture("keys")
	b.eval(`document.querySelector("#help").close()`)
	b.key("/")
	b.until(`document.activeElement.name == "q"`)
	// Guests are added in place, and it is shown when they are busy.
	b.open(s.url + "/event/new?time=10:30&date=" + s.monday.AddDate(0, 0, 2).Format(time.DateOnly))
	b.eval(`document.querySelector("#f-name").value = "Talk"; document.querySelector("#f-add").value = "bob@example.com"; document.querySelector("#event-form").requestSubmit(document.querySelector("[value=add]"))`)
	b.until(`document.querySelector(".busy.clash") !== null && document.querySelector("#f-name").value == "Talk"`)
	b.eval(`document.querySelector("#people").scrollIntoView()`)
	b.picture("guests")
}

// plain signs in and makes an event where scripts are switched off.
func (b *browser) plain(s *webSite) {
	b.Helper()
	b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true})
	defer b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": false})
	b.open(s.url + "/event/new?date=" + s.monday.Format(time.DateOnly))
	b.click("#f-name")
	b.call("Input.insertText", map[string]any{"text": "By hand"})
	b.click(".buttons .primary")
	b.until(`document.querySelector("h1").textContent == "By hand"`)
	b.open(s.url + "/month/" + s.monday.Format(time.DateOnly))
	if b.eval(`[...document.querySelectorAll(".ev")].some(e => e.textContent.includes("By hand"))`) != true {
		b.Error("the event is not in the month")
	}
}

// pages looks at all pages, wide and narrow, light and dark. No page may be wider than its window.
func (b *browser) pages(s *webSite, program string) {
	b.Helper()
	day := s.monday.AddDate(0, 0, 2).Format(time.DateOnly)
	b.open(s.url + "/agenda/" + s.monday.Format(time.DateOnly))
	event, _ := b.eval(`[...document.querySelectorAll("a.row")].find(a => a.textContent.includes("Review")).getAttribute("href")`).(string)
	own, _ := b.eval(`[...document.querySelectorAll("a.row")].find(a => a.textContent.includes("Planning")).getAttribute("href")`).(string)
	b.open(s.url + "/calendars")
	calendar, _ := b.eval(`document.querySelector(".keylist a").getAttribute("href")`).(string)
	for _, p := range []struct{ name, path string }{
		{"month", "/month/" + day}, {"week", "/week/" + day}, {"day", "/day/" + day}, {"agenda", "/agenda/" + s.monday.Format(time.DateOnly)},
		{"search", "/search?q=planning"}, {"event", event}, {"form", "/event/new?date=" + day}, {"edit", strings.Replace(own, "?", "/edit?", 1)},
		{"delete", strings.Replace(own, "?", "/delete?", 1)}, {"connect", "/connect"}, {"account", "/account"}, {"calendars", "/calendars"}, {"calendar", calendar},
		{"requests", "/requests"}, {"trash", "/trash"}, {"admin", "/admin"}, {"users", "/admin/users"}, {"user", "/admin/users/bob"}, {"room", "/admin/users/oak"},
		{"outbox", "/admin/outbox"},
	} {
		for _, width := range []int{1280, 360, 300} {
			for _, scheme := range []string{"light", "dark"} {
				b.look(width, scheme)
				b.open(s.url + p.path)
				what := fmt.Sprintf("%s-%d-%s", p.name, width, scheme)
				if wide, _ := b.eval(`document.documentElement.scrollWidth - window.innerWidth`).(float64); wide > 0 {
					b.Errorf("%s is %v pixels too wide", what, wide)
				}
				if width > 300 {
					b.picture(what)
					b.hold(program, what)
				}
			}
		}
	}
	// Words are longer in German.
	s.alice.Language = "de"
	err := s.app.store.Update(s.Context(), func(tx storage.Tx) error {
		return tx.PutPrincipal(s.Context(), s.alice, []string{"mailto:" + s.alice.Email})
	})
	if err != nil {
		b.Fatal(err)
	}
	b.look(300, "light")
	for _, path := range []string{"/month/" + day, "/agenda/" + day, "/event/new", event, "/connect", "/account", calendar, "/admin", "/admin/users/oak"} {
		b.open(s.url + path)
		if wide, _ := b.eval(`document.documentElement.scrollWidth - window.innerWidth`).(float64); wide > 0 || b.eval(`document.documentElement.lang`) != "de" {
			b.Errorf("%s in German is %v pixels too wide, or is not in German", path, wide)
		}
	}
	b.look(360, "light")
	b.open(s.url + "/week/" + day)
	b.picture("week-de")
	b.look(1280, "light")
}
