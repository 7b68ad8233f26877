package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"kalends/auth"
	"kalends/storage"
)

// userCmd is `kalends user …`.
type userCmd struct {
	Add    userAddCmd    `cmd:"" help:"Add a person, room, resource or group."`
	Import userImportCmd `cmd:"" help:"Add many, or bring them up to date, from a CSV file."`
	List   userListCmd   `cmd:"" help:"List everybody."`
	Passwd userPasswdCmd `cmd:"" help:"Give somebody a new password."`
	Remove userRemoveCmd `cmd:"" help:"Remove somebody and everything they own."`

	Room     userRoomCmd     `cmd:"" help:"Show or change how a room or resource answers invitations."`
	Group    userGroupCmd    `cmd:"" help:"Show or change who is in a group."`
	Delegate userDelegateCmd `cmd:"" help:"Show or change who acts for somebody."`
	Calendar userCalendarCmd `cmd:"" help:"Show or change who schedules for a calendar: the server, or its owner's program."`
	Busy     userBusyCmd     `cmd:"" help:"Show or change whether somebody's busy times have a public address."`
	Alarms   userAlarmsCmd   `cmd:"" help:"Show or change how somebody is reminded of events without an alarm, and which alarms are mailed."`
	Missed   userMissedCmd   `cmd:"" help:"List the reminders of somebody that it was too late for."`
}

// withDirectory runs fn on the directory of the database.
func withDirectory(p *program, fn func(*auth.Directory) error) error {
	store, err := openStore(p.ctx, p.cfg, false)
	if err != nil {
		return err
	}
	defer store.Close()
	return fn(&auth.Directory{Store: store})
}

// explainUser turns what auth says about one user into words for a terminal.
func explainUser(name string, err error) error {
	if fe, ok := errors.AsType[*auth.FieldError](err); ok {
		plain := *fe
		plain.Row = 0
		return &plain
	}
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("there is no %s; `kalends user list` shows who there is", name)
	}
	return err
}

type userAddCmd struct {
	Name          string `arg:"" help:"Name to log in with; it is part of URLs (a to z, 0 to 9, . - _ + @)."`
	DisplayName   string `help:"Name that other people see." placeholder:"TEXT"`
	Email         string `help:"Mail address, to which invitations are sent." placeholder:"ADDRESS"`
	Kind          string `help:"user, admin, room, resource or group (${default})." default:"user" enum:"user,admin,room,resource,group" placeholder:"KIND"`
	PasswordStdin bool   `help:"Read the password from standard input, one line; without it a new one is made and printed."`
}

// Help implements kong.HelpProvider.
func (userAddCmd) Help() string {
	return `Examples:

    kalends user add alice --display-name "Alice Example" --email alice@example.com
    kalends user add blue-room --kind room --email blue-room@example.com`
}

// Run adds a principal. Rooms, resources and groups get no password unless one is given.
func (c *userAddCmd) Run(p *program) error {
	n := auth.NewUser{Name: c.Name, DisplayName: c.DisplayName, Email: c.Email, Kind: c.Kind}
	var made string
	var err error
	switch {
	case c.PasswordStdin:
		if n.Password, err = readPassword(p.in); err != nil {
			return err
		}
	case c.Kind == "user" || c.Kind == "admin":
		made = auth.GeneratePassword()
		n.Password = made
	}
	return withDirectory(p, func(d *auth.Directory) error {
		added, err := d.Add(p.ctx, n)
		if err != nil {
			return explainUser(c.Name, err)
		}
		fmt.Fprintf(p.out, "Added %s %s.\n", c.Kind, added.Name)
		if made != "" {
			fmt.Fprintf(p.out, "Password: %s (shown only now)\n", made)
		}
		return nil
	})
}

// readPassword reads one line.
func readPassword(in io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
	line = strings.TrimRight(line, "\r\n")
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read password: %w", err)
	}
	if line == "" {
		return "", errors.New("no password on standard input; write it as one line")
	}
	return line, nil
}

