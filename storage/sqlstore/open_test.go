package sqlstore_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kalends/internal/pgtest"
	"kalends/storage"
	"kalends/storage/sqlstore"
	"kalends/storage/storagetest"
)

func TestOpenRefuses(t *testing.T) {
	folder := t.TempDir()
	noDatabase := filepath.Join(folder, "text")
	if err := os.WriteFile(noDatabase, []byte(strings.Repeat("no database, but long enough to look like one\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		url, want   string
		unavailable bool
	}{
		{"", "want sqlite:PATH or postgres://", false},
		{"kalends.db", "want sqlite:PATH or postgres://", false},
		{"mysql://alice:hunter2@127.0.0.1/x", "want sqlite:PATH or postgres://", false},
		{"sqlite:", "needs a path", false},
		{"sqlite:" + folder, folder, true},
		{"sqlite:" + noDatabase, noDatabase, true},
		{"sqlite:" + noDatabase + "/below", "text", true},
		{"postgres://alice:hunter2@127.0.0.1:1/kalends?connect_timeout=2", "127.0.0.1", true},
		{"postgresql://alice:hunter2@/kalends?host=" + folder, folder, true},
		{"postgres://alice:hunter2@127.0.0.1:port/kalends", "database URL", false},
		{"postgres://alice:hunter2@127.0.0.1/kalends?sslmode=odd", "database URL", false},
	} {
		s, err := sqlstore.Open(t.Context(), tt.url)
		if err == nil {
			s.Close()
			t.Errorf("Open(%s) succeeds", tt.url)
			continue
		}
		msg := err.Error()
		if !strings.Contains(msg, tt.want) || strings.Contains(msg, "hunter2") || strings.Contains(msg, "\n") {
			t.Errorf("Open(%s): %q, want one line with %q and no password", tt.url, msg, tt.want)
		}
		if strings.Count(msg, "dial error") > 1 {
			t.Errorf("Open(%s): %q says the same twice", tt.url, msg)
		}
		if errors.Is(err, storage.ErrUnavailable) != tt.unavailable {
			t.Errorf("Open(%s): %v; is ErrUnavailable: %v, want %v", tt.url, err, !tt.unavailable, tt.unavailable)
		}
	}
}

func TestSQLiteFilesArePrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?c%20#d", "kalends-data")
	path := filepath.Join(dir, "kalends.db")
	s, err := sqlstore.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Epoch(t.Context()); err != nil {
		t.Fatal(err)
	}
	mode := func(path string) os.FileMode {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	if m := mode(dir); m != 0o700 {
		t.Errorf("%s has mode %o, want 700", dir, m)
	}
	for _, p := range []string{path, path + "-wal", path + "-shm"} {
		if m := mode(p); m != 0o600 {
			t.Errorf("%s has mode %o, want 600", p, m)
		}
	}
	for pragma, want := range map[string]string{"journal_mode": "wal"} {
		rows, err := s.Strings(t.Context(), 1, "PRAGMA "+pragma)
		if err != nil || rows[0][0] != want {
			t.Errorf("%s is %v (%v), want %s", pragma, rows, err, want)
		}
	}
	rows, err := s.Strings(t.Context(), 3, `SELECT CAST((SELECT synchronous FROM pragma_synchronous) AS TEXT),
		CAST((SELECT foreign_keys FROM pragma_foreign_keys) AS TEXT), CAST((SELECT query_only FROM pragma_query_only) AS TEXT)`)
	if err != nil || cmp.Diff(rows, [][]string{{"2", "1", "1"}}) != "" {
		t.Errorf("synchronous, foreign_keys, query_only of a reader are %v (%v), want 2, 1, 1", rows, err)
	}
}

// empty opens a database without tables.
func empty(t *testing.T, fn func(t *testing.T, url string)) {
	t.Run("sqlite", func(t *testing.T) { fn(t, "sqlite:"+filepath.Join(t.TempDir(), "kalends.db")) })
	t.Run("postgres", func(t *testing.T) { fn(t, pgtest.URL(t)) })
}

func TestMigrate(t *testing.T) {
	empty(t, func(t *testing.T, url string) {
		ctx := t.Context()
		s, err := sqlstore.Open(ctx, url)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Ready(ctx); err == nil || !strings.Contains(err.Error(), "kalends migrate") {
			t.Errorf("Ready before migration: %v", err)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				s, err := sqlstore.Open(ctx, url)
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				if err := s.Migrate(ctx); err != nil {
					t.Errorf("one of four that migrate at once: %v", err)
				}
			})
		}
		wg.Wait()
		if err := s.Ready(ctx); err != nil {
			t.Errorf("Ready: %v", err)
		}
		if err := s.Exec(ctx, `UPDATE goose_db_version SET version_id = 0 WHERE version_id > 0`); err != nil {
			t.Fatal(err)
		}
		if err := s.Ready(ctx); err == nil || !strings.Contains(err.Error(), "kalends migrate") {
			t.Errorf("Ready with an older schema: %v", err)
		}
		if err := s.Exec(ctx, `UPDATE goose_db_version SET version_id = 999`); err != nil {
			t.Fatal(err)
		}
		for what, err := range map[string]error{"Migrate": s.Migrate(ctx), "Ready": s.Ready(ctx)} {
			if !errors.Is(err, storage.ErrNewerSchema) || !strings.Contains(err.Error(), "999") {
				t.Errorf("%s with a newer schema: %v, want ErrNewerSchema", what, err)
			}
		}
	})
}

