package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"kalends/meeting"
	"kalends/storage"
	"kalends/webhook"
)

// hookForm is what a webhook is made or changed by.
type hookForm struct {
	URL, Label string
	Kinds      []option
	All        bool // of one's own calendars
	Calendars  []option
	Wrong      map[string]string // by field
}

type hooksView struct {
	base
	List    []hookLine
	Make    hookForm
	Problem string
}

// hookLine is a webhook in the list.
type hookLine struct {
	ID, Name, State string
	Off             bool
}

type hookView struct {
	base
	ID, Name, State string
	Paused, Off     bool
	Failures        string // how it fails, "" where it does not
	LastOK          string
	Edit            hookForm
	Secret          string // made just now
	Problem         string
	List            []deliveryLine
	Next            string // address of the page behind this
}

// deliveryLine is a message and what has become of it.
type deliveryLine struct {
	Sequence           int64
	What, Made, Result string
	Next               string // when it is sent again; "" for never
	Wrong              bool
}

// hookKindWords say of what a webhook can be told.
var hookKindWords = map[webhook.Kind]string{
	webhook.Created: "an event is new", webhook.Updated: "an event has changed", webhook.Deleted: "an event is deleted",
	webhook.Answered: "somebody answers an invitation", webhook.Reminder: "a reminder is due", webhook.Removed: "a calendar is deleted",
}

// hookFailureWords say why a message did not arrive, and why a webhook was switched off.
var hookFailureWords = map[string]string{
	webhook.FailedTimeout: "no answer within 10 seconds", webhook.FailedName: "there is no such host", webhook.FailedForbidden: "nothing is sent to this network",
	webhook.FailedTLS: "no good certificate, or no https", webhook.FailedConnect: "no connection", webhook.FailedSecret: "the server has another key now: make a new secret",
	webhook.FailedAccess: "you may no longer read this calendar", webhook.OffGone: "the receiver has answered that it is gone (410)",
	webhook.OffFailing: "nothing arrived for three days",
}

// hookProblems are what package webhook says of a form, as people read it.
var hookProblems = map[string]string{
	"url": "This is no address of the form https://host/path.", "plain": "The address must begin with https://.",
	"user": "There must be no name and password in the address; messages are signed instead.", "port": "Nothing is sent to this port.",
	"network": "Nothing is sent to this network.", "label": "The label must be one line of at most 100 characters.", "kinds": "Choose at least one kind of change.",
	"calendars": "Choose at most 50 calendars.", "others": "Too many people have webhooks for one of these calendars.",
	"many": "Nobody has more than 20 webhooks. Remove one first.", "tests": "A test waits already. Please wait ten seconds.", "group": "Only people have webhooks.",
}

// hookState says how a webhook is.
func (v *visit) hookState(w *storage.Webhook) string {
	switch w.State {
	case storage.WebhookPaused:
		return v.t("paused")
	case storage.WebhookOff:
		return v.t("switched off") + ": " + v.t(cmp.Or(hookFailureWords[w.Reason], "no connection"))
	}
	if w.Failures > 0 {
		return v.lang.N(int(w.Failures), "1 attempt has failed", "%d attempts have failed")
	}
	return v.t("on")
}

// hookName is what a webhook is called: its label, or its host.
func hookName(w *storage.Webhook) string {
	host := ""
	if u, err := url.Parse(w.URL); err == nil {
		host = u.Host
	}
	return cmp.Or(w.Label, host)
}

// hookForm fills in a form as a webhook is, or for a new one (nil).
func (v *visit) hookForm(w *storage.Webhook) (hookForm, error) {
	f := hookForm{All: w == nil, Wrong: map[string]string{}}
	chosen := webhook.Kinds
	var watches []storage.WebhookWatch
	if w != nil {
		f.URL, f.Label, chosen, watches = w.URL, w.Label, webhook.KindList(w.Kinds), w.Watches
		f.All = slices.Contains(watches, storage.WebhookWatch{Owner: w.Owner})
	}
	for _, k := range webhook.Kinds {
		f.Kinds = append(f.Kinds, option{string(k), v.t(hookKindWords[k]), slices.Contains(chosen, k)})
	}
	shelves, err := v.shelves(v.r.Context())
	if err != nil {
		return f, err
	}
	for _, s := range shelves {
		f.Calendars = append(f.Calendars, option{s.ID, s.Name, slices.Contains(watches, storage.WebhookWatch{Owner: s.row.Owner, Calendar: s.row.ID})})
	}
	return f, nil
}

