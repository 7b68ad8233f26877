package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"html/template"
	"io/fs"
	"math"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/internal/words"
	"kalends/meeting"
	"kalends/storage"
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

func (v *visit) base(title string) base {
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
		b.News = v.news(v.r.Context())
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

// problem is an error that a page tells.
type problem struct {
	status int
	text   string // English, as the book has it
}

func (p *problem) Error() string { return p.text }

var (
	notThere    = &problem{http.StatusNotFound, "There is nothing here, or nothing that you may see."}
	foreignForm = &problem{http.StatusForbidden, "The form was not sent from a page of this site, or the page is too old. Please go back, load the page again and try once more."}
	brokenForm  = &problem{http.StatusBadRequest, "The form did not arrive as it was sent. Please go back and try again."}
	forbidden   = &problem{http.StatusForbidden, "You may not do this."}
)

// kinds tells people what package calendar says.
var kinds = map[calendar.Kind]problem{
	calendar.NotFound:             *notThere,
	calendar.NoParent:             {http.StatusNotFound, "There is no such calendar."},
	calendar.Forbidden:            *forbidden,
	calendar.Refused:              {http.StatusConflict, "This cannot be done with it."},
	calendar.NotAllowed:           {http.StatusConflict, "This cannot be done with it."},
	calendar.Exists:               {http.StatusConflict, "It exists already."},
	calendar.Changed:              {http.StatusConflict, "It was changed meanwhile. Please look at it as it is now and try again."},
	calendar.BadRequest:           {http.StatusUnprocessableEntity, "This cannot be stored like this."},
	calendar.BadLocation:          {http.StatusConflict, "A calendar cannot be there."},
	calendar.BadName:              {http.StatusUnprocessableEntity, "This cannot be a name."},
	calendar.UnsupportedData:      {http.StatusUnprocessableEntity, "This cannot be stored like this."},
	calendar.InvalidData:          {http.StatusUnprocessableEntity, "This cannot be stored like this."},
	calendar.InvalidObject:        {http.StatusUnprocessableEntity, "This cannot be stored like this."},
	calendar.UnsupportedComponent: {http.StatusConflict, "This calendar does not take events."},
	calendar.UIDConflict:          {http.StatusConflict, "The calendar has this event already."},
	calendar.TooLarge:             {http.StatusRequestEntityTooLarge, "It is too large."},
	calendar.TooEarly:             {http.StatusUnprocessableEntity, "This lies too far in the past."},
	calendar.TooLate:              {http.StatusUnprocessableEntity, "This lies too far in the future."},
	calendar.TooManyInstances:     {http.StatusUnprocessableEntity, "It repeats too often."},
	calendar.TooManyAttendees:     {http.StatusUnprocessableEntity, "Too many people are invited."},
	calendar.UniqueScheduling:     {http.StatusConflict, "Another calendar of yours has this meeting already."},
	calendar.SameOrganizer:        {http.StatusUnprocessableEntity, "A meeting has one organizer."},
	calendar.OrganizerChange:      {http.StatusForbidden, "The organizer cannot change this."},
	calendar.AttendeeChange:       {http.StatusForbidden, "Only who invited may change this."},
	calendar.OrganizerNotAllowed:  {http.StatusUnprocessableEntity, "These are single dates of a series, and the series is missing."},
	calendar.AttendeeNotAllowed:   {http.StatusForbidden, "Who organizes this has no such meeting, and has to invite you."},
	calendar.DefaultCalendar:      {http.StatusConflict, "This calendar is needed for invitations."},
	calendar.BadDefaultCalendar:   {http.StatusUnprocessableEntity, "Invitations cannot go there."},
	calendar.QuotaExceeded:        {http.StatusInsufficientStorage, "There is no room left."},
	calendar.BadTimeZone:          {http.StatusUnprocessableEntity, "There is no such time zone."},
	calendar.BadSyncToken:         {http.StatusGone, "It was changed meanwhile. Please look at it as it is now and try again."},
	calendar.TooManyMatches:       {http.StatusUnprocessableEntity, "That is too much for one page. Please ask for a shorter time, or hide some calendars."},
	calendar.BadAction:            {http.StatusUnprocessableEntity, "This cannot be done with a file."},
	calendar.BadInstance:          {http.StatusNotFound, "There is no such date of this event."},
	calendar.BadManagedIDParam:    {http.StatusNotFound, "There is no such file."},
	calendar.BadManagedID:         {http.StatusUnprocessableEntity, "This refers to a file that is not there."},
	calendar.AttachmentTooLarge:   {http.StatusRequestEntityTooLarge, "The file is too large."},
	calendar.TooManyAttachments:   {http.StatusUnprocessableEntity, "There are too many files already. Please remove one first."},
	calendar.Unavailable:          {http.StatusServiceUnavailable, "That did not work just now. Please try again in a minute."},
}

// explain is the package's one translator of errors to what people read. The second result is false for what nobody expected.
func explain(ctx context.Context, err error) (problem, bool) {
	if p, ok := errors.AsType[*problem](err); ok {
		return *p, true
	}
	kind := calendar.KindOf(err)
	if e, ok := errors.AsType[*meeting.Error](err); ok {
		switch kind = e.Kind; e.Reason {
		case meeting.NotOrganizer:
			kind = calendar.AttendeeChange
		case meeting.NotInvited:
			kind = calendar.Refused
		case meeting.NoInstance:
			kind = calendar.NotFound
		}
	}
	later := kinds[calendar.Unavailable]
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return *notThere, true
	case errors.Is(err, storage.ErrInvalid):
		return kinds[calendar.BadRequest], true
	case errors.Is(err, storage.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), ctx.Err() != nil:
		return later, true
	case errors.Is(err, storage.ErrTooMuch):
		return kinds[calendar.TooManyMatches], true
	}
	if p, ok := kinds[kind]; ok {
		return p, true
	}
	return problem{http.StatusInternalServerError, "That did not work just now. Please try again in a minute."}, false
}

type problemView struct {
	base
	Problem string
}

// fail tells somebody what went wrong. What nobody expected is logged, and not told.
func (v *visit) fail(err error) {
	ctx := v.r.Context()
	p, known := explain(ctx, err)
	if !known {
		v.Log.ErrorContext(ctx, "web page", "err", err)
	}
	page := &problemView{base: v.base(v.t("That did not work")), Problem: v.t(p.text)}
	if err := v.render(p.status, "problem", page); err != nil {
		v.Log.ErrorContext(ctx, "web page", "err", err)
		http.Error(v.w, "internal error", http.StatusInternalServerError)
	}
}

func (v *visit) retryAfter(err error) {
	if d, ok := auth.RetryAfter(err); ok {
		v.w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(d.Seconds()))))
	}
}
