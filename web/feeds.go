package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"kalends/calendar"
	"kalends/storage"
	"kalends/subscription"
)

// feedPatience is how long somebody waits for a feed to be looked at: less than a request may take.
const feedPatience = 25 * time.Second

// feedPaces are how often a feed can be looked at, in hours; 0 for as it says itself.
var feedPaces = []int{0, 1, 6, 24, 7 * 24}

// feedProblems tells people what to do, by a part of what package subscription says is wrong with a feed.
var feedProblems = map[string]string{
	"longer than 2,000 characters":        "The address is too long.",
	"blanks in it":                        "There are blanks in the address. Copy it again, from beginning to end.",
	"it is no URL":                        "This is no address. It begins with https:// or webcal://.",
	"not one of https or http":            "This is no address. It begins with https:// or webcal://.",
	"it names no host":                    "This is no address. It begins with https:// or webcal://.",
	"cannot be asked":                     "This is no address. It begins with https:// or webcal://.",
	"leads from https to http":            "It leads to a place that this server does not fetch from. Only addresses that everybody can reach work.",
	"may not be fetched from":             "It leads to a place that this server does not fetch from. Only addresses that everybody can reach work.",
	"the feed is larger than":             "The feed is too large.",
	"the feed has more than":              "The feed has too many events.",
	"too much to be read at one go":       "The feed has too many events.",
	"is a web page":                       "There is a web page, no calendar. Look on it for the calendar’s own address (often ending in .ics), and whether one has to sign in there.",
	"the answer is empty":                 "The address answers, but with nothing. If that stays so, ask who publishes it.",
	"the answer is no calendar":           "What is there is no calendar. Look for an address that ends in .ics.",
	"cut off in the middle":               "The calendar broke off in the middle. It is tried again by itself.",
	"gone for good":                       "Who published it has taken it down for good. Ask for a new address, or remove it.",
	"there is no feed at this address":    "There is no calendar at this address (any more). Check it, or ask for a new one.",
	"is not open to us":                   "The address does not let us in. Ask for a public one, or for one with a secret in it.",
	"asked less often":                    "The other server wants to be asked less often. It is tried again later by itself.",
	"server has a problem":                "The other server has a problem. It is tried again by itself.",
	"answers with the status":             "The other server answers in a way that makes no sense here. Check the address.",
	"no host of that name":                "There is no server of this name. Check the address for typing mistakes.",
	"does not answer in time":             "The other server does not answer in time. It is tried again by itself.",
	"certificate of the feed":             "The other server’s certificate cannot be verified, so it could be anybody. Tell who runs it.",
	"one address to another without end":  "The address leads in circles. Check it, or ask for a new one.",
	"cannot be reached, or broke off":     "The other server cannot be reached. It is tried again by itself.",
	"it was looked at just now":           "It was looked at just now. Please wait a minute.",
	"being looked at just now":            "Other calendars are being fetched just now. Please wait a minute.",
	"one can subscribe to":                "These are as many as one can have. Remove one first.",
	someBad:                               "Some of what is in it could not be read; the rest is here.",
	"internal error":                      laterText,
	"uses as much space as it may":        "There is no room left.",
	"has at most 1000 collections":        "There is no room left.",
	"is not filled from a feed elsewhere": "There is nothing here, or nothing that you may see.",
}

// someBad is in what is noted of a feed of which a part could not be taken; after it is what other servers may have written.
const someBad = "could not be taken, and"

// feedProblem says in somebody's language what is wrong with a feed. Of several parts that fit the last is what it is about.
func (v *visit) feedProblem(text string) string {
	if text == "" {
		return ""
	}
	if strings.Contains(text, someBad) {
		return v.t(feedProblems[someBad])
	}
	at, found := -1, text
	for part, words := range feedProblems {
		if i := strings.LastIndex(text, part); i > at {
			at, found = i, v.t(words)
		}
	}
	return found
}

// feedState is how it goes with a feed.
type feedState struct {
	Host    string
	Fetched string // when it was there last; "" for never
	Next    string // when it is looked at next; "" for never
	Problem string
	Detail  string // the problem as it was noted, where it says more
}

func (v *visit) feedState(s *storage.Subscription) feedState {
	f := feedState{Host: "–", Problem: v.feedProblem(s.LastError)}
	if u, err := url.Parse(s.URL); err == nil && u.Hostname() != "" {
		f.Host = u.Hostname()
	}
	if strings.Contains(s.LastError, someBad) {
		f.Detail = s.LastError
	}
	if !s.Fetched.IsZero() {
		f.Fetched = v.lang.Moment(s.Fetched, v.loc)
	}
	if !s.DueAt.IsZero() {
		f.Next = v.lang.Moment(s.DueAt, v.loc)
	}
	return f
}

// paces are the choices of how often, with the one that is set.
func (v *visit) paces(every time.Duration) []option {
	list := slices.Clone(feedPaces)
	set := int((every + time.Hour - 1) / time.Hour)
	if !slices.Contains(list, set) {
		list = append(list, set)
		slices.Sort(list)
	}
	out := make([]option, len(list))
	for i, n := range list {
		text := v.t("as often as the feed says")
		switch {
		case n > 0 && n%24 == 0:
			text = v.lang.N(n/24, "every day", "every %d days")
		case n > 0:
			text = v.lang.N(n, "every hour", "every %d hours")
		}
		out[i] = option{strconv.Itoa(n), text, n == set}
	}
	return out
}

