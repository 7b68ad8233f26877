package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kalends/auth"
	"kalends/calendar"
	"kalends/meeting"
	"kalends/storage"
	"kalends/webhook"
)

const (
	webhooksTag         = "Webhooks"
	webhooksDescription = "Addresses elsewhere that are told by a POST when something changes in calendars. The body is a WebhookMessage: it says what has " +
		"changed, and not what is in it. An answer from 200 to 299 within 10 seconds means that it has arrived; 410 ends the webhook. Everything else, redirects included, " +
		"is tried again, after 10 seconds and then ever later, at most an hour apart but for Retry-After, for 3 days. Then it is given up; where nothing else has arrived meanwhile the webhook " +
		"is switched off, and its owner gets a mail. A message may come twice: webhook-id is then the same. Messages are signed as Standard Webhooks does it: webhook-signature " +
		"has one or more of v1, and the base64 of the HMAC-SHA256 of webhook-id, webhook-timestamp and the body, with dots between them; the key is the base64 after whsec_ in the secret. " +
		"Refuse what has no good signature, or a webhook-timestamp that is more than five minutes off."
)

// webhooks registers what is done with webhooks, and describes what they are told.
func (h *Handler) webhooks(a huma.API) {
	register(h, a, operation("GET", "/webhooks", "listWebhooks", webhooksTag, auth.ReadScope, "One's webhooks", ""), h.listWebhooks)
	create := operation("POST", "/webhooks", "createWebhook", webhooksTag, auth.WriteScope, "Make a webhook",
		"The answer has its secret, which is told only now.")
	create.DefaultStatus = http.StatusCreated
	register(h, a, create, h.createWebhook)
	register(h, a, operation("GET", "/webhooks/{id}", "getWebhook", webhooksTag, auth.ReadScope, "Read a webhook, and how it does", ""), h.getWebhook)
	register(h, a, operation("PATCH", "/webhooks/{id}", "updateWebhook", webhooksTag, auth.WriteScope, "Change, pause or switch on a webhook",
		"Fields that are not sent stay. While it is paused, what happens is kept for it, up to 7 days and 1,000 messages."), h.updateWebhook)
	register(h, a, operation("DELETE", "/webhooks/{id}", "deleteWebhook", webhooksTag, auth.WriteScope, "Remove a webhook", "With what waits for it."), h.deleteWebhook)
	register(h, a, operation("POST", "/webhooks/{id}/rotate", "rotateWebhook", webhooksTag, auth.WriteScope, "Make a new secret",
		"Told only now. The one before signs too for 24 hours, so that a receiver can change over."), h.rotateWebhook)
	test := operation("POST", "/webhooks/{id}/test", "testWebhook", webhooksTag, auth.WriteScope, "Send a test now",
		"Once, also to a webhook that is paused or off. Its deliveries tell how it went.")
	test.DefaultStatus = http.StatusAccepted
	register(h, a, test, h.testWebhook)
	register(h, a, operation("GET", "/webhooks/{id}/deliveries", "listDeliveries", webhooksTag, auth.ReadScope, "What was sent to a webhook lately, and what waits",
		"The latest first; kept for 7 days."), h.listDeliveries)

	schemas := a.OpenAPI().Components.Schemas
	a.OpenAPI().Webhooks = map[string]*huma.PathItem{"message": {Post: &huma.Operation{
		OperationID: "webhookMessage", Tags: []string{webhooksTag}, Summary: "What a webhook is told", Description: webhooksDescription,
		Parameters: []*huma.Param{
			{Name: "webhook-id", In: "header", Required: true, Description: "Names the message; a repeat has the same.", Schema: &huma.Schema{Type: huma.TypeString}},
			{Name: "webhook-timestamp", In: "header", Required: true, Description: "When this attempt was made, in seconds since 1970.", Schema: &huma.Schema{Type: huma.TypeInteger}},
			{Name: "webhook-signature", In: "header", Required: true, Description: "One or more signatures, separated by blanks.", Schema: &huma.Schema{Type: huma.TypeString}},
		},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {Schema: schemas.Schema(reflect.TypeFor[webhook.Message](), true, "")},
		}},
		Responses: map[string]*huma.Response{
			"2XX": {Description: "It has arrived."}, "410": {Description: "Nothing more is wanted: the webhook is switched off."},
			"default": {Description: "It is tried again."},
		},
	}}}
}

// schemaName names types as huma does, and says of those of webhooks that they are.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if strings.HasSuffix(t.PkgPath(), "/webhook") && !strings.HasPrefix(name, "Webhook") {
		return "Webhook" + name
	}
	return name
}

