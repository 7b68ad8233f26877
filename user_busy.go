package main

import (
	"fmt"
	"net/url"
	"strings"

	"kalends/auth"
	"kalends/storage"
)

type userBusyCmd struct {
	Name    string `arg:"" help:"Name or mail address of a person, room or resource."`
	Public  bool   `help:"Let everybody who knows the address ask when they are busy, without an account." xor:"public"`
	Private bool   `help:"Take that back." xor:"public"`
}

// Help implements kong.HelpProvider.
func (userBusyCmd) Help() string {
	return `The address tells when somebody is busy, and nothing else. Without a flag it shows whether there is one. People can choose themselves:
it is the property public-free-busy (urn:x-kalends) of their principal.

Examples:

    kalends user busy alice --public
    curl 'http://127.0.0.1:8080/freebusy/alice?start=2026-01-20&period=P1W'`
}

// Run shows or changes whether somebody's busy times are public.
func (c *userBusyCmd) Run(p *program) error {
	return withDirectory(p, func(d *auth.Directory) error {
		who, err := d.Find(p.ctx, c.Name)
		if err != nil {
			return explainUser(c.Name, err)
		}
		if who.Kind == storage.Group {
			return fmt.Errorf("%s is a group; only people, rooms and resources have busy times", who.Name)
		}
		public := who.PublicBusy
		if c.Public || c.Private {
			public = c.Public
			if err := d.SetPublicBusy(p.ctx, who.Name, public); err != nil {
				return explainUser(c.Name, err)
			}
		}
		if !public {
			fmt.Fprintf(p.out, "When %s is busy, only people with an account can see.\n", who.Name)
			return nil
		}
		fmt.Fprintf(p.out, "When %s is busy, everybody can see: %s/freebusy/%s\n", who.Name, strings.TrimSuffix(p.cfg.BaseURL, "/"), url.PathEscape(who.Name))
		return nil
	})
}