func readPace(text string) (time.Duration, bool) {
	n, err := strconv.Atoi(text)
	return time.Duration(n) * time.Hour, err == nil && n >= 0 && time.Duration(n) <= subscription.Seldom/time.Hour
}

// subscribe makes a calendar that shows a feed.
func (h *Handler) subscribe(v *visit) error {
	if h.Feeds == nil {
		return notThere
	}
	every, ok := readPace(v.value("every"))
	if !ok {
		return brokenForm
	}
	color := v.value("color")
	ctx, cancel := context.WithTimeout(v.r.Context(), feedPatience)
	defer cancel()
	made, _, err := h.Feeds.Subscribe(ctx, subscription.Request{
		Who: v.who, Owner: v.who, URL: v.value("url"), Name: plainLine(v.value("name"), 200), Every: every,
	})
	if made == nil {
		var e *subscription.Error
		switch {
		case errors.As(err, &e):
			return v.showCalendars(http.StatusUnprocessableEntity, calendarsProblems{"url": v.feedProblem(e.Msg)})
		case v.value("url") == "":
			return v.showCalendars(http.StatusUnprocessableEntity, calendarsProblems{"url": v.t("This is no address. It begins with https:// or webcal://.")})
		}
		return err
	}
	// What could not be read of it is told on its page.
	if colorForm.MatchString(color) {
		err := h.Calendar.Patch(v.r.Context(), v.who, calendar.Target{Owner: v.who, Slug: made.Slug}, calendar.Edit{Live: func(c *storage.Calendar) error {
			c.Color, c.ColorName = color, ""
			return nil
		}})
		if err != nil {
			return err
		}
	}
	return v.redirect("/calendars/" + calendarID(made) + "?done=subscribed")
}

type feedView struct {
	base
	Calendar   *shelf
	State      feedState
	NewName    string
	URL        string
	Busy       bool
	Paces      []option
	Wrong      map[string]string
	Events     int64
	CanRefresh bool
	Address    string
}

func (v *visit) showFeed(status int, s *shelf, wrong map[string]string) error {
	ctx := v.r.Context()
	sub, err := v.Store.Subscription(ctx, s.row.Owner, s.row.ID)
	if errors.Is(err, storage.ErrNotFound) {
		sub = &storage.Subscription{}
	} else if err != nil {
		return err
	}
	p := &feedView{
		base: v.base(s.Name), Calendar: s, State: v.feedState(sub), NewName: s.Name, URL: sub.URL, Busy: !s.row.Transparent, Paces: v.paces(sub.Every), Wrong: wrong,
		Events: s.row.Objects, CanRefresh: v.Feeds != nil, Address: v.site() + davPath(s),
	}
	p.Section = "calendars"
	if wrong != nil && v.r.PostForm.Has("url") {
		p.NewName, p.URL = clipTo(v.value("name"), 300), clipTo(v.value("url"), 3000)
	}
	list, err := v.shelves(ctx)
	if err != nil {
		return err
	}
	p.Colors = "/colors.css?v=" + colorVersion(list)
	return v.render(status, "feed", p)
}

// setFeed changes a calendar that shows a feed, and from where it does.
func (v *visit) setFeed(s *shelf) error {
	ctx := v.r.Context()
	name, color := plainLine(v.value("name"), 200), v.value("color")
	every, ok := readPace(v.value("every"))
	if !ok || !colorForm.MatchString(color) {
		return brokenForm
	}
	if name == "" {
		return v.showFeed(http.StatusUnprocessableEntity, s, map[string]string{"name": v.t("A calendar needs a name.")})
	}
	t := s.place.Target(s.row, "")
	if v.Feeds != nil {
		var e *subscription.Error
		if err := v.Feeds.Change(ctx, v.who, t, subscription.Change{URL: v.value("url"), Every: every}); errors.As(err, &e) {
			return v.showFeed(http.StatusUnprocessableEntity, s, map[string]string{"url": v.feedProblem(e.Msg)})
		} else if err != nil {
			return err
		}
	}
	err := v.Calendar.Patch(ctx, v.who, t, look(name, color, v.value("busy") != ""))
	if err != nil {
		return err
	}
	return v.redirect("/calendars/" + s.ID + "?done=saved")
}

// refreshFeed looks at a feed now.
func (h *Handler) refreshFeed(v *visit) error {
	s, err := v.ownCalendar()
	if err != nil {
		return err
	}
	if h.Feeds == nil || !s.row.Subscribed {
		return notThere
	}
	ctx, cancel := context.WithTimeout(v.r.Context(), feedPatience)
	defer cancel()
	var e *subscription.Error
	if err = h.Feeds.Refresh(ctx, v.who, s.place.Target(s.row, "")); errors.As(err, &e) {
		if s, err = v.ownCalendar(); err != nil {
			return err
		}
		return v.showFeed(http.StatusUnprocessableEntity, s, map[string]string{"refresh": v.feedProblem(e.Msg)})
	}
	if err != nil {
		return err
	}
	return v.redirect("/calendars/" + s.ID + "?done=refreshed")
}
