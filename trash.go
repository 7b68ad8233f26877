package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"kalends/ical"
)

// trashCmd is `kalends trash …`.
type trashCmd struct {
	List    trashListCmd    `cmd:"" help:"List what somebody deleted, the latest first."`
	Restore trashRestoreCmd `cmd:"" help:"Bring it back into the calendar it was in."`
	Empty   trashEmptyCmd   `cmd:"" help:"Delete all of it for good."`
}

// Help implements kong.HelpProvider.
func (trashCmd) Help() string {
	return `What people delete, whole calendars included, can be brought back for 30 days. Bringing back a meeting that was cancelled by its deletion invites its attendees again: the list says whom.`
}

type trashListCmd struct {
	User string `arg:"" help:"Whose: name or mail address."`

	Limit int `help:"At most so many (${default})." default:"1000" placeholder:"N"`
}

// Run lists the trash. A terminal gets no control characters.
func (c *trashListCmd) Run(p *program) error {
	return onCalendars(p, func(s *calendars) error {
		who, err := s.person(c.User)
		if err != nil {
			return err
		}
		t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "ID\tDELETED\tCALENDAR\tSTART\tWHAT\tINVITES AGAIN")
		for after, left := "", max(c.Limit, 1); left > 0; {
			list, next, err := s.service.Trash(p.ctx, who, who, after, left)
			if err != nil {
				return err
			}
			for _, d := range list {
				start := ""
				switch {
				case d.AllDay:
					start = d.Start.Format(time.DateOnly)
				case !d.Start.IsZero():
					start = d.Start.UTC().Format(time.RFC3339)
				}
				var invites []string
				for _, a := range d.Invites {
					invites = append(invites, ical.Mailbox(a))
				}
				fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\n", d.ID, d.Deleted.UTC().Format(time.RFC3339), printable(d.Slug), start, printable(d.Summary),
					printable(strings.Join(invites, " ")))
			}
			left -= len(list)
			if after = next; after == "" {
				break
			}
		}
		return t.Flush()
	})
}

type trashRestoreCmd struct {
	User string   `arg:"" help:"Whose: name or mail address."`
	IDs  []string `arg:"" name:"id" help:"As list shows them."`
}

// Run brings back one after the other, and says of each what became of it.
func (c *trashRestoreCmd) Run(p *program) error {
	return onCalendars(p, func(s *calendars) error {
		who, err := s.person(c.User)
		if err != nil {
			return err
		}
		failed := 0
		for _, text := range c.IDs {
			id, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				err = errors.New("is not an id as `kalends trash list` shows them, such as 17")
			} else {
				_, err = s.service.Restore(p.ctx, who, who, id)
			}
			if err != nil {
				fmt.Fprintf(p.err, "%s: %s\n", text, oneLine(err.Error()))
				failed++
				continue
			}
			fmt.Fprintf(p.out, "%s is back.\n", text)
		}
		if failed > 0 {
			return fmt.Errorf("%d of %d could not be brought back", failed, len(c.IDs))
		}
		return nil
	})
}

type trashEmptyCmd struct {
	User string `arg:"" help:"Whose: name or mail address."`
}

// Run empties it.
func (c *trashEmptyCmd) Run(p *program) error {
	return onCalendars(p, func(s *calendars) error {
		who, err := s.person(c.User)
		if err != nil {
			return err
		}
		n, err := s.service.EmptyTrash(p.ctx, who, who)
		if err == nil {
			fmt.Fprintf(p.out, "%d deleted for good.\n", n)
		}
		return err
	})
}
