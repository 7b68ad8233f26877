package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/feed"
	"kalends/internal/config"
	"kalends/storage"
	"kalends/subscription"
)

// calendarCmd is `kalends calendar …`.
type calendarCmd struct {
	List        calendarListCmd        `cmd:"" help:"List somebody's calendars, with their feeds and what fills them."`
	Feed        calendarFeedCmd        `cmd:"" help:"Publish a calendar under a secret address, or end that."`
	Subscribe   calendarSubscribeCmd   `cmd:"" help:"Make a calendar that shows a feed elsewhere (webcal)."`
	Unsubscribe calendarUnsubscribeCmd `cmd:"" help:"Remove a calendar that shows a feed."`
	Share       calendarShareCmd       `cmd:"" help:"Share a calendar with a person or group."`
	Shares      calendarSharesCmd      `cmd:"" help:"List with whom a calendar is shared."`
	Unshare     calendarUnshareCmd     `cmd:"" help:"Take a calendar back."`
	Alarms      calendarAlarmsCmd      `cmd:"" help:"Show or change the alarms of events in a calendar that have none."`
}

// calendars is what commands on calendars work with.
type calendars struct {
	*program
	store   storage.Store
	dir     *auth.Directory
	service *calendar.Service
}

// onCalendars runs fn on the database's calendars, with the limits that the server has. What it changes is followed up by a
// running server.
func onCalendars(p *program, fn func(*calendars) error) error {
	return withStore(p, func(s storage.Store) error {
		a := &app{store: s, now: time.Now}
		service := a.service(p.cfg, newLogger(p))
		service.URL = publicURL(p.ctx, s, p.cfg)
		return fn(&calendars{program: p, store: s, dir: &auth.Directory{Store: s}, service: service})
	})
}

// person finds whose calendars are meant.
func (c *calendars) person(name string) (*storage.Principal, error) {
	p, err := c.dir.Find(c.ctx, name)
	if err != nil {
		return nil, explainUser(name, err)
	}
	if p.Kind == storage.Group {
		return nil, fmt.Errorf("%s is a group, which has no calendars", p.Name)
	}
	return p, nil
}

// only is the one person there is, when nobody was named.
func (c *calendars) only(name string) (*storage.Principal, error) {
	if name != "" {
		return c.person(name)
	}
	list, err := c.store.Principals(c.ctx, storage.PrincipalQuery{Kinds: []storage.Kind{storage.Person}, Limit: 2})
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, errors.New("whose calendars? say it with --user NAME; `kalends user list` shows who there is")
	}
	return list[0], nil
}

// calendar finds NAME/SLUG.
func (c *calendars) calendar(path string) (*storage.Principal, calendar.Target, *storage.Calendar, error) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return nil, calendar.Target{}, nil, fmt.Errorf("%s: expected NAME/CALENDAR, such as alice/calendar; `kalends calendar list alice` shows them", path)
	}
	owner, err := c.person(path[:i])
	if err != nil {
		return nil, calendar.Target{}, nil, err
	}
	t := calendar.Target{Owner: owner, Slug: path[i+1:]}
	cal, err := c.service.Collection(c.ctx, owner, t)
	if calendar.KindOf(err) == calendar.NotFound {
		return nil, t, nil, fmt.Errorf("%s has no calendar %q; `kalends calendar list %s` shows them", owner.Name, t.Slug, owner.Name)
	}
	return owner, t, cal, err
}

type calendarListCmd struct {
	Name string `arg:"" help:"Name or mail address."`
}

