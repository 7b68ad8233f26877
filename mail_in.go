package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"kalends/mailer"
	"kalends/storage"
)

// The statuses of sysexits.h that mail servers understand.
const (
	exDataErr  = 65
	exNoUser   = 67
	exTempFail = 75
)

// maxMailIn is the longest message that is taken from standard input, as from LMTP.
const maxMailIn = 10 << 20

// mailInCmd is `kalends mail-in`.
type mailInCmd struct {
	Rcpt string `help:"Address that the message came to." required:"" placeholder:"ADDRESS"`
	From string `help:"Sender of the envelope (the variable SENDER)." env:"SENDER" placeholder:"ADDRESS"`
}

// Help implements kong.HelpProvider.
func (mailInCmd) Help() string {
	return `The exit status is one of sysexits.h: 0 when the message is taken in, 75 when it is to be tried again, 67 when nobody here has the address, 65 when it is no mail.

In Postfix' master.cf, on one line:

    kalends unix - n n - 4 pipe flags=DRhu user=kalends argv=/usr/local/bin/kalends mail-in --config /etc/kalends.toml --from ${sender} --rcpt ${recipient}

and in Dovecot's Sieve, with sieve_extprograms:

    pipe :copy "kalends-mail-in" ["alice@example.com"];`
}

// Run takes in one message.
func (c *mailInCmd) Run(p *program) error {
	err := c.take(p)
	var refusal *mailer.Refusal
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refusal) && refusal.Enhanced[1] == 1:
		return &exitError{exNoUser, err}
	case errors.As(err, &refusal):
		return &exitError{exDataErr, err}
	}
	return &exitError{exTempFail, err} // whatever it is: the message is not to be lost for it
}

func (c *mailInCmd) take(p *program) error {
	msg, err := io.ReadAll(io.LimitReader(p.in, maxMailIn+1))
	if err != nil {
		return fmt.Errorf("read the message: %w", err)
	}
	if len(msg) > maxMailIn {
		return &mailer.Refusal{Enhanced: [3]int{5, 3, 4}, Text: "the message is too long"}
	}
	return withReceiver(p, func(r *mailer.Receiver) error {
		return r.Deliver(p.ctx, strings.Trim(c.From, "<>"), strings.Trim(c.Rcpt, "<>"), msg)
	})
}

// withReceiver runs fn on what takes in mail. The running servers find by themselves what it queues.
func withReceiver(p *program, fn func(*mailer.Receiver) error) error {
	log := newLogger(p)
	store, err := openStore(p.ctx, p.cfg, false)
	if err != nil {
		return err
	}
	defer store.Close()
	a := &app{store: store}
	composer, err := a.composer(p.ctx, p.cfg)
	if err != nil {
		return err
	}
	return fn(a.receiver(p.cfg, log, a.service(p.cfg, log), composer))
}

// mailCmd is `kalends mail …`.
type mailCmd struct {
	Held mailHeldCmd `cmd:"" help:"Mail that waits for a decision."`
	Show mailShowCmd `cmd:"" help:"Print a message that was taken in within the last 30 days."`
}

type mailHeldCmd struct {
	List   heldListCmd   `cmd:"" help:"List it, oldest first."`
	Accept heldAcceptCmd `cmd:"" help:"Carry it out: record the answer, enter the invitation, take the proposal."`
	Drop   heldDropCmd   `cmd:"" help:"Leave it alone. Who proposed another time is told that it stays."`
}

type heldListCmd struct {
	User string `arg:"" optional:"" help:"Of this person only."`
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
		list, err := s.WaitingMail(p.ctx, storage.WaitingQuery{Owner: owner, Limit: 1000})
		if err != nil {
			return err
		}
		t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "ID\tFOR\tRECEIVED\tKIND\tWHY IT WAITS\tSUBJECT")
		names := map[int64]string{}
		for _, in := range list {
			if names[in.Owner] == "" {
				if who, err := s.PrincipalByID(p.ctx, in.Owner); err == nil {
					names[in.Owner] = who.Name
				}
			}
			fmt.Fprintf(t, "%s/%s\t%s\t%s\t%s\t%s\t%s\n", names[in.Owner], in.Key, names[in.Owner],
				in.Received.UTC().Format(time.RFC3339), in.State, printable(in.Outcome), printable(in.Subject))
		}
		return t.Flush()
	})
}

type heldAcceptCmd struct {
	ID []string `arg:"" help:"As list shows them."`
}

// Run carries out what waited.
func (c *heldAcceptCmd) Run(p *program) error { return decide(p, c.ID, true) }

type heldDropCmd struct {
	ID []string `arg:"" help:"As list shows them."`
}

// Run drops what waited.
func (c *heldDropCmd) Run(p *program) error { return decide(p, c.ID, false) }

func decide(p *program, ids []string, accept bool) error {
	return withReceiver(p, func(r *mailer.Receiver) error {
		for _, id := range ids {
			owner, key, err := inboundID(p, r.Store, id)
			if err != nil {
				return err
			}
			err = r.Decide(p.ctx, owner, key, accept)
			if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrConflict) {
				return fmt.Errorf("%s does not wait; `kalends mail held list` shows what does", id)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
			fmt.Fprintf(p.out, "%s: %s\n", map[bool]string{true: "Carried out", false: "Dropped"}[accept], id)
		}
		return nil
	})
}

func inboundID(p *program, s storage.Store, id string) (owner int64, key string, err error) {
	i := strings.LastIndexByte(id, '/')
	if i < 0 {
		return 0, "", fmt.Errorf("%q is not an id as `kalends mail held list` shows them", id)
	}
	who, err := s.PrincipalByName(p.ctx, id[:i])
	if err != nil {
		return 0, "", explainUser(id[:i], err)
	}
	return who.ID, id[i+1:], nil
}

type mailShowCmd struct {
	ID string `arg:"" help:"As held list shows it."`
}

// Run prints a message as it came; a terminal gets no control characters.
func (c *mailShowCmd) Run(p *program) error {
	return withStore(p, func(s storage.Store) error {
		owner, key, err := inboundID(p, s, c.ID)
		if err != nil {
			return err
		}
		in, err := s.InboundMail(p.ctx, owner, key)
		if errors.Is(err, storage.ErrNotFound) {
			return fmt.Errorf("there is no %s", c.ID)
		}
		if err != nil {
			return err
		}
		if f, ok := p.out.(*os.File); ok {
			if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
				for l := range strings.Lines(string(in.Message)) {
					fmt.Fprintln(p.out, printable(strings.TrimRight(l, "\r\n")))
				}
				return nil
			}
		}
		_, err = p.out.Write(in.Message)
		return err
	})
}