type userPasswdCmd struct {
	Name          string `arg:"" help:"Name or mail address."`
	PasswordStdin bool   `help:"Read the password from standard input, one line; without it a new one is made and printed."`
}

// Help implements kong.HelpProvider.
func (userPasswdCmd) Help() string {
	return `Running servers know the new password at once.

Examples:

    kalends user passwd alice
    kalends user passwd alice --password-stdin < secret.txt`
}

// Run sets a password.
func (c *userPasswdCmd) Run(p *program) error {
	password := auth.GeneratePassword()
	if c.PasswordStdin {
		var err error
		if password, err = readPassword(p.in); err != nil {
			return err
		}
	}
	return withDirectory(p, func(d *auth.Directory) error {
		if err := d.SetPassword(p.ctx, c.Name, password); err != nil {
			return explainUser(c.Name, err)
		}
		if c.PasswordStdin {
			fmt.Fprintf(p.out, "%s has the new password.\n", c.Name)
			return nil
		}
		fmt.Fprintf(p.out, "%s has the new password %s (shown only now).\n", c.Name, password)
		return nil
	})
}

type userListCmd struct {
	Format string `help:"table, or csv as import reads it (${default})." default:"table" enum:"table,csv" placeholder:"FORM"`
}

// Run lists all principals by name.
func (c *userListCmd) Run(p *program) error {
	return withDirectory(p, func(d *auth.Directory) error {
		out := bufio.NewWriter(p.out)
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		list := csv.NewWriter(out)
		if c.Format == "csv" {
			list.Write([]string{"name", "display_name", "email", "kind"})
		} else {
			fmt.Fprintln(table, "NAME\tKIND\tDISPLAY NAME\tEMAIL")
		}
		n := 0
		for who, err := range d.List(p.ctx) {
			if err != nil {
				return err
			}
			n++
			kind := string(who.Kind)
			switch {
			case who.Admin:
				kind = "admin"
			case who.Kind == storage.Person:
				kind = "user"
			}
			if c.Format == "csv" {
				list.Write([]string{who.Name, who.DisplayName, who.Email, kind})
				continue
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", who.Name, kind, who.DisplayName, who.Email)
			if n%1000 == 0 {
				table.Flush() // bounds what the table holds
			}
		}
		table.Flush()
		list.Flush()
		return errors.Join(list.Error(), out.Flush())
	})
}

type userImportCmd struct {
	File string `arg:"" help:"CSV file with the columns name, password, display_name, email, kind; - is standard input."`
}

// Help implements kong.HelpProvider.
func (userImportCmd) Help() string {
	return `The first line names the columns, in any order: name, and of the others those you need. ` +
		`kind is user (without it), admin, room, resource or group. password_hash takes hashes of htpasswd (bcrypt) or argon2 instead of password.

Who is there already is brought up to date, so an import can be repeated. When one line is wrong, nothing is imported.

Example:

    name,password,display_name,email,kind
    alice,correct horse,Alice Example,alice@example.com,user
    blue-room,,Blue room,blue-room@example.com,room`
}

// Run imports a file.
func (c *userImportCmd) Run(p *program) error {
	in, name := p.in, "standard input"
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		in, name = f, c.File
	}
	users, lines, err := readUsers(in, name)
	if err != nil {
		return err
	}
	return withDirectory(p, func(d *auth.Directory) error {
		err := d.Import(p.ctx, users, progress(p.err, "hashing passwords"))
		if fe, ok := errors.AsType[*auth.FieldError](err); ok && fe.Row >= 1 && fe.Row <= len(lines) {
			plain := *fe
			plain.Row = 0
			return fmt.Errorf("%s line %d: %w; nothing was imported", name, lines[fe.Row-1], &plain)
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "%d accounts are imported.\n", len(users))
		return nil
	})
}

// progress returns a function that tells how far something is, every two seconds.
func progress(w io.Writer, what string) func(done, total int) {
	last := time.Now()
	return func(done, total int) {
		if now := time.Now(); now.Sub(last) >= 2*time.Second {
			last = now
			fmt.Fprintf(w, "%s: %d of %d\n", what, done, total)
		}
	}
}