// Run lists calendars.
func (c *calendarListCmd) Run(p *program) error {
	return onCalendars(p, func(s *calendars) error {
		owner, err := s.person(c.Name)
		if err != nil {
			return err
		}
		home, err := s.store.Calendars(p.ctx, owner.ID)
		if err != nil {
			return err
		}
		feeds, err := s.store.Feeds(p.ctx, owner.ID, 0)
		if err != nil {
			return err
		}
		subs, err := s.store.Subscriptions(p.ctx, owner.ID)
		if err != nil {
			return err
		}
		t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "CALENDAR\tNAME\tOBJECTS\tFEEDS\tSHOWS")
		for _, cal := range home {
			if cal.Kind != storage.CalendarKind {
				continue
			}
			n := 0
			for _, f := range feeds {
				if f.Calendar == cal.ID {
					n++
				}
			}
			shows := "-"
			if i := slices.IndexFunc(subs, func(s *storage.Subscription) bool { return s.Calendar == cal.ID }); i >= 0 {
				shows = showSubscription(subs[i])
			}
			fmt.Fprintf(t, "%s/%s\t%s\t%d\t%d\t%s\n", owner.Name, printable(cal.Slug), printable(cal.DisplayName), cal.Objects, n, shows)
		}
		return t.Flush()
	})
}

// showSubscription says what a calendar shows, and how that goes. The address may be a secret, so of it only the host is told.
func showSubscription(s *storage.Subscription) string {
	host := s.URL
	if _, rest, ok := strings.Cut(host, "://"); ok {
		host, _, _ = strings.Cut(rest, "/")
		host = host[strings.LastIndexByte(host, '@')+1:]
	}
	out := printable(host)
	if !s.Fetched.IsZero() {
		out += ", as of " + s.Fetched.UTC().Format(time.RFC3339)
	}
	if s.LastError != "" {
		out += "; " + printable(s.LastError)
	}
	if s.DueAt.IsZero() {
		out += "; it is not looked at any more"
	}
	return out
}

type calendarFeedCmd struct {
	Calendar string `arg:"" help:"NAME/CALENDAR, such as alice/calendar."`
	Full     bool   `xor:"what" help:"Make an address that shows everything but private events."`
	Busy     bool   `xor:"what" help:"Make an address that shows only when the time is taken."`
	List     bool   `xor:"what" help:"List the calendar's addresses (this is done without a flag too)."`
	Revoke   string `xor:"what" help:"End an address: its ID, or the address itself." placeholder:"ID"`
	Label    string `help:"What a new address is for, to know it again." placeholder:"TEXT"`
}

// Help implements kong.HelpProvider.
func (calendarFeedCmd) Help() string {
	return `Whoever knows the address can read the calendar, without a password, in any program that subscribes to calendars. It is shown only once. ` +
		`Events with CLASS:PRIVATE are left out of it, of those with CLASS:CONFIDENTIAL only the time is shown, and nobody's mail address is. The address begins with base_url where that is set, else with the address of the server that was started last on the database.

Examples:

    kalends calendar feed alice/calendar --busy --label "for the choir"
    kalends calendar feed alice/calendar --revoke 1f3a90c2b4`
}

// Run publishes a calendar.
func (c *calendarFeedCmd) Run(p *program) error {
	return onCalendars(p, func(s *calendars) error {
		owner, t, _, err := s.calendar(c.Calendar)
		if err != nil {
			return err
		}
		switch {
		case c.Full || c.Busy:
			token, f, err := s.service.Publish(p.ctx, owner, t, c.Busy, c.Label)
			if err != nil {
				return err
			}
			base := publicURL(p.ctx, s.store, p.cfg)
			fmt.Fprintf(p.out, "%s\n", base+feed.Path(token))
			if _, rest, ok := strings.Cut(base, "://"); ok {
				fmt.Fprintf(p.out, "webcal://%s\n", rest+feed.Path(token))
			}
			fmt.Fprintf(p.out, "Shown only now. To end it: kalends calendar feed %s --revoke %s\n", c.Calendar, calendar.FeedID(f))
			return nil
		case c.Revoke != "":
			if err := s.service.Unpublish(p.ctx, owner, t, c.Revoke); err != nil {
				return err
			}
			fmt.Fprintln(p.out, "Revoked; the address no longer works.")
			return nil
		}
		list, err := s.service.Feeds(p.ctx, owner, t)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tSHOWS\tCREATED\tLABEL")
		for _, f := range list {
			what := "everything"
			if f.Busy {
				what = "busy times"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", calendar.FeedID(f), what, f.Created.UTC().Format(time.RFC3339), printable(f.Label))
		}
		return w.Flush()
	})
}

// publicURL is the server's, without a slash at the end, as far as a command can know it: as it is set here, as the server that was started last on
// the database has written down, or where one listens by default.
func publicURL(ctx context.Context, store storage.Store, cfg *config.Settings) string {
	if cfg.BaseURL == "" {
		if there, err := store.Settings(ctx, siteSettings); err == nil && there[urlSetting] != "" {
			return there[urlSetting]
		}
	}
	bound, err := net.ResolveTCPAddr("tcp", cfg.ListenAddr())
	if err != nil {
		bound = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}
	}
	if len(bound.IP) == 0 {
		bound.IP = net.IPv4zero
	}
	return strings.TrimSuffix(cfg.PublicURL(bound), "/")
}

