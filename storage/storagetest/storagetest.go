// Package storagetest opens databases for tests, and holds the tests that every implementation of package storage passes.
package storagetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"kalends/internal/pgtest"
	"kalends/storage"
	"kalends/storage/sqlstore"
)

// Epoch is the epoch of every database made here, so that sync tokens in transcripts stay the same.
const Epoch = 1

// Each runs a test as two subtests: on a new SQLite database and on a new Postgres one, both migrated and empty.
func Each(t *testing.T, fn func(t *testing.T, s storage.Store)) {
	t.Run("sqlite", func(t *testing.T) { fn(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { fn(t, Postgres(t)) })
}

// SQLite opens a new SQLite database, closed and removed when the test ends.
func SQLite(t testing.TB, opts ...sqlstore.Option) *sqlstore.Store {
	t.Helper()
	content, err := migrated()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "kalends.db")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, "sqlite:"+file, opts)
}

// migrated returns the file of a migrated, empty SQLite database. It is made once in a process: copying it costs a hundredth of what
// the migrations do. That migrating in steps leads there is shown by sqlstore's own tests.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "kalends-sqlite-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "kalends.db")
	s, err := sqlstore.Open(context.Background(), "sqlite:"+file)
	if err != nil {
		return nil, err
	}
	if err := s.Migrate(context.Background()); err != nil {
		s.Close()
		return nil, err
	}
	if err := s.Close(); err != nil { // the log goes into the file
		return nil, err
	}
	return os.ReadFile(file)
})

// Postgres opens a new Postgres database, closed and removed when the test ends. See pgtest for where it is.
func Postgres(t testing.TB, opts ...sqlstore.Option) *sqlstore.Store {
	t.Helper()
	return open(t, PostgresURL(t), opts)
}

// PostgresURL returns the URL of a new, migrated Postgres database.
func PostgresURL(t testing.TB) string {
	t.Helper()
	return pgtest.Template(t, "kalends", func(databaseURL string) error {
		s, err := sqlstore.Open(context.Background(), databaseURL)
		if err != nil {
			return err
		}
		defer s.Close()
		return s.Migrate(context.Background())
	})
}

func open(t testing.TB, databaseURL string, opts []sqlstore.Option) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), databaseURL, append([]sqlstore.Option{sqlstore.WithEpoch(Epoch)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// OwnPostgres starts a Postgres of the test's own, which it may stop and kill, or has to itself, and returns a store on it. It skips or fails
// the test, as [Postgres] does, where there is none to start.
func OwnPostgres(t testing.TB, cfg pgtest.Config) (*sqlstore.Store, *pgtest.Server) {
	t.Helper()
	server, err := pgtest.Start(t.Context(), cfg)
	if errors.Is(err, pgtest.ErrMissing) {
		pgtest.URL(t)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	s, err := sqlstore.Open(t.Context(), server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, server
}