// hookEdit reads a form. Calendars that somebody may no longer read are not among those that can be chosen.
func (v *visit) hookEdit() (webhook.Edit, hookForm, error) {
	address, label := v.value("url"), v.value("label")
	e := webhook.Edit{URL: &address, Label: &label, Kinds: []webhook.Kind{}, Watches: []storage.WebhookWatch{}}
	f, err := v.hookForm(nil)
	if err != nil {
		return e, f, err
	}
	f.URL, f.Label, f.All = address, label, v.value("all") != ""
	for i := range f.Kinds {
		k := &f.Kinds[i]
		if k.Chosen = slices.Contains(v.r.PostForm["kind"], k.Value); k.Chosen {
			e.Kinds = append(e.Kinds, webhook.Kind(k.Value))
		}
	}
	for i := range f.Calendars {
		c := &f.Calendars[i]
		if c.Chosen = slices.Contains(v.r.PostForm["calendar"], c.Value); c.Chosen {
			owner, id, _ := meeting.ParseCalendarID(c.Value)
			e.Watches = append(e.Watches, storage.WebhookWatch{Owner: owner, Calendar: id})
		}
	}
	if f.All {
		e.Watches = []storage.WebhookWatch{{Owner: v.who.ID}}
	}
	return e, f, nil
}

// hookProblem puts what package webhook refused where it belongs: at a field, else it is returned. ok is false for other errors.
func (v *visit) hookProblem(f *hookForm, err error) (problem string, ok bool) {
	e, ok := errors.AsType[*webhook.Error](err)
	if !ok {
		return "", false
	}
	if text := v.t(cmp.Or(e.Msg, hookProblems["url"])); e.Field == "" {
		return text, true
	} else if f != nil {
		f.Wrong[e.Field] = text
	}
	return "", true
}

func (v *visit) showHooks(status int, f *hookForm, problem string) error {
	p := &hooksView{base: v.base(v.t("Webhooks")), Problem: problem}
	list, err := v.Webhooks.List(v.r.Context(), v.who.ID)
	if err != nil {
		return err
	}
	for _, w := range list {
		p.List = append(p.List, hookLine{webhook.ID(w.Key()), hookName(w), v.hookState(w), w.State == storage.WebhookOff || w.Failures > 0})
	}
	if f == nil {
		if p.Make, err = v.hookForm(nil); err != nil {
			return err
		}
	} else {
		p.Make = *f
	}
	return v.render(status, "webhooks", p)
}

func (h *Handler) hooks(v *visit) error {
	if h.Webhooks == nil {
		return notThere
	}
	return v.showHooks(http.StatusOK, nil, "")
}

func (h *Handler) addHook(v *visit) error {
	if h.Webhooks == nil {
		return notThere
	}
	e, f, err := v.hookEdit()
	if err != nil {
		return err
	}
	w, secret, err := h.Webhooks.Add(v.r.Context(), v.who, e)
	if problem, ok := v.hookProblem(&f, err); ok {
		return v.showHooks(http.StatusUnprocessableEntity, &f, problem)
	}
	if err != nil {
		return err
	}
	return v.showHook(http.StatusOK, w, nil, "", secret)
}

// hook finds the webhook that the path names.
func (v *visit) hook() (*storage.Webhook, error) {
	key, ok := webhook.ParseID(v.r.PathValue("id"))
	if !ok || v.Webhooks == nil || key.Owner != v.who.ID {
		return nil, notThere
	}
	w, err := v.Webhooks.Get(v.r.Context(), key.Owner, key.ID)
	if errors.Is(err, webhook.ErrNotFound) {
		return nil, notThere
	}
	return w, err
}

// deliveryPage is how many messages a page shows.
const deliveryPage = 25

