package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kalends/auth"
	"kalends/calendar"
	"kalends/meeting"
	"kalends/storage"
)

// published registers the addresses under which whoever knows them reads a calendar.
func (h *Handler) published(a huma.API) {
	register(h, a, operation("GET", "/calendars/{id}/feeds", "listFeeds", sharesTag, auth.ReadScope, "Under which addresses a calendar is public",
		"What is secret in them is not told any more."), h.listFeeds)
	create := operation("POST", "/calendars/{id}/feeds", "createFeed", sharesTag, auth.WriteScope, "Publish a calendar",
		"Whoever knows the address can read it without a password, in any program that subscribes to calendars. Private events are left out.")
	create.DefaultStatus = http.StatusCreated
	register(h, a, create, h.createFeed)
	register(h, a, operation("DELETE", "/calendars/{id}/feeds/{feed}", "deleteFeed", sharesTag, auth.WriteScope, "End a public address", ""), h.deleteFeed)
}

// Feed is an address under which whoever knows it reads a calendar.
type Feed struct {
	ID      string `json:"id" doc:"Its id."`
	Label   string `json:"label,omitempty" doc:"What it is for."`
	Busy    bool   `json:"busyOnly,omitempty" doc:"Whether it shows only when the time is taken."`
	Created string `json:"created" doc:"When it was made."`
}

// NewFeed is a public address to make.
type NewFeed struct {
	Label string `json:"label,omitempty" maxLength:"100" doc:"What it is for."`
	Busy  bool   `json:"busyOnly,omitempty" doc:"Whether it shows only when the time is taken."`
}

// NewFeedAnswer is a public address that was made.
type NewFeedAnswer struct {
	Feed
	Path string `json:"path" doc:"The address below that of the server. It is told only now."`
	URL  string `json:"url,omitempty" doc:"The whole address, where the server knows its own."`
}

func tellFeed(f *storage.Feed) Feed {
	return Feed{ID: calendar.FeedID(f), Label: f.Label, Busy: f.Busy, Created: f.Created.UTC().Format(time.RFC3339)}
}

func (h *Handler) listFeeds(ctx context.Context, q *caller, in *CalendarPath) (*struct {
	Body struct {
		Feeds []Feed `json:"feeds" nullable:"false" doc:"The oldest first."`
	}
}, error) {
	out := &struct {
		Body struct {
			Feeds []Feed `json:"feeds" nullable:"false" doc:"The oldest first."`
		}
	}{}
	out.Body.Feeds = []Feed{}
	p, c, err := h.oneCalendar(ctx, q, in.ID)
	if err != nil {
		return nil, err
	}
	list, err := h.Calendar.Feeds(ctx, q.who, p.Target(c, ""))
	for _, f := range list {
		out.Body.Feeds = append(out.Body.Feeds, tellFeed(f))
	}
	return out, err
}

func (h *Handler) createFeed(ctx context.Context, q *caller, in *struct {
	CalendarPath
	Body NewFeed
}) (*struct{ Body *NewFeedAnswer }, error) {
	if err := meeting.OneLine("label", in.Body.Label); err != nil {
		return nil, err
	}
	p, c, err := h.oneCalendar(ctx, q, in.ID)
	if err != nil {
		return nil, err
	}
	token, f, err := h.Calendar.Publish(ctx, q.who, p.Target(c, ""), in.Body.Busy, in.Body.Label)
	if err != nil {
		return nil, err
	}
	out := &NewFeedAnswer{Feed: tellFeed(f), Path: "/feed/" + token + ".ics"}
	if h.BaseURL != "" {
		out.URL = strings.TrimSuffix(h.BaseURL, "/") + out.Path
	}
	return &struct{ Body *NewFeedAnswer }{out}, nil
}

func (h *Handler) deleteFeed(ctx context.Context, q *caller, in *struct {
	CalendarPath
	Feed string `path:"feed" maxLength:"100" doc:"Id of the public address."`
}) (*noAnswer, error) {
	p, c, err := h.oneCalendar(ctx, q, in.ID)
	if err != nil {
		return nil, err
	}
	if err := h.Calendar.Unpublish(ctx, q.who, p.Target(c, ""), in.Feed); err != nil {
		return nil, err
	}
	return &noAnswer{}, nil
}