// TestSchemasAgree: both databases have the same tables, with the same columns of corresponding types in the same order.
func TestSchemasAgree(t *testing.T) {
	ctx := t.Context()
	pg, err := storagetest.Postgres(t).Strings(ctx, 4, `SELECT c.table_name::text, c.column_name::text,
			CASE c.data_type WHEN 'bigint' THEN 'INTEGER' WHEN 'boolean' THEN 'INTEGER' WHEN 'bytea' THEN 'BLOB' WHEN 'text' THEN 'TEXT'
				ELSE c.data_type END, c.is_nullable::text
		FROM information_schema.columns c WHERE c.table_schema = current_schema() AND c.table_name NOT LIKE 'goose%'
		ORDER BY c.table_name COLLATE "C", c.ordinal_position`)
	if err != nil {
		t.Fatal(err)
	}
	lite, err := storagetest.SQLite(t).Strings(ctx, 4, `SELECT m.name, c.name, c.type,
			CASE WHEN c."notnull" = 1 OR c.pk > 0 THEN 'NO' ELSE 'YES' END
		FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c
		WHERE m.type = 'table' AND m.name NOT LIKE 'goose%' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, c.cid`)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(pg, lite); d != "" {
		t.Errorf("columns (-postgres +sqlite):\n%s", d)
	}
	if len(pg) < 100 {
		t.Errorf("only %d columns were compared", len(pg))
	}
	indexes := func(s *sqlstore.Store, sql string) []string {
		rows, err := s.Strings(ctx, 1, sql)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, r := range rows {
			list = append(list, r[0])
		}
		return list
	}
	pgIndexes := indexes(storagetest.Postgres(t), `SELECT indexname::text FROM pg_indexes
		WHERE schemaname = current_schema() AND indexname NOT LIKE '%_key' AND indexname NOT LIKE '%_pkey' ORDER BY indexname COLLATE "C"`)
	liteIndexes := indexes(storagetest.SQLite(t), `SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite%' ORDER BY name`)
	if d := cmp.Diff(pgIndexes, liteIndexes); d != "" {
		t.Errorf("indexes (-postgres +sqlite):\n%s", d)
	}
}

func TestClosedStore(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := s.Calendars(context.Background(), 1)
		if !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("Calendars of a closed store: %v, want ErrUnavailable", err)
		}
	})
}