func (v *visit) showHook(status int, w *storage.Webhook, f *hookForm, problem, secret string) error {
	ctx := v.r.Context()
	id := webhook.ID(w.Key())
	p := &hookView{
		base: v.base(hookName(w)), ID: id, Name: hookName(w), State: v.hookState(w), Paused: w.State == storage.WebhookPaused, Off: w.State == storage.WebhookOff,
		LastOK: v.lang.Moment(w.LastOK, v.loc), Problem: problem, Secret: secret,
	}
	if v.r.URL.Query().Get("done") == "tested" {
		p.Notice = v.t("A test is on its way. Load this page again to see how it went.")
	}
	if w.Failures > 0 && w.State == storage.WebhookOn {
		p.Failures = v.lang.T("Attempts fail since %s; the next is at %s or later.", v.lang.Moment(w.FailingSince, v.loc), v.lang.Moment(w.Hold, v.loc))
	}
	var err error
	if f != nil {
		p.Edit = *f
	} else if p.Edit, err = v.hookForm(w); err != nil {
		return err
	}
	below, _ := strconv.ParseInt(v.r.URL.Query().Get("below"), 10, 64)
	list, err := v.Webhooks.Deliveries(ctx, w.Owner, w.ID, max(below, 0), deliveryPage)
	if err != nil {
		return err
	}
	for _, d := range list {
		p.List = append(p.List, v.deliveryLine(w, d))
	}
	if len(list) == deliveryPage {
		p.Next = "/account/webhooks/" + id + "?below=" + strconv.FormatInt(list[len(list)-1].Sequence, 10) + "#deliveries"
	}
	return v.render(status, "webhook", p)
}

// deliveryLine tells of one message.
func (v *visit) deliveryLine(w *storage.Webhook, d *storage.Delivery) deliveryLine {
	l := deliveryLine{Sequence: d.Sequence, Made: v.lang.Moment(d.Created, v.loc), What: v.lang.N(d.Changes, "1 change", "%d changes")}
	if d.Test {
		l.What = v.t("test")
	}
	why := ""
	if d.Error != "" {
		if words, ok := hookFailureWords[d.Error]; ok {
			why = v.t(words)
		} else {
			why = v.lang.T("answer %s", d.Error)
		}
	}
	switch {
	case d.State == storage.DeliveryDone:
		l.Result = v.lang.T("arrived %s, answer %d", v.lang.Moment(d.Tried, v.loc), d.Status)
	case d.State == storage.DeliveryFailed:
		l.Result, l.Wrong = v.lang.T("given up: %s", why), true
	case d.Attempt > 0:
		l.Result, l.Wrong = v.lang.T("tried %d times, last %s: %s", d.Attempt, v.lang.Moment(d.Tried, v.loc), why), true
		l.Next = v.lang.Moment(d.DueAt, v.loc)
	case w.State == storage.WebhookPaused && !d.Test:
		l.Result = v.t("waits until it is switched on")
	default:
		l.Result = v.t("waits")
	}
	return l
}

func (h *Handler) oneHook(v *visit) error {
	w, err := v.hook()
	if err != nil {
		return err
	}
	return v.showHook(http.StatusOK, w, nil, "", "")
}

func (h *Handler) changeHook(v *visit) error {
	w, err := v.hook()
	if err != nil {
		return err
	}
	e, f, err := v.hookEdit()
	if err != nil {
		return err
	}
	_, err = h.Webhooks.Change(v.r.Context(), w.Owner, w.ID, e)
	if problem, ok := v.hookProblem(&f, err); ok {
		return v.showHook(http.StatusUnprocessableEntity, w, &f, problem, "")
	}
	if err != nil {
		return err
	}
	return v.redirect("/account/webhooks/" + webhook.ID(w.Key()) + "?done=saved")
}

// doHook is the buttons of a webhook's page.
func (h *Handler) doHook(v *visit) error {
	ctx := v.r.Context()
	w, err := v.hook()
	if err != nil {
		return err
	}
	here, done := "/account/webhooks/"+webhook.ID(w.Key()), "saved"
	switch what := v.value("do"); what {
	case "pause", "resume":
		paused := what == "pause"
		_, err = h.Webhooks.Change(ctx, w.Owner, w.ID, webhook.Edit{Paused: &paused})
	case "test":
		_, err = h.Webhooks.Test(ctx, w.Owner, w.ID)
		done = "tested"
	case "rotate":
		secret, err := h.Webhooks.Rotate(ctx, w.Owner, w.ID, v.value("leaked") != "")
		if err != nil {
			return err
		}
		return v.showHook(http.StatusOK, w, nil, "", secret)
	case "remove":
		if err = h.Webhooks.Remove(ctx, w.Owner, w.ID); errors.Is(err, webhook.ErrNotFound) {
			err = nil
		}
		here, done = "/account/webhooks", "removed"
	default:
		return brokenForm
	}
	if problem, ok := v.hookProblem(nil, err); ok {
		return v.showHook(http.StatusConflict, w, nil, problem, "")
	}
	if err != nil {
		return err
	}
	return v.redirect(here + "?done=" + done)
}
