package sqlstore

import (
	"context"
	"strings"
)

// Strings returns the rows of a query whose columns are texts.
func (s *Store) Strings(ctx context.Context, cols int, sql string, args ...any) (rows [][]string, err error) {
	err = s.run(ctx, stmt{sql: sql, args: args, row: func(r scanner) error {
		row := make([]string, cols)
		dest := make([]any, cols)
		for i := range row {
			dest[i] = &row[i]
		}
		rows = append(rows, row)
		return r.Scan(dest...)
	}})
	return rows, err
}

// Exec carries out a statement.
func (s *Store) Exec(ctx context.Context, sql string, args ...any) error {
	return s.write(ctx, stmt{sql: sql, args: args})
}

// Plans explains each statement of a trace: on Postgres as JSON, having run those that read.
func (s *Store) Plans(ctx context.Context, t *Trace) (plans map[string]string, err error) {
	plans = map[string]string{}
	for i, sql := range t.statements {
		switch word, _, _ := strings.Cut(sql, " "); word {
		case "BEGIN", "COMMIT", "ROLLBACK":
			continue
		}
		var lines []string
		collect := func(text *string, dest ...any) func(scanner) error {
			return func(r scanner) error {
				err := r.Scan(append(dest, text)...)
				lines = append(lines, *text)
				return err
			}
		}
		var text string
		if s.Dialect() == "postgres" {
			how := "EXPLAIN (FORMAT JSON) "
			if strings.HasPrefix(sql, "SELECT") {
				how = "EXPLAIN (ANALYZE, FORMAT JSON) "
			}
			err = s.run(ctx, stmt{sql: how + sql, args: t.args[i], row: collect(&text)})
		} else {
			var a, b, c int64
			err = s.run(ctx, stmt{sql: "EXPLAIN QUERY PLAN " + sql, args: t.args[i], row: collect(&text, &a, &b, &c)})
		}
		if err != nil {
			return nil, err
		}
		plans[sql] = strings.Join(lines, "\n")
	}
	return plans, nil
}

// AwaitStatistics returns when Postgres has counted what was created.
func (s *Store) AwaitStatistics() {
	if p, ok := s.db.(*postgres); ok {
		p.analyzing.Wait()
	}
}

// ClaimReminders and ClaimJobs return the texts of claims.
func ClaimReminders(limit int) string { return limited(claimReminders, limit) }
func ClaimJobs(limit int) string      { return limited(claimJobs, limit) }
