package main

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"kalends/meeting"
	"kalends/storage"
	"kalends/webhook"
)

// webhookCmd is `kalends webhook …`.
type webhookCmd struct {
	Add        webhookAddCmd        `cmd:"" help:"Make a webhook; its secret is shown once."`
	List       webhookListCmd       `cmd:"" help:"List somebody's webhooks, and how they do."`
	Deliveries webhookDeliveriesCmd `cmd:"" help:"List what was sent to a webhook lately, and what waits."`
	Test       webhookTestCmd       `cmd:"" help:"Have a running server send a test now."`
	Pause      webhookPauseCmd      `cmd:"" help:"Send nothing until it is resumed; what happens meanwhile is kept for it, for 7 days."`
	Resume     webhookResumeCmd     `cmd:"" help:"Send again what was paused or switched off."`
	Rotate     webhookRotateCmd     `cmd:"" help:"Make a new secret; the one before signs too for 24 hours."`
	Remove     webhookRemoveCmd     `cmd:"" help:"Remove a webhook and what waits for it."`
}

// Help implements kong.HelpProvider.
func (webhookCmd) Help() string {
	return `A webhook is an address that is told by a signed message when something changes in somebody's calendars. The messages, and how to check their signature, are described at /api/v1/docs.`
}

// onWebhooks runs fn on the database's webhooks.
func onWebhooks(p *program, fn func(*webhook.Desk, *calendars) error) error {
	return onCalendars(p, func(s *calendars) error {
		desk, err := webhookDesk(p.ctx, p.cfg, s.store)
		if err != nil {
			return err
		}
		return fn(desk, s)
	})
}

// named is a webhook of somebody, as commands name it.
type named struct {
	User string `arg:"" help:"Whose: name or mail address."`
	ID   string `arg:"" help:"As list shows it."`
}

// find runs fn on the webhook.
func (n *named) find(p *program, fn func(desk *webhook.Desk, owner, id int64) error) error {
	return onWebhooks(p, func(desk *webhook.Desk, s *calendars) error {
		who, err := s.person(n.User)
		if err != nil {
			return err
		}
		key, ok := webhook.ParseID(n.ID)
		err = webhook.ErrNotFound
		if ok && key.Owner == who.ID {
			err = fn(desk, key.Owner, key.ID)
		}
		if errors.Is(err, webhook.ErrNotFound) {
			return fmt.Errorf("%s has no webhook %s; `kalends webhook list %s` shows those there are", who.Name, printable(n.ID), who.Name)
		}
		return err
	})
}

type webhookAddCmd struct {
	User string `arg:"" help:"Whose: name or mail address."`
	URL  string `arg:"" help:"Address that is told, https://…"`

	Label    string   `help:"What it is for, to recognise it by." placeholder:"TEXT"`
	Kind     []string `help:"Only these: event.created, event.updated, event.deleted, meeting.answered, reminder.due, calendar.deleted (all)." placeholder:"KIND"`
	Calendar []string `help:"Only these calendars, by the last part of their address, or by id where others share them (all of one's own)." placeholder:"CALENDAR"`
}

// Run makes a webhook. Only its secret goes to standard output, so that it can be put into a variable.
func (c *webhookAddCmd) Run(p *program) error {
	e := webhook.Edit{URL: &c.URL, Label: &c.Label}
	for _, k := range c.Kind {
		if !slices.Contains(webhook.Kinds, webhook.Kind(k)) {
			return fmt.Errorf("--kind %s: there is no such kind of change; `kalends webhook add --help` lists them", printable(k))
		}
		e.Kinds = append(e.Kinds, webhook.Kind(k))
	}
	return onWebhooks(p, func(desk *webhook.Desk, s *calendars) error {
		who, err := s.person(c.User)
		if err != nil {
			return err
		}
		editor := &meeting.Editor{Calendar: s.service, Store: s.store, Now: time.Now}
		for _, name := range c.Calendar {
			_, cal, err := editor.Where(p.ctx, who, name)
			if err != nil {
				return fmt.Errorf("calendar %s: %w", printable(name), err)
			}
			e.Watches = append(e.Watches, storage.WebhookWatch{Owner: cal.Owner, Calendar: cal.ID})
		}
		h, secret, err := desk.Add(p.ctx, who, e)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.err, "Webhook %s of %s. This is the secret that signs its messages; it is shown only now:\n", webhook.ID(h.Key()), who.Name)
		_, err = fmt.Fprintln(p.out, secret)
		return err
	})
}

type webhookListCmd struct {
	User string `arg:"" help:"Whose: name or mail address."`
}

