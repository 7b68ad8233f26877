package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"kalends/storage"
)

//go:embed migrations/*/*.sql
var migrations embed.FS

// Goose keeps one row for each migration; nothing is ever migrated down.
const schemaVersionText = `SELECT CAST(coalesce(max(version_id), 0) AS BIGINT) FROM goose_db_version WHERE is_applied = $1`

// schemaVersion is the number of the last migration of a dialect.
func schemaVersion(dialect string) (int64, error) {
	files, err := fs.Glob(migrations, "migrations/"+dialect+"/*.sql")
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("migrations of %s: %w", dialect, errors.Join(err, fs.ErrNotExist))
	}
	last := files[len(files)-1]
	number, _, _ := strings.Cut(last[strings.LastIndexByte(last, '/')+1:], "_")
	return strconv.ParseInt(number, 10, 64)
}

func provider(kind goose.Dialect, folder string, db *sql.DB, opts ...goose.ProviderOption) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations/"+folder)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(kind, db, files, append(opts, goose.WithDisableGlobalRegistry(true))...)
}

// up migrates, and refuses a database that is ahead.
func up(ctx context.Context, p *goose.Provider) error {
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if have > want {
		return newerSchema(have, want)
	}
	if have == want {
		return nil
	}
	_, err = p.Up(ctx)
	return err
}

func newerSchema(have, want int64) error {
	return fmt.Errorf("%w: it has version %d, this program knows %d; use a newer program", storage.ErrNewerSchema, have, want)
}

// migrate runs under goose's advisory lock, so that of several servers starting at once one does the work.
func (p *postgres) migrate(ctx context.Context) error {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*p.pool.Config().ConnConfig)
	defer db.Close()
	g, err := provider(goose.DialectPostgres, "postgres", db, goose.WithSessionLocker(locker))
	if err != nil {
		return err
	}
	return classify(ctx, up(ctx, g))
}

// migrate has no lock to take: of two programs that migrate one file at once, the second finds the
// database locked or the tables there, and looks again.
func (l *lite) migrate(ctx context.Context) error {
	db, err := sql.Open("sqlite", l.dsn(false)+"&_txlock=immediate")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	g, err := provider(goose.DialectSQLite3, "sqlite", db)
	if err != nil {
		return err
	}
	for try := 0; ; try++ {
		err := up(ctx, g)
		if err == nil || try >= 20 || errors.Is(err, storage.ErrNewerSchema) {
			return classify(ctx, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
