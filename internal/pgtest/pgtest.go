package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// URL returns the URL of a new, empty database for the test, which is dropped when the test ends.
// It is on a server that this process started, or on the one that TEST_POSTGRES_URL names. Where Postgres is not
// installed the test fails, or is skipped if KALENDS_TEST_POSTGRES=skip.
func URL(t testing.TB) string {
	t.Helper()
	return create(t, host(t), "")
}

// Template is like URL, but the database is a copy of one that prepare was given, once in this process for a key.
func Template(t testing.TB, key string, prepare func(databaseURL string) error) string {
	t.Helper()
	h := host(t)
	if h.external {
		u := create(t, h, "") // leaves nothing behind there
		if err := prepare(u); err != nil {
			t.Fatal(err)
		}
		return u
	}
	from, err := h.template(t.Context(), key, prepare)
	if err != nil {
		t.Fatalf("template database %s: %v", key, err)
	}
	return create(t, h, from)
}

// hosts is the server of this process.
type hosts struct {
	base      string // URL of a database to give commands in
	external  bool
	mu        sync.Mutex
	templates map[string]string // by key, as CREATE DATABASE names them: "TEMPLATE x STRATEGY y"
}

var (
	once    sync.Once
	shared  *hosts
	failure error
)

func host(t testing.TB) *hosts {
	t.Helper()
	once.Do(func() {
		if u := os.Getenv("TEST_POSTGRES_URL"); u != "" {
			shared = &hosts{base: u, external: true}
			return
		}
		s, err := Start(context.Background(), Config{}) // ends with this process
		if err != nil {
			failure = err
			return
		}
		shared = &hosts{base: s.URL("postgres"), templates: map[string]string{}}
	})
	switch {
	case failure == nil:
		return shared
	case errors.Is(failure, ErrMissing) && os.Getenv("KALENDS_TEST_POSTGRES") == "skip":
		t.Skip(failure)
	default:
		t.Fatal(failure)
	}
	return nil
}

func (h *hosts) command(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, h.base)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}

// url returns the base URL with another database.
func (h *hosts) url(database string) (string, error) {
	u, err := url.Parse(h.base)
	if err != nil {
		return "", err
	}
	u.Path = "/" + database
	return u.String(), nil
}

// template returns the template for a key as CREATE DATABASE names it, and makes it where it is not there yet.
func (h *hosts) template(ctx context.Context, key string, prepare func(string) error) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if name, ok := h.templates[key]; ok {
		return name, nil
	}
	conn, err := pgx.Connect(ctx, h.base)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	name := "template_" + unique()
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	u, err := h.url(name)
	if err != nil {
		return "", err
	}
	if err := prepare(u); err != nil {
		return "", err
	}
	from := "TEMPLATE " + name
	// Postgres before 15 copies files and knows no other way. From 15 on it writes each page to its log unless told not to, which costs a
	// server that need not survive a crash twice the time.
	if major, _, _ := strings.Cut(conn.PgConn().ParameterStatus("server_version"), "."); len(major) == 2 && major >= "15" {
		from += " STRATEGY FILE_COPY"
	}
	h.templates[key] = from
	return from, nil
}

// create makes a database, as a copy of a template where one is given as in hosts.templates.
func create(t testing.TB, h *hosts, template string) string {
	t.Helper()
	name := "kalends_test_" + unique()
	sql := "CREATE DATABASE " + name
	if template != "" {
		sql += " " + template
	}
	if err := h.command(t.Context(), sql); err != nil {
		t.Fatalf("create test database: %v", err)
	}
	t.Cleanup(func() {
		if err := h.command(context.Background(), fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)); err != nil {
			t.Errorf("drop test database: %v", err)
		}
	})
	u, err := h.url(name)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func unique() string {
	var b [6]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
