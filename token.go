package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"kalends/api"
	"kalends/auth"
	"kalends/calendar"
	"kalends/internal/config"
	"kalends/storage"
)

// meetings puts the meetings API beside what a.handler answers.
func (a *app) meetings(cfg *config.Settings, log *slog.Logger, service *calendar.Service, login auth.Authenticator) http.Handler {
	rest := a.handler
	h := &api.Handler{Calendar: service, Auth: login, Store: a.store, Log: log, Now: a.now, BaseURL: cfg.BaseURL, Webhooks: a.desk, Feeds: a.subscriber}
	a.workers = append(a.workers, h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api" || strings.HasPrefix(r.URL.Path, "/api/") {
			h.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// tokenCmd is `kalends token …`.
type tokenCmd struct {
	Add    tokenAddCmd    `cmd:"" help:"Make a token for a program; it is shown once."`
	List   tokenListCmd   `cmd:"" help:"List tokens, without what is secret of them."`
	Revoke tokenRevokeCmd `cmd:"" help:"Make tokens worthless at once."`
}

type tokenAddCmd struct {
	Name    string `arg:"" help:"Name or mail address of the person for whom the program acts."`
	Scope   string `help:"What it may do: freebusy, read (and freebusy), or write (and read) (${default})." default:"read" enum:"freebusy,read,write" placeholder:"SCOPE"`
	Expires string `help:"When it expires: 90d, 12h, a date such as 2026-12-31, or never (${default})." default:"90d" placeholder:"WHEN"`
	Label   string `help:"What it is for, to recognise it by." placeholder:"TEXT"`
}

// Help implements kong.HelpProvider.
func (tokenAddCmd) Help() string {
	return `Programs send it as "Authorization: Bearer TOKEN" to the meetings API, which is described at /api/v1/docs.

Example:

    kalends token add alice --scope write --expires 30d --label "booking form"`
}

// Run makes a token. Only the token itself goes to standard output, so that it can be put into a variable.
func (c *tokenAddCmd) Run(p *program) error {
	now := time.Now()
	expires, err := readExpiry(c.Expires, now)
	if err != nil {
		return err
	}
	scope, _ := auth.ParseScope(c.Scope) // one of the enum
	return withStore(p, func(s storage.Store) error {
		owner, err := (&auth.Directory{Store: s}).Find(p.ctx, c.Name)
		if err != nil {
			return explainUser(c.Name, err)
		}
		token, row, err := (&auth.Tokens{Store: s}).Add(p.ctx, owner, scope, c.Label, expires)
		if err != nil {
			return err
		}
		until := "does not expire"
		if !row.Expires.IsZero() {
			until = "expires " + row.Expires.Format(time.RFC3339)
		}
		fmt.Fprintf(p.err, "Token %s of %s for %s; it %s. It is shown only now:\n", row.ID, owner.Name, scope, until)
		_, err = fmt.Fprintln(p.out, token)
		return err
	})
}

// readExpiry reads a number of days or hours, a date, or never.
func readExpiry(text string, now time.Time) (time.Time, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	if text == "never" {
		return time.Time{}, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, time.Local); err == nil {
		return t, nil
	}
	days := text
	if d, ok := strings.CutSuffix(text, "d"); ok {
		days = d + "h"
	}
	d, err := time.ParseDuration(days)
	if err != nil || d <= 0 || d > 10*366*24*time.Hour {
		return time.Time{}, fmt.Errorf("--expires %q: must be such as 90d, 12h, 2026-12-31 or never", text)
	}
	if strings.HasSuffix(text, "d") {
		if d > 10*366*time.Hour {
			return time.Time{}, fmt.Errorf("--expires %q: at most ten years; or never", text)
		}
		d *= 24
	}
	return now.Add(d), nil
}

type tokenListCmd struct {
	Name string `arg:"" optional:"" help:"Only those of this person."`
}

// Run lists tokens.
func (c *tokenListCmd) Run(p *program) error {
	return withStore(p, func(s storage.Store) error {
		directory := &auth.Directory{Store: s}
		only := int64(0)
		if c.Name != "" {
			who, err := directory.Find(p.ctx, c.Name)
			if err != nil {
				return explainUser(c.Name, err)
			}
			only = who.ID
		}
		list, err := s.Tokens(p.ctx, only)
		if err != nil {
			return err
		}
		var ids []int64
		for _, t := range list {
			ids = append(ids, t.Owner)
		}
		people, err := s.PrincipalsByID(p.ctx, ids)
		if err != nil {
			return err
		}
		names := map[int64]string{}
		for _, who := range people {
			names[who.ID] = who.Name
		}
		day := func(t time.Time, none string) string {
			if t.IsZero() {
				return none
			}
			return t.Format(time.DateOnly)
		}
		now := time.Now()
		out := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(out, "ID\tPERSON\tSCOPE\tMADE\tEXPIRES\tLAST USED\tLABEL")
		for _, t := range list {
			expires := day(t.Expires, "never")
			if !t.Expires.IsZero() && !now.Before(t.Expires) {
				expires = "has expired"
			}
			fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, names[t.Owner], t.Scopes, day(t.Created, "-"), expires, day(t.Used, "never"), printable(t.Label))
		}
		return out.Flush()
	})
}

type tokenRevokeCmd struct {
	ID []string `arg:"" help:"As list shows them."`
}

// Run removes tokens.
func (c *tokenRevokeCmd) Run(p *program) error {
	return withStore(p, func(s storage.Store) error {
		for _, id := range c.ID {
			err := s.RemoveToken(p.ctx, 0, id)
			if errors.Is(err, storage.ErrNotFound) {
				return fmt.Errorf("there is no token %s; `kalends token list` shows those there are", id)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(p.out, "Token %s is revoked.\n", id)
		}
		return nil
	})
}
