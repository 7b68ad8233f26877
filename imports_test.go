package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The direction of imports: what each package may use of this module, beside itself. "x/..." is x and all below
// it. A package that is not here fails the test: adding one is a decision about where it stands.
var mayImport = map[string][]string{
	".": {"..."},

	// What people and programs speak to.
	"api":          {"webhook", "meeting", "calendar", "subscription", "scheduling", "auth", "ical/...", "storage", "internal/download", "internal/obs"},
	"caldav":       {"calendar", "scheduling", "auth", "ical/...", "storage", "dav", "internal/download", "internal/obs"},
	"web":          {"webhook", "meeting", "calendar", "subscription", "scheduling", "auth", "ical/...", "storage", "internal/download", "internal/obs", "internal/vdir", "internal/words"},
	"web/answer":   {"calendar", "ical/zone", "internal/obs", "internal/sheet", "internal/words"},
	"feed":         {"calendar", "ical/...", "storage", "internal/obs", "internal/sheet", "internal/words"},
	"subscription": {"calendar", "ical/...", "storage", "internal/obs", "internal/outside", "internal/workers"},
	"mailer":       {"calendar", "scheduling/...", "ical/...", "storage", "internal/obs", "internal/words", "internal/workers"},
	"tzdist":       {"ical/...", "dav"},

	// Meetings as people think of them, for programs and pages alike.
	"meeting": {"calendar", "scheduling", "auth", "ical/...", "storage", "internal/ids"},

	// The one way to change a calendar, and the rules it follows.
	"calendar":   {"webhook", "scheduling/...", "auth", "reminder", "ical/...", "storage", "internal/obs"},
	"scheduling": {"scheduling/itip", "ical/...", "storage", "internal/obs"},
	"reminder":   {"webhook", "ical/...", "storage", "internal/obs", "internal/workers"},
	"auth":       {"ical", "storage", "internal/obs"},

	// What addresses outside are told of changes: recorded by who makes them, and sent afterwards.
	"webhook": {"storage", "internal/ids", "internal/obs", "internal/outside", "internal/workers"},

	// Pure: no I/O, no database.
	"scheduling/itip": {"ical/..."},
	"ical":            {},
	"ical/zone":       {"ical"},
	"ical/recur":      {"ical", "ical/zone"},
	"ical/query":      {"ical", "ical/zone", "ical/recur"},
	"ical/jcal":       {"ical"},
	"ical/stream":     {"ical", "ical/zone"},
	"ical/personal":   {"ical"},
	"dav":             {},

	// What is kept.
	"storage":             {},
	"storage/sqlstore":    {"storage"},
	"storage/storagetest": {"storage", "storage/sqlstore", "internal/pgtest"},

	// Around it.
	"internal/config":     {"ical/zone"},
	"internal/ids":        {},
	"internal/download":   {},
	"internal/demo":       {"ical", "ical/zone"}, // it acts as foreign programs do
	"internal/httpserver": {"internal/obs"},
	"internal/janitor":    {"storage"},
	"internal/obs":        {},
	"internal/outside":    {},
	"internal/pgtest":     {},
	"internal/sheet":      {"internal/words"},
	"internal/vdir":       {},
	"internal/words":      {},
	"internal/workers":    {},
	"internal/davtest":    {"..."}, // tests only, see testOnly
	"internal/housetest":  {"auth", "calendar", "storage"},
	"internal/cputime":    {}, // tests only

	"internal/vdir/vdirtest":   {},                 // tests only
	"internal/words/wordstest": {"internal/words"}, // tests only

	// Programs of the tree, no part of the product.
	"ical/zone/gen":   {},
	"internal/checks": {},
}

// pure packages get no data but from their callers.
var pure = []string{"ical", "ical/zone", "ical/recur", "ical/query", "ical/jcal", "ical/stream", "ical/personal", "scheduling/itip", "dav"}

// doesIO are packages of the standard library that reach beyond the process.
var doesIO = []string{"database/sql", "io/fs", "io/ioutil", "log", "log/slog", "net", "net/http", "net/smtp", "os", "os/exec", "path/filepath", "plugin", "syscall"}

// sqlDrivers lists who may import a SQL driver, or migrations of one. pgtest starts servers for tests.
var (
	sqlDrivers   = []string{"database/sql", "github.com/jackc/pgx", "modernc.org/sqlite", "github.com/pressly/goose"}
	mayUseDriver = []string{"storage/sqlstore", "internal/pgtest"}
)

// testOnly packages are imported by tests and by each other.
var testOnly = []string{"storage/storagetest", "internal/pgtest", "internal/davtest", "internal/housetest", "internal/cputime", "internal/words/wordstest"}

