package main

import "fmt"

// migrateCmd is `kalends migrate`.
type migrateCmd struct{}

// Help implements kong.HelpProvider.
func (migrateCmd) Help() string {
	return `On SQLite every command does this by itself; on Postgres "serve" does, unless told not to (--no-migrate). ` +
		`It is safe to run at any time and beside running servers: one process does it, under a lock.

Example:

    kalends migrate --database postgres://kalends@db.example.com/kalends`
}

// Run migrates the database.
func (migrateCmd) Run(p *program) error {
	store, err := openStore(p.ctx, p.cfg, true)
	if err != nil {
		return err
	}
	defer store.Close()
	_, err = fmt.Fprintln(p.out, "The database is up to date.")
	return err
}
