package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kalends/auth"
	"kalends/calendar"
	"kalends/meeting"
	"kalends/storage"
	"kalends/subscription"
)

const subscriptionsTag = "Subscriptions"

// feedPatience is how long a request waits for a feed elsewhere: less than it may take.
const feedPatience = 25 * time.Second

// subscriptions registers calendars that are filled from feeds elsewhere.
func (h *Handler) subscriptions(a huma.API) {
	register(h, a, operation("GET", "/subscriptions", "listSubscriptions", subscriptionsTag, auth.ReadScope, "Calendars that show feeds elsewhere",
		"Their addresses may be secrets."), h.listSubscriptions)
	create := operation("POST", "/subscriptions", "createSubscription", subscriptionsTag, auth.WriteScope, "Subscribe to a feed",
		"The feed is looked at first; a calendar is made of it. Nobody but the feed changes what is in it.")
	create.DefaultStatus = http.StatusCreated
	register(h, a, create, h.createSubscription)
	register(h, a, operation("GET", "/subscriptions/{id}", "getSubscription", subscriptionsTag, auth.ReadScope, "How it goes with a feed", ""), h.getSubscription)
	register(h, a, operation("PATCH", "/subscriptions/{id}", "updateSubscription", subscriptionsTag, auth.WriteScope, "Change the address or the pace",
		"Name and colour are those of the calendar. A feed at another address is looked at at once."), h.updateSubscription)
	register(h, a, operation("POST", "/subscriptions/{id}/fetch", "fetchSubscription", subscriptionsTag, auth.WriteScope, "Look at the feed now",
		"Not more than once a minute."), h.fetchSubscription)
	register(h, a, operation("DELETE", "/subscriptions/{id}", "deleteSubscription", subscriptionsTag, auth.WriteScope, "Remove it, and its calendar", ""), h.deleteSubscription)
}

// Subscription is a calendar that shows a feed elsewhere.
type Subscription struct {
	Calendar string `json:"calendar" doc:"Id of the calendar, which names the subscription too."`
	Name     string `json:"name" doc:"What the calendar is called."`
	URL      string `json:"url" doc:"The address of the feed."`
	Every    int    `json:"everyMinutes,omitempty" doc:"How often it is looked at, in minutes; left out: as the feed says."`
	Checked  string `json:"checked,omitempty" doc:"When it was looked at last."`
	Fetched  string `json:"fetched,omitempty" doc:"When that went well last."`
	Next     string `json:"next,omitempty" doc:"When it is looked at next; left out: never again."`
	Failures int    `json:"failures" doc:"How many looks have gone wrong since."`
	Problem  string `json:"problem,omitempty" doc:"What was wrong at the last look, or with some of what is in the feed."`
	Events   int64  `json:"events" doc:"How many objects are in the calendar."`
}

// NewSubscription is a feed to subscribe to.
type NewSubscription struct {
	URL   string `json:"url" minLength:"1" maxLength:"2000" doc:"The address of the feed: https, http or webcal, on a public host."`
	Name  string `json:"name,omitempty" maxLength:"200" doc:"What the calendar is called; what the feed calls itself."`
	Color string `json:"color,omitempty" maxLength:"9" doc:"Its colour: #RRGGBB; the feed's."`
	Every int    `json:"everyMinutes,omitempty" minimum:"0" maximum:"10080" doc:"How often it is looked at, in minutes, from 15; as the feed says."`
}

// SubscriptionChange is what of a subscription is to be changed.
type SubscriptionChange struct {
	URL   string `json:"url,omitempty" maxLength:"2000" doc:"The address of the feed."`
	Every *int   `json:"everyMinutes,omitempty" minimum:"0" maximum:"10080" doc:"How often it is looked at, in minutes; 0: as the feed says."`
}

type subscriptionAnswer struct{ Body *Subscription }

func tellSubscription(c *storage.Calendar, s *storage.Subscription) *Subscription {
	when := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	out := &Subscription{
		Calendar: meeting.CalendarID(c.Owner, c.ID), Name: c.DisplayName, URL: s.URL, Every: int((s.Every + time.Minute - 1) / time.Minute), Checked: when(s.Checked),
		Fetched: when(s.Fetched), Next: when(s.DueAt), Failures: s.Failures, Problem: s.LastError, Events: c.Objects,
	}
	if out.Name == "" {
		out.Name = c.Slug
	}
	return out
}

// worker is who looks at feeds.
func (h *Handler) worker() (*subscription.Worker, error) {
	if h.Feeds == nil {
		return nil, calendar.Errorf(calendar.Unavailable, "nobody can subscribe on this server")
	}
	return h.Feeds, nil
}

// feedError says when to come again, or which field a problem with a feed is of.
func feedError(err error) error {
	e, ok := errors.AsType[*subscription.Error](err)
	if ok && errors.Is(err, subscription.ErrSoon) {
		return calendar.Errorf(calendar.Unavailable, "%s", e.Msg)
	}
	if ok {
		return invalid("url", "%s", e.Msg)
	}
	return err
}

