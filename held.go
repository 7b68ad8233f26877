package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"kalends/calendar"
	"kalends/ical"
	"kalends/ical/zone"
	"kalends/storage"
)

// heldCmd is `kalends held …`.
type heldCmd struct {
	List   heldListCmd   `cmd:"" help:"List it, oldest first."`
	Show   heldShowCmd   `cmd:"" help:"Say what one mail is about, or print it."`
	Accept heldAcceptCmd `cmd:"" help:"Carry it out: record the answer, invite who answered, enter the invitation, take the proposal."`
	Refuse heldRefuseCmd `cmd:"" help:"Leave it alone. Who proposed another time is told that it stays; nobody else hears of it."`
}

// Help implements kong.HelpProvider.
func (heldCmd) Help() string {
	return `Mail is held that must not be acted on by itself: answers that nobody stands in for or by people who are not invited, invitations by strangers, what was published for everybody, and proposals of other times. Its owner decides, within 30 days.`
}

type heldListCmd struct {
	User string `arg:"" optional:"" help:"Of this person only."`

	Limit int `help:"At most so many (${default})." default:"1000" placeholder:"N"`
}

// Run lists what waits.
func (c *heldListCmd) Run(p *program) error {
	return withStore(p, func(s storage.Store) error {
		owner := int64(0)
		if c.User != "" {
			who, err := s.PrincipalByName(p.ctx, c.User)
			if err != nil {
				return explainUser(c.User, err)
			}
			owner = who.ID
		}
		list, err := s.WaitingMail(p.ctx, storage.WaitingQuery{Owner: owner, Limit: max(c.Limit, 1)})
		if err != nil {
			return err
		}
		ids := make([]int64, 0, len(list))
		for _, in := range list {
			ids = append(ids, in.Owner)
		}
		owners, err := s.PrincipalsByID(p.ctx, ids)
		if err != nil {
			return err
		}
		names := map[int64]string{}
		for _, who := range owners {
			names[who.ID] = who.Name
		}
		t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "ID\tRECEIVED\tFROM\tKIND\tABOUT\tWHY IT WAITS")
		for _, in := range list {
			about := in.About.Summary
			if about == "" {
				about = in.Subject
			}
			fmt.Fprintf(t, "%s/%s\t%s\t%s\t%s\t%s\t%s\n", names[in.Owner], in.Key, in.Received.UTC().Format(time.RFC3339), printable(heldFrom(in)),
				printable(strings.ToLower(in.About.Method)), printable(about), printable(in.Outcome))
		}
		return t.Flush()
	})
}

// heldFrom says who speaks: by the message, else by the mail, else by its envelope.
func heldFrom(in *storage.Inbound) string {
	for _, s := range []string{ical.Mailbox(in.About.From), in.About.From, in.About.Author, in.Sender} {
		if s != "" {
			return s
		}
	}
	return ""
}

type heldShowCmd struct {
	ID  string `arg:"" help:"As list shows it."`
	Raw bool   `help:"Print the message as it came; also of mail that was decided about, for 30 days."`
}

// Run shows one mail; a terminal gets no control characters.
func (c *heldShowCmd) Run(p *program) error {
	return withStore(p, func(s storage.Store) error {
		owner, key, err := heldID(p, s, c.ID)
		if err != nil {
			return err
		}
		in, err := s.InboundMail(p.ctx, owner.ID, key)
		if errors.Is(err, storage.ErrNotFound) || err == nil && in.State == storage.Settled && !c.Raw {
			return fmt.Errorf("%s does not wait; `kalends held list` shows what does", c.ID)
		}
		if err != nil {
			return err
		}
		if c.Raw {
			return printRaw(p, in)
		}
		t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		row := func(label, value string) {
			if value != "" {
				fmt.Fprintf(t, "%s:\t%s\n", label, printable(value))
			}
		}
		a := &in.About
		row("For", owner.Name)
		row("Received", in.Received.UTC().Format(time.RFC3339))
		row("Why it waits", in.Outcome)
		row("Kind", strings.ToLower(a.Method))
		row("From", heldPerson(a.Name, heldFrom(in)))
		row("Written by", a.Author)
		row("Verified", map[bool]string{true: "yes", false: "no"}[a.Verified])
		row("Subject", in.Subject)
		row("About", a.Summary)
		row("When", heldTime(a, a.Start))
		row("Ends", heldTime(a, a.End))
		row("Instead of", heldTime(a, a.Was))
		row("Repeats", map[bool]string{true: "yes"}[a.Recurs])
		row("Where", a.Location)
		row("Answer", strings.ToLower(a.Answer))
		for i, l := range strings.Split(a.Comment, "\n") {
			row([]string{"Comment", ""}[min(i, 1)], l)
		}
		return t.Flush()
	})
}

func heldPerson(name, address string) string {
	if name == "" || address == "" {
		return name + address
	}
	return name + " <" + address + ">"
}

func heldTime(a *storage.About, t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case a.AllDay:
		return t.Format(time.DateOnly)
	case a.Floating:
		return t.Format("2006-01-02T15:04:05")
	}
	if loc, ok := zone.Load(a.TimeZone); ok {
		return t.In(loc).Format(time.RFC3339)
	}
	return t.Format(time.RFC3339)
}

func printRaw(p *program, in *storage.Inbound) error {
	text := in.Message
	if len(text) == 0 {
		text = in.Calendar // it came by an answer page
	}
	if f, ok := p.out.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			for l := range strings.Lines(string(text)) {
				fmt.Fprintln(p.out, printable(strings.TrimRight(l, "\r\n")))
			}
			return nil
		}
	}
	_, err := p.out.Write(text)
	return err
}

type heldAcceptCmd struct {
	ID []string `arg:"" help:"As list shows them."`
}

// Run carries out what waited.
func (c *heldAcceptCmd) Run(p *program) error {
	return decide(p, c.ID, func(s *calendar.Service, owner *storage.Principal, key string) (string, error) {
		return s.AcceptHeld(p.ctx, owner, owner, key)
	})
}

type heldRefuseCmd struct {
	ID      []string `arg:"" help:"As list shows them."`
	Comment string   `help:"What to tell who proposed another time." placeholder:"TEXT"`
}

// Run drops what waited.
func (c *heldRefuseCmd) Run(p *program) error {
	return decide(p, c.ID, func(s *calendar.Service, owner *storage.Principal, key string) (string, error) {
		return "refused", s.RefuseHeld(p.ctx, owner, owner, key, c.Comment)
	})
}

// decide does the same with several. The running servers find by themselves what it queues.
func decide(p *program, ids []string, fn func(s *calendar.Service, owner *storage.Principal, key string) (string, error)) error {
	return withStore(p, func(store storage.Store) error {
		service := (&app{store: store, now: time.Now}).service(p.cfg, newLogger(p))
		for _, id := range ids {
			owner, key, err := heldID(p, store, id)
			if err != nil {
				return err
			}
			what, err := fn(service, owner, key)
			if calendar.KindOf(err) == calendar.NotFound {
				return fmt.Errorf("%s does not wait; `kalends held list` shows what does", id)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
			fmt.Fprintf(p.out, "%s: %s\n", id, printable(what))
		}
		return nil
	})
}

func heldID(p *program, s storage.Store, id string) (owner *storage.Principal, key string, err error) {
	i := strings.LastIndexByte(id, '/')
	if i < 0 {
		return nil, "", fmt.Errorf("%q is not an id as `kalends held list` shows them", id)
	}
	if owner, err = s.PrincipalByName(p.ctx, id[:i]); err != nil {
		return nil, "", explainUser(id[:i], err)
	}
	return owner, id[i+1:], nil
}
