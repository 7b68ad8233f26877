package sqlstore

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"kalends/storage"
)

// failure is a database's error with what it means to callers.
type failure struct {
	kind  error // one of storage's errors, or nil
	cause error
	retry bool // the same transaction may succeed when run again
	lost  bool // the connection is gone
}

func (f *failure) Error() string {
	msg := oneLine(f.cause.Error())
	if f.kind == nil {
		return msg
	}
	return f.kind.Error() + ": " + msg
}

func (f *failure) Unwrap() []error {
	if f.kind == nil {
		return []error{f.cause}
	}
	return []error{f.kind, f.cause}
}

// oneLine puts the lines of an error together, each once: pgx says the same of its tries with and without TLS.
func oneLine(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		if line = strings.Join(strings.Fields(line), " "); line != "" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, " ")
}

// classify says what an error of a driver means. Errors of the context stay what they are.
func classify(ctx context.Context, err error) error {
	var f *failure
	if err == nil || errors.As(err, &f) {
		return err
	}
	if c := ctx.Err(); c != nil {
		return c
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return classifyPostgres(err, pg)
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return classifySQLite(err, lite)
	}
	var connect *pgconn.ConnectError
	var op net.Error
	switch {
	case errors.As(err, &connect), errors.As(err, &op), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, net.ErrClosed):
		return &failure{kind: storage.ErrUnavailable, cause: err, lost: true}
	case errors.Is(err, puddle.ErrClosedPool), errors.Is(err, errClosed):
		return &failure{kind: storage.ErrUnavailable, cause: err}
	}
	return err
}

// classifyPostgres goes by the SQLSTATE (PostgreSQL documentation, appendix A).
func classifyPostgres(err error, pg *pgconn.PgError) error {
	f := &failure{cause: err}
	switch {
	case pg.Code == "23505": // unique_violation
		f.kind = storage.ErrConflict
	case pg.Code == "40001", pg.Code == "40P01", // serialization_failure, deadlock_detected
		pg.Code == "0A000" && strings.Contains(pg.Message, "cached plan"): // the schema changed below a prepared statement
		f.retry = true
	case pg.Code == "57P01", pg.Code == "57P02", pg.Code == "57P03", pg.Code == "57P05", // shutdown, crash, starting up
		pg.Code == "25P03", strings.HasPrefix(pg.Code, "08"): // idle in transaction, connection exceptions
		f.kind, f.lost = storage.ErrUnavailable, true
	case strings.HasPrefix(pg.Code, "53"), pg.Code == "25006", // out of resources, read-only (a standby)
		strings.HasPrefix(pg.Code, "28"), pg.Code == "3D000": // refused, no such database
		f.kind = storage.ErrUnavailable
	case pg.Code == "22021", pg.Code == "22P05": // NUL or broken UTF-8
		f.kind = storage.ErrInvalid
	}
	return f
}

func classifySQLite(err error, lite *sqlite.Error) error {
	f := &failure{cause: err}
	switch code := lite.Code(); code & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		f.retry = true
	case sqlite3.SQLITE_CONSTRAINT:
		if code == sqlite3.SQLITE_CONSTRAINT_UNIQUE || code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY {
			f.kind = storage.ErrConflict
		}
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY,
		sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		f.kind = storage.ErrUnavailable
	}
	return f
}

func retryable(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.retry
}

func connectionLost(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.lost
}
