package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"

	"kalends/auth"
	"kalends/internal/words"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed static
var staticFiles embed.FS

// pages are the templates, each with the layout around it.
var pages = func() map[string]*template.Template {
	layout := template.Must(template.New("layout.html").Funcs(template.FuncMap{
		"asset": asset,
		"dict":  dict,
		"int":   func(n int64) int { return int(n) },
	}).ParseFS(pageFiles, "pages/layout.html", "pages/parts_*.html"))
	list := map[string]*template.Template{}
	names, err := fs.Glob(pageFiles, "pages/*.html")
	if err != nil {
		panic(err) // the pattern is ours
	}
	for _, file := range names {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "layout" || strings.HasPrefix(name, "parts_") {
			continue
		}
		list[name] = template.Must(template.Must(layout.Clone()).ParseFS(pageFiles, file))
	}
	return list
}()

// dict makes a map of names and values, for parts that take several things.
func dict(pairs ...any) (map[string]any, error) {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, errors.New("dict: names are strings")
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}

// file is a static file; its address changes with what is in it.
type file struct {
	content []byte
	kind    string
	address string
}

var files = func() map[string]file {
	list := map[string]file{}
	entries, err := staticFiles.ReadDir("static")
	if err != nil {
		panic(err)
	}
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json"}
	var add func(name string) string
	add = func(name string) string {
		if f, ok := list[name]; ok {
			return f.address
		}
		content, err := staticFiles.ReadFile("static/" + name)
		if err != nil {
			panic(err)
		}
		if name == "app.css" {
			content = append(content, gridCSS()...)
		}
		// A module imports others by addresses that change with them too. None imports one that imports it.
		content = imported.ReplaceAllFunc(content, func(m []byte) []byte {
			return []byte(`"` + add(string(imported.FindSubmatch(m)[1])) + `"`)
		})
		sum := sha256.Sum256(content)
		f := file{content, kinds[path.Ext(name)], "/static/" + name + "?v=" + hex.EncodeToString(sum[:6])}
		list[name] = f
		return f.address
	}
	for _, e := range entries {
		add(e.Name())
	}
	return list
}()

var imported = regexp.MustCompile(`"\./([a-z]+\.js)"`)

// asset is the address of a static file.
func asset(name string) (string, error) {
	f, ok := files[name]
	if !ok {
		return "", errors.New("no file " + name)
	}
	return f.address, nil
}

func serveStatic(w http.ResponseWriter, r *http.Request) {
	f, ok := files[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Del("X-Robots-Tag")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
}

// base is what every page has.
type base struct {
	*words.Voice
	Title   string
	Path    string // of this page, with its query
	Signed  bool
	Admin   bool
	Me      string // who is signed in
	Form    string // the token that forms carry
	Colors  string // address of the style sheet with the colours of calendars
	Section string // which entry of the menu is here
	Notice  string
	// NoticeLink leads to where what the notice tells can be undone; "" for nowhere.
	NoticeLink string
	// ZoneQuery keeps the zone that was asked for; "" where none was.
	ZoneQuery string
	// SearchText is what the search field holds.
	SearchText string
	Menu       []menuItem
	News       news
}

type menuItem struct {
	Name, Href string
	Here       bool
}

// Initial stands for who is signed in where there is no room.
func (b base) Initial() string {
	for _, r := range b.Me {
		return strings.ToUpper(string(r))
	}
	return ""
}

// base is what a page has around it.
func (v *visit) base(title string) base {
	b := v.bare(title)
	if b.Signed {
		b.News = v.news(v.r.Context())
	}
	return b
}

// bare is base without what the database is asked for.
func (v *visit) bare(title string) base {
	b := base{Voice: v.lang, Title: title, Path: v.r.URL.RequestURI()}
	if v.who != nil {
		b.Signed, b.Admin, b.Me, b.Form = true, v.admin, v.who.DisplayName, auth.FormToken(v.token)
		if b.Me == "" {
			b.Me = v.who.Name
		}
		b.Section, _, _ = strings.Cut(strings.TrimPrefix(v.r.URL.Path, "/"), "/")
		done := v.r.URL.Query().Get("done")
		if b.Notice = notice(v.lang, done); done == "deleted" {
			b.NoticeLink = "/trash"
		}
		if !v.ownZone {
			b.ZoneQuery = "?zone=" + url.QueryEscape(v.zone)
		}
		for _, m := range v.menu() {
			m.Here = m.Href == "/"+b.Section
			b.Menu = append(b.Menu, m)
		}
	}
	return b
}

// menu is where one can go.
func (v *visit) menu() []menuItem {
	list := []menuItem{
		{Name: v.t("Calendar"), Href: "/"}, {Name: v.t("Calendars"), Href: "/calendars"}, {Name: v.t("Requests"), Href: "/requests"},
		{Name: v.t("Connect"), Href: "/connect"}, {Name: v.t("Reminders"), Href: "/reminders"}, {Name: v.t("Delegates"), Href: "/delegates"}, {Name: v.t("Trash"), Href: "/trash"}, {Name: v.t("Account"), Href: "/account"},
	}
	if v.admin {
		list = append(list, menuItem{Name: v.t("Administration"), Href: "/admin"})
	}
	return list
}

// link is a path of ours, with the zone that was asked for.
func (v *visit) link(path string, query ...string) string {
	q := url.Values{}
	if !v.ownZone {
		q.Set("zone", v.zone)
	}
	for i := 0; i+1 < len(query); i += 2 {
		if query[i+1] != "" {
			q.Set(query[i], query[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

func (v *visit) t(text string) string { return v.lang.T(text) }

// render writes a page, whole or not at all.
func (v *visit) render(status int, name string, data any) error {
	var b bytes.Buffer
	if err := pages[name].ExecuteTemplate(&b, "layout.html", data); err != nil {
		return err
	}
	return v.write(status, b.Bytes())
}

func (v *visit) write(status int, body []byte) error {
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(body) // nobody is left to hear of an error
	return nil
}
