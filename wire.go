package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"kalends/auth"
	"kalends/internal/config"
	"kalends/internal/obs"
	"kalends/storage"
	"kalends/storage/sqlstore"
	"kalends/subscription"
	"kalends/web"
	"kalends/webhook"
)

// app is the product behind the network: what answers requests and what works on its own.
type app struct {
	store      storage.Store
	directory  *auth.Directory
	handler    http.Handler
	workers    []worker
	mailFolder string       // where mail lands while there is no relay, else ""
	lmtp, smtp net.Listener // where mail is taken in; nil for nowhere
	metrics    *obs.Metrics // nil where nobody asks for them
	web        *web.Handler
	subscriber *subscription.Worker
	desk       *webhook.Desk // where people make webhooks
	now        func() time.Time
}

// build opens the database and puts the parts together. Nothing runs before its workers do.
func build(ctx context.Context, cfg *config.Settings, log *slog.Logger) (*app, error) {
	return buildAt(ctx, cfg, log, time.Now)
}

// buildAt is build with a clock of its own for all that answers requests.
func buildAt(ctx context.Context, cfg *config.Settings, log *slog.Logger, now func() time.Time) (*app, error) {
	store, err := openStore(ctx, cfg, cfg.Migrate)
	if err != nil {
		return nil, err
	}
	return buildOn(ctx, cfg, log, now, store)
}

// buildOn is buildAt on a database that is open, and closed with the rest.
func buildOn(ctx context.Context, cfg *config.Settings, log *slog.Logger, now func() time.Time, store storage.Store) (*app, error) {
	a := &app{
		store:     store,
		directory: &auth.Directory{Store: store, Now: now},
		now:       now,
	}
	a.measure(cfg.MetricsListen != "")
	if err := a.assemble(ctx, cfg, log); err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

func (a *app) close() {
	for _, l := range []net.Listener{a.lmtp, a.smtp} {
		if l != nil {
			l.Close()
		}
	}
	a.store.Close()
}

// ready says whether requests can be answered.
func (a *app) ready(ctx context.Context) error { return a.store.Ready(ctx) }

// openStore opens the database. SQLite is made and migrated as needed; Postgres is
// migrated only with migrate, else it must be as this program needs it.
func openStore(ctx context.Context, cfg *config.Settings, migrate bool) (storage.Store, error) {
	if path := cfg.SQLitePath(); path != "" {
		migrate = true
		if err := ensureFolder(cfg, filepath.Dir(path)); err != nil {
			return nil, err
		}
	}
	store, err := sqlstore.Open(ctx, cfg.DatabaseURL())
	if err != nil {
		return nil, databaseError(cfg, err)
	}
	if migrate {
		err = store.Migrate(ctx)
	} else {
		err = store.Ready(ctx)
	}
	if err != nil {
		store.Close()
		return nil, databaseError(cfg, err)
	}
	return store, nil
}

func databaseError(cfg *config.Settings, err error) error {
	return fmt.Errorf("%s: %w", cfg.Where("database"), err)
}

// ensureFolder makes a folder for the server's files, closed to other users.
func ensureFolder(cfg *config.Settings, dir string) error {
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		return nil
	}
	key := "data"
	if cfg.Database != "" {
		key = "database"
	}
	if errors.Is(err, fs.ErrPermission) {
		return cfg.Fail(key, fmt.Errorf("this user may not make the folder %s; choose another folder or make it for them", dir))
	}
	return cfg.Fail(key, fmt.Errorf("cannot make the folder %s: %w", dir, err))
}

// firstAccountName is the name of the account that an empty server makes.
const firstAccountName = "admin"

// firstAccount makes an administrator when there is nobody at all, and returns
// them with the password; nil otherwise.
func (a *app) firstAccount(ctx context.Context, cfg *config.Settings) (*account, error) {
	for _, err := range a.directory.List(ctx) {
		return nil, err // somebody is there, or the database is not
	}
	first := &account{name: firstAccountName, password: auth.GeneratePassword()}
	_, err := a.directory.Add(ctx, auth.NewUser{
		Name: first.name, Password: first.password, DisplayName: "Administrator",
		Email: first.name + "@" + cfg.MailDomain(), Kind: "admin",
	})
	if fe, ok := errors.AsType[*auth.FieldError](err); ok && fe.Field == "name" {
		return nil, nil // another server on the same database was faster
	}
	if err != nil {
		return nil, fmt.Errorf("make the first account: %w", err)
	}
	return first, nil
}
