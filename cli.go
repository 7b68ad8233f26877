package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"kalends/internal/config"
)

// grammar is the command line. The flags of all settings belong to every
// command, as a settings file and the environment do.
type grammar struct {
	Config   string          `placeholder:"FILE" group:"storage" help:"Settings file (TOML); without it kalends.toml of the current folder, if there is one (KALENDS_CONFIG)."`
	Settings config.Settings `embed:""`

	Serve    serveCmd    `cmd:"" help:"Run the server."`
	Demo     demoCmd     `cmd:"" help:"Show the whole story in the terminal, in some seconds."`
	Migrate  migrateCmd  `cmd:"" help:"Bring the database's tables up to date."`
	User     userCmd     `cmd:"" help:"Add, import, list and remove people, rooms, resources and groups."`
	Token    tokenCmd    `cmd:"" help:"Make, list and revoke the tokens by which programs act for people."`
	Calendar calendarCmd `cmd:"" help:"List calendars, publish them, and subscribe to others' feeds."`
	Import   importCmd   `cmd:"" help:"Import calendars: files, folders, archives, another CalDAV server."`
	Export   exportCmd   `cmd:"" help:"Export calendars: one file, folders, an archive."`
	Outbox   outboxCmd   `cmd:"" help:"Show and mend mail that waits to be sent."`
	Held     heldCmd     `cmd:"" help:"Decide about mail that waits: unverified answers, invitations by strangers, proposals."`
	Webhook  webhookCmd  `cmd:"" help:"Tell addresses elsewhere what changes in calendars, and see how that goes."`
	Trash    trashCmd    `cmd:"" help:"Bring back what people deleted, for 30 days."`
	MailIn   mailInCmd   `cmd:"" help:"Take in one message from standard input, for a pipe of your mail server."`
	Version  versionCmd  `cmd:"" help:"Print the version of the program and of its time zone data."`
	Help     helpCmd     `cmd:"" help:"Explain a command, or print all settings: help settings."`
}

// program is what commands work with. It is bound to their Run methods.
type program struct {
	ctx context.Context
	stdio
	cfg *config.Settings
	// environ is kept for help, which runs the command line anew.
	environ []string
}

// command parses args and runs what they ask for.
func command(ctx context.Context, args []string, std stdio, environ []string) error {
	var cli grammar
	exited := false
	parser, err := kong.New(&cli,
		kong.Name("kalends"),
		kong.Description("A calendar server: CalDAV, invitations, reminders.\n\n"+
			"Start with: kalends serve"),
		kong.Writers(std.out, std.err),
		kong.Exit(func(int) { exited = true }),
		kong.Help(printHelp),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.NamedMapper("tls", kong.MapperFunc(decodeTLS)),
		kong.ExplicitGroups(flagGroups()),
		kong.PostBuild(describeFlags),
	)
	if err != nil {
		return err // a mistake in grammar; the tests find it
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if exited {
		return nil
	}
	if err != nil {
		return usageError(err)
	}
	p := &program{ctx: ctx, stdio: std, environ: environ}
	if name := parsed.Command(); name != "version" && !strings.HasPrefix(name, "help") {
		if p.cfg, err = config.Load(config.Source{
			File: cli.Config, Environ: environ, Flags: &cli.Settings, Given: given(parsed),
		}); err != nil {
			return err
		}
	}
	return parsed.Run(p)
}

// usageError adds where to look to what the parser says.
func usageError(err error) error {
	topic := "kalends --help"
	if pe, ok := errors.AsType[*kong.ParseError](err); ok && pe.Context.Selected() != nil {
		topic = pe.Context.Selected().FullPath() + " --help"
	}
	return fmt.Errorf("%w; see `%s`", err, topic)
}

// given returns the keys of the settings that stand on the command line.
func given(parsed *kong.Context) []string {
	var keys []string
	for _, p := range parsed.Path {
		if p.Flag == nil || p.Resolved {
			continue
		}
		for _, f := range config.Fields() {
			if f.Flag() == p.Flag.Name {
				keys = append(keys, f.Key)
			}
		}
	}
	return keys
}

// decodeTLS reads --tls. As people write `--tls auto NAME`, auto takes the next
// argument too.
func decodeTLS(ctx *kong.DecodeContext, target reflect.Value) error {
	var text string
	if err := ctx.Scan.PopValueInto("kind", &text); err != nil {
		return err
	}
	if next := ctx.Scan.Peek(); strings.EqualFold(text, "auto") && next.IsValue() {
		text += " " + ctx.Scan.Pop().String()
	}
	return target.Addr().Interface().(*config.TLS).UnmarshalText([]byte(text))
}

func flagGroups() []kong.Group {
	var groups []kong.Group
	for _, g := range config.Groups() {
		groups = append(groups, kong.Group{Key: g[0], Title: g[1] + ":"})
	}
	return groups
}

// describeFlags gives the flags of settings their help from the manual.
func describeFlags(k *kong.Kong) error {
	for _, flag := range k.Model.Flags {
		for _, f := range config.Fields() {
			if f.Flag() != flag.Name {
				continue
			}
			flag.Help = f.Brief()
			if d := f.Default(); d != "" && d != "false" && d != "0" {
				flag.Help = strings.TrimSuffix(flag.Help, ".") + " (" + d + ")."
			}
		}
	}
	return nil
}

// printHelp shows with each command the settings that matter to it.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	server := false
	if n := ctx.Selected(); n != nil {
		server = slices.Contains([]string{"serve", "demo"}, n.Name)
	}
	for _, flag := range ctx.Model.Flags {
		for _, f := range config.Fields() {
			if f.Flag() == flag.Name {
				flag.Hidden = !server && !f.Everywhere
			}
		}
	}
	return kong.DefaultHelpPrinter(options, ctx)
}

// helpCmd is `kalends help [COMMAND… | settings]`.
type helpCmd struct {
	Topic []string `arg:"" optional:"" help:"A command, or settings."`
}

// Help implements kong.HelpProvider.
func (helpCmd) Help() string {
	return "`kalends help settings > kalends.toml` writes a settings file to start from: every setting, explained, with its default."
}

// Run prints the help.
func (c *helpCmd) Run(p *program) error {
	if len(c.Topic) == 1 && c.Topic[0] == "settings" {
		_, err := fmt.Fprint(p.out, config.Manual())
		return err
	}
	return command(p.ctx, append(slices.Clone(c.Topic), "--help"), p.stdio, p.environ)
}
