package web_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"kalends/auth"
	"kalends/internal/housetest"
	"kalends/meeting"
	"kalends/storage"
	"kalends/storage/storagetest"
	"kalends/web"
)

// now is the time in all tests: a Thursday.
var now = housetest.Start

var people = []auth.NewUser{
	{Name: "alice", Password: "alice's horse", DisplayName: "Alice Arm", Email: "alice@example.com"},
	{Name: "bob", Password: "bob's horse", DisplayName: "Bob Bee", Email: "bob@example.com"},
	{Name: "oak", DisplayName: "Oak room", Email: "oak@example.com", Kind: "room"},
	{Name: "root", Password: "root's horse", DisplayName: "Administrator", Email: "root@example.com", Kind: "admin"},
}

// house is a server with people in it.
type house struct {
	*housetest.House
	store  storage.Store
	web    *web.Handler
	login  *auth.Basic
	editor *meeting.Editor
	clock  time.Time
}

func newHouse(t testing.TB, s storage.Store) *house {
	t.Helper()
	h := &house{store: s, clock: now}
	h.House = housetest.New(t, s, func() time.Time { return h.clock }, people...)
	h.Change("alice", func(p *storage.Principal) { p.TimeZone = "Europe/Berlin" })
	h.Change("bob", func(p *storage.Principal) { p.TimeZone, p.Language = "America/New_York", "de" })
	h.login = &auth.Basic{Store: s, Now: h.Now}
	h.web = &web.Handler{Calendar: h.Service, Store: s, Login: h.login.People(), Log: h.Log, Now: h.Now, BaseURL: "http://kal.example.com"}
	h.editor = &meeting.Editor{Calendar: h.Service, Store: s, Now: h.Now}
	return h
}

// each runs a test with a new house on each database.
func each(t *testing.T, fn func(h *house)) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) { fn(newHouse(t, s)) })
}

// browser is one that follows no redirect by itself.
type browser struct {
	*house
	cookies map[string]string
	page    string // the last
	at      string
	header  http.Header
}

func (h *house) browser() *browser { return &browser{house: h, cookies: map[string]string{}} }

// as is a browser in which somebody has signed in.
func (h *house) as(name string) *browser {
	h.Helper()
	b := h.browser()
	if status := b.send("POST", "/signin", url.Values{"name": {name}, "password": {name + "'s horse"}}); status != http.StatusSeeOther {
		h.Fatalf("sign in of %s = %d: %s", name, status, b.page)
	}
	return b
}

func (b *browser) send(method, path string, form url.Values, headers ...string) int {
	b.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequestWithContext(b.Context(), method, "http://kal.example.com"+path, body)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.web.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		b.cookies[c.Name] = c.Value
	}
	b.page, b.header = w.Body.String(), w.Header()
	if w.Code < 300 || w.Code >= 400 {
		b.at = path
	}
	if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		b.conforms(method + " " + path)
	}
	return w.Code
}

// get opens a page.
func (b *browser) get(path string) *browser {
	b.Helper()
	path, _, _ = strings.Cut(path, "#")
	if status := b.send("GET", path, nil); status != http.StatusOK {
		b.Fatalf("GET %s = %d: %s", path, status, b.text())
	}
	return b
}

// post sends a form with the token of the page that is open, and follows where it leads.
func (b *browser) post(path string, fields ...string) *browser {
	b.Helper()
	status := b.send("POST", path, b.form(fields...))
	if status != http.StatusSeeOther {
		b.Fatalf("POST %s = %d: %s", path, status, b.text())
	}
	return b.get(b.header.Get("Location"))
}

var formToken = regexp.MustCompile(`name="form" value="([^"]+)"`)

func (b *browser) form(fields ...string) url.Values {
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	if m := formToken.FindStringSubmatch(b.page); m != nil && !form.Has("form") {
		form.Set("form", m[1])
	}
	return form
}

// fill returns the fields of the form with that id or action as they stand, changed as said.
func (b *browser) fill(mark string, fields ...string) url.Values {
	b.Helper()
	doc, err := html.Parse(strings.NewReader(b.page))
	if err != nil {
		b.Fatal(err)
	}
	form := url.Values{}
	found := false
	var walk func(n *html.Node, in bool)
	walk = func(n *html.Node, in bool) {
		if n.Type == html.ElementNode {
			a := map[string]string{}
			for _, x := range n.Attr {
				a[x.Key] = x.Val
			}
			_, checked := a["checked"]
			switch {
			case n.Data == "form" && (a["id"] == mark || a["action"] == mark):
				in, found = true, true
			case !in || a["name"] == "":
			case n.Data == "input" && (a["type"] == "checkbox" || a["type"] == "radio"):
				if checked {
					form.Add(a["name"], a["value"])
				}
			case n.Data == "input":
				form.Add(a["name"], a["value"])
			case n.Data == "textarea":
				if n.FirstChild != nil {
					form.Add(a["name"], n.FirstChild.Data)
				} else {
					form.Add(a["name"], "")
				}
			case n.Data == "select":
				form.Add(a["name"], selected(n))
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, in)
		}
	}
	walk(doc, false)
	if !found {
		b.Fatalf("no form %s on %s", mark, b.at)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		if name, ok := strings.CutPrefix(fields[i], "-"); ok {
			form.Del(name)
		} else if name, ok := strings.CutPrefix(fields[i], "+"); ok {
			form.Add(name, fields[i+1])
		} else {
			form.Set(fields[i], fields[i+1])
		}
	}
	return form
}