// Run lists webhooks. Of an address only the host is shown: the rest may be as good as a password.
func (c *webhookListCmd) Run(p *program) error {
	return onWebhooks(p, func(desk *webhook.Desk, s *calendars) error {
		who, err := s.person(c.User)
		if err != nil {
			return err
		}
		list, err := desk.List(p.ctx, who.ID)
		if err != nil {
			return err
		}
		out := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(out, "ID\tHOST\tSTATE\tFAILURES\tLAST SUCCESS\tCALENDARS\tKINDS\tLABEL")
		for _, h := range list {
			host, state := "", string(h.State)
			if u, err := url.Parse(h.URL); err == nil {
				host = u.Host
			}
			if h.Reason != "" {
				state += " (" + h.Reason + ")"
			}
			watched := fmt.Sprint(len(h.Watches))
			if slices.Contains(h.Watches, storage.WebhookWatch{Owner: h.Owner}) {
				watched = "all"
			}
			kinds := "all"
			if list := webhook.KindList(h.Kinds); len(list) < len(webhook.Kinds) {
				kinds = strings.ReplaceAll(h.Kinds, " ", ",")
			}
			fmt.Fprintf(out, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", webhook.ID(h.Key()), printable(host), state, h.Failures, moment(h.LastOK), watched, kinds, printable(h.Label))
		}
		return out.Flush()
	})
}

// moment is a time in a table.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

type webhookDeliveriesCmd struct {
	named

	Limit int `help:"At most so many, the latest first (${default})." default:"20" placeholder:"N"`
}

// Run lists deliveries.
func (c *webhookDeliveriesCmd) Run(p *program) error {
	return c.find(p, func(desk *webhook.Desk, owner, id int64) error {
		out := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(out, "SEQUENCE\tMADE\tCHANGES\tSTATE\tATTEMPTS\tLAST\tANSWER\tNEXT")
		below := int64(0)
		for left := max(c.Limit, 1); left > 0; {
			list, err := desk.Deliveries(p.ctx, owner, id, below, left)
			if err != nil {
				return err
			}
			if len(list) == 0 {
				break
			}
			for _, d := range list {
				next, answer, changes := "-", d.Error, fmt.Sprint(d.Changes)
				if d.State == storage.DeliveryReady {
					next = moment(d.DueAt)
				}
				if answer == "" && d.Status > 0 {
					answer = fmt.Sprint(d.Status)
				}
				if d.Test {
					changes = "test"
				}
				fmt.Fprintf(out, "%d\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", d.Sequence, moment(d.Created), changes, d.State, d.Attempt, moment(d.Tried), printable(answer), next)
			}
			left -= len(list)
			below = list[len(list)-1].Sequence
		}
		return out.Flush()
	})
}

type webhookTestCmd struct{ named }

// Run queues a test.
func (c *webhookTestCmd) Run(p *program) error {
	return c.find(p, func(desk *webhook.Desk, owner, id int64) error {
		d, err := desk.Test(p.ctx, owner, id)
		if err == nil {
			_, err = fmt.Fprintf(p.out, "Message %d is a test; a running server sends it now. See: kalends webhook deliveries %s %s\n", d.Sequence, c.User, c.ID)
		}
		return err
	})
}

type webhookPauseCmd struct{ named }

// Run pauses a webhook.
func (c *webhookPauseCmd) Run(p *program) error { return c.pause(p, true, "paused") }

type webhookResumeCmd struct{ named }

// Run lets a webhook go on.
func (c *webhookResumeCmd) Run(p *program) error { return c.pause(p, false, "on") }

func (n *named) pause(p *program, paused bool, word string) error {
	return n.find(p, func(desk *webhook.Desk, owner, id int64) error {
		h, err := desk.Change(p.ctx, owner, id, webhook.Edit{Paused: &paused})
		if err != nil {
			return err
		}
		if string(h.State) != word {
			return fmt.Errorf("webhook %s is %s: %s", n.ID, h.State, h.Reason)
		}
		_, err = fmt.Fprintf(p.out, "Webhook %s is %s.\n", n.ID, word)
		return err
	})
}

type webhookRotateCmd struct {
	named

	Leaked bool `help:"Others have got hold of the secret: it ends at once."`
}

// Run makes a new secret. Only it goes to standard output.
func (c *webhookRotateCmd) Run(p *program) error {
	return c.find(p, func(desk *webhook.Desk, owner, id int64) error {
		secret, err := desk.Rotate(p.ctx, owner, id, c.Leaked)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.err, "The new secret of webhook %s; it is shown only now:\n", c.ID)
		_, err = fmt.Fprintln(p.out, secret)
		return err
	})
}

type webhookRemoveCmd struct{ named }

// Run removes a webhook.
func (c *webhookRemoveCmd) Run(p *program) error {
	return c.find(p, func(desk *webhook.Desk, owner, id int64) error {
		if err := desk.Remove(p.ctx, owner, id); err != nil {
			return err
		}
		_, err := fmt.Fprintf(p.out, "Webhook %s is removed.\n", c.ID)
		return err
	})
}
