package web

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"kalends/auth"
	"kalends/ical/zone"
	"kalends/internal/obs"
	"kalends/internal/words"
	"kalends/storage"
)

// maxForm bounds the body of a request: an event with all the people it may have fits.
const maxForm = 512 << 10

// visit is one request of somebody.
type visit struct {
	*Handler
	w http.ResponseWriter
	r *http.Request

	session *storage.Session
	token   string
	// who acts for themselves only: administrators have no more to say in calendars than others.
	who      *storage.Principal
	admin    bool
	settings map[string]string
	lang     *words.Voice
	zone     string // name of loc; "" where it has none
	loc      *time.Location
	ownZone  bool // loc is where the person is, not one they asked for
}

func (h *Handler) visit(w http.ResponseWriter, r *http.Request) *visit {
	v := &visit{Handler: h, w: w, r: r, lang: book.Accepted(r.Header.Get("Accept-Language")), loc: h.Zone, zone: h.Zone.String(), ownZone: true, settings: map[string]string{}}
	obs.OnPanic(r.Context(), func() { v.tell(problem{http.StatusInternalServerError, unexpectedText}) })
	return v
}

// cookie is the name of the cookie. The prefix has browsers take it from https only, and from no neighbour.
func (v *visit) cookie() string {
	if v.secure() {
		return "__Host-kalends"
	}
	return "kalends"
}

func (v *visit) secure() bool { return v.r.TLS != nil || strings.HasPrefix(v.BaseURL, "https://") }

func (v *visit) setCookie(token string, age time.Duration) {
	http.SetCookie(v.w, &http.Cookie{
		Name: v.cookie(), Value: token, Path: "/", MaxAge: int(age.Seconds()), HttpOnly: true, Secure: v.secure(), SameSite: http.SameSiteLaxMode,
	})
}

// resume finds out who asks. False for nobody.
func (v *visit) resume() (bool, error) {
	c, err := v.r.Cookie(v.cookie())
	if err != nil {
		return false, nil
	}
	ctx := v.r.Context()
	row, who, err := v.sessions.Resume(ctx, c.Value)
	if errors.Is(err, auth.ErrBadCredentials) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	v.session, v.token, v.admin = row, c.Value, who.Admin
	p := *who
	p.Admin = false
	v.who = &p
	if who.Language != "" {
		v.lang = book.For(who.Language)
	}
	if v.settings, err = v.Store.Settings(ctx, who.ID); err != nil {
		return false, err
	}
	if loc, ok := zone.Load(who.TimeZone); ok {
		v.zone, v.loc = who.TimeZone, loc
	}
	if name := v.r.URL.Query().Get("zone"); name != "" && len(name) < 100 {
		if name, ok := zone.Canonical(name); ok && name != v.zone {
			if loc, ok := zone.Load(name); ok {
				v.zone, v.loc, v.ownZone = name, loc, false
			}
		}
	}
	return true, nil
}

// readForm reads a form that was sent, if it was sent from a page of ours; signed says that it must carry the session's token.
func (v *visit) readForm(signed bool) error {
	if err := v.origin.Check(v.r); err != nil {
		return foreignForm
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
	if err := v.r.ParseForm(); err != nil {
		return brokenForm
	}
	if signed && subtle.ConstantTimeCompare([]byte(v.r.PostForm.Get("form")), []byte(auth.FormToken(v.token))) != 1 {
		return foreignForm
	}
	return nil
}

// value is a field of a form that was sent, of one line.
func (v *visit) value(name string) string { return strings.TrimSpace(v.r.PostForm.Get(name)) }

func (v *visit) remote() netip.Addr {
	if ap, err := netip.ParseAddrPort(v.r.RemoteAddr); err == nil {
		return ap.Addr()
	}
	a, err := netip.ParseAddr(v.r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a
}

func (v *visit) redirect(path string) error {
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}

// askToSignIn leads to the sign-in page, and from there back.
func (v *visit) askToSignIn() {
	to := "/signin"
	if v.r.Method == http.MethodGet && v.r.URL.Path != "/" {
		to += "?to=" + url.QueryEscape(v.r.URL.RequestURI())
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
}

// ownPath returns a path that leads to a page of ours, "/" for anything else.
func ownPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return to
}

type signInView struct {
	base
	Name, To, Problem string
}

func (h *Handler) signInPage(v *visit) error {
	to := ownPath(v.r.URL.Query().Get("to"))
	if v.who != nil {
		return v.redirect(to)
	}
	return v.render(http.StatusOK, "signin", &signInView{base: v.base(v.t("Sign in")), To: to})
}

func (h *Handler) signIn(v *visit) error {
	name, to := v.value("name"), ownPath(v.value("to"))
	token, row, _, err := h.sessions.SignIn(v.r.Context(), name, v.r.PostForm.Get("password"), v.remote(), v.r.UserAgent())
	if err == nil {
		if v.session != nil { // the browser has one session
			if err := h.sessions.SignOut(v.r.Context(), v.session); err != nil {
				return err
			}
		}
		v.setCookie(token, row.Expires.Sub(row.Created)*6) // the session says when it is over
		return v.redirect(to)
	}
	page := &signInView{base: v.base(v.t("Sign in")), Name: name, To: to}
	page.Signed = false
	status := http.StatusUnauthorized
	switch {
	case errors.Is(err, auth.ErrBadCredentials):
		page.Problem = v.t("Name and password do not fit together.")
	case errors.Is(err, auth.ErrThrottled):
		status, page.Problem = http.StatusTooManyRequests, v.t("Too many tries that failed. Please wait a minute.")
		v.retryAfter(err)
	case errors.Is(err, auth.ErrBusy):
		status, page.Problem = http.StatusServiceUnavailable, v.t(laterText)
		v.retryAfter(err)
	default:
		return err
	}
	return v.render(status, "signin", page)
}

func (h *Handler) signOut(v *visit) error {
	if err := h.sessions.SignOut(v.r.Context(), v.session); err != nil {
		return err
	}
	v.setCookie("", -time.Second)
	return v.redirect("/signin")
}

// front leads to the view that somebody used last.
func (h *Handler) front(v *visit) error {
	switch view := v.settings["view"]; view {
	case "month", "day", "agenda":
		return v.redirect("/" + view)
	}
	return v.redirect("/week")
}