// Webhook is an address that is told of changes.
type Webhook struct {
	ID        string   `json:"id" doc:"Its id: the same for ever." example:"whkaeba"`
	URL       string   `json:"url" doc:"The address that is told."`
	Label     string   `json:"label,omitempty" doc:"What it is for."`
	Kinds     []string `json:"kinds" nullable:"false" enum:"event.created,event.updated,event.deleted,meeting.answered,reminder.due,calendar.deleted" doc:"Kinds of changes that it is told of."`
	Calendars []string `json:"calendars" nullable:"false" doc:"Ids of the calendars that it is told of; none stands for all of one's own."`
	State     string   `json:"state" enum:"on,paused,off" doc:"Whether messages are sent: on, paused by its owner, or switched off by the server."`
	Reason    string   `json:"reason,omitempty" enum:"gone,failing" doc:"Why it is off: it has answered 410, or nothing arrived for three days."`
	Created   string   `json:"created" doc:"When it was made."`
	Sequence  int64    `json:"sequence" doc:"Number of its last message."`
	Failures  int64    `json:"failures" doc:"How many attempts have failed in a row."`
	LastOK    string   `json:"lastSuccess,omitempty" doc:"When a message arrived last."`
	NotBefore string   `json:"notBefore,omitempty" doc:"Nothing is sent before, because attempts have failed."`
}

// NewWebhook is a webhook to make.
type NewWebhook struct {
	URL       string   `json:"url" maxLength:"2000" doc:"The address to tell: https, on a public host."`
	Label     string   `json:"label,omitempty" maxLength:"400" doc:"What it is for, at most 100 characters."`
	Kinds     []string `json:"kinds,omitempty" maxItems:"6" enum:"event.created,event.updated,event.deleted,meeting.answered,reminder.due,calendar.deleted" doc:"Kinds of changes to tell of; all."`
	Calendars []string `json:"calendars,omitempty" maxItems:"50" doc:"Ids of calendars to tell of, or slugs of one's own; all of one's own. Those that others share are told of only where they are named here."`
}

// WebhookChange is what of a webhook is to be changed.
type WebhookChange struct {
	URL       *string   `json:"url,omitempty" maxLength:"2000" doc:"The address to tell."`
	Label     *string   `json:"label,omitempty" maxLength:"400" doc:"What it is for."`
	Kinds     *[]string `json:"kinds,omitempty" maxItems:"6" enum:"event.created,event.updated,event.deleted,meeting.answered,reminder.due,calendar.deleted" doc:"Kinds of changes to tell of."`
	Calendars *[]string `json:"calendars,omitempty" maxItems:"50" doc:"Ids of calendars to tell of; an empty list for all of one's own."`
	State     string    `json:"state,omitempty" enum:"on,paused" doc:"Pauses it, or has it go on: also after the server has switched it off."`
}

// WebhookSecret is told once.
type WebhookSecret struct {
	Secret string `json:"secret" doc:"Signs its messages: whsec_ and base64. It is told only now."`
}

// NewWebhookAnswer is a new webhook with its secret.
type NewWebhookAnswer struct {
	Webhook
	WebhookSecret
}

// Delivery is a message to a webhook, and what has become of it.
type Delivery struct {
	ID       string `json:"id" doc:"Name of the message, as in the header webhook-id."`
	Sequence int64  `json:"sequence" doc:"Its number."`
	Calendar string `json:"calendar,omitempty" doc:"Id of the calendar that it tells of; none of a test."`
	Changes  int    `json:"changes" doc:"How many changes it tells of."`
	Test     bool   `json:"test,omitempty" doc:"Whether it is a test."`
	State    string `json:"state" enum:"ready,done,failed" doc:"Whether it waits, has arrived, or was given up."`
	Created  string `json:"created" doc:"When what it tells of happened."`
	Attempts int    `json:"attempts" doc:"How often it was sent."`
	Tried    string `json:"tried,omitempty" doc:"When it was sent last."`
	Status   int    `json:"status,omitempty" doc:"HTTP status of the last answer; none where there was none."`
	Error    string `json:"error,omitempty" doc:"Why the last attempt did not succeed: timeout, name, forbidden (a network that nothing is sent to), tls, connect, secret (the server's key has changed: make a new one), access (one may no longer read the calendar), gone or failing (the webhook was switched off), or the status."`
	Next     string `json:"next,omitempty" doc:"When it is sent again, where it waits; not before the webhook's notBefore."`
}

// WebhookPath names a webhook.
type WebhookPath struct {
	ID string `path:"id" doc:"Id of the webhook." maxLength:"60"`
}

type webhookAnswer struct{ Body *Webhook }