type calendarSubscribeCmd struct {
	Name     string        `arg:"" help:"Who gets the calendar: name or mail address."`
	URL      string        `arg:"" name:"url" help:"Address of the feed: webcal://, https:// or http://."`
	Calendar string        `help:"Slug of the new calendar; without it, one is made of its name." placeholder:"SLUG"`
	Title    string        `help:"Name that programs show; without it, what the feed calls itself." placeholder:"TEXT"`
	Every    time.Duration `help:"How often to look, from 15m to 168h; without it, as the feed says, else every hour." placeholder:"DURATION"`
}

// Help implements kong.HelpProvider.
func (calendarSubscribeCmd) Help() string {
	return `The feed is looked at now, and from then on by the running server. Programs can read the calendar, not write to it. ` +
		`Feeds are fetched from the public internet only, never from the server's own network.

Example:

    kalends calendar subscribe alice webcal://example.org/holidays.ics --title "Holidays"`
}

// Run subscribes.
func (c *calendarSubscribeCmd) Run(p *program) error {
	return onCalendars(p, func(s *calendars) error {
		owner, err := s.person(c.Name)
		if err != nil {
			return err
		}
		w := subscriber(s.store, s.service, newLogger(p))
		made, totals, err := w.Subscribe(p.ctx, subscription.Request{Who: owner, Owner: owner, URL: c.URL, Slug: c.Calendar, Name: c.Title, Every: c.Every})
		if err != nil && made == nil {
			return fmt.Errorf("not subscribed: %w", err)
		}
		if err != nil {
			return fmt.Errorf("%s/%s is made, but not filled yet: %w; the server goes on trying", owner.Name, made.Slug, err)
		}
		fmt.Fprintf(p.out, "%s/%s shows %d events of it.\n", owner.Name, made.Slug, totals[calendar.ImportCreated])
		sub, err := s.store.Subscription(p.ctx, made.Owner, made.ID)
		if err == nil && sub.LastError != "" {
			fmt.Fprintln(p.err, printable(sub.LastError))
		}
		return err
	})
}

type calendarUnsubscribeCmd struct {
	Calendar string `arg:"" help:"NAME/CALENDAR, such as alice/holidays."`
}

// Run removes a subscribed calendar.
func (c *calendarUnsubscribeCmd) Run(p *program) error {
	return onCalendars(p, func(s *calendars) error {
		owner, t, cal, err := s.calendar(c.Calendar)
		if err != nil {
			return err
		}
		if !cal.Subscribed {
			return fmt.Errorf("%s is a calendar of its own, not one that shows a feed", c.Calendar)
		}
		if err := s.service.DeleteCalendar(p.ctx, owner, t, nil); err != nil {
			return err
		}
		fmt.Fprintf(p.out, "%s is removed.\n", c.Calendar)
		return nil
	})
}
