package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"kalends/calendar"
)

type userRemoveCmd struct {
	Name         string `arg:"" help:"Name or mail address."`
	Yes          bool   `help:"Do not ask."`
	KeepMeetings bool   `help:"Leave their meetings that are still ahead in the calendars of others, and tell nobody."`
}

// Help implements kong.HelpProvider.
func (userRemoveCmd) Help() string {
	return `Their calendars and everything in them are removed too. It cannot be undone.

Meetings that are still ahead end first: those that they organize are cancelled, with a mail to who is elsewhere, and those that they are invited to are declined. ` +
		`How many there are is told before. If the command is cut off, the same command goes on. The mails are sent by the running server. ` +
		`With --keep-meetings all of them stay as they are in the calendars of others, without anybody who could change or cancel them.`
}

// Run removes a principal, after asking.
func (c *userRemoveCmd) Run(p *program) error {
	return onCalendars(p, func(s *calendars) error {
		found, err := s.dir.Find(p.ctx, c.Name)
		if err != nil {
			return explainUser(c.Name, err)
		}
		var ahead calendar.Ahead
		if !c.KeepMeetings || !c.Yes {
			if ahead, err = s.service.MeetingsAhead(p.ctx, found); err != nil {
				return err
			}
		}
		if !c.Yes {
			fmt.Fprintf(p.out, "%sRemove %s (%s) with all calendars? This cannot be undone. Type the name to go on: ", c.foretell(ahead), found.Name, printable(found.DisplayName))
			line, _ := bufio.NewReader(io.LimitReader(p.in, 4096)).ReadString('\n')
			if !strings.EqualFold(strings.TrimSpace(line), found.Name) {
				fmt.Fprintln(p.out)
				return fmt.Errorf("%s was not removed: the name was not typed; --yes removes without asking", found.Name)
			}
		}
		told := ""
		if !c.KeepMeetings && ahead.Any() {
			tell := progress(p.err, "ending meetings")
			done, err := s.service.EndMeetings(p.ctx, found, func(n calendar.Ahead) { tell(n.Organized+n.Invited, ahead.Organized+ahead.Invited) })
			if err != nil {
				return fmt.Errorf("%s was not removed: %w; %s so far, and the same command goes on", found.Name, err, endings(done, "was", "were"))
			}
			told = " Of the meetings that were still ahead " + endings(done, "was", "were") + "."
		}
		if err := s.service.RemovePrincipal(p.ctx, found); err != nil {
			return explainUser(c.Name, err)
		}
		fmt.Fprintf(p.out, "Removed %s.%s\n", found.Name, told)
		return nil
	})
}

// foretell says what is to become of the meetings that are ahead; "" where there are none.
func (c *userRemoveCmd) foretell(n calendar.Ahead) string {
	switch {
	case !n.Any():
		return ""
	case c.KeepMeetings:
		return fmt.Sprintf("%d of their meetings with others are still ahead. These stay in the calendars of the others, who are told nothing.\n", n.Organized+n.Invited)
	}
	return "Of their meetings that are still ahead " + endings(n, "will be", "will be") + ". (--keep-meetings leaves them as they are.)\n"
}

// endings counts what ends: one verb stands after one, the other after all other numbers.
func endings(n calendar.Ahead, one, many string) string {
	verb := func(n int) string {
		if n == 1 {
			return one
		}
		return many
	}
	return fmt.Sprintf("%d %s cancelled and %d declined", n.Organized, verb(n.Organized), n.Invited)
}
