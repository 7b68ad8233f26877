package web

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/ical/zone"
	"kalends/internal/words"
	"kalends/meeting"
	"kalends/storage"
)

type accountView struct {
	base
	Name, DisplayName, Zone string
	Addresses               []string
	Languages               []option
	Weekdays                []option
	Minutes                 []option
	Zones                   []string
	Apps                    []keyLine
	Tokens                  []keyLine
	Sessions                []keyLine
	Hours                   hoursForm
	HourDays                []option
	NewToken                string // made just now
	Problem                 string
	Scopes                  []option
}

type option struct {
	Value, Text string
	Chosen      bool
}

// keyLine is something that lets in.
type keyLine struct {
	ID, Label, Detail string
	Created, Used     string
	Here              bool // the session of this browser
}

// hoursForm is when somebody works.
type hoursForm struct {
	Days       []string
	Start, End string
	Other      bool // another program has set hours that have no such form
}

func (v *visit) accountView() (*accountView, error) {
	ctx := v.r.Context()
	p := &accountView{base: v.base(v.t("Account")), Name: v.who.Name, DisplayName: v.who.DisplayName, Zone: cmp.Or(v.who.TimeZone, v.Zone.String())}
	p.Zones = usualZones(p.Zone)
	addresses, err := v.Store.Addresses(ctx, v.who.ID)
	if err != nil {
		return nil, err
	}
	for _, a := range addresses {
		p.Addresses = append(p.Addresses, meeting.ShowAddress(a))
	}
	for _, l := range words.Languages() {
		p.Languages = append(p.Languages, option{l.Tag, l.Self, l == v.lang.Language})
	}
	for i := range 7 {
		d := (i + 1) % 7
		p.Weekdays = append(p.Weekdays, option{strconv.Itoa(d), v.lang.Weekdays[d], time.Weekday(d) == v.weekday()})
	}
	chosen := v.defaultReminder()
	p.Minutes = append(p.Minutes, option{"none", v.t("no reminder"), chosen == ""})
	for _, n := range usualMinutes {
		p.Minutes = append(p.Minutes, option{strconv.Itoa(n), v.before(n), strconv.Itoa(n) == chosen})
	}
	apps, err := v.Store.AppPasswords(ctx, v.who.ID)
	if err != nil {
		return nil, err
	}
	for _, a := range apps {
		p.Apps = append(p.Apps, keyLine{ID: a.ID, Label: a.Label, Created: v.lang.Moment(a.Created, v.loc), Used: v.lang.Moment(a.Used, v.loc)})
	}
	tokens, err := v.Store.Tokens(ctx, v.who.ID)
	if err != nil {
		return nil, err
	}
	for _, k := range tokens {
		line := keyLine{ID: k.ID, Label: k.Label, Detail: v.t(scopeWords[k.Scopes]), Created: v.lang.Moment(k.Created, v.loc), Used: v.lang.Moment(k.Used, v.loc)}
		if !k.Expires.IsZero() {
			line.Detail += ", " + v.lang.T("until %s", v.lang.Moment(k.Expires, v.loc))
		}
		p.Tokens = append(p.Tokens, line)
	}
	for _, s := range []string{"read", "write", "freebusy"} {
		p.Scopes = append(p.Scopes, option{s, v.t(scopeWords[s]), s == "read"})
	}
	sessions, err := v.Store.Sessions(ctx, v.who.ID)
	if err != nil {
		return nil, err
	}
	now := v.Now()
	for _, s := range sessions {
		if !now.Before(s.Expires) {
			continue
		}
		p.Sessions = append(p.Sessions, keyLine{
			ID: s.ID, Label: browserName(s.Agent), Detail: s.Remote, Created: v.lang.Moment(s.Created, v.loc), Used: v.lang.Moment(s.Used, v.loc), Here: s.ID == v.session.ID,
		})
	}
	if p.Hours, err = v.hours(); err != nil {
		return nil, err
	}
	for i, name := range meeting.Weekdays {
		p.HourDays = append(p.HourDays, option{name, v.lang.ShortWeekdays[(i+1)%7], slices.Contains(p.Hours.Days, name)})
	}
	return p, nil
}

