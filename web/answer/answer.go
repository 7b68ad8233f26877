// Package answer is the page on which somebody answers an invitation that came by mail, without an account. The link is the key: it
// is signed for one attendee of one meeting. Looking at the page changes nothing, since mail programs and virus scanners
// look too; only the form does.
package answer

import (
	_ "embed"
	"log/slog"
	"net/http"
	"strings"
	"unicode/utf8"

	"kalends/calendar"
	"kalends/internal/obs"
	"kalends/internal/sheet"
	"kalends/internal/words"
)

// Prefix of the paths of the pages; the token follows.
const Prefix = "/answer/"

// Handler serves the pages. Its fields are set before first use.
type Handler struct {
	Calendar *calendar.Service
	Log      *slog.Logger
	// Open reads a token; ok is false for what is none.
	Open func(token string) (owner, object int64, isFor func(address string) bool, ok bool)
	// Summarize tells a meeting.
	Summarize func(in *calendar.Invited) (Summary, error)
	// Tell tells one date of it in the same language: in the meeting's zone.
	Tell func(in *calendar.Invited, d calendar.Date) string
}

// Summary is what the page says about a meeting.
type Summary struct {
	Lang, Title string
	Rows        []Row
	NotesLabel  string
	Notes       string
}

// Row is one fact; Href is an https URL or "".
type Row struct{ Label, Value, Href string }

const (
	maxForm    = 16 << 10
	maxComment = 1000 // characters
)

//go:embed page.html
var pageSource string

//go:embed style.css
var style string

var page = sheet.New(pageSource, style, true)

// view is what the template is given.
type view struct {
	*words.Voice
	Summary
	Token     string
	Organizer string
	Headline  string
	Attendee  string
	Answer    string // in words; "" for none yet
	Conflicts []string
	Proposed  string // in words; "" for nothing
	Buttons   []button
	// ProposeNote says that the organizer decides.
	ProposeNote string
	Propose     *proposal // nil where nothing can be proposed
	Problem     string
}

// proposal is the part of the form that proposes another time, filled in with the first date.
type proposal struct {
	Dates            []choice // of a series; empty where there is one
	Day, Last        string   // Last only of what takes several days
	Start, End, Zone string   // "" where it takes whole days
}

type choice struct{ Value, Label string }

type button struct {
	Value, Label string
	Chosen       bool
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, value := range map[string]string{
		"Content-Security-Policy": page.Policy,
		"X-Frame-Options":         "DENY",
		"X-Content-Type-Options":  "nosniff",
		// Not no-referrer: with that, browsers call the origin of the form null.
		"Referrer-Policy": "same-origin",
		"Cache-Control":   "no-store",
		"X-Robots-Tag":    "noindex, nofollow",
	} {
		w.Header().Set(name, value)
	}
	obs.OnPanic(r.Context(), func() { h.problem(w, r, http.StatusInternalServerError, later) })
	token := strings.TrimPrefix(r.URL.Path, Prefix)
	owner, object, isFor, ok := h.Open(token)
	if !ok {
		h.problem(w, r, http.StatusNotFound, unknown)
		return
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		in, err := h.Calendar.Invited(r.Context(), owner, object, isFor)
		if err != nil {
			h.fail(w, r, err)
			return
		}
		h.show(w, r, token, in)
	case http.MethodPost:
		h.answer(w, r, token, owner, object, isFor)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		h.problem(w, r, http.StatusMethodNotAllowed, unknown)
	}
}

// origins refuses forms of other sites.
var origins = http.NewCrossOriginProtection()

