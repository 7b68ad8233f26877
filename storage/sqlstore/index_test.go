package sqlstore_test

import (
	"regexp"
	"strings"
	"testing"

	"kalends/storage"
	"kalends/storage/sqlstore"
	"kalends/storage/storagetest"
)

// TestCountersAreInNoIndex: what each change of an object changes in the rows of its home and calendar is in no index of theirs, nor in the
// condition of one. Else Postgres writes all of these indexes anew with each change.
func TestCountersAreInNoIndex(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		sql := `SELECT tablename, indexdef FROM pg_indexes WHERE tablename IN ('homes', 'calendars') AND schemaname = current_schema()`
		if s.(*sqlstore.Store).Dialect() == "sqlite" {
			sql = `SELECT tbl_name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name IN ('homes', 'calendars') AND sql IS NOT NULL`
		}
		rows, err := s.(*sqlstore.Store).Strings(t.Context(), 2, sql)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) < 2 && s.(*sqlstore.Store).Dialect() == "postgres" {
			t.Errorf("only %d indexes were looked at", len(rows))
		}
		counters := regexp.MustCompile(`[( ](seq|last_seq|bytes|objects|watched)\b`)
		for _, r := range rows {
			_, columns, _ := strings.Cut(r[1], "(")
			if name := counters.FindString("(" + columns); name != "" {
				t.Errorf("%s changes with each object, and is in an index of %s: %s", name[1:], r[0], r[1])
			}
		}
	})
}

// TestConditionsOfIndexes: no index of objects has a condition such as component = ”. Where a query has component = ?, SQLite would look
// at each value that is bound, and plan the query anew: the query of a range of time took half a millisecond more.
func TestConditionsOfIndexes(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s storage.Store) {
		if s.(*sqlstore.Store).Dialect() != "sqlite" {
			return
		}
		rows, err := s.(*sqlstore.Store).Strings(t.Context(), 2,
			`SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name IN ('objects', 'inbox_items') AND sql LIKE '%WHERE%'`)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			_, condition, _ := strings.Cut(r[1], "WHERE ")
			if regexp.MustCompile(`^\w+ = |AND \w+ = `).MatchString(condition) {
				t.Errorf("%s is for %s", r[0], condition)
			}
		}
		if len(rows) == 0 {
			t.Error("no index was looked at")
		}
	})
}
