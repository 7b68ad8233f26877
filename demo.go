package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kalends/auth"
	"kalends/internal/config"
	"kalends/internal/demo"
	"kalends/internal/obs"
	"kalends/storage"
)

// demoCmd is `kalends demo`.
type demoCmd struct {
	Through string `help:"SMTP address of a mail server in the middle, such as 127.0.0.1:10025: it gets our mail, and delivers that to reply addresses by LMTP to --lmtp and all other to --outside (e2e/postfix.sh)." placeholder:"ADDRESS"`
	LMTP    string `name:"lmtp" help:"Address to take in mail on (${default})." default:"127.0.0.1:0" placeholder:"ADDRESS"`
	Outside string `help:"Address of the mail server of the world outside (${default})." default:"127.0.0.1:0" placeholder:"ADDRESS"`
}

// Help implements kong.HelpProvider.
func (demoCmd) Help() string {
	return `It starts a server and a mail server on free ports of this machine, and acts as the calendar and mail programs of three people: a weekly meeting with an exception and a reminder is made, delivered, mailed, answered, moved and cancelled. Every line is a thing seen. The exit status is 0 only if all of it came true.

Without --database it uses a SQLite database in a temporary folder. On another database it makes two accounts, and removes them at the end.

Examples:

    kalends demo
    kalends demo --database postgres://kalends@localhost/kalends`
}

// Run tells the story.
func (c *demoCmd) Run(p *program) error {
	dir, err := os.MkdirTemp("", "kalends-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	mailbox, err := demo.OpenMailbox(c.Outside)
	if err != nil {
		return fmt.Errorf("start a mail server: %w", err)
	}
	defer mailbox.Close()

	cfg := *p.cfg
	if cfg.Database == "" {
		cfg.Database = "sqlite:" + filepath.Join(dir, "kalends.db")
	}
	cfg.Data, cfg.Listen, cfg.Migrate = dir, "127.0.0.1:0", true
	cfg.TLS, cfg.BaseURL = config.TLS{Mode: config.TLSOff}, ""
	relay := mailbox.URL()
	if c.Through != "" {
		relay = "smtp://" + c.Through + "?tls=none"
	}
	cfg.Mail = config.Mail{SMTP: []string{relay}, From: "Kalends <calendar@demo.example>", LMTPListen: c.LMTP, UpdateHold: config.Duration{Duration: time.Second}}
	cfg.Reminder.Display = true
	log := obs.NewLogger(p.err, slog.LevelWarn, cfg.Log.Format == config.JSON)

	srv, err := listen(p.ctx, &cfg, log)
	if err != nil {
		return err
	}
	defer srv.close()
	app, err := build(p.ctx, &cfg, log)
	if err != nil {
		return err
	}
	defer app.close()
	story := &demo.Story{Out: p.out, URL: srv.public, LMTP: app.lmtp.Addr().String(), Server: c.Through, Mailbox: mailbox}
	remove, err := app.demoAccounts(p.ctx, story)
	if err != nil {
		return err
	}
	defer remove()

	srv.handler, srv.ready = app.handler, app.ready
	app.web.Certificate = srv.signer
	ctx, stop := context.WithCancel(p.ctx)
	served := make(chan error, 1)
	go func() { served <- runAll(ctx, append(srv.workers(), app.workers...)) }()
	fmt.Fprintf(p.out, "Kalends runs at %s on %s.\n", srv.public, databaseKind(cfg.Database))
	told := make(chan error, 1)
	go func() { told <- story.Tell(ctx) }()
	select {
	case err = <-told:
		stop()
		<-served
	case err = <-served:
		stop()
		<-told
		if err == nil {
			err = errors.New("the server stopped")
		}
	}
	return err
}

func databaseKind(url string) string {
	if strings.HasPrefix(url, "sqlite:") {
		return "SQLite"
	}
	return "Postgres"
}

// demoAccounts makes the two accounts of the story, and returns what removes them.
func (a *app) demoAccounts(ctx context.Context, s *demo.Story) (remove func(), err error) {
	tag := fmt.Sprintf("%x", time.Now().UnixNano()&0xffffff)
	var names []string
	remove = func() {
		for _, name := range names {
			_ = a.directory.Remove(context.WithoutCancel(ctx), name)
		}
	}
	for name, login := range map[string]*demo.Login{"alice": &s.Organizer, "bob": &s.Attendee} {
		*login = demo.Login{Name: name + "-" + tag, Password: auth.GeneratePassword()}
		login.Address = login.Name + "@demo.example"
		_, err := a.directory.Add(ctx, auth.NewUser{
			Name: login.Name, Password: login.Password, DisplayName: strings.ToUpper(name[:1]) + name[1:], Email: login.Address, Kind: string(storage.Person),
		})
		if err != nil {
			remove()
			return nil, fmt.Errorf("make an account: %w", err)
		}
		names = append(names, login.Name)
	}
	return remove, nil
}
