package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"kalends/ical"
	"kalends/storage"
)

// outboxCmd is `kalends outbox …`.
type outboxCmd struct {
	List  outboxListCmd  `cmd:"" help:"List mail and other work that waits, runs, failed or is done."`
	Retry outboxRetryCmd `cmd:"" help:"Try again now what failed or waits."`
	Drop  outboxDropCmd  `cmd:"" help:"Remove something from the outbox; it is then never sent."`
}

// withStore runs fn on the database.
func withStore(p *program, fn func(storage.Store) error) error {
	store, err := openStore(p.ctx, p.cfg, false)
	if err != nil {
		return err
	}
	defer store.Close()
	return fn(store)
}

type outboxListCmd struct {
	State []string `help:"Only these: ready, leased, failed, done (ready, leased and failed)." enum:"ready,leased,failed,done" placeholder:"STATE"`
	Limit int      `help:"At most so many, the newest first (${default})." default:"100" placeholder:"N"`
}

// Run lists jobs.
func (c *outboxListCmd) Run(p *program) error {
	states := []storage.JobState{storage.Ready, storage.Leased, storage.Failed}
	if len(c.State) > 0 {
		states = nil
		for _, s := range c.State {
			states = append(states, storage.JobState(s))
		}
	}
	return withStore(p, func(s storage.Store) error {
		jobs, err := s.Jobs(p.ctx, states, max(c.Limit, 1))
		if err != nil {
			return err
		}
		t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "ID\tKIND\tSTATE\tTRIES\tDUE\tRECIPIENT\tLAST ERROR")
		for _, j := range jobs {
			due := j.DueAt.UTC().Format(time.RFC3339)
			if j.State == storage.Done || j.State == storage.Failed {
				due = "-"
			}
			to := ical.Mailbox(j.Recipient)
			if to == "" {
				to = j.Recipient
			}
			fmt.Fprintf(t, "%d/%d\t%s\t%s\t%d\t%s\t%s\t%s\n", j.Owner, j.ID, j.Kind, j.State, j.Attempt, due, printable(to), printable(j.LastError))
		}
		return t.Flush()
	})
}

// printable keeps text of others from moving the cursor of a terminal.
func printable(s string) string {
	if s == "" {
		return "-"
	}
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

type outboxRetryCmd struct {
	ID []string `arg:"" optional:"" help:"As list shows them, such as 3/117; none with --failed."`

	Failed bool `help:"Everything that failed."`
}

// Run makes jobs due.
func (c *outboxRetryCmd) Run(p *program) error {
	return withStore(p, func(s storage.Store) error {
		if c.Failed != (len(c.ID) == 0) {
			return errors.New("name what to retry, or say --failed")
		}
		ids := c.ID
		if c.Failed {
			jobs, err := s.Jobs(p.ctx, []storage.JobState{storage.Failed}, 1_000_000)
			if err != nil {
				return err
			}
			for _, j := range jobs {
				ids = append(ids, fmt.Sprintf("%d/%d", j.Owner, j.ID))
			}
		}
		n := 0
		for _, id := range ids {
			owner, job, err := jobID(id)
			if err != nil {
				return err
			}
			err = s.RetryJob(p.ctx, owner, job, time.Now())
			switch {
			case errors.Is(err, storage.ErrConflict) && c.Failed:
				continue // a newer mail takes its place
			case errors.Is(err, storage.ErrConflict):
				return fmt.Errorf("%s: a newer mail to the same person waits in its place", id)
			case errors.Is(err, storage.ErrNotFound):
				return fmt.Errorf("%s is not there, is done, or is being sent right now", id)
			case err != nil:
				return err
			}
			n++
		}
		_, err := fmt.Fprintf(p.out, "%d will be tried again now.\n", n)
		return err
	})
}

type outboxDropCmd struct {
	ID []string `arg:"" help:"As list shows them, such as 3/117."`
}

// Run removes jobs.
func (c *outboxDropCmd) Run(p *program) error {
	return withStore(p, func(s storage.Store) error {
		for _, id := range c.ID {
			owner, job, err := jobID(id)
			if err != nil {
				return err
			}
			if err = s.DropJob(p.ctx, owner, job); errors.Is(err, storage.ErrNotFound) {
				return fmt.Errorf("%s is not there, or is being sent right now", id)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(p.out, "Dropped %s.\n", id)
		}
		return nil
	})
}

func jobID(s string) (owner, id int64, err error) {
	a, b, ok := strings.Cut(s, "/")
	if ok {
		if owner, err = strconv.ParseInt(a, 10, 64); err == nil {
			id, err = strconv.ParseInt(b, 10, 64)
		}
	}
	if !ok || err != nil {
		return 0, 0, fmt.Errorf("%q is not an id as `kalends outbox list` shows them, such as 3/117", s)
	}
	return owner, id, nil
}