// answer takes the form. The token stands in it once more, so that no form without the page's own content counts.
func (h *Handler) answer(w http.ResponseWriter, r *http.Request, token string, owner, object int64, isFor func(string) bool) {
	if err := origins.Check(r); err != nil {
		h.problem(w, r, http.StatusForbidden, foreign)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		h.problem(w, r, http.StatusBadRequest, broken)
		return
	}
	if r.PostForm.Get("token") != token {
		h.problem(w, r, http.StatusForbidden, foreign)
		return
	}
	var err error
	if said := comment(r.PostForm.Get("comment")); r.PostForm.Get("answer") == "PROPOSE" {
		n, ok := newTime(r.PostForm)
		if !ok {
			h.problem(w, r, http.StatusBadRequest, badTime)
			return
		}
		n.Comment = said
		if err = h.Calendar.Propose(r.Context(), owner, object, isFor, n); calendar.KindOf(err) == calendar.BadRequest {
			h.problem(w, r, http.StatusBadRequest, badTime)
			return
		}
	} else {
		err = h.Calendar.Answer(r.Context(), owner, object, isFor, r.PostForm.Get("answer"), said)
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	http.Redirect(w, r, Prefix+token, http.StatusSeeOther) // so that reloading sends nothing again
}

// comment makes one of what was typed, without what iCalendar text cannot hold.
func comment(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '\n' || r >= ' ' && r != 0x7f && r != utf8.RuneError {
			return r
		}
		return -1
	}, s))
	if n := utf8.RuneCountInString(s); n > maxComment {
		s = string([]rune(s)[:maxComment])
	}
	return s
}

func (h *Handler) show(w http.ResponseWriter, r *http.Request, token string, in *calendar.Invited) {
	summary, err := h.Summarize(in)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	l := book.For(summary.Lang)
	v := view{Voice: l, Summary: summary, Token: token, Organizer: in.Organizer.DisplayName, Attendee: strings.TrimPrefix(in.Attendee, "mailto:")}
	if v.Organizer == "" {
		v.Organizer = in.Organizer.Email
	}
	if in.Name != "" && !strings.Contains(in.Name, "@") {
		v.Attendee = in.Name + " (" + v.Attendee + ")"
	}
	v.Headline = l.T("%s invites you", v.Organizer)
	v.Answer = l.T(answers[in.Answer])
	if in.Cancelled {
		v.Problem = l.T("This meeting is cancelled.")
	} else {
		for _, b := range []button{{Value: "ACCEPTED", Label: l.T("Accept")}, {Value: "TENTATIVE", Label: l.T("Maybe")}, {Value: "DECLINED", Label: l.T("Decline")}} {
			b.Chosen = b.Value == in.Answer
			v.Buttons = append(v.Buttons, b)
		}
		v.Propose, v.ProposeNote = h.proposal(in), l.T("Nothing changes before %s decides.", v.Organizer)
	}
	for _, d := range in.Conflicts {
		v.Conflicts = append(v.Conflicts, h.Tell(in, d))
	}
	var times []string
	for _, p := range in.Proposed {
		times = append(times, h.Tell(in, calendar.Date{Start: p.Start, End: p.End, AllDay: p.AllDay, Floating: p.Floating}))
	}
	if v.Proposed = strings.Join(times, "; "); v.Proposed != "" {
		v.Proposed = l.T("You propose: %s. %s has not decided yet.", v.Proposed, v.Organizer)
	}
	h.write(w, http.StatusOK, &v)
}

// fail translates what package calendar says.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch calendar.KindOf(err) {
	case calendar.NotFound:
		h.problem(w, r, http.StatusGone, gone)
	case calendar.BadRequest:
		h.problem(w, r, http.StatusBadRequest, broken)
	case calendar.Changed:
		h.problem(w, r, http.StatusConflict, changed)
	case calendar.Unavailable:
		w.Header().Set("Retry-After", "5")
		h.problem(w, r, http.StatusServiceUnavailable, later)
	default:
		h.Log.ErrorContext(r.Context(), "answer page", "err", err)
		h.problem(w, r, http.StatusInternalServerError, later)
	}
}

// problem answers with one of the problems in words.go. No organizer is known who chose a language: it is the browser's.
func (h *Handler) problem(w http.ResponseWriter, r *http.Request, status int, text string) {
	l := book.Accepted(r.Header.Get("Accept-Language"))
	h.write(w, status, &view{Voice: l, Summary: Summary{Lang: l.Tag, Title: l.T("Invitation")}, Problem: l.T(text)})
}

func (h *Handler) write(w http.ResponseWriter, status int, v *view) {
	if err := page.Write(w, status, v.Language, v.Title, v); err != nil {
		h.Log.Error("answer page", "err", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
	}
}