// desk is where webhooks are, and what a path names there.
func (h *Handler) desk(q *caller, in *WebhookPath) (*webhook.Desk, int64, error) {
	if h.Webhooks == nil {
		return nil, 0, calendar.Errorf(calendar.Unavailable, "there are no webhooks on this server")
	}
	if in == nil {
		return h.Webhooks, 0, nil
	}
	key, ok := webhook.ParseID(in.ID)
	if !ok || key.Owner != q.who.ID {
		return nil, 0, notThere("webhook")
	}
	return h.Webhooks, key.ID, nil
}

// webhookError translates what package webhook says.
func webhookError(err error) error {
	if e, ok := errors.AsType[*webhook.Error](err); ok {
		if e.Field == "" {
			return calendar.Errorf(calendar.Refused, "%s", e.Msg)
		}
		return invalid(e.Field, "%s", e.Msg)
	}
	if errors.Is(err, webhook.ErrNotFound) {
		return notThere("webhook")
	}
	return err
}

// moment is an instant in an answer, "" for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func tellWebhook(w *storage.Webhook, now time.Time) *Webhook {
	out := &Webhook{
		ID: webhook.ID(w.Key()), URL: w.URL, Label: w.Label, Kinds: strings.Fields(w.Kinds), Calendars: []string{}, State: string(w.State), Reason: w.Reason,
		Created: moment(w.Created), Sequence: w.Sequence, Failures: w.Failures, LastOK: moment(w.LastOK),
	}
	for _, watch := range w.Watches {
		if watch.Calendar != 0 {
			out.Calendars = append(out.Calendars, meeting.CalendarID(watch.Owner, watch.Calendar))
		}
	}
	if w.Hold.After(now) {
		out.NotBefore = moment(w.Hold)
	}
	return out
}

// watches reads which calendars a webhook is told of, each of which the caller may read.
func (h *Handler) watches(ctx context.Context, q *caller, calendars []string) ([]storage.WebhookWatch, error) {
	if len(calendars) == 0 {
		return []storage.WebhookWatch{{Owner: q.who.ID}}, nil
	}
	var list []storage.WebhookWatch
	for _, id := range calendars {
		_, c, err := h.oneCalendar(ctx, q, id)
		if err != nil {
			if e := refusalOf(ctx, err); e.problem.status == http.StatusNotFound {
				return nil, invalid("calendars", "there is no calendar %q", clip(id, 60))
			}
			return nil, err
		}
		list = append(list, storage.WebhookWatch{Owner: c.Owner, Calendar: c.ID})
	}
	return list, nil
}

func kindsOf(list []string) []webhook.Kind {
	kinds := []webhook.Kind{}
	for _, k := range list {
		kinds = append(kinds, webhook.Kind(k))
	}
	return kinds
}

func (h *Handler) listWebhooks(ctx context.Context, q *caller, _ *struct{}) (*struct {
	Body struct {
		Webhooks []*Webhook `json:"webhooks" nullable:"false" doc:"The oldest first."`
	}
}, error) {
	desk, _, err := h.desk(q, nil)
	if err != nil {
		return nil, err
	}
	list, err := desk.List(ctx, q.who.ID)
	if err != nil {
		return nil, err
	}
	out := &struct {
		Body struct {
			Webhooks []*Webhook `json:"webhooks" nullable:"false" doc:"The oldest first."`
		}
	}{}
	out.Body.Webhooks = []*Webhook{}
	for _, w := range list {
		out.Body.Webhooks = append(out.Body.Webhooks, tellWebhook(w, h.Now()))
	}
	return out, nil
}

func (h *Handler) createWebhook(ctx context.Context, q *caller, in *struct{ Body NewWebhook }) (*struct {
	Location string `header:"Location"`
	Body     *NewWebhookAnswer
}, error) {
	desk, _, err := h.desk(q, nil)
	if err != nil {
		return nil, err
	}
	e := webhook.Edit{URL: &in.Body.URL, Label: &in.Body.Label}
	if len(in.Body.Kinds) > 0 {
		e.Kinds = kindsOf(in.Body.Kinds)
	}
	if e.Watches, err = h.watches(ctx, q, in.Body.Calendars); err != nil {
		return nil, err
	}
	w, secret, err := desk.Add(ctx, q.who, e)
	if err != nil {
		return nil, webhookError(err)
	}
	out := &struct {
		Location string `header:"Location"`
		Body     *NewWebhookAnswer
	}{Body: &NewWebhookAnswer{*tellWebhook(w, h.Now()), WebhookSecret{secret}}}
	out.Location = Prefix + "/webhooks/" + out.Body.ID
	return out, nil
}