var scopeWords = map[string]string{
	"read": "may read calendars", "write": "may read and change calendars", "freebusy": "may see when people are busy",
}

// browserName makes a short name of what a browser calls itself.
func browserName(agent string) string {
	name := ""
	for _, b := range []struct{ mark, name string }{{"Firefox/", "Firefox"}, {"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}} {
		if strings.Contains(agent, b.mark) {
			name = b.name
			break
		}
	}
	for _, s := range []struct{ mark, name string }{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS", "Mac"}, {"Linux", "Linux"}} {
		if strings.Contains(agent, s.mark) {
			return strings.TrimPrefix(name+", "+s.name, ", ")
		}
	}
	return cmp.Or(name, clipTo(agent, 40), "–")
}

func (h *Handler) account(v *visit) error {
	p, err := v.accountView()
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "account", p)
}

func (v *visit) refuseAccount(text string) error {
	p, err := v.accountView()
	if err != nil {
		return err
	}
	p.Problem = text
	return v.render(http.StatusUnprocessableEntity, "account", p)
}

func (h *Handler) setSelf(v *visit) error {
	ctx := v.r.Context()
	name, zoneName := plainLine(v.value("displayname"), 200), v.value("timezone")
	canonical, ok := zone.Canonical(zoneName)
	if !ok || len(zoneName) > 100 {
		return v.refuseAccount(v.t("There is no such time zone."))
	}
	language := v.value("language")
	if !slices.ContainsFunc(words.Languages(), func(l *words.Language) bool { return l.Tag == language }) {
		return brokenForm
	}
	first, err := strconv.Atoi(v.value("firstday"))
	if err != nil || first < 0 || first > 6 {
		return brokenForm
	}
	reminder := v.value("reminder")
	if n, err := strconv.Atoi(reminder); reminder != "none" && (err != nil || n < 0 || n > meeting.MaxMinutes) {
		return brokenForm
	}
	err = h.Calendar.PatchPrincipal(ctx, v.who, v.who, calendar.Edit{Person: func(p *storage.Principal) error {
		p.TimeZone, p.Language = canonical, language
		if name != "" {
			p.DisplayName = name
		}
		return nil
	}})
	if err != nil {
		return err
	}
	for name, value := range map[string]string{"firstday": strconv.Itoa(first), "reminder": reminder} {
		if err := h.Store.PutSetting(ctx, v.who.ID, name, value); err != nil {
			return err
		}
	}
	return v.redirect("/account?done=saved")
}

// setPassword changes the password of somebody who knows it. Every session ends but this one, which begins anew.
func (h *Handler) setPassword(v *visit) error {
	ctx := v.r.Context()
	_, err := h.Login.Authenticate(ctx, v.who.Name, v.r.PostForm.Get("old"), v.remote())
	switch {
	case errors.Is(err, auth.ErrBadCredentials):
		return v.refuseAccount(v.t("The password you have now is another one."))
	case errors.Is(err, auth.ErrThrottled), errors.Is(err, auth.ErrBusy):
		v.retryAfter(err)
		return v.refuseAccount(v.t("Too many tries that failed. Please wait a minute."))
	case err != nil:
		return err
	}
	password := v.r.PostForm.Get("new")
	if password != v.r.PostForm.Get("again") {
		return v.refuseAccount(v.t("The new password is not the same both times."))
	}
	if len([]rune(password)) < 10 {
		return v.refuseAccount(v.t("A password needs ten characters at least."))
	}
	err = (&auth.Directory{Store: h.Store, Now: h.Now}).SetPassword(ctx, v.who.Name, password)
	if errors.Is(err, auth.ErrPassword) {
		return v.refuseAccount(v.t("This cannot be a password."))
	}
	if err != nil {
		return err
	}
	if _, err := h.Store.RemoveSessions(ctx, v.who.ID, ""); err != nil {
		return err
	}
	token, row, _, err := h.sessions.SignIn(ctx, v.who.Name, password, v.remote(), v.r.UserAgent())
	if err != nil {
		return err
	}
	v.setCookie(token, row.Expires.Sub(row.Created)*6)
	return v.redirect("/account?done=saved")
}