func selected(n *html.Node) string {
	value, first := "", true
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Data != "option" {
			continue
		}
		v, is := "", false
		for _, a := range c.Attr {
			switch a.Key {
			case "value":
				v = a.Val
			case "selected":
				is = true
			}
		}
		if is || first {
			value, first = v, false
		}
	}
	return value
}

// submit sends a form as it was filled, and follows where it leads.
func (b *browser) submit(path string, form url.Values) *browser {
	b.Helper()
	if status := b.send("POST", path, form); status != http.StatusSeeOther {
		b.Fatalf("POST %s = %d: %s", path, status, b.text())
	}
	return b.get(b.header.Get("Location"))
}

// submitHere sends a form that is answered with a page at once.
func (b *browser) submitHere(path string, form url.Values) *browser {
	b.Helper()
	if status := b.send("POST", path, form); status != http.StatusOK {
		b.Fatalf("POST %s = %d: %s", path, status, b.text())
	}
	return b
}

var (
	tags   = regexp.MustCompile(`(?s)<[^>]*>`)
	blanks = regexp.MustCompile(`\s+`)
)

// text is the page as it reads.
func (b *browser) text() string {
	return strings.TrimSpace(blanks.ReplaceAllString(html.UnescapeString(tags.ReplaceAllString(b.page, " ")), " "))
}

// conforms holds a page against what all pages promise.
func (b *browser) conforms(what string) {
	b.Helper()
	if p := b.header.Get("Content-Security-Policy"); strings.Contains(p, "unsafe") || !strings.Contains(p, "default-src 'none'") {
		b.Errorf("%s: policy %q", what, p)
	}
	for _, bad := range []string{" style=", "<style", "onclick=", "<script>", `href="javascript:`, "http://cdn", "ZgotmplZ"} {
		if strings.Contains(b.page, bad) {
			b.Errorf("%s has %q in it", what, bad)
		}
	}
	if !strings.Contains(b.page, "<html lang=") {
		return
	}
	doc, err := html.Parse(strings.NewReader(b.page))
	if err != nil {
		b.Fatal(err)
	}
	ids, labelled, heads := map[string]bool{}, map[string]bool{}, 0
	type field struct{ id, name string }
	var fields []field
	var walk func(n *html.Node, inLabel bool)
	walk = func(n *html.Node, inLabel bool) {
		if n.Type == html.ElementNode {
			a := map[string]string{}
			for _, x := range n.Attr {
				a[x.Key] = x.Val
			}
			if id := a["id"]; id != "" {
				if ids[id] {
					b.Errorf("%s has the id %s twice", what, id)
				}
				ids[id] = true
			}
			switch n.Data {
			case "h1":
				heads++
			case "label":
				inLabel = true
				labelled[a["for"]] = true
			case "input", "select", "textarea":
				if a["type"] != "hidden" && a["aria-label"] == "" && !inLabel {
					fields = append(fields, field{a["id"], a["name"]})
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, inLabel)
		}
	}
	walk(doc, false)
	for _, f := range fields {
		if f.id == "" || !labelled[f.id] {
			b.Errorf("%s: the field %s has no label", what, f.name)
		}
	}
	if heads != 1 {
		b.Errorf("%s has %d main headings", what, heads)
	}
}

func (b *browser) has(parts ...string) *browser {
	b.Helper()
	text := b.text()
	for _, p := range parts {
		if !strings.Contains(text, p) && !strings.Contains(b.page, p) {
			b.Errorf("%q is not on %s:\n%s", p, b.at, text)
		}
	}
	return b
}

// lacks looks at all but the tokens of forms: any short word may be in what is drawn by chance.
func (b *browser) lacks(parts ...string) *browser {
	b.Helper()
	page := formToken.ReplaceAllString(b.page, "")
	for _, p := range parts {
		if strings.Contains(page, p) {
			b.Errorf("%q is on %s:\n%s", p, b.at, b.text())
		}
	}
	return b
}

// make makes an event of somebody's and returns its id.
func (h *house) make(who string, in meeting.NewMeeting) string {
	h.Helper()
	f, err := h.editor.Create(h.Context(), h.Principal(who), &in, meeting.NewUID(), false)
	if err != nil {
		h.Fatal(err)
	}
	return meeting.ID(f.Row.Owner, f.Row.ID)
}

// meetings tells what somebody has, by start.
func (h *house) meeting(who, id, instance string) *meeting.Meeting {
	h.Helper()
	f, err := h.editor.Find(h.Context(), h.Principal(who), id)
	if err != nil {
		h.Fatal(err)
	}
	m, err := f.Tell(h.Principal(who), instance)
	if err != nil {
		h.Fatal(err)
	}
	return m
}

// link returns the address of the only link on the page whose text has the word.
func (b *browser) link(word string) string {
	b.Helper()
	for _, m := range regexp.MustCompile(`(?s)<a [^>]*href="([^"]+)"[^>]*>(.*?)</a>`).FindAllStringSubmatch(b.page, -1) {
		if strings.Contains(html.UnescapeString(tags.ReplaceAllString(m[2], " ")), word) {
			return html.UnescapeString(m[1])
		}
	}
	b.Fatalf("no link %q on %s", word, b.at)
	return ""
}

func at(day int, clock string) string { return fmt.Sprintf("2026-01-%02dT%s:00+01:00", day, clock) }