// ownUse lists libraries that one package alone uses, so that another can take their place.
var ownUse = map[string][]string{
	"github.com/teambition/rrule-go": {"ical/recur"},
	"github.com/emersion/go-ical":    {"internal/demo"},
	"github.com/emersion/go-webdav":  {".", "internal/demo", "internal/davtest"},
	"github.com/alecthomas/kong":     {"."},
	"github.com/danielgtaylor/huma":  {"api"},
	"github.com/emersion/go-imap":    {"mailer"},
	"rsc.io/qr":                      {"web"},
	"github.com/smallstep/pkcs7":     {"web"},
	"github.com/prometheus":          {"internal/obs"},
}

// TestImportsPointOneWay holds the tree against the rules above. Files with _test.go are free.
func TestImportsPointOneWay(t *testing.T) {
	files := 0
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		files++
		name = filepath.ToSlash(name)
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if why := forbidden(path.Dir(name), imported); why != "" {
				t.Errorf("%s imports %s: %s", name, imported, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Errorf("read only %d files; the test looks at the wrong place", files)
	}
}

// forbidden says why a package must not import another, "" when it may.
func forbidden(pkg, imported string) string {
	rule, ok := mayImport[pkg]
	if !ok {
		return "package " + pkg + " has no rule; say in imports_test.go what it may use"
	}
	own, isOwn := strings.CutPrefix(imported, "kalends/")
	switch {
	case isOwn && slices.Contains(testOnly, own) && !slices.Contains(testOnly, pkg):
		return own + " is for tests"
	case isOwn && !slices.ContainsFunc(rule, func(r string) bool { return covers(r, own) }):
		return pkg + " may use " + orNothing(rule) + " of this module; the other way round, or through an interface of " + pkg
	case slices.Contains(pure, pkg) && slices.Contains(doesIO, imported):
		return pkg + " does no I/O: its callers hand it what it needs"
	case contains(sqlDrivers, imported) && !slices.Contains(mayUseDriver, pkg):
		return "only storage/sqlstore talks SQL; ask storage.Store"
	}
	for library, users := range ownUse {
		if contains([]string{library}, imported) && !slices.Contains(users, pkg) {
			return "only " + strings.Join(users, ", ") + " may; it is kept behind our own types"
		}
	}
	return ""
}

// covers reports whether a rule allows a package.
func covers(rule, pkg string) bool {
	tree, ok := strings.CutSuffix(rule, "...")
	tree = strings.TrimSuffix(tree, "/")
	return rule == pkg || ok && (tree == "" || pkg == tree || strings.HasPrefix(pkg, tree+"/"))
}

// contains reports whether one of the libraries is, or holds, the imported package.
func contains(libraries []string, imported string) bool {
	return slices.ContainsFunc(libraries, func(l string) bool { return imported == l || strings.HasPrefix(imported, l+"/") })
}

func orNothing(rule []string) string {
	if len(rule) == 0 {
		return "nothing"
	}
	return "only " + strings.Join(rule, ", ")
}

// TestForbidden is the test's own test: a rule that forbids nothing would pass for ever.
func TestForbidden(t *testing.T) {
	for _, tt := range []struct {
		pkg, imported string
		allowed       bool
	}{
		{".", "kalends/caldav", true},
		{".", "kalends/storage/storagetest", false},
		{"caldav", "kalends/calendar", true},
		{"caldav", "kalends/storage/sqlstore", false},
		{"caldav", "kalends/mailer", false},
		{"calendar", "kalends/caldav", false},
		{"calendar", "kalends/scheduling/itip", true},
		{"scheduling", "kalends/calendar", false},
		{"scheduling/itip", "kalends/scheduling", false},
		{"scheduling/itip", "kalends/storage", false},
		{"scheduling/itip", "kalends/ical/zone", true},
		{"ical", "kalends/ical/zone", false},
		{"ical", "os", false},
		{"ical", "strings", true},
		{"dav", "net/http", false},
		{"dav", "net/url", true},
		{"storage", "database/sql", false},
		{"auth", "github.com/jackc/pgx/v5", false},
		{"storage/sqlstore", "github.com/jackc/pgx/v5/pgxpool", true},
		{"ical/query", "github.com/teambition/rrule-go", false},
		{"newcomer", "strings", false},
	} {
		if why := forbidden(tt.pkg, tt.imported); (why == "") != tt.allowed {
			t.Errorf("forbidden(%q, %q) = %q, want allowed = %v", tt.pkg, tt.imported, why, tt.allowed)
		}
	}
}
