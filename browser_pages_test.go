package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kalends/storage"
)

// axeVersion is the program from npm that looks for what keeps people out.
const axeVersion = "axe-core@4.10.3"

// axe returns that program; "" where there is none, which is told as a skipped test.
func axe(t *testing.T) string {
	t.Helper()
	read := func(file string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if file := os.Getenv("KALENDS_TEST_AXE"); file != "" {
		return read(file)
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Run("axe", func(t *testing.T) { t.Skip("no npm: the pages are not looked at by axe") })
		return ""
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir, axeVersion)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Run("axe", func(t *testing.T) { t.Skipf("axe-core is not to be had (%v): %s", err, out) })
		return ""
	}
	return read(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
}

// axeRun asks for rules: all of WCAG 2.2 A and AA and those of good practice, or those that are about colours.
const (
	axeRun     = `axe.run(document, {runOnly: %s, resultTypes: ["violations"], preload: false}).then(r => JSON.stringify({rules: r.passes.length + r.violations.length + r.incomplete.length + r.inapplicable.length, found: r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 300) + " | " + n.failureSummary)}))}))`
	axeAll     = `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]`
	axeColours = `{type: "rule", values: ["color-contrast", "link-in-text-block"]}` // what is another in the dark
)

// hold has axe look at what is on the screen.
func (b *browser) hold(what string) {
	b.Helper()
	b.kept(what, axeAll, 60)
}

// kept has axe look by some rules, of which there are so many at least.
func (b *browser) kept(what, rules string, atLeast int) {
	b.Helper()
	if b.site.axe == "" {
		return
	}
	if b.eval(`typeof axe`) != "object" {
		b.call("Runtime.evaluate", map[string]any{"expression": b.site.axe})
	}
	var got struct {
		Rules int
		Found []struct {
			ID, Help string
			Nodes    []string
		}
	}
	if err := json.Unmarshal([]byte(b.text(fmt.Sprintf(axeRun, rules))), &got); err != nil || got.Rules < atLeast {
		b.Fatalf("%s: axe kept %d rules: %v", what, got.Rules, err)
	}
	for _, v := range got.Found {
		b.Errorf("%s: %s: %s\n%s", what, v.ID, v.Help, strings.Join(v.Nodes, "\n"))
	}
}

// fits holds a page to its window: none is wider.
func (b *browser) fits(what string) {
	b.Helper()
	if wide, _ := b.eval(`document.documentElement.scrollWidth - window.innerWidth`).(float64); wide > 0 {
		b.Errorf("%s is %v pixels too wide: %v", what, wide, b.eval(`[...document.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 4).map(e => e.outerHTML.slice(0, 120))`))
	}
}

// looks are the windows in which every page is looked at.
var looks = []struct {
	width  int
	scheme string
	suffix string
}{{1280, "light", ""}, {1280, "dark", "-dark"}, {360, "dark", "-phone-dark"}, {360, "light", "-phone"}}

// everywhere looks at the page that is open, wide and narrow, light and dark. Pictures are left of those looks whose suffix is among keep.
func (b *browser) everywhere(name string, keep ...string) {
	b.Helper()
	for _, l := range looks {
		b.look(l.width, l.scheme)
		b.fits(name + l.suffix)
		if slices.Contains(keep, l.suffix) {
			b.eval(`scrollTo(0, 0)`)
			b.picture(name + l.suffix)
		}
		if l.scheme == "dark" {
			b.kept(name+l.suffix, axeColours, 2)
		} else {
			b.hold(name + l.suffix)
		}
	}
	b.look(300, "light")
	b.fits(name + " at 300 pixels")
	b.look(1280, "light")
}

// view is a page to look at.
type view struct {
	name, path string
	keep       []string // suffixes of the looks of which pictures are kept
}

// all are the suffixes of all looks.
var all = []string{"", "-dark", "-phone", "-phone-dark"}

// views are the pages that everybody who is signed in has, with what stands for the names in their paths. Those whose patterns have none
// are looked at without being named here.
func (s *webSite) views() map[string][]view {
	s.Helper()
	review := s.meetings("alice", "Review of the budget")[0].ID
	planning := s.meetings("alice", "Planning")[0].ID + "?instance=" + strings.ReplaceAll(at(30, "09:00"), "+", "%2B")
	edit := strings.Replace(planning, "?", "/edit?", 1)
	calendar := s.calendar("alice", "Garden")
	return map[string][]view{
		"GET /{$}":                   {{"front", "/", nil}},
		"GET /month":                 {{"month", "/month", all}},
		"GET /week":                  {{"week", "/week", all}},
		"GET /day":                   {{"day", "/day", []string{"", "-phone"}}},
		"GET /agenda":                {{"agenda", "/agenda", []string{"", "-phone-dark"}}},
		"GET /month/{date}":          {{"month-full", "/month/" + date(38), []string{"", "-phone"}}},
		"GET /week/{date}":           {{"week-full", "/week/" + date(38), []string{"", "-phone"}}, {"week-tokyo", "/week/" + date(26) + "?zone=Asia/Tokyo", nil}},
		"GET /day/{date}":            {{"day-full", "/day/" + date(38), []string{"-phone"}}, {"day-clocks", "/day/" + date(29), []string{"", "-phone"}}},
		"GET /agenda/{date}":         {{"agenda-full", "/agenda/" + date(38), nil}},
		"GET /search":                {{"search", "/search?q=planning", []string{"", "-phone"}}, {"search-none", "/search?q=nothing-of-that-kind", nil}},
		"GET /event/new":             {{"event-new", "/event/new", []string{"", "-phone-dark"}}},
		"GET /event/{id}":            {{"event", "/event/" + review, all}},
		"GET /event/{id}/edit":       {{"event-edit", "/event/" + edit, []string{"", "-phone"}}, {"event-edit-invited", "/event/" + review + "/edit", nil}},
		"GET /event/{id}/delete":     {{"event-delete", "/event/" + strings.Replace(planning, "?", "/delete?", 1), []string{"", "-dark"}}},
		"GET /connect":               {{"connect", "/connect", []string{"-phone"}}},
		"GET /account":               {{"account", "/account", []string{"", "-dark", "-phone"}}},
		"GET /account/webhooks/{id}": {{"webhook", s.hookOf("alice"), []string{"", "-phone"}}},
		"GET /calendars":             {{"calendars", "/calendars", []string{"", "-phone-dark"}}},
		"GET /calendars/{id}":        {{"calendar", "/calendars/" + calendar, []string{"", "-phone"}}},
		"GET /requests":              {{"requests", "/requests", []string{"", "-phone"}}},
		"GET /trash":                 {{"trash", "/trash", []string{"", "-dark"}}},
		"GET /admin":                 {{"admin", "/admin", []string{"", "-dark", "-phone"}}},
		"GET /admin/users":           {{"admin-users", "/admin/users", []string{"", "-phone"}}},
		"GET /admin/users/{name}":    {{"admin-user", "/admin/users/bob", nil}, {"admin-room", "/admin/users/oak", []string{""}}, {"admin-group", "/admin/users/team", nil}},
		"GET /admin/outbox":          {{"admin-outbox", "/admin/outbox", []string{""}}},
	}
}

// walk opens every page there is by the patterns of the handler, and looks at each.
func (s *webSite) walk(t *testing.T, share, of int) {
	b := s.tab(t, "alice")
	views := s.views()
	for i, pattern := range s.app.web.Patterns() {
		method, path, _ := strings.Cut(pattern, " ")
		switch {
		case method != "GET" || i%of != share, pattern == "GET /signin", pattern == "GET /colors.css", pattern == "GET /event/{id}/file/{file}", strings.HasSuffix(path, ".ics"):
			continue
		}
		list := views[pattern]
		if list == nil && strings.Contains(path, "{") {
			continue // a flow has to show it: usesAll sees to that
		} else if list == nil {
			list = []view{{strings.ReplaceAll(strings.Trim(path, "/"), "/", "-"), path, []string{""}}}
		}
		for _, v := range list {
			b.open(v.path)
			if v.name == "day-clocks" { // what is to be seen there is at night
				b.eval(`document.querySelector(".week-body").scrollTop = 0`)
			}
			b.everywhere(v.name, v.keep...)
			if v.name == "week-full" {
				b.wholeWords()
			}
		}
	}
}

// wholeWords sees that what stands side by side on a telephone breaks no word, shows when it begins and the beginning of its title, and that
// all of it is told to who asks.
func (b *browser) wholeWords() {
	b.Helper()
	b.look(360, "light")
	defer b.look(1280, "light")
	got := b.text(`JSON.stringify([...document.querySelectorAll(".n7 .block.w6")].map(e => {
		const title = e.querySelector(".t"), words = [...title.firstChild.data.matchAll(/\S+/g)].map(m => {
			const range = document.createRange()
			range.setStart(title.firstChild, m.index)
			range.setEnd(title.firstChild, m.index + m[0].length)
			return new Set([...range.getClientRects()].map(r => r.top)).size
		})
		const inside = x => { const a = e.getBoundingClientRect(), r = x.getBoundingClientRect(); return r.height > 0 && r.top >= a.top && r.bottom <= a.bottom + 1 && r.left >= a.left && r.left < a.right }
		const time = e.querySelector("time")
		return [title.textContent, Math.max(...words) === 1, getComputedStyle(title).textOverflow, inside(title) && inside(time) && time.scrollWidth <= time.clientWidth, e.title.startsWith(title.textContent)]
	}))`)
	var list [][]any
	if err := json.Unmarshal([]byte(got), &list); err != nil || len(list) < 10 {
		b.Fatalf("blocks side by side: %v, %s", err, got)
	}
	for _, e := range list {
		if e[1] != true || e[2] != "ellipsis" || e[3] != true || e[4] != true {
			b.Errorf("block %q: no word is broken: %v; what is cut has an %v; time and title are seen: %v; the whole is told: %v", e...)
		}
	}
}

// errorPages are what is shown instead of a page.
func (s *webSite) errorPages(t *testing.T) {
	b := s.tab(t, "jan")
	b.open("/event/1-1-nothing")
	b.has("There is nothing here, or nothing that you may see.")
	b.everywhere("error-missing", "", "-phone-dark")
	b.open("/admin")
	b.has("There is nothing here")
	b.open("/week")
	b.eval(`document.querySelectorAll("input[name=form]").forEach(e => e.value = "old")`)
	b.going(func() { b.eval(`document.querySelector(".menu form").submit()`) })
	b.has("the page is too old")
	b.everywhere("error-old-form")
	b.open("/event/new?date=" + date(26))
	b.fill("#f-name", "Too long a repetition")
	b.set("#f-sd", "")
	b.follow(".buttons .primary")
	b.has("Please mend this first", "The day it starts is missing, or is no day.")
	b.set("#f-sd", date(26))
	b.set("#f-every", "week")
	b.set("[name=interval]", "700")
	b.eval(`document.querySelector("[name=interval]").value = "x"`)
	b.follow(".buttons .primary")
	b.has("How often it repeats must be a number from 1 to 999.")
	b.everywhere("event-problems", "")
	if n := len(s.meetings("jan", "Too long a repetition")); n != 0 {
		t.Errorf("%d events of what could not be stored", n)
	}
	b.open("/week/2600-01-01")
	b.has("There is nothing here")

	// The database is gone, and a handler that panics: the server's own trouble.
	b.open("/week?trouble=gone")
	b.has("The server cannot get at its data just now.", "Try again")
	number := `document.querySelector("main code").textContent = "0123456789ab"` // the same in each picture
	b.eval(number)
	b.everywhere("error-gone", "", "-phone-dark")
	b.open("/agenda?trouble=panic")
	b.has("Something went wrong in the server.", "tell those who look after the server this number")
	b.eval(number)
	b.everywhere("error-unexpected", "", "-phone")
	b.open("/week")
	b.eval(`document.querySelector(".menu form").action += "?trouble=panic"`)
	b.going(func() { b.eval(`document.querySelector(".menu form").submit()`) })
	b.has("Please look first whether it was done all the same.")
	b.everywhere("error-form")
}

// inGerman looks at what has the longest words.
func (s *webSite) inGerman(t *testing.T) {
	p := s.principal("kim")
	p.Language = "de"
	if err := s.app.store.Update(t.Context(), func(tx storage.Tx) error { return tx.PutPrincipal(t.Context(), p, []string{"mailto:" + p.Email}) }); err != nil {
		t.Fatal(err)
	}
	b := s.tab(t, "kim")
	for _, pattern := range s.app.web.Patterns() {
		path, get := strings.CutPrefix(pattern, "GET ")
		if !get || strings.Contains(path, "{") || strings.HasPrefix(path, "/admin") || path == "/signin" || path == "/colors.css" {
			continue
		}
		b.look(300, "light")
		b.open(path)
		b.fits(path + " in German")
		if b.text(`document.documentElement.lang`) != "de" {
			t.Errorf("%s is not in German", path)
		}
		b.look(1280, "light")
		b.fits(path + " in German")
	}
	b.look(1280, "light")
	b.open("/event/new")
	b.picture("event-new-de")
}

// usesAll holds what the browser used against the patterns of the handler: a page or form that it left out is not shown to work.
func (s *webSite) usesAll() {
	s.Helper()
	for _, pattern := range s.app.web.Patterns() {
		if pattern != "/" && !s.used[pattern] { // that one is for what is not there
			s.Errorf("no test uses %q in a browser", pattern)
		}
	}
}

// TestBrowser uses every page and form as people do, in Chromium, and has axe look at each. With KALENDS_PICTURES it leaves pictures of
// them in that folder, which are the same each time: see "make pictures".
func TestBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	pictures := os.Getenv("KALENDS_PICTURES") != ""
	if !pictures {
		t.Parallel() // beside what waits for other reasons
	}
	s := newSite(t)
	two := make(chan struct{}, 2) // tabs at once
	parts := []struct {
		name   string
		run    func(t *testing.T)
		people []string
	}{
		{"pages 1", func(t *testing.T) { s.walk(t, 0, 3) }, nil},
		{"pages 2", func(t *testing.T) { s.walk(t, 1, 3) }, nil},
		{"pages 3", func(t *testing.T) { s.walk(t, 2, 3) }, nil},
	}
	busy := map[string]*sync.Mutex{}
	for _, p := range sitePeople {
		busy[p.Name] = &sync.Mutex{}
	}
	for _, f := range slices.Concat(flows, moreFlows) {
		parts = append(parts, struct {
			name   string
			run    func(t *testing.T)
			people []string
		}{f.name, func(t *testing.T) { f.run(s, t) }, f.people})
	}
	whole := true
	t.Run("all", func(t *testing.T) {
		for _, p := range parts {
			ran := t.Run(p.name, func(t *testing.T) {
				if !pictures { // these show what the flows change
					t.Parallel()
				}
				for _, name := range slices.Sorted(slices.Values(p.people)) { // in one order, so that none waits for the other
					busy[name].Lock()
					defer busy[name].Unlock()
				}
				two <- struct{}{}
				defer func() { <-two }()
				p.run(t)
			})
			whole = whole && ran
		}
	})
	if whole && !t.Failed() && !filtered() {
		s.usesAll()
	}
}