// subscribed returns a calendar of the caller's that shows a feed.
func (h *Handler) subscribed(ctx context.Context, q *caller, id string) (calendar.Target, *storage.Calendar, *storage.Subscription, error) {
	none := notThere("subscription")
	p, c, err := h.editor.Where(ctx, q.who, id)
	if e, ok := errors.AsType[*meeting.Error](err); id == "" || ok && e.Kind == calendar.NoParent {
		return calendar.Target{}, nil, nil, none
	}
	if err != nil {
		return calendar.Target{}, nil, nil, err
	}
	if !p.Access.Own() || !c.Subscribed {
		return calendar.Target{}, nil, nil, none
	}
	s, err := h.Store.Subscription(ctx, c.Owner, c.ID)
	if errors.Is(err, storage.ErrNotFound) {
		err = none
	}
	return p.Target(c, ""), c, s, err
}

func (h *Handler) listSubscriptions(ctx context.Context, q *caller, _ *struct{}) (*struct {
	Body struct {
		Subscriptions []*Subscription `json:"subscriptions" nullable:"false" doc:"The oldest first."`
	}
}, error) {
	out := &struct {
		Body struct {
			Subscriptions []*Subscription `json:"subscriptions" nullable:"false" doc:"The oldest first."`
		}
	}{}
	out.Body.Subscriptions = []*Subscription{}
	list, err := h.Store.Subscriptions(ctx, q.who.ID)
	if err != nil {
		return nil, err
	}
	home, err := h.Store.Calendars(ctx, q.who.ID)
	if err != nil {
		return nil, err
	}
	for _, s := range list {
		for _, c := range home {
			if c.ID == s.Calendar {
				out.Body.Subscriptions = append(out.Body.Subscriptions, tellSubscription(c, s))
			}
		}
	}
	return out, nil
}

func (h *Handler) getSubscription(ctx context.Context, q *caller, in *CalendarPath) (*subscriptionAnswer, error) {
	_, c, s, err := h.subscribed(ctx, q, in.ID)
	if err != nil {
		return nil, err
	}
	return &subscriptionAnswer{tellSubscription(c, s)}, nil
}

func (h *Handler) createSubscription(ctx context.Context, q *caller, in *struct {
	OnceKey
	Body NewSubscription
}) (*subscriptionAnswer, error) {
	w, err := h.worker()
	if err != nil {
		return nil, err
	}
	if err := meeting.OneLine("name", in.Body.Name); err != nil {
		return nil, err
	}
	if in.Body.Color != "" && !colorForm.MatchString(in.Body.Color) {
		return nil, invalid("color", "must be of the form #RRGGBB")
	}
	return once(ctx, h, q, in.Key, "createSubscription", in.Body, func(slug string) (*subscriptionAnswer, error) {
		limited, cancel := context.WithTimeout(ctx, feedPatience)
		defer cancel()
		made, _, err := w.Subscribe(limited, subscription.Request{
			Who: q.who, Owner: q.who, URL: in.Body.URL, Slug: strings.ToLower(slug), Name: in.Body.Name, Every: time.Duration(in.Body.Every) * time.Minute,
		})
		switch {
		case made != nil: // what could not be read of it is told as its problem
		case in.Key != "" && calendar.KindOf(err) == calendar.Exists:
			// The same request was cut off after it had been carried out.
		default:
			return nil, feedError(err)
		}
		t, _, _, err := h.subscribed(ctx, q, strings.ToLower(slug))
		if err == nil && in.Body.Color != "" {
			err = h.Calendar.Patch(ctx, q.who, t, calendar.Edit{Live: func(c *storage.Calendar) error {
				c.Color, c.ColorName = in.Body.Color, ""
				return nil
			}})
		}
		if err != nil {
			return nil, err
		}
		return h.getSubscription(ctx, q, &CalendarPath{ID: strings.ToLower(slug)})
	})
}

func (h *Handler) updateSubscription(ctx context.Context, q *caller, in *struct {
	CalendarPath
	Body SubscriptionChange
}) (*subscriptionAnswer, error) {
	w, err := h.worker()
	if err != nil {
		return nil, err
	}
	t, _, s, err := h.subscribed(ctx, q, in.ID)
	if err != nil {
		return nil, err
	}
	ch := subscription.Change{URL: s.URL, Every: s.Every}
	if in.Body.URL != "" {
		ch.URL = in.Body.URL
	}
	if in.Body.Every != nil {
		ch.Every = time.Duration(*in.Body.Every) * time.Minute
	}
	if err := w.Change(ctx, q.who, t, ch); err != nil {
		return nil, feedError(err)
	}
	return h.getSubscription(ctx, q, &in.CalendarPath)
}

func (h *Handler) fetchSubscription(ctx context.Context, q *caller, in *CalendarPath) (*subscriptionAnswer, error) {
	w, err := h.worker()
	if err != nil {
		return nil, err
	}
	t, _, _, err := h.subscribed(ctx, q, in.ID)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, feedPatience)
	defer cancel()
	err = w.Refresh(limited, q.who, t)
	if _, ok := errors.AsType[*subscription.Error](err); err != nil && (!ok || errors.Is(err, subscription.ErrSoon)) {
		return nil, feedError(err)
	} // any other problem of the feed is told with it
	return h.getSubscription(ctx, q, in)
}

func (h *Handler) deleteSubscription(ctx context.Context, q *caller, in *CalendarPath) (*noAnswer, error) {
	t, _, _, err := h.subscribed(ctx, q, in.ID)
	if err != nil {
		return nil, err
	}
	if err := h.Calendar.DeleteCalendar(ctx, q.who, t, nil); err != nil {
		return nil, err
	}
	return &noAnswer{}, nil
}