func (h *Handler) getWebhook(ctx context.Context, q *caller, in *WebhookPath) (*webhookAnswer, error) {
	desk, id, err := h.desk(q, in)
	if err != nil {
		return nil, err
	}
	w, err := desk.Get(ctx, q.who.ID, id)
	if err != nil {
		return nil, webhookError(err)
	}
	return &webhookAnswer{tellWebhook(w, h.Now())}, nil
}

func (h *Handler) updateWebhook(ctx context.Context, q *caller, in *struct {
	WebhookPath
	Body WebhookChange
}) (*webhookAnswer, error) {
	desk, id, err := h.desk(q, &in.WebhookPath)
	if err != nil {
		return nil, err
	}
	e := webhook.Edit{URL: in.Body.URL, Label: in.Body.Label}
	if in.Body.Kinds != nil {
		e.Kinds = kindsOf(*in.Body.Kinds)
	}
	if in.Body.Calendars != nil {
		if e.Watches, err = h.watches(ctx, q, *in.Body.Calendars); err != nil {
			return nil, err
		}
	}
	if in.Body.State != "" {
		paused := in.Body.State == string(storage.WebhookPaused)
		e.Paused = &paused
	}
	w, err := desk.Change(ctx, q.who.ID, id, e)
	if err != nil {
		return nil, webhookError(err)
	}
	return &webhookAnswer{tellWebhook(w, h.Now())}, nil
}

func (h *Handler) deleteWebhook(ctx context.Context, q *caller, in *WebhookPath) (*noAnswer, error) {
	desk, id, err := h.desk(q, in)
	if err != nil {
		return nil, err
	}
	if err := desk.Remove(ctx, q.who.ID, id); err != nil {
		return nil, webhookError(err)
	}
	return &noAnswer{}, nil
}

func (h *Handler) rotateWebhook(ctx context.Context, q *caller, in *struct {
	WebhookPath
	Leaked bool `query:"leaked" doc:"Others have got hold of the secret before: it ends at once."`
}) (*struct{ Body WebhookSecret }, error) {
	desk, id, err := h.desk(q, &in.WebhookPath)
	if err != nil {
		return nil, err
	}
	secret, err := desk.Rotate(ctx, q.who.ID, id, in.Leaked)
	if err != nil {
		return nil, webhookError(err)
	}
	return &struct{ Body WebhookSecret }{WebhookSecret{secret}}, nil
}

func tellDelivery(d *storage.Delivery) *Delivery {
	out := &Delivery{
		ID: d.Message, Sequence: d.Sequence, Changes: d.Changes, Test: d.Test, State: string(d.State), Created: moment(d.Created),
		Attempts: d.Attempt, Tried: moment(d.Tried), Status: d.Status, Error: d.Error,
	}
	if d.About.Calendar != 0 {
		out.Calendar = meeting.CalendarID(d.About.Owner, d.About.Calendar)
	}
	if d.State == storage.DeliveryReady {
		out.Next = moment(d.DueAt)
	}
	return out
}

func (h *Handler) testWebhook(ctx context.Context, q *caller, in *WebhookPath) (*struct{ Body *Delivery }, error) {
	desk, id, err := h.desk(q, in)
	if err != nil {
		return nil, err
	}
	d, err := desk.Test(ctx, q.who.ID, id)
	if err != nil {
		return nil, webhookError(err)
	}
	return &struct{ Body *Delivery }{tellDelivery(d)}, nil
}

// DeliveryPage is a page of the deliveries of a webhook.
type DeliveryPage struct {
	Deliveries []*Delivery `json:"deliveries" nullable:"false" doc:"The latest first."`
	Next       int64       `json:"next,omitempty" doc:"Send it as below for the next page."`
}

func (h *Handler) listDeliveries(ctx context.Context, q *caller, in *struct {
	WebhookPath
	Limit int   `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"How many at most."`
	Below int64 `query:"below" minimum:"0" doc:"The next of the page before."`
}) (*struct{ Body DeliveryPage }, error) {
	desk, id, err := h.desk(q, &in.WebhookPath)
	if err != nil {
		return nil, err
	}
	list, err := desk.Deliveries(ctx, q.who.ID, id, in.Below, in.Limit)
	if err != nil {
		return nil, webhookError(err)
	}
	page := DeliveryPage{Deliveries: []*Delivery{}}
	for _, d := range list {
		page.Deliveries = append(page.Deliveries, tellDelivery(d))
	}
	if len(list) == in.Limit {
		page.Next = list[len(list)-1].Sequence
	}
	return &struct{ Body DeliveryPage }{page}, nil
}