// flow is what people do. Their pages are as it leaves them, so those with the same people run one after the other.
type flow struct {
	name   string
	people []string
	run    func(*webSite, *testing.T)
}

var flows = []flow{
	{"errors", []string{"jan"}, (*webSite).errorPages},
	{"german", []string{"kim"}, (*webSite).inGerman},
	{"create", []string{"dora", "emil"}, (*webSite).creates},
	{"files", []string{"carol", "fred"}, (*webSite).attaches},
	{"import", []string{"nora"}, (*webSite).imports},
	{"series", []string{"fred"}, (*webSite).series},
	{"mouse", []string{"gina"}, (*webSite).byMouse},
	{"keys", []string{"emil"}, (*webSite).byKeys},
	{"finger", []string{"carol"}, (*webSite).byFinger},
	{"answer", []string{"jan", "nora"}, (*webSite).answers},
	{"mail", []string{"lea"}, (*webSite).answersByMail},
	{"trash", []string{"jan", "lea"}, (*webSite).trashes},
	{"plain", []string{"emil", "hugo", "lea"}, (*webSite).plain},
	{"connect", []string{"fred"}, (*webSite).connects},
	{"account", []string{"pia"}, (*webSite).settles},
	{"share", []string{"kim", "lea"}, (*webSite).shares},
	{"admin", []string{"jan", "root"}, (*webSite).administers},
	{"sign in", []string{"otto"}, (*webSite).signsIn},
}

// filtered reports whether only some tests were asked for.
func filtered() bool { return strings.Contains(fmt.Sprint(os.Args), "TestBrowser/") }
