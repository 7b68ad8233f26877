package sqlstore

import (
	"regexp"
	"strings"
)

// dialect is what differs between the databases. Everything else is one text for both.
type dialect struct {
	name      string
	begin     string // of a transaction that writes
	beginView string // of one that reads one unchanging state
	lockHomes string // locks the homes $1 in ascending order, drawing $2 values each
}

const (
	commitText   = `COMMIT`
	rollbackText = `ROLLBACK`
)

var postgresDialect = &dialect{
	name:      "postgres",
	begin:     `BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE`,
	beginView: `BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY`,
	// The order in which UPDATE meets rows is the planner's choice, so the rows are locked by a query that has one.
	// Citus takes no FOR UPDATE over several owners; there it is one statement an owner.
	lockHomes: `WITH locked AS MATERIALIZED (
			SELECT owner_id FROM homes WHERE owner_id = ANY($1) ORDER BY owner_id FOR UPDATE)
		UPDATE homes SET seq = homes.seq + $2 FROM locked WHERE homes.owner_id = locked.owner_id
		RETURNING homes.owner_id, homes.seq, homes.watched`,
}

var sqliteDialect = &dialect{
	name:      "sqlite",
	begin:     `BEGIN IMMEDIATE`,
	beginView: `BEGIN DEFERRED`,
	lockHomes: `UPDATE homes SET seq = seq + $2 WHERE owner_id = ANY($1) RETURNING owner_id, seq, watched`,
}

var (
	anyOf       = regexp.MustCompile(`= ANY\((\$\d+)\)`)
	placeholder = regexp.MustCompile(`\$(\d+)`)
)

// toSQLite turns a text written for Postgres into SQLite's: lists are passed as JSON arrays, and there is no
// row lock to skip, since one connection writes.
func toSQLite(sql string) string {
	sql = anyOf.ReplaceAllString(sql, "IN (SELECT value FROM json_each($1))")
	sql = strings.ReplaceAll(sql, "FOR UPDATE SKIP LOCKED", "")
	return placeholder.ReplaceAllString(sql, "?$1")
}
