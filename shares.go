package main

import (
	"fmt"
	"text/tabwriter"

	"kalends/calendar"
	"kalends/storage"
)

type calendarShareCmd struct {
	Calendar string `arg:"" help:"NAME/CALENDAR, such as alice/calendar."`
	Who      string `arg:"" help:"Name or mail address of a person or group."`
	Write    bool   `xor:"access" help:"They may change what is in it too."`
	FreeBusy bool   `xor:"access" help:"They may only see when the time is taken."`
	Name     string `help:"What the calendar is called in the invitation; else its name." placeholder:"TEXT"`
	Direct   bool   `help:"Without asking: it is among their calendars at once."`
}

// Help implements kong.HelpProvider.
func (calendarShareCmd) Help() string {
	return `People are asked: Apple Calendar shows the invitation. A group may read at once what is shared with it, ` +
		`and each of its members is asked whether they want the calendar among theirs. Share once more to change what they may do.

Examples:

    kalends calendar share alice/calendar bob@example.com --write
    kalends calendar share alice/calendar team --free-busy`
}

// Run shares a calendar.
func (c *calendarShareCmd) Run(p *program) error {
	return onCalendars(p, func(s *calendars) error {
		owner, t, _, err := s.calendar(c.Calendar)
		if err != nil {
			return err
		}
		with, err := s.sharee(c.Who)
		if err != nil {
			return err
		}
		r := calendar.ShareRequest{With: with, Access: calendar.ShareRead, Summary: c.Name, Direct: c.Direct}
		switch {
		case c.Write:
			r.Access = calendar.ShareWrite
		case c.FreeBusy:
			r.Access = calendar.ShareBusy
		}
		if err := s.service.Share(p.ctx, owner, t, []calendar.ShareRequest{r}); err != nil {
			return err
		}
		list, err := s.service.Shares(p.ctx, owner, t)
		if err != nil {
			return err
		}
		for _, e := range list {
			if e.Sharee.ID == with.ID && e.Share.State == storage.ShareInvited {
				fmt.Fprintf(p.out, "%s is asked; nothing is shared until they accept.\n", with.Name)
				return nil
			}
		}
		fmt.Fprintf(p.out, "Shared with %s: %s.\n", with.Name, r.Access)
		return nil
	})
}

// sharee finds with whom something is shared, or is to be.
func (c *calendars) sharee(name string) (*storage.Principal, error) {
	p, err := c.service.Sharee(c.ctx, name)
	if calendar.KindOf(err) == calendar.NotFound {
		return nil, fmt.Errorf("there is nobody called %s; `kalends user list` shows who there is", name)
	}
	return p, err
}

type calendarSharesCmd struct {
	Calendar string `arg:"" help:"NAME/CALENDAR, such as alice/calendar."`
}

// Run lists with whom a calendar is shared.
func (c *calendarSharesCmd) Run(p *program) error {
	return onCalendars(p, func(s *calendars) error {
		owner, t, _, err := s.calendar(c.Calendar)
		if err != nil {
			return err
		}
		list, err := s.service.Shares(p.ctx, owner, t)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			fmt.Fprintln(p.out, "It is shared with nobody by an invitation.")
			return nil
		}
		out := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(out, "WITH\tACCESS\tSTATE")
		for _, e := range list {
			state := string(e.Share.State)
			if e.Share.Via != 0 {
				state += ", as a member of a group"
			}
			fmt.Fprintf(out, "%s\t%s\t%s\n", e.Sharee.Name, e.Access, state)
		}
		return out.Flush()
	})
}

type calendarUnshareCmd struct {
	Calendar string `arg:"" help:"NAME/CALENDAR, such as alice/calendar."`
	Who      string `arg:"" help:"Name or mail address of a person or group."`
}

// Run takes a calendar back.
func (c *calendarUnshareCmd) Run(p *program) error {
	return onCalendars(p, func(s *calendars) error {
		owner, t, _, err := s.calendar(c.Calendar)
		if err != nil {
			return err
		}
		with, err := s.sharee(c.Who)
		if err != nil {
			return err
		}
		list, err := s.service.Shares(p.ctx, owner, t)
		if err != nil {
			return err
		}
		for _, e := range list {
			if e.Sharee.ID == with.ID {
				if err := s.service.Unshare(p.ctx, owner, t, []*storage.Principal{with}); err != nil {
					return err
				}
				fmt.Fprintf(p.out, "No longer shared with %s.\n", with.Name)
				return nil
			}
		}
		return fmt.Errorf("%s is not shared with %s; `kalends calendar shares %s` shows with whom it is", c.Calendar, with.Name, c.Calendar)
	})
}
