package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"kalends/auth"
	"kalends/calendar"
	"kalends/storage"
)

// withCalendars runs fn on the directory and the calendars of the database. What it changes is followed up by a running server.
func withCalendars(p *program, fn func(*auth.Directory, *calendar.Service) error) error {
	return withDirectory(p, func(d *auth.Directory) error {
		return fn(d, &calendar.Service{Store: d.Store, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	})
}

// findAll finds principals by name or mail address.
func findAll(ctx context.Context, d *auth.Directory, names []string) ([]int64, error) {
	var ids []int64
	for _, n := range names {
		p, err := d.Find(ctx, n)
		if err != nil {
			return nil, explainUser(n, err)
		}
		ids = append(ids, p.ID)
	}
	return ids, nil
}

type userRoomCmd struct {
	Name   string  `arg:"" help:"Name or mail address of a room or resource."`
	Answer *string `help:"auto: accept what is free, decline what is not; tentative: accept tentatively; manual: somebody answers for it." enum:"auto,tentative,manual" placeholder:"HOW"`
	Until  *string `help:"How many days ahead it can be booked, such as 400d." placeholder:"DAYS"`
	Group  *string `help:"Group whose members alone may book it; everybody to lift that." placeholder:"NAME"`
}

// Help implements kong.HelpProvider.
func (userRoomCmd) Help() string {
	return `Without a flag it shows how the room answers.

Examples:

    kalends user room blue-room --answer tentative --until 180d
    kalends user room board-room --group directors`
}

// Run shows or changes how a room answers.
func (c *userRoomCmd) Run(p *program) error {
	return withDirectory(p, func(d *auth.Directory) error {
		room, err := d.Find(p.ctx, c.Name)
		if err != nil {
			return explainUser(c.Name, err)
		}
		if room.Kind != storage.Room && room.Kind != storage.Resource {
			return fmt.Errorf("%s is a %s; only rooms and resources answer by themselves", room.Name, room.Kind)
		}
		b := room.Booking
		if c.Answer != nil {
			b.Answer = map[string]storage.Answer{"auto": storage.AnswerAuto, "tentative": storage.AnswerTentative, "manual": storage.AnswerManual}[*c.Answer]
		}
		if c.Until != nil {
			if b.Days, err = strconv.ParseInt(strings.TrimSuffix(*c.Until, "d"), 10, 32); err != nil || b.Days < 1 || b.Days > 3660 {
				return fmt.Errorf("--until %s: expected a number of days from 1d to 3660d", *c.Until)
			}
		}
		if c.Group != nil {
			b.Group = 0
			if *c.Group != "everybody" {
				g, err := d.Find(p.ctx, *c.Group)
				if err != nil {
					return explainUser(*c.Group, err)
				}
				if g.Kind != storage.Group {
					return fmt.Errorf("%s is no group", g.Name)
				}
				b.Group = g.ID
			}
		}
		if b != room.Booking {
			if err := d.SetBooking(p.ctx, room.Name, b); err != nil {
				return explainUser(c.Name, err)
			}
		}
		return showBooking(p, d, room.Name, b)
	})
}

func showBooking(p *program, d *auth.Directory, name string, b storage.Booking) error {
	how := map[storage.Answer]string{storage.AnswerAuto: "accepts what is free", storage.AnswerTentative: "accepts tentatively what is free", storage.AnswerManual: "waits for somebody to answer"}[b.Answer]
	days := b.Days
	if days == 0 {
		days = storage.DefaultBookingDays
	}
	who := "everybody"
	if b.Group != 0 {
		who = "the members of a group that is gone: nobody"
		if g, err := d.Store.PrincipalByID(p.ctx, b.Group); err == nil {
			who = "the members of " + g.Name
		} else if !errors.Is(err, storage.ErrNotFound) {
			return err
		}
	}
	fmt.Fprintf(p.out, "%s %s. It can be booked %d days ahead, by %s.\n", name, how, days, who)
	return nil
}

type userGroupCmd struct {
	Name   string   `arg:"" help:"Name or mail address of a group."`
	Add    []string `help:"Who joins, by name or mail address." placeholder:"NAME,…"`
	Remove []string `help:"Who leaves." placeholder:"NAME,…"`
}

// Help implements kong.HelpProvider.
func (userGroupCmd) Help() string {
	return `Who joins is invited to the group's future meetings, and who leaves is taken out of them; a running server does so within seconds.
Without a flag it lists the members.

Example:

    kalends user group team --add alice,bob --remove cleo`
}

// Run shows or changes the members of a group.
func (c *userGroupCmd) Run(p *program) error {
	return withCalendars(p, func(d *auth.Directory, s *calendar.Service) error {
		g, err := d.Find(p.ctx, c.Name)
		if err != nil {
			return explainUser(c.Name, err)
		}
		if g.Kind != storage.Group {
			return fmt.Errorf("%s is a %s, not a group", g.Name, g.Kind)
		}
		add, err := findAll(p.ctx, d, c.Add)
		if err != nil {
			return err
		}
		remove, err := findAll(p.ctx, d, c.Remove)
		if err != nil {
			return err
		}
		if err := s.ChangeGroup(p.ctx, g, add, remove); err != nil {
			return err
		}
		members, err := d.Store.GroupMembers(p.ctx, g.ID)
		if err != nil {
			return err
		}
		for _, m := range members {
			fmt.Fprintln(p.out, m.Name)
		}
		return nil
	})
}

type userDelegateCmd struct {
	Name   string   `arg:"" help:"Name or mail address of whoever is acted for."`
	Read   []string `help:"Who may read the calendars." placeholder:"NAME,…"`
	Write  []string `help:"Who may change the calendars too, and answers and invites on behalf." placeholder:"NAME,…"`
	Remove []string `help:"Who may no longer." placeholder:"NAME,…"`
}

// Help implements kong.HelpProvider.
func (userDelegateCmd) Help() string {
	return `People choose their delegates themselves in programs that know delegation, such as Apple's. Without a flag it lists them.

Example:

    kalends user delegate alice --write bob`
}

// Run shows or changes who acts for a principal.
func (c *userDelegateCmd) Run(p *program) error {
	return withDirectory(p, func(d *auth.Directory) error {
		target, err := d.Find(p.ctx, c.Name)
		if err != nil {
			return explainUser(c.Name, err)
		}
		var changes []storage.Delegate
		var gone []int64
		for _, part := range []struct {
			names []string
			write bool
		}{{c.Read, false}, {c.Write, true}} {
			ids, err := findAll(p.ctx, d, part.names)
			if err != nil {
				return err
			}
			for _, id := range ids {
				changes = append(changes, storage.Delegate{ID: id, Write: part.write})
			}
		}
		if gone, err = findAll(p.ctx, d, c.Remove); err != nil {
			return err
		}
		list, err := d.ChangeDelegates(p.ctx, target, changes, gone)
		if err != nil {
			return explainUser(c.Name, err)
		}
		for _, x := range list {
			who, err := d.Store.PrincipalByID(p.ctx, x.ID)
			if err != nil {
				return err
			}
			right := "read"
			if x.Write {
				right = "write"
			}
			fmt.Fprintf(p.out, "%s\t%s\n", who.Name, right)
		}
		return nil
	})
}

type userCalendarCmd struct {
	Name        string `arg:"" help:"Name or mail address of the calendar's owner."`
	Calendar    string `arg:"" help:"Name of the calendar in its URL." default:"calendar"`
	ClientSends *bool  `help:"The owner's program sends invitations and answers for this calendar; the server does not." negatable:""`
	Team        *bool  `help:"Who plans a meeting in this calendar is its organizer, not the calendar's owner." negatable:""`
}

// Run shows or changes who schedules for a calendar.
func (c *userCalendarCmd) Run(p *program) error {
	return withCalendars(p, func(d *auth.Directory, s *calendar.Service) error {
		owner, err := d.Find(p.ctx, c.Name)
		if err != nil {
			return explainUser(c.Name, err)
		}
		t := calendar.Target{Owner: owner, Slug: c.Calendar}
		if c.ClientSends != nil || c.Team != nil {
			err := s.Patch(p.ctx, owner, t, calendar.Edit{Live: func(cal *storage.Calendar) error {
				if cal.Kind != storage.CalendarKind {
					return fmt.Errorf("%s is no calendar", c.Calendar)
				}
				if c.ClientSends != nil {
					cal.OwnClient = *c.ClientSends
				}
				if c.Team != nil {
					cal.Team = *c.Team
				}
				return nil
			}})
			if err != nil {
				return err
			}
		}
		cal, err := s.Collection(p.ctx, owner, t)
		if err != nil {
			return err
		}
		who := "the server"
		if cal.OwnClient {
			who = "the owner's program"
		}
		fmt.Fprintf(p.out, "Invitations and answers of %s/%s are sent by %s.\n", owner.Name, cal.Slug, who)
		if cal.Team {
			fmt.Fprintln(p.out, "Who plans a meeting in it is its organizer.")
		}
		return nil
	})
}