// gone is nil where what is to be removed is not there any more.
func gone(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}

func (h *Handler) revokeApp(v *visit) error {
	if err := gone(h.Store.RemoveAppPassword(v.r.Context(), v.who.ID, v.value("id"))); err != nil {
		return err
	}
	return v.redirect("/account?done=removed#apps")
}

func (h *Handler) endSession(v *visit) error {
	ctx := v.r.Context()
	var err error
	if v.value("id") == "others" {
		_, err = h.Store.RemoveSessions(ctx, v.who.ID, v.session.ID)
	} else {
		err = gone(h.Store.RemoveSession(ctx, v.who.ID, v.value("id")))
	}
	if err != nil {
		return err
	}
	return v.redirect("/account?done=removed#sessions")
}

func (h *Handler) addToken(v *visit) error {
	scope, ok := auth.ParseScope(v.value("scope"))
	if !ok {
		return brokenForm
	}
	var expires time.Time
	if days, err := strconv.Atoi(v.value("days")); err == nil && days > 0 && days <= 3660 {
		expires = h.Now().AddDate(0, 0, days)
	}
	token, _, err := (&auth.Tokens{Store: h.Store, Now: h.Now}).Add(v.r.Context(), v.who, scope, plainLine(v.value("label"), 100), expires)
	if errors.Is(err, auth.ErrToken) {
		return v.refuseAccount(v.t("There are too many tokens, or the label is too long."))
	}
	if err != nil {
		return err
	}
	p, err := v.accountView()
	if err != nil {
		return err
	}
	p.NewToken = token
	return v.render(http.StatusOK, "account", p)
}

func (h *Handler) revokeToken(v *visit) error {
	if err := gone(h.Store.RemoveToken(v.r.Context(), v.who.ID, v.value("id"))); err != nil {
		return err
	}
	return v.redirect("/account?done=removed#tokens")
}

// hours are the working hours that were set here, or by the API.
func (v *visit) hours() (hoursForm, error) {
	f := hoursForm{Start: "09:00", End: "17:00"}
	inbox, err := v.Store.Calendar(v.r.Context(), v.who.ID, auth.InboxSlug)
	if err != nil {
		return f, gone(err)
	}
	set, other, err := v.editor.WorkingHours(v.r.Context(), inbox)
	if err == nil && len(set.Days) > 0 {
		f.Days, f.Start, f.End = set.Days, set.Start, set.End
	}
	f.Other = other
	return f, err
}

// setHours makes the working hours the time in which others see somebody as there (RFC 7953).
func (h *Handler) setHours(v *visit) error {
	ctx := v.r.Context()
	f := hoursForm{Start: v.value("start"), End: v.value("end")}
	for _, d := range meeting.Weekdays {
		if slices.Contains(v.r.PostForm["day"], d) {
			f.Days = append(f.Days, d)
		}
	}
	err := v.editor.SetWorkingHours(ctx, v.who, cmp.Or(v.who.TimeZone, v.zone), meeting.WorkHours{Days: f.Days, Start: f.Start, End: f.End})
	if e, ok := errors.AsType[*meeting.Error](err); ok && e.Kind == calendar.BadRequest {
		return v.refuseAccount(v.t("Working hours must begin before they end."))
	}
	if err != nil {
		return err
	}
	return v.redirect("/account?done=saved#hours")
}
