package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"kalends/mailer"
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
	a := &app{store: store, now: time.Now}
	composer, err := a.composer(p.ctx, p.cfg)
	if err != nil {
		return err
	}
	return fn(a.receiver(p.cfg, log, a.service(p.cfg, log), composer))
}
