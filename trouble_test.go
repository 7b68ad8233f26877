package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"kalends/internal/httpserver"
	"kalends/storage"
)

// inside is what nobody is to see of a trouble.
const inside = "SELECT secret FROM homes"

// troubles are what can be wrong with a database or a handler when somebody asks the store for something by that method.
var troubles = map[string]func(method string) error{
	"gone": func(string) error { return fmt.Errorf("%s: %w", inside, storage.ErrUnavailable) },
	"error": func(method string) error {
		if method == "SessionByHash" { // the page is for somebody who is known
			return nil
		}
		return fmt.Errorf("%s: syntax error", inside)
	},
	"panic": func(method string) error {
		if method == "SessionByHash" {
			return nil
		}
		panic(inside)
	},
}

// troubled is a store that fails on purpose, in requests that are to go wrong.
type troubled struct{ storage.Store }

type troubleKey struct{}

// inTrouble has requests go wrong that name a trouble, in a header or in their query.
func inTrouble(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fail := troubles[cmp.Or(r.Header.Get("X-Trouble"), r.URL.Query().Get("trouble"))]; fail != nil {
			r = r.WithContext(context.WithValue(r.Context(), troubleKey{}, fail))
		}
		next.ServeHTTP(w, r)
	})
}

func (s troubled) err(ctx context.Context, method string) error {
	if fail, ok := ctx.Value(troubleKey{}).(func(string) error); ok {
		return fail(method)
	}
	return nil
}

func (s troubled) View(ctx context.Context, fn func(storage.Reader) error) error {
	if err := s.err(ctx, "View"); err != nil {
		return err
	}
	return s.Store.View(ctx, fn)
}

func (s troubled) Settings(ctx context.Context, owner int64) (map[string]string, error) {
	if err := s.err(ctx, "Settings"); err != nil {
		return nil, err
	}
	return s.Store.Settings(ctx, owner)
}

func (s troubled) SessionByHash(ctx context.Context, hash string) (*storage.Session, error) {
	if err := s.err(ctx, "SessionByHash"); err != nil {
		return nil, err
	}
	return s.Store.SessionByHash(ctx, hash)
}

func (s troubled) PrincipalByName(ctx context.Context, name string) (*storage.Principal, error) {
	if err := s.err(ctx, "PrincipalByName"); err != nil {
		return nil, err
	}
	return s.Store.PrincipalByName(ctx, name)
}

// TestTroubleIsToldInEverybodysWay: when the database is gone, an error comes that nobody expected, or a handler panics, people get a page
// in their language that says what to do, programs get what they understand, and nobody gets to see what is inside.
func TestTroubleIsToldInEverybodysWay(t *testing.T) {
	server := &httpserver.Server{Log: slog.New(slog.DiscardHandler), Request: time.Minute, Stall: time.Minute}
	s := newAnswersOn(t, func(inner storage.Store) storage.Store { return troubled{inner} }, func(h http.Handler) http.Handler { return server.Wrap(inTrouble(h)) })
	s.alice.Language = "de"
	if err := s.app.directory.SetPassword(t.Context(), "alice", "correct horse"); err != nil {
		t.Fatal(err)
	}
	if err := s.app.store.Update(t.Context(), func(tx storage.Tx) error {
		return tx.PutPrincipal(t.Context(), s.alice, []string{"mailto:alice@example.com"})
	}); err != nil {
		t.Fatal(err)
	}
	signedIn, _ := s.do("POST", s.url+"/signin", url.Values{"name": {"alice"}, "password": {"correct horse"}})
	cookies := signedIn.Cookies()
	if len(cookies) != 1 {
		t.Fatalf("sign in: %s", signedIn.Status)
	}
	cookie := []string{"Cookie", cookies[0].Name + "=" + cookies[0].Value, "Accept-Language", "de"}
	basic := []string{"Authorization", "Basic YWxpY2U6Y29ycmVjdCBob3JzZQ=="}
	german := []string{"Accept-Language", "de-AT,en"}

	asks := []struct {
		name, method, url, kind string
		header                  []string
		gone, other             string
	}{
		{"a page", "GET", s.url + "/week?zone=Asia/Tokyo", "text/html", cookie, `href="/week?zone=Asia/Tokyo"`, `Nummer: <code>`},
		{"a page of somebody signed in", "GET", s.url + "/week", "text/html", cookie, "kommt gerade nicht an seine Daten", "Im Server ist etwas schiefgegangen"},
		{"a form", "POST", s.url + "/trash/empty", "text/html", cookie, "ob es trotzdem geschehen ist", "ob es trotzdem geschehen ist"},
		{"the page to sign in", "POST", s.url + "/signin", "text/html", nil, "cannot get at its data", "Something went wrong in the server"},
		{"the API", "GET", s.url + "/api/v1/calendars", "application/problem+json", basic, `"detail":"the database cannot be reached; try again"`, `"detail":"internal error (request `},
		{"CalDAV", "PROPFIND", s.url + "/dav/calendars/alice/calendar/", "application/xml", basic, "the database cannot be reached; try again", "internal error (request "},
		{"a feed", "GET", s.url + "/feed/" + strings.Repeat("a", 32) + ".ics", "text/plain", german, "try again", "internal error"},
		{"the page of a feed", "GET", s.url + "/feed/" + strings.Repeat("a", 32), "text/html", german, "Das hat gerade nicht geklappt", "Das hat gerade nicht geklappt"},
		{"an answer", "GET", s.link("carol@example.org"), "text/html", german, "Das hat gerade nicht geklappt", "Das hat gerade nicht geklappt"},
	}
	for name := range troubles {
		for _, ask := range asks {
			t.Run(name+"/"+ask.name, func(t *testing.T) {
				status, part := http.StatusInternalServerError, ask.other
				if name == "gone" {
					status, part = http.StatusServiceUnavailable, ask.gone
				}
				var form url.Values
				if ask.method == "POST" {
					form = url.Values{"name": {"alice"}, "password": {"correct horse"}}
				}
				resp, body := s.do(ask.method, ask.url, form, append(slices.Clone(ask.header), "X-Trouble", name)...)
				h := resp.Header
				if resp.StatusCode != status || !strings.HasPrefix(h.Get("Content-Type"), ask.kind) {
					t.Errorf("answered %d, %s; want %d, %s", resp.StatusCode, h.Get("Content-Type"), status, ask.kind)
				}
				if !strings.Contains(body, part) {
					t.Errorf("%q is not in\n%s", part, body)
				}
				for _, hidden := range []string{"SELECT", "secret", "goroutine", ".go:", "syntax error"} {
					if strings.Contains(body, hidden) {
						t.Errorf("what is inside is told:\n%s", body)
					}
				}
				if (h.Get("Retry-After") != "") != (status == http.StatusServiceUnavailable) {
					t.Errorf("Retry-After: %s", h.Get("Retry-After"))
				}
				if h.Get("X-Content-Type-Options") != "nosniff" || ask.kind == "text/html" && !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") {
					t.Errorf("a browser is not told what it may do with it: %v", h)
				}
				if strings.Contains(h.Get("Cache-Control"), "max-age") || len(h.Values("Set-Cookie")) > 0 || h.Get("Etag") != "" {
					t.Errorf("headers of what was to be: %v", h)
				}
			})
		}
	}
	if resp, _ := s.do("GET", s.url+"/week", nil, cookie...); resp.StatusCode != http.StatusOK {
		t.Errorf("when the trouble is over: %s", resp.Status)
	}
}
