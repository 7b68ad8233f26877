package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"kalends/storage"
)

// queries implements [storage.Reader] over anything that runs statements.
type queries struct{ r runner }

// query runs one statement and gives its rows to row.
func (q queries) query(ctx context.Context, row func(scanner) error, sql string, args ...any) error {
	return q.r.run(ctx, stmt{sql: sql, args: args, row: row})
}

// into scans the last row of a result.
func into(dest ...any) func(scanner) error {
	return func(r scanner) error { return r.Scan(dest...) }
}

// collect appends each row to a list.
func collect[T any](list *[]T, scan func(scanner, *T) error) func(scanner) error {
	return func(r scanner) error {
		var v T
		if err := scan(r, &v); err != nil {
			return err
		}
		*list = append(*list, v)
		return nil
	}
}

func scanOne[T any](r scanner, v *T) error { return r.Scan(v) }

// micros is how an instant is stored; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// storable reports whether both databases can hold a text.
func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

func storables(list []string) []string {
	if !slices.ContainsFunc(list, func(s string) bool { return !storable(s) }) {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return !storable(s) })
}

func checkText(args []any) error {
	for _, a := range args {
		if s, ok := a.(string); ok && !storable(s) {
			return fmt.Errorf("%.40q: %w", s, storage.ErrInvalid)
		}
	}
	return nil
}

// blob is never nil: the columns are NOT NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// limitOr turns 0 into no limit.
func limitOr(limit int) int64 {
	if limit <= 0 {
		return 1 << 62
	}
	return int64(limit)
}
